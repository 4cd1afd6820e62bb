/* A day whose load changes: what each of its rows needs of the recommended engine, and what following it saves. */
#ifndef HG_API_PLAN_DAY_H
#define HG_API_PLAN_DAY_H

#include "api/plan.h"

typedef struct hg_day_sum {
    size_t unkept;               /* rows whose promise no number of replicas keeps; the rest is known only where there are none */
    int64_t peak_devices;
    double gpu_hours, peak_gpu_hours; /* as many replicas as each row needs; as many as its peak needs, all day */
    double saved_frac;
    double usd, peak_usd;        /* 0: no price is known */
} hg_day_sum;

hg_day_sum hg_day_sum_of(const hg_plan *p);

/* Of one replica, and of what a row needs; a row without load needs none. */
int64_t hg_rate_devices(const hg_plan *p, const hg_rate_row *r);
/* A row's need; NULL: no load. */
const hg_rate_row *hg_day_need(const hg_plan *p, size_t row);
/* "07:30", "07:30:15" */
const char *hg_day_clock(hg_arena *arena, double time_s);
/* What following the table saves, or why that is not known, in one sentence. */
const char *hg_day_sentence(hg_arena *arena, const hg_plan *p);

#endif

#ifndef HG_API_PLAN_RATES_OUT_H
#define HG_API_PLAN_RATES_OUT_H

#include "api/plan.h"

/* The table of --rates: a line a load, a member "rates" of an open object, rates.csv. */
void hg_rates_text(hg_buf *b, const hg_plan *p);
void hg_json_rates(hg_json *j, const hg_plan *p);
const char *hg_rates_csv(hg_arena *arena, const hg_plan *p);

#endif

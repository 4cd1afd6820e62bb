/* How a day's load changes: a CSV of `hour,rate` or `time_s,rate`, in the order of time. */
#ifndef HG_SPEC_DAY_H
#define HG_SPEC_DAY_H

#include "base/arena.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { HG_DAY_S = 86400, HG_DAY_ROWS = 1440 };

typedef struct hg_day_row {
    double time_s;             /* of the day: in [0, HG_DAY_S), rising */
    double rate_per_s;         /* from then to the next row's time, the last until the first again; 0: nothing comes */
} hg_day_row;

typedef struct hg_day {
    hg_day_row *rows;
    size_t count;              /* 1 to HG_DAY_ROWS; some rate is above 0 */
} hg_day;

/* Columns of other names are passed over.  path "-": stdin. */
bool hg_day_read(hg_arena *arena, const char *path, hg_day *out, hg_err *err);

/* How long a row holds. */
double hg_day_row_s(const hg_day *day, size_t row);

#endif

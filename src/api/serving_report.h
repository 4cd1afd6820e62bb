/* Error tables of serving predictions, for calibrate and validate. */
#ifndef HG_API_SERVING_REPORT_H
#define HG_API_SERVING_REPORT_H

#include "api/verb.h"
#include "fit/serving_table.h"

typedef struct hg_serving_spread { /* of relative errors */
    size_t n;
    double median, mean, p90, bias;
    double inside;                    /* of the measured, within the shipped 80 % interval; NAN: no interval known */
} hg_serving_spread;

typedef struct hg_serving_error {
    const char *key;                  /* the cells of the columns grouped by */
    size_t rows, answered, overloaded;
    hg_serving_spread tpot, ttft, throughput; /* of the answered ones that were not overloaded (TTFT above 30 s) */
} hg_serving_error;

/* Row i's cells of the columns named in `by`; NULL: by names no column. */
const char *hg_serving_key(hg_arena *arena, const hg_serving_table *t, size_t i, const char *by);

/* By the columns named in `by` ("engine,model"), the last over all; NULL: by names no column. */
hg_serving_error *hg_serving_errors(hg_ask *a, const hg_serving_table *t, const hg_serving_figures *f,
                                    const char *by, size_t *count);
const char *hg_serving_errors_json(hg_arena *arena, const hg_serving_error *errors, size_t n);
bool hg_serving_report(hg_ask *a, const hg_serving_table *t, const hg_serving_figures *f, const char *by,
                       hg_buf *out);

/* Every row with its prediction, for --rows-out. */
bool hg_serving_rows_out(hg_ask *a, const hg_serving_table *t, const hg_serving_figures *f);

#endif

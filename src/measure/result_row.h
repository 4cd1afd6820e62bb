/* A result as a row of measured serving runs: what its file does not say comes from the words of the question. */
#ifndef HG_MEASURE_RESULT_ROW_H
#define HG_MEASURE_RESULT_ROW_H

#include "measure/launch.h"
#include "measure/results.h"

typedef struct hg_result_words { /* NULL, 0, NAN: not given */
    const char *model, *device, *engine, *version, *precision;
    int64_t tp, pp, dp, ep, isl, osl, concurrency;
    hg_launch_facts launch;
} hg_result_words;

/* notes: one line or NULL of what was taken how.  False: the model, the device, the lengths or the load is said
 * nowhere, or the words contradict the file. */
bool hg_result_row(hg_arena *arena, const hg_bench_result *r, const hg_result_words *w, hg_serving_row *out, const char **note,
                   hg_err *err);

#endif

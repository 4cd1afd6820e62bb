/* Host overheads of engines from measured serving runs: few terms, the same for all runs of an engine
 * and version, fitted by Gauss–Newton over the simulator itself. */
#ifndef HG_FIT_SERVING_FIT_H
#define HG_FIT_SERVING_FIT_H

#include "eval/serving.h"

typedef struct hg_serving_sample {
    hg_serving_case of;
    const char *engine, *version;
    double ttft_s, tpot_s;    /* measured */
    uint64_t family;          /* rows of one configuration are kept back together */
} hg_serving_sample;

typedef struct hg_serving_group { /* an engine (version NULL: all of them), or one version of it */
    const char *engine, *version;
    hg_overheads overheads;
    size_t rows;
} hg_serving_group;

/* Fits every engine and every version with enough rows.  When `fold` ≥ 0 the families of that fold are
 * not looked at. */
size_t hg_serving_fit(hg_arena *keep, const hg_serving_sample *samples, size_t n, int fold,
                      int folds, int threads, const hg_serving_group *start, size_t start_count,
                      hg_serving_group **out);

/* The version's overheads, or the engine's, or none. */
const hg_overheads *hg_serving_overheads(const hg_serving_group *groups, size_t n, const char *engine,
                                         const char *version);

#endif

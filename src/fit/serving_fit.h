/* Host overheads of engines from measured serving runs: few terms, the same for all runs of an engine
 * and version, fitted by Gauss–Newton over the simulator itself. */
#ifndef HG_FIT_SERVING_FIT_H
#define HG_FIT_SERVING_FIT_H

#include "eval/serving.h"

typedef struct hg_serving_sample {
    hg_serving_case of;
    const char *engine, *version;
    double ttft_s, tpot_s;    /* measured; NAN: not */
    double output_tokens_per_s; /* likewise */
    uint64_t family;          /* rows of one configuration are kept back together */
} hg_serving_sample;

typedef struct hg_serving_line hg_serving_line;

typedef struct hg_serving_group { /* an engine (version NULL: all of them), or one version of it */
    const char *engine, *version;
    hg_overheads overheads;
    size_t rows;
    hg_serving_line *line;    /* the rows around the fitted terms */
} hg_serving_group;

/* What a fit starts from and returns to. */
typedef enum hg_serving_fit_kind {
    HG_FIT_VERSIONS, /* engines, and from there their versions; operators come from tables */
    HG_FIT_SHEET,    /* engines alone: few rows, of devices that no table is of */
} hg_serving_fit_kind;

/* Fits every group with enough rows. */
size_t hg_serving_fit(hg_arena *keep, const hg_serving_sample *samples, size_t n, int threads,
                      hg_serving_fit_kind kind, hg_serving_group **out);

/* Fits the terms of one engine to its runs, however few, from `shipped`, to which they return where runs say
 * nothing.  False: no run can be used. */
bool hg_serving_refit(hg_arena *keep, const hg_serving_sample *samples, size_t n, int threads, const hg_overheads *shipped,
                      hg_serving_group *out);

/* Is its family of that fold?  Fold −1 has none. */
bool hg_serving_is_of_fold(const hg_serving_sample *s, int fold, int folds);

/* Fits the groups again without the families of one fold, along their lines: nothing is simulated. */
void hg_serving_fit_without(const hg_serving_sample *samples, size_t n, hg_serving_fit_kind kind, int fold, int folds,
                            hg_serving_group *groups, size_t count);

/* The version's overheads, or the engine's, or none. */
const hg_overheads *hg_serving_overheads(const hg_serving_group *groups, size_t n, const char *engine,
                                         const char *version);

#endif

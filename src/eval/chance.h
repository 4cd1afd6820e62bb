/* How sure a promise is, given how far predictions missed measured runs of the same engine. */
#ifndef HG_EVAL_CHANCE_H
#define HG_EVAL_CHANCE_H

#include "eval/evaluate.h"

/* Of ln (measured over predicted time per token), taken as normal. */
typedef struct hg_miss_spread {
    double mean, sd;             /* 0, 0: not known, so as predicted */
} hg_miss_spread;

/* The spread whose 10th and 90th percentile are the logarithms of these; {0, 0}: not known. */
hg_miss_spread hg_misses_within(const double band[2]);

/* Steps take no more than so many times as long as predicted with chance `confidence`, in (0, 1). */
double hg_slower_by(hg_miss_spread s, double confidence);

/* The chance that they take no more than `ratio` times as long; without a spread 0 or 1. */
double hg_chance_within(hg_miss_spread s, double ratio);

/* Are the misses of this engine known? */
bool hg_misses_known(const hg_problem *p);

/* Measured over predicted time per token is taken as log-normal with the 10th and 90th percentile that were measured on
 * configurations kept back.  With chance `confidence` (in (0, 1)) steps take no more than so many times as long as
 * predicted; the misses must be known. */
double hg_slower_at(const hg_problem *p, double confidence);

/* The chance that the promise is kept at this run: that of steps no slower than the slowest with which its simulation keeps
 * it, found to 1 %.  NAN: the misses are not known. */
double hg_chance_kept(hg_arena scratch, const hg_problem *p, const hg_candidate *c, const hg_run *run);

#endif

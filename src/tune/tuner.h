/* What to try next on a live engine, from what was tried: a prior in the logarithm of the score, a Gaussian process on
 * what it misses, and failures learnt as such.  It sees numbers only; launching and measuring are its caller's. */
#ifndef HG_TUNE_TUNER_H
#define HG_TUNE_TUNER_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct hg_tune_space {
    size_t knobs;              /* how many */
    const size_t *levels;      /* [knobs]: how many values each may take */
    const double *const *x;    /* [knobs][levels]: where a value lies in [0, 1], by logarithm where it is a size */
    const bool *ordered;       /* [knobs]: false for names, whose places mean nothing */
    const bool *live;          /* [knobs]: changes without a restart */
    size_t points;             /* how many combinations are legal */
    const uint8_t *const *at;  /* [points][knobs]: the level of each knob */
    const double *prior;       /* [points]: ln of the score expected; NULL: nothing is */
    size_t baseline;           /* the point to begin with */
} hg_tune_space;

typedef enum hg_tried { HG_TRIED_OK, HG_TRIED_BROKE_SLO, HG_TRIED_CRASHED } hg_tried;

typedef struct hg_tuner hg_tuner;

typedef enum hg_strategy { HG_TUNE_MODEL, HG_TUNE_BAYES, HG_TUNE_RANDOM, HG_TUNE_GRID, HG_STRATEGIES } hg_strategy;
extern const char *const hg_strategy_names[HG_STRATEGIES]; /* "model", "bayes" (without the prior), "random", "grid" */

/* `space` is borrowed and must outlive it; memory is the arena's. */
hg_tuner *hg_tuner_new(hg_arena *arena, const hg_tune_space *space, hg_strategy strategy, uint64_t seed);

/* The point to try next; space->points: nothing is left that is worth a trial.  Repeats of a point may be asked for. */
size_t hg_tuner_next(hg_tuner *t);

/* A trial's outcome: score above 0 (higher is better; of a failed trial anything); the same point may be told again. */
void hg_tuner_tell(hg_tuner *t, size_t point, hg_tried how, double score);

/* The best point so far by the posterior (of the points tried); space->points: none was good.  */
size_t hg_tuner_best(const hg_tuner *t);

/* The posterior at a point: the expected ln score and its standard deviation, and the chance that it is allowed. */
void hg_tuner_expect(const hg_tuner *t, size_t point, double *ln_score, double *sd, double *allowed);

#endif

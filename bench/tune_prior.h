/* heng's own prediction of the grid: its cost model of the engine's model on so many threads of this class of processor,
 * under its simulator, with what the simulator has no word for as terms of their own. */
#ifndef BENCH_TUNE_PRIOR_H
#define BENCH_TUNE_PRIOR_H

#include "cost/step.h"
#include "tune.h"

enum { TUNE_CONSTANTS = 3 };

/* Factors on what the cost model says: 1 is the data sheet's machine. */
typedef struct tune_machine {
    double of[TUNE_CONSTANTS]; /* seconds of arithmetic, of memory, of a step's fixed part */
} tune_machine;

typedef struct tune_prior {
    const tune_grid *grid;
    hg_step *step; /* its operators and what they ask for */
    hg_model model;
} tune_prior;

typedef struct tune_prediction {
    double tokens_per_s, good_per_s;
} tune_prediction;

bool tune_prior_open(hg_arena *arena, const tune_grid *g, tune_prior *out, hg_err *err);
/* A combination that does not start is predicted as if it did: that is for a tuner to learn. */
tune_prediction tune_predict(hg_arena scratch, const tune_prior *p, const tune_machine *m, const uint8_t *level);

#endif

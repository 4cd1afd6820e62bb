/* How far heng's predictions of the grid are off. */
#ifndef BENCH_TUNE_ERROR_H
#define BENCH_TUNE_ERROR_H

#include "tune.h"
#include "tune/tuner.h"

typedef struct tune_errors {
    const tune_grid *grid;
    const hg_tune_space *space;
    const double *tokens_per_s; /* [points]: measured; 0: it did not start */
} tune_errors;

bool tune_say_errors(hg_arena scratch, const tune_errors *e, hg_err *err);

#endif

/* The grid as a tuner sees it. */
#ifndef BENCH_TUNE_SPACE_H
#define BENCH_TUNE_SPACE_H

#include "tune_prior.h"
#include "tune/tuner.h"

/* How the prior came to be: the first is the one that is meant, the others show what it takes when it is worse. */
typedef struct tune_view {
    const char *name;
    tune_machine machine;
    const char *sees[2];       /* the only knobs that the prior tells apart; NULL: all */
} tune_view;

extern const tune_view tune_views[];
extern const size_t tune_view_count;

/* With heng's prediction as the prior, and the engine's own settings first; nothing changes live on this engine. */
bool tune_space_make(hg_arena *arena, const tune_grid *g, const tune_view *view, hg_tune_space *out, hg_err *err);

#endif

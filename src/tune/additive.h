/* A prior where only some of the points could be asked for: a level and an effect of each knob's value, fitted to those that
 * were. */
#ifndef HG_TUNE_ADDITIVE_H
#define HG_TUNE_ADDITIVE_H

#include "tune/tuner.h"

/* Sets y[p] where known[p] is false, from those that are known and finite.  False: none is, nothing was set. */
bool hg_additive_fill(hg_arena scratch, const hg_tune_space *space, const bool *known, double *y);

#endif

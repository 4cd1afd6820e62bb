/* A Gaussian process over the combinations of a few knobs: a constant, an effect of each knob by itself, and one of all
 * of them together; noise is learnt with them.  Where there is a prior, its error is what the process describes. */
#ifndef HG_TUNE_GP_H
#define HG_TUNE_GP_H

#include "tune/tuner.h"

enum { HG_GP_KNOBS = 32, HG_GP_LEVELS = 64 };

/* In units of y, a natural logarithm: standard deviations of the parts, and how far a knob's effect reaches. */
typedef struct hg_gp_hyper {
    double alone, together, noise;
    double length[HG_GP_KNOBS]; /* of an ordered knob in x; of names: correlation of two is exp(−1/length) */
} hg_gp_hyper;

typedef struct hg_gp hg_gp;

/* `space` is borrowed; at most HG_GP_KNOBS knobs count, the rest is taken as one value.  prior: use space->prior. */
hg_gp *hg_gp_new(hg_arena *arena, const hg_tune_space *space, bool prior);

/* y[i] was seen at point[i]; both are copied.  Hyperparameters by marginal likelihood from where they are. */
void hg_gp_fit(hg_gp *g, size_t count, const size_t *point, const double *y);
/* The same with these hyperparameters.  Returns ln of the chance of y under them (without their own prior). */
double hg_gp_condition(hg_gp *g, const hg_gp_hyper *h, size_t count, const size_t *point, const double *y);
const hg_gp_hyper *hg_gp_learnt(const hg_gp *g);

/* Of the function, without the noise of a trial. */
void hg_gp_at(const hg_gp *g, size_t point, double *mean, double *sd);

#endif

/* Fits a surface to a measured table: robust, regularised least squares by backfitting. */
#ifndef HG_FIT_SURFACE_FIT_H
#define HG_FIT_SURFACE_FIT_H

#include "cost/surface.h"
#include "fit/table.h"

enum { HG_FOLDS = 5 };

/* Fits to the rows whose family is not in fold `keep_back` (−1: to all).  The surface lives in
 * `keep`; scratch must be another arena, or another part of the same. */
void hg_surface_fit(hg_arena *keep, hg_arena scratch, const hg_table *t, const hg_device *d,
                    int keep_back, hg_surface *out);

typedef struct hg_error_stats {
    size_t n;
    double mean, median, p80, p90, bias; /* of |predicted ÷ measured − 1|; bias: mean of the signed */
} hg_error_stats;

static inline int hg_fold_of(uint32_t family) { return (int)(family % HG_FOLDS); }

/* Fits once for every fold, predicts the families kept back, and fills the surface's and its series'
 * validation errors.  errors[i] is row i's signed relative error. */
void hg_surface_validate(hg_arena scratch, const hg_table *t, const hg_device *d, int folds,
                         hg_surface *out, double *errors);

/* Closes the gaps left by NANs; returns how many stay. */
size_t hg_drop_unknown(double *x, size_t n);
hg_error_stats hg_error_summary(hg_arena scratch, const double *signed_errors, size_t n);

#endif

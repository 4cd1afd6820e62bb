/* Symmetric positive definite systems with a band: the normal equations of one smooth surface. */
#ifndef HG_FIT_BAND_H
#define HG_FIT_BAND_H

#include "base/arena.h"

typedef struct hg_band {
    int n, width;   /* a[i][j] is kept for i − width ≤ j ≤ i */
    double *a;      /* row i at a + i·(width + 1); column j at its place j − i + width */
} hg_band;

hg_band hg_band_new(hg_arena *arena, int n, int width);

static inline void hg_band_add(hg_band *m, int i, int j, double v) /* i − width ≤ j ≤ i */
{
    m->a[(long)i * (m->width + 1) + j - i + m->width] += v;
}

/* Cholesky in place, then x = A⁻¹x.  Additions in a fixed order: the same bits everywhere. */
void hg_band_solve(hg_band *m, double *x);

#endif

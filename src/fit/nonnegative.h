/* Least squares with coefficients that are never negative. */
#ifndef HG_FIT_NONNEGATIVE_H
#define HG_FIT_NONNEGATIVE_H

#include "base/arena.h"

#include <stddef.h>

/* Moves x ≥ 0 to where Σ weight[i]·(Σ a[i][j]·x[j] − 1)² is least.  a is rows × n, row by row. */
void hg_nonnegative_fit(hg_arena scratch, const double *a, const double *weight, size_t rows, int n,
                        double *x);

/* The same from normal equations: m is n × n and, behind it, the n of the right hand side. */
void hg_nonnegative_solve(const double *m, int n, double *x);

#endif

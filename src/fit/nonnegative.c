#include "fit/nonnegative.h"

#include <math.h>

enum { SWEEPS = 400 };

/* The normal equations: m is n × n and, behind it, the right hand side. */
static void sum_up(const double *a, const double *weight, size_t rows, int n, double *m)
{
    for (size_t i = 0; i < rows; i++) {
        const double *row = a + i * (size_t)n;
        for (int j = 0; j < n; j++) {
            double w = weight[i] * row[j];
            if (w == 0)
                continue;
            m[n * n + j] += w;
            for (int k = 0; k < n; k++)
                m[j * n + k] += w * row[k];
        }
    }
}

void hg_nonnegative_solve(const double *m, int n, double *x)
{
    for (int sweep = 0; sweep < SWEEPS; sweep++)
        for (int j = 0; j < n; j++) {
            double slope = m[n * n + j];
            for (int k = 0; k < n; k++)
                slope -= m[j * n + k] * x[k];
            if (m[j * n + j] > 0)
                x[j] = fmax(0, x[j] + slope / m[j * n + j]);
        }
}

void hg_nonnegative_fit(hg_arena scratch, const double *a, const double *weight, size_t rows, int n,
                        double *x)
{
    double *m = HG_NEW(&scratch, double, n * n + n);
    sum_up(a, weight, rows, n, m);
    hg_nonnegative_solve(m, n, x);
}

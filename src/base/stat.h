/* Summaries of samples: percentiles and means, and weighted samples of small integers of time. */
#ifndef HG_BASE_STAT_H
#define HG_BASE_STAT_H

#include "base/arena.h"

#include <stddef.h>
#include <stdint.h>

double hg_mean(const double *x, size_t n);                 /* NAN when n is 0 */
void hg_sort(double *x, size_t n);                         /* ascending; no NAN among them */
/* Linear interpolation between order statistics (numpy's default); NAN when n is 0. p in [0, 1]. */
double hg_percentile(const double *sorted, size_t n, double p);
/* The same of numbers in any order, which it stirs; linear in n.  Of several, p rises. */
double hg_quantile(double *x, size_t n, double p);
void hg_quantiles(double *x, size_t n, const double *p, size_t count, double *out);

#endif

#include "base/stat.h"

#include <math.h>
#include <stdlib.h>

double hg_mean(const double *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    return n ? sum / (double)n : NAN;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

enum { SORT_SMALL = 24, SORT_DEPTH = 64 };

static double median_of_three(double a, double b, double c)
{
    if (a > b)
        return a < c ? a : b > c ? b : c;
    return b < c ? b : a > c ? a : c;
}

/* Hoare's partition: [0, result) is at most pivot, the rest at least; both are shorter than n. */
static size_t partition(double *x, size_t n, double pivot)
{
    size_t i = 0, j = n - 1;
    for (;; i++, j--) {
        while (x[i] < pivot)
            i++;
        while (x[j] > pivot)
            j--;
        if (i >= j)
            return i > 0 ? i : 1;
        double kept = x[i];
        x[i] = x[j];
        x[j] = kept;
    }
}

static void insert_all(double *x, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        double value = x[i];
        size_t k = i;
        for (; k > 0 && x[k - 1] > value; k--)
            x[k] = x[k - 1];
        x[k] = value;
    }
}

/* Quicksort, three times as fast as the library's sort with its calls; a bad run of pivots ends
 * there all the same. */
static void sort_part(double *x, size_t n, int depth)
{
    for (; n > SORT_SMALL && depth > 0; depth--) {
        size_t cut = partition(x, n, median_of_three(x[0], x[n / 2], x[n - 1]));
        if (cut < n - cut) {
            sort_part(x, cut, depth - 1);
            x += cut;
            n -= cut;
        } else {
            sort_part(x + cut, n - cut, depth - 1);
            n = cut;
        }
    }
    if (n > SORT_SMALL)
        qsort(x, n, sizeof *x, ascending);
    else
        insert_all(x, n);
}

void hg_sort(double *x, size_t n)
{
    sort_part(x, n, SORT_DEPTH);
}

double hg_percentile(const double *sorted, size_t n, double p)
{
    if (n == 0)
        return NAN;
    double at = p * (double)(n - 1);
    size_t i = (size_t)at;
    return i + 1 < n ? sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

/* Puts the k-th smallest at x[k], none larger before it and none smaller behind. */
static void select_kth(double *x, size_t n, size_t k)
{
    for (int depth = SORT_DEPTH; n > SORT_SMALL; depth--) {
        if (depth == 0) {
            hg_sort(x, n);
            return;
        }
        size_t cut = partition(x, n, median_of_three(x[0], x[n / 2], x[n - 1]));
        if (k < cut) {
            n = cut;
        } else {
            x += cut;
            n -= cut;
            k -= cut;
        }
    }
    insert_all(x, n);
}

void hg_quantiles(double *x, size_t n, const double *p, size_t count, double *out)
{
    size_t from = 0; /* none smaller lies behind */
    for (size_t k = 0; k < count; k++) {
        double at = p[k] * (double)(n - (n > 0));
        size_t i = (size_t)at;
        if (n == 0) {
            out[k] = NAN;
            continue;
        }
        select_kth(x + from, n - from, i - from);
        from = i;
        double next = i + 1 < n ? x[i + 1] : x[i];
        for (size_t j = i + 2; j < n; j++)
            next = x[j] < next ? x[j] : next;
        out[k] = x[i] + (at - (double)i) * (next - x[i]);
    }
}

double hg_quantile(double *x, size_t n, double p)
{
    double out;
    hg_quantiles(x, n, &p, 1, &out);
    return out;
}

#include "fit/surface_fit.h"

#include "base/stat.h"

#include <math.h>

size_t hg_drop_unknown(double *x, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(x[i]))
            x[kept++] = x[i];
    return kept;
}

hg_error_stats hg_error_summary(hg_arena scratch, const double *signed_errors, size_t n)
{
    double *size = HG_NEW(&scratch, double, n);
    for (size_t i = 0; i < n; i++)
        size[i] = fabs(signed_errors[i]);
    hg_sort(size, n);
    return (hg_error_stats){ n, hg_mean(size, n), hg_percentile(size, n, 0.5),
                             hg_percentile(size, n, 0.8), hg_percentile(size, n, 0.9),
                             hg_mean(signed_errors, n) };
}

static bool all_in_fold(const hg_table *t, int fold)
{
    for (size_t i = 0; i < t->count; i++)
        if (hg_fold_of(t->rows[i].family) != fold)
            return false;
    return true;
}

/* Cuts an arena in two: the half returned is scratch beside what is kept in the other. */
static hg_arena split_scratch(hg_arena *arena)
{
    char *middle = arena->at + (arena->end - arena->at) / 32 * 16;
    hg_arena rest = { .at = middle, .end = arena->end, .base = arena->base }; /* they share the mark of what was used */
    arena->end = middle;
    return rest;
}

void hg_surface_validate(hg_arena scratch, const hg_table *t, const hg_device *d, int folds,
                         hg_surface *out, double *errors)
{
    for (size_t i = 0; i < t->count; i++)
        errors[i] = NAN;
    for (int fold = 0; fold < folds; fold++) {
        if (all_in_fold(t, fold))
            continue; /* a table of one family cannot be validated */
        hg_surface s;
        hg_arena model = scratch;
        hg_arena rest = split_scratch(&model);
        hg_surface_fit(&model, rest, t, d, fold, &s);
        for (size_t i = 0; i < t->count; i++)
            if (hg_fold_of(t->rows[i].family) == fold && t->rows[i].seconds > t->op->zero_s &&
                s.series[t->rows[i].series].rows > 0)
                errors[i] = hg_surface_time(&s, t->rows[i].series, &t->rows[i].shape, d).seconds /
                                t->rows[i].seconds - 1;
    }
    double *known = HG_NEW(&scratch, double, t->count);
    for (int k = -1; k < t->series_count; k++) {
        size_t n = 0;
        for (size_t i = 0; i < t->count; i++)
            if ((k < 0 || t->rows[i].series == k) && !isnan(errors[i]))
                known[n++] = errors[i];
        hg_error_stats e = hg_error_summary(scratch, known, n);
        if (k < 0) {
            out->error_mean = e.mean;
            out->error_median = e.median;
        } else {
            out->series[k].error_mean = n ? e.mean : out->error_mean;
            out->series[k].error_p80 = n ? e.p80 : out->error_mean;
        }
    }
}

#include "fit/surface_fit.h"

#include "base/num.h"
#include "base/stat.h"
#include "fit/band.h"

#include <math.h>
#include <stdlib.h>

enum { SWEEPS = 14 };

/* Residuals (of log time) beyond this are weighed down: the fit aims at the mean relative error, not
 * at its square, and a table has rows that were disturbed. */
static const double ROBUST_SCALE = 0.06;

typedef struct fit {
    const hg_table *table;
    const hg_device *device;
    hg_surface *s;
    double (*x)[HG_FEATURES];
    double *target, *fitted, *weight;
    uint32_t *rows;            /* of the table, those fitted */
    size_t count;
} fit;

static int float_ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Distinct values of a feature, sorted; values nearer than 1e-4 (of a doubling) are one. */
static size_t distinct(const fit *f, int feature, float *out)
{
    for (size_t i = 0; i < f->count; i++)
        out[i] = (float)f->x[i][feature];
    qsort(out, f->count, sizeof *out, float_ascending);
    size_t n = 0;
    for (size_t i = 0; i < f->count; i++)
        if (n == 0 || out[i] > out[n - 1] + 1e-4f)
            out[n++] = out[i];
    return n;
}

/* At most `knots` knots: all distinct values when they are few, else even steps moved to the nearest
 * value that was measured. */
static void place_knots(hg_axis *a, const float *values, size_t n, int knots)
{
    a->knots = 0;
    if (n <= (size_t)knots) {
        for (size_t i = 0; i < n; i++)
            a->at[a->knots++] = values[i];
        return;
    }
    size_t at = 0;
    for (int k = 0; k < knots; k++) {
        float want = values[0] + (values[n - 1] - values[0]) * (float)k / (float)(knots - 1);
        while (at + 1 < n && fabsf(values[at + 1] - want) <= fabsf(values[at] - want))
            at++;
        if (a->knots == 0 || values[at] > a->at[a->knots - 1] + 1e-4f)
            a->at[a->knots++] = values[at];
    }
}

static int lay_out(fit *f, hg_arena scratch, double shrink)
{
    float *values = HG_NEW(&scratch, float, f->count);
    hg_surface *s = f->s;
    int total = 0;
    s->term_count = 0;
    for (const hg_term_spec *spec = s->op->terms; spec->axes; spec++) {
        hg_term *t = &s->terms[s->term_count++];
        *t = (hg_term){ .axes = spec->axes, .by_series = spec->by_series, .size = 1, .first = total };
        for (int a = 0; a < t->axes; a++) {
            t->axis[a].feature = spec->feature[a];
            int knots = (int)hg_max_i64(2, lround(spec->knots[a] * shrink));
            place_knots(&t->axis[a], values, distinct(f, spec->feature[a], values), knots);
            t->size *= t->axis[a].knots;
        }
        total += t->size * (t->by_series ? s->series_count : 1);
    }
    return total;
}

/* Never more coefficients than a tenth of the rows, a quarter in tables under 500 (the knots are
 * thinned evenly until it holds). */
static void lay_out_within(fit *f, hg_arena *keep, hg_arena scratch)
{
    double most = (double)f->table->count / (f->table->count < 500 ? 4 : 10);
    double shrink = 1;
    int total;
    while ((total = lay_out(f, scratch, shrink)) > most && shrink > 0.05)
        shrink *= 0.95;
    hg_surface_count_features(f->s);
    f->s->coefficient_count = total;
    f->s->coefficients = HG_NEW(keep, float, total);
}

static void fill_rows(fit *f, hg_arena *scratch, int keep_back)
{
    size_t n = f->table->count;
    f->x = hg_alloc(scratch, n, sizeof *f->x);
    f->target = HG_NEW(scratch, double, n);
    f->fitted = HG_NEW(scratch, double, n);
    f->weight = HG_NEW(scratch, double, n);
    f->rows = HG_NEW(scratch, uint32_t, n);
    for (size_t i = 0; i < n; i++) {
        const hg_row *r = &f->table->rows[i];
        if (keep_back >= 0 && hg_fold_of(r->family) == keep_back)
            continue;
        size_t at = f->count++;
        f->rows[at] = (uint32_t)i;
        hg_work w = { 0 };
        f->s->op->count(&r->shape, &w);
        hg_roof roof = hg_roofline(&w, f->device);
        f->s->op->features(&r->shape, f->device, &roof, f->x[at]);
        f->target[at] = roof.seconds; /* becomes the log ratio once launch times are known */
    }
}

/* The launch time of a series: the shortest call seen, give or take the luckiest hundredth. */
static void fit_launch(fit *f, hg_arena scratch)
{
    double *times = HG_NEW(&scratch, double, f->count);
    for (int k = 0; k < f->s->series_count; k++) {
        hg_series *r = &f->s->series[k];
        size_t n = 0;
        for (size_t i = 0; i < f->count; i++)
            if (f->table->rows[f->rows[i]].series == k)
                times[n++] = f->table->rows[f->rows[i]].seconds;
        hg_sort(times, n);
        r->launch_s = n ? hg_percentile(times, n, 0.01) : 0;
        r->rows = (int64_t)n;
    }
    f->s->lowest = INFINITY;
    f->s->highest = -INFINITY;
    for (size_t i = 0; i < f->count; i++) {
        const hg_row *row = &f->table->rows[f->rows[i]];
        f->target[i] = log(row->seconds / (f->target[i] + f->s->series[row->series].launch_s));
        f->s->lowest = fmin(f->s->lowest, f->target[i]);
        f->s->highest = fmax(f->s->highest, f->target[i]);
    }
}

static void find_hulls(fit *f)
{
    for (int k = 0; k < f->s->series_count; k++)
        for (int j = 0; j < HG_FEATURES; j++) {
            f->s->series[k].lo[j] = INFINITY;
            f->s->series[k].hi[j] = -INFINITY;
        }
    for (size_t i = 0; i < f->count; i++) {
        hg_series *r = &f->s->series[f->table->rows[f->rows[i]].series];
        for (int j = 0; j < HG_FEATURES; j++) {
            r->lo[j] = fminf(r->lo[j], (float)f->x[i][j]);
            r->hi[j] = fmaxf(r->hi[j], (float)f->x[i][j]);
        }
    }
}

/* One term alone, as the surface of one series. */
static int solo_basis(const hg_term *t, const double *x, int *index, float *weight)
{
    hg_surface one = { .term_count = 1 };
    one.terms[0] = *t;
    one.terms[0].first = 0;
    one.terms[0].by_series = false;
    return hg_surface_basis(&one, 0, x, index, weight);
}

static double robust_weight(double residual)
{
    double u = residual / ROBUST_SCALE;
    return 1 / sqrt(1 + u * u);
}

/* Adds the squared second differences along every axis, scaled for uneven knots, and the ridge. */
static void add_penalty(hg_band *m, const hg_term *t, const hg_term_spec *spec)
{
    int stride = t->size;
    for (int a = 0; a < t->axes; a++) {
        const hg_axis *axis = &t->axis[a];
        stride /= axis->knots;
        double even = ((double)axis->at[axis->knots - 1] - (double)axis->at[0]) / (axis->knots - 1);
        for (int i = 0; i < t->size; i++) {
            int k = i / stride % axis->knots;
            if (k + 2 >= axis->knots)
                continue;
            double left = ((double)axis->at[k + 1] - (double)axis->at[k]) / even;
            double right = ((double)axis->at[k + 2] - (double)axis->at[k + 1]) / even;
            double c[3] = { 1 / left, -1 / left - 1 / right, 1 / right };
            for (int p = 0; p < 3; p++)
                for (int q = 0; q <= p; q++)
                    hg_band_add(m, i + p * stride, i + q * stride, spec->smooth * c[p] * c[q]);
        }
    }
    for (int i = 0; i < t->size; i++)
        hg_band_add(m, i, i, spec->ridge);
}

static int bandwidth(const hg_term *t)
{
    int sum = 0, stride = t->size, widest = 0;
    for (int a = 0; a < t->axes; a++) {
        stride /= t->axis[a].knots;
        sum += t->axis[a].knots > 1 ? stride : 0;
        if (t->axis[a].knots > 2)
            widest = (int)hg_max_i64(widest, 2 * stride);
    }
    return (int)hg_max_i64(sum, widest);
}

/* Fits one term (of one series, or all with series −1) to what the others leave. */
static void solve_term(fit *f, hg_arena scratch, int term, int series)
{
    const hg_term *t = &f->s->terms[term];
    float *beta = f->s->coefficients + t->first + (series > 0 ? series * t->size : 0);
    hg_band m = hg_band_new(&scratch, t->size, bandwidth(t));
    double *rhs = HG_NEW(&scratch, double, t->size);
    int index[HG_BASIS];
    float weight[HG_BASIS];
    size_t used = 0;
    for (size_t i = 0; i < f->count; i++) {
        if (series >= 0 && f->table->rows[f->rows[i]].series != series)
            continue;
        used++;
        int n = solo_basis(t, f->x[i], index, weight);
        double own = 0;
        for (int p = 0; p < n; p++)
            own += (double)(weight[p] * beta[index[p]]);
        double w = f->weight[i], rest = f->target[i] - f->fitted[i] + own;
        for (int p = 0; p < n; p++) {
            double wp = w * (double)weight[p];
            rhs[index[p]] += wp * rest;
            for (int q = 0; q < n; q++)
                if (index[q] <= index[p])
                    hg_band_add(&m, index[p], index[q], wp * (double)weight[q]);
        }
    }
    if (!used)
        return;
    add_penalty(&m, t, &f->s->op->terms[term]);
    hg_band_solve(&m, rhs);
    for (size_t i = 0; i < f->count; i++) {
        if (series >= 0 && f->table->rows[f->rows[i]].series != series)
            continue;
        int n = solo_basis(t, f->x[i], index, weight);
        for (int p = 0; p < n; p++)
            f->fitted[i] += (double)weight[p] * (rhs[index[p]] - (double)beta[index[p]]);
    }
    for (int p = 0; p < t->size; p++)
        beta[p] = (float)rhs[p];
}

static void backfit(fit *f, hg_arena scratch)
{
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        for (size_t i = 0; i < f->count; i++)
            f->weight[i] = sweep ? robust_weight(f->target[i] - f->fitted[i]) : 1;
        for (int t = 0; t < f->s->term_count; t++) {
            if (!f->s->terms[t].by_series) {
                solve_term(f, scratch, t, -1);
                continue;
            }
            for (int k = 0; k < f->s->series_count; k++)
                solve_term(f, scratch, t, k);
        }
    }
}

void hg_surface_fit(hg_arena *keep, hg_arena scratch, const hg_table *t, const hg_device *d,
                    int keep_back, hg_surface *out)
{
    *out = (hg_surface){ .op = t->op, .series_count = t->series_count, .rows = (int64_t)t->count };
    out->series = HG_NEW(keep, hg_series, t->series_count);
    for (int k = 0; k < t->series_count; k++)
        out->series[k] = (hg_series){ .key = t->keys[k], .labels = t->labels[k] };
    fit f = { .table = t, .device = d, .s = out };
    fill_rows(&f, &scratch, keep_back);
    fit_launch(&f, scratch);
    find_hulls(&f);
    lay_out_within(&f, keep, scratch);
    backfit(&f, scratch);
}

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
    hg_arena rest = { .at = middle, .end = arena->end };
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
            if (hg_fold_of(t->rows[i].family) == fold && s.series[t->rows[i].series].rows > 0)
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

#include "fit/surface_fit.h"

#include "base/num.h"
#include "base/stat.h"
#include "fit/band.h"
#include "fit/base_fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SWEEPS = 14 };

/* Of a term's smoothing, what its slopes weigh: where no row speaks the surface goes on level. */
static const double FLATNESS = 1;

/* Of the coefficients still to be had, what a wider reach may take before a narrower one. */
static const double WIDE_FRAC = 0.4;

/* Knots are thinned to this part of those wished for; then the rows bear but one a term. */
static const double THINNEST = 0.05;

/* Residuals (of log time) beyond this are weighed down: the fit aims at the mean relative error,
 * not at its square, and a table has rows that were disturbed. */
static const double ROBUST_SCALE = 0.06;

/* One term to solve, and the rows it speaks of. */
typedef struct part {
    int term;                  /* of the surface */
    const hg_term_spec *spec;
    size_t from, to;
    int *index;                /* 2^axes a row, of which count[row] are used */
    float *weight;
    uint8_t *count;
} part;

typedef struct fit {
    const hg_table *table;
    const hg_device *device;
    hg_surface *s;
    double (*x)[HG_FEATURES];
    double *target, *fitted, *weight;
    uint32_t *rows;            /* of the table, those fitted, series by series */
    size_t count;
    int *order;                /* the series so that those of a kernel stand together */
    size_t *first;             /* by place in that order: the first row; one more at the end */
    part *parts;
    int part_count;
} fit;

static bool same_kernel(const fit *f, int a, int b)
{
    const char *x = f->table->keys[a], *y = f->table->keys[b];
    size_t n = strcspn(x, "|");
    return n == strcspn(y, "|") && memcmp(x, y, n) == 0;
}

static int float_ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Distinct values of a feature, sorted; values nearer than 1e-4 (of a doubling) are one. */
static size_t distinct(const fit *f, size_t from, size_t to, int feature, float *out)
{
    size_t rows = to - from;
    for (size_t i = 0; i < rows; i++)
        out[i] = (float)f->x[from + i][feature];
    qsort(out, rows, sizeof *out, float_ascending);
    size_t n = 0;
    for (size_t i = 0; i < rows; i++)
        if (n == 0 || out[i] > out[n - 1] + 1e-4f)
            out[n++] = out[i];
    return n;
}

/* At most `knots` knots: all distinct values when they are few, else even steps moved to the
 * nearest value that was measured. */
static void place_knots(hg_axis *a, const float *values, size_t n, int knots)
{
    a->knots = 0;
    if (n <= (size_t)knots) {
        for (size_t i = 0; i < n; i++)
            a->at[a->knots++] = values[i];
        return;
    }
    if (knots == 1) {
        a->at[a->knots++] = values[n / 2];
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

/* How many knots are left of those wished for: never fewer than two while the rows can bear it, and
 * an axis of kinds keeps them all, where fewer would mix them. */
static int thinned(int knots, double shrink)
{
    if (shrink < THINNEST)
        return 1;
    return knots == HG_KINDS ? HG_KINDS : (int)hg_max_i64(2, lround(knots * shrink));
}

static hg_term lay_out_term(const fit *f, const hg_term_spec *spec, hg_arena scratch, size_t from,
                            size_t to, double shrink)
{
    float *values = HG_NEW(&scratch, float, to - from);
    hg_term t = { .axes = spec->axes, .size = 1 };
    for (int a = 0; a < t.axes; a++) {
        t.axis[a].feature = spec->feature[a];
        size_t n = distinct(f, from, to, spec->feature[a], values);
        place_knots(&t.axis[a], values, n, thinned(spec->knots[a], shrink));
        hg_axis_ready(&t.axis[a]);
        t.size *= t.axis[a].knots;
    }
    return t;
}

/* Lays out the terms of one reach for one group of series, [from, to) in the order, with at most so
 * many coefficients: knots are thinned evenly until that holds. */
static void lay_out_group(fit *f, hg_arena scratch, hg_reach reach, int from, int to, double most)
{
    hg_surface *s = f->s;
    const hg_term_spec *spec = s->op->terms;
    size_t row = f->first[from], end = f->first[to];
    double shrink = 1;
    for (; shrink >= THINNEST; shrink *= 0.95) {
        int total = 0;
        for (int i = 0; spec[i].axes; i++)
            if (spec[i].reach == reach)
                total += lay_out_term(f, &spec[i], scratch, row, end, shrink).size;
        if (total <= most)
            break;
    }
    for (int i = 0; spec[i].axes; i++) {
        if (spec[i].reach != reach || row == end)
            continue;
        f->parts[f->part_count++] = (part){ s->term_count, &spec[i], row, end, NULL, NULL, NULL };
        for (int k = from; k < to; k++) {
            hg_series *r = &s->series[f->order[k]];
            r->term[r->term_count++] = (int16_t)s->term_count;
        }
        hg_term *t = &s->terms[s->term_count++];
        *t = lay_out_term(f, &spec[i], scratch, row, end, shrink);
        t->first = s->coefficient_count;
        s->coefficient_count += t->size;
    }
}

/* Groups of one reach: the end of the one that begins at a place in the order. */
static int group_end(const fit *f, hg_reach reach, int from)
{
    int n = f->s->series_count, to = reach == HG_BY_TABLE ? n : from + 1;
    while (reach == HG_BY_KERNEL && to < n && same_kernel(f, f->order[from], f->order[to]))
        to++;
    return to;
}

/* A small group needs more coefficients a row than a large one to say as much. */
static double claim(const fit *f, int from, int to)
{
    return pow((double)(f->first[to] - f->first[from]), 0.75);
}

/* A reach's share of the coefficients falls to its groups by their claims; none gets more than one
 * for four rows. */
static void lay_out_reach(fit *f, hg_arena scratch, hg_reach reach, double most)
{
    double claims = 0, whole = (double)f->table->count / (double)f->count;
    for (int from = 0, to; from < f->s->series_count; from = to) {
        to = group_end(f, reach, from);
        claims += claim(f, from, to);
    }
    for (int from = 0, to; from < f->s->series_count; from = to) {
        to = group_end(f, reach, from);
        double cap = whole * (double)(f->first[to] - f->first[from]) / 4;
        lay_out_group(f, scratch, reach, from, to, fmin(cap, most * claim(f, from, to) / claims));
    }
}

/* Never more coefficients than a tenth of the rows, a quarter in tables under 500: the terms of the
 * whole table take up to WIDE_FRAC of that, those of kernels likewise of the rest.  Rows kept
 * back count too: what validation judges has the shape of what is shipped. */
static void lay_out(fit *f, hg_arena *keep, hg_arena *scratch)
{
    static const hg_reach order[] = { HG_BY_TABLE, HG_BY_KERNEL, HG_BY_SERIES };
    hg_surface *s = f->s;
    int specs = 0;
    bool used[HG_REACHES] = { false };
    for (; s->op->terms[specs].axes; specs++)
        used[s->op->terms[specs].reach] = true;
    s->terms = HG_NEW(keep, hg_term, specs * s->series_count);
    f->parts = HG_NEW(scratch, part, specs * s->series_count);
    double most = (double)f->table->lines / (f->table->lines < 500 ? 4 : 10);
    for (int i = 0; i < HG_REACHES; i++) {
        bool last = true;
        for (int j = i + 1; j < HG_REACHES; j++)
            last &= !used[order[j]];
        double left = most - s->coefficient_count;
        lay_out_reach(f, *scratch, order[i], last ? left : WIDE_FRAC * left);
    }
    hg_surface_count_features(s);
    s->coefficients = HG_NEW(keep, float, s->coefficient_count);
}

/* What every row of a part asks of its term, found once for all sweeps. */
static void fill_basis(const fit *f, hg_arena *scratch, part *p)
{
    hg_term own = f->s->terms[p->term];
    own.first = 0;
    size_t wide = (size_t)1 << own.axes, n = p->to - p->from;
    p->index = HG_NEW(scratch, int, n * wide);
    p->weight = HG_NEW(scratch, float, n * wide);
    p->count = HG_NEW(scratch, uint8_t, n);
    for (size_t i = 0; i < n; i++)
        p->count[i] = (uint8_t)hg_term_basis(&own, f->x[p->from + i], p->index + i * wide,
                                             p->weight + i * wide);
}

static bool kept_back(const hg_row *r, int keep_back)
{
    return keep_back >= 0 && hg_fold_of(r->family) == keep_back;
}

/* The series in the table's order, each followed by the others of its kernel. */
static void order_series(fit *f, hg_arena *scratch)
{
    int count = f->table->series_count, n = 0;
    bool *placed = HG_NEW(scratch, bool, count);
    f->order = HG_NEW(scratch, int, count);
    for (int k = 0; k < count; k++) {
        if (placed[k])
            continue;
        for (int j = k; j < count; j++)
            if (same_kernel(f, k, j)) {
                f->order[n++] = j;
                placed[j] = true;
            }
    }
}

/* The rows to fit, series by series, in the table's order within each. */
static void pick_rows(fit *f, hg_arena *scratch, int keep_back)
{
    const hg_table *t = f->table;
    size_t *at = HG_NEW(scratch, size_t, t->series_count);
    f->rows = HG_NEW(scratch, uint32_t, t->count);
    f->first = HG_NEW(scratch, size_t, t->series_count + 1);
    for (size_t i = 0; i < t->count; i++)
        at[t->rows[i].series] += !kept_back(&t->rows[i], keep_back);
    for (int k = 0; k < t->series_count; k++) {
        size_t n = at[f->order[k]];
        at[f->order[k]] = f->first[k];
        f->first[k + 1] = f->first[k] + n;
    }
    f->count = f->first[t->series_count];
    for (size_t i = 0; i < t->count; i++)
        if (!kept_back(&t->rows[i], keep_back))
            f->rows[at[t->rows[i].series]++] = (uint32_t)i;
}

static void fill_rows(fit *f, hg_arena *scratch, int keep_back)
{
    order_series(f, scratch);
    pick_rows(f, scratch, keep_back);
    f->x = hg_alloc(scratch, f->count, sizeof *f->x);
    f->target = HG_NEW(scratch, double, f->count);
    f->fitted = HG_NEW(scratch, double, f->count);
    f->weight = HG_NEW(scratch, double, f->count);
    for (size_t i = 0; i < f->count; i++) {
        const hg_row *r = &f->table->rows[f->rows[i]];
        hg_work w = { 0 };
        f->s->op->count(&r->shape, &w);
        hg_roof roof = hg_roofline(&w, f->device);
        f->s->op->features(&r->shape, f->device, &roof, f->x[i]);
    }
}

static void fit_bases(fit *f, hg_arena scratch)
{
    for (int k = 0; k < f->s->series_count; k++) {
        size_t from = f->first[k], n = f->first[k + 1] - from;
        hg_base_fit(scratch, f->table, f->rows + from, n, f->device, &f->s->series[f->order[k]]);
    }
}

/* What the surface is to say of each row, and its range. */
static void fill_targets(fit *f)
{
    hg_surface *s = f->s;
    s->lowest = INFINITY;
    s->highest = -INFINITY;
    for (size_t i = 0; i < f->count; i++) {
        const hg_row *row = &f->table->rows[f->rows[i]];
        hg_work w = { 0 };
        s->op->count(&row->shape, &w);
        hg_roof roof = hg_roofline(&w, f->device);
        double base = hg_series_base(s->op, &s->series[row->series], &row->shape, f->device, &w,
                                     &roof);
        f->target[i] = log(row->seconds / base);
        s->lowest = fmin(s->lowest, f->target[i]);
        s->highest = fmax(s->highest, f->target[i]);
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

static double robust_weight(double residual)
{
    double u = residual / ROBUST_SCALE;
    return 1 / sqrt(1 + u * u);
}

/* Adds the squared first and second differences along every axis but those of kinds, scaled for uneven
 * knots, and the ridge. */
static void add_penalty(hg_band *m, const hg_term *t, const hg_term_spec *spec)
{
    int stride = t->size;
    for (int a = 0; a < t->axes; a++) {
        const hg_axis *axis = &t->axis[a];
        stride /= axis->knots;
        if (spec->knots[a] == HG_KINDS)
            continue;
        double even = ((double)axis->at[axis->knots - 1] - (double)axis->at[0]) / (axis->knots - 1);
        for (int i = 0; i < t->size; i++) {
            int k = i / stride % axis->knots;
            if (k + 1 >= axis->knots)
                continue;
            double left = ((double)axis->at[k + 1] - (double)axis->at[k]) / even;
            double slope = FLATNESS * spec->smooth / left;
            hg_band_add(m, i, i, slope);
            hg_band_add(m, i + stride, i + stride, slope);
            hg_band_add(m, i + stride, i, -slope);
            if (k + 2 >= axis->knots)
                continue;
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

/* Fits one term to what the others leave. */
static void solve_part(fit *f, hg_arena scratch, const part *p)
{
    const hg_term *t = &f->s->terms[p->term];
    size_t wide = (size_t)1 << t->axes;
    float *beta = f->s->coefficients + t->first;
    hg_band m = hg_band_new(&scratch, t->size, bandwidth(t));
    double *rhs = HG_NEW(&scratch, double, t->size);
    for (size_t i = p->from; i < p->to; i++) {
        const int *index = p->index + (i - p->from) * wide;
        const float *weight = p->weight + (i - p->from) * wide;
        int n = p->count[i - p->from];
        double own = 0;
        for (int a = 0; a < n; a++)
            own += (double)(weight[a] * beta[index[a]]);
        double w = f->weight[i], rest = f->target[i] - f->fitted[i] + own;
        for (int a = 0; a < n; a++) {
            double wa = w * (double)weight[a];
            rhs[index[a]] += wa * rest;
            for (int b = 0; b < n; b++)
                if (index[b] <= index[a])
                    hg_band_add(&m, index[a], index[b], wa * (double)weight[b]);
        }
    }
    add_penalty(&m, t, p->spec);
    hg_band_solve(&m, rhs);
    for (size_t i = p->from; i < p->to; i++) {
        const int *index = p->index + (i - p->from) * wide;
        const float *weight = p->weight + (i - p->from) * wide;
        for (int a = 0; a < p->count[i - p->from]; a++)
            f->fitted[i] += (double)weight[a] * (rhs[index[a]] - (double)beta[index[a]]);
    }
    for (int a = 0; a < t->size; a++)
        beta[a] = (float)rhs[a];
}

static void backfit(fit *f, hg_arena scratch)
{
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        for (size_t i = 0; i < f->count; i++)
            f->weight[i] = sweep ? robust_weight(f->target[i] - f->fitted[i]) : 1;
        for (int p = 0; p < f->part_count; p++)
            solve_part(f, scratch, &f->parts[p]);
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
    fit_bases(&f, scratch);
    fill_targets(&f);
    find_hulls(&f);
    lay_out(&f, keep, &scratch);
    for (int p = 0; p < f.part_count; p++)
        fill_basis(&f, &scratch, &f.parts[p]);
    backfit(&f, scratch);
}

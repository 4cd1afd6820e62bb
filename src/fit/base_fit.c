#include "fit/base_fit.h"

#include "base/stat.h"
#include "fit/nonnegative.h"

#include <math.h>
#include <string.h>

enum { ROUNDS = 12 };

static const double LAUNCH_UNIT_S = 1e-6;

/* Of the shortest call, the part that is launch at least. */
static const double LEAST_LAUNCH = 0.2;

/* A base so far off, relatively, counts half as much as a good one. */
static const double ODD = 0.1;

static const double LEAST_STEP = 1e-3;

typedef struct row_spans {
    hg_span span[HG_SPAN_LIST];
    int count;
} row_spans;

/* The shortest call seen, give or take the luckiest hundredth. */
static double shortest_call(hg_arena scratch, const hg_table *t, const uint32_t *rows, size_t n)
{
    double *times = HG_NEW(&scratch, double, n);
    for (size_t i = 0; i < n; i++)
        times[i] = t->rows[rows[i]].seconds;
    hg_sort(times, n);
    return n ? hg_percentile(times, n, 0.01) : 0;
}

static row_spans *spans_of_rows(hg_arena *scratch, const hg_table *t, const uint32_t *rows, size_t n,
                                const hg_device *d)
{
    row_spans *all = HG_NEW(scratch, row_spans, n);
    for (size_t i = 0; i < n; i++) {
        const hg_shape *shape = &t->rows[rows[i]].shape;
        hg_work w = { 0 };
        t->op->count(shape, &w);
        all[i].count = t->op->spans(shape, d, &w, all[i].span);
    }
    return all;
}

/* One row of the least squares, around the numbers x (launch first): what each moves, relatively.
 * Returns the row's weight: the further off it stays, the less it counts. */
static double linearise(const hg_op *op, const row_spans *r, double seconds, const double *x,
                        double *at)
{
    double slope[HG_SPAN_LIST];
    double sum = x[0] * LAUNCH_UNIT_S + hg_span_sum(op, x + 1, r->span, r->count, slope);
    at[0] = LAUNCH_UNIT_S / seconds;
    for (int j = 0; j < r->count; j++)
        at[1 + r->span[j].of] = slope[j] / seconds;
    return 1 / (1 + fabs(sum / seconds - 1) / ODD);
}

/* How far the base is off, over all rows by their weights. */
static double loss(const hg_table *t, const uint32_t *rows, size_t n, const row_spans *spans,
                   const double *weight, const double *x)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double base = x[0] * LAUNCH_UNIT_S +
                      hg_span_sum(t->op, x + 1, spans[i].span, spans[i].count, NULL);
        double off = base / t->rows[rows[i]].seconds - 1;
        sum += weight[i] * off * off;
    }
    return sum;
}

/* Goes from x towards `to`, halfway back as often as it takes to come no further off: beside a lane that
 * hides it a span looks as if it cost nothing. */
static void step_towards(const hg_table *t, const uint32_t *rows, size_t n, const row_spans *spans,
                         const double *weight, const double *to, size_t columns, double *x)
{
    double before = loss(t, rows, n, spans, weight, x), tried[HG_SPANS + 1];
    for (double part = 1; part > LEAST_STEP; part /= 2) {
        for (size_t j = 0; j < columns; j++)
            tried[j] = x[j] + part * (to[j] - x[j]);
        if (loss(t, rows, n, spans, weight, tried) > before)
            continue;
        memcpy(x, tried, columns * sizeof *x);
        return;
    }
}

/* Launch and spans together, so that they come near the measured times: Gauss-Newton. */
static void fit_spans(hg_arena scratch, const hg_table *t, const uint32_t *rows, size_t n,
                      const hg_device *d, hg_series *out)
{
    size_t columns = (size_t)t->op->span_count + 1;
    const row_spans *spans = spans_of_rows(&scratch, t, rows, n, d);
    double *a = HG_NEW(&scratch, double, n * columns), *weight = HG_NEW(&scratch, double, n);
    double x[HG_SPANS + 1] = { 0 }, to[HG_SPANS + 1];
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < n; i++) {
            double w = linearise(t->op, &spans[i], t->rows[rows[i]].seconds, x, a + i * columns);
            weight[i] = round ? w : 1;
        }
        memcpy(to, x, sizeof to);
        hg_nonnegative_fit(scratch, a, weight, n, (int)columns, to);
        step_towards(t, rows, n, spans, weight, to, columns, x);
    }
    out->launch_s = x[0] * LAUNCH_UNIT_S;
    for (size_t j = 1; j < columns; j++)
        out->span[j - 1] = x[j];
}

void hg_base_fit(hg_arena scratch, const hg_table *t, const uint32_t *rows, size_t n,
                 const hg_device *d, hg_series *out)
{
    double least_s = shortest_call(scratch, t, rows, n);
    out->rows = (int64_t)n;
    out->launch_s = least_s;
    if (!t->op->spans || n == 0)
        return;
    fit_spans(scratch, t, rows, n, d, out);
    out->launch_s = fmax(out->launch_s, LEAST_LAUNCH * least_s);
}

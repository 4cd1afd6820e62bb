#include "cost/surface.h"

#include "base/num.h"

#include <assert.h>
#include <math.h>

/* The knot interval of x and how far along; outside the knots the surface goes on flat. */
static int locate(const hg_axis *a, float x, float *along)
{
    int lo = 0, hi = a->knots - 1;
    if (x <= a->at[0] || hi == 0) {
        *along = 0;
        return 0;
    }
    if (x >= a->at[hi]) {
        *along = 1;
        return hi - 1;
    }
    while (hi - lo > 1) {
        int mid = (lo + hi) / 2;
        if (a->at[mid] <= x)
            lo = mid;
        else
            hi = mid;
    }
    *along = (x - a->at[lo]) / (a->at[hi] - a->at[lo]);
    return lo;
}

/* The corners of one term's cell, appended to index and weight from n on. */
static int term_basis(const hg_term *t, int series, const double *x, int *index, float *weight, int n)
{
    int count = 1;
    index[n] = t->first + (t->by_series ? series * t->size : 0);
    weight[n] = 1;
    for (int a = 0; a < t->axes; a++) {
        const hg_axis *axis = &t->axis[a];
        float along;
        int cell = locate(axis, (float)x[axis->feature], &along);
        int step = 1;
        for (int b = a + 1; b < t->axes; b++)
            step *= t->axis[b].knots;
        bool flat = axis->knots == 1;
        for (int i = 0; i < count; i++) {
            index[n + i] += cell * step;
            if (flat)
                continue;
            index[n + count + i] = index[n + i] + step;
            weight[n + count + i] = weight[n + i] * along;
            weight[n + i] *= 1 - along;
        }
        if (!flat)
            count *= 2;
    }
    return n + count;
}

int hg_surface_basis(const hg_surface *s, int series, const double *x, int *index, float *weight)
{
    int n = 0;
    for (int t = 0; t < s->term_count; t++)
        n = term_basis(&s->terms[t], series, x, index, weight, n);
    assert(n <= HG_BASIS);
    return n;
}

void hg_surface_count_features(hg_surface *s)
{
    s->feature_count = 0;
    for (int t = 0; t < s->term_count; t++)
        for (int a = 0; a < s->terms[t].axes; a++)
            if (s->terms[t].axis[a].feature >= s->feature_count)
                s->feature_count = s->terms[t].axis[a].feature + 1;
}

static bool in_hull(const hg_surface *s, const hg_series *r, const double *x)
{
    for (int f = 0; f < s->feature_count; f++)
        if (x[f] < (double)r->lo[f] - 1e-4 || x[f] > (double)r->hi[f] + 1e-4)
            return false;
    return true;
}

hg_call hg_surface_time(const hg_surface *s, int series, const hg_shape *shape,
                            const hg_device *d)
{
    const hg_series *r = &s->series[series];
    hg_work work = { 0 };
    s->op->count(shape, &work);
    hg_roof roof = hg_roofline(&work, d);
    double x[HG_FEATURES] = { 0 };
    s->op->features(shape, d, &roof, x);
    int index[HG_BASIS];
    float weight[HG_BASIS];
    int n = hg_surface_basis(s, series, x, index, weight);
    double ratio = 0;
    for (int i = 0; i < n; i++)
        ratio += (double)(s->coefficients[index[i]] * weight[i]);
    double seconds = (roof.seconds + r->launch_s) * exp(hg_clamp(ratio, s->lowest, s->highest));
    /* Nothing is faster than its roofline; a table that says so measured a warm cache. */
    return (hg_call){ fmax(seconds, roof.seconds), roof, in_hull(s, r, x) };
}

#include "cost/surface.h"

#include "base/num.h"

#include <assert.h>
#include <math.h>

void hg_axis_ready(hg_axis *a)
{
    a->per = a->knots > 1 ? (float)(a->knots - 1) / (a->at[a->knots - 1] - a->at[0]) : 0;
}

/* The knot at or below x and how far along to the next; outside the knots the surface goes on flat.
 * Knots are nearly even, so the first guess is off by a cell at most as a rule. */
static int locate(const hg_axis *a, float x, float *along)
{
    int last = a->knots - 1;
    *along = 0;
    if (x <= a->at[0])
        return 0;
    if (x >= a->at[last])
        return last;
    int cell = (int)((x - a->at[0]) * a->per);
    while (x < a->at[cell])
        cell--;
    while (x >= a->at[cell + 1])
        cell++;
    *along = (x - a->at[cell]) / (a->at[cell + 1] - a->at[cell]);
    return cell;
}

int hg_term_basis(const hg_term *t, const double *x, int *index, float *weight)
{
    int count = 1;
    index[0] = t->first;
    weight[0] = 1;
    for (int a = 0; a < t->axes; a++) {
        const hg_axis *axis = &t->axis[a];
        float along;
        int cell = locate(axis, (float)x[axis->feature], &along);
        int step = 1;
        for (int b = a + 1; b < t->axes; b++)
            step *= t->axis[b].knots;
        for (int i = 0; i < count; i++) {
            index[i] += cell * step;
            if (along == 0)
                continue;
            index[count + i] = index[i] + step;
            weight[count + i] = weight[i] * along;
            weight[i] *= 1 - along;
        }
        if (along > 0)
            count *= 2;
    }
    return count;
}

int hg_surface_basis(const hg_surface *s, int series, const double *x, int *index, float *weight)
{
    const hg_series *own = &s->series[series];
    int n = 0;
    for (int t = 0; t < own->term_count; t++)
        n += hg_term_basis(&s->terms[own->term[t]], x, index + n, weight + n);
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

/* Overlap as that of the sides of a box in its diagonal: between the longest and their sum. */
double hg_span_sum(const hg_op *op, const double *times, const hg_span *span, int n, double *slope)
{
    double lane[HG_LANES] = { 0 };
    for (int i = 0; i < n; i++)
        lane[op->lane[span[i].of]] += times[span[i].of] * span[i].seconds;
    double squares = 0;
    for (int l = 0; l < HG_LANE_SEQUENCE; l++)
        squares += lane[l] * lane[l];
    double overlapped = sqrt(squares);
    for (int i = 0; slope && i < n; i++) {
        hg_lane l = op->lane[span[i].of];
        bool alone = l == HG_LANE_SEQUENCE || overlapped == 0;
        slope[i] = span[i].seconds * (alone ? 1 : lane[l] / overlapped);
    }
    return lane[HG_LANE_SEQUENCE] + overlapped;
}

double hg_series_base(const hg_op *op, const hg_series *r, const hg_shape *shape,
                      const hg_device *d, const hg_work *w, const hg_roof *roof)
{
    if (!op->spans)
        return r->launch_s + roof->seconds;
    hg_span span[HG_SPAN_LIST];
    int n = op->spans(shape, d, w, span);
    return r->launch_s + hg_span_sum(op, r->span, span, n, NULL);
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
    double base = hg_series_base(s->op, r, shape, d, &work, &roof);
    double seconds = base * exp(hg_clamp(ratio, s->lowest, s->highest));
    /* A table repeats its calls, so what fits the last-level cache is read from there. */
    return (hg_call){ fmax(seconds, roof.warm_seconds), roof, in_hull(s, r, x) };
}

#include "cost/rates.h"

#include <math.h>
#include <string.h>

const char *const hg_origin_names[HG_ORIGINS] = { "measured", "fitted", "extrapolated",
                                                  "transferred", "roofline" };

static hg_time typical_time(const hg_rate *r, const hg_shape *s)
{
    hg_roof roof = hg_typical_roof(r->typical, r->op, s, r->device);
    double least = fmax(roof.seconds / (1 + r->error), roof.warm_seconds);
    return (hg_time){ roof.seconds, least, roof.seconds * (1 + r->error), roof.bound, HG_ROOFLINE };
}

hg_time hg_rate_time(const hg_rate *r, const hg_shape *s)
{
    if (!r->surface)
        return typical_time(r, s);
    hg_call e = hg_surface_time(r->surface, r->series, s, r->device);
    hg_origin origin = r->transferred           ? HG_TRANSFERRED
                       : e.inside && r->exact ? HG_FITTED
                                              : HG_EXTRAPOLATED;
    double half = e.inside ? r->error : r->beyond_error;
    return (hg_time){ e.seconds, e.seconds / (1 + half), e.seconds * (1 + half), e.roof.bound, origin };
}

double hg_rate_seconds(const hg_rate *r, const hg_shape *s)
{
    return r->surface ? hg_surface_time(r->surface, r->series, s, r->device).seconds
                      : hg_rate_time(r, s).seconds;
}

const char *hg_rate_origin_text(const hg_rate *r, hg_origin origin)
{
    return origin == HG_TRANSFERRED ? r->transferred : hg_origin_names[origin];
}

/* A rung's distance is its place among those with the operator, so that an earlier one goes first. */
static const double RUNG_DISTANCE = 5;

/* Distances between the labels asked for and those of a series: ranks, in the order of what `heng validate
 * transfer` shows.  Another precision of the cache costs as much as one or two rungs (median 12 to 18 %,
 * other engines 17 to 21 %).  Another format of a product costs more than any rung (matrix products 43 %
 * where the math is the same and 52 % where it is not, a device of another architecture 21 %), so the
 * whole ladder is asked first.  A kind (skew of experts, collective) counts as its own difference. */
static const double OTHER_CACHE = 8, OTHER_FORMAT = 200, OTHER_MATH = 300;

/* How far two label sets are apart; 0: the same. */
static double label_distance(const hg_shape *want, const hg_shape *have)
{
    double d = 0;
    if (want->dtype != have->dtype)
        d += hg_dtype_table[want->dtype].math == hg_dtype_table[have->dtype].math ? OTHER_FORMAT : OTHER_MATH;
    if (want->kv_dtype != have->kv_dtype)
        d += OTHER_CACHE;
    return d + fabs((double)want->kind - (double)have->kind);
}

static bool same_labels(const hg_shape *want, const hg_shape *have)
{
    return label_distance(want, have) < 0.5;
}

/* Some tables timed the host: vLLM's block-scaled fp8 products take 56 to 350 µs whatever their size,
 * 12 to 95 times the shortest call of other engines on the same device, where any other dtype differs by
 * 5.5 times at most.  Within a captured graph that time is not spent, so such a series stands back behind all others. */
static const double HOST_BOUND = 8, HOST_BOUND_DISTANCE = 1000;

/* The shortest call of these very labels on any rung: launches differ little between devices. */
static double least_launch(const hg_rates *r, int op, const hg_shape *labels)
{
    double least = INFINITY;
    for (int i = 0; i < r->count; i++) {
        const hg_surface *s = r->rung[i].surfaces[op];
        for (int k = 0; s && k < s->series_count; k++)
            if (same_labels(labels, &s->series[k].labels))
                least = fmin(least, s->series[k].launch_s);
    }
    return least;
}

/* Among equals the series with most rows: the kernel the engine picks most often. */
static int nearest_series(const hg_rates *r, const hg_surface *s, const hg_shape *labels, double launch_s,
                          double *distance)
{
    int best = 0;
    *distance = INFINITY;
    for (int i = 0; i < s->series_count; i++) {
        if (r->left_out.labels && same_labels(labels, &s->series[i].labels))
            continue;
        double d = label_distance(labels, &s->series[i].labels) - 1e-9 * (double)s->series[i].rows;
        d += s->series[i].launch_s > HOST_BOUND * launch_s ? HOST_BOUND_DISTANCE : 0;
        if (d < *distance) {
            *distance = d;
            best = i;
        }
    }
    return best;
}

/* An error of a tenth of a per cent on few rows is luck. */
static const double LEAST_ERROR = 0.01;

/* The widths come from `heng validate transfer`: on each rung those of the tables that were left out. */
static hg_rate on_rung(const hg_rates *r, int rung, const hg_surface *s, int series, bool exact)
{
    const double *half = r->transfer->half[hg_op_index(s->op)];
    hg_rung kind = r->kind[rung];
    double error = fmax(s->series[series].error_p80, LEAST_ERROR);
    if (!exact)
        error = fmax(error, half[HG_RUNG_LABELS]);
    if (kind != HG_RUNG_OWN)
        error = fmax(error, half[kind]);
    return (hg_rate){ .op = s->op, .surface = s, .series = series, .exact = exact, .rung = kind,
                      .device = &r->device, .transferred = r->transferred[rung], .error = error,
                      .beyond_error = fmax(error, half[HG_RUNG_EXTRAPOLATED]) };
}

static hg_rate on_roofline(const hg_rates *r, const hg_op *op)
{
    int at = hg_op_index(op);
    return (hg_rate){ .op = op, .device = &r->device, .rung = HG_RUNG_ROOFLINE,
                      .typical = &r->transfer->typical[at],
                      .error = r->transfer->half[at][HG_RUNG_ROOFLINE] };
}

hg_rate hg_rates_by_key(const hg_rates *r, const hg_op *op, const char *key, const hg_shape *labels)
{
    int at = hg_op_index(op);
    for (int i = 0; i < r->own; i++) {
        const hg_surface *s = r->rung[i].surfaces[at];
        for (int k = 0; s && k < s->series_count; k++)
            if (strcmp(s->series[k].key, key) == 0)
                return on_rung(r, i, s, k, true);
    }
    return hg_rates_pick(r, op, labels);
}

/* Another architecture's kernels answer where that came nearer than the roofline did.  While architectures
 * are left out to find this out, they answer anyway. */
static bool worth_more_than_roofline(const hg_rates *r, int rung, int op)
{
    const double *half = r->transfer->half[op];
    return r->kind[rung] != HG_RUNG_CLASS || r->left_out.architecture ||
           half[HG_RUNG_CLASS] <= half[HG_RUNG_ROOFLINE];
}

/* A table without the dtype gives way to the next rung, unless no rung has it. */
hg_rate hg_rates_pick(const hg_rates *r, const hg_op *op, const hg_shape *labels)
{
    int at = hg_op_index(op), rung = -1, series = 0, place = 0;
    double least = INFINITY, launch_s = op->ungraphed ? INFINITY : least_launch(r, at, labels);
    for (int i = 0; i < r->count; i++) {
        const hg_surface *s = r->rung[i].surfaces[at];
        if (!s)
            continue;
        double distance;
        int k = nearest_series(r, s, labels, launch_s, &distance);
        distance += RUNG_DISTANCE * place++;
        if (distance < least) {
            least = distance;
            rung = i;
            series = k;
        }
    }
    if (rung < 0 || !worth_more_than_roofline(r, rung, at))
        return on_roofline(r, op);
    const hg_surface *s = r->rung[rung].surfaces[at];
    return on_rung(r, rung, s, series, same_labels(labels, &s->series[series].labels));
}

hg_rate hg_rates_beside(const hg_rates *r, const hg_rate *of, const hg_op *op, const hg_shape *labels)
{
    double ignored;
    for (int i = 0; i < r->count; i++) {
        const hg_surface *s = r->rung[i].surfaces[hg_op_index(op)];
        if (s && of->surface && r->rung[i].surfaces[hg_op_index(of->op)] == of->surface)
            return on_rung(r, i, s, nearest_series(r, s, labels, INFINITY, &ignored), true);
    }
    return (hg_rate){ .op = op };
}

/* Harnesses differ by 4.4 % in the median on the same kernel; so much more is another thing timed. */
static const double CLEARLY_FASTER = 1.15;

/* Geometric mean over batch sizes. */
static double typical_seconds(const hg_rate *rate, const hg_shape *shape, int dim, double scale)
{
    static const double sizes[] = { 1, 8, 64, 256, 2048 };
    enum { SIZES = sizeof sizes / sizeof *sizes };
    double sum = 0;
    for (int i = 0; i < SIZES; i++) {
        hg_shape s = *shape;
        s.d[dim] = sizes[i] * scale;
        sum += log(hg_rate_seconds(rate, &s));
    }
    return exp(sum / SIZES);
}

hg_rate hg_rates_pick_tuned(const hg_rates *r, const hg_op *op, const hg_shape *shape, int dim,
                            double scale, bool padded)
{
    hg_rate own = hg_rates_pick(r, op, shape);
    if (!own.surface)
        return own;
    hg_rate best = own;
    double least = typical_seconds(&own, shape, dim, scale) / (padded ? 1 : CLEARLY_FASTER);
    for (int i = 0; i < r->count; i++) {
        const hg_surface *s = r->rung[i].surfaces[hg_op_index(op)];
        if (!s || strcmp(r->rung[i].device, r->device.name) != 0)
            continue;
        for (int k = 0; k < s->series_count; k++) {
            hg_rate other = on_rung(r, i, s, k, true);
            if (!same_labels(shape, &s->series[k].labels))
                continue;
            double seconds = typical_seconds(&other, shape, dim, scale);
            if (seconds < least) {
                least = seconds;
                best = other;
            }
        }
    }
    return best;
}

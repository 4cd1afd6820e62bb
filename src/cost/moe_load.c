#include "cost/moe_load.h"

#include "base/num.h"

#include <math.h>
#include <stdbool.h>

hg_load hg_even_load(double pairs, double ranks, double experts)
{
    return (hg_load){ pairs / ranks, fmin(experts, fmax(1, pairs / ranks)) };
}

/* Loads of experts drawn from the density x^-α on [lo, hi], scaled to their mean. */
typedef struct skew_law {
    double q; /* 1 - α */
    double lo, hi;
    double lo_q, span_q; /* lo^q; hi^q - lo^q */
    double mean, cv, skewness;
    double log2_scale; /* of a load against x */
} skew_law;

/* ∫ x^(p-1) dx from lo to hi, times q: a moment once it is divided by span_q. */
static double moment(double lo_p, double hi_p, double p, double q)
{
    return (hi_p - lo_p) / p * q;
}

static skew_law law_of(double alpha, double lo, double hi, double mean_load)
{
    double q = 1 - alpha;
    q -= fabs(q - nearbyint(q)) < 1e-3 ? 2e-3 : 0; /* whole powers have logarithms instead */
    double lo_q = lo == 1 ? 1 : exp2(q * log2(lo)), hi_q = exp2(q * log2(hi)), span = hi_q - lo_q;
    double m1 = moment(lo_q * lo, hi_q * hi, q + 1, q) / span;
    double m2 = moment(lo_q * lo * lo, hi_q * hi * hi, q + 2, q) / span;
    double m3 = moment(lo_q * lo * lo * lo, hi_q * hi * hi * hi, q + 3, q) / span;
    double variance = fmax(1e-12 * m2, m2 - m1 * m1), sd = sqrt(variance);
    return (skew_law){ .q = q,
                       .lo = lo,
                       .hi = hi,
                       .lo_q = lo_q,
                       .span_q = span,
                       .mean = m1,
                       .cv = sd / m1,
                       .log2_scale = log2(mean_load / m1),
                       .skewness = (m3 - 3 * m1 * m2 + 2 * m1 * m1 * m1) / (variance * sd) };
}

/* The share of experts with more than this load, and through *x^q the way there. */
static double share_above(const skew_law *w, double log2_load, double *x_q)
{
    double x = exp2(w->q * (log2_load - w->log2_scale)), hi_q = w->lo_q + w->span_q;
    *x_q = hg_clamp(x, fmin(w->lo_q, hi_q), fmax(w->lo_q, hi_q));
    return (hi_q - *x_q) / w->span_q;
}

/* The share of experts with a token when loads are rounded to whole tokens and the tokens that are
 * left over go to idle experts: P(load > ½) + E[load] − E[rounded load], which with the midpoint
 * rule above two is ∫₀² P(load > l) dl − P(load > 1½).  *filled: those that only got left-overs. */
static double active_share(const skew_law *w, double *filled)
{
    double x_q, scale = exp2(w->log2_scale);
    double above_half = share_above(w, -1, &x_q),
           above_one_and_half = share_above(w, 0.5849625, &x_q);
    share_above(w, 1, &x_q);
    double x = hg_clamp(2 / scale, w->lo, w->hi);
    double area = fmin(2, scale * w->lo) + scale / w->span_q *
                                               ((w->lo_q + w->span_q) * (x - w->lo) -
                                                (x_q * x - w->lo_q * w->lo) / (w->q + 1));
    double share = hg_clamp(area - above_one_and_half, 0, 1);
    *filled = fmax(0, share - above_half);
    return share;
}

/* Expected maximum of n standard normal draws, n = 1, 2, 4 … 1024. */
static double normal_maximum(double n)
{
    static const double at[] = { 0,     0.564, 1.029, 1.424, 1.766, 2.070,
                                 2.344, 2.595, 2.828, 3.046, 3.251 };
    double x = hg_clamp(log2(n), 0, 9.999);
    int i = (int)x;
    return at[i] + (at[i + 1] - at[i]) * (x - i);
}

/* The most loaded rank, in loads of the mean one: a sum of `experts` draws, its quantile by Cornish
 * and Fisher (1938). */
static double busiest_rank(const skew_law *w, double mean_load, double filled, double ranks,
                           double experts)
{
    double z = normal_maximum(ranks), root = sqrt(experts);
    double cv = sqrt(w->cv * w->cv + filled * (1 - filled) / (mean_load * mean_load));
    double above = cv / root * (z + w->skewness / (6 * root) * fmax(0, z * z - 1));
    return 1 + fmin(above, w->hi / w->mean - 1);
}

/* power_law_α, a law of load harnesses checked against how many experts' weights the
 * rows read (129 of 256 measured, 128 by it, at 32 tokens and α = 1.01): loads between 1 and 0.8 of
 * the tokens, or, when there are no more picks than experts, of 0.01 to 2. */
hg_load hg_skewed_load(double alpha, double tokens, double pairs, double all_experts, double ranks,
                       double experts)
{
    bool few = pairs <= all_experts;
    double mean_load = pairs / all_experts, filled;
    double hi = few ? 2 : fmax(1.25, 0.8 * tokens);
    skew_law w = law_of(alpha, few ? 0.01 : 1, hi, mean_load);
    double share = active_share(&w, &filled);
    double busier = busiest_rank(&w, mean_load, filled, ranks, experts);
    double here = pairs / ranks * busier;
    double active = experts * (1 - exp2(busier * log2(1 - share + 1e-9)));
    return (hg_load){ here, fmin(experts, fmax(active, fmin(1, here))) };
}

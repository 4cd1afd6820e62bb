#include "eval/evaluate.h"

#include <math.h>

/* Rates are the powers of STEP.  A search stops at two steps, the 2 % of the contract; what is reported is
 * known to one. */
const double hg_rate_step = 1.01;
enum { SEARCHED = 2, FOURFOLD = 139 /* 1.01^139 is 4 */, FAR = 5 * FOURFOLD, TRIES_MOST = 40, RETREATS = 9 };

/* Good deployments reach some four fifths of their bound: a search without a floor begins there. */
enum { BELOW_BOUND = 24, STRIDE_FIRST = 12 };

/* An interval wider than a factor of 1.5 says only that the percentile jumps. */
enum { INTERVAL_MOST = 41 };

typedef struct search {
    hg_arena *arena;
    const hg_problem *p;
    const hg_candidate *c;
    bool precise;
    void (*visit)(void *ctx, const hg_metrics *m);
    void *ctx;
} search;

/* In six figures, so that a rate that is printed is the rate that was meant. */
static double rate_of(int k)
{
    double exact = pow(hg_rate_step, k), unit = pow(10, 5 - floor(log10(exact)));
    return round(exact * unit) / unit;
}

static int step_below(double rate)
{
    return (int)floor(log(rate) / log(hg_rate_step) + 1e-3);
}

static void judge(search *s, int k, hg_metrics *m)
{
    hg_arena scratch = *s->arena;
    hg_run run = { .load = HG_LOAD_RATE, .rate_per_s = rate_of(k), .steady = true, .precise = s->precise };
    hg_evaluate(&scratch, s->p, s->c, &run, m);
    if (s->visit)
        s->visit(s->ctx, m);
}

static bool keeps(search *s, int k, hg_metrics *m)
{
    judge(s, k, m);
    return m->sim.slo_kept;
}

/* From a rate that is kept: growing strides up to the first that is not (or to hi, which, unless it was seen, is
 * only beyond the bound), then halving between, until no more than `apart` steps lie between them. */
static int climb(search *s, int lo, int hi, bool seen, int stride, int apart, hg_metrics *out)
{
    hg_metrics m;
    for (int i = 0; i < TRIES_MOST && hi - lo > (seen ? apart : 1) && !hg_problem_stopped(s->p); i++) {
        int next = seen ? lo + (hi - lo) / 2 : lo + stride < hi ? lo + stride : hi - 1;
        if (keeps(s, next, &m)) {
            lo = next;
            *out = m;
            stride *= 2;
        } else {
            hi = next;
            seen = true;
        }
    }
    return lo;
}

/* The first rate at which a floor can be passed.  Of good requests there are no more at a higher rate than
 * their part at a lower one says: so the next try lies where that part would do. */
static bool pass_floor(search *s, double floor, bool good, int most, int *k, hg_metrics *out)
{
    double wanted = floor * hg_rate_step * hg_rate_step;
    for (*k = step_below(floor) + SEARCHED;;) {
        if (!keeps(s, *k, out))
            return false;
        double part = good && out->sim.attained_frac > 0 ? out->sim.attained_frac : 1;
        if (part * out->rate_per_s >= wanted || hg_problem_stopped(s->p))
            return true;
        int next = step_below(wanted / part) + 1;
        *k = next > *k ? next : *k + 1;
        if (*k > most)
            return false;
    }
}

double hg_highest_rate(hg_arena *arena, const hg_problem *p, const hg_candidate *c, double floor, bool good,
                       double bound, hg_metrics *out,
                       void (*visit)(void *ctx, const hg_metrics *m), void *ctx)
{
    search s = { arena, p, c, false, visit, ctx };
    /* Above a floor only what beats it by more than the rate's precision counts, and gains are small; from
     * nothing the strides are large.  Light loads take most steps a request, so a search begins not far
     * below the bound. */
    int most = step_below(bound), hi = most + 1, lo = most - BELOW_BOUND, stride = STRIDE_FIRST;
    if (floor > 0 && !pass_floor(&s, floor, good, most, &lo, out))
        return 0;
    for (; !(floor > 0) && !keeps(&s, lo, out); stride *= 2) {
        if (lo <= most - FAR || hg_problem_stopped(p))
            return 0;
        hi = lo;
        lo -= stride;
    }
    return rate_of(climb(&s, lo, hi, hi <= most, floor > 0 ? SEARCHED : STRIDE_FIRST, SEARCHED, out));
}

/* The edge is found by runs that end when a limit is decided; the sharper look at it may take it back. */
double hg_settled_rate(hg_arena *arena, const hg_problem *p, const hg_candidate *c, double rate,
                       hg_metrics *out)
{
    search s = { arena, p, c, false, NULL, NULL };
    int k = step_below(rate), stride = 1;
    k = climb(&s, k, k + FAR, false, 1, 1, out);
    s.precise = true;
    for (int i = 0; i < RETREATS && !keeps(&s, k, out) && !hg_problem_stopped(p); i++, stride *= 2)
        k -= stride;
    return out->rate_per_s;
}

/* Is every limit surely kept (or, broken: is one surely broken)? */
static bool sure(const hg_problem *p, const hg_metrics *m, bool broken)
{
    bool all = true, any = m->sim.end == HG_END_SATURATED;
    for (int i = 0; i < p->slo.count; i++) {
        const hg_estimate *e = &m->sim.estimates[i];
        double limit = p->slo.limits[i].limit_s;
        any |= e->value_s - e->half_width_s > limit;
        all &= isnan(e->value_s) || e->value_s + e->half_width_s < limit;
    }
    return broken ? any : all && m->sim.end != HG_END_SATURATED;
}

/* The nearest rate in this direction about which there is no doubt. */
static int nearest_sure(search *s, int k, int direction)
{
    hg_metrics m;
    int doubt = 0, known = INTERVAL_MOST;
    for (int stride = 1; stride < INTERVAL_MOST && !hg_problem_stopped(s->p); stride *= 2) {
        judge(s, k + direction * stride, &m);
        if (sure(s->p, &m, direction > 0)) {
            known = stride;
            break;
        }
        doubt = stride;
    }
    while (known - doubt > 1 && !hg_problem_stopped(s->p)) {
        int middle = doubt + (known - doubt) / 2;
        judge(s, k + direction * middle, &m);
        *(sure(s->p, &m, direction > 0) ? &known : &doubt) = middle;
    }
    return k + direction * (known > SEARCHED ? known : SEARCHED);
}

void hg_rate_interval(hg_arena *arena, const hg_problem *p, const hg_candidate *c, double rate, double *lo,
                      double *hi)
{
    search s = { arena, p, c, true, NULL, NULL };
    int k = step_below(rate);
    *lo = rate_of(nearest_sure(&s, k, -1));
    *hi = rate_of(nearest_sure(&s, k, 1));
}

#include "eval/evaluate.h"

#include <math.h>

enum { TRIES_MOST = 24, SETTLING_TRIES = 12 };
static const double PRECISION = 1.02;

typedef struct search {
    hg_arena *arena;
    const hg_problem *p;
    const hg_candidate *c;
    void (*visit)(void *ctx, const hg_metrics *m);
    void *ctx;
} search;

static bool keeps(search *s, double rate, hg_metrics *m)
{
    hg_arena scratch = *s->arena;
    hg_run run = { .load = HG_LOAD_RATE, .rate_per_s = rate, .steady = true };
    hg_evaluate(&scratch, s->p, s->c, &run, m);
    if (s->visit)
        s->visit(s->ctx, m);
    return m->sim.slo_kept;
}

/* From a rate that is kept: growing strides up to the first that is not, then halving between. */
static double climb(search *s, double lo, double bound, double stride, hg_metrics *out)
{
    hg_metrics m;
    double hi = INFINITY;
    for (int i = 0; i < TRIES_MOST && hi > lo * PRECISION; i++) {
        double next = isinf(hi) ? fmin(lo * stride, bound) : sqrt(lo * hi);
        if (next <= lo)
            break;
        if (keeps(s, next, &m)) {
            lo = next;
            *out = m;
            stride *= stride;
        } else {
            hi = next;
        }
    }
    return lo;
}

double hg_highest_rate(hg_arena *arena, const hg_problem *p, const hg_candidate *c, double floor,
                       double bound, hg_metrics *out,
                       void (*visit)(void *ctx, const hg_metrics *m), void *ctx)
{
    search s = { arena, p, c, visit, ctx };
    /* Above a floor only what beats it by more than the rate's precision counts, and gains are small;
     * from nothing the bound is approached in large strides. */
    double lo = floor > 0 ? floor * PRECISION : bound / 1024;
    if (!keeps(&s, lo, out))
        return 0;
    return climb(&s, lo, bound, floor > 0 ? PRECISION : 4, out);
}

double hg_settled_rate(hg_arena *arena, const hg_problem *p, const hg_candidate *c, double rate,
                       hg_metrics *out)
{
    hg_arena scratch = *arena;
    hg_run run = { .load = HG_LOAD_RATE, .steady = true, .precise = true };
    double stride = PRECISION;
    for (int i = 0; i < SETTLING_TRIES; i++, rate /= stride, stride *= PRECISION) {
        scratch = *arena;
        run.rate_per_s = rate;
        hg_evaluate(&scratch, p, c, &run, out);
        if (out->sim.slo_kept)
            break;
    }
    return out->rate_per_s;
}

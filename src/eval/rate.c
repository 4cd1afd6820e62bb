#include "eval/evaluate.h"

#include <math.h>

enum { BISECTIONS_MOST = 24 };
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

double hg_highest_rate(hg_arena *arena, const hg_problem *p, const hg_candidate *c, double floor,
                       double bound, hg_metrics *out,
                       void (*visit)(void *ctx, const hg_metrics *m), void *ctx)
{
    search s = { arena, p, c, visit, ctx };
    double lo = floor > 0 ? floor : bound * 1e-3, hi = bound;
    hg_metrics m;
    if (!keeps(&s, lo, out))
        return 0;
    for (int i = 0; i < BISECTIONS_MOST && hi > lo * PRECISION; i++) {
        double mid = hi > 4 * lo ? lo * 4 : sqrt(lo * hi);
        if (keeps(&s, mid, &m)) {
            lo = mid;
            *out = m;
        } else {
            hi = mid;
        }
    }
    return lo;
}

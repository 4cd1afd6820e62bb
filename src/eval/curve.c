#include "eval/curve.h"

#include "base/num.h"

#include <math.h>

const double hg_curve_parts[HG_CURVE_POINTS] = { 0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 1, 1.1, 1.25 };

/* Enough for a p99, and for closed loops and replays that would go on for long. */
enum { LOOKED_AT = 2000, EACH_CLIENT = 4 };

double hg_curve_load(const hg_problem *p, double rate_per_s)
{
    switch (p->workload.load) {
    case HG_LOAD_CLOSED: return (double)p->workload.concurrency;
    case HG_LOAD_REPLAY: return p->workload.speedup > 0 ? p->workload.speedup : 1;
    default: return rate_per_s;
    }
}

static hg_run run_at(hg_problem *q, double load)
{
    hg_workload *w = &q->workload;
    if (w->load == HG_LOAD_CLOSED) {
        w->concurrency = hg_max_i64(1, (int64_t)llround(load));
        return (hg_run){ .load = w->load, .requests = (size_t)hg_max_i64(LOOKED_AT, EACH_CLIENT * w->concurrency) };
    }
    if (w->load == HG_LOAD_REPLAY) {
        w->speedup = load;
        return (hg_run){ .load = w->load };
    }
    return (hg_run){ .load = HG_LOAD_RATE, .rate_per_s = load, .steady = true };
}

void hg_curve_look(hg_arena scratch, const hg_problem *p, const hg_candidate *c, double load, hg_curve_point *out)
{
    hg_problem *q = HG_NEW(&scratch, hg_problem, 1);
    hg_metrics m;
    *q = *p;
    hg_run run = run_at(q, load);
    hg_evaluate(&scratch, q, c, &run, &m);
    *out = (hg_curve_point){ .load = q->workload.load == HG_LOAD_CLOSED ? (double)q->workload.concurrency : load,
                             .settled = m.sim.end != HG_END_SATURATED && m.sim.completed > 0,
                             .kept = m.sim.slo_kept, .attained_frac = m.sim.attained_frac };
    for (int k = 0; k < HG_METRICS; k++)
        out->latency[k] = m.sim.latency[k];
}

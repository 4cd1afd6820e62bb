#include "eval/goal.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>

const char *const hg_objective_names[HG_OBJECTIVES] = { "goodput-per-gpu", "throughput", "latency", "cost",
                                                        "energy" };

enum { LATENCY_REQUESTS = 64 };

static double devices(const hg_candidate *c)
{
    return (double)hg_deployment_devices(&c->deployment);
}

/* What one request a second is worth. */
static double worth(const hg_goal *g, const hg_candidate *c)
{
    const hg_problem *p = g->problem;
    switch (g->objective) {
    case HG_THROUGHPUT: return 1;
    case HG_COST: return 1 / (devices(c) * (p->price_usd_per_s > 0 ? p->price_usd_per_s : 1));
    case HG_ENERGY: return 1 / (devices(c) * p->rates.device.power_w);
    default: return 1 / devices(c);
    }
}

double hg_goal_bound(const hg_goal *g, const hg_candidate *c, double bound_rate)
{
    const hg_workload *w = &g->problem->workload;
    if (w->load == HG_LOAD_RATE && bound_rate < w->rate_per_s)
        return 0;
    if (w->load != HG_LOAD_NONE)
        return 2 / devices(c);
    return g->objective == HG_LATENCY ? INFINITY : bound_rate * worth(g, c);
}

static double score_latency(const hg_goal *g, hg_arena *arena, const hg_candidate *c, hg_metrics *out,
                            hg_visit *visit, void *ctx)
{
    hg_problem alone = *g->problem;
    alone.workload.concurrency = 1;
    hg_run run = { .load = HG_LOAD_CLOSED, .requests = LATENCY_REQUESTS };
    hg_evaluate(arena, &alone, c, &run, out);
    if (visit)
        visit(ctx, out);
    return out->sim.slo_kept ? 1 / out->sim.latency[HG_E2E].mean : 0;
}

/* Under the user's own load the fewest devices win; among equals the better attainment. */
static double score_load(const hg_goal *g, hg_arena *arena, const hg_candidate *c, hg_metrics *out,
                         hg_visit *visit, void *ctx)
{
    const hg_workload *w = &g->problem->workload;
    hg_run run = { .load = w->load, .rate_per_s = w->rate_per_s, .steady = w->load == HG_LOAD_RATE };
    hg_evaluate(arena, g->problem, c, &run, out);
    if (visit)
        visit(ctx, out);
    return out->sim.slo_kept ? (1 + 1 / (1 + out->sim.latency[HG_E2E].mean)) / devices(c) : 0;
}

/* The score of metrics taken at the highest rate that keeps the promise. */
static double score_rate(const hg_goal *g, const hg_candidate *c, const hg_metrics *m)
{
    if (!m->sim.slo_kept)
        return 0;
    return g->objective == HG_ENERGY ? (double)m->sim.completed / m->energy_j : m->rate_per_s * worth(g, c);
}

double hg_goal_settle(const hg_goal *g, hg_arena *arena, const hg_candidate *c, hg_metrics *m)
{
    if (g->problem->workload.load != HG_LOAD_NONE)
        return score_load(g, arena, c, m, NULL, NULL);
    if (g->objective == HG_LATENCY)
        return score_latency(g, arena, c, m, NULL, NULL);
    hg_settled_rate(arena, g->problem, c, m->rate_per_s, m);
    return score_rate(g, c, m);
}

double hg_goal_score(const hg_goal *g, hg_arena *arena, const hg_candidate *c, double floor,
                     double bound_rate, hg_metrics *out, hg_visit *visit, void *ctx)
{
    if (g->problem->workload.load != HG_LOAD_NONE)
        return score_load(g, arena, c, out, visit, ctx);
    if (g->objective == HG_LATENCY)
        return score_latency(g, arena, c, out, visit, ctx);
    /* Energy a request falls with idle power too, so a floor on it is none on the rate. */
    double floor_rate = g->objective == HG_ENERGY ? 0 : floor / worth(g, c);
    hg_highest_rate(arena, g->problem, c, floor_rate, bound_rate, out, visit, ctx);
    return score_rate(g, c, out);
}

const char *hg_goal_text(hg_arena *arena, const hg_goal *g, double score)
{
    const char *const forms[HG_OBJECTIVES] = {
        [HG_GOODPUT_PER_GPU] = "%.3g req/s per GPU", [HG_THROUGHPUT] = "%.3g req/s",
        [HG_LATENCY] = "%.3g s a request",           [HG_COST] = "%.3g requests per USD",
        [HG_ENERGY] = "%.3g J a request",
    };
    if (g->problem->workload.load != HG_LOAD_NONE)
        return score > 0 ? "keeps the promise" : "does not keep the promise";
    bool inverse = g->objective == HG_LATENCY || g->objective == HG_ENERGY;
    char text[64];
    snprintf(text, sizeof text, forms[g->objective], inverse ? 1 / score : score);
    return hg_strdup(arena, text);
}

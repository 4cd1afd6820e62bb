#include "eval/goal.h"

#include "base/text.h"
#include "eval/bound.h"
#include "eval/fleet.h"

#include <math.h>

enum { LATENCY_REQUESTS = 64 };

bool hg_goal_alone(const hg_goal *g)
{
    return g->problem->workload.load == HG_LOAD_NONE && g->objectives.of[0] == HG_LATENCY &&
           (g->objectives.in_turn || g->objectives.count == 1);
}

static bool loaded(const hg_goal *g)
{
    return g->problem->workload.load != HG_LOAD_NONE;
}

static double devices(const hg_candidate *c)
{
    return (double)hg_candidate_devices(c);
}

static bool looks_at(const hg_goal *g, hg_objective o)
{
    return hg_objectives_first(&g->objectives, o);
}

/* ---- without a load ---- */

/* Of those that decide first, at one request a second; latency as given. */
static double worth_on(const hg_goal *g, double n, double latency)
{
    double value[HG_OBJECTIVES];
    for (int i = 0; i < g->objectives.count; i++)
        value[i] = g->objectives.of[i] == HG_LATENCY ? latency : hg_objective_worth(g->problem, g->objectives.of[i], n);
    return hg_objectives_weigh(&g->objectives, value);
}

/* The part of the score that grows with the rate: the rate to this power. */
static double rate_power(const hg_goal *g)
{
    double power = 1;
    for (int i = 0; i < g->objectives.count && !g->objectives.in_turn; i++)
        power -= g->objectives.of[i] == HG_LATENCY ? g->objectives.weight[i] : 0;
    return power;
}

/* A request alone, answered at no less than its steps take. */
static double most_latency(const hg_goal *g, hg_arena scratch, const hg_candidate *c)
{
    return looks_at(g, HG_LATENCY) ? 1 / hg_bound_alone_s(scratch, g->problem, c, LATENCY_REQUESTS) : 1;
}

double hg_goal_bound(const hg_goal *g, hg_arena scratch, const hg_candidate *c, double bound_rate)
{
    if (loaded(g))
        return hg_fleet_bound(g, scratch, c, bound_rate);
    if (hg_goal_alone(g))
        return most_latency(g, scratch, c);
    return pow(bound_rate, rate_power(g)) * worth_on(g, devices(c), most_latency(g, scratch, c));
}

double hg_goal_pools_bound(const hg_goal *g, int64_t n, double bound_rate)
{
    return loaded(g) ? hg_fleet_pools_bound(g, n, bound_rate) : bound_rate * worth_on(g, (double)n, 1);
}

static double score_alone(const hg_goal *g, hg_arena *arena, const hg_candidate *c, hg_metrics *out, hg_visit *visit, void *ctx)
{
    hg_problem alone = *g->problem;
    alone.workload.concurrency = 1;
    hg_run run = { .load = HG_LOAD_CLOSED, .requests = LATENCY_REQUESTS };
    hg_evaluate(arena, &alone, c, &run, out);
    out->alone_s = out->sim.latency[HG_E2E].mean;
    if (visit)
        visit(ctx, out);
    bool good = out->sim.slo_kept || (g->problem->slo.count == 0 && out->sim.completed > 0);
    return good ? 1 / out->alone_s : 0;
}

/* How long one request alone takes, beside the figures of many. */
static void look_alone(const hg_goal *g, hg_arena scratch, const hg_candidate *c, hg_metrics *m)
{
    hg_metrics alone;
    if (!hg_objectives_any(&g->objectives, HG_LATENCY))
        return;
    score_alone(g, &scratch, c, &alone, NULL, NULL);
    m->alone_s = alone.alone_s;
}

/* The score of metrics taken at the highest rate that keeps the promise. */
static double score_rate(const hg_goal *g, hg_arena *arena, const hg_candidate *c, hg_metrics *m)
{
    double value[HG_OBJECTIVES];
    if (!m->sim.slo_kept)
        return 0;
    look_alone(g, *arena, c, m);
    for (int i = 0; i < g->objectives.count; i++)
        value[i] = hg_objective_value(g->problem, g->objectives.of[i], devices(c), m);
    return hg_objectives_weigh(&g->objectives, value);
}

double hg_goal_settle(const hg_goal *g, hg_arena *arena, const hg_candidate *c, hg_metrics *m)
{
    if (loaded(g))
        return hg_fleet_settle(g, arena, c, m);
    if (hg_goal_alone(g))
        return score_alone(g, arena, c, m, NULL, NULL);
    if (!(m->rate_per_s > 0))
        return 0;
    hg_settled_rate(arena, g->problem, c, m->rate_per_s, m);
    return score_rate(g, arena, c, m);
}

/* Energy a request falls with idle power too, so a floor on it is none on the rate.  Good requests are some of all, so a
 * floor on them is one. */
static double floor_rate(const hg_goal *g, hg_arena scratch, const hg_candidate *c, double floor)
{
    if (!(floor > 0) || looks_at(g, HG_ENERGY))
        return 0;
    return pow(floor / worth_on(g, devices(c), most_latency(g, scratch, c)), 1 / rate_power(g));
}

static bool good_alone(const hg_goal *g)
{
    return g->objectives.of[0] == HG_GOODPUT_PER_GPU && (g->objectives.in_turn || g->objectives.count == 1);
}

double hg_goal_score(const hg_goal *g, hg_arena *arena, const hg_candidate *c, double floor,
                     double bound_rate, hg_metrics *out, hg_visit *visit, void *ctx)
{
    if (loaded(g))
        return hg_fleet_score(g, arena, c, floor, bound_rate, out, visit, ctx);
    if (hg_goal_alone(g))
        return score_alone(g, arena, c, out, visit, ctx);
    hg_highest_rate(arena, g->problem, c, floor_rate(g, *arena, c, floor), good_alone(g), bound_rate, out, visit, ctx);
    return score_rate(g, arena, c, out);
}

double hg_goal_near(const hg_goal *g, hg_arena *arena, const hg_candidate *c, const hg_metrics *near, hg_metrics *out)
{
    static const double starts[] = { 0.97, 0.6 };
    bool rates = !loaded(g) && !hg_goal_alone(g), found = false;
    hg_demand demand = hg_demand_of(*arena, &g->problem->workload, &g->problem->slo);
    double bound = hg_bound_rate(*arena, g->problem, &demand, c);
    for (size_t i = 0; rates && !found && i < sizeof starts / sizeof *starts; i++)
        found = hg_highest_rate(arena, g->problem, c, starts[i] * near->rate_per_s, false, bound, out, NULL, NULL) > 0;
    return found ? score_rate(g, arena, c, out) : hg_goal_score(g, arena, c, 0, bound, out, NULL, NULL);
}

const char *hg_goal_text(hg_arena *arena, const hg_goal *g, double n, const hg_metrics *m)
{
    hg_buf b = { .arena = arena };
    for (int i = 0; i < g->objectives.count; i++) {
        hg_objective o = g->objectives.of[i];
        hg_buf_printf(&b, "%s%s", i ? ", " : "", hg_objective_say(arena, o, hg_objective_value(g->problem, o, n, m)));
    }
    return b.s;
}

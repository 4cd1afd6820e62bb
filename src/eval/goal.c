#include "eval/goal.h"

#include "base/text.h"
#include "eval/bound.h"

#include <math.h>

const char *const hg_objective_names[HG_OBJECTIVES] = { "goodput-per-gpu", "throughput", "latency", "cost",
                                                        "energy" };

enum { LATENCY_REQUESTS = 64 };

/* Where --total-gpus is "any", so many are looked at. */
static const int64_t ANY_DEVICES = 1024;

static double devices(const hg_candidate *c)
{
    return (double)hg_candidate_devices(c);
}

static double engine_devices(const hg_candidate *c)
{
    return devices(c) / (double)c->deployment.replicas;
}

/* What one request a second is worth on so many devices. */
static double worth_on(const hg_goal *g, double n)
{
    const hg_problem *p = g->problem;
    switch (g->objective) {
    case HG_THROUGHPUT: return 1;
    case HG_COST: return 1 / (n * (p->price_usd_per_s > 0 ? p->price_usd_per_s : 1));
    case HG_ENERGY: return 1 / (n * p->rates.device.power_w);
    default: return 1 / n;
    }
}

static double worth(const hg_goal *g, const hg_candidate *c)
{
    return worth_on(g, devices(c));
}

/* ---- under the user's own load: the fewest engines ---- */

/* The i-th count of engines that may be tried; 0: there are no more. */
static int64_t count_at(const hg_goal *g, const hg_candidate *c, size_t i)
{
    int64_t all = g->total_devices > 0 ? g->total_devices : ANY_DEVICES;
    int64_t most = (int64_t)((double)all / engine_devices(c));
    if (g->replica_count == 0 || c->prefill) /* pools have the sizes they have */
        return i == 0 ? c->deployment.replicas : 0;
    if (i < g->replica_count && g->replicas[i] <= most)
        return g->replicas[i];
    bool after = i == 0 || (i <= g->replica_count && g->replicas[i - 1] < most);
    return g->fill && after ? most : 0;
}

/* Of n engines no score is above this; among equals the better mean answer wins, by less than twice. */
static double most_score(const hg_candidate *c, int64_t n)
{
    return 2 / (engine_devices(c) * (double)n);
}

/* The first count that could serve the rate at all. */
static size_t first_count(const hg_goal *g, const hg_candidate *c, double bound_rate)
{
    const hg_workload *w = &g->problem->workload;
    double each = bound_rate / (double)c->deployment.replicas;
    size_t i = 0;
    while (w->load == HG_LOAD_RATE && count_at(g, c, i) && each * (double)count_at(g, c, i) < w->rate_per_s)
        i++;
    return i;
}

typedef struct fleet {
    const hg_goal *goal;
    hg_arena *arena;
    const hg_candidate *candidate;
    bool precise;
    hg_visit *visit;
    void *ctx;
} fleet;

/* Do n engines keep the promise? */
static bool enough(const fleet *f, int64_t n, hg_metrics *out)
{
    const hg_problem *p = f->goal->problem;
    const hg_workload *w = &p->workload;
    hg_arena scratch = *f->arena;
    hg_candidate *c = HG_NEW(&scratch, hg_candidate, 1);
    *c = *f->candidate;
    c->deployment.replicas = n;
    hg_run run = { .load = w->load, .rate_per_s = w->rate_per_s, .steady = w->load == HG_LOAD_RATE,
                   .precise = f->precise };
    hg_evaluate(&scratch, p, c, &run, out);
    if (f->visit)
        f->visit(f->ctx, out);
    return out->sim.slo_kept;
}

static double score_fleet(const hg_candidate *c, const hg_metrics *m)
{
    double used = engine_devices(c) * (double)m->replicas;
    return m->sim.slo_kept ? (1 + 1 / (1 + m->sim.latency[HG_E2E].mean)) / used : 0;
}

/* Between two counts of the list, where the counts are ours. */
static void refine(const fleet *f, int64_t too_few, hg_metrics *out)
{
    hg_metrics m;
    int64_t hi = out->replicas;
    while (f->goal->fill && hi - too_few > 1 && !hg_problem_stopped(f->goal->problem)) {
        int64_t middle = too_few + (hi - too_few) / 2;
        bool ok = enough(f, middle, &m);
        if (ok)
            *out = m;
        *(ok ? &hi : &too_few) = middle;
    }
}

/* What a floor leaves is tried first: most deployments fail there and need no second look.  Without one,
 * growing strides from the fewest that the bound allows; then halving. */
static double fewest(const fleet *f, double floor, double bound_rate, hg_metrics *out)
{
    const hg_candidate *c = f->candidate;
    hg_metrics m;
    size_t first = first_count(f->goal, c, bound_rate), end = first;
    while (count_at(f->goal, c, end) && most_score(c, count_at(f->goal, c, end)) > floor)
        end++;
    size_t lo = first, hi = end, stride = 1; /* below lo too few, at hi enough (or the end) */
    for (size_t i = floor > 0 ? end - 1 : first; lo < end && hi == end;) {
        if (hg_problem_stopped(f->goal->problem))
            return 0;
        if (enough(f, count_at(f->goal, c, i), &m)) {
            hi = i;
            *out = m;
            break;
        }
        *out = m;
        lo = i + 1;
        i = i + stride < end ? i + stride : end - 1;
        stride *= 2;
    }
    while (lo < hi && hi < end && !hg_problem_stopped(f->goal->problem)) {
        size_t middle = lo + (hi - lo) / 2;
        bool ok = enough(f, count_at(f->goal, c, middle), &m);
        if (ok)
            *out = m;
        *(ok ? &hi : &lo) = ok ? middle : middle + 1;
    }
    if (hi < end && hi > first)
        refine(f, count_at(f->goal, c, hi - 1), out);
    return hi < end ? score_fleet(c, out) : 0;
}

/* The count after n that may be tried; 0: there is none. */
static int64_t next_count(const hg_goal *g, const hg_candidate *c, int64_t n)
{
    size_t i = 0;
    while (count_at(g, c, i) && count_at(g, c, i) <= n)
        i++;
    return g->fill && count_at(g, c, i) ? n + 1 : count_at(g, c, i);
}

/* The sharper look may want an engine more. */
static double settle_fleet(const fleet *f, hg_metrics *m)
{
    for (int64_t n = m->replicas; n && !hg_problem_stopped(f->goal->problem); n = next_count(f->goal, f->candidate, n))
        if (enough(f, n, m))
            break;
    return score_fleet(f->candidate, m);
}

/* ---- without a load ---- */

double hg_goal_bound(const hg_goal *g, const hg_candidate *c, double bound_rate)
{
    if (g->problem->workload.load != HG_LOAD_NONE) {
        int64_t n = count_at(g, c, first_count(g, c, bound_rate));
        return n ? most_score(c, n) : 0;
    }
    return g->objective == HG_LATENCY ? INFINITY : bound_rate * worth(g, c);
}

double hg_goal_pools_bound(const hg_goal *g, int64_t devices, double bound_rate)
{
    const hg_workload *w = &g->problem->workload;
    if (w->load == HG_LOAD_NONE)
        return bound_rate * worth_on(g, (double)devices);
    return w->load == HG_LOAD_RATE && bound_rate < w->rate_per_s ? 0 : 2 / (double)devices;
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
    bool good = out->sim.slo_kept || (g->problem->slo.count == 0 && out->sim.completed > 0);
    return good ? 1 / out->sim.latency[HG_E2E].mean : 0;
}

/* The score of metrics taken at the highest rate that keeps the promise. */
static double score_rate(const hg_goal *g, const hg_candidate *c, const hg_metrics *m)
{
    if (!m->sim.slo_kept)
        return 0;
    switch (g->objective) {
    case HG_ENERGY: return (double)m->sim.completed / m->energy_j;
    case HG_GOODPUT_PER_GPU: return m->goodput_per_device;
    default: return m->rate_per_s * worth(g, c);
    }
}

double hg_goal_settle(const hg_goal *g, hg_arena *arena, const hg_candidate *c, hg_metrics *m)
{
    if (g->problem->workload.load != HG_LOAD_NONE)
        return settle_fleet(&(fleet){ .goal = g, .arena = arena, .candidate = c, .precise = true }, m);
    if (g->objective == HG_LATENCY)
        return score_latency(g, arena, c, m, NULL, NULL);
    if (!(m->rate_per_s > 0))
        return 0;
    hg_settled_rate(arena, g->problem, c, m->rate_per_s, m);
    return score_rate(g, c, m);
}

double hg_goal_score(const hg_goal *g, hg_arena *arena, const hg_candidate *c, double floor,
                     double bound_rate, hg_metrics *out, hg_visit *visit, void *ctx)
{
    if (g->problem->workload.load != HG_LOAD_NONE) {
        fleet f = { .goal = g, .arena = arena, .candidate = c, .visit = visit, .ctx = ctx };
        return fewest(&f, floor, bound_rate, out);
    }
    if (g->objective == HG_LATENCY)
        return score_latency(g, arena, c, out, visit, ctx);
    /* Energy a request falls with idle power too, so a floor on it is none on the rate.  Good requests are
     * some of all, so a floor on them is one. */
    double floor_rate = g->objective == HG_ENERGY ? 0 : floor / worth(g, c);
    hg_highest_rate(arena, g->problem, c, floor_rate, g->objective == HG_GOODPUT_PER_GPU, bound_rate, out, visit, ctx);
    return score_rate(g, c, out);
}

double hg_goal_near(const hg_goal *g, hg_arena *arena, const hg_candidate *c, const hg_metrics *near, bool settle,
                    hg_metrics *out)
{
    static const double starts[] = { 0.97, 0.6 };
    bool rates = g->problem->workload.load == HG_LOAD_NONE && g->objective != HG_LATENCY, found = false;
    hg_demand demand = hg_demand_of(*arena, &g->problem->workload, &g->problem->slo);
    double bound = hg_bound_rate(*arena, g->problem, &demand, c);
    for (size_t i = 0; rates && !found && i < sizeof starts / sizeof *starts; i++)
        found = hg_highest_rate(arena, g->problem, c, starts[i] * near->rate_per_s, false, bound, out, NULL, NULL) > 0;
    double score = found ? score_rate(g, c, out) : hg_goal_score(g, arena, c, 0, bound, out, NULL, NULL);
    return settle ? hg_goal_settle(g, arena, c, out) : score;
}

const char *hg_goal_text(hg_arena *arena, const hg_goal *g, double score)
{
    static const char *const units[HG_OBJECTIVES] = {
        [HG_GOODPUT_PER_GPU] = "good req/s per GPU", [HG_THROUGHPUT] = "req/s", [HG_LATENCY] = "s a request",
        [HG_COST] = "requests per USD",              [HG_ENERGY] = "J a request",
    };
    if (g->problem->workload.load != HG_LOAD_NONE)
        return score > 0 ? "keeps the promise" : "does not keep the promise";
    bool inverse = g->objective == HG_LATENCY || g->objective == HG_ENERGY;
    return hg_textf(arena, "%s %s", hg_figures(arena, inverse ? 1 / score : score, 3), units[g->objective]);
}

#include "eval/fleet.h"

#include "base/num.h"
#include "eval/bound.h"

#include <math.h>

static double engine_devices(const hg_candidate *c)
{
    return (double)hg_candidate_devices(c) / (double)c->deployment.replicas;
}

/* ---- what so many devices are worth ---- */

/* Fewer devices are worth more; among equals the better mean answer wins, by less than a device more would lose. */
static double worth_of_devices(double devices, double e2e_s)
{
    return (1 + 1 / (devices * (1 + e2e_s))) / devices;
}

bool hg_fleet_by_devices(const hg_goal *g)
{
    return !hg_objectives_first(&g->objectives, HG_LATENCY) && !hg_objectives_first(&g->objectives, HG_ENERGY);
}

static double part(const hg_problem *p, hg_objective o, double devices, double latency, double energy)
{
    return o == HG_LATENCY ? latency : o == HG_ENERGY ? energy : hg_objective_worth(p, o, devices);
}

static double weigh(const hg_goal *g, double devices, double latency, double energy)
{
    double value[HG_OBJECTIVES];
    for (int i = 0; i < g->objectives.count; i++)
        value[i] = part(g->problem, g->objectives.of[i], devices, latency, energy);
    return hg_objectives_weigh(&g->objectives, value);
}

static double score_of(const hg_goal *g, const hg_candidate *c, const hg_metrics *m)
{
    double used = engine_devices(c) * (double)m->replicas, e2e_s = m->sim.latency[HG_E2E].mean;
    if (!m->sim.slo_kept)
        return 0;
    return hg_fleet_by_devices(g) ? worth_of_devices(used, e2e_s) : weigh(g, used, 1 / e2e_s, hg_objective_value(g->problem, HG_ENERGY, used, m));
}

/* ---- how many ---- */

static int64_t most_engines(const hg_goal *g, const hg_candidate *c)
{
    int64_t all = g->total_devices > 0 ? g->total_devices : HG_ANY_DEVICES;
    return (int64_t)((double)all / engine_devices(c));
}

/* Every count may be tried, or those of a list. */
static bool any_count(const hg_goal *g, const hg_candidate *c)
{
    return g->fill && g->replica_count > 0 && !c->prefill;
}

/* The i-th count of engines that may be tried; 0: there are no more. */
static int64_t count_at(const hg_goal *g, const hg_candidate *c, size_t i)
{
    int64_t most = most_engines(g, c);
    if (g->replica_count == 0 || c->prefill) /* pools have the sizes they have */
        return i == 0 ? c->deployment.replicas : 0;
    if (g->fill)
        return (int64_t)i < most ? (int64_t)i + 1 : 0;
    return i < g->replica_count && g->replicas[i] <= most ? g->replicas[i] : 0;
}

/* Of n engines no score is above this, where devices decide. */
static double most_score(const hg_candidate *c, int64_t n)
{
    return worth_of_devices(engine_devices(c) * (double)n, 0);
}

/* The first count that could serve the rate at all. */
static size_t first_count(const hg_goal *g, const hg_candidate *c, double bound_rate)
{
    const hg_workload *w = &g->problem->workload;
    double each = bound_rate / (double)c->deployment.replicas;
    size_t i = 0;
    if (w->load == HG_LOAD_RATE && any_count(g, c))
        return (size_t)fmin(fmax(0, ceil(w->rate_per_s / each) - 1), (double)most_engines(g, c));
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

/* Behind the last count from `first` on whose score can exceed the floor. */
static size_t end_of_counts(const fleet *f, size_t first, double floor)
{
    const hg_goal *g = f->goal;
    const hg_candidate *c = f->candidate;
    size_t lo = first, hi = any_count(g, c) ? (size_t)most_engines(g, c) : g->replica_count + 1;
    while (lo < hi) { /* scores fall with the count */
        size_t middle = lo + (hi - lo) / 2;
        int64_t n = count_at(g, c, middle);
        bool may = n && (!hg_fleet_by_devices(g) || most_score(c, n) > floor);
        *(may ? &lo : &hi) = may ? middle + 1 : middle;
    }
    return lo;
}

/* What a floor leaves is tried first: most deployments fail there and need no second look.  Without one,
 * growing strides from the fewest that the bound allows; then halving. */
static double fewest(const fleet *f, double floor, double bound_rate, hg_metrics *out)
{
    const hg_candidate *c = f->candidate;
    hg_metrics m;
    bool decide = hg_fleet_by_devices(f->goal);
    size_t first = first_count(f->goal, c, bound_rate), end = end_of_counts(f, first, floor);
    size_t lo = first, hi = end, stride = 1; /* below lo too few, at hi enough (or the end) */
    for (size_t i = floor > 0 && decide ? end - 1 : first; lo < end && hi == end;) {
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
    return hi < end ? score_of(f->goal, c, out) : 0;
}

/* The count after n that may be tried; 0: there is none. */
static int64_t next_count(const hg_goal *g, const hg_candidate *c, int64_t n)
{
    size_t i = any_count(g, c) ? (size_t)n : 0;
    while (count_at(g, c, i) && count_at(g, c, i) <= n)
        i++;
    return count_at(g, c, i);
}

/* Where answers count too, more engines than the fewest may be worth their cost: twice as many, and so on. */
static double best_count(const fleet *f, double floor, double bound_rate, hg_metrics *out)
{
    const hg_goal *g = f->goal;
    const hg_candidate *c = f->candidate;
    double best = fewest(f, floor, bound_rate, out);
    hg_metrics m;
    if (!(best > 0) || !hg_objectives_first(&g->objectives, HG_LATENCY) || g->replica_count == 0 || c->prefill)
        return best;
    int64_t most = g->fill ? most_engines(g, c) : g->replicas[g->replica_count - 1];
    for (int64_t n = out->replicas; n < most && !hg_problem_stopped(g->problem);) {
        n = hg_min_i64(2 * n, most);
        double score = enough(f, n, &m) ? score_of(g, c, &m) : 0;
        if (score <= best)
            continue;
        best = score;
        *out = m;
    }
    return best;
}

double hg_fleet_score(const hg_goal *g, hg_arena *arena, const hg_candidate *c, double floor, double bound_rate, hg_metrics *out,
                      hg_visit *visit, void *ctx)
{
    fleet f = { .goal = g, .arena = arena, .candidate = c, .visit = visit, .ctx = ctx };
    return best_count(&f, floor, bound_rate, out);
}

/* The sharper look may want an engine more. */
double hg_fleet_settle(const hg_goal *g, hg_arena *arena, const hg_candidate *c, hg_metrics *m)
{
    fleet f = { .goal = g, .arena = arena, .candidate = c, .precise = true };
    for (int64_t n = m->replicas; n && !hg_problem_stopped(g->problem); n = next_count(g, c, n))
        if (enough(&f, n, m))
            break;
    return score_of(g, c, m);
}

/* Of energy: were all engines' time spent on work. */
static double most_energy(const hg_goal *g, double devices, double bound_rate)
{
    return bound_rate * hg_objective_worth(g->problem, HG_ENERGY, devices);
}

double hg_fleet_bound(const hg_goal *g, hg_arena scratch, const hg_candidate *c, double bound_rate)
{
    int64_t n = count_at(g, c, first_count(g, c, bound_rate));
    double devices = engine_devices(c) * (double)n;
    if (n == 0)
        return 0;
    if (hg_fleet_by_devices(g))
        return most_score(c, n);
    bool latency = hg_objectives_first(&g->objectives, HG_LATENCY);
    return weigh(g, devices, latency ? 1 / hg_bound_alone_s(scratch, g->problem, c, 0) : 1,
                 most_energy(g, (double)hg_candidate_devices(c), bound_rate));
}

double hg_fleet_pools_bound(const hg_goal *g, int64_t devices, double bound_rate)
{
    const hg_workload *w = &g->problem->workload;
    double n = (double)devices;
    if (w->load == HG_LOAD_RATE && bound_rate < w->rate_per_s)
        return 0;
    return hg_fleet_by_devices(g) ? worth_of_devices(n, 0) : weigh(g, n, INFINITY, most_energy(g, n, bound_rate));
}

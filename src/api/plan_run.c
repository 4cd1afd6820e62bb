#include "api/plan_run.h"

#include "base/num.h"
#include "base/pool.h"
#include "search/search.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    POINTS_EACH = 24, /* simulations of one candidate that are remembered for the Pareto front */
    SHAPES_LEAST = 5, /* so many of the best are found however few are shown: the front needs them */
};

/* How full an engine got on both sides of the highest rate that keeps the promise. */
typedef struct edge {
    bool seen;
    double kept_rate, broken_rate;
    int64_t kept_running, broken_running;
} edge;

typedef struct planner {
    hg_ask *ask;
    const hg_goal *goal;
    hg_candidate **candidates;
    size_t count;
    double *bounds;
    size_t *shapes;            /* the first candidate of the same shape */
    size_t *budgets;           /* … and of the same token budget */
    hg_point *best;            /* of each candidate */
    hg_point **points;         /* a list a candidate: no order of threads shows */
    size_t *point_counts;
    edge *edges;
    hg_arena *arenas;          /* one a thread */
    hg_found found;
} planner;

typedef struct watcher {
    planner *w;
    size_t i;
} watcher;

/* A candidate as it ran: under a given load with engines of another number than its own. */
static hg_point point_at(const hg_candidate *c, const hg_metrics *m)
{
    hg_point p = { c->deployment, *m, 0 };
    p.deployment.replicas = m->replicas ? m->replicas : p.deployment.replicas;
    return p;
}

static void note_edge(edge *e, const hg_metrics *m)
{
    e->seen = true;
    if (m->sim.slo_kept && m->rate_per_s >= e->kept_rate) {
        e->kept_rate = m->rate_per_s;
        e->kept_running = m->sim.most_running;
    }
    if (!m->sim.slo_kept && (e->broken_rate == 0 || m->rate_per_s < e->broken_rate)) {
        e->broken_rate = m->rate_per_s;
        e->broken_running = m->sim.most_running;
    }
}

static void keep_point(void *ctx, const hg_metrics *m)
{
    watcher *see = ctx;
    size_t *n = &see->w->point_counts[see->i];
    note_edge(&see->w->edges[see->i], m);
    if (*n < POINTS_EACH)
        see->w->points[see->i][(*n)++] = point_at(see->w->candidates[see->i], m);
}

static bool same_shape(const hg_deployment *a, const hg_deployment *b)
{
    return a->tp == b->tp && a->pp == b->pp && a->dp == b->dp && a->ep == b->ep &&
           a->replicas == b->replicas && a->precision == b->precision && a->kv_dtype == b->kv_dtype &&
           a->draft_tokens == b->draft_tokens;
}

/* A group is a shape: what stays open in it are the engine's limits. */
static void find_shapes(planner *w, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t k = 0;
        while (!same_shape(&w->candidates[k]->deployment, &w->candidates[i]->deployment))
            k++;
        w->shapes[i] = k;
        while (!same_shape(&w->candidates[k]->deployment, &w->candidates[i]->deployment) ||
               w->candidates[k]->deployment.max_num_batched_tokens !=
                   w->candidates[i]->deployment.max_num_batched_tokens)
            k++;
        w->budgets[i] = k;
    }
}

static size_t budget_of(void *ctx, size_t i)
{
    return ((planner *)ctx)->budgets[i];
}

/* Candidates of a shape price a step alike: what one has computed the others find.  Steps that differ all the
 * same keep a memo of their own. */
static void share_prices(hg_arena *arena, planner *w, size_t count)
{
    enum { TOKENS = 1 << 14, SEQUENCES = 1 << 10 };
    for (size_t i = 0; i < count; i++) {
        hg_candidate *c = w->candidates[i], *first = w->candidates[w->shapes[i]];
        bool equal = first->memo && first->step.count == c->step.count &&
                     memcmp(first->step.items, c->step.items, (size_t)c->step.count * sizeof *c->step.items) == 0;
        c->memo = equal ? first->memo : hg_step_memo_new(arena, TOKENS, SEQUENCES);
    }
}

/* A limit that was not reached on either side of the edge is as good as a larger or smaller one that would not
 * have been: the engine's steps are the same. */
static bool needless(void *ctx, size_t i)
{
    planner *w = ctx;
    const hg_candidate *c = w->candidates[i];
    for (size_t k = 0; k < w->count; k++) {
        const hg_candidate *like = w->candidates[k];
        const edge *e = &w->edges[k];
        if (!e->seen || w->budgets[k] != w->budgets[i] || like->step.graph_tokens != c->step.graph_tokens)
            continue;
        int64_t limit = hg_min_i64(like->deployment.max_num_seqs, c->deployment.max_num_seqs);
        if (e->kept_running < limit && e->broken_running < limit)
            return true;
    }
    return false;
}

static size_t shape_of(void *ctx, size_t i)
{
    return ((planner *)ctx)->shapes[i];
}

static double bound(void *ctx, size_t i)
{
    planner *w = ctx;
    return hg_goal_bound(w->goal, w->candidates[i], w->bounds[i]);
}

static double score(void *ctx, size_t i, double floor, int thread)
{
    planner *w = ctx;
    watcher see = { w, i };
    hg_arena scratch = w->arenas[thread];
    hg_metrics m = { 0 };
    double score = hg_goal_score(w->goal, &scratch, w->candidates[i], floor, w->bounds[i], &m, keep_point, &see);
    w->best[i] = point_at(w->candidates[i], &m);
    return w->best[i].score = score;
}

static bool stopped(void *ctx)
{
    return hg_stopped(((planner *)ctx)->ask);
}

static void progress(void *ctx, double done_frac)
{
    hg_progress(((planner *)ctx)->ask, done_frac, "searching");
}

/* Reasons of one kind differ in numbers only. */
static bool same_kind(const char *a, const char *b)
{
    for (;; a++, b++) {
        a += strspn(a, "0123456789.");
        b += strspn(b, "0123456789.");
        if (*a != *b || !*a)
            return *a == *b;
    }
}

/* One line a shape and reason, not one a deployment. */
static void refuse(hg_arena *arena, hg_plan *out, size_t *capacity, const hg_candidate *c)
{
    out->infeasible++;
    for (size_t i = 0; i < out->refusal_count; i++) {
        hg_deployment *d = &out->refusals[i].deployment;
        if (d->tp == c->deployment.tp && d->pp == c->deployment.pp && d->dp == c->deployment.dp &&
            d->ep == c->deployment.ep && same_kind(out->refusals[i].reason, c->reason)) {
            out->refusals[i].count++;
            return;
        }
    }
    *HG_PUSH(arena, out->refusals, out->refusal_count, *capacity) =
        (hg_refusal){ c->deployment, hg_strdup(arena, c->reason), 1 };
}

/* What the simulator can run and the engine, its version or the manifest cannot launch is no candidate. */
static bool launchable(hg_arena scratch, const hg_plan *plan, const hg_candidate *c, char *reason, size_t size)
{
    hg_point at = { .deployment = c->deployment };
    hg_launch l = hg_plan_launch(&scratch, plan, &at, plan->problem->model.name);
    const char *why = hg_emit_refuses(&scratch, hg_emitter_find(plan->problem->engine.name), &l);
    if (why)
        snprintf(reason, size, "%s", why);
    return !why;
}

static int64_t longest_prompt(const hg_workload *w)
{
    int64_t most = 0;
    for (size_t i = 0; i < w->count; i++)
        most = hg_max_i64(most, w->requests[i].isl);
    return most;
}

/* A budget below the longest prompt would have it refused: then prompts are split over steps, unless the words
 * forbid it. */
static void take_all_prompts(const hg_ask *a, int64_t longest, hg_deployment *d)
{
    if (!a->s.enable_chunked_prefill.given && d->max_num_batched_tokens < longest)
        d->chunked_prefill = true;
}

static size_t make_candidates(hg_ask *a, const hg_problem *p, hg_deployment *list, size_t n,
                              planner *w, hg_plan *out)
{
    size_t count = 0, capacity = 0;
    int64_t longest = longest_prompt(&p->workload);
    w->candidates = HG_NEW(a->arena, hg_candidate *, n);
    w->bounds = HG_NEW(a->arena, double, n);
    for (size_t i = 0; i < n; i++) {
        hg_arena before = *a->arena;
        hg_candidate *c = HG_NEW(a->arena, hg_candidate, 1);
        take_all_prompts(a, longest, &list[i]);
        hg_candidate_make(p, &list[i], c);
        if (c->fit == HG_FITS && launchable(*a->arena, out, c, c->reason, sizeof c->reason)) {
            w->candidates[count++] = c;
            continue;
        }
        hg_candidate refused = *c;
        *a->arena = before;
        refuse(a->arena, out, &capacity, &refused);
    }
    for (size_t i = 0; i < count; i++)
        w->bounds[i] = hg_bound_rate(p, w->candidates[i]);
    return count;
}

static void settle_one(void *ctx, size_t i, int thread)
{
    planner *w = ctx;
    hg_arena scratch = w->arenas[thread];
    hg_point *p = &w->best[w->found.order[i]];
    const hg_candidate *c = w->candidates[w->found.order[i]];
    double score = hg_problem_stopped(w->goal->problem) ? p->score : hg_goal_settle(w->goal, &scratch, c, &p->metrics);
    *p = point_at(c, &p->metrics);
    p->score = score;
}

static int best_first(const void *a, const void *b)
{
    const hg_point *x = a, *y = b;
    return (x->score < y->score) - (x->score > y->score);
}

/* The plans shown, each with figures sharp enough to report, ranked by them. */
static void take_top(hg_arena *arena, planner *w, int threads, size_t top_n, hg_plan *out)
{
    hg_parallel(w->found.count, threads, settle_one, w);
    out->top = HG_NEW(arena, hg_point, w->found.count);
    for (size_t i = 0; i < w->found.count; i++)
        if (w->best[w->found.order[i]].score > 0)
            out->top[out->top_count++] = w->best[w->found.order[i]];
    if (out->top_count)
        qsort(out->top, out->top_count, sizeof *out->top, best_first);
    out->top_count = out->top_count < top_n ? out->top_count : top_n;
    out->found = out->top_count > 0;
}

/* When nothing keeps the promise: the simulated point that came nearest, by the limit missed most. */
static double miss(const hg_problem *p, const hg_metrics *m)
{
    double worst = 0;
    for (int i = 0; i < p->slo.count; i++) {
        double ratio = m->sim.estimates[i].value_s / p->slo.limits[i].limit_s;
        worst = fmax(worst, isfinite(ratio) ? ratio : 1e9);
    }
    return worst;
}

static void nearest_miss(hg_arena *arena, const planner *w, size_t count, const hg_problem *p, hg_plan *out)
{
    double least = INFINITY;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < w->point_counts[i]; k++) {
            double m = miss(p, &w->points[i][k].metrics);
            if (m >= least)
                continue;
            least = m;
            out->top = HG_NEW(arena, hg_point, 1);
            out->top[0] = w->points[i][k];
            out->top_count = 1;
        }
}

static bool keeps_ttft(const hg_problem *p, const hg_metrics *m)
{
    if (m->sim.end == HG_END_SATURATED || !(m->tokens_per_s_per_user > 0))
        return false;
    for (int i = 0; i < p->slo.count; i++)
        if (p->slo.limits[i].metric == HG_TTFT && !m->sim.estimates[i].kept)
            return false;
    return true;
}

static int by_user_speed(const void *a, const void *b)
{
    const hg_point *x = a, *y = b;
    double u = x->metrics.tokens_per_s_per_user, v = y->metrics.tokens_per_s_per_user;
    if (u != v)
        return u < v ? 1 : -1;
    u = x->metrics.tokens_per_s_per_device;
    v = y->metrics.tokens_per_s_per_device;
    return u < v ? 1 : u > v ? -1 : 0;
}

/* From fast users to full devices: a point stays when no faster one also fills the devices better. */
static void pareto(hg_arena *arena, const planner *w, size_t count, const hg_problem *p, hg_plan *out)
{
    hg_point *all = NULL;
    size_t n = 0, capacity = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < w->point_counts[i]; k++)
            if (keeps_ttft(p, &w->points[i][k].metrics))
                *HG_PUSH(arena, all, n, capacity) = w->points[i][k];
    if (n)
        qsort(all, n, sizeof *all, by_user_speed);
    out->pareto = HG_NEW(arena, hg_point, n);
    double best = 0;
    for (size_t i = 0; i < n; i++)
        if (all[i].metrics.tokens_per_s_per_device > best) {
            best = all[i].metrics.tokens_per_s_per_device;
            out->pareto[out->pareto_count++] = all[i];
        }
}

/* The front needs lighter loads too: shapes at parts of their best rates. */
typedef struct sweep {
    planner *w;
    size_t *item;
    double *rate;
} sweep;

static void sweep_one(void *ctx, size_t i, int thread)
{
    sweep *s = ctx;
    hg_arena scratch = s->w->arenas[thread];
    hg_run run = { .load = HG_LOAD_RATE, .rate_per_s = s->rate[i], .steady = true };
    hg_metrics m;
    hg_evaluate(&scratch, s->w->goal->problem, s->w->candidates[s->item[i]], &run, &m);
    /* Every item is swept by one call at a time: the list below is laid out for that. */
    size_t slot = POINTS_EACH + i % HG_SWEEP_LOADS;
    s->w->points[s->item[i]][slot] = point_at(s->w->candidates[s->item[i]], &m);
}

/* The best few shapes, as many whatever --top-n shows, and the widest engine, where users are served fastest. */
static size_t swept(const planner *w, size_t *list)
{
    size_t n = 0, wide = w->count;
    for (; n < w->found.count && n < SHAPES_LEAST; n++)
        list[n] = w->found.order[n];
    for (size_t i = 0; i < w->count; i++) {
        const hg_deployment *d = &w->candidates[i]->deployment;
        int64_t most = wide < w->count ? w->candidates[wide]->deployment.tp : 0;
        if (d->pp == 1 && d->dp == 1 &&
            (d->tp > most || (d->tp == most && w->best[i].score > w->best[wide].score)))
            wide = i;
    }
    for (size_t i = 0; i < n; i++)
        if (wide < w->count && w->shapes[list[i]] == w->shapes[wide])
            return n;
    if (wide < w->count)
        list[n++] = wide;
    return n;
}

static void sweep_shapes(hg_arena *arena, planner *w, int threads)
{
    static const double parts[HG_SWEEP_LOADS] = { 0.05, 0.15, 0.3, 0.5, 0.75 };
    size_t list[SHAPES_LEAST + 1], n = swept(w, list) * HG_SWEEP_LOADS;
    sweep s = { w, HG_NEW(arena, size_t, n), HG_NEW(arena, double, n) };
    for (size_t i = 0; i < n; i++) {
        s.item[i] = list[i / HG_SWEEP_LOADS];
        double rate = w->best[s.item[i]].score > 0 ? w->best[s.item[i]].metrics.rate_per_s
                                                   : w->bounds[s.item[i]] / 2;
        s.rate[i] = parts[i % HG_SWEEP_LOADS] * rate;
    }
    hg_parallel(n, threads, sweep_one, &s);
    for (size_t i = 0; i < n; i++) {
        hg_point *list_of = w->points[s.item[i]];
        list_of[w->point_counts[s.item[i]]++] = list_of[POINTS_EACH + i % HG_SWEEP_LOADS];
    }
}

void hg_plan_search(hg_ask *a, const hg_problem *p, const hg_goal *goal, const hg_space *space,
                    size_t top_n, int threads, hg_plan *out)
{
    size_t n;
    hg_deployment *list = hg_space_list(a->arena, space, &n);
    planner w = { .ask = a, .goal = goal };
    *out = (hg_plan){ .problem = p, .knobs = out->knobs, .k8s = out->k8s, .objective = hg_objective_names[goal->objective], .considered = n,
                      .load_given = p->workload.load != HG_LOAD_NONE };
    size_t count = make_candidates(a, p, list, n, &w, out);
    if (threads <= 0)
        threads = hg_processors();
    w.count = count;
    w.best = HG_NEW(a->arena, hg_point, count);
    w.edges = HG_NEW(a->arena, edge, count);
    w.shapes = HG_NEW(a->arena, size_t, count);
    w.budgets = HG_NEW(a->arena, size_t, count);
    find_shapes(&w, count);
    share_prices(a->arena, &w, count);
    w.points = HG_NEW(a->arena, hg_point *, count);
    w.point_counts = HG_NEW(a->arena, size_t, count);
    for (size_t i = 0; i < count; i++)
        w.points[i] = HG_NEW(a->arena, hg_point, POINTS_EACH + HG_SWEEP_LOADS);
    w.arenas = HG_NEW(a->arena, hg_arena, threads);
    for (int t = 0; t < threads; t++)
        hg_arena_open(&w.arenas[t], 0);
    hg_search search = { .count = count, .best_n = top_n > SHAPES_LEAST ? top_n : SHAPES_LEAST, .threads = threads, .ctx = &w, .bound = bound,
                         .group = shape_of, .kin = budget_of, .score = score,
                         .needless = needless, .stopped = stopped, .progress = progress };
    hg_search_run(a->arena, &search, &w.found);
    out->pruned = w.found.pruned;
    out->simulated = w.found.evaluated;
    out->alike = w.found.needless;
    out->interrupted = w.found.interrupted;
    take_top(a->arena, &w, threads, top_n, out);
    if (!out->found)
        nearest_miss(a->arena, &w, count, p, out);
    else if (p->workload.load == HG_LOAD_NONE && goal->objective != HG_LATENCY && !hg_stopped(a))
        sweep_shapes(a->arena, &w, threads);
    pareto(a->arena, &w, count, p, out);
    for (int t = 0; t < threads; t++)
        hg_arena_close(&w.arenas[t]);
}

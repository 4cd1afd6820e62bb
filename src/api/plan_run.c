#include "api/plan_parts.h"

#include "base/num.h"
#include "base/pool.h"

#include <math.h>
#include <stdlib.h>

enum { SHAPES_LEAST = 5 };       /* so many of the best are looked for however few are shown: the front needs them */

/* … but for what scores below this part of the best, which nobody would take. */
static const double NEAR = 0.85;

/* Pairs of pools are listed by waves of bounds, each so far below the one before. */
static const double WAVE = 0.92;

hg_point hg_point_of(const hg_candidate *c, const hg_metrics *m)
{
    hg_point p = { .deployment = c->deployment, .metrics = *m };
    p.deployment.replicas = m->replicas ? m->replicas : p.deployment.replicas;
    if (c->prefill)
        p.prefill = c->prefill->deployment;
    return p;
}

static void note_edge(hg_edge *e, const hg_metrics *m)
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

typedef struct watcher {
    hg_looked *at;
    const hg_candidate *candidate;
} watcher;

static void keep_point(void *ctx, const hg_metrics *m)
{
    watcher *see = ctx;
    note_edge(&see->at->edge, m);
    if (see->at->point_count < HG_POINTS_EACH)
        see->at->points[see->at->point_count++] = hg_point_of(see->candidate, m);
}

/* ---- one search: a list of items ---- */

typedef struct wave {
    hg_planner *w;
    const hg_item *items;
    hg_looked **looked;          /* of each item; NULL: not yet */
} wave;

static size_t group_of(void *ctx, size_t i)
{
    return ((wave *)ctx)->items[i].group;
}

/* The first of the list with the same budgets and engines: what differs then is how many sequences a step may hold. */
static size_t budget_of(void *ctx, size_t i)
{
    const wave *v = ctx;
    const uint32_t *budgets = v->w->items.budgets;
    const hg_item *it = &v->items[i];
    while (i > 0 && v->items[i - 1].group == it->group && v->items[i - 1].prefill == it->prefill &&
           v->items[i - 1].prefill_engines == it->prefill_engines && budgets[v->items[i - 1].own] == budgets[it->own])
        i--;
    return i;
}

static double bound(void *ctx, size_t i)
{
    const wave *v = ctx;
    return hg_item_bound(&v->w->items, &v->items[i]);
}

static bool same_but_for_seqs(const hg_planner *w, const hg_item *a, const hg_item *b)
{
    return a->prefill == b->prefill && a->prefill_engines == b->prefill_engines && a->engines == b->engines &&
           w->items.budgets[a->own] == w->items.budgets[b->own];
}

/* A limit that was not reached on either side of the edge is as good as a larger or smaller one that would not
 * have been: the engine's steps are the same. */
static bool needless(void *ctx, size_t i)
{
    wave *v = ctx;
    hg_planner *w = v->w;
    const hg_candidate *c = w->items.candidates[v->items[i].own];
    for (size_t k = 0; k < w->looked_count; k++) {
        const hg_looked *other = w->looked[k];
        const hg_candidate *like = w->items.candidates[other->item.own];
        const hg_edge *e = &other->edge;
        if (!e->seen || !same_but_for_seqs(w, &other->item, &v->items[i]) || like->step.graph_tokens != c->step.graph_tokens)
            continue;
        int64_t limit = hg_min_i64(like->deployment.max_num_seqs, c->deployment.max_num_seqs);
        if (e->kept_running < limit && e->broken_running < limit)
            return true;
    }
    hg_looked *l = v->looked[i] = HG_NEW(w->ask->arena, hg_looked, 1);
    l->item = v->items[i];
    l->at = w->looked_count;
    l->points = HG_NEW(w->ask->arena, hg_point, HG_POINTS_EACH + HG_SWEEP_LOADS);
    *HG_PUSH(w->ask->arena, w->looked, w->looked_count, w->looked_capacity) = l;
    return false;
}

static double score(void *ctx, size_t i, double floor, int thread)
{
    wave *v = ctx;
    hg_planner *w = v->w;
    hg_arena scratch = w->arenas[thread];
    hg_metrics m = { 0 };
    const hg_candidate *c = hg_item_candidate(&scratch, &w->items, &v->items[i]);
    watcher see = { v->looked[i], c };
    double score = hg_goal_score(w->goal, &scratch, c, floor, hg_item_bound_rate(&w->items, &v->items[i]), &m, keep_point, &see);
    v->looked[i]->best = hg_point_of(c, &m);
    return v->looked[i]->best.score = score;
}

static bool stopped(void *ctx)
{
    return hg_stopped(((wave *)ctx)->w->ask);
}

static void progress(void *ctx, double done_frac)
{
    hg_progress(((wave *)ctx)->w->ask, done_frac, "searching");
}

static void search(hg_planner *w, const hg_item *items, size_t count, hg_plan *out)
{
    wave v = { w, items, HG_NEW(w->ask->arena, hg_looked *, count) };
    hg_search s = { .count = count, .best_n = w->best_n, .near_frac = NEAR, .known = w->best_score, .threads = w->threads,
                    .ctx = &v, .groups = w->items.groups, .bound = bound, .group = group_of, .kin = budget_of, .score = score,
                    .needless = needless, .stopped = stopped, .progress = progress };
    hg_found found;
    hg_search_run(w->ask->arena, &s, &found);
    out->pruned += found.pruned;
    out->simulated += found.evaluated;
    out->alike += found.needless;
    out->interrupted |= found.interrupted;
    if (found.count)
        w->best_score = fmax(w->best_score, found.scores[0]);
}

/* Pools, as long as there are some whose bound says that they could matter. */
static void search_pools(hg_planner *w, hg_plan *out)
{
    size_t count, all, listed = 0;
    double most, below = INFINITY;
    hg_arena scratch = *w->ask->arena;
    hg_items_pools(&scratch, &w->items, INFINITY, INFINITY, &count, &all, &most);
    out->considered += all;
    for (double least = WAVE * most; !out->interrupted && below > NEAR * w->best_score && below > 0; least *= WAVE) {
        double ignored;
        size_t n;
        hg_item *items = hg_items_pools(w->ask->arena, &w->items, least, below, &count, &n, &ignored);
        search(w, items, count, out);
        listed += count;
        below = listed < all ? least : 0;
        if (least < most * 1e-3)
            least = 0;
    }
    out->pruned += out->interrupted ? 0 : all - listed;
}

/* ---- the answer ---- */

static int best_first(const void *a, const void *b)
{
    const hg_looked *x = *(hg_looked *const *)a, *y = *(hg_looked *const *)b;
    if (x->best.score != y->best.score)
        return x->best.score < y->best.score ? 1 : -1;
    return (x->at > y->at) - (x->at < y->at);
}

static bool is_new_group(hg_looked *const *of, size_t count, const hg_looked *l)
{
    for (size_t i = 0; i < count; i++)
        if (of[i]->item.group == l->item.group)
            return false;
    return true;
}

/* The best of each group, best first. */
static void take_leaders(hg_planner *w)
{
    hg_arena *arena = w->ask->arena;
    hg_looked **all = HG_NEW(arena, hg_looked *, w->looked_count);
    for (size_t i = 0; i < w->looked_count; i++)
        all[i] = w->looked[i];
    if (w->looked_count)
        qsort(all, w->looked_count, sizeof *all, best_first);
    w->leaders = HG_NEW(arena, hg_looked *, w->best_n);
    for (size_t i = 0; i < w->looked_count && w->leader_count < w->best_n && all[i]->best.score > 0; i++)
        if (is_new_group(w->leaders, w->leader_count, all[i]))
            w->leaders[w->leader_count++] = all[i];
}

static void settle_one(void *ctx, size_t i, int thread)
{
    hg_planner *w = ctx;
    hg_arena scratch = w->arenas[thread];
    hg_looked *l = w->leaders[i];
    const hg_candidate *c = hg_item_candidate(&scratch, &w->items, &l->item);
    double score = hg_problem_stopped(w->goal->problem) ? l->best.score
                                                        : hg_goal_settle(w->goal, &scratch, c, &l->best.metrics);
    l->best = hg_point_of(c, &l->best.metrics);
    l->best.score = score;
}

/* The plans shown, each with figures sharp enough to report, ranked by them. */
static void take_top(hg_planner *w, size_t top_n, hg_plan *out)
{
    take_leaders(w);
    hg_parallel(w->leader_count, w->threads, settle_one, w);
    if (w->leader_count)
        qsort(w->leaders, w->leader_count, sizeof *w->leaders, best_first);
    out->top = HG_NEW(w->ask->arena, hg_point, w->leader_count);
    for (size_t i = 0; i < w->leader_count && out->top_count < top_n; i++)
        if (w->leaders[i]->best.score > 0)
            out->top[out->top_count++] = w->leaders[i]->best;
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

static void nearest_miss(const hg_planner *w, const hg_problem *p, hg_plan *out)
{
    double least = INFINITY;
    for (size_t i = 0; i < w->looked_count; i++)
        for (size_t k = 0; k < w->looked[i]->point_count; k++) {
            double m = miss(p, &w->looked[i]->points[k].metrics);
            if (m >= least)
                continue;
            least = m;
            out->top = HG_NEW(w->ask->arena, hg_point, 1);
            out->top[0] = w->looked[i]->points[k];
            out->top_count = 1;
        }
}

void hg_plan_search(hg_ask *a, const hg_problem *p, const hg_goal *goal, const hg_space *space,
                    size_t top_n, int threads, hg_plan *out)
{
    hg_planner w = { .ask = a, .goal = goal, .best_n = top_n > SHAPES_LEAST ? top_n : SHAPES_LEAST,
                     .threads = threads > 0 ? threads : hg_processors() };
    *out = (hg_plan){ .problem = p, .knobs = out->knobs, .k8s = out->k8s, .objective = hg_objective_names[goal->objective],
                      .load_given = p->workload.load != HG_LOAD_NONE };
    hg_items_make(a, space, goal, space->mode != HG_MODE_POOLS, space->mode != HG_MODE_WHOLE, w.threads, &w.items, out);
    w.arenas = HG_NEW(a->arena, hg_arena, w.threads);
    for (int t = 0; t < w.threads; t++)
        hg_arena_open(&w.arenas[t], 0);
    size_t count;
    hg_item *whole = hg_items_whole(a->arena, &w.items, &count);
    search(&w, whole, count, out);
    if (w.items.prefills && w.items.decodes)
        search_pools(&w, out);
    take_top(&w, top_n, out);
    if (!out->found)
        nearest_miss(&w, p, out);
    else if (p->workload.load == HG_LOAD_NONE && goal->objective != HG_LATENCY && !hg_stopped(a))
        hg_plan_sweep(&w);
    hg_plan_front(a->arena, &w, p, out);
    for (int t = 0; t < w.threads; t++)
        hg_arena_close(&w.arenas[t]);
}

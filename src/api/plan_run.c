#include "api/plan_parts.h"

#include "base/num.h"
#include "base/pool.h"
#include "eval/fleet.h"

#include <math.h>
#include <stdlib.h>

enum { SHAPES_LEAST = 5 };       /* so many shapes are shown something of however few plans are asked for: the front needs them */

/* Pairs of pools are listed by waves of bounds, each so far below the one before. */
static const double WAVE = 0.92;

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

/* Like ones stand side by side: the first of those of this shape, with the same pool before them and the same token
 * budget, whose steps differ in how many sequences they may hold. */
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
    return hg_item_bound(&v->w->items, *v->w->ask->arena, &v->items[i]);
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
    for (size_t k = 0; k < w->looked_count && w->scenes->count == 1; k++) {
        const hg_looked *other = w->looked[k];
        const hg_candidate *like = w->items.candidates[other->item.own];
        const hg_edge *e = &other->edge;
        if (!e->seen || !same_but_for_seqs(w, &other->item, &v->items[i]) || like->step.graph_tokens != c->step.graph_tokens)
            continue;
        int64_t limit = hg_min_i64(like->deployment.max_num_seqs, c->deployment.max_num_seqs);
        if (e->kept_running < limit && e->broken_running < limit)
            return true;
    }
    v->looked[i] = hg_plan_take_up(w, &v->items[i]);
    return false;
}

static double score(void *ctx, size_t i, double floor, int thread)
{
    wave *v = ctx;
    hg_plan_look(v->w, v->w->arenas[thread], v->looked[i], floor);
    return v->looked[i]->best.score;
}

static bool stopped(void *ctx)
{
    return hg_stopped(((wave *)ctx)->w->ask);
}

static void progress(void *ctx, double done_frac)
{
    hg_progress(((wave *)ctx)->w->ask, done_frac, "searching");
}

/* What scores at least this part of the best is looked at where ties are broken: a search above a floor passes it by two steps;
 * under a given load answers move scores of as many devices by up to twice. */
static double tied_part(const hg_planner *w)
{
    return w->goal->problem->workload.load == HG_LOAD_NONE ? HG_PLAN_TIE / (hg_rate_step * hg_rate_step) : 0.5;
}

static void search(hg_planner *w, const hg_item *items, size_t count, hg_plan *out)
{
    wave v = { w, items, HG_NEW(w->ask->arena, hg_looked *, count) };
    bool ties = hg_plan_ties(w);
    hg_search s = { .count = count, .best_n = ties ? count : w->best_n, .near_frac = ties ? tied_part(w) : 1, .known = w->best_score, .threads = w->threads,
                    .ctx = &v, .groups = ties ? count : w->items.groups, .bound = bound, .group = ties ? NULL : group_of, .kin = budget_of, .score = score,
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

/* One good score before all others: the floor is high from the start.  It is found as any other, from nothing: no score is taken
 * from an earlier plan, so what may be pruned does not hang on what is remembered.  One is enough: seven more pruned no more, and
 * what is looked for above another's score ends at other rates. */
static void search_past(hg_planner *w, hg_plan *out)
{
    w->past_count = hg_items_past(*w->ask->arena, &w->items, out->past, out->past_count, &w->past);
    search(w, &w->past, w->past_count, out);
    out->from_history = out->simulated;
}

/* Pools, as long as there are some whose bound says that they could matter. */
static void search_pools(hg_planner *w, hg_plan *out)
{
    size_t count, all, listed = w->past_count && w->past.prefill != HG_NO_POOL;
    double most, below = INFINITY;
    hg_arena scratch = *w->ask->arena;
    hg_items_pools(&scratch, &w->items, INFINITY, INFINITY, &count, &all, &most);
    out->considered += all;
    double part = hg_plan_ties(w) ? tied_part(w) : 1;
    for (double least = isfinite(most) ? WAVE * most : 0; !out->interrupted && below > part * w->best_score && below > 0; least *= WAVE) {
        double ignored;
        size_t n;
        hg_item *items = hg_items_pools(w->ask->arena, &w->items, least, below, &count, &n, &ignored);
        count = w->past_count ? hg_items_without(items, count, &w->past) : count;
        search(w, items, count, out);
        listed += count;
        below = listed < all ? least : 0;
        if (least < most * 1e-3)
            least = 0;
    }
    out->pruned += out->interrupted ? 0 : all - listed;
}

void hg_plan_search(hg_ask *a, const hg_scenes *scenes, const hg_space *space, size_t top_n, int threads, hg_plan *out)
{
    const hg_goal *goal = &scenes->list[0].goal;
    const hg_problem *p = goal->problem;
    hg_planner w = { .ask = a, .scenes = scenes, .goal = goal, .best_n = top_n > SHAPES_LEAST ? top_n : SHAPES_LEAST,
                     .threads = threads > 0 ? threads : hg_processors() };
    *out = (hg_plan){ .problem = p, .knobs = out->knobs, .k8s = out->k8s, .rates = out->rates, .rate_count = out->rate_count,
                      .day = out->day, .day_rates = out->day_rates, .past = out->past, .past_count = out->past_count, .objective = hg_objectives_text(a->arena, &goal->objectives),
                      .load_given = p->workload.load != HG_LOAD_NONE };
    out->fewest = out->load_given && hg_fleet_by_devices(goal);
    hg_items_make(a, space, scenes, space->mode != HG_MODE_POOLS, space->mode != HG_MODE_WHOLE, w.threads, &w.items, out);
    w.arenas = HG_NEW(a->arena, hg_arena, w.threads);
    for (int t = 0; t < w.threads; t++)
        hg_arena_open(&w.arenas[t], 0);
    size_t count;
    hg_item *whole = hg_items_whole(a->arena, &w.items, &count);
    search_past(&w, out);
    count = w.past_count ? hg_items_without(whole, count, &w.past) : count;
    if (w.items.prefills && w.items.decodes)
        search_pools(&w, out);
    search(&w, whole, count, out);
    hg_plan_take_top(&w, top_n, out);
    hg_plan_take_scenes(&w, out);
    if (out->found)
        out->problem = scenes->list[out->top[0].scene].problem;
    for (size_t i = 0; i < w.looked_count; i++)
        out->runs += w.looked[i]->runs;
    if (!out->found)
        hg_plan_nearest_miss(&w, p, out);
    else if (!out->load_given && !hg_goal_alone(goal) && scenes->count == 1 && !hg_stopped(a))
        hg_plan_sweep(&w);
    hg_plan_front(a->arena, &w, p, out);
    for (int t = 0; t < w.threads; t++)
        hg_arena_close(&w.arenas[t]);
}

#include "api/plan_parts.h"

#include "base/num.h"
#include "base/pool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHAPES_LEAST = 5 };       /* so many shapes are shown something of however few plans are asked for: the front needs them */

/* Scores that the search does not tell apart: there the objective next in turn decides. */
static const double TIE = 0.98;
enum { TIED_MOST = 48 };

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

static hg_looked *take_up(hg_planner *w, const hg_item *it)
{
    hg_looked *l = HG_NEW(w->ask->arena, hg_looked, 1);
    l->item = *it;
    l->at = w->looked_count;
    l->points = HG_NEW(w->ask->arena, hg_point, HG_POINTS_EACH + HG_SWEEP_LOADS);
    l->under = HG_NEW(w->ask->arena, hg_metrics, w->scenes->count);
    *HG_PUSH(w->ask->arena, w->looked, w->looked_count, w->looked_capacity) = l;
    return l;
}

typedef struct watcher {
    hg_looked *at;
    const hg_candidate *candidate;
} watcher;

static void keep_point(void *ctx, const hg_metrics *m)
{
    watcher *see = ctx;
    note_edge(&see->at->edge, m);
    see->at->runs++;
    if (see->at->point_count < HG_POINTS_EACH)
        see->at->points[see->at->point_count++] = hg_point_of(see->candidate, m);
}

/* ---- one search: a list of items ---- */

typedef struct wave {
    hg_planner *w;
    const hg_item *items;
    hg_looked **looked;          /* of each item; NULL: not yet */
} wave;

/* Where ties are broken, every item within one counts, not each shape's best alone. */
static bool ties_count(const hg_planner *w)
{
    const hg_objectives *o = &w->goal->objectives;
    return o->in_turn && o->count > 1;
}

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
    v->looked[i] = take_up(w, &v->items[i]);
    return false;
}

/* All scenes' engines are as many as the one that wants most. */
static void take_joint(const hg_planner *w, const hg_candidate *c, hg_looked *l)
{
    size_t least = 0;
    int64_t replicas = 0;
    double score = hg_scenes_join(w->scenes, l->scores, &least);
    for (size_t s = 0; s < w->scenes->count; s++)
        replicas = hg_max_i64(replicas, l->under[s].replicas);
    l->best = hg_point_of(c, &l->under[least]);
    l->best.deployment.replicas = replicas ? replicas : l->best.deployment.replicas;
    l->best.score = score;
    l->best.scene = least;
}

/* Under each scene in turn, until one falls below what it would have to score. */
static void score_item(hg_planner *w, hg_arena scratch, hg_looked *l, double floor)
{
    const hg_candidate *c = hg_item_candidate(&scratch, &w->items, &l->item);
    watcher see = { l, c };
    double most[HG_SCENES_MOST];
    for (size_t s = 0; s < w->scenes->count; s++) {
        most[s] = w->scenes->count > 1 ? hg_item_bound_under(&w->items, &l->item, s) : 0;
        l->scores[s] = 0;
    }
    for (size_t s = 0; s < w->scenes->count; s++) {
        bool first = s == 0;
        l->under[s] = (hg_metrics){ 0 };
        l->scores[s] = hg_goal_score(&w->scenes->list[s].goal, &scratch, c, hg_scenes_floor(w->scenes, s, l->scores, most, floor),
                                     hg_item_bound_rate(&w->items, &l->item, s), &l->under[s], first ? keep_point : NULL, &see);
        if (!(l->scores[s] > 0))
            break;
    }
    take_joint(w, c, l);
}

static double score(void *ctx, size_t i, double floor, int thread)
{
    wave *v = ctx;
    score_item(v->w, v->w->arenas[thread], v->looked[i], floor);
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

static void search(hg_planner *w, const hg_item *items, size_t count, hg_plan *out)
{
    wave v = { w, items, HG_NEW(w->ask->arena, hg_looked *, count) };
    bool ties = ties_count(w);
    hg_search s = { .count = count, .best_n = w->best_n, .near_frac = ties ? TIE : 1, .known = w->best_score, .threads = w->threads,
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
    double part = ties_count(w) ? TIE : 1;
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

/* ---- the answer ---- */

static int best_first(const void *a, const void *b)
{
    const hg_looked *x = *(hg_looked *const *)a, *y = *(hg_looked *const *)b;
    if (x->best.score != y->best.score)
        return x->best.score < y->best.score ? 1 : -1;
    return (x->at > y->at) - (x->at < y->at);
}

/* The search knows rates to 2 %, good requests a little less well. */
static const double CLOSE = 0.96;
enum { CLOSE_MOST = 6 };

/* So far below the best nobody asks for a sharper figure than the search's own. */
static const double SHARP = 0.9;

static bool is_new_group(hg_looked *const *of, size_t count, const hg_looked *l)
{
    for (size_t i = 0; i < count; i++)
        if (of[i]->item.group == l->item.group)
            return false;
    return true;
}

/* ---- the others: the best is known, and each of the next shapes by its bound is looked at in earnest ---- */

typedef struct others {
    hg_planner *w;
    hg_looked **of;
} others;

static void look_again(void *ctx, size_t i, int thread)
{
    others *o = ctx;
    score_item(o->w, o->w->arenas[thread], o->of[i], 0);
}

static double promise(const hg_planner *w, const hg_looked *l)
{
    return l->best.score > 0 ? INFINITY : hg_item_bound(&w->items, &l->item);
}

/* Where pools were found to be better at once, the whole deployment with the highest bound: who reads the plan asks what
 * they gain.  NULL: others were looked at. */
static hg_looked *best_whole(hg_planner *w)
{
    hg_item best = { 0 };
    double most = 0;
    for (size_t i = 0; i < w->looked_count; i++)
        if (w->looked[i]->item.prefill == HG_NO_POOL && w->looked[i]->best.score > 0)
            return NULL;
    for (size_t i = 0; i < w->items.whole; i++) {
        hg_item it = { .own = (uint32_t)i, .prefill = HG_NO_POOL, .group = w->items.shapes[i] };
        double bound = hg_item_bound(&w->items, &it);
        if (bound > most) {
            most = bound;
            best = it;
        }
    }
    return most > 0 ? take_up(w, &best) : NULL;
}

/* Of the groups without a leader those with the highest bounds, each by its first item: one more than would be shown. */
static void look_at_others(hg_planner *w)
{
    size_t most = w->best_n + 1, n = 0;
    others o = { w, HG_NEW(w->ask->arena, hg_looked *, most) };
    hg_looked *whole = best_whole(w);
    for (; n < most; n++) {
        hg_looked *next = n == 0 ? whole : NULL;
        for (size_t i = 0; i < w->looked_count && !(n == 0 && next); i++)
            if (is_new_group(o.of, n, w->looked[i]) && (!next || promise(w, w->looked[i]) > promise(w, next)))
                next = w->looked[i];
        if (!next)
            break;
        o.of[n] = next;
    }
    size_t weak = 0;
    for (size_t i = 0; i < n; i++)
        if (!(o.of[i]->best.score > 0))
            o.of[weak++] = o.of[i];
    if (!hg_stopped(w->ask))
        hg_parallel(weak, w->threads, look_again, &o);
}

static bool among(hg_looked *const *of, size_t count, const hg_looked *l)
{
    for (size_t i = 0; i < count; i++)
        if (of[i] == l)
            return true;
    return false;
}

/* What the search's own precision does not tell from the best, whichever group it is of. */
static void add_close(hg_planner *w, hg_looked *const *best_first_all)
{
    size_t most = w->best_n + (ties_count(w) ? TIED_MOST : CLOSE_MOST);
    for (size_t i = 0; i < w->looked_count && w->leader_count < most; i++)
        if (best_first_all[i]->best.score > CLOSE * best_first_all[0]->best.score &&
            !among(w->leaders, w->leader_count, best_first_all[i]))
            w->leaders[w->leader_count++] = best_first_all[i];
}

/* The best of each group, best first; behind them what is close to the best. */
static void take_leaders(hg_planner *w)
{
    hg_arena *arena = w->ask->arena;
    hg_looked **all = HG_NEW(arena, hg_looked *, w->looked_count);
    for (size_t i = 0; i < w->looked_count; i++)
        all[i] = w->looked[i];
    if (w->looked_count)
        qsort(all, w->looked_count, sizeof *all, best_first);
    w->leaders = HG_NEW(arena, hg_looked *, w->best_n + TIED_MOST);
    for (size_t i = 0; i < w->looked_count && w->leader_count < w->best_n && all[i]->best.score > 0; i++)
        if (is_new_group(w->leaders, w->leader_count, all[i]))
            w->leaders[w->leader_count++] = all[i];
    if (w->leader_count)
        add_close(w, all);
}

static double value(const hg_planner *w, const hg_looked *l, int objective)
{
    return hg_objective_value(w->goal->problem, w->goal->objectives.of[objective], (double)hg_point_devices(&l->best), &l->best.metrics);
}

/* Of the leaders that tie with the first, those that the next objectives prefer, each in turn; the last of them leads. */
static void break_ties(hg_planner *w)
{
    hg_looked *tied[TIED_MOST];
    size_t n = 0;
    for (size_t i = 0; i < w->leader_count && n < TIED_MOST; i++)
        if (w->leaders[i]->best.score >= TIE * w->leaders[0]->best.score && w->leaders[i]->best.score > 0)
            tied[n++] = w->leaders[i];
    for (int o = 1; o < w->goal->objectives.count && n > 1; o++) {
        size_t kept = 0;
        double best = 0;
        for (size_t i = 0; i < n; i++)
            best = fmax(best, value(w, tied[i], o));
        for (size_t i = 0; i < n; i++)
            if (value(w, tied[i], o) >= TIE * best)
                tied[kept++] = tied[i];
        n = kept;
    }
    for (size_t i = 0; n && i < w->leader_count; i++)
        if (w->leaders[i] == tied[0]) {
            memmove(w->leaders + 1, w->leaders, i * sizeof *w->leaders);
            w->leaders[0] = tied[0];
            break;
        }
}

/* Sorted anew: of each group the best stays. */
static void drop_seconds(hg_planner *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->leader_count; i++)
        if (is_new_group(w->leaders, n, w->leaders[i]))
            w->leaders[n++] = w->leaders[i];
    w->leader_count = n;
}

static void settle_one(void *ctx, size_t i, int thread)
{
    others *o = ctx;
    hg_planner *w = o->w;
    hg_arena scratch = w->arenas[thread];
    hg_looked *l = o->of[i];
    const hg_candidate *c = hg_item_candidate(&scratch, &w->items, &l->item);
    for (size_t k = 0; k < w->scenes->count && !hg_problem_stopped(w->goal->problem); k++)
        l->scores[k] = hg_goal_settle(&w->scenes->list[k].goal, &scratch, c, &l->under[k]);
    take_joint(w, c, l);
}

/* Those near the best get sharper figures, by which another may be the best: on until all near it have them. */
static void settle_leaders(hg_planner *w)
{
    bool loaded = w->goal->problem->workload.load != HG_LOAD_NONE;
    others o = { w, HG_NEW(w->ask->arena, hg_looked *, w->leader_count) };
    for (size_t n = 1; n > 0 && w->leader_count > 0;) {
        double near = loaded ? 0 : SHARP * w->leaders[0]->best.score;
        n = 0;
        for (size_t i = 0; i < w->leader_count; i++)
            if (!w->leaders[i]->settled && w->leaders[i]->best.score >= near) {
                w->leaders[i]->settled = true;
                o.of[n++] = w->leaders[i];
            }
        hg_parallel(n, w->threads, settle_one, &o);
        qsort(w->leaders, w->leader_count, sizeof *w->leaders, best_first);
    }
}

/* The plans shown, each with figures sharp enough to report, ranked by them. */
static void take_top(hg_planner *w, size_t top_n, hg_plan *out)
{
    look_at_others(w);
    take_leaders(w);
    settle_leaders(w);
    if (ties_count(w))
        break_ties(w);
    drop_seconds(w);
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

/* What the recommended deployment gets of each scene's own best. */
static void take_scenes(hg_planner *w, hg_plan *out)
{
    size_t n = w->scenes->count;
    if (n == 1 || !out->found)
        return;
    hg_scene_row *rows = HG_NEW(w->ask->arena, hg_scene_row, n);
    for (size_t s = 0; s < n; s++) {
        const hg_scene *of = &w->scenes->list[s];
        rows[s] = (hg_scene_row){ .name = of->name, .weight = w->scenes->worst ? NAN : of->weight, .metrics = w->leaders[0]->under[s],
                                  .own_best = of->best != 1 ? of->best : NAN, .part = w->leaders[0]->scores[s] / of->best, .slo = &of->problem->slo };
    }
    out->scenes = rows;
    out->scene_count = n;
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
    take_top(&w, top_n, out);
    take_scenes(&w, out);
    if (out->found)
        out->problem = scenes->list[out->top[0].scene].problem;
    for (size_t i = 0; i < w.looked_count; i++)
        out->runs += w.looked[i]->runs;
    if (!out->found)
        nearest_miss(&w, p, out);
    else if (!out->load_given && !hg_goal_alone(goal) && scenes->count == 1 && !hg_stopped(a))
        hg_plan_sweep(&w);
    hg_plan_front(a->arena, &w, p, out);
    for (int t = 0; t < w.threads; t++)
        hg_arena_close(&w.arenas[t]);
}

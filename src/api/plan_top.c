/* What a search leaves: the best of each shape with figures sharp enough to report, ties broken. */
#include "api/plan_parts.h"

#include "base/pool.h"
#include "eval/fleet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TIED_MOST = 48 };

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
    hg_plan_look(o->w, o->w->arenas[thread], o->of[i], 0);
}

static double promise(const hg_planner *w, const hg_looked *l)
{
    return l->best.score > 0 ? INFINITY : hg_item_bound(&w->items, *w->ask->arena, &l->item);
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
        double bound = hg_item_bound(&w->items, *w->ask->arena, &it);
        if (bound > most) {
            most = bound;
            best = it;
        }
    }
    return most > 0 ? hg_plan_take_up(w, &best) : NULL;
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

/* Under a load that devices decide, as many of them tie. */
static bool ties(const hg_planner *w, const hg_looked *best, const hg_looked *l)
{
    bool loaded = w->goal->problem->workload.load != HG_LOAD_NONE;
    if (loaded && hg_fleet_by_devices(w->goal))
        return l->best.score > 0 && hg_point_devices(&l->best) == hg_point_devices(&best->best);
    return l->best.score > 0 && l->best.score >= HG_PLAN_TIE * best->best.score;
}

/* What the search's own precision does not tell from the best, whichever group it is of. */
static void add_close(hg_planner *w, hg_looked *const *best_first_all)
{
    size_t most = w->best_n + (hg_plan_ties(w) ? TIED_MOST : CLOSE_MOST);
    for (size_t i = 0; i < w->looked_count && w->leader_count < most; i++)
        if ((best_first_all[i]->best.score > CLOSE * best_first_all[0]->best.score || (hg_plan_ties(w) && ties(w, best_first_all[0], best_first_all[i]))) &&
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
    hg_looked *tied[TIED_MOST] = { NULL };
    size_t n = 0;
    for (size_t i = 0; i < w->leader_count && n < TIED_MOST; i++)
        if (ties(w, w->leaders[0], w->leaders[i]))
            tied[n++] = w->leaders[i];
    for (int o = 1; o < w->goal->objectives.count && n > 1; o++) {
        size_t kept = 0;
        double best = 0;
        for (size_t i = 0; i < n; i++)
            best = fmax(best, value(w, tied[i], o));
        for (size_t i = 0; i < n; i++)
            if (value(w, tied[i], o) >= HG_PLAN_TIE * best)
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

/* Under loads of their own all scenes' engines are as many as the one that wants most. */
static void settle_scenes(const hg_planner *w, hg_arena scratch, const hg_candidate *c, hg_looked *l)
{
    int64_t most = 0;
    int rounds = w->goal->problem->workload.load != HG_LOAD_NONE && w->scenes->count > 1 ? 2 : 1;
    for (int again = 0; again < rounds; again++)
        for (size_t k = 0; k < w->scenes->count && !hg_problem_stopped(w->goal->problem); k++) {
            if (again && l->under[k].replicas >= most)
                continue;
            l->under[k].replicas = again ? most : l->under[k].replicas;
            l->scores[k] = hg_goal_settle(&w->scenes->list[k].goal, &scratch, c, &l->under[k]);
            most = l->under[k].replicas > most ? l->under[k].replicas : most;
        }
}

static void settle_one(void *ctx, size_t i, int thread)
{
    others *o = ctx;
    hg_planner *w = o->w;
    hg_arena scratch = w->arenas[thread];
    hg_looked *l = o->of[i];
    const hg_candidate *c = hg_item_candidate(&scratch, &w->items, &l->item);
    settle_scenes(w, scratch, c, l);
    hg_plan_join(w, c, l);
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
void hg_plan_take_top(hg_planner *w, size_t top_n, hg_plan *out)
{
    look_at_others(w);
    take_leaders(w);
    settle_leaders(w);
    if (hg_plan_ties(w))
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

void hg_plan_nearest_miss(const hg_planner *w, const hg_problem *p, hg_plan *out)
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
void hg_plan_take_scenes(hg_planner *w, hg_plan *out)
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

#include "api/plan_parts.h"

#include "base/pool.h"

#include <stdlib.h>

enum { SWEPT = 3 };              /* shapes, and the widest */

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

void hg_plan_front(hg_arena *arena, const hg_planner *w, const hg_problem *p, hg_plan *out)
{
    hg_point *all = NULL;
    size_t n = 0, capacity = 0;
    for (size_t i = 0; i < w->looked_count; i++)
        for (size_t k = 0; k < w->looked[i]->point_count; k++)
            if (keeps_ttft(p, &w->looked[i]->points[k].metrics))
                *HG_PUSH(arena, all, n, capacity) = w->looked[i]->points[k];
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

typedef struct sweep {
    hg_planner *w;
    hg_looked **of;              /* HG_SWEEP_LOADS in a row are one item's, each with a place of its own in its points */
    double *rate;
} sweep;

static void sweep_one(void *ctx, size_t i, int thread)
{
    sweep *s = ctx;
    hg_arena scratch = s->w->arenas[thread];
    hg_run run = { .load = HG_LOAD_RATE, .rate_per_s = s->rate[i], .steady = true };
    hg_metrics m;
    const hg_candidate *c = hg_item_candidate(&scratch, &s->w->items, &s->of[i]->item);
    hg_evaluate(&scratch, s->w->goal->problem, c, &run, &m);
    s->of[i]->points[HG_POINTS_EACH + i % HG_SWEEP_LOADS] = hg_point_of(c, &m);
}

static const hg_deployment *deployment_of(const hg_planner *w, const hg_looked *l)
{
    return &w->items.candidates[l->item.own]->deployment;
}

/* The widest engine that was looked at, where users are served fastest. */
static hg_looked *widest(const hg_planner *w)
{
    hg_looked *wide = NULL;
    for (size_t i = 0; i < w->looked_count; i++) {
        hg_looked *l = w->looked[i];
        const hg_deployment *d = deployment_of(w, l);
        int64_t most = wide ? deployment_of(w, wide)->tp : 0;
        if (l->item.prefill == HG_NO_POOL && d->pp == 1 && d->dp == 1 &&
            (d->tp > most || (d->tp == most && l->best.score > wide->best.score)))
            wide = l;
    }
    return wide;
}

static size_t swept(const hg_planner *w, hg_looked **list)
{
    size_t n = 0;
    hg_looked *wide = widest(w);
    for (; n < w->leader_count && n < SWEPT; n++)
        list[n] = w->leaders[n];
    for (size_t i = 0; i < n; i++)
        if (wide && list[i]->item.group == wide->item.group)
            return n;
    if (wide)
        list[n++] = wide;
    return n;
}

void hg_plan_sweep(hg_planner *w)
{
    static const double parts[HG_SWEEP_LOADS] = { 0.05, 0.15, 0.3, 0.5, 0.75 };
    hg_arena *arena = w->ask->arena;
    hg_looked *list[SWEPT + 1];
    size_t n = swept(w, list) * HG_SWEEP_LOADS;
    sweep s = { w, HG_NEW(arena, hg_looked *, n), HG_NEW(arena, double, n) };
    for (size_t i = 0; i < n; i++) {
        hg_looked *l = s.of[i] = list[i / HG_SWEEP_LOADS];
        double rate = l->best.score > 0 ? l->best.metrics.rate_per_s : hg_item_bound_rate(&w->items, &l->item, 0) / 2;
        s.rate[i] = parts[i % HG_SWEEP_LOADS] * rate;
    }
    hg_parallel(n, w->threads, sweep_one, &s);
    for (size_t i = 0; i < n; i++)
        s.of[i]->points[s.of[i]->point_count++] = s.of[i]->points[HG_POINTS_EACH + i % HG_SWEEP_LOADS];
}

/* One item of a plan's search, looked at: its score, and what is remembered of the simulations it took. */
#include "api/plan_parts.h"

#include "base/num.h"

/* Where ties are broken, every item within one counts, not each shape's best alone. */
bool hg_plan_ties(const hg_planner *w)
{
    const hg_objectives *o = &w->goal->objectives;
    return o->in_turn && o->count > 1;
}

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

hg_looked *hg_plan_take_up(hg_planner *w, const hg_item *it)
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

/* All scenes' engines are as many as the one that wants most. */
void hg_plan_join(const hg_planner *w, const hg_candidate *c, hg_looked *l)
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
void hg_plan_look(hg_planner *w, hg_arena scratch, hg_looked *l, double floor)
{
    const hg_candidate *c = hg_item_candidate(&scratch, &w->items, &l->item);
    watcher see = { l, c };
    double most[HG_SCENES_MOST];
    for (size_t s = 0; s < w->scenes->count; s++) {
        most[s] = w->scenes->count > 1 ? hg_item_bound_under(&w->items, scratch, &l->item, s) : 0;
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
    hg_plan_join(w, c, l);
}

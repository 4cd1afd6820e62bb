#include "api/plan_items.h"

#include "base/num.h"
#include "base/pool.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- what cannot run ---- */

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
static bool launchable(hg_arena scratch, const hg_plan *plan, const hg_candidate *c, bool whole, char *reason, size_t size)
{
    hg_point at = { .deployment = c->deployment };
    if (!whole) /* beside another pool like it */
        at.prefill = c->deployment;
    hg_launch l = hg_plan_launch(&scratch, plan, &at, plan->problem->model.name);
    const char *why = hg_emit_refuses(&scratch, hg_emitter_find(plan->problem->engine.name), &l);
    if (why)
        snprintf(reason, size, "%s", why);
    return !why;
}

/* ---- candidates ---- */

static int64_t longest_prompt(const hg_scenes *s)
{
    int64_t most = 0;
    for (size_t k = 0; k < s->count; k++) {
        const hg_workload *w = &s->list[k].problem->workload;
        for (size_t i = 0; i < w->count; i++)
            most = hg_max_i64(most, w->requests[i].isl);
    }
    return most;
}

/* A budget below the longest prompt would have it refused: then prompts are split over steps, unless the words
 * forbid it. */
static void take_all_prompts(int64_t longest, hg_deployment *d)
{
    if (d->max_num_batched_tokens < longest)
        d->chunked_prefill = true;
}

typedef struct maker {
    hg_ask *ask;
    hg_items *items;
    hg_plan *out;
    size_t count, capacity, refusals;
    int64_t longest;
    int threads;
} maker;

typedef struct making {
    const hg_problem *problem;
    const hg_deployment *list;
    hg_candidate *made;
} making;

static void make_one(void *ctx, size_t i, int thread)
{
    const making *m = ctx;
    (void)thread;
    hg_candidate_make(m->problem, &m->list[i], &m->made[i]);
}

/* What the words leave open of a deployment of the list. */
static void fill_in(const maker *k, bool whole, bool chunks_said, hg_deployment *d)
{
    if (!whole && !k->ask->s.max_num_seqs.n) /* the engine's default may be more than a small step holds */
        d->max_num_seqs = hg_min_i64(d->max_num_seqs, d->max_num_batched_tokens);
    if (!chunks_said)
        take_all_prompts(k->longest, d);
}

/* The deployments of the space that can run; how many. */
static size_t add(maker *k, const hg_space *space, bool whole, bool chunked_said)
{
    hg_arena *arena = k->ask->arena;
    size_t n, before_count = k->count;
    bool chunks_said = k->ask->s.enable_chunked_prefill.given || chunked_said;
    hg_deployment *list = hg_space_list(arena, space, &n);
    making m = { k->items->problem, list, HG_NEW(arena, hg_candidate, n) };
    k->out->considered += whole ? n : 0;
    for (size_t i = 0; i < n; i++)
        fill_in(k, whole, chunks_said, &list[i]);
    hg_parallel(n, k->threads, make_one, &m);
    for (size_t i = 0; i < n; i++) {
        hg_candidate *c = &m.made[i];
        if (c->fit == HG_FITS && launchable(*arena, k->out, c, whole, c->reason, sizeof c->reason))
            *HG_PUSH(arena, k->items->candidates, k->count, k->capacity) = c;
        else if (whole || space->mode == HG_MODE_POOLS)
            refuse(arena, k->out, &k->refusals, c);
    }
    return k->count - before_count;
}

static bool same_shape(const hg_deployment *a, const hg_deployment *b)
{
    return a->tp == b->tp && a->pp == b->pp && a->dp == b->dp && a->ep == b->ep &&
           a->replicas == b->replicas && a->precision == b->precision && a->kv_dtype == b->kv_dtype &&
           a->draft_tokens == b->draft_tokens;
}

/* Like ones stand side by side in the space's order. */
static void find_shapes(hg_items *items, size_t from, size_t count)
{
    for (size_t i = from; i < from + count; i++) {
        const hg_deployment *d = &items->candidates[i]->deployment;
        const hg_deployment *last = i > from ? &items->candidates[i - 1]->deployment : NULL;
        bool shape = last && same_shape(d, last);
        items->shapes[i] = shape ? items->shapes[i - 1] : (uint32_t)i;
        items->budgets[i] = shape && d->max_num_batched_tokens == last->max_num_batched_tokens ? items->budgets[i - 1] : (uint32_t)i;
    }
}

/* Candidates of a shape price a step alike: what one has computed the others find.  Steps that differ all the
 * same keep a memo of their own. */
static void share_prices(hg_arena *arena, hg_items *items, size_t count)
{
    enum { TOKENS = 1 << 14, SEQUENCES = 1 << 10 };
    for (size_t i = 0; i < count; i++) {
        hg_candidate *c = items->candidates[i], *first = items->candidates[items->shapes[i]];
        bool equal = first->memo && hg_step_same(&first->step, &c->step);
        c->memo = equal ? first->memo : hg_step_memo_new(arena, TOKENS, SEQUENCES);
    }
}

/* ---- their bounds ---- */

typedef struct bounder {
    hg_items *items;
    hg_arena *arenas;            /* one a thread */
} bounder;

/* A bound with the widest limits of its budget serves for all of them. */
static void bound_one(void *ctx, size_t i, int thread)
{
    bounder *b = ctx;
    hg_items *items = b->items;
    if (items->budgets[i] != i)
        return;
    hg_arena scratch = b->arenas[thread];
    hg_candidate *c = HG_NEW(&scratch, hg_candidate, 1);
    *c = *items->candidates[i];
    size_t all = items->whole + items->prefills + items->decodes;
    for (size_t k = i; k < all && items->budgets[k] == i; k++) {
        c->deployment.max_num_seqs = hg_max_i64(c->deployment.max_num_seqs, items->candidates[k]->deployment.max_num_seqs);
        c->memory.kv_blocks = hg_max_i64(c->memory.kv_blocks, items->candidates[k]->memory.kv_blocks);
    }
    bool prefill = i >= items->whole && i < items->whole + items->prefills, decode = i >= items->whole + items->prefills;
    for (size_t s = 0; s < items->scenes->count; s++)
        items->rates[s][i] = hg_bound_pool_rate(scratch, items->scenes->list[s].problem, &items->demand[s], c, !decode, !prefill);
}

static void take_bounds(hg_arena *arena, hg_items *items, size_t count, int threads)
{
    bounder b = { items, HG_NEW(arena, hg_arena, threads) };
    for (int t = 0; t < threads; t++)
        hg_arena_open(&b.arenas[t], 0);
    hg_parallel(count, threads, bound_one, &b);
    for (int t = 0; t < threads; t++)
        hg_arena_close(&b.arenas[t]);
    for (size_t s = 0; s < items->scenes->count; s++)
        for (size_t i = 0; i < count; i++)
            items->rates[s][i] = items->rates[s][items->budgets[i]];
}

/* ---- the list ---- */

/* A prefill pool's steps hold no answers, a decode pool's no prompts: the limit that says nothing keeps its first value. */
static hg_space pool_space(const hg_space *s, bool prefill)
{
    hg_space pool = *s;
    const hg_pool_shape *pinned = prefill ? &s->prefill : &s->decode;
    if (pinned->engines) {
        pool.tp = (hg_knob){ { pinned->tp }, 1 };
        pool.pp = (hg_knob){ { pinned->pp }, 1 };
        pool.dp = (hg_knob){ { pinned->dp }, 1 };
        pool.ep = (hg_knob){ { pinned->ep }, 1 };
    }
    if (pinned->chunked_said)
        pool.base.chunked_prefill = pinned->chunked;
    int64_t most = s->total_devices ? s->total_devices : HG_ANY_DEVICES;
    pool.total_devices = most - 1;
    pool.replicas = (hg_knob){ { 1 }, 1 };
    (prefill ? &pool.max_num_seqs : &pool.max_num_batched_tokens)->n = 1;
    if (pinned->tokens)
        pool.max_num_batched_tokens = (hg_knob){ { pinned->tokens }, 1 };
    if (pinned->seqs)
        pool.max_num_seqs = (hg_knob){ { pinned->seqs }, 1 };
    return pool;
}

static const hg_slo nothing = { .count = 0 }; /* promised */

static void take_demands(hg_arena *arena, const hg_scenes *scenes, size_t count, hg_items *items)
{
    items->demand = HG_NEW(arena, hg_demand, scenes->count);
    items->rates = HG_NEW(arena, double *, scenes->count);
    for (size_t s = 0; s < scenes->count; s++) {
        const hg_problem *p = scenes->list[s].problem;
        /* Work that keeps no promise may take less of it: energy is bound by the work alone. */
        bool energy = hg_objectives_first(&scenes->list[s].goal.objectives, HG_ENERGY);
        items->demand[s] = hg_demand_of(*arena, &p->workload, energy ? &nothing : &p->slo);
        items->rates[s] = HG_NEW(arena, double, count);
    }
}

void hg_items_make(hg_ask *a, const hg_space *space, const hg_scenes *scenes, bool whole, bool pools, int threads, hg_items *items,
                   hg_plan *out)
{
    *items = (hg_items){ .problem = scenes->list[0].problem, .scenes = scenes,
                         .total_devices = space->total_devices ? space->total_devices : HG_ANY_DEVICES,
                         .prefill_engines = space->prefill.engines, .decode_engines = space->decode.engines };
    maker k = { a, items, out, .longest = longest_prompt(scenes), .threads = threads };
    hg_space prefill = pool_space(space, true), decode = pool_space(space, false);
    items->whole = whole ? add(&k, space, true, false) : 0;
    items->prefills = pools ? add(&k, &prefill, false, space->prefill.chunked_said) : 0;
    items->decodes = pools ? add(&k, &decode, false, space->decode.chunked_said) : 0;
    items->shapes = HG_NEW(a->arena, uint32_t, k.count);
    items->budgets = HG_NEW(a->arena, uint32_t, k.count);
    take_demands(a->arena, scenes, k.count, items);
    find_shapes(items, 0, items->whole);
    find_shapes(items, items->whole, items->prefills);
    find_shapes(items, items->whole + items->prefills, items->decodes);
    share_prices(a->arena, items, k.count);
    take_bounds(a->arena, items, k.count, threads);
    items->groups = items->whole + items->prefills * items->decodes;
}

hg_item *hg_items_whole(hg_arena *arena, const hg_items *items, size_t *count)
{
    hg_item *list = HG_NEW(arena, hg_item, items->whole);
    for (size_t i = 0; i < items->whole; i++)
        list[i] = (hg_item){ .own = (uint32_t)i, .prefill = HG_NO_POOL, .group = items->shapes[i] };
    *count = items->whole;
    return list;
}

double hg_item_bound_rate(const hg_items *items, const hg_item *it, size_t scene)
{
    const double *rates = items->rates[scene];
    if (it->prefill == HG_NO_POOL)
        return rates[it->own];
    return fmin(it->prefill_engines * rates[it->prefill], it->engines * rates[it->own]);
}

static int64_t engine_devices(const hg_candidate *c)
{
    return c->deployment.tp * c->deployment.pp * c->deployment.dp;
}

double hg_item_bound_under(const hg_items *items, hg_arena scratch, const hg_item *it, size_t scene)
{
    const hg_goal *goal = &items->scenes->list[scene].goal;
    double rate = hg_item_bound_rate(items, it, scene);
    const hg_candidate *own = items->candidates[it->own];
    if (it->prefill == HG_NO_POOL)
        return hg_goal_bound(goal, scratch, own, rate);
    int64_t devices = it->engines * engine_devices(own) + it->prefill_engines * engine_devices(items->candidates[it->prefill]);
    return hg_goal_pools_bound(goal, devices, rate);
}

double hg_item_bound(const hg_items *items, hg_arena scratch, const hg_item *it)
{
    double bounds[HG_SCENES_MOST];
    for (size_t s = 0; s < items->scenes->count; s++)
        bounds[s] = hg_item_bound_under(items, scratch, it, s);
    return hg_scenes_join(items->scenes, bounds, NULL);
}

const hg_candidate *hg_item_candidate(hg_arena *arena, const hg_items *items, const hg_item *it)
{
    if (it->prefill == HG_NO_POOL)
        return items->candidates[it->own];
    hg_candidate *pair = HG_NEW(arena, hg_candidate, 2);
    pair[0] = *items->candidates[it->own];
    pair[1] = *items->candidates[it->prefill];
    pair[0].deployment.replicas = it->engines;
    pair[1].deployment.replicas = it->prefill_engines;
    pair[0].prefill = &pair[1];
    return pair;
}

/* KV goes from one to the other as it is. */
static bool pair_up(const hg_candidate *prefill, const hg_candidate *decode)
{
    const hg_deployment *x = &prefill->deployment, *y = &decode->deployment;
    return x->precision == y->precision && x->precision_is_checkpoints == y->precision_is_checkpoints &&
           x->kv_dtype == y->kv_dtype && x->kv_is_auto == y->kv_is_auto && x->draft_tokens == y->draft_tokens;
}

typedef struct pairing {
    hg_arena *arena;
    const hg_items *items;
    double least, below, *most;
    hg_item *list;
    size_t count, capacity, *all;
} pairing;

static void consider(pairing *k, hg_item it)
{
    double bound = hg_item_bound(k->items, *k->arena, &it);
    ++*k->all;
    *k->most = fmax(*k->most, bound);
    if (bound >= k->least && bound < k->below && bound > 0)
        *HG_PUSH(k->arena, k->list, k->count, k->capacity) = it;
}

/* A pool without work (no prompt tokens that are surely computed, answers of one token) is bound by nothing. */
static int64_t least_engines(double rate_per_s, double each)
{
    return (int64_t)fmin(1e6, fmax(1, ceil(rate_per_s / each)));
}

/* … under the heaviest of the given loads. */
static int64_t needed(const hg_items *m, uint32_t pool)
{
    int64_t n = 1;
    for (size_t s = 0; s < m->scenes->count; s++) {
        const hg_workload *w = &m->scenes->list[s].problem->workload;
        if (w->load == HG_LOAD_RATE)
            n = hg_max_i64(n, least_engines(w->rate_per_s, m->rates[s][pool]));
    }
    return n;
}

/* Without a load the pools share all devices; under one, each is from what it needs at least to twice that. */
static void each_size(pairing *k, uint32_t prefill, uint32_t decode)
{
    const hg_items *m = k->items;
    int64_t gp = engine_devices(m->candidates[prefill]), gd = engine_devices(m->candidates[decode]);
    bool given = m->problem->workload.load != HG_LOAD_NONE, rate = m->problem->workload.load == HG_LOAD_RATE;
    int64_t x0 = needed(m, prefill), y0 = needed(m, decode);
    hg_item it = { .own = decode, .prefill = prefill,
                   .group = (uint32_t)(m->whole + (m->shapes[prefill] - m->whole) * m->decodes + m->shapes[decode] - m->whole - m->prefills) };
    if (m->prefill_engines) {
        it.prefill_engines = (int32_t)m->prefill_engines;
        it.engines = (int32_t)m->decode_engines;
        if (it.prefill_engines * gp + it.engines * gd <= m->total_devices)
            consider(k, it);
        return;
    }
    for (int64_t x = x0; x * gp + gd <= m->total_devices && (!rate || x <= 2 * x0); x++) {
        int64_t most = (m->total_devices - x * gp) / gd;
        for (int64_t y = given ? y0 : most; y <= most && (!rate || y <= 2 * y0); y++) {
            it.prefill_engines = (int32_t)x;
            it.engines = (int32_t)y;
            consider(k, it);
        }
    }
}

hg_item *hg_items_pools(hg_arena *arena, const hg_items *items, double least, double below, size_t *count, size_t *all,
                        double *most)
{
    pairing k = { .arena = arena, .items = items, .least = least, .below = below, .most = most, .all = all };
    *all = 0;
    *most = 0;
    for (size_t i = items->whole; i < items->whole + items->prefills; i++)
        for (size_t j = items->whole + items->prefills; j < items->whole + items->prefills + items->decodes; j++)
            if (pair_up(items->candidates[i], items->candidates[j]))
                each_size(&k, (uint32_t)i, (uint32_t)j);
    *count = k.count;
    return k.list;
}

hg_item *hg_items_pair(hg_arena *arena, const hg_items *items, uint32_t prefill, uint32_t decode, size_t *count)
{
    size_t all = 0;
    double most = 0;
    pairing k = { .arena = arena, .items = items, .below = INFINITY, .most = &most, .all = &all };
    if (pair_up(items->candidates[prefill], items->candidates[decode]))
        each_size(&k, prefill, decode);
    *count = k.count;
    return k.list;
}

#include "search/search.h"

#include "base/pool.h"

#include <math.h>
#include <stdlib.h>

enum { ROUND = 24, ROUND_FIRST = 2 };

typedef struct item {
    size_t at, group;
    int turn;                  /* 0: the best bound of its group; 1: of its kin; 2: neither */
    double bound, score;
} item;

typedef struct run {
    const hg_search *s;
    item *items;               /* by bound, those tried first */
    size_t *leader;            /* of each group: its place among items + 1, 0: none yet */
    size_t *groups;            /* those with a leader, in the order they got one */
    size_t group_count;
    item *round[ROUND];        /* the items under way */
    size_t needless;
    size_t round_most;
    double best;               /* of any search */
    double floor;              /* the N-th best leader's score at the round's start, or what lies near the best */
} run;

static int by_bound(const void *a, const void *b)
{
    const item *x = a, *y = b;
    if (x->bound != y->bound)
        return x->bound < y->bound ? 1 : -1;
    return x->at < y->at ? -1 : 1;
}

/* One of each group first: their scores make the floor that spares the rest. */
static int by_turn(const void *a, const void *b)
{
    const item *x = a, *y = b;
    return x->turn != y->turn ? x->turn - y->turn : by_bound(a, b);
}

static int by_score(const void *a, const void *b)
{
    const item *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return x->at < y->at ? -1 : 1;
}

/* The score this item must exceed to matter. */
static double floor_of(const run *r, const item *it)
{
    size_t leader = r->leader[it->group];
    double own = leader ? r->items[leader - 1].score : 0;
    return own > r->floor ? own : r->floor;
}

static void evaluate(void *ctx, size_t i, int thread)
{
    run *r = ctx;
    item *it = r->round[i];
    it->score = r->s->score(r->s->ctx, it->at, floor_of(r, it), thread);
}

static size_t ranked_leaders(const run *r, item *out)
{
    for (size_t g = 0; g < r->group_count; g++)
        out[g] = r->items[r->leader[r->groups[g]] - 1];
    if (r->group_count)
        qsort(out, r->group_count, sizeof *out, by_score);
    return r->group_count;
}

/* The N-th best leader's score, or what is near the best; the first alone while there are fewer. */
static double score_to_beat(hg_arena scratch, const run *r)
{
    double near = r->s->near_frac * r->best;
    if (r->group_count < r->s->best_n)
        return near;
    item *ranked = HG_NEW(&scratch, item, r->group_count);
    ranked_leaders(r, ranked);
    double last = ranked[r->s->best_n - 1].score;
    return last > near ? last : near;
}

static void promote(run *r, size_t at)
{
    const item *it = &r->items[at];
    size_t *leader = &r->leader[it->group];
    if (!(it->score > 0) || (*leader && by_score(&r->items[*leader - 1], it) < 0))
        return;
    r->best = it->score > r->best ? it->score : r->best;
    if (!*leader)
        r->groups[r->group_count++] = it->group;
    *leader = at + 1;
}

static void collect(hg_arena *arena, const run *r, hg_found *out)
{
    item *ranked = HG_NEW(arena, item, r->group_count);
    size_t n = ranked_leaders(r, ranked);
    out->count = n < r->s->best_n ? n : r->s->best_n;
    out->order = HG_NEW(arena, size_t, out->count);
    out->scores = HG_NEW(arena, double, out->count);
    for (size_t i = 0; i < out->count; i++) {
        out->order[i] = ranked[i].at;
        out->scores[i] = ranked[i].score;
    }
}

static size_t groups(const hg_search *s)
{
    return s->groups ? s->groups : s->count;
}

static item *listed(hg_arena *arena, const hg_search *s)
{
    item *items = HG_NEW(arena, item, s->count);
    for (size_t i = 0; i < s->count; i++)
        items[i] = (item){ i, s->group ? s->group(s->ctx, i) : i, 2, s->bound(s->ctx, i), -INFINITY };
    if (s->count)
        qsort(items, s->count, sizeof *items, by_bound);
    bool *group_seen = HG_NEW(arena, bool, groups(s)), *kin_seen = HG_NEW(arena, bool, s->count);
    for (size_t i = 0; i < s->count; i++) {
        bool *of_group = &group_seen[items[i].group];
        bool *of_kin = s->kin ? &kin_seen[s->kin(s->ctx, items[i].at)] : of_group;
        items[i].turn = !*of_group ? 0 : !*of_kin ? 1 : 2;
        *of_group = *of_kin = true;
    }
    if (s->count)
        qsort(items, s->count, sizeof *items, by_turn);
    return items;
}

/* The next items worth a look, from items[*next] on. */
static size_t fill_round(run *r, size_t *next)
{
    size_t n = 0;
    for (; n < r->round_most && *next < r->s->count; (*next)++) {
        item *it = &r->items[*next];
        if (it->bound <= floor_of(r, it))
            continue;
        bool needless = r->s->needless && r->s->needless(r->s->ctx, it->at);
        r->needless += needless;
        if (!needless)
            r->round[n++] = it;
    }
    return n;
}

void hg_search_run(hg_arena *arena, const hg_search *s, hg_found *out)
{
    run r = { .s = s, .items = listed(arena, s), .leader = HG_NEW(arena, size_t, groups(s)),
              .groups = HG_NEW(arena, size_t, groups(s)), .round_most = ROUND_FIRST, .best = s->known };
    size_t next = 0;
    *out = (hg_found){ 0 };
    while (next < s->count) {
        r.floor = score_to_beat(*arena, &r);
        out->interrupted = s->stopped && s->stopped(s->ctx);
        if (out->interrupted)
            break;
        size_t n = fill_round(&r, &next);
        hg_parallel(n, s->threads, evaluate, &r);
        r.round_most = 2 * r.round_most < ROUND ? 2 * r.round_most : ROUND;
        for (size_t i = 0; i < n; i++)
            promote(&r, (size_t)(r.round[i] - r.items));
        if (s->progress)
            s->progress(s->ctx, (double)next / (double)s->count);
    }
    for (size_t i = 0; i < next; i++)
        out->evaluated += r.items[i].score > -INFINITY;
    out->needless = r.needless;
    out->pruned = out->interrupted ? 0 : s->count - out->evaluated - out->needless;
    collect(arena, &r, out);
}

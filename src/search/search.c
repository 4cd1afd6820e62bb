#include "search/search.h"

#include "base/pool.h"

#include <math.h>
#include <stdlib.h>

enum { ROUND = 8 };

typedef struct item {
    size_t at, group, rank;    /* rank: its place in its group by bound */
    double bound, score;
} item;

typedef struct run {
    const hg_search *s;
    item *items;               /* by bound, those tried first */
    size_t *leader;            /* of each group: its place among items + 1, 0: none yet */
    size_t *groups;            /* those with a leader, in the order they got one */
    size_t group_count;
    item *round;               /* the items under way */
    double floor;              /* the N-th best leader's score at the round's start */
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
    bool first_x = x->rank == 0, first_y = y->rank == 0;
    return first_x != first_y ? first_y - first_x : by_bound(a, b);
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
    item *it = &r->round[i];
    double floor = floor_of(r, it);
    it->score = it->bound > floor ? r->s->score(r->s->ctx, it->at, floor, thread) : -INFINITY;
}

static size_t ranked_leaders(const run *r, item *out)
{
    for (size_t g = 0; g < r->group_count; g++)
        out[g] = r->items[r->leader[r->groups[g]] - 1];
    if (r->group_count)
        qsort(out, r->group_count, sizeof *out, by_score);
    return r->group_count;
}

/* The N-th best leader's score; 0 while there are fewer. */
static double score_to_beat(hg_arena scratch, const run *r)
{
    if (r->group_count < r->s->best_n)
        return 0;
    item *ranked = HG_NEW(&scratch, item, r->group_count);
    ranked_leaders(r, ranked);
    return ranked[r->s->best_n - 1].score;
}

static void promote(run *r, size_t at)
{
    const item *it = &r->items[at];
    size_t *leader = &r->leader[it->group];
    if (!(it->score > 0) || (*leader && by_score(&r->items[*leader - 1], it) < 0))
        return;
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

static item *listed(hg_arena *arena, const hg_search *s)
{
    item *items = HG_NEW(arena, item, s->count);
    for (size_t i = 0; i < s->count; i++)
        items[i] = (item){ i, s->group ? s->group(s->ctx, i) : i, 0, s->bound(s->ctx, i), -INFINITY };
    if (s->count)
        qsort(items, s->count, sizeof *items, by_bound);
    size_t *seen = HG_NEW(arena, size_t, s->count);
    for (size_t i = 0; i < s->count; i++)
        items[i].rank = seen[items[i].group]++;
    if (s->count)
        qsort(items, s->count, sizeof *items, by_turn);
    return items;
}

void hg_search_run(hg_arena *arena, const hg_search *s, hg_found *out)
{
    run r = { .s = s, .items = listed(arena, s), .leader = HG_NEW(arena, size_t, s->count),
              .groups = HG_NEW(arena, size_t, s->count) };
    size_t done = 0;
    *out = (hg_found){ 0 };
    while (done < s->count) {
        r.floor = score_to_beat(*arena, &r);
        if (r.items[done].bound <= r.floor && r.items[done].rank > 0)
            break;
        out->interrupted = s->stopped && s->stopped(s->ctx);
        if (out->interrupted)
            break;
        size_t n = s->count - done < ROUND ? s->count - done : ROUND;
        r.round = r.items + done;
        hg_parallel(n, s->threads, evaluate, &r);
        for (size_t i = done; i < done + n; i++)
            promote(&r, i);
        done += n;
        if (s->progress)
            s->progress(s->ctx, (double)done / (double)s->count);
    }
    for (size_t i = 0; i < done; i++)
        out->evaluated += r.items[i].score > -INFINITY;
    out->pruned = out->interrupted ? 0 : s->count - out->evaluated;
    collect(arena, &r, out);
}

#include "search/search.h"

#include "base/pool.h"

#include <math.h>
#include <stdlib.h>

enum { ROUND = 8 };

typedef struct item {
    size_t at;
    double bound, score;
} item;

typedef struct round {
    const hg_search *s;
    item *items;
    double floor;
} round_work;

static int by_bound(const void *a, const void *b)
{
    const item *x = a, *y = b;
    if (x->bound != y->bound)
        return x->bound < y->bound ? 1 : -1;
    return x->at < y->at ? -1 : 1;
}

static int by_score(const void *a, const void *b)
{
    const item *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return x->at < y->at ? -1 : 1;
}

static void evaluate(void *ctx, size_t i, int thread)
{
    round_work *r = ctx;
    item *it = &r->items[i];
    it->score = it->bound > r->floor ? r->s->score(r->s->ctx, it->at, r->floor, thread) : -INFINITY;
}

/* The score an item must exceed to enter the best N of those evaluated; 0 while they are fewer. */
static double score_to_beat(hg_arena scratch, const hg_search *s, const item *items, size_t done)
{
    if (done < s->best_n)
        return 0;
    item *ranked = HG_NEW(&scratch, item, done);
    for (size_t i = 0; i < done; i++)
        ranked[i] = items[i];
    qsort(ranked, done, sizeof *ranked, by_score);
    double least = ranked[s->best_n - 1].score;
    return least > 0 ? least : 0;
}

static void collect(hg_arena *arena, const hg_search *s, item *items, size_t done, hg_found *out)
{
    qsort(items, done, sizeof *items, by_score);
    out->order = HG_NEW(arena, size_t, s->best_n);
    out->scores = HG_NEW(arena, double, s->best_n);
    for (size_t i = 0; i < done && out->count < s->best_n && items[i].score > 0; i++) {
        out->order[out->count] = items[i].at;
        out->scores[out->count++] = items[i].score;
    }
}

void hg_search_run(hg_arena *arena, const hg_search *s, hg_found *out)
{
    item *items = HG_NEW(arena, item, s->count);
    size_t done = 0;
    *out = (hg_found){ 0 };
    for (size_t i = 0; i < s->count; i++)
        items[i] = (item){ i, s->bound(s->ctx, i), -INFINITY };
    if (s->count)
        qsort(items, s->count, sizeof *items, by_bound);
    while (done < s->count) {
        double floor = score_to_beat(*arena, s, items, done);
        if (items[done].bound <= floor)
            break;
        out->interrupted = s->stopped && s->stopped(s->ctx);
        if (out->interrupted)
            break;
        size_t n = s->count - done < ROUND ? s->count - done : ROUND;
        round_work r = { s, items + done, floor };
        hg_parallel(n, s->threads, evaluate, &r);
        done += n;
        if (s->progress)
            s->progress(s->ctx, (double)done / (double)s->count);
    }
    for (size_t i = 0; i < done; i++)
        out->evaluated += items[i].score > -INFINITY;
    out->pruned = out->interrupted ? 0 : s->count - out->evaluated;
    collect(arena, s, items, done, out);
}

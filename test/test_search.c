#include "test.h"

#include "base/rng.h"
#include "search/search.h"

#include <math.h>

/* Random lists with bounds that are optimistic by a random factor; the search must find what looking
 * at everything finds, for any number of threads. */
typedef struct table {
    double score[300], bound[300];
    size_t groups;
} table;

static size_t group(void *ctx, size_t i)
{
    return i % ((table *)ctx)->groups;
}

static double bound(void *ctx, size_t i)
{
    return ((table *)ctx)->bound[i];
}

static double score(void *ctx, size_t i, double floor, int thread)
{
    (void)thread;
    double s = ((table *)ctx)->score[i];
    return s > floor ? s : 0;
}

/* The rank-th best score among the best of each group; 0: there is none. */
static double brute(const table *t, size_t n, size_t rank)
{
    double best_of[300] = { 0 }, last = INFINITY;
    for (size_t i = 0; i < n; i++)
        if (t->score[i] > best_of[i % t->groups])
            best_of[i % t->groups] = t->score[i];
    for (size_t r = 0; r <= rank; r++) {
        double best = 0;
        for (size_t g = 0; g < t->groups; g++)
            if (best_of[g] < last && best_of[g] > best)
                best = best_of[g];
        last = best;
    }
    return last;
}

void test_search(void)
{
    hg_arena arena;
    CHECK(hg_arena_open(&arena, 0));
    hg_rng r = hg_rng_seed(3, 0);
    size_t evaluated = 0, all = 0;
    for (int round = 0; round < 200; round++) {
        table t;
        size_t n = 1 + hg_rng_u64(&r) % 300, best_n = 1 + hg_rng_u64(&r) % 8;
        for (size_t i = 0; i < n; i++) {
            t.score[i] = hg_rng_unit(&r) < 0.3 ? 0 : hg_rng_unit(&r);
            t.bound[i] = t.score[i] * (1 + hg_rng_unit(&r));
        }
        hg_search s = { .count = n, .best_n = best_n, .ctx = &t, .bound = bound, .score = score };
        t.groups = 1 + hg_rng_u64(&r) % n;
        s.group = hg_rng_u64(&r) % 2 ? group : NULL;
        if (!s.group)
            t.groups = n;
        hg_found one, many;
        s.threads = 1;
        hg_search_run(&arena, &s, &one);
        s.threads = 3;
        hg_search_run(&arena, &s, &many);
        CHECK(one.count == many.count && one.evaluated == many.evaluated);
        for (size_t k = 0; k < one.count; k++) {
            CHECK(one.order[k] == many.order[k]);
            CHECKF(one.scores[k] == brute(&t, n, k), "rank %zu: %g, want %g", k, one.scores[k], brute(&t, n, k));
        }
        CHECK(one.count == best_n || brute(&t, n, one.count) == 0);
        evaluated += one.evaluated;
        all += n;
    }
    CHECKF(evaluated < all / 2, "bounds pruned too little: %zu of %zu", evaluated, all);
    hg_arena_close(&arena);
}

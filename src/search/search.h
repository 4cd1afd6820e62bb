/* Branch and bound over a list in groups: the best of each group, and of those the best N.  Nothing is
 * evaluated whose bound can neither lead its group nor enter the best N.
 *
 * The best bound of each group is tried first, then that of each kin, then all by their bounds, in rounds of 2, 4, 8, 16 and
 * then 24; the scores to beat are fixed at the start of a round, so the result is the same for any number of threads. */
#ifndef HG_SEARCH_SEARCH_H
#define HG_SEARCH_SEARCH_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct hg_search {
    size_t count;              /* items 0 … count − 1 */
    size_t best_n;             /* how many of the best groups to find */
    double near_frac;          /* what scores below this part of the best is not looked for, wherever it would rank */
    double known;              /* the best score of earlier searches; 0: none */
    int threads;
    void *ctx;
    size_t groups;             /* how many; 0: count */
    size_t (*group)(void *ctx, size_t i); /* in [0, groups); NULL: every item is its own */
    /* No score of item i exceeds this. */
    double (*bound)(void *ctx, size_t i);
    /* The score; an item that cannot exceed `floor` may return anything below it.  Higher is better;
     * 0 or less: not a solution. */
    double (*score)(void *ctx, size_t i, double floor, int thread);
    /* Items that may turn out to do the same, in [0, count): one of each kind is tried early.  NULL: none. */
    size_t (*kin)(void *ctx, size_t i);
    /* Do the scores so far say that item i does what another one did?  Asked between evaluations, in a fixed
     * order; NULL: never. */
    bool (*needless)(void *ctx, size_t i);
    bool (*stopped)(void *ctx);                    /* NULL: never */
    void (*progress)(void *ctx, double done_frac); /* NULL */
} hg_search;

typedef struct hg_found {
    size_t *order;             /* the best item of each group, best first; ties keep the list's order */
    double *scores;
    size_t count;              /* of groups with a score above 0, at most best_n */
    size_t evaluated, needless, pruned; /* all items, but for what an interruption left */
    bool interrupted;
} hg_found;

void hg_search_run(hg_arena *arena, const hg_search *s, hg_found *out);

#endif

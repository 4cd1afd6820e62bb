/* Every point once, in order or shuffled; what learns between trials takes this file's place. */
#include "tune/tuner.h"

#include "base/rng.h"

#include <math.h>

const char *const hg_strategy_names[HG_STRATEGIES] = { "model", "bayes", "random", "grid" };

struct hg_tuner {
    const hg_tune_space *space;
    size_t *order, next;
    size_t *told, *good; /* by point */
    bool *barred;
    double *sum;         /* of ln scores */
};

hg_tuner *hg_tuner_new(hg_arena *arena, const hg_tune_space *space, hg_strategy strategy, uint64_t seed)
{
    hg_tuner *t = HG_NEW(arena, hg_tuner, 1);
    size_t n = space->points;
    *t = (hg_tuner){ .space = space, .order = HG_NEW(arena, size_t, n), .told = HG_NEW(arena, size_t, n), .good = HG_NEW(arena, size_t, n),
                     .barred = HG_NEW(arena, bool, n), .sum = HG_NEW(arena, double, n) };
    hg_rng r = hg_rng_seed(seed, 1);
    for (size_t i = 0; i < n; i++) {
        size_t at = strategy == HG_TUNE_GRID ? i : (size_t)hg_rng_between(&r, 0, (int64_t)i);
        t->order[i] = t->order[at];
        t->order[at] = i;
    }
    return t;
}

size_t hg_tuner_next(hg_tuner *t)
{
    if (!t->told[t->space->baseline])
        return t->space->baseline;
    while (t->next < t->space->points && t->told[t->order[t->next]])
        t->next++;
    return t->next < t->space->points ? t->order[t->next] : t->space->points;
}

void hg_tuner_tell(hg_tuner *t, size_t point, hg_tried how, double score)
{
    t->told[point]++;
    t->barred[point] |= how != HG_TRIED_OK;
    if (how == HG_TRIED_OK) {
        t->good[point]++;
        t->sum[point] += log(score);
    }
}

size_t hg_tuner_best(const hg_tuner *t)
{
    size_t best = t->space->points;
    for (size_t i = 0; i < t->space->points; i++)
        if (t->good[i] && !t->barred[i] && (best == t->space->points || t->sum[i] / (double)t->good[i] > t->sum[best] / (double)t->good[best]))
            best = i;
    return best;
}

void hg_tuner_expect(const hg_tuner *t, size_t point, double *ln_score, double *sd, double *allowed)
{
    bool known = t->good[point] > 0;
    *ln_score = known ? t->sum[point] / (double)t->good[point] : t->space->prior ? t->space->prior[point] : 0;
    *sd = known ? 0 : INFINITY;
    *allowed = t->told[point] ? !t->barred[point] : 0.5;
}

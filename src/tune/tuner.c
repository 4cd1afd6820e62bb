#include "tune/tuner.h"

#include "base/rng.h"
#include "tune/barred.h"
#include "tune/gp.h"

#include <math.h>

const char *const hg_strategy_names[HG_STRATEGIES] = { "model", "bayes", "random", "grid" };

enum { FIRST_AT_RANDOM = 3,    /* trials after the baseline where nothing is expected yet */
       REPEATS_MOST = 3 };     /* of a point, for the tuner's own doubts; its caller confirms the winner */
static const double WORTH = 1e-3; /* e-folds: nothing left is expected to gain as much */
static const double LIVE = 0.5;   /* a change without a restart is tried where it is expected to gain this part of the best */
static const double FAR = 1.5;    /* e-folds: how far below the best a score or an expectation lies is not told apart beyond this */
static const double LIKELY = 0.5; /* a point with less chance of being allowed is no winner */

struct hg_tuner {
    const hg_tune_space *space;
    hg_tune_space near;        /* the same with the prior cut at FAR */
    hg_strategy strategy;
    hg_arena *arena;
    hg_gp *gp;
    hg_barred *barred;
    size_t *order, next;       /* of grid, random and the first trials */
    unsigned *told, *good;     /* by point */
    size_t *point, count, point_capacity, y_capacity; /* good trials */
    double *y, *cut;           /* ln scores, as they were and cut at FAR */
    size_t y_count, cut_capacity, trials, last;
    bool *fitted;              /* the process has seen them all */
};

/* What is hopeless shall be known to be so, and not bend what is said of the rest. */
static void cut(double *to, const double *from, size_t count)
{
    double most = -INFINITY;
    for (size_t i = 0; i < count; i++)
        most = fmax(most, from[i]);
    for (size_t i = 0; i < count; i++)
        to[i] = fmax(from[i], most - FAR);
}

static const double *cut_prior(hg_arena *arena, const hg_tune_space *s)
{
    double *near = s->prior ? HG_NEW(arena, double, s->points) : NULL;
    if (near)
        cut(near, s->prior, s->points);
    return near;
}

hg_tuner *hg_tuner_new(hg_arena *arena, const hg_tune_space *space, hg_strategy strategy, uint64_t seed)
{
    hg_tuner *t = HG_NEW(arena, hg_tuner, 1);
    size_t n = space->points;
    hg_rng r = hg_rng_seed(seed, 1);
    *t = (hg_tuner){ .space = space, .strategy = strategy, .arena = arena, .order = HG_NEW(arena, size_t, n), .told = HG_NEW(arena, unsigned, n),
                     .good = HG_NEW(arena, unsigned, n), .barred = hg_barred_new(arena, space), .last = space->baseline,
                     .near = *space, .fitted = HG_NEW(arena, bool, 1) };
    t->near.prior = cut_prior(arena, space);
    t->gp = hg_gp_new(arena, &t->near, strategy == HG_TUNE_MODEL && space->prior);
    for (size_t i = 0; i < n; i++) {
        size_t at = strategy == HG_TUNE_GRID ? i : (size_t)hg_rng_between(&r, 0, (int64_t)i);
        t->order[i] = t->order[at];
        t->order[at] = i;
    }
    return t;
}

void hg_tuner_tell(hg_tuner *t, size_t point, hg_tried how, double score)
{
    bool ran = how == HG_TRIED_OK && score > 0 && isfinite(score);
    t->told[point]++;
    t->good[point] += ran;
    t->trials++;
    t->last = point;
    hg_barred_tell(t->barred, point, !ran);
    if (!ran)
        return;
    *HG_PUSH(t->arena, t->point, t->count, t->point_capacity) = point;
    *HG_PUSH(t->arena, t->y, t->y_count, t->y_capacity) = log(score);
    t->cut = hg_grow(t->arena, t->cut, t->count - 1, &t->cut_capacity, sizeof *t->cut);
    cut(t->cut, t->y, t->count);
    *t->fitted = false;
}

static void fit(const hg_tuner *t)
{
    if (!*t->fitted)
        hg_gp_fit(t->gp, t->count, t->point, t->cut);
    *t->fitted = true;
}

void hg_tuner_expect(const hg_tuner *t, size_t point, double *ln_score, double *sd, double *allowed)
{
    fit(t);
    hg_gp_at(t->gp, point, ln_score, sd);
    *allowed = 1 - hg_barred_chance(t->barred, point);
}

size_t hg_tuner_best(const hg_tuner *t)
{
    size_t best = t->space->points;
    double most = -INFINITY;
    for (size_t i = 0; i < t->space->points; i++) {
        double mean, sd, allowed;
        if (!t->good[i])
            continue;
        hg_tuner_expect(t, i, &mean, &sd, &allowed);
        if (mean > most && allowed >= LIKELY) {
            best = i;
            most = mean;
        }
    }
    return best;
}

/* Of a normal variable over what is there already. */
static double expected_gain(double mean, double sd, double best)
{
    double z = sd > 0 ? (mean - best) / sd : 0;
    if (sd <= 0)
        return fmax(mean - best, 0);
    return (mean - best) * 0.5 * erfc(-z / sqrt(2)) + sd * exp(-0.5 * z * z) / sqrt(8 * atan(1));
}

static bool is_live(const hg_tuner *t, size_t point)
{
    for (size_t k = 0; k < t->space->knobs; k++)
        if (!t->space->live[k] && t->space->at[point][k] != t->space->at[t->last][k])
            return false;
    return true;
}

/* Nothing runs yet: what is expected to be best and to run. */
static double gain(const hg_tuner *t, size_t point, double best)
{
    double mean, sd, allowed;
    hg_tuner_expect(t, point, &mean, &sd, &allowed);
    return isfinite(best) ? allowed * expected_gain(mean, sd, best) : allowed * exp(mean);
}

typedef struct choice {
    size_t point;
    double gain;
} choice;

static void consider(choice *c, size_t point, double gain)
{
    if (gain > c->gain)
        *c = (choice){ point, gain };
}

/* In the order of the seed, so that equals are taken by lot. */
static size_t among(const hg_tuner *t, bool tried, double best)
{
    choice any = { t->space->points, 0 }, live = any;
    for (size_t i = 0; i < t->space->points; i++) {
        size_t point = t->order[i];
        if (tried ? t->told[point] >= REPEATS_MOST || !t->good[point] : t->told[point] > 0)
            continue;
        double g = gain(t, point, best);
        consider(&any, point, g);
        if (is_live(t, point))
            consider(&live, point, g);
    }
    if (isfinite(best) && any.gain < WORTH)
        return t->space->points;
    return live.gain >= LIVE * any.gain ? live.point : any.point;
}

/* A neighbour tells as much of a point as its own repeat does, and may be better; repeats come when nothing new is worth a trial. */
static size_t likeliest(const hg_tuner *t)
{
    double best = -INFINITY, sd, allowed;
    size_t at = hg_tuner_best(t);
    if (at < t->space->points)
        hg_tuner_expect(t, at, &best, &sd, &allowed);
    at = among(t, false, best);
    return at < t->space->points ? at : among(t, true, best);
}

static size_t in_order(hg_tuner *t)
{
    while (t->next < t->space->points && t->told[t->order[t->next]])
        t->next++;
    return t->next < t->space->points ? t->order[t->next] : t->space->points;
}

size_t hg_tuner_next(hg_tuner *t)
{
    bool blind = t->strategy == HG_TUNE_BAYES || !t->space->prior;
    if (!t->told[t->space->baseline])
        return t->space->baseline;
    if (t->strategy == HG_TUNE_RANDOM || t->strategy == HG_TUNE_GRID || (blind && t->trials <= FIRST_AT_RANDOM))
        return in_order(t);
    return likeliest(t);
}

#include "test.h"

#include "base/rng.h"
#include "tune/additive.h"
#include "tune/barred.h"
#include "tune/gp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { KNOBS = 4, LEVELS = 4, POINTS = 256, CROWD = 60 };

/* Four knobs of four values: two sizes, two names. */
typedef struct ground {
    hg_tune_space space;
    size_t levels[KNOBS];
    double where[KNOBS][LEVELS];
    const double *x[KNOBS];
    bool ordered[KNOBS], live[KNOBS];
    uint8_t level[POINTS][KNOBS];
    const uint8_t *at[POINTS];
    double prior[POINTS], truth[POINTS]; /* ln of the score */
} ground;

static void lay(ground *g, size_t knobs, size_t levels)
{
    size_t points = 1;
    *g = (ground){ .ordered = { true, true } };
    for (size_t k = 0; k < knobs; k++) {
        points *= g->levels[k] = levels;
        g->x[k] = g->where[k];
        for (size_t l = 0; l < levels; l++)
            g->where[k][l] = (double)l / (double)(levels - 1);
    }
    for (size_t i = 0, rest; i < points; i++) {
        rest = i;
        for (size_t k = 0; k < knobs; k++, rest /= levels)
            g->level[i][k] = (uint8_t)(rest % levels);
        g->at[i] = g->level[i];
    }
    g->space = (hg_tune_space){ .knobs = knobs, .levels = g->levels, .x = g->x, .ordered = g->ordered, .live = g->live, .points = points, .at = g->at };
}

/* Sizes rise and fall, names each have a worth of their own; and one pair of values gets on badly. */
static void rolling(ground *g)
{
    static const double names[2][LEVELS] = { { 0, 0.3, -0.2, 0.1 }, { 0.1, -0.4, 0, 0.35 } };
    for (size_t i = 0; i < g->space.points; i++) {
        const uint8_t *l = g->level[i];
        g->truth[i] = 2 + 0.5 * g->where[0][l[0]] - pow(g->where[1][l[1]] - 0.6, 2) + names[0][l[2]] + names[1][l[3]] -
                      (l[0] == 3 && l[3] == 3 ? 0.2 : 0);
    }
}

/* k(0,0) = 1 + 0.25 + 0.09 = 1.34; Matérn 5/2 at 1 is (1 + √5 + 5/3)·e^−√5 = 0.523994, k(0,1) = 1 + 0.34·0.523994 = 1.178158; noise 0.01. */
static void test_by_hand(hg_arena arena)
{
    ground *l = HG_NEW(&arena, ground, 1);
    const hg_gp_hyper h = { .alone = 0.5, .together = 0.3, .noise = 0.1, .length = { 1 } };
    const size_t point[] = { 0, 1 };
    const double y[] = { 2, 3 };
    double mean, sd;
    lay(l, 1, 2);
    hg_gp *g = hg_gp_new(&arena, &l->space, false);
    hg_gp_condition(g, &h, 1, point, y);
    hg_gp_at(g, 0, &mean, &sd);
    CHECK_NEAR(mean, 2, 1e-12);
    CHECK_NEAR(sd, 0.0996289, 1e-4); /* √(1.34 − 1.34²/1.35) */
    hg_gp_at(g, 1, &mean, &sd);
    CHECK_NEAR(mean, 2, 1e-12);
    CHECK_NEAR(sd, 0.5583997, 1e-6); /* √(1.34 − 1.178158²/1.35) */
    /* Residuals −½ and ½ lie along the eigenvector of 1.35 − 1.178158 = 0.171842. */
    CHECK_NEAR(hg_gp_condition(g, &h, 2, point, y), -2.8758574, 1e-6);
    hg_gp_at(g, 1, &mean, &sd);
    CHECK_NEAR(mean, 2.9709035, 1e-6); /* 2.5 + ½·(1.34 − 1.178158)/0.171842 */
}

static void test_prior_shifts(hg_arena arena)
{
    ground *l = HG_NEW(&arena, ground, 1);
    double mean, sd;
    lay(l, 2, 4);
    for (size_t i = 0; i < l->space.points; i++)
        l->prior[i] = 0.3 * (double)i;
    l->space.prior = l->prior;
    hg_gp *g = hg_gp_new(&arena, &l->space, true);
    hg_gp_fit(g, 1, (const size_t[]){ 5 }, (const double[]){ l->prior[5] - 1 });
    for (size_t i = 0; i < l->space.points; i++) {
        hg_gp_at(g, i, &mean, &sd);
        CHECKF(fabs(mean - (l->prior[i] - 1)) < 1e-9, "point %zu: %g", i, mean);
        CHECK(i == 5 || sd > 0.05);
    }
}

/* A prior that differs over the first knob only is doubted where the second one changes. */
static void test_prior_is_silent(hg_arena arena)
{
    ground *l = HG_NEW(&arena, ground, 1);
    double mean, known, unknown;
    lay(l, 2, 4);
    for (size_t i = 0; i < l->space.points; i++)
        l->prior[i] = 0.3 * l->level[i][0];
    l->space.prior = l->prior;
    hg_gp *g = hg_gp_new(&arena, &l->space, true);
    hg_gp_fit(g, 1, (const size_t[]){ 0 }, (const double[]){ 1 });
    hg_gp_at(g, 3, &mean, &known);
    hg_gp_at(g, 12, &mean, &unknown);
    CHECKF(l->level[3][0] == 3 && l->level[12][1] == 3 && unknown > 1.3 * known, "%g where it says nothing, %g where it does", unknown, known);
}

/* Told a third of a function it has never seen, noise and all, it knows the rest, and how well. */
static void test_known_function(hg_arena arena)
{
    ground *l = HG_NEW(&arena, ground, 1);
    enum { TOLD = 80 };
    size_t point[TOLD], within = 0;
    double y[TOLD], squares = 0, all = 0, middle = 0, mean, sd;
    hg_rng r = hg_rng_seed(4, 0);
    lay(l, KNOBS, LEVELS);
    rolling(l);
    for (size_t i = 0; i < TOLD; i++) {
        point[i] = (size_t)hg_rng_between(&r, 0, POINTS - 1);
        y[i] = l->truth[point[i]] + 0.03 * hg_rng_normal(&r);
    }
    hg_gp *g = hg_gp_new(&arena, &l->space, false);
    hg_gp_fit(g, TOLD, point, y);
    for (size_t i = 0; i < POINTS; i++)
        middle += l->truth[i] / POINTS;
    for (size_t i = 0; i < POINTS; i++) {
        hg_gp_at(g, i, &mean, &sd);
        squares += pow(mean - l->truth[i], 2) / POINTS;
        all += pow(l->truth[i] - middle, 2) / POINTS;
        within += fabs(mean - l->truth[i]) < 2 * sd;
    }
    CHECKF(sqrt(squares) < 0.05 && sqrt(all) > 0.3, "off by %g of %g", sqrt(squares), sqrt(all));
    CHECKF(within > POINTS * 85 / 100, "%zu of %d within two deviations", within, POINTS);
    CHECKF(hg_gp_learnt(g)->noise > 0.01 && hg_gp_learnt(g)->noise < 0.06, "noise %g of 0.03", hg_gp_learnt(g)->noise);
}

static void test_repeats(hg_arena arena)
{
    ground *l = HG_NEW(&arena, ground, 1);
    lay(l, 2, 4);
    hg_tuner *t = hg_tuner_new(&arena, &l->space, HG_TUNE_BAYES, 1);
    double mean, before, after, allowed;
    hg_tuner_tell(t, 3, HG_TRIED_OK, exp(1.0));
    hg_tuner_tell(t, 9, HG_TRIED_OK, exp(1.5));
    hg_tuner_expect(t, 9, &mean, &before, &allowed);
    for (int i = 0; i < 8; i++) {
        hg_tuner_tell(t, 9, HG_TRIED_OK, exp(i % 2 ? 1.1 : 0.9));
        hg_tuner_tell(t, 3, HG_TRIED_OK, exp(i % 2 ? 1.3 : 1.2));
    }
    hg_tuner_expect(t, 9, &mean, &after, &allowed);
    CHECKF(fabs(mean - 1.05) < 0.05, "nine tellings of 1.056 on average: %g", mean);
    CHECKF(allowed == 1, "%g", allowed);
    CHECKF(hg_tuner_best(t) == 3, "one lucky trial does not win: %zu", hg_tuner_best(t));
}

static void test_rules(hg_arena arena)
{
    ground *l = HG_NEW(&arena, ground, 1);
    lay(l, KNOBS, LEVELS);
    hg_barred *b = hg_barred_new(&arena, &l->space);
    hg_rng r = hg_rng_seed(2, 0);
    size_t wrong = 0;
    CHECK(hg_barred_chance(b, 7) < 0.1);
    for (int i = 0; i < CROWD; i++) {
        size_t p = (size_t)hg_rng_between(&r, 0, POINTS - 1);
        /* Value 1 of one name with value 2 of another, or both sizes at least at their third value. */
        hg_barred_tell(b, p, (l->level[p][2] == 1 && l->level[p][3] == 2) || (l->level[p][0] >= 2 && l->level[p][1] >= 2));
    }
    for (size_t p = 0; p < POINTS; p++) {
        bool fails = (l->level[p][2] == 1 && l->level[p][3] == 2) || (l->level[p][0] >= 2 && l->level[p][1] >= 2);
        wrong += (hg_barred_chance(b, p) > 0.5) != fails;
    }
    CHECKF(wrong <= 12, "%zu of %d", wrong, POINTS);
}

/* Trials until the score is within 5 % of the best. */
static size_t trials(hg_arena arena, const ground *l, hg_strategy how, uint64_t seed, size_t broken)
{
    hg_tuner *t = hg_tuner_new(&arena, &l->space, how, seed);
    hg_rng r = hg_rng_seed(seed, 9);
    double best = -INFINITY;
    for (size_t i = 0; i < l->space.points; i++)
        if (l->level[i][2] != broken)
            best = fmax(best, l->truth[i]);
    for (size_t n = 1; n <= l->space.points; n++) {
        size_t p = hg_tuner_next(t);
        if (p == l->space.points)
            return p;
        bool fails = l->level[p][2] == broken;
        if (!fails && l->truth[p] > best + log(0.95))
            return n;
        hg_tuner_tell(t, p, fails ? HG_TRIED_CRASHED : HG_TRIED_OK, exp(l->truth[p] + 0.02 * hg_rng_normal(&r)));
    }
    return l->space.points;
}

static int ascending(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

enum { SEEDS = 15, NONE_BROKEN = 99 };

static size_t median_trials(hg_arena arena, const ground *l, hg_strategy how, size_t broken)
{
    size_t n[SEEDS];
    for (uint64_t i = 0; i < SEEDS; i++)
        n[i] = trials(arena, l, how, i, broken);
    qsort(n, SEEDS, sizeof *n, ascending);
    return n[SEEDS / 2];
}

static void test_finds(hg_arena arena)
{
    ground *l = HG_NEW(&arena, ground, 1);
    lay(l, KNOBS, LEVELS);
    rolling(l);
    size_t random = median_trials(arena, l, HG_TUNE_RANDOM, NONE_BROKEN), bayes = median_trials(arena, l, HG_TUNE_BAYES, NONE_BROKEN);
    CHECKF(2 * bayes < random, "bayes %zu, random %zu", bayes, random);
    /* A prior that knows the sizes' effect wrongly by a third and nothing of the pair. */
    for (size_t i = 0; i < POINTS; i++)
        l->prior[i] = 0.7 * l->truth[i] + (l->level[i][0] == 3 && l->level[i][3] == 3 ? 0.2 : 0);
    l->space.prior = l->prior;
    size_t model = median_trials(arena, l, HG_TUNE_MODEL, NONE_BROKEN);
    CHECKF(model < bayes && model <= 8, "model %zu, bayes %zu", model, bayes);
    /* The third name's best value crashes always: the prior is wrong just where it is surest. */
    size_t crashes = median_trials(arena, l, HG_TUNE_MODEL, 1);
    CHECKF(crashes <= 16, "model among crashes %zu", crashes);
}

static void test_orders(hg_arena arena)
{
    ground *l = HG_NEW(&arena, ground, 1);
    bool seen[16] = { false };
    size_t p, first[2] = { 0, 0 };
    lay(l, 2, 4);
    l->space.baseline = 6;
    hg_tuner *grid = hg_tuner_new(&arena, &l->space, HG_TUNE_GRID, 1);
    for (size_t n = 0, last = 0; (p = hg_tuner_next(grid)) < 16; n++) {
        CHECKF(n == 0 ? p == 6 : n == 1 || p > last, "grid: %zu after %zu", p, last);
        CHECK(!seen[p]);
        seen[p] = true;
        last = n ? p : 0;
        hg_tuner_tell(grid, p, HG_TRIED_OK, 1);
    }
    for (size_t i = 0; i < 16; i++)
        CHECK(seen[i]);
    for (uint64_t seed = 0; seed < 2; seed++) {
        hg_tuner *one = hg_tuner_new(&arena, &l->space, HG_TUNE_RANDOM, seed), *two = hg_tuner_new(&arena, &l->space, HG_TUNE_RANDOM, seed);
        size_t n = 0;
        for (; (p = hg_tuner_next(one)) < 16; n++) {
            CHECK(hg_tuner_next(two) == p);
            first[seed] = first[seed] * 7 + p;
            hg_tuner_tell(one, p, HG_TRIED_OK, 1);
            hg_tuner_tell(two, p, HG_TRIED_OK, 1);
        }
        CHECK(n == 16);
    }
    CHECKF(first[0] != first[1], "seeds differ");
}

static void test_same_seed(hg_arena arena)
{
    ground *l = HG_NEW(&arena, ground, 1);
    lay(l, KNOBS, LEVELS);
    rolling(l);
    for (hg_strategy how = HG_TUNE_MODEL; how <= HG_TUNE_BAYES; how++)
        CHECK(trials(arena, l, how, 3, 1) == trials(arena, l, how, 3, 1));
}

static void test_nothing_runs(hg_arena arena)
{
    ground *l = HG_NEW(&arena, ground, 1);
    size_t p, n = 0;
    lay(l, 2, 4);
    hg_tuner *t = hg_tuner_new(&arena, &l->space, HG_TUNE_MODEL, 1);
    for (; (p = hg_tuner_next(t)) < 16 && n < 40; n++)
        hg_tuner_tell(t, p, n % 2 ? HG_TRIED_CRASHED : HG_TRIED_OK, NAN);
    CHECKF(n == 16, "each once, none again: %zu", n);
    CHECK(hg_tuner_best(t) == 16);
}

/* Either knob promises the same, and both no more; only one can be changed as it runs. */
static void test_live_first(hg_arena arena)
{
    ground *l = HG_NEW(&arena, ground, 1);
    for (size_t which = 0; which < 2; which++) {
        lay(l, 2, 4);
        l->live[which] = true;
        for (size_t i = 0; i < 16; i++)
            l->prior[i] = i > 0 ? 0.3 : 0;
        l->space.prior = l->prior;
        hg_tuner *t = hg_tuner_new(&arena, &l->space, HG_TUNE_MODEL, 1);
        CHECK(hg_tuner_next(t) == 0);
        hg_tuner_tell(t, 0, HG_TRIED_OK, 1);
        size_t p = hg_tuner_next(t);
        CHECKF(l->level[p][which] > 0 && l->level[p][1 - which] == 0, "knob %zu is live, tried %d %d", which,
               l->level[p][0], l->level[p][1]);
    }
}

static void test_ends(hg_arena arena)
{
    ground *l = HG_NEW(&arena, ground, 1);
    size_t n = 0, p;
    lay(l, KNOBS, LEVELS);
    rolling(l);
    for (size_t i = 0; i < POINTS; i++)
        l->prior[i] = l->truth[i];
    l->space.prior = l->prior;
    hg_tuner *t = hg_tuner_new(&arena, &l->space, HG_TUNE_MODEL, 1);
    for (; (p = hg_tuner_next(t)) < POINTS && n < POINTS; n++)
        hg_tuner_tell(t, p, HG_TRIED_OK, exp(l->truth[p]));
    CHECKF(n < POINTS / 2, "a prior that is right ends it before the grid is through: %zu", n);
    double best = l->truth[hg_tuner_best(t)];
    for (size_t i = 0; i < POINTS; i++)
        CHECKF(l->truth[i] <= best + 0.02, "%zu is better", i);
}

/* What is a sum of effects is found again from a part of it; what does not run says nothing. */
static void test_additive(hg_arena arena)
{
    static const double x[3] = { 0, 0.5, 1 };
    const size_t levels[3] = { 3, 3, 2 };
    const double *places[3] = { x, x, x };
    const bool ordered[3] = { true, true, false }, live[3] = { false };
    const uint8_t *at[18];
    uint8_t rows[18][3];
    bool known[18] = { false };
    double y[18], wants[18];
    hg_tune_space s = { .knobs = 3, .levels = levels, .x = places, .ordered = ordered, .live = live, .points = 18, .at = at };
    for (size_t p = 0; p < 18; p++) {
        rows[p][0] = (uint8_t)(p / 6), rows[p][1] = (uint8_t)(p / 2 % 3), rows[p][2] = (uint8_t)(p % 2);
        at[p] = rows[p];
        wants[p] = 5 + rows[p][0] * 0.7 - rows[p][1] * rows[p][1] * 0.2 + (rows[p][2] ? 0.3 : 0);
        known[p] = p < 9 || p == 12 || p == 17 || p == 14;
        y[p] = known[p] ? wants[p] : -1;
    }
    y[3] = NAN;
    CHECK(hg_additive_fill(arena, &s, known, y));
    for (size_t p = 0; p < 18; p++)
        CHECKF(p == 3 ? isnan(y[p]) : fabs(y[p] - wants[p]) < (known[p] ? 1e-12 : 0.02), "point %zu: %g, not %g", p, y[p], wants[p]);
    memset(known, 0, sizeof known);
    CHECK(!hg_additive_fill(arena, &s, known, y));
}

void test_tuner(void)
{
    hg_arena arena;
    CHECK(hg_arena_open(&arena, 0));
    test_by_hand(arena);
    test_prior_shifts(arena);
    test_prior_is_silent(arena);
    test_known_function(arena);
    test_repeats(arena);
    test_rules(arena);
    test_orders(arena);
    test_finds(arena);
    test_same_seed(arena);
    test_nothing_runs(arena);
    test_live_first(arena);
    test_ends(arena);
    test_additive(arena);
    hg_arena_close(&arena);
}

/* How far heng's predictions of the engine are off: calibrated by a handful of trials drawn at random, held against all others. */
#include "tune_error.h"

#include "base/rng.h"
#include "tune/gp.h"
#include "tune_prior.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { DRAWS = 20, SWEEPS = 3 };
static const int handfuls[] = { 4, 8, 16 };
static const double SURE = 0.5; /* ln: a factor is not far from 1 unless trials say so; weighs as much as a trial that is off by as much */

static double squared_error(hg_arena scratch, const tune_errors *e, const tune_prior *p, const tune_machine *m, const size_t *trial, int n)
{
    double sum = 0;
    uint8_t level[TUNE_KNOBS_MOST];
    for (int c = 0; c < TUNE_CONSTANTS; c++)
        sum += pow(0.1 * log(m->of[c]) / SURE, 2);
    for (int i = 0; i < n; i++) {
        tune_grid_at(e->grid, trial[i], level);
        sum += pow(log(tune_predict(scratch, p, m, level).tokens_per_s / e->tokens_per_s[trial[i]]), 2);
    }
    return sum;
}

/* Arithmetic, memory and the fixed part, each up and down by steps that shrink. */
static tune_machine calibrate(hg_arena scratch, const tune_errors *e, const tune_prior *p, const size_t *trial, int n)
{
    tune_machine m = { { 1, 1, 1 } };
    double step = log(3), best = squared_error(scratch, e, p, &m, trial, n);
    for (int sweep = 0; sweep < 2 * SWEEPS; sweep++, step *= 0.6)
        for (int c = 0; c < TUNE_CONSTANTS; c++)
            for (int way = -1; way <= 1; way += 2) {
                tune_machine other = m;
                other.of[c] *= exp(way * step);
                double error = squared_error(scratch, e, p, &other, trial, n);
                if (error < best) {
                    best = error;
                    m = other;
                }
            }
    return m;
}

typedef struct errors {
    double *each;
    size_t count;
} errors;

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print(const char *what, int trials, errors *r)
{
    double sum = 0;
    qsort(r->each, r->count, sizeof *r->each, ascending);
    for (size_t i = 0; i < r->count; i++)
        sum += r->each[i];
    printf("%-44s %6d %8.1f %% %8.1f %% %8.1f %%\n", what, trials, 100 * r->each[r->count / 2], 100 * sum / (double)r->count,
           100 * r->each[r->count * 9 / 10]);
}

static double off(double predicted, double measured)
{
    return fabs(predicted / measured - 1);
}

/* `draw`: combinations that ran in an order of its own; the first n are told, the rest are held against. */
static void one_draw(hg_arena scratch, const tune_errors *e, const tune_prior *p, const size_t *draw, size_t ran, int n, errors *constants,
                     errors *process)
{
    tune_machine m = calibrate(scratch, e, p, draw, n);
    double *ln = HG_NEW(&scratch, double, e->grid->points), *y = HG_NEW(&scratch, double, n);
    uint8_t level[TUNE_KNOBS_MOST];
    hg_tune_space s = *e->space;
    for (size_t i = 0; i < e->grid->points; i++) {
        tune_grid_at(e->grid, i, level);
        ln[i] = log(tune_predict(scratch, p, &m, level).tokens_per_s);
    }
    for (int i = 0; i < n; i++)
        y[i] = log(e->tokens_per_s[draw[i]]);
    s.prior = ln;
    hg_gp *g = hg_gp_new(&scratch, &s, true);
    hg_gp_fit(g, (size_t)n, draw, y);
    for (size_t i = (size_t)n; i < ran; i++) {
        double mean, sd, is = e->tokens_per_s[draw[i]];
        hg_gp_at(g, draw[i], &mean, &sd);
        constants->each[constants->count++] = off(exp(ln[draw[i]]), is);
        process->each[process->count++] = off(exp(mean), is);
    }
}

static size_t draw_order(const tune_errors *e, uint64_t seed, size_t *order)
{
    hg_rng r = hg_rng_seed(seed, 3);
    size_t n = 0;
    for (size_t i = 0; i < e->grid->points; i++)
        if (e->tokens_per_s[i] > 0) {
            size_t at = (size_t)hg_rng_between(&r, 0, (int64_t)n);
            order[n++] = order[at];
            order[at] = i;
        }
    return n;
}

bool tune_say_errors(hg_arena scratch, const tune_errors *e, hg_err *err)
{
    static const tune_machine sheet = { { 1, 1, 1 } };
    tune_prior p;
    size_t *order = HG_NEW(&scratch, size_t, e->grid->points + 1);
    size_t most = DRAWS * e->grid->points;
    uint8_t level[TUNE_KNOBS_MOST];
    errors none = { HG_NEW(&scratch, double, most), 0 };
    if (!tune_prior_open(&scratch, e->grid, &p, err))
        return false;
    for (size_t i = 0; i < e->grid->points; i++)
        if (e->tokens_per_s[i] > 0) {
            tune_grid_at(e->grid, i, level);
            none.each[none.count++] = off(tune_predict(scratch, &p, &sheet, level).tokens_per_s, e->tokens_per_s[i]);
        }
    printf("\nerror of predicted output tokens/s on combinations not told, %d draws\n%-44s %6s %10s %10s %10s\n", DRAWS, "", "told", "median",
           "mean", "p90");
    print("data sheet alone", 0, &none);
    for (size_t h = 0; h < sizeof handfuls / sizeof *handfuls; h++) {
        hg_arena part = scratch;
        errors constants = { HG_NEW(&part, double, most), 0 }, process = { HG_NEW(&part, double, most), 0 };
        for (uint64_t d = 0; d < DRAWS; d++)
            one_draw(part, e, &p, order, draw_order(e, d + 1, order), handfuls[h], &constants, &process);
        print("three constants of the cost model", handfuls[h], &constants);
        print("… and the process on what they miss", handfuls[h], &process);
    }
    return true;
}

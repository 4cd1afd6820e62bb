/* The strategies on the recorded table: a trial answers with one of the combination's recorded repeats, drawn by the seed. */
#include "tune.h"

#include "base/csv.h"
#include "base/rng.h"
#include "base/text.h"
#include "tune/tuner.h"
#include "tune_error.h"
#include "tune_space.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEEDS = 100, REPEATS_MOST = 8 };
static const double NEAR = 0.95; /* of the best combination's mean */

typedef struct cell {
    size_t repeats;
    double score[REPEATS_MOST]; /* goodput, requests a second; 0: it did not start, or no answer kept the promise */
    double mean;                /* of the repeats */
    double tokens_per_s;        /* likewise; 0: it did not start */
} cell;

static bool read_row(const hg_csv *csv, const tune_grid *g, cell *cells, hg_err *err)
{
    int64_t point;
    int good = hg_csv_column(csv, "good_per_s");
    if (good < 0 || !hg_csv_i64(csv, hg_csv_column(csv, "point"), 0, (int64_t)g->points - 1, &point, err))
        return good < 0 && hg_fail(err, HG_INPUT, "bench", "the table has no column good_per_s");
    cell *c = &cells[point];
    if (c->repeats == REPEATS_MOST)
        return true;
    double *score = &c->score[c->repeats++];
    *score = 0;
    double wall = 1, tokens = 0;
    bool known = !*csv->fields[good] || (hg_csv_f64(csv, good, 0, 1e9, score, err) &&
                                         hg_csv_f64(csv, hg_csv_column(csv, "wall_s"), 1e-3, 1e6, &wall, err) &&
                                         hg_csv_f64(csv, hg_csv_column(csv, "answer_tokens"), 0, 1e9, &tokens, err));
    c->mean += (*score - c->mean) / (double)c->repeats;
    c->tokens_per_s += (tokens / wall - c->tokens_per_s) / (double)c->repeats;
    return known;
}

static bool read_table(hg_arena scratch, const char *table, const tune_grid *g, cell *cells, hg_err *err)
{
    hg_csv csv;
    int more;
    if (!hg_csv_open(&csv, &scratch, table, err))
        return false;
    while ((more = hg_csv_next(&csv, err)) > 0)
        if (!read_row(&csv, g, cells, err)) {
            more = -1;
            break;
        }
    hg_csv_close(&csv);
    return more == 0;
}

static double best_of(const tune_grid *g, const cell *cells)
{
    double best = 0;
    for (size_t i = 0; i < g->points; i++)
        best = fmax(best, cells[i].mean);
    return best;
}

/* Who sees nothing worth a trial any more goes on at random: the count is of trials, not of a strategy's contentment. */
static size_t next(hg_tuner *t, hg_tuner *random, size_t points)
{
    size_t at = hg_tuner_next(t);
    return at < points ? at : hg_tuner_next(random);
}

/* Trials, repeats and failures too, until one was of a combination near the best. */
static size_t trials_to_near(hg_arena scratch, const hg_tune_space *s, const cell *cells, double best, hg_strategy how, uint64_t seed)
{
    hg_tuner *t = hg_tuner_new(&scratch, s, how, seed), *random = hg_tuner_new(&scratch, s, HG_TUNE_RANDOM, seed);
    hg_rng draw = hg_rng_seed(seed, 2);
    for (size_t n = 1;; n++) {
        size_t at = next(t, random, s->points);
        const cell *c = &cells[at];
        if (c->mean >= NEAR * best)
            return n;
        double score = c->score[hg_rng_between(&draw, 0, (int64_t)c->repeats - 1)];
        hg_tried how_it_went = score > 0 ? HG_TRIED_OK : c->tokens_per_s > 0 ? HG_TRIED_BROKE_SLO : HG_TRIED_CRASHED;
        hg_tuner_tell(t, at, how_it_went, score);
        hg_tuner_tell(random, at, how_it_went, score);
    }
}

static int ascending(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

static void replay(hg_arena scratch, const hg_tune_space *s, const cell *cells, double best, hg_strategy how, const char *name)
{
    size_t trials[SEEDS];
    for (int i = 0; i < SEEDS; i++)
        trials[i] = trials_to_near(scratch, s, cells, best, how, (uint64_t)i + 1);
    qsort(trials, SEEDS, sizeof *trials, ascending);
    printf("%-28s %8zu %8zu %8zu\n", name, trials[SEEDS / 2], trials[SEEDS * 9 / 10], trials[SEEDS - 1]);
}

static void say_table(const tune_grid *g, const cell *cells, double best)
{
    size_t near = 0, started = 0;
    for (size_t i = 0; i < g->points; i++) {
        near += cells[i].mean >= NEAR * best;
        started += cells[i].mean > 0;
    }
    printf("%zu combinations of %zu knobs, %zu of them with any goodput; best %.2f requests/s; %zu (%.1f %%) within %.0f %% of it\n", g->points,
           g->knobs, started, best, near, 100.0 * (double)near / (double)g->points, 100 * NEAR);
}

bool tune_replay(hg_arena scratch, const char *table, hg_err *err)
{
    tune_grid g;
    hg_tune_space s;
    tune_grid_make(&scratch, &g);
    cell *cells = HG_NEW(&scratch, cell, g.points);
    if (!tune_space_make(&scratch, &g, &tune_views[0], &s, err) || !read_table(scratch, table, &g, cells, err))
        return false;
    for (size_t i = 0; i < g.points; i++)
        if (!cells[i].repeats)
            return hg_fail(err, HG_INPUT, table, "lacks combination %zu; 'make bench-tune' records what is missing", i);
    double best = best_of(&g, cells);
    say_table(&g, cells, best);
    printf("trials until one is near the best, %d seeds\n%-28s %8s %8s %8s\n", SEEDS, "", "median", "p90", "most");
    for (hg_strategy how = 0; how < HG_STRATEGIES; how++)
        replay(scratch, &s, cells, best, how, hg_strategy_names[how]);
    for (size_t v = 1; v < tune_view_count; v++) {
        hg_arena part = scratch;
        hg_tune_space worse;
        if (!tune_space_make(&part, &g, &tune_views[v], &worse, err))
            return false;
        replay(part, &worse, cells, best, HG_TUNE_MODEL, tune_views[v].name);
    }
    double *tokens_per_s = HG_NEW(&scratch, double, g.points);
    for (size_t i = 0; i < g.points; i++)
        tokens_per_s[i] = cells[i].tokens_per_s;
    return tune_say_errors(scratch, &(tune_errors){ &g, &s, tokens_per_s }, err);
}

/* The strategies on the recorded table: a trial answers with one of the combination's recorded repeats, drawn by the seed. */
#include "tune.h"

#include "base/csv.h"
#include "base/rng.h"
#include "base/text.h"
#include "tune/tuner.h"
#include "tune_error.h"
#include "tune_prior.h"

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

/* The strategy's view of the grid.  The engine's own settings come first; nothing changes live on it. */
static void make_space(hg_arena *arena, const tune_grid *g, const double *prior, size_t baseline, hg_tune_space *out)
{
    size_t *levels = HG_NEW(arena, size_t, g->knobs);
    const double **x = HG_NEW(arena, const double *, g->knobs);
    bool *ordered = HG_NEW(arena, bool, g->knobs);
    const uint8_t **at = HG_NEW(arena, const uint8_t *, g->points);
    for (size_t k = 0; k < g->knobs; k++) {
        double *where = HG_NEW(arena, double, TUNE_LEVELS_MOST);
        const tune_knob *knob = &g->knob[k];
        levels[k] = knob->levels;
        ordered[k] = knob->ordered;
        x[k] = where;
        for (size_t l = 0; l < knob->levels && knob->ordered; l++)
            where[l] = log(atof(knob->value[l]) / atof(knob->value[0])) / log(atof(knob->value[knob->levels - 1]) / atof(knob->value[0]));
    }
    for (size_t i = 0; i < g->points; i++) {
        uint8_t *level = HG_NEW(arena, uint8_t, TUNE_KNOBS_MOST);
        tune_grid_at(g, i, level);
        at[i] = level;
    }
    *out = (hg_tune_space){ .knobs = g->knobs, .levels = levels, .x = x, .ordered = ordered, .live = HG_NEW(arena, bool, g->knobs),
                            .points = g->points, .at = at, .prior = prior, .baseline = baseline };
}

/* Trials until one was of a combination near the best; all of them when none was. */
static size_t trials_to_near(hg_arena scratch, const hg_tune_space *s, const cell *cells, double best, hg_strategy how, uint64_t seed)
{
    hg_tuner *t = hg_tuner_new(&scratch, s, how, seed);
    hg_rng draw = hg_rng_seed(seed, 2);
    for (size_t n = 1; n <= s->points; n++) {
        size_t at = hg_tuner_next(t);
        if (at == s->points)
            return s->points;
        const cell *c = &cells[at];
        if (c->mean >= NEAR * best)
            return n;
        double score = c->score[hg_rng_between(&draw, 0, (int64_t)c->repeats - 1)];
        hg_tuner_tell(t, at, score > 0 ? HG_TRIED_OK : c->mean > 0 ? HG_TRIED_BROKE_SLO : HG_TRIED_CRASHED, score);
    }
    return s->points;
}

static int ascending(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

static void replay(hg_arena scratch, const hg_tune_space *s, const cell *cells, double best, hg_strategy how)
{
    size_t trials[SEEDS];
    for (int i = 0; i < SEEDS; i++)
        trials[i] = trials_to_near(scratch, s, cells, best, how, (uint64_t)i + 1);
    qsort(trials, SEEDS, sizeof *trials, ascending);
    printf("%-8s %8zu %8zu %8zu\n", hg_strategy_names[how], trials[SEEDS / 2], trials[SEEDS * 9 / 10], trials[SEEDS - 1]);
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

/* The engine's own: one thread, eight at once, whole prompts, a part of the KV for each, flash attention as libllama decides. */
static size_t own_settings(const tune_grid *g)
{
    static const char *const own[][2] = { { "--threads", "1" }, { "--threads-batch", "1" }, { "--max-seqs", "8" }, { "--token-budget", "512" },
                                          { "--kv-unified", "off" }, { "--kv-type", "f16" }, { "--flash-attention", "on" } };
    uint8_t level[TUNE_KNOBS_MOST];
    for (size_t i = 0; i < g->points; i++) {
        size_t alike = 0;
        tune_grid_at(g, i, level);
        for (size_t k = 0; k < g->knobs; k++)
            for (size_t o = 0; o < sizeof own / sizeof *own; o++)
                alike += strcmp(own[o][0], g->knob[k].flag) == 0 && strcmp(own[o][1], g->knob[k].value[level[k]]) == 0;
        if (alike == g->knobs)
            return i;
    }
    return 0;
}

/* ln of what heng expects.  Where it expects that no answer keeps the promise, the throughput ranks, below all that do. */
static double *predict_all(hg_arena *arena, const tune_grid *g, hg_err *err)
{
    static const tune_machine sheet = { { 1, 1, 1 } };
    static const double BROKEN = 0.1;
    tune_prior p;
    double *ln = HG_NEW(arena, double, g->points);
    uint8_t level[TUNE_KNOBS_MOST];
    if (!tune_prior_open(arena, g, &p, err))
        return NULL;
    for (size_t i = 0; i < g->points; i++) {
        tune_grid_at(g, i, level);
        tune_prediction e = tune_predict(*arena, &p, &sheet, level);
        ln[i] = log(e.good_per_s > 0 ? e.good_per_s : BROKEN * e.tokens_per_s / tune_the_load.osl);
    }
    return ln;
}

bool tune_replay(hg_arena scratch, const char *table, hg_err *err)
{
    tune_grid g;
    hg_tune_space s;
    tune_grid_make(&scratch, &g);
    cell *cells = HG_NEW(&scratch, cell, g.points);
    const double *prior = predict_all(&scratch, &g, err);
    if (!prior || !read_table(scratch, table, &g, cells, err))
        return false;
    for (size_t i = 0; i < g.points; i++)
        if (!cells[i].repeats && getenv("DBG")) printf("%zu -\n", i); else if (getenv("DBG")) printf("%zu %g %g %g\n", i, exp(prior[i]), cells[i].mean, cells[i].tokens_per_s); else if (!cells[i].repeats)
            return hg_fail(err, HG_INPUT, table, "lacks combination %zu; 'make bench-tune' records what is missing", i);
    double best = best_of(&g, cells);
    make_space(&scratch, &g, prior, own_settings(&g), &s);
    say_table(&g, cells, best);
    printf("trials until one is near the best, %d seeds\n%-8s %8s %8s %8s\n", SEEDS, "", "median", "p90", "most");
    if (!getenv("DBG")) for (hg_strategy how = 0; how < HG_STRATEGIES; how++)
        replay(scratch, &s, cells, best, how);
    double *tokens_per_s = HG_NEW(&scratch, double, g.points);
    for (size_t i = 0; i < g.points; i++)
        tokens_per_s[i] = cells[i].tokens_per_s;
    return tune_say_errors(scratch, &(tune_errors){ &g, &s, tokens_per_s }, err);
}

/* The table: a line a trial, appended as it is measured, so that a broken recording goes on where it ended. */
#include "tune.h"

#include "base/csv.h"
#include "base/rng.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char columns[] = "wall_s,complete,answer_tokens,cpu_s,ttft_p50_s,ttft_p90_s,tpot_p50_s,tpot_p90_s,good_per_s";

static void write_header(FILE *f, const tune_grid *g)
{
    fprintf(f, "pass,point");
    for (size_t k = 0; k < g->knobs; k++)
        fprintf(f, ",%s", g->knob[k].flag + 2);
    fprintf(f, ",%s\n", columns);
}

static void write_trial(FILE *f, const tune_grid *g, int pass, size_t point, const uint8_t *level, const tune_trial *t)
{
    fprintf(f, "%d,%zu", pass, point);
    for (size_t k = 0; k < g->knobs; k++)
        fprintf(f, ",%s", g->knob[k].value[level[k]]);
    if (t->started)
        fprintf(f, ",%.3f,%zu,%.0f,%.3f,%.4f,%.4f,%.4f,%.4f,%.4f\n", t->wall_s, t->complete, t->answer_tokens, t->cpu_s, t->ttft_p50_s,
                t->ttft_p90_s, t->tpot_p50_s, t->tpot_p90_s, t->good_per_s);
    else
        fprintf(f, ",,,,,,,,,\n");
    fflush(f);
}

/* done[pass·points + point] */
static bool read_done(hg_arena scratch, const char *table, const tune_grid *g, int passes, bool *done, hg_err *err)
{
    hg_csv csv;
    struct stat there;
    if (stat(table, &there) != 0 || there.st_size == 0)
        return true;
    if (!hg_csv_open(&csv, &scratch, table, err))
        return false;
    int more, pass = hg_csv_column(&csv, "pass"), point = hg_csv_column(&csv, "point");
    while ((more = hg_csv_next(&csv, err)) > 0) {
        int64_t p, at;
        if (!hg_csv_i64(&csv, pass, 0, 1000, &p, err) || !hg_csv_i64(&csv, point, 0, (int64_t)g->points - 1, &at, err)) {
            more = -1;
            break;
        }
        if (p < passes)
            done[(size_t)p * g->points + (size_t)at] = true;
    }
    hg_csv_close(&csv);
    return more == 0;
}

/* A machine's slow hours must not fall on the same combinations in every pass. */
static void shuffle(size_t *order, size_t n, int pass)
{
    hg_rng r = hg_rng_seed((uint64_t)pass, 7);
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    for (size_t i = n - 1; i > 0; i--) {
        size_t j = (size_t)hg_rng_between(&r, 0, (int64_t)i), kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}

bool tune_record(hg_arena scratch, const char *engine, const char *table, int passes, hg_err *err)
{
    tune_grid g;
    tune_trial t;
    uint8_t level[TUNE_KNOBS_MOST];
    tune_grid_make(&scratch, &g);
    bool *done = HG_NEW(&scratch, bool, (size_t)passes * g.points);
    size_t *order = HG_NEW(&scratch, size_t, g.points);
    if (!read_done(scratch, table, &g, passes, done, err))
        return false;
    FILE *f = fopen(table, "a");
    if (!f)
        return hg_fail(err, HG_WORLD, table, "cannot be written");
    fseek(f, 0, SEEK_END);
    if (ftell(f) == 0)
        write_header(f, &g);
    bool good = true;
    for (int pass = 0; pass < passes && good; pass++) {
        shuffle(order, g.points, pass);
        for (size_t i = 0; i < g.points && good; i++) {
            if (done[(size_t)pass * g.points + order[i]])
                continue;
            tune_grid_at(&g, order[i], level);
            if ((good = tune_try(scratch, engine, &g, level, &tune_the_load, &t, err)))
                write_trial(f, &g, pass, order[i], level, &t);
        }
    }
    fclose(f);
    return good;
}

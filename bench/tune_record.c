/* The table: a line a trial, appended as it is measured, so that a broken recording goes on where it ended. */
#include "tune.h"

#include "base/csv.h"
#include "base/rng.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const double CONTENDS = 0.7; /* of the best mean */

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

/* What the table holds: done[pass·points + point], and goodput summed over the passes that all combinations get. */
typedef struct known {
    bool *done;
    double *sum;
} known;

static bool read_row(const hg_csv *csv, const tune_grid *g, int passes, int again, known *k, hg_err *err)
{
    int64_t p, at;
    double good = 0;
    int column = hg_csv_column(csv, "good_per_s");
    if (!hg_csv_i64(csv, hg_csv_column(csv, "pass"), 0, 1000, &p, err) ||
        !hg_csv_i64(csv, hg_csv_column(csv, "point"), 0, (int64_t)g->points - 1, &at, err) ||
        (*csv->fields[column] && !hg_csv_f64(csv, column, 0, 1e9, &good, err)))
        return false;
    if (p < passes + again)
        k->done[(size_t)p * g->points + (size_t)at] = true;
    if (p < passes)
        k->sum[at] += good;
    return true;
}

static bool read_done(hg_arena scratch, const char *table, const tune_grid *g, int passes, int again, known *k, hg_err *err)
{
    hg_csv csv;
    struct stat there;
    int more;
    if (stat(table, &there) != 0 || there.st_size == 0)
        return true;
    if (!hg_csv_open(&csv, &scratch, table, err))
        return false;
    if (hg_csv_column(&csv, "pass") < 0 || hg_csv_column(&csv, "point") < 0 || hg_csv_column(&csv, "good_per_s") < 0) {
        hg_csv_close(&csv);
        return hg_fail(err, HG_INPUT, table, "is no table of make bench-tune; name another with TUNED=");
    }
    while ((more = hg_csv_next(&csv, err)) > 0)
        if (!read_row(&csv, g, passes, again, k, err)) {
            more = -1;
            break;
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

static bool is_contender(const known *k, size_t points, size_t at)
{
    double most = 0;
    for (size_t i = 0; i < points; i++)
        most = k->sum[i] > most ? k->sum[i] : most;
    return k->sum[at] >= CONTENDS * most;
}

typedef struct recording {
    hg_arena scratch;
    const char *engine, *table;
    const tune_grid *grid;
    FILE *file;
    known known;
} recording;

static bool record_pass(recording *r, int pass, bool contenders, hg_err *err)
{
    const tune_grid *g = r->grid;
    hg_arena scratch = r->scratch;
    size_t *order = HG_NEW(&scratch, size_t, g->points);
    uint8_t level[TUNE_KNOBS_MOST];
    tune_trial t;
    shuffle(order, g->points, pass);
    for (size_t i = 0; i < g->points; i++) {
        if (r->known.done[(size_t)pass * g->points + order[i]] || (contenders && !is_contender(&r->known, g->points, order[i])))
            continue;
        tune_grid_at(g, order[i], level);
        if (!tune_try(scratch, r->engine, g, level, &tune_the_load, &t, err))
            return false;
        write_trial(r->file, g, pass, order[i], level, &t);
        r->known.sum[order[i]] += contenders ? 0 : t.good_per_s;
    }
    return true;
}

bool tune_record(hg_arena scratch, const char *engine, const char *table, int passes, int again, hg_err *err)
{
    tune_grid g;
    tune_grid_make(&scratch, &g);
    recording r = { .engine = engine, .table = table, .grid = &g };
    r.known = (known){ HG_NEW(&scratch, bool, (size_t)(passes + again) * g.points), HG_NEW(&scratch, double, g.points) };
    if (!read_done(scratch, table, &g, passes, again, &r.known, err))
        return false;
    if (!(r.file = fopen(table, "a")))
        return hg_fail(err, HG_WORLD, table, "cannot be written");
    fseek(r.file, 0, SEEK_END);
    if (ftell(r.file) == 0)
        write_header(r.file, &g);
    r.scratch = scratch;
    bool good = true;
    for (int pass = 0; pass < passes + again && good; pass++)
        good = record_pass(&r, pass, pass >= passes, err);
    fclose(r.file);
    return good;
}

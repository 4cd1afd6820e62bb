#define _GNU_SOURCE
#include "api/calibrate.h"

#include "api/loads_report.h"
#include "api/own.h"
#include "api/question.h"
#include "base/file.h"
#include "base/stat.h"
#include "measure/result_row.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { INPUT_LIMIT = 1 << 29 };

/* Standard input is looked at twice, so it is kept: a path to what came. */
static const char *kept_input(hg_ask *a)
{
    size_t size;
    char *text = hg_file_read(a->arena, NULL, INPUT_LIMIT, &size, &a->err);
    int fd = text ? memfd_create("results", 0) : -1;
    if (text && (fd < 0 || write(fd, text, size) != (ssize_t)size))
        hg_fail(&a->err, HG_WORLD, "stdin", "cannot be kept in memory");
    else if (text)
        return hg_textf(a->arena, "/proc/self/fd/%d", fd);
    return NULL;
}

/* A table in serving.csv's columns, and no tool's CSV. */
static bool is_table(hg_ask *a, const char *path)
{
    hg_csv csv;
    hg_serving_columns c;
    hg_err none;
    hg_arena scratch = *a->arena;
    if (!hg_csv_open(&csv, &scratch, path, &none))
        return false;
    bool yes = hg_serving_bind(&csv, &c, &none) && (c.ttft >= 0 || c.tpot >= 0);
    hg_csv_close(&csv);
    return yes;
}

static int64_t one(const hg_ints_word *w)
{
    return w->n ? w->v[0] : 0;
}

static bool take_words(hg_ask *a, hg_result_words *out)
{
    const hg_scenario *s = &a->s;
    *out = (hg_result_words){ .model = s->model.s, .device = s->device.s, .engine = s->engine.s, .version = s->engine_version.s,
                              .precision = s->precision.s, .tp = one(&s->tp), .pp = one(&s->pp), .dp = one(&s->dp), .ep = one(&s->ep),
                              .isl = one(&s->isl), .osl = one(&s->osl), .concurrency = one(&s->concurrency),
                              .launch = { .length_range = s->length_range.v, .max_num_batched_tokens = one(&s->max_num_batched_tokens),
                                          .max_num_seqs = one(&s->max_num_seqs), .gpu_memory_utilization = s->gpu_memory_utilization.v } };
    bool is_auto;
    if (!hg_ask_dtype(&s->kv_dtype, "auto", &out->launch.kv_dtype, &is_auto, &a->err))
        return false;
    out->launch.kv_given = !is_auto;
    return true;
}

typedef struct rows {
    hg_serving_row *all;
    size_t count, capacity;
} rows;

static bool said_before(const hg_results *all, size_t n, const char *note)
{
    for (size_t i = 0; i < n; i++)
        for (int k = 0; k < all->all[i].note_count; k++)
            if (strcmp(all->all[i].notes[k], note) == 0)
                return true;
    return false;
}

static bool add_results(hg_ask *a, const char *const *paths, size_t n, const hg_result_words *words, rows *out)
{
    hg_results results;
    if (!hg_results_read_all(a->arena, paths, n, &results, &a->err))
        return false;
    for (size_t i = 0; i < results.count; i++) {
        const hg_bench_result *r = &results.all[i];
        const char *note;
        if (!hg_result_row(a->arena, r, words, HG_PUSH(a->arena, out->all, out->count, out->capacity), &note, &a->err))
            return false;
        for (int k = 0; k < r->note_count; k++)
            if (!said_before(&results, i, r->notes[k]))
                hg_note(a, hg_textf(a->arena, "%s: %s", r->file, r->notes[k]));
        if (note)
            hg_note(a, hg_textf(a->arena, "%s: result %zu: %s", r->file, r->place, note));
    }
    return true;
}

/* A table's rows name all that words could say: words beside it would be left unread. */
static bool add_table(hg_ask *a, const char *path, rows *out)
{
    size_t n;
    hg_serving_row *read = hg_serving_file(a->arena, path, &n, &a->err);
    if (a->s.model.s || a->s.tp.n || a->s.concurrency.n)
        return hg_fail(&a->err, HG_INPUT, path, "is a table whose rows name model, ranks and load themselves; leave --model, --tp and "
                       "--concurrency out");
    for (size_t i = 0; read && i < n; i++)
        *HG_PUSH(a->arena, out->all, out->count, out->capacity) = read[i];
    return read != NULL;
}

static bool read_inputs(hg_ask *a, rows *out)
{
    hg_result_words words;
    const char **inputs = a->s.inputs + 1, *kept;
    size_t n = a->s.input_count - 1, results = 0;
    const char **paths = HG_NEW(a->arena, const char *, n + 1);
    if (n == 0) {
        inputs = &kept;
        n = 1;
        kept = "-";
    }
    if (!take_words(a, &words))
        return false;
    for (size_t i = 0; i < n; i++) {
        const char *path = strcmp(inputs[i], "-") == 0 ? kept_input(a) : inputs[i];
        if (!path)
            return false;
        if (!is_table(a, path))
            paths[results++] = path;
        else if (!add_table(a, path, out))
            return false;
    }
    return results == 0 || add_results(a, paths, results, &words, out);
}

/* Loads by number, so that leaving a fold out leaves a load out. */
static uint64_t load_number(const hg_serving_table *t, int64_t clients, uint64_t *loads)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->rows[i].concurrency == clients)
            return t->samples[i].family;
    return (*loads)++;
}

/* Runs of the first server's model, device and engine, a load a family: what its host terms are refitted to. */
static hg_serving_table of_first(hg_ask *a, const hg_serving_table *t, uint64_t *loads)
{
    hg_serving_table out = { HG_NEW(a->arena, hg_serving_sample, t->count), HG_NEW(a->arena, hg_serving_row, t->count), 0 };
    const hg_problem *first = NULL;
    for (size_t i = 0; i < t->count; i++) {
        const hg_serving_case *c = &t->samples[i].of;
        if (*c->reason)
            continue;
        first = first ? first : c->problem;
        if (c->problem != first)
            continue;
        out.rows[out.count] = t->rows[i];
        out.samples[out.count] = t->samples[i];
        out.samples[out.count].family = load_number(&out, t->rows[i].concurrency, loads);
        out.count++;
    }
    return out;
}


typedef struct errors { /* of TTFT and TPOT */
    double median[2], mean[2];
    size_t n;
} errors;

static errors errors_of(hg_ask *a, const hg_serving_table *t, const hg_serving_figures *f)
{
    errors out = { .n = 0 };
    double *e[2] = { HG_NEW(a->arena, double, t->count), HG_NEW(a->arena, double, t->count) };
    size_t n[2] = { 0, 0 };
    for (size_t i = 0; i < t->count; i++) {
        const double got[2] = { f[i].ttft_s, f[i].tpot_s }, want[2] = { t->samples[i].ttft_s, t->samples[i].tpot_s };
        for (int k = 0; k < 2; k++)
            if (isfinite(got[k]) && want[k] > 0)
                e[k][n[k]++] = fabs(got[k] / want[k] - 1);
    }
    for (int k = 0; k < 2; k++) {
        hg_sort(e[k], n[k]);
        out.median[k] = hg_percentile(e[k], n[k], 0.5);
        out.mean[k] = hg_mean(e[k], n[k]);
    }
    out.n = n[1];
    return out;
}

enum { MOST_REFITTED = 256 };

/* The host terms for what is simulated step by step (simulate, plan): refitted where a left-out load says that this
 * helps, else NULL, as shipped. */
static const hg_overheads *refit(hg_ask *a, const hg_serving_table *all, hg_buf *out)
{
    uint64_t loads = 0;
    hg_serving_group *g = HG_NEW(a->arena, hg_serving_group, 1);
    int threads = a->s.threads.n ? (int)a->s.threads.v[0] : 0;
    hg_serving_table t = of_first(a, all, &loads);
    if (loads < 2 || t.count > MOST_REFITTED ||
        !hg_serving_refit(a->arena, t.samples, t.count, threads, &t.samples[0].of.problem->engine.overheads, g))
        return NULL;
    hg_serving_figures *without = HG_NEW(a->arena, hg_serving_figures, t.count);
    hg_serving_kept_back(*a->arena, &t, (int)loads, threads, g, 1, without);
    errors before = errors_of(a, &t, hg_shipped_figures(a, &t)), after = errors_of(a, &t, without);
    bool better = after.mean[0] + after.mean[1] < before.mean[0] + before.mean[1];
    if (!a->s.json.v)
        hg_buf_printf(out, "\nHost terms of %s (for simulate and plan), left-out loads: TTFT mean %.1f%% to %.1f%%, TPOT mean %.1f%% to "
                      "%.1f%%: %s\n", t.rows[0].engine, 100 * before.mean[0], 100 * after.mean[0], 100 * before.mean[1],
                      100 * after.mean[1], better ? "refitted" : "no better, left as shipped");
    return better ? &g->overheads : NULL;
}

static void say_unread(hg_ask *a, const hg_serving_table *t)
{
    size_t unread = 0, first = 0;
    for (size_t i = t->count; i-- > 0;)
        if (*t->samples[i].of.reason) {
            unread++;
            first = i;
        }
    if (unread)
        hg_note(a, hg_textf(a->arena, "%zu of %zu runs cannot be predicted and are left out; the first: %s", unread, t->count,
                            t->samples[first].of.reason));
}

static hg_code write_own(hg_ask *a, const hg_serving_table *t, const hg_overheads *terms, const bool corrects[HG_MISS_FIGURES],
                         const hg_buf *out)
{
    const char *path = a->s.output.s ? a->s.output.s : "own.json";
    const char *source = a->s.input_count > 1 ? hg_basename(a->s.inputs[1]) : "stdin";
    const char *text = hg_own_text(a->arena, t, terms, corrects, source, hg_today(a->arena));
    if (!hg_file_write(path, text, strlen(text), a->s.force.v, &a->err))
        return a->err.code;
    hg_note(a, hg_textf(a->arena, "wrote %s; '--calibration %s' lays it over the shipped calibration", path, path));
    if (a->io->out)
        a->io->out(a->io->ctx, out->s ? out->s : "", out->n);
    return HG_DONE;
}

static void say_one_load(hg_ask *a, const hg_serving_table *t)
{
    errors e = errors_of(a, t, hg_shipped_figures(a, t));
    hg_buf b = { .arena = a->arena };
    for (int k = 0; k < 2; k++)
        if (isfinite(e.mean[k]))
            hg_buf_printf(&b, "%s%s %.1f%%", b.n ? ", " : "", k ? "TPOT" : "TTFT", 100 * e.mean[k]);
    hg_note(a, hg_textf(a->arena, "one load, which the shipped prediction misses by %s: none can be left out to say how much it helps; more "
                        "loads say more", b.n ? b.s : "nothing that was measured"));
}

enum { SERVERS_SHOWN = 8 };

/* As what each was understood: model|device|engine|precision|ranks|version. */
static void write_servers(hg_buf *out, const hg_serving_table *t, const hg_miss_server *servers, size_t n)
{
    hg_buf_printf(out, "%zu runs of %zu server%s\n", t->count, n, n > 1 ? "s" : "");
    for (size_t i = 0; i < n && i < SERVERS_SHOWN; i++)
        hg_buf_printf(out, "  %zu of %s\n", servers[i].count, servers[i].key);
    hg_buf_puts(out, n > SERVERS_SHOWN ? "  …\n\n" : "\n");
}

hg_code hg_calibrate_serving(hg_ask *a)
{
    rows in = { 0 };
    hg_serving_table t;
    hg_miss_priors priors;
    size_t servers_n;
    hg_buf out = { .arena = a->arena };
    if (!hg_refuse_unread(a, "calibrate serving"))
        return a->err.code;
    if (a->s.folds.n)
        return hg_refuse(a, a->s.folds.where, "is not read by 'calibrate serving': each load is left out by itself");
    if (a->s.output.s && strcmp(hg_basename(a->s.output.s), "overheads.json") == 0)
        return hg_refuse(a, a->s.output.where, "is the file of engines' host terms; 'heng calibrate host' fits those");
    hg_serving_shelf *shelf = hg_serving_shelf_open(a->arena, &a->data, &a->err);
    if (!shelf || !hg_miss_priors_read(a->arena, &a->data, &priors, &a->err) || !read_inputs(a, &in))
        return a->err.code;
    hg_serving_table_of(a->arena, shelf, in.all, in.count, &t);
    hg_miss_server *servers = hg_servers_of(a->arena, &t, hg_shipped_figures(a, &t), &servers_n);
    if (servers_n == 0)
        return hg_refuse(a, a->s.input_count > 1 ? a->s.inputs[1] : "stdin", "no run can be predicted: %s", t.samples[0].of.reason);
    say_unread(a, &t);
    if (!a->s.json.v)
        write_servers(&out, &t, servers, servers_n);
    bool corrects[HG_MISS_FIGURES] = { true, true };
    if (t.count > 1)
        hg_loads_report(a, servers, servers_n, &priors, 1, corrects, &out);
    else
        say_one_load(a, &t);
    return write_own(a, &t, refit(a, &t, &out), corrects, &out);
}

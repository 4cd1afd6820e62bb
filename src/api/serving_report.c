#include "api/serving_report.h"

#include "base/file.h"
#include "base/json.h"
#include "base/stat.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double OVERLOADED_S = 30;

static const char *load_of(const hg_serving_row *r)
{
    return r->concurrency <= 8 ? "light" : r->concurrency <= 64 ? "middle" : "heavy";
}

static bool is_moe(const hg_serving_sample *s)
{
    const hg_model *m = &s->of.problem->model;
    for (int64_t i = 0; i < m->layer_kinds; i++)
        if (m->layers[i].ffn == HG_FFN_MOE)
            return true;
    return false;
}

static const char *cell(const hg_serving_table *t, size_t i, const char *column)
{
    const hg_serving_row *r = &t->rows[i];
    const char *slash = strrchr(r->model, '/');
    return strcmp(column, "device") == 0      ? r->device
           : strcmp(column, "engine") == 0    ? r->engine
           : strcmp(column, "version") == 0   ? r->version
           : strcmp(column, "model") == 0     ? (slash ? slash + 1 : r->model)
           : strcmp(column, "precision") == 0 ? r->precision
           : strcmp(column, "mode") == 0      ? (r->disaggregated ? "disagg" : "agg")
           : strcmp(column, "load") == 0      ? load_of(r)
           : strcmp(column, "trust") == 0     ? (r->trust ? r->trust : "")
           : strcmp(column, "source") == 0    ? (r->source ? r->source : "")
           : strcmp(column, "kind") == 0      ? (is_moe(&t->samples[i]) ? "moe" : "dense")
                                              : NULL;
}

const char *hg_serving_key(hg_arena *arena, const hg_serving_table *t, size_t i, const char *by)
{
    hg_buf b = { .arena = arena };
    for (const char *at = by; *at;) {
        size_t n = strcspn(at, ",");
        const char *text = cell(t, i, hg_strndup(arena, at, n));
        if (!text)
            return NULL;
        hg_buf_printf(&b, "%s%s", b.n ? " " : "", *text ? text : "-");
        at += n + (at[n] == ',');
    }
    return b.s ? b.s : "all";
}

typedef enum figure { TPOT, TTFT, THROUGHPUT, FIGURES } figure;

typedef struct spread_sum {
    double *errors;       /* signed, relative */
    size_t n, inside, bands; /* of `bands` with a known interval */
} spread_sum;

typedef struct group {
    const char *key;
    size_t rows, answered, overloaded;
    spread_sum of[FIGURES];
} group;

static int by_key(const void *a, const void *b)
{
    return strcmp(((const group *)a)->key, ((const group *)b)->key);
}

static group new_group(hg_arena *arena, const char *key, size_t most)
{
    group g = { .key = key };
    for (int i = 0; i < FIGURES; i++)
        g.of[i].errors = HG_NEW(arena, double, most);
    return g;
}

static group *group_for(hg_arena *arena, group *groups, size_t *count, const char *key, size_t most)
{
    for (size_t g = 0; g < *count; g++)
        if (strcmp(groups[g].key, key) == 0)
            return &groups[g];
    groups[*count] = new_group(arena, key, most);
    return &groups[(*count)++];
}

/* The interval as predict states it: the prediction always lies inside. */
static bool holds(const double band[2], double ratio)
{
    return band[1] > 0 && ratio >= fmin(1, band[0]) && ratio <= fmax(1, band[1]);
}

static void add_error(spread_sum *sum, double predicted, double measured, const double band[2])
{
    if (!(measured > 0) || !isfinite(predicted))
        return;
    sum->errors[sum->n++] = predicted / measured - 1;
    sum->bands += band && band[1] > 0;
    sum->inside += band && holds(band, measured / predicted);
}

static void note(group *g, const hg_serving_sample *s, const hg_serving_figures *f)
{
    g->rows++;
    if (!isfinite(f->ttft_s) || !isfinite(f->tpot_s))
        return; /* not answered */
    g->answered++;
    if (s->ttft_s > OVERLOADED_S) {
        g->overloaded++;
        return;
    }
    const hg_overheads *o = &s->of.problem->engine.overheads;
    add_error(&g->of[TPOT], f->tpot_s, s->tpot_s, o->tpot_band);
    add_error(&g->of[TTFT], f->ttft_s, s->ttft_s, o->ttft_band);
    add_error(&g->of[THROUGHPUT], f->output_tokens_per_s, s->output_tokens_per_s, NULL);
}

static hg_serving_spread spread_of(hg_arena scratch, const spread_sum *sum)
{
    size_t n = sum->n;
    double *size = HG_NEW(&scratch, double, n);
    for (size_t i = 0; i < n; i++)
        size[i] = fabs(sum->errors[i]);
    hg_sort(size, n);
    hg_sort(sum->errors, n);
    return (hg_serving_spread){ n, hg_percentile(size, n, 0.5), hg_mean(size, n), hg_percentile(size, n, 0.9),
                                hg_percentile(sum->errors, n, 0.5), sum->bands ? (double)sum->inside / (double)sum->bands : NAN };
}

hg_serving_error *hg_serving_errors(hg_ask *a, const hg_serving_table *t, const hg_serving_figures *f,
                                    const char *by, size_t *count)
{
    group *groups = HG_NEW(a->arena, group, t->count + 1), all = new_group(a->arena, "all", t->count);
    *count = 0;
    for (size_t i = 0; i < t->count; i++) {
        const char *key = hg_serving_key(a->arena, t, i, by);
        if (!key) {
            hg_fail(&a->err, HG_INPUT, a->s.by.where ? a->s.by.where : "--by", "is '%.60s'; serving runs group by "
                    "device, engine, version, model, precision, mode, load, kind, and of sheets that say them trust and source", by);
            return NULL;
        }
        note(group_for(a->arena, groups, count, key, t->count), &t->samples[i], &f[i]);
        note(&all, &t->samples[i], &f[i]);
    }
    qsort(groups, *count, sizeof *groups, by_key);
    groups[(*count)++] = all;
    hg_serving_error *out = HG_NEW(a->arena, hg_serving_error, *count);
    for (size_t i = 0; i < *count; i++) {
        const group *g = &groups[i];
        out[i] = (hg_serving_error){ g->key, g->rows, g->answered, g->overloaded, spread_of(*a->arena, &g->of[TPOT]),
                                     spread_of(*a->arena, &g->of[TTFT]), spread_of(*a->arena, &g->of[THROUGHPUT]) };
    }
    return out;
}

static void write_spread(hg_json *j, const char *name, const hg_serving_spread *s, bool intervals)
{
    hg_json_key(j, name);
    hg_json_open(j, '{');
    hg_json_key_int(j, "n", (int64_t)s->n);
    hg_json_key_num(j, "mean", s->mean);
    hg_json_key_num(j, "median", s->median);
    hg_json_key_num(j, "p90", s->p90);
    hg_json_key_num(j, "bias", s->bias);
    if (intervals)
        hg_json_key_num(j, "inside_frac", s->inside);
    hg_json_close(j, '}');
}

static void write_json(hg_buf *out, const hg_serving_error *e, size_t n, bool intervals)
{
    hg_json j = { .out = out };
    hg_json_open(&j, '[');
    for (size_t i = 0; i < n; i++) {
        hg_json_open(&j, '{');
        hg_json_key_str(&j, "group", e[i].key);
        hg_json_key_int(&j, "n", (int64_t)e[i].rows);
        hg_json_key_int(&j, "answered", (int64_t)e[i].answered);
        hg_json_key_int(&j, "overloaded", (int64_t)e[i].overloaded);
        write_spread(&j, "tpot", &e[i].tpot, intervals);
        write_spread(&j, "ttft", &e[i].ttft, intervals);
        if (e[i].throughput.n > 0)
            write_spread(&j, "throughput", &e[i].throughput, false);
        hg_json_close(&j, '}');
    }
    hg_json_close(&j, ']');
    hg_buf_puts(out, "\n");
}

const char *hg_serving_errors_json(hg_arena *arena, const hg_serving_error *errors, size_t n)
{
    hg_buf b = { .arena = arena };
    write_json(&b, errors, n, false); /* of a fit whose intervals are made from these very errors */
    return b.s;
}

static const char *percent(const hg_buf *out, double frac)
{
    return hg_percent(out->arena, frac, 1, false, "");
}

static void write_text(hg_buf *out, const char *by, const hg_serving_error *e, size_t n)
{
    static const char title[] = "error, %; in the interval, %";
    bool throughput = n > 0 && e[n - 1].throughput.n > 0; /* the last is over all */
    int figures = throughput ? FIGURES : THROUGHPUT;
    hg_buf_printf(out, "%-44s %5s %5s  %34s   %34s", "", "", "", hg_textf(out->arena, "TPOT %s", title), hg_textf(out->arena, "TTFT %s", title));
    hg_buf_printf(out, "%s\n%-44s %5s %5s ", throughput ? "    output tokens a second, error, %" : "", by, "rows", "answ.");
    for (int k = 0; k < figures; k++)
        hg_buf_printf(out, " %6s %6s %6s %6s %6s ", "median", "mean", "p90", "bias", k == THROUGHPUT ? "rows" : "inside");
    hg_buf_puts(out, "\n");
    for (size_t i = 0; i < n; i++) {
        const hg_serving_spread *s[FIGURES] = { &e[i].tpot, &e[i].ttft, &e[i].throughput };
        hg_buf_printf(out, "%-44s %5zu %5zu ", e[i].key, e[i].rows, e[i].answered);
        for (int k = 0; k < figures; k++)
            hg_buf_printf(out, " %6s %6s %6s %6s %6s ", percent(out, s[k]->median), percent(out, s[k]->mean), percent(out, s[k]->p90),
                          hg_percent(out->arena, s[k]->bias, 1, true, ""), k == THROUGHPUT ? hg_textf(out->arena, "%zu", s[k]->n)
                                                                                           : hg_percent(out->arena, s[k]->inside, 0, false, ""));
        hg_buf_puts(out, "\n");
    }
}

bool hg_serving_report(hg_ask *a, const hg_serving_table *t, const hg_serving_figures *f, const char *by,
                       hg_buf *out)
{
    size_t count;
    const hg_serving_error *e = hg_serving_errors(a, t, f, by, &count);
    if (!e)
        return false;
    if (a->s.json.v)
        write_json(out, e, count, true);
    else
        write_text(out, by, e, count);
    return true;
}

bool hg_serving_rows_out(hg_ask *a, const hg_serving_table *t, const hg_serving_figures *f)
{
    if (!a->s.rows_out.s)
        return true;
    hg_buf b = { .arena = a->arena };
    hg_buf_puts(&b, "id,device,engine,engine_version,model,precision,mode,isl,osl,concurrency,tp_size,dp_size,"
                    "moe_tp_size,moe_ep_size,ttft_ms,tpot_ms,predicted_ttft_ms,predicted_tpot_ms,origin\n");
    for (size_t i = 0; i < t->count; i++) {
        const hg_serving_row *r = &t->rows[i];
        hg_buf_printf(&b, "%s,%s,%s,%s,%s,%s,%s,%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64
                      ",%" PRId64 ",%" PRId64 ",%.6g,%.6g,", r->id, r->device, r->engine, r->version, r->model,
                      r->precision, r->disaggregated ? "disagg" : "agg", r->isl, r->osl, r->concurrency, r->tp, r->dp,
                      r->moe_tp, r->moe_ep, 1e3 * r->ttft_s, 1e3 * r->tpot_s);
        if (isfinite(f[i].ttft_s) && isfinite(f[i].tpot_s))
            hg_buf_printf(&b, "%.6g,%.6g,%s\n", 1e3 * f[i].ttft_s, 1e3 * f[i].tpot_s, hg_serving_origin(&t->samples[i].of));
        else
            hg_buf_printf(&b, ",,\"%s\"\n", t->samples[i].of.reason);
    }
    return hg_file_write(a->s.rows_out.s, b.s, b.n, a->s.force.v, &a->err);
}

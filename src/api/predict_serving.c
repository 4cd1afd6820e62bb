#include "api/predict.h"

#include "api/own.h"
#include "api/question.h"
#include "base/json.h"
#include "eval/serving.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct question_row {
    const char *line;      /* as it came */
    char **fields;
    hg_serving_row row;
    const char *unread;    /* why its cells say nothing that can be predicted; else NULL */
} question_row;

static bool read_rows(hg_ask *a, hg_csv *csv, bool *is_sheet, question_row **rows, size_t *count)
{
    hg_serving_columns columns;
    size_t capacity = 0;
    if (!hg_serving_bind(csv, &columns, &a->err))
        return false;
    *is_sheet = columns.is_sheet;
    int got;
    while ((got = hg_csv_next(csv, &a->err)) == 1) {
        question_row *r = HG_PUSH(a->arena, *rows, *count, capacity);
        r->line = hg_strdup(a->arena, csv->lines.line);
        r->fields = HG_NEW(a->arena, char *, csv->columns);
        for (int i = 0; i < csv->columns; i++)
            r->fields[i] = hg_strdup(a->arena, csv->fields[i]);
        if (!hg_serving_read(a->arena, csv, &columns, &r->row, &a->err)) {
            r->unread = hg_textf(a->arena, "%s %s", a->err.where, a->err.msg);
            a->err = (hg_err){ 0 };
        }
    }
    return got == 0;
}

typedef struct answer {
    double ttft_ms, tpot_ms, ttft_lo, ttft_hi, tpot_lo, tpot_hi, output_tokens_per_s;
    const char *origin;
    bool known;
} answer;

static void write_csv(hg_buf *out, const question_row *q, const answer *r)
{
    hg_buf_puts(out, q->line);
    if (!r->known)
        hg_buf_puts(out, ",,,,,,");
    else
        hg_buf_printf(out, ",%.6g,%.6g,%.6g,%.6g,%.6g,%.6g", r->ttft_ms, r->ttft_lo, r->ttft_hi, r->tpot_ms,
                      r->tpot_lo, r->tpot_hi);
    if (q->row.trust) /* a sheet, which speaks of throughput too */
        hg_buf_puts(out, r->known ? hg_textf(out->arena, ",%.6g", r->output_tokens_per_s) : ",");
    hg_buf_puts(out, ",\"");
    for (const char *c = r->origin; *c; c++)
        hg_buf_printf(out, *c == '"' ? "\"\"" : "%c", *c);
    hg_buf_puts(out, "\"\n");
}

static void write_json(hg_buf *out, const hg_csv *csv, const question_row *q, const answer *r)
{
    hg_json j = { .out = out };
    hg_json_open(&j, '{');
    for (int i = 0; i < csv->columns; i++)
        hg_json_key_str(&j, csv->names[i], q->fields[i]);
    if (r->known) {
        hg_json_key_num(&j, "predicted_ttft_ms", r->ttft_ms);
        hg_json_key_num(&j, "predicted_ttft_ms_lo", r->ttft_lo);
        hg_json_key_num(&j, "predicted_ttft_ms_hi", r->ttft_hi);
        hg_json_key_num(&j, "predicted_tpot_ms", r->tpot_ms);
        hg_json_key_num(&j, "predicted_tpot_ms_lo", r->tpot_lo);
        hg_json_key_num(&j, "predicted_tpot_ms_hi", r->tpot_hi);
        if (q->row.trust)
            hg_json_key_num(&j, "predicted_output_tokens_per_s", r->output_tokens_per_s);
    }
    hg_json_key_str(&j, "origin", r->origin);
    hg_json_close(&j, '}');
    hg_buf_puts(out, "\n");
}

/* The measured quantiles as they are: where kept-back runs lay to one side of their predictions, so does the
 * interval.  Without a fit of the engine's host costs nothing is known of the spread: twice and half. */
static double low(const double band[2])
{
    return band[0] > 0 ? band[0] : 0.5;
}

static double high(const double band[2])
{
    return band[1] > 0 ? band[1] : 2;
}

static answer answer_of(const hg_serving_case *c, const hg_serving_figures *f)
{
    if (*c->reason)
        return (answer){ .origin = c->reason };
    if (!isfinite(f->ttft_s) || !isfinite(f->tpot_s))
        return (answer){ .origin = "nothing was completed" };
    const hg_overheads *o = &c->problem->engine.overheads;
    double ttft = f->ttft_s * 1e3, tpot = f->tpot_s * 1e3;
    return (answer){ ttft, tpot, ttft * low(o->ttft_band), ttft * high(o->ttft_band), tpot * low(o->tpot_band),
                     tpot * high(o->tpot_band), f->output_tokens_per_s, hg_serving_origin(c), true };
}

/* The same, corrected by the user's own runs of its server. */
static answer own_answer(hg_arena scratch, const hg_own *own, const hg_own_question *q, const hg_serving_case *c,
                         const hg_serving_figures *f)
{
    answer shipped = answer_of(c, f);
    const hg_overheads *o = &c->problem->engine.overheads;
    const double bands[HG_MISS_FIGURES][2] = { { low(o->ttft_band), high(o->ttft_band) }, { low(o->tpot_band), high(o->tpot_band) } };
    if (!shipped.known)
        return shipped;
    hg_own_figures g = hg_own_correct(scratch, own, q, f, bands);
    return (answer){ 1e3 * g.of[HG_MISS_TTFT], 1e3 * g.of[HG_MISS_TPOT], 1e3 * g.lo[HG_MISS_TTFT], 1e3 * g.hi[HG_MISS_TTFT],
                     1e3 * g.lo[HG_MISS_TPOT], 1e3 * g.hi[HG_MISS_TPOT], shipped.output_tokens_per_s, g.measured ? "measured" : shipped.origin, true };
}

static void open_row(hg_ask *a, const hg_own *own, hg_serving_shelf *shelf, const question_row *r, hg_own_question *asked,
                     hg_serving_case *c)
{
    *asked = (hg_own_question){ 0 };
    *c = (hg_serving_case){ 0 };
    if (r->unread)
        snprintf(c->reason, sizeof c->reason, "%s", r->unread);
    else
        *asked = hg_own_case(a->arena, own, shelf, &r->row, c);
    c->whole = a->s.whole.v;
}

/* Ranks that are written twice, or that cut no heads evenly, are read as others (docs/serving.md). */
static bool takes_other_ranks(const hg_serving_row *row, const hg_serving_case *c)
{
    const hg_deployment *d = &c->candidate.deployment;
    return !row->disaggregated && (d->tp != row->tp || d->dp != row->dp);
}

static void say_ranks(hg_ask *a, size_t n, const hg_serving_row *row, const hg_deployment *d)
{
    hg_note(a, hg_textf(a->arena, "%zu rows name ranks that are read as others (written twice, or dividing no heads): the first, line %ld, "
                        "tp %lld dp %lld as tp %lld dp %lld ep %lld", n, row->line, (long long)row->tp, (long long)row->dp,
                        (long long)d->tp, (long long)d->dp, (long long)d->ep));
}

static bool predict_rows(hg_ask *a, const hg_csv *csv, const question_row *rows, size_t n, hg_buf *out)
{
    hg_serving_shelf *shelf = hg_serving_shelf_open(a->arena, &a->data, &a->err);
    const hg_own *own;
    const hg_client *client;
    if (!shelf || !hg_ask_own(a, shelf, &own) || !hg_ask_client(a, &client))
        return false;
    hg_own_question *asked = HG_NEW(a->arena, hg_own_question, n);
    hg_serving_case *cases = HG_NEW(a->arena, hg_serving_case, n);
    const hg_overheads **overheads = HG_NEW(a->arena, const hg_overheads *, n);
    hg_serving_figures *figures = HG_NEW(a->arena, hg_serving_figures, n);
    static const hg_overheads none;
    for (size_t i = 0; i < n; i++) {
        open_row(a, own, shelf, &rows[i], &asked[i], &cases[i]);
        cases[i].client = client;
        overheads[i] = rows[i].unread ? &none : &cases[i].problem->engine.overheads;
    }
    hg_serving_predict_all(cases, overheads, n, a->s.threads.n ? (int)a->s.threads.v[0] : 0, figures);
    hg_own_note(a, own, asked, n);
    size_t answered = 0, speculated = 0, published = 0, reshaped = 0, first = 0;
    for (size_t i = 0; i < n; i++) {
        answer r = asked[i].server ? own_answer(*a->arena, own, &asked[i], &cases[i], &figures[i])
                                   : answer_of(&cases[i], &figures[i]);
        answered += r.known;
        speculated += r.known && cases[i].launch.accepted_tokens > 1;
        published += r.known && rows[i].row.published && !rows[i].row.trust;
        if (r.known && takes_other_ranks(&rows[i].row, &cases[i]) && reshaped++ == 0)
            first = i;
        if (a->s.json.v)
            write_json(out, csv, &rows[i], &r);
        else
            write_csv(out, &rows[i], &r);
    }
    if (published > 0)
        hg_note(a, hg_textf(a->arena, "%zu rows are read as of published sheets (they have an id, image or measured_on): how those were measured "
                            "and launched is inferred (docs/serving.md)", published));
    if (speculated > 0)
        hg_note(a, hg_textf(a->arena, "%zu rows are taken to have used speculative decoding, with an acceptance that no column says "
                            "(docs/serving.md)", speculated));
    if (reshaped > 0)
        say_ranks(a, reshaped, &rows[first].row, &cases[first].candidate.deployment);
    if (answered < n)
        hg_note(a, hg_textf(a->arena, "%zu of %zu rows answered; the others say why in 'origin'", answered, n));
    return true;
}

/* What is appended. */
static const char of_rows[] = "predicted_ttft_ms,predicted_ttft_ms_lo,predicted_ttft_ms_hi,predicted_tpot_ms,"
                              "predicted_tpot_ms_lo,predicted_tpot_ms_hi,origin";
static const char of_sheets[] = "predicted_ttft_ms,predicted_ttft_ms_lo,predicted_ttft_ms_hi,predicted_tpot_ms,"
                                "predicted_tpot_ms_lo,predicted_tpot_ms_hi,predicted_output_tokens_per_s,origin";

hg_code hg_predict_serving(hg_ask *a)
{
    hg_csv csv;
    question_row *rows = NULL;
    size_t n = 0;
    hg_buf out = { .arena = a->arena };
    if (!hg_csv_open(&csv, a->arena, a->s.input_count > 1 ? a->s.inputs[1] : NULL, &a->err))
        return a->err.code;
    bool is_sheet, ok = read_rows(a, &csv, &is_sheet, &rows, &n);
    if (ok && !a->s.json.v)
        hg_buf_printf(&out, "%s,%s\n", csv.header, is_sheet ? of_sheets : of_rows);
    ok = ok && predict_rows(a, &csv, rows, n, &out);
    hg_csv_close(&csv);
    return ok ? hg_answer(a, out.s, out.n) : a->err.code;
}

#include "api/predict.h"

#include "api/question.h"

#include "base/file.h"
#include "base/json.h"
#include "fit/table.h"

#include <stdio.h>
#include <string.h>


/* The rate of a key is found once: tables come sorted by series. */
typedef struct cached_rate {
    char key[256];
    hg_rate rate;
} cached_rate;

/* What a row is answered with: one time, or one for each of the op's results. */
typedef struct answer {
    const hg_op *op;
    const char *why;           /* not answered: the reason */
    hg_time time[HG_RESULTS];
    cached_rate rate[HG_RESULTS];
} answer;

static int result_count(const hg_op *op)
{
    int n = 0;
    while (n < HG_RESULTS && op->results[n].part)
        n++;
    return n;
}

/* The origin of the row's worst part. */
static const char *origin_text(const answer *a)
{
    int worst = 0;
    for (int r = 1; r < result_count(a->op); r++)
        if (a->time[r].origin > a->time[worst].origin)
            worst = r;
    return hg_rate_origin_text(&a->rate[worst].rate, a->time[worst].origin);
}

static void write_header(hg_buf *out, const char *columns, const hg_op *op)
{
    hg_buf_puts(out, columns);
    for (int r = 0; r < result_count(op); r++)
        hg_buf_printf(out, ",predicted_%s_us", op->results[r].part);
    hg_buf_puts(out, op->results[0].part ? ",origin\n" : ",predicted_ms,predicted_ms_lo,predicted_ms_hi,origin\n");
}

static void write_csv(hg_buf *out, const hg_csv *csv, const answer *a)
{
    hg_buf_puts(out, csv->lines.line);
    int results = result_count(a->op);
    for (int r = 0; r < results; r++)
        hg_buf_puts(out, a->why ? "," : hg_textf(out->arena, ",%.6g", a->time[r].seconds * 1e6));
    if (a->why)
        hg_buf_printf(out, "%s%s\n", results ? "," : ",,,,", a->why);
    else if (results)
        hg_buf_printf(out, ",%s\n", origin_text(a));
    else
        hg_buf_printf(out, ",%.6g,%.6g,%.6g,%s\n", a->time[0].seconds * 1e3, a->time[0].lo_s * 1e3,
                      a->time[0].hi_s * 1e3, origin_text(a));
}

static void write_json(hg_buf *out, const hg_csv *csv, const answer *a)
{
    hg_json j = { .out = out };
    int results = result_count(a->op);
    hg_json_open(&j, '{');
    for (int i = 0; i < csv->columns; i++)
        hg_json_key_str(&j, csv->names[i], csv->fields[i]);
    for (int r = 0; !a->why && r < results; r++)
        hg_json_key_num(&j, hg_textf(out->arena, "predicted_%s_us", a->op->results[r].part),
                        a->time[r].seconds * 1e6);
    if (!a->why && !results) {
        hg_json_key_num(&j, "predicted_ms", a->time[0].seconds * 1e3);
        hg_json_key_num(&j, "predicted_ms_lo", a->time[0].lo_s * 1e3);
        hg_json_key_num(&j, "predicted_ms_hi", a->time[0].hi_s * 1e3);
    }
    hg_json_key_str(&j, "origin", a->why ? a->why : origin_text(a));
    hg_json_close(&j, '}');
    hg_buf_puts(out, "\n");
}

/* One result of a row.  False: the row is wrong (err is set). */
static bool predict_result(const hg_rates *rates, hg_columns *columns, const hg_csv *csv, int r, answer *a,
                           hg_err *err)
{
    hg_shape shape;
    char key[sizeof a->rate[r].key];
    columns->part = a->op->results[r].part;
    if (!hg_columns_read(a->op, columns, csv, &shape, key, sizeof key, err)) {
        a->why = "unknown dtype or kind";
        return hg_columns_label_unknown(a->op, columns, csv);
    }
    cached_rate *cache = &a->rate[r];
    if (!cache->rate.op || strcmp(cache->key, key) != 0) {
        snprintf(cache->key, sizeof cache->key, "%s", key);
        cache->rate = hg_rates_by_key(rates, a->op, key, &shape);
    }
    a->time[r] = hg_rate_time(&cache->rate, &shape);
    return true;
}

/* False: the row is wrong (err is set).  A label nobody knows keeps its line with the reason. */
static bool predict_row(hg_ask *a, const hg_rates *rates, hg_columns *columns, const hg_csv *csv,
                        answer *row, hg_buf *out)
{
    row->why = NULL;
    for (int r = 0; r == 0 || r < result_count(row->op); r++)
        if (!predict_result(rates, columns, csv, r, row, &a->err))
            return false;
    (a->s.json.v ? write_json : write_csv)(out, csv, row);
    return true;
}

static bool predict_table(hg_ask *a, const hg_rates *rates, const hg_op *op, hg_csv *csv, hg_buf *out)
{
    hg_columns columns;
    answer row = { .op = op };
    if (!hg_columns_bind(op, csv, &columns, &a->err))
        return false;
    if (!a->s.json.v)
        write_header(out, csv->header, op);
    int got;
    while ((got = hg_csv_next(csv, &a->err)) == 1)
        if (!predict_row(a, rates, &columns, csv, &row, out))
            return false;
    return got == 0;
}

/* column=value words as a table of one row. */
static bool single_row(hg_ask *a, hg_csv *csv)
{
    hg_buf header = { .arena = a->arena }, row = { .arena = a->arena };
    *csv = (hg_csv){ .arena = a->arena, .lines = { .name = "question", .number = 1 } };
    for (size_t i = 1; i < a->s.input_count; i++) {
        char *pair = hg_strdup(a->arena, a->s.inputs[i]), *equals = strchr(pair, '=');
        if (!equals || csv->columns == HG_CSV_COLUMNS)
            return hg_fail(&a->err, HG_INPUT, pair, "is no 'column=value'");
        *equals = 0;
        csv->names[csv->columns] = pair;
        csv->fields[csv->columns] = equals + 1;
        hg_buf_printf(&header, "%s%s", csv->columns ? "," : "", pair);
        hg_buf_printf(&row, "%s%s", csv->columns ? "," : "", equals + 1);
        csv->columns++;
    }
    csv->header = header.s;
    csv->lines.line = row.s;
    return true;
}

static bool predict_single(hg_ask *a, const hg_rates *rates, const hg_op *op, hg_buf *out)
{
    hg_csv csv;
    hg_columns columns;
    answer row = { .op = op };
    if (!single_row(a, &csv) || !hg_columns_bind(op, &csv, &columns, &a->err))
        return false;
    if (!a->s.json.v)
        write_header(out, csv.header, op);
    return predict_row(a, rates, &columns, &csv, &row, out);
}

static const hg_op *asked_op(hg_ask *a)
{
    const char *names[HG_OPS_MAX];
    for (int i = 0; i < hg_op_count; i++)
        names[i] = hg_ops[i]->name;
    const hg_op *op = a->s.op.s ? hg_op_find(a->s.op.s) : NULL;
    if (op)
        return op;
    hg_buf list = { .arena = a->arena };
    for (int i = 0; i < hg_op_count; i++)
        hg_buf_printf(&list, "%s%s", i ? ", " : "", names[i]);
    const char *near = a->s.op.s ? hg_nearest(a->s.op.s, names, (size_t)hg_op_count) : NULL;
    hg_refuse(a, "--op", "%s%s%s%s (one of %s)", a->s.op.s ? a->s.op.s : "is missing",
              a->s.op.s ? " is no operator heng knows" : "", near ? "; did you mean " : "",
              near ? near : "", list.s);
    return NULL;
}

hg_code hg_predict_ops(hg_ask *a)
{
    hg_rates rates;
    const hg_op *op = asked_op(a);
    if (!op || !hg_ask_rates(a, &rates))
        return a->err.code;
    hg_buf out = { .arena = a->arena };
    bool ok;
    if (a->s.input_count > 1 && strchr(a->s.inputs[1], '=') && !hg_is_file(a->s.inputs[1])) {
        ok = predict_single(a, &rates, op, &out);
    } else {
        hg_csv csv;
        ok = hg_csv_open(&csv, a->arena, a->s.input_count > 1 ? a->s.inputs[1] : NULL, &a->err);
        if (ok) {
            ok = predict_table(a, &rates, op, &csv, &out);
            hg_csv_close(&csv);
        }
    }
    return ok ? hg_answer(a, out.s, out.n) : a->err.code;
}

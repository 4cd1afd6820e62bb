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

static void write_csv(hg_buf *out, const hg_csv *csv, const hg_rate *r, const hg_time *t, const char *why)
{
    hg_buf_puts(out, csv->lines.line);
    if (why)
        hg_buf_printf(out, ",,,,%s\n", why);
    else
        hg_buf_printf(out, ",%.6g,%.6g,%.6g,%s\n", t->seconds * 1e3, t->lo_s * 1e3, t->hi_s * 1e3,
                      hg_rate_origin_text(r, t->origin));
}

static void write_json(hg_buf *out, const hg_csv *csv, const hg_rate *r, const hg_time *t, const char *why)
{
    hg_json j = { .out = out };
    hg_json_open(&j, '{');
    for (int i = 0; i < csv->columns; i++)
        hg_json_key_str(&j, csv->names[i], csv->fields[i]);
    if (!why) {
        hg_json_key_num(&j, "predicted_ms", t->seconds * 1e3);
        hg_json_key_num(&j, "predicted_ms_lo", t->lo_s * 1e3);
        hg_json_key_num(&j, "predicted_ms_hi", t->hi_s * 1e3);
    }
    hg_json_key_str(&j, "origin", why ? why : hg_rate_origin_text(r, t->origin));
    hg_json_close(&j, '}');
    hg_buf_puts(out, "\n");
}

/* False: the row is wrong (err is set).  A label nobody knows keeps its line with the reason. */
static bool predict_row(hg_ask *a, const hg_rates *rates, const hg_op *op, const hg_columns *columns,
                        const hg_csv *csv, cached_rate *cache, hg_buf *out)
{
    hg_shape shape;
    char key[sizeof cache->key];
    const char *why = NULL;
    hg_time t = { 0 };
    if (!hg_columns_read(op, columns, csv, &shape, key, sizeof key, &a->err)) {
        if (!hg_columns_label_unknown(op, columns, csv))
            return false;
        why = "unknown dtype or kind";
    } else {
        if (!cache->rate.op || strcmp(cache->key, key) != 0) {
            snprintf(cache->key, sizeof cache->key, "%s", key);
            cache->rate = hg_rates_by_key(rates, op, key, &shape);
        }
        t = hg_rate_time(&cache->rate, &shape);
    }
    (a->s.json.v ? write_json : write_csv)(out, csv, &cache->rate, &t, why);
    return true;
}

static bool predict_table(hg_ask *a, const hg_rates *rates, const hg_op *op, hg_csv *csv, hg_buf *out)
{
    hg_columns columns;
    cached_rate cache = { 0 };
    if (!hg_columns_bind(op, csv, &columns, &a->err))
        return false;
    if (!a->s.json.v)
        hg_buf_printf(out, "%s,predicted_ms,predicted_ms_lo,predicted_ms_hi,origin\n", csv->header);
    int got;
    while ((got = hg_csv_next(csv, &a->err)) == 1)
        if (!predict_row(a, rates, op, &columns, csv, &cache, out))
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
    cached_rate cache = { 0 };
    if (!single_row(a, &csv) || !hg_columns_bind(op, &csv, &columns, &a->err))
        return false;
    if (!a->s.json.v)
        hg_buf_printf(out, "%s,predicted_ms,predicted_ms_lo,predicted_ms_hi,origin\n", csv.header);
    return predict_row(a, rates, op, &columns, &csv, &cache, out);
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

#include "fit/table.h"

#include "base/num.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool hg_columns_bind(const hg_op *op, const hg_csv *csv, hg_columns *out, hg_err *err)
{
    for (int i = 0; i < hg_op_dim_count(op); i++) {
        out->dim[i] = hg_csv_column(csv, op->dims[i].column);
        if (out->dim[i] < 0 && isnan(op->dims[i].absent))
            return hg_fail(err, HG_INPUT, csv->lines.name, "has no column '%s'; op %s needs it",
                           op->dims[i].column, op->name);
    }
    for (int i = 0; i < hg_op_label_count(op); i++) {
        hg_shape ignored = { 0 };
        out->label[i] = hg_csv_column(csv, op->labels[i]);
        if (out->label[i] < 0 && !op->label(i, "", &ignored))
            return hg_fail(err, HG_INPUT, csv->lines.name, "has no column '%s'; op %s needs it",
                           op->labels[i], op->name);
    }
    out->latency = hg_csv_column(csv, "latency_ms");
    out->part = op->results[0].part;
    for (int r = 0; r < HG_RESULTS; r++)
        for (int k = 0; k < HG_RESULT_COLUMNS; k++)
            out->result[r][k] =
                op->results[r].columns[k] ? hg_csv_column(csv, op->results[r].columns[k]) : -1;
    return true;
}

static const char *label_text(const hg_op *op, const hg_columns *c, const hg_csv *csv, int label)
{
    if (c->part && strcmp(op->labels[label], HG_PART) == 0)
        return c->part;
    return c->label[label] >= 0 ? csv->fields[c->label[label]] : "";
}

bool hg_columns_read(const hg_op *op, const hg_columns *c, const hg_csv *csv, hg_shape *shape,
                     char *key, size_t size, hg_err *err)
{
    *shape = (hg_shape){ 0 };
    for (int i = 0; op->dims[i].column; i++) {
        shape->d[i] = op->dims[i].absent;
        if (c->dim[i] >= 0 &&
            !hg_csv_f64(csv, c->dim[i], op->dims[i].least, 1e15, &shape->d[i], err))
            return false;
    }
    size_t n = 0;
    key[0] = 0;
    for (int i = 0; i < hg_op_label_count(op); i++) {
        const char *text = label_text(op, c, csv, i);
        if (!op->label(i, text, shape))
            return hg_csv_fail(csv, c->label[i], err, "'%.40s' is not a known value", text);
        if (i >= hg_op_series_labels(op))
            continue;
        int more = snprintf(key + n, size - n, "%s%s", i ? "|" : "", text);
        n = more < 0 || n + (size_t)more >= size ? size - 1 : n + (size_t)more;
    }
    return true;
}

bool hg_columns_label_unknown(const hg_op *op, const hg_columns *c, const hg_csv *csv)
{
    hg_shape ignored = { 0 };
    for (int i = 0; i < hg_op_label_count(op); i++)
        if (!op->label(i, label_text(op, c, csv, i), &ignored))
            return true;
    return false;
}

static uint32_t family_hash(const hg_op *op, const hg_shape *s)
{
    uint32_t h = 2166136261u;
    for (int i = 0; op->dims[i].column; i++) {
        if (!op->dims[i].family)
            continue;
        uint64_t bits = (uint64_t)s->d[i];
        for (int b = 0; b < 8; b++, bits >>= 8)
            h = (h ^ (uint32_t)(bits & 255)) * 16777619u;
    }
    return h ^ h >> 15;
}

static int find_series(hg_table *t, hg_arena *arena, const char *key, const hg_shape *shape,
                       size_t *capacity)
{
    for (int i = t->series_count; i-- > 0;)
        if (strcmp(t->keys[i], key) == 0)
            return i;
    size_t n = (size_t)t->series_count, label_capacity = *capacity;
    *HG_PUSH(arena, t->keys, n, *capacity) = hg_strdup(arena, key);
    n = (size_t)t->series_count;
    *HG_PUSH(arena, t->labels, n, label_capacity) =
        (hg_shape){ .dtype = shape->dtype, .kv_dtype = shape->kv_dtype, .kind = shape->kind };
    return t->series_count++;
}

/* Seconds of the line's result r; a table of one result has latency_ms. */
static bool read_seconds(const hg_op *op, const hg_columns *c, const hg_csv *csv, int r,
                         double *seconds, hg_err *err)
{
    if (!op->results[0].part) {
        bool ok = hg_csv_f64(csv, c->latency, 0, 1e9, seconds, err);
        *seconds *= 1e-3;
        return ok;
    }
    *seconds = 0;
    for (int k = 0; k < HG_RESULT_COLUMNS; k++) {
        double us = 0;
        if (c->result[r][k] >= 0 && !hg_csv_f64(csv, c->result[r][k], 0, 1e12, &us, err))
            return false;
        *seconds += us * 1e-6;
    }
    return true;
}

static bool read_row(hg_table *t, hg_arena *arena, hg_columns *c, const hg_csv *csv, int result,
                     size_t *series_capacity, hg_row *row, hg_err *err)
{
    char key[256];
    c->part = t->op->results[result].part;
    if (!hg_columns_read(t->op, c, csv, &row->shape, key, sizeof key, err) ||
        !read_seconds(t->op, c, csv, result, &row->seconds, err))
        return false;
    row->seconds = row->seconds > 0 ? row->seconds : t->op->zero_s;
    row->family = family_hash(t->op, &row->shape);
    row->series = (int16_t)find_series(t, arena, key, &row->shape, series_capacity);
    return true;
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Hashes to numbers 0, 1, 2 … in the order of the hashes: folds by number are of even size. */
static void number_families(hg_table *t, hg_arena scratch)
{
    uint32_t *hashes = HG_NEW(&scratch, uint32_t, t->count);
    for (size_t i = 0; i < t->count; i++)
        hashes[i] = t->rows[i].family;
    if (t->count)
        qsort(hashes, t->count, sizeof *hashes, ascending);
    for (size_t i = 0; i < t->count; i++)
        if (i == 0 || hashes[i] != hashes[t->family_count - 1])
            hashes[t->family_count++] = hashes[i];
    for (size_t i = 0; i < t->count; i++) {
        const uint32_t *at =
            bsearch(&t->rows[i].family, hashes, t->family_count, sizeof *hashes, ascending);
        t->rows[i].family = (uint32_t)(at - hashes);
    }
}

static bool times_known(const hg_op *op, const hg_columns *c, const char *path, hg_err *err)
{
    if (!op->results[0].part)
        return c->latency >= 0 || hg_fail(err, HG_INPUT, path, "has no column 'latency_ms'");
    for (int r = 0; r < HG_RESULTS && op->results[r].part; r++)
        if (c->result[r][0] < 0)
            return hg_fail(err, HG_INPUT, path, "has no column '%s'", op->results[r].columns[0]);
    return true;
}

bool hg_table_read(hg_arena *arena, const hg_op *op, const char *path, hg_table *out, hg_err *err)
{
    hg_csv csv;
    hg_columns columns;
    *out = (hg_table){ .op = op };
    if (!hg_csv_open(&csv, arena, path, err))
        return false;
    bool ok = hg_columns_bind(op, &csv, &columns, err) && times_known(op, &columns, path, err);
    size_t capacity = 0, series_capacity = 0;
    int got = ok ? hg_csv_next(&csv, err) : -1;
    for (; got == 1; got = hg_csv_next(&csv, err)) {
        size_t before = out->count;
        for (int r = 0; got == 1 && (r == 0 || op->results[r].part); r++) {
            hg_row row;
            if (!read_row(out, arena, &columns, &csv, r, &series_capacity, &row, err))
                got = -1;
            else if (row.seconds > 0)
                *HG_PUSH(arena, out->rows, out->count, capacity) = row;
        }
        if (got != 1)
            break;
        out->lines += out->count > before;
        out->skipped += out->count == before;
    }
    hg_csv_close(&csv);
    number_families(out, *arena);
    return got == 0;
}

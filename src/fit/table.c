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
            return hg_fail(err, HG_INPUT, csv->lines.name, "has no column '%s'; op %s needs it", op->labels[i],
                           op->name);
    }
    out->latency = hg_csv_column(csv, "latency_ms");
    return true;
}

bool hg_columns_read(const hg_op *op, const hg_columns *c, const hg_csv *csv, hg_shape *shape,
                     char *key, size_t size, hg_err *err)
{
    *shape = (hg_shape){ 0 };
    for (int i = 0; op->dims[i].column; i++) {
        shape->d[i] = op->dims[i].absent;
        if (c->dim[i] >= 0 && !hg_csv_f64(csv, c->dim[i], op->dims[i].least, 1e15, &shape->d[i], err))
            return false;
    }
    size_t n = 0;
    key[0] = 0;
    for (int i = 0; i < hg_op_label_count(op); i++) {
        const char *text = c->label[i] >= 0 ? csv->fields[c->label[i]] : "";
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
        if (!op->label(i, c->label[i] >= 0 ? csv->fields[c->label[i]] : "", &ignored))
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

static int read_row(hg_table *t, hg_arena *arena, const hg_columns *c, hg_csv *csv,
                    size_t *series_capacity, hg_row *row, hg_err *err)
{
    char key[256];
    int got = hg_csv_next(csv, err);
    if (got != 1)
        return got;
    if (!hg_columns_read(t->op, c, csv, &row->shape, key, sizeof key, err) ||
        !hg_csv_f64(csv, c->latency, 0, 1e9, &row->seconds, err))
        return -1;
    row->seconds *= 1e-3;
    row->family = family_hash(t->op, &row->shape);
    row->series = (int16_t)find_series(t, arena, key, &row->shape, series_capacity);
    return 1;
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
        const uint32_t *at = bsearch(&t->rows[i].family, hashes, t->family_count, sizeof *hashes, ascending);
        t->rows[i].family = (uint32_t)(at - hashes);
    }
}

bool hg_table_read(hg_arena *arena, const hg_op *op, const char *path, hg_table *out, hg_err *err)
{
    hg_csv csv;
    hg_columns columns;
    *out = (hg_table){ .op = op };
    if (!hg_csv_open(&csv, arena, path, err))
        return false;
    bool ok = hg_columns_bind(op, &csv, &columns, err);
    if (ok && columns.latency < 0)
        ok = hg_fail(err, HG_INPUT, path, "has no column 'latency_ms'");
    size_t capacity = 0, series_capacity = 0;
    int got = ok ? 1 : -1;
    while (got == 1) {
        hg_row row;
        got = read_row(out, arena, &columns, &csv, &series_capacity, &row, err);
        if (got == 1 && row.seconds > 0)
            *HG_PUSH(arena, out->rows, out->count, capacity) = row;
        else
            out->skipped += got == 1;
    }
    hg_csv_close(&csv);
    number_families(out, *arena);
    return got == 0;
}

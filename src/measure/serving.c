#include "measure/serving.h"

#include "base/text.h"
#include "measure/sheet.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static const struct {
    const char *name;
    size_t offset;
    bool needed;
} columns[] = {
#define COLUMN(name, member, needed) { name, offsetof(hg_serving_columns, member), needed }
    COLUMN("id", id, false),
    COLUMN("device", device, true),
    COLUMN("engine", engine, true),
    COLUMN("engine_version", version, false),
    COLUMN("model", model, true),
    COLUMN("precision", precision, false),
    COLUMN("mode", mode, false),
    COLUMN("isl", isl, true),
    COLUMN("osl", osl, true),
    COLUMN("concurrency", concurrency, true),
    COLUMN("gemm_quant_mode", gemm_quant, false),
    COLUMN("moe_quant_mode", moe_quant, false),
    COLUMN("tp_size", tp, true),
    COLUMN("pp_size", pp, false),
    COLUMN("dp_size", dp, false),
    COLUMN("moe_tp_size", moe_tp, false),
    COLUMN("moe_ep_size", moe_ep, false),
    COLUMN("ttft_ms", ttft, false),
#define POOL(p)                                                                                                \
    COLUMN(#p "_num_workers", p[0], false), COLUMN(#p "_batch_size", p[1], false),                             \
    COLUMN(#p "_tp_size", p[2], false), COLUMN(#p "_pp_size", p[3], false),                                    \
    COLUMN(#p "_attention_dp_size", p[4], false), COLUMN(#p "_moe_tp_size", p[5], false),                      \
    COLUMN(#p "_moe_ep_size", p[6], false)
    POOL(prefill),
    POOL(decode),
#undef POOL
    COLUMN("tpot_ms", tpot, false),
    COLUMN("measured_on", measured_on, false),
    COLUMN("image", image, false),
#undef COLUMN
};

static_assert((int)HG_SHEET_FIELDS <= (int)HG_SHEET_COLUMNS, "a sheet's columns fit");

bool hg_serving_bind(const hg_csv *csv, hg_serving_columns *out, hg_err *err)
{
    out->is_sheet = hg_sheet_bind(csv, out->sheet);
    if (out->is_sheet)
        return true;
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        int at = hg_csv_column(csv, columns[i].name);
        if (at < 0 && columns[i].needed)
            return hg_fail(err, HG_INPUT, csv->lines.name, "has no column '%s'", columns[i].name);
        memcpy((char *)out + columns[i].offset, &at, sizeof at);
    }
    return true;
}

static const char *text(hg_arena *arena, const hg_csv *csv, int column)
{
    return column >= 0 ? hg_strdup(arena, csv->fields[column]) : "";
}

/* A whole number; `blank` where the cell is empty or there is no such column. */
static bool whole(const hg_csv *csv, int column, int64_t blank, int64_t *out, hg_err *err)
{
    *out = blank;
    return column < 0 || !*csv->fields[column] || hg_csv_i64(csv, column, 0, 1000000000, out, err);
}

static bool milliseconds(const hg_csv *csv, int column, double *out, hg_err *err)
{
    *out = NAN;
    if (column < 0 || !*csv->fields[column])
        return true;
    if (!hg_csv_f64(csv, column, 0, 1e12, out, err))
        return false;
    *out *= 1e-3;
    return true;
}

static int64_t at_least_one(int64_t v)
{
    return v < 1 ? 1 : v;
}

static bool read_pool(const hg_csv *csv, const int at[7], hg_serving_pool *out, hg_err *err)
{
    int64_t *v[7] = { &out->workers, &out->batch, &out->tp, &out->pp, &out->dp, &out->moe_tp, &out->moe_ep };
    for (int i = 0; i < 7; i++)
        if (!whole(csv, at[i], i >= 2 && i <= 4, v[i], err))
            return false;
    return true;
}

enum { MONTH = 7 }; /* of an ISO date, YYYY-MM */

static const char *era_of(hg_arena *arena, const hg_csv *csv, const hg_serving_columns *c, const char *version)
{
    const char *day = text(arena, csv, c->measured_on);
    return *version || strlen(day) < MONTH ? version : hg_textf(arena, "%.*s", MONTH, day);
}

bool hg_serving_read(hg_arena *arena, const hg_csv *csv, const hg_serving_columns *c, hg_serving_row *out,
                     hg_err *err)
{
    if (c->is_sheet) {
        hg_sheet_read(arena, csv, c->sheet, out);
        return true;
    }
    *out = (hg_serving_row){
        .id = text(arena, csv, c->id), .device = text(arena, csv, c->device),
        .engine = text(arena, csv, c->engine), .version = text(arena, csv, c->version),
        .model = text(arena, csv, c->model), .precision = text(arena, csv, c->precision),
        .gemm_quant = text(arena, csv, c->gemm_quant), .moe_quant = text(arena, csv, c->moe_quant),
        .mode = text(arena, csv, c->mode),
        .disaggregated = c->mode >= 0 && strcmp(csv->fields[c->mode], "disagg") == 0,
        .dp_given = c->dp >= 0 && *csv->fields[c->dp],
        .published = c->id >= 0 || c->image >= 0 || c->measured_on >= 0,
        .line = csv->lines.number,
    };
    out->era = era_of(arena, csv, c, out->version);
    if (!whole(csv, c->isl, 0, &out->isl, err) || !whole(csv, c->osl, 0, &out->osl, err) ||
        !whole(csv, c->concurrency, 0, &out->concurrency, err) || !whole(csv, c->tp, 1, &out->tp, err) ||
        !whole(csv, c->pp, 1, &out->pp, err) || !whole(csv, c->dp, 1, &out->dp, err) ||
        !whole(csv, c->moe_tp, 0, &out->moe_tp, err) || !whole(csv, c->moe_ep, 0, &out->moe_ep, err) ||
        !read_pool(csv, c->prefill, &out->prefill, err) || !read_pool(csv, c->decode, &out->decode, err) ||
        !milliseconds(csv, c->ttft, &out->ttft_s, err) || !milliseconds(csv, c->tpot, &out->tpot_s, err))
        return false;
    if (out->disaggregated && out->concurrency == 0)
        out->concurrency = out->decode.batch * out->decode.workers * at_least_one(out->decode.dp);
    out->tp = at_least_one(out->tp);
    out->pp = at_least_one(out->pp);
    out->dp = at_least_one(out->dp);
    return true;
}

hg_serving_row *hg_serving_file(hg_arena *arena, const char *path, size_t *count, hg_err *err)
{
    hg_csv csv;
    hg_serving_columns c;
    hg_serving_row *rows = NULL, row;
    size_t capacity = 0;
    *count = 0;
    if (!hg_csv_open(&csv, arena, path, err))
        return NULL;
    int got = hg_serving_bind(&csv, &c, err) ? 1 : -1;
    while (got == 1 && (got = hg_csv_next(&csv, err)) == 1) {
        if (!hg_serving_read(arena, &csv, &c, &row, err))
            got = -1;
        else
            *HG_PUSH(arena, rows, *count, capacity) = row;
    }
    hg_csv_close(&csv);
    if (got == 0 && *count == 0)
        hg_fail(err, HG_INPUT, path ? path : "stdin", "holds no rows");
    return got == 0 && *count ? rows : NULL;
}

#include "spec/workload_reader.h"

#include "base/json.h"

#include <math.h>
#include <stdio.h>

static bool fail_at(const hg_lines *lines, const char *field, hg_err *err, const char *what)
{
    char where[192];
    snprintf(where, sizeof where, "%.120s:%ld: %.40s", lines->name, lines->number, field);
    return hg_fail(err, HG_INPUT, where, "%s", what);
}

static bool read_length(const hg_lines *lines, const json_t *row, const char *field, int64_t *out,
                        hg_err *err)
{
    const json_t *value = json_object_get(row, field);
    if (!value)
        return fail_at(lines, field, err, "is missing; a number of tokens was expected");
    *out = json_integer_value(value);
    if (!json_is_integer(value) || *out < 0 || *out > HG_LENGTH_MAX)
        return fail_at(lines, field, err, "must be a whole number in [0, 16777216]");
    return true;
}

/* Milliseconds until a timestamp with a fraction says that they are all seconds. */
static bool read_time(hg_rows *r, const hg_lines *lines, const json_t *row, int64_t *ns, hg_err *err)
{
    const json_t *value = json_object_get(row, "timestamp");
    double number = json_number_value(value);
    *ns = 0;
    if (!value && !r->timed)
        return true;
    if (!value || !json_is_number(value) || !(number >= 0 && number <= 1e3 * HG_ARRIVAL_MAX_S))
        return fail_at(lines, "timestamp", err, "must be a number ≥ 0: whole milliseconds, or seconds "
                       "with a fraction");
    if (json_is_real(value) && r->whole_ms) {
        r->whole_ms = false;
        for (size_t i = 0; i < r->count; i++)
            r->rows[i].arrival_ns *= 1000;
    }
    if (!r->whole_ms && number > HG_ARRIVAL_MAX_S)
        return fail_at(lines, "timestamp", err, "is too large for seconds");
    *ns = llround(number * (r->whole_ms ? 1e6 : 1e9));
    return true;
}

static bool read_hashes(hg_rows *r, const hg_lines *lines, const json_t *row, hg_row *out, hg_err *err)
{
    const json_t *ids = json_object_get(row, "hash_ids");
    out->hash_first = r->hash_count;
    if (!ids || json_is_null(ids))
        return true;
    if (!json_is_array(ids) || r->hash_count + json_array_size(ids) >= UINT32_MAX)
        return fail_at(lines, "hash_ids", err, "must be a list of whole numbers");
    for (size_t i = 0; i < json_array_size(ids); i++) {
        const json_t *id = json_array_get(ids, i);
        if (!json_is_integer(id))
            return fail_at(lines, "hash_ids", err, "must be a list of whole numbers");
        *HG_PUSH(r->arena, r->hashes, r->hash_count, r->hash_capacity) = json_integer_value(id);
    }
    out->hash_count = json_array_size(ids);
    return true;
}

static bool read_row(hg_rows *r, const hg_lines *lines, const json_t *row, hg_row *out, hg_err *err)
{
    *out = (hg_row){ 0 };
    if (!json_is_object(row))
        return fail_at(lines, "row", err, "is not a JSON object");
    return read_time(r, lines, row, &out->arrival_ns, err) &&
           read_length(lines, row, "input_length", &out->isl, err) &&
           read_length(lines, row, "output_length", &out->osl, err) &&
           read_hashes(r, lines, row, out, err);
}

/* -1: err is set, 0: the limit is reached, 1: more can come. */
static int read_line(hg_rows *r, const hg_lines *lines, hg_err *err)
{
    char place[192];
    hg_row row;
    snprintf(place, sizeof place, "%.150s:%ld", lines->name, lines->number);
    json_t *json = hg_json_parse(lines->line, lines->length, place, err);
    if (!json)
        return -1;
    if (r->count + r->skipped == 0)
        r->timed = r->whole_ms = json_object_get(json, "timestamp") != NULL;
    bool ok = read_row(r, lines, json, &row, err);
    json_decref(json);
    return ok ? hg_rows_add(r, row) : -1;
}

bool hg_workload_jsonl(hg_rows *r, hg_lines *lines, hg_err *err)
{
    int got = 1;
    do {
        if (lines->length > 0)
            got = read_line(r, lines, err);
    } while (got == 1 && (got = hg_lines_next(lines, err)) == 1);
    hg_lines_close(lines);
    return got == 0;
}

#include "spec/workload.h"

#include "base/num.h"
#include "base/text.h"
#include "spec/workload_reader.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_DEFAULT = 512, BLOCK_TIMED_TRACE = 16, BLOCK_MAX = 8192 };

bool hg_rows_add(hg_rows *r, hg_row row)
{
    row.order = r->count;
    if (row.isl == 0 || row.osl == 0) {
        r->skipped++;
        r->hash_count = row.hash_first;
    } else {
        *HG_PUSH(r->arena, r->rows, r->count, r->capacity) = row;
    }
    return r->limit == 0 || r->count + r->skipped < r->limit;
}

/* Rows whose number of hashes fits blocks of this size, the last one whole or cut off. */
static size_t rows_explained(const hg_rows *r, int64_t block)
{
    size_t n = 0;
    for (size_t i = 0; i < r->count; i++) {
        int64_t hashes = (int64_t)r->rows[i].hash_count;
        n += hashes > 0 && (hashes == hg_ceil_div(r->rows[i].isl, block) ||
                            hashes == r->rows[i].isl / block);
    }
    return n;
}

static int32_t block_tokens(const hg_rows *r)
{
    size_t with_hashes = 0, best = 0;
    int32_t block = BLOCK_DEFAULT;
    for (size_t i = 0; i < r->count; i++)
        with_hashes += r->rows[i].hash_count > 0;
    for (int32_t b = 1; b <= BLOCK_MAX; b *= 2) {
        size_t n = rows_explained(r, b);
        if (n > best && 2 * n > with_hashes) {
            best = n;
            block = b;
        }
    }
    return with_hashes ? block : 0;
}

static int by_arrival(const void *a, const void *b)
{
    const hg_row *x = a, *y = b;
    if (x->arrival_ns != y->arrival_ns)
        return x->arrival_ns < y->arrival_ns ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static void finish(hg_rows *r, hg_workload *out)
{
    out->hash_block_tokens = block_tokens(r);
    if (r->timed)
        qsort(r->rows, r->count, sizeof *r->rows, by_arrival);
    int64_t scale = r->whole_ms && out->hash_block_tokens == BLOCK_TIMED_TRACE ? 1000 : 1;
    out->requests = HG_NEW(r->arena, hg_request, r->count);
    for (size_t i = 0; i < r->count; i++) {
        const hg_row *row = &r->rows[i];
        double since_ns = (double)(row->arrival_ns - r->rows[0].arrival_ns) * (double)scale;
        out->requests[i] = (hg_request){ .arrival_s = r->timed ? since_ns / 1e9 : 0,
                                         .isl = (int32_t)row->isl, .osl = (int32_t)row->osl,
                                         .hash_first = (uint32_t)row->hash_first,
                                         .hash_count = (uint32_t)row->hash_count };
    }
    out->count = r->count;
    out->skipped = r->skipped;
    out->timed = r->timed;
    out->hashes = r->hashes;
}

static bool read_rows(hg_rows *r, hg_lines *lines, hg_err *err)
{
    int got;
    do
        got = hg_lines_next(lines, err);
    while (got == 1 && lines->length == 0);
    if (got == 1) {
        const char *first = lines->line + strspn(lines->line, " \t");
        if (*first == '[')
            hg_fail(err, HG_INPUT, lines->name, "is a JSON array; write one request a line, as in "
                    "{\"timestamp\":0,\"input_length\":1000,\"output_length\":100}");
        else
            return *first == '{' ? hg_workload_jsonl(r, lines, err) : hg_workload_csv(r, lines, err);
    }
    if (got == 0)
        hg_fail(err, HG_INPUT, lines->name, "is empty; requests were expected, as in arrival_s,isl,osl");
    hg_lines_close(lines);
    return false;
}

bool hg_workload_read(hg_arena *arena, const char *path, size_t limit, hg_workload *out, hg_err *err)
{
    hg_lines lines;
    hg_rows rows = { .arena = arena, .limit = limit };
    *out = (hg_workload){ 0 };
    if (!hg_lines_open(&lines, path, err))
        return false;
    out->name = hg_strdup(arena, lines.name);
    if (!read_rows(&rows, &lines, err))
        return false;
    if (rows.count == 0)
        return hg_fail(err, HG_INPUT, out->name, "has no request with input and output tokens "
                       "(%zu rows have a length of 0)", rows.skipped);
    finish(&rows, out);
    if (out->requests[out->count - 1].arrival_s > HG_ARRIVAL_MAX_S)
        return hg_fail(err, HG_INPUT, out->name, "spans more than %d s; are its timestamps in another "
                       "unit?", HG_ARRIVAL_MAX_S);
    return true;
}

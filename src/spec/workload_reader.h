/* What the readers of workload formats share: rows in, a workload out. */
#ifndef HG_SPEC_WORKLOAD_READER_H
#define HG_SPEC_WORKLOAD_READER_H

#include "base/file.h"
#include "spec/workload.h"

typedef struct hg_row {
    int64_t arrival_ns;      /* on any clock */
    int64_t isl, osl;
    size_t hash_first, hash_count;
    size_t order;            /* in the file */
} hg_row;

typedef struct hg_rows {
    hg_arena *arena;
    hg_row *rows;
    size_t count, capacity, skipped, limit;
    int64_t *hashes;
    size_t hash_count, hash_capacity;
    bool timed;
    bool whole_ms;           /* arrival_ns was read as milliseconds because all were whole */
} hg_rows;

enum { HG_ARRIVAL_MAX_S = 2000000000 };

/* False when the limit is reached. */
bool hg_rows_add(hg_rows *r, hg_row row);

/* Both own the lines (whose current one is the first) and close them. */
bool hg_workload_csv(hg_rows *r, hg_lines *lines, hg_err *err);
bool hg_workload_jsonl(hg_rows *r, hg_lines *lines, hg_err *err);

#endif

/* What the readers of result formats share. */
#ifndef HG_MEASURE_RESULTS_PARTS_H
#define HG_MEASURE_RESULTS_PARTS_H

#include "base/json.h"
#include "measure/results.h"

typedef struct hg_result_table { /* a CSV's cells, lines of any length */
    char ***cells;
    int *widths;
    size_t lines;
} hg_result_table;

typedef struct hg_result_source {
    hg_arena *arena;
    const char *name;        /* the file's, for messages */
    json_t **docs;           /* of JSON, JSON lines or YAML; an array's items are documents too */
    size_t doc_count;
    hg_result_table table;   /* of anything else */
    const char *format;      /* the title of the one that reads it */
    hg_bench_result *results;
    size_t count, capacity;
} hg_result_source;

typedef struct hg_result_format {
    const char *name, *title;
    bool (*is)(const hg_result_source *s);   /* by its first document or line */
    bool (*read)(hg_result_source *s, const json_t *doc, hg_err *err); /* adds a document's results; or */
    bool (*read_all)(hg_result_source *s, hg_err *err);                /* the whole file's */
} hg_result_format;

/* A result in which nothing is said yet. */
hg_bench_result *hg_result_add(hg_result_source *s);
/* Requests to figures where aggregates are absent, what follows from the rest, and whether it can be. */
bool hg_result_finish(hg_result_source *s, hg_bench_result *r, hg_err *err);
void hg_result_note(hg_bench_result *r, const char *note);
bool hg_result_refuse(const hg_result_source *s, size_t place, hg_err *err, const char *what);

/* A number, or a text that begins with one; NAN where there is none, and for what Python writes as Infinity. */
double hg_result_number(const json_t *v);
double hg_result_field(const json_t *object, const char *key);
int64_t hg_result_whole(const json_t *object, const char *key); /* 0 where there is none */
const char *hg_result_text(hg_arena *arena, const json_t *object, const char *key); /* NULL where there is none */
/* mean_ttft_ms and its like, in seconds; "p50_…" where "median_…" is not said. */
hg_spread_s hg_result_spread_ms(const json_t *object, const char *figure);
double hg_result_sum(const json_t *list);
/* "12.5 ms", "3 s" → seconds; a bare number is taken in `otherwise_s`. */
double hg_result_seconds(const char *text, double otherwise_s);
/* The engine that a tool's word means ("trt", "tensorrt-llm", "dynamo-sglang"), or NULL. */
const char *hg_result_engine(const char *word);
/* "org/name:v1.2.3-cu130" → "1.2.3", or NULL. */
const char *hg_result_image_version(hg_arena *arena, const char *image);
/* model, device, tp, … where an object has them under names in use. */
void hg_result_facts(hg_arena *arena, const json_t *object, hg_bench_result *r);

json_t *hg_result_yaml(char *text, size_t size, const char *name, hg_err *err); /* NULL with err set */

#endif

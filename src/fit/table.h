/* A measured operator table in memory: shapes, series and seconds, read from its CSV. */
#ifndef HG_FIT_TABLE_H
#define HG_FIT_TABLE_H

#include "base/csv.h"
#include "cost/op.h"

typedef struct hg_row {
    hg_shape shape;
    double seconds;
    uint32_t family;           /* number of its family among the table's, in a stirred order: rows that
                                * share the family dimensions stay together in validation */
    int16_t series;
} hg_row;

typedef struct hg_table {
    const hg_op *op;
    hg_row *rows;
    size_t count;
    const char **keys;         /* of the series */
    hg_shape *labels;
    int series_count;
    uint32_t family_count;
    size_t lines;              /* of the CSV with a row; more rows where a line has several results */
    size_t skipped;            /* rows without a positive time or with a label nobody knows */
} hg_table;

/* Where an op's columns stand in a CSV, and which of its results is being read. */
typedef struct hg_columns {
    int dim[HG_OP_DIMS], label[HG_OP_LABELS], latency;
    int result[HG_RESULTS][HG_RESULT_COLUMNS]; /* -1: no such column */
    const char *part;                          /* NULL: the op has but one */
} hg_columns;

bool hg_columns_bind(const hg_op *op, const hg_csv *csv, hg_columns *out, hg_err *err);
/* The row's shape and, in key (size bytes), its series.  False: a value is no legal dimension. */
bool hg_columns_read(const hg_op *op, const hg_columns *c, const hg_csv *csv, hg_shape *shape,
                     char *key, size_t size, hg_err *err);

/* Whether a label of the row is why hg_columns_read refused it. */
bool hg_columns_label_unknown(const hg_op *op, const hg_columns *c, const hg_csv *csv);

/* Reads one file whole. */
bool hg_table_read(hg_arena *arena, const hg_op *op, const char *path, hg_table *out, hg_err *err);

#endif

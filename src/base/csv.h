/* CSV with a header line, one row at a time (RFC 4180 quotes within a line; .gz and stdin through
 * file.h).  The raw line is kept so that a verb can pass a row through unchanged. */
#ifndef HG_BASE_CSV_H
#define HG_BASE_CSV_H

#include "base/file.h"

#include <stdint.h>

enum { HG_CSV_COLUMNS = 256 };

typedef struct hg_csv {
    hg_lines lines;
    hg_arena *arena;              /* holds the header */
    char *header;                 /* the raw header line */
    char *names[HG_CSV_COLUMNS];
    int columns;
    char *fields[HG_CSV_COLUMNS]; /* of the current row; valid until the next call */
    char *row;                    /* the storage behind fields */
    size_t row_capacity;
} hg_csv;

bool hg_csv_open(hg_csv *csv, hg_arena *arena, const char *path, hg_err *err);
/* Goes on with lines whose current one is the header, for files told apart by their first line.
 * They belong to csv from now on, on failure too. */
bool hg_csv_adopt(hg_csv *csv, hg_arena *arena, hg_lines *lines, hg_err *err);
/* 1: a row, 0: the end, -1: err is set.  Empty lines are passed over; a row with another number of
 * fields than the header is an error. */
int hg_csv_next(hg_csv *csv, hg_err *err);
void hg_csv_close(hg_csv *csv);

/* The column's place, or -1. */
int hg_csv_column(const hg_csv *csv, const char *name);
/* "trace.csv:17: isl" in err->where. */
bool hg_csv_fail(const hg_csv *csv, int column, hg_err *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

bool hg_csv_i64(const hg_csv *csv, int column, int64_t lo, int64_t hi, int64_t *out, hg_err *err);
bool hg_csv_f64(const hg_csv *csv, int column, double lo, double hi, double *out, hg_err *err);

#endif

#include "base/csv.h"

#include "base/num.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Cuts line in place; returns the number of fields, or -1 when there are too many. */
static int split(char *line, char **fields)
{
    int n = 0;
    char *p = line;
    for (;;) {
        if (n == HG_CSV_COLUMNS)
            return -1;
        if (*p != '"') {
            fields[n++] = p;
            p = strchr(p, ',');
            if (!p)
                return n;
            *p++ = 0;
            continue;
        }
        char *to = ++p;
        fields[n++] = to;
        for (; *p && !(*p == '"' && p[1] != '"'); p++) {
            if (*p == '"')
                p++;
            *to++ = *p;
        }
        if (*p)
            p++;
        bool more = *p == ',';
        *to = 0;
        if (!more)
            return n;
        p++;
    }
}

static bool keep_row(hg_csv *csv)
{
    size_t need = csv->lines.length + 1;
    if (need > csv->row_capacity) {
        char *bigger = realloc(csv->row, 2 * need);
        if (!bigger)
            return false;
        csv->row = bigger;
        csv->row_capacity = 2 * need;
    }
    memcpy(csv->row, csv->lines.line, need);
    return true;
}

static bool take_header(hg_csv *csv, hg_err *err)
{
    char *line = csv->lines.line;
    if (memchr(line, 0, csv->lines.length))
        return hg_fail(err, HG_INPUT, csv->lines.name, "holds binary data; a CSV was expected");
    if (hg_starts(line, "\xef\xbb\xbf")) /* a byte-order mark */
        line += 3;
    csv->header = hg_strdup(csv->arena, line);
    csv->columns = split(hg_strdup(csv->arena, line), csv->names);
    if (csv->columns < 0)
        return hg_fail(err, HG_INPUT, csv->lines.name, "has more than %d columns", HG_CSV_COLUMNS);
    for (int i = 1; i < csv->columns; i++)
        if (*csv->names[i] && hg_csv_column(csv, csv->names[i]) < i)
            return hg_fail(err, HG_INPUT, csv->lines.name, "has two columns '%.60s'; keep one", csv->names[i]);
    return true;
}

static bool read_header(hg_csv *csv, hg_err *err)
{
    int got;
    do /* lines before the header may say what the table is */
        got = hg_lines_next(&csv->lines, err);
    while (got == 1 && hg_starts(csv->lines.line, "#"));
    if (got == 0)
        return hg_fail(err, HG_INPUT, csv->lines.name, "is empty; a header line was expected");
    return got > 0 && take_header(csv, err);
}

bool hg_csv_open(hg_csv *csv, hg_arena *arena, const char *path, hg_err *err)
{
    *csv = (hg_csv){ .arena = arena };
    if (!hg_lines_open(&csv->lines, path, err))
        return false;
    if (read_header(csv, err))
        return true;
    hg_csv_close(csv);
    return false;
}

bool hg_csv_adopt(hg_csv *csv, hg_arena *arena, hg_lines *lines, hg_err *err)
{
    *csv = (hg_csv){ .arena = arena, .lines = *lines };
    *lines = (hg_lines){ 0 };
    if (take_header(csv, err))
        return true;
    hg_csv_close(csv);
    return false;
}

int hg_csv_next(hg_csv *csv, hg_err *err)
{
    int got;
    do
        got = hg_lines_next(&csv->lines, err);
    while (got == 1 && csv->lines.length == 0);
    if (got != 1)
        return got;
    if (!keep_row(csv)) {
        hg_fail(err, HG_WORLD, csv->lines.name, "out of memory");
        return -1;
    }
    int n = split(csv->row, csv->fields);
    if (n != csv->columns) {
        char where[192];
        snprintf(where, sizeof where, "%.150s:%ld", csv->lines.name, csv->lines.number);
        hg_fail(err, HG_INPUT, where, "has %d fields where the header has %d", n, csv->columns);
        return -1;
    }
    return 1;
}

void hg_csv_close(hg_csv *csv)
{
    hg_lines_close(&csv->lines);
    free(csv->row);
    csv->row = NULL;
}

int hg_csv_column(const hg_csv *csv, const char *name)
{
    for (int i = 0; i < csv->columns; i++)
        if (strcmp(csv->names[i], name) == 0)
            return i;
    return -1;
}

bool hg_csv_fail(const hg_csv *csv, int column, hg_err *err, const char *fmt, ...)
{
    char where[192], msg[400];
    snprintf(where, sizeof where, "%.120s:%ld: %.60s", csv->lines.name, csv->lines.number,
             column >= 0 ? csv->names[column] : "row");
    va_list args;
    va_start(args, fmt);
    vsnprintf(msg, sizeof msg, fmt, args);
    va_end(args);
    return hg_fail(err, HG_INPUT, where, "%s", msg);
}

bool hg_csv_i64(const hg_csv *csv, int column, int64_t lo, int64_t hi, int64_t *out, hg_err *err)
{
    double value; /* "8.0" and "1e4" are whole numbers too */
    const char *s = csv->fields[column];
    if (!hg_parse_i64(s, out)) {
        if (!hg_parse_f64(s, &value) || value != (double)(int64_t)hg_clamp(value, -9e15, 9e15))
            return hg_csv_fail(csv, column, err, "is '%.40s'; a whole number was expected", s);
        *out = (int64_t)value;
    }
    if (*out < lo || *out > hi)
        return hg_csv_fail(csv, column, err, "is %.40s; it must lie in [%lld, %lld]", s,
                           (long long)lo, (long long)hi);
    return true;
}

bool hg_csv_f64(const hg_csv *csv, int column, double lo, double hi, double *out, hg_err *err)
{
    const char *s = csv->fields[column];
    if (!hg_parse_f64(s, out))
        return hg_csv_fail(csv, column, err, "is '%.40s'; a finite number was expected", s);
    if (*out < lo || *out > hi)
        return hg_csv_fail(csv, column, err, "is %.40s; it must lie in [%g, %g]", s, lo, hi);
    return true;
}

#include "spec/workload_reader.h"

#include "base/csv.h"
#include "base/num.h"
#include "base/text.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum clock_kind { NO_CLOCK, DATE, SECONDS } clock_kind;

/* Columns by format; the first whose columns are all there is it. */
static const struct format {
    const char *time, *isl, *osl;
    clock_kind clock;
} formats[] = {
    { "TIMESTAMP", "ContextTokens", "GeneratedTokens", DATE },     /* Azure */
    { "Timestamp", "Request tokens", "Response tokens", SECONDS }, /* BurstGPT */
    { "arrival_s", "isl", "osl", SECONDS },
    { NULL, "isl", "osl", NO_CLOCK },
};

typedef struct columns {
    int time, isl, osl, hashes;
    clock_kind clock;
} columns;

static bool find_columns(const hg_csv *csv, columns *out)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const struct format *f = &formats[i];
        *out = (columns){ .time = f->time ? hg_csv_column(csv, f->time) : -1,
                          .isl = hg_csv_column(csv, f->isl), .osl = hg_csv_column(csv, f->osl),
                          .hashes = hg_csv_column(csv, "prefix_hashes"), .clock = f->clock };
        if (out->isl >= 0 && out->osl >= 0 && (out->time >= 0 || f->clock == NO_CLOCK))
            return true;
    }
    return false;
}

/* Days from 1970-01-01 in the Gregorian calendar, after H. Hinnant's days_from_civil. */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = year / 400, of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool digits(const char **s, int count, char after, int64_t *out)
{
    *out = 0;
    for (int i = 0; i < count; i++, ++*s) {
        if (!isdigit((unsigned char)**s))
            return false;
        *out = *out * 10 + (**s - '0');
    }
    if (after && *(*s)++ != after)
        return false;
    return true;
}

/* Up to nine digits behind the point, then nothing or a time zone, which every row shares. */
static bool fraction_ns(const char *s, int64_t *ns)
{
    *ns = 0;
    if (*s == '.') {
        int64_t scale = 100000000;
        for (s++; isdigit((unsigned char)*s); s++, scale /= 10)
            *ns += scale * (*s - '0');
    }
    bool offset = (*s == '+' || *s == '-') && strspn(s + 1, "0123456789:") == strlen(s + 1);
    return *s == 0 || *s == 'Z' || offset;
}

/* "2023-11-16 18:17:03.9799600" */
static bool date_ns(const char *s, int64_t *ns)
{
    int64_t year, month, day, hour, minute, second, fraction;
    if (!digits(&s, 4, '-', &year) || !digits(&s, 2, '-', &month) || !digits(&s, 2, 0, &day) ||
        (*s != ' ' && *s != 'T'))
        return false;
    s++;
    if (!digits(&s, 2, ':', &hour) || !digits(&s, 2, ':', &minute) || !digits(&s, 2, 0, &second) ||
        !fraction_ns(s, &fraction))
        return false;
    if (year < 1970 || year > 2200 || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 ||
        minute > 59 || second > 60)
        return false;
    int64_t days = days_from_civil(year, month, day);
    *ns = (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000000000 + fraction;
    return true;
}

static bool read_time(const hg_csv *csv, const columns *c, int64_t *ns, hg_err *err)
{
    double seconds;
    *ns = 0;
    if (c->clock == NO_CLOCK)
        return true;
    if (c->clock == DATE)
        return date_ns(csv->fields[c->time], ns) ||
               hg_csv_fail(csv, c->time, err, "is '%.40s'; a time was expected, as in "
                           "2023-11-16 18:17:03.9799600", csv->fields[c->time]);
    if (!hg_csv_f64(csv, c->time, 0, HG_ARRIVAL_MAX_S, &seconds, err))
        return false;
    *ns = llround(seconds * 1e9);
    return true;
}

static bool read_hashes(hg_rows *r, const hg_csv *csv, int column, hg_row *row, hg_err *err)
{
    row->hash_first = r->hash_count;
    for (char *s = csv->fields[column]; *(s += strspn(s, " ;"));) {
        size_t n = strcspn(s, " ;");
        char *end;
        int64_t id = strtoll(s, &end, 10);
        if (end != s + n || n > 18)
            return hg_csv_fail(csv, column, err, "holds '%.*s'; whole numbers were expected, with "
                               "spaces or semicolons between", (int)hg_min_i64((int64_t)n, 40), s);
        *HG_PUSH(r->arena, r->hashes, r->hash_count, r->hash_capacity) = id;
        s += n;
    }
    row->hash_count = r->hash_count - row->hash_first;
    return r->hash_count < UINT32_MAX ||
           hg_csv_fail(csv, column, err, "is one hash too many for one workload");
}

static bool read_row(hg_rows *r, const hg_csv *csv, const columns *c, hg_row *row, hg_err *err)
{
    *row = (hg_row){ .hash_first = r->hash_count };
    return read_time(csv, c, &row->arrival_ns, err) &&
           hg_csv_i64(csv, c->isl, 0, HG_LENGTH_MAX, &row->isl, err) &&
           hg_csv_i64(csv, c->osl, 0, HG_LENGTH_MAX, &row->osl, err) &&
           (c->hashes < 0 || read_hashes(r, csv, c->hashes, row, err));
}

static bool read_all(hg_rows *r, hg_csv *csv, hg_err *err)
{
    columns c;
    if (!find_columns(csv, &c))
        return hg_fail(err, HG_INPUT, csv->lines.name, "has no columns of a known trace format (its "
                       "header is '%.60s'); write arrival_s,isl,osl or isl,osl", csv->header);
    r->timed = c.clock != NO_CLOCK;
    hg_row row;
    int got;
    while ((got = hg_csv_next(csv, err)) == 1) {
        if (!read_row(r, csv, &c, &row, err))
            return false;
        if (!hg_rows_add(r, row))
            return true;
    }
    return got == 0;
}

bool hg_workload_csv(hg_rows *r, hg_lines *lines, hg_err *err)
{
    hg_csv csv;
    if (!hg_csv_adopt(&csv, r->arena, lines, err))
        return false;
    bool ok = read_all(r, &csv, err);
    hg_csv_close(&csv);
    return ok;
}

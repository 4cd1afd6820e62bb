#include "tune/prometheus.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct line {
    const char *name, *labels; /* labels: behind the brace, NULL: none */
    size_t name_size, labels_size;
    double value;
} line;

/* NAME[{LABELS}] VALUE [TIMESTAMP].  A brace in quotes ends nothing. */
static bool read_line(const char *text, size_t size, line *out)
{
    const char *end = text + size, *p = text;
    while (p < end && *p != '{' && *p != ' ' && *p != '\t')
        p++;
    *out = (line){ .name = text, .name_size = (size_t)(p - text) };
    if (p < end && *p == '{') {
        bool quoted = false;
        out->labels = ++p;
        for (; p < end && (quoted || *p != '}'); p++) {
            if (*p == '\\' && quoted && p + 1 < end)
                p++;
            else if (*p == '"')
                quoted = !quoted;
        }
        out->labels_size = (size_t)(p - out->labels);
        if (p >= end)
            return false;
        p++;
    }
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    char number[64], *stop;
    size_t n = 0;
    while (p < end && *p != ' ' && *p != '\t' && *p != '\r' && n + 1 < sizeof number)
        number[n++] = *p++;
    number[n] = 0;
    out->value = strtod(number, &stop);
    return n > 0 && !*stop && out->name_size > 0 && *text != '#' && !isnan(out->value);
}

static bool is_named(const line *l, const char *name, const char *suffix)
{
    size_t n = strlen(name), m = strlen(suffix);
    return l->name_size == n + m && memcmp(l->name, name, n) == 0 && memcmp(l->name + n, suffix, m) == 0;
}

/* The value of le="…". */
static bool le_of(const line *l, double *out)
{
    const char *p = l->labels, *end = p ? p + l->labels_size : NULL;
    for (; p && p + 4 < end; p++) {
        if (memcmp(p, "le=\"", 4) != 0 || (p > l->labels && p[-1] != ',' && p[-1] != ' '))
            continue;
        char number[40];
        size_t n = 0;
        for (p += 4; p < end && *p != '"' && n + 1 < sizeof number; p++)
            number[n++] = *p;
        number[n] = 0;
        char *stop;
        *out = strcmp(number, "+Inf") == 0 ? INFINITY : strtod(number, &stop);
        return n > 0 && !isnan(*out);
    }
    return false;
}

static void add_bucket(hg_buckets *b, double le, double value)
{
    size_t at = 0;
    while (at < b->count && b->le[at] < le)
        at++;
    if (at == b->count || b->le[at] != le) {
        if (b->count == HG_BUCKETS)
            return;
        memmove(b->le + at + 1, b->le + at, (b->count - at) * sizeof *b->le);
        memmove(b->below + at + 1, b->below + at, (b->count - at) * sizeof *b->below);
        b->le[at] = le;
        b->below[at] = 0;
        b->count++;
    }
    b->below[at] += value;
}

/* rank: which of a series' names the page has; a better one begins anew. */
static void take(const hg_adapter *names, const line *l, int rank[HG_SERIES], hg_scrape *out)
{
    for (int s = 0; s < HG_SERIES; s++)
        for (int i = 0; i < HG_SERIES_NAMES && names->series[s][i] && i <= rank[s]; i++) {
            const char *name = names->series[s][i];
            bool bucket = is_named(l, name, "_bucket"), count = is_named(l, name, "_count");
            double le;
            if (!bucket && !count && !is_named(l, name, ""))
                continue;
            if (i < rank[s]) {
                rank[s] = i;
                out->value[s] = NAN;
                out->buckets[s].count = 0;
            }
            if (bucket && le_of(l, &le))
                add_bucket(&out->buckets[s], le, l->value);
            else if (!bucket)
                out->value[s] = (isnan(out->value[s]) ? 0 : out->value[s]) + l->value;
        }
}

void hg_scrape_read(const hg_adapter *names, const char *text, hg_scrape *out)
{
    int rank[HG_SERIES];
    line l;
    *out = (hg_scrape){ .value = { 0 } };
    for (int s = 0; s < HG_SERIES; s++) {
        out->value[s] = NAN;
        rank[s] = HG_SERIES_NAMES;
    }
    for (size_t n; *text; text += n + (text[n] == '\n')) {
        n = strcspn(text, "\n");
        if (read_line(text, n, &l))
            take(names, &l, rank, out);
    }
}

double hg_scrape_since(const hg_scrape *before, const hg_scrape *after, hg_scraped which)
{
    double d = after->value[which] - before->value[which];
    return d >= 0 ? d : NAN;
}

static double below(const hg_buckets *b, double le)
{
    for (size_t i = 0; i < b->count; i++)
        if (b->le[i] == le)
            return b->below[i];
    return 0;
}

double hg_scrape_quantile(const hg_scrape *before, const hg_scrape *after, hg_scraped which, double p)
{
    const hg_buckets *a = &after->buckets[which], *b = &before->buckets[which];
    if (a->count == 0)
        return NAN;
    double all = a->below[a->count - 1] - below(b, a->le[a->count - 1]), edge = 0, lower = 0;
    if (!(all > 0))
        return NAN;
    for (size_t i = 0; i < a->count; i++) {
        double here = a->below[i] - below(b, a->le[i]);
        if (here >= p * all)
            return isinf(a->le[i]) ? INFINITY : here <= lower ? edge : edge + (a->le[i] - edge) * (p * all - lower) / (here - lower);
        edge = a->le[i];
        lower = here;
    }
    return edge;
}

double hg_scrape_last_edge(const hg_scrape *s, hg_scraped which)
{
    const hg_buckets *b = &s->buckets[which];
    for (size_t i = b->count; i-- > 0;)
        if (isfinite(b->le[i]))
            return b->le[i];
    return 0;
}

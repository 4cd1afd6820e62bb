#include "measure/results.h"

#include "base/file.h"
#include "measure/results_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RESULT_FORMAT(name) extern const hg_result_format hg_result_format_##name;
#include "measure/results.def"
#undef RESULT_FORMAT

static const hg_result_format *const formats[] = {
#define RESULT_FORMAT(name) &hg_result_format_##name,
#include "measure/results.def"
#undef RESULT_FORMAT
};
enum { FORMATS = sizeof formats / sizeof *formats };

static const size_t FILE_LIMIT = (size_t)1 << 29;

const char *hg_results_formats(hg_arena *arena)
{
    hg_buf b = { .arena = arena };
    for (size_t i = 0; i < FORMATS; i++)
        hg_buf_printf(&b, "%s%s", i ? ", " : "", formats[i]->title);
    return b.s;
}

static void add_doc(hg_result_source *s, json_t *doc, size_t *capacity)
{
    *HG_PUSH(s->arena, s->docs, s->doc_count, *capacity) = doc;
}

/* A list's items are its results; the list itself goes. */
static void add_root(hg_result_source *s, json_t *root, size_t *capacity)
{
    if (!json_is_array(root)) {
        add_doc(s, root, capacity);
        return;
    }
    for (size_t i = 0; i < json_array_size(root); i++)
        add_doc(s, json_incref(json_array_get(root, i)), capacity);
    json_decref(root);
}

/* Whether the first line is a document of its own: then every line is. */
static bool is_lines(const char *text)
{
    size_t n = strcspn(text, "\n");
    const char *rest = text + n;
    json_t *first = *text == '{' && rest[strspn(rest, " \t\r\n")] ? json_loadb(text, n, 0, NULL) : NULL;
    json_decref(first);
    return first != NULL;
}

static bool read_lines(hg_result_source *s, const char *text, hg_err *err)
{
    size_t capacity = 0;
    long line = 1;
    for (const char *at = text; *at; line++) {
        size_t n = strcspn(at, "\n");
        const char *name = hg_textf(s->arena, "%s:%ld", s->name, line);
        json_t *doc = at[strspn(at, " \t\r")] == '\n' || !at[strspn(at, " \t\r")] ? NULL : hg_json_parse(at, n, name, err);
        if (doc)
            add_doc(s, doc, &capacity);
        else if (at[strspn(at, " \t\r")] && at[strspn(at, " \t\r")] != '\n')
            return false;
        at += n + (at[n] == '\n');
    }
    return true;
}

/* Cuts a line at its commas, quotes as in RFC 4180. */
static int cut(hg_arena *arena, char *line, char ***cells)
{
    size_t n = 0, capacity = 0;
    char **out = NULL;
    for (char *p = line; p;) {
        char *start = p, *to = p;
        if (*p == '"') {
            for (p++; *p && !(*p == '"' && p[1] != '"'); p++) {
                p += *p == '"';
                *to++ = *p;
            }
            p += *p == '"';
        } else {
            to = p + strcspn(p, ",");
            p = to;
        }
        p = strchr(p, ',');
        *to = 0;
        p = p ? p + 1 : NULL;
        *HG_PUSH(arena, out, n, capacity) = start;
    }
    *cells = out;
    return (int)n;
}

static void read_table(hg_result_source *s, char *text)
{
    size_t capacity = 0, also = 0, widths = 0;
    for (char *line = text; line;) {
        char *end = strchr(line, '\n'), **cells;
        if (end)
            *end = 0;
        line[strcspn(line, "\r")] = 0;
        int width = cut(s->arena, line, &cells);
        *HG_PUSH(s->arena, s->table.cells, s->table.lines, capacity) = cells;
        *HG_PUSH(s->arena, s->table.widths, widths, also) = width;
        line = end ? end + 1 : NULL;
    }
}

/* A YAML report begins with "key:" or a comment; a CSV's first line has commas. */
static bool looks_yaml(const char *text)
{
    size_t n = strcspn(text, "\n");
    const char *colon = memchr(text, ':', n);
    return *text == '#' || *text == '%' || hg_starts(text, "---") || (colon && !memchr(text, ',', (size_t)(colon - text)));
}

static bool parse(hg_result_source *s, char *text, size_t size, hg_err *err)
{
    size_t capacity = 0;
    char *begin = text + (hg_starts(text, "\xef\xbb\xbf") ? 3 : 0);
    begin += strspn(begin, " \t\r\n");
    size_t left = size - (size_t)(begin - text);
    if (!*begin)
        return hg_fail(err, HG_INPUT, s->name, "is empty; results were expected");
    if (memchr(begin, 0, left))
        return hg_fail(err, HG_INPUT, s->name, "holds binary data; results of a benchmark were expected");
    if (is_lines(begin))
        return read_lines(s, begin, err);
    if (*begin != '{' && *begin != '[' && !looks_yaml(begin)) {
        read_table(s, begin);
        return true;
    }
    json_t *root = *begin == '{' || *begin == '[' ? hg_json_parse(begin, left, s->name, err)
                                                  : hg_result_yaml(begin, left, s->name, err);
    if (root)
        add_root(s, root, &capacity);
    return root != NULL;
}

static bool read_as(hg_result_source *s, const hg_result_format *format, hg_err *err)
{
    s->format = format->title;
    if (format->read_all)
        return format->read_all(s, err);
    for (size_t i = 0; i < s->doc_count; i++)
        if (!format->read(s, s->docs[i], err))
            return false;
    return true;
}

static bool recognise(hg_result_source *s, hg_err *err)
{
    for (size_t i = 0; i < FORMATS; i++)
        if (formats[i]->is(s))
            return read_as(s, formats[i], err);
    return hg_fail(err, HG_INPUT, s->name, "is of no format that heng reads; it reads %.350s", hg_results_formats(s->arena));
}

bool hg_results_read(hg_arena *arena, const char *path, hg_results *out, hg_err *err)
{
    hg_result_source s = { .arena = arena, .name = path && strcmp(path, "-") != 0 ? hg_strdup(arena, path) : "stdin" };
    size_t size;
    char *text = hg_file_read(arena, path, FILE_LIMIT, &size, err);
    bool ok = text && parse(&s, text, size, err) && recognise(&s, err);
    for (size_t i = 0; i < s.doc_count; i++)
        json_decref(s.docs[i]);
    if (ok && s.count == 0)
        ok = hg_fail(err, HG_INPUT, s.name, "holds no results");
    *out = (hg_results){ s.results, s.count };
    return ok;
}

static bool same_stem(const char *a, const char *b)
{
    const char *end = strrchr(a, '.');
    size_t n = end ? (size_t)(end - a) : strlen(a);
    return strcmp(a, b) != 0 && strncmp(a, b, n + (end != NULL)) == 0 && !strchr(b + n, '/');
}

static bool same_tool(const char *a, const char *b)
{
    size_t n = strcspn(a, " ");
    return strncmp(a, b, n) == 0 && b[n] == ' ';
}

static void fill(double *to, double from)
{
    if (isnan(*to))
        *to = from;
}

/* What a does not say, b does. */
static void merge(hg_bench_result *a, const hg_bench_result *b)
{
    double *to[] = { &a->isl, &a->osl, &a->duration_s, &a->completed, &a->failed, &a->requests_per_s, &a->output_tokens_per_s,
                     &a->total_tokens_per_s, &a->in_flight };
    const double from[] = { b->isl, b->osl, b->duration_s, b->completed, b->failed, b->requests_per_s, b->output_tokens_per_s,
                            b->total_tokens_per_s, b->in_flight };
    for (size_t i = 0; i < sizeof to / sizeof *to; i++)
        fill(to[i], from[i]);
    for (int k = 0; k < HG_FIGURES; k++) {
        double *s[] = { &a->of[k].mean, &a->of[k].median, &a->of[k].p90, &a->of[k].p95, &a->of[k].p99 };
        const double t[] = { b->of[k].mean, b->of[k].median, b->of[k].p90, b->of[k].p95, b->of[k].p99 };
        for (int i = 0; i < 5; i++)
            fill(s[i], t[i]);
    }
    a->model = a->model ? a->model : b->model;
    a->concurrency = a->concurrency ? a->concurrency : b->concurrency;
    a->rate_per_s = a->rate_per_s > 0 ? a->rate_per_s : b->rate_per_s;
    a->note_count = 0; /* they told what one file lacks */
}

static bool merged(hg_results *all, const hg_bench_result *r)
{
    for (size_t i = 0; i < all->count; i++)
        if (same_stem(all->all[i].file, r->file) && same_tool(all->all[i].format, r->format)) {
            merge(&all->all[i], r);
            return true;
        }
    return false;
}

bool hg_results_read_all(hg_arena *arena, const char *const *paths, size_t n, hg_results *out, hg_err *err)
{
    size_t capacity = 0;
    *out = (hg_results){ 0 };
    for (size_t p = 0; p < n; p++) {
        hg_results one;
        if (!hg_results_read(arena, paths[p], &one, err))
            return false;
        for (size_t i = 0; i < one.count; i++)
            if (!(one.count == 1 && merged(out, &one.all[i])))
                *HG_PUSH(arena, out->all, out->count, capacity) = one.all[i];
    }
    return true;
}

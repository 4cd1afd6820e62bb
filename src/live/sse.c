#include "live/sse.h"

#include <stdlib.h>
#include <string.h>

static bool reserve(char **buffer, size_t *capacity, size_t need)
{
    if (need <= *capacity)
        return true;
    size_t more = 2 * need + 256;
    char *bigger = realloc(*buffer, more);
    if (!bigger)
        return false;
    *buffer = bigger;
    *capacity = more;
    return true;
}

void hg_sse_feed(hg_sse *s, const char *bytes, size_t size)
{
    s->at = bytes;
    s->end = bytes + size;
    if (s->kept_size == 0 || s->too_long)
        return;
    if (s->kept_size + size > HG_SSE_MAX || !reserve(&s->kept, &s->kept_capacity, s->kept_size + size)) {
        s->too_long = true;
        return;
    }
    memcpy(s->kept + s->kept_size, bytes, size);
    s->at = s->kept;
    s->end = s->kept + s->kept_size + size;
    s->kept_size = 0;
}

/* What is left begins an event; it may lie in `kept` already. */
static bool keep_rest(hg_sse *s, const char *from)
{
    size_t n = (size_t)(s->end - from);
    bool there = s->kept && from >= s->kept && from < s->kept + s->kept_capacity;
    s->too_long = s->too_long || n > HG_SSE_MAX || (n > 0 && !there && !reserve(&s->kept, &s->kept_capacity, n));
    if (!s->too_long && n > 0)
        memmove(s->kept, from, n);
    s->kept_size = s->too_long ? 0 : n;
    s->at = s->end;
    return false;
}

/* The value of a data line, or NULL when the line is another. */
static const char *data_of(const char *line, size_t n, size_t *size)
{
    if (n < 4 || memcmp(line, "data", 4) != 0 || (n > 4 && line[4] != ':'))
        return NULL;
    size_t skip = n == 4 ? 4 : n > 5 && line[5] == ' ' ? 6 : 5;
    *size = n - skip;
    return line + skip;
}

static bool join(hg_sse *s, const char **data, size_t *size, const char *more, size_t more_size)
{
    bool first = *data != s->joined;
    if (!reserve(&s->joined, &s->joined_capacity, *size + 1 + more_size))
        return false;
    if (first)
        memcpy(s->joined, *data, *size);
    s->joined[*size] = '\n';
    memcpy(s->joined + *size + 1, more, more_size);
    *data = s->joined;
    *size += 1 + more_size;
    return true;
}

bool hg_sse_next(hg_sse *s, const char **data, size_t *size)
{
    const char *start = s->at;
    *data = NULL;
    *size = 0;
    while (!s->too_long) {
        const char *line = s->at, *newline = line < s->end ? memchr(line, '\n', (size_t)(s->end - line)) : NULL;
        if (!newline)
            return keep_rest(s, start);
        size_t n = (size_t)(newline - line), more;
        n -= n > 0 && line[n - 1] == '\r';
        s->at = newline + 1;
        const char *value = data_of(line, n, &more);
        if (n == 0 && *data)
            return true;
        if (n == 0)
            start = s->at;
        else if (value && !*data)
            *data = value, *size = more;
        else if (value && !join(s, data, size, value, more))
            s->too_long = true;
    }
    return keep_rest(s, s->end);
}

bool hg_sse_is_cut(const hg_sse *s)
{
    for (size_t i = 0; i < s->kept_size; i++)
        if (s->kept[i] != '\n' && s->kept[i] != '\r')
            return s->kept[i] != ':';
    return false;
}

void hg_sse_reset(hg_sse *s)
{
    s->kept_size = 0;
    s->at = s->end = NULL;
    s->too_long = false;
}

void hg_sse_close(hg_sse *s)
{
    free(s->kept);
    free(s->joined);
    *s = (hg_sse){ 0 };
}

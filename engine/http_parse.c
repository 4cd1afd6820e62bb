#define _GNU_SOURCE
#include "http_parse.h"

#include <string.h>
#include <strings.h>

static http_state bad(http_request *r, int status)
{
    r->status = status;
    return HTTP_BAD;
}

/* The word at *at, up to a space or the line's end, into out; false: empty or too long. */
static bool word(const char **at, const char *end, char *out, size_t size)
{
    const char *p = *at;
    while (p < end && *p != ' ')
        p++;
    size_t n = (size_t)(p - *at);
    if (n == 0 || n >= size || memchr(*at, 0, n))
        return false;
    memcpy(out, *at, n);
    out[n] = 0;
    *at = p < end ? p + 1 : p;
    return true;
}

static http_state first_line(const char *at, const char *end, http_request *r)
{
    char version[16];
    if (!word(&at, end, r->method, sizeof r->method) || !word(&at, end, r->path, sizeof r->path) ||
        !word(&at, end, version, sizeof version) || at != end)
        return bad(r, 400);
    r->path[strcspn(r->path, "?")] = 0;
    r->keep_alive = strcmp(version, "HTTP/1.1") == 0;
    return r->keep_alive || strcmp(version, "HTTP/1.0") == 0 ? HTTP_WHOLE : bad(r, 505);
}

static bool digits(const char *v, size_t n, size_t *out)
{
    *out = 0;
    for (size_t i = 0; i < n; i++) {
        if (v[i] < '0' || v[i] > '9' || *out > HTTP_BODY_MAX)
            return false;
        *out = *out * 10 + (size_t)(v[i] - '0');
    }
    return n > 0;
}

static bool says(const char *v, size_t n, const char *word)
{
    return n == strlen(word) && strncasecmp(v, word, n) == 0;
}

static http_state field(const char *at, const char *end, http_request *r, bool *sized)
{
    const char *colon = memchr(at, ':', (size_t)(end - at));
    if (!colon || colon == at)
        return bad(r, 400);
    const char *v = colon + 1;
    while (v < end && (*v == ' ' || *v == '\t'))
        v++;
    while (end > v && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    size_t name = (size_t)(colon - at), n = (size_t)(end - v), length;
    if (says(at, name, "content-length")) {
        if (!digits(v, n, &length) || length > HTTP_BODY_MAX)
            return bad(r, n && v[0] >= '0' && v[0] <= '9' ? 413 : 400);
        if (*sized && length != r->body_size)
            return bad(r, 400);
        r->body_size = length;
        *sized = true;
    }
    if (says(at, name, "transfer-encoding"))
        return bad(r, 501);
    if (says(at, name, "connection") && says(v, n, "close"))
        r->keep_alive = false;
    if (says(at, name, "expect"))
        r->expects = says(v, n, "100-continue");
    return HTTP_WHOLE;
}

static http_state read_head(const char *at, const char *end, http_request *r)
{
    bool first = true, sized = false;
    while (at < end) {
        const char *stop = memmem(at, (size_t)(end - at), "\r\n", 2);
        http_state s = first ? first_line(at, stop, r) : field(at, stop, r, &sized);
        if (s != HTTP_WHOLE)
            return s;
        first = false;
        at = stop + 2;
    }
    return HTTP_WHOLE;
}

http_state http_parse(const char *in, size_t size, http_request *out)
{
    *out = (http_request){ .status = 0 };
    size_t looked = size < HTTP_HEAD_MAX ? size : HTTP_HEAD_MAX;
    const char *end = looked ? memmem(in, looked, "\r\n\r\n", 4) : NULL;
    if (!end)
        return size >= HTTP_HEAD_MAX ? bad(out, 431) : HTTP_MORE;
    if (end == in)
        return bad(out, 400);
    http_state s = read_head(in, end + 2, out);
    out->head_size = (size_t)(end - in) + 4;
    if (s != HTTP_WHOLE)
        return s;
    return size - out->head_size < out->body_size ? HTTP_MORE : HTTP_WHOLE;
}

#include "live/http1.h"

#include "base/num.h"

#include <ctype.h>
#include <string.h>

typedef enum state { IN_HEAD, IN_BODY, IN_SIZE, IN_SIZE_TAIL, IN_CHUNK, AFTER_CHUNK, IN_TRAILER, COMPLETE, BROKEN } state;

enum { SIZE_DIGITS_MAX = 12 };

void hg_http1_begin(hg_http1 *h, char *head)
{
    *h = (hg_http1){ .head = head, .state = IN_HEAD };
}

void hg_http1_feed(hg_http1 *h, const char *bytes, size_t size)
{
    h->at = bytes;
    h->end = bytes + size;
}

static hg_http1_part broken(hg_http1 *h, const char *problem)
{
    h->problem = problem;
    h->state = BROKEN;
    return HG_HTTP1_BAD;
}

static bool field_is(const char *line, size_t n, const char *name, const char **value, size_t *size)
{
    size_t k = strlen(name);
    if (n <= k || line[k] != ':')
        return false;
    for (size_t i = 0; i < k; i++)
        if (tolower((unsigned char)line[i]) != name[i])
            return false;
    *value = line + k + 1;
    *size = n - k - 1;
    while (*size && (**value == ' ' || **value == '\t'))
        ++*value, --*size;
    while (*size && ((*value)[*size - 1] == ' ' || (*value)[*size - 1] == '\t'))
        --*size;
    return true;
}

static bool holds(const char *value, size_t n, const char *word)
{
    size_t k = strlen(word), i, j;
    for (i = 0; i + k <= n; i++) {
        for (j = 0; j < k && tolower((unsigned char)value[i + j]) == word[j]; j++)
            ;
        if (j == k)
            return true;
    }
    return false;
}

static bool read_status(hg_http1 *h, const char *line, size_t n)
{
    if (n < 12 || memcmp(line, "HTTP/1.", 7) != 0 || line[8] != ' ')
        return false;
    h->status = 0;
    for (int i = 9; i < 12; i++) {
        if (!isdigit((unsigned char)line[i]))
            return false;
        h->status = h->status * 10 + (line[i] - '0');
    }
    h->keep_alive = line[7] == '1';
    return h->status >= 100;
}

static void read_type(hg_http1 *h, const char *value, size_t n)
{
    size_t k = 0;
    for (; k < n && k + 1 < sizeof h->type && value[k] != ';' && value[k] != ' '; k++)
        h->type[k] = (char)tolower((unsigned char)value[k]);
    h->type[k] = 0;
}

static bool read_length(hg_http1 *h, const char *value, size_t n)
{
    char digits[24];
    if (n == 0 || n >= sizeof digits)
        return false;
    memcpy(digits, value, n);
    digits[n] = 0;
    return isdigit((unsigned char)digits[0]) && hg_parse_i64(digits, &h->left);
}

static bool read_field(hg_http1 *h, const char *line, size_t n)
{
    const char *value;
    size_t size;
    if (field_is(line, n, "content-length", &value, &size))
        return read_length(h, value, size);
    if (field_is(line, n, "content-type", &value, &size))
        read_type(h, value, size);
    else if (field_is(line, n, "transfer-encoding", &value, &size))
        h->chunked = holds(value, size, "chunked");
    else if (field_is(line, n, "connection", &value, &size))
        h->keep_alive = holds(value, size, "close") ? false : holds(value, size, "keep-alive") ? true : h->keep_alive;
    return true;
}

static bool read_head(hg_http1 *h)
{
    bool first = true;
    h->left = -1;
    h->chunked = false;
    h->type[0] = 0;
    for (const char *line = h->head, *end = h->head + h->head_size; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        size_t n = (size_t)(newline - line);
        n -= n > 0 && line[n - 1] == '\r';
        if (!(first ? read_status(h, line, n) : read_field(h, line, n)))
            return false;
        first = false;
        line = newline + 1;
    }
    return !first;
}

/* The head is copied line by line up to the empty one. */
static hg_http1_part take_head(hg_http1 *h)
{
    while (h->at < h->end) {
        if (h->head_size == HG_HTTP1_HEAD_MAX)
            return broken(h, "a head of more than 32 kB");
        char c = *h->at++;
        h->head[h->head_size++] = c;
        if (h->head_size == 5 && memcmp(h->head, "HTTP/", 5) != 0)
            return broken(h, "what answers there is no HTTP/1.1");
        bool ends = c == '\n' && ((h->head_size >= 2 && h->head[h->head_size - 2] == '\n') ||
                                  (h->head_size >= 4 && memcmp(h->head + h->head_size - 4, "\r\n\r\n", 4) == 0));
        if (!ends)
            continue;
        if (!read_head(h))
            return broken(h, "a head that cannot be read");
        h->head_size = 0;
        if (h->status < 200) /* an interim answer */
            continue;
        bool empty = h->status == 204 || h->status == 304;
        h->state = empty ? COMPLETE : h->chunked ? IN_SIZE : h->left == 0 ? COMPLETE : IN_BODY;
        h->keep_alive = h->keep_alive && (empty || h->chunked || h->left >= 0);
        h->left = h->chunked ? 0 : h->left;
        h->size_digits = 0;
        return HG_HTTP1_HEAD;
    }
    return HG_HTTP1_MORE;
}

static hg_http1_part take_body(hg_http1 *h, const char **body, size_t *size)
{
    size_t n = (size_t)(h->end - h->at);
    if (h->left >= 0 && (uint64_t)n > (uint64_t)h->left)
        n = (size_t)h->left;
    *body = h->at;
    *size = n;
    h->at += n;
    if (h->left >= 0 && (h->left -= (int64_t)n) == 0)
        h->state = h->chunked ? AFTER_CHUNK : COMPLETE;
    return HG_HTTP1_BODY;
}

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* One byte of what stands between chunks. */
static bool take_framing(hg_http1 *h)
{
    char c = *h->at++;
    int digit = hex(c);
    switch ((state)h->state) {
    case IN_SIZE:
        if (digit >= 0 && h->size_digits < SIZE_DIGITS_MAX) {
            h->left = h->left * 16 + digit;
            h->size_digits++;
            return true;
        }
        if (h->size_digits == 0 || digit >= 0 || !strchr("\r\n; \t", c))
            return false;
        h->state = c == '\n' ? h->left ? IN_CHUNK : IN_TRAILER : IN_SIZE_TAIL;
        h->head_size = 0;
        return true;
    case IN_SIZE_TAIL:
        if (c == '\n')
            h->state = h->left ? IN_CHUNK : IN_TRAILER;
        return true;
    case AFTER_CHUNK:
        if (c == '\n') {
            h->state = IN_SIZE;
            h->left = 0;
            h->size_digits = 0;
        }
        return c == '\n' || c == '\r';
    default: /* IN_TRAILER: lines up to an empty one; head_size counts the line's characters */
        if (c == '\n' && h->head_size == 0)
            h->state = COMPLETE;
        h->head_size = c == '\n' ? 0 : h->head_size + (c != '\r');
        return h->head_size < HG_HTTP1_HEAD_MAX;
    }
}

hg_http1_part hg_http1_next(hg_http1 *h, const char **body, size_t *size)
{
    for (;;) {
        if (h->state == COMPLETE)
            return HG_HTTP1_END;
        if (h->state == BROKEN)
            return HG_HTTP1_BAD;
        if (h->at == h->end)
            return HG_HTTP1_MORE;
        if (h->state == IN_HEAD)
            return take_head(h);
        if (h->state == IN_BODY || h->state == IN_CHUNK)
            return take_body(h, body, size);
        if (!take_framing(h))
            return broken(h, "chunks that cannot be read");
    }
}

bool hg_http1_closed(const hg_http1 *h)
{
    return h->state == COMPLETE || (h->state == IN_BODY && h->left < 0);
}

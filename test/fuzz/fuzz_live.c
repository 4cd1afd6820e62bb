/* What a server may send: any bytes, cut anywhere, give the same response, events and chunks as in one
 * piece, or one refusal; and what the chunk reader takes for an object, jansson does too. */
#include "live/delta.h"
#include "live/http1.h"
#include "live/sse.h"

#include <assert.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

typedef struct seen {
    uint64_t hash, events;
    bool bad, ended, cut;
    int status;
} seen;

static void take_events(hg_sse *sse, const char *bytes, size_t size, seen *out)
{
    const char *data;
    size_t n;
    hg_delta d;
    hg_sse_feed(sse, bytes, size);
    while (hg_sse_next(sse, &data, &n)) {
        out->events++;
        for (size_t i = 0; i < n; i++)
            out->hash = (out->hash ^ (unsigned char)data[i]) * 0x100000001b3u;
        if (hg_delta_read(data, n, &d)) {
            assert(!d.text.at || (d.text.at >= data && d.text.at + d.text.size <= data + n));
            assert(!d.error.at || (d.error.at >= data && d.error.at + d.error.size <= data + n));
            assert(d.output_tokens >= -1 && d.prompt_tokens >= -1);
        }
    }
}

/* piece: bytes a feed; 0: all at once. */
static seen read_all(const char *bytes, size_t size, size_t piece)
{
    static char head[HG_HTTP1_HEAD_MAX];
    seen out = { .hash = 1 };
    hg_http1 h;
    hg_sse sse = { 0 };
    const char *body;
    size_t n;
    hg_http1_begin(&h, head);
    for (size_t at = 0; at < size && !out.bad && !out.ended; at += piece ? piece : size) {
        size_t left = size - at;
        char *fed = malloc(piece && piece < left ? piece : left); /* so that a read beyond is seen */
        size_t fed_size = piece && piece < left ? piece : left;
        memcpy(fed, bytes + at, fed_size);
        hg_http1_feed(&h, fed, fed_size);
        for (bool more = false; !more && !out.bad && !out.ended;)
            switch (hg_http1_next(&h, &body, &n)) {
            case HG_HTTP1_MORE: more = true; break;
            case HG_HTTP1_HEAD: out.status = h.status; break;
            case HG_HTTP1_BODY: take_events(&sse, body, n, &out); break;
            case HG_HTTP1_END: out.ended = true; break;
            case HG_HTTP1_BAD: out.bad = true; assert(h.problem); break;
            }
        free(fed);
    }
    out.cut = hg_sse_is_cut(&sse);
    hg_sse_close(&sse);
    return out;
}

/* jansson refuses what is no UTF-8, escapes of lone surrogates and NUL, and numbers beyond its range:
 * what it takes, the reader must; the other way only where none of these can be. */
static void compare_json(const char *bytes, size_t size)
{
    hg_delta d;
    json_t *j = json_loadb(bytes, size, JSON_ALLOW_NUL, NULL);
    bool taken = hg_delta_read(bytes, size, &d);
    size_t deep = 0;
    for (size_t i = 0; i < size; i++)
        deep += bytes[i] == '[' || bytes[i] == '{';
    if (j && json_is_object(j) && deep < 60)
        assert(taken);
    bool plain = !memchr(bytes, '\\', size);
    for (size_t i = 0, digits = 0; i < size; i++) {
        digits = bytes[i] >= '0' && bytes[i] <= '9' ? digits + 1 : 0;
        plain = plain && (unsigned char)bytes[i] < 0x80 && bytes[i] != 'e' && bytes[i] != 'E' && digits < 18;
    }
    if (taken && plain && size < 300)
        assert(j && json_is_object(j));
    json_decref(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 2)
        return 0;
    const char *text = (const char *)bytes + 1;
    seen whole = read_all(text, size - 1, 0), parts = read_all(text, size - 1, 1 + bytes[0] % 61);
    assert(whole.bad == parts.bad && whole.status == parts.status && whole.ended == parts.ended);
    if (!whole.bad)
        assert(whole.hash == parts.hash && whole.events == parts.events && whole.cut == parts.cut);
    char *exact = malloc(size - 1);
    memcpy(exact, text, size - 1);
    compare_json(exact, size - 1);
    free(exact);
    return 0;
}

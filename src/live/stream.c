#include "live/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAID_MAX = 160 };

static void refuse(hg_stream *s, hg_fault fault, const char *why, const char *text, size_t size)
{
    int shown = (int)(size < 80 ? size : 80);
    snprintf(s->why, sizeof s->why, why, shown, text);
    s->x.refused = fault;
    s->x.refusal = s->why;
}

static bool add_gap(hg_stream *s, hg_gap gap)
{
    size_t n = s->record.chunks - 1;
    if (n == s->gap_capacity) {
        size_t more = n ? 2 * n : 256;
        hg_gap *bigger = realloc(s->gaps, more * sizeof *bigger);
        if (!bigger)
            return false;
        s->gaps = bigger;
        s->gap_capacity = more;
    }
    s->gaps[n] = gap;
    return true;
}

static void take_usage(hg_live_record *r, const hg_delta *c)
{
    r->prompt_tokens = c->prompt_tokens >= 0 ? c->prompt_tokens : r->prompt_tokens;
    r->output_tokens = c->output_tokens >= 0 ? c->output_tokens : r->output_tokens;
    r->cached_tokens = c->cached_tokens >= 0 ? c->cached_tokens : r->cached_tokens;
}

static void take_token(hg_stream *s, const hg_delta *c, int64_t before, int64_t at_ns)
{
    hg_live_record *r = &s->record;
    int64_t now_ns = at_ns - s->start_ns;
    int64_t tokens = before >= 0 && c->output_tokens > before ? c->output_tokens - before : 0;
    if (r->chunks == 0)
        r->first_ns = now_ns;
    else if (!add_gap(s, (hg_gap){ (float)((double)(now_ns - r->last_ns) * 1e-9), (int32_t)tokens }))
        refuse(s, HG_FAULT_CUT, "out of memory%.*s", "", 0);
    r->chunks++;
    r->last_ns = now_ns;
    if (s->keep_answer && c->text.size)
        hg_buf_add(&s->answer, c->text.at, c->text.size);
}

static void take_event(hg_stream *s, const char *data, size_t size, int64_t at_ns)
{
    hg_delta c;
    s->events++;
    if (s->event)
        s->event(s->event_ctx, data, size, at_ns);
    if (size == 6 && memcmp(data, "[DONE]", 6) == 0) {
        s->done = true;
        return;
    }
    if (s->done)
        return;
    if (!hg_delta_read(data, size, &c)) {
        refuse(s, HG_FAULT_GARBAGE, "an event is no JSON object: '%.*s'", data, size);
        return;
    }
    if (c.error.at) {
        refuse(s, HG_FAULT_SERVER, "%.*s", c.error.size ? c.error.at : data, c.error.size ? c.error.size : size);
        return;
    }
    int64_t before = s->record.output_tokens;
    take_usage(&s->record, &c);
    s->finished |= c.finished;
    if (c.token)
        take_token(s, &c, before, at_ns);
}

/* A server that names no type may still send events.  The type is known with the first piece. */
static bool is_stream(hg_stream *s)
{
    if (!s->is_stream)
        s->is_stream = s->x.status == 200 && (!*s->x.type || strcmp(s->x.type, "text/event-stream") == 0);
    return s->is_stream;
}

static void on_data(hg_exchange *x, const char *bytes, size_t size, int64_t at_ns)
{
    hg_stream *s = x->ctx;
    const char *data;
    size_t n;
    if (!is_stream(s)) {
        n = sizeof s->other - s->other_size;
        n = size < n ? size : n;
        memcpy(s->other + s->other_size, bytes, n);
        s->other_size += n;
        return;
    }
    hg_sse_feed(&s->sse, bytes, size);
    while (!x->refused && hg_sse_next(&s->sse, &data, &n))
        take_event(s, data, n, at_ns);
    if (s->sse.too_long && !x->refused)
        refuse(s, HG_FAULT_GARBAGE, "an event of more than 4 MB%.*s", "", 0);
}

/* What the server says of an error: its message where the body is the usual object. */
static void judge_status(hg_stream *s)
{
    hg_delta c;
    hg_piece say = { s->other, s->other_size };
    if (hg_delta_read(s->other, s->other_size, &c) && c.error.size)
        say = c.error;
    snprintf(s->why, sizeof s->why, "HTTP %d%s%.*s", s->x.status, say.size ? ": " : "",
             (int)(say.size < SAID_MAX ? say.size : SAID_MAX), say.at);
}

static hg_fault judge(hg_stream *s, hg_fault fault, const char *why)
{
    const hg_exchange *x = &s->x;
    if (s->done && (fault == HG_FAULT_CUT || fault == HG_FAULT_NONE))
        return s->record.chunks ? HG_FAULT_NONE : HG_FAULT_EMPTY;
    if (fault != HG_FAULT_NONE) {
        if (why != s->why)
            snprintf(s->why, sizeof s->why, "%s%s", why ? why : hg_fault_meanings[fault],
                     fault == HG_FAULT_CUT && hg_sse_is_cut(&s->sse) ? " in the middle of an event" : "");
        return fault;
    }
    if (x->status != 200)
        return judge_status(s), HG_FAULT_STATUS;
    if (!is_stream(s)) {
        snprintf(s->why, sizeof s->why, "the answer is %s, not an event stream: '%.*s'", x->type,
                 (int)(s->other_size < 80 ? s->other_size : 80), s->other);
        return HG_FAULT_GARBAGE;
    }
    if (hg_sse_is_cut(&s->sse)) {
        snprintf(s->why, sizeof s->why, "the answer ended in the middle of an event");
        return HG_FAULT_CUT;
    }
    if (!s->finished) {
        snprintf(s->why, sizeof s->why, "the answer ended without a finish reason and without [DONE]");
        return HG_FAULT_CUT;
    }
    return s->record.chunks ? HG_FAULT_NONE : HG_FAULT_EMPTY;
}

/* The length of the UTF-8 character at p, or 0. */
static size_t character(const unsigned char *p)
{
    size_t n = *p < 0x80 ? 1 : *p >= 0xc2 && *p < 0xe0 ? 2 : (*p & 0xf0) == 0xe0 ? 3 : *p >= 0xf0 && *p < 0xf5 ? 4 : 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    bool surrogate = n == 3 && p[0] == 0xed && p[1] >= 0xa0, overlong = (n == 3 && p[0] == 0xe0 && p[1] < 0xa0) ||
                                                                        (n == 4 && p[0] == 0xf0 && p[1] < 0x90);
    return surrogate || overlong || (n == 4 && p[0] == 0xf4 && p[1] >= 0x90) ? 0 : n;
}

/* One line of printable text: what a server says may be anything, and cut anywhere. */
static const char *keep_line(hg_arena *arena, const char *text)
{
    char *line = hg_strdup(arena, text);
    for (char *p = line; *p;) {
        size_t n = character((unsigned char *)p);
        if (n == 0 || (n == 1 && (*p < ' ' || *p == 0x7f)))
            *p = n ? ' ' : '?';
        p += n ? n : 1;
    }
    return line;
}

static void on_end(hg_exchange *x, hg_fault fault, const char *why, int64_t at_ns)
{
    hg_stream *s = x->ctx;
    hg_live_record *r = &s->record;
    r->fault = judge(s, fault, why);
    if (r->fault == HG_FAULT_EMPTY)
        snprintf(s->why, sizeof s->why, "%s", hg_fault_meanings[HG_FAULT_EMPTY]);
    hg_client_hide_key(s->client, s->why);
    r->said = r->fault != HG_FAULT_NONE ? keep_line(s->arena, s->why) : NULL;
    r->sent_ns = x->sent_ns ? x->sent_ns - s->start_ns : -1;
    r->end_ns = at_ns - s->start_ns;
    r->status = x->status;
    r->retried = x->retried;
    r->reads = x->reads;
    if (r->chunks > 1) {
        r->gaps = HG_NEW(s->arena, hg_gap, r->chunks - 1);
        memcpy(r->gaps, s->gaps, (r->chunks - 1) * sizeof *r->gaps);
    }
    s->ended(s, s->ctx);
}

void hg_stream_send(hg_stream *s, hg_client *c, const char *path)
{
    hg_live_record *r = &s->record;
    r->first_ns = r->last_ns = r->end_ns = r->sent_ns = -1;
    r->prompt_tokens = r->output_tokens = r->cached_tokens = -1;
    s->is_stream = s->done = s->finished = false;
    s->other_size = 0;
    s->why[0] = 0;
    s->answer.n = 0;
    s->client = c;
    hg_sse_reset(&s->sse);
    s->x = (hg_exchange){ .method = "POST", .path = path, .body = s->body.s, .body_size = s->body.n,
                          .ctx = s, .data = on_data, .end = on_end };
    hg_client_send(c, &s->x);
}

void hg_stream_close(hg_stream *s)
{
    hg_sse_close(&s->sse);
    free(s->gaps);
    s->gaps = NULL;
}

/* One request and its answer, from the body that is sent to the record that stays. */
#ifndef HG_LIVE_STREAM_H
#define HG_LIVE_STREAM_H

#include "live/delta.h"
#include "live/client.h"
#include "live/sse.h"

#include "base/text.h"

/* From one chunk that brings tokens to the next. */
typedef struct hg_gap {
    float s;
    int32_t tokens; /* the later chunk's, by a usage that came with it; 0: not said */
} hg_gap;

/* Times in nanoseconds from the run's begin; −1: it did not come to that. */
typedef struct hg_live_record {
    uint32_t chunks;              /* that brought tokens */
    uint32_t reads;               /* reads of the socket that brought them all */
    int64_t first_ns, last_ns;    /* receipt of the first and the last chunk that brought a token */
    int64_t prompt_tokens, output_tokens, cached_tokens; /* as the server counted; −1: not said */
    size_t number;                /* in the order of intended sending; request number % count of the workload */
    int64_t session;
    int32_t turn;                 /* from 0 */
    int64_t intended_ns, sent_ns; /* when it should have been sent, and when its first byte left */
    int64_t end_ns;               /* of the HTTP exchange */
    int32_t isl, osl;             /* asked for; isl: of this turn's new text and the history before it */
    int status;                   /* of HTTP; 0: no answer */
    hg_fault fault;
    bool retried;
    const char *said;             /* of a failed one: what the server or the system said; else NULL */
    hg_gap *gaps;                 /* chunks − 1 */
} hg_live_record;

typedef struct hg_stream hg_stream;
struct hg_stream {
    hg_exchange x;
    hg_sse sse;
    bool is_stream, done, finished, keep_answer;
    int64_t events;               /* of this stream's all requests */
    hg_gap *gaps;
    size_t gap_capacity;
    int64_t start_ns;             /* of the run, on the clock */
    void (*event)(void *ctx, const char *json, size_t size, int64_t at_ns); /* NULL: nobody looks on */
    void *event_ctx;
    hg_live_record record;
    void (*ended)(hg_stream *s, void *ctx);
    void *ctx;
    const hg_client *client;
    hg_arena *arena;              /* for what the record keeps */
    hg_buf body, text;            /* text: what this turn asks */
    hg_buf answer;                /* with keep_answer; its JSON escapes as they came */
    char other[2048];             /* the begin of a body that is no event stream */
    size_t other_size;
    char why[256];
    hg_stream *next;              /* of the free ones */
};

/* Sends s->body to the path; s->ended is called once, with the record filled. */
void hg_stream_send(hg_stream *s, hg_client *c, const char *path);
void hg_stream_close(hg_stream *s);

/* Tokens of the answer: by usage, by chunks where the server does not say. */
static inline int64_t hg_record_tokens(const hg_live_record *r)
{
    return r->output_tokens >= 0 ? r->output_tokens : (int64_t)r->chunks;
}

#endif

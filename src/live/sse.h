/* Server-sent events out of a byte stream cut anywhere (WHATWG HTML, 9.2.6): feed what came, then take
 * the events that are whole.  Lines end with \n or \r\n; a lone \r, which no server of this kind
 * sends, is part of its line.  Comments and fields other than `data` are passed over. */
#ifndef HG_LIVE_SSE_H
#define HG_LIVE_SSE_H

#include <stdbool.h>
#include <stddef.h>

enum { HG_SSE_MAX = 4 << 20 /* bytes of one event: beyond it the stream is none */ };

typedef struct hg_sse {
    char *kept;             /* the begin of an event that is not whole yet */
    size_t kept_size, kept_capacity;
    const char *at, *end;   /* what is left of the bytes fed */
    char *joined;           /* the data of an event with several data lines */
    size_t joined_capacity;
    bool too_long;          /* an event passed HG_SSE_MAX, or memory was refused: nothing more comes */
} hg_sse;

/* The bytes must stay until hg_sse_next has returned false. */
void hg_sse_feed(hg_sse *s, const char *bytes, size_t size);
/* The next event's data (not terminated), valid until the next call; false when no whole event is
 * left: what remains is kept for the next feed. */
bool hg_sse_next(hg_sse *s, const char **data, size_t *size);
/* Whether the stream ends in the middle of an event that holds data. */
bool hg_sse_is_cut(const hg_sse *s);
void hg_sse_reset(hg_sse *s); /* for another stream; memory is kept */
void hg_sse_close(hg_sse *s);

#endif

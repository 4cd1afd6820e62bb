/* An HTTP/1.1 response out of a byte stream cut anywhere (RFC 9112): feed what came, then take its
 * parts.  Bodies by length, by chunks, or up to the connection's end. */
#ifndef HG_LIVE_HTTP1_H
#define HG_LIVE_HTTP1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HG_HTTP1_HEAD_MAX = 32768, HG_HTTP_TYPE = 64 };

typedef enum hg_http1_part {
    HG_HTTP1_MORE, /* nothing whole is left: feed again */
    HG_HTTP1_HEAD, /* status and the fields below are known */
    HG_HTTP1_BODY, /* a piece of the body */
    HG_HTTP1_END,  /* the response is complete; bytes behind it belong to no request of ours */
    HG_HTTP1_BAD,  /* this is no HTTP: `problem` says what */
} hg_http1_part;

typedef struct hg_http1 {
    int status;
    bool keep_alive;         /* the connection may carry another request */
    /* Inside; what each event touches lies together: thousands of these take turns in the cache. */
    bool chunked;
    int state, size_digits;
    const char *at, *end;
    int64_t left;            /* of the body, or of its chunk; −1: up to the end of the connection */
    size_t head_size;
    char *head;              /* HG_HTTP1_HEAD_MAX bytes of the caller's */
    const char *problem;
    char type[HG_HTTP_TYPE]; /* content-type, in small letters, without parameters */
} hg_http1;

/* head: HG_HTTP1_HEAD_MAX bytes that live as long as the parser. */
void hg_http1_begin(hg_http1 *h, char *head);
void hg_http1_feed(hg_http1 *h, const char *bytes, size_t size);
hg_http1_part hg_http1_next(hg_http1 *h, const char **body, size_t *size);
/* The connection ended: true when that completes the response. */
bool hg_http1_closed(const hg_http1 *h);

#endif

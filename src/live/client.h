/* Many HTTP exchanges at once with one server, on one thread and one epoll: HTTP/1.1 with kept
 * connections, one exchange each, or HTTP/2 with as many as the server allows; plain or TLS.
 *
 * libcurl is not used here: it retries a reset of a kept connection by itself, uncounted, and does not
 * say when the bytes of a request left; and a stream of small events pays its bookkeeping each time. */
#ifndef HG_LIVE_CLIENT_H
#define HG_LIVE_CLIENT_H

#include "live/http1.h"
#include "live/url.h"

#include <stdint.h>

typedef enum hg_fault {
#define FAULT(name, word, meaning) HG_FAULT_##name,
#include "live/faults.def"
#undef FAULT
    HG_FAULTS
} hg_fault;

extern const char *const hg_fault_words[HG_FAULTS], *const hg_fault_meanings[HG_FAULTS];

typedef struct hg_exchange hg_exchange;
struct hg_exchange {
    /* The caller's, kept until `end`. */
    void *ctx;
    /* A piece of the body, as read at at_ns; status and type are known. */
    void (*data)(hg_exchange *x, const char *bytes, size_t size, int64_t at_ns);
    /* Once, and nothing afterwards; why is NULL or lives until it returns.  Neither may send. */
    void (*end)(hg_exchange *x, hg_fault fault, const char *why, int64_t at_ns);
    /* `data` may set both: the rest is not read, the exchange ends so. */
    hg_fault refused;
    /* To be read. */
    int status;
    int64_t heard_ns;          /* when the last byte came, before that when it was handed over */
    uint32_t reads;            /* reads of the socket that brought some of its body */
    bool heard;                /* a byte of the answer came */
    bool retried;              /* it was reset before any byte of its answer, and sent again */
    int64_t sent_ns;           /* when its first byte was given to the system; 0: not yet */
    char type[HG_HTTP_TYPE];   /* content-type without parameters */
    /* The caller's again. */
    const char *refusal;
    const char *method, *path, *body; /* body NULL: none */
    size_t body_size;
    /* The client's. */
    struct hg_conn *conn;
    hg_exchange *before, *after;
    size_t body_sent;
    int32_t stream;
};

typedef struct hg_client hg_client;

/* Resolves the host and raises this process's limit of open files as far as it goes.  key: sent as a
 * bearer token when not NULL, and shown nowhere.  While a client is open, its thread ignores SIGPIPE.
 * NULL with err set on failure. */
hg_client *hg_client_open(hg_arena *arena, const hg_url *url, const char *key, bool http2, hg_err *err);
void hg_client_drop(hg_client *c);  /* exchanges under way end as STOPPED */
void hg_client_close(hg_client *c); /* drops them too */

void hg_client_send(hg_client *c, hg_exchange *x);
void hg_client_cancel(hg_client *c, hg_exchange *x, hg_fault fault, const char *why);
/* Reads and writes until something happened or the time has come, but at most a tenth of a second. */
void hg_client_wait(hg_client *c, int64_t until_ns);
/* Ends exchanges that heard nothing for so long. */
void hg_client_expire(hg_client *c, int64_t timeout_ns);

/* Covers the key in what a server said, which may be its echo. */
void hg_client_hide_key(const hg_client *c, char *text);

int64_t hg_client_under_way(const hg_client *c);
int64_t hg_client_connections(const hg_client *c); /* opened so far */
const char *hg_client_protocol(const hg_client *c); /* "HTTP/1.1" or "HTTP/2", with " over TLS 1.3" */

#endif

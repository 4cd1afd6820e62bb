/* Inside the client: connections, and what HTTP/2 and TLS do for them. */
#ifndef HG_LIVE_CLIENT_PARTS_H
#define HG_LIVE_CLIENT_PARTS_H

#include "live/client.h"
#include "live/tls.h"

#include <netdb.h>
#include <signal.h>

enum { HG_CLIENT_READ = 1 << 16 /* bytes read at once */ };

typedef enum hg_conn_state { HG_CONN_OPENING, HG_CONN_HANDSHAKE, HG_CONN_OPEN, HG_CONN_CLOSED } hg_conn_state;

typedef struct hg_conn {
    hg_client *client;
    hg_exchange *exchanges;          /* HTTP/1.1: at most one */
    hg_tls *tls;                     /* NULL: plain */
    struct nghttp2_session *http2;   /* NULL: HTTP/1.1 */
    int fd;
    hg_conn_state state;
    bool idle;
    bool writing;                    /* epoll tells when it can be written to */
    hg_http1 http1;
    struct hg_conn *before, *after;  /* in the client's list of idle, of busy or of dead ones */
    int64_t read_ns;                 /* of the bytes being worked on */
    int64_t streams, streams_max;    /* of HTTP/2; max 0 until the server has said it */
    char *head;
    char *out;                       /* to be written: [out_at, out_size) */
    size_t out_at, out_size, out_capacity;
} hg_conn;

struct hg_client {
    hg_arena *arena;
    hg_url url;
    const char *key;
    bool http2;
    hg_tls_context *tls;
    struct addrinfo *addresses, *address; /* all, and the one in use */
    bool connected;                       /* some connection has come about */
    int epoll, timer;
    int64_t timer_ns;
    hg_exchange *waiting, *waiting_last;  /* without a connection, in order */
    hg_conn *idle, *busy, *dead;
    int64_t under_way, opened;
    char protocol[48];
    char *read;                           /* HG_CLIENT_READ bytes */
    sigset_t signals;                     /* blocked before SIGPIPE was, too */
};

/* Waits for a connection. */
void hg_client_queue(hg_client *c, hg_exchange *x);
void hg_client_fail_waiting(hg_client *c, hg_fault fault, const char *why);

/* Begins to connect; NULL with why set.  What is attached is sent once it is open. */
hg_conn *hg_conn_open(hg_client *c, const char **why);
/* Sends an attached exchange on an open connection. */
void hg_conn_start(hg_conn *k, hg_exchange *x);
/* What epoll saw. */
void hg_conn_event(hg_conn *k, uint32_t events);
void hg_conn_set_idle(hg_conn *k, bool idle);
void hg_conn_flush(hg_conn *k);
/* Its socket; the rest goes with hg_conn_free_dead, when nobody is inside it. */
void hg_conn_close(hg_conn *k);
void hg_conn_free_dead(hg_client *c);

/* Puts an exchange on a connection, or takes it off. */
void hg_conn_attach(hg_conn *k, hg_exchange *x);
void hg_conn_detach(hg_exchange *x);
/* Detaches and tells the caller. */
void hg_exchange_end(hg_exchange *x, hg_fault fault, const char *why);
/* The body's piece to the caller. */
void hg_exchange_data(hg_exchange *x, const char *bytes, size_t size, int64_t at_ns);
/* The connection is no more: its exchanges end so, or are sent again where that is allowed. */
void hg_conn_fail(hg_conn *k, hg_fault fault, const char *why);
bool hg_conn_write(hg_conn *k, const void *bytes, size_t size); /* queues; false: no memory */

bool hg_http2_begin(hg_conn *k);
void hg_http2_send(hg_conn *k, hg_exchange *x);
void hg_http2_read(hg_conn *k, const char *bytes, size_t size, int64_t at_ns);
void hg_http2_pump(hg_conn *k);        /* frames into the connection's output */
void hg_http2_drop(hg_conn *k, hg_exchange *x);
void hg_http2_end(hg_conn *k);

#endif

/* The fake server's transport: HTTP/1.1 or HTTP/2 (prior knowledge or ALPN), plain or TLS, on one
 * thread.  What is answered is openai.c's business. */
#ifndef FAKE_SERVE_H
#define FAKE_SERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct reply reply;
struct reply {
    struct peer *peer;       /* NULL: the client is gone */
    int32_t stream;          /* of HTTP/2 */
    char method[8], path[256], bearer[128];
    char *body;              /* the request's, terminated */
    size_t body_size;
    bool head_sent, ended, close_after;
    char *out;               /* of HTTP/2: not yet in frames */
    size_t out_size, out_capacity;
    void *ctx;               /* openai.c's */
    int32_t heap;            /* its place among those that wait for a time; -1: none */
    int64_t due_ns;
    reply *next;
};

typedef struct serve_options {
    int port;                /* 0: the kernel chooses */
    bool http2;
    const char *certificate; /* TLS: a certificate is made for localhost, signed by itself, and written here */
} serve_options;

/* A request is whole. */
void on_request(reply *r);
/* r->due_ns has come. */
void on_due(reply *r);
/* The client is gone, or the reply is complete: free ctx. */
void on_gone(reply *r);

void reply_head(reply *r, int status, const char *type);
void reply_data(reply *r, const char *bytes, size_t size);
void reply_end(reply *r);
void reply_cut(reply *r);    /* closes the connection now, with what was written */
void reply_reset(reply *r);  /* closes it with a reset */
void reply_at(reply *r, int64_t due_ns);
int64_t serve_now_ns(void);

/* Listens on the loopback, calls ready with the port, and serves until the process ends. */
int serve(const serve_options *o, void (*ready)(int port));

#endif

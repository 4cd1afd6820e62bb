/* The transport: HTTP/1.1 on the loopback, one thread, connections kept alive, answers whole or as
 * a stream of chunks.  One request of a connection is under way at a time; the next waits in its
 * buffer. */
#ifndef ENGINE_HTTP_H
#define ENGINE_HTTP_H

#include "base/err.h"
#include "http_parse.h"

typedef struct http_client {
    void *ctx; /* the request's, of whoever answers */
    int fd;
    bool busy; /* a request is being answered */
    bool keep_alive, continued, dead, gone_said;
    char *in, *out;
    size_t in_size, in_capacity, out_at, out_size, out_capacity;
    struct http_client *next;
} http_client;

/* A request is whole; body is terminated, and valid until the function returns. */
typedef void http_on_request(http_client *c, const http_request *r, const char *body);
/* The client left while its request was under way (c->ctx is still what it was). */
typedef void http_on_gone(http_client *c);

typedef struct http_server {
    int fd, port;
    size_t count;
    http_client *clients;
    http_on_request *on_request;
    http_on_gone *on_gone;
} http_server;

/* port 0: the kernel chooses; s->port says which. */
bool http_open(http_server *s, int port, hg_err *err);
/* Waits for events up to timeout_ms (-1: until one or a signal) and handles them.  SIGTERM and
 * SIGINT, which the caller blocks elsewhere, come through only here. */
void http_turn(http_server *s, int timeout_ms);
void http_close(http_server *s);

void http_reply(http_client *c, int status, const char *type, const char *body, size_t size);
void http_stream(http_client *c, const char *type);
void http_chunk(http_client *c, const char *text, size_t size);
void http_end(http_client *c);

#endif

/* An HTTP/1.x request out of the bytes that came so far (RFC 9112). */
#ifndef ENGINE_HTTP_PARSE_H
#define ENGINE_HTTP_PARSE_H

#include <stdbool.h>
#include <stddef.h>

enum { HTTP_HEAD_MAX = 16 << 10, HTTP_BODY_MAX = 16 << 20 };

typedef enum http_state { HTTP_MORE, HTTP_WHOLE, HTTP_BAD } http_state;

typedef struct http_request {
    char method[16], path[256]; /* the path without its query */
    bool keep_alive;
    bool expects; /* the head is whole and its sender waits for 100 Continue */
    size_t head_size, body_size;
    int status; /* of HTTP_BAD: what to answer before closing */
} http_request;

/* The body is in[head_size, head_size + body_size) once the state is HTTP_WHOLE. */
http_state http_parse(const char *in, size_t size, http_request *out);

#endif

/* TLS of a client: the server's certificate is verified against the system's authorities (or those of
 * SSL_CERT_FILE, SSL_CERT_DIR) and the host's name, always. */
#ifndef HG_LIVE_TLS_H
#define HG_LIVE_TLS_H

#include "base/err.h"

#include <stddef.h>
#include <sys/types.h>

typedef struct ssl_ctx_st hg_tls_context;
typedef struct ssl_st hg_tls;

hg_tls_context *hg_tls_open(bool http2, hg_err *err); /* NULL with err set */
void hg_tls_close(hg_tls_context *context);

/* A session over a socket that does not block; NULL: no memory. */
hg_tls *hg_tls_session(hg_tls_context *context, int fd, const char *host);
void hg_tls_end(hg_tls *tls);

typedef enum hg_tls_result { HG_TLS_DONE, HG_TLS_AGAIN, HG_TLS_ENDED, HG_TLS_FAILED } hg_tls_result;

hg_tls_result hg_tls_handshake(hg_tls *tls);
hg_tls_result hg_tls_read(hg_tls *tls, void *into, size_t size, size_t *got);
hg_tls_result hg_tls_write(hg_tls *tls, const void *bytes, size_t size, size_t *put);
/* Why the last call failed, in one line. */
const char *hg_tls_problem(hg_tls *tls, char *into, size_t size);
bool hg_tls_is_http2(hg_tls *tls);
const char *hg_tls_version(hg_tls *tls);

#endif

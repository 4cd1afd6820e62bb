#include "live/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

hg_tls_context *hg_tls_open(bool http2, hg_err *err)
{
    static const unsigned char h2[] = "\x02h2", h1[] = "\x08http/1.1";
    SSL_CTX *c = SSL_CTX_new(TLS_client_method());
    if (!c || !SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) || !SSL_CTX_set_default_verify_paths(c) ||
        SSL_CTX_set_alpn_protos(c, http2 ? h2 : h1, http2 ? sizeof h2 - 1 : sizeof h1 - 1) != 0) {
        SSL_CTX_free(c);
        return hg_fail(err, HG_WORLD, "TLS", "OpenSSL cannot be set up; are SSL_CERT_FILE and OPENSSL_CONF right?"), NULL;
    }
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return c;
}

void hg_tls_close(hg_tls_context *context)
{
    SSL_CTX_free(context);
}

static bool is_address(const char *host)
{
    unsigned char parsed[16];
    return inet_pton(AF_INET, host, parsed) == 1 || inet_pton(AF_INET6, host, parsed) == 1;
}

hg_tls *hg_tls_session(hg_tls_context *context, int fd, const char *host)
{
    SSL *s = SSL_new(context);
    bool ok = s && SSL_set_fd(s, fd);
    if (ok && is_address(host))
        ok = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(s), host);
    else if (ok)
        ok = SSL_set1_host(s, host) && SSL_set_tlsext_host_name(s, host);
    if (ok)
        return s;
    SSL_free(s);
    return NULL;
}

void hg_tls_end(hg_tls *tls)
{
    SSL_free(tls);
}

static hg_tls_result result_of(SSL *s, int got)
{
    if (got > 0)
        return HG_TLS_DONE;
    switch (SSL_get_error(s, got)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return HG_TLS_AGAIN;
    case SSL_ERROR_ZERO_RETURN: return HG_TLS_ENDED;
    default: return HG_TLS_FAILED;
    }
}

hg_tls_result hg_tls_handshake(hg_tls *tls)
{
    ERR_clear_error();
    return result_of(tls, SSL_connect(tls));
}

hg_tls_result hg_tls_read(hg_tls *tls, void *into, size_t size, size_t *got)
{
    ERR_clear_error();
    return result_of(tls, SSL_read_ex(tls, into, size, got));
}

hg_tls_result hg_tls_write(hg_tls *tls, const void *bytes, size_t size, size_t *put)
{
    ERR_clear_error();
    return result_of(tls, SSL_write_ex(tls, bytes, size, put));
}

const char *hg_tls_problem(hg_tls *tls, char *into, size_t size)
{
    long verdict = SSL_get_verify_result(tls);
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    if (verdict != X509_V_OK)
        snprintf(into, size, "the certificate is not trusted: %s", X509_verify_cert_error_string(verdict));
    else
        snprintf(into, size, "the TLS handshake failed: %s; is it an http:// server?", reason ? reason : "closed by the server");
    return into;
}

bool hg_tls_is_http2(hg_tls *tls)
{
    const unsigned char *name = NULL;
    unsigned size = 0;
    SSL_get0_alpn_selected(tls, &name, &size);
    return size == 2 && memcmp(name, "h2", 2) == 0;
}

const char *hg_tls_version(hg_tls *tls)
{
    return SSL_get_version(tls);
}

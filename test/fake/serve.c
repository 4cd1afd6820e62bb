#define _GNU_SOURCE
#include "serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

typedef struct peer {
    int fd;
    SSL *ssl;
    nghttp2_session *http2;
    bool dead, broken, writing, handshaking; /* broken: to be dropped when nobody is inside a reply of it */
    char *in, *out;
    size_t in_size, in_capacity, out_at, out_size, out_capacity;
    reply *replies; /* HTTP/1.1: at most one */
    struct peer *next_dead, *next_broken;
} peer;

static serve_options options;
static SSL_CTX *tls;
static int loop_fd, timer_fd;
static peer *dead, *broken;
static reply **heap;
static int32_t heap_size, heap_capacity;

int64_t serve_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void *grown(void *p, size_t size)
{
    p = realloc(p, size);
    if (!p)
        abort();
    return p;
}

static void append(char **buffer, size_t *used, size_t *capacity, const char *bytes, size_t size)
{
    if (*used + size + 1 > *capacity)
        *buffer = grown(*buffer, *capacity = 2 * (*used + size) + 512);
    memcpy(*buffer + *used, bytes, size);
    *used += size;
    (*buffer)[*used] = 0;
}

/* A heap of replies by due time. */

static void place(int32_t i, reply *r)
{
    heap[i] = r;
    r->heap = i;
}

static void sift(int32_t i)
{
    reply *r = heap[i];
    while (i > 0 && heap[(i - 1) / 2]->due_ns > r->due_ns) {
        place(i, heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    for (;;) {
        int32_t child = 2 * i + 1;
        if (child + 1 < heap_size && heap[child + 1]->due_ns < heap[child]->due_ns)
            child++;
        if (child >= heap_size || heap[child]->due_ns >= r->due_ns)
            break;
        place(i, heap[child]);
        i = child;
    }
    place(i, r);
}

static void heap_remove(reply *r)
{
    int32_t i = r->heap;
    if (i < 0)
        return;
    r->heap = -1;
    reply *last = heap[--heap_size];
    if (last != r) {
        place(i, last);
        sift(i);
    }
}

void reply_at(reply *r, int64_t due_ns)
{
    r->due_ns = due_ns;
    if (r->heap < 0) {
        if (heap_size == heap_capacity)
            heap = grown(heap, (size_t)(heap_capacity = 2 * heap_capacity + 64) * sizeof *heap);
        place(heap_size, r);
        heap_size++;
    }
    sift(r->heap);
}

/* Writing. */

static void want_write(peer *p, bool on)
{
    struct epoll_event e = { .events = EPOLLIN | (on ? EPOLLOUT : 0), .data.ptr = p };
    if (p->writing != on)
        epoll_ctl(loop_fd, EPOLL_CTL_MOD, p->fd, &e);
    p->writing = on;
}

static void drop(peer *p);

static void give_up(peer *p)
{
    p->broken = true;
    p->next_broken = broken;
    broken = p;
}

static void flush(peer *p)
{
    while (!p->dead && !p->broken && p->out_at < p->out_size) {
        ssize_t n;
        if (p->ssl) {
            n = SSL_write(p->ssl, p->out + p->out_at, (int)(p->out_size - p->out_at));
            if (n <= 0 && SSL_get_error(p->ssl, (int)n) == SSL_ERROR_WANT_WRITE)
                n = 0;
        } else {
            n = send(p->fd, p->out + p->out_at, p->out_size - p->out_at, MSG_NOSIGNAL);
            if (n < 0 && (errno == EAGAIN || errno == EINTR))
                n = 0;
        }
        if (n < 0) {
            give_up(p);
            return;
        }
        if (n == 0) {
            want_write(p, true);
            return;
        }
        p->out_at += (size_t)n;
    }
    p->out_at = p->out_size = 0;
    if (!p->dead && !p->broken)
        want_write(p, false);
}

static void pump(peer *p)
{
    const uint8_t *frames;
    ssize_t n;
    while (p->http2 && !p->dead && (n = nghttp2_session_mem_send(p->http2, &frames)) > 0)
        append(&p->out, &p->out_size, &p->out_capacity, (const char *)frames, (size_t)n);
    flush(p);
}

/* Replies. */

static void forget(reply *r)
{
    heap_remove(r);
    on_gone(r);
    for (reply **at = &r->peer->replies; *at; at = &(*at)->next)
        if (*at == r) {
            *at = r->next;
            break;
        }
    free(r->body);
    free(r->out);
    free(r);
}

static void drop(peer *p)
{
    if (p->dead)
        return;
    p->dead = true;
    while (p->replies)
        forget(p->replies);
    if (p->ssl)
        SSL_free(p->ssl);
    close(p->fd);
    p->next_dead = dead;
    dead = p;
}

static ssize_t give_body(nghttp2_session *session, int32_t stream, uint8_t *into, size_t size, uint32_t *flags,
                         nghttp2_data_source *source, void *user)
{
    reply *r = nghttp2_session_get_stream_user_data(session, stream);
    (void)source, (void)user;
    if (!r)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    size_t n = r->out_size < size ? r->out_size : size;
    memcpy(into, r->out, n);
    memmove(r->out, r->out + n, r->out_size - n);
    r->out_size -= n;
    if (r->ended && r->out_size == 0)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    else if (n == 0)
        return NGHTTP2_ERR_DEFERRED;
    return (ssize_t)n;
}

void reply_head(reply *r, int status, const char *type)
{
    char head[256];
    peer *p = r->peer;
    r->head_sent = true;
    if (p->http2) {
        char code[8];
        snprintf(code, sizeof code, "%d", status);
        nghttp2_nv fields[] = { { (uint8_t *)":status", (uint8_t *)code, 7, strlen(code), NGHTTP2_NV_FLAG_NONE },
                                { (uint8_t *)"content-type", (uint8_t *)type, 12, strlen(type), NGHTTP2_NV_FLAG_NONE } };
        nghttp2_data_provider body = { .read_callback = give_body };
        append(&r->out, &r->out_size, &r->out_capacity, "", 0);
        nghttp2_submit_response(p->http2, r->stream, fields, 2, &body);
        return;
    }
    int n = snprintf(head, sizeof head, "HTTP/1.1 %d Said\r\nContent-Type: %s\r\n%s\r\n\r\n", status, type,
                     r->close_after ? "Connection: close" : "Transfer-Encoding: chunked");
    append(&p->out, &p->out_size, &p->out_capacity, head, (size_t)n);
}

void reply_data(reply *r, const char *bytes, size_t size)
{
    peer *p = r->peer;
    if (size == 0)
        return; /* an empty chunk would be the last */
    if (p->http2) {
        append(&r->out, &r->out_size, &r->out_capacity, bytes, size);
        nghttp2_session_resume_data(p->http2, r->stream);
        pump(p);
        return;
    }
    char length[24];
    int n = snprintf(length, sizeof length, "%zx\r\n", size);
    if (!r->close_after)
        append(&p->out, &p->out_size, &p->out_capacity, length, (size_t)n);
    append(&p->out, &p->out_size, &p->out_capacity, bytes, size);
    if (!r->close_after)
        append(&p->out, &p->out_size, &p->out_capacity, "\r\n", 2);
    flush(p);
}

static void next_request(peer *p);

void reply_end(reply *r)
{
    peer *p = r->peer;
    r->ended = true;
    heap_remove(r);
    if (p->http2) {
        nghttp2_session_resume_data(p->http2, r->stream);
        pump(p);
        return; /* forgotten when the stream closes */
    }
    bool close_after = r->close_after;
    if (!close_after)
        append(&p->out, &p->out_size, &p->out_capacity, "0\r\n\r\n", 5);
    forget(r);
    flush(p);
    if (close_after && !p->dead)
        drop(p);
}

void reply_cut(reply *r)
{
    pump(r->peer);
    drop(r->peer);
}

void reply_reset(reply *r)
{
    struct linger now = { 1, 0 };
    setsockopt(r->peer->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    drop(r->peer);
}

/* Reading. */

static reply *new_reply(peer *p)
{
    reply *r = calloc(1, sizeof *r);
    if (!r)
        abort();
    r->peer = p;
    r->heap = -1;
    r->next = p->replies;
    p->replies = r;
    return r;
}

static const char *find_field(const char *head, const char *end, const char *name)
{
    size_t n = strlen(name);
    for (const char *line = head; line && line < end; line = memmem(line, (size_t)(end - line), "\r\n", 2), line = line ? line + 2 : NULL)
        if (strncasecmp(line, name, n) == 0 && line[n] == ':')
            return line + n + 1 + strspn(line + n + 1, " ");
    return NULL;
}

static void next_request(peer *p)
{
    char *end = p->replies ? NULL : memmem(p->in, p->in_size, "\r\n\r\n", 4);
    if (!end)
        return;
    const char *length = find_field(p->in, end, "content-length"), *bearer = find_field(p->in, end, "authorization");
    size_t body = length ? (size_t)strtoul(length, NULL, 10) : 0, head = (size_t)(end + 4 - p->in);
    if (p->in_size < head + body)
        return;
    reply *r = new_reply(p);
    sscanf(p->in, "%7s %255s", r->method, r->path);
    if (bearer)
        sscanf(bearer, "Bearer %127s", r->bearer);
    r->body = grown(NULL, body + 1);
    memcpy(r->body, p->in + head, body);
    r->body[body] = 0;
    r->body_size = body;
    memmove(p->in, p->in + head + body, p->in_size - head - body);
    p->in_size -= head + body;
    on_request(r);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    reply *r = new_reply(user);
    r->stream = frame->hd.stream_id;
    return nghttp2_session_set_stream_user_data(session, r->stream, r);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_size,
                     const uint8_t *value, size_t value_size, uint8_t flags, void *user)
{
    reply *r = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    (void)flags, (void)user, (void)value_size;
    if (!r)
        return 0;
    if (name_size == 5 && memcmp(name, ":path", 5) == 0)
        snprintf(r->path, sizeof r->path, "%s", (const char *)value);
    if (name_size == 7 && memcmp(name, ":method", 7) == 0)
        snprintf(r->method, sizeof r->method, "%s", (const char *)value);
    if (name_size == 13 && memcmp(name, "authorization", 13) == 0)
        sscanf((const char *)value, "Bearer %127s", r->bearer);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data, size_t size, void *user)
{
    reply *r = nghttp2_session_get_stream_user_data(session, stream);
    (void)flags, (void)user;
    if (!r)
        return 0;
    size_t capacity = 0;
    append(&r->body, &r->body_size, &capacity, (const char *)data, size);
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    (void)user;
    if ((frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        return 0;
    reply *r = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (r)
        reply_at(r, 0); /* not from inside a callback */
    return 0;
}

static int on_close(nghttp2_session *session, int32_t stream, uint32_t code, void *user)
{
    reply *r = nghttp2_session_get_stream_user_data(session, stream);
    (void)code, (void)user;
    nghttp2_session_set_stream_user_data(session, stream, NULL);
    if (r)
        forget(r);
    return 0;
}

static void begin_http2(peer *p)
{
    nghttp2_session_callbacks *calls;
    nghttp2_settings_entry settings[] = { { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 64 },
                                          { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20 } };
    nghttp2_session_callbacks_new(&calls);
    nghttp2_session_callbacks_set_on_begin_headers_callback(calls, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(calls, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(calls, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, on_close);
    nghttp2_session_server_new(&p->http2, calls, p);
    nghttp2_session_callbacks_del(calls);
    nghttp2_submit_settings(p->http2, NGHTTP2_FLAG_NONE, settings, 2);
    pump(p);
}

static void take(peer *p, const char *bytes, size_t size)
{
    if (!p->http2) {
        append(&p->in, &p->in_size, &p->in_capacity, bytes, size);
        if (p->in[0] < 'A' || p->in[0] > 'Z') /* no method: TLS, say */
            drop(p);
        else
            next_request(p);
    } else if (nghttp2_session_mem_recv(p->http2, (const uint8_t *)bytes, size) < 0) {
        drop(p);
    } else {
        pump(p);
    }
}

static void readable(peer *p)
{
    static char chunk[1 << 16];
    while (!p->dead) {
        ssize_t n = p->ssl ? SSL_read(p->ssl, chunk, sizeof chunk) : recv(p->fd, chunk, sizeof chunk, 0);
        if (n <= 0) {
            bool later = p->ssl ? SSL_get_error(p->ssl, (int)n) == SSL_ERROR_WANT_READ : n < 0 && (errno == EAGAIN || errno == EINTR);
            if (!later)
                drop(p);
            return;
        }
        take(p, chunk, (size_t)n);
    }
}

static void handshake(peer *p)
{
    int got = SSL_accept(p->ssl);
    if (got == 1) {
        p->handshaking = false;
        if (options.http2)
            begin_http2(p);
    } else if (SSL_get_error(p->ssl, got) != SSL_ERROR_WANT_READ && SSL_get_error(p->ssl, got) != SSL_ERROR_WANT_WRITE) {
        drop(p);
    }
}

static void accept_all(int listener)
{
    int fd, yes = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        peer *p = calloc(1, sizeof *p);
        if (!p)
            abort();
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        p->fd = fd;
        append(&p->in, &p->in_size, &p->in_capacity, "", 0);
        struct epoll_event e = { .events = EPOLLIN, .data.ptr = p };
        epoll_ctl(loop_fd, EPOLL_CTL_ADD, fd, &e);
        if (tls) {
            p->ssl = SSL_new(tls);
            SSL_set_fd(p->ssl, fd);
            p->handshaking = true;
        } else if (options.http2) {
            begin_http2(p);
        }
    }
}

/* Those whose time has come; the timer is set for the next. */
static void serve_due(void)
{
    int64_t now_ns = serve_now_ns();
    while (heap_size && heap[0]->due_ns <= now_ns) {
        reply *r = heap[0];
        bool fresh = r->due_ns == 0;
        heap_remove(r);
        if (fresh)
            on_request(r);
        else
            on_due(r);
    }
    struct itimerspec at = { .it_value = { 0, 0 } };
    if (heap_size)
        at.it_value = (struct timespec){ heap[0]->due_ns / 1000000000, heap[0]->due_ns % 1000000000 };
    timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

static void free_dead(void)
{
    for (peer *p; (p = broken); drop(p))
        broken = p->next_broken;
    for (peer *p; (p = dead);) {
        dead = p->next_dead;
        if (p->http2)
            nghttp2_session_del(p->http2);
        free(p->in);
        free(p->out);
        free(p);
    }
}

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *size, const unsigned char *in, unsigned in_size, void *arg)
{
    (void)ssl, (void)arg;
    const char *want = options.http2 ? "\x02h2" : "\x08http/1.1";
    return SSL_select_next_proto((unsigned char **)out, size, (const unsigned char *)want, (unsigned)strlen(want), in, in_size) ==
                   OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

static X509 *make_certificate(EVP_PKEY *key)
{
    enum { DAY_S = 86400 };
    X509 *x = X509_new();
    X509_NAME *name = X509_get_subject_name(x);
    X509V3_CTX context;
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -DAY_S);
    X509_gmtime_adj(X509_getm_notAfter(x), DAY_S);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
    X509_set_issuer_name(x, name);
    X509_set_pubkey(x, key);
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, x, x, NULL, NULL, 0);
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, &context, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
    X509_add_ext(x, names, -1);
    X509_EXTENSION_free(names);
    return X509_sign(x, key, EVP_sha256()) ? x : NULL;
}

static bool open_tls(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = key ? make_certificate(key) : NULL;
    FILE *f = certificate ? fopen(options.certificate, "w") : NULL;
    bool ok = f && PEM_write_X509(f, certificate);
    ok = f && fclose(f) == 0 && ok;
    tls = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_alpn_select_cb(tls, choose_protocol, NULL);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return ok && SSL_CTX_use_certificate(tls, certificate) == 1 && SSL_CTX_use_PrivateKey(tls, key) == 1;
}

static int listen_on_loopback(int *port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)options.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof at;
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 4096) != 0 || getsockname(fd, (struct sockaddr *)&at, &size) != 0)
        return -1;
    *port = ntohs(at.sin_port);
    return fd;
}

int serve(const serve_options *o, void (*ready)(int port))
{
    struct epoll_event events[512], e = { .events = EPOLLIN, .data.ptr = &options };
    options = *o;
    signal(SIGPIPE, SIG_IGN);
    int port, listener = listen_on_loopback(&port);
    if (listener < 0) {
        fprintf(stderr, "heng-fake: port %d: %s\n", o->port, strerror(errno));
        return 1;
    }
    if (o->certificate && !open_tls()) {
        fprintf(stderr, "heng-fake: %s cannot be written\n", o->certificate);
        return 1;
    }
    loop_fd = epoll_create1(EPOLL_CLOEXEC);
    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    epoll_ctl(loop_fd, EPOLL_CTL_ADD, listener, &e);
    e.data.ptr = &timer_fd;
    epoll_ctl(loop_fd, EPOLL_CTL_ADD, timer_fd, &e);
    ready(port);
    for (;;) {
        int n = epoll_wait(loop_fd, events, 512, -1);
        for (int i = 0; i < n; i++) {
            peer *p = events[i].data.ptr;
            uint64_t ticks;
            if (events[i].data.ptr == &options)
                accept_all(listener);
            else if (events[i].data.ptr == &timer_fd)
                (void)!read(timer_fd, &ticks, sizeof ticks);
            else if (!p->dead && p->handshaking)
                handshake(p);
            else if (!p->dead && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
                readable(p);
            if (events[i].data.ptr != &options && events[i].data.ptr != &timer_fd && !p->dead && (events[i].events & EPOLLOUT))
                flush(p);
        }
        serve_due();
        free_dead();
    }
}

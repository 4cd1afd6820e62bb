#define _GNU_SOURCE /* SOCK_NONBLOCK */
#include "live/client_parts.h"

#include "live/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { KEY_MAX = 1000 };

static void list_add(hg_conn **list, hg_conn *k)
{
    k->before = NULL;
    k->after = *list;
    if (*list)
        (*list)->before = k;
    *list = k;
}

static void list_remove(hg_conn **list, hg_conn *k)
{
    if (k->after)
        k->after->before = k->before;
    if (k->before)
        k->before->after = k->after;
    else
        *list = k->after;
}

void hg_conn_set_idle(hg_conn *k, bool idle)
{
    hg_client *c = k->client;
    list_remove(k->idle ? &c->idle : &c->busy, k);
    k->idle = idle;
    list_add(idle ? &c->idle : &c->busy, k);
}

void hg_conn_attach(hg_conn *k, hg_exchange *x)
{
    x->conn = k;
    x->before = NULL;
    x->after = k->exchanges;
    if (k->exchanges)
        k->exchanges->before = x;
    k->exchanges = x;
    k->streams++;
}

void hg_conn_detach(hg_exchange *x)
{
    hg_conn *k = x->conn;
    if (x->after)
        x->after->before = x->before;
    if (x->before)
        x->before->after = x->after;
    else
        k->exchanges = x->after;
    k->streams--;
    x->conn = NULL;
}

void hg_conn_close(hg_conn *k)
{
    hg_client *c = k->client;
    if (k->state == HG_CONN_CLOSED)
        return;
    k->state = HG_CONN_CLOSED;
    if (k->tls)
        hg_tls_end(k->tls);
    k->tls = NULL;
    close(k->fd);
    list_remove(k->idle ? &c->idle : &c->busy, k);
    list_add(&c->dead, k);
}

void hg_conn_fail(hg_conn *k, hg_fault fault, const char *why)
{
    hg_client *c = k->client;
    bool opening = k->state == HG_CONN_OPENING || k->state == HG_CONN_HANDSHAKE || (c->http2 && k->streams_max == 0);
    hg_conn_close(k);
    for (hg_exchange *x; (x = k->exchanges);)
        hg_exchange_end(x, opening || fault == HG_FAULT_GARBAGE ? fault : x->heard ? HG_FAULT_CUT : HG_FAULT_RESET, why);
    if (opening && c->http2)
        hg_client_fail_waiting(c, fault, why);
}

void hg_conn_free_dead(hg_client *c)
{
    for (hg_conn *k; (k = c->dead);) {
        list_remove(&c->dead, k);
        if (k->http2)
            hg_http2_end(k);
        free(k->out);
        free(k->head);
        free(k);
    }
}

static void want_write(hg_conn *k, bool on)
{
    if (k->writing == on)
        return;
    struct epoll_event e = { .events = EPOLLIN | (on ? EPOLLOUT : 0), .data.ptr = k };
    epoll_ctl(k->client->epoll, EPOLL_CTL_MOD, k->fd, &e);
    k->writing = on;
}

bool hg_conn_write(hg_conn *k, const void *bytes, size_t size)
{
    if (k->out_size + size > k->out_capacity) {
        size_t more = 2 * (k->out_size + size) + 1024;
        char *bigger = realloc(k->out, more);
        if (!bigger)
            return false;
        k->out = bigger;
        k->out_capacity = more;
    }
    memcpy(k->out + k->out_size, bytes, size);
    k->out_size += size;
    return true;
}

/* Bytes written; 0: later; −1: the connection is broken. */
static ssize_t write_some(hg_conn *k, const char *bytes, size_t size)
{
    if (!k->tls) {
        ssize_t n = send(k->fd, bytes, size, MSG_NOSIGNAL);
        return n >= 0 ? n : errno == EAGAIN || errno == EINTR ? 0 : -1;
    }
    size_t put = 0;
    hg_tls_result r = hg_tls_write(k->tls, bytes, size, &put);
    return r == HG_TLS_DONE ? (ssize_t)put : r == HG_TLS_AGAIN ? 0 : -1;
}

/* A failed write is no end yet: an answer (413, say) may lie there to be read. */
void hg_conn_flush(hg_conn *k)
{
    while (k->state == HG_CONN_OPEN && k->out_at < k->out_size) {
        ssize_t n = write_some(k, k->out + k->out_at, k->out_size - k->out_at);
        if (n == 0) {
            want_write(k, true);
            return;
        }
        k->out_at = n < 0 ? k->out_size : k->out_at + (size_t)n;
    }
    k->out_at = k->out_size = 0;
    if (k->state == HG_CONN_OPEN)
        want_write(k, false);
}

static void send_http1(hg_conn *k, hg_exchange *x)
{
    const hg_client *c = k->client;
    char head[2048 + KEY_MAX];
    int n = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: heng/%s\r\nAccept: */*\r\n%s%s%s",
                     x->method, x->path, c->url.authority, HENG_VERSION, c->key ? "Authorization: Bearer " : "",
                     c->key ? c->key : "", c->key ? "\r\n" : "");
    if (x->body && n > 0 && n < (int)sizeof head)
        n += snprintf(head + n, sizeof head - (size_t)n, "Content-Type: application/json\r\nContent-Length: %zu\r\n", x->body_size);
    if (n < 0 || n + 2 > (int)sizeof head || !hg_conn_write(k, head, (size_t)n) || !hg_conn_write(k, "\r\n", 2) ||
        (x->body && !hg_conn_write(k, x->body, x->body_size))) {
        hg_conn_fail(k, HG_FAULT_CUT, "the request does not fit");
        return;
    }
    hg_http1_begin(&k->http1, k->head);
    x->sent_ns = x->sent_ns ? x->sent_ns : hg_clock_ns();
    hg_conn_flush(k);
}

void hg_conn_start(hg_conn *k, hg_exchange *x)
{
    x->status = 0;
    x->type[0] = 0;
    x->heard = false;
    x->heard_ns = hg_clock_ns();
    if (k->http2)
        hg_http2_send(k, x);
    else
        send_http1(k, x);
}

static int open_socket(hg_client *c, const char **why)
{
    const struct addrinfo *a = c->address;
    int yes = 1, fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        *why = errno == EMFILE ? "too many open files; raise 'ulimit -n' or lower the load" : strerror(errno);
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(fd, a->ai_addr, a->ai_addrlen) == 0 || errno == EINPROGRESS)
        return fd;
    *why = strerror(errno);
    close(fd);
    return -1;
}

hg_conn *hg_conn_open(hg_client *c, const char **why)
{
    hg_conn *k = calloc(1, sizeof *k);
    char *head = c->http2 ? NULL : malloc(HG_HTTP1_HEAD_MAX);
    *why = "out of memory";
    int fd = k && (head || c->http2) ? open_socket(c, why) : -1;
    if (fd < 0) {
        free(head);
        free(k);
        return NULL;
    }
    *k = (hg_conn){ .client = c, .fd = fd, .head = head, .writing = true };
    struct epoll_event e = { .events = EPOLLIN | EPOLLOUT, .data.ptr = k };
    epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &e);
    list_add(&c->busy, k);
    return k;
}

static void ready(hg_conn *k)
{
    hg_client *c = k->client;
    k->state = HG_CONN_OPEN;
    c->connected = true;
    c->opened++;
    want_write(k, false);
    snprintf(c->protocol, sizeof c->protocol, "HTTP/%s%s%s", c->http2 ? "2" : "1.1", k->tls ? " over " : "",
             k->tls ? hg_tls_version(k->tls) : "");
    if (c->http2 && !hg_http2_begin(k))
        hg_conn_fail(k, HG_FAULT_CUT, "out of memory");
    else if (c->http2)
        hg_http2_pump(k);
    else if (k->exchanges)
        hg_conn_start(k, k->exchanges);
    hg_conn_flush(k);
}

static void handshake(hg_conn *k)
{
    char why[200];
    hg_tls_result r = hg_tls_handshake(k->tls);
    if (r == HG_TLS_AGAIN) {
        want_write(k, false);
        return;
    }
    if (r != HG_TLS_DONE)
        hg_conn_fail(k, HG_FAULT_TLS, hg_tls_problem(k->tls, why, sizeof why));
    else if (k->client->http2 && !hg_tls_is_http2(k->tls))
        hg_conn_fail(k, HG_FAULT_TLS, "the server offers no HTTP/2; leave out --http2");
    else
        ready(k);
}

/* A host may have several addresses of which the server listens on one. */
static bool try_next_address(hg_conn *k)
{
    hg_client *c = k->client;
    if (c->connected || !c->address->ai_next)
        return false;
    c->address = c->address->ai_next;
    while (k->exchanges) {
        hg_exchange *x = k->exchanges;
        hg_conn_detach(x);
        hg_client_queue(c, x);
    }
    hg_conn_close(k);
    return true;
}

static void connected(hg_conn *k)
{
    int problem = 0;
    socklen_t size = sizeof problem;
    hg_client *c = k->client;
    getsockopt(k->fd, SOL_SOCKET, SO_ERROR, &problem, &size);
    if (problem) {
        if (!try_next_address(k))
            hg_conn_fail(k, HG_FAULT_CONNECT, strerror(problem));
        return;
    }
    if (!c->tls) {
        ready(k);
        return;
    }
    k->state = HG_CONN_HANDSHAKE;
    k->tls = hg_tls_session(c->tls, k->fd, c->url.host);
    if (k->tls)
        handshake(k);
    else
        hg_conn_fail(k, HG_FAULT_TLS, "no session could be made");
}

/* Bytes read; 0: later; −1: the end, with `why`. */
static ssize_t read_some(hg_conn *k, const char **why)
{
    char *into = k->client->read;
    if (!k->tls) {
        ssize_t n = recv(k->fd, into, HG_CLIENT_READ, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        *why = n == 0 ? "the server closed the connection" : n < 0 ? strerror(errno) : NULL;
        return n > 0 ? n : -1;
    }
    size_t got = 0;
    hg_tls_result r = hg_tls_read(k->tls, into, HG_CLIENT_READ, &got);
    *why = r == HG_TLS_ENDED ? "the server closed the connection" : "the connection broke";
    return r == HG_TLS_DONE ? (ssize_t)got : r == HG_TLS_AGAIN ? 0 : -1;
}

static void take_head(hg_conn *k, hg_exchange *x)
{
    x->status = k->http1.status;
    memcpy(x->type, k->http1.type, sizeof x->type);
}

/* The exchange is over: the connection goes back to the idle ones, or away. */
static void release(hg_conn *k, bool keep)
{
    if (keep && k->http1.keep_alive && k->out_size == 0)
        hg_conn_set_idle(k, true);
    else
        hg_conn_close(k);
}

static void read_http1(hg_conn *k, size_t size, int64_t at_ns)
{
    hg_exchange *x = k->exchanges;
    const char *body;
    size_t n;
    if (!x) { /* bytes that answer nothing */
        hg_conn_close(k);
        return;
    }
    x->heard = true;
    x->heard_ns = at_ns;
    bool some = false;
    hg_http1_feed(&k->http1, k->client->read, size);
    for (;;) {
        hg_http1_part part = hg_http1_next(&k->http1, &body, &n);
        switch (part) {
        case HG_HTTP1_HEAD: take_head(k, x); break;
        case HG_HTTP1_BODY:
            x->reads += !some;
            some = true;
            hg_exchange_data(x, body, n, at_ns);
            if (x->refused) {
                hg_conn_close(k);
                hg_exchange_end(x, x->refused, x->refusal);
                return;
            }
            break;
        case HG_HTTP1_MORE: return;
        case HG_HTTP1_END:
            release(k, true);
            hg_exchange_end(x, HG_FAULT_NONE, NULL);
            return;
        case HG_HTTP1_BAD: hg_conn_fail(k, HG_FAULT_GARBAGE, k->http1.problem); return;
        }
    }
}

static void closed(hg_conn *k, const char *why)
{
    hg_exchange *x = k->exchanges;
    bool ends = !k->http2 && x && x->heard && hg_http1_closed(&k->http1);
    if (!ends) {
        hg_conn_fail(k, HG_FAULT_CUT, why);
        return;
    }
    hg_conn_close(k);
    hg_exchange_end(x, HG_FAULT_NONE, NULL);
}

static void readable(hg_conn *k)
{
    const char *why = NULL;
    while (k->state == HG_CONN_OPEN) {
        ssize_t n = read_some(k, &why);
        if (n < 0)
            closed(k, why);
        if (n <= 0)
            return;
        int64_t at_ns = hg_clock_ns();
        if (k->http2)
            hg_http2_read(k, k->client->read, (size_t)n, at_ns);
        else
            read_http1(k, (size_t)n, at_ns);
        if (!k->tls && n < HG_CLIENT_READ)
            return;
    }
}

void hg_conn_event(hg_conn *k, uint32_t events)
{
    if (k->state == HG_CONN_OPENING)
        connected(k);
    else if (k->state == HG_CONN_HANDSHAKE)
        handshake(k);
    else if (k->state == HG_CONN_OPEN && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        readable(k);
    if (k->state == HG_CONN_OPEN && (events & EPOLLOUT))
        hg_conn_flush(k);
    if (k->state == HG_CONN_OPEN && k->http2 && k->out_size)
        hg_conn_flush(k);
}


#define _GNU_SOURCE /* accept4's kin: SOCK_NONBLOCK */
#include "live/client_parts.h"

#include "base/text.h"
#include "live/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { EVENTS = 512, READ_SIZE = 1 << 16, KEY_MAX = 1000, LONGEST_WAIT_MS = 100 };

const char *const hg_fault_words[HG_FAULTS] = {
#define FAULT(name, word, meaning) word,
#include "live/faults.def"
#undef FAULT
};
const char *const hg_fault_meanings[HG_FAULTS] = {
#define FAULT(name, word, meaning) meaning,
#include "live/faults.def"
#undef FAULT
};

/* Lists of connections. */

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

static void set_idle(hg_conn *k, bool idle)
{
    hg_client *c = k->client;
    list_remove(k->idle ? &c->idle : &c->busy, k);
    k->idle = idle;
    list_add(idle ? &c->idle : &c->busy, k);
}

/* Exchanges. */

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

static void queue(hg_client *c, hg_exchange *x)
{
    x->after = NULL;
    x->before = c->waiting_last;
    if (c->waiting_last)
        c->waiting_last->after = x;
    else
        c->waiting = x;
    c->waiting_last = x;
}

static void unqueue(hg_client *c, hg_exchange *x)
{
    if (x->after)
        x->after->before = x->before;
    else
        c->waiting_last = x->before;
    if (x->before)
        x->before->after = x->after;
    else
        c->waiting = x->after;
}

static void finish(hg_client *c, hg_exchange *x, hg_fault fault, const char *why)
{
    c->under_way--;
    x->end(x, fault, why, hg_clock_ns());
}

void hg_exchange_end(hg_exchange *x, hg_fault fault, const char *why)
{
    hg_client *c = x->conn->client;
    hg_conn_detach(x);
    if (fault == HG_FAULT_RESET && !x->retried) {
        x->retried = true;
        queue(c, x);
        return;
    }
    finish(c, x, fault, why);
}

void hg_exchange_data(hg_exchange *x, const char *bytes, size_t size, int64_t at_ns)
{
    if (!x->refused && size)
        x->data(x, bytes, size, at_ns);
}

void hg_client_send(hg_client *c, hg_exchange *x)
{
    c->under_way++;
    x->heard_ns = hg_clock_ns();
    queue(c, x);
}

/* Connections. */

static void bury(hg_conn *k)
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

/* Those of HTTP/2 wait for any connection: when one cannot be opened, there is none. */
static void fail_waiting(hg_client *c, hg_fault fault, const char *why)
{
    for (hg_exchange *x; (x = c->waiting);) {
        unqueue(c, x);
        finish(c, x, fault, why);
    }
}

void hg_conn_fail(hg_conn *k, hg_fault fault, const char *why)
{
    hg_client *c = k->client;
    bool opening = k->state == HG_CONN_OPENING || k->state == HG_CONN_HANDSHAKE || (c->http2 && k->streams_max == 0);
    bury(k);
    for (hg_exchange *x; (x = k->exchanges);)
        hg_exchange_end(x, opening || fault == HG_FAULT_GARBAGE ? fault : x->heard ? HG_FAULT_CUT : HG_FAULT_RESET, why);
    if (opening && c->http2)
        fail_waiting(c, fault, why);
}

static void free_dead(hg_client *c)
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
static void flush(hg_conn *k)
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
    flush(k);
}

static void start(hg_conn *k, hg_exchange *x)
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

static hg_conn *open_connection(hg_client *c, const char **why)
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
        start(k, k->exchanges);
    flush(k);
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
        queue(c, x);
    }
    bury(k);
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
        ssize_t n = recv(k->fd, into, READ_SIZE, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        *why = n == 0 ? "the server closed the connection" : n < 0 ? strerror(errno) : NULL;
        return n > 0 ? n : -1;
    }
    size_t got = 0;
    hg_tls_result r = hg_tls_read(k->tls, into, READ_SIZE, &got);
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
        set_idle(k, true);
    else
        bury(k);
}

static void read_http1(hg_conn *k, size_t size, int64_t at_ns)
{
    hg_exchange *x = k->exchanges;
    const char *body;
    size_t n;
    if (!x) { /* bytes that answer nothing */
        bury(k);
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
                bury(k);
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
    bury(k);
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
        if (!k->tls && n < READ_SIZE)
            return;
    }
}

static void on_event(hg_conn *k, uint32_t events)
{
    if (k->state == HG_CONN_OPENING)
        connected(k);
    else if (k->state == HG_CONN_HANDSHAKE)
        handshake(k);
    else if (k->state == HG_CONN_OPEN && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        readable(k);
    if (k->state == HG_CONN_OPEN && (events & EPOLLOUT))
        flush(k);
    if (k->state == HG_CONN_OPEN && k->http2 && k->out_size)
        flush(k);
}

/* Work for the waiting exchanges. */

static bool dispatch_http1(hg_client *c, hg_exchange *x)
{
    hg_conn *k = c->idle;
    const char *why;
    /* Once more means on a connection of its own: kept ones may all have been closed by now. */
    if (k && !x->retried)
        set_idle(k, false);
    else
        k = open_connection(c, &why);
    unqueue(c, x);
    if (!k) {
        finish(c, x, HG_FAULT_CONNECT, why);
        return true;
    }
    hg_conn_attach(k, x);
    if (k->state == HG_CONN_OPEN)
        start(k, x);
    return true;
}

static bool dispatch_http2(hg_client *c, hg_exchange *x)
{
    const char *why;
    for (hg_conn *k = c->busy; k; k = k->after) {
        if (k->streams_max == 0)
            return false; /* one is being opened: it may have room for all */
        if (k->streams >= k->streams_max)
            continue;
        unqueue(c, x);
        hg_conn_attach(k, x);
        start(k, x);
        hg_http2_pump(k);
        flush(k);
        return true;
    }
    if (open_connection(c, &why))
        return false;
    fail_waiting(c, HG_FAULT_CONNECT, why);
    return false;
}

static void dispatch(hg_client *c)
{
    while (c->waiting && (c->http2 ? dispatch_http2(c, c->waiting) : dispatch_http1(c, c->waiting)))
        ;
}

/* The timer is exact where epoll's own limit counts whole milliseconds. */
static int set_timer(hg_client *c, int64_t until_ns)
{
    int64_t left_ns = until_ns - hg_clock_ns();
    if (left_ns <= 0)
        return 0;
    if (left_ns < (int64_t)LONGEST_WAIT_MS * 1000000 && c->timer_ns != until_ns) {
        struct itimerspec at = { .it_value = { until_ns / 1000000000, until_ns % 1000000000 } };
        timerfd_settime(c->timer, TFD_TIMER_ABSTIME, &at, NULL);
        c->timer_ns = until_ns;
    }
    return LONGEST_WAIT_MS;
}

void hg_client_wait(hg_client *c, int64_t until_ns)
{
    struct epoll_event events[EVENTS];
    uint64_t ticks;
    dispatch(c);
    int n = epoll_wait(c->epoll, events, EVENTS, set_timer(c, until_ns));
    for (int i = 0; i < n; i++) {
        if (events[i].data.ptr)
            on_event(events[i].data.ptr, events[i].events);
        else if (read(c->timer, &ticks, sizeof ticks) == sizeof ticks)
            c->timer_ns = 0;
    }
    free_dead(c);
    dispatch(c);
}

void hg_client_cancel(hg_client *c, hg_exchange *x, hg_fault fault, const char *why)
{
    hg_conn *k = x->conn;
    if (!k) {
        unqueue(c, x);
        finish(c, x, fault, why);
        return;
    }
    if (k->http2)
        hg_http2_drop(k, x);
    else
        bury(k);
    hg_exchange_end(x, fault, why);
}

/* Linear in what is under way; called a few times a second. */
void hg_client_expire(hg_client *c, int64_t timeout_ns)
{
    int64_t before_ns = hg_clock_ns() - timeout_ns;
    for (hg_exchange *x = c->waiting, *after; x; x = after) {
        after = x->after;
        if (x->heard_ns < before_ns)
            hg_client_cancel(c, x, HG_FAULT_TIMEOUT, "no connection was free");
    }
    for (hg_conn *k = c->busy, *next; k; k = next) {
        next = k->after;
        for (hg_exchange *x = k->exchanges, *after; x; x = after) {
            after = x->after;
            if (x->heard_ns < before_ns)
                hg_client_cancel(c, x, HG_FAULT_TIMEOUT, k->state != HG_CONN_OPEN ? "no connection came about"
                                 : x->heard ? "the answer stopped in its middle" : "not a byte of the answer came");
        }
    }
}

/* Opening and closing. */

static bool resolve(hg_client *c, hg_err *err)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    int code = getaddrinfo(c->url.host, c->url.port, &hints, &c->addresses);
    c->address = c->addresses;
    return code == 0 || hg_fail(err, HG_WORLD, c->url.host, "has no address: %s", gai_strerror(code));
}

static void raise_file_limit(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

/* A write to a TLS connection that is gone raises SIGPIPE, which would end the program. */
static void block_pipe(hg_client *c)
{
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, &c->signals);
}

static void unblock_pipe(const hg_client *c)
{
    sigset_t pipe;
    struct timespec none = { 0, 0 };
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    if (!sigismember(&c->signals, SIGPIPE))
        while (sigtimedwait(&pipe, NULL, &none) == SIGPIPE)
            ;
    pthread_sigmask(SIG_SETMASK, &c->signals, NULL);
}

static bool open_parts(hg_client *c, hg_err *err)
{
    c->epoll = epoll_create1(EPOLL_CLOEXEC);
    c->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    c->read = malloc(READ_SIZE);
    struct epoll_event e = { .events = EPOLLIN };
    if (c->epoll < 0 || c->timer < 0 || !c->read || epoll_ctl(c->epoll, EPOLL_CTL_ADD, c->timer, &e) != 0)
        return hg_fail(err, HG_WORLD, "epoll", "cannot be set up: %s", strerror(errno));
    if (c->url.tls && !(c->tls = hg_tls_open(c->http2, err)))
        return false;
    return resolve(c, err);
}

hg_client *hg_client_open(hg_arena *arena, const hg_url *url, const char *key, bool http2, hg_err *err)
{
    hg_client *c = HG_NEW(arena, hg_client, 1);
    *c = (hg_client){ .arena = arena, .url = *url, .key = key, .http2 = http2, .epoll = -1, .timer = -1, .protocol = "none" };
    raise_file_limit();
    block_pipe(c);
    if (open_parts(c, err))
        return c;
    hg_client_close(c);
    return NULL;
}

void hg_client_drop(hg_client *c)
{
    while (c->waiting)
        hg_client_cancel(c, c->waiting, HG_FAULT_STOPPED, NULL);
    while (c->busy) {
        hg_conn *k = c->busy;
        while (k->exchanges)
            hg_client_cancel(c, k->exchanges, HG_FAULT_STOPPED, NULL);
        bury(k);
    }
}

void hg_client_close(hg_client *c)
{
    hg_client_drop(c);
    while (c->idle)
        bury(c->idle);
    free_dead(c);
    unblock_pipe(c);
    if (c->addresses)
        freeaddrinfo(c->addresses);
    hg_tls_close(c->tls);
    free(c->read);
    if (c->timer >= 0)
        close(c->timer);
    if (c->epoll >= 0)
        close(c->epoll);
}

int64_t hg_client_under_way(const hg_client *c)
{
    return c->under_way;
}

int64_t hg_client_connections(const hg_client *c)
{
    return c->opened;
}

const char *hg_client_protocol(const hg_client *c)
{
    return c->protocol;
}

#include "live/client_parts.h"

#include "base/text.h"
#include "live/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { EVENTS = 512, LONGEST_WAIT_MS = 100 };

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

/* Exchanges. */

void hg_client_queue(hg_client *c, hg_exchange *x)
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
        hg_client_queue(c, x);
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
    hg_client_queue(c, x);
}

/* Those of HTTP/2 wait for any connection: when one cannot be opened, there is none. */
void hg_client_fail_waiting(hg_client *c, hg_fault fault, const char *why)
{
    for (hg_exchange *x; (x = c->waiting);) {
        unqueue(c, x);
        finish(c, x, fault, why);
    }
}

/* Work for the waiting exchanges. */

static bool dispatch_http1(hg_client *c, hg_exchange *x)
{
    hg_conn *k = c->idle;
    const char *why;
    /* Once more means on a connection of its own: kept ones may all have been closed by now. */
    if (k && !x->retried)
        hg_conn_set_idle(k, false);
    else
        k = hg_conn_open(c, &why);
    unqueue(c, x);
    if (!k) {
        finish(c, x, HG_FAULT_CONNECT, why);
        return true;
    }
    hg_conn_attach(k, x);
    if (k->state == HG_CONN_OPEN)
        hg_conn_start(k, x);
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
        hg_conn_start(k, x);
        hg_http2_pump(k);
        hg_conn_flush(k);
        return true;
    }
    if (hg_conn_open(c, &why))
        return false;
    hg_client_fail_waiting(c, HG_FAULT_CONNECT, why);
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
            hg_conn_event(events[i].data.ptr, events[i].events);
        else if (read(c->timer, &ticks, sizeof ticks) == sizeof ticks)
            c->timer_ns = 0;
    }
    hg_conn_free_dead(c);
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
        hg_conn_close(k);
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
    c->read = malloc(HG_CLIENT_READ);
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
        hg_conn_close(k);
    }
}

void hg_client_close(hg_client *c)
{
    hg_client_drop(c);
    while (c->idle)
        hg_conn_close(c->idle);
    hg_conn_free_dead(c);
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

/* The text may have been cut in the middle of the key: its first characters are enough to be covered. */
void hg_client_hide_key(const hg_client *c, char *text)
{
    enum { TELLING = 8 };
    for (char *at = text; c->key && *at; at++) {
        size_t n = 0;
        while (c->key[n] && at[n] == c->key[n])
            n++;
        if (n >= TELLING || (n > 0 && !c->key[n]))
            memset(at, '*', n);
    }
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

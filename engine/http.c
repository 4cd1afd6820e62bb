#define _GNU_SOURCE
#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A reader this far behind is taken for gone: an answer of a million tokens is some 200 MB. */
enum { CLIENTS_MAX = 4096, OUT_MAX = 64 << 20, READ_SIZE = 64 << 10 };

static void append(char **buffer, size_t *used, size_t *capacity, const char *bytes, size_t size)
{
    if (*used + size + 1 > *capacity) {
        *buffer = realloc(*buffer, *capacity = 2 * (*used + size) + 512);
        if (!*buffer)
            abort(); /* a fixture: nothing is served without memory */
    }
    memcpy(*buffer + *used, bytes, size);
    *used += size;
    (*buffer)[*used] = 0;
}

static void flush(http_client *c)
{
    while (!c->dead && c->out_at < c->out_size) {
        ssize_t n = send(c->fd, c->out + c->out_at, c->out_size - c->out_at, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0)
            c->dead = true;
        else
            c->out_at += (size_t)n;
    }
    c->out_at = c->out_size = 0;
}

static void put(http_client *c, const char *bytes, size_t size)
{
    if (c->out_size - c->out_at > OUT_MAX)
        c->dead = true;
    if (!c->dead)
        append(&c->out, &c->out_size, &c->out_capacity, bytes, size);
}

static const char *reason(int status)
{
    static const struct {
        int status;
        const char *words;
    } all[] = { { 200, "OK" },
                { 400, "Bad Request" },
                { 404, "Not Found" },
                { 405, "Method Not Allowed" },
                { 413, "Content Too Large" },
                { 431, "Request Header Fields Too Large" },
                { 501, "Not Implemented" },
                { 505, "HTTP Version Not Supported" } };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].status == status)
            return all[i].words;
    return "Internal Server Error";
}

static void head(http_client *c, int status, const char *type, const char *framing)
{
    char text[512];
    int n =
        snprintf(text, sizeof text, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\n%s\r\n%s\r\n", status,
                 reason(status), type, framing, c->keep_alive ? "" : "Connection: close\r\n");
    put(c, text, (size_t)n);
}

void http_reply(http_client *c, int status, const char *type, const char *body, size_t size)
{
    char framing[64];
    snprintf(framing, sizeof framing, "Content-Length: %zu", size);
    head(c, status, type, framing);
    put(c, body, size);
    c->busy = false;
    flush(c);
}

void http_stream(http_client *c, const char *type)
{
    head(c, 200, type, "Cache-Control: no-cache\r\nTransfer-Encoding: chunked");
}

void http_chunk(http_client *c, const char *text, size_t size)
{
    char length[24];
    put(c, length, (size_t)snprintf(length, sizeof length, "%zx\r\n", size));
    put(c, text, size);
    put(c, "\r\n", 2);
    flush(c);
}

void http_end(http_client *c)
{
    put(c, "0\r\n\r\n", 5);
    c->busy = false;
    flush(c);
}

static void refuse(http_client *c, int status)
{
    static const char body[] = "{\"error\":{\"message\":\"this is no request that the server can "
                               "read\",\"type\":\"invalid_request_error\"}}";
    c->keep_alive = false;
    c->in_size = 0;
    http_reply(c, status, "application/json", body, sizeof body - 1);
}

static void ask_on(http_client *c, const http_request *r)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (!r->expects || c->continued)
        return;
    c->continued = true;
    put(c, go_on, sizeof go_on - 1);
    flush(c);
}

/* All requests that are whole, one after the other; whether there was any. */
static bool requests(http_server *s, http_client *c)
{
    http_request r;
    bool any = false;
    while (!c->busy && !c->dead && c->in_size) {
        http_state state = http_parse(c->in, c->in_size, &r);
        if (state == HTTP_MORE) {
            ask_on(c, &r);
            return any;
        }
        c->continued = false;
        c->keep_alive = state == HTTP_WHOLE && r.keep_alive;
        if (state == HTTP_BAD) {
            refuse(c, r.status);
            return true;
        }
        size_t whole = r.head_size + r.body_size;
        char after = c->in[whole]; /* the buffer ends in a zero of its own */
        c->in[whole] = 0;
        c->busy = true;
        s->on_request(c, &r, c->in + r.head_size);
        c->in[whole] = after;
        memmove(c->in, c->in + whole, c->in_size - whole);
        c->in_size -= whole;
        if (!c->keep_alive)
            c->in_size = 0;
        any = true;
    }
    return any;
}

static void receive(http_client *c)
{
    char bytes[READ_SIZE];
    ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        c->dead = true;
    if (n > 0)
        append(&c->in, &c->in_size, &c->in_capacity, bytes, (size_t)n);
    if (c->in_size > (size_t)HTTP_HEAD_MAX + 2 * HTTP_BODY_MAX)
        c->dead = true;
}

static void welcome(http_server *s)
{
    int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
    if (fd < 0)
        return;
    http_client *c = s->count < CLIENTS_MAX ? calloc(1, sizeof *c) : NULL;
    if (!c) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->fd = fd;
    c->keep_alive = true;
    c->next = s->clients;
    s->clients = c;
    s->count++;
}

static void forget(http_server *s, http_client *c)
{
    if (c->busy)
        s->on_gone(c);
    close(c->fd);
    free(c->in);
    free(c->out);
    free(c);
    s->count--;
}

static bool is_over(const http_client *c)
{
    return c->dead || (!c->keep_alive && !c->busy && c->out_size == 0);
}

static void sweep(http_server *s)
{
    for (http_client **at = &s->clients; *at;) {
        http_client *c = *at;
        if (is_over(c)) {
            *at = c->next;
            forget(s, c);
        } else {
            at = &c->next;
        }
    }
}

void http_turn(http_server *s, int timeout_ms)
{
    static struct pollfd fds[CLIENTS_MAX + 1]; /* too large for a stack, and there is one server */
    sigset_t none;
    nfds_t n = 0;
    sigemptyset(&none);
    for (http_client *c = s->clients; c; c = c->next) /* what waited behind an answer */
        if (requests(s, c))
            timeout_ms = 0;
    sweep(s);
    struct timespec limit = { timeout_ms / 1000, timeout_ms % 1000 * 1000000L };
    fds[n++] = (struct pollfd){ .fd = s->fd, .events = POLLIN };
    for (http_client *c = s->clients; c; c = c->next)
        fds[n++] =
            (struct pollfd){ .fd = c->fd, .events = (short)(POLLIN | (c->out_size ? POLLOUT : 0)) };
    if (ppoll(fds, n, timeout_ms < 0 ? NULL : &limit, &none) <= 0)
        return;
    nfds_t i = 1;
    for (http_client *c = s->clients; c; c = c->next, i++) {
        if (fds[i].revents & POLLOUT)
            flush(c);
        if (fds[i].revents & (POLLIN | POLLERR | POLLHUP))
            receive(c);
        requests(s, c);
    }
    if (fds[0].revents)
        welcome(s);
    sweep(s);
}

bool http_open(http_server *s, int port, hg_err *err)
{
    int on = 1;
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof a;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0 || setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(s->fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(s->fd, 1024) != 0 ||
        getsockname(s->fd, (struct sockaddr *)&a, &size) != 0)
        return hg_fail(err, HG_WORLD, "--port", "%d cannot be had: %s", port, strerror(errno));
    s->port = ntohs(a.sin_port);
    return true;
}

void http_close(http_server *s)
{
    for (http_client *c = s->clients; c; c = c->next)
        c->dead = true;
    sweep(s);
    close(s->fd);
}

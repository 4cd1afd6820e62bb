#define _GNU_SOURCE
#include "tune/process.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TAIL = 16384 };

static int bound_to(int port, struct sockaddr_in *at)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    *at = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    /* A port whose last connections linger is free, as servers see it; one that is listened on is not. */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (fd >= 0 && bind(fd, (struct sockaddr *)at, sizeof *at) == 0)
        return fd;
    close(fd);
    return -1;
}

bool hg_port_free(int port)
{
    struct sockaddr_in at;
    int fd = bound_to(port, &at);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

int hg_port_any(void)
{
    struct sockaddr_in at;
    socklen_t size = sizeof at;
    int fd = bound_to(0, &at);
    int port = fd >= 0 && getsockname(fd, (struct sockaddr *)&at, &size) == 0 ? ntohs(at.sin_port) : 0;
    if (fd >= 0)
        close(fd);
    return port;
}

const char *hg_log_tail(hg_arena *arena, const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    if (fseek(f, -TAIL, SEEK_END) != 0)
        rewind(f);
    char *text = HG_NEW(arena, char, TAIL + 1);
    size_t n = fread(text, 1, TAIL, f);
    fclose(f);
    for (size_t i = 0; i < n; i++)
        text[i] = text[i] ? text[i] : ' ';
    return text;
}

/* The line around a place. */
static const char *line_at(hg_arena *arena, const char *text, const char *at)
{
    const char *from = at, *to = at + strcspn(at, "\r\n");
    while (from > text && from[-1] != '\n' && from[-1] != '\r')
        from--;
    char *line = hg_strndup(arena, from, (size_t)(to - from) > 300 ? 300 : (size_t)(to - from));
    hg_text_clean(line);
    return line;
}

const char *hg_log_finds(hg_arena *arena, const char *tail, const char *const *signs, size_t count)
{
    for (size_t i = 0; tail && i < count; i++) {
        const char *at = strcasestr(tail, signs[i]);
        if (at)
            return line_at(arena, tail, at);
    }
    return NULL;
}

const char *hg_log_last_line(hg_arena *arena, const char *tail)
{
    size_t n = tail ? strlen(tail) : 0;
    while (n > 0 && strchr(" \t\r\n", tail[n - 1]))
        n--;
    return n ? line_at(arena, tail, tail + n - 1) : NULL;
}

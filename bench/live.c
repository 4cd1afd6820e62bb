/* 2,000 streams of a fake server that stamps each event with its time: how late a bare epoll reader and
 * heng's client see them, in turn, and whether any is lost. */
#define _GNU_SOURCE
#include "live.h"

#include "base/hist.h"
#include "live/clock.h"
#include "live/figures.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

enum { STREAMS = 2000, RUN_S = 4, FROM_S = 1, TO_S = 3, ROUNDS = 5, FIELD = 8 /* of "stamp": */ };

typedef struct lateness {
    hg_hist hist;
    int64_t events, from_ns, to_ns, cpu_ns; /* lateness in [from, to): all streams are under way */
} lateness;

static void note_stamp(lateness *l, const char *bytes, size_t size, int64_t at_ns)
{
    const char *field = memmem(bytes, size, "\"stamp\":", FIELD);
    if (!field)
        return;
    l->events++;
    if (at_ns >= l->from_ns && at_ns < l->to_ns)
        hg_hist_add(&l->hist, at_ns - strtoll(field + FIELD, NULL, 10), 1);
}

static int64_t cpu_ns(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (int64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000 + (int64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000;
}

static void begin(lateness *l)
{
    int64_t now_ns = hg_clock_ns();
    l->from_ns = now_ns + (int64_t)FROM_S * 1000000000;
    l->to_ns = now_ns + (int64_t)TO_S * 1000000000;
    l->cpu_ns = cpu_ns();
}

static pid_t start_server(const char *program, double itl_ms, int *port)
{
    int pipes[2];
    char itl[32], text[32] = "";
    snprintf(itl, sizeof itl, "%g", itl_ms);
    if (pipe(pipes) != 0)
        return -1;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        dup2(pipes[1], STDOUT_FILENO);
        execl(program, program, "--stamp", "--spread", "--ttft", "1", "--itl", itl, "--life", "600", (char *)NULL);
        _exit(127);
    }
    close(pipes[1]);
    ssize_t n = read(pipes[0], text, sizeof text - 1);
    close(pipes[0]);
    *port = n > 0 ? atoi(text) : 0;
    return child;
}

/* The reference: what reading alone costs.  Its events are counted by their stamps. */
static void read_bare(int port, int tokens, lateness *l)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct epoll_event events[512];
    char body[256], request[512];
    static char bytes[1 << 16];
    int loop = epoll_create1(0), *sockets = calloc(STREAMS, sizeof *sockets), open_sockets = 0;
    snprintf(body, sizeof body, "{\"model\":\"fake-model\",\"prompt\":\"the end\",\"max_tokens\":%d,\"stream\":true}", tokens);
    snprintf(request, sizeof request, "POST /until-close/v1/completions HTTP/1.1\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
    begin(l);
    for (int i = 0; i < STREAMS && sockets; i++) {
        struct epoll_event e = { .events = EPOLLIN };
        e.data.fd = sockets[i] = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(sockets[i], (struct sockaddr *)&at, sizeof at) != 0 || send(sockets[i], request, strlen(request), 0) < 0)
            continue;
        epoll_ctl(loop, EPOLL_CTL_ADD, sockets[i], &e);
        open_sockets++;
    }
    while (open_sockets > 0) {
        int n = epoll_wait(loop, events, 512, 10000);
        for (int i = 0; i < n; i++) {
            ssize_t got = recv(events[i].data.fd, bytes, sizeof bytes, MSG_DONTWAIT);
            int64_t now = hg_clock_ns();
            if (got <= 0) {
                close(events[i].data.fd);
                open_sockets--;
                continue;
            }
            for (char *p = bytes, *end = bytes + got, *field; (field = memmem(p, (size_t)(end - p), "\"stamp\":", FIELD)); p = field + FIELD)
                note_stamp(l, field, (size_t)(end - field), now);
        }
        if (n == 0)
            break;
    }
    l->cpu_ns = cpu_ns() - l->cpu_ns;
    close(loop);
    free(sockets);
}

static void on_event(void *ctx, const char *json, size_t size, int64_t at_ns)
{
    note_stamp(ctx, json, size, at_ns);
}

static void read_heng(hg_arena arena, int port, int tokens, lateness *l)
{
    hg_err err;
    hg_url url;
    hg_workload w;
    hg_live_run run;
    hg_slo slo = { .count = 0 };
    hg_live_window window = { 0, 0 };
    hg_live_figures *f = HG_NEW(&arena, hg_live_figures, 1);
    hg_live_watch watch = { .ctx = l, .event = on_event };
    hg_workload_synthetic(&arena, 16, tokens, 1, STREAMS, 0, &w);
    w.load = HG_LOAD_CLOSED;
    w.concurrency = STREAMS;
    hg_prompts prompts = { .model = "fake-model", .extra = "", .workload = &w, .tokens_per_word = 1, .groups = 1 };
    hg_live_load load = { .workload = &w, .requests = STREAMS, .turns = 1 };
    begin(l);
    if (!hg_url_parse(&arena, hg_textf(&arena, "http://127.0.0.1:%d", port), "bench", &url, &err))
        return;
    hg_client *c = hg_client_open(&arena, &url, NULL, false, &err);
    if (!c)
        return;
    hg_live_run_load(&arena, c, "/until-close/v1/completions", &prompts, &load, 10, &watch, &run);
    hg_client_close(c);
    l->cpu_ns = cpu_ns() - l->cpu_ns;
    hg_live_judge(arena, &run, &window, &slo, f);
    size_t count;
    const hg_fault_group *faults = hg_live_faults(&arena, &run, &count);
    for (size_t i = 0; i < count; i++)
        printf("  %zu of %d streams failed (%s): %s\n", faults[i].count, STREAMS, hg_fault_words[faults[i].fault], faults[i].said);
}

static void print_row(const char *who, const lateness *l, int64_t expected, double seconds)
{
    printf("%-18s %12.0f %10lld %10.0f %10.0f %10.0f %9.0f%%\n", who, (double)l->events / seconds, (long long)(expected - l->events),
           1e6 * hg_hist_percentile_s(&l->hist, 0.5), 1e6 * hg_hist_percentile_s(&l->hist, 0.99),
           1e6 * hg_hist_percentile_s(&l->hist, 0.999), (double)l->cpu_ns * 1e-7 / seconds);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void at_rate(hg_arena arena, const char *program, double events_per_s)
{
    double added[ROUNDS] = { 0 };
    double itl_ms = 1e3 * STREAMS / events_per_s;
    int tokens = (int)(RUN_S * 1e3 / itl_ms), port = 0;
    int64_t expected = (int64_t)STREAMS * tokens;
    pid_t server = start_server(program, itl_ms, &port);
    for (int round = 0; round < ROUNDS && port; round++) {
        hg_arena scratch = arena;
        lateness bare = { 0 }, heng = { 0 };
        hg_hist_open(&bare.hist, &scratch, HG_HIST_FINE);
        hg_hist_open(&heng.hist, &scratch, HG_HIST_FINE);
        read_bare(port, tokens, &bare);
        read_heng(scratch, port, tokens, &heng);
        print_row("bare epoll reader", &bare, expected, RUN_S);
        print_row("heng bench", &heng, expected, RUN_S);
        added[round] = 1e6 * (hg_hist_percentile_s(&heng.hist, 0.99) - hg_hist_percentile_s(&bare.hist, 0.99));
    }
    qsort(added, ROUNDS, sizeof *added, ascending);
    printf("self-added at p99, %.0f events/s: median %.0f us, from %.0f to %.0f in %d rounds\n\n", events_per_s, added[ROUNDS / 2],
           added[0], added[ROUNDS - 1], ROUNDS);
    kill(server, SIGTERM);
    waitpid(server, NULL, 0);
}

void bench_live(const char *fake_server)
{
    hg_arena arena;
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (access(fake_server, X_OK) != 0 || !hg_arena_open(&arena, 0)) {
        printf("skipped: %s is not built\n", fake_server);
        return;
    }
    printf("\n%d streams, receipt after the server's stamp, us (limit: self-added p99 below 2000 at 100,000/s; none lost at 200,000/s)\n", STREAMS);
    printf("%-18s %12s %10s %10s %10s %10s %10s\n", "", "events/s", "lost", "p50", "p99", "p99.9", "CPU");
    at_rate(arena, fake_server, 100000);
    at_rate(arena, fake_server, 200000);
    hg_arena_close(&arena);
}

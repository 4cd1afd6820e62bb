/* heng bench's client against the fake server, fault by fault: counts and conservation, no clock. */
#include "test.h"

#include "live/figures.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REQUESTS = 12, CLIENTS = 3, TOKENS = 10 };

typedef struct server {
    pid_t pid;
    int port;
} server;

static server start(const char *option)
{
    server s = { .pid = -1 };
    char text[32] = "";
    int ends[2];
    if (pipe(ends) != 0)
        return s;
    fflush(stdout);
    s.pid = fork();
    if (s.pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        execl(HG_FAKE_SERVER, HG_FAKE_SERVER, "--life", "120", option, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    s.port = read(ends[0], text, sizeof text - 1) > 0 ? atoi(text) : 0;
    close(ends[0]);
    return s;
}

static void stop(const server *s)
{
    if (s->pid > 0) {
        kill(s->pid, SIGTERM);
        waitpid(s->pid, NULL, 0);
    }
}

static hg_client *open_client(hg_arena *arena, int port, bool http2)
{
    hg_url url;
    hg_err err;
    char text[64];
    snprintf(text, sizeof text, "http://127.0.0.1:%d", port);
    return hg_url_parse(arena, text, "test", &url, &err) ? hg_client_open(arena, &url, NULL, http2, &err) : NULL;
}

static void run_at(hg_arena *arena, int port, bool http2, const char *fault, const hg_prompts *base, hg_live_run *run, hg_live_figures *f)
{
    char path[64];
    hg_slo slo = { .count = 0 };
    hg_live_window all = { 0, 0 };
    hg_live_watch nobody = { .ctx = NULL };
    hg_workload w = *base->workload;
    hg_prompts p = *base;
    p.workload = &w;
    w.load = HG_LOAD_CLOSED;
    w.concurrency = strcmp(fault, "reset-once") == 0 ? 1 : CLIENTS;
    hg_live_load load = { .workload = &w, .requests = REQUESTS, .turns = 1 };
    hg_client *c = open_client(arena, port, http2);
    snprintf(path, sizeof path, "%s%s/v1/completions", *fault ? "/" : "", fault);
    /* A fault that is silence is waited for; in the others a slow machine must not look like one. */
    double timeout_s = strcmp(fault, "hang") == 0 || strcmp(fault, "stall") == 0 ? 0.3 : 60;
    hg_live_run_load(arena, c, path, &p, &load, timeout_s, &nobody, run);
    CHECKF(hg_client_under_way(c) == 0, "%s: something is left under way", fault);
    hg_client_close(c);
    hg_live_judge(*arena, run, &all, &slo, f);
}

static const struct {
    const char *fault;
    hg_fault ends;         /* each request */
    int tokens, chunks;    /* of a complete one, by usage and by chunks */
    size_t retried;
} rows[] = {
    { "", HG_FAULT_NONE, TOKENS, TOKENS, 0 },
    { "split", HG_FAULT_NONE, TOKENS, TOKENS, 0 },
    { "comments", HG_FAULT_NONE, TOKENS, TOKENS, 0 },
    { "no-done", HG_FAULT_NONE, TOKENS, TOKENS, 0 },
    { "until-close", HG_FAULT_NONE, TOKENS, TOKENS, 0 },
    { "buffered", HG_FAULT_NONE, TOKENS, TOKENS, 0 },
    { "no-usage", HG_FAULT_NONE, TOKENS, TOKENS, 0 },
    { "speculative", HG_FAULT_NONE, TOKENS, 4, 0 },
    { "short", HG_FAULT_NONE, TOKENS / 2, TOKENS / 2, 0 },
    { "reset-once", HG_FAULT_NONE, TOKENS, TOKENS, REQUESTS },
    { "reset", HG_FAULT_RESET, 0, 0, REQUESTS },
    { "hang", HG_FAULT_TIMEOUT, 0, 0, 0 },
    { "stall", HG_FAULT_TIMEOUT, 0, 2, 0 },
    { "half", HG_FAULT_CUT, 0, 2, 0 },
    { "cut", HG_FAULT_CUT, 0, 2, 0 },
    { "garbage", HG_FAULT_GARBAGE, 0, 0, 0 },
    { "html", HG_FAULT_GARBAGE, 0, 0, 0 },
    { "json", HG_FAULT_GARBAGE, 0, 0, 0 },
    { "no-http", HG_FAULT_GARBAGE, 0, 0, 0 },
    { "429", HG_FAULT_STATUS, 0, 0, 0 },
    { "503", HG_FAULT_STATUS, 0, 0, 0 },
    { "in-stream", HG_FAULT_SERVER, 0, 2, 0 },
    { "empty", HG_FAULT_EMPTY, 0, 0, 0 },
};

static void check_row(size_t i, const hg_live_run *run, const hg_live_figures *f, bool http2)
{
    const char *name = rows[i].fault, *by = http2 ? "HTTP/2" : "HTTP/1.1";
    CHECKF(run->count == REQUESTS && run->unsent == 0, "%s %s: %zu records", by, name, run->count);
    CHECKF(f->complete + f->failed == REQUESTS, "%s %s: %zu + %zu", by, name, f->complete, f->failed);
    CHECKF(f->retried == rows[i].retried, "%s %s: %zu retried", by, name, f->retried);
    for (size_t k = 0; k < run->count; k++) {
        const hg_live_record *r = &run->records[k];
        bool good = rows[i].ends == HG_FAULT_NONE;
        CHECKF(r->fault == rows[i].ends, "%s %s: request %zu ended with %s: %s", by, name, k, hg_fault_words[r->fault], r->said ? r->said : "");
        CHECKF((r->said == NULL) == good && (good || *r->said), "%s %s: what was said", by, name);
        CHECKF((int)r->chunks == rows[i].chunks, "%s %s: %u chunks", by, name, r->chunks);
        CHECKF(!good || hg_record_tokens(r) == rows[i].tokens, "%s %s: %lld tokens", by, name, (long long)hg_record_tokens(r));
        CHECKF(r->intended_ns <= r->sent_ns || r->sent_ns < 0, "%s %s: sent before it was due", by, name);
        CHECKF(!good || (r->sent_ns <= r->first_ns && r->first_ns <= r->last_ns && r->last_ns <= r->end_ns), "%s %s: times run on", by, name);
        CHECKF((strcmp(name, "no-usage") == 0) == (good && r->output_tokens < 0) || !good, "%s %s: usage", by, name);
        CHECKF(r->status == (strcmp(name, "429") == 0 ? 429 : strcmp(name, "503") == 0 ? 503 : r->status), "%s %s: status %d", by, name, r->status);
    }
}

static void test_faults(hg_arena arena, bool http2)
{
    server s = start(http2 ? "--http2" : NULL);
    hg_workload w;
    hg_workload_synthetic(&arena, 20, TOKENS, 1, REQUESTS, 0, &w);
    hg_prompts p = { .model = "fake-model", .extra = "", .workload = &w, .tokens_per_word = 1, .groups = 1 };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_arena scratch = arena;
        hg_live_run run;
        hg_live_figures *f = HG_NEW(&scratch, hg_live_figures, 1);
        /* A connection of HTTP/2 carries several: what cuts one cuts all, with or without a byte heard. */
        bool shared = strcmp(rows[i].fault, "reset") == 0 || strcmp(rows[i].fault, "reset-once") == 0 || rows[i].ends == HG_FAULT_CUT ||
                      strcmp(rows[i].fault, "no-http") == 0 || strcmp(rows[i].fault, "until-close") == 0;
        if (http2 && shared)
            continue;
        run_at(&scratch, s.port, http2, rows[i].fault, &p, &run, f);
        check_row(i, &run, f, http2);
        if (strcmp(rows[i].fault, "buffered") == 0)
            CHECKF(f->in_one_piece == REQUESTS && f->buffer_suspects == REQUESTS, "%zu answers in one piece", f->in_one_piece);
    }
    stop(&s);
}

/* With a usage in every chunk, each gap knows its tokens. */
static void test_usage_each(hg_arena arena)
{
    server s = start(NULL);
    hg_workload w;
    hg_live_run run;
    hg_live_figures *f = HG_NEW(&arena, hg_live_figures, 1);
    hg_workload_synthetic(&arena, 20, TOKENS, 1, REQUESTS, 0, &w);
    hg_prompts p = { .model = "fake-model", .extra = "", .usage = HG_USAGE_EACH, .workload = &w, .tokens_per_word = 1, .groups = 1 };
    run_at(&arena, s.port, false, "speculative", &p, &run, f);
    for (size_t k = 0; k < run.count; k++)
        CHECK(run.records[k].chunks == 4 && run.records[k].gaps[0].tokens == 3 && run.records[k].gaps[2].tokens == 1 &&
              run.records[k].output_tokens == TOKENS);
    CHECK_NEAR(f->tokens_per_chunk, TOKENS / 4.0, 1e-9);
    stop(&s);
}

/* A server that goes away: what was sent is recorded, and the end comes. */
static void test_death(hg_arena arena)
{
    server s = start(NULL);
    hg_workload w;
    hg_live_run run;
    hg_live_figures *f = HG_NEW(&arena, hg_live_figures, 1);
    hg_workload_synthetic(&arena, 20, TOKENS, 1, REQUESTS, 0, &w);
    hg_prompts p = { .model = "fake-model", .extra = "", .workload = &w, .tokens_per_word = 1, .groups = 1 };
    run_at(&arena, s.port, false, "dies", &p, &run, f);
    CHECK(run.count == REQUESTS && f->failed + f->complete == REQUESTS && f->failed > 0);
    CHECK(f->by_fault[HG_FAULT_CONNECT] + f->by_fault[HG_FAULT_CUT] + f->by_fault[HG_FAULT_RESET] == f->failed);
    waitpid(s.pid, NULL, 0);
    run_at(&arena, s.port, false, "", &p, &run, f);
    CHECK(run.count == REQUESTS && f->by_fault[HG_FAULT_CONNECT] == REQUESTS);
}

static bool after_some(void *ctx)
{
    int *looks = ctx;
    return ++*looks > 50;
}

/* Stopped in the middle: nothing is lost, what was under way is called so. */
static void test_stop(hg_arena arena)
{
    server s = start(NULL);
    hg_workload w;
    hg_live_run run;
    hg_live_figures *f = HG_NEW(&arena, hg_live_figures, 1);
    hg_slo slo = { .count = 0 };
    hg_live_window all = { 0, 0 };
    int looks = 0;
    hg_live_watch watch = { .ctx = &looks, .stopped = after_some };
    hg_workload_synthetic(&arena, 20, TOKENS, 1, 100000, 0, &w);
    w.load = HG_LOAD_CLOSED;
    w.concurrency = CLIENTS;
    hg_prompts p = { .model = "fake-model", .extra = "", .workload = &w, .tokens_per_word = 1, .groups = 1 };
    hg_live_load load = { .workload = &w, .requests = 100000, .turns = 1 };
    hg_client *c = open_client(&arena, s.port, false);
    hg_live_run_load(&arena, c, "/v1/completions", &p, &load, 60, &watch, &run);
    hg_client_close(c);
    hg_live_judge(arena, &run, &all, &slo, f);
    CHECK(run.stopped && run.count + run.unsent == 100000 && f->complete + f->unfinished == run.count && f->failed == 0);
    CHECK(f->unfinished <= CLIENTS);
    stop(&s);
}

/* Conversations: each turn carries the text of those before it. */
static void test_turns(hg_arena arena)
{
    server s = start(NULL);
    hg_workload w;
    hg_live_run run;
    hg_live_watch nobody = { .ctx = NULL };
    hg_workload_synthetic(&arena, 20, TOKENS, 1, REQUESTS, 0, &w);
    w.load = HG_LOAD_CLOSED;
    w.concurrency = 2;
    hg_prompts p = { .chat = true, .model = "fake-model", .extra = "", .workload = &w, .tokens_per_word = 1, .groups = 1, .overhead_tokens = 7 };
    hg_live_load load = { .workload = &w, .requests = REQUESTS, .turns = 3 };
    hg_client *c = open_client(&arena, s.port, false);
    hg_live_run_load(&arena, c, "/v1/chat/completions", &p, &load, 60, &nobody, &run);
    hg_client_close(c);
    CHECK(run.count == REQUESTS);
    for (size_t k = 0; k < run.count; k++) {
        const hg_live_record *r = &run.records[k];
        CHECKF(r->fault == HG_FAULT_NONE && r->number == (size_t)r->session * 3 + (size_t)r->turn, "turn %d of %lld", r->turn, (long long)r->session);
        CHECKF(r->isl == 20 + r->turn * (20 + TOKENS), "turn %d asks for %d tokens", r->turn, r->isl);
        /* 13 new words and 7 of the template the first time; then also the answer's " tok"s, whose first space begins a word. */
        CHECKF(r->prompt_tokens == 20 + r->turn * (13 + TOKENS + 1), "turn %d: %lld counted", r->turn, (long long)r->prompt_tokens);
    }
    stop(&s);
}

void test_live(void)
{
    hg_arena arena;
    if (access(HG_FAKE_SERVER, X_OK) != 0) {
        test_skip("live: the fake server is not built");
        return;
    }
    if (!hg_arena_open(&arena, (size_t)4 << 30))
        return;
    test_faults(arena, false);
    test_faults(arena, true);
    test_usage_each(arena);
    test_death(arena);
    test_stop(arena);
    test_turns(arena);
    hg_arena_close(&arena);
}

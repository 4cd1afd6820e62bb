/* Single exchanges outside a run. */
#include "live/live.h"

#include "live/clock.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { REPLY_MAX = 1 << 20 };

typedef struct reply {
    hg_live_reply out;
    hg_buf text;
    bool over;
    hg_arena *arena;
} reply;

static void on_data(hg_exchange *x, const char *bytes, size_t size, int64_t at_ns)
{
    reply *r = x->ctx;
    (void)at_ns;
    size_t room = REPLY_MAX - r->text.n;
    hg_buf_add(&r->text, bytes, size < room ? size : room);
}

static void on_end(hg_exchange *x, hg_fault fault, const char *why, int64_t at_ns)
{
    reply *r = x->ctx;
    (void)at_ns;
    r->out.fault = fault;
    r->out.status = x->status;
    r->out.why = why ? hg_strdup(r->arena, why) : hg_fault_meanings[fault];
    r->over = true;
}

static void wait_for(hg_client *c, const bool *over, double timeout_s, const hg_live_watch *watch)
{
    while (!*over) {
        hg_client_wait(c, INT64_MAX);
        hg_client_expire(c, llround(timeout_s * 1e9));
        if (!*over && watch->stopped && watch->stopped(watch->ctx))
            hg_client_drop(c);
    }
}

static hg_live_reply exchange(hg_arena *arena, hg_client *client, hg_exchange x, double timeout_s, const hg_live_watch *watch)
{
    reply r = { .text = { .arena = arena }, .arena = arena };
    x.ctx = &r;
    x.data = on_data;
    x.end = on_end;
    hg_buf_add(&r.text, "", 0);
    hg_client_send(client, &x);
    wait_for(client, &r.over, timeout_s, watch);
    r.out.text = r.text.s;
    return r.out;
}

hg_live_reply hg_live_get(hg_arena *arena, hg_client *client, const char *path, double timeout_s, const hg_live_watch *watch)
{
    return exchange(arena, client, (hg_exchange){ .method = "GET", .path = path }, timeout_s, watch);
}

hg_live_reply hg_live_post(hg_arena *arena, hg_client *client, const char *path, const char *body, double timeout_s,
                           const hg_live_watch *watch)
{
    return exchange(arena, client, (hg_exchange){ .method = "POST", .path = path, .body = body, .body_size = strlen(body) }, timeout_s, watch);
}

static void on_answer(hg_stream *s, void *ctx)
{
    bool *over = ctx;
    (void)s;
    *over = true;
}

hg_live_record hg_live_ask(hg_arena *arena, hg_client *client, const char *path, const hg_prompts *prompts,
                           int64_t units, int64_t osl, double timeout_s, const hg_live_watch *watch)
{
    bool over = false;
    hg_prompts plain = *prompts;
    hg_workload none = *prompts->workload;
    hg_stream s = { .arena = arena, .body = { .arena = arena }, .text = { .arena = arena }, .answer = { .arena = arena },
                    .ended = on_answer, .ctx = &over, .start_ns = hg_clock_ns() };
    none.hash_block_tokens = 0;
    plain.workload = &none;
    plain.tokens_per_word = 1;
    plain.overhead_tokens = 0;
    plain.shared_tokens = 0;
    plain.seed = prompts->seed + 1 + (uint64_t)units; /* no prompt of the run begins like it */
    s.record = (hg_live_record){ .isl = (int32_t)units, .osl = (int32_t)osl };
    hg_prompt_text(&plain, 0, units, &s.text);
    hg_prompt_body(&plain, "", s.text.s, osl, &s.body);
    hg_stream_send(&s, client, path);
    wait_for(client, &over, timeout_s, watch);
    hg_stream_close(&s);
    return s.record;
}

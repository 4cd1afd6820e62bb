/* MindIE's choice between prompts and decodes: the documented rule, and what follows from it. */
#include "test.h"

#include "sim/sim.h"

#include <math.h>

static double ten_ms(void *ctx, const hg_batch *b)
{
    (void)ctx;
    (void)b;
    return 10e-3;
}

static hg_sim_config mindie(void)
{
    return (hg_sim_config){
        .scheduler = "mindie",
        .sched = { .max_num_seqs = 200, .max_num_batched_tokens = 8192, .kv_blocks = 4000, .block_tokens = 128,
                   .max_prefill_seqs = 50, .prefill_wait_s = 0.15, .decode_wait_s = 0.05 },
        .oracle = { ten_ms, NULL }, .keep_requests = true, .keep_steps = 100000,
    };
}

/* Two requests; the second comes at 0.123 s, into the 13th step. */
static hg_sim_result run_two(hg_arena *arena, const hg_sim_config *c)
{
    hg_workload w = { .requests = HG_NEW(arena, hg_request, 2), .count = 2, .timed = true, .load = HG_LOAD_REPLAY };
    w.requests[0] = (hg_request){ .isl = 100, .osl = 100 };
    w.requests[1] = (hg_request){ .arrival_s = 0.123, .isl = 100, .osl = 2 };
    hg_sim_result r;
    hg_sim_run(arena, &w, c, &r);
    return r;
}

/* The prompt's step is its own, and the first request waits for it: 1 prompt and 99 decodes, and 1 more. */
static void prompts_go_first(hg_arena arena)
{
    hg_sim_config c = mindie();
    hg_sim_result r = run_two(&arena, &c);
    CHECK_NEAR(r.records[1].first_token_s, 0.14, 1e-9);
    CHECK_NEAR(r.records[0].finish_s, 1.01, 1e-9);
    c.sched.chunked_prefill = true; /* templateType Mix: beside the decode */
    r = run_two(&arena, &c);
    CHECK_NEAR(r.records[1].first_token_s, 0.14, 1e-9);
    CHECK_NEAR(r.records[0].finish_s, 1.0, 1e-9);
}

/* With one decode and 199 empty slots a step wastes 199 · decode_wait, and prompts wait until that reaches
 * prefill_wait · 1: after ceil(prefill_wait / (199 · decode_wait)) decode steps. */
static void waste_decides(hg_arena arena)
{
    static const struct {
        double prefill_wait_s, decode_wait_s;
        int steps; /* decodes since the first prompt's step, which ends at 0.01 s */
    } rows[] = {
        { 0.15, 0.05, 0 },                /* the defaults: waste is there long before */
        { 0.15, 0.15 / (199 * 20.0), 20 },
        { 0.15, 0.15 / (199 * 19.5), 20 },
        { 0.15, 0.15 / (199 * 50.0), 50 },
        { 1e9, 1e-9, 99 },                /* never: in when nothing decodes any more, as 0 ≤ 0 */
        { 0, 0, 0 },                      /* no wait at all */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_arena scratch = arena;
        hg_sim_config c = mindie();
        c.sched.select_batch = true;
        c.sched.prefill_wait_s = rows[i].prefill_wait_s * (1 - 1e-9);
        c.sched.decode_wait_s = rows[i].decode_wait_s;
        hg_sim_result r = run_two(&scratch, &c);
        double earliest = 0.13, waited = 0.01 + 0.01 * rows[i].steps;
        CHECKF(fabs(r.records[1].first_token_s - (fmax(earliest, waited) + 0.01)) < 1e-9, "row %zu: first token at %g s", i,
               r.records[1].first_token_s);
    }
}

static hg_sim_result closed(hg_arena *arena, const hg_sim_config *c, int64_t clients, int32_t isl, int32_t osl)
{
    hg_workload w;
    hg_sim_result r;
    hg_workload_synthetic(arena, isl, osl, 0.5, 400, 7, &w);
    w.load = HG_LOAD_CLOSED;
    w.concurrency = clients;
    hg_sim_run(arena, &w, c, &r);
    return r;
}

/* No step holds prompts and decodes, and none more prompts or tokens than its limits. */
static void steps_are_of_one_kind(hg_arena arena)
{
    for (int select = 0; select < 2; select++) {
        hg_arena scratch = arena;
        hg_sim_config c = mindie();
        c.sched.select_batch = select;
        c.sched.max_num_batched_tokens = 3000;
        c.sched.max_prefill_seqs = 4;
        hg_sim_result r = closed(&scratch, &c, 60, 400, 100);
        size_t prompts = 0;
        CHECK(r.completed == 400 && r.kv_blocks_left == 0 && r.steps_logged > 0);
        for (size_t i = 0; i < r.steps_logged; i++) {
            const hg_step_record *s = &r.steps_log[i];
            bool of_prompts = s->decodes == 0;
            prompts += of_prompts;
            CHECK(of_prompts || s->tokens == s->decodes);
            CHECK(!of_prompts || (s->tokens <= 3000 && s->tokens <= 4 * 400));
        }
        CHECK(prompts >= 100); /* 400 prompts, at most 4 a step */
    }
}

/* The rule over a whole run: at every choice of prompts the empty slots have wasted, since the last one, at least
 * what the decodes of that moment are made to wait.  Those are the next step's less the prompts just taken, all of
 * 200 tokens. */
static void waits_are_paid(hg_arena arena)
{
    hg_workload w;
    hg_sim_result r, at_once;
    hg_workload_synthetic(&arena, 200, 80, 1, 400, 7, &w);
    w.load = HG_LOAD_CLOSED;
    w.concurrency = 40;
    hg_sim_config c = mindie();
    c.sched.max_num_seqs = 40;
    c.sched.max_prefill_seqs = 3;
    c.sched.select_batch = c.stepwise = true;
    c.sched.decode_wait_s = 0.01;
    hg_sim_run(&arena, &w, &c, &r);
    double waste_s = 0;
    int chosen = 0;
    for (size_t i = 0; i + 1 < r.steps_logged; i++) {
        const hg_step_record *s = &r.steps_log[i], *next = &r.steps_log[i + 1];
        if (s->decodes > 0) {
            waste_s += 0.01 * (40 - s->decodes);
            continue;
        }
        int32_t decodes = next->decodes - s->tokens / 200;
        CHECKF(next->decodes == 0 || waste_s >= 0.15 * decodes - 1e-9, "step %zu: %d decodes wait for %g s wasted", i, decodes, waste_s);
        chosen += next->decodes > 0 && decodes > 0;
        waste_s = 0;
    }
    CHECKF(chosen > 10, "%d", chosen);
    c.sched.select_batch = false;
    hg_sim_run(&arena, &w, &c, &at_once);
    CHECK(r.latency[HG_TTFT].mean > at_once.latency[HG_TTFT].mean);
}

/* maxPreemptCount 0: what runs is never evicted, and as many run as the manual's rule for maxBatchSize says. */
static void rooms_are_whole(hg_arena arena)
{
    hg_sim_config c = mindie();
    c.sched.kv_blocks = 103; /* of (1000 + 280) / 128 = 10 blocks each */
    hg_workload w;
    hg_sim_result r;
    hg_workload_synthetic(&arena, 1000, 280, 1, 100, 7, &w);
    w.load = HG_LOAD_CLOSED;
    w.concurrency = 50;
    hg_sim_run(&arena, &w, &c, &r);
    CHECK(r.completed == 100 && r.preemptions == 0 && r.most_running == 10);
    c.sched.max_num_batched_tokens = 999; /* maxPrefillTokens below the prompt: refused, as prompts are whole */
    hg_sim_run(&arena, &w, &c, &r);
    CHECK(r.completed == 0 && r.rejected == 100);
}

void test_sim_mindie(void)
{
    hg_arena arena;
    CHECK(hg_arena_open(&arena, 0));
    prompts_go_first(arena);
    waste_decides(arena);
    steps_are_of_one_kind(arena);
    waits_are_paid(arena);
    rooms_are_whole(arena);
    hg_arena_close(&arena);
}

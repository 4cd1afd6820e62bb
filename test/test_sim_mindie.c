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

/* A request waits from 0.123 s on; looks at 0.13 s, 0.14 s … find one running and 199 slots empty, so waste is
 * 199 · decode_wait at the first of them, and prompts go first at the look that brings it to prefill_wait · 1: the
 * ceil(prefill_wait / (199 · decode_wait))-th.  The 12 steps before, when nothing waited, wasted nothing. */
static void waste_decides(hg_arena arena)
{
    static const struct {
        double prefill_wait_s, decode_wait_s;
        int looks;
    } rows[] = {
        { 0.15, 0.05, 1 },                /* the defaults */
        { 0.15, 0.15 / (199 * 2.0), 2 },  /* not at once, whatever the steps before */
        { 0.15, 0.15 / (199 * 20.0), 20 },
        { 0.15, 0.15 / (199 * 19.5), 20 },
        { 0.15, 0.15 / (199 * 50.0), 50 },
        { 1e9, 1e-9, 88 },                /* never: in when nothing runs any more, at 1 s, as 0 ≤ waste */
        { 0, 0, 1 },                      /* no wait at all */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_arena scratch = arena;
        hg_sim_config c = mindie();
        c.sched.select_batch = true;
        c.sched.prefill_wait_s = rows[i].prefill_wait_s * (1 - 1e-9);
        c.sched.decode_wait_s = rows[i].decode_wait_s;
        hg_sim_result r = run_two(&scratch, &c);
        CHECKF(fabs(r.records[1].first_token_s - (0.13 + 0.01 * rows[i].looks)) < 1e-9, "row %zu: first token at %g s", i,
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

/* The rule over a whole run, while requests wait at every look: a step of decodes is one whose waste, with its own
 * look's, is below what those that run would wait, and one of prompts is not.  Those that run at a look for prompts are
 * the next step's decodes less the prompts just taken, all of 200 tokens. */
static void waits_are_paid(hg_arena arena)
{
    hg_workload w;
    hg_sim_result r, at_once;
    hg_workload_synthetic(&arena, 200, 80, 1, 400, 7, &w);
    w.load = HG_LOAD_CLOSED;
    w.concurrency = 80;
    hg_sim_config c = mindie();
    c.sched.max_num_seqs = 40;
    c.sched.max_prefill_seqs = 3;
    c.sched.select_batch = c.stepwise = true;
    c.sched.decode_wait_s = 0.01;
    hg_sim_run(&arena, &w, &c, &r);
    double waste_s = 0;
    int taken = 0, chosen = 0, refused = 0;
    for (size_t i = 0; i + 1 < r.steps_logged && taken < 300; i++) {
        const hg_step_record *s = &r.steps_log[i], *next = &r.steps_log[i + 1];
        int32_t prompts = s->decodes == 0 ? s->tokens / 200 : 0, runs = prompts ? next->decodes - prompts : s->decodes;
        if (prompts && runs < 0)
            runs = 0; /* more prompts follow, and nothing runs beside them */
        waste_s += 0.01 * (40 - runs);
        if (s->decodes > 0) {
            CHECKF(waste_s < 0.15 * runs + 1e-9, "step %zu: %g s wasted beside %d", i, waste_s, runs);
            refused += waste_s > 0;
            continue;
        }
        CHECKF(next->decodes == 0 || waste_s >= 0.15 * runs - 1e-9, "step %zu: %d wait for %g s wasted", i, runs, waste_s);
        chosen += next->decodes > 0 && runs > 0;
        taken += prompts;
        waste_s = 0;
    }
    CHECKF(chosen > 10 && refused > 10, "%d, %d", chosen, refused);
    c.sched.select_batch = false;
    hg_sim_run(&arena, &w, &c, &at_once);
    CHECK(r.latency[HG_TTFT].mean > at_once.latency[HG_TTFT].mean);
}

/* Runs of steps between looks that count: the reference that takes every step singly gives the same times. */
static void runs_are_steps(hg_arena arena)
{
    for (int clients = 20; clients <= 80; clients += 30) {
        hg_arena scratch = arena;
        hg_sim_config c = mindie();
        c.sched.max_num_seqs = 40;
        c.sched.select_batch = true;
        c.sched.decode_wait_s = 0.01;
        hg_sim_result fast = closed(&scratch, &c, clients, 400, 100);
        c.stepwise = true;
        hg_sim_result slow = closed(&scratch, &c, clients, 400, 100);
        for (int k = 0; k < HG_METRICS; k++)
            CHECK_NEAR(fast.latency[k].mean, slow.latency[k].mean, 1e-9);
    }
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
    /* Three drafts more may be written than are kept: 1,283 tokens, 11 blocks. */
    c.sched.draft_tokens = 3;
    c.sched.acceptance = 0.5;
    hg_sim_run(&arena, &w, &c, &r);
    CHECK(r.completed == 100 && r.preemptions == 0 && r.most_running == 9 && r.kv_blocks_left == 0);
    c.sched.draft_tokens = 0;
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
    runs_are_steps(arena);
    rooms_are_whole(arena);
    hg_arena_close(&arena);
}

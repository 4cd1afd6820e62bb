/* What holds for every scheduler of scheds.def, and what tells them apart; pools; steps decided ahead. */
#include "test.h"

#include "base/rng.h"
#include "sim/sim.h"

#include <math.h>
#include <string.h>

static double step_time(void *ctx, const hg_batch *b)
{
    (void)ctx;
    double s = 6.5e-3 + 2.4e-9 * (double)b->decode_context + 1e-5 * b->decodes;
    for (int32_t i = 0; i < b->chunk_count; i++)
        s += 3e-5 * b->chunks[i].tokens;
    return s;
}

static hg_sim_config roomy(const char *scheduler)
{
    return (hg_sim_config){
        .scheduler = scheduler,
        .sched = { .max_num_seqs = 256, .max_num_batched_tokens = 2048, .kv_blocks = 20000,
                   .block_tokens = 16, .chunked_prefill = true },
        .oracle = { step_time, NULL }, .keep_requests = true,
    };
}

static bool computes_prompts(const char *scheduler)
{
    return strcmp(scheduler, "receive") != 0;
}

/* Every request once, in full, in time order, and every block given back, under pressure. */
static void conserve(hg_arena arena, const char *scheduler)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        hg_arena scratch = arena;
        hg_rng rng = hg_rng_seed(seed, 9);
        hg_workload w;
        hg_workload_synthetic(&scratch, 1200, 300, 0.01, 400, seed, &w);
        w.load = seed % 2 ? HG_LOAD_RATE : HG_LOAD_CLOSED;
        w.rate_per_s = pow(10, 2 * hg_rng_unit(&rng));
        w.concurrency = hg_rng_between(&rng, 1, 120);
        hg_sim_config c = roomy(scheduler);
        c.requests = 400;
        c.ranks = (int32_t)hg_rng_between(&rng, 0, 3);
        c.replicas = (int32_t)hg_rng_between(&rng, 1, 3) * (c.ranks ? c.ranks : 1);
        c.sched.balance_steps = (int32_t)hg_rng_between(&rng, 0, 20);
        c.sched.pipeline_stages = (int32_t)hg_rng_between(&rng, 0, 3);
        c.sched.kv_blocks = hg_rng_between(&rng, 100, 2000);
        c.sched.max_num_seqs = hg_rng_between(&rng, 1, 100);
        c.sched.max_num_batched_tokens = hg_rng_between(&rng, 1300, 4000);
        c.sched.chunked_prefill = hg_rng_unit(&rng) < 0.5;
        c.sched.async = hg_rng_unit(&rng) < 0.5;
        c.sched.recv_interval = (int32_t)hg_rng_between(&rng, 0, 12);
        c.sched.batch_wait_steps = (int32_t)hg_rng_between(&rng, 0, 8);
        c.sched.batch_wait_frac = 0.8;
        c.request_serial_s = hg_rng_unit(&rng) < 0.5 ? 2e-3 : 0;
        hg_sim_result r;
        hg_sim_run(&scratch, &w, &c, &r);
        CHECKF(r.completed + r.rejected == 400 && r.kv_blocks_left == 0, "%s, seed %d: %zu done, %zu rejected, %d "
               "blocks left", scheduler, (int)seed, r.completed, r.rejected, (int)r.kv_blocks_left);
        for (size_t i = 0; i < r.offered; i++) {
            const hg_record *x = &r.records[i];
            CHECK(x->rejected || (x->first_token_s > x->arrival_s && x->finish_s >= x->first_token_s));
        }
    }
}

/* Runs of steps are a shortcut: the same requests step by step, within the interpolation; of ranks too. */
static void runs_are_steps(hg_arena arena, const char *scheduler)
{
    for (int k = 0; k < 6; k++) {
        int async = k % 2;
        hg_workload w;
        hg_sim_result fast, slow;
        hg_arena scratch = arena;
        hg_workload_synthetic(&scratch, 900, 250, 0.2, 300, 3, &w);
        w.load = HG_LOAD_RATE;
        w.rate_per_s = 4;
        hg_sim_config c = roomy(scheduler);
        c.sched.async = async;
        c.ranks = c.replicas = 1 << k / 2;
        c.sched.balance_steps = 5;
        hg_sim_run(&scratch, &w, &c, &fast);
        c.stepwise = true;
        hg_sim_run(&scratch, &w, &c, &slow);
        CHECK(fast.completed == slow.completed && fast.preemptions == slow.preemptions);
        for (size_t i = 0; i < 300; i++)
            CHECKF(fabs(fast.records[i].finish_s - slow.records[i].finish_s) < 1e-3 * slow.records[i].finish_s,
                   "%s, request %zu: %g, step by step %g", scheduler, i, fast.records[i].finish_s, slow.records[i].finish_s);
    }
}

/* No two ranks of an engine are ever in different steps, and the slowest one's time is everyone's. */
static void ranks_step_together(hg_arena arena, const char *scheduler)
{
    enum { RANKS = 4, STEPS = 20000 };
    hg_workload w;
    hg_sim_result r, alone;
    hg_workload_synthetic(&arena, 900, 250, 0.2, 300, 3, &w);
    w.load = HG_LOAD_CLOSED;
    w.concurrency = 30;
    hg_sim_config c = roomy(scheduler);
    c.replicas = RANKS;
    c.keep_steps = STEPS;
    hg_sim_run(&arena, &w, &c, &alone);
    c.ranks = RANKS;
    hg_sim_run(&arena, &w, &c, &r);
    CHECK(r.steps_logged < STEPS && r.duration_s >= 0.99 * alone.duration_s);
    int shared_steps = 0;
    for (size_t i = 0; i + 1 < r.steps_logged; i++) {
        const hg_step_record *a = &r.steps_log[i], *b = &r.steps_log[i + 1];
        bool together = a->start_ns == b->start_ns && a->duration_ns == b->duration_ns;
        shared_steps += together;
        CHECKF(together || b->start_ns >= a->start_ns + a->duration_ns || b->start_ns <= a->start_ns,
               "%s: a step at %g begins inside the one at %g", scheduler, 1e-9 * (double)b->start_ns, 1e-9 * (double)a->start_ns);
    }
    CHECK(shared_steps > 100);
}

/* Prompts of some ranks wait for those of the others: later first tokens, fewer steps with prompts. */
static void prompts_wait_for_ranks(hg_arena arena)
{
    hg_workload w;
    hg_sim_result at_once, balanced;
    hg_workload_synthetic(&arena, 900, 250, 0.2, 600, 3, &w);
    w.load = HG_LOAD_CLOSED;
    w.concurrency = 60;
    hg_sim_config c = roomy("trtllm");
    c.replicas = c.ranks = 4;
    hg_sim_run(&arena, &w, &c, &at_once);
    c.sched.balance_steps = 30;
    hg_sim_run(&arena, &w, &c, &balanced);
    CHECK(balanced.latency[HG_TTFT].mean > at_once.latency[HG_TTFT].mean);
    CHECK(balanced.latency[HG_TPOT].mean < at_once.latency[HG_TPOT].mean);
}

static hg_workload two(hg_arena *arena, double second_s)
{
    hg_workload w = { .requests = HG_NEW(arena, hg_request, 2), .count = 2, .timed = true, .load = HG_LOAD_REPLAY };
    w.requests[0] = (hg_request){ .isl = 100, .osl = 100 };
    w.requests[1] = (hg_request){ .arrival_s = second_s, .isl = 100, .osl = 2 };
    return w;
}

static double ten_ms(void *ctx, const hg_batch *b)
{
    (void)ctx;
    (void)b;
    return 10e-3;
}

static double second_ttft(hg_arena arena, hg_sim_config c, double second_s)
{
    hg_workload w = two(&arena, second_s);
    hg_sim_result r;
    c.oracle.step = ten_ms;
    hg_sim_run(&arena, &w, &c, &r);
    return r.records[1].first_token_s - r.records[1].arrival_s;
}

/* Came 3 ms into a step of 10: in at its end, or a step later where that was decided before. */
static void deciding_ahead_costs_a_step(hg_arena arena)
{
    hg_sim_config c = roomy("vllm");
    CHECK_NEAR(second_ttft(arena, c, 0.123), 0.017, 1e-9);
    c.sched.async = true;
    CHECK_NEAR(second_ttft(arena, c, 0.123), 0.027, 1e-9);
    CHECK_NEAR(second_ttft(arena, c, 5), 0.01, 1e-9); /* an idle engine starts at once */
}

/* Looked for every tenth step: the wait lies between none and ten steps, and is not always the same. */
static void rare_looks_cost_steps(hg_arena arena)
{
    hg_sim_config c = roomy("sglang");
    c.sched.async = true;
    c.sched.recv_interval = 10;
    double least = INFINITY, most = 0;
    for (int i = 0; i < 20; i++) {
        double t = second_ttft(arena, c, 0.203 + 0.01 * i);
        least = fmin(least, t);
        most = fmax(most, t);
    }
    CHECKF(least >= 0.02 && least < 0.04 && most > 0.1 && most < 0.13, "%g to %g", least, most);
}

/* SGLang pauses decodes while prompts run, vLLM and TensorRT-LLM run both in a step. */
static void prompts_pause_decodes_or_not(hg_arena arena)
{
    static const struct {
        const char *scheduler;
        double finish_s; /* of the first: 1 prompt step and 99 decodes, and a step of the second's prompt */
    } want[] = { { "vllm", 1.0 }, { "trtllm", 1.0 }, { "sglang", 1.01 } };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        hg_arena scratch = arena;
        hg_workload w = two(&scratch, 0.123);
        hg_sim_config c = roomy(want[i].scheduler);
        hg_sim_result r;
        c.oracle.step = ten_ms;
        hg_sim_run(&scratch, &w, &c, &r);
        CHECK_NEAR(r.records[0].finish_s, want[i].finish_s, 1e-9);
    }
}

/* TensorRT-LLM makes room for the whole output first: never a preemption where vLLM needs many. */
static void promised_room_is_never_taken_back(hg_arena arena)
{
    int64_t preemptions[2];
    for (int trt = 0; trt < 2; trt++) {
        hg_arena scratch = arena;
        hg_workload w;
        hg_workload_synthetic(&scratch, 200, 800, 1, 200, 1, &w);
        w.load = HG_LOAD_CLOSED;
        w.concurrency = 40;
        hg_sim_config c = roomy(trt ? "trtllm" : "vllm");
        c.sched.kv_blocks = 1000;
        hg_sim_result r;
        hg_sim_run(&scratch, &w, &c, &r);
        CHECK(r.completed == 200);
        preemptions[trt] = r.preemptions;
    }
    CHECK(preemptions[0] > 50 && preemptions[1] == 0);
}

/* Requests pass the front end one by one. */
static void front_end_is_serial(hg_arena arena)
{
    hg_workload w;
    hg_workload_synthetic(&arena, 10, 1, 1, 50, 1, &w);
    w.load = HG_LOAD_CLOSED;
    w.concurrency = 50;
    hg_sim_config c = roomy("vllm");
    c.oracle.step = ten_ms;
    c.request_serial_s = 0.1;
    hg_sim_result r;
    hg_sim_run(&arena, &w, &c, &r);
    for (size_t i = 0; i < 50; i++)
        CHECK_NEAR(r.records[i].first_token_s, 0.1 * (double)i + 0.01, 1e-9);
}

/* A prompt's step, the way, the first token out when the decode side takes it, then a step a token. */
static void pools_hand_over(hg_arena arena)
{
    hg_prefill_pool pool = { .instances = 2, .scheduler = "vllm", .sched = roomy("vllm").sched,
                             .oracle = { ten_ms, NULL }, .move_s = 5e-3, .move_s_per_token = 1e-5 };
    hg_workload w = two(&arena, 5);
    hg_sim_config c = roomy("receive");
    c.oracle.step = ten_ms;
    c.prefill = &pool;
    hg_sim_result r;
    hg_sim_run(&arena, &w, &c, &r);
    for (size_t i = 0; i < 2; i++) {
        CHECK_NEAR(r.records[i].first_token_s - r.records[i].arrival_s, 0.016, 1e-9);
        CHECK_NEAR(r.records[i].finish_s - r.records[i].first_token_s, 0.01 * (i ? 1 : 99), 1e-9);
        CHECK(r.records[i].replica == 2);
    }
    CHECK(r.completed == 2 && r.kv_blocks_left == 0);
}

/* Decodes are not slowed by prompts in another pool; enough prompts make the prefill pool the limit. */
static void pools_part_the_work(hg_arena arena)
{
    hg_workload w;
    hg_workload_synthetic(&arena, 1500, 200, 0.5, 600, 5, &w);
    w.load = HG_LOAD_CLOSED;
    w.concurrency = 32;
    hg_prefill_pool pool = { .instances = 1, .scheduler = "vllm", .sched = roomy("vllm").sched,
                             .oracle = { step_time, NULL } };
    hg_sim_config c = roomy("receive");
    hg_sim_result apart, together;
    c.prefill = &pool;
    hg_sim_run(&arena, &w, &c, &apart);
    c = roomy("vllm");
    hg_sim_run(&arena, &w, &c, &together);
    CHECK(apart.completed == 600 && apart.kv_blocks_left == 0);
    hg_batch all = { .decodes = 32, .decode_context = 32 * 1700 };
    CHECK(apart.latency[HG_TPOT].p99 < step_time(NULL, &all));
    CHECK(together.latency[HG_TPOT].mean > 1.5 * step_time(NULL, &all));
    pool.instances = 4;
    c = roomy("receive");
    c.prefill = &pool;
    hg_sim_run(&arena, &w, &c, &together);
    CHECK(together.latency[HG_TTFT].mean < 0.5 * apart.latency[HG_TTFT].mean);
}

void test_sim_schedulers(void)
{
    hg_arena arena;
    CHECK(hg_arena_open(&arena, 0));
    for (size_t i = 0; i < hg_scheduler_count; i++)
        if (computes_prompts(hg_scheduler_names[i])) {
            conserve(arena, hg_scheduler_names[i]);
            runs_are_steps(arena, hg_scheduler_names[i]);
            ranks_step_together(arena, hg_scheduler_names[i]);
        }
    prompts_wait_for_ranks(arena);
    deciding_ahead_costs_a_step(arena);
    rare_looks_cost_steps(arena);
    prompts_pause_decodes_or_not(arena);
    promised_room_is_never_taken_back(arena);
    front_end_is_serial(arena);
    pools_hand_over(arena);
    pools_part_the_work(arena);
    hg_arena_close(&arena);
}

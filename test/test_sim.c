/* The simulator against the reference stepper: the same steps, the same nanoseconds. */
#include "test.h"

#include "reference_stepper.h"

#include "base/pool.h"
#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { REQUESTS = 300, STEPS = 400000 };

/* Linear in decode_context; prompts cost per token and per pair of tokens. */
static double linear_step(void *ctx, const hg_batch *b)
{
    double s = *(double *)ctx + 2.4e-9 * (double)b->decode_context + 7e-6 * b->decodes;
    for (int32_t i = 0; i < b->chunk_count; i++)
        s += 3e-5 * b->chunks[i].tokens +
             1e-9 * (double)b->chunks[i].tokens * (double)b->chunks[i].context;
    return s;
}

/* Smooth and curved in decode_context. */
static double curved_step(void *ctx, const hg_batch *b)
{
    double c = (double)b->decode_context;
    return linear_step(ctx, b) + 2e-4 * sqrt(1 + c / 5000) + 1e-15 * c * c;
}

typedef struct question {
    hg_workload workload;
    hg_sim_config config;
    hg_request requests[REQUESTS];
    ref_request plain[REQUESTS];
    double base_s;
} question;

/* Some random traffic on a random small engine: bursts, ties, pressure on every limit. */
static void make_question(question *q, uint64_t seed, hg_step_fn step)
{
    hg_rng r = hg_rng_seed(seed, 77);
    int64_t at_ns = 0, isl_max = hg_rng_between(&r, 1, 900), osl_max = hg_rng_between(&r, 1, 400);
    double gap_s = pow(10, -3 + 2.5 * hg_rng_unit(&r));
    q->base_s = hg_rng_unit(&r) < 0.5 ? 5e-3 : 6.5e-3;
    for (int i = 0; i < REQUESTS; i++) {
        q->requests[i] = (hg_request){ .arrival_s = (double)at_ns * 1e-9,
                                       .isl = (int32_t)hg_rng_between(&r, 1, isl_max),
                                       .osl = (int32_t)hg_rng_between(&r, 1, osl_max) };
        q->plain[i] = (ref_request){ .arrival_ns = at_ns, .isl = q->requests[i].isl,
                                     .osl = q->requests[i].osl };
        if (hg_rng_unit(&r) < 0.8)
            at_ns += llround(hg_rng_exponential(&r, 1 / gap_s) * 1e9);
    }
    int64_t block = hg_rng_between(&r, 0, 1) ? 16 : hg_rng_between(&r, 1, 40);
    int64_t tokens = hg_rng_between(&r, isl_max + osl_max - 20, 5 * (isl_max + osl_max));
    q->workload = (hg_workload){ .requests = q->requests, .count = REQUESTS, .timed = true,
                                 .load = HG_LOAD_REPLAY, .speedup = 1 };
    q->config = (hg_sim_config){
        .sched = { .max_num_seqs = hg_rng_between(&r, 1, 64),
                   .max_num_batched_tokens = hg_rng_between(&r, 64, 2048),
                   .kv_blocks = tokens / block + 1, .block_tokens = (int32_t)block,
                   .chunked_prefill = hg_rng_unit(&r) < 0.8,
                   .max_model_len = hg_rng_unit(&r) < 0.2 ? isl_max + osl_max - 5 : 0 },
        .oracle = { step, &q->base_s }, .replicas = (int32_t)hg_rng_between(&r, 1, 3),
        .route = hg_rng_unit(&r) < 0.5 ? HG_ROUTE_ROUND_ROBIN : HG_ROUTE_LEAST_OUTSTANDING,
        .keep_requests = true, .keep_steps = STEPS,
    };
    if (hg_rng_unit(&r) < 0.3) {
        q->workload.load = HG_LOAD_CLOSED;
        q->workload.concurrency = hg_rng_between(&r, 1, 100);
    }
}

static bool same_ns(double s, int64_t ns)
{
    return ns < 0 ? isnan(s) : llround(s * 1e9) == ns;
}

static int by_start(const void *a, const void *b)
{
    const hg_step_record *x = a, *y = b;
    if (x->start_ns != y->start_ns)
        return x->start_ns < y->start_ns ? -1 : 1;
    return x->replica - y->replica;
}

static bool steps_equal(const hg_step_record *a, size_t n, const ref_run *ref)
{
    if (n != (size_t)ref->steps_count)
        return false;
    for (size_t i = 0; i < n; i++) {
        const hg_step_record *x = &a[i], *y = &ref->steps[i];
        if (x->start_ns != y->start_ns || x->duration_ns != y->duration_ns ||
            x->tokens != y->tokens || x->decodes != y->decodes || x->replica != y->replica)
            return false;
    }
    return true;
}

static bool requests_equal(const hg_sim_result *got, const ref_run *ref)
{
    for (int i = 0; i < ref->count; i++) {
        const hg_record *x = &got->records[i];
        const ref_request *y = &ref->requests[i];
        int64_t queued_ns = y->scheduled_ns < 0 ? -1 : y->scheduled_ns - y->arrival_ns;
        if (x->rejected != y->rejected || !same_ns(x->arrival_s, y->arrival_ns) ||
            !same_ns(x->queued_s, queued_ns) || !same_ns(x->first_token_s, y->first_ns) ||
            !same_ns(x->finish_s, y->finish_ns) || x->preemptions != y->preemptions ||
            x->replica != y->replica)
            return false;
    }
    return true;
}

/* Bit-equal to the reference, by single steps and by runs, when the oracle is linear. */
static void equals_reference(hg_arena scratch, uint64_t seed, int64_t *preemptions)
{
    question *q = HG_NEW(&scratch, question, 1);
    make_question(q, seed, linear_step);
    ref_run ref = { .requests = q->plain, .count = REQUESTS, .config = &q->config,
                    .clients = q->workload.load == HG_LOAD_CLOSED ? (int)q->workload.concurrency : 0,
                    .steps = HG_NEW(&scratch, hg_step_record, STEPS), .steps_max = STEPS };
    reference_run(&ref);
    CHECK(!ref.over_committed && ref.blocks_left == 0 && ref.steps_count < STEPS);
    CHECKF(!ref.was_idle_with_work, "seed %d: idle with work", (int)seed);
    qsort(ref.steps, (size_t)ref.steps_count, sizeof *ref.steps, by_start);
    for (int stepwise = 0; stepwise < 2; stepwise++) {
        hg_arena passing = scratch;
        hg_sim_result got;
        q->config.stepwise = stepwise;
        hg_sim_run(&passing, &q->workload, &q->config, &got);
        qsort(got.steps_log, got.steps_logged, sizeof *got.steps_log, by_start);
        CHECKF(steps_equal(got.steps_log, got.steps_logged, &ref), "seed %d, stepwise %d: steps",
               (int)seed, stepwise);
        CHECKF(requests_equal(&got, &ref), "seed %d, stepwise %d: requests", (int)seed, stepwise);
        CHECK(llround(got.kv_peak_frac * (double)q->config.sched.kv_blocks) == ref.kv_most);
        CHECK(got.kv_blocks_left == 0 && got.steps == ref.steps_count);
        *preemptions += got.preemptions;
    }
}

/* With a curved oracle and arrivals that depend on answers only: the same order of everything, every
 * token within 0.1 %. */
static void runs_stay_near_steps(hg_arena scratch, uint64_t seed, size_t *compared)
{
    question *q = HG_NEW(&scratch, question, 1);
    make_question(q, seed, curved_step);
    q->workload.load = HG_LOAD_CLOSED;
    q->workload.concurrency = 1 + (int64_t)seed % 90;
    q->config.replicas = 1;
    hg_sim_result a, b;
    hg_sim_run(&scratch, &q->workload, &q->config, &a);
    q->config.stepwise = true;
    hg_sim_run(&scratch, &q->workload, &q->config, &b);
    CHECKF(a.steps == b.steps && a.steps_logged == b.steps_logged, "seed %d: %d and %d steps",
           (int)seed, (int)a.steps, (int)b.steps);
    bool near = true, alike = true;
    for (size_t i = 0; i < a.steps_logged && i < b.steps_logged; i++) {
        const hg_step_record *x = &a.steps_log[i], *y = &b.steps_log[i];
        double end = (double)(y->start_ns + y->duration_ns);
        near &= fabs((double)(x->start_ns + x->duration_ns) - end) <= 1e-3 * end;
        alike &= x->tokens == y->tokens && x->decodes == y->decodes;
    }
    for (size_t i = 0; i < REQUESTS; i++) {
        const hg_record *x = &a.records[i], *y = &b.records[i];
        alike &= x->preemptions == y->preemptions && x->rejected == y->rejected;
        near &= x->rejected || fabs(x->finish_s - y->finish_s) <= 1e-3 * y->finish_s;
    }
    CHECKF(near && alike, "seed %d: near %d, alike %d", (int)seed, near, alike);
    *compared += a.steps_logged;
}

/* With arrivals of their own a nanosecond's difference can put one into the next step, so single
 * orders may part; what is reported may not. */
static void runs_report_like_steps(hg_arena scratch, uint64_t seed)
{
    question *q = HG_NEW(&scratch, question, 1);
    make_question(q, seed, curved_step);
    q->workload.load = HG_LOAD_RATE;
    q->workload.rate_per_s = 20;
    q->config.requests = 3000;
    hg_sim_result a, b;
    hg_sim_run(&scratch, &q->workload, &q->config, &a);
    q->config.stepwise = true;
    hg_sim_run(&scratch, &q->workload, &q->config, &b);
    CHECK(a.completed == b.completed && a.rejected == b.rejected);
    if (a.completed > 0) {
        CHECK_NEAR(a.latency[HG_E2E].mean, b.latency[HG_E2E].mean, 0.01);
        CHECK_NEAR(a.latency[HG_E2E].p99, b.latency[HG_E2E].p99, 0.01);
        CHECK_NEAR(a.latency[HG_TTFT].mean, b.latency[HG_TTFT].mean, 0.01);
        CHECK_NEAR(a.duration_s, b.duration_s, 0.001);
    }
}

void test_sim(void)
{
    hg_arena arena;
    CHECK(hg_arena_open(&arena, 0));
    int64_t preemptions = 0;
    size_t compared = 0;
    for (uint64_t seed = 1; seed <= 60; seed++)
        equals_reference(arena, seed, &preemptions);
    CHECKF(preemptions > 1000, "only %d preemptions: no pressure", (int)preemptions);
    for (uint64_t seed = 101; seed <= 140; seed++)
        runs_stay_near_steps(arena, seed, &compared);
    for (uint64_t seed = 201; seed <= 220; seed++)
        runs_report_like_steps(arena, seed);
    CHECK(compared > 100000);
    hg_arena_close(&arena);
}

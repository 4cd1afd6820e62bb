/* Laws of the simulator that hold for any scheduler and traffic. */
#include "test.h"

#include "base/hist.h"
#include "base/pool.h"
#include "base/rng.h"
#include "base/stat.h"
#include "sim/sim.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double step_time(void *ctx, const hg_batch *b)
{
    (void)ctx;
    double s = 6.5e-3 + 2.4e-9 * (double)b->decode_context + 1e-5 * b->decodes;
    for (int32_t i = 0; i < b->chunk_count; i++)
        s += 3e-5 * b->chunks[i].tokens;
    return s;
}

static hg_sim_config roomy(void)
{
    return (hg_sim_config){
        .sched = { .max_num_seqs = 256, .max_num_batched_tokens = 2048, .kv_blocks = 20000,
                   .block_tokens = 16, .chunked_prefill = true },
        .oracle = { step_time, NULL }, .keep_requests = true,
    };
}

static hg_workload traffic(hg_arena *arena, size_t count, uint64_t seed)
{
    hg_workload w;
    hg_workload_synthetic(arena, 1200, 300, 0.01, count, seed, &w);
    w.load = HG_LOAD_RATE;
    w.rate_per_s = 8;
    return w;
}

/* As many requests are in the system as clients: the k-th answer sends the (k + C)-th request. */
static void closed_loop_keeps_its_clients(hg_arena arena)
{
    enum { N = 2000, CLIENTS = 37 };
    hg_workload w = traffic(&arena, 500, 3);
    w.load = HG_LOAD_CLOSED;
    w.concurrency = CLIENTS;
    hg_sim_config c = roomy();
    c.requests = N;
    c.replicas = 2;
    hg_sim_result r;
    hg_sim_run(&arena, &w, &c, &r);
    double *finishes = HG_NEW(&arena, double, N);
    for (size_t i = 0; i < N; i++)
        finishes[i] = r.records[i].finish_s;
    hg_sort(finishes, N);
    CHECK(r.completed == N && r.offered == N);
    for (size_t i = 0; i < N; i++)
        CHECK(r.records[i].arrival_s == (i < CLIENTS ? 0 : finishes[i - CLIENTS]));
}

/* Little's law as areas: every running request is in every step between its scheduling and its
 * finish, so sequences × time summed over steps is time running summed over requests. */
static void areas_agree(hg_arena arena)
{
    hg_workload w = traffic(&arena, 3000, 4);
    hg_sim_config c = roomy();
    c.slo = (hg_slo){ .limits = { { HG_TTFT, 0.9, 0.05 }, { HG_TPOT, 0.9, 0.012 } }, .count = 2 };
    hg_sim_result r;
    hg_sim_run(&arena, &w, &c, &r);
    double running_s = 0, tpot_s = 0, gaps = 0;
    size_t good = 0;
    int64_t tokens = 0;
    for (size_t i = 0; i < r.offered; i++) {
        const hg_record *x = &r.records[i];
        double tpot = x->osl > 1 ? (x->finish_s - x->first_token_s) / (x->osl - 1) : 0;
        CHECK(x->finished && x->finish_s >= x->first_token_s && x->first_token_s > x->arrival_s);
        running_s += x->finish_s - x->arrival_s - x->queued_s;
        tpot_s += x->finish_s - x->first_token_s;
        gaps += x->osl - 1;
        tokens += x->osl;
        good += x->first_token_s - x->arrival_s < 0.05 && tpot < 0.012;
    }
    CHECK(r.preemptions == 0);
    CHECK_NEAR(r.mean_batch * r.busy_s, running_s, 1e-9);
    CHECK_NEAR(r.latency[HG_ITL].mean, tpot_s / gaps, 1e-9);
    CHECK_NEAR(r.output_tokens_per_s * r.window_s, (double)tokens, 1e-9);
    CHECKF(r.good == good && good > 0 && good < r.offered, "%zu good, want %zu of %zu", r.good, good,
           r.offered);
    CHECK_NEAR(r.attained_frac, (double)good / (double)r.offered, 1e-12);
    CHECK_NEAR(r.good_per_s * r.window_s, (double)good, 1e-9);
}

typedef struct fan {
    hg_workload w[8];
    hg_sim_config c[8];
    hg_arena arenas[8];
    hg_sim_result results[8];
} fan;

static void run_one(void *ctx, size_t i, int thread)
{
    fan *f = ctx;
    (void)thread;
    hg_sim_run(&f->arenas[i], &f->w[i], &f->c[i], &f->results[i]);
}

static bool same_bytes(const hg_sim_result *a, const hg_sim_result *b)
{
    return a->offered == b->offered && a->steps == b->steps &&
           memcmp(a->latency, b->latency, sizeof a->latency) == 0 &&
           memcmp(a->records, b->records, a->offered * sizeof *a->records) == 0;
}

static void threads_change_nothing(hg_arena arena)
{
    fan *f = HG_NEW(&arena, fan, 2);
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < 8; i++) {
            f[pass].w[i] = traffic(&arena, 400, i);
            f[pass].c[i] = roomy();
            f[pass].c[i].seed = i;
            f[pass].c[i].sched.kv_blocks = 400;
            f[pass].c[i].replicas = 1 + (int32_t)(i % 3);
            CHECK(hg_arena_open(&f[pass].arenas[i], (size_t)1 << 28));
        }
    hg_parallel(8, 1, run_one, &f[0]);
    hg_parallel(8, 4, run_one, &f[1]);
    for (size_t i = 0; i < 8; i++) {
        CHECKF(same_bytes(&f[0].results[i], &f[1].results[i]), "simulation %zu differs", i);
        hg_arena_close(&f[0].arenas[i]);
        hg_arena_close(&f[1].arenas[i]);
    }
    CHECK(f[0].results[0].preemptions > 0);
}

static double per_sequence(void *ctx, const hg_batch *b)
{
    (void)ctx;
    return 1e-3 * (b->decodes + b->chunk_count);
}

/* With time proportional to the batch, two stages that each hold half of the sequences do twice
 * the work of one. */
static void stages_multiply_throughput(hg_arena arena)
{
    double tokens_per_s[5];
    for (int stages = 1; stages <= 4; stages *= 2) {
        hg_arena scratch = arena;
        hg_workload w;
        hg_workload_synthetic(&scratch, 10, 2000, 1, 64, 1, &w);
        w.load = HG_LOAD_CLOSED;
        w.concurrency = 64;
        hg_sim_config c = roomy();
        c.oracle.step = per_sequence;
        c.requests = 64;
        c.sched.pipeline_stages = stages;
        c.sched.max_num_batched_tokens = 640 / stages; /* each lane gets its share of prompts */
        hg_sim_result r;
        hg_sim_run(&scratch, &w, &c, &r);
        CHECK(r.completed == 64 && r.kv_blocks_left == 0);
        tokens_per_s[stages] = r.output_tokens_per_s;
    }
    CHECK_NEAR(tokens_per_s[1], 1000, 0.01);
    CHECK_NEAR(tokens_per_s[2], 2000, 0.03);
    CHECK_NEAR(tokens_per_s[4], 4000, 0.06);
}

/* Conversations: each turn's prompt is all blocks of the one before and some new ones. */
static hg_workload conversations(hg_arena *arena, size_t count, uint64_t seed)
{
    enum { BLOCK = 64, TALKS = 20 };
    hg_rng r = hg_rng_seed(seed, 6);
    int64_t *hashes = HG_NEW(arena, int64_t, count * 40), next = 1;
    int64_t turns[TALKS][40] = { { 0 } };
    uint32_t used = 0, blocks[TALKS] = { 0 };
    hg_workload w = { .requests = HG_NEW(arena, hg_request, count), .count = count, .hashes = hashes,
                      .hash_block_tokens = BLOCK };
    for (size_t i = 0; i < count; i++) {
        int64_t talk = hg_rng_between(&r, 0, TALKS - 1), more = hg_rng_between(&r, 1, 8);
        if (blocks[talk] + more > 40)
            blocks[talk] = 0;
        for (int64_t k = 0; k < more; k++)
            turns[talk][blocks[talk]++] = next++;
        w.requests[i] = (hg_request){ .isl = (int32_t)(blocks[talk] * BLOCK - hg_rng_between(&r, 0, 63)),
                                      .osl = (int32_t)hg_rng_between(&r, 1, 50),
                                      .hash_first = used, .hash_count = blocks[talk] };
        memcpy(hashes + used, turns[talk], blocks[talk] * sizeof *hashes);
        used += blocks[talk];
    }
    return w;
}

/* Any number of stages under memory pressure: everything completes once, no block is lost. */
static void stages_conserve(hg_arena arena)
{
    int64_t preemptions = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        hg_arena scratch = arena;
        hg_rng rng = hg_rng_seed(seed, 5);
        hg_workload w = seed % 2 ? traffic(&scratch, 400, seed) : conversations(&scratch, 400, seed);
        hg_sim_config c = roomy();
        w.load = HG_LOAD_RATE;
        w.rate_per_s = pow(10, 2 * hg_rng_unit(&rng));
        c.sched.pipeline_stages = (int32_t)hg_rng_between(&rng, 2, 5);
        c.sched.kv_blocks = hg_rng_between(&rng, 80, 400);
        c.sched.max_num_batched_tokens = hg_rng_between(&rng, 100, 2000);
        c.sched.max_num_seqs = hg_rng_between(&rng, 1, 100);
        c.sched.chunked_prefill = hg_rng_unit(&rng) < 0.8;
        c.sched.prefix_caching = true;
        c.replicas = (int32_t)hg_rng_between(&rng, 1, 2);
        hg_sim_result r;
        hg_sim_run(&scratch, &w, &c, &r);
        CHECKF(r.completed + r.rejected == 400 && r.kv_blocks_left == 0, "seed %d: %zu, %zu, %d",
               (int)seed, r.completed, r.rejected, (int)r.kv_blocks_left);
        preemptions += r.preemptions;
    }
    CHECK(preemptions > 1000);
}

/* One request at a time in a pool that never fills: a request finds exactly the whole blocks that
 * any before it had, and computes at least one token. */
static void finds_all_prefixes(hg_arena arena)
{
    enum { N = 600 };
    hg_workload w = conversations(&arena, N, 1);
    w.load = HG_LOAD_CLOSED;
    w.concurrency = 1;
    hg_sim_config c = roomy();
    c.sched.kv_blocks = 1000000;
    c.sched.prefix_caching = true;
    hg_sim_result r;
    hg_sim_run(&arena, &w, &c, &r);
    bool *seen = HG_NEW(&arena, bool, N * 40);
    for (size_t i = 0; i < N; i++) {
        const hg_request *q = &w.requests[i];
        int32_t hit = 0;
        while (hit < (q->isl - 1) / 64 && seen[w.hashes[q->hash_first + (uint32_t)hit]])
            hit++;
        CHECKF(r.records[i].prefix_hit_tokens == 64 * hit, "request %zu: %d tokens, want %d", i,
               r.records[i].prefix_hit_tokens, 64 * hit);
        for (int32_t k = 0; k < q->isl / 64; k++)
            seen[w.hashes[q->hash_first + (uint32_t)k]] = true;
    }
    CHECK(r.prefix_hit_frac > 0.3 && r.kv_blocks_left == 0);
}

/* Under pressure and preemption: nothing is lost, more room finds more, and without the flag or
 * without hashes nothing is found. */
static void caches_within_the_pool(hg_arena arena)
{
    static const int64_t pools[] = { 300, 1000, 4000, 16000 };
    for (uint64_t seed = 1; seed <= 10; seed++) {
        double before = 0;
        for (size_t i = 0; i < sizeof pools / sizeof *pools; i++) {
            hg_arena scratch = arena;
            hg_workload w = conversations(&scratch, 800, seed);
            w.load = HG_LOAD_CLOSED;
            w.concurrency = 1 + (int64_t)seed;
            hg_sim_config c = roomy();
            c.sched.kv_blocks = pools[i];
            c.sched.block_tokens = seed % 3 == 0 ? 48 : 16;
            c.sched.prefix_caching = true;
            hg_sim_result r;
            hg_sim_run(&scratch, &w, &c, &r);
            CHECK(r.completed == 800 && r.kv_blocks_left == 0 && r.kv_peak_frac <= 1);
            CHECKF(r.prefix_hit_frac >= before - 0.005, "seed %d: %d blocks find %g, fewer %g", (int)seed,
                   (int)pools[i], r.prefix_hit_frac, before);
            before = r.prefix_hit_frac;
            c.sched.prefix_caching = false;
            hg_sim_run(&scratch, &w, &c, &r);
            CHECK(r.prefix_hit_frac == 0 && r.completed == 800);
        }
        CHECK(before > 0.2);
    }
}

/* Bins must not move a percentile by more than the header says. */
static void histogram_is_fine(hg_arena arena)
{
    enum { N = 20000 };
    hg_hist h;
    hg_rng r = hg_rng_seed(5, 5);
    double *x = HG_NEW(&arena, double, N);
    hg_hist_open(&h, &arena, HG_HIST_FINE);
    for (int i = 0; i < N; i++) {
        int64_t ns = (int64_t)exp(33 * hg_rng_unit(&r));
        x[i] = (double)ns * 1e-9;
        hg_hist_add(&h, ns, 3);
    }
    CHECK_NEAR(hg_hist_mean_s(&h), hg_mean(x, N), 1e-12);
    hg_sort(x, N);
    for (double p = 0.010001; p < 1; p += 0.01) {
        double exact = x[(size_t)ceil(p * N) - 1];
        CHECK_NEAR(hg_hist_percentile_s(&h, p), exact, 0.0005);
    }
}

/* A steady run in either loop tells what a run twenty times as long tells. */
static void steady_runs_agree_with_long_ones(hg_arena arena)
{
    static const hg_slo promise = { .limits = { { HG_TTFT, 0.9, 1 }, { HG_ITL, 0.99, 1 },
                                                { HG_TPOT, HG_MEAN, 1 }, { HG_E2E, 0.5, 100 } },
                                    .count = 4 };
    for (int closed = 0; closed < 2; closed++) {
        hg_arena scratch = arena;
        hg_workload w = traffic(&scratch, 20000, 7);
        w.load = closed ? HG_LOAD_CLOSED : HG_LOAD_RATE;
        w.concurrency = 24;
        hg_sim_config c = roomy();
        c.keep_requests = false;
        c.slo = promise;
        c.requests = 400000;
        c.warmup_requests = 2000;
        hg_sim_result longer, steady;
        hg_sim_run(&scratch, &w, &c, &longer);
        c.steady = (hg_steady){ .on = true, .to_precision = true };
        hg_sim_run(&scratch, &w, &c, &steady);
        CHECKF(steady.end == HG_END_CONVERGED && steady.offered < 20000, "end %d after %zu",
               (int)steady.end, steady.offered);
        for (int i = 0; i < promise.count; i++) {
            double off = fabs(steady.estimates[i].value_s - longer.estimates[i].value_s);
            CHECKF(off < 0.04 * longer.estimates[i].value_s, "closed %d, limit %d: %g, longer %g", closed,
                   i, steady.estimates[i].value_s, longer.estimates[i].value_s);
            CHECK(2 * steady.estimates[i].half_width_s <= 0.05 * steady.estimates[i].value_s);
        }
        CHECK_NEAR(steady.output_tokens_per_s, longer.output_tokens_per_s, 0.05);
        CHECK_NEAR(steady.requests_per_s, longer.requests_per_s, 0.05);
    }
}

/* Too long for the pool or the model: rejected, counted, and never good. */
static void rejects_what_never_fits(hg_arena arena)
{
    hg_workload w = traffic(&arena, 1000, 2);
    for (size_t i = 0; i < 1000; i++)
        w.requests[i] = (hg_request){ .isl = i % 20 == 0 ? 5000 : 500, .osl = 10 };
    hg_sim_config c = roomy();
    c.sched.max_model_len = 4096;
    c.requests = 1000;
    c.slo = (hg_slo){ .limits = { { HG_E2E, 0.9, 100 }, { HG_E2E, 0.96, 100 } }, .count = 2 };
    hg_sim_result r;
    hg_sim_run(&arena, &w, &c, &r);
    CHECK(r.completed == 950 && r.rejected == 50 && r.good == 950 && r.counted == 1000);
    CHECK(r.estimates[0].kept && !r.estimates[1].kept && isinf(r.estimates[1].value_s) && !r.slo_kept);
    c.sched.max_model_len = 100;
    c.steady.on = true;
    hg_sim_run(&arena, &w, &c, &r);
    CHECK(r.completed == 0 && r.rejected >= 1000 && !r.slo_kept && r.end != HG_END_SATURATED);
}

/* The overhead delays what the engine sees and counts into the client's latencies only. */
static void overhead_counts_for_clients(hg_arena arena)
{
    hg_workload w = traffic(&arena, 200, 1);
    w.rate_per_s = 1e-5;
    hg_sim_config c = roomy();
    hg_sim_result plain, late;
    hg_sim_run(&arena, &w, &c, &plain);
    c.request_overhead_s = 0.25;
    hg_sim_run(&arena, &w, &c, &late);
    for (size_t i = 0; i < 200; i++) {
        CHECK(fabs(late.records[i].first_token_s - plain.records[i].first_token_s - 0.25) < 2e-9);
        CHECK(late.records[i].arrival_s == plain.records[i].arrival_s);
        CHECK(late.records[i].queued_s == 0);
    }
}

void test_sim_laws(void)
{
    hg_arena arena;
    CHECK(hg_arena_open(&arena, 0));
    closed_loop_keeps_its_clients(arena);
    areas_agree(arena);
    threads_change_nothing(arena);
    stages_multiply_throughput(arena);
    stages_conserve(arena);
    finds_all_prefixes(arena);
    caches_within_the_pool(arena);
    histogram_is_fine(arena);
    overhead_counts_for_clients(arena);
    rejects_what_never_fits(arena);
    steady_runs_agree_with_long_ones(arena);
    hg_arena_close(&arena);
}

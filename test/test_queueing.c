/* The simulator against queueing theory: one server, one request at a time, and a service time that
 * is the prompt's length; and the steady state's confidence intervals against what they promise. */
#include "test.h"

#include "base/rng.h"
#include "sim/sim.h"

#include <math.h>

static const double TOKEN_S = 1e-6;
enum { MEAN_TOKENS = 100000, LENGTHS = 20000, MANY_LENGTHS = 200000 };

static double prompt_time(void *ctx, const hg_batch *b)
{
    (void)ctx;
    return TOKEN_S * b->chunks[0].tokens;
}

/* Exponential service when `random`, else constant; mean MEAN_TOKENS × TOKEN_S = 0.1 s. */
static hg_workload single_tokens(hg_arena *arena, bool random, double load, size_t count,
                                 uint64_t seed)
{
    hg_rng r = hg_rng_seed(seed, 9);
    hg_workload w = { .requests = HG_NEW(arena, hg_request, count), .count = count,
                      .load = HG_LOAD_RATE, .burstiness = 1,
                      .rate_per_s = load / (TOKEN_S * MEAN_TOKENS) };
    for (size_t i = 0; i < count; i++) {
        double tokens = random ? ceil(hg_rng_exponential(&r, 1.0 / MEAN_TOKENS)) : MEAN_TOKENS;
        w.requests[i] = (hg_request){ .isl = (int32_t)fmin(fmax(tokens, 1), HG_LENGTH_MAX), .osl = 1 };
    }
    return w;
}

static hg_sim_config one_server(uint64_t seed)
{
    return (hg_sim_config){
        .sched = { .max_num_seqs = 1, .max_num_batched_tokens = 2 * HG_LENGTH_MAX,
                   .kv_blocks = HG_LENGTH_MAX, .block_tokens = 16, .chunked_prefill = true },
        .oracle = { prompt_time, NULL }, .seed = seed,
    };
}

/* Mean and standard error over independent runs. */
static void mean_wait(hg_arena arena, bool random, double load, double *mean, double *error)
{
    enum { RUNS = 24 };
    double sum = 0, squares = 0;
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        hg_arena scratch = arena;
        hg_workload w = single_tokens(&scratch, random, load, LENGTHS, seed);
        hg_sim_config c = one_server(seed);
        c.requests = LENGTHS;
        c.warmup_requests = LENGTHS / 10;
        hg_sim_result r;
        hg_sim_run(&scratch, &w, &c, &r);
        CHECK(r.completed == LENGTHS - LENGTHS / 10 && r.rejected == 0);
        sum += r.latency[HG_QUEUE].mean;
        squares += r.latency[HG_QUEUE].mean * r.latency[HG_QUEUE].mean;
    }
    *mean = sum / RUNS;
    *error = sqrt((squares / RUNS - *mean * *mean) / (RUNS - 1));
}

/* M/M/1: ρ/(μ − λ); M/D/1: half of it (Pollaczek–Khinchine). */
static void waits_match_theory(hg_arena arena)
{
    static const double loads[] = { 0.3, 0.6, 0.8 };
    for (size_t i = 0; i < sizeof loads / sizeof *loads; i++)
        for (int random = 0; random < 2; random++) {
            double mu = 1 / (TOKEN_S * MEAN_TOKENS), rho = loads[i], mean, error;
            double want = rho / (mu - rho * mu) / (random ? 1 : 2);
            mean_wait(arena, random, rho, &mean, &error);
            CHECKF(fabs(mean - want) < 4 * error && error < 0.03 * want,
                   "load %g, random %d: waits %g ± %g, want %g", rho, random, mean, error, want);
        }
}

/* The sojourn time of M/M/1 is exponential with rate μ − λ: its 90th percentile is ln 10 / (μ − λ).
 * Intervals of 95 % must hold it in most runs: of 24, 19 is three and a half standard deviations
 * below the expected 22.8. */
static void intervals_hold_the_truth(hg_arena arena)
{
    enum { RUNS = 24 };
    double mu = 1 / (TOKEN_S * MEAN_TOKENS), rho = 0.5, want = log(10) / (mu - rho * mu);
    int held = 0;
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        hg_arena scratch = arena;
        hg_workload w = single_tokens(&scratch, true, rho, MANY_LENGTHS, seed);
        hg_sim_config c = one_server(seed);
        c.slo = (hg_slo){ .limits = { { HG_TTFT, 0.9, 2 * want } }, .count = 1 };
        c.steady = (hg_steady){ .on = true, .to_precision = true, .max_requests = 2000000 };
        hg_sim_result r;
        hg_sim_run(&scratch, &w, &c, &r);
        CHECKF(r.end == HG_END_CONVERGED, "seed %d ended %d", (int)seed, (int)r.end);
        CHECK(2 * r.estimates[0].half_width_s <= 0.05 * r.estimates[0].value_s);
        CHECK(r.slo_kept && r.counted >= 1000 && r.counted < r.offered);
        held += fabs(r.estimates[0].value_s - want) <= r.estimates[0].half_width_s;
    }
    CHECKF(held >= 19, "only %d of %d intervals hold the truth", held, (int)RUNS);
}

/* Far from the limit a thousand requests are enough to say yes or no. */
static void decides_early(hg_arena arena)
{
    double mu = 1 / (TOKEN_S * MEAN_TOKENS), truth = log(10) / (mu - 0.5 * mu);
    for (uint64_t seed = 1; seed <= 20; seed++)
        for (int kept = 0; kept < 2; kept++) {
            hg_arena scratch = arena;
            hg_workload w = single_tokens(&scratch, true, 0.5, LENGTHS, seed);
            hg_sim_config c = one_server(seed);
            c.slo = (hg_slo){ .limits = { { HG_TTFT, 0.9, kept ? 2 * truth : truth / 2 } }, .count = 1 };
            c.steady.on = true;
            hg_sim_result r;
            hg_sim_run(&scratch, &w, &c, &r);
            CHECKF(r.end == HG_END_DECIDED && r.slo_kept == kept && r.offered < 5000,
                   "seed %d: end %d, kept %d after %zu", (int)seed, (int)r.end, r.slo_kept, r.offered);
        }
}

static void sees_saturation(hg_arena arena)
{
    static const struct {
        double load;
        bool saturated;
    } rows[] = { { 0.5, false }, { 0.8, false }, { 0.9, false }, { 1.3, true }, { 3, true } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (uint64_t seed = 1; seed <= 12; seed++) {
            hg_arena scratch = arena;
            hg_workload w = single_tokens(&scratch, true, rows[i].load, LENGTHS, seed);
            hg_sim_config c = one_server(seed);
            c.steady = (hg_steady){ .on = true, .max_requests = 20000 };
            hg_sim_result r;
            hg_sim_run(&scratch, &w, &c, &r);
            CHECKF((r.end == HG_END_SATURATED) == rows[i].saturated, "load %g, seed %d: end %d",
                   rows[i].load, (int)seed, (int)r.end);
            CHECK(!rows[i].saturated || (!r.slo_kept && r.offered <= 5000));
        }
}

static double tenth(void *ctx, const hg_batch *b)
{
    (void)ctx;
    (void)b;
    return 0.1;
}

/* Arrivals at λ into one slot that serves μ a second, both even: the i-th waits i · (1/μ − 1/λ), so the means of the
 * quarters lie three quarters of that over all apart; where fewer arrive than are served nobody waits. */
static void queue_grows(hg_arena arena)
{
    enum { N = 64 };
    static const double gaps_s[] = { 0.0125, 0.05, 0.2 };
    for (size_t i = 0; i < sizeof gaps_s / sizeof *gaps_s; i++) {
        hg_arena scratch = arena;
        hg_workload w = { .requests = HG_NEW(&scratch, hg_request, N), .count = N, .timed = true, .load = HG_LOAD_REPLAY };
        for (int k = 0; k < N; k++)
            w.requests[k] = (hg_request){ .arrival_s = k * gaps_s[i], .isl = 10, .osl = 1 };
        hg_sim_config c = { .sched = { .max_num_seqs = 1, .max_num_batched_tokens = 64, .kv_blocks = 100, .block_tokens = 16,
                                       .chunked_prefill = true },
                            .oracle = { tenth, NULL } };
        hg_sim_result r;
        hg_sim_run(&scratch, &w, &c, &r);
        double each_s = fmax(0, 0.1 - gaps_s[i]);
        CHECK(r.completed == N);
        CHECKF(fabs(r.queue_first_s - 7.5 * each_s) < 1e-6, "%g", r.queue_first_s);
        CHECKF(fabs(r.queue_last_s - 55.5 * each_s) < 1e-6, "%g", r.queue_last_s);
    }
}

void test_queueing(void)
{
    hg_arena arena;
    CHECK(hg_arena_open(&arena, 0));
    waits_match_theory(arena);
    intervals_hold_the_truth(arena);
    decides_early(arena);
    sees_saturation(arena);
    queue_grows(arena);
    hg_arena_close(&arena);
}

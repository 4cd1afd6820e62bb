/* How fast the simulator is: requests a second of wall time on one core, for the lengths of a trace
 * and an oracle that costs next to nothing.
 *   bench_sim TRACE [RATE [REQUESTS [stepwise]]] */
#include "sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Like Llama-3.1-8B on one H100: 6.5 ms to read the weights, 2.4 ns for a token of KV, 30 µs for a
 * prompt token, as measured orders of magnitude; the bench needs their shape only. */
static double step_time(void *ctx, const hg_batch *b)
{
    double s = 6.5e-3 + 2.4e-9 * (double)b->decode_context;
    for (int32_t i = 0; i < b->chunk_count; i++)
        s += 3e-5 * b->chunks[i].tokens;
    ++*(long *)ctx;
    return s;
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void report(const char *name, const hg_sim_result *r, double spent_s, long calls)
{
    printf("%-8s %8zu requests %9lld steps in %6.3f s: %9.0f requests/s, %5.2f oracle calls a request, "
           "batch %.1f, ttft p90 %.4f s, tpot p95 %.5f s, end %d\n",
           name, r->offered, (long long)r->steps, spent_s, (double)r->offered / spent_s,
           (double)calls / (double)r->offered, r->mean_batch, r->latency[HG_TTFT].p90,
           r->latency[HG_TPOT].p95, (int)r->end);
}

int main(int argc, char **argv)
{
    hg_arena arena;
    hg_workload w;
    hg_err err;
    if (argc < 2 || !hg_arena_open(&arena, 0) || !hg_workload_read(&arena, argv[1], 0, &w, &err)) {
        fprintf(stderr, "bench_sim TRACE [RATE [REQUESTS [stepwise]]]\n");
        return 2;
    }
    w.load = HG_LOAD_RATE;
    w.rate_per_s = argc > 2 ? atof(argv[2]) : 6.45;
    w.burstiness = 1;
    long calls = 0;
    hg_sim_config c = {
        .sched = { .max_num_seqs = 1024, .max_num_batched_tokens = 8192, .kv_blocks = 26000,
                   .block_tokens = 16, .chunked_prefill = true,
                   .prefix_caching = w.hash_block_tokens > 0 },
        .oracle = { step_time, &calls },
        .requests = argc > 3 ? (size_t)atol(argv[3]) : 200000,
        .stepwise = argc > 4 && strcmp(argv[4], "stepwise") == 0,
        .slo = { .limits = { { HG_TTFT, 0.9, 1 }, { HG_TPOT, 0.95, 0.04 } }, .count = 2 },
    };
    hg_sim_result r;
    hg_arena scratch = arena;
    double start_s = now_s();
    hg_sim_run(&scratch, &w, &c, &r);
    report("fixed", &r, now_s() - start_s, calls);
    scratch = arena;
    c.steady.on = true;
    calls = 0;
    start_s = now_s();
    hg_sim_run(&scratch, &w, &c, &r);
    report("steady", &r, now_s() - start_s, calls);
    for (int i = 0; i < c.slo.count; i++)
        printf("  limit %d: %.5f s ± %.5f s, kept %d\n", i, r.estimates[i].value_s,
               r.estimates[i].half_width_s, r.estimates[i].kept);
    hg_arena_close(&arena);
    return 0;
}

/* make bench: how fast heng is, each figure beside a reference measured in the same run (sorting a
 * million numbers with the C library), so that figures of different machines and days compare; and
 * beside what other simulators reached on the same work. */
#include "base/num.h"
#include "base/rng.h"
#include "eval/evaluate.h"
#include "live.h"
#include "plans.h"
#include "tune.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

enum { SORTED = 1000000, REPEATS = 3 };

/* The reference: seconds to sort SORTED random doubles, best of REPEATS. */
static double reference_s(hg_arena scratch)
{
    double *x = HG_NEW(&scratch, double, SORTED), best = 1e9;
    for (int k = 0; k < REPEATS; k++) {
        hg_rng r = hg_rng_seed(1, 0);
        for (int i = 0; i < SORTED; i++)
            x[i] = hg_rng_unit(&r);
        double start = now_s();
        qsort(x, SORTED, sizeof *x, ascending);
        double spent = now_s() - start;
        best = spent < best ? spent : best;
    }
    return best;
}

static void print(const char *what, double value, const char *unit, double seconds, double reference,
                  const char *limit)
{
    printf("%-46s %10.4g %-12s %10.3g  %s\n", what, value, unit, seconds / reference, limit);
}

static bool make_ready(hg_arena *arena, const char *model, const char *device, hg_problem *p, hg_candidate *c)
{
    hg_data data = { 0 };
    hg_err err;
    hg_device d;
    const char *note;
    *p = (hg_problem){ .seed = 1 };
    if (!hg_model_find(arena, &data, model, &p->model, &note, &err) ||
        !hg_device_find(arena, &data, device, &d, &err) ||
        !hg_engine_find(arena, &data, "vllm", NULL, &p->engine, &err) ||
        !hg_rates_open(arena, &data, &d, "vllm", NULL, &p->rates, &note, &err)) {
        fprintf(stderr, "bench: %s %s\n", err.where, err.msg);
        return false;
    }
    hg_deployment one = { .tp = 1, .pp = 1, .dp = 1, .ep = 1, .replicas = 1, .precision_is_checkpoints = true,
                          .kv_is_auto = true, .max_num_seqs = 256, .max_num_batched_tokens = 8192,
                          .max_model_len = 8192, .gpu_memory_utilization = 0.9, .block_tokens = 16 };
    hg_candidate_make(p, &one, c);
    if (c->fit != HG_FITS)
        fprintf(stderr, "bench: %s\n", c->reason);
    return c->fit == HG_FITS;
}

static void bench_predict(const hg_problem *p, double reference)
{
    enum { CALLS = 200000 };
    for (int i = 0; i < hg_op_count; i++) {
        const hg_op *op = hg_ops[i];
        hg_rate rate = hg_rates_pick(&p->rates, op, &op->example);
        if (!rate.surface)
            continue;
        hg_shape s = op->example;
        double sum = 0, start = now_s();
        for (int k = 0; k < CALLS; k++) {
            s.d[0] = 1 + (k & 1023);
            sum += hg_rate_seconds(&rate, &s);
        }
        double each = (now_s() - start) / CALLS;
        if (sum > 0)
            print(op->name, each * 1e9, "ns a call", each, reference, "limit 300 ns");
    }
}

static void bench_step(const hg_candidate *c, double reference)
{
    enum { CALLS = 20000 };
    double sum = 0, start = now_s();
    for (int k = 0; k < CALLS; k++) {
        hg_step_batch b = { .chunks = 2, .chunk_tokens = 512 + k, .chunk_area = 512.0 * (512 + k), .decodes = 32,
                            .decode_context = 32 * 1000, .emits = 34 };
        sum += hg_step_seconds(&c->step, &b);
    }
    double each = (now_s() - start) / CALLS;
    print("a step of a new batch", each * 1e6, "us", each, reference, "limit 5 us");
    start = now_s();
    for (int k = 0; k < CALLS; k++) {
        hg_step_batch b = { .decodes = 32, .decode_context = 32 * 1000 + k, .emits = 32 };
        sum += hg_step_attention_seconds(&c->step, &b);
    }
    each = (now_s() - start) / CALLS;
    if (sum > 0)
        print("a decode step with other contexts", each * 1e6, "us", each, reference, "limit 1 us");
}

static void bench_load(double reference)
{
    hg_arena arena;
    if (!hg_arena_open(&arena, 0))
        return;
    hg_problem *p = HG_NEW(&arena, hg_problem, 1);
    hg_candidate *c = HG_NEW(&arena, hg_candidate, 1);
    double start = now_s();
    if (make_ready(&arena, "meta-llama/Llama-3.1-8B", "h100_sxm", p, c)) {
        double spent = now_s() - start;
        print("load model, device, calibrations", spent * 1e3, "ms", spent, reference, "limit 20 ms");
    }
    hg_arena_close(&arena);
}

/* A whole process, best of REPEATS, its output thrown away; a negative time: it failed. */
static double process_s(char *const argv[])
{
    double best = -1;
    for (int k = 0; k < REPEATS; k++) {
        double start = now_s();
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            if (!freopen("/dev/null", "w", stdout))
                _exit(127);
            execv(argv[0], argv);
            _exit(127);
        }
        int status;
        waitpid(child, &status, 0);
        double spent = now_s() - start;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            return -1;
        best = best < 0 || spent < best ? spent : best;
    }
    return best;
}

static void bench_processes(char *heng, char *trace, double reference)
{
    char *simulate[] = { heng, "simulate", "--model", "meta-llama/Llama-3.1-8B", "--device", "h100_sxm",
                         "--workload", trace, "--rate", "6.45", "--quiet", NULL };
    char *plan[] = { heng, "plan", "--model", "Qwen/Qwen3-32B", "--device", "h200_sxm", "--total-gpus", "8",
                     "--workload", trace, "--requests", "1000", "--slo", "ttft:p90<1s,tpot:p90<40ms", "--quiet", NULL };
    double spent = process_s(simulate);
    if (spent > 0)
        print("simulate: requests a second, whole process", 19366 / spent, "req/s", spent, reference,
              "at least 50000; Vidur 230, BLIS 150 on such a machine");
    spent = process_s(plan);
    if (spent > 0)
        print("plan Qwen3-32B on 8 H200, whole process", spent, "s", spent, reference, "limit 10 s on two cores");
}

/* record ENGINE TABLE; replay TABLE; tune ENGINE */
static int tune(int argc, char **argv)
{
    hg_arena arena;
    hg_err err;
    enum { PASSES = 2, AGAIN = 4 };
    if (!hg_arena_open(&arena, 0))
        return HG_WORLD;
    bool good = argc > 3 ? tune_record(arena, argv[2], argv[3], PASSES, AGAIN, &err)
                : strcmp(argv[1], "tune") == 0 ? tune_live(arena, argv[2], &err)
                                               : tune_replay(arena, argv[2], &err);
    if (!good)
        fprintf(stderr, "bench: %s: %s\n", err.where, err.msg);
    hg_arena_close(&arena);
    return good ? HG_DONE : (int)err.code;
}

int main(int argc, char **argv)
{
    if ((argc > 3 && strcmp(argv[1], "record") == 0) || (argc > 2 && (strcmp(argv[1], "replay") == 0 || strcmp(argv[1], "tune") == 0)))
        return tune(argc, argv);
    if (argc > 2 && strcmp(argv[1], "live") == 0) {
        bench_live(argv[2]);
        return 0;
    }
    char *heng = argc > 1 ? argv[1] : "build/heng";
    char *trace = argc > 2 ? argv[2] : "../shared/data/traces/azure-conv-2023.csv";
    hg_arena arena;
    if (!hg_arena_open(&arena, 0))
        return 1;
    hg_problem *p = HG_NEW(&arena, hg_problem, 1);
    hg_candidate *c = HG_NEW(&arena, hg_candidate, 1);
    double reference = reference_s(arena);
    printf("reference: a million doubles sorted in %.1f ms; ratio is time over that\n\n", reference * 1e3);
    printf("%-46s %10s %-12s %10s\n", "", "figure", "", "ratio");
    if (!make_ready(&arena, "meta-llama/Llama-3.1-8B", "h100_sxm", p, c))
        return 1;
    bench_predict(p, reference);
    bench_step(c, reference);
    bench_load(reference);
    if (access(trace, R_OK) == 0)
        bench_processes(heng, trace, reference);
    if (access(trace, R_OK) == 0)
        bench_plans(heng, trace, reference);
    else
        printf("skipped: %s is not here, simulate and plan need it\n", trace);
    hg_arena_close(&arena);
    return 0;
}

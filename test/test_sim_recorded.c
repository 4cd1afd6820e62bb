/* Recorded reality: two vLLM 0.19.0 servers, every request's times known.  A step of four constants
 * is fitted to each run; what is tested is that with it the scheduler gives every single request its
 * latency, through a queue of up to a minute.  (The real step times are src/cost's business.) */
#include "test.h"

#include "base/file.h"
#include "base/json.h"
#include "base/rng.h"
#include "base/stat.h"
#include "sim/sim.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

enum { REQUESTS_MAX = 400, TRIALS = 700 };

typedef struct run {
    hg_request requests[REQUESTS_MAX];
    double ttft_s[REQUESTS_MAX], e2e_s[REQUESTS_MAX];
    hg_workload workload;
    hg_sim_config config;
    double constants[4]; /* seconds a step, KV token, decode, prompt token */
} run;

static double step_time(void *ctx, const hg_batch *b)
{
    const double *c = ctx;
    double s = c[0] + c[1] * (double)b->decode_context + c[2] * b->decodes;
    for (int32_t i = 0; i < b->chunk_count; i++)
        s += c[3] * b->chunks[i].tokens;
    return s;
}

static double field(const json_t *j, const char *name)
{
    return json_number_value(json_object_get(j, name));
}

static bool read_run(run *r, const char *path)
{
    hg_lines lines;
    hg_err err;
    double start_s = 0;
    size_t n = 0;
    if (access(path, R_OK) != 0 || !hg_lines_open(&lines, path, &err))
        return false;
    while (hg_lines_next(&lines, &err) == 1 && n < REQUESTS_MAX) {
        json_t *j = hg_json_parse(lines.line, lines.length, path, &err);
        double queued_s = field(j, "queued_ts");
        start_s = n ? start_s : queued_s;
        r->requests[n] = (hg_request){ .arrival_s = queued_s - start_s,
                                       .isl = (int32_t)field(j, "input_toks"),
                                       .osl = (int32_t)field(j, "output_toks") };
        r->ttft_s[n] = field(j, "first_token_ts") - queued_s;
        r->e2e_s[n++] = field(j, "last_token_ts") - queued_s;
        json_decref(j);
    }
    hg_lines_close(&lines);
    r->workload = (hg_workload){ .requests = r->requests, .count = n, .timed = true,
                                 .load = HG_LOAD_REPLAY };
    r->config = (hg_sim_config){ /* as meta.json says; the pools never filled */
        .sched = { .max_num_seqs = 128, .max_num_batched_tokens = 2048, .kv_blocks = 100000,
                   .block_tokens = 16, .chunked_prefill = true },
        .oracle = { step_time, r->constants }, .keep_requests = true };
    return n > 0;
}

static void errors(const run *r, hg_arena scratch, double *ttft, double *e2e)
{
    hg_sim_result got;
    hg_sim_run(&scratch, &r->workload, &r->config, &got);
    for (size_t i = 0; i < r->workload.count; i++) {
        const hg_record *x = &got.records[i];
        ttft[i] = fabs(x->first_token_s - x->arrival_s - r->ttft_s[i]) / r->ttft_s[i];
        e2e[i] = fabs(x->finish_s - x->arrival_s - r->e2e_s[i]) / r->e2e_s[i];
    }
    hg_sort(ttft, r->workload.count);
    hg_sort(e2e, r->workload.count);
}

/* Random search around the best so far, ever closer. */
static void fit(run *r, hg_arena scratch, double *ttft, double *e2e)
{
    double best[4], least = INFINITY, reach = 0.5;
    hg_rng rng = hg_rng_seed(1, 1);
    memcpy(best, r->constants, sizeof best);
    for (int trial = 0; trial < TRIALS; trial++) {
        for (int k = 0; k < 4; k++)
            r->constants[k] = best[k] * exp(trial ? reach * (hg_rng_unit(&rng) - 0.5) : 0);
        errors(r, scratch, ttft, e2e);
        double loss = hg_mean(e2e, r->workload.count);
        if (loss < least) {
            least = loss;
            memcpy(best, r->constants, sizeof best);
        }
        reach = trial % 100 == 99 ? reach * 0.7 : reach;
    }
    memcpy(r->constants, best, sizeof best);
}

static void follows(hg_arena arena, const char *path, double step_s)
{
    double ttft[REQUESTS_MAX], e2e[REQUESTS_MAX];
    run *r = HG_NEW(&arena, run, 1);
    memcpy(r->constants, (double[]){ step_s, 5e-10, 1e-4, 5e-5 }, sizeof r->constants);
    if (!read_run(r, path)) {
        test_skip("no recorded runs beside the checkout");
        return;
    }
    fit(r, arena, ttft, e2e);
    errors(r, arena, ttft, e2e);
    size_t n = r->workload.count;
    CHECKF(e2e[n / 2] < 0.02 && e2e[9 * n / 10] < 0.06, "%s: e2e off by %.3f, p90 %.3f", path,
           e2e[n / 2], e2e[9 * n / 10]);
    CHECKF(ttft[n / 2] < 0.04, "%s: ttft off by %.3f, p90 %.3f", path, ttft[n / 2], ttft[9 * n / 10]);
}

void test_sim_recorded(void)
{
    hg_arena arena;
    CHECK(hg_arena_open(&arena, 0));
    follows(arena, "../shared/data/runs/rtx_pro_6000-Llama-3.1-8B/requests.jsonl", 0.012);
    follows(arena, "../shared/data/runs/rtx_pro_6000-Qwen3-32B/requests.jsonl", 0.045);
    hg_arena_close(&arena);
}

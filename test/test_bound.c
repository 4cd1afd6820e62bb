/* What no deployment can exceed: its parts against direct sums, and how near the whole comes to what simulations serve. */
#include "test.h"

#include "base/rng.h"
#include "eval/bound.h"
#include "eval/goal.h"

#include <math.h>

enum { MODEL_LEN = 16384 };

static bool opens(hg_arena *arena, const char *model, const char *device, hg_problem *p)
{
    hg_data data = { 0 };
    hg_err err;
    const char *note;
    hg_device d;
    return hg_model_find(arena, &data, model, &p->model, &note, &err) && hg_device_find(arena, &data, device, &d, &err) &&
           hg_engine_find(arena, &data, "vllm", NULL, &p->engine, &err) &&
           hg_rates_open(arena, &data, &d, "vllm", NULL, &p->rates, &note, &err);
}

static void make(hg_arena *arena, const hg_problem *p, int64_t tp, int64_t seqs, int64_t tokens, hg_candidate *out)
{
    hg_deployment d = { .tp = tp, .pp = 1, .dp = 1, .ep = 1, .replicas = 1, .precision_is_checkpoints = true, .kv_is_auto = true,
                        .kv_dtype = p->model.precision.kv, .max_num_seqs = seqs, .max_num_batched_tokens = tokens,
                        .max_model_len = MODEL_LEN, .gpu_memory_utilization = 0.9, .block_tokens = 16, .chunked_prefill = true };
    hg_candidate_make(p, &d, out);
    CHECKF(out->fit == HG_FITS, "%s", out->reason);
    out->memo = hg_step_memo_new(arena, tokens, seqs);
}

static hg_demand of_prompts(hg_arena arena, const int32_t *isl, size_t n)
{
    hg_workload w = { .requests = HG_NEW(&arena, hg_request, n), .count = n, .burstiness = 1 };
    for (size_t i = 0; i < n; i++)
        w.requests[i] = (hg_request){ .isl = isl[i], .osl = 100 };
    return hg_demand_of(arena, &w, &(hg_slo){ 0 });
}

/* The mean over prompts of two lengths is the mean of what each takes, whichever comes how often. */
static void attention_is_a_mean(hg_arena arena, const hg_candidate *c)
{
    static const int32_t lengths[][2] = { { 100, 8000 }, { 3000, 3001 }, { 1, 15000 } };
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        hg_demand each[2] = { of_prompts(arena, &lengths[i][0], 1), of_prompts(arena, &lengths[i][1], 1) };
        double one[2] = { hg_bound_prompt_attention(c, &each[0]), hg_bound_prompt_attention(c, &each[1]) };
        for (int shorter = 1; shorter < HG_LENGTHS_SEEN; shorter++) {
            int32_t isl[HG_LENGTHS_SEEN];
            for (int k = 0; k < HG_LENGTHS_SEEN; k++)
                isl[k] = lengths[i][k >= shorter];
            hg_demand d = of_prompts(arena, isl, HG_LENGTHS_SEEN);
            double want = (shorter * one[0] + (HG_LENGTHS_SEEN - shorter) * one[1]) / HG_LENGTHS_SEEN;
            CHECK_NEAR(hg_bound_prompt_attention(c, &d), want, 1e-12);
        }
    }
}

/* The attention of a prompt cut at random into steps, summed piece by piece, over the query's and key's pairs counted
 * one by one: no less than the bound says. */
static void no_cut_is_cheaper(hg_arena arena, const hg_candidate *c, const char *of)
{
    hg_rng r = hg_rng_seed(5, 0);
    for (int i = 0; i < 60; i++) {
        int32_t isl = 64 + (int32_t)(hg_rng_unit(&r) * 12000);
        hg_demand d = of_prompts(arena, &isl, 1);
        double sum = 0, all = 0;
        for (int32_t at = 0, n; at < isl; at += n) {
            double pairs = 0;
            n = 1 + (int32_t)(hg_rng_unit(&r) * 4000);
            n = n < isl - at ? n : isl - at;
            for (int32_t k = 0; k < n; k++)
                pairs += at + k + 0.5;
            hg_step_batch b = { .chunks = 1, .chunk_tokens = n, .chunk_area = pairs };
            sum += hg_step_attention_seconds(&c->step, &b);
            all += pairs;
        }
        CHECK_NEAR(all, 0.5 * isl * isl, 1e-9);
        double bound = hg_bound_prompt_attention(c, &d);
        CHECKF(bound > 0 && bound <= sum, "%s: a prompt of %d takes %g s, the bound says %g", of, isl, sum, bound);
    }
}

static bool alike(const hg_demand *a, const hg_demand *b)
{
    return a->gap_s == b->gap_s && a->free_frac == b->free_frac && a->wait_s == b->wait_s && a->late_frac == b->late_frac;
}

/* A promise says the same in any order of its limits, and no more limits say less. */
static void order_says_nothing(hg_arena arena)
{
    static const char *const promises[][2] = {
        { "ttft:p50<200ms,ttft:p99<2s,tpot:p90<40ms", "tpot:p90<40ms,ttft:p99<2s,ttft:p50<200ms" },
        { "ttft:p99<2s,ttft:p50<200ms", "ttft:p50<200ms,ttft:p99<2s" },
        { "tpot:p90<40ms,tpot:p99<40ms", "tpot:p99<40ms,tpot:p90<40ms" },
        { "ttft:p90<1s,ttft:p99<1s,itl:p90<50ms", "itl:p90<50ms,ttft:p99<1s,ttft:p90<1s" },
        { "e2e:p90<5s,itl:p90<30ms,tpot:p90<30ms", "tpot:p90<30ms,itl:p90<30ms,e2e:p90<5s" },
    };
    hg_workload w;
    hg_workload_synthetic(&arena, 800, 150, 0.3, 200, 3, &w);
    w.burstiness = 1;
    for (size_t i = 0; i < sizeof promises / sizeof *promises; i++) {
        hg_demand d[2];
        for (int k = 0; k < 2; k++) {
            hg_slo slo = { 0 };
            hg_err err;
            CHECKF(hg_slo_parse(promises[i][k], "slo", &slo, &err), "%s", err.msg);
            d[k] = hg_demand_of(arena, &w, &slo);
        }
        CHECKF(alike(&d[0], &d[1]), "'%s' and '%s'", promises[i][0], promises[i][1]);
        CHECK(isfinite(d[0].gap_s) || isfinite(d[0].wait_s));
    }
}

/* A tenth looser than it was seen to be is a loss: looser bounds prune less. */
static const double MARGIN = 1.1;

/* The bound over the highest rate that a search of simulations finds: never below 1, on these nowhere above 3.44. */
static void bound_is_near(hg_arena arena)
{
    static const struct {
        const char *model, *device, *slo;
        int32_t isl, osl;
        int64_t tp, seqs, tokens;
        double seen;
    } rows[] = {
        { "Qwen/Qwen3-8B", "h100_sxm", "ttft:p90<1s,tpot:p90<20ms", 1000, 200, 1, 256, 8192, 1.74 },
        { "Qwen/Qwen3-8B", "h100_sxm", "ttft:p90<1s,tpot:p90<12ms", 1000, 200, 1, 256, 2048, 2.13 },
        { "Qwen/Qwen3-8B", "h100_sxm", "ttft:p90<3s", 4000, 50, 2, 128, 8192, 1.11 },
        { "Qwen/Qwen3-8B", "l40s", "tpot:p90<60ms", 300, 300, 1, 64, 2048, 1.04 },
        { "openai/gpt-oss-20b", "h200_sxm", "ttft:p90<500ms,tpot:p90<10ms", 2000, 300, 1, 512, 8192, 2.20 },
        { "openai/gpt-oss-20b", "b200_sxm", "e2e:p90<5s", 500, 500, 1, 256, 4096, 3.44 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_arena scratch = arena;
        hg_problem *p = HG_NEW(&scratch, hg_problem, 1);
        hg_candidate *c = HG_NEW(&scratch, hg_candidate, 1);
        hg_metrics m;
        hg_err err;
        CHECK(opens(&scratch, rows[i].model, rows[i].device, p) && hg_slo_parse(rows[i].slo, "slo", &p->slo, &err));
        hg_workload_synthetic(&scratch, rows[i].isl, rows[i].osl, 1, 500, 0, &p->workload);
        p->workload.burstiness = 1;
        make(&scratch, p, rows[i].tp, rows[i].seqs, rows[i].tokens, c);
        hg_demand d = hg_demand_of(scratch, &p->workload, &p->slo);
        double bound = hg_bound_rate(scratch, p, &d, c);
        double rate = hg_highest_rate(&scratch, p, c, 0, false, 4 * bound, &m, NULL, NULL);
        CHECKF(rate > 0 && rate <= bound && bound <= MARGIN * rows[i].seen * rate, "row %zu: %g requests/s of at most %g (%.2f)", i, rate, bound,
               bound / rate);
    }
}

void test_bound(void)
{
    static const char *const models[] = { "Qwen/Qwen3-8B", "openai/gpt-oss-20b", "deepseek-ai/DeepSeek-V2-Lite" };
    hg_arena arena;
    CHECK(hg_arena_open(&arena, 0));
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        hg_arena scratch = arena;
        hg_problem *p = HG_NEW(&scratch, hg_problem, 1);
        hg_candidate *c = HG_NEW(&scratch, hg_candidate, 1);
        if (!opens(&scratch, models[i], "h100_sxm", p))
            continue;
        make(&scratch, p, 1, 256, 8192, c);
        attention_is_a_mean(scratch, c);
        no_cut_is_cheaper(scratch, c, models[i]);
    }
    order_says_nothing(arena);
    bound_is_near(arena);
    hg_arena_close(&arena);
}

#include "test.h"

#include "base/rng.h"
#include "cost/collective.h"
#include "cost/op.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The closed forms of op_moe.c against the law they stand for, drawn: pairs from flops, active
 * experts from weight bytes. */

static hg_shape moe_shape(double tokens, double topk, double experts, double ranks, double alpha)
{
    return (hg_shape){ .d = { tokens, 1024, 512, topk, experts, 1, ranks },
                       .dtype = HG_BF16,
                       .kind = (float)alpha };
}

static void counted(const hg_shape *s, double *pairs, double *active)
{
    const double matrix = 1024 * 512;
    hg_work w = { 0 };
    hg_op_moe.count(s, &w);
    *pairs = w.tensor_flops / (6 * matrix);
    *active = (w.hbm_bytes - fmin(*pairs, s->d[0]) * 1024 * 4) / (6 * matrix);
}

static int descending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* Loads of all experts: whole tokens, the left-over ones to idle experts (or off the busiest). */
static void draw_loads(hg_rng *rng, double tokens, double picks, int experts, double alpha,
                       double *load)
{
    bool few = picks <= experts;
    double lo = few ? 0.01 : 1, hi = few ? 2 : 0.8 * tokens, q = 1 - alpha, sum = 0;
    for (int i = 0; i < experts; i++) {
        double u = hg_rng_unit(rng);
        load[i] = pow(u * (pow(hi, q) - pow(lo, q)) + pow(lo, q), 1 / q);
        sum += load[i];
    }
    double left = picks;
    for (int i = 0; i < experts; i++) {
        load[i] = round(load[i] * picks / sum);
        left -= load[i];
    }
    qsort(load, (size_t)experts, sizeof *load, descending);
    for (int i = 0; left < 0; i++, left++)
        load[i % experts]--;
    for (int i = experts - 1; left > 0; i--, left--)
        load[(i + experts) % experts]++;
    for (int i = experts - 1; i > 0; i--) {
        int j = (int)(hg_rng_unit(rng) * (i + 1));
        double other = load[i];
        load[i] = load[j];
        load[j] = other;
    }
}

static void busiest(const double *load, int experts, int ranks, double *pairs, double *active)
{
    int here = experts / ranks;
    double most = -1, alive = 0;
    for (int r = 0; r < ranks; r++) {
        double sum = 0, n = 0;
        for (int i = r * here; i < (r + 1) * here; i++) {
            sum += load[i];
            n += load[i] > 0;
        }
        if (sum > most) {
            most = sum;
            alive = n;
        }
    }
    *pairs += most;
    *active += alive;
}

static void skew_is_drawn(void)
{
    enum { DRAWS = 300, MOST = 512 };
    static const struct {
        double tokens, topk;
        int experts, ranks;
        double alpha;
    } rows[] = {
        { 8, 8, 256, 1, 1.01 },   { 16, 8, 256, 1, 1.2 },     { 64, 8, 256, 1, 1.01 },
        { 512, 8, 256, 4, 1.2 },  { 2048, 8, 128, 16, 1.01 }, { 16384, 8, 256, 128, 1.01 },
        { 64, 22, 512, 8, 1.2 },  { 4096, 2, 8, 2, 1.01 },    { 128, 8, 128, 1, 0.8 },
        { 1024, 8, 128, 8, 1.5 },
    };
    double load[MOST];
    hg_rng rng = hg_rng_seed(7, 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double pairs = 0, active = 0, got_pairs, got_active;
        for (int k = 0; k < DRAWS; k++) {
            draw_loads(&rng, rows[i].tokens, rows[i].tokens * rows[i].topk, rows[i].experts,
                       rows[i].alpha, load);
            busiest(load, rows[i].experts, rows[i].ranks, &pairs, &active);
        }
        hg_shape s =
            moe_shape(rows[i].tokens, rows[i].topk, rows[i].experts, rows[i].ranks, rows[i].alpha);
        counted(&s, &got_pairs, &got_active);
        CHECK_NEAR(got_pairs, pairs / DRAWS, 0.12);
        CHECK_NEAR(got_active, active / DRAWS, 0.08);
    }
}

/* Dealt in turn, experts and ranks share alike; one rank computes every pair once. */
static void even_routing(void)
{
    static const struct {
        double tokens, topk, experts, ranks, pairs, active;
    } rows[] = {
        { 1, 8, 256, 1, 8, 8 },        { 32, 8, 256, 1, 256, 256 }, { 4096, 8, 256, 1, 32768, 256 },
        { 4096, 8, 256, 32, 1024, 8 }, { 1, 8, 256, 32, 0.25, 1 },  { 16, 2, 8, 8, 4, 1 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double pairs, active;
        hg_shape s = moe_shape(rows[i].tokens, rows[i].topk, rows[i].experts, rows[i].ranks, 0);
        counted(&s, &pairs, &active);
        CHECK_NEAR(pairs, rows[i].pairs, 1e-9);
        CHECK_NEAR(active, rows[i].active, 1e-9);
    }
}

/* More tokens are never less work, at any skew and in any group, and all of it is finite.  Only
 * where picks begin to outnumber experts is the tables' law another one, and a milder one. */
static void tokens_add_work(void)
{
    static const double alphas[] = { 0, 0.5, 0.999, 1, 1.01, 1.2, 1.5, 2, 3, 4 };
    static const double groups[][3] = { { 1, 1, 1 },     { 8, 128, 1 }, { 8, 256, 256 },
                                        { 22, 512, 16 }, { 2.5, 7, 3 }, { 1, 1024, 1024 },
                                        { 8, 16, 64 } };
    for (size_t a = 0; a < sizeof alphas / sizeof *alphas; a++)
        for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
            hg_work last = { 0 };
            for (double tokens = 0.5; tokens < 2e6; tokens *= 2) {
                hg_shape s = moe_shape(tokens, groups[g][0], groups[g][1], groups[g][2], alphas[a]);
                hg_work w = { 0 };
                hg_op_moe.count(&s, &w);
                double picks = tokens * groups[g][0];
                if (picks > groups[g][1] && picks / 2 <= groups[g][1])
                    last = (hg_work){ 0 };
                CHECKF(isfinite(w.tensor_flops) && isfinite(w.hbm_bytes) &&
                           w.tensor_flops > 0.9 * last.tensor_flops &&
                           w.hbm_bytes > 0.9 * last.hbm_bytes,
                       "skew %g, experts %g, ranks %g: %g flops, %g bytes at %g tokens", alphas[a],
                       groups[g][1], groups[g][2], w.tensor_flops, w.hbm_bytes, tokens);
                last = w;
            }
        }
}

static void distributions(void)
{
    static const struct {
        const char *text;
        bool ok;
        double kind;
    } rows[] = {
        { "balanced", true, 0 },        { "power_law_1.01", true, 1.01 },
        { "power_law_0.8", true, 0.8 }, { "power_law_1.5", true, 1.5 },
        { "uniform", true, 0 },         { "random", true, 0 },
        { "power_law_", false, 0 },     { "power_law_-1", false, 0 },
        { "power_law_nan", false, 0 },  { "zipf", false, 0 },
        { "power_law_99", false, 0 },   { "balanced ", false, 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_shape s = { .kind = 9 };
        bool ok = hg_op_moe.label(2, rows[i].text, &s);
        CHECKF(ok == rows[i].ok && (!ok || fabs((double)s.kind - rows[i].kind) < 1e-6),
               "'%s' gave %d %g", rows[i].text, ok, (double)s.kind);
    }
}

/* Two matrices where there is no gate: a third less. */
static void experts_without_gate(void)
{
    hg_work gated = { 0 }, plain = { 0 };
    hg_shape s = moe_shape(64, 8, 128, 1, 0);
    hg_op_moe.label(0, "moe_torch_flow", &s);
    hg_op_moe.count(&s, &gated);
    hg_op_moe.label(0, "moe_torch_flow_nongated", &s);
    hg_op_moe.count(&s, &plain);
    CHECK_NEAR(plain.tensor_flops, gated.tensor_flops * 2 / 3, 1e-12);
}

/* DeepSeek-V3 reaches half its experts when all scores are even, where the engine minds its groups;
 * the ties that win are on the first rank. */
static void expert_groups(void)
{
    static const struct {
        const char *kernel;
        double ranks, pairs_frac, active;
    } rows[] = {
        { "moe_torch_flow_cutlass", 1, 1, 256 },
        { "vllm_fp8moe_triton_tritonexperts", 1, 1, 128 },
        { "sglang_fused_moe_triton", 64, 0.5 + 0.5 / 32, 4 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_shape s = { .d = { 1024, 7168, 2048, 8, 256, 1, rows[i].ranks }, .dtype = HG_FP8_BLOCK };
        hg_op_moe.label(0, rows[i].kernel, &s);
        hg_work w = { 0 };
        hg_op_moe.count(&s, &w);
        double expert = 3.0 * 7168 * 2048, pairs = w.tensor_flops / (2 * expert);
        double weights = w.hbm_bytes / hg_dtype_table[HG_FP8_BLOCK].weight_bytes / expert;
        CHECK_NEAR(pairs, 8192 * rows[i].pairs_frac, 1e-9);
        CHECK_NEAR(weights, rows[i].active, 0.15); /* tokens' own bytes come on top */
    }
}

static void collectives(void)
{
    static const struct {
        hg_collective kind;
        double ranks, bytes, want;
    } rows[] = {
        { HG_ALL_REDUCE, 8, 1e6, 1e6 },   { HG_ALL_REDUCE, 1, 1e6, 0 },
        { HG_ALL_GATHER, 8, 1e6, 875e3 }, { HG_REDUCE_SCATTER, 2, 1e6, 500e3 },
        { HG_ALL_TO_ALL, 4, 1e6, 750e3 }, { HG_ALL_GATHER, 1, 1e6, 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_shape s = { .d = { rows[i].ranks, rows[i].bytes / 2 },
                       .dtype = HG_BF16,
                       .kind = (float)rows[i].kind };
        hg_work w = { 0 };
        hg_op_nccl.count(&s, &w);
        CHECK_NEAR(w.link_bytes, rows[i].want, 1e-12);
    }
    hg_shape s = { 0 };
    CHECK(!hg_op_nccl.label(0, "broadcast", &s));
    CHECK(hg_op_nccl.label(0, "alltoall", &s) && s.kind == (float)HG_ALL_TO_ALL);
    CHECK(hg_op_custom_allreduce.label(0, "vLLM_custom_eager", &s) && s.kind == HG_ALLREDUCE_EAGER);
}

/* Sixteen ranks on two nodes: each of a node's eight ports carries an eighth of a ring's traffic.
 */
static void between_nodes(void)
{
    hg_work w = { 0 };
    hg_op_internode.count(&(hg_shape){ .d = { 16, 8e6, 8 }, .kind = HG_ALL_REDUCE }, &w);
    CHECK(w.between_nodes);
    CHECK_NEAR(w.link_bytes, 2 * 15.0 / 16 * 1e6, 1e-12);
    w = (hg_work){ 0 };
    hg_op_internode.count(&(hg_shape){ .d = { 2, 1e6 }, .kind = HG_P2P_NODE }, &w);
    CHECK(!w.between_nodes);
    CHECK_NEAR(w.link_bytes, 1e6, 1e-12);
}

static void passes(void)
{
    hg_work w = { 0 };
    hg_op_memory_pass.count(&(hg_shape){ .d = { 128, 4096, 0 } }, &w);
    CHECK_NEAR(w.hbm_bytes, 3.0 * 128 * 4096, 1e-12);
    hg_op_memory_pass.count(&(hg_shape){ .d = { 0, 0, 1e6 } }, &w);
    CHECK_NEAR(w.hbm_bytes, 1e6, 1e-12);
}

void test_ops_routing(void)
{
    even_routing();
    skew_is_drawn();
    tokens_add_work();
    distributions();
    experts_without_gate();
    expert_groups();
    collectives();
    between_nodes();
    passes();
}

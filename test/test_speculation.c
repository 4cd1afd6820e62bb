/* Speculative decoding: what is accepted, what a step of it costs and holds, and its laws. */
#include "test.h"

#include "eval/evaluate.h"
#include "spec/draft.h"

#include <math.h>
#include <string.h>

static void lengths(void)
{
    CHECK_NEAR(hg_draft_length(0.5, 2), 1.75, 1e-12);
    CHECK(hg_draft_length(0, 4) == 1 && hg_draft_length(1, 4) == 5);
    for (int n = 1; n <= 8; n++)
        for (double a = 0; a <= 1; a += 0.125)
            CHECK(fabs(hg_draft_acceptance(hg_draft_length(a, n), n) - a) < 1e-9);
}

static void names(void)
{
    static const struct {
        const char *word;
        hg_draft kind;
    } rows[] = { { "mtp", HG_DRAFT_MTP }, { "NEXTN", HG_DRAFT_MTP }, { "deepseek_mtp", HG_DRAFT_MTP },
                 { "Eagle", HG_DRAFT_EAGLE3 }, { "EAGLE3", HG_DRAFT_EAGLE3 }, { "NGram", HG_DRAFT_NGRAM },
                 { "STANDALONE", HG_DRAFT_MODEL }, { "DraftTarget", HG_DRAFT_MODEL } };
    hg_draft kind;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        CHECKF(hg_draft_parse(rows[i].word, &kind) && kind == rows[i].kind, "%s", rows[i].word);
    CHECK(!hg_draft_parse("medusa", &kind) && !hg_draft_parse("", &kind));
}

static void published(hg_arena arena)
{
    hg_data data = { 0 };
    hg_err err = { 0 };
    hg_draft_default d, longer;
    CHECK(hg_draft_published(&arena, &data, HG_DRAFT_MTP, 1, &d, &err) && d.acceptance == 0.85 &&
          strstr(d.source, "arXiv"));
    CHECK(hg_draft_published(&arena, &data, HG_DRAFT_MTP, 3, &longer, &err) && longer.acceptance < d.acceptance);
    CHECK(hg_draft_published(&arena, &data, HG_DRAFT_EAGLE3, 5, &d, &err) && d.acceptance > 0 && d.acceptance < 1);
    CHECK(!hg_draft_published(&arena, &data, HG_DRAFT_NGRAM, 3, &d, &err) && err.code == HG_DONE);
}

static double ten_ms(void *ctx, const hg_batch *b)
{
    (void)ctx;
    (void)b;
    return 0.01;
}

static hg_sim_result ran_as(hg_arena *arena, const char *client, const char *scheduler, int32_t drafts,
                            double acceptance, int64_t blocks, int32_t osl, int64_t clients)
{
    hg_workload w;
    hg_workload_synthetic(arena, 200, osl, 1, 300, 1, &w);
    w.load = HG_LOAD_CLOSED;
    w.concurrency = clients;
    hg_sim_config c = { .scheduler = scheduler,
                        .sched = { .max_num_seqs = 64, .max_num_batched_tokens = 2048, .kv_blocks = blocks,
                                   .block_tokens = 16, .chunked_prefill = true, .draft_tokens = drafts,
                                   .acceptance = acceptance },
                        .oracle = { ten_ms, NULL }, .client = hg_client_find(client) };
    hg_sim_result r;
    hg_sim_run(arena, &w, &c, &r);
    return r;
}

static hg_sim_result ran(hg_arena *arena, const char *scheduler, int32_t drafts, double acceptance, int64_t blocks,
                         int32_t osl, int64_t clients)
{
    return ran_as(arena, "heng", scheduler, drafts, acceptance, blocks, osl, clients);
}

/* One request at a time, a prompt and sixty steps of four tokens, ten milliseconds each. */
static void clients(hg_arena arena)
{
    static const struct {
        const char *client;
        double tpot_s, itl_s;
    } rows[] = { { "heng", 0.6 / 240, 0.01 },       { "vllm", 0.6 / 240, 0.01 },
                 { "sglang", 0.6 / 240, 0.0025 },   { "inferencex", 0.6 / 240, 0.01 },
                 { "aiperf", 0.6 / 240, 0.0025 },   { "guidellm", 0.61 / 241, 0.0025 },
                 { "llmperf", 0.61 / 241, 0.0025 } };
    CHECK(sizeof rows / sizeof *rows == hg_client_count && !hg_client_find("wrk"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_arena scratch = arena;
        hg_sim_result r = ran_as(&scratch, rows[i].client, "vllm", 3, 1, 4000, 241, 1);
        CHECK_NEAR(r.latency[HG_TPOT].mean, rows[i].tpot_s, 1e-6);
        CHECKF(fabs(r.latency[HG_ITL].mean / rows[i].itl_s - 1) < 1e-3, "%s: ITL %g", rows[i].client,
               r.latency[HG_ITL].mean);
    }
    /* Several requests whose steps bring unlike numbers of tokens: what is shared out adds up to the same time. */
    hg_sim_result whole = ran_as(&arena, "vllm", "sglang", 3, 0.6, 4000, 100, 8);
    hg_sim_result shared = ran_as(&arena, "sglang", "sglang", 3, 0.6, 4000, 100, 8);
    CHECK(whole.steps == shared.steps && whole.latency[HG_TPOT].mean == shared.latency[HG_TPOT].mean);
    CHECK_NEAR(shared.latency[HG_ITL].mean, shared.latency[HG_TPOT].mean, 1e-3);
}

/* With steps of ten milliseconds whatever they hold, times are counts of steps. */
static void counted_steps(hg_arena arena, const char *scheduler)
{
    enum { OSL = 241 }; /* 240 tokens after the first: whole steps of 1 … 6 */
    hg_sim_result plain = ran(&arena, scheduler, 0, 0, 4000, OSL, 1);
    hg_sim_result never = ran(&arena, scheduler, 3, 0, 4000, OSL, 1);
    hg_sim_result always = ran(&arena, scheduler, 3, 1, 4000, OSL, 1);
    CHECK_NEAR(never.latency[HG_TPOT].mean, plain.latency[HG_TPOT].mean, 1e-12);
    CHECK_NEAR(always.latency[HG_TPOT].mean, plain.latency[HG_TPOT].mean / 4, 1e-9);
    CHECK_NEAR(always.latency[HG_ITL].mean, 0.01, 1e-3); /* a chunk brings four tokens */
    CHECK(never.tokens_per_step == 1 && always.tokens_per_step == 4 && plain.tokens_per_step == 0);
    double before = never.latency[HG_TPOT].mean;
    for (double a = 0.1; a < 1; a += 0.1) {
        hg_arena scratch = arena;
        hg_sim_result r = ran(&scratch, scheduler, 3, a, 4000, OSL, 1);
        CHECKF(r.latency[HG_TPOT].mean < before, "%s, acceptance %.1f", scheduler, a);
        CHECK_NEAR(r.tokens_per_step, hg_draft_length(a, 3), 0.02);
        before = r.latency[HG_TPOT].mean;
    }
}

/* Nothing is lost and no block stays held where the pool is too small for all. */
static void under_pressure(hg_arena arena, const char *scheduler)
{
    for (int32_t drafts = 1; drafts <= 7; drafts += 2) {
        hg_arena scratch = arena;
        hg_sim_result r = ran(&scratch, scheduler, drafts, 0.6, 100, 90, 40), again;
        CHECKF(r.completed == 300 && r.kv_blocks_left == 0, "%s, %d drafts: %zu done, %d blocks left", scheduler, drafts,
               r.completed, (int)r.kv_blocks_left);
        again = ran(&scratch, scheduler, drafts, 0.6, 100, 90, 40);
        CHECK(again.duration_s == r.duration_s && again.steps == r.steps);
    }
}

static bool problem(hg_arena *arena, const char *engine, const char *model, hg_problem *p)
{
    static const hg_data data = { NULL };
    const char *note;
    hg_err err = { 0 };
    hg_device device;
    *p = (hg_problem){ 0 };
    bool ok = hg_model_find(arena, &data, model, &p->model, &note, &err) &&
              hg_engine_find(arena, &data, engine, NULL, &p->engine, &err) &&
              hg_device_find(arena, &data, "h200_sxm", &device, &err) &&
              hg_rates_open(arena, &data, &device, engine, NULL, &p->rates, &note, &err);
    CHECKF(ok, "%s: %s %s", model, err.where, err.msg);
    /* Spread lengths: equal ones keep step, which chance in what is accepted would end. */
    hg_workload_synthetic(arena, 1000, 200, 0.5, 200, 1, &p->workload);
    p->workload.concurrency = 16;
    return ok;
}

static hg_deployment deployment(const hg_problem *p)
{
    return (hg_deployment){ .tp = 8, .pp = 1, .dp = 1, .ep = 1, .replicas = 1, .precision_is_checkpoints = true,
                            .kv_is_auto = true, .kv_dtype = p->model.precision.kv, .max_num_seqs = 128,
                            .max_num_batched_tokens = 8192, .max_model_len = 4096, .gpu_memory_utilization = 0.9,
                            .block_tokens = p->engine.block_tokens, .chunked_prefill = true };
}

/* Drafts and their verification are work: what accepts none is never faster, by any kind; what accepts more never
 * slower; and what proposes lies in memory beside the model. */
static void costs(hg_arena arena, const char *engine, const char *name)
{
    hg_problem *p = HG_NEW(&arena, hg_problem, 1);
    hg_candidate *off = HG_NEW(&arena, hg_candidate, 1), *on = HG_NEW(&arena, hg_candidate, 1);
    hg_run run = { .load = HG_LOAD_CLOSED };
    hg_metrics plain;
    if (!problem(&arena, engine, name, p))
        return;
    hg_deployment d = deployment(p);
    hg_candidate_make(p, &d, off);
    CHECKF(off->fit == HG_FITS, "%s", off->reason);
    hg_evaluate(&arena, p, off, &run, &plain);
    d.draft_tokens = 3;
    for (d.draft = 0; d.draft < HG_DRAFTS; d.draft++) {
        double before = INFINITY;
        d.draft_model = d.draft == HG_DRAFT_MODEL ? &p->model : NULL; /* the dearest that there is */
        for (double a = 0; a <= 1; a += 0.25) {
            hg_arena scratch = arena;
            hg_metrics m;
            d.accepted_tokens = hg_draft_length(a, 3);
            hg_candidate_make(p, &d, on);
            if (on->fit != HG_FITS) {
                CHECKF(d.draft == HG_DRAFT_MTP || d.draft == HG_DRAFT_MODEL, "%s", on->reason);
                break;
            }
            hg_evaluate(&scratch, p, on, &run, &m);
            double tpot_s = m.sim.latency[HG_TPOT].mean;
            CHECKF(a > 0 || tpot_s >= plain.sim.latency[HG_TPOT].mean, "%s drafts by %s for nothing and is faster",
                   name, hg_draft_table[d.draft].word);
            CHECKF(tpot_s < before, "%s by %s: acceptance %.2f is slower than less", name,
                   hg_draft_table[d.draft].word, a);
            before = tpot_s;
        }
        bool weighs = d.draft != HG_DRAFT_NGRAM;
        CHECK(on->fit != HG_FITS || weighs == (on->memory.draft_bytes > 0));
        CHECK(on->fit != HG_FITS || weighs == (on->memory.kv_bytes_per_token > off->memory.kv_bytes_per_token));
        CHECK(on->fit != HG_FITS || on->memory.kv_blocks <= off->memory.kv_blocks);
    }
}

/* The ledger's layer is the published one: DeepSeek-V3's prediction layer is of some 11.5 B parameters without the
 * embedding and output that it shares. */
static void ledger(hg_arena arena)
{
    hg_problem *p = HG_NEW(&arena, hg_problem, 1);
    if (!problem(&arena, "vllm", "deepseek-ai/DeepSeek-V3", p))
        return;
    hg_deployment d = deployment(p);
    d.draft_tokens = 1;
    hg_memory m = hg_memory_ledger(&p->model, &d, &p->engine, &p->rates.device);
    CHECK_NEAR(m.draft_bytes * 8, 11.5e9, 0.06);
    CHECK_NEAR(m.draft_kv_bytes_per_token, m.kv_bytes_per_token / 62, 1e-9);
}

static void refused(hg_arena arena)
{
    hg_problem *p = HG_NEW(&arena, hg_problem, 1);
    hg_candidate *c = HG_NEW(&arena, hg_candidate, 1);
    hg_model small;
    const char *note;
    hg_data data = { 0 };
    hg_err err = { 0 };
    if (!problem(&arena, "vllm", "Qwen/Qwen3-32B", p))
        return;
    hg_deployment d = deployment(p);
    const struct {
        hg_draft draft;
        int64_t pp;
        const char *model, *why;
    } rows[] = {
        { HG_DRAFT_MTP, 1, NULL, "no layers that draft" },
        { HG_DRAFT_MODEL, 1, NULL, "--draft-model" },
        { HG_DRAFT_MODEL, 1, "meta-llama/Llama-3.1-8B", "vocabulary" },
        { HG_DRAFT_NGRAM, 2, NULL, "pipeline" },
        { HG_DRAFT_MODEL, 1, "Qwen/Qwen3-0.6B", NULL },
        { HG_DRAFT_EAGLE3, 1, NULL, NULL },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        d.draft = rows[i].draft;
        d.draft_tokens = 2;
        d.pp = rows[i].pp;
        d.draft_model = rows[i].model && hg_model_find(&arena, &data, rows[i].model, &small, &note, &err) ? &small : NULL;
        hg_candidate_make(p, &d, c);
        CHECKF((c->fit == HG_FITS) == !rows[i].why && (!rows[i].why || strstr(c->reason, rows[i].why)), "row %zu: %s", i,
               c->reason);
    }
    p->engine.drafts[HG_DRAFT_NGRAM] = NULL;
    d = deployment(p);
    d.draft = HG_DRAFT_NGRAM;
    d.draft_tokens = 2;
    hg_candidate_make(p, &d, c);
    CHECK(c->fit == HG_ILLEGAL && strstr(c->reason, "no speculative decoding by ngram"));
}

void test_speculation(void)
{
    hg_arena arena;
    if (!hg_arena_open(&arena, 0))
        return;
    lengths();
    names();
    published(arena);
    clients(arena);
    for (size_t i = 0; i < hg_scheduler_count; i++) {
        if (strcmp(hg_scheduler_names[i], "receive") == 0)
            continue;
        counted_steps(arena, hg_scheduler_names[i]);
        under_pressure(arena, hg_scheduler_names[i]);
    }
    costs(arena, "vllm", "Qwen/Qwen3-32B");
    costs(arena, "sglang", "deepseek-ai/DeepSeek-V3");
    ledger(arena);
    refused(arena);
    hg_arena_close(&arena);
}

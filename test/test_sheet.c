/* Sheets of published results in columns of their own: cells to rows, rows that cannot be, and the errors on the
 * published Ascend results. */
#include "test.h"

#include "base/file.h"
#include "base/stat.h"
#include "eval/serving.h"
#include "measure/parallelism.h"
#include "measure/sheet.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const char shared[] = "../shared/data/devices/ascend_serving.csv";

/* A full row, to be changed in one cell. */
static const char *const full[HG_SHEET_FIELDS] = {
    [HG_SHEET_ID] = "A1", [HG_SHEET_MODEL] = "Qwen3-8B", [HG_SHEET_QUANT] = "W8A8 INT8",
    [HG_SHEET_HARDWARE] = "Atlas 800I A3", [HG_SHEET_DEVICES] = "2", [HG_SHEET_UNIT] = "card as the page counts (A3: 2 dies)",
    [HG_SHEET_ENGINE] = "SGLang main", [HG_SHEET_MODE] = "PD Mixed", [HG_SHEET_PARALLELISM] = "TP4 DP2",
    [HG_SHEET_LOAD] = "3.5K+1.5K", [HG_SHEET_BATCH] = "", [HG_SHEET_ISL] = "3500", [HG_SHEET_OSL] = "1500",
    [HG_SHEET_PREFIX] = "90", [HG_SHEET_CONCURRENCY] = "64", [HG_SHEET_PROMPTS] = "256", [HG_SHEET_SPECULATION] = "NEXTN draft 4",
    [HG_SHEET_THROUGHPUT] = "1500", [HG_SHEET_TTFT] = "<=900", [HG_SHEET_TPOT] = "37",
    [HG_SHEET_EVIDENCE] = "documented TPOT at this configuration", [HG_SHEET_SOURCE] = "a page",
    [HG_SHEET_NOTES] = "max-running-requests 70 chunked-prefill-size 16384",
};

static hg_serving_row with(hg_arena *arena, hg_sheet_field field, const char *cell)
{
    const char *cells[HG_SHEET_FIELDS];
    hg_serving_row r;
    memcpy(cells, full, sizeof cells);
    cells[field] = cell;
    hg_sheet_row(arena, cells, &r);
    return r;
}

static void cells_are_read(hg_arena arena)
{
    hg_serving_row r = with(&arena, HG_SHEET_ID, "A2");
    CHECK(!r.refused && strcmp(r.id, "A2") == 0 && strcmp(r.device, "ascend_910c") == 0);
    CHECK(strcmp(r.engine, "sglang") == 0 && strcmp(r.version, "main") == 0 && strcmp(r.precision, "w8a8") == 0);
    CHECK(r.isl == 3500 && r.osl == 1500 && r.concurrency == 64 && !r.disaggregated);
    CHECK(r.tp == 2 && r.dp == 2 && r.moe_ep == 4); /* SGLang's TP is the whole width */
    CHECK(isnan(r.ttft_s) && fabs(r.tpot_s - 0.037) < 1e-12 && r.output_tokens_per_s == 1500);
    CHECK(strcmp(r.trust, "documented target") == 0 && strcmp(r.source, "a page") == 0);
    CHECK(r.own->requests_per_client == 4 && r.own->max_num_seqs == 35 && r.own->max_num_batched_tokens == 8192);
    CHECK(fabs(r.own->prefix_hit_frac - 0.9) < 1e-12);
    CHECK(r.own->draft_tokens == 3 && r.own->accepted_tokens > 2 && r.own->accepted_tokens < 4);
    r = with(&arena, HG_SHEET_ENGINE, "vllm-ascend 0.7.3 + MindIE-Turbo (tuned)");
    CHECK(strcmp(r.engine, "vllm") == 0 && strcmp(r.version, "0.7.3 + MindIE-Turbo") == 0 && r.tp == 4 && r.dp == 2);
    r = with(&arena, HG_SHEET_MODEL, "DeepSeek-R1 671B");
    CHECK(strcmp(r.model, "DeepSeek-R1") == 0);
    r = with(&arena, HG_SHEET_LOAD, "1080p_30+256");
    CHECK(r.image_width == 1920 && r.image_height == 1080);
    r = with(&arena, HG_SHEET_SPECULATION, "suffix, accept 50%");
    CHECK(!r.refused && fabs(r.own->accepted_tokens - 1 - r.own->draft_tokens / 2) < 1e-9);
    r = with(&arena, HG_SHEET_SPECULATION, "MTP1, 70 percent accepted");
    CHECK(r.own->draft_tokens == 1 && fabs(r.own->accepted_tokens - 1.7) < 1e-9);
    r = with(&arena, HG_SHEET_CONCURRENCY, "1000"); /* of 256 prompts */
    CHECK(r.concurrency == 256 && r.own->requests_per_client == 1);
}

/* Each says which cell and what is wanted there, and takes the whole sheet no further down. */
static void bad_cells_have_reasons(hg_arena arena)
{
    static const struct {
        hg_sheet_field field;
        const char *cell, *reason;
    } rows[] = {
        { HG_SHEET_ISL, "about 3000", "input_tokens is 'about 3000'" },
        { HG_SHEET_ISL, "", "input_tokens is not said" },
        { HG_SHEET_ISL, "-5", "input_tokens is '-5'" },
        { HG_SHEET_OSL, "1e3", "output_tokens is '1e3'" },
        { HG_SHEET_CONCURRENCY, "", "concurrency is not said" },
        { HG_SHEET_CONCURRENCY, "0", "concurrency is '0'" },
        { HG_SHEET_HARDWARE, "Ascend (see doc)", "hardware is" },
        { HG_SHEET_QUANT, "see page", "quant is 'see page'" },
        { HG_SHEET_ENGINE, "Chitu", "engine is 'Chitu'" },
        { HG_SHEET_MODE, "prefill only", "mode is 'prefill only'" },
        { HG_SHEET_PARALLELISM, "", "parallelism is not said" },
        { HG_SHEET_PARALLELISM, "TP4 DP3", "DP ranks do not divide" },
        { HG_SHEET_PARALLELISM, "TP4x", "parallelism is 'TP4x'" },
        { HG_SHEET_PARALLELISM, "TP0", "parallelism is 'TP0'" },
        { HG_SHEET_PARALLELISM, "TP999999999999", "parallelism is" },
        { HG_SHEET_PARALLELISM, "TP4/8", "one engine has one width" },
        { HG_SHEET_SPECULATION, "lookahead", "spec_decode is 'lookahead'" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_arena scratch = arena;
        hg_serving_row r = with(&scratch, rows[i].field, rows[i].cell);
        CHECKF(r.refused && strstr(r.refused, rows[i].reason), "%s: %s", rows[i].cell, r.refused ? r.refused : "not refused");
    }
}

static void widths_are_read(void)
{
    static const struct {
        const char *text;
        int64_t devices;
        bool disaggregated, tp_counts_dp;
        hg_serving_pool prefill, decode; /* workers, batch, tp, pp, dp, moe_tp, moe_ep; tp 0: refused */
    } rows[] = {
        { "TP8 DP2 EP", 16, false, false, { 0 }, { 1, 0, 8, 1, 2, 0, 16 } },
        { "TP8", 8, false, true, { 0 }, { 1, 0, 8, 1, 1, 0, 0 } },
        { "TP16 DP4", 16, false, true, { 0 }, { 1, 0, 4, 1, 4, 0, 16 } },
        { "TP16/32 DP2/16", 64, true, true, { 2, 0, 8, 1, 2, 0, 16 }, { 1, 0, 2, 1, 16, 0, 32 } },
        { "TP4/32 DP32 EP32 PP8", 64, true, true, { 1, 0, 4, 8, 1, 0, 4 }, { 1, 0, 1, 1, 32, 0, 32 } },
        { "node0 TP8 DP2 node1 TP8 DP2 node2 TP1 DP32 node3 TP1 DP32 EP", 64, true, false, { 2, 0, 8, 1, 2, 0, 16 },
          { 1, 0, 1, 1, 32, 0, 32 } },
        { "node0 TP8 DP2 node1 TP4 DP4 EP", 32, true, false, { 1, 0, 8, 1, 2, 0, 16 }, { 1, 0, 4, 1, 4, 0, 16 } },
        { "EP320 attention DP320, microbatch pipeline", 320, false, false, { 0 }, { 1, 0, 1, 1, 320, 0, 320 } },
        { "TP16/32", 40, true, true, { 0 }, { 0 } },
        { "3 x 160", 16, false, false, { 0 }, { 0 } },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_parallelism p = { .devices = rows[i].devices, .disaggregated = rows[i].disaggregated, .tp_counts_dp = rows[i].tp_counts_dp };
        const char *want = hg_parallelism_read(rows[i].text, &p);
        CHECKF((want == NULL) == (rows[i].decode.tp > 0), "%s: %s", rows[i].text, want ? want : "read");
        if (want)
            continue;
        const hg_serving_pool *d = &p.decode, *w = &rows[i].decode, *f = &p.prefill, *v = &rows[i].prefill;
        CHECKF(d->tp == w->tp && d->dp == w->dp && d->pp == w->pp && d->workers == w->workers &&
               (d->moe_ep == w->moe_ep), "%s: tp %" PRId64 " dp %" PRId64 " ep %" PRId64, rows[i].text, d->tp, d->dp, d->moe_ep);
        CHECKF(!rows[i].disaggregated || (f->tp == v->tp && f->dp == v->dp && f->pp == v->pp && f->workers == v->workers),
               "%s: prefill %" PRId64 " of tp %" PRId64 " dp %" PRId64, rows[i].text, f->workers, f->tp, f->dp);
    }
}

static hg_serving_figures predict(hg_arena arena, hg_serving_shelf *shelf, const hg_serving_row *r, hg_serving_case *c)
{
    hg_serving_case_open(shelf, r, c);
    CHECKF(!*c->reason, "%s", c->reason);
    return hg_serving_predict(arena, c, &c->problem->engine.overheads);
}

/* Eight bits: half the weights of sixteen and a little for scales, the same KV, and faster products both where
 * memory binds and where the cube does. */
static void eight_bits_are_half(hg_arena arena, hg_serving_shelf *shelf)
{
    hg_serving_case w8, w16;
    hg_serving_row r = with(&arena, HG_SHEET_SPECULATION, ""), b = r;
    b.precision = "bfloat16";
    hg_serving_figures f8 = predict(arena, shelf, &r, &w8), f16 = predict(arena, shelf, &b, &w16);
    const hg_memory *m8 = &w8.candidate.memory, *m16 = &w16.candidate.memory;
    double ratio = m8->weight_bytes / m16->weight_bytes;
    CHECKF(ratio > 0.5 && ratio < 0.65, "%g", ratio); /* embeddings and logits stay */
    CHECK(m8->kv_bytes_per_token == m16->kv_bytes_per_token && m8->kv_blocks > m16->kv_blocks);
    CHECK(f8.tpot_s < f16.tpot_s && f8.ttft_s < f16.ttft_s && f8.output_tokens_per_s > f16.output_tokens_per_s);
    hg_step_batch one = { .decodes = 1, .decode_context = 100, .emits = 1 }, many = { .chunks = 1, .chunk_tokens = 8192, .chunk_area = 8192.0 * 4096, .emits = 1 };
    const hg_step_batch *batches[] = { &one, &many };
    for (int i = 0; i < 2; i++) {
        double s8 = hg_step_seconds(&w8.candidate.step, batches[i]), s16 = hg_step_seconds(&w16.candidate.step, batches[i]);
        CHECKF(s8 < s16 && s8 > 0.4 * s16, "batch %d: %g s, %g s in 16 bits", i, s8, s16);
    }
}

/* The cube's own rate bounds products, whatever the vector cores would add to it (376 TFLOP/s are sold). */
static void products_run_on_the_cube(hg_arena arena)
{
    hg_data data = { 0 };
    hg_device d;
    hg_err err;
    CHECK(hg_device_find(&arena, &data, "ascend_910c", &d, &err));
    CHECK(d.tensor_flops_per_s[HG_BF16] < 354e12 && d.part[HG_VECTOR_CORE].flops_per_s[HG_BF16] > 22e12);
    hg_rates rates;
    const char *note;
    CHECK(hg_rates_open(&arena, &data, &d, "mindie", NULL, &rates, &note, &err));
    hg_shape s = { .d = { 8192, 8192, 8192 }, .dtype = HG_BF16 };
    hg_rate rate = hg_rates_pick(&rates, &hg_op_gemm, &s);
    double flops_per_s = 2 * pow(8192, 3) / hg_rate_seconds(&rate, &s);
    CHECKF(!rate.surface && flops_per_s < 354e12 && flops_per_s > 200e12, "%g FLOP/s", flops_per_s);
    s.dtype = HG_INT8;
    rate = hg_rates_pick(&rates, &hg_op_gemm, &s);
    CHECK(2 * pow(8192, 3) / hg_rate_seconds(&rate, &s) > 1.8 * flops_per_s);
}

/* The shipped terms were fitted on these rows, but for those of class "paper", whose engine has none: the README tells
 * the errors with whole models left out. */
static void errors_are_bounded(hg_arena arena, hg_serving_shelf *shelf)
{
    hg_err err;
    size_t n, count = 0, papers = 0, answered = 0;
    if (!hg_is_file(shared)) {
        test_skip("../shared/data/devices is absent: predictions of published Ascend results are not judged");
        return;
    }
    hg_serving_row *rows = hg_serving_file(&arena, shared, &n, &err);
    CHECKF(rows, "%s %s", err.where, err.msg);
    double *all = HG_NEW(&arena, double, n), *paper = HG_NEW(&arena, double, n);
    for (size_t i = 0; i < n; i++) {
        hg_serving_case c;
        hg_serving_case_open(shelf, &rows[i], &c);
        answered += !*c.reason;
        CHECK(rows[i].trust && *rows[i].trust);
        if (*c.reason || !(rows[i].tpot_s > 0))
            continue;
        hg_serving_figures f = hg_serving_predict(arena, &c, &c.problem->engine.overheads);
        double error = fabs(f.tpot_s / rows[i].tpot_s - 1);
        all[count++] = error;
        if (strcmp(rows[i].trust, "paper") == 0)
            paper[papers++] = error;
    }
    CHECKF(answered >= 180 && count >= 90 && papers >= 3, "%zu answered, %zu with TPOT, %zu of papers", answered, count, papers);
    CHECKF(hg_quantile(all, count, 0.5) < 0.2, "median TPOT error %.3f", hg_quantile(all, count, 0.5));
    CHECKF(hg_quantile(paper, papers, 0.5) < 0.25, "median TPOT error of papers %.3f", hg_quantile(paper, papers, 0.5));
}

void test_sheet(void)
{
    hg_arena arena, kept;
    hg_data data = { 0 };
    hg_err err;
    CHECK(hg_arena_open(&arena, 0) && hg_arena_open(&kept, 0));
    hg_serving_shelf *shelf = hg_serving_shelf_open(&kept, &data, &err);
    CHECK(shelf);
    cells_are_read(arena);
    bad_cells_have_reasons(arena);
    widths_are_read();
    eight_bits_are_half(arena, shelf);
    products_run_on_the_cube(arena);
    errors_are_bounded(arena, shelf);
    hg_arena_close(&arena);
    hg_arena_close(&kept);
}

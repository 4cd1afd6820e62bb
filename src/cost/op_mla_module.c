#include "cost/latent_block.h"

#include <math.h>

/* Whole blocks of dense latent attention: prompts, and one new token a sequence. */

enum { BATCH, ISL, STEP, HEADS, HIDDEN, Q_LORA, LATENT, NOPE, ROPE, VALUE };
enum { LOG_TOKENS, LOG_LENGTH, LOG_HEADS, LOG_BATCH, LOG_CACHE };

static bool label(int column, const char *text, hg_shape *s)
{
    hg_dtype attention = HG_BF16;
    if (column == 1)
        return hg_dtype_parse(text, &s->dtype);
    if (column == 2)
        return hg_dtype_parse(text, &s->kv_dtype);
    bool known = column == 0 || !*text || hg_dtype_parse(text, &attention);
    s->kind = column == 3 ? (float)attention : s->kind;
    return known;
}

static hg_latent_block block_of(const hg_shape *s, bool one_token)
{
    const double *d = s->d;
    return (hg_latent_block){ .batch = d[BATCH], .isl = d[ISL], .step = d[STEP], .heads = d[HEADS],
                              .hidden = d[HIDDEN], .q_lora = d[Q_LORA], .latent = d[LATENT],
                              .nope = d[NOPE], .rope = d[ROPE], .value = d[VALUE], .dtype = s->dtype,
                              .kv_dtype = s->kv_dtype, .attention = (hg_dtype)s->kind,
                              .one_token = one_token };
}

static void count_context(const hg_shape *s, hg_work *w)
{
    hg_latent_block b = block_of(s, false);
    hg_block_count(&b, w);
}

static void count_generation(const hg_shape *s, hg_work *w)
{
    hg_latent_block b = block_of(s, true);
    hg_block_count(&b, w);
}

static void features(const hg_shape *s, const hg_device *d, const hg_roof *roof, double *x)
{
    (void)roof;
    hg_latent_block b = block_of(s, false);
    x[LOG_TOKENS] = log2(hg_block_tokens(&b));
    x[LOG_LENGTH] = log2(hg_block_length(&b));
    x[LOG_HEADS] = log2(b.heads);
    x[LOG_BATCH] = log2(b.batch);
    x[LOG_CACHE] = fmax(-4, fmin(2, log2(hg_block_cache_bytes(&b) / d->l2_bytes)));
}

static int spans_context(const hg_shape *s, const hg_device *d, const hg_work *w, hg_span *span)
{
    (void)w;
    hg_latent_block b = block_of(s, false);
    return hg_block_spans(&b, d, span);
}

static int spans_generation(const hg_shape *s, const hg_device *d, const hg_work *w, hg_span *span)
{
    (void)w;
    hg_latent_block b = block_of(s, true);
    return hg_block_spans(&b, d, span);
}

#define DIMS                                                                                       \
    {                                                                                              \
        { "batch_size", true, NAN, 1 }, { "isl", true, NAN, 1 }, { "step", true, 0 },              \
            { "num_heads", false, NAN, 1 }, { "hidden_size", false, 7168, 1 },                     \
            { "q_lora_rank", false, 1536 }, { "kv_lora_rank", false, 512, 1 },                     \
            { "qk_nope_head_dim", false, 128, 1 }, { "qk_rope_head_dim", false, 64 },              \
            { "v_head_dim", false, 128, 1 },                                                       \
    }

const hg_op hg_op_mla_context_module = {
    .name = "mla_context_module",
    .title = "block of latent attention, prompts",
    .dims = DIMS,
    .labels = { "kernel_source", "gemm_type", "kv_cache_dtype", "mla_dtype" },
    .label = label,
    .count = count_context,
    .features = features,
    .spans = spans_context,
    .span_count = HG_BLOCK_SPANS,
    .lane = HG_BLOCK_LANES,
    .terms = {
        { 3, { LOG_TOKENS, LOG_HEADS, LOG_LENGTH }, { 10, 4, 6 }, HG_BY_SERIES, .smooth = 0.03, .ridge = 0.01 },
        { 2, { LOG_BATCH, LOG_LENGTH }, { 6, 6 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
    },
    .ungraphed = true,
    .example = { .d = { 4, 2048, 0, 16, 7168, 1536, 512, 128, 64, 128 } },
    .formula = "projections at 2 flops a weight and token; 2·h·(nope + rope + v) flops a visible pair",
};

const hg_op hg_op_mla_generation_module = {
    .name = "mla_generation_module",
    .title = "block of latent attention, one new token a sequence",
    .dims = DIMS,
    .labels = { "kernel_source", "gemm_type", "kv_cache_dtype", "mla_dtype" },
    .label = label,
    .count = count_generation,
    .features = features,
    .spans = spans_generation,
    .span_count = HG_BLOCK_SPANS,
    .lane = HG_BLOCK_LANES,
    .terms = {
        { 3, { LOG_BATCH, LOG_LENGTH, LOG_HEADS }, { 11, 10, 4 }, HG_BY_SERIES, .smooth = 0.03, .ridge = 0.01 },
        { 2, { LOG_HEADS, LOG_BATCH }, { HG_KINDS, 6 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
        { 2, { LOG_CACHE, LOG_HEADS }, { 8, 4 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
    },
    .example = { .d = { 32, 1, 4095, 16, 7168, 1536, 512, 128, 64, 128 } },
    .formula = "projections at 2 flops a weight and token; 2·h·(2·latent + rope) flops a cached token",
};

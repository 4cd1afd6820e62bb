#include "cost/latent_block.h"

#include <math.h>
#include <string.h>

/* Whole blocks of DeepSeek's sparse attention: an indexer scores all tokens before each, the latent
 * attention sees the topk best.  Engines attend densely where all would be chosen; a block may use
 * the choice of a block before it (GLM-5.2). */

enum {
    BATCH,
    ISL,
    STEP,
    HEADS,
    HIDDEN,
    Q_LORA,
    LATENT,
    NOPE,
    ROPE,
    VALUE,
    INDEX_HEADS,
    INDEX_DIM,
    TOPK
};
enum { LOG_TOKENS, LOG_LENGTH, LOG_HEADS, LOG_BATCH, LOG_PAIRS, LOG_CACHE };

/* The tables name their models by architecture: config.json of DeepSeek-V3.2 and of GLM-5. */
static const struct {
    const char *name;
    double hidden, q_lora, nope, value, index_heads;
} architectures[] = {
    { "DeepseekV32ForCausalLM", 7168, 1536, 128, 128, 64 },
    { "GlmMoeDsaForCausalLM", 6144, 2048, 192, 256, 32 },
};

static bool label_architecture(const char *text, hg_shape *s)
{
    for (size_t i = 0; i < sizeof architectures / sizeof *architectures; i++)
        if (strcmp(text, architectures[i].name) == 0) {
            s->d[HIDDEN] = architectures[i].hidden;
            s->d[Q_LORA] = architectures[i].q_lora;
            s->d[NOPE] = architectures[i].nope;
            s->d[VALUE] = architectures[i].value;
            s->d[INDEX_HEADS] = architectures[i].index_heads;
            s->kind += (float)i;
            return true;
        }
    return !*text;
}

/* Engines name the kernel by what it attends with: dense ones are for lengths up to topk. */
static bool label(int column, const char *text, hg_shape *s)
{
    if (column == 0)
        s->kind = strstr(text, "dense") ? HG_DSA_DENSE : 0;
    if (column == 3)
        return label_architecture(text, s);
    if (column == 4 && strstr(text, "skip_indexer")) {
        s->d[INDEX_HEADS] = 0;
        s->kind += HG_DSA_SKIP;
    }
    return column == 0 || column == 4 ||
           hg_dtype_parse(text, column == 1 ? &s->dtype : &s->kv_dtype);
}

static hg_latent_block block_of(const hg_shape *s, bool one_token)
{
    const double *d = s->d;
    return (hg_latent_block){ .batch = d[BATCH],
                              .isl = d[ISL],
                              .step = d[STEP],
                              .heads = d[HEADS],
                              .hidden = d[HIDDEN],
                              .q_lora = d[Q_LORA],
                              .latent = d[LATENT],
                              .nope = d[NOPE],
                              .rope = d[ROPE],
                              .value = d[VALUE],
                              .index_heads = d[INDEX_HEADS],
                              .index_dim = d[INDEX_DIM],
                              .topk = d[TOPK],
                              .dtype = s->dtype,
                              .kv_dtype = s->kv_dtype,
                              .attention = HG_BF16,
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
    x[LOG_PAIRS] = x[LOG_TOKENS] + x[LOG_LENGTH];
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

#define DIMS(step_too)                                                                             \
    {                                                                                              \
        { "batch_size", true, NAN, 1 }, { "isl", true, NAN, 1 }, { "step", step_too, 0 },          \
            { "num_heads", false, NAN, 1 }, { "hidden_size", false, 7168, 1 },                     \
            { "q_lora_rank", false, 1536 }, { "kv_lora_rank", false, 512, 1 },                     \
            { "qk_nope_head_dim", false, 128, 1 }, { "qk_rope_head_dim", false, 64 },              \
            { "v_head_dim", false, 128, 1 }, { "index_n_heads", false, 64 },                       \
            { "index_head_dim", false, 128 }, { "index_topk", false, 2048, 1 },                    \
    }

const hg_op hg_op_dsa_context_module = {
    .name = "dsa_context_module",
    .title = "block of sparse attention, prompts",
    .dims = DIMS(false),
    .labels = { "kernel_source", "gemm_type", "kv_cache_dtype", "architecture", "op_name" },
    .label = label,
    .count = count_context,
    .features = features,
    .spans = spans_context,
    .span_count = HG_BLOCK_SPARSE_SPANS,
    .lane = HG_BLOCK_LANES,
    .terms = {
        { 3, { LOG_TOKENS, LOG_HEADS, LOG_LENGTH }, { 12, 4, 10 }, HG_BY_SERIES, .smooth = 0.03, .ridge = 0.01 },
        { 2, { LOG_BATCH, LOG_LENGTH }, { 8, 10 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
        { 2, { LOG_PAIRS, LOG_TOKENS }, { 12, 8 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
    },
    .ungraphed = true,
    .example = { .d = { 2, 4096, 0, 16, 7168, 1536, 512, 128, 64, 128, 64, 128, 2048 } },
    .formula = "projections; indexer 2·heads·dim flops a pair before it; attention to topk tokens at most",
};

const hg_op hg_op_dsa_generation_module = {
    .name = "dsa_generation_module",
    .title = "block of sparse attention, one new token a sequence",
    .dims = DIMS(true),
    .labels = { "kernel_source", "gemm_type", "kv_cache_dtype", "architecture", "op_name" },
    .label = label,
    .count = count_generation,
    .features = features,
    .spans = spans_generation,
    .span_count = HG_BLOCK_SPARSE_SPANS,
    .lane = HG_BLOCK_LANES,
    .terms = {
        { 3, { LOG_BATCH, LOG_LENGTH, LOG_HEADS }, { 11, 10, 4 }, HG_BY_SERIES, .smooth = 0.03, .ridge = 0.01 },
        { 2, { LOG_HEADS, LOG_BATCH }, { HG_KINDS, 6 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
        { 2, { LOG_CACHE, LOG_HEADS }, { 8, 4 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
    },
    .example = { .d = { 32, 1, 4095, 16, 7168, 1536, 512, 128, 64, 128, 64, 128, 2048 } },
    .formula = "projections; indexer 2·heads·dim flops a cached token; attention to topk tokens at most",
};

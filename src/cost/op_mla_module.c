#include "cost/op.h"

#include <math.h>

/* A whole block of latent attention on one rank: projections into the low ranks and out of them,
 * attention, output projection; with prompts in full heads, with one new token a sequence in the
 * latent space. */

enum { BATCH, ISL, STEP, HEADS, HIDDEN, Q_LORA, LATENT, NOPE, ROPE, VALUE };
enum { LOG_TOKENS, LOG_LENGTH, LOG_HEADS, LOG_BATCH, LOG_CACHE };
enum {
    DOWN,
    UP,
    WHOLE_ROWS,
    ATTEND,
    WHOLE_TILES,
    SOFTMAX,
    BLOCKS,
    SEQUENCES,
    HEADS_EACH,
    WALK,
    TOKEN_PASS,
    HEAD_PASS,
    WEIGHTS,
    MEMORY,
    CACHE,
    SPANS
};

/* Tokens that fill a tile of a product or of attention; heads that a block takes of one token. */
static const double TILE = 128, HEAD_TILE = 64;

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

static double tokens(const hg_shape *s)
{
    return s->d[BATCH] * s->d[ISL];
}

static double length(const hg_shape *s)
{
    return s->d[ISL] + s->d[STEP];
}

/* Weights that every rank has whole, and those of its heads. */
static double down_weights(const hg_shape *s)
{
    return s->d[HIDDEN] * (s->d[Q_LORA] + s->d[LATENT] + s->d[ROPE]);
}

static double head_weights(const hg_shape *s)
{
    double query = s->d[Q_LORA] * (s->d[NOPE] + s->d[ROPE]);
    return s->d[HEADS] *
           (query + s->d[LATENT] * (s->d[NOPE] + s->d[VALUE]) + s->d[VALUE] * s->d[HIDDEN]);
}

/* Multiply-adds of a head for a visible query-key pair. */
static double context_width(const hg_shape *s)
{
    return s->d[NOPE] + s->d[ROPE] + s->d[VALUE];
}

static double latent_width(const hg_shape *s)
{
    return 2 * s->d[LATENT] + s->d[ROPE];
}

static double pairs(const hg_shape *s)
{
    return tokens(s) * (s->d[STEP] + (s->d[ISL] + 1) / 2);
}

static double cache_bytes(const hg_shape *s)
{
    return s->d[BATCH] * length(s) * (s->d[LATENT] + s->d[ROPE]) *
           hg_dtype_table[s->kv_dtype].activation_bytes;
}

/* All at the projections' rate, which is the faster one: the least it can take. */
static void count_block(const hg_shape *s, double width, hg_work *w)
{
    const hg_dtype_info *t = &hg_dtype_table[s->dtype];
    double weights = down_weights(s) + head_weights(s);
    w->tensor_flops = 2 * tokens(s) * weights + 2 * pairs(s) * s->d[HEADS] * width;
    w->tensor_dtype = t->math;
    w->vector_flops = 4 * pairs(s) * s->d[HEADS];
    w->hbm_bytes = weights * t->weight_bytes + cache_bytes(s) + 2 * 2 * tokens(s) * s->d[HIDDEN];
}

static void count_context(const hg_shape *s, hg_work *w)
{
    count_block(s, context_width(s), w);
}

static void count_generation(const hg_shape *s, hg_work *w)
{
    count_block(s, latent_width(s), w);
}

static void features(const hg_shape *s, const hg_device *d, const hg_roof *roof, double *x)
{
    (void)roof;
    x[LOG_TOKENS] = log2(tokens(s));
    x[LOG_LENGTH] = log2(length(s));
    x[LOG_HEADS] = log2(s->d[HEADS]);
    x[LOG_BATCH] = log2(s->d[BATCH]);
    x[LOG_CACHE] = fmax(-4, fmin(2, log2(cache_bytes(s) / d->l2_bytes)));
}

static int project(const hg_shape *s, const hg_device *d, const hg_work *w, hg_span *span, int n)
{
    double t = tokens(s), down = down_weights(s), heads = head_weights(s);
    double rate = hg_tensor_rate(d, s->dtype), bandwidth = d->memory_bytes_per_s;
    double weight_bytes = (down + heads) * hg_dtype_table[s->dtype].weight_bytes;
    double head_width = s->d[NOPE] + s->d[ROPE] + 2 * s->d[VALUE] + s->d[NOPE];
    span[n++] = (hg_span){ DOWN, 2 * t * down / rate };
    span[n++] = (hg_span){ UP, 2 * t * heads / rate };
    span[n++] = (hg_span){ WHOLE_ROWS, 2 * ceil(t / TILE) * TILE * (down + heads) / rate };
    span[n++] = (hg_span){ WEIGHTS, weight_bytes / bandwidth };
    span[n++] = (hg_span){ TOKEN_PASS, 2 * t * s->d[HIDDEN] / bandwidth };
    span[n++] = (hg_span){ HEAD_PASS, 2 * t * s->d[HEADS] * head_width / bandwidth };
    span[n++] = (hg_span){ CACHE, cache_bytes(s) / bandwidth };
    span[n++] = (hg_span){ MEMORY, hg_cache_lost(w, d) * cache_bytes(s) / bandwidth };
    span[n++] = (hg_span){ SEQUENCES, s->d[BATCH] / (double)d->units * 1e-6 };
    span[n++] = (hg_span){ HEADS_EACH, s->d[BATCH] * s->d[HEADS] / (double)d->units * 1e-6 };
    span[n++] = (hg_span){ SOFTMAX, w->vector_flops / d->vector_flops_per_s };
    return n;
}

static int spans_context(const hg_shape *s, const hg_device *d, const hg_work *w, hg_span *span)
{
    double rate = hg_tensor_rate(d, (hg_dtype)s->kind), width = context_width(s);
    double tiles = s->d[BATCH] * s->d[HEADS] * ceil(s->d[ISL] / TILE);
    int n = project(s, d, w, span, 0);
    span[n++] = (hg_span){ ATTEND, 2 * pairs(s) * s->d[HEADS] * width / rate };
    span[n++] = (hg_span){ WHOLE_TILES, 2 * tiles * TILE * length(s) * width / rate };
    span[n++] = (hg_span){ BLOCKS, ceil(tiles / (double)d->units) * 1e-6 };
    span[n++] = (hg_span){ WALK, length(s) * width * 1e-11 };
    return n;
}

static int spans_generation(const hg_shape *s, const hg_device *d, const hg_work *w, hg_span *span)
{
    double rate = hg_tensor_rate(d, (hg_dtype)s->kind), width = latent_width(s);
    double groups = s->d[BATCH] * ceil(s->d[HEADS] / HEAD_TILE);
    int n = project(s, d, w, span, 0);
    span[n++] = (hg_span){ ATTEND, 2 * pairs(s) * s->d[HEADS] * width / rate };
    span[n++] = (hg_span){ WHOLE_TILES, 2 * groups * HEAD_TILE * length(s) * width / rate };
    span[n++] = (hg_span){ BLOCKS, ceil(groups / (double)d->units) * 1e-6 };
    span[n++] = (hg_span){ WALK, log2(length(s)) * 1e-6 };
    return n;
}

#define DIMS                                                                                       \
    {                                                                                              \
        { "batch_size", true, NAN, 1 }, { "isl", true, NAN, 1 }, { "step", true, 0 },              \
            { "num_heads", false, NAN, 1 }, { "hidden_size", false, 7168, 1 },                     \
            { "q_lora_rank", false, 1536 }, { "kv_lora_rank", false, 512, 1 },                     \
            { "qk_nope_head_dim", false, 128, 1 }, { "qk_rope_head_dim", false, 64 },              \
            { "v_head_dim", false, 128, 1 },                                                       \
    }

#define LANES                                                                                      \
    {                                                                                              \
        [WALK] = HG_LANE_CHAIN, [SEQUENCES] = HG_LANE_SEQUENCE, [TOKEN_PASS] = HG_LANE_MEMORY,     \
        [HEAD_PASS] = HG_LANE_MEMORY, [WEIGHTS] = HG_LANE_MEMORY, [MEMORY] = HG_LANE_MEMORY,       \
        [CACHE] = HG_LANE_MEMORY                                                                   \
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
    .span_count = SPANS,
    .lane = LANES,
    .terms = {
        { 3, { LOG_TOKENS, LOG_HEADS, LOG_LENGTH }, { 10, 4, 6 }, HG_BY_SERIES, .smooth = 0.03, .ridge = 0.01 },
        { 2, { LOG_BATCH, LOG_LENGTH }, { 6, 6 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
    },
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
    .span_count = SPANS,
    .lane = LANES,
    .terms = {
        { 3, { LOG_BATCH, LOG_LENGTH, LOG_HEADS }, { 11, 10, 4 }, HG_BY_SERIES, .smooth = 0.03, .ridge = 0.01 },
        { 2, { LOG_HEADS, LOG_BATCH }, { HG_KINDS, 6 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
        { 2, { LOG_CACHE, LOG_HEADS }, { 8, 4 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
    },
    .example = { .d = { 32, 1, 4095, 16, 7168, 1536, 512, 128, 64, 128 } },
    .formula = "projections at 2 flops a weight and token; 2·h·(2·latent + rope) flops a cached token",
};

#include "cost/op.h"

#include <math.h>

/* Latent attention of one new token a sequence over isl + step cached ones: all heads share one
 * stream of latent vectors, which serve as keys and, but for the rotary part, as values. */

enum { BATCH, ISL, HEADS, STEP, LATENT, ROPE };
enum { LOG_BATCH, LOG_LENGTH, LOG_HEADS, LOG_CACHE };
enum { BLOCKS, ROWS, PRODUCT, WHOLE_ROWS, WIDE_ROWS, SEQUENCES, WALK, SPLIT, MEMORY, CACHE, SPANS };

/* Heads that fill a tile of the matrix unit, and those a block takes at once. */
static const double TILE = 16, WIDE_TILE = 64;

static bool label(int column, const char *text, hg_shape *s)
{
    return column == 0 || hg_dtype_parse(text, column == 1 ? &s->dtype : &s->kv_dtype);
}

static double length(const hg_shape *s)
{
    return s->d[ISL] + s->d[STEP];
}

/* Flops of a step of so many heads a sequence. */
static double flops(const hg_shape *s, double heads)
{
    return 2 * s->d[BATCH] * heads * length(s) * (2 * s->d[LATENT] + s->d[ROPE]);
}

static void count(const hg_shape *s, hg_work *w)
{
    double b = s->d[BATCH], h = s->d[HEADS], latent = s->d[LATENT], rope = s->d[ROPE];
    w->tensor_flops = flops(s, h);
    w->tensor_dtype = hg_dtype_table[s->dtype].math;
    w->vector_flops = 4 * b * h * length(s);
    w->hbm_bytes = b * length(s) * (latent + rope) * hg_dtype_table[s->kv_dtype].activation_bytes +
                   2 * b * h * (2 * latent + rope);
}

static void features(const hg_shape *s, const hg_device *d, const hg_roof *roof, double *x)
{
    (void)roof;
    double token_bytes = (s->d[LATENT] + s->d[ROPE]) * hg_dtype_table[s->kv_dtype].activation_bytes;
    x[LOG_BATCH] = log2(s->d[BATCH]);
    x[LOG_LENGTH] = log2(length(s));
    x[LOG_HEADS] = log2(s->d[HEADS]);
    double cache = x[LOG_BATCH] + x[LOG_LENGTH] + log2(token_bytes / d->l2_bytes);
    x[LOG_CACHE] = fmax(-3, fmin(1.5, cache));
}

static int spans(const hg_shape *s, const hg_device *d, const hg_work *w, hg_span *span)
{
    double b = s->d[BATCH], h = s->d[HEADS], units = (double)d->units;
    double rate = hg_tensor_rate(d, w->tensor_dtype),
           bytes_s = w->hbm_bytes / d->memory_bytes_per_s;
    int n = 0;
    span[n++] = (hg_span){ BLOCKS, ceil(b * ceil(h / WIDE_TILE) / units) * 1e-6 };
    span[n++] = (hg_span){ ROWS, b * h / units * 1e-6 };
    span[n++] = (hg_span){ PRODUCT, w->tensor_flops / rate };
    span[n++] = (hg_span){ WHOLE_ROWS, flops(s, ceil(h / TILE) * TILE) / rate };
    span[n++] = (hg_span){ WIDE_ROWS, flops(s, ceil(h / WIDE_TILE) * WIDE_TILE) / rate };
    span[n++] = (hg_span){ SEQUENCES, b / units * 1e-6 };
    span[n++] = (hg_span){ WALK, length(s) * s->d[LATENT] * 1e-11 };
    span[n++] = (hg_span){ SPLIT, log2(1 + length(s) / 64) * 1e-6 };
    span[n++] = (hg_span){ CACHE, bytes_s };
    span[n++] = (hg_span){ MEMORY, hg_cache_lost(w, d) * bytes_s };
    return n;
}

const hg_op hg_op_generation_mla = {
    .name = "generation_mla",
    .title = "latent attention of one new token a sequence",
    .dims = { { "batch_size", true, NAN, 1 }, { "isl", false, NAN, 1 }, { "num_heads", false, NAN, 1 },
              { "step", true, NAN }, { "kv_lora_rank", false, 512, 1 },
              { "qk_rope_head_dim", false, 64 } },
    .labels = { "kernel_source", "mla_dtype", "kv_cache_dtype" },
    .label = label,
    .count = count,
    .features = features,
    .spans = spans,
    .span_count = SPANS,
    .lane = { [SEQUENCES] = HG_LANE_SEQUENCE, [WALK] = HG_LANE_CHAIN, [SPLIT] = HG_LANE_SEQUENCE,
              [MEMORY] = HG_LANE_MEMORY, [CACHE] = HG_LANE_MEMORY },
    .terms = {
        { 2, { LOG_BATCH, LOG_LENGTH }, { 11, 12 }, HG_BY_SERIES, .smooth = 0.03, .ridge = 0.01 },
        { 2, { LOG_HEADS, LOG_LENGTH }, { HG_KINDS, 6 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
        { 2, { LOG_HEADS, LOG_BATCH }, { HG_KINDS, 6 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
        { 2, { LOG_CACHE, LOG_HEADS }, { 8, 4 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
    },
    .example = { .d = { 32, 1, 16, 4095, 512, 64 } },
    .formula = "2·h·(2·latent + rope) flops a cached token; its latent + rope elements once",
};

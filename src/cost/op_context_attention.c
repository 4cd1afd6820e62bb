#include "cost/op.h"

#include <math.h>

/* Prompts: isl new tokens a sequence attend to themselves, causally, and to `step` cached before; with a
 * window each to the window's last at most.  A block of the kernel is TILE_TOKENS queries of one head. */

enum { BATCH, ISL, HEADS, KV_HEADS, HEAD_DIM, STEP, WINDOW };
enum { LOG_HEADS, LOG_NEW, LOG_DIM, LOG_GROUP, LOG_BATCH, WINDOWED, WAVE, LOG_SEEN, LOG_KV };
enum { PRODUCT, SOFTMAX, BLOCKS, WAVES, WALK, MEMORY, WINDOW_PRODUCT, WINDOW_BLOCKS, SPANS };
enum { TILE_TOKENS = 128 };

static bool label(int column, const char *text, hg_shape *s)
{
    return column == 0 || hg_dtype_parse(text, column == 1 ? &s->dtype : &s->kv_dtype);
}

static double kv_heads(const hg_shape *s)
{
    return s->d[KV_HEADS] > 0 ? s->d[KV_HEADS] : s->d[HEADS];
}

/* Query-key pairs of one sequence and head: n·(c + n/2) without a window; with one the early queries
 * see less than the window, the others all of it. */
static double pairs(const hg_shape *s)
{
    double n = s->d[ISL], c = s->d[STEP], w = s->d[WINDOW];
    if (w <= 0 || c + n <= w)
        return n * (c + n / 2);
    double growing = fmax(0, w - c);
    return growing * (c + growing / 2) + (n - growing) * w;
}

static void count(const hg_shape *s, hg_work *w)
{
    double b = s->d[BATCH], h = s->d[HEADS], dim = s->d[HEAD_DIM], n = s->d[ISL];
    double keys = s->d[WINDOW] > 0 ? fmin(n + s->d[STEP], n + s->d[WINDOW]) : n + s->d[STEP];
    w->tensor_flops = 4 * b * h * dim * pairs(s);
    w->tensor_dtype = hg_dtype_table[s->dtype].math;
    w->vector_flops = 4 * b * h * pairs(s);
    w->hbm_bytes = 2 * b * kv_heads(s) * dim * keys * hg_dtype_table[s->kv_dtype].activation_bytes +
                   2 * b * h * dim * n * 2;
}

/* Keys the longest block walks over. */
static double walked(const hg_shape *s)
{
    double all = s->d[ISL] + s->d[STEP];
    return s->d[WINDOW] > 0 ? fmin(all, s->d[WINDOW] + TILE_TOKENS) : all;
}

static double blocks(const hg_shape *s)
{
    return s->d[BATCH] * s->d[HEADS] * ceil(s->d[ISL] / TILE_TOKENS);
}

static void features(const hg_shape *s, const hg_device *d, const hg_roof *roof, double *x)
{
    (void)roof;
    double waves = blocks(s) / (double)d->units;
    x[LOG_HEADS] = log2(s->d[BATCH] * s->d[HEADS]);
    x[LOG_NEW] = log2(s->d[ISL]);
    x[LOG_DIM] = log2(s->d[HEAD_DIM]);
    x[LOG_GROUP] = log2(s->d[HEADS] / kv_heads(s));
    x[LOG_BATCH] = log2(s->d[BATCH]);
    x[WINDOWED] = s->d[WINDOW] > 0 ? 1 : 0;
    x[WAVE] = waves < 4 ? ceil(waves) / waves : 1;
    x[WAVE] = log2(x[WAVE] > 4 ? 4 : x[WAVE]);
    x[LOG_SEEN] = log2(walked(s));
    x[LOG_KV] = log2(s->d[BATCH] * kv_heads(s));
}

static int spans(const hg_shape *s, const hg_device *d, const hg_work *w, hg_span *span)
{
    double units = (double)d->units, dim = s->d[HEAD_DIM], waves = ceil(blocks(s) / units);
    bool windowed = s->d[WINDOW] > 0;
    double padded = fmax(s->d[ISL], TILE_TOKENS) / s->d[ISL];
    int n = 0;
    double product_s = padded * w->tensor_flops / hg_tensor_rate(d, w->tensor_dtype);
    span[n++] = (hg_span){ PRODUCT, product_s };
    span[n++] = (hg_span){ SOFTMAX, w->vector_flops / d->vector_flops_per_s };
    span[n++] = (hg_span){ BLOCKS, blocks(s) / units * 1e-6 };
    span[n++] = (hg_span){ WAVES, waves * (walked(s) + TILE_TOKENS) * dim * 1e-11 };
    span[n++] = (hg_span){ WALK, walked(s) * dim * 1e-11 };
    span[n++] = (hg_span){ MEMORY, w->hbm_bytes / d->memory_bytes_per_s };
    span[n++] = (hg_span){ WINDOW_PRODUCT, windowed * product_s };
    span[n++] = (hg_span){ WINDOW_BLOCKS, windowed * blocks(s) / units * 1e-6 };
    return n;
}

const hg_op hg_op_context_attention = {
    .name = "context_attention",
    .title = "attention of prompts",
    .dims = { { "batch_size", false, NAN, 1 }, { "isl", false, NAN, 1 }, { "num_heads", true, NAN, 1 },
              { "num_key_value_heads", true, NAN }, { "head_dim", true, NAN, 1 },
              { "step", false, 0 }, { "window_size", true, 0 } },
    .labels = { "kernel_source", "attn_dtype", "kv_cache_dtype" },
    .label = label,
    .count = count,
    .features = features,
    .spans = spans,
    .span_count = SPANS,
    .lane = { [MEMORY] = HG_LANE_MEMORY, [WALK] = HG_LANE_BLOCKS },
    .terms = {
        { 3, { LOG_HEADS, LOG_NEW, WINDOWED }, { 12, 17, HG_KINDS }, HG_BY_SERIES, .smooth = 0.03, .ridge = 0.01 },
        { 3, { LOG_DIM, LOG_HEADS, LOG_NEW }, { HG_KINDS, 8, 10 }, HG_BY_SERIES, .smooth = 0.03, .ridge = 0.1 },
        { 3, { LOG_GROUP, LOG_KV, LOG_NEW }, { 6, 6, 6 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.3 },
        { 2, { LOG_BATCH, LOG_NEW }, { 9, 9 }, HG_BY_SERIES, .smooth = 0.03, .ridge = 0.1 },
        { 3, { WAVE, LOG_NEW, WINDOWED }, { 8, 6, HG_KINDS }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
        { 3, { LOG_DIM, LOG_SEEN, WINDOWED }, { HG_KINDS, 8, HG_KINDS }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.3 },
    },
    .example = { .d = { 1, 2048, 32, 8, 128, 0, 0 } },
    .formula = "4·b·h·d flops a visible query-key pair; q, k, v and the result once",
};

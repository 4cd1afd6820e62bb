#include "cost/op.h"

#include <math.h>

/* Latent attention of prompts: isl new tokens a sequence attend to themselves, causally, and to
 * `step` cached before them.  Most kernels take keys and values brought up to full heads; some
 * attend in the latent space, at 3.4 times the products, which is for the fit to learn. */

enum { BATCH, ISL, HEADS, STEP, NOPE, ROPE, VALUE, LATENT };
enum { LOG_ROWS, LOG_ISL, LOG_BATCH, LOG_HEADS, WAVE };
enum { BY_ROW, BY_SEQUENCE, BY_TILE, PRODUCT, WHOLE_TILES, SOFTMAX, WALK, MEMORY, CACHE, SPANS };

static const double TILE = 128;

static bool label(int column, const char *text, hg_shape *s)
{
    return column == 0 || hg_dtype_parse(text, column == 1 ? &s->dtype : &s->kv_dtype);
}

static double keys(const hg_shape *s)
{
    return s->d[ISL] + s->d[STEP];
}

/* Multiply-adds a visible query-key pair: the score's and the value's. */
static double pair_width(const hg_shape *s)
{
    return s->d[NOPE] + s->d[ROPE] + s->d[VALUE];
}

static double pairs(const hg_shape *s)
{
    return s->d[BATCH] * s->d[HEADS] * s->d[ISL] * (s->d[STEP] + (s->d[ISL] + 1) / 2);
}

static void count(const hg_shape *s, hg_work *w)
{
    double heads = s->d[BATCH] * s->d[HEADS], width = pair_width(s);
    const hg_dtype_info *kv = &hg_dtype_table[s->kv_dtype];
    w->tensor_flops = 2 * pairs(s) * width;
    w->tensor_dtype = hg_dtype_table[s->dtype].math;
    w->vector_flops = 4 * pairs(s);
    w->hbm_bytes = 2 * heads * s->d[ISL] * width +
                   s->d[BATCH] * keys(s) * (s->d[LATENT] + s->d[ROPE]) * kv->activation_bytes;
}

static double tiles(const hg_shape *s)
{
    return s->d[BATCH] * s->d[HEADS] * ceil(s->d[ISL] / TILE);
}

/* How much longer whole waves of blocks take than blocks spread evenly; beyond four nothing. */
static double wave_loss(const hg_shape *s, const hg_device *d)
{
    double waves = tiles(s) / (double)d->units;
    return waves < 4 ? log2(fmin(4, ceil(waves) / waves)) : 0;
}

static void features(const hg_shape *s, const hg_device *d, const hg_roof *roof, double *x)
{
    (void)roof;
    x[LOG_BATCH] = log2(s->d[BATCH]);
    x[LOG_HEADS] = log2(s->d[HEADS]);
    x[LOG_ROWS] = x[LOG_BATCH] + x[LOG_HEADS];
    x[LOG_ISL] = log2(s->d[ISL]);
    x[WAVE] = wave_loss(s, d);
}

static int spans(const hg_shape *s, const hg_device *d, const hg_work *w, hg_span *span)
{
    double units = (double)d->units, rate = hg_tensor_rate(d, w->tensor_dtype);
    double expanded = 2 * s->d[BATCH] * s->d[HEADS] * keys(s) * pair_width(s);
    hg_work all = { .hbm_bytes = w->hbm_bytes + expanded };
    double bytes_s = all.hbm_bytes / d->memory_bytes_per_s;
    int n = 0;
    span[n++] = (hg_span){ BY_ROW, s->d[BATCH] * s->d[HEADS] / units * 1e-6 };
    span[n++] = (hg_span){ BY_SEQUENCE, s->d[BATCH] / units * 1e-6 };
    span[n++] = (hg_span){ BY_TILE, ceil(tiles(s) / units) * 1e-6 };
    span[n++] = (hg_span){ PRODUCT, w->tensor_flops / rate };
    span[n++] = (hg_span){ WHOLE_TILES, 2 * tiles(s) * TILE * keys(s) * pair_width(s) / rate };
    span[n++] = (hg_span){ SOFTMAX, w->vector_flops / d->vector_flops_per_s };
    span[n++] = (hg_span){ WALK, keys(s) * pair_width(s) * 1e-11 };
    span[n++] = (hg_span){ CACHE, bytes_s };
    span[n++] = (hg_span){ MEMORY, hg_cache_lost(&all, d) * bytes_s };
    return n;
}

const hg_op hg_op_context_mla = {
    .name = "context_mla",
    .title = "latent attention of prompts",
    .dims = { { "batch_size", true, NAN, 1 }, { "isl", true, NAN, 1 }, { "num_heads", false, NAN, 1 },
              { "step", false, 0 }, { "qk_nope_head_dim", false, 128, 1 },
              { "qk_rope_head_dim", false, 64 }, { "v_head_dim", false, 128, 1 },
              { "kv_lora_rank", false, 512, 1 } },
    .labels = { "kernel_source", "mla_dtype", "kv_cache_dtype" },
    .label = label,
    .count = count,
    .features = features,
    .spans = spans,
    .span_count = SPANS,
    .lane = { [WALK] = HG_LANE_CHAIN, [BY_SEQUENCE] = HG_LANE_SEQUENCE,
              [MEMORY] = HG_LANE_MEMORY, [CACHE] = HG_LANE_MEMORY },
    .terms = {
        { 2, { LOG_ROWS, LOG_ISL }, { 10, 12 }, HG_BY_SERIES, .smooth = 0.03, .ridge = 0.01 },
        { 2, { LOG_HEADS, LOG_ISL }, { 6, 8 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
        { 2, { LOG_BATCH, LOG_ISL }, { 6, 6 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
        { 2, { WAVE, LOG_ISL }, { 6, 5 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
    },
    .example = { .d = { 4, 2048, 16, 0, 128, 64, 128, 512 } },
    .formula = "2·(nope + rope + v) flops a visible query-key pair and head; the latent, queries, result once",
};

#include "cost/op.h"

#include <math.h>

/* isl new tokens a sequence attend to themselves, causally, and to `step` cached before them:
 * prompts, whole or in chunks.  With a window each sees that many at most.  A row is one head of a
 * sequence, a stream one KV head; a block works on TILE tokens of a row. */

enum { BATCH, ISL, HEADS, KV_HEADS, HEAD_DIM, STEP, WINDOW };
enum { LOG_ROWS, LOG_STREAMS, LOG_BATCH, LOG_ISL, LOG_DIM, LOG_GROUP, MODE, WAVE };

/* Spans of a kernel without or with a window, then those of both.  FULL: what a kernel computes
 * that masks the pairs it should skip. */
enum { WAYS = 2, BY_ROW = 0, BY_STREAM, BY_TILE, PRODUCT, FULL, SOFTMAX, WALK, WAY_SPANS };
enum { MASKING = WAY_SPANS * (WAYS + 1), DIM_SETUP, SEQUENCES, MEMORY, CACHE, SPANS };

static const double TILE = 128;

static bool label(int column, const char *text, hg_shape *s)
{
    return column == 0 || hg_dtype_parse(text, column == 1 ? &s->dtype : &s->kv_dtype);
}

static double kv_heads(const hg_shape *s)
{
    return s->d[KV_HEADS] > 0 ? s->d[KV_HEADS] : s->d[HEADS];
}

/* Query-key pairs of a sequence's first n tokens. */
static double pairs_of_first(double n, double window)
{
    double growing = window > 0 ? fmin(n, window) : n;
    return growing * (growing + 1) / 2 + (n - growing) * window;
}

static double pairs(const hg_shape *s)
{
    double step = s->d[STEP], window = s->d[WINDOW];
    return pairs_of_first(step + s->d[ISL], window) - pairs_of_first(step, window);
}

/* Tokens whose keys and values are read: the new and the cached that the first of them sees. */
static double read_tokens(const hg_shape *s)
{
    double step = s->d[STEP];
    return s->d[ISL] + (s->d[WINDOW] > 0 ? fmin(step, s->d[WINDOW]) : step);
}

/* Keys that the block with the last query walks over. */
static double walked_tokens(const hg_shape *s)
{
    double length = s->d[STEP] + s->d[ISL];
    return s->d[WINDOW] > 0 ? fmin(length, s->d[WINDOW] + TILE) : length;
}

static void count(const hg_shape *s, hg_work *w)
{
    double b = s->d[BATCH], h = s->d[HEADS], dim = s->d[HEAD_DIM], seen = b * h * pairs(s);
    const hg_dtype_info *q = &hg_dtype_table[s->dtype], *kv = &hg_dtype_table[s->kv_dtype];
    w->tensor_flops = 4 * seen * dim;
    w->tensor_dtype = q->math;
    w->vector_flops = 4 * seen;
    w->hbm_bytes = b * h * s->d[ISL] * dim * (q->activation_bytes + 2) +
                   2 * b * kv_heads(s) * dim * read_tokens(s) * kv->activation_bytes;
}

/* How much longer whole waves of blocks take than blocks spread evenly; beyond four nothing. */
static double wave_loss(const hg_shape *s, const hg_device *d)
{
    double waves = s->d[BATCH] * s->d[HEADS] * ceil(s->d[ISL] / TILE) / (double)d->units;
    return waves < 4 ? log2(fmin(4, ceil(waves) / waves)) : 0;
}

static void features(const hg_shape *s, const hg_device *d, const hg_roof *roof, double *x)
{
    (void)roof;
    double batch = log2(s->d[BATCH]), h = log2(s->d[HEADS]), kv = log2(kv_heads(s));
    bool windowed = s->d[WINDOW] > 0;
    x[LOG_ROWS] = batch + h;
    x[LOG_STREAMS] = batch + kv;
    x[LOG_BATCH] = batch;
    x[LOG_ISL] = log2(s->d[ISL]);
    x[LOG_DIM] = log2(s->d[HEAD_DIM]);
    x[LOG_GROUP] = h - kv;
    x[MODE] = windowed + (windowed && s->d[ISL] + s->d[STEP] > s->d[WINDOW]);
    x[WAVE] = wave_loss(s, d);
}

static int spans(const hg_shape *s, const hg_device *d, const hg_work *w, hg_span *span)
{
    double b = s->d[BATCH], h = s->d[HEADS], isl = s->d[ISL], dim = s->d[HEAD_DIM];
    double units = (double)d->units, rate = hg_tensor_rate(d, w->tensor_dtype);
    bool windowed = s->d[WINDOW] > 0;
    double way_s[WAY_SPANS] = {
        [BY_ROW] = b * h / units * 1e-6,
        [BY_STREAM] = b * kv_heads(s) / units * 1e-6,
        [BY_TILE] = b * h * isl / TILE / units * 1e-6,
        [PRODUCT] = w->tensor_flops / rate,
        [FULL] = 4 * b * h * dim * isl * (isl + s->d[STEP]) / rate,
        [SOFTMAX] = w->vector_flops / d->vector_flops_per_s,
        [WALK] = walked_tokens(s) * dim * 1e-11,
    };
    int n = 0;
    for (int i = 0; i < WAY_SPANS; i++) {
        span[n++] = (hg_span){ windowed * WAY_SPANS + i, way_s[i] };
        span[n++] = (hg_span){ WAYS * WAY_SPANS + i, way_s[i] };
    }
    double lost = hg_cache_lost(w, d), bytes_s = w->hbm_bytes / d->memory_bytes_per_s;
    span[n++] = (hg_span){ MASKING, windowed * 1e-6 };
    span[n++] = (hg_span){ DIM_SETUP, dim * 1e-8 };
    span[n++] = (hg_span){ SEQUENCES, b / units * 1e-6 };
    span[n++] = (hg_span){ CACHE, bytes_s };
    span[n++] = (hg_span){ MEMORY, lost * bytes_s };
    return n;
}

#define CHAIN(way) [(way) * WAY_SPANS + WALK] = HG_LANE_CHAIN

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
    .lane = { CHAIN(0), CHAIN(1), CHAIN(2),
              [MASKING] = HG_LANE_SEQUENCE, [DIM_SETUP] = HG_LANE_SEQUENCE,
              [SEQUENCES] = HG_LANE_SEQUENCE, [MEMORY] = HG_LANE_MEMORY, [CACHE] = HG_LANE_MEMORY },
    .terms = {
        { 3, { LOG_ROWS, LOG_ISL, MODE }, { 12, 17, HG_KINDS }, HG_BY_SERIES,
          .smooth = 0.03, .ridge = 0.01 },
        { 3, { LOG_DIM, LOG_ROWS, LOG_ISL }, { HG_KINDS, 8, 8 }, HG_BY_SERIES,
          .smooth = 0.03, .ridge = 0.1 },
        { 3, { LOG_GROUP, LOG_ISL, LOG_ROWS }, { 8, 7, 4 }, HG_BY_SERIES,
          .smooth = 0.1, .ridge = 2 },
        { 3, { LOG_GROUP, LOG_ISL, MODE }, { 10, 7, HG_KINDS }, HG_BY_SERIES,
          .smooth = 0.03, .ridge = 1 },
        { 3, { LOG_DIM, LOG_ISL, MODE }, { HG_KINDS, 9, HG_KINDS }, HG_BY_SERIES,
          .smooth = 0.03, .ridge = 1 },
        { 2, { LOG_BATCH, LOG_ISL }, { 9, 8 }, HG_BY_SERIES, .smooth = 0.03, .ridge = 0.1 },
        { 3, { LOG_STREAMS, LOG_ISL, LOG_DIM }, { 8, 8, HG_KINDS }, HG_BY_SERIES,
          .smooth = 0.03, .ridge = 1 },
        { 2, { WAVE, LOG_ISL }, { 8, 6 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
    },
    .example = { .d = { 4, 2048, 32, 8, 128, 0, 0 } },
    .formula = "4·b·h·d flops a visible query-key pair; q, k, v and the result once",
};

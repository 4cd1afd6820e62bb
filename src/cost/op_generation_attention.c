#include "cost/op.h"

#include <math.h>

/* One new token a sequence attends to the tokens in the KV cache: isl + step of them, or the
 * window's.  A stream is one KV head of one sequence: what a kernel gives to a block, or splits. */

enum { BATCH, ISL, HEADS, KV_HEADS, HEAD_DIM, STEP, WINDOW };
enum { LOG_STREAMS, LOG_HEADS, LOG_BATCH, LOG_LENGTH, LOG_SEEN, LOG_DIM, LOG_CACHE };
enum { WINDOWED = LOG_CACHE + 1, TILE, MODE };

/* Kernels tell query groups apart by the tile that holds them: one head, too few for the matrix
 * unit, one row of it (16), what XQA and trtllm-gen still pack (32), more. */
enum { ALONE, FEW, ROW, TWO_ROWS, WIDE, TILES };

/* Spans of one way of running, then those of all ways.  A window is a way of its own: under it
 * FlashAttention 2 unpacks the group and XQA splits otherwise. */
enum { WAYS = TILES + 2, BLOCKS = 0, HEAD_BLOCKS, PRODUCT, WALK, WAY_SPANS };
enum { MASKING = WAY_SPANS * (WAYS + 1), DIM_SETUP, SEQUENCES, MEMORY, CACHE, SPANS };

static bool label(int column, const char *text, hg_shape *s)
{
    return column == 0 || hg_dtype_parse(text, column == 1 ? &s->dtype : &s->kv_dtype);
}

static double kv_heads(const hg_shape *s)
{
    return s->d[KV_HEADS] > 0 ? s->d[KV_HEADS] : s->d[HEADS];
}

static double seen_tokens(const hg_shape *s)
{
    double length = s->d[ISL] + s->d[STEP];
    return s->d[WINDOW] > 0 ? fmin(s->d[WINDOW], length) : length;
}

static int tile(const hg_shape *s)
{
    double group = s->d[HEADS] / kv_heads(s);
    return group <= 1 ? ALONE : group < 4 ? FEW : group <= 16 ? ROW : group <= 32 ? TWO_ROWS : WIDE;
}

static void count(const hg_shape *s, hg_work *w)
{
    double b = s->d[BATCH], h = s->d[HEADS], dim = s->d[HEAD_DIM], seen = seen_tokens(s);
    w->tensor_flops = 4 * b * h * dim * seen;
    w->tensor_dtype = hg_dtype_table[s->dtype].math;
    w->vector_flops = 4 * b * h * seen;
    w->hbm_bytes = 2 * b * kv_heads(s) * dim * seen * hg_dtype_table[s->kv_dtype].activation_bytes +
                   2 * b * h * dim * 2;
}

static void features(const hg_shape *s, const hg_device *d, const hg_roof *roof, double *x)
{
    (void)roof;
    double batch = log2(s->d[BATCH]), kv = log2(kv_heads(s)), length = log2(s->d[ISL] + s->d[STEP]);
    double window = s->d[WINDOW] > 0 ? log2(s->d[WINDOW]) : INFINITY;
    bool windowed = s->d[WINDOW] > 0, wide = tile(s) == WIDE, beyond = length > window;
    double token_bytes = 2 * hg_dtype_table[s->kv_dtype].activation_bytes;
    x[LOG_STREAMS] = batch + kv;
    x[LOG_HEADS] = batch + log2(s->d[HEADS]);
    x[LOG_BATCH] = batch;
    x[LOG_DIM] = log2(s->d[HEAD_DIM]);
    x[LOG_LENGTH] = beyond ? 1 + length - window : length;
    x[LOG_SEEN] = fmin(length, window + 1);
    double cache = batch + kv + x[LOG_DIM] + fmin(length, window) + log2(token_bytes / d->l2_bytes);
    x[LOG_CACHE] = fmax(-1.5, fmin(1.5, cache));
    x[WINDOWED] = windowed;
    x[TILE] = tile(s);
    x[MODE] = windowed ? 3 + wide + 2 * beyond : wide ? 2 : tile(s) > ALONE;
}

static int spans(const hg_shape *s, const hg_device *d, const hg_work *w, hg_span *span)
{
    double b = s->d[BATCH], units = (double)d->units, dim = s->d[HEAD_DIM];
    double way_s[WAY_SPANS] = {
        [BLOCKS] = b * kv_heads(s) / units * 1e-6,
        [HEAD_BLOCKS] = b * s->d[HEADS] / units * 1e-6,
        [PRODUCT] = w->tensor_flops / hg_tensor_rate(d, w->tensor_dtype),
        [WALK] = seen_tokens(s) * dim * 1e-11,
    };
    bool windowed = s->d[WINDOW] > 0;
    int way = windowed ? TILES + (tile(s) == WIDE) : tile(s), n = 0;
    for (int i = 0; i < WAY_SPANS; i++) {
        span[n++] = (hg_span){ way * WAY_SPANS + i, way_s[i] };
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

const hg_op hg_op_generation_attention = {
    .name = "generation_attention",
    .title = "attention of one new token a sequence",
    .dims = { { "batch_size", false, NAN, 1 }, { "isl", false, NAN, 1 }, { "num_heads", true, NAN, 1 },
              { "num_key_value_heads", true, NAN }, { "head_dim", true, NAN, 1 },
              { "step", false, NAN }, { "window_size", true, 0 } },
    .labels = { "kernel_source", "attn_dtype", "kv_cache_dtype" },
    .label = label,
    .count = count,
    .features = features,
    .spans = spans,
    .span_count = SPANS,
    .lane = { CHAIN(0), CHAIN(1), CHAIN(2), CHAIN(3), CHAIN(4), CHAIN(5), CHAIN(6), CHAIN(7),
              [MASKING] = HG_LANE_SEQUENCE, [DIM_SETUP] = HG_LANE_SEQUENCE,
              [SEQUENCES] = HG_LANE_SEQUENCE, [MEMORY] = HG_LANE_MEMORY, [CACHE] = HG_LANE_MEMORY },
    .terms = {
        { 3, { LOG_STREAMS, LOG_LENGTH, MODE }, { 12, 17, HG_KINDS }, HG_BY_SERIES,
          .smooth = 0.03, .ridge = 0.01 },
        { 3, { LOG_HEADS, LOG_SEEN, WINDOWED }, { 10, 6, HG_KINDS }, HG_BY_SERIES,
          .smooth = 0.03, .ridge = 0.1 },
        { 3, { LOG_DIM, LOG_STREAMS, LOG_SEEN }, { HG_KINDS, 8, 8 }, HG_BY_SERIES,
          .smooth = 0.03, .ridge = 0.1 },
        { 3, { LOG_DIM, TILE, LOG_STREAMS }, { HG_KINDS, HG_KINDS, 4 }, HG_BY_SERIES,
          .smooth = 0.1, .ridge = 5 },
        { 2, { LOG_BATCH, LOG_SEEN }, { 12, 4 }, HG_BY_SERIES, .smooth = 0.03, .ridge = 0.1 },
        { 3, { LOG_CACHE, LOG_SEEN, WINDOWED }, { 13, 5, HG_KINDS }, HG_BY_SERIES,
          .smooth = 0.03, .ridge = 0.1 },
        { 3, { LOG_DIM, TILE, LOG_SEEN }, { HG_KINDS, HG_KINDS, 5 }, HG_BY_SERIES,
          .smooth = 0.1, .ridge = 2 },
    },
    .example = { .d = { 32, 1, 32, 8, 128, 4095, 0 } },
    .formula = "4·b·h·d·L flops; 2·b·kv·d·L cached elements, L = min(isl + step, window)",
};

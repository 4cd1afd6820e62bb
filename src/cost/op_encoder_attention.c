#include "cost/op.h"

#include <math.h>

/* Attention of an encoder (vision towers): isl tokens of a sequence attend to one another, all to
 * all. A row is one head of a sequence. */

enum { BATCH, ISL, HEADS, HEAD_DIM };
enum { LOG_ROWS, LOG_ISL, LOG_DIM, LOG_HEADS, WAVE, WIDE_WAVE, PAD };
enum {
    BY_ROW,
    BY_SEQUENCE,
    BY_TILE,
    PRODUCT,
    WHOLE_TILES,
    WHOLE_DIM,
    WAVES,
    SOFTMAX,
    WALK,
    DIM_SETUP,
    MEMORY,
    CACHE,
    SPANS
};

/* Tokens of a row that a block works on, in kernels with one and with two groups of warps; what a
 * head's dimension is padded to. */
static const double TILE = 128, WIDE_TILE = 256, DIM_TILE = 32;

static bool label(int column, const char *text, hg_shape *s)
{
    return column == 0 || hg_dtype_parse(text, &s->dtype);
}

static double rows(const hg_shape *s)
{
    return s->d[BATCH] * s->d[HEADS];
}

static void count(const hg_shape *s, hg_work *w)
{
    double isl = s->d[ISL], dim = s->d[HEAD_DIM];
    w->tensor_flops = 4 * rows(s) * isl * isl * dim;
    w->tensor_dtype = hg_dtype_table[s->dtype].math;
    w->vector_flops = 4 * rows(s) * isl * isl;
    w->hbm_bytes = 4 * 2 * rows(s) * isl * dim;
}

static double tiles(const hg_shape *s, double tile)
{
    return rows(s) * ceil(s->d[ISL] / tile);
}

/* How much longer whole waves of blocks take than blocks spread evenly; beyond eight nothing. */
static double wave_loss(const hg_shape *s, const hg_device *d, double tile)
{
    double waves = tiles(s, tile) / (double)d->units;
    return waves < 8 ? log2(fmin(8, ceil(waves) / waves)) : 0;
}

static void features(const hg_shape *s, const hg_device *d, const hg_roof *roof, double *x)
{
    (void)roof;
    x[LOG_HEADS] = log2(s->d[HEADS]);
    x[LOG_ROWS] = log2(rows(s));
    x[LOG_ISL] = log2(s->d[ISL]);
    x[LOG_DIM] = log2(s->d[HEAD_DIM]);
    x[WAVE] = wave_loss(s, d, TILE);
    x[WIDE_WAVE] = wave_loss(s, d, WIDE_TILE);
    x[PAD] = log2(ceil(s->d[ISL] / TILE) * TILE / s->d[ISL]);
}

static int spans(const hg_shape *s, const hg_device *d, const hg_work *w, hg_span *span)
{
    double units = (double)d->units, rate = hg_tensor_rate(d, w->tensor_dtype), isl = s->d[ISL];
    double dim = s->d[HEAD_DIM], whole = tiles(s, TILE),
           bytes_s = w->hbm_bytes / d->memory_bytes_per_s;
    double tile_flops = 4 * TILE * isl * dim;
    int n = 0;
    span[n++] = (hg_span){ BY_ROW, rows(s) / units * 1e-6 };
    span[n++] = (hg_span){ BY_SEQUENCE, s->d[BATCH] / units * 1e-6 };
    span[n++] = (hg_span){ BY_TILE, ceil(whole / units) * 1e-6 };
    span[n++] = (hg_span){ PRODUCT, w->tensor_flops / rate };
    span[n++] = (hg_span){ WHOLE_TILES, whole * tile_flops / rate };
    span[n++] =
        (hg_span){ WHOLE_DIM, whole * tile_flops / dim * ceil(dim / DIM_TILE) * DIM_TILE / rate };
    span[n++] = (hg_span){ WAVES, ceil(whole / units) * units * tile_flops / rate };
    span[n++] = (hg_span){ SOFTMAX, w->vector_flops / d->vector_flops_per_s };
    span[n++] = (hg_span){ WALK, isl * dim * 1e-11 };
    span[n++] = (hg_span){ DIM_SETUP, dim * 1e-8 };
    span[n++] = (hg_span){ CACHE, bytes_s };
    span[n++] = (hg_span){ MEMORY, hg_cache_lost(w, d) * bytes_s };
    return n;
}

const hg_op hg_op_encoder_attention = {
    .name = "encoder_attention",
    .title = "attention of an encoder",
    .dims = { { "batch_size", true, NAN, 1 }, { "isl", false, NAN, 1 }, { "num_heads", true, NAN, 1 },
              { "head_dim", true, NAN, 1 } },
    .labels = { "kernel_source", "attn_dtype" },
    .label = label,
    .count = count,
    .features = features,
    .spans = spans,
    .span_count = SPANS,
    .lane = { [WALK] = HG_LANE_CHAIN, [BY_SEQUENCE] = HG_LANE_SEQUENCE, [DIM_SETUP] = HG_LANE_SEQUENCE,
              [MEMORY] = HG_LANE_MEMORY, [CACHE] = HG_LANE_MEMORY },
    .terms = {
        { 3, { LOG_ROWS, LOG_ISL, LOG_DIM }, { 10, 18, HG_KINDS }, HG_BY_SERIES, .smooth = 0.03, .ridge = 0.01 },
        { 2, { WAVE, LOG_ISL }, { 8, 8 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
        { 2, { WIDE_WAVE, LOG_ISL }, { 8, 8 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
        { 2, { PAD, LOG_ROWS }, { 5, 6 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
    },
    .example = { .d = { 4, 1024, 16, 72 }, .dtype = HG_BF16 },
    .formula = "4·b·h·d·isl² flops; q, k, v and the result once",
};

#include "cost/op.h"

#include <math.h>

/* C[m,n] = A[m,k] · B[k,n]: activations, weights, bf16 result. */

enum { M, N, K };
enum { LOG_M, LOG_N, LOG_K, WAVE_128, WAVE_256, PAD_M, LOG_TILES, LOG_OUT, LOG_CACHE };
enum { PRODUCT, WAVES, ROWS, MEMORY, ROTATED, CACHE, WALK, SPANS };

/* Harnesses go round copies of the operands: on L40S SGLang's table turns warm near a sixth of the
 * L2, TensorRT-LLM's up to all of it. */
static const double COPIES = 6;

static bool label(int column, const char *text, hg_shape *s)
{
    return column == 0 || hg_dtype_parse(text, &s->dtype);
}

static double bytes(const hg_shape *s)
{
    double m = s->d[M], n = s->d[N], k = s->d[K];
    const hg_dtype_info *t = &hg_dtype_table[s->dtype];
    return t->activation_bytes * m * k + t->weight_bytes * k * n + 2 * m * n;
}

static void count(const hg_shape *s, hg_work *w)
{
    w->tensor_flops = 2 * s->d[M] * s->d[N] * s->d[K];
    w->tensor_dtype = hg_dtype_table[s->dtype].math;
    w->hbm_bytes = bytes(s);
}

/* Tiles of the result for each unit of the machine. */
static double tiles(const hg_shape *s, const hg_device *d, double rows, double columns)
{
    return ceil(s->d[M] / rows) * ceil(s->d[N] / columns) / (double)d->units;
}

/* How much longer whole waves take than tiles that were spread evenly; below one wave 0. */
static double wave_loss(double t)
{
    return t > 1 ? log2(ceil(t) / t) : 0;
}

static void features(const hg_shape *s, const hg_device *d, const hg_roof *roof, double *x)
{
    (void)roof;
    double m = s->d[M], n = s->d[N], k = s->d[K], t = tiles(s, d, 128, 128);
    x[LOG_M] = log2(m);
    x[LOG_N] = log2(n);
    x[LOG_K] = log2(k);
    x[WAVE_128] = wave_loss(t);
    x[WAVE_256] = wave_loss(tiles(s, d, 128, 256));
    x[PAD_M] = log2(ceil(m / 128) * 128 / m);
    x[LOG_TILES] = log2(t);
    x[LOG_OUT] = log2(m * n);
    x[LOG_CACHE] = fmax(-4, fmin(1, log2(bytes(s) / d->l2_bytes)));
}

static int spans(const hg_shape *s, const hg_device *d, const hg_work *w, hg_span *span)
{
    double rate = hg_tensor_rate(d, w->tensor_dtype), m = s->d[M], n = s->d[N], k = s->d[K];
    double t = tiles(s, d, 128, 128);
    int i = 0;
    span[i++] = (hg_span){ PRODUCT, w->tensor_flops / rate };
    span[i++] = (hg_span){ WAVES, ceil(t) * (double)d->units * 128 * 128 * 2 * k / rate };
    span[i++] = (hg_span){ ROWS, ceil(m / 16) * 16 * n * k * 2 / rate };
    hg_work copies = { .hbm_bytes = COPIES * w->hbm_bytes };
    double bytes_s = w->hbm_bytes / d->memory_bytes_per_s;
    span[i++] = (hg_span){ CACHE, bytes_s };
    span[i++] = (hg_span){ ROTATED, hg_cache_lost(&copies, d) * bytes_s };
    span[i++] = (hg_span){ MEMORY, hg_cache_lost(w, d) * bytes_s };
    span[i++] = (hg_span){ WALK, k * 1e-9 };
    return i;
}

const hg_op hg_op_gemm = {
    .name = "gemm",
    .title = "matrix product",
    .dims = { { "m", false, NAN, 1 }, { "n", true, NAN, 1 }, { "k", true, NAN, 1 } },
    .labels = { "kernel_source", "gemm_dtype" },
    .label = label,
    .count = count,
    .features = features,
    .spans = spans,
    .span_count = SPANS,
    .lane = { [MEMORY] = HG_LANE_MEMORY, [ROTATED] = HG_LANE_MEMORY, [CACHE] = HG_LANE_MEMORY,
              [WALK] = HG_LANE_SEQUENCE },
    .terms = {
        { 3, { LOG_M, LOG_N, LOG_K }, { 18, 12, 9 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.01 },
        { 2, { WAVE_128, LOG_TILES }, { 8, 10 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
        { 2, { WAVE_256, LOG_TILES }, { 8, 10 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
        { 2, { PAD_M, LOG_M }, { 8, 10 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
        { 2, { LOG_OUT, LOG_K }, { 14, 8 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
        { 2, { LOG_CACHE, LOG_M }, { 16, 8 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
    },
    .example = { .d = { 64, 4096, 4096 }, .dtype = HG_BF16 },
    .formula = "2mnk flops; mk + kn + mn elements",
};

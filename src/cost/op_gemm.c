#include "cost/op.h"

#include <math.h>

/* C[m,n] = A[m,k] · B[k,n]: activations, weights, bf16 result. */

enum { M, N, K };
enum { LOG_M, LOG_N, LOG_K, TILE_WASTE };

static bool label(int column, const char *text, hg_shape *s)
{
    return column == 0 || hg_dtype_parse(text, &s->dtype);
}

static void count(const hg_shape *s, hg_work *w)
{
    double m = s->d[M], n = s->d[N], k = s->d[K];
    const hg_dtype_info *t = &hg_dtype_table[s->dtype];
    w->tensor_flops = 2 * m * n * k;
    w->tensor_dtype = t->math;
    w->hbm_bytes = t->activation_bytes * m * k + t->weight_bytes * k * n + 2 * m * n;
}

static void features(const hg_shape *s, const hg_device *d, const hg_roof *roof, double *x)
{
    (void)roof;
    double m = s->d[M], n = s->d[N], k = s->d[K];
    x[LOG_M] = log2(m);
    x[LOG_N] = log2(n);
    x[LOG_K] = log2(k);
    double tiles = ceil(m / 128) * ceil(n / 128) / (double)d->units;
    x[TILE_WASTE] = log2(ceil(tiles) / tiles);
}

const hg_op hg_op_gemm = {
    .name = "gemm",
    .title = "matrix product",
    .dims = { { "m", false, NAN }, { "n", true, NAN }, { "k", true, NAN } },
    .labels = { "kernel_source", "gemm_dtype" },
    .label = label,
    .count = count,
    .features = features,
    .terms = {
        { 3, { LOG_M, LOG_N, LOG_K }, { 16, 12, 12 }, HG_BY_TABLE, .smooth = 1, .ridge = 1e-3 },
        { 3, { LOG_M, LOG_N, LOG_K }, { 14, 10, 10 }, HG_BY_SERIES, .smooth = 1, .ridge = 0.1 },
    },
    .example = { .d = { 64, 4096, 4096 }, .dtype = HG_BF16 },
    .formula = "2mnk flops; mk + kn + mn elements",
};

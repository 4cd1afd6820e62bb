#include "cost/op.h"

#include <math.h>

/* One pass over memory: what is read once and written once with little arithmetic between (norms,
 * activations, residuals, embeddings, sampling).  Calibrated on scale_matrix, the quantising of an
 * m·k matrix from 16 to 8 bits, which is such a pass; `bytes` stands for any other. */

enum { M, K, BYTES };
enum { LOG_BYTES, LOG_WIDTH };

static bool label(int column, const char *text, hg_shape *s)
{
    return column == 0 || hg_dtype_parse(text, &s->dtype);
}

static void count(const hg_shape *s, hg_work *w)
{
    w->hbm_bytes = s->d[BYTES] > 0 ? s->d[BYTES] : 3 * s->d[M] * s->d[K];
}

/* Few long rows take few thread blocks; a pass known by its bytes alone is as wide as a model. */
static void features(const hg_shape *s, const hg_device *d, const hg_roof *roof, double *x)
{
    double bytes = roof->seconds * d->memory_bytes_per_s;
    double width = s->d[BYTES] > 0 ? 4096 : s->d[K];
    x[LOG_BYTES] = log2(bytes + 1024);
    x[LOG_WIDTH] = log2(width);
}

const hg_op hg_op_memory_pass = {
    .name = "scale_matrix",
    .title = "pass over memory",
    .dims = { { "m", true, 0 }, { "k", true, 0 }, { "bytes", false, 0 } },
    .labels = { "kernel_source", "quant_dtype" },
    .label = label,
    .count = count,
    .features = features,
    .terms = {
        { 2, { LOG_BYTES, LOG_WIDTH }, { 14, 6 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 1e-3 },
    },
    .example = { .d = { 0, 0, 1 << 24 }, .dtype = HG_FP8 },
    .formula = "2 bytes in and 1 out an element, or the bytes given",
};

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

/* A difference of two timings has no least. */
static void count_nothing(const hg_shape *s, hg_work *w)
{
    (void)s, (void)w;
}

static void features_by_shape(const hg_shape *s, const hg_device *d, const hg_roof *roof, double *x)
{
    (void)d, (void)roof;
    x[LOG_BYTES] = log2(s->d[M] * s->d[K]);
    x[LOG_WIDTH] = log2(s->d[K]);
}

/* What a quantiser that finds its own scale takes beyond one that is given it, as its table has it: a
 * difference of two timings, cut off at 0, and below some microseconds noise. */
const hg_op hg_op_compute_scale = {
    .name = "computescale",
    .title = "finding the scale of a matrix",
    .dims = { { "m", true, NAN, 1 }, { "k", true, NAN, 1 } },
    .labels = { "kernel_source", "quant_dtype" },
    .zero_s = 1e-9,
    .label = label,
    .count = count_nothing,
    .features = features_by_shape,
    .terms = {
        { 2, { LOG_BYTES, LOG_WIDTH }, { 12, 6 }, HG_BY_SERIES, .smooth = 1, .ridge = 1e-3 },
    },
    .example = { .d = { 1024, 4096 }, .dtype = HG_FP8 },
    .formula = "a difference of two passes over the matrix",
};

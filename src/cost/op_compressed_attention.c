#include "cost/op.h"

#include <math.h>

/* Attention to a window of all tokens before each and to compressed entries beyond it, one for
 * compress_ratio tokens, of these at most the index_topk chosen (DeepSeek-V4).  All heads share one
 * vector for key and value.  No table measures it: its time is the roofline's.  An indexer is the
 * same without a window and without a choice. */

enum { BATCH, ISL, STEP, HEADS, HEAD_DIM, WINDOW, RATIO, TOPK };

static bool label(int column, const char *text, hg_shape *s)
{
    (void)column, (void)text, (void)s;
    return false;
}

/* Σ min(position, most) over a sequence's first n tokens. */
static double seen_by_first(double n, double most)
{
    double growing = fmin(n, most);
    return growing * (growing + 1) / 2 + (n - growing) * fmin(n, most);
}

static double seen_by_new(const hg_shape *s, double most)
{
    double step = s->d[STEP];
    return seen_by_first(step + s->d[ISL], most) - seen_by_first(step, most);
}

/* Entries that a sequence's new tokens attend to, all together. */
static double attended(const hg_shape *s)
{
    double ratio = s->d[RATIO], most = s->d[TOPK] > 0 ? ratio * s->d[TOPK] : INFINITY;
    double beyond = ratio > 0 ? seen_by_new(s, fmin(most, s->d[STEP] + s->d[ISL])) / ratio : 0;
    return s->d[WINDOW] > 0 ? beyond + seen_by_new(s, s->d[WINDOW]) : beyond;
}

/* Entries read from memory: each at most once by all new tokens together. */
static double read_entries(const hg_shape *s)
{
    double length = s->d[STEP] + s->d[ISL];
    double kept = fmin(length, s->d[WINDOW] + s->d[ISL]) + (s->d[RATIO] > 0 ? length / s->d[RATIO] : 0);
    return fmin(kept, attended(s));
}

static void count(const hg_shape *s, hg_work *w)
{
    double b = s->d[BATCH], h = s->d[HEADS], dim = s->d[HEAD_DIM];
    w->tensor_flops = 4 * b * h * dim * attended(s);
    w->tensor_dtype = hg_dtype_table[s->dtype].math;
    w->vector_flops = 4 * b * h * attended(s);
    w->hbm_bytes = b * dim * (read_entries(s) * hg_dtype_table[s->kv_dtype].activation_bytes +
                              2 * 2 * h * s->d[ISL]);
}

static void features(const hg_shape *s, const hg_device *d, const hg_roof *roof, double *x)
{
    (void)d, (void)roof;
    x[0] = log2(s->d[STEP] + s->d[ISL]);
}

const hg_op hg_op_compressed_attention = {
    .name = "compressed_attention",
    .title = "attention to a window and to compressed entries",
    .dims = { { "batch_size", true, NAN, 1 }, { "isl", true, NAN, 1 }, { "step", false, 0 },
              { "num_heads", false, NAN, 1 }, { "head_dim", false, NAN, 1 },
              { "window_size", false, 0 }, { "compress_ratio", false, 0 },
              { "index_topk", false, 0 } },
    .label = label,
    .count = count,
    .features = features,
    .example = { .d = { 4, 2048, 0, 16, 512, 128, 4, 512 } },
    .formula = "4·h·d flops an entry attended to: a window's, and the chosen of those beyond",
};

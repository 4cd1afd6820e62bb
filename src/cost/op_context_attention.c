#include "cost/op.h"

#include <math.h>

enum { BATCH, ISL, HEADS, KV_HEADS, HEAD_DIM, STEP, WINDOW };

static bool label(int column, const char *text, hg_shape *s)
{
    return column == 0 || hg_dtype_parse(text, column == 1 ? &s->dtype : &s->kv_dtype);
}

static void count(const hg_shape *s, hg_work *w)
{
    double n = s->d[ISL], c = s->d[STEP], kv = s->d[KV_HEADS] > 0 ? s->d[KV_HEADS] : s->d[HEADS], win = s->d[WINDOW];
    double pairs = n * (c + n / 2);
    if (win > 0) pairs = fmin(pairs, n * win);
    w->tensor_flops = 4 * s->d[BATCH] * s->d[HEADS] * s->d[HEAD_DIM] * pairs;
    w->tensor_dtype = hg_dtype_table[s->dtype].math;
    w->hbm_bytes = 2 * s->d[BATCH] * kv * s->d[HEAD_DIM] * (n + c) * hg_dtype_table[s->kv_dtype].activation_bytes + 4 * s->d[BATCH] * s->d[HEADS] * s->d[HEAD_DIM] * n;
}

static void features(const hg_shape *s, const hg_device *d, const hg_roof *roof, double *x)
{
    (void)d, (void)roof;
    double n = s->d[ISL], kv = s->d[KV_HEADS] > 0 ? s->d[KV_HEADS] : s->d[HEADS];
    x[0] = log2(s->d[BATCH] * s->d[HEADS]);
    x[1] = log2(n);
    x[2] = log2(s->d[HEADS] / kv);
    x[3] = log2(s->d[HEAD_DIM]);
}

const hg_op hg_op_context_attention = {
    .name = "context_attention", .title = "attention of prompts",
    .dims = { { "batch_size", false, NAN, 1 }, { "isl", false, NAN, 1 }, { "num_heads", true, NAN, 1 },
              { "num_key_value_heads", true, NAN, 0 }, { "head_dim", true, NAN, 1 }, { "step", false, NAN, 0 }, { "window_size", true, 0, 0 } },
    .labels = { "kernel_source", "attn_dtype", "kv_cache_dtype" },
    .label = label, .count = count, .features = features,
    .terms = { { 3, { 0, 1, 2 }, { 14, 12, 5 }, false, .smooth = 1, .ridge = 1e-3 }, { 2, { 0, 1 }, { 12, 12 }, true, .smooth = 1, .ridge = 0.1 }, { 2, { 1, 3 }, { 8, 5 }, false, .smooth = 1, .ridge = 0.1 } },
    .example = { .d = { 32, 1, 32, 8, 128, 4095, 0 } },
    .formula = "2bhd(n² + 2nc) flops",
};

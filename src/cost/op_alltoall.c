#include "cost/op.h"

#include "base/text.h"

#include <math.h>
#include <string.h>

/* Tokens to the ranks of their experts and home again over NVLink, in TensorRT-LLM's kernels:
 * preparing (who sends what to whom), dispatch in the experts' precision, combine in 16 bits or
 * fewer. */

enum { TOKENS, HIDDEN, TOPK, EXPERTS, EP };
enum { LOG_TOKENS, LOG_EP };
enum { PASS, LINK, RANKS, SENT_ROWS, ROUTE, COUNTING, SPANS };

static bool label_part(const char *text, hg_shape *s)
{
    static const struct {
        const char *name;
        float kind;
    } parts[] = {
        { "alltoall_prepare", HG_ALLTOALL_PREPARE },
        { "alltoall_dispatch", HG_ALLTOALL_DISPATCH },
        { "alltoall_combine", HG_ALLTOALL_COMBINE },
        { "alltoall_combine_low_precision", HG_ALLTOALL_COMBINE_LOW },
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strcmp(text, parts[i].name) == 0) {
            s->kind = parts[i].kind;
            return true;
        }
    return false;
}

static bool label(int column, const char *text, hg_shape *s)
{
    return column == 0 || (column == 1 ? hg_dtype_parse(text, &s->dtype) : label_part(text, s));
}

/* Ranks that a token's picks lie on, its own among them. */
static double reached(const hg_shape *s)
{
    return fmin(s->d[EP], s->d[TOPK]);
}

/* Bytes of one token, one way. */
static double row_bytes(const hg_shape *s)
{
    if (s->kind == HG_ALLTOALL_PREPARE)
        return 4 * s->d[TOPK];
    bool low = s->kind == HG_ALLTOALL_COMBINE_LOW;
    double element = s->kind == HG_ALLTOALL_COMBINE ? 2
                     : low                          ? hg_dtype_table[HG_NVFP4].activation_bytes
                                                    : hg_dtype_table[s->dtype].activation_bytes;
    return s->d[HIDDEN] * element;
}

static double sent_bytes(const hg_shape *s)
{
    return s->d[TOKENS] * row_bytes(s) * reached(s) * (1 - 1 / s->d[EP]);
}

static void count(const hg_shape *s, hg_work *w)
{
    w->hbm_bytes = s->d[TOKENS] * row_bytes(s);
    w->link_bytes = s->d[EP] > 1 ? sent_bytes(s) : 0;
    w->link_hops = s->d[EP] > 1;
}

static void features(const hg_shape *s, const hg_device *d, const hg_roof *roof, double *x)
{
    (void)d, (void)roof;
    x[LOG_TOKENS] = log2(s->d[TOKENS]);
    x[LOG_EP] = log2(s->d[EP]);
}

static int spans(const hg_shape *s, const hg_device *d, const hg_work *w, hg_span *span)
{
    int n = 0;
    span[n++] = (hg_span){ PASS, s->d[TOKENS] * 2 * s->d[HIDDEN] / d->memory_bytes_per_s };
    span[n++] = (hg_span){ LINK, w->link_bytes / d->node_bytes_per_s };
    span[n++] = (hg_span){ RANKS, log2(s->d[EP]) * d->node_latency_s };
    span[n++] = (hg_span){ SENT_ROWS, s->d[TOKENS] * reached(s) / (double)d->units * 1e-9 };
    span[n++] = (hg_span){ ROUTE, s->d[TOKENS] * s->d[TOPK] * 1e-9 };
    span[n++] = (hg_span){ COUNTING, s->d[TOKENS] * s->d[EP] * 1e-11 };
    return n;
}

const hg_op hg_op_trtllm_alltoall = {
    .name = "trtllm_alltoall",
    .title = "tokens to their experts and home, over NVLink",
    .dims = { { "num_tokens", true, NAN, 1 }, { "hidden_size", false, NAN, 1 }, { "topk", false, NAN, 1 },
              { "num_experts", false, NAN, 1 }, { "moe_ep_size", false, NAN, 1 } },
    .labels = { "kernel_source", "moe_dtype", "op_name" },
    .label = label,
    .count = count,
    .features = features,
    .spans = spans,
    .span_count = SPANS,
    .lane = { [PASS] = HG_LANE_MEMORY, [RANKS] = HG_LANE_SEQUENCE },
    .terms = {
        { 2, { LOG_TOKENS, LOG_EP }, { 6, 3 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
        { 1, { LOG_TOKENS }, { 8 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
    },
    .example = { .d = { 1024, 7168, 8, 256, 16 }, .dtype = HG_NVFP4, .kind = HG_ALLTOALL_DISPATCH },
    .formula = "a token's vector to min(topk, ranks) ranks, all but its own over the link",
};

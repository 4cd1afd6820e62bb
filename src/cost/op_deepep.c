#include "cost/op.h"

#include <math.h>
#include <string.h>

/* Tokens to the ranks of their experts and home again in DeepEP's kernels: the normal ones send a
 * token once to every rank that needs it, with some of the SMs; those of low latency once for every
 * expert. Tokens go out in 8 bits and come home in 16. */

enum { TOKENS, HIDDEN, TOPK, EXPERTS, NODES, DISPATCH_SMS, COMBINE_SMS };
enum { LOG_TOKENS, LOG_SMS, LOG_HIDDEN, LOG_TOPK, LOG_EXPERTS };
enum { LINK, BY_SM, BY_SM_ROWS, PASS, ROWS, ROUTE, PER_EXPERT, ALL_EXPERTS, WIDTH, SPANS };

/* Ranks of a node in the tables. */
static const double NODE_RANKS = 8;

static bool label(int column, const char *text, hg_shape *s)
{
    if (column == 1)
        s->kind = strcmp(text, "combine") == 0 ? HG_DEEPEP_COMBINE : HG_DEEPEP_DISPATCH;
    return column == 0 || !*text || strcmp(text, "dispatch") == 0 || strcmp(text, "combine") == 0;
}

static bool combines(const hg_shape *s)
{
    return s->kind == HG_DEEPEP_COMBINE;
}

static double ranks(const hg_shape *s)
{
    return NODE_RANKS * s->d[NODES];
}

/* Copies of a token that leave its rank, picks falling on ranks alike: one for every pick in the
 * kernels of low latency (no SMs given), else one for every rank that has a pick. */
static double copies(const hg_shape *s)
{
    double r = ranks(s), k = s->d[TOPK];
    return s->d[DISPATCH_SMS] > 0 ? (r - 1) * (1 - pow(1 - 1 / r, k)) : k * (r - 1) / r;
}

static double copy_bytes(const hg_shape *s)
{
    return s->d[HIDDEN] * (combines(s) ? 2 : hg_dtype_table[HG_FP8_BLOCK].activation_bytes);
}

static void count(const hg_shape *s, hg_work *w)
{
    w->link_bytes = s->d[TOKENS] * copies(s) * copy_bytes(s);
    w->link_hops = 1;
    w->between_nodes = s->d[NODES] > 1;
    w->hbm_bytes = s->d[TOKENS] * copy_bytes(s);
}

static double sms(const hg_shape *s)
{
    return fmax(1, s->d[combines(s) ? COMBINE_SMS : DISPATCH_SMS]);
}

static void features(const hg_shape *s, const hg_device *d, const hg_roof *roof, double *x)
{
    (void)d, (void)roof;
    x[LOG_TOKENS] = log2(s->d[TOKENS]);
    x[LOG_SMS] = log2(sms(s));
    x[LOG_HIDDEN] = log2(s->d[HIDDEN]);
    x[LOG_TOPK] = log2(s->d[TOPK]);
    x[LOG_EXPERTS] = log2(s->d[EXPERTS]);
}

static int spans(const hg_shape *s, const hg_device *d, const hg_work *w, hg_span *span)
{
    double t = s->d[TOKENS], rows = t * copies(s), bytes = w->link_bytes;
    double link = w->between_nodes ? d->net_bytes_per_s : d->node_bytes_per_s;
    double here = s->d[EXPERTS] / ranks(s);
    int n = 0;
    span[n++] = (hg_span){ LINK, bytes / link };
    span[n++] = (hg_span){ BY_SM, (bytes + t * copy_bytes(s)) / sms(s) * 1e-11 };
    span[n++] = (hg_span){ BY_SM_ROWS, (rows + t) / sms(s) * 1e-9 };
    span[n++] = (hg_span){ PASS, t * s->d[TOPK] * copy_bytes(s) / d->memory_bytes_per_s };
    span[n++] = (hg_span){ ROWS, rows / (double)d->units * 1e-8 };
    span[n++] = (hg_span){ ROUTE, t * s->d[TOPK] * 1e-9 };
    span[n++] = (hg_span){ PER_EXPERT, t * s->d[TOPK] / s->d[EXPERTS] * copy_bytes(s) * 1e-12 };
    span[n++] = (hg_span){ ALL_EXPERTS, here * 1e-7 };
    span[n++] = (hg_span){ WIDTH, s->d[TOPK] * s->d[HIDDEN] * 1e-11 };
    return n;
}

#define DIMS                                                                                       \
    {                                                                                              \
        { "num_token", false, NAN, 1 }, { "hidden_size", true, NAN, 1 },                           \
            { "num_topk", true, NAN, 1 }, { "num_experts", true, NAN, 1 },                         \
            { "node_num", false, 1, 1 }, { "dispatch_sms", false, 0 },                             \
        {                                                                                          \
            "combine_sms", false, 0                                                                \
        }                                                                                          \
    }

#define LANES                                                                                      \
    {                                                                                              \
        [ALL_EXPERTS] = HG_LANE_SEQUENCE, [WIDTH] = HG_LANE_SEQUENCE, [BY_SM] = HG_LANE_CHAIN,     \
        [BY_SM_ROWS] = HG_LANE_CHAIN, [LINK] = HG_LANE_MEMORY                                      \
    }

const hg_op hg_op_deepep_ll = {
    .name = "wideep_deepep_ll",
    .title = "DeepEP dispatch and combine, low latency",
    .dims = DIMS,
    .labels = { "kernel_source", HG_PART },
    .results = { { "dispatch", { "dispatch_avg_t_us" } }, { "combine", { "combine_avg_t_us" } } },
    .label = label,
    .count = count,
    .features = features,
    .spans = spans,
    .span_count = SPANS,
    .lane = LANES,
    .terms = {
        { 1, { LOG_TOKENS }, { 5 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
        { 1, { LOG_HIDDEN }, { 2 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.3 },
        { 1, { LOG_TOPK }, { 2 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.3 },
        { 1, { LOG_EXPERTS }, { 3 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.3 },
    },
    .example = { .d = { 64, 7168, 8, 256, 1 } },
    .formula = "a token's vector once for every pick on another rank; 8 bits out, 16 home",
};

const hg_op hg_op_deepep_normal = {
    .name = "wideep_deepep_normal",
    .title = "DeepEP dispatch and combine",
    .dims = DIMS,
    .labels = { "kernel_source", HG_PART },
    .results = { { "dispatch", { "dispatch_transmit_us", "dispatch_notify_us" } },
                 { "combine", { "combine_transmit_us", "combine_notify_us" } } },
    .label = label,
    .count = count,
    .features = features,
    .spans = spans,
    .span_count = SPANS,
    .lane = LANES,
    .terms = {
        { 2, { LOG_TOKENS, LOG_SMS }, { 10, 5 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },
        { 2, { LOG_TOKENS, LOG_HIDDEN }, { 4, 3 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.3 },
        { 2, { LOG_TOKENS, LOG_TOPK }, { 4, 3 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.3 },
        { 1, { LOG_EXPERTS }, { 3 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.3 },
    },
    .example = { .d = { 4096, 7168, 8, 256, 1, 20, 20 } },
    .formula = "a token's vector once to every other rank with a pick; 8 bits out, 16 home",
};

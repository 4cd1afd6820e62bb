#include "cost/moe_load.h"
#include "cost/op.h"

#include "base/num.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

/* Experts spread over many ranks: the grouped products of one rank of a wide expert group, for
 * tokens that have been sent to it.  SGLang's with DeepEP, prompts and single tokens apart;
 * TensorRT-LLM's, with experts in more slots than there are experts, loads balanced (eplb) or not.
 */

enum { TOKENS, HIDDEN, INTER, TOPK, EXPERTS, TP, EP, SLOTS, ARRIVED, BALANCED };
enum { LOG_PAIRS, LOG_EP, SKEW, LOG_PER_EXPERT, LOG_WIDTH };

/* Spans of even loads, of skewed ones, and of loads balanced by copies. */
enum { WAYS = 3, LAUNCH = 0, PRODUCT, WHOLE_TILES, WEIGHTS, ALL_WEIGHTS, PASS, ROUTE, WAY_SPANS };
enum { SPANS = WAYS * WAY_SPANS };

/* Tokens of an expert that fill a tile. */
static const double TILE = 64;

static bool label_distribution(const char *text, hg_shape *s)
{
    static const char law[] = "power_law_", balanced[] = "_eplb";
    char alpha_text[16];
    double alpha = 0;
    s->kind = 0;
    s->d[BALANCED] = hg_ends(text, balanced);
    if (!hg_starts(text, law))
        return !*text || strcmp(text, "uniform") == 0 || strcmp(text, "balanced") == 0;
    size_t n = strlen(text) - (sizeof law - 1) - (s->d[BALANCED] > 0 ? sizeof balanced - 1 : 0);
    if (n >= sizeof alpha_text)
        return false;
    memcpy(alpha_text, text + sizeof law - 1, n);
    alpha_text[n] = 0;
    bool known = hg_parse_f64(alpha_text, &alpha) && alpha >= 0 && alpha <= 4;
    s->kind = (float)alpha;
    return known;
}

static bool label(int column, const char *text, hg_shape *s)
{
    return column == 0 ||
           (column == 1 ? hg_dtype_parse(text, &s->dtype) : label_distribution(text, s));
}

static double slots(const hg_shape *s)
{
    return fmax(s->d[SLOTS], s->d[EXPERTS]);
}

/* Pairs behind the distinct tokens that arrived: each of a token's picks falls here alike. */
static double pairs_of_arrived(const hg_shape *s)
{
    double share = fmin(s->d[ARRIVED] / s->d[TOKENS], 0.999);
    return s->d[TOKENS] * s->d[TOPK] * (1 - exp2(log2(1 - share) / s->d[TOPK]));
}

static hg_load rank_load(const hg_shape *s)
{
    double pairs = s->d[TOKENS] * s->d[TOPK], ranks = s->d[EP], experts = slots(s) / ranks;
    if (s->kind <= 0 || s->d[BALANCED] > 0)
        return hg_even_load(pairs, ranks, experts);
    hg_load l = hg_skewed_load((double)s->kind, s->d[TOKENS], pairs, slots(s), ranks, experts);
    if (s->d[ARRIVED] > 0)
        l.pairs = hg_clamp(pairs_of_arrived(s), s->d[ARRIVED], pairs);
    l.active = fmin(l.active, fmax(1, l.pairs));
    return l;
}

static double expert_elements(const hg_shape *s)
{
    return 3 * s->d[HIDDEN] * s->d[INTER] / s->d[TP];
}

static void count(const hg_shape *s, hg_work *w)
{
    const hg_dtype_info *t = &hg_dtype_table[s->dtype];
    hg_load l = rank_load(s);
    w->tensor_flops = 2 * expert_elements(s) * l.pairs;
    w->tensor_dtype = t->math;
    w->hbm_bytes = expert_elements(s) * l.active * t->weight_bytes;
}

static int way(const hg_shape *s)
{
    return s->d[BALANCED] > 0 ? 2 : s->kind > 0;
}

/* A group's loads are told apart by skew: half a step for balanced ones. */
static void features(const hg_shape *s, const hg_device *d, const hg_roof *roof, double *x)
{
    (void)d;
    double pairs = roof->work.tensor_flops / (2 * expert_elements(s));
    x[LOG_PAIRS] = log2(fmax(0.25, pairs));
    x[LOG_EP] = log2(s->d[EP]);
    x[SKEW] = s->d[BALANCED] > 0 ? 0.3 * (double)s->kind : (double)s->kind;
    x[LOG_PER_EXPERT] = log2(fmax(0.25, pairs) * s->d[EP] / slots(s));
    x[LOG_WIDTH] = log2(s->d[HIDDEN] * s->d[INTER]);
}

static int spans(const hg_shape *s, const hg_device *d, const hg_work *w, hg_span *span)
{
    const hg_dtype_info *t = &hg_dtype_table[s->dtype];
    double rate = hg_tensor_rate(d, w->tensor_dtype), bandwidth = d->memory_bytes_per_s;
    double experts = slots(s) / s->d[EP], pairs = w->tensor_flops / (2 * expert_elements(s));
    double active = w->hbm_bytes / (expert_elements(s) * t->weight_bytes);
    double tiles = active * ceil(fmax(1, pairs / active) / TILE);
    double way_s[WAY_SPANS] = {
        [LAUNCH] = 1e-6,
        [PRODUCT] = w->tensor_flops / rate,
        [WHOLE_TILES] = 2 * expert_elements(s) * tiles * TILE / rate,
        [WEIGHTS] = w->hbm_bytes / bandwidth,
        [ALL_WEIGHTS] = expert_elements(s) * experts * t->weight_bytes / bandwidth,
        [PASS] = pairs * (4 * s->d[HIDDEN] + 6 * s->d[INTER]) / bandwidth,
        [ROUTE] = s->d[TOKENS] * s->d[TOPK] * 1e-9,
    };
    for (int i = 0; i < WAY_SPANS; i++)
        span[i] = (hg_span){ way(s) * WAY_SPANS + i, way_s[i] };
    return WAY_SPANS;
}

#define LANE(way)                                                                                  \
    [(way)*WAY_SPANS + LAUNCH] = HG_LANE_SEQUENCE, [(way)*WAY_SPANS + ROUTE] = HG_LANE_SEQUENCE,   \
                       [(way)*WAY_SPANS + WEIGHTS] = HG_LANE_MEMORY,                               \
                       [(way)*WAY_SPANS + ALL_WEIGHTS] = HG_LANE_MEMORY,                           \
                       [(way)*WAY_SPANS + PASS] = HG_LANE_SEQUENCE

#define WIDE_OP(op, what)                                                                          \
    const hg_op hg_op_##op = {                                                                     \
        .name = #op,                                                                               \
        .title = what,                                                                             \
        .dims = { { "num_tokens", true, NAN, 1 }, { "hidden_size", false, NAN, 1 },                \
                  { "inter_size", false, NAN, 1 }, { "topk", false, NAN, 1 },                      \
                  { "num_experts", false, NAN, 1 }, { "moe_tp_size", false, 1, 1 },                \
                  { "moe_ep_size", false, 1, 1 }, { "num_slots", false, 0 },                       \
                  { "rank0_num_tokens", false, 0 }, { "balanced", false, 0 } },                    \
        .labels = { "kernel_source", "moe_dtype", "distribution" },                                \
        .series_labels = 2,                                                                        \
        .label = label,                                                                            \
        .count = count,                                                                            \
        .features = features,                                                                      \
        .spans = spans,                                                                            \
        .span_count = SPANS,                                                                       \
        .lane = { LANE(0), LANE(1), LANE(2) },                                                     \
        .terms = {                                                                                 \
            { 3, { LOG_PAIRS, SKEW, LOG_WIDTH }, { 10, 4, 4 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 }, \
            { 2, { LOG_EP, SKEW }, { 6, 3 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 },          \
            { 2, { LOG_PER_EXPERT, LOG_EP }, { 8, 5 }, HG_BY_SERIES, .smooth = 0.1, .ridge = 0.1 }, \
        },                                                                                         \
        .example = { .d = { 4096, 7168, 2048, 8, 256, 1, 32, 256 }, .dtype = HG_FP8_BLOCK },       \
        .formula = "2·3·hidden·inter flops a (token, expert) pair; weights of the active experts once", \
    }

WIDE_OP(wideep_context_moe, "experts of a wide group, prompts");
WIDE_OP(wideep_generation_moe, "experts of a wide group, one token a sequence");
WIDE_OP(wideep_moe, "experts of a wide group in slots");

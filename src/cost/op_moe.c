#include "cost/moe_load.h"
#include "cost/op.h"

#include "base/num.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

/* The routed experts of one layer on one rank of the expert group: sort tokens by expert, two
 * grouped matrix products around the activation, weighted sum. */

enum { TOKENS, HIDDEN, INTER, TOPK, EXPERTS, TP, EP, UNGATED, GROUPED };
enum { KERNEL, DTYPE, DISTRIBUTION };
enum { LOG_ROOF, LOG_PER_EXPERT, TRAFFIC, LOG_INTER, LOG_EP, LOG_TOKENS, SKEW, LOG_EXPERTS };

/* Published models whose experts are not the rule, by shape: relu2 experts have no gate (NVIDIA
 * Nemotron 3 config.json, mlp_hidden_act); DeepSeek-V3 routes within topk_group 4 of n_group 8.
 * Some were measured so in their checkpoint's 4 or 8 bits only. */
static const struct {
    double hidden, inter, topk, experts;
    double matrices, reach_frac;
    bool at_16_bits;
} published[] = {
    { 2688, 1856, 6, 128, 2, 1, true },  /* Nemotron 3 Nano */
    { 1024, 2688, 22, 512, 2, 1, true }, /* Nemotron 3 Super: its latent width, then the model's */
    { 4096, 2688, 22, 512, 2, 1, false },
    { 2048, 5120, 22, 512, 2, 1, true }, /* Nemotron 3 Ultra, likewise */
    { 8192, 5120, 22, 512, 2, 1, true },
    { 7168, 2048, 8, 256, 3, 0.5, false }, /* DeepSeek-V3 */
};

static int find_published(const hg_shape *s)
{
    bool at_16_bits = hg_dtype_table[s->dtype].activation_bytes == 2;
    for (size_t i = 0; i < sizeof published / sizeof *published; i++)
        if (s->d[HIDDEN] == published[i].hidden && s->d[INTER] == published[i].inter &&
            s->d[TOPK] == published[i].topk && s->d[EXPERTS] == published[i].experts &&
            at_16_bits <= published[i].at_16_bits)
            return (int)i;
    return -1;
}

/* Group-limited routing of a benchmark's scores, all equal but for the picks meant: picks outside
 * the groups in reach move to the first topk/2 experts, which win the ties. */
static hg_load add_moved(hg_load kept, double moved, double topk, double experts)
{
    double tied = topk / 2, here = moved * fmin(1, experts / tied);
    double active = kept.active + fmin(fmin(here, tied), experts - kept.active);
    return (hg_load){ kept.pairs + here, fmin(active, fmax(1, kept.pairs + here)) };
}

static hg_load skewed_load_of(const hg_shape *s, double pairs, double ranks, double experts)
{
    return hg_skewed_load((double)s->kind, s->d[TOKENS], pairs, s->d[EXPERTS], ranks, experts);
}

/* Even picks lie in all groups, half of them out of reach.  Of skewed ones, once they outnumber the
 * experts, a fifth were seen to move. */
static hg_load grouped_load(const hg_shape *s, double pairs, double ranks, double experts,
                         double reach_frac)
{
    if (s->kind > 0) {
        hg_load all = skewed_load_of(s, pairs, ranks, experts);
        if (pairs <= s->d[EXPERTS])
            return all;
        hg_load kept = { 0.8 * all.pairs, fmin(all.active, fmax(1, 0.8 * all.pairs)) };
        return add_moved(kept, 0.2 * pairs, s->d[TOPK], experts);
    }
    double reached = fmin(experts, reach_frac * s->d[EXPERTS]);
    hg_load kept = hg_even_load(reach_frac * pairs, fmax(1, reach_frac * ranks), reached);
    return add_moved(kept, (1 - reach_frac) * pairs, s->d[TOPK], reached);
}

static hg_load rank_load(const hg_shape *s)
{
    double pairs = s->d[TOKENS] * s->d[TOPK], ranks = fmax(1, fmin(s->d[EP], s->d[EXPERTS]));
    double experts = s->d[EXPERTS] / ranks;
    int known = s->d[GROUPED] > 0 ? find_published(s) : -1;
    if (known >= 0 && published[known].reach_frac < 1)
        return grouped_load(s, pairs, ranks, experts, published[known].reach_frac);
    return s->kind > 0 ? skewed_load_of(s, pairs, ranks, experts) : hg_even_load(pairs, ranks, experts);
}

static double expert_matrices(const hg_shape *s)
{
    int known = find_published(s);
    return s->d[UNGATED] > 0 ? 2 : known >= 0 ? published[known].matrices : 3;
}

/* vLLM and SGLang route as the model says, groups included; TensorRT-LLM is given the experts. */
static void label_kernel(const char *text, hg_shape *s)
{
    s->d[UNGATED] = strstr(text, "nongated") != NULL;
    s->d[GROUPED] = hg_starts(text, "vllm") || hg_starts(text, "sglang");
}

static bool label_distribution(const char *text, hg_shape *s)
{
    static const char *const even[] = { "", "balanced", "uniform", "random" };
    static const char law[] = "power_law_";
    double alpha = 0;
    bool known = hg_starts(text, law) && hg_parse_f64(text + sizeof law - 1, &alpha) &&
                 alpha >= 0 && alpha <= 4;
    for (size_t i = 0; i < sizeof even / sizeof *even; i++)
        known |= strcmp(text, even[i]) == 0;
    s->kind = (float)alpha;
    return known;
}

static bool label(int column, const char *text, hg_shape *s)
{
    if (column == KERNEL)
        label_kernel(text, s);
    return column == KERNEL ||
           (column == DTYPE ? hg_dtype_parse(text, &s->dtype) : label_distribution(text, s));
}

/* Weights of one expert on this rank. */
static double expert_elements(const hg_shape *s)
{
    return expert_matrices(s) * s->d[HIDDEN] * s->d[INTER] / s->d[TP];
}

/* Tokens in and out, once a token or a pair, whichever is fewer. */
static double token_bytes(const hg_shape *s, double pairs)
{
    double element = hg_dtype_table[s->dtype].activation_bytes + 2;
    return fmin(pairs, s->d[TOKENS]) * s->d[HIDDEN] * element;
}

static void count(const hg_shape *s, hg_work *w)
{
    const hg_dtype_info *t = &hg_dtype_table[s->dtype];
    hg_load l = rank_load(s);
    double weights = expert_elements(s);
    w->tensor_flops = 2 * weights * l.pairs;
    w->tensor_dtype = t->math;
    w->hbm_bytes = weights * l.active * t->weight_bytes + token_bytes(s, l.pairs);
}

/* The load, read back from what was counted of it. */
static hg_load load_of(const hg_shape *s, const hg_work *w)
{
    double weights = expert_elements(s);
    double pairs = w->tensor_flops / (2 * weights);
    double weight_bytes = weights * hg_dtype_table[s->dtype].weight_bytes;
    return (hg_load){ pairs, (w->hbm_bytes - token_bytes(s, pairs)) / weight_bytes };
}

/* TRAFFIC: some kernels pass over all pairs of the group, whether or not their experts are here,
 * two times over the hidden width and six over the expert's, in 16 bits. */
static void features(const hg_shape *s, const hg_device *d, const hg_roof *roof, double *x)
{
    hg_load l = load_of(s, &roof->work);
    double inter = s->d[INTER] / s->d[TP];
    double passes_bytes = s->d[TOKENS] * s->d[TOPK] * (4 * s->d[HIDDEN] + 12 * inter);
    x[LOG_ROOF] = log2(roof->seconds);
    x[LOG_PER_EXPERT] = log2(l.pairs / l.active);
    x[TRAFFIC] = log2(1 + passes_bytes / d->memory_bytes_per_s / (roof->seconds + 5e-6));
    x[LOG_INTER] = log2(inter);
    x[LOG_EP] = log2(s->d[EP]);
    x[LOG_TOKENS] = log2(s->d[TOKENS]);
    x[SKEW] = (double)s->kind;
    x[LOG_EXPERTS] = log2(s->d[EXPERTS]) - x[LOG_EP];
}

const hg_op hg_op_moe = {
    .name = "moe",
    .launches = 9, /* routing, alignment, two quantisers, two products, activation, sum, copy */
    .title = "routed experts",
    .dims = { { "num_tokens", false, NAN, 1 }, { "hidden_size", true, NAN, 1 },
              { "inter_size", true, NAN, 1 }, { "topk", true, NAN, 1 }, { "num_experts", true, NAN, 1 },
              { "moe_tp_size", false, 1, 1 }, { "moe_ep_size", false, 1, 1 },
              { "ungated", false, 0 }, { "grouped", false, 0 } },
    .labels = { "kernel_source", "moe_dtype", "distribution" },
    .series_labels = 2,
    .label = label,
    .count = count,
    .features = features,
    .terms = {
        { 3, { LOG_ROOF, LOG_PER_EXPERT, TRAFFIC }, { 12, 14, 8 }, HG_BY_TABLE, .smooth = 1, .ridge = 1e-3 },
        { 3, { LOG_EP, LOG_PER_EXPERT, LOG_INTER }, { 8, 10, 6 }, HG_BY_TABLE, .smooth = 1, .ridge = 0.01 },
        { 2, { LOG_ROOF, LOG_PER_EXPERT }, { 10, 12 }, HG_BY_SERIES, .smooth = 1, .ridge = 0.5 },
        { 2, { LOG_PER_EXPERT, LOG_INTER }, { 8, 6 }, HG_BY_SERIES, .smooth = 1, .ridge = 0.5 },
        { 3, { SKEW, LOG_PER_EXPERT, LOG_EP }, { 3, 10, 6 }, HG_BY_SERIES, .smooth = 1, .ridge = 0.5 },
        { 2, { LOG_TOKENS, LOG_EXPERTS }, { 14, 6 }, HG_BY_SERIES, .smooth = 1, .ridge = 0.5 },
    },
    .example = { .d = { 64, 4096, 1536, 8, 128, 1, 1 }, .dtype = HG_BF16 },
    .formula = "2·3·hidden·inter flops a (token, expert) pair; weights of the active experts once",
};

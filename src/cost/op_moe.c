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

/* What routing puts on the timed rank: the one with most (token, expert) pairs. */
typedef struct load {
    double pairs;
    double active; /* experts with at least one token */
} load;

/* Tokens take experts in turn. */
static load even_load(double pairs, double ranks, double experts)
{
    return (load){ pairs / ranks, fmin(experts, fmax(1, pairs / ranks)) };
}

/* Group-limited routing of a benchmark's scores, all equal but for the picks meant: picks outside
 * the groups in reach move to the first topk/2 experts, which win the ties. */
static load add_moved(load kept, double moved, double topk, double experts)
{
    double tied = topk / 2, here = moved * fmin(1, experts / tied);
    double active = kept.active + fmin(fmin(here, tied), experts - kept.active);
    return (load){ kept.pairs + here, fmin(active, fmax(1, kept.pairs + here)) };
}

/* Loads of experts drawn from the density x^-α on [lo, hi], scaled to their mean. */
typedef struct skew_law {
    double q; /* 1 - α */
    double lo, hi;
    double lo_q, span_q; /* lo^q; hi^q - lo^q */
    double mean, cv, skewness;
    double log2_scale; /* of a load against x */
} skew_law;

/* ∫ x^(p-1) dx from lo to hi, times q: a moment once it is divided by span_q. */
static double moment(double lo_p, double hi_p, double p, double q)
{
    return (hi_p - lo_p) / p * q;
}

static skew_law law_of(double alpha, double lo, double hi, double mean_load)
{
    double q = 1 - alpha;
    q -= fabs(q - nearbyint(q)) < 1e-3 ? 2e-3 : 0; /* whole powers have logarithms instead */
    double lo_q = lo == 1 ? 1 : exp2(q * log2(lo)), hi_q = exp2(q * log2(hi)), span = hi_q - lo_q;
    double m1 = moment(lo_q * lo, hi_q * hi, q + 1, q) / span;
    double m2 = moment(lo_q * lo * lo, hi_q * hi * hi, q + 2, q) / span;
    double m3 = moment(lo_q * lo * lo * lo, hi_q * hi * hi * hi, q + 3, q) / span;
    double variance = fmax(1e-12 * m2, m2 - m1 * m1), sd = sqrt(variance);
    return (skew_law){ .q = q,
                       .lo = lo,
                       .hi = hi,
                       .lo_q = lo_q,
                       .span_q = span,
                       .mean = m1,
                       .cv = sd / m1,
                       .log2_scale = log2(mean_load / m1),
                       .skewness = (m3 - 3 * m1 * m2 + 2 * m1 * m1 * m1) / (variance * sd) };
}

/* The share of experts with more than this load, and through *x^q the way there. */
static double share_above(const skew_law *w, double log2_load, double *x_q)
{
    double x = exp2(w->q * (log2_load - w->log2_scale)), hi_q = w->lo_q + w->span_q;
    *x_q = hg_clamp(x, fmin(w->lo_q, hi_q), fmax(w->lo_q, hi_q));
    return (hi_q - *x_q) / w->span_q;
}

/* The share of experts with a token when loads are rounded to whole tokens and the tokens that are
 * left over go to idle experts: P(load > ½) + E[load] − E[rounded load], which with the midpoint
 * rule above two is ∫₀² P(load > l) dl − P(load > 1½).  *filled: those that only got left-overs. */
static double active_share(const skew_law *w, double *filled)
{
    double x_q, scale = exp2(w->log2_scale);
    double above_half = share_above(w, -1, &x_q),
           above_one_and_half = share_above(w, 0.5849625, &x_q);
    share_above(w, 1, &x_q);
    double x = hg_clamp(2 / scale, w->lo, w->hi);
    double area = fmin(2, scale * w->lo) + scale / w->span_q *
                                               ((w->lo_q + w->span_q) * (x - w->lo) -
                                                (x_q * x - w->lo_q * w->lo) / (w->q + 1));
    double share = hg_clamp(area - above_one_and_half, 0, 1);
    *filled = fmax(0, share - above_half);
    return share;
}

/* Expected maximum of n standard normal draws, n = 1, 2, 4 … 1024. */
static double normal_maximum(double n)
{
    static const double at[] = { 0,     0.564, 1.029, 1.424, 1.766, 2.070,
                                 2.344, 2.595, 2.828, 3.046, 3.251 };
    double x = hg_clamp(log2(n), 0, 9.999);
    int i = (int)x;
    return at[i] + (at[i + 1] - at[i]) * (x - i);
}

/* The most loaded rank, in loads of the mean one: a sum of `experts` draws, its quantile by Cornish
 * and Fisher (1938). */
static double busiest_rank(const skew_law *w, double mean_load, double filled, double ranks,
                           double experts)
{
    double z = normal_maximum(ranks), root = sqrt(experts);
    double cv = sqrt(w->cv * w->cv + filled * (1 - filled) / (mean_load * mean_load));
    double above = cv / root * (z + w->skewness / (6 * root) * fmax(0, z * z - 1));
    return 1 + fmin(above, w->hi / w->mean - 1);
}

/* The tables' power_law_α, a law of load harnesses checked against how many experts' weights the
 * rows read (129 of 256 measured, 128 by it, at 32 tokens and α = 1.01): loads between 1 and 0.8 of
 * the tokens, or, when there are no more picks than experts, of 0.01 to 2. */
static load skewed_load(const hg_shape *s, double pairs, double ranks, double experts)
{
    bool few = pairs <= s->d[EXPERTS];
    double mean_load = pairs / s->d[EXPERTS], filled;
    double hi = few ? 2 : fmax(1.25, 0.8 * s->d[TOKENS]);
    skew_law w = law_of((double)s->kind, few ? 0.01 : 1, hi, mean_load);
    double share = active_share(&w, &filled);
    double busier = busiest_rank(&w, mean_load, filled, ranks, experts);
    double here = pairs / ranks * busier;
    double active = experts * (1 - exp2(busier * log2(1 - share + 1e-9)));
    return (load){ here, fmin(experts, fmax(active, fmin(1, here))) };
}

/* Even picks lie in all groups, half of them out of reach.  Of skewed ones, once they outnumber the
 * experts, a fifth were seen to move. */
static load grouped_load(const hg_shape *s, double pairs, double ranks, double experts,
                         double reach_frac)
{
    if (s->kind > 0) {
        load all = skewed_load(s, pairs, ranks, experts);
        if (pairs <= s->d[EXPERTS])
            return all;
        load kept = { 0.8 * all.pairs, fmin(all.active, fmax(1, 0.8 * all.pairs)) };
        return add_moved(kept, 0.2 * pairs, s->d[TOPK], experts);
    }
    double reached = fmin(experts, reach_frac * s->d[EXPERTS]);
    load kept = even_load(reach_frac * pairs, fmax(1, reach_frac * ranks), reached);
    return add_moved(kept, (1 - reach_frac) * pairs, s->d[TOPK], reached);
}

static load rank_load(const hg_shape *s)
{
    double pairs = s->d[TOKENS] * s->d[TOPK], ranks = fmax(1, fmin(s->d[EP], s->d[EXPERTS]));
    double experts = s->d[EXPERTS] / ranks;
    int known = s->d[GROUPED] > 0 ? find_published(s) : -1;
    if (known >= 0 && published[known].reach_frac < 1)
        return grouped_load(s, pairs, ranks, experts, published[known].reach_frac);
    return s->kind > 0 ? skewed_load(s, pairs, ranks, experts) : even_load(pairs, ranks, experts);
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
    load l = rank_load(s);
    double weights = expert_elements(s);
    w->tensor_flops = 2 * weights * l.pairs;
    w->tensor_dtype = t->math;
    w->hbm_bytes = weights * l.active * t->weight_bytes + token_bytes(s, l.pairs);
}

/* The load, read back from what was counted of it. */
static load load_of(const hg_shape *s, const hg_work *w)
{
    double weights = expert_elements(s);
    double pairs = w->tensor_flops / (2 * weights);
    double weight_bytes = weights * hg_dtype_table[s->dtype].weight_bytes;
    return (load){ pairs, (w->hbm_bytes - token_bytes(s, pairs)) / weight_bytes };
}

/* TRAFFIC: some kernels pass over all pairs of the group, whether or not their experts are here,
 * two times over the hidden width and six over the expert's, in 16 bits. */
static void features(const hg_shape *s, const hg_device *d, const hg_roof *roof, double *x)
{
    load l = load_of(s, &roof->work);
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

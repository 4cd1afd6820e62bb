#include "eval/bound.h"

#include <math.h>

/* Steps are looked at at so many decodes and prompt tokens, each so much more than the one before; a step's tokens are
 * priced as often, and taken as straight between. */
static const double NEXT = 1.06;
enum { POINTS_MOST = 224, COARSE = 4, ROUNDS = 14 };

/* Batches mix contexts and lengths; what the surfaces' bends make of that, and of the points between, lies within
 * this (test_plan.c holds it). */
static const double SLACK = 1.03;

/* A prompt's attention is looked at whole, in company and in pieces; other cuts may be cheaper by this (test_bound.c draws some). */
static const double CHEAPEST_ATTENTION = 0.9;

/* A mix of contexts in the pool may lie so far below the mean. */
static const double KV_SLACK = 1.05;

typedef struct points {
    double at[POINTS_MOST];
    int n;
} points;

typedef struct lattice {
    points decodes, prompts;     /* 0 first */
    double *tokens_s;            /* by token count */
    double *decodes_s, *mixed_s; /* by point of decodes, besides: without and with prompts in the step */
} lattice;

typedef struct dual {
    double mu, b, nu;          /* see bound.h */
} dual;

/* μ where the search of prices begins: of the order of one over the decodes in a step. */
static const double MU_FIRST = 2e-3;

static void place(double most, points *out)
{
    out->at[0] = 0;
    out->n = 1;
    for (double at = 1; out->n < POINTS_MOST && at <= most; at = floor(fmax(at + 1, at * NEXT)))
        out->at[out->n++] = at;
    if (out->at[out->n - 1] < most && out->n < POINTS_MOST)
        out->at[out->n++] = most;
}

static void price_tokens(hg_arena *arena, const hg_step_oracle *o, double most, double *seconds)
{
    points *known = HG_NEW(arena, points, 1);
    place(most, known);
    for (int i = 1; i < known->n; i++) {
        double from = known->at[i - 1], to = known->at[i], rise = hg_step_oracle_tokens_seconds(o, to);
        double base = i > 1 ? seconds[(int64_t)from] : rise;
        for (double m = from + 1; m <= to; m++)
            seconds[(int64_t)m] = base + (rise - base) * (m - from) / (to - from);
    }
}

static double host_seconds(const hg_candidate *c, double decodes, double context, double prompts)
{
    hg_step_batch b = { .decodes = decodes, .decode_context = decodes * context, .emits = decodes,
                        .chunks = prompts, .chunk_tokens = prompts, .chunk_area = prompts / 2 };
    return hg_step_host_seconds(&c->step, &b);
}

static void price_decodes(hg_arena *arena, const hg_step_oracle *o, const hg_candidate *c, double context, lattice *l)
{
    l->decodes_s = HG_NEW(arena, double, l->decodes.n);
    l->mixed_s = HG_NEW(arena, double, l->decodes.n);
    for (int i = 0; i < l->decodes.n; i++) {
        double n = l->decodes.at[i];
        double own = n > 0 ? hg_step_oracle_decodes_seconds(o, n, context) : 0;
        l->decodes_s[i] = own + (n > 0 ? host_seconds(c, n, context, 0) : 0);
        l->mixed_s[i] = own + host_seconds(c, n, context, 1);
    }
}

static double step_seconds(const lattice *l, int i, int k)
{
    double others = k ? l->mixed_s[i] : l->decodes_s[i];
    return others + l->tokens_s[(int64_t)(l->decodes.at[i] + l->prompts.at[k])];
}

/* What one decode of these steps may be worth at most beside these prices. */
static double worth_in(const lattice *l, dual x, int i, int k)
{
    double left = fmax(0, step_seconds(l, i, k) - x.b * l->prompts.at[k]);
    return (left * (1 + x.mu * l->decodes.at[i]) + (k ? x.nu : 0)) / l->decodes.at[i];
}

/* … of any: by every stride-th point, the fullest steps and those without prompts among them. */
static double worth_of_decode(const lattice *l, dual x, double tokens_most, int stride)
{
    double least = INFINITY;
    int last = l->prompts.n - 1;
    for (int i = 1; i < l->decodes.n; i += (stride + 1) / 2) {
        while (last > 0 && l->decodes.at[i] + l->prompts.at[last] > tokens_most)
            last--;
        least = fmin(least, worth_in(l, x, i, 0));
        for (int k = last; k > 0; k -= stride)
            least = fmin(least, worth_in(l, x, i, k));
    }
    return least;
}

static double worth_of_prompt(const lattice *l)
{
    double least = INFINITY;
    for (int k = 1; k < l->prompts.n; k++)
        least = fmin(least, step_seconds(l, 0, k) / l->prompts.at[k]);
    return least;
}

typedef struct question {
    const lattice *l;
    const hg_demand *d;
    double prompt, attention_s;  /* of a request: tokens, and the seconds of attention that B leaves out */
    double answer, gap_s, tokens_most;
    double mixed_steps;          /* of a request, at most; INFINITY: not known */
} question;

/* Requests a second of one engine that no schedule exceeds, by these prices. */
static double rate_at(const question *q, dual x, int stride)
{
    double prompt_s = x.b * q->prompt + q->attention_s, free_answer = q->answer * q->d->free_frac;
    double bound_answer = q->answer - free_answer, request_s = prompt_s, squared = 0;
    if (q->answer > 0) {
        double promised = x.mu > 0 ? x.mu * q->gap_s : 0;
        request_s += bound_answer * (worth_of_decode(q->l, x, q->tokens_most, stride) - promised);
        if (free_answer > 0)
            request_s += free_answer * worth_of_decode(q->l, (dual){ 0, x.b, x.nu }, q->tokens_most, stride);
        request_s -= x.nu > 0 ? x.nu * q->mixed_steps : 0;
        double held_s = x.mu > 0 ? fmax(0, q->gap_s - q->d->wait_s / q->answer) : 0;
        squared = bound_answer * x.mu * prompt_s * (1 - q->d->late_frac) * held_s;
    }
    double root = request_s + sqrt(request_s * request_s + 4 * squared);
    return root > 0 ? 2 / root : INFINITY;
}

static void try_prices(const question *q, dual x, dual *best, double *least)
{
    double rate = rate_at(q, x, COARSE);
    if (rate >= *least)
        return;
    *least = rate;
    *best = x;
}

/* The best of a price's neighbours a round, then nearer ones: the bound is all but convex in each. */
static dual best_prices(const question *q, double b_most)
{
    dual best = { 0, b_most, 0 };
    double least = rate_at(q, best, COARSE), factor = 16, part = 0.5;
    double nu_most = q->prompt > 0 && isfinite(q->mixed_steps) ? q->l->decodes_s[1] + q->l->tokens_s[1] : 0;
    if (isfinite(q->gap_s))
        try_prices(q, (dual){ MU_FIRST, b_most, nu_most / 2 }, &best, &least);
    try_prices(q, (dual){ 0, b_most, nu_most / 2 }, &best, &least);
    for (int round = 0; round < ROUNDS && q->answer > 0; round++) {
        dual at = best;
        try_prices(q, (dual){ at.mu * factor, at.b, at.nu }, &best, &least);
        try_prices(q, (dual){ at.mu / factor, at.b, at.nu }, &best, &least);
        try_prices(q, (dual){ at.mu, fmin(b_most, at.b + part * b_most), at.nu }, &best, &least);
        try_prices(q, (dual){ at.mu, fmax(0, at.b - part * b_most), at.nu }, &best, &least);
        try_prices(q, (dual){ at.mu, at.b, at.nu + part * nu_most }, &best, &least);
        try_prices(q, (dual){ at.mu, at.b, fmax(0, at.nu - part * nu_most) }, &best, &least);
        factor = pow(factor, 0.7);
        part *= 0.7;
    }
    return best;
}

/* Seconds of one engine's attention over a prompt, the cheapest of the ways looked at. */
static double prompt_attention(const hg_candidate *c, double isl)
{
    double best = INFINITY;
    for (double company = 1; company <= 8; company *= 2) {
        hg_step_batch b = { .chunks = company, .chunk_tokens = company * isl, .chunk_area = company * isl * isl / 2 };
        best = fmin(best, hg_step_attention_seconds(&c->step, &b) / company);
    }
    for (double pieces = 2; pieces <= 16 && pieces < isl; pieces *= 2) {
        double sum = 0, n = isl / pieces;
        for (double at = 0; at < pieces; at++) {
            hg_step_batch b = { .chunks = 1, .chunk_tokens = n, .chunk_area = n * (at * n + n / 2) };
            sum += hg_step_attention_seconds(&c->step, &b);
        }
        best = fmin(best, sum);
    }
    return CHEAPEST_ATTENTION * best;
}

double hg_bound_prompt_attention(const hg_candidate *c, const hg_demand *d)
{
    double sum = 0, one = 0;
    for (int i = 0; i < HG_LENGTHS_SEEN; i++) {
        one = i && d->isl[i] == d->isl[i - 1] ? one : prompt_attention(c, d->isl[i]);
        sum += one;
    }
    return sum / HG_LENGTHS_SEEN;
}

/* Sequences that one rank's step may hold: by the engine's limit, and by the KV that they hold in the mean. */
static double most_decodes(const hg_problem *p, const hg_candidate *c, const hg_demand *d)
{
    double kv = (double)(c->memory.kv_blocks * c->deployment.block_tokens) / (double)c->deployment.pp;
    double most = (double)c->deployment.max_num_seqs;
    bool shared = c->deployment.prefix_caching && p->workload.hash_block_tokens;
    return shared || d->context <= 0 ? most : fmax(1, fmin(most, ceil(KV_SLACK * kv / d->context)));
}

double hg_bound_pool_rate(hg_arena scratch, const hg_problem *p, const hg_demand *d, const hg_candidate *c, bool prompts,
                          bool answers)
{
    const hg_deployment *dep = &c->deployment;
    lattice *l = HG_NEW(&scratch, lattice, 1);
    double drafted = 1 + dep->draft_tokens, decodes = most_decodes(p, c, d);
    /* Prefix hits may spare prompt tokens; a bound must allow for all that could. */
    bool spared = dep->prefix_caching && p->workload.hash_block_tokens;
    question q = { .l = l, .d = d, .prompt = prompts && !spared ? d->prompt : 0,
                   .attention_s = prompts && !spared ? hg_bound_prompt_attention(c, d) : 0, .answer = answers ? d->answer / drafted : 0,
                   .gap_s = d->gap_s * drafted,
                   .mixed_steps = decodes < (double)dep->max_num_batched_tokens
                                      ? d->prompt / ((double)dep->max_num_batched_tokens - decodes) + 1 : INFINITY,
                   .tokens_most = fmax((double)dep->max_num_batched_tokens, decodes) };
    hg_step_oracle o = hg_step_oracle_new(&scratch, &c->step, dep, c->memo);
    place(q.answer > 0 ? decodes : 0, &l->decodes);
    place(q.prompt > 0 ? (double)dep->max_num_batched_tokens : 0, &l->prompts);
    l->tokens_s = HG_NEW(&scratch, double, (size_t)q.tokens_most + 1);
    price_tokens(&scratch, &o, q.tokens_most, l->tokens_s);
    price_decodes(&scratch, &o, c, d->context, l);
    /* pp batches are in flight, each taking the whole pipeline's time. */
    double engines = (double)(dep->replicas * dep->dp * dep->pp);
    return SLACK * engines * rate_at(&q, best_prices(&q, q.prompt > 0 ? worth_of_prompt(l) : 0), 1);
}

/* ---- a request alone ---- */

/* Prompts are priced at so many lengths to a doubling, and taken as no longer than the one below. */
enum { LENGTHS = 4, LENGTH_NODES = 25 * LENGTHS };

typedef struct alone {
    double prompt_s[LENGTH_NODES], step_s[LENGTH_NODES]; /* 0: not priced yet */
} alone;

/* Its prompt in as few steps as the budget allows, and its tokens at the prompt's context. */
static void price_alone(const hg_candidate *c, hg_step_oracle *o, bool spared, int node, alone *out)
{
    double isl = exp2((double)node / LENGTHS), budget = (double)c->deployment.max_num_batched_tokens;
    hg_batch decode = { .decodes = 1, .decode_context = (int64_t)isl };
    out->prompt_s[node] = spared ? 0 : CHEAPEST_ATTENTION * prompt_attention(c, isl) + hg_step_oracle_tokens_seconds(o, floor(fmin(isl, budget)));
    out->step_s[node] = hg_step_oracle_seconds(o, &decode);
}

/* The least mean over `seen` requests in a row, the workload being gone through again and again. */
static double least_mean(const double *x, size_t n, size_t seen)
{
    double sum = 0, least;
    for (size_t i = 0; i < seen; i++)
        sum += x[i];
    least = sum;
    for (size_t i = 0; i + 1 < n && seen < n; i++) {
        sum += x[(i + seen) % n] - x[i];
        least = fmin(least, sum);
    }
    return least / (double)seen;
}

double hg_bound_alone_s(hg_arena scratch, const hg_problem *p, const hg_candidate *c, size_t first)
{
    const hg_workload *w = &p->workload;
    bool spared = c->deployment.prefix_caching && w->hash_block_tokens;
    hg_step_oracle o = hg_step_oracle_new(&scratch, &c->step, &c->deployment, c->memo);
    alone *known = HG_NEW(&scratch, alone, 1);
    double *each = HG_NEW(&scratch, double, w->count);
    for (size_t i = 0; i < w->count; i++) {
        int node = (int)(log2(fmax(1, w->requests[i].isl)) * LENGTHS);
        node = node < LENGTH_NODES ? node : LENGTH_NODES - 1;
        if (known->step_s[node] == 0)
            price_alone(c, &o, spared, node, known);
        each[i] = known->prompt_s[node] + ceil((w->requests[i].osl - 1) / (1 + c->deployment.draft_tokens)) * known->step_s[node];
    }
    double mean = first ? least_mean(each, first < w->count ? first : w->count, first < w->count ? first : w->count)
                        : least_mean(each, w->count, w->count < HG_STEADY_LEAST ? w->count : HG_STEADY_LEAST);
    return mean / SLACK;
}

double hg_bound_rate(hg_arena scratch, const hg_problem *p, const hg_demand *d, const hg_candidate *c)
{
    if (!c->prefill)
        return hg_bound_pool_rate(scratch, p, d, c, true, true);
    return fmin(hg_bound_pool_rate(scratch, p, d, c->prefill, true, false),
                hg_bound_pool_rate(scratch, p, d, c, false, true));
}

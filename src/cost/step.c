#include "cost/step.h"

#include <math.h>
#include <string.h>

/* Cached tokens before the mean prompt's new ones: the c̄ that keeps Σ n·(c + n/2). */
static double mean_cached(const hg_step_batch *b)
{
    double cached = b->chunk_area / b->chunk_tokens - b->chunk_tokens / b->chunks / 2;
    /* Rounding may leave a hair below zero, or a crumb that would count as a cached prefix. */
    return cached > 0.5 ? cached : 0;
}

/* Attention's shape holds a batch of equal sequences; sums are turned into the mean sequence that
 * does the same work.  */
static void fill_prefill(const hg_step_item *it, const hg_step_batch *b, hg_shape *s)
{
    s->d[it->dim] = b->chunks;
    s->d[it->dim_new] = b->chunk_tokens / b->chunks;
    if (it->dim_cached != HG_NO_DIM)
        s->d[it->dim_cached] = mean_cached(b);
}

static void fill_decode(const hg_step_item *it, const hg_step_batch *b, hg_shape *s)
{
    s->d[it->dim] = b->decodes;
    s->d[it->dim_new] = 1;
    s->d[it->dim_cached] = fmax(b->decode_context / b->decodes - 1, 0);
}

/* Tokens a rank sends with DeepEP's low-latency kernels: what SGLang's launches raise their buffer to. */
static const double FEW = 1024;

static double mean_tokens(const hg_step_batch *b)
{
    return b->mean_tokens > 0 ? b->mean_tokens : b->chunk_tokens + b->decodes + b->drafted;
}

static double amount_of(hg_role role, const hg_step_batch *b)
{
    switch (role) {
    case HG_PER_TOKEN:
        return b->chunk_tokens + b->decodes + b->drafted;
    case HG_PER_RANKS_TOKEN:
        return mean_tokens(b);
    case HG_PER_RANKS_FEW:
        return mean_tokens(b) <= FEW ? mean_tokens(b) : 0;
    case HG_PER_RANKS_MANY:
        return mean_tokens(b) > FEW ? mean_tokens(b) : 0;
    case HG_PER_EMIT:
        return b->emits + b->drafted;
    case HG_PER_PROMPT_TOKEN:
        return b->chunk_tokens;
    case HG_PER_PROMPT_KEY:
        return b->chunks > 0 ? b->chunk_tokens + b->chunks * mean_cached(b) : 0;
    case HG_PREFILL_ATTENTION:
        return b->chunks;
    case HG_PER_DECODE:
        return b->decodes + b->drafted;
    case HG_PER_DRAFT:
        return b->decodes;
    case HG_DECODE_ATTENTION:
        return b->decodes;
    case HG_HOST:
    case HG_LAUNCH:
        break;
    }
    return 0;
}

/* How much of it the batch holds; 0: the item does not run. */
static double fill(const hg_step_item *it, const hg_step_batch *b, hg_shape *s)
{
    *s = it->shape;
    double amount = amount_of(it->role, b);
    if (amount <= 0)
        return 0;
    if (it->role == HG_PREFILL_ATTENTION)
        fill_prefill(it, b, s);
    else if (it->role == HG_DECODE_ATTENTION)
        fill_decode(it, b, s);
    else
        s->d[it->dim] = amount * it->scale;
    return amount;
}

/* What a call's time is cut by: never below the roofline. */
static double less_seconds(const hg_step_item *it, const hg_shape *shape, double seconds)
{
    if (it->less_count == 0)
        return fmin(seconds, it->less_s);
    hg_work w = { 0 };
    it->rate.op->count(shape, &w);
    hg_shape pass = { .d = { shape->d[it->dim], shape->d[it->less_k] }, .dtype = HG_FP8 };
    double less = it->less_s;
    for (int i = 0; i < it->less_count; i++)
        less += hg_rate_seconds(&it->less[i], &pass);
    return fmax(0, fmin(less, seconds - hg_roofline(&w, it->rate.device).seconds));
}

/* Calls a step, each as long as the tables say. */
static double calls(const hg_step_item *it)
{
    return it->repeat * (it->ratio > 0 ? it->ratio : 1);
}

static double roofline_seconds(const hg_step_item *it, const hg_shape *shape)
{
    hg_work w = { 0 };
    it->rate.op->count(shape, &w);
    return hg_roofline(&w, it->rate.device).seconds;
}

static double item_seconds(const hg_step_item *it, const hg_step_batch *b)
{
    hg_shape shape;
    if (fill(it, b, &shape) <= 0)
        return 0;
    if (it->beside)
        return it->repeat * roofline_seconds(it, &shape);
    double seconds = hg_rate_seconds(&it->rate, &shape);
    return calls(it) * (seconds - less_seconds(it, &shape, seconds));
}

static double sum_role(const hg_step *s, hg_role role, const hg_step_batch *b)
{
    double total = 0;
    for (int i = 0; i < s->count; i++)
        if (s->items[i].role == role)
            total += item_seconds(&s->items[i], b);
    return total;
}

double hg_step_tokens_seconds(const hg_step *s, double tokens)
{
    return sum_role(s, HG_PER_TOKEN, &(hg_step_batch){ .decodes = tokens });
}

double hg_step_ranks_seconds(const hg_step *s, double mean_tokens)
{
    hg_step_batch b = { .mean_tokens = mean_tokens };
    return s->meets ? sum_role(s, HG_PER_RANKS_TOKEN, &b) + sum_role(s, HG_PER_RANKS_FEW, &b) +
                          sum_role(s, HG_PER_RANKS_MANY, &b) : 0;
}

double hg_step_emits_seconds(const hg_step *s, double emits)
{
    return sum_role(s, HG_PER_EMIT, &(hg_step_batch){ .emits = emits });
}

/* Passes of the proposer over the decodes alone: the first sees the whole step. */
static double further_passes(const hg_step *s, const hg_step_batch *b)
{
    return b->decodes > 0 ? fmax(0, s->draft_tokens - 1) : 0;
}

/* Of such a pass the time of items that a role within [first, last] runs, one token a decode. */
static double pass_seconds(const hg_step *s, hg_role first, hg_role last, const hg_step_batch *b)
{
    hg_step_batch pass = { .decodes = b->decodes, .decode_context = b->decode_context };
    double total = 0;
    for (int i = 0; i < s->count; i++)
        if (s->items[i].drafts && s->items[i].role >= first && s->items[i].role <= last)
            total += item_seconds(&s->items[i], &pass);
    return total;
}

double hg_step_decodes_seconds(const hg_step *s, double decodes, double drafted_each)
{
    hg_step_batch b = { .decodes = decodes, .drafted = decodes * drafted_each };
    double total = sum_role(s, HG_PER_DECODE, &b);
    if (s->draft_tokens <= 0)
        return total;
    return total + s->draft_tokens * sum_role(s, HG_PER_DRAFT, &b) +
           further_passes(s, &b) * pass_seconds(s, HG_PER_TOKEN, HG_PER_DECODE, &b);
}

double hg_step_attention_seconds(const hg_step *s, const hg_step_batch *b)
{
    double further = further_passes(s, b);
    return sum_role(s, HG_PER_PROMPT_TOKEN, b) + sum_role(s, HG_PER_PROMPT_KEY, b) +
           sum_role(s, HG_PREFILL_ATTENTION, b) + sum_role(s, HG_DECODE_ATTENTION, b) +
           (further > 0 ? further * pass_seconds(s, HG_DECODE_ATTENTION, HG_DECODE_ATTENTION, b) : 0);
}

double hg_step_host_seconds(const hg_step *s, const hg_step_batch *b)
{
    double total = 0;
    for (int i = 0; i < s->count; i++)
        if (s->items[i].role == HG_HOST)
            total += s->items[i].host_s * s->items[i].occasions(b, s);
    return total;
}

double hg_step_launch_seconds(const hg_step *s, const hg_step_batch *b, double device_s)
{
    int64_t most = b->chunks > 0 ? s->prompt_graph_tokens : s->graph_tokens;
    if (b->chunk_tokens + b->decodes <= (double)most) /* graphs are captured for drafted tokens as well */
        return 0;
    return fmax(0, s->launches * s->launch_s - device_s);
}

static double drafted_each(const hg_step_batch *b)
{
    return b->decodes > 0 ? b->drafted / b->decodes : 0;
}

static double device_seconds(const hg_step *s, const hg_step_batch *b)
{
    double tokens = b->chunk_tokens + b->decodes + b->drafted;
    return hg_step_tokens_seconds(s, tokens) + hg_step_ranks_seconds(s, b->mean_tokens > 0 ? b->mean_tokens : tokens) +
           hg_step_emits_seconds(s, b->emits + b->drafted) + hg_step_attention_seconds(s, b) +
           hg_step_decodes_seconds(s, b->decodes, drafted_each(b));
}

double hg_step_seconds(const hg_step *s, const hg_step_batch *b)
{
    double device_s = device_seconds(s, b);
    return device_s + hg_step_launch_seconds(s, b, device_s) + hg_step_host_seconds(s, b);
}

double hg_step_item_amount(const hg_step *s, int item, const hg_step_batch *b)
{
    return amount_of(s->items[item].role, b);
}

/* `times` calls of it on this batch, with their work. */
static hg_time calls_time(const hg_step_item *it, const hg_step_batch *b, double times, hg_work *work)
{
    hg_shape shape;
    *work = (hg_work){ 0 };
    if (times <= 0 || fill(it, b, &shape) <= 0)
        return (hg_time){ 0 };
    it->rate.op->count(&shape, work);
    hg_time t = hg_rate_time(&it->rate, &shape);
    if (it->beside)
        t.seconds = t.lo_s = t.hi_s = roofline_seconds(it, &shape);
    double less = less_seconds(it, &shape, t.seconds);
    t.seconds -= less;
    t.lo_s = fmax(0, t.lo_s - less);
    t.hi_s -= less;
    double scale = it->beside ? it->repeat : calls(it);
    t.seconds *= times * scale;
    t.lo_s *= times * scale;
    t.hi_s *= times * scale;
    work->tensor_flops *= times * it->repeat;
    work->vector_flops *= times * it->repeat;
    work->hbm_bytes *= times * it->repeat;
    work->link_bytes *= times * it->repeat;
    return t;
}

/* The further passes of what proposes, added to its first. */
static hg_time add_passes(const hg_step *s, const hg_step_item *it, const hg_step_batch *b, hg_time first,
                          hg_work *work)
{
    hg_step_batch pass = { .decodes = b->decodes, .decode_context = b->decode_context };
    hg_work more;
    hg_time t = calls_time(it, &pass, it->role == HG_PER_EMIT ? 0 : further_passes(s, b), &more);
    work->tensor_flops += more.tensor_flops;
    work->vector_flops += more.vector_flops;
    work->hbm_bytes += more.hbm_bytes;
    work->link_bytes += more.link_bytes;
    work->link_hops += more.link_hops;
    if (first.seconds <= 0)
        return t;
    first.seconds += t.seconds;
    first.lo_s += t.lo_s;
    first.hi_s += t.hi_s;
    return first;
}

hg_time hg_step_item_time(const hg_step *s, int item, const hg_step_batch *b, hg_work *work)
{
    const hg_step_item *it = &s->items[item];
    *work = (hg_work){ 0 };
    if (it->role >= HG_HOST) {
        double t = it->role == HG_HOST ? it->host_s * it->occasions(b, s)
                                       : hg_step_launch_seconds(s, b, device_seconds(s, b));
        return (hg_time){ t, t, t, HG_VECTOR, HG_FITTED };
    }
    if (it->role == HG_PER_DRAFT)
        return calls_time(it, b, s->draft_tokens, work);
    hg_time t = calls_time(it, b, 1, work);
    return it->drafts ? add_passes(s, it, b, t, work) : t;
}

/* ---- the same step ---- */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_rate(const hg_rate *a, const hg_rate *b)
{
    return a->op == b->op && a->surface == b->surface && a->series == b->series && a->exact == b->exact && a->device == b->device &&
           a->rung == b->rung && a->typical == b->typical && same_text(a->transferred, b->transferred) && a->error == b->error &&
           a->beyond_error == b->beyond_error;
}

static bool same_shape(const hg_shape *a, const hg_shape *b)
{
    for (int i = 0; i < HG_OP_DIMS; i++)
        if (a->d[i] != b->d[i])
            return false;
    return a->dtype == b->dtype && a->kv_dtype == b->kv_dtype && a->kind == b->kind;
}

static bool same_item(const hg_step_item *a, const hg_step_item *b)
{
    for (int i = 0; i < a->less_count && a->less_count == b->less_count; i++)
        if (!same_rate(&a->less[i], &b->less[i]))
            return false;
    return same_text(a->name, b->name) && a->role == b->role && a->repeat == b->repeat && a->drafts == b->drafts &&
           same_rate(&a->rate, &b->rate) && same_shape(&a->shape, &b->shape) && a->dim == b->dim && a->dim_new == b->dim_new &&
           a->dim_cached == b->dim_cached && a->less_count == b->less_count && a->less_k == b->less_k && a->less_s == b->less_s &&
           a->beside == b->beside && a->scale == b->scale && a->ratio == b->ratio && a->host_s == b->host_s && a->occasions == b->occasions;
}

bool hg_step_same(const hg_step *a, const hg_step *b)
{
    for (int i = 0; i < a->count && a->count == b->count; i++)
        if (!same_item(&a->items[i], &b->items[i]))
            return false;
    return a->count == b->count && a->layers == b->layers && a->tp == b->tp && a->pp == b->pp && a->dp == b->dp &&
           a->draft_tokens == b->draft_tokens && a->meets == b->meets;
}

#include "eval/oracle.h"

#include "base/num.h"

#include <assert.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

enum { REMEMBERED = 1 << 17, DECODES = 1 << 10 };

hg_step_memo *hg_step_memo_new(hg_arena *arena, int64_t tokens_most, int64_t emits_most)
{
    hg_step_memo *m = HG_NEW(arena, hg_step_memo, 1);
    m->tokens_most = hg_min_i64(hg_max_i64(tokens_most, emits_most), REMEMBERED);
    m->emits_most = hg_min_i64(emits_most, REMEMBERED);
    m->attention_most = hg_min_i64(emits_most, DECODES);
    m->tokens_s = HG_NEW(arena, _Atomic double, m->tokens_most + 1);
    m->ranks_s = HG_NEW(arena, _Atomic double, m->tokens_most + 1);
    m->emits_s = HG_NEW(arena, _Atomic double, m->emits_most + 1);
    m->decodes_s = HG_NEW(arena, _Atomic double, m->emits_most + 1);
    m->attention_s = HG_NEW(arena, _Atomic double, (m->attention_most + 1) * HG_CONTEXT_NODES);
    for (int i = 0; i < HG_CONTEXT_NODES; i++)
        m->contexts[i] = exp2((double)i / HG_CONTEXTS);
    return m;
}

hg_step_oracle hg_step_oracle_new(hg_arena *arena, const hg_step *step, const hg_deployment *d, hg_step_memo *memo)
{
    int64_t emits = (int64_t)((double)d->max_num_seqs * (1 + d->draft_tokens));
    return (hg_step_oracle){ .step = step, .draft_tokens = d->draft_tokens, .stretch = 1,
                             .prompts = HG_NEW(arena, hg_prompts_price, HG_PROMPTS_KEPT),
                             .memo = memo ? memo : hg_step_memo_new(arena, d->max_num_batched_tokens, emits) };
}

hg_step_batch hg_step_batch_of(const hg_batch *batch)
{
    hg_step_batch b = { .chunks = batch->chunk_count, .decodes = batch->decodes,
                        .decode_context = (double)batch->decode_context, .emits = batch->decodes,
                        .mean_tokens = batch->mean_tokens };
    for (int32_t i = 0; i < batch->chunk_count; i++) {
        const hg_chunk *c = &batch->chunks[i];
        b.chunk_tokens += c->tokens;
        b.chunk_area += (double)c->tokens * (c->context + c->tokens / 2.0);
        b.emits += c->last;
    }
    return b;
}

typedef double compute(const hg_step_oracle *o, double x, double y);

/* The entry, computed when it is not there yet; what takes no time is kept as -0. */
static double remembered(_Atomic double *known, compute *price, const hg_step_oracle *o, double x, double y)
{
    double seconds = atomic_load_explicit(known, memory_order_relaxed);
    if (seconds == 0 && !signbit(seconds)) {
        seconds = price(o, x, y);
        seconds = seconds == 0 ? -0.0 : seconds;
        atomic_store_explicit(known, seconds, memory_order_relaxed);
    }
    return seconds;
}

static double by_count(_Atomic double *known, int64_t most, compute *price, const hg_step_oracle *o, double count)
{
    return count <= (double)most ? remembered(&known[(int64_t)count], price, o, count, 0) : price(o, count, 0);
}

static double tokens_price(const hg_step_oracle *o, double tokens, double unused)
{
    (void)unused;
    return hg_step_tokens_seconds(o->step, tokens);
}

static double ranks_price(const hg_step_oracle *o, double mean_tokens, double unused)
{
    (void)unused;
    return hg_step_ranks_seconds(o->step, mean_tokens);
}

/* A mean over ranks is no whole number: between two of them. */
static double ranks_seconds(const hg_step_oracle *o, double mean_tokens)
{
    const hg_step_memo *m = o->memo;
    if (!o->step->meets)
        return 0;
    double lo = floor(mean_tokens);
    if (lo < 1)
        return ranks_price(o, mean_tokens, 0);
    double at_lo = by_count(m->ranks_s, m->tokens_most, ranks_price, o, lo);
    return mean_tokens == lo ? at_lo : at_lo + (mean_tokens - lo) * (by_count(m->ranks_s, m->tokens_most, ranks_price, o, lo + 1) - at_lo);
}

static double emits_price(const hg_step_oracle *o, double emits, double unused)
{
    (void)unused;
    return hg_step_emits_seconds(o->step, emits);
}

static double decodes_price(const hg_step_oracle *o, double decodes, double unused)
{
    (void)unused;
    return decodes > 0 ? hg_step_decodes_seconds(o->step, decodes, o->draft_tokens) : 0;
}

static double attention_price(const hg_step_oracle *o, double decodes, double context)
{
    hg_step_batch b = { .decodes = decodes, .decode_context = decodes * context,
                        .drafted = decodes * o->draft_tokens };
    return hg_step_attention_seconds(o->step, &b);
}

/* The last node at or below a context of at least 1; HG_CONTEXT_NODES - 1: beyond them. */
static int node_below(const hg_step_memo *m, double context)
{
    enum { FRACTION_BITS = 52, BIAS = 1023, CONTEXT_BITS = 4 };
    static_assert(1 << CONTEXT_BITS == HG_CONTEXTS, "a doubling is cut by the first bits of the fraction");
    uint64_t bits;
    memcpy(&bits, &context, sizeof bits);
    /* The logarithm is not below its chord, which the bits are. */
    int node = (int)(bits >> (FRACTION_BITS - CONTEXT_BITS)) - (BIAS << CONTEXT_BITS);
    node = node < HG_CONTEXT_NODES ? node : HG_CONTEXT_NODES - 1;
    while (node + 1 < HG_CONTEXT_NODES && m->contexts[node + 1] <= context)
        node++;
    return node;
}

static double decode_attention(const hg_step_oracle *o, double decodes, double context)
{
    const hg_step_memo *m = o->memo;
    int node = context >= 1 ? node_below(m, context) : -1;
    if (node < 0 || node + 1 >= HG_CONTEXT_NODES || decodes > (double)m->attention_most)
        return attention_price(o, decodes, context);
    _Atomic double *known = &m->attention_s[(int64_t)decodes * HG_CONTEXT_NODES + node];
    double lo = remembered(known, attention_price, o, decodes, m->contexts[node]);
    double hi = remembered(known + 1, attention_price, o, decodes, m->contexts[node + 1]);
    return lo + (hi - lo) * (context - m->contexts[node]) / (m->contexts[node + 1] - m->contexts[node]);
}

static size_t place_of(const hg_step_batch *b)
{
    uint64_t mixed = (uint64_t)b->chunk_tokens * 0x9E3779B97F4A7C15u + (uint64_t)b->chunk_area * 0xC2B2AE3D27D4EB4Fu;
    return (size_t)(mixed >> 32) % HG_PROMPTS_KEPT;
}

static double prompts_attention(const hg_step_oracle *o, const hg_step_batch *b)
{
    hg_prompts_price *known = &o->prompts[place_of(b)];
    if (known->chunks == b->chunks && known->tokens == b->chunk_tokens && known->area == b->chunk_area)
        return known->seconds;
    hg_step_batch prompts = *b;
    prompts.decodes = prompts.decode_context = prompts.drafted = 0;
    *known = (hg_prompts_price){ b->chunks, b->chunk_tokens, b->chunk_area, hg_step_attention_seconds(o->step, &prompts) };
    return known->seconds;
}

static double attention(const hg_step_oracle *o, const hg_step_batch *b)
{
    return (b->chunks > 0 ? prompts_attention(o, b) : 0) +
           (b->decodes > 0 ? decode_attention(o, b->decodes, b->decode_context / b->decodes) : 0);
}

double hg_step_oracle_tokens_seconds(const hg_step_oracle *o, double tokens)
{
    return by_count(o->memo->tokens_s, o->memo->tokens_most, tokens_price, o, tokens) + ranks_seconds(o, tokens);
}

double hg_step_oracle_decodes_seconds(const hg_step_oracle *o, double decodes, double context)
{
    const hg_step_memo *m = o->memo;
    return by_count(m->emits_s, m->emits_most, emits_price, o, decodes * (1 + o->draft_tokens)) +
           by_count(m->decodes_s, m->emits_most, decodes_price, o, decodes) + decode_attention(o, decodes, context);
}

/* Drafted tokens over the others: taken to be as on this rank on all of them. */
static double drafted_frac(const hg_step_batch *b)
{
    double others = b->chunk_tokens + b->decodes;
    return others > 0 ? b->drafted / others : 0;
}

double hg_step_oracle_seconds(void *oracle, const hg_batch *batch)
{
    const hg_step_oracle *o = oracle;
    const hg_step_memo *m = o->memo;
    hg_step_batch b = hg_step_batch_of(batch);
    b.drafted = b.decodes * o->draft_tokens;
    if (o->stretch > 1)
        b.decode_context += (o->stretch - 1) * fmax(0, b.decode_context - b.decodes * o->prompt);
    double tokens = b.chunk_tokens + b.decodes + b.drafted;
    double mean_tokens = batch->mean_tokens > 0 ? batch->mean_tokens * (1 + drafted_frac(&b)) : tokens;
    double device_s = by_count(m->tokens_s, m->tokens_most, tokens_price, o, tokens) + ranks_seconds(o, mean_tokens) +
                      by_count(m->emits_s, m->emits_most, emits_price, o, b.emits + b.drafted) +
                      by_count(m->decodes_s, m->emits_most, decodes_price, o, b.decodes) + attention(o, &b);
    double seconds = device_s + hg_step_launch_seconds(o->step, &b, device_s) + hg_step_host_seconds(o->step, &b);
    return o->slower > 0 ? o->slower * seconds : seconds;
}

#include "eval/oracle.h"

#include "base/num.h"

#include <math.h>
#include <stdatomic.h>

enum { REMEMBERED = 1 << 17, DECODES = 1 << 10 };

hg_step_memo *hg_step_memo_new(hg_arena *arena, int64_t tokens_most, int64_t emits_most)
{
    hg_step_memo *m = HG_NEW(arena, hg_step_memo, 1);
    m->tokens_most = hg_min_i64(hg_max_i64(tokens_most, emits_most), REMEMBERED);
    m->emits_most = hg_min_i64(emits_most, REMEMBERED);
    m->tokens_s = HG_NEW(arena, _Atomic double, m->tokens_most + 1);
    m->emits_s = HG_NEW(arena, _Atomic double, m->emits_most + 1);
    m->decodes_most = hg_min_i64(emits_most, DECODES);
    m->decodes_s = HG_NEW(arena, _Atomic double, (m->decodes_most + 1) * HG_CONTEXT_NODES);
    for (int i = 0; i < HG_CONTEXT_NODES; i++)
        m->contexts[i] = exp2((double)i / HG_CONTEXTS);
    return m;
}

hg_step_oracle hg_step_oracle_new(hg_arena *arena, const hg_step *step, const hg_deployment *d, hg_step_memo *memo)
{
    return (hg_step_oracle){ step, memo ? memo : hg_step_memo_new(arena, d->max_num_batched_tokens, d->max_num_seqs) };
}

hg_step_batch hg_step_batch_of(const hg_batch *batch)
{
    hg_step_batch b = { .chunks = batch->chunk_count, .decodes = batch->decodes,
                        .decode_context = (double)batch->decode_context, .emits = batch->decodes };
    for (int32_t i = 0; i < batch->chunk_count; i++) {
        const hg_chunk *c = &batch->chunks[i];
        b.chunk_tokens += c->tokens;
        b.chunk_area += (double)c->tokens * (c->context + c->tokens / 2.0);
        b.emits += c->last;
    }
    return b;
}

static double remembered(_Atomic double *known, int64_t most, double count,
                         double (*compute)(const hg_step *, double), const hg_step *step)
{
    int64_t at = (int64_t)count;
    if (at > most)
        return compute(step, count);
    double seconds = atomic_load_explicit(&known[at], memory_order_relaxed);
    if (seconds == 0) {
        seconds = compute(step, count);
        atomic_store_explicit(&known[at], seconds, memory_order_relaxed);
    }
    return seconds;
}

static double decodes_at(const hg_step_oracle *o, int32_t decodes, int node)
{
    _Atomic double *known = &o->memo->decodes_s[(int64_t)decodes * HG_CONTEXT_NODES + node];
    double seconds = atomic_load_explicit(known, memory_order_relaxed);
    if (seconds == 0) {
        hg_step_batch b = { .decodes = decodes, .decode_context = decodes * o->memo->contexts[node] };
        seconds = hg_step_attention_seconds(o->step, &b);
        atomic_store_explicit(known, seconds, memory_order_relaxed);
    }
    return seconds;
}

static double decode_attention(const hg_step_oracle *o, const hg_batch *batch)
{
    const double *c = o->memo->contexts;
    double context = (double)batch->decode_context / batch->decodes;
    int node = context >= 1 ? (int)(log2(context) * HG_CONTEXTS) : -1;
    if (node < 0 || node + 1 >= HG_CONTEXT_NODES || batch->decodes > o->memo->decodes_most) {
        hg_step_batch b = { .decodes = batch->decodes, .decode_context = (double)batch->decode_context };
        return hg_step_attention_seconds(o->step, &b);
    }
    double lo = decodes_at(o, batch->decodes, node), hi = decodes_at(o, batch->decodes, node + 1);
    return lo + (hi - lo) * (context - c[node]) / (c[node + 1] - c[node]);
}

double hg_step_oracle_seconds(void *oracle, const hg_batch *batch)
{
    hg_step_oracle *o = oracle;
    hg_step_memo *m = o->memo;
    hg_step_batch b = hg_step_batch_of(batch), prompts = b;
    prompts.decodes = 0;
    return remembered(m->tokens_s, m->tokens_most, b.chunk_tokens + b.decodes, hg_step_tokens_seconds, o->step) +
           remembered(m->emits_s, m->emits_most, b.emits, hg_step_emits_seconds, o->step) +
           (batch->chunk_count ? hg_step_attention_seconds(o->step, &prompts) : 0) +
           (batch->decodes ? decode_attention(o, batch) : 0) + hg_step_host_seconds(o->step, &b);
}

#include "eval/oracle.h"

#include "base/num.h"

#include <math.h>

enum { REMEMBERED = 1 << 17 };

hg_step_oracle hg_step_oracle_new(hg_arena *arena, const hg_step *step, const hg_deployment *d)
{
    hg_step_oracle o = {
        .step = step,
        .tokens_most = hg_min_i64(hg_max_i64(d->max_num_batched_tokens, d->max_num_seqs), REMEMBERED),
        .emits_most = hg_min_i64((int64_t)((double)d->max_num_seqs * (1 + d->draft_tokens)), REMEMBERED),
    };
    o.draft_tokens = d->draft_tokens;
    o.stretch = 1;
    o.tokens_s = HG_NEW(arena, double, o.tokens_most + 1);
    o.emits_s = HG_NEW(arena, double, o.emits_most + 1);
    o.decodes_s = HG_NEW(arena, double, o.emits_most + 1);
    return o;
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

static double remembered(double *known, int64_t most, double count,
                         double (*compute)(const hg_step *, double), const hg_step *step)
{
    int64_t at = (int64_t)count;
    if (at > most)
        return compute(step, count);
    if (known[at] == 0)
        known[at] = compute(step, count);
    return known[at];
}

static double decodes_seconds(hg_step_oracle *o, int32_t decodes)
{
    if (decodes > o->emits_most)
        return hg_step_decodes_seconds(o->step, decodes, o->draft_tokens);
    if (o->decodes_s[decodes] == 0)
        o->decodes_s[decodes] = decodes ? hg_step_decodes_seconds(o->step, decodes, o->draft_tokens) : 0;
    return o->decodes_s[decodes];
}

double hg_step_oracle_seconds(void *oracle, const hg_batch *batch)
{
    hg_step_oracle *o = oracle;
    hg_step_batch b = hg_step_batch_of(batch);
    b.drafted = b.decodes * o->draft_tokens;
    if (o->stretch > 1)
        b.decode_context += (o->stretch - 1) * fmax(0, b.decode_context - b.decodes * o->prompt);
    double tokens = b.chunk_tokens + b.decodes + b.drafted;
    double device_s = remembered(o->tokens_s, o->tokens_most, tokens, hg_step_tokens_seconds, o->step) +
                      remembered(o->emits_s, o->emits_most, b.emits + b.drafted, hg_step_emits_seconds, o->step) +
                      hg_step_attention_seconds(o->step, &b) + decodes_seconds(o, batch->decodes);
    return device_s + hg_step_launch_seconds(o->step, &b, device_s) + hg_step_host_seconds(o->step, &b);
}

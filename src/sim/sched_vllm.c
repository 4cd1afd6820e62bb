/* vLLM V1's scheduler (vllm/v1/core/sched/scheduler.py, main 2026), for one kind of request:
 *  - running requests first, in order of admission: each decode gets its token and its drafts', a
 *    prompt that did not fit the budget continues; there is at most one such prompt and it is the last admitted,
 *    because a prompt is cut only where the budget ends;
 *  - a running request without a free KV block preempts the last admitted one, if need be itself;
 *    the victim drops its KV and waits at the front;
 *  - then waiting ones first come first served, only in steps that preempted nobody: while budget,
 *    max_num_seqs and KV allow, where the whole prompt must fit in the free blocks
 *    (scheduler-reserve-full-isl) though only the chunk's are taken;
 *  - without chunked prefill a prompt waits for a step with budget for all of it.
 * With pipeline stages every lane schedules when its own step ends; it preempts among its own
 * decodes and the partial prompt, as what other lanes have in flight cannot be taken back.
 * Left out: priorities, watermark, long_prefill_token_threshold, encoder inputs, and async
 * scheduling's one step of delay in seeing a finish. */
#include "sim/instance.h"

#include "base/num.h"

/* Taking victims off the tail until the rest fits is the same as asking in order of admission and
 * preempting the tail at every refusal: a victim is taken exactly when some request before it, or
 * itself, would lack a block. */
static bool grow_decodes(hg_instance *in, hg_lane *lane)
{
    bool preempted = false;
    int64_t need;
    while ((need = hg_instance_decode_blocks(in, lane)) > in->kv.spare) {
        hg_instance_preempt(in, hg_instance_last_admitted(in, lane));
        preempted = true;
    }
    hg_instance_take_decode(in, lane, need);
    return preempted;
}

/* False when it found no blocks and preempted itself. */
static bool continue_partial(hg_instance *in, hg_plan *plan, int64_t *budget)
{
    int32_t seq = in->partial;
    if (seq == HG_NO_SEQ || *budget == 0)
        return true;
    const hg_seq *s = &in->seqs->at[seq];
    int64_t tokens = hg_min_i64(hg_target_tokens(s) - s->computed, *budget);
    if (hg_instance_chunk_blocks(in, seq, tokens) > in->kv.spare) {
        hg_instance_preempt(in, seq);
        return false;
    }
    hg_instance_chunk(in, plan, seq, tokens);
    *budget -= tokens;
    return true;
}

static bool admit_next(hg_instance *in, hg_plan *plan, int64_t *budget)
{
    const hg_seq *s = &in->seqs->at[in->waiting.head];
    int64_t target = hg_target_tokens(s), hit = hg_prefix_find(&in->prefix, s, target - 1);
    if (!in->config.chunked_prefill && target - hit > *budget)
        return false;
    if (hg_prefix_cost(&in->prefix, s, target, hit) > in->kv.spare)
        return false;
    int64_t tokens = hg_min_i64(target - hit, *budget);
    hg_instance_chunk(in, plan, hg_instance_admit(in, hit), tokens);
    *budget -= tokens;
    return true;
}

static bool plan_once(hg_instance *in, hg_lane *lane, hg_plan *plan, bool *preempted)
{
    int64_t budget = in->config.max_num_batched_tokens;
    *preempted = grow_decodes(in, lane);
    plan->decode = lane->decodes > 0;
    budget -= lane->decodes * hg_decode_tokens(in);
    if (!continue_partial(in, plan, &budget))
        *preempted = true;
    while (!*preempted && budget > 0 && in->waiting.count > 0 &&
           in->running.count < in->config.max_num_seqs && admit_next(in, plan, &budget))
        ;
    plan->steady = plan->count == 0 && !*preempted && in->partial == HG_NO_SEQ;
    return plan->decode || plan->count > 0;
}

/* When a lone partial prompt preempted itself the engine's loop comes round at once. */
static bool plan(hg_instance *in, hg_lane *lane, hg_plan *plan)
{
    bool preempted, something;
    do
        something = plan_once(in, lane, plan, &preempted);
    while (!something && preempted);
    return something;
}

static bool may_admit(const hg_instance *in)
{
    return in->waiting.count == 0 && in->running.count < in->config.max_num_seqs;
}

static bool rejects(const hg_instance *in, int64_t isl, int64_t osl)
{
    const hg_sched_config *c = &in->config;
    int64_t most = isl + osl - 1 + c->draft_tokens; /* the last token's KV is never written */
    return hg_kv_blocks_for(&in->kv, most) > in->kv.blocks ||
           (c->max_model_len > 0 && isl + osl > c->max_model_len) ||
           (!c->chunked_prefill && isl + osl - 1 > c->max_num_batched_tokens);
}

const hg_scheduler hg_scheduler_vllm = {
    .name = "vllm",
    .help = "continuous batching with chunked prefill and recompute preemption",
    .plan = plan,
    .may_admit = may_admit,
    .rejects = rejects,
};

/* TensorRT-LLM's scheduler (PyTorch backend: pyexecutor/scheduler.py, py_executor.py, 1.x), for one
 * kind of request:
 *  - GUARANTEED_NO_EVICT: a request gets in when blocks for its whole prompt and output are left over
 *    by those of all running ones; nothing is ever evicted;
 *  - every running one makes its token in each step; prompts join whole while max_num_tokens allows,
 *    in order; with chunked prefill the last is cut to what is left;
 *  - batch_wait_timeout_iters: prompts wait up to so many steps while they do not fill
 *    batch_wait_max_tokens_ratio of max_num_tokens and something else runs.
 *  - attention DP with enable_balance: hg_group_balance.
 * Left out: MAX_UTILIZATION, paused requests, batching_wait_iters. */
#include "sim/instance.h"

#include "base/num.h"

static int64_t blocks_in_all(const hg_instance *in, const hg_seq *s)
{
    return hg_kv_blocks_for(&in->kv, (int64_t)s->isl + hg_output_here(in, s) + in->config.draft_tokens);
}

/* Blocks that nobody running will ever need. */
static int64_t unpromised(const hg_instance *in)
{
    int64_t blocks = in->kv.blocks;
    for (int32_t i = in->running.head; i != HG_NO_SEQ; i = in->seqs->at[i].next)
        blocks -= blocks_in_all(in, &in->seqs->at[i]);
    return blocks;
}

static bool admit_next(hg_instance *in, hg_plan *plan, int64_t *budget, int64_t *blocks)
{
    const hg_seq *s = &in->seqs->at[in->waiting.head];
    int64_t hit = hg_prefix_find(&in->prefix, s, s->isl - 1), tokens = s->isl - hit;
    if (blocks_in_all(in, s) > *blocks || (!in->config.chunked_prefill && tokens > *budget))
        return false;
    *blocks -= blocks_in_all(in, s);
    tokens = hg_min_i64(tokens, *budget);
    hg_instance_chunk(in, plan, hg_instance_admit(in, hit), tokens);
    *budget -= tokens;
    return true;
}

static void continue_partial(hg_instance *in, hg_plan *plan, int64_t *budget)
{
    if (in->partial == HG_NO_SEQ)
        return;
    const hg_seq *s = &in->seqs->at[in->partial];
    int64_t tokens = hg_min_i64(s->isl - s->computed, *budget);
    hg_instance_chunk(in, plan, in->partial, tokens);
    *budget -= tokens;
}

/* Are the waiting prompts made to wait for more of them? */
static bool holds_back(hg_instance *in, const hg_lane *lane)
{
    const hg_sched_config *c = &in->config;
    int64_t tokens = lane->decodes * hg_decode_tokens(in);
    if (c->batch_wait_steps == 0 || lane->decodes == 0)
        return false;
    for (int32_t i = in->waiting.head; i != HG_NO_SEQ; i = in->seqs->at[i].next)
        tokens += in->seqs->at[i].isl;
    bool wait = in->held_steps < c->batch_wait_steps &&
                (double)tokens < c->batch_wait_frac * (double)c->max_num_batched_tokens;
    in->held_steps = wait ? in->held_steps + 1 : 0;
    return wait;
}

static bool plan(hg_instance *in, hg_lane *lane, hg_plan *plan)
{
    int64_t budget = in->config.max_num_batched_tokens - lane->decodes * hg_decode_tokens(in);
    hg_instance_take_decode(in, lane, hg_instance_decode_blocks(in, lane));
    plan->decode = lane->decodes > 0;
    continue_partial(in, plan, &budget);
    bool held = in->holds && in->waiting.count > 0;
    if (in->waiting.count > 0 && !held && !(held = holds_back(in, lane))) {
        int64_t blocks = unpromised(in);
        while (budget > 0 && in->waiting.count > 0 &&
               in->running.count < in->config.max_num_seqs && admit_next(in, plan, &budget, &blocks))
            ;
    }
    plan->steady = plan->count == 0 && in->partial == HG_NO_SEQ && !held;
    return plan->decode || plan->count > 0;
}

static bool may_admit(const hg_instance *in)
{
    return in->waiting.count == 0 && in->running.count < in->config.max_num_seqs;
}

static bool rejects(const hg_instance *in, int64_t isl, int64_t osl)
{
    const hg_sched_config *c = &in->config;
    return hg_kv_blocks_for(&in->kv, isl + osl + c->draft_tokens) > in->kv.blocks ||
           (c->max_model_len > 0 && isl + osl > c->max_model_len) ||
           (!c->chunked_prefill && isl > c->max_num_batched_tokens);
}

const hg_scheduler hg_scheduler_trtllm = {
    .name = "trtllm",
    .help = "whole prompts beside decodes, room for the whole output promised",
    .plan = plan,
    .may_admit = may_admit,
    .rejects = rejects,
};

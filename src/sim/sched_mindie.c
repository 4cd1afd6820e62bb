/* MindIE's scheduler (MindIE-LLM 2026-04, docs/zh/user_guide/user_manual/service_parameter_configuration.md), for one
 * kind of request:
 *  - templateType Standard: a step is of prompts or of decodes, never both.  Prompts are taken whole, first come
 *    first served, at most max_prefill_seqs (maxPrefillBatchSize) of them and max_num_batched_tokens
 *    (maxPrefillTokens) tokens a step; at most max_num_seqs (maxBatchSize) requests run;
 *  - which of the two: prompts, whenever one can get in (the manual's flow chart, as we read it).  With
 *    supportSelectBatch prompts wait until the slots that stay empty beside them have wasted as much time as a prefill
 *    step would make those that run wait: at every look that finds a request waiting, waste grows by
 *    decodeTimeMsPerReq · (maxBatchSize − running), and the step is of prompts once
 *    prefillTimeMsPerReq · running ≤ waste, which then starts anew; it does so too when nothing waits
 *    (MindIE-LLM's tpt_stage_policy);
 *  - templateType Mix (split-fuse) is chunked prefill: decodes and pieces of prompts share a step;
 *  - maxPreemptCount 0: nothing is ever evicted, so a request gets in when blocks for its prompt and whole output are
 *    left over by those of all running ones, as the manual's rule for maxBatchSize counts them.
 * Left out: preemption to host memory, maxQueueDelay, maxFirstTokenWaitTime, SLO scheduling. */
#include "sim/instance.h"

#include "base/num.h"

static int64_t blocks_in_all(const hg_instance *in, const hg_seq *s)
{
    return hg_kv_blocks_for(&in->kv, (int64_t)s->isl + hg_output_here(in, s) + in->config.draft_tokens);
}

static bool may_admit(const hg_instance *in)
{
    return in->running.count < in->config.max_num_seqs;
}

static bool has_place(const hg_instance *in)
{
    return in->waiting.count > 0 && may_admit(in) &&
           blocks_in_all(in, &in->seqs->at[in->waiting.head]) <= in->kv.blocks - in->promised;
}

static bool admit_next(hg_instance *in, hg_plan *plan, int64_t *budget)
{
    const hg_seq *s = &in->seqs->at[in->waiting.head];
    int64_t hit = hg_prefix_find(&in->prefix, s, s->isl - 1), tokens = s->isl - hit;
    if (*budget == 0 || (!in->config.chunked_prefill && tokens > *budget))
        return false;
    in->promised += blocks_in_all(in, s);
    tokens = hg_min_i64(tokens, *budget);
    hg_instance_chunk(in, plan, hg_instance_admit(in, hit), tokens);
    *budget -= tokens;
    return true;
}

static void continue_partial(hg_instance *in, hg_plan *plan, int64_t *budget)
{
    if (in->partial == HG_NO_SEQ || *budget == 0)
        return;
    const hg_seq *s = &in->seqs->at[in->partial];
    int64_t tokens = hg_min_i64(s->isl - s->computed, *budget);
    hg_instance_chunk(in, plan, in->partial, tokens);
    *budget -= tokens;
}

static void take_prompts(hg_instance *in, hg_plan *plan, int64_t budget)
{
    int64_t most = in->config.max_prefill_seqs > 0 ? in->config.max_prefill_seqs : in->config.max_num_seqs;
    continue_partial(in, plan, &budget);
    while ((int64_t)plan->count < most && has_place(in) && admit_next(in, plan, &budget))
        ;
}

/* Counts, so once a look. */
static bool prompts_go_first(hg_instance *in)
{
    const hg_sched_config *c = &in->config;
    int64_t running = in->running.count;
    if (!c->select_batch)
        return true;
    if (in->waiting.count > 0)
        in->waste_s += c->decode_wait_s * (double)(c->max_num_seqs - running);
    bool first = in->waiting.count > 0 && c->prefill_wait_s * (double)running <= in->waste_s;
    if (first || in->waiting.count == 0)
        in->waste_s = 0;
    return first;
}

static bool plan_mixed(hg_instance *in, hg_lane *lane, hg_plan *plan)
{
    plan->decode = lane->decodes > 0;
    take_prompts(in, plan, in->config.max_num_batched_tokens - lane->decodes * hg_decode_tokens(in));
    plan->steady = plan->count == 0 && in->partial == HG_NO_SEQ;
    return plan->decode || plan->count > 0;
}

static bool plan_apart(hg_instance *in, hg_lane *lane, hg_plan *plan)
{
    bool counts = in->config.select_batch && in->waiting.count > 0 && may_admit(in);
    if (prompts_go_first(in))
        take_prompts(in, plan, in->config.max_num_batched_tokens);
    plan->decode = plan->count == 0 && lane->decodes > 0;
    plan->steady = plan->decode && !counts;
    return plan->decode || plan->count > 0;
}

static bool plan(hg_instance *in, hg_lane *lane, hg_plan *plan)
{
    bool runs = in->config.chunked_prefill ? plan_mixed(in, lane, plan) : plan_apart(in, lane, plan);
    if (plan->decode)
        hg_instance_take_decode(in, lane, hg_instance_decode_blocks(in, lane));
    return runs;
}

static void finished(hg_instance *in, const hg_seq *s)
{
    in->promised -= blocks_in_all(in, s);
}

static bool rejects(const hg_instance *in, int64_t isl, int64_t osl)
{
    const hg_sched_config *c = &in->config;
    return hg_kv_blocks_for(&in->kv, isl + osl + c->draft_tokens) > in->kv.blocks ||
           (c->max_model_len > 0 && isl + osl > c->max_model_len) ||
           (!c->chunked_prefill && isl > c->max_num_batched_tokens);
}

const hg_scheduler hg_scheduler_mindie = {
    .name = "mindie",
    .help = "steps of whole prompts or of decodes, chosen by what waiting wastes, room for the whole output promised",
    .plan = plan,
    .may_admit = may_admit,
    .rejects = rejects,
    .finished = finished,
};

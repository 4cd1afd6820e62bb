/* The decode side of a disaggregated deployment: prompts come with their KV computed elsewhere.  A
 * request gets in, first come first served, when blocks for its prompt and whole output are left over
 * by those of all running ones, so nothing is ever evicted; its first token goes out at once and the
 * next step makes the second. */
#include "sim/instance.h"

static int64_t blocks_in_all(const hg_instance *in, const hg_seq *s)
{
    return hg_kv_blocks_for(&in->kv, (int64_t)s->isl + s->osl + in->config.draft_tokens);
}

static bool admit_next(hg_instance *in, hg_lane *lane)
{
    const hg_seq *s = &in->seqs->at[in->waiting.head];
    if (blocks_in_all(in, s) > in->kv.blocks - in->promised)
        return false;
    in->promised += blocks_in_all(in, s);
    hg_instance_take_over(in, lane);
    return true;
}

static bool plan(hg_instance *in, hg_lane *lane, hg_plan *plan)
{
    while (in->waiting.count > 0 && in->running.count < in->config.max_num_seqs && admit_next(in, lane))
        ;
    hg_instance_take_decode(in, lane, hg_instance_decode_blocks(in, lane));
    plan->decode = lane->decodes > 0;
    plan->steady = true;
    return plan->decode;
}

static void finished(hg_instance *in, const hg_seq *s)
{
    in->promised -= blocks_in_all(in, s);
}

static bool may_admit(const hg_instance *in)
{
    return in->waiting.count == 0 && in->running.count < in->config.max_num_seqs;
}

static bool rejects(const hg_instance *in, int64_t isl, int64_t osl)
{
    const hg_sched_config *c = &in->config;
    return hg_kv_blocks_for(&in->kv, isl + osl + c->draft_tokens) > in->kv.blocks ||
           (c->max_model_len > 0 && isl + osl > c->max_model_len);
}

const hg_scheduler hg_scheduler_receive = {
    .name = "receive",
    .help = "decodes of prompts whose KV came from a prefill pool",
    .plan = plan,
    .may_admit = may_admit,
    .rejects = rejects,
    .finished = finished,
};

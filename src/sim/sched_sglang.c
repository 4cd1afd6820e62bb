/* SGLang's scheduler (python/sglang/srt/managers/{scheduler,schedule_policy}.py, 0.5), for one kind
 * of request:
 *  - prompts first: while one waits that can get in, or one is cut, the step is of prompts alone, up
 *    to chunked-prefill-size tokens, and decodes pause;
 *  - a prompt gets in when the spare KV holds it, all it will make (CLIP tokens at most), and a part
 *    of what the running ones are still to make; that part starts at 0.7 × schedule-conservativeness
 *    and falls in DECAY_STEPS decode steps to 0.14 of that;
 *  - a decode without room retracts the last admitted, which waits at the front, and the part starts
 *    anew.
 * Left out: priorities, mixed chunks, longest-prefix-match order. */
#include "sim/instance.h"

#include "base/num.h"

#include <math.h>

enum { CLIP = 4096, DECAY_STEPS = 600 };
static const double FIRST_FRAC = 0.7, LEAST_OF_FIRST = 0.14;

static double first_frac(const hg_instance *in)
{
    double c = in->config.conservativeness;
    return fmin(1, FIRST_FRAC * (c > 0 ? c : 1));
}

static double reserve_frac(const hg_instance *in, const hg_lane *lane)
{
    double first = first_frac(in), fall = (1 - LEAST_OF_FIRST) * first / DECAY_STEPS;
    return fmax(LEAST_OF_FIRST * first, first - fall * (double)(lane->step - in->reserve_step));
}

static int64_t left(const hg_instance *in, const hg_lane *lane, const hg_seq *s)
{
    int64_t made = s->generated + (s->lane != HG_NO_LANE ? lane->step - s->join_step + s->extra : 0);
    return hg_min_i64(hg_output_here(in, s) - made, CLIP);
}

/* Spare tokens of KV, less what is kept for those that run. */
static double room(const hg_instance *in, const hg_lane *lane)
{
    double kept = 0, frac = reserve_frac(in, lane);
    for (int32_t i = in->running.head; i != HG_NO_SEQ; i = in->seqs->at[i].next)
        kept += frac * (double)left(in, lane, &in->seqs->at[i]);
    return (double)(in->kv.spare * in->kv.block_tokens) - kept;
}

static void continue_partial(hg_instance *in, hg_plan *plan, int64_t *budget)
{
    int32_t seq = in->partial;
    if (seq == HG_NO_SEQ)
        return;
    const hg_seq *s = &in->seqs->at[seq];
    int64_t tokens = hg_min_i64(hg_target_tokens(s) - s->computed, *budget);
    if (hg_instance_chunk_blocks(in, seq, tokens) > in->kv.spare) {
        hg_instance_preempt(in, seq);
        return;
    }
    hg_instance_chunk(in, plan, seq, tokens);
    *budget -= tokens;
}

static bool admit_next(hg_instance *in, hg_lane *lane, hg_plan *plan, int64_t *budget, double *room)
{
    const hg_seq *s = &in->seqs->at[in->waiting.head];
    int64_t target = hg_target_tokens(s), hit = hg_prefix_find(&in->prefix, s, target - 1);
    if (!in->config.chunked_prefill && target - hit > *budget && plan->count > 0)
        return false;
    bool alone = in->running.count == 0;
    double wanted = (double)(target - hit + left(in, lane, s));
    if (wanted > *room && !alone)
        return false;
    if (hg_prefix_cost(&in->prefix, s, target, hit) > in->kv.spare)
        return false;
    int64_t tokens = in->config.chunked_prefill ? hg_min_i64(target - hit, *budget) : target - hit;
    hg_instance_chunk(in, plan, hg_instance_admit(in, hit), tokens);
    *budget -= tokens;
    *room -= wanted;
    return true;
}

static void retract(hg_instance *in, hg_lane *lane)
{
    hg_instance_preempt(in, hg_instance_last_admitted(in, lane));
    in->reserve_step = lane->step;
}

static bool plan_prompts(hg_instance *in, hg_lane *lane, hg_plan *plan)
{
    int64_t budget = in->config.max_num_batched_tokens;
    plan->decode = plan->steady = false;
    continue_partial(in, plan, &budget);
    double spare = in->waiting.count > 0 ? room(in, lane) : 0;
    while (budget > 0 && in->waiting.count > 0 && in->running.count < in->config.max_num_seqs &&
           admit_next(in, lane, plan, &budget, &spare))
        ;
    return plan->count > 0;
}

static bool plan(hg_instance *in, hg_lane *lane, hg_plan *plan)
{
    int64_t need;
    if (plan_prompts(in, lane, plan))
        return true;
    while ((need = hg_instance_decode_blocks(in, lane)) > in->kv.spare)
        retract(in, lane);
    hg_instance_take_decode(in, lane, need);
    plan->decode = lane->decodes > 0;
    plan->steady = in->waiting.count == 0 || in->running.count >= in->config.max_num_seqs;
    return plan->decode;
}

static bool may_admit(const hg_instance *in)
{
    return in->running.count < in->config.max_num_seqs;
}

static bool rejects(const hg_instance *in, int64_t isl, int64_t osl)
{
    const hg_sched_config *c = &in->config;
    return hg_kv_blocks_for(&in->kv, isl + osl + c->draft_tokens) > in->kv.blocks ||
           (c->max_model_len > 0 && isl + osl > c->max_model_len);
}

const hg_scheduler hg_scheduler_sglang = {
    .name = "sglang",
    .help = "prompts first in steps of their own, a part of the output reserved, retraction",
    .plan = plan,
    .may_admit = may_admit,
    .rejects = rejects,
};

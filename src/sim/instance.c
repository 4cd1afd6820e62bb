#include "sim/instance.h"

#include "base/num.h"

#include <string.h>

#define SCHEDULER(name) extern const hg_scheduler hg_scheduler_##name;
#include "sim/scheds.def"
#undef SCHEDULER

static const hg_scheduler *const schedulers[] = {
#define SCHEDULER(name) &hg_scheduler_##name,
#include "sim/scheds.def"
#undef SCHEDULER
};

const char *const hg_scheduler_names[] = {
#define SCHEDULER(name) #name,
#include "sim/scheds.def"
#undef SCHEDULER
};

const size_t hg_scheduler_count = sizeof schedulers / sizeof *schedulers;

const hg_scheduler *hg_scheduler_find(const char *name)
{
    for (size_t i = 0; i < hg_scheduler_count; i++)
        if (strcmp(name ? name : "vllm", schedulers[i]->name) == 0)
            return schedulers[i];
    return NULL;
}

void hg_instance_open(hg_instance *in, hg_arena *arena, hg_seqs *seqs, const hg_sched_config *config,
                      const hg_workload *workload, int32_t index)
{
    *in = (hg_instance){ .arena = arena, .seqs = seqs, .config = *config, .index = index,
                         .waiting = hg_list_empty(), .running = hg_list_empty(),
                         .arrived = hg_list_empty(), .seen = hg_list_empty(),
                         .partial = HG_NO_SEQ };
    int64_t in_budget = hg_max_i64(1, config->max_num_batched_tokens / hg_decode_tokens(in));
    in->config.max_num_seqs = hg_min_i64(config->max_num_seqs, in_budget);
    in->kv = (hg_kv){ .blocks = config->kv_blocks, .spare = config->kv_blocks,
                      .least_spare = config->kv_blocks, .block_tokens = config->block_tokens };
    in->lane_count = config->pipeline_stages > 1 ? config->pipeline_stages : 1;
    in->lanes = HG_NEW(arena, hg_lane, in->lane_count);
    for (int32_t i = 0; i < in->lane_count; i++) {
        hg_lane_open(&in->lanes[i], arena, config->block_tokens);
        in->lanes[i].drafts = config->draft_tokens;
    }
    hg_prefix_open(&in->prefix, arena, &in->kv, config->prefix_caching ? workload : NULL);
}

void hg_instance_receive(hg_instance *in, int32_t seq)
{
    hg_list_append(in->config.async ? &in->arrived : &in->waiting, in->seqs, seq);
    in->outstanding++;
}

/* An engine with prompts at hand, or nothing, always looks. */
static bool passes_over(hg_instance *in, const hg_lane *lane)
{
    bool decoding = in->running.count > 0 && lane->plan.count == 0;
    /* Of a run only the last step can have brought a request: earlier looks in it saw nothing. */
    in->unlooked_steps = decoding ? (in->unlooked_steps + lane->steps) % in->config.recv_interval : 0;
    return in->unlooked_steps != 0;
}

void hg_instance_look(hg_instance *in, const hg_lane *lane)
{
    hg_list_move(&in->waiting, &in->seen, in->seqs);
    if (in->config.recv_interval <= 1 || !passes_over(in, lane))
        hg_list_move(&in->seen, &in->arrived, in->seqs);
}

/* Steps since the group was looked at last: a run of them is the same look again. */
static int64_t looks_since(const hg_instance *group)
{
    int64_t steps = 1;
    for (int32_t i = 0; i < group->group_size; i++)
        if (group[i].joins)
            steps = hg_max_i64(steps, group[i].lanes[0].steps);
    return group->starved ? 1 : steps;
}

void hg_group_balance(hg_instance *group)
{
    bool prompts = true, starved = false;
    int64_t most = group->config.balance_steps;
    if (group->group_size == 1 || most == 0)
        return;
    for (int32_t i = 0; i < group->group_size; i++) {
        prompts &= group[i].waiting.count > 0 && group[i].running.count < group[i].config.max_num_seqs;
        starved |= group[i].lanes[0].decodes == 0;
    }
    int64_t waited = group->balance_steps + looks_since(group);
    bool go = prompts || starved || waited % most == 0;
    group->balance_steps = go ? 0 : waited % most;
    group->starved = starved;
    for (int32_t i = 0; i < group->group_size; i++)
        group[i].holds = !go;
}

int64_t hg_instance_own_blocks(const hg_instance *in, const hg_seq *s)
{
    return hg_kv_blocks_for(&in->kv, hg_max_i64(s->computed, s->slots)) - s->shared * in->prefix.group;
}

/* What a drafting decode holds, and what its next step may fill: every draft, were it accepted. */
static int64_t held_blocks(const hg_instance *in, const hg_lane *lane, const hg_seq *s)
{
    return hg_kv_blocks_for(&in->kv, hg_max_i64(hg_lane_tokens(lane, s), s->slots));
}

static int64_t filled(const hg_instance *in, const hg_lane *lane, const hg_seq *s)
{
    return hg_lane_tokens(lane, s) + hg_decode_tokens(in);
}

int64_t hg_instance_decode_blocks(const hg_instance *in, const hg_lane *lane)
{
    int64_t blocks = 0;
    if (!lane->drafts)
        return hg_lane_blocks_needed(lane, 0, in->kv.block_tokens);
    for (size_t i = 0; i < lane->heap_count; i++) {
        const hg_seq *s = &in->seqs->at[lane->heap[i].seq];
        int64_t more = hg_kv_blocks_for(&in->kv, filled(in, lane, s)) - held_blocks(in, lane, s);
        blocks += hg_max_i64(0, more);
    }
    return blocks;
}

void hg_instance_take_decode(hg_instance *in, hg_lane *lane, int64_t blocks)
{
    hg_prefix_take(&in->prefix, blocks);
    for (size_t i = 0; lane->drafts && i < lane->heap_count; i++) {
        hg_seq *s = &in->seqs->at[lane->heap[i].seq];
        s->slots = (int32_t)hg_max_i64(s->slots, filled(in, lane, s));
    }
}

int32_t hg_instance_admit(hg_instance *in, int64_t hit_tokens)
{
    int32_t seq = in->waiting.head;
    hg_seq *s = &in->seqs->at[seq];
    hg_list_remove(&in->waiting, in->seqs, seq);
    hg_list_append(&in->running, in->seqs, seq);
    in->most_running = hg_max_i64(in->most_running, in->running.count);
    s->admitted = in->admissions++;
    s->computed = (int32_t)hit_tokens;
    s->shared = hg_prefix_hold(&in->prefix, s, hit_tokens);
    if (s->scheduled_ns < 0) {
        s->scheduled_ns = in->now_ns;
        s->prefix_hit_tokens = (int32_t)hit_tokens;
        in->prompt_tokens += s->isl;
        in->prefix_hit_tokens += hit_tokens;
    }
    return seq;
}

int64_t hg_instance_chunk_blocks(const hg_instance *in, int32_t seq, int64_t tokens)
{
    const hg_seq *s = &in->seqs->at[seq];
    return hg_kv_blocks_for(&in->kv, s->computed + tokens) - hg_kv_blocks_for(&in->kv, s->computed);
}

void hg_instance_chunk(hg_instance *in, hg_plan *plan, int32_t seq, int64_t tokens)
{
    hg_seq *s = &in->seqs->at[seq];
    hg_prefix_take(&in->prefix, hg_instance_chunk_blocks(in, seq, tokens));
    bool last = s->computed + tokens == hg_target_tokens(s);
    size_t i = plan->count;
    *HG_PUSH(in->arena, plan->chunks, plan->count, plan->capacity) =
        (hg_chunk){ .tokens = (int32_t)tokens, .context = s->computed, .last = last };
    plan->seqs = hg_grow(in->arena, plan->seqs, i, &plan->seqs_capacity, sizeof *plan->seqs);
    plan->seqs[i] = seq;
    plan->tokens += tokens;
    s->computed += (int32_t)tokens;
    s->completing = last;
    in->partial = last ? HG_NO_SEQ : seq;
    s->shared = hg_prefix_publish(&in->prefix, s);
}

void hg_instance_take_over(hg_instance *in, hg_lane *lane)
{
    int32_t seq = hg_instance_admit(in, 0);
    hg_seq *s = &in->seqs->at[seq];
    s->computed = s->isl;
    s->first_token_ns = in->now_ns;
    hg_prefix_take(&in->prefix, hg_kv_blocks_for(&in->kv, s->computed));
    hg_lane_join(lane, in->arena, in->seqs, seq, (int32_t)(lane - in->lanes), in->kv.block_tokens, in->now_ns);
}

static void release_kv(hg_instance *in, int32_t seq)
{
    hg_seq *s = &in->seqs->at[seq];
    if (s->lane != HG_NO_LANE)
        hg_lane_leave(&in->lanes[s->lane], in->seqs, seq, in->kv.block_tokens);
    hg_prefix_release(&in->prefix, s, hg_instance_own_blocks(in, s));
    s->shared = 0;
    if (in->partial == seq)
        in->partial = HG_NO_SEQ;
    hg_list_remove(&in->running, in->seqs, seq);
}

static bool preemptible(const hg_instance *in, const hg_lane *lane, int32_t seq)
{
    const hg_seq *s = &in->seqs->at[seq];
    return seq == in->partial || (s->lane != HG_NO_LANE && &in->lanes[s->lane] == lane);
}

int32_t hg_instance_last_admitted(const hg_instance *in, const hg_lane *lane)
{
    int32_t seq = in->running.tail;
    while (!preemptible(in, lane, seq))
        seq = in->seqs->at[seq].prev;
    return seq;
}

void hg_instance_preempt(hg_instance *in, int32_t seq)
{
    release_kv(in, seq);
    in->seqs->at[seq].computed = in->seqs->at[seq].slots = 0;
    in->seqs->at[seq].preemptions++;
    in->preemptions++;
    hg_list_prepend(&in->waiting, in->seqs, seq);
}

void hg_instance_finish(hg_instance *in, int32_t seq)
{
    release_kv(in, seq);
    if (in->scheduler->finished)
        in->scheduler->finished(in, &in->seqs->at[seq]);
    in->outstanding--;
}

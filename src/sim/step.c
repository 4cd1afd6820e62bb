/* One step of a lane, or a run of them.
 *
 * While a lane's batch is the same decodes, up to HG_RUN_STEPS steps are one event.  A run ends
 * before the first step that could differ: when a decode finishes, when a KV block might be missing,
 * and (by the loop) when a request arrives that could be scheduled.  The oracle is asked for the
 * first and the last planned step; the k-th takes t₀ + k·(t₁ − t₀)/(n − 1), rounded by the rule of
 * hg_step_ns like any step's time, so an oracle linear in decode_context gives every token the very
 * nanosecond that single steps give it.
 *
 * Pipeline stages: a batch occupies each of the P stages for 1/P of its time, in order behind the
 * one before it, and each lane has one batch in flight; scheduling happens when a lane's own batch
 * is done.  So P equal batches in flight give P times the throughput, and unequal ones wait for each
 * other.  Lanes never exchange decodes, as vLLM's batches in flight do not.
 *
 * Ranks of attention DP meet at the experts of every layer, so their steps begin together and last as
 * long as the slowest's; a rank without work goes along empty.  They are one group, an engine alone is
 * a group of one. */
#include "sim/state.h"

#include "base/num.h"

#include <math.h>
#include <string.h>

int64_t hg_step_ns(double seconds)
{
    int64_t ns = ((int64_t)(seconds * 1e9 * 1024 + 0.5) + 512) >> 10;
    return ns > 0 ? ns : 1; /* time moves on */
}

static hg_batch batch_of(const hg_lane *lane, int32_t ahead)
{
    int32_t decodes = lane->plan.decode ? lane->decodes : 0;
    return (hg_batch){ .chunks = lane->plan.chunks, .chunk_count = (int32_t)lane->plan.count,
                       .decodes = decodes,
                       .decode_context = decodes ? lane->context + (int64_t)decodes * (ahead + 1) : 0 };
}

static double ask(const hg_instance *in, const hg_lane *lane, int32_t ahead, double mean_tokens)
{
    hg_batch batch = batch_of(lane, ahead);
    batch.mean_tokens = mean_tokens;
    return in->oracle.step(in->oracle.ctx, &batch);
}

/* How many steps the KV pool surely allows; those of the first are taken already. */
static int32_t steps_in_kv(const hg_instance *in, const hg_lane *lane, int32_t most)
{
    int64_t spare = in->kv.spare;
    int32_t n = 1;
    while (n < most && (spare -= hg_lane_blocks_needed(lane, n, in->kv.block_tokens)) >= 0)
        n++;
    return n;
}

static int32_t steps_alike(const hg_sim *sim, const hg_instance *in, const hg_lane *lane)
{
    if (sim->config->stepwise || in->lane_count > 1 || lane->drafts || !lane->plan.steady)
        return 1;
    int64_t to_finish = lane->heap[0].step - lane->step;
    return steps_in_kv(in, lane, (int32_t)hg_min_i64(to_finish, HG_RUN_STEPS));
}

/* With one instance the next arrival is known to come here. */
static int64_t known_cut_ns(const hg_sim *sim, const hg_instance *in)
{
    if (sim->instance_count > 1 || !in->scheduler->may_admit(in))
        return HG_NEVER;
    return hg_arrivals_next_ns(&sim->arrivals);
}

static double mean_tokens(const hg_instance *group, int32_t index)
{
    int64_t tokens = 0;
    if (group->group_size == 1)
        return 0;
    for (int32_t i = 0; i < group->group_size; i++) {
        const hg_lane *lane = &group[i].lanes[index];
        if (group[i].joins)
            tokens += lane->plan.tokens + (lane->plan.decode ? lane->decodes : 0);
    }
    return (double)tokens / group->group_size;
}

static int32_t steps_planned(const hg_sim *sim, const hg_instance *group, int32_t index)
{
    int32_t n = HG_RUN_STEPS;
    for (int32_t i = 0; i < group->group_size; i++) {
        const hg_instance *in = &group[i];
        if (in->joins)
            n = (int32_t)hg_min_i64(n, steps_alike(sim, in, &in->lanes[index]));
        else if (in->waiting.count + in->seen.count + in->arrived.count > 0)
            n = 1;
    }
    return n;
}

static double slowest(const hg_instance *group, int32_t step)
{
    double most = 0;
    for (int32_t i = 0; i < group->group_size; i++) {
        double seconds = group[i].joins ? group[i].first_s + group[i].slope_s * step : 0;
        most = seconds > most ? seconds : most;
    }
    return most;
}

/* Into the lane of the group's first: the others' is a copy. */
static void time_run(hg_sim *sim, hg_instance *group, int32_t index)
{
    int32_t planned = steps_planned(sim, group, index);
    double tokens = mean_tokens(group, index);
    for (int32_t i = 0; i < group->group_size; i++) {
        hg_instance *in = &group[i];
        if (!in->joins)
            continue;
        const hg_lane *lane = &in->lanes[index];
        in->first_s = ask(in, lane, 0, tokens);
        in->slope_s = planned > 1 ? (ask(in, lane, planned - 1, tokens) - in->first_s) / (planned - 1) : 0;
    }
    int64_t cut_ns = planned > 1 ? known_cut_ns(sim, group) : HG_NEVER;
    hg_lane *lane = &group->lanes[index];
    lane->start_ns = lane->end_ns = sim->now_ns;
    lane->steps = 0;
    while (lane->steps < planned && (lane->steps == 0 || lane->end_ns < cut_ns)) {
        lane->step_ns[lane->steps] = hg_step_ns(slowest(group, lane->steps));
        lane->end_ns += lane->step_ns[lane->steps++];
    }
}

static void pass_pipeline(hg_instance *in, hg_lane *lane, int32_t stages)
{
    int64_t stage_ns = lane->step_ns[0] / stages;
    lane->start_ns = hg_max_i64(lane->start_ns, in->stage_free_ns);
    lane->end_ns = hg_max_i64(lane->start_ns + lane->step_ns[0], in->last_end_ns + stage_ns);
    in->stage_free_ns = lane->start_ns + stage_ns;
    in->last_end_ns = lane->end_ns;
    lane->step_ns[0] = lane->end_ns - lane->start_ns;
}

static bool plan(hg_sim *sim, hg_instance *in, hg_lane *lane)
{
    lane->plan.count = 0;
    lane->plan.tokens = 0;
    int64_t waiting = in->waiting.count;
    bool something = in->scheduler->plan(in, lane, &lane->plan);
    sim->waiting += in->waiting.count - waiting;
    lane->plan.steady &= in->seen.count == 0 && in->arrived.count == 0;
    return something;
}

static void look(hg_sim *sim, hg_instance *group, int32_t index)
{
    for (int32_t i = 0; i < group->group_size; i++) {
        group[i].now_ns = sim->now_ns;
        hg_instance_look(&group[i], &group[i].lanes[index]);
    }
    hg_group_balance(group);
}

/* An engine with nothing under way decides on what comes as it comes. */
static bool plan_group(hg_sim *sim, hg_instance *group, int32_t index)
{
    bool any = false;
    look(sim, group, index);
    for (int32_t i = 0; i < group->group_size; i++) {
        hg_instance *in = &group[i];
        in->joins = plan(sim, in, &in->lanes[index]);
        if (!in->joins && in->seen.count > 0) {
            hg_instance_look(in, &in->lanes[index]);
            in->joins = plan(sim, in, &in->lanes[index]);
        }
        any |= in->joins;
    }
    return any;
}

static void begin(hg_sim *sim, hg_instance *in, int32_t index, const hg_lane *timed)
{
    hg_lane *lane = &in->lanes[index];
    lane->busy = true;
    if (lane != timed) {
        lane->start_ns = timed->start_ns;
        lane->end_ns = timed->end_ns;
        lane->steps = timed->steps;
        memcpy(lane->step_ns, timed->step_ns, (size_t)timed->steps * sizeof *timed->step_ns);
    }
    hg_events_set(&sim->events, in->index * sim->lane_count + index, lane->end_ns);
}

static bool is_busy(const hg_instance *group, int32_t index)
{
    for (int32_t i = 0; i < group->group_size; i++)
        if (group[i].lanes[index].busy)
            return true;
    return false;
}

void hg_step_start(hg_sim *sim, hg_instance *in, int32_t index)
{
    hg_instance *group = &sim->instances[in->group];
    if (is_busy(group, index) || !plan_group(sim, group, index))
        return;
    time_run(sim, group, index);
    if (group->lane_count > 1)
        pass_pipeline(group, &group->lanes[index], group->lane_count);
    for (int32_t i = 0; i < group->group_size; i++)
        if (group[i].joins)
            begin(sim, &group[i], index, &group->lanes[index]);
}

static int32_t steps_over_by(const hg_lane *lane, int64_t at_ns, int64_t *boundary_ns)
{
    int32_t n = 0;
    int64_t next_ns = lane->start_ns;
    *boundary_ns = lane->start_ns;
    while (n < lane->steps && (next_ns += lane->step_ns[n]) <= at_ns) {
        *boundary_ns = next_ns;
        n++;
    }
    return n;
}

static void cut(hg_sim *sim, hg_instance *in)
{
    hg_lane *lane = &in->lanes[0];
    if (!lane->busy || lane->steps == 1)
        return;
    int64_t boundary_ns;
    int32_t n = steps_over_by(lane, sim->now_ns, &boundary_ns);
    if (boundary_ns < sim->now_ns || n == 0)
        boundary_ns += lane->step_ns[n++];
    lane->steps = n;
    lane->end_ns = boundary_ns;
    hg_events_set(&sim->events, in->index * sim->lane_count, boundary_ns);
}

void hg_step_cut(hg_sim *sim, hg_instance *in)
{
    hg_instance *group = &sim->instances[in->group];
    if (!in->scheduler->may_admit(in))
        return;
    for (int32_t i = 0; i < group->group_size; i++)
        cut(sim, &group[i]);
}

int64_t hg_step_tokens_by_now(const hg_sim *sim, const hg_lane *lane)
{
    int64_t boundary_ns;
    if (!lane->busy || !lane->plan.decode || lane->steps == 1)
        return 0;
    return (int64_t)steps_over_by(lane, sim->now_ns, &boundary_ns) * lane->decodes;
}

static void finish(hg_sim *sim, hg_instance *in, int32_t seq)
{
    hg_instance_finish(in, seq);
    hg_seq *s = &sim->seqs.at[seq];
    hg_metrics_finish(&sim->metrics, s, sim->now_ns);
    if (sim->config->keep_requests) {
        hg_record *r = &sim->records[s->number];
        r->queued_s = (double)(s->scheduled_ns - s->seen_ns) * 1e-9;
        r->first_token_s = (double)s->first_token_ns * 1e-9;
        r->finish_s = (double)sim->now_ns * 1e-9;
        r->preemptions = s->preemptions;
        r->replica = s->replica;
        r->prefix_hit_tokens = s->prefix_hit_tokens;
        r->finished = true;
    }
    hg_seqs_give(&sim->seqs, seq);
    hg_arrivals_answered(&sim->arrivals, sim->now_ns);
}

/* To the decode side, which gives out the token made: its KV here is free at once, as the transfer goes
 * on layer by layer beside the prefill. */
static void hand_over(hg_sim *sim, hg_instance *in, int32_t seq)
{
    const hg_prefill_pool *p = sim->config->prefill;
    const hg_seq *s = &sim->seqs.at[seq];
    hg_instance_finish(in, seq);
    double moved_s = p->move_s + p->move_s_per_token * s->isl;
    hg_transfer_send(&sim->transfers, sim->arena, seq, sim->now_ns + hg_step_ns(moved_s));
}

/* A prompt is complete, its next token out. */
static void complete(hg_sim *sim, hg_instance *in, int32_t index, int32_t seq)
{
    hg_seq *s = &sim->seqs.at[seq];
    s->completing = false;
    s->generated++;
    sim->metrics.now.output_tokens++;
    if (s->first_token_ns < 0) {
        s->first_token_ns = sim->now_ns;
        sim->metrics.now.prompt_tokens += s->isl;
    } else {
        hg_metrics_gap(&sim->metrics, sim->now_ns - s->last_token_ns, s->counted);
        s->gaps++;
    }
    if (s->generated == s->osl)
        finish(sim, in, seq);
    else if (in->hands_over)
        hand_over(sim, in, seq);
    else
        hg_lane_join(&in->lanes[index], in->arena, in->seqs, seq, index, in->kv.block_tokens,
                     sim->now_ns);
}

static void record_gaps(hg_sim *sim, hg_lane *lane)
{
    int64_t end_ns = lane->start_ns + lane->step_ns[0], counted = 0;
    for (size_t i = 0; i < lane->cohort_count; i++) {
        hg_cohort *c = &lane->cohorts[i];
        hg_metrics_gap(&sim->metrics, end_ns - c->last_token_ns, c->counted);
        counted += c->counted;
    }
    sim->metrics.steps++;
    for (int32_t k = 1; k < lane->steps; k++, sim->metrics.steps++)
        hg_metrics_gap(&sim->metrics, lane->step_ns[k], counted);
    lane->cohorts[0] = (hg_cohort){ lane->end_ns, counted };
    lane->cohort_count = 1;
}

static int64_t last_token_ns(const hg_lane *lane, const hg_seq *s)
{
    return lane->step > s->join_step ? lane->cohorts[0].last_token_ns : s->last_token_ns;
}

/* Each gap shared out among the tokens that ended it: a sequence at a time, as each made its own number. */
static void record_shares(hg_sim *sim, hg_lane *lane, int64_t before)
{
    int64_t counted = 0;
    lane->step = before;
    for (size_t i = 0; i < lane->heap_count; i++) {
        const hg_seq *s = &sim->seqs.at[lane->heap[i].seq];
        int64_t gap_ns = lane->end_ns - last_token_ns(lane, s);
        hg_metrics_gap(&sim->metrics, gap_ns / s->made, (int64_t)s->counted * s->made);
        counted += s->counted;
    }
    lane->step = before + 1;
    sim->metrics.steps++;
    lane->cohorts[0] = (hg_cohort){ lane->end_ns, counted };
    lane->cohort_count = 1;
}

static void advance_tokens(hg_sim *sim, hg_lane *lane)
{
    int64_t tokens = (int64_t)lane->steps * lane->decodes;
    lane->step += lane->steps;
    lane->context += tokens;
    sim->metrics.now.output_tokens += tokens;
}

static void advance_drafts(hg_sim *sim, const hg_instance *in, hg_lane *lane)
{
    hg_metrics *m = &sim->metrics;
    m->drafting += lane->decodes;
    m->now.output_tokens +=
        hg_lane_advance_drafts(lane, &sim->seqs, in->config.acceptance, &m->accepted);
}

static void advance_decodes(hg_sim *sim, hg_instance *in, hg_lane *lane)
{
    int64_t blocks = 0;
    for (int32_t k = 1; k < lane->steps; k++)
        blocks += hg_lane_blocks_needed(lane, k, in->kv.block_tokens);
    hg_prefix_take(&in->prefix, blocks);
    bool shares = lane->drafts && sim->metrics.client->itl == HG_ITL_TOKENS;
    if (!shares)
        record_gaps(sim, lane);
    if (lane->drafts)
        advance_drafts(sim, in, lane);
    else
        advance_tokens(sim, lane);
    if (shares)
        record_shares(sim, lane, lane->step - 1);
    while (lane->heap_count && lane->heap[0].step == lane->step)
        finish(sim, in, lane->heap[0].seq);
}

static void note_busy(hg_sim *sim, const hg_instance *in, const hg_lane *lane)
{
    int64_t *until = &sim->busy_until_ns[in->index];
    int64_t from = hg_max_i64(lane->start_ns, *until);
    if (lane->end_ns > from)
        sim->metrics.busy_s += (double)(lane->end_ns - from) * 1e-9;
    *until = hg_max_i64(*until, lane->end_ns);
    int64_t sequences = (int64_t)lane->plan.count + (lane->plan.decode ? lane->decodes : 0);
    sim->metrics.batch_time += (double)sequences * (double)(lane->end_ns - lane->start_ns) * 1e-9;
}

static void log_steps(hg_sim *sim, const hg_instance *in, const hg_lane *lane)
{
    int64_t at_ns = lane->start_ns;
    int32_t decodes = lane->plan.decode ? lane->decodes : 0;
    for (int32_t k = 0; k < lane->steps && sim->log_count < sim->config->keep_steps; k++) {
        *HG_PUSH(sim->arena, sim->log, sim->log_count, sim->log_capacity) =
            (hg_step_record){ at_ns, lane->step_ns[k], (int32_t)lane->plan.tokens + decodes,
                              decodes, in->index };
        at_ns += lane->step_ns[k];
    }
}

/* Decodes first: they were admitted before this step's prompts, and that is the order in which an
 * engine hands out what a step made. */
void hg_step_end(hg_sim *sim, hg_instance *in, int32_t index)
{
    hg_lane *lane = &in->lanes[index];
    lane->busy = false;
    note_busy(sim, in, lane);
    log_steps(sim, in, lane);
    if (lane->plan.decode)
        advance_decodes(sim, in, lane);
    else
        sim->metrics.steps++;
    for (size_t i = 0; i < lane->plan.count; i++)
        if (lane->plan.chunks[i].last)
            complete(sim, in, index, lane->plan.seqs[i]);
}

#include "sim/sim.h"

#include "base/num.h"
#include "sim/state.h"

#include <assert.h>
#include <math.h>

static size_t offered_limit(const hg_workload *w, const hg_sim_config *c)
{
    if (c->steady.on && w->load != HG_LOAD_REPLAY)
        return c->steady.max_requests ? c->steady.max_requests : 100000;
    return c->requests ? c->requests : w->count;
}

static void open_instance(hg_sim *sim, int32_t i, const hg_workload *w)
{
    const hg_sim_config *c = sim->config;
    const hg_prefill_pool *p = i < sim->prefill_count ? c->prefill : NULL;
    hg_instance *in = &sim->instances[i];
    hg_instance_open(in, sim->arena, &sim->seqs, p ? &p->sched : &c->sched, w, i);
    in->scheduler = hg_scheduler_find(p ? p->scheduler : c->scheduler);
    in->oracle = p ? p->oracle : c->oracle;
    in->hands_over = p != NULL;
    int32_t base = p ? 0 : sim->prefill_count, ranks = p ? p->ranks : c->ranks;
    in->group_size = ranks > 1 ? ranks : 1;
    in->group = base + (i - base) / in->group_size * in->group_size;
    assert(in->scheduler && "names come from scheds.def");
}

/* The two pools may have pipelines of unlike depth. */
static int32_t lanes_most(const hg_sim_config *c)
{
    int32_t own = c->sched.pipeline_stages, prefill = c->prefill ? c->prefill->sched.pipeline_stages : 0;
    return (int32_t)hg_max_i64(1, hg_max_i64(own, prefill));
}

static void open_instances(hg_sim *sim, const hg_workload *w)
{
    const hg_sched_config *c = &sim->config->sched;
    assert(c->max_num_seqs > 0 && c->max_num_batched_tokens > 0 && c->block_tokens > 0);
    sim->prefill_count = sim->config->prefill ? sim->config->prefill->instances : 0;
    sim->instance_count = sim->prefill_count + (sim->config->replicas > 1 ? sim->config->replicas : 1);
    sim->lane_count = lanes_most(sim->config);
    sim->instances = HG_NEW(sim->arena, hg_instance, sim->instance_count);
    sim->touched = HG_NEW(sim->arena, int32_t, sim->instance_count);
    sim->busy_until_ns = HG_NEW(sim->arena, int64_t, sim->instance_count);
    for (int32_t i = 0; i < sim->instance_count; i++)
        open_instance(sim, i, w);
    hg_events_open(&sim->events, sim->arena, sim->instance_count * sim->lane_count);
}

static bool promises_gaps(const hg_slo *slo)
{
    for (int i = 0; i < slo->count; i++)
        if (slo->limits[i].metric == HG_ITL)
            return true;
    return false;
}

static void open_sim(hg_sim *sim, const hg_workload *w)
{
    const hg_sim_config *c = sim->config;
    bool steady = c->steady.on && w->load != HG_LOAD_REPLAY;
    hg_seqs_open(&sim->seqs, sim->arena);
    open_instances(sim, w);
    int32_t front = sim->prefill_count ? sim->prefill_count : sim->instance_count;
    sim->router = (hg_router){ .route = c->route, .last = front - 1 };
    sim->decode_router = (hg_router){ .route = c->route, .last = sim->instance_count - sim->prefill_count - 1 };
    hg_arrivals_open(&sim->arrivals, sim->arena, w, offered_limit(w, c), c->request_overhead_s,
                     c->request_serial_s, c->token_serial_s, c->seed);
    hg_metrics_open(&sim->metrics, sim->arena, &c->slo, c->client,
                    steady ? INT64_MAX : (int64_t)c->warmup_requests,
                    steady && promises_gaps(&c->slo));
    hg_steady_open(&sim->steady, c, w);
    sim->steady.config.on = steady;
}

static void touch(hg_sim *sim, hg_instance *in)
{
    if (in->touched)
        return;
    in->touched = true;
    sim->touched[sim->touched_count++] = in->index;
}

/* The totals now, those of runs under way included. */
static struct hg_totals totals_now(const hg_sim *sim, int64_t at_ns)
{
    struct hg_totals t = sim->metrics.now;
    t.at_ns = at_ns;
    for (int32_t i = 0; i < sim->instance_count; i++)
        for (int32_t l = 0; l < sim->instances[i].lane_count; l++)
            t.output_tokens += hg_step_tokens_by_now(sim, &sim->instances[i].lanes[l]);
    return t;
}

static void keep_record(hg_sim *sim, const hg_seq *s, bool rejected)
{
    if (!sim->config->keep_requests)
        return;
    *HG_PUSH(sim->arena, sim->records, sim->record_count, sim->record_capacity) =
        (hg_record){ .arrival_s = (double)s->sent_ns * 1e-9, .isl = s->isl, .osl = s->osl,
                     .queued_s = NAN, .first_token_s = NAN, .finish_s = NAN,
                     .replica = s->replica, .rejected = rejected, .counted = s->counted };
}

/* A stream for each request: what it accepts at its k-th step is the same whatever else runs. */
enum { CAUSE_DRAFTS = 1 << 20 };

static int32_t new_seq(hg_sim *sim, int64_t number)
{
    int64_t sent_ns;
    const hg_request *r = hg_arrivals_take(&sim->arrivals, &sent_ns);
    int32_t seq = hg_seqs_take(&sim->seqs);
    hg_seq *s = &sim->seqs.at[seq];
    s->number = number;
    s->sent_ns = sim->last_sent_ns = sent_ns;
    s->seen_ns = sim->now_ns;
    s->isl = r->isl;
    s->osl = r->osl;
    if (sim->config->sched.draft_tokens > 0)
        s->draws = hg_rng_seed(sim->config->seed, CAUSE_DRAFTS + (uint64_t)number);
    s->hash_first = r->hash_first;
    s->hash_count = r->hash_count;
    s->round = (uint32_t)((size_t)number / sim->arrivals.workload->count);
    return seq;
}

static void begin_window(hg_sim *sim, int64_t number, int64_t sent_ns)
{
    hg_metrics *m = &sim->metrics;
    if (m->first == INT64_MAX && hg_steady_warm(m, sent_ns))
        m->first = number;
    if (m->first == number)
        m->start = totals_now(sim, sent_ns);
}

static void reject(hg_sim *sim, int32_t seq)
{
    hg_metrics_reject(&sim->metrics, &sim->seqs.at[seq]);
    hg_seqs_give(&sim->seqs, seq);
    hg_arrivals_answered(&sim->arrivals, sim->now_ns);
}

static void enqueue(hg_sim *sim, hg_instance *in, int32_t seq)
{
    hg_step_cut(sim, in);
    hg_instance_receive(in, seq);
    sim->waiting++;
    touch(sim, in);
}

static bool rejects(const hg_sim *sim, const hg_instance *in, const hg_seq *s)
{
    const hg_instance *last = &sim->instances[sim->instance_count - 1];
    return in->scheduler->rejects(in, s->isl, in->hands_over ? 1 : s->osl) ||
           (in->hands_over && last->scheduler->rejects(last, s->isl, s->osl));
}

/* KV that was on its way has come to the decode side. */
static void receive_transfers(hg_sim *sim)
{
    while (hg_transfer_next_ns(&sim->transfers) == sim->now_ns) {
        int32_t seq = hg_transfer_take(&sim->transfers);
        hg_instance *pool = sim->instances + sim->prefill_count;
        int32_t i = hg_router_choose(&sim->decode_router, pool, sim->instance_count - sim->prefill_count);
        sim->seqs.at[seq].replica = sim->prefill_count + i;
        enqueue(sim, &pool[i], seq);
    }
}

static void arrive(hg_sim *sim)
{
    int64_t number = (int64_t)sim->arrivals.taken;
    int32_t seq = new_seq(sim, number);
    hg_seq *s = &sim->seqs.at[seq];
    begin_window(sim, number, s->sent_ns);
    s->counted = hg_metrics_arrive(&sim->metrics, number);
    int32_t front = sim->prefill_count ? sim->prefill_count : sim->instance_count;
    s->replica = hg_router_choose(&sim->router, sim->instances, front);
    hg_instance *in = &sim->instances[s->replica];
    bool rejected = rejects(sim, in, s);
    keep_record(sim, s, rejected);
    if (rejected)
        reject(sim, seq);
    else
        enqueue(sim, in, seq);
    const struct hg_totals *now = &sim->metrics.now;
    int64_t in_system = number + 1 - now->completed - now->rejected;
    if (sim->steady.config.on && hg_steady_saturated(&sim->steady, sim->arena, sim->waiting, in_system)) {
        sim->end = HG_END_SATURATED;
        sim->stopped = true;
    }
}

static void end_steps(hg_sim *sim)
{
    while (hg_events_next_ns(&sim->events) == sim->now_ns) {
        int32_t slot = hg_events_pop(&sim->events);
        hg_instance *in = &sim->instances[slot / sim->lane_count];
        hg_step_end(sim, in, slot % sim->lane_count);
        touch(sim, in);
    }
}

/* Lanes with decodes go on before idle ones look for new work, as an engine that got a batch back
 * schedules its requests first. */
static void start_steps(hg_sim *sim)
{
    for (int32_t i = 0; i < sim->touched_count; i++) {
        hg_instance *in = &sim->instances[sim->touched[i]];
        in->touched = false;
        for (int idle = 0; idle < 2; idle++)
            for (int32_t l = 0; l < in->lane_count; l++)
                if (!in->lanes[l].busy && (in->lanes[l].decodes == 0) == idle)
                    hg_step_start(sim, in, l);
    }
    sim->touched_count = 0;
}

static void look_whether_enough(hg_sim *sim, size_t *counted)
{
    if (!sim->steady.config.on || sim->metrics.finished < sim->steady.next_check)
        return;
    sim->stopped = hg_steady_enough(&sim->steady, &sim->metrics, *sim->arena, &sim->end, counted);
}

/* The order of the three phases is explained in event.h. */
static void run(hg_sim *sim, size_t *counted)
{
    while (!sim->stopped) {
        int64_t next_ns = hg_min_i64(hg_events_next_ns(&sim->events),
                                     hg_min_i64(hg_arrivals_next_ns(&sim->arrivals),
                                                hg_transfer_next_ns(&sim->transfers)));
        if (next_ns == HG_NEVER)
            break;
        sim->now_ns = next_ns;
        end_steps(sim);
        look_whether_enough(sim, counted);
        receive_transfers(sim);
        while (!sim->stopped && hg_arrivals_next_ns(&sim->arrivals) == sim->now_ns)
            arrive(sim);
        if (!sim->stopped)
            start_steps(sim);
    }
}

static void instances_summary(const hg_sim *sim, hg_sim_result *out)
{
    int64_t prompt = 0, hit = 0;
    for (int32_t i = 0; i < sim->instance_count; i++) {
        const hg_instance *in = &sim->instances[i];
        double peak = in->kv.blocks ? 1 - (double)in->kv.least_spare / (double)in->kv.blocks : 0;
        out->kv_peak_frac = fmax(out->kv_peak_frac, peak);
        out->most_running = hg_max_i64(out->most_running, in->most_running);
        out->kv_blocks_left += in->kv.blocks - in->kv.spare;
        out->preemptions += in->preemptions;
        prompt += in->prompt_tokens;
        hit += in->prefix_hit_tokens;
    }
    out->prefix_hit_frac = prompt ? (double)hit / (double)prompt : 0;
}

static void judge(hg_sim *sim, size_t n, hg_sim_result *out)
{
    const hg_slo *slo = &sim->config->slo;
    if (slo->count == 0 && !sim->steady.config.on)
        return;
    hg_steady_estimate(&sim->steady, &sim->metrics, *sim->arena, n);
    out->slo_kept = out->completed > 0 && out->end != HG_END_SATURATED;
    for (int i = 0; i < sim->steady.slo.count; i++) {
        out->estimates[i] = sim->steady.estimates[i];
        out->estimates[i].kept &= out->end != HG_END_SATURATED;
        out->slo_kept &= out->estimates[i].kept;
    }
}

static size_t unfinished_end(const hg_metrics *m)
{
    size_t n = m->count;
    while (n > 0 && isnan(m->samples[n - 1].s[HG_E2E]))
        n--;
    return n;
}

static void fill_result(hg_sim *sim, size_t counted, hg_sim_result *out)
{
    *out = (hg_sim_result){ .end = sim->end, .offered = sim->arrivals.taken,
                            .duration_s = (double)sim->now_ns * 1e-9,
                            .arrivals_s = (double)sim->last_sent_ns * 1e-9,
                            .records = sim->records, .steps_log = sim->log,
                            .steps_logged = sim->log_count };
    sim->metrics.now = totals_now(sim, sim->now_ns);
    hg_metrics_summarise(&sim->metrics, *sim->arena, counted, out);
    instances_summary(sim, out);
    judge(sim, counted, out);
}

void hg_sim_run(hg_arena *arena, const hg_workload *workload, const hg_sim_config *config,
                hg_sim_result *out)
{
    hg_sim sim = { .arena = arena, .config = config };
    open_sim(&sim, workload);
    size_t counted = 0;
    run(&sim, &counted);
    if (!sim.stopped && sim.steady.config.on)
        sim.end = HG_END_LIMIT;
    if (sim.end == HG_END_ALL || sim.end == HG_END_LIMIT || sim.end == HG_END_SATURATED)
        counted = unfinished_end(&sim.metrics);
    fill_result(&sim, counted, out);
}

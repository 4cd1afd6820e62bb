#include "eval/evaluate.h"

#include "base/num.h"
#include "eval/legal.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

/* Where a queue is nearly critical a percentile stays vague however long one looks: a search goes on with its best
 * guess, and the plan says how far the rate may lie from it. */
enum { SEARCHED_REQUESTS = 25000, SETTLED_REQUESTS = 75000 };

/* Large fleets hold many requests at once: a steady state takes some such times as many to come about and be seen. */
enum { TURNOVERS = 6 };

/* How long a request may stay by the promise; 0: that says nothing. */
static double longest_stay_s(const hg_problem *p)
{
    double first_s = 0, gap_s = 0, stay_s = INFINITY, tokens = 0;
    for (size_t i = 0; i < p->workload.count; i++)
        tokens += p->workload.requests[i].osl / (double)p->workload.count;
    for (int i = 0; i < p->slo.count; i++) {
        const hg_limit *l = &p->slo.limits[i];
        if (l->metric == HG_E2E)
            stay_s = fmin(stay_s, l->limit_s);
        if (l->metric == HG_TTFT)
            first_s = l->limit_s;
        if (l->metric == HG_TPOT || l->metric == HG_ITL)
            gap_s = l->limit_s;
    }
    stay_s = fmin(stay_s, gap_s > 0 ? first_s + gap_s * tokens : INFINITY);
    return isfinite(stay_s) ? stay_s : 0;
}

static size_t most_requests(const hg_problem *p, const hg_run *run)
{
    double least = run->precise ? SETTLED_REQUESTS : SEARCHED_REQUESTS;
    return (size_t)fmax(least, run->load == HG_LOAD_RATE ? TURNOVERS * run->rate_per_s * longest_stay_s(p) : 0);
}

static void say_too_big(const hg_memory *m, hg_candidate *out)
{
    double missing = m->kv_bytes < 0 ? -m->kv_bytes : -m->spare_bytes;
    snprintf(out->reason, sizeof out->reason,
             "does not fit by %.1f GiB: weights %.1f, activations %.1f, budget %.1f GiB%s", missing / 0x1p30,
             m->weight_bytes / 0x1p30, m->activation_bytes / 0x1p30, m->budget_bytes / 0x1p30,
             m->kv_bytes < 0 ? "" : "; the KV of one longest request has no room");
}

void hg_candidate_make(const hg_problem *p, const hg_deployment *d, hg_candidate *out)
{
    *out = (hg_candidate){ .deployment = *d, .model = p->model };
    if (!d->precision_is_checkpoints)
        hg_model_set_precision(&out->model, d->precision);
    if (!hg_deployment_legal(&out->model, d, &p->engine, &p->rates.device, out->reason, sizeof out->reason)) {
        out->fit = HG_ILLEGAL;
        return;
    }
    out->memory = hg_memory_ledger(&out->model, d, &p->engine, &p->rates.device);
    if (!out->memory.fits) {
        out->fit = HG_TOO_BIG;
        say_too_big(&out->memory, out);
        return;
    }
    hg_err err;
    if (!hg_step_prepare(&out->model, d, &p->engine, &p->rates, &out->step, &err)) {
        out->fit = HG_UNPRICED;
        snprintf(out->reason, sizeof out->reason, "%.80s %.170s", err.where, err.msg);
    }
}

/* A wave of a closed loop is a request of every client; at least as many are left to count. */
static size_t warm_requests(const hg_problem *p, const hg_run *run)
{
    size_t offered = run->requests ? run->requests : p->workload.count;
    if (!p->client || run->load != HG_LOAD_CLOSED)
        return 0;
    size_t warm = (size_t)(p->client->warm_waves * p->workload.concurrency);
    return warm < offered / 2 ? warm : offered / 2;
}

hg_sim_config hg_sim_config_of(const hg_problem *p, const hg_candidate *c, const hg_run *run, hg_oracle oracle)
{
    const hg_deployment *d = &c->deployment;
    return (hg_sim_config){
        .scheduler = p->engine.scheduler,
        .sched = { .max_num_seqs = d->max_num_seqs,
                   .max_num_batched_tokens = d->max_num_batched_tokens,
                   .max_model_len = d->max_model_len,
                   .kv_blocks = c->memory.kv_blocks,
                   .block_tokens = (int32_t)d->block_tokens,
                   .chunked_prefill = d->chunked_prefill,
                   .prefix_caching = d->prefix_caching,
                   .async = p->engine.async,
                   .recv_interval = (int32_t)d->recv_interval,
                   .batch_wait_steps = (int32_t)d->batch_wait_steps,
                   .batch_wait_frac = d->batch_wait_frac,
                   .balance_steps = (int32_t)d->balance_steps,
                   .draft_tokens = (int32_t)d->draft_tokens,
                   .acceptance = hg_draft_acceptance(d->accepted_tokens, d->draft_tokens),
                   .max_prefill_seqs = p->engine.max_prefill_seqs,
                   .select_batch = p->engine.select_batch,
                   .prefill_wait_s = p->engine.prefill_wait_s,
                   .decode_wait_s = p->engine.decode_wait_s,
                   .pipeline_stages = (int32_t)d->pp },
        .oracle = oracle,
        .replicas = (int32_t)(d->replicas * d->dp),
        .ranks = (int32_t)(c->step.meets ? d->dp : 1),
        .seed = p->seed,
        .requests = run->requests,
        .steady = { .on = run->steady, .to_precision = run->precise,
                    .max_requests = run->steady ? most_requests(p, run) : 0 },
        .slo = p->slo,
        .client = p->client,
        .warmup_requests = warm_requests(p, run),
        .request_overhead_s = p->engine.overheads.request_s,
        /* Each replica has a front end of its own. */
        .request_serial_s = p->engine.overheads.request_serial_s / (double)d->replicas,
        .token_serial_s = p->engine.overheads.token_s / (double)d->replicas,
        .stepwise = run->stepwise,
        .keep_requests = run->keep_requests,
        .keep_steps = run->keep_steps,
    };
}

int64_t hg_candidate_devices(const hg_candidate *c)
{
    return hg_deployment_devices(&c->deployment) + (c->prefill ? hg_deployment_devices(&c->prefill->deployment) : 0);
}

hg_prefill_pool hg_prefill_pool_of(const hg_problem *p, const hg_candidate *c, hg_oracle oracle)
{
    const hg_device *d = &p->rates.device;
    hg_sim_config engine = hg_sim_config_of(p, c, &(hg_run){ .load = HG_LOAD_CLOSED }, oracle);
    double link = d->domain_devices > d->node_devices ? d->node_bytes_per_s : d->net_bytes_per_s;
    double bytes = c->memory.kv_bytes_per_token;
    return (hg_prefill_pool){ .instances = engine.replicas, .ranks = engine.ranks, .scheduler = engine.scheduler,
                              .sched = engine.sched, .oracle = oracle, .move_s = p->engine.overheads.transfer_s,
                              .move_s_per_token = (link > 0 ? bytes / link : 0) + p->engine.overheads.transfer_gib_s * bytes / 0x1p30 };
}

static int64_t engines(const hg_candidate *c)
{
    return c->deployment.replicas * c->deployment.dp;
}

/* Over the window counted: the board's limit while a step runs, its idle power otherwise (the limit
 * again when no idle power is known).  An upper bound, not a measurement. */
static double energy(const hg_problem *p, const hg_candidate *c, const hg_sim_result *r)
{
    const hg_device *dev = &p->rates.device;
    double all = (double)(engines(c) + (c->prefill ? engines(c->prefill) : 0));
    double busy = fmin(1, r->busy_s / all / r->duration_s);
    double idle_w = dev->idle_power_w > 0 ? dev->idle_power_w : dev->power_w;
    return (double)hg_candidate_devices(c) * r->window_s *
           (busy * dev->power_w + (1 - busy) * idle_w);
}

/* Serving the arrivals takes so much longer than they took to arrive. */
static const double OVERLOAD = 1.2;

/* Of the arrivals as they were drawn: a short run's may lie far from the rate. */
bool hg_metrics_overloaded(const hg_problem *p, const hg_metrics *m)
{
    const hg_sim_result *r = &m->sim;
    double span_s = p->workload.load == HG_LOAD_RATE && r->end == HG_END_ALL ? r->arrivals_s : NAN;
    double alone_s = r->latency[HG_E2E].p50 - r->latency[HG_QUEUE].p50;
    return r->end == HG_END_SATURATED || r->window_s > OVERLOAD * span_s + 2 * alone_s;
}

/* A wait for the step under way, or for a few, is no queue. */
static const double STEPS_WAITED = 8;

/* Arrivals at λ over a service at μ make each wait (λ/μ − 1) of the time since the first arrived longer; the middles of
 * the first and last quarters lie three quarters of the arrivals apart. */
bool hg_metrics_queue_grows(const hg_problem *p, const hg_metrics *m)
{
    const hg_sim_result *r = &m->sim;
    double rise_s = r->queue_last_s - r->queue_first_s, span_s = 0.75 * r->arrivals_s;
    bool whole = p->workload.load == HG_LOAD_RATE && r->end == HG_END_ALL && r->steps > 0;
    return whole && rise_s > (OVERLOAD - 1) * span_s && rise_s > STEPS_WAITED * r->busy_s / (double)r->steps;
}

void hg_evaluate(hg_arena *arena, const hg_problem *p, const hg_candidate *c, const hg_run *run,
                 hg_metrics *out)
{
    hg_step_oracle oracle = hg_step_oracle_new(arena, &c->step, &c->deployment, c->memo);
    oracle.slower = p->slower;
    hg_evaluate_with(arena, p, c, run, (hg_oracle){ hg_step_oracle_seconds, &oracle }, out);
}

/* A count of requests in a window lies no farther from what arrives on average, with this many deviations. */
static const double CHANCE = 4;

/* In a steady state what is served is what is offered; a window's own counts are blurred by chance, those of requests
 * otherwise than those of tokens, and a rate and the tokens beside it would not add up. */
static void take_offered(const hg_workload *w, double rate_per_s, hg_sim_result *r)
{
    double off = r->requests_per_s / rate_per_s - 1, isl = 0, osl = 0;
    if (r->end == HG_END_SATURATED)
        return;
    r->good_per_s = rate_per_s * r->attained_frac;
    if (r->rejected || !(fabs(off) <= CHANCE / sqrt(fmax(1, (double)r->completed))))
        return;
    for (size_t i = 0; i < w->count; i++) {
        isl += w->requests[i].isl;
        osl += w->requests[i].osl;
    }
    r->requests_per_s = rate_per_s;
    r->output_tokens_per_s = rate_per_s * osl / (double)w->count;
    r->total_tokens_per_s = rate_per_s * (isl + osl) / (double)w->count;
}

void hg_evaluate_with(hg_arena *arena, const hg_problem *p, const hg_candidate *c, const hg_run *run,
                      hg_oracle oracle, hg_metrics *out)
{
    hg_evaluate_pools(arena, p, c, run, oracle, NULL, out);
}

void hg_evaluate_pools(hg_arena *arena, const hg_problem *p, const hg_candidate *c, const hg_run *run,
                       hg_oracle oracle, const hg_oracle *prefill, hg_metrics *out)
{
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    hg_sim_config config = hg_sim_config_of(p, c, run, oracle);
    hg_workload w = p->workload;
    w.load = run->load;
    if (run->load == HG_LOAD_RATE)
        w.rate_per_s = run->rate_per_s;
    *out = (hg_metrics){ .slo_given = p->slo.count > 0, .rate_per_s = run->load == HG_LOAD_RATE ? run->rate_per_s : 0,
                          .replicas = c->deployment.replicas };
    hg_prefill_pool pool;
    hg_step_oracle prompts;
    if (c->prefill) {
        prompts = hg_step_oracle_new(arena, &c->prefill->step, &c->prefill->deployment, c->prefill->memo);
        prompts.slower = p->slower;
        pool = hg_prefill_pool_of(p, c->prefill, prefill ? *prefill : (hg_oracle){ hg_step_oracle_seconds, &prompts });
        config.prefill = &pool;
        config.scheduler = "receive";
    }
    hg_sim_run(arena, &w, &config, &out->sim);
    if (run->steady && run->load == HG_LOAD_RATE)
        take_offered(&w, run->rate_per_s, &out->sim);
    double devices = (double)hg_candidate_devices(c);
    out->tokens_per_s_per_device = out->sim.output_tokens_per_s / devices;
    bool median = p->client && p->client->user == HG_USER_MEDIAN;
    out->tokens_per_s_per_user = 1 / (median ? out->sim.latency[HG_TPOT].p50 : out->sim.latency[HG_TPOT].mean);
    out->goodput_per_device = out->sim.good_per_s / devices;
    out->energy_j = energy(p, c, &out->sim);
    out->cost_usd = p->price_usd_per_s * devices * out->sim.window_s;
    clock_gettime(CLOCK_MONOTONIC, &end);
    out->simulated_in_s = (double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec);
}

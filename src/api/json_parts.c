#include "api/plan.h"

static void summary(hg_json *j, const char *key, const hg_summary *s)
{
    hg_json_key(j, key);
    hg_json_open(j, '{');
    hg_json_key_num(j, "mean", s->mean);
    hg_json_key_num(j, "p50", s->p50);
    hg_json_key_num(j, "p90", s->p90);
    hg_json_key_num(j, "p95", s->p95);
    hg_json_key_num(j, "p99", s->p99);
    hg_json_close(j, '}');
}

static void counts(hg_json *j, const hg_metrics *m)
{
    const hg_sim_result *r = &m->sim;
    hg_json_key(j, "requests");
    hg_json_open(j, '{');
    hg_json_key_int(j, "completed", (int64_t)r->completed);
    hg_json_key_int(j, "rejected", (int64_t)r->rejected);
    hg_json_close(j, '}');
    hg_json_key_num(j, "duration_s", r->window_s);
    if (m->rate_per_s > 0)
        hg_json_key_num(j, "rate_per_s", m->rate_per_s);
    hg_json_key(j, "throughput");
    hg_json_open(j, '{');
    hg_json_key_num(j, "requests_per_s", r->requests_per_s);
    hg_json_key_num(j, "output_tokens_per_s", r->output_tokens_per_s);
    hg_json_key_num(j, "total_tokens_per_s", r->total_tokens_per_s);
    hg_json_key_num(j, "output_tokens_per_s_per_gpu", m->tokens_per_s_per_device);
    hg_json_close(j, '}');
}

/* The fields of `heng simulate --json`, inside an object the caller opened. */
void hg_json_metrics(hg_json *j, const hg_metrics *m, const char *origin)
{
    static const char *const names[HG_METRICS] = { [HG_TTFT] = "ttft_s", [HG_TPOT] = "tpot_s", [HG_ITL] = "itl_s",
                                                   [HG_E2E] = "e2e_s", [HG_QUEUE] = "queue_s" };
    const hg_sim_result *r = &m->sim;
    counts(j, m);
    for (int k = 0; k < HG_METRICS; k++)
        summary(j, names[k], &r->latency[k]);
    hg_json_key(j, "goodput");
    hg_json_open(j, '{');
    hg_json_key_num(j, "requests_per_s", r->good_per_s);
    hg_json_key_num(j, "attained_frac", r->attained_frac);
    hg_json_close(j, '}');
    hg_json_key(j, "kv");
    hg_json_open(j, '{');
    hg_json_key_num(j, "peak_frac", r->kv_peak_frac);
    hg_json_key_int(j, "preemptions", r->preemptions);
    hg_json_key_num(j, "prefix_hit_frac", r->prefix_hit_frac);
    hg_json_close(j, '}');
    hg_json_key_int(j, "steps", r->steps);
    hg_json_key_num(j, "mean_batch", r->mean_batch);
    if (r->tokens_per_step > 0)
        hg_json_key_num(j, "tokens_per_step", r->tokens_per_step);
    if (m->slo_given)
        hg_json_key_bool(j, "slo_kept", r->slo_kept);
    else
        hg_json_key_str(j, "slo_kept", NULL);
    hg_json_key_bool(j, "saturated", r->end == HG_END_SATURATED);
    hg_json_key_num(j, "energy_j", m->energy_j);
    if (m->cost_usd > 0)
        hg_json_key_num(j, "cost_usd", m->cost_usd);
    else
        hg_json_key_str(j, "cost_usd", NULL);
    if (origin)
        hg_json_key_str(j, "origin", origin);
    hg_json_key_num(j, "simulated_in_s", m->simulated_in_s);
}

static void json_pool(hg_json *j, const char *name, const hg_deployment *d)
{
    hg_json_key(j, name);
    hg_json_open(j, '{');
    hg_json_deployment(j, d);
    hg_json_close(j, '}');
}

void hg_json_pools(hg_json *j, const hg_deployment *d, const hg_deployment *prefill)
{
    if (!prefill || !prefill->replicas) {
        hg_json_deployment(j, d);
        return;
    }
    hg_json_key_int(j, "gpus", hg_deployment_devices(d) + hg_deployment_devices(prefill));
    json_pool(j, "prefill", prefill);
    json_pool(j, "decode", d);
}

void hg_json_candidate(hg_json *j, const hg_candidate *c)
{
    hg_json_pools(j, &c->deployment, c->prefill ? &c->prefill->deployment : NULL);
}

void hg_json_deployment(hg_json *j, const hg_deployment *d)
{
    hg_json_key_int(j, "tp", d->tp);
    hg_json_key_int(j, "pp", d->pp);
    hg_json_key_int(j, "dp", d->dp);
    hg_json_key_int(j, "ep", d->ep);
    hg_json_key_int(j, "replicas", d->replicas);
    hg_json_key_int(j, "gpus", hg_deployment_devices(d));
    hg_json_key_str(j, "precision", d->precision_is_checkpoints ? "checkpoint" : hg_dtype_table[d->precision].name);
    hg_json_key_str(j, "kv_dtype", hg_dtype_table[d->kv_dtype].name);
    hg_json_key_int(j, "max_num_seqs", d->max_num_seqs);
    hg_json_key_int(j, "max_num_batched_tokens", d->max_num_batched_tokens);
    hg_json_key_int(j, "max_model_len", d->max_model_len);
    hg_json_key_num(j, "gpu_memory_utilization", d->gpu_memory_utilization);
    hg_json_key_int(j, "block_size", d->block_tokens);
    hg_json_key_bool(j, "enable_prefix_caching", d->prefix_caching);
    hg_json_key_bool(j, "enable_chunked_prefill", d->chunked_prefill);
    hg_json_key_str(j, "speculative", d->draft_tokens > 0 ? hg_draft_table[d->draft].word : "off");
    if (d->draft_tokens > 0) {
        hg_json_key_int(j, "num_speculative_tokens", (int64_t)d->draft_tokens);
        hg_json_key_num(j, "accepted_tokens", d->accepted_tokens);
        if (d->draft_name)
            hg_json_key_str(j, "draft_model", d->draft_name);
    }
}

#include "explain/change.h"

#include <stdio.h>

static bool change_faster_memory(hg_problem *q, hg_deployment *d, double *shown)
{
    (void)d, (void)shown;
    q->rates.device.memory_bytes_per_s *= 1.5;
    return true;
}

static bool change_more_memory(hg_problem *q, hg_deployment *d, double *shown)
{
    (void)d, (void)shown;
    q->rates.device.memory_bytes *= 1.5;
    q->rates.device.usable_memory_bytes *= 1.5;
    return true;
}

static bool change_faster_tensor(hg_problem *q, hg_deployment *d, double *shown)
{
    (void)d, (void)shown;
    for (int t = 0; t < HG_DTYPES; t++)
        q->rates.device.tensor_flops_per_s[t] *= 1.5;
    return true;
}

static bool change_faster_link(hg_problem *q, hg_deployment *d, double *shown)
{
    (void)shown;
    q->rates.device.node_bytes_per_s *= 2;
    q->rates.device.net_bytes_per_s *= 2;
    return d->tp * d->pp * d->dp > 1;
}

/* The engine's own kernels, which the ratios tell from the tables', stay. */
static bool change_no_host(hg_problem *q, hg_deployment *d, double *shown)
{
    (void)d, (void)shown;
    hg_overheads *o = &q->engine.overheads;
    bool any = o->step_s > 0 || o->layer_s > 0;
    for (int i = 0; i < HG_OVERHEAD_TERMS; i++)
        if (!hg_overhead_terms[i].ratio)
            *hg_overhead(o, i) = 0;
    return any;
}

static bool change_more_seqs(hg_problem *q, hg_deployment *d, double *shown)
{
    (void)q;
    d->max_num_seqs *= 2;
    *shown = (double)d->max_num_seqs;
    return d->max_num_seqs <= d->max_num_batched_tokens;
}

static bool change_fewer_seqs(hg_problem *q, hg_deployment *d, double *shown)
{
    (void)q;
    *shown = (double)(d->max_num_seqs /= 2);
    return d->max_num_seqs > 0;
}

static bool change_more_tokens(hg_problem *q, hg_deployment *d, double *shown)
{
    (void)q;
    *shown = (double)(d->max_num_batched_tokens *= 2);
    return true;
}

static bool change_fewer_tokens(hg_problem *q, hg_deployment *d, double *shown)
{
    (void)q;
    *shown = (double)(d->max_num_batched_tokens /= 2);
    return d->max_num_batched_tokens >= d->max_num_seqs;
}

static bool change_fp8_kv(hg_problem *q, hg_deployment *d, double *shown)
{
    (void)shown;
    bool changes = d->kv_dtype == HG_BF16 && q->rates.device.tensor_flops_per_s[HG_FP8] > 0;
    d->kv_dtype = HG_FP8;
    d->kv_is_auto = false;
    return changes;
}

static double weight_bytes(const hg_model *m, hg_dtype dense, hg_dtype experts)
{
    double sum = 0;
    for (int64_t i = 0; i < m->layer_kinds; i++) {
        const hg_layer *l = &m->layers[i];
        sum += (double)l->count * (hg_layer_expert_weights(m, l) * hg_dtype_table[experts].weight_bytes +
                                   (hg_layer_attention_weights(m, l) + hg_layer_dense_ffn_weights(m, l)) *
                                       hg_dtype_table[dense].weight_bytes);
    }
    return sum;
}

/* Only where it shrinks the weights: the experts of many checkpoints are in four bits already. */
static bool change_fp8_weights(hg_problem *q, hg_deployment *d, double *shown)
{
    (void)shown;
    const hg_precision *own = &q->model.precision;
    bool changes = d->precision_is_checkpoints && q->rates.device.tensor_flops_per_s[HG_FP8] > 0 &&
                   weight_bytes(&q->model, HG_FP8, HG_FP8) < 0.9 * weight_bytes(&q->model, own->mlp, own->experts);
    d->precision = HG_FP8;
    d->precision_is_checkpoints = false;
    return changes;
}

/* Traffic without hashes shares no prefixes that anybody knows of. */
static bool change_prefix_on(hg_problem *q, hg_deployment *d, double *shown)
{
    (void)shown;
    bool changes = !d->prefix_caching && q->workload.hash_block_tokens > 0;
    d->prefix_caching = true;
    return changes;
}

static bool change_prefix_off(hg_problem *q, hg_deployment *d, double *shown)
{
    (void)shown;
    bool changes = d->prefix_caching && q->workload.hash_block_tokens > 0;
    d->prefix_caching = false;
    return changes;
}

static bool change_more_replicas(hg_problem *q, hg_deployment *d, double *shown)
{
    (void)q;
    *shown = (double)++d->replicas;
    return true;
}

/* Experts that lie over all ranks would have to move with them: two changes at once. */
static bool whole_experts(const hg_deployment *d)
{
    return d->ep > 1;
}

static bool change_more_tp(hg_problem *q, hg_deployment *d, double *shown)
{
    (void)q;
    *shown = (double)(d->tp *= 2);
    return !whole_experts(d);
}

static bool change_less_tp(hg_problem *q, hg_deployment *d, double *shown)
{
    (void)q;
    *shown = (double)(d->tp /= 2);
    return d->tp > 0 && !whole_experts(d);
}

static bool change_more_pp(hg_problem *q, hg_deployment *d, double *shown)
{
    (void)q;
    *shown = (double)(d->pp *= 2);
    return true;
}

static bool change_less_pp(hg_problem *q, hg_deployment *d, double *shown)
{
    (void)q;
    *shown = (double)(d->pp /= 2);
    return d->pp > 0;
}

static bool change_more_ep(hg_problem *q, hg_deployment *d, double *shown)
{
    bool experts = false;
    for (int64_t i = 0; i < q->model.layer_kinds; i++)
        experts |= q->model.layers[i].ffn == HG_FFN_MOE;
    bool changes = experts && d->ep == 1 && d->tp * d->dp > 1;
    *shown = (double)(d->ep = d->tp * d->dp);
    return changes;
}

const hg_change hg_changes[] = {
#define CHANGE(name, planned) { #name, HG_TEXT_##name, planned, change_##name },
#include "explain/changes.def"
#undef CHANGE
};
const int hg_change_count = sizeof hg_changes / sizeof *hg_changes;
_Static_assert(sizeof hg_changes / sizeof *hg_changes <= HG_CHANGES_MOST, "raise HG_CHANGES_MOST");

const char *hg_change_text(hg_arena *arena, hg_lang lang, const hg_change *c, double value)
{
    char number[32];
    snprintf(number, sizeof number, "%.0f", value);
    return hg_say(arena, lang, c->text, number);
}

#include "api/plan.h"

#include <inttypes.h>
#include <string.h>

const char *hg_deployment_text(hg_arena *arena, const hg_deployment *d)
{
    hg_buf b = { .arena = arena };
    if (d->replicas > 1)
        hg_buf_printf(&b, "%" PRId64 " x ", d->replicas);
    hg_buf_printf(&b, "tp%" PRId64, d->tp);
    if (d->pp > 1)
        hg_buf_printf(&b, " pp%" PRId64, d->pp);
    if (d->dp > 1)
        hg_buf_printf(&b, " dp%" PRId64, d->dp);
    if (d->ep > 1)
        hg_buf_printf(&b, " ep%" PRId64, d->ep);
    if (!d->precision_is_checkpoints)
        hg_buf_printf(&b, " %s", hg_dtype_table[d->precision].name);
    if (!d->kv_is_auto || d->kv_dtype != HG_BF16)
        hg_buf_printf(&b, " kv-%s", hg_dtype_table[d->kv_dtype].name);
    hg_buf_printf(&b, ", %" PRId64 " seqs, %" PRId64 " tokens", d->max_num_seqs, d->max_num_batched_tokens);
    return b.s;
}

const char *hg_candidate_text(hg_arena *arena, const hg_candidate *c)
{
    const char *own = hg_deployment_text(arena, &c->deployment);
    return c->prefill ? hg_textf(arena, "prefill %s; decode %s", hg_deployment_text(arena, &c->prefill->deployment), own) : own;
}

bool hg_changes_outputs(const hg_deployment *d)
{
    return !d->precision_is_checkpoints || !d->kv_is_auto;
}

static bool is_16_bit(const hg_precision *p)
{
    return p->attention == HG_BF16 && p->o_proj == HG_BF16 && p->mlp == HG_BF16 && p->experts == HG_BF16;
}

static const char *checkpoint_wanted(hg_arena *arena, const hg_model *m, hg_dtype dtype)
{
    const char *name = hg_dtype_table[dtype].name;
    return hg_textf(arena, "%s %s checkpoint of %s", strchr("aefimn", *name) ? "an" : "a", name, m->id);
}

/* Priced and launched are one thing: what the published checkpoint is not in, and the engine cannot make
 * of it while it loads, must be named by the user. */
static void take_checkpoint(hg_arena *arena, const hg_model *m, const hg_deployment *d, hg_launch *l)
{
    hg_model priced = *m;
    if (!m->id) {
        l->checkpoint = l->model_word;
        return;
    }
    if (!d->precision_is_checkpoints)
        hg_model_set_precision(&priced, d->precision);
    l->checkpoint = d->precision_is_checkpoints                             ? m->checkpoint
                    : hg_precision_equal(&priced.precision, &m->published) ? m->id
                                                                            : NULL;
    if (l->checkpoint)
        return;
    l->quantize_fp8 = !d->precision_is_checkpoints && d->precision == HG_FP8 && is_16_bit(&m->published);
    if (l->quantize_fp8)
        l->checkpoint = m->id;
    else
        l->wanted = checkpoint_wanted(arena, m, d->precision_is_checkpoints ? m->precision.mlp : d->precision);
}

hg_launch hg_plan_launch(hg_arena *arena, const hg_plan *p, const hg_point *at, const char *model_word)
{
    double isl = 0, osl = 0;
    const hg_workload *w = &p->problem->workload;
    for (size_t i = 0; i < w->count; i++) {
        isl += w->requests[i].isl;
        osl += w->requests[i].osl;
    }
    hg_launch l = {
        .model = &p->problem->model, .model_word = model_word, .deployment = &at->deployment,
        .engine = &p->problem->engine, .device = &p->problem->rates.device, .slo = &p->problem->slo,
        .mean_isl = w->count ? isl / (double)w->count : 0, .mean_osl = w->count ? osl / (double)w->count : 0,
        .rate_per_s = at->metrics.rate_per_s,
        .why = hg_textf(arena, "%s on %lld x %s: %s", model_word,
                        (long long)hg_deployment_devices(&at->deployment), p->problem->rates.device.name,
                        hg_deployment_text(arena, &at->deployment)),
    };
    take_checkpoint(arena, &p->problem->model, &at->deployment, &l);
    return l;
}

#include "api/plan.h"

#include <inttypes.h>

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

hg_launch hg_plan_launch(hg_arena *arena, const hg_plan *p, const hg_point *at, const char *model_word)
{
    double isl = 0, osl = 0;
    const hg_workload *w = &p->problem->workload;
    for (size_t i = 0; i < w->count; i++) {
        isl += w->requests[i].isl;
        osl += w->requests[i].osl;
    }
    return (hg_launch){
        .model = &p->problem->model, .model_word = model_word, .deployment = &at->deployment,
        .engine = &p->problem->engine, .device = &p->problem->rates.device, .slo = &p->problem->slo,
        .mean_isl = isl / (double)w->count, .mean_osl = osl / (double)w->count,
        .rate_per_s = at->metrics.rate_per_s,
        .why = hg_textf(arena, "%s on %lld x %s: %s", model_word,
                        (long long)hg_deployment_devices(&at->deployment), p->problem->rates.device.name,
                        hg_deployment_text(arena, &at->deployment)),
    };
}

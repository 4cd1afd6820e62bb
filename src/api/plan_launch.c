#include "api/plan.h"

#include <inttypes.h>
#include <stdio.h>
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
    if (d->draft_tokens > 0)
        hg_buf_printf(&b, " %s-%.0f", hg_draft_table[d->draft].word, d->draft_tokens);
    hg_buf_printf(&b, ", %" PRId64 " seqs, %" PRId64 " tokens", d->max_num_seqs, d->max_num_batched_tokens);
    return b.s;
}

const char *hg_pools_text(hg_arena *arena, const hg_deployment *d, const hg_deployment *prefill)
{
    const char *own = hg_deployment_text(arena, d);
    return prefill && prefill->replicas ? hg_textf(arena, "prefill %s; decode %s", hg_deployment_text(arena, prefill), own) : own;
}

const char *hg_candidate_text(hg_arena *arena, const hg_candidate *c)
{
    return hg_pools_text(arena, &c->deployment, c->prefill ? &c->prefill->deployment : NULL);
}

const char *hg_point_text(hg_arena *arena, const hg_point *p)
{
    return hg_pools_text(arena, &p->deployment, &p->prefill);
}

int64_t hg_point_devices(const hg_point *p)
{
    return hg_deployment_devices(&p->deployment) + hg_deployment_devices(&p->prefill);
}

static void make_ready(hg_arena *arena, const hg_problem *p, const hg_deployment *d, hg_candidate *out)
{
    hg_candidate_make(p, d, out);
    if (out->fit == HG_FITS)
        out->memo = hg_step_memo_new(arena, d->max_num_batched_tokens, (int64_t)((double)d->max_num_seqs * (1 + d->draft_tokens)));
}

void hg_point_candidate(hg_arena *arena, const hg_problem *p, const hg_point *at, hg_candidate *out)
{
    make_ready(arena, p, &at->deployment, out);
    if (!at->prefill.replicas || out->fit != HG_FITS)
        return;
    hg_candidate *prefill = HG_NEW(arena, hg_candidate, 1);
    make_ready(arena, p, &at->prefill, prefill);
    if (prefill->fit != HG_FITS) {
        out->fit = prefill->fit;
        snprintf(out->reason, sizeof out->reason, "the prefill pool: %.230s", prefill->reason);
    }
    out->prefill = prefill;
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

bool hg_ask_knobs(hg_ask *a, const hg_problem *p, const hg_engine_knobs **out)
{
    hg_engine_knobs *knobs = HG_NEW(a->arena, hg_engine_knobs, 1);
    const char *note = NULL;
    if (!hg_emitter_find(p->engine.name))
        return hg_fail(&a->err, HG_INPUT, "--engine", "'%.40s' has no files heng can write; ask 'heng simulate' how it would do",
                       p->engine.name);
    if (!hg_knobs_open(a->arena, &a->data, p->engine.name, a->s.engine_version.s, knobs, &note, &a->err))
        return false;
    hg_note(a, note);
    *out = knobs;
    return true;
}

bool hg_ask_k8s(hg_ask *a, const char **out)
{
    *out = a->s.k8s.s;
    for (int i = 0; *out && hg_k8s_kinds[i]; i++)
        if (strcmp(*out, hg_k8s_kinds[i]) == 0)
            return true;
    return !*out || hg_fail(&a->err, HG_INPUT, a->s.k8s.where, "is '%.40s'; one of deployment, lws, dynamo, llm-d", *out);
}

/* Data-parallel ranks of a dense model share nothing: they are replicas, whatever the engine calls them. */
static const hg_deployment *launched(hg_arena *arena, const hg_problem *p, const hg_deployment *d)
{
    if (d->dp == 1 || hg_model_has_experts(&p->model))
        return d;
    hg_deployment *out = HG_NEW(arena, hg_deployment, 1);
    *out = *d;
    out->replicas *= d->dp;
    out->dp = 1;
    return out;
}

static const hg_memory *ledger(hg_arena *arena, const hg_problem *p, const hg_deployment *d)
{
    hg_memory *out = HG_NEW(arena, hg_memory, 1);
    hg_model model = p->model;
    if (!d->precision_is_checkpoints)
        hg_model_set_precision(&model, d->precision);
    *out = hg_memory_ledger(&model, d, &p->engine, &p->rates.device);
    return out;
}

/* llama.cpp loads GGUF files, which are nobody's published checkpoint here. */
static void take_gguf(hg_arena *arena, const hg_plan *p, const char *model_word, hg_launch *l)
{
    if (strcmp(p->problem->engine.name, "llamacpp") != 0 || hg_ends(model_word, ".gguf"))
        return;
    const hg_deployment *d = l->deployment;
    hg_dtype dtype = d->precision_is_checkpoints ? p->problem->model.precision.mlp : d->precision;
    l->checkpoint = NULL;
    l->quantize_fp8 = false;
    l->wanted = hg_textf(arena, "a GGUF file of %s in %s or its like", p->problem->model.name, hg_dtype_table[dtype].name);
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
        .model = &p->problem->model, .model_word = model_word,
        .deployment = launched(arena, p->problem, &at->deployment), .memory = ledger(arena, p->problem, &at->deployment),
        .engine = &p->problem->engine, .knobs = p->knobs, .k8s = p->k8s, .device = &p->problem->rates.device, .slo = &p->problem->slo,
        .mean_isl = w->count ? isl / (double)w->count : 0, .mean_osl = w->count ? osl / (double)w->count : 0,
        .rate_per_s = at->metrics.rate_per_s,
        .why = hg_textf(arena, "%s on %lld x %s: %s", model_word,
                        (long long)hg_point_devices(at), p->problem->rates.device.name, hg_point_text(arena, at)),
    };
    take_checkpoint(arena, &p->problem->model, &at->deployment, &l);
    take_gguf(arena, p, model_word, &l);
    if (at->prefill.replicas)
        hg_plan_launch_prefill(arena, p, &at->prefill, &l);
    return l;
}

void hg_plan_launch_prefill(hg_arena *arena, const hg_plan *p, const hg_deployment *prefill, hg_launch *l)
{
    l->prefill = launched(arena, p->problem, prefill);
    l->prefill_memory = ledger(arena, p->problem, prefill);
    l->why = hg_textf(arena, "%s on %lld x %s: prefill %s; decode %s", l->model_word,
                      (long long)(hg_deployment_devices(prefill) + hg_deployment_devices(l->deployment)),
                      l->device->name, hg_deployment_text(arena, l->prefill),
                      hg_deployment_text(arena, l->deployment));
}

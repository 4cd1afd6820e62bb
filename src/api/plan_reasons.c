#include "api/plan_detail.h"
#include "api/plan_run.h"

#include "base/units.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* A reason is "flag: why", so that readers find the flag. */
static void reason(hg_plan *out, const char *text)
{
    if (out->reason_count < HG_REASONS)
        out->reasons[out->reason_count++] = text;
}

static bool pinned(const hg_ints_word *w)
{
    return w->n == 1;
}

/* "as you asked; ", before more; NULL: nothing. */
static const char *first_of(hg_arena *arena, const hg_plan *p, const char *why)
{
    return why ? hg_textf(arena, "%s%s", why, hg_text_form(p->lang, HG_TEXT_list_semicolon)) : "";
}

static const char *form(const hg_plan *p, hg_text text)
{
    return hg_text_form(p->lang, text);
}

/* Who chose a limit: the user, the engine, or (NULL) the search. */
static const char *chosen_by(const hg_plan *p, bool asked, bool is_default)
{
    return asked ? form(p, HG_TEXT_why_as_asked) : is_default ? form(p, HG_TEXT_why_default) : NULL;
}

static const char *percent(hg_arena *arena, double frac)
{
    return hg_textf(arena, "%.0f%%", 100 * frac);
}

static const char *gib(hg_arena *arena, double bytes)
{
    return hg_textf(arena, "%.1f GiB", bytes / 0x1p30);
}

/* "--max-num-seqs 256": the flag, key or variable as the engine calls it, with what it is told; NULL: it is told nothing. */
static const char *told_if(hg_arena *arena, const hg_plan *p, hg_pool_role role, const char *word)
{
    hg_launch l = hg_plan_launch(arena, p, &p->top[0], p->problem->model.name);
    if (l.prefill)
        l = hg_launch_side(&l, role);
    hg_settings s = hg_emit_settings(arena, hg_emitter_find(p->problem->engine.name), &l, 1);
    const char *flag = hg_setting_told(&s, word);
    return flag && l.prefill ? hg_textf(arena, "%s %s", hg_pool_name(p->lang, role), flag) : flag;
}

static const char *told_of(hg_arena *arena, const hg_plan *p, hg_pool_role role, const char *word)
{
    const char *as = told_if(arena, p, role, word);
    return as ? as : word;
}

/* Of two pools the one that makes the tokens. */
static const char *told(hg_arena *arena, const hg_plan *p, const char *word)
{
    return told_of(arena, p, HG_POOL_DECODE, word);
}

/* What bounds a step's prompt tokens: some engines have other flags for whole prompts, or for pieces of them. */
static const char *told_tokens(hg_arena *arena, const hg_plan *p)
{
    const char *own = told_if(arena, p, HG_POOL_DECODE, p->top[0].deployment.chunked_prefill ? "chunk_tokens" : "whole_prompt_tokens");
    return own ? own : told(arena, p, "max_num_batched_tokens");
}

static void say_shape(hg_arena *arena, const hg_scenario *q, hg_plan *out)
{
    const hg_deployment *d = &out->top[0].deployment;
    const hg_memory *m = &out->memory;
    bool asked = pinned(&q->tp) || q->decode.s, replicas = pinned(&q->replicas) || q->decode.s;
    const char *why = asked && replicas ? form(out, HG_TEXT_why_as_asked)
                      : asked           ? form(out, HG_TEXT_why_tp_asked)
                      : replicas        ? form(out, HG_TEXT_why_replicas_asked)
                                        : NULL;
    bool chose = out->found && (!asked || (!replicas && out->top_count > 1));
    const char *count = hg_say(arena, out->lang, d->replicas > 1 ? HG_TEXT_why_replicas : HG_TEXT_why_replica,
                               hg_textf(arena, "%" PRId64, d->replicas));
    reason(out, hg_say(arena, out->lang, HG_TEXT_why_shape, told(arena, out, "tp"), count, first_of(arena, out, why),
                       gib(arena, m->weight_bytes), gib(arena, m->kv_bytes),
                       hg_textf(arena, "%.0f", (double)m->kv_blocks * (double)d->block_tokens / 1e3),
                       !chose ? "" : form(out, out->fewest ? HG_TEXT_why_fewest : HG_TEXT_why_best)));
    if (d->pp > 1)
        reason(out, hg_say(arena, out->lang, HG_TEXT_why_pp, told(arena, out, "pp"),
                           first_of(arena, out, pinned(&q->pp) ? form(out, HG_TEXT_why_as_asked) : NULL)));
}

static void say_precision(hg_arena *arena, const hg_scenario *q, hg_plan *out)
{
    hg_launch l = hg_plan_launch(arena, out, &out->top[0], out->problem->model.name);
    bool asked = q->precision.s && strcmp(q->precision.s, "any") != 0;
    if (l.wanted)
        reason(out, hg_say(arena, out->lang, HG_TEXT_why_model, l.wanted, out->problem->model.id));
    else if (l.quantize_fp8)
        reason(out, hg_say(arena, out->lang, HG_TEXT_why_quantize,
                           form(out, asked ? HG_TEXT_why_as_asked : HG_TEXT_why_precision_any)));
}

/* Above half of the limit on average, a step is often full. */
static void say_limits(hg_arena *arena, const hg_scenario *q, hg_plan *out)
{
    const hg_deployment *d = &out->top[0].deployment;
    const hg_sim_result *r = &out->top[0].metrics.sim;
    const hg_engine_default *own = hg_engine_default_for(&out->problem->engine, &out->problem->rates.device);
    double per_engine = (double)(d->replicas * d->dp);
    bool often = 2 * r->mean_batch > (double)d->max_num_seqs;
    const char *seqs = chosen_by(out, pinned(&q->max_num_seqs), d->max_num_seqs == own->max_num_seqs);
    const char *tokens = chosen_by(out, pinned(&q->max_num_batched_tokens), d->max_num_batched_tokens == own->max_num_batched_tokens);
    reason(out, hg_say(arena, out->lang, HG_TEXT_why_seqs, told(arena, out, "max_num_seqs"), first_of(arena, out, seqs),
                       hg_textf(arena, "%.3g", r->mean_batch), form(out, often ? HG_TEXT_why_seqs_often : HG_TEXT_why_seqs_seldom),
                       percent(arena, r->kv_peak_frac)));
    if (out->top[0].prefill.replicas) {
        reason(out, hg_say(arena, out->lang, HG_TEXT_why_decode_tokens, told(arena, out, "max_num_batched_tokens"), first_of(arena, out, tokens)));
        return;
    }
    reason(out, hg_say(arena, out->lang, HG_TEXT_why_tokens, told_tokens(arena, out),
                       first_of(arena, out, tokens), hg_textf(arena, "%.2f", (double)r->steps / fmax(r->duration_s, 1e-9) / per_engine)));
}

static void say_room(hg_arena *arena, const hg_scenario *q, hg_plan *out)
{
    static const hg_text of[] = { [HG_OF_TOTAL] = HG_TEXT_why_of_total, [HG_OF_STATIC] = HG_TEXT_why_of_static,
                                  [HG_OF_FREE] = HG_TEXT_why_of_free };
    const hg_deployment *d = &out->top[0].deployment;
    hg_text length = pinned(&q->max_model_len)                            ? HG_TEXT_why_as_asked
                     : d->max_model_len == out->problem->model.max_tokens ? HG_TEXT_why_length_model
                                                                          : HG_TEXT_why_length_longest;
    reason(out, hg_say(arena, out->lang, HG_TEXT_why_length, told(arena, out, "max_model_len"), form(out, length)));
    reason(out, hg_say(arena, out->lang, HG_TEXT_why_fraction, told(arena, out, "gpu_memory_utilization"),
                       chosen_by(out, q->gpu_memory_utilization.given, true), form(out, of[out->knobs->fraction_of])));
    if (d->kv_is_auto)
        return;
    bool asked = q->kv_dtype.s && strcmp(q->kv_dtype.s, "any") != 0;
    bool less = hg_dtype_table[d->kv_dtype].weight_bytes < hg_dtype_table[out->problem->model.precision.kv].weight_bytes;
    reason(out, hg_say(arena, out->lang, HG_TEXT_why_kv, told(arena, out, "kv_dtype"),
                       form(out, asked ? HG_TEXT_why_as_asked : HG_TEXT_why_kv_any), less ? form(out, HG_TEXT_why_kv_less) : ""));
}

/* ---- the pool that computes prompts ---- */

/* How many engines, by how busy they are; one fewer would have to do the same work. */
static const char *why_count(hg_arena *arena, const hg_plan *out, double busy)
{
    int64_t n = out->top[0].prefill.replicas;
    if (n < 2)
        return hg_say(arena, out->lang, HG_TEXT_why_prefill_one, percent(arena, busy));
    return hg_say(arena, out->lang, HG_TEXT_why_prefill_count, percent(arena, busy), percent(arena, busy * (double)n / (double)(n - 1)));
}

static void say_prefill_shape(hg_arena *arena, const hg_scenario *q, hg_plan *out, const hg_account *a)
{
    const hg_deployment *d = &out->top[0].prefill;
    const hg_memory *m = &out->prefill_memory;
    const char *count = hg_say(arena, out->lang, d->replicas > 1 ? HG_TEXT_why_replicas : HG_TEXT_why_replica,
                               hg_textf(arena, "%" PRId64, d->replicas));
    reason(out, hg_say(arena, out->lang, HG_TEXT_why_prefill_shape, told_of(arena, out, HG_POOL_PREFILL, "tp"), count,
                       first_of(arena, out, q->prefill.s ? form(out, HG_TEXT_why_as_asked) : NULL), why_count(arena, out, hg_account_busy(a)),
                       gib(arena, m->weight_bytes), gib(arena, m->kv_bytes)));
    if (d->pp > 1)
        reason(out, hg_say(arena, out->lang, HG_TEXT_why_pp, told_of(arena, out, HG_POOL_PREFILL, "pp"),
                           first_of(arena, out, q->prefill.s ? form(out, HG_TEXT_why_as_asked) : NULL)));
}

/* A step that holds more computes more prompts at once, and the last of them waits for all. */
static void say_prefill_limits(hg_arena *arena, const hg_scenario *q, hg_plan *out, const hg_account *a)
{
    const hg_deployment *d = &out->top[0].prefill;
    const hg_engine_default *own = hg_engine_default_for(&out->problem->engine, &out->problem->rates.device);
    bool whole = !d->chunked_prefill && strcmp(out->problem->engine.name, "sglang") == 0, asked = pinned(&q->max_num_batched_tokens);
    double mean = a->steps > 0 ? a->prompt_tokens / a->steps : 0;
    const char *tokens = chosen_by(out, asked, d->max_num_batched_tokens == own->max_num_batched_tokens);
    reason(out, hg_say(arena, out->lang, HG_TEXT_why_prefill_tokens,
                       told_of(arena, out, HG_POOL_PREFILL, whole ? "whole_prompt_tokens" : "max_num_batched_tokens"), first_of(arena, out, tokens),
                       hg_textf(arena, "%.0f", mean), form(out, 2 * mean > (double)d->max_num_batched_tokens ? HG_TEXT_why_seqs_often : HG_TEXT_why_seqs_seldom)));
    const char *seqs = chosen_by(out, pinned(&q->max_num_seqs), d->max_num_seqs == own->max_num_seqs);
    reason(out, hg_say(arena, out->lang, HG_TEXT_why_prefill_seqs, told_of(arena, out, HG_POOL_PREFILL, "max_num_seqs"), first_of(arena, out, seqs)));
}

void hg_plan_reasons(hg_arena *arena, const hg_scenario *asked, hg_plan *out)
{
    if (out->top[0].prefill.replicas && out->detail) {
        say_prefill_shape(arena, asked, out, &out->detail->prefill_account);
        say_prefill_limits(arena, asked, out, &out->detail->prefill_account);
    }
    say_shape(arena, asked, out);
    say_precision(arena, asked, out);
    say_limits(arena, asked, out);
    say_room(arena, asked, out);
}

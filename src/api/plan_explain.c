#include "api/plan_run.h"

#include "base/num.h"
#include "base/pool.h"
#include "explain/explain.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- where the time goes ---- */

static const char *bound_name(int component)
{
    return component == HG_BY_HOST ? "host" : hg_component_names[component];
}

static void take_shares(const hg_account *a, hg_plan *out)
{
    double total = a->busy_s + a->idle_s;
    for (int i = 0; i < a->count && out->share_count < HG_SHARES - 1; i++)
        if (a->parts[i].seconds > 0)
            out->shares[out->share_count++] =
                (hg_share){ a->parts[i].name, a->parts[i].seconds / total, bound_name(hg_part_most(&a->parts[i])) };
    out->shares[out->share_count++] = (hg_share){ "idle", a->idle_s / total, "no requests" };
}

static void say_bottleneck(hg_arena *arena, const hg_account *a, hg_plan *out)
{
    double by[HG_BY_STEPS] = { 0 }, total = a->busy_s + a->idle_s;
    int most = 0;
    for (int c = 0; c < HG_BY_STEPS; c++) {
        for (int i = 0; i < a->count; i++)
            by[c] += hg_part_by(&a->parts[i], c);
        most = by[c] > by[most] ? c : most;
    }
    const char *what = bound_name(most);
    const hg_part *first = hg_part_first(a, most);
    out->bottleneck_name = what;
    out->bottleneck_share = by[most] / total;
    if (a->idle_s > by[most])
        out->bottleneck = hg_textf(arena, "The engines wait for requests %.0f%% of the time; when they work, "
                                   "%s binds (%.0f%% of all time, most of it in %s).",
                                   100 * a->idle_s / total, what, 100 * by[most] / total, first->name);
    else
        out->bottleneck = hg_textf(arena, "%s binds: %.0f%% of the engines' time, most of it in %s (%.0f%%); "
                                   "%.0f%% of the busy time is steps of decodes only.",
                                   what, 100 * by[most] / total, first->name, 100 * hg_part_by(first, most) / total,
                                   100 * a->decode_only_s / a->busy_s);
}

/* ---- what would change it: the evaluation again with one thing changed ---- */

/* What is no gain: less than a rate is known to. */
static const double NO_CHANGE = 0.02;

static int by_gain(const void *a, const void *b)
{
    const hg_what_if *x = a, *y = b;
    return x->gain_frac != y->gain_frac ? x->gain_frac < y->gain_frac ? 1 : -1 : strcmp(x->change, y->change);
}

static bool lists(const hg_knob *k, int64_t v)
{
    for (int i = 0; i < k->n; i++)
        if (k->v[i] == v)
            return k->n > 1;
    return false;
}

/* The search has looked at this already, and found it worse or hopeless. */
static bool searched(const hg_space *s, const hg_deployment *from, const hg_deployment *to)
{
    return (to->max_num_seqs != from->max_num_seqs && lists(&s->max_num_seqs, to->max_num_seqs)) ||
           (to->max_num_batched_tokens != from->max_num_batched_tokens &&
            lists(&s->max_num_batched_tokens, to->max_num_batched_tokens)) ||
           (!to->precision_is_checkpoints && from->precision_is_checkpoints && s->precision.n > 1) ||
           (to->kv_dtype != from->kv_dtype && s->kv_dtype.n > 1);
}

/* The gain in what the plan looks for: the objective, or under a given load GPUs, then answers. */
static void take_gain(const hg_plan *p, double score, const hg_metrics *m, hg_what_if *out)
{
    const hg_point *top = &p->top[0];
    out->metric = "objective";
    out->gain_frac = score / top->score - 1;
    if (p->load_given && m->replicas != top->deployment.replicas) {
        out->metric = "GPUs";
        out->gain_frac = score > 0 ? (double)top->deployment.replicas / (double)m->replicas - 1 : -1;
    } else if (p->load_given) {
        out->metric = "mean E2E";
        out->gain_frac = score > 0 ? top->metrics.sim.latency[HG_E2E].mean / m->sim.latency[HG_E2E].mean - 1 : -1;
    }
    if (fabs(out->gain_frac) < NO_CHANGE)
        out->gain_frac = 0;
}

static bool try_change(hg_arena scratch, const hg_goal *goal, const hg_space *space, const hg_plan *p,
                       const hg_change *c, hg_what_if *out)
{
    hg_problem *changed = HG_NEW(&scratch, hg_problem, 1);
    hg_candidate *candidate = HG_NEW(&scratch, hg_candidate, 1);
    hg_deployment d = p->top[0].deployment;
    *changed = *p->problem;
    if (!c->make(changed, &d, &out->value) || searched(space, &p->top[0].deployment, &d))
        return false;
    hg_candidate_make(changed, &d, candidate);
    if (candidate->fit != HG_FITS)
        return false;
    candidate->memo = hg_step_memo_new(&scratch, d.max_num_batched_tokens, d.max_num_seqs);
    hg_goal g = *goal;
    hg_metrics m = { 0 };
    g.problem = changed;
    double score = hg_goal_settled_near(&g, &scratch, candidate, &p->top[0].metrics, &m);
    take_gain(p, score, &m, out);
    out->cause = c;
    return !hg_problem_stopped(changed);
}

typedef struct asking {
    const hg_goal *goal;
    const hg_space *space;
    const hg_plan *plan;
    hg_what_if found[HG_CHANGES_MOST];
    bool ok[HG_CHANGES_MOST];
    hg_arena *arenas;          /* one a thread */
} asking;

static void ask_one(void *ctx, size_t i, int thread)
{
    asking *k = ctx;
    k->ok[i] = hg_changes[i].planned && !hg_problem_stopped(k->plan->problem) &&
               try_change(k->arenas[thread], k->goal, k->space, k->plan, &hg_changes[i], &k->found[i]);
}

static void ask_what_if(hg_ask *a, const hg_goal *goal, const hg_space *space, int threads, hg_plan *out)
{
    if (!out->found || hg_stopped(a))
        return;
    asking k = { .goal = goal, .space = space, .plan = out };
    hg_progress(a, 0.5, "asking what if");
    threads = threads > 0 ? threads : hg_processors();
    k.arenas = HG_NEW(a->arena, hg_arena, threads);
    for (int t = 0; t < threads; t++)
        hg_arena_open(&k.arenas[t], 0);
    hg_parallel((size_t)hg_change_count, threads, ask_one, &k);
    for (int t = 0; t < threads; t++)
        hg_arena_close(&k.arenas[t]);
    for (int i = 0; i < hg_change_count; i++)
        if (k.ok[i]) {
            hg_what_if *w = &out->what_ifs[out->what_if_count++];
            *w = k.found[i];
            w->change = hg_change_text(a->arena, HG_EN, w->cause, w->value);
        }
    qsort(out->what_ifs, out->what_if_count, sizeof *out->what_ifs, by_gain);
}

/* ---- why each flag ---- */

static void reason(hg_plan *out, const char *text)
{
    if (out->reason_count < HG_REASONS)
        out->reasons[out->reason_count++] = text;
}

static bool pinned(const hg_ints_word *w)
{
    return w->n == 1;
}

/* "--max-num-seqs 256": the flag as the engine calls it, with what it is told. */
static const char *told(hg_arena *arena, const hg_plan *p, const char *word)
{
    hg_launch l = hg_plan_launch(arena, p, &p->top[0], p->problem->model.name);
    hg_settings s = hg_emit_settings(arena, hg_emitter_find(p->problem->engine.name), &l, 1);
    const hg_setting *t = hg_setting_of_word(&s, word);
    return t ? hg_textf(arena, "%s %s", t->name, t->value) : word;
}

static void say_shape(hg_arena *arena, const hg_scenario *q, hg_plan *out)
{
    const hg_deployment *d = &out->top[0].deployment;
    const hg_memory *m = &out->memory;
    bool asked = pinned(&q->tp), replicas = pinned(&q->replicas);
    const char *why = asked && replicas ? "as you asked; "
                      : asked           ? "tp as you asked; "
                      : replicas        ? "replicas as you asked; "
                                        : "";
    bool chose = out->found && (!asked || (!replicas && out->top_count > 1));
    reason(out, hg_textf(arena, "%s, %" PRId64 " replica%s: %s%.1f GiB of weights a "
                         "device leave %.1f GiB for KV (%.0f thousand tokens)%s",
                         told(arena, out, "tp"), d->replicas, d->replicas > 1 ? "s" : "", why, m->weight_bytes / 0x1p30,
                         m->kv_bytes / 0x1p30, (double)m->kv_blocks * (double)d->block_tokens / 1e3,
                         !chose            ? ""
                         : out->load_given ? "; of the shapes tried it needs the fewest GPUs"
                                           : "; of the shapes tried it scores best"));
    hg_launch l = hg_plan_launch(arena, out, &out->top[0], out->problem->model.name);
    if (l.wanted)
        reason(out, hg_textf(arena, "$MODEL: %s, which the plan was priced in; %s is published in another precision "
                             "(changes outputs)", l.wanted, out->problem->model.id));
    else if (l.quantize_fp8)
        reason(out, hg_textf(arena, "--quantization fp8: %s, made of 16-bit weights while loading (changes outputs)",
                             q->precision.s && strcmp(q->precision.s, "any") != 0 ? "as you asked" : "the best of --precision any"));
    if (d->pp > 1)
        reason(out, hg_textf(arena, "%s: %sstages share the layers", told(arena, out, "pp"),
                             pinned(&q->pp) ? "as you asked; " : ""));
}

/* Above half of the limit on average, a step is often full. */
static void say_limits(hg_arena *arena, const hg_scenario *q, hg_plan *out)
{
    const hg_deployment *d = &out->top[0].deployment;
    const hg_sim_result *r = &out->top[0].metrics.sim;
    const hg_engine_default *own = hg_engine_default_for(&out->problem->engine, &out->problem->rates.device);
    double per_engine = (double)(d->replicas * d->dp);
    const char *seqs = pinned(&q->max_num_seqs)                  ? "as you asked; "
                       : d->max_num_seqs == own->max_num_seqs    ? "the engine's default; "
                                                                 : "";
    reason(out, hg_textf(arena, "%s: %s%.3g run in a step on average, %s (KV: peak %.0f%% used)",
                         told(arena, out, "max_num_seqs"), seqs, r->mean_batch,
                         2 * r->mean_batch > (double)d->max_num_seqs ? "so it often limits a step"
                                                                     : "so it seldom limits a step",
                         100 * r->kv_peak_frac));
    const char *tokens = pinned(&q->max_num_batched_tokens)                              ? "as you asked; "
                         : d->max_num_batched_tokens == own->max_num_batched_tokens ? "the engine's default; "
                                                                                      : "";
    /* SGLang's chunk is off; what bounds a step of whole prompts is another flag. */
    bool whole = !d->chunked_prefill && strcmp(out->problem->engine.name, "sglang") == 0;
    reason(out, hg_textf(arena, "%s: %sbounds how long one step of prompts holds "
                         "up running answers; at it %.2f steps a second run in an engine",
                         told(arena, out, whole ? "whole_prompt_tokens" : "max_num_batched_tokens"), tokens,
                         (double)r->steps / fmax(r->duration_s, 1e-9) / per_engine));
}

static void say_memory(hg_arena *arena, const hg_scenario *q, hg_plan *out)
{
    const hg_deployment *d = &out->top[0].deployment;
    const char *length = pinned(&q->max_model_len)                    ? "as you asked"
                         : d->max_model_len == out->problem->model.max_tokens ? "the model's limit"
                                                                      : "the workload's longest request and a margin of 10%";
    reason(out, hg_textf(arena, "%s: %s; one such request must have room in KV", told(arena, out, "max_model_len"), length));
    static const char *const of[] = { [HG_OF_TOTAL] = "of the device's total", [HG_OF_STATIC] = "of the total, for weights and KV only",
                                      [HG_OF_FREE] = "of what weights leave free" };
    reason(out, hg_textf(arena, "%s: %s; %s", told(arena, out, "gpu_memory_utilization"),
                         q->gpu_memory_utilization.given ? "as you asked" : "the engine's default", of[out->knobs->fraction_of]));
    if (d->kv_is_auto)
        return;
    const char *why = q->kv_dtype.s && strcmp(q->kv_dtype.s, "any") != 0 ? "as you asked" : "the best of --kv-dtype any";
    bool less = hg_dtype_table[d->kv_dtype].weight_bytes < hg_dtype_table[out->problem->model.precision.kv].weight_bytes;
    reason(out, hg_textf(arena, "%s: %s%s", told(arena, out, "kv_dtype"), why,
                         less ? "; half the KV bytes; changes outputs slightly, check your evaluation" : ""));
}

/* How the plan's own figures came about, once more and step by step. */
static hg_run run_of(const hg_goal *goal, const hg_plan *p)
{
    const hg_workload *w = &p->problem->workload;
    hg_run run = { .load = w->load == HG_LOAD_NONE ? HG_LOAD_RATE : w->load,
                   .rate_per_s = p->load_given ? w->rate_per_s : p->top[0].metrics.rate_per_s };
    run.steady = run.load == HG_LOAD_RATE;
    if (goal->objective == HG_LATENCY && !p->load_given)
        run = (hg_run){ .load = HG_LOAD_CLOSED, .requests = 64 };
    return run;
}

static void say_precision(hg_ask *a, const hg_goal *goal, const hg_candidate *c, hg_plan *out)
{
    if (!out->found || out->load_given || goal->objective == HG_LATENCY || hg_stopped(a))
        return;
    hg_rate_interval(a->arena, out->problem, c, out->top[0].metrics.rate_per_s, &out->rate_lo, &out->rate_hi);
    if (hg_stopped(a))
        out->rate_lo = out->rate_hi = 0;
}

void hg_plan_explain(hg_ask *a, const hg_goal *goal, const hg_space *space, hg_plan *out)
{
    if (out->top_count == 0)
        return;
    const hg_point *best = &out->top[0];
    hg_candidate *c = HG_NEW(a->arena, hg_candidate, 1);
    hg_account *account = HG_NEW(a->arena, hg_account, 1);
    hg_candidate_make(out->problem, &best->deployment, c);
    c->memo = hg_step_memo_new(a->arena, best->deployment.max_num_batched_tokens, best->deployment.max_num_seqs);
    hg_run run = run_of(goal, out);
    hg_arena scratch = *a->arena;
    hg_evaluate_account(&scratch, out->problem, c, &run, account);
    out->memory = c->memory;
    out->score_text = out->load_given ? NULL : hg_goal_text(a->arena, goal, best->score);
    out->origin = hg_strdup(a->arena, account->origin);
    take_shares(account, out);
    say_bottleneck(a->arena, account, out);
    say_shape(a->arena, &a->s, out);
    say_limits(a->arena, &a->s, out);
    say_memory(a->arena, &a->s, out);
    say_precision(a, goal, c, out);
    ask_what_if(a, goal, space, a->s.threads.n ? (int)a->s.threads.v[0] : 0, out);
}

#include "api/plan_run.h"

#include "base/num.h"
#include "eval/account.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- where the time goes ---- */

/* The component that bound most of an operator's time; HG_COMPONENTS: the host. */
static int binding(const hg_part *p)
{
    int best = 0;
    for (int c = 1; c < HG_COMPONENTS; c++)
        if (p->bound_s[c] > p->bound_s[best])
            best = c;
    return p->host ? HG_COMPONENTS : best;
}

static const char *bound_name(int component)
{
    return component == HG_COMPONENTS ? "host" : hg_component_names[component];
}

static void take_shares(const hg_account *a, hg_plan *out)
{
    double total = a->busy_s + a->idle_s;
    for (int i = 0; i < a->count && out->share_count < HG_SHARES - 1; i++)
        if (a->parts[i].seconds > 0)
            out->shares[out->share_count++] =
                (hg_share){ a->parts[i].name, a->parts[i].seconds / total, bound_name(binding(&a->parts[i])) };
    out->shares[out->share_count++] = (hg_share){ "idle", a->idle_s / total, "no requests" };
}

static void say_bottleneck(hg_arena *arena, const hg_account *a, hg_plan *out)
{
    double by[HG_COMPONENTS + 1] = { 0 }, total = a->busy_s + a->idle_s;
    for (int i = 0; i < a->count; i++)
        by[binding(&a->parts[i])] += a->parts[i].seconds;
    int most = 0;
    for (int c = 1; c <= HG_COMPONENTS; c++)
        if (by[c] > by[most])
            most = c;
    const char *what = bound_name(most);
    const hg_part *first = &a->parts[0];
    out->bottleneck_name = what;
    out->bottleneck_share = by[most] / total;
    if (a->idle_s > by[most])
        out->bottleneck = hg_textf(arena, "The engines wait for requests %.0f%% of the time; when they work, "
                                   "%s binds (%.0f%% of all time, most of it in %s).",
                                   100 * a->idle_s / total, what, 100 * by[most] / total, first->name);
    else
        out->bottleneck = hg_textf(arena, "%s binds: %.0f%% of the engines' time, most of it in %s (%.0f%%); "
                                   "%.0f%% of the busy time is steps of decodes only.",
                                   what, 100 * by[most] / total, first->name, 100 * first->seconds / total,
                                   100 * a->decode_only_s / a->busy_s);
}

/* ---- what would change it: the evaluation again with one thing changed ---- */

typedef struct change {
    const char *text;          /* with one %s for the new value of a knob, or none */
    bool (*make)(const hg_plan *p, hg_problem *problem, hg_deployment *d, double *shown);
} change;

static bool faster_memory(const hg_plan *p, hg_problem *q, hg_deployment *d, double *shown)
{
    (void)p, (void)d, (void)shown;
    q->rates.device.memory_bytes_per_s *= 1.5;
    return true;
}

static bool more_memory(const hg_plan *p, hg_problem *q, hg_deployment *d, double *shown)
{
    (void)p, (void)d, (void)shown;
    q->rates.device.memory_bytes *= 1.5;
    q->rates.device.usable_memory_bytes *= 1.5;
    return true;
}

static bool faster_tensor(const hg_plan *p, hg_problem *q, hg_deployment *d, double *shown)
{
    (void)p, (void)d, (void)shown;
    for (int t = 0; t < HG_DTYPES; t++)
        q->rates.device.tensor_flops_per_s[t] *= 1.5;
    return true;
}

static bool faster_link(const hg_plan *p, hg_problem *q, hg_deployment *d, double *shown)
{
    (void)p, (void)shown;
    q->rates.device.node_bytes_per_s *= 2;
    q->rates.device.net_bytes_per_s *= 2;
    return d->tp * d->pp * d->dp > 1;
}

static bool no_host(const hg_plan *p, hg_problem *q, hg_deployment *d, double *shown)
{
    (void)p, (void)d, (void)shown;
    bool any = q->engine.overheads.step_s > 0 || q->engine.overheads.layer_s > 0;
    q->engine.overheads = (hg_overheads){ 0 };
    return any;
}

static bool more_seqs(const hg_plan *p, hg_problem *q, hg_deployment *d, double *shown)
{
    (void)p, (void)q;
    d->max_num_seqs *= 2;
    *shown = (double)d->max_num_seqs;
    return d->max_num_seqs <= d->max_num_batched_tokens;
}

static bool more_tokens(const hg_plan *p, hg_problem *q, hg_deployment *d, double *shown)
{
    (void)p, (void)q;
    *shown = (double)(d->max_num_batched_tokens *= 2);
    return true;
}

static bool fewer_tokens(const hg_plan *p, hg_problem *q, hg_deployment *d, double *shown)
{
    (void)p, (void)q;
    *shown = (double)(d->max_num_batched_tokens /= 2);
    return d->max_num_batched_tokens >= d->max_num_seqs;
}

static bool fp8_kv(const hg_plan *p, hg_problem *q, hg_deployment *d, double *shown)
{
    (void)p, (void)shown;
    bool changes = d->kv_dtype == HG_BF16 && q->rates.device.tensor_flops_per_s[HG_FP8] > 0;
    d->kv_dtype = HG_FP8;
    return changes;
}

static bool fp8_weights(const hg_plan *p, hg_problem *q, hg_deployment *d, double *shown)
{
    (void)p, (void)shown;
    bool changes = d->precision_is_checkpoints && q->model.precision.mlp == HG_BF16 &&
                   q->rates.device.tensor_flops_per_s[HG_FP8] > 0;
    d->precision = HG_FP8;
    d->precision_is_checkpoints = false;
    return changes;
}

static const change changes[] = {
    { "50% more memory bandwidth", faster_memory },
    { "50% more tensor FLOP/s", faster_tensor },
    { "50% more memory", more_memory },
    { "a link twice as fast", faster_link },
    { "no host overhead", no_host },
    { "--max-num-seqs %.0f", more_seqs },
    { "--max-num-batched-tokens %.0f", more_tokens },
    { "--max-num-batched-tokens %.0f", fewer_tokens },
    { "--kv-cache-dtype fp8 (changes outputs)", fp8_kv },
    { "fp8 weights (changes outputs)", fp8_weights },
};

static int by_gain(const void *a, const void *b)
{
    const hg_what_if *x = a, *y = b;
    return x->gain_frac != y->gain_frac ? x->gain_frac < y->gain_frac ? 1 : -1 : strcmp(x->change, y->change);
}

static bool try_change(hg_arena *arena, const hg_goal *goal, const hg_plan *p, const change *c, hg_what_if *out)
{
    hg_arena scratch = *arena;
    hg_problem *changed = HG_NEW(&scratch, hg_problem, 1);
    hg_candidate *candidate = HG_NEW(&scratch, hg_candidate, 1);
    hg_deployment d = p->top[0].deployment;
    double shown = 0;
    *changed = *p->problem;
    if (!c->make(p, changed, &d, &shown))
        return false;
    hg_candidate_make(changed, &d, candidate);
    if (candidate->fit != HG_FITS)
        return false;
    hg_goal g = *goal;
    hg_metrics m;
    g.problem = changed;
    double score = hg_goal_score(&g, &scratch, candidate, 0, hg_bound_rate(changed, candidate), &m, NULL, NULL);
    out->gain_frac = score / p->top[0].score - 1;
    out->value = shown;
    out->form = c->text;
    return true;
}

static void ask_what_if(hg_ask *a, const hg_goal *goal, hg_plan *out)
{
    /* Under a given load the score counts devices: no single change shows there. */
    if (!out->found || out->load_given)
        return;
    for (size_t i = 0; i < sizeof changes / sizeof *changes && !hg_stopped(a); i++) {
        hg_what_if *w = &out->what_ifs[out->what_if_count];
        hg_progress(a, (double)i / (sizeof changes / sizeof *changes), "asking what if");
        if (!try_change(a->arena, goal, out, &changes[i], w))
            continue;
        char number[32];
        snprintf(number, sizeof number, "%.0f", w->value);
        const char *at = strstr(w->form, "%.0f");
        w->change = at ? hg_textf(a->arena, "%.*s%s%s", (int)(at - w->form), w->form, number, at + 4) : w->form;
        out->what_if_count++;
    }
    qsort(out->what_ifs, out->what_if_count, sizeof *out->what_ifs, by_gain);
}

/* ---- why each flag ---- */

static void reason(hg_plan *out, const char *text)
{
    if (out->reason_count < HG_REASONS)
        out->reasons[out->reason_count++] = text;
}

static void say_reasons(hg_arena *arena, hg_plan *out)
{
    const hg_deployment *d = &out->top[0].deployment;
    const hg_memory *m = &out->memory;
    const hg_sim_result *r = &out->top[0].metrics.sim;
    double per_engine = (double)(d->replicas * d->dp);
    reason(out, hg_textf(arena, "--tensor-parallel-size %" PRId64 ", %" PRId64 " replica%s: %.1f GiB of weights a "
                         "device leave %.1f GiB for KV (%.0f thousand tokens)%s",
                         d->tp, d->replicas, d->replicas > 1 ? "s" : "", m->weight_bytes / 0x1p30,
                         m->kv_bytes / 0x1p30, (double)m->kv_blocks * (double)d->block_tokens / 1e3,
                         out->found ? "; of the shapes tried it scores best" : ""));
    hg_launch l = hg_plan_launch(arena, out, &out->top[0], out->problem->model.name);
    if (l.wanted)
        reason(out, hg_textf(arena, "$MODEL: %s, which the plan was priced in; %s is published in another precision "
                             "(changes outputs)", l.wanted, out->problem->model.id));
    if (d->pp > 1)
        reason(out, hg_textf(arena, "--pipeline-parallel-size %" PRId64 ": stages share the layers", d->pp));
    reason(out, hg_textf(arena, "--max-num-seqs %" PRId64 ": %.3g run in a step on average; KV has room "
                         "for them (peak %.0f%% used)", d->max_num_seqs, r->mean_batch, 100 * r->kv_peak_frac));
    reason(out, hg_textf(arena, "--max-num-batched-tokens %" PRId64 ": bounds how long one step of prompts holds "
                         "up running answers; at it %.2f steps a second run in an engine",
                         d->max_num_batched_tokens, (double)r->steps / fmax(r->duration_s, 1e-9) / per_engine));
    reason(out, hg_textf(arena, "--max-model-len %" PRId64 ": the workload's longest request and a margin of 10%%; "
                         "one such request must have room in KV", d->max_model_len));
    reason(out, hg_textf(arena, "--gpu-memory-utilization %.3g: the engine's default; of the device's total",
                         d->gpu_memory_utilization));
    if (!d->kv_is_auto)
        reason(out, "--kv-cache-dtype fp8: half the KV bytes; changes outputs slightly, check your evaluation");
}

void hg_plan_explain(hg_ask *a, const hg_goal *goal, hg_plan *out)
{
    if (out->top_count == 0)
        return;
    const hg_point *best = &out->top[0];
    hg_candidate *c = HG_NEW(a->arena, hg_candidate, 1);
    hg_account *account = HG_NEW(a->arena, hg_account, 1);
    hg_candidate_make(out->problem, &best->deployment, c);
    const hg_workload *w = &out->problem->workload;
    hg_run run = { .load = w->load == HG_LOAD_NONE ? HG_LOAD_RATE : w->load,
                   .rate_per_s = out->load_given ? w->rate_per_s : best->metrics.rate_per_s };
    run.steady = run.load == HG_LOAD_RATE;
    if (goal->objective == HG_LATENCY && !out->load_given)
        run = (hg_run){ .load = HG_LOAD_CLOSED, .requests = 64 };
    hg_arena scratch = *a->arena;
    hg_evaluate_account(&scratch, out->problem, c, &run, account);
    out->memory = c->memory;
    out->score_text = out->load_given ? NULL : hg_goal_text(a->arena, goal, best->score);
    out->origin = hg_strdup(a->arena, account->origin);
    take_shares(account, out);
    say_bottleneck(a->arena, account, out);
    say_reasons(a->arena, out);
    ask_what_if(a, goal, out);
}

#include "api/plan_run.h"

#include "api/explained.h"
#include "api/plan_detail.h"

#include "base/num.h"
#include "eval/chance.h"
#include "base/pool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- where the time goes ---- */

static void take_share(hg_plan *out, const char *name, double frac, const char *bound)
{
    if (frac > 0 && out->share_count < HG_SHARES)
        out->shares[out->share_count++] = (hg_share){ name, frac, bound };
}

/* The smallest parts have no place of their own: their sum has. */
static void take_shares(const hg_account *a, const hg_times *t, hg_plan *out)
{
    double rest = 0;
    for (int i = 0; i < a->count; i++)
        if (out->share_count < HG_SHARES - 3)
            take_share(out, a->parts[i].name, a->parts[i].seconds / t->total_s, hg_by_name(HG_EN, hg_part_most(&a->parts[i])));
        else
            rest += a->parts[i].seconds / t->total_s;
    take_share(out, "smaller parts", rest, "other");
    take_share(out, "bubble", t->share[HG_BY_BUBBLE], "waiting");
    take_share(out, "idle", t->share[HG_BY_IDLE], "no requests");
}

static void say_bottleneck(hg_arena *arena, const hg_plan_detail *d, hg_plan *out)
{
    bool pools = out->top[0].prefill.replicas > 0,
         prefill = pools && hg_account_busy(&d->prefill_account) > hg_account_busy(&d->account);
    const hg_times *t = prefill ? &d->prefill_times : &d->times;
    out->bottleneck_name = hg_by_name(HG_EN, t->most);
    out->bottleneck_share = t->share[t->most];
    out->bottleneck_pool = prefill ? "prefill" : pools ? "decode" : NULL;
    out->bottleneck = pools ? hg_pools_bottleneck_text(arena, &d->prefill_account, &d->prefill_times, &d->account, &d->times, out->lang)
                            : hg_bottleneck_text(arena, &d->account, t, out->lang);
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
    if (p->load_given && !top->prefill.replicas && m->replicas != top->deployment.replicas) {
        out->metric = "GPUs";
        out->gain_frac = score > 0 ? (double)top->deployment.replicas / (double)m->replicas - 1 : -1;
    } else if (p->load_given) {
        out->metric = "mean E2E";
        out->gain_frac = score > 0 ? top->metrics.sim.latency[HG_E2E].mean / m->sim.latency[HG_E2E].mean - 1 : -1;
    }
    if (fabs(out->gain_frac) < NO_CHANGE)
        out->gain_frac = 0;
}

/* The problem and its deployment as changed, against the plan's best. */
static bool ask_again(hg_arena *arena, const hg_goal *goal, const hg_plan *p, hg_problem *changed, const hg_deployment *d, bool settle,
                      hg_what_if *out)
{
    hg_candidate *candidate = HG_NEW(arena, hg_candidate, 1);
    hg_point at = { .deployment = *d, .prefill = p->top[0].prefill };
    at.prefill.precision = d->precision; /* both pools hold one checkpoint and one KV */
    at.prefill.precision_is_checkpoints = d->precision_is_checkpoints;
    at.prefill.kv_dtype = d->kv_dtype;
    at.prefill.kv_is_auto = d->kv_is_auto;
    hg_point_candidate(arena, changed, &at, candidate);
    if (candidate->fit != HG_FITS)
        return false;
    hg_goal g = *goal;
    hg_metrics m = { 0 };
    g.problem = changed;
    double score = hg_goal_near(&g, arena, candidate, &p->top[0].metrics, settle, &m);
    take_gain(p, score, &m, out);
    return !hg_problem_stopped(changed);
}

static bool try_change(hg_arena scratch, const hg_goal *goal, const hg_space *space, const hg_plan *p,
                       const hg_change *c, hg_what_if *out)
{
    hg_problem *changed = HG_NEW(&scratch, hg_problem, 1);
    hg_deployment d = p->top[0].deployment;
    *changed = *p->problem;
    out->cause = c;
    return c->make(changed, &d, &out->value) && !searched(space, &p->top[0].deployment, &d) &&
           ask_again(&scratch, goal, p, changed, &d, true, out);
}

/* The load is what the search finds: a fifth more or less of it keeps the promise, or does not. */
static void try_load(hg_arena scratch, const hg_plan *p, double factor, hg_varied *out)
{
    hg_candidate *c = HG_NEW(&scratch, hg_candidate, 1);
    hg_metrics m;
    hg_run run = { .load = HG_LOAD_RATE, .rate_per_s = factor * p->top[0].metrics.rate_per_s, .steady = true };
    if (!(run.rate_per_s > 0))
        return;
    hg_point_candidate(&scratch, p->problem, &p->top[0], c);
    hg_evaluate(&scratch, p->problem, c, &run, &m);
    *out = (hg_varied){ .known = true, .fixed_load = true, .kept = m.sim.slo_kept, .attained_frac = m.sim.attained_frac };
}

static void try_vary(hg_arena scratch, const hg_goal *goal, const hg_plan *p, const hg_vary *v, double factor, hg_varied *out)
{
    hg_problem *changed = HG_NEW(&scratch, hg_problem, 1);
    hg_deployment d = p->top[0].deployment;
    hg_what_if found = { 0 };
    if (v->is_load && !p->load_given) {
        try_load(scratch, p, factor, out);
        return;
    }
    *changed = *p->problem;
    *out = (hg_varied){ .known = v->make(&scratch, changed, &d, factor) && ask_again(&scratch, goal, p, changed, &d, false, &found) };
    out->gain_frac = found.gain_frac;
}

typedef struct asking {
    const hg_goal *goal;
    const hg_space *space;
    hg_plan *plan;
    hg_plan_detail *detail;
    hg_what_if found[HG_CHANGES_MOST];
    bool ok[HG_CHANGES_MOST];
    hg_candidate *candidates;  /* of the curves */
    hg_arena *arenas;          /* one a thread */
} asking;

static void ask_change(const asking *k, int i, int thread, bool *ok, hg_what_if *found)
{
    *ok = hg_changes[i].planned && try_change(k->arenas[thread], k->goal, k->space, k->plan, &hg_changes[i], found);
}

static void look_at(asking *k, int i, int thread)
{
    hg_load_curve *v = &k->detail->curves[i / HG_CURVE_POINTS];
    int n = i % HG_CURVE_POINTS;
    const hg_problem *p = k->plan->problem;
    double load = hg_curve_parts[n] * hg_curve_load(p, k->plan->top[0].metrics.rate_per_s);
    hg_curve_look(k->arenas[thread], p, &k->candidates[i / HG_CURVE_POINTS], load, &v->points[n]);
}

/* Changes, then facts a fifth less and more, then the curves' points. */
static void ask_one(void *ctx, size_t n, int thread)
{
    asking *k = ctx;
    int i = (int)n, varied = i - hg_change_count, point = varied - 2 * hg_vary_count;
    if (hg_problem_stopped(k->plan->problem))
        return;
    if (varied < 0)
        ask_change(k, i, thread, &k->ok[i], &k->found[i]);
    else if (point < 0)
        try_vary(k->arenas[thread], k->goal, k->plan, &hg_varies[varied / 2], hg_vary_factors[varied % 2],
                 &k->detail->sensitivity[varied / 2].at[varied % 2]);
    else
        look_at(k, point, thread);
}

static void take_what_ifs(hg_arena *arena, const asking *k, hg_plan *out)
{
    for (int i = 0; i < hg_change_count; i++)
        if (k->ok[i]) {
            hg_what_if *w = &out->what_ifs[out->what_if_count++];
            *w = k->found[i];
            w->change = hg_change_text(arena, out->lang, w->cause, w->value);
        }
    qsort(out->what_ifs, out->what_if_count, sizeof *out->what_ifs, by_gain);
}

/* What plays no part here goes. */
static void take_sensitivity(hg_plan_detail *d)
{
    for (int i = 0; i < hg_vary_count; i++) {
        hg_sensitivity *s = &d->sensitivity[i];
        s->vary = &hg_varies[i];
        if (s->at[0].known || s->at[1].known)
            d->sensitivity[d->sensitivity_count++] = *s;
    }
}

static int open_curves(hg_ask *a, asking *k)
{
    const hg_plan *p = k->plan;
    hg_plan_detail *d = k->detail;
    bool wanted = a->s.output.s || a->s.json.v;
    if (!wanted || !(hg_curve_load(p->problem, p->top[0].metrics.rate_per_s) > 0))
        return 0;
    k->candidates = HG_NEW(a->arena, hg_candidate, HG_CURVES);
    for (; d->curve_count < HG_CURVES && (size_t)d->curve_count < p->top_count; d->curve_count++) {
        const hg_point *at = &p->top[d->curve_count];
        hg_candidate *c = &k->candidates[d->curve_count];
        hg_point_candidate(a->arena, p->problem, at, c);
        d->curves[d->curve_count] = (hg_load_curve){ .deployment = &at->deployment, .prefill = &at->prefill, .count = HG_CURVE_POINTS };
    }
    return d->curve_count * HG_CURVE_POINTS;
}

static void ask_what_if(hg_ask *a, const hg_goal *goal, const hg_space *space, int threads, hg_plan *out, hg_plan_detail *detail)
{
    if (!out->found || hg_stopped(a))
        return;
    asking k = { .goal = goal, .space = space, .plan = out, .detail = detail };
    hg_progress(a, 0.5, "asking what if");
    threads = threads > 0 ? threads : hg_processors();
    k.arenas = HG_NEW(a->arena, hg_arena, threads);
    for (int t = 0; t < threads; t++)
        hg_arena_open(&k.arenas[t], 0);
    int points = open_curves(a, &k);
    hg_parallel((size_t)(hg_change_count + 2 * hg_vary_count + points), threads, ask_one, &k);
    for (int t = 0; t < threads; t++)
        hg_arena_close(&k.arenas[t]);
    take_what_ifs(a->arena, &k, out);
    take_sensitivity(detail);
    if (hg_stopped(a))
        detail->curve_count = 0;
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

/* The waterfall ends at the plan's own figures; what is good among them only a run's records tell. */
static void take_account(hg_arena scratch, const hg_plan *p, const hg_problem *ran, const hg_candidate *c, const hg_run *run,
                         hg_plan_detail *out)
{
    const hg_metrics *m = &p->top[0].metrics;
    hg_run kept = *run;
    kept.keep_requests = p->problem->slo.count > 0;
    hg_evaluate_accounts(&scratch, ran, c, &kept, &out->account, &out->prefill_account);
    double good = kept.keep_requests ? hg_good_tokens_frac(&out->account.metrics.sim, &p->problem->slo) : 1;
    hg_explain_times(&out->account, m, &out->times);
    if (c->prefill)
        hg_explain_times(&out->prefill_account, m, &out->prefill_times);
    out->prefill_account.metrics.sim.records = NULL;
    hg_explain_waterfall(&out->account, m->sim.output_tokens_per_s, good, &out->waterfall);
    out->account.metrics.sim.records = NULL;
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
    hg_plan_detail *detail = HG_NEW(a->arena, hg_plan_detail, 1);
    hg_account *account = &detail->account;
    hg_point_candidate(a->arena, out->problem, best, c);
    hg_run run = run_of(goal, out);
    hg_problem *ran = HG_NEW(a->arena, hg_problem, 1);
    *ran = *out->problem;
    if (run.load == HG_LOAD_CLOSED && !out->load_given) /* --objective latency: one request at a time */
        ran->workload.concurrency = 1;
    take_account(*a->arena, out, ran, c, &run, detail);
    out->detail = detail;
    out->memory = c->memory;
    if (c->prefill)
        out->prefill_memory = c->prefill->memory;
    out->score_text = out->load_given ? NULL : hg_goal_text(a->arena, goal, best->score);
    out->origin = hg_strdup(a->arena, account->origin);
    say_bottleneck(a->arena, detail, out);
    if (out->bottleneck_pool && strcmp(out->bottleneck_pool, "prefill") == 0) {
        detail->bound_times = &detail->prefill_times;
        account = &detail->prefill_account;
    }
    take_shares(account, detail->bound_times ? detail->bound_times : &detail->times, out);
    hg_plan_reasons(a->arena, &a->s, out);
    say_precision(a, goal, c, out);
    out->chance = out->found && !out->problem->slower && !hg_stopped(a) ? hg_chance_kept(*a->arena, ran, c, &run) : NAN;
    if ((a->s.output.s || a->s.json.v) && !hg_stopped(a))
        hg_second_take(a->arena, ran, c, &run, best->metrics.sim.latency[HG_E2E].mean, &detail->second);
    ask_what_if(a, goal, space, a->s.threads.n ? (int)a->s.threads.v[0] : 0, out, detail);
}

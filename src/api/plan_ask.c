#include "api/plan_run.h"

#include "api/explained.h"
#include "api/plan_detail.h"

#include "base/pool.h"
#include "eval/chance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- what would change it: the evaluation again with one thing changed ---- */

/* What is no gain: two steps of the rates that are searched, to which a rate is known. */
static const double NO_CHANGE = 0.0205;

/* What a search near the plan's best came to. */
typedef struct answer {
    bool known;                /* false: it cannot run, or makes no sense, or the search was stopped */
    double score;
    int64_t replicas;
    double e2e_s;              /* the mean */
} answer;

typedef struct asking {
    hg_ask *ask;
    const hg_goal *goal;
    const hg_space *space;
    hg_plan *plan;
    hg_plan_detail *detail;
    const hg_candidate *best;
    hg_run run;                /* how the plan's own figures came about */
    answer as_it_is;           /* asked in the way in which changes are: a change that changes nothing gains nothing */
    answer changed[HG_CHANGES_MOST], varied[HG_VARIES_MOST][2];
    hg_what_if what_ifs[HG_CHANGES_MOST];
    hg_candidate *candidates;  /* of the curves */
    int points;                /* … and theirs */
    hg_arena *arenas;          /* one a thread */
} asking;

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
static void take_gain(const asking *k, const answer *found, hg_what_if *out)
{
    const answer *own = &k->as_it_is;
    bool pools = k->plan->top[0].prefill.replicas > 0;
    out->metric = "objective";
    out->gain_frac = found->score / own->score - 1;
    if (k->plan->load_given && !pools && found->replicas != own->replicas) {
        out->metric = "GPUs";
        out->gain_frac = found->score > 0 ? (double)own->replicas / (double)found->replicas - 1 : -1;
    } else if (k->plan->load_given) {
        out->metric = "mean E2E";
        out->gain_frac = found->score > 0 ? own->e2e_s / found->e2e_s - 1 : -1;
    }
    if (fabs(out->gain_frac) < NO_CHANGE)
        out->gain_frac = 0;
}

/* Both pools hold one checkpoint and one KV. */
static void take_formats(const hg_deployment *from, hg_deployment *prefill)
{
    prefill->precision = from->precision;
    prefill->precision_is_checkpoints = from->precision_is_checkpoints;
    prefill->kv_dtype = from->kv_dtype;
    prefill->kv_is_auto = from->kv_is_auto;
}

/* The best of a problem and a deployment like the plan's, searched for near the plan's. */
static void ask(hg_arena *arena, const asking *k, const hg_problem *p, const hg_deployment *d, answer *out)
{
    hg_candidate *candidate = HG_NEW(arena, hg_candidate, 1);
    hg_point at = { .deployment = *d, .prefill = k->plan->top[0].prefill };
    hg_goal goal = *k->goal;
    hg_metrics m = { 0 };
    goal.problem = p;
    take_formats(d, &at.prefill);
    hg_point_candidate(arena, p, &at, candidate);
    if (candidate->fit != HG_FITS)
        return;
    double score = hg_goal_near(&goal, arena, candidate, &k->plan->top[0].metrics, &m);
    *out = (answer){ !hg_problem_stopped(p), score, m.replicas, m.sim.latency[HG_E2E].mean };
}

static void try_change(hg_arena scratch, const asking *k, const hg_change *c, double *value, answer *out)
{
    hg_problem *changed = HG_NEW(&scratch, hg_problem, 1);
    const hg_deployment *best = &k->plan->top[0].deployment;
    hg_deployment d = *best;
    *changed = *k->plan->problem;
    if (c->planned && c->make(changed, &d, value) && !searched(k->space, best, &d))
        ask(&scratch, k, changed, &d, out);
}

/* The load is what the search finds: a fifth more or less of it keeps the promise, or does not. */
static void try_load(hg_arena scratch, const asking *k, double factor, hg_varied *out)
{
    hg_metrics m;
    hg_run run = { .load = HG_LOAD_RATE, .rate_per_s = factor * k->plan->top[0].metrics.rate_per_s, .steady = true };
    if (!(run.rate_per_s > 0))
        return;
    hg_evaluate(&scratch, k->plan->problem, k->best, &run, &m);
    *out = (hg_varied){ .known = true, .fixed_load = true, .kept = m.sim.slo_kept, .attained_frac = m.sim.attained_frac };
}

static bool is_load(const asking *k, int vary)
{
    return hg_varies[vary].is_load && !k->plan->load_given;
}

static void try_vary(hg_arena scratch, asking *k, int vary, int side)
{
    hg_problem *changed = HG_NEW(&scratch, hg_problem, 1);
    hg_deployment d = k->plan->top[0].deployment;
    double factor = hg_vary_factors[side];
    *changed = *k->plan->problem;
    if (is_load(k, vary))
        try_load(scratch, k, factor, &k->detail->sensitivity[vary].at[side]);
    else if (hg_varies[vary].make(&scratch, changed, &d, factor))
        ask(&scratch, k, changed, &d, &k->varied[vary][side]);
}

static void look_at(asking *k, int i, int thread)
{
    hg_load_curve *v = &k->detail->curves[i / HG_CURVE_POINTS];
    int n = i % HG_CURVE_POINTS;
    const hg_problem *p = k->plan->problem;
    double load = hg_curve_parts[n] * hg_curve_load(p, k->plan->top[0].metrics.rate_per_s);
    hg_curve_look(k->arenas[thread], p, &k->candidates[i / HG_CURVE_POINTS], load, &v->points[n]);
}

static void take_what_ifs(hg_arena *arena, const asking *k, hg_plan *out)
{
    for (int i = 0; i < hg_change_count; i++)
        if (k->changed[i].known) {
            hg_what_if *w = &out->what_ifs[out->what_if_count++];
            *w = k->what_ifs[i];
            take_gain(k, &k->changed[i], w);
            w->cause = &hg_changes[i];
            w->change = hg_change_text(arena, out->lang, w->cause, w->value);
        }
    qsort(out->what_ifs, out->what_if_count, sizeof *out->what_ifs, by_gain);
}

static void take_varied(const asking *k, const answer *found, hg_varied *out)
{
    hg_what_if gain;
    if (!found->known)
        return;
    take_gain(k, found, &gain);
    *out = (hg_varied){ .known = true, .gain_frac = gain.gain_frac };
}

/* What plays no part here goes. */
static void take_sensitivity(const asking *k, hg_plan_detail *d)
{
    for (int i = 0; i < hg_vary_count; i++) {
        hg_sensitivity *s = &d->sensitivity[i];
        s->vary = &hg_varies[i];
        for (int side = 0; side < 2 && !is_load(k, i); side++)
            take_varied(k, &k->varied[i][side], &s->at[side]);
        if (s->at[0].known || s->at[1].known)
            d->sensitivity[d->sensitivity_count++] = *s;
    }
}

static bool wants_page(const asking *k)
{
    return k->ask->s.output.s || k->ask->s.json.v;
}

static void open_curves(hg_arena *arena, asking *k)
{
    const hg_plan *p = k->plan;
    hg_plan_detail *d = k->detail;
    if (!wants_page(k) || !(hg_curve_load(p->problem, p->top[0].metrics.rate_per_s) > 0))
        return;
    k->candidates = HG_NEW(arena, hg_candidate, HG_CURVES);
    for (; d->curve_count < HG_CURVES && (size_t)d->curve_count < p->top_count; d->curve_count++) {
        const hg_point *at = &p->top[d->curve_count];
        hg_candidate *c = &k->candidates[d->curve_count];
        hg_point_candidate(arena, p->problem, at, c);
        d->curves[d->curve_count] = (hg_load_curve){ .deployment = &at->deployment, .prefill = &at->prefill, .count = HG_CURVE_POINTS };
    }
    k->points = d->curve_count * HG_CURVE_POINTS;
}

/* How the plan's own figures came about, once more and step by step. */
static hg_run run_of(const hg_goal *goal, const hg_plan *p)
{
    const hg_workload *w = &p->problem->workload;
    hg_run run = { .load = w->load == HG_LOAD_NONE ? HG_LOAD_RATE : w->load,
                   .rate_per_s = p->load_given ? w->rate_per_s : p->top[0].metrics.rate_per_s };
    run.steady = run.load == HG_LOAD_RATE;
    if (hg_goal_alone(goal))
        run = (hg_run){ .load = HG_LOAD_CLOSED, .requests = 64 };
    return run;
}

/* So many steps tell the parts of the engines' time. */
enum { NOTED_STEPS = 20000 };

/* The waterfall ends at the plan's own figures; what is good among them only a run's records tell. */
static void take_account(hg_arena scratch, asking *k)
{
    const hg_plan *p = k->plan;
    const hg_metrics *m = &p->top[0].metrics;
    hg_plan_detail *out = k->detail;
    hg_run kept = k->run;
    kept.keep_requests = p->problem->slo.count > 0;
    kept.note_every = (size_t)(m->sim.steps / NOTED_STEPS);
    hg_evaluate_accounts(&scratch, p->problem, k->best, &kept, &out->account, &out->prefill_account);
    double good = kept.keep_requests ? hg_good_tokens_frac(&out->account.metrics.sim, &p->problem->slo) : 1;
    hg_explain_times(&out->account, m, &out->times);
    if (k->best->prefill)
        hg_explain_times(&out->prefill_account, m, &out->prefill_times);
    out->prefill_account.metrics.sim.records = NULL;
    hg_explain_waterfall(&out->account, m->sim.output_tokens_per_s, good, &out->waterfall);
    out->account.metrics.sim.records = NULL;
}

static void take_interval(hg_arena scratch, asking *k)
{
    hg_plan *p = k->plan;
    if (p->load_given || hg_goal_alone(k->goal))
        return;
    hg_rate_interval(&scratch, p->problem, k->best, p->top[0].metrics.rate_per_s, &p->rate_lo, &p->rate_hi);
    if (hg_problem_stopped(p->problem))
        p->rate_lo = p->rate_hi = 0;
}

static void take_chance(hg_arena scratch, asking *k)
{
    if (!k->plan->problem->slower)
        k->plan->chance = hg_chance_kept(scratch, k->plan->problem, k->best, &k->run);
}

static void take_second(hg_arena *arena, asking *k)
{
    if (wants_page(k))
        hg_second_take(arena, k->plan->problem, k->best, &k->run, k->plan->top[0].metrics.sim.latency[HG_E2E].mean, &k->detail->second);
}

/* All of them are experiments of their own: the longest first, then changes, facts a fifth less and more, the curves' points. */
enum { ACCOUNT, INTERVAL, CHANCE, AS_IT_IS, FIRST_CHANGE };

static int experiments(const asking *k)
{
    return FIRST_CHANGE + hg_change_count + 2 * hg_vary_count + k->points;
}

static void experiment(void *ctx, size_t n, int thread)
{
    asking *k = ctx;
    hg_arena scratch = k->arenas[thread];
    int change = (int)n - FIRST_CHANGE, vary = change - hg_change_count, point = vary - 2 * hg_vary_count;
    if (hg_problem_stopped(k->plan->problem))
        return;
    if (n == ACCOUNT)
        take_account(scratch, k);
    else if (n == INTERVAL)
        take_interval(scratch, k);
    else if (n == CHANCE)
        take_chance(scratch, k);
    else if (n == AS_IT_IS)
        ask(&scratch, k, k->plan->problem, &k->plan->top[0].deployment, &k->as_it_is);
    else if (vary < 0)
        try_change(scratch, k, &hg_changes[change], &k->what_ifs[change].value, &k->changed[change]);
    else if (point < 0)
        try_vary(scratch, k, vary / 2, vary % 2);
    else
        look_at(k, point, thread);
}

static void run_all(asking *k, int count)
{
    int threads = k->ask->s.threads.n ? (int)k->ask->s.threads.v[0] : hg_processors();
    k->arenas = HG_NEW(k->ask->arena, hg_arena, threads);
    for (int t = 0; t < threads; t++)
        hg_arena_open(&k->arenas[t], 0);
    hg_parallel((size_t)count, threads, experiment, k);
    for (int t = 0; t < threads; t++)
        hg_arena_close(&k->arenas[t]);
}

/* Of the nearest miss only where its time goes. */
void hg_plan_ask(hg_ask *a, const hg_goal *goal, const hg_space *space, hg_plan *out, hg_plan_detail *detail)
{
    hg_candidate *best = HG_NEW(a->arena, hg_candidate, 1);
    asking *k = HG_NEW(a->arena, asking, 1);
    hg_point_candidate(a->arena, out->problem, &out->top[0], best);
    *k = (asking){ .ask = a, .goal = goal, .space = space, .plan = out, .detail = detail, .best = best, .run = run_of(goal, out) };
    out->memory = best->memory;
    if (best->prefill)
        out->prefill_memory = best->prefill->memory;
    out->chance = NAN;
    hg_progress(a, 0.5, "asking what if");
    if (!out->found || hg_stopped(a)) {
        take_account(*a->arena, k);
        return;
    }
    open_curves(a->arena, k);
    run_all(k, experiments(k));
    take_second(a->arena, k);
    if (k->as_it_is.known && k->as_it_is.score > 0) {
        take_what_ifs(a->arena, k, out);
        take_sensitivity(k, detail);
    }
    if (hg_stopped(a))
        detail->curve_count = 0;
}

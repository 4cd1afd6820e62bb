#include "explain/explain.h"

#include "base/pool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

hg_aim hg_aim_of(const hg_problem *p, const hg_metrics *m)
{
    if (p->slo.count && !m->sim.slo_kept && m->sim.good_per_s > 0)
        return HG_AIM_GOOD;
    return p->workload.load == HG_LOAD_CLOSED || hg_metrics_overloaded(p, m) ? HG_AIM_TOKENS : HG_AIM_E2E;
}

double hg_aim_value(hg_aim aim, const hg_metrics *m)
{
    switch (aim) {
    case HG_AIM_GOOD: return m->sim.good_per_s;
    case HG_AIM_TOKENS: return m->sim.output_tokens_per_s;
    default: return m->sim.latency[HG_E2E].mean;
    }
}

double hg_aim_gain(hg_aim aim, const hg_metrics *before, const hg_metrics *after)
{
    double x = hg_aim_value(aim, before), y = hg_aim_value(aim, after);
    double ratio = aim == HG_AIM_E2E ? x / y : y / x;
    return isfinite(ratio) ? ratio - 1 : NAN;
}

typedef struct asking {
    const hg_problem *problem;
    const hg_candidate *candidate;
    const hg_run *run;
    const hg_metrics *before;
    hg_aim aim;
    hg_bought *found;
    bool *ok;
    hg_arena *arenas;          /* one a thread */
} asking;

/* Both pools hold one checkpoint and one KV. */
static void pair_up(hg_arena *arena, const hg_problem *p, const hg_deployment *prefill, hg_candidate *decode)
{
    hg_candidate *own = HG_NEW(arena, hg_candidate, 1);
    hg_deployment d = *prefill;
    const hg_deployment *as = &decode->deployment;
    d.precision = as->precision;
    d.precision_is_checkpoints = as->precision_is_checkpoints;
    d.kv_dtype = as->kv_dtype;
    d.kv_is_auto = as->kv_is_auto;
    hg_candidate_make(p, &d, own);
    if (decode->fit == HG_FITS && own->fit != HG_FITS) {
        decode->fit = own->fit;
        memcpy(decode->reason, own->reason, sizeof decode->reason);
    }
    decode->prefill = own;
}

static bool try_change(hg_arena scratch, const asking *k, const hg_change *c, hg_bought *out)
{
    hg_problem *changed = HG_NEW(&scratch, hg_problem, 1);
    hg_candidate *candidate = HG_NEW(&scratch, hg_candidate, 1);
    *changed = *k->problem;
    *out = (hg_bought){ .change = c, .deployment = k->candidate->deployment, .gain_frac = NAN, .after = NAN };
    if (!c->make(changed, &out->deployment, &out->shown))
        return false;
    hg_candidate_make(changed, &out->deployment, candidate);
    if (k->candidate->prefill)
        pair_up(&scratch, changed, &k->candidate->prefill->deployment, candidate);
    out->devices = hg_candidate_devices(candidate);
    out->fit = candidate->fit;
    memcpy(out->reason, candidate->reason, sizeof out->reason);
    if (out->fit != HG_FITS)
        return true;
    hg_evaluate(&scratch, changed, candidate, k->run, &out->metrics);
    out->metrics.sim.records = NULL;
    out->metrics.sim.steps_log = NULL;
    out->after = hg_aim_value(k->aim, &out->metrics);
    out->gain_frac = hg_aim_gain(k->aim, k->before, &out->metrics);
    return true;
}

static void ask_one(void *ctx, size_t i, int thread)
{
    asking *k = ctx;
    k->ok[i] = !hg_problem_stopped(k->problem) && try_change(k->arenas[thread], k, &hg_changes[i], &k->found[i]);
}

/* Best first; what cannot be compared, and then what would not run, last. */
static double rank(const hg_bought *b)
{
    return b->fit != HG_FITS ? -INFINITY : isfinite(b->gain_frac) ? b->gain_frac : -1e9;
}

static int by_gain(const void *a, const void *b)
{
    const hg_bought *x = a, *y = b;
    double p = rank(x), q = rank(y);
    return p != q ? p < q ? 1 : -1 : x->change < y->change ? -1 : x->change > y->change;
}

int hg_explain_changes(hg_arena *arena, const hg_problem *p, const hg_candidate *c, const hg_run *run,
                       const hg_metrics *before, int threads, hg_bought *out)
{
    threads = threads > 0 ? threads : hg_processors();
    asking k = { .problem = p, .candidate = c, .run = run, .before = before, .aim = hg_aim_of(p, before),
                 .found = HG_NEW(arena, hg_bought, hg_change_count), .ok = HG_NEW(arena, bool, hg_change_count),
                 .arenas = HG_NEW(arena, hg_arena, threads) };
    for (int t = 0; t < threads; t++)
        hg_arena_open(&k.arenas[t], 0);
    hg_parallel((size_t)hg_change_count, threads, ask_one, &k);
    for (int t = 0; t < threads; t++)
        hg_arena_close(&k.arenas[t]);
    int n = 0;
    for (int i = 0; i < hg_change_count; i++)
        if (k.ok[i])
            out[n++] = k.found[i];
    qsort(out, (size_t)n, sizeof *out, by_gain);
    return n;
}

const hg_bought *hg_bought_named(const hg_explained *x, const char *change)
{
    for (int i = 0; i < x->bought_count; i++)
        if (strcmp(x->bought[i].change->name, change) == 0 && x->bought[i].fit == HG_FITS)
            return &x->bought[i];
    return NULL;
}

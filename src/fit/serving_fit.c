#include "fit/serving_fit.h"

#include "base/stat.h"
#include "fit/nonnegative.h"

#include <math.h>
#include <string.h>

enum { ROUNDS = 3, LEAST_ROWS = 8, TERMS = HG_OVERHEAD_TERMS };

/* Where a fit begins and what it returns to where rows say nothing; the spread is also the step of a
 * derivative.  Broad: a hundred rows move any of them by many spreads. */
static const struct {
    double prior_s, spread_s;
} belief[TERMS] = {
    { 0.5e-3, 0.5e-3 },  /* step */
    { 4e-6, 4e-6 },      /* layer */
    { 8e-6, 8e-6 },      /* sequence */
    { 3e-3, 3e-3 },      /* prefill_step */
    { 0.5e-3, 0.5e-3 },  /* prompt */
    { 30e-6, 30e-6 },    /* launch */
    { 5e-3, 5e-3 },      /* request */
    { 1e-3, 1e-3 },      /* request_serial */
    { 20e-3, 20e-3 },    /* transfer */
};

/* A residual of log time this large counts half, beyond it by its size and not its square: repeated runs
 * differ by some percent, and some rows were measured with settings that no column says. */
static const double TPOT_ODD = 0.06, TTFT_ODD = 0.2;

typedef struct problem {
    const hg_serving_sample *samples;
    const size_t *rows;      /* of the samples, those of this group */
    size_t count;
    const double *prior;     /* what the terms return to, in spreads */
    int threads;
} problem;

static hg_overheads overheads_of(const double *x)
{
    hg_overheads o = { 0 };
    for (int k = 0; k < TERMS; k++)
        *hg_overhead(&o, k) = x[k] * belief[k].spread_s;
    return o;
}

static void simulate(const problem *p, hg_arena scratch, const double *x, hg_serving_figures *out)
{
    hg_overheads o = overheads_of(x);
    const hg_overheads **each = HG_NEW(&scratch, const hg_overheads *, p->count);
    hg_serving_case *cases = HG_NEW(&scratch, hg_serving_case, p->count);
    for (size_t i = 0; i < p->count; i++) {
        cases[i] = p->samples[p->rows[i]].of;
        each[i] = &o;
    }
    hg_serving_predict_all(cases, each, p->count, p->threads, out);
}

static double weight(double residual, double odd)
{
    return 1 / (odd * odd * (1 + fabs(residual) / odd));
}

/* One residual's row of the normal equations: a·(x' − x) = −residual, weighted. */
static void add_row(double *m, const double *slope, const double *x, double residual, double w)
{
    double target = -residual;
    for (int j = 0; j < TERMS; j++)
        target += slope[j] * x[j];
    for (int j = 0; j < TERMS; j++) {
        m[TERMS * TERMS + j] += w * slope[j] * target;
        for (int k = 0; k < TERMS; k++)
            m[j * TERMS + k] += w * slope[j] * slope[k];
    }
}

static void add_prior(double *m, const double *prior)
{
    for (int j = 0; j < TERMS; j++) {
        m[j * TERMS + j] += 1;
        m[TERMS * TERMS + j] += prior[j];
    }
}

static void improve(const problem *p, hg_arena scratch, double *x)
{
    hg_serving_figures *now = HG_NEW(&scratch, hg_serving_figures, p->count);
    hg_serving_figures *moved[TERMS];
    simulate(p, scratch, x, now);
    for (int k = 0; k < TERMS; k++) {
        double there[TERMS];
        memcpy(there, x, sizeof there);
        there[k] += 1;
        moved[k] = HG_NEW(&scratch, hg_serving_figures, p->count);
        simulate(p, scratch, there, moved[k]);
    }
    double m[TERMS * TERMS + TERMS] = { 0 };
    add_prior(m, p->prior);
    for (size_t i = 0; i < p->count; i++) {
        const hg_serving_sample *s = &p->samples[p->rows[i]];
        double tpot[TERMS], ttft[TERMS];
        for (int k = 0; k < TERMS; k++) {
            tpot[k] = log(moved[k][i].tpot_s / now[i].tpot_s);
            ttft[k] = log(moved[k][i].ttft_s / now[i].ttft_s);
        }
        double r = log(now[i].tpot_s / s->tpot_s), t = log(now[i].ttft_s / s->ttft_s);
        if (isfinite(r))
            add_row(m, tpot, x, r, weight(r, TPOT_ODD));
        if (isfinite(t))
            add_row(m, ttft, x, t, weight(t, TTFT_ODD));
    }
    hg_nonnegative_solve(m, TERMS, x);
}

static bool same_group(const hg_serving_sample *s, const hg_serving_group *g)
{
    return strcmp(s->engine, g->engine) == 0 && (!g->version || strcmp(s->version, g->version) == 0);
}

/* Rows that were overloaded say more about the KV pool than about the host. */
static const double OVERLOADED_S = 30;

static bool usable(const hg_serving_sample *s)
{
    return !*s->of.reason && s->ttft_s > 0 && s->tpot_s > 0 && s->ttft_s < OVERLOADED_S;
}

static bool fit_group(hg_arena scratch, const hg_serving_sample *samples, size_t n, int fold, int folds,
                      int threads, const double *prior, const hg_serving_group *start, hg_serving_group *g)
{
    size_t *rows = HG_NEW(&scratch, size_t, n);
    problem p = { .samples = samples, .rows = rows, .prior = prior, .threads = threads };
    for (size_t i = 0; i < n; i++)
        if (usable(&samples[i]) && same_group(&samples[i], g) &&
            (fold < 0 || (int)(samples[i].family % (uint64_t)folds) != fold))
            rows[p.count++] = i;
    g->rows = p.count;
    if (p.count < LEAST_ROWS)
        return false;
    double x[TERMS];
    hg_overheads from = start ? start->overheads : overheads_of(prior);
    for (int k = 0; k < TERMS; k++)
        x[k] = *hg_overhead(&from, k) / belief[k].spread_s;
    for (int round = 0; round < (start || g->version ? 2 : ROUNDS); round++)
        improve(&p, scratch, x);
    g->overheads = overheads_of(x);
    return true;
}

static const hg_serving_group *find(const hg_serving_group *groups, size_t n, const char *engine,
                                    const char *version)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(groups[i].engine, engine) == 0 &&
            (version ? groups[i].version && strcmp(groups[i].version, version) == 0 : !groups[i].version))
            return &groups[i];
    return NULL;
}

const hg_overheads *hg_serving_overheads(const hg_serving_group *groups, size_t n, const char *engine,
                                         const char *version)
{
    static const hg_overheads none;
    const hg_serving_group *g = find(groups, n, engine, version);
    g = g ? g : find(groups, n, engine, NULL);
    return g ? &g->overheads : &none;
}

size_t hg_serving_fit(hg_arena *keep, const hg_serving_sample *samples, size_t n, int fold,
                      int folds, int threads, const hg_serving_group *start, size_t start_count,
                      hg_serving_group **out)
{
    double prior[TERMS];
    size_t count = 0, capacity = 0;
    *out = NULL;
    for (int by_version = 0; by_version < 2; by_version++)
        for (size_t i = 0; i < n; i++) {
            hg_serving_group g = { .engine = samples[i].engine, .version = by_version ? samples[i].version : NULL };
            if (find(*out, count, g.engine, g.version))
                continue;
            const hg_serving_group *whole = by_version ? find(*out, count, g.engine, NULL) : NULL;
            if (by_version && !whole)
                continue;
            for (int k = 0; k < TERMS; k++)
                prior[k] = whole ? *hg_overhead((hg_overheads *)&whole->overheads, k) / belief[k].spread_s
                                 : belief[k].prior_s / belief[k].spread_s;
            const hg_serving_group *from = start ? find(start, start_count, g.engine, g.version) : NULL;
            if (fit_group(*keep, samples, n, fold, folds, threads, prior, from, &g))
                *HG_PUSH(keep, *out, count, capacity) = g;
        }
    return count;
}

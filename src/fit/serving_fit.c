#include "fit/serving_fit.h"

#include "base/stat.h"
#include "fit/nonnegative.h"

#include <math.h>
#include <string.h>

enum { ROUNDS = 3, WEIGHINGS = 12, LEAST_ROWS = 8, TERMS = HG_OVERHEAD_TERMS };

/* Where a fit begins and what it returns to where rows say nothing; the spread is also the step of a
 * derivative.  Broad: a hundred rows move any of them by many spreads. */
typedef struct belief {
    double prior_s, spread_s;
} belief;

static const belief beliefs[][TERMS] = {
    [HG_FIT_VERSIONS] = {
        { 0.5e-3, 0.5e-3 },  /* step */
        { 4e-6, 4e-6 },      /* layer */
        { 8e-6, 8e-6 },      /* sequence */
        { 3e-3, 3e-3 },      /* prefill_step */
        { 0.5e-3, 0.5e-3 },  /* prompt */
        { 30e-6, 30e-6 },    /* launch */
        { 5e-3, 5e-3 },      /* request */
        { 1e-3, 1e-3 },      /* request_serial */
        { 0.5e-6, 1e-6 },    /* token */
        { 20e-3, 20e-3 },    /* transfer */
        { 0.1, 0.1 },        /* transfer_gib */
        { 1, 0.1 },          /* gemm, over the tables' */
        { 1, 0.1 },          /* attention */
        { 1, 0.1 },          /* experts */
        { 1, 0.1 },          /* collectives */
    },
    /* Where graphs are young a layer waits for the host, and what operators take is published, not tabled. */
    [HG_FIT_SHEET] = {
        { 2e-3, 5e-3 },      /* step */
        { 100e-6, 200e-6 },  /* layer */
        { 50e-6, 100e-6 },   /* sequence */
        { 10e-3, 20e-3 },    /* prefill_step */
        { 1e-3, 1e-3 },      /* prompt */
        { 30e-6, 30e-6 },    /* launch */
        { 5e-3, 5e-3 },      /* request */
        { 1e-3, 1e-3 },      /* request_serial */
        { 0.5e-6, 1e-6 },    /* token */
        { 20e-3, 20e-3 },    /* transfer */
        { 0.1, 0.1 },        /* transfer_gib */
        { 1, 0.2 },         /* gemm, over what is published */
        { 1, 0.2 },         /* attention */
        { 1, 0.2 },         /* experts */
        { 1, 0.2 },         /* collectives */
    },
};

/* A residual of log time this large counts half, and one much larger hardly at all: repeated runs differ by
 * some percent, but some rows were measured with settings that no column says, and what they would have to be
 * explained by is not to become an engine's. */
static const double TPOT_ODD = 0.06, TTFT_ODD = 0.2;

/* Sheets round, and give targets for what was measured. */
static const double SHEET_ODD = 0.12;

static hg_overheads overheads_of(const belief *b, const double *x)
{
    hg_overheads o = { 0 };
    for (int k = 0; k < TERMS; k++)
        *hg_overhead(&o, k) = x[k] * b[k].spread_s;
    return o;
}

/* A group's rows around one set of terms: residuals of log time there, and what each term moves. */
struct hg_serving_line {
    size_t *rows, count;
    double x[TERMS], prior[TERMS];       /* in spreads */
    double hold[TERMS];                  /* how strongly a term is held to its prior; 1: by its spread */
    double *tpot, *ttft;                 /* residuals */
    double (*tpot_by)[TERMS], (*ttft_by)[TERMS];
};

typedef struct task {
    const hg_serving_sample *samples;
    size_t n;
    int threads;
    hg_serving_fit_kind kind;
} task;

static void simulate(const task *t, hg_arena scratch, const hg_serving_line *l, const double *x,
                     hg_serving_figures *out)
{
    hg_overheads o = overheads_of(beliefs[t->kind], x);
    const hg_overheads **each = HG_NEW(&scratch, const hg_overheads *, l->count);
    hg_serving_case *cases = HG_NEW(&scratch, hg_serving_case, l->count);
    for (size_t i = 0; i < l->count; i++) {
        cases[i] = t->samples[l->rows[i]].of;
        each[i] = &o;
    }
    hg_serving_predict_all(cases, each, l->count, t->threads, out);
}

/* Moves the line to x: residuals anew, slopes as they were. */
static void move(const task *t, hg_arena scratch, hg_serving_line *l, const double *x)
{
    hg_serving_figures *now = HG_NEW(&scratch, hg_serving_figures, l->count);
    simulate(t, scratch, l, x, now);
    memcpy(l->x, x, sizeof l->x);
    for (size_t i = 0; i < l->count; i++) {
        const hg_serving_sample *s = &t->samples[l->rows[i]];
        l->tpot[i] = log(now[i].tpot_s / s->tpot_s);
        l->ttft[i] = log(now[i].ttft_s / s->ttft_s);
    }
}

static void find_slopes(const task *t, hg_arena scratch, hg_serving_line *l)
{
    hg_serving_figures *there = HG_NEW(&scratch, hg_serving_figures, l->count);
    for (int k = 0; k < TERMS; k++) {
        double x[TERMS];
        memcpy(x, l->x, sizeof x);
        x[k] += 1;
        simulate(t, scratch, l, x, there);
        for (size_t i = 0; i < l->count; i++) {
            const hg_serving_sample *s = &t->samples[l->rows[i]];
            l->tpot_by[i][k] = log(there[i].tpot_s / s->tpot_s) - l->tpot[i];
            l->ttft_by[i][k] = log(there[i].ttft_s / s->ttft_s) - l->ttft[i];
        }
    }
}

/* A version's rows move as they do around its engine's terms. */
static void copy_slopes(const hg_serving_line *whole, hg_serving_line *l)
{
    for (size_t i = 0, k = 0; i < l->count; i++, k++) {
        while (whole->rows[k] != l->rows[i])
            k++;
        memcpy(l->tpot_by[i], whole->tpot_by[k], sizeof l->tpot_by[i]);
        memcpy(l->ttft_by[i], whole->ttft_by[k], sizeof l->ttft_by[i]);
    }
}

static double weight(double residual, double odd)
{
    double far = residual / odd;
    return 1 / (odd * odd * (1 + far * far));
}

/* One row of the normal equations: what the line says of x is to vanish. */
static void add_row(double *m, const double *by, const hg_serving_line *l, const double *x, double residual,
                    double odd)
{
    double at_x = residual, target = -residual;
    for (int j = 0; j < TERMS; j++) {
        at_x += by[j] * (x[j] - l->x[j]);
        target += by[j] * l->x[j];
    }
    if (!isfinite(at_x) || !isfinite(target))
        return;
    double w = weight(at_x, odd);
    for (int j = 0; j < TERMS; j++) {
        m[TERMS * TERMS + j] += w * by[j] * target;
        for (int k = 0; k < TERMS; k++)
            m[j * TERMS + k] += w * by[j] * by[k];
    }
}

bool hg_serving_is_of_fold(const hg_serving_sample *s, int fold, int folds)
{
    return fold >= 0 && (int)(s->family % (uint64_t)folds) == fold;
}

/* The terms that suit the line best, families of the fold left out. */
static void solve(const task *t, const hg_serving_line *l, const double *prior, int fold, int folds, double *x)
{
    memcpy(x, l->x, sizeof l->x);
    for (int round = 0; round < WEIGHINGS; round++) {
        double m[TERMS * TERMS + TERMS] = { 0 };
        for (int j = 0; j < TERMS; j++) {
            m[j * TERMS + j] = l->hold[j];
            m[TERMS * TERMS + j] = l->hold[j] * prior[j];
        }
        for (size_t i = 0; i < l->count; i++) {
            if (hg_serving_is_of_fold(&t->samples[l->rows[i]], fold, folds))
                continue;
            add_row(m, l->tpot_by[i], l, x, l->tpot[i], t->kind == HG_FIT_SHEET ? SHEET_ODD : TPOT_ODD);
            add_row(m, l->ttft_by[i], l, x, l->ttft[i], t->kind == HG_FIT_SHEET ? SHEET_ODD : TTFT_ODD);
        }
        hg_nonnegative_solve(m, TERMS, x);
    }
}

static bool same_group(const hg_serving_sample *s, const hg_serving_group *g)
{
    return strcmp(s->engine, g->engine) == 0 && (!g->version || strcmp(s->version, g->version) == 0);
}

/* Rows that were overloaded say more about the KV pool than about the host. */
static const double OVERLOADED_S = 30;

static bool usable(const hg_serving_sample *s)
{
    return !*s->of.reason && (s->ttft_s > 0 || s->tpot_s > 0) && !(s->ttft_s >= OVERLOADED_S);
}

static hg_serving_line *open_line(hg_arena *keep, const task *t, const hg_serving_group *g)
{
    hg_serving_line *l = HG_NEW(keep, hg_serving_line, 1);
    l->rows = HG_NEW(keep, size_t, t->n);
    for (size_t i = 0; i < t->n; i++)
        if (usable(&t->samples[i]) && same_group(&t->samples[i], g))
            l->rows[l->count++] = i;
    l->tpot = HG_NEW(keep, double, l->count);
    l->ttft = HG_NEW(keep, double, l->count);
    l->tpot_by = hg_alloc(keep, l->count, sizeof *l->tpot_by);
    l->ttft_by = hg_alloc(keep, l->count, sizeof *l->ttft_by);
    return l;
}

/* Of an engine most rows are of a few models: what their kernels take over the tables' is not lightly to become every
 * model's.  A version says the rest. */
static const double HOLD_RATIOS = 4;

static void hold_terms(hg_serving_line *l, double ratios)
{
    for (int k = 0; k < TERMS; k++)
        l->hold[k] = hg_overhead_terms[k].ratio ? ratios : 1;
}

static bool fit_group(hg_arena *keep, const task *t, const double *prior, size_t least_rows, const hg_serving_line *whole,
                      double hold_ratios, hg_serving_group *g)
{
    hg_serving_line *l = open_line(keep, t, g);
    double x[TERMS];
    g->rows = l->count;
    if (l->count < least_rows)
        return false;
    memcpy(l->prior, prior, sizeof l->prior);
    hold_terms(l, hold_ratios);
    move(t, *keep, l, prior);
    if (whole)
        copy_slopes(whole, l);
    else
        find_slopes(t, *keep, l);
    for (int round = 0; round < ROUNDS; round++) {
        solve(t, l, prior, -1, 1, x);
        move(t, *keep, l, x);
    }
    g->overheads = overheads_of(beliefs[t->kind], l->x);
    g->line = l;
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

/* Of a version's group its engine's, which its fit starts from; else NULL. */
static const hg_serving_group *whole_of(const hg_serving_group *groups, size_t n, const hg_serving_group *g)
{
    return g->version ? find(groups, n, g->engine, NULL) : NULL;
}

size_t hg_serving_fit(hg_arena *keep, const hg_serving_sample *samples, size_t n, int threads,
                      hg_serving_fit_kind kind, hg_serving_group **out)
{
    task t = { samples, n, threads, kind };
    double prior[TERMS];
    size_t count = 0, capacity = 0;
    *out = NULL;
    for (int by_version = 0; by_version < (kind == HG_FIT_VERSIONS ? 2 : 1); by_version++)
        for (size_t i = 0; i < n; i++) {
            hg_serving_group g = { .engine = samples[i].engine, .version = by_version ? samples[i].version : NULL };
            const hg_serving_group *whole = whole_of(*out, count, &g);
            if (find(*out, count, g.engine, g.version) || (by_version && !whole))
                continue;
            for (int k = 0; k < TERMS; k++)
                prior[k] = whole ? whole->line->x[k] : beliefs[kind][k].prior_s / beliefs[kind][k].spread_s;
            if (fit_group(keep, &t, prior, LEAST_ROWS, whole ? whole->line : NULL, whole ? 1 : HOLD_RATIOS, &g))
                *HG_PUSH(keep, *out, count, capacity) = g;
        }
    return count;
}

bool hg_serving_refit(hg_arena *keep, const hg_serving_sample *samples, size_t n, int threads, const hg_overheads *shipped,
                      hg_serving_group *out)
{
    task t = { samples, n, threads, HG_FIT_VERSIONS };
    hg_overheads from = *shipped;
    double prior[TERMS];
    *out = (hg_serving_group){ .engine = n ? samples[0].engine : "" };
    for (int k = 0; k < TERMS; k++)
        prior[k] = *hg_overhead(&from, k) / beliefs[t.kind][k].spread_s;
    return fit_group(keep, &t, prior, 1, NULL, 1, out);
}

void hg_serving_fit_without(const hg_serving_sample *samples, size_t n, hg_serving_fit_kind kind, int fold, int folds,
                            hg_serving_group *groups, size_t count)
{
    task t = { samples, n, 1, kind };
    for (size_t g = 0; g < count; g++) {
        double x[TERMS], prior[TERMS];
        const hg_serving_group *whole = whole_of(groups, count, &groups[g]);
        memcpy(prior, groups[g].line->prior, sizeof prior);
        for (int k = 0; whole && k < TERMS; k++)
            prior[k] = *hg_overhead((hg_overheads *)&whole->overheads, k) / beliefs[t.kind][k].spread_s;
        solve(&t, groups[g].line, prior, fold, folds, x);
        groups[g].overheads = overheads_of(beliefs[t.kind], x);
    }
}

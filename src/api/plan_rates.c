/* Replicas against rate, an autoscaler's table: of the recommended engine, how many keep the promise at each load. */
#include "api/plan_run.h"

#include "base/file.h"
#include "base/num.h"
#include "base/pool.h"
#include "eval/bound.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RATES = 8, RATES_MOST = 64 };
static const double RATE_MOST = 1e6;

static bool bad(hg_ask *a)
{
    return hg_fail(&a->err, HG_INPUT, a->s.rates.where, "is '%.40s'; write requests per second like 10..500 or 10,50,200, or a CSV file of hour,rate",
                   a->s.rates.s);
}

/* What may be a number or two is none's name; a file named so is ./10. */
static bool is_file(const char *s)
{
    return s[strspn(s, "0123456789.,eE+- ")] != 0;
}

static bool one_rate(const char *text, double *out)
{
    return hg_parse_f64(text, out) && *out > 0 && *out <= RATE_MOST;
}

/* Eight from the lowest to the highest, by equal factors, in three figures. */
static bool spread(hg_ask *a, char *text, char *dots, hg_plan *out)
{
    double lo, hi;
    *dots = 0;
    if (!one_rate(text, &lo) || !one_rate(dots + 2, &hi) || hi <= lo)
        return bad(a);
    for (int i = 0; i < RATES; i++) {
        double exact = lo * pow(hi / lo, (double)i / (RATES - 1)), unit = pow(10, 2 - floor(log10(exact)));
        out->rates[out->rate_count++].rate_per_s = i == 0 ? lo : i == RATES - 1 ? hi : round(exact * unit) / unit;
    }
    return true;
}

static int rising(const void *a, const void *b)
{
    const hg_rate_row *x = a, *y = b;
    return (x->rate_per_s > y->rate_per_s) - (x->rate_per_s < y->rate_per_s);
}

static size_t place_of(const hg_plan *p, double rate_per_s)
{
    hg_rate_row key = { .rate_per_s = rate_per_s };
    const hg_rate_row *at = rate_per_s > 0 ? bsearch(&key, p->rates, p->rate_count, sizeof key, rising) : NULL;
    return at ? (size_t)(at - p->rates) : SIZE_MAX;
}

/* Each of its rates once, rising. */
static bool take_day(hg_ask *a, hg_plan *out)
{
    if (!hg_is_file(a->s.rates.s))
        return bad(a);
    if (!hg_day_read(a->arena, a->s.rates.s, &out->day, &a->err))
        return false;
    const hg_day *day = &out->day;
    size_t *places = HG_NEW(a->arena, size_t, day->count), n = 0;
    out->rates = HG_NEW(a->arena, hg_rate_row, day->count);
    for (size_t i = 0; i < day->count; i++)
        if (day->rows[i].rate_per_s > 0)
            out->rates[n++].rate_per_s = day->rows[i].rate_per_s;
    qsort(out->rates, n, sizeof *out->rates, rising);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || out->rates[i].rate_per_s > out->rates[out->rate_count - 1].rate_per_s)
            out->rates[out->rate_count++] = out->rates[i];
    for (size_t i = 0; i < day->count; i++)
        places[i] = place_of(out, day->rows[i].rate_per_s);
    out->day_rates = places;
    return true;
}

bool hg_ask_rate_list(hg_ask *a, hg_plan *out)
{
    if (!a->s.rates.s)
        return true;
    if (a->s.rate.given || a->s.concurrency.n || a->s.replay.v)
        return hg_fail(&a->err, HG_INPUT, a->s.rates.where, "is a list of loads, and another load is given; leave one of them out");
    if (is_file(a->s.rates.s))
        return take_day(a, out);
    char *text = hg_strdup(a->arena, a->s.rates.s), *dots = strstr(text, ".."), *next;
    out->rates = HG_NEW(a->arena, hg_rate_row, RATES_MOST);
    if (dots)
        return spread(a, text, dots, out);
    for (char *at = text; at; at = next) {
        next = strchr(at, ',');
        if (next)
            *next++ = 0;
        if (out->rate_count == RATES_MOST || !one_rate(at, &out->rates[out->rate_count++].rate_per_s))
            return bad(a);
    }
    return true;
}

typedef struct task {
    const hg_goal *goal;
    const hg_candidate *engine;  /* one replica */
    hg_plan *plan;
    hg_arena *arenas;
} task;

static void find(void *ctx, size_t i, int thread)
{
    task *t = ctx;
    hg_arena scratch = t->arenas[thread];
    hg_rate_row *row = &t->plan->rates[i];
    hg_problem *p = HG_NEW(&scratch, hg_problem, 1);
    hg_goal goal = *t->goal;
    *p = *t->goal->problem;
    p->workload.load = HG_LOAD_RATE;
    p->workload.rate_per_s = row->rate_per_s;
    goal.problem = p;
    hg_demand demand = hg_demand_of(scratch, &p->workload, &p->slo);
    double bound = hg_bound_rate(scratch, p, &demand, t->engine);
    row->kept = hg_goal_score(&goal, &scratch, t->engine, 0, bound, &row->metrics, NULL, NULL) > 0 &&
                hg_goal_settle(&goal, &scratch, t->engine, &row->metrics) > 0;
    row->replicas = row->kept ? row->metrics.replicas : 0;
}

bool hg_plan_rates(hg_ask *a, const hg_goal *goal, const int64_t *counts, size_t count, int64_t total_devices, int threads, hg_plan *out)
{
    if (out->rate_count == 0 || !out->found)
        return true;
    if (out->top[0].prefill.replicas)
        return hg_fail(&a->err, HG_INPUT, a->s.rates.where, "scales engines that do both; add --mode aggregated");
    hg_point one = out->top[0];
    hg_candidate *c = HG_NEW(a->arena, hg_candidate, 1);
    one.deployment.replicas = 1;
    hg_point_candidate(a->arena, out->problem, &one, c);
    hg_goal g = *goal;
    g.replicas = counts;
    g.replica_count = count;
    g.total_devices = total_devices;
    g.fill = a->s.replicas.n == 0;
    threads = threads > 0 ? threads : hg_processors();
    task t = { &g, c, out, HG_NEW(a->arena, hg_arena, threads) };
    for (int i = 0; i < threads; i++)
        hg_arena_open(&t.arenas[i], 0);
    hg_parallel(out->rate_count, threads, find, &t);
    for (int i = 0; i < threads; i++)
        hg_arena_close(&t.arenas[i]);
    return true;
}

#include "fit/miss_fit.h"

#include "base/stat.h"

#include <math.h>
#include <string.h>

const char *const hg_miss_ways[HG_MISS_WAYS] = {
    [HG_MISS_SHIPPED] = "as shipped", [HG_MISS_FACTOR] = "one factor", [HG_MISS_LOADS] = "its other loads",
    [HG_MISS_ALL] = "other loads and lengths", [HG_MISS_LENGTHS] = "its other lengths only",
};

static bool same(double a, double b)
{
    return fabs(a - b) < 1e-9;
}

static bool same_length(const hg_miss_run *a, const hg_miss_run *b)
{
    return same(a->isl, b->isl) && same(a->osl, b->osl);
}

/* Whether the way may look at run b when a's load is left out: repeats of that load never. */
static bool may_see(hg_miss_way way, const hg_miss_run *a, const hg_miss_run *b)
{
    bool length = same_length(a, b), load = same(a->load, b->load);
    return way == HG_MISS_LENGTHS ? !length : way == HG_MISS_ALL ? !(length && load) : length && !load;
}

static double mean_miss(const hg_miss_run *runs, size_t n, hg_miss_figure figure)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += runs[i].miss[figure];
    return sum / (double)n;
}

double hg_miss_left_out(hg_arena scratch, const hg_miss_prior *p, hg_miss_figure figure, const hg_miss_server *s, size_t i,
                        hg_miss_way way, double *sd)
{
    const hg_miss_run *at = &s->runs[i];
    hg_miss_run *seen = HG_NEW(&scratch, hg_miss_run, s->count);
    size_t n = 0;
    for (size_t k = 0; k < s->count; k++)
        if (isfinite(s->runs[k].miss[figure]) && may_see(way, at, &s->runs[k]))
            seen[n++] = s->runs[k];
    if (n == 0)
        return NAN;
    hg_miss_shift shift = { 0, 0, 0 };
    if (way == HG_MISS_FACTOR)
        shift.log_factor = mean_miss(seen, n, figure);
    else if (way != HG_MISS_SHIPPED)
        shift = hg_miss_at(scratch, p, figure, seen, n, at);
    if (sd)
        *sd = shift.sd;
    return exp(shift.log_factor - at->miss[figure]) - 1;
}

typedef struct fit {
    const hg_miss_server *servers;
    size_t n, most;           /* servers; runs in all */
    hg_miss_figure figure;
    double *errors;           /* room for twice as many */
} fit;

/* How large errors are by a way, over the same ones as shipped: medians and means count alike. */
static double against_shipped(hg_arena scratch, const fit *f, const hg_miss_prior *p, hg_miss_way way)
{
    size_t n = 0;
    double *now = f->errors, *before = f->errors + f->most;
    for (size_t s = 0; s < f->n; s++)
        for (size_t i = 0; i < f->servers[s].count; i++) {
            double miss = f->servers[s].runs[i].miss[f->figure];
            double e = isfinite(miss) ? hg_miss_left_out(scratch, p, f->figure, &f->servers[s], i, way, NULL) : NAN;
            if (!isfinite(e))
                continue;
            before[n] = fabs(exp(-miss) - 1);
            now[n++] = fabs(e);
        }
    hg_sort(now, n);
    hg_sort(before, n);
    return n ? hg_percentile(now, n, 0.5) / hg_percentile(before, n, 0.5) + hg_mean(now, n) / hg_mean(before, n) : 0;
}

/* A new load and a new length count alike. */
static double badness(hg_arena scratch, const fit *f, const hg_miss_prior *p)
{
    return against_shipped(scratch, f, p, HG_MISS_LOADS) + against_shipped(scratch, f, p, HG_MISS_LENGTHS);
}

/* Nearer than this to one another priors are the same: the errors no longer tell. */
static const double STEPS[] = { 2, 1.5, 1.25, 1.1 };
static const double GAIN = 1e-4;

static void search(hg_arena scratch, const fit *f, hg_miss_prior *p)
{
    double *terms[HG_MISS_TERMS] = { &p->server, &p->slope, &p->bend, &p->load_reach, &p->length_reach, &p->noise };
    double best = badness(scratch, f, p);
    for (size_t step = 0; step < sizeof STEPS / sizeof *STEPS; step++)
        for (int k = 0; k < 2 * HG_MISS_TERMS; k++)
            for (double by = k % 2 ? STEPS[step] : 1 / STEPS[step];;) {
                double *term = terms[k / 2], was = *term;
                *term *= by;
                double now = badness(scratch, f, p);
                if (!(now < best - GAIN)) {
                    *term = was;
                    break;
                }
                best = now;
            }
}

static void find_band(hg_arena scratch, const fit *f, hg_miss_prior *p)
{
    size_t n = 0;
    for (size_t s = 0; s < f->n; s++)
        for (size_t i = 0; i < f->servers[s].count; i++) {
            double sd, e = isfinite(f->servers[s].runs[i].miss[f->figure])
                               ? hg_miss_left_out(scratch, p, f->figure, &f->servers[s], i, HG_MISS_LOADS, &sd) : NAN;
            if (isfinite(e))
                f->errors[n++] = -log(1 + e) / sd;
        }
    hg_sort(f->errors, n);
    p->lo = hg_percentile(f->errors, n, 0.1);
    p->hi = hg_percentile(f->errors, n, 0.9);
}

/* How far a run lies from the mean of the others at its place. */
static void find_repeat(const fit *f, hg_miss_prior *p)
{
    size_t n = 0;
    for (size_t s = 0; s < f->n; s++)
        for (size_t i = 0; i < f->servers[s].count; i++) {
            const hg_miss_run *a = &f->servers[s].runs[i];
            double sum = 0, others = 0;
            for (size_t k = 0; k < f->servers[s].count; k++) {
                const hg_miss_run *b = &f->servers[s].runs[k];
                if (k == i || !same_length(a, b) || !same(a->load, b->load) || !isfinite(b->miss[f->figure]))
                    continue;
                sum += b->miss[f->figure];
                others++;
            }
            if (others > 0 && isfinite(a->miss[f->figure]))
                f->errors[n++] = fabs(a->miss[f->figure] - sum / others);
        }
    hg_sort(f->errors, n);
    p->repeat = n ? hg_percentile(f->errors, n, 0.8) : p->noise;
}

void hg_miss_fit(hg_arena scratch, const hg_miss_server *servers, size_t n, hg_miss_priors *out)
{
    static const hg_miss_prior begin = { .server = 0.2, .slope = 0.05, .bend = 0.3, .load_reach = 2.5, .length_reach = 3, .noise = 0.02 };
    fit f = { .servers = servers, .n = n };
    for (size_t s = 0; s < n; s++)
        f.most += servers[s].count;
    f.errors = HG_NEW(&scratch, double, 2 * f.most);
    for (int k = 0; k < HG_MISS_FIGURES; k++) {
        f.figure = (hg_miss_figure)k;
        out->of[k] = begin;
        search(scratch, &f, &out->of[k]);
        find_band(scratch, &f, &out->of[k]);
        find_repeat(&f, &out->of[k]);
    }
}

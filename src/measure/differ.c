#include "measure/differ.h"

#include "base/rng.h"
#include "base/stat.h"
#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DRAWS = 400, STATISTICS = 5, CAUSE = 77 };
static const char *const statistics[STATISTICS] = { "mean", "median", "p90", "p95", "p99" };

/* Fewer than this many requests beyond a percentile tell nothing of its noise. */
static const double LEAST_BEYOND = 5;

/* Lengths this near are the same: tokenisers and templates count a little differently. */
static const double SAME_LENGTH = 0.1, SAME_RATE = 0.02;

static double statistic(const hg_spread_s *s, int k)
{
    const double v[STATISTICS] = { s->mean, s->median, s->p90, s->p95, s->p99 };
    return v[k];
}

static double level(int k)
{
    static const double of[STATISTICS] = { 0, 0.5, 0.9, 0.95, 0.99 };
    return of[k];
}

/* A figure's values in the order of sending. */
static double *values(hg_arena *arena, const hg_bench_result *r, hg_figure f, size_t *n)
{
    double *x = HG_NEW(arena, double, r->request_count);
    *n = 0;
    for (size_t i = 0; i < r->request_count; i++)
        if (isfinite(r->requests[i].of[f]))
            x[(*n)++] = r->requests[i].of[f];
    return x;
}

/* As many values again, in whole runs of neighbours. */
static void draw(const double *x, size_t n, hg_rng *rng, double *out)
{
    size_t block = (size_t)fmax(1, sqrt((double)n)), at = 0;
    while (at < n)
        for (size_t from = (size_t)hg_rng_between(rng, 0, (int64_t)(n - 1)), k = 0; k < block && at < n; k++)
            out[at++] = x[(from + k) % n];
}

typedef struct draws { /* a figure's statistics, drawn again and again */
    double of[STATISTICS][DRAWS];
    size_t n;
} draws;

static draws *draw_all(hg_arena *arena, const hg_bench_result *r, hg_figure f, uint64_t seed, uint64_t cause)
{
    draws *d = HG_NEW(arena, draws, 1);
    const double *x = values(arena, r, f, &d->n);
    double *again = HG_NEW(arena, double, d->n);
    hg_rng rng = hg_rng_seed(seed, cause);
    for (int i = 0; d->n > 1 && i < DRAWS; i++) {
        draw(x, d->n, &rng, again);
        d->of[0][i] = hg_mean(again, d->n);
        hg_sort(again, d->n);
        for (int k = 1; k < STATISTICS; k++)
            d->of[k][i] = hg_percentile(again, d->n, level(k));
    }
    return d;
}

static void interval(const draws *a, const draws *b, int k, hg_difference *out)
{
    double ratio[DRAWS];
    size_t fewest = a->n < b->n ? a->n : b->n;
    out->lo = out->hi = NAN;
    if (fewest < 2 || (double)fewest * (1 - level(k)) < LEAST_BEYOND)
        return;
    for (int i = 0; i < DRAWS; i++)
        ratio[i] = a->of[k][i] > 0 ? b->of[k][i] / a->of[k][i] - 1 : 0;
    hg_sort(ratio, DRAWS);
    out->lo = hg_percentile(ratio, DRAWS, 0.025);
    out->hi = hg_percentile(ratio, DRAWS, 0.975);
}

static void add(hg_differ *d, const char *figure, const char *statistic_name, const char *unit, double a, double b)
{
    if (!(a > 0) || !(b > 0) || !isfinite(a) || !isfinite(b) || d->count == HG_DIFFERENCES)
        return;
    d->all[d->count++] = (hg_difference){ figure, statistic_name, unit, a, b, b / a - 1, NAN, NAN };
}

static void add_figure(hg_arena scratch, const hg_bench_result *a, const hg_bench_result *b, hg_figure f, uint64_t seed, hg_differ *d)
{
    const draws *of_a = draw_all(&scratch, a, f, seed, CAUSE + 2 * (uint64_t)f);
    const draws *of_b = draw_all(&scratch, b, f, seed, CAUSE + 2 * (uint64_t)f + 1);
    for (int k = 0; k < STATISTICS; k++) {
        int before = d->count;
        add(d, hg_figure_names[f], statistics[k], "s", statistic(&a->of[f], k), statistic(&b->of[f], k));
        if (d->count > before && (f != HG_OF_ITL || k == 0)) /* percentiles of ITL are of all gaps, not of requests */
            interval(of_a, of_b, k, &d->all[before]);
    }
}

static void say(hg_differ *d, const char *line)
{
    if (d->line_count < HG_DIFFER_LINES)
        d->lines[d->line_count++] = line;
}

static void say_texts(hg_arena *arena, hg_differ *d, const char *what, const char *a, const char *b)
{
    if (a && b && strcmp(a, b) != 0)
        say(d, hg_textf(arena, "%s: %s, and %s", what, a, b));
}

static void say_counts(hg_arena *arena, hg_differ *d, const char *what, int64_t a, int64_t b)
{
    if (a && b && a != b)
        say(d, hg_textf(arena, "%s: %" PRId64 ", and %" PRId64, what, a, b));
}

static bool near(double a, double b, double within)
{
    return isnan(a) || isnan(b) || fabs(a - b) <= within * fmax(fabs(a), fabs(b));
}

static bool is_predicted(const hg_bench_result *r)
{
    return strstr(r->format, "simulate") || strstr(r->format, "plan");
}

static void say_server(hg_arena *arena, const hg_bench_result *a, const hg_bench_result *b, hg_differ *d)
{
    say_texts(arena, d, "model", a->model, b->model);
    say_texts(arena, d, "device", a->device, b->device);
    say_texts(arena, d, "engine", a->engine, b->engine);
    say_texts(arena, d, "engine's version", a->version, b->version);
    say_texts(arena, d, "precision", a->precision, b->precision);
    say_counts(arena, d, "tp", a->tp, b->tp);
    say_counts(arena, d, "pp", a->pp, b->pp);
    say_counts(arena, d, "dp", a->dp, b->dp);
    say_counts(arena, d, "ep", a->ep, b->ep);
    say_counts(arena, d, "GPUs", a->gpus, b->gpus);
    if (a->disaggregated != b->disaggregated)
        say(d, "one is disaggregated, the other is not");
    if (is_predicted(a) != is_predicted(b))
        say(d, "one is predicted, the other measured");
}

static void say_load(hg_arena *arena, const hg_bench_result *a, const hg_bench_result *b, hg_differ *d)
{
    say_counts(arena, d, "clients", a->concurrency, b->concurrency);
    if (a->rate_per_s > 0 && b->rate_per_s > 0 && !near(a->rate_per_s, b->rate_per_s, SAME_RATE))
        say(d, hg_textf(arena, "requests a second: %.4g, and %.4g", a->rate_per_s, b->rate_per_s));
    if ((a->rate_per_s > 0 && b->concurrency && !b->rate_per_s) || (b->rate_per_s > 0 && a->concurrency && !a->rate_per_s))
        say(d, "one is an open loop (a rate), the other a closed one (clients): their TTFT queue differently");
    if (!near(a->isl, b->isl, SAME_LENGTH))
        say(d, hg_textf(arena, "prompt tokens: %.0f, and %.0f", a->isl, b->isl));
    if (!near(a->osl, b->osl, SAME_LENGTH))
        say(d, hg_textf(arena, "output tokens: %.0f, and %.0f", a->osl, b->osl));
    if (a->failed > 0 || b->failed > 0)
        say(d, hg_textf(arena, "failed requests, which no figure holds: %.0f, and %.0f", fmax(0, a->failed), fmax(0, b->failed)));
}

static void say_definitions(hg_arena *arena, const hg_bench_result *a, const hg_bench_result *b, hg_differ *d)
{
    const hg_bench_result *both[] = { a, b };
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < both[k]->note_count; i++) {
            bool shared = false;
            for (int o = 0; o < both[1 - k]->note_count; o++)
                shared |= strcmp(both[k]->notes[i], both[1 - k]->notes[o]) == 0;
            if (!shared)
                say(d, hg_textf(arena, "%s only: %s", k ? "the second" : "the first", both[k]->notes[i]));
        }
}

void hg_differ_results(hg_arena *arena, const hg_bench_result *a, const hg_bench_result *b, uint64_t seed, hg_differ *out)
{
    *out = (hg_differ){ .count = 0 };
    for (int f = 0; f < HG_FIGURES; f++)
        add_figure(*arena, a, b, (hg_figure)f, seed, out);
    add(out, "requests/s", "", "/s", a->requests_per_s, b->requests_per_s);
    add(out, "output tokens/s", "", "/s", a->output_tokens_per_s, b->output_tokens_per_s);
    add(out, "total tokens/s", "", "/s", a->total_tokens_per_s, b->total_tokens_per_s);
    if (a->gpus && b->gpus)
        add(out, "output tokens/s/GPU", "", "/s", a->output_tokens_per_s / (double)a->gpus, b->output_tokens_per_s / (double)b->gpus);
    add(out, "tokens/s/user", "", "/s", 1 / a->of[HG_OF_TPOT].median, 1 / b->of[HG_OF_TPOT].median);
    say_server(arena, a, b, out);
    say_load(arena, a, b, out);
    say_definitions(arena, a, b, out);
}

bool hg_same_load(const hg_bench_result *a, const hg_bench_result *b)
{
    return (!a->concurrency || !b->concurrency || a->concurrency == b->concurrency) &&
           (!(a->rate_per_s > 0) || !(b->rate_per_s > 0) || near(a->rate_per_s, b->rate_per_s, SAME_RATE)) &&
           near(a->isl, b->isl, SAME_LENGTH) && near(a->osl, b->osl, SAME_LENGTH);
}

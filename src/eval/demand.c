#include "eval/bound.h"

#include <math.h>
#include <stdlib.h>

/* A percentile over the requests of one run sees a little more or fewer than over all. */
static const double SAMPLING = 0.005;

static int rising(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* The part of all answer tokens that lies in the longest `frac` of the requests. */
static double tokens_in_longest(const int32_t *answers, size_t n, double frac)
{
    double all = 0, longest = 0, first = (double)n * (1 - frac);
    for (size_t i = 0; i < n; i++) {
        all += answers[i];
        longest += answers[i] * fmin(1, fmax(0, (double)(i + 1) - first));
    }
    return all > 0 ? longest / all : 0;
}

/* What one limit says of the mean gap between tokens; false: nothing that could be relied on. */
static bool gap_of(const hg_limit *l, const int32_t *answers, size_t n, double mean, double *gap_s, double *free_frac)
{
    double missed = l->percentile == HG_MEAN ? 0 : fmin(1, 1 - l->percentile + SAMPLING);
    bool even = answers[0] == answers[n - 1];
    double longest = tokens_in_longest(answers, n, missed);
    *gap_s = l->limit_s;
    *free_frac = l->metric == HG_ITL ? missed : longest;
    if (l->metric == HG_E2E && longest < 1)
        *gap_s = l->limit_s * (1 - missed) / (mean * (1 - longest));
    return (l->metric == HG_ITL || l->metric == HG_E2E || (l->metric == HG_TPOT && (l->percentile != HG_MEAN || even))) &&
           *free_frac < 1;
}

static bool is_nearer(double gap_s, double free_frac, const hg_demand *d)
{
    return gap_s < d->gap_s || (gap_s == d->gap_s && free_frac < d->free_frac);
}

static void take_gaps(const hg_slo *slo, const int32_t *answers, size_t n, hg_demand *d)
{
    for (int i = 0; i < slo->count && d->answer > 0; i++) {
        double gap_s, free_frac;
        if (!gap_of(&slo->limits[i], answers, n, d->answer, &gap_s, &free_frac) || !is_nearer(gap_s, free_frac, d))
            continue;
        d->gap_s = gap_s;
        d->free_frac = free_frac;
    }
}

/* What prompts that must not wait take of a gap between tokens: see bound.h. */
static double held(double wait_s, double late_frac, const hg_demand *d)
{
    return d->answer > 0 ? (1 - late_frac) * fmax(0, d->gap_s - wait_s / d->answer) : 0;
}

/* Of several limits of the first token any is true: the one that holds the gaps up most counts, whatever their order;
 * among those that do not, the shortest. */
static void take_waits(const hg_slo *slo, hg_demand *d)
{
    for (int i = 0; i < slo->count; i++) {
        const hg_limit *l = &slo->limits[i];
        double late_frac = fmin(1, 1 - l->percentile + SAMPLING);
        if (l->metric != HG_TTFT || l->percentile == HG_MEAN)
            continue;
        double now = held(d->wait_s, d->late_frac, d), then = held(l->limit_s, late_frac, d);
        bool alike = !(then > now) && !(then < now);
        if (then > now || (alike && (l->limit_s < d->wait_s || (l->limit_s == d->wait_s && late_frac < d->late_frac)))) {
            d->wait_s = l->limit_s;
            d->late_frac = late_frac;
        }
    }
}

static void take_limits(const hg_slo *slo, const int32_t *answers, size_t n, hg_demand *d)
{
    take_gaps(slo, answers, n, d);
    take_waits(slo, d);
}

static void take_lengths(const int32_t *prompts, size_t n, hg_demand *d)
{
    for (size_t i = 0; i < HG_LENGTHS_SEEN; i++) {
        size_t from = i * n / HG_LENGTHS_SEEN, to = (i + 1) * n / HG_LENGTHS_SEEN;
        to = to > from ? to : from + 1;
        for (size_t k = from; k < to; k++)
            d->isl[i] += (double)prompts[k] / (double)(to - from);
    }
}

hg_demand hg_demand_of(hg_arena scratch, const hg_workload *w, const hg_slo *slo)
{
    hg_demand d = { .gap_s = INFINITY, .wait_s = INFINITY };
    int32_t *prompts = HG_NEW(&scratch, int32_t, w->count), *answers = HG_NEW(&scratch, int32_t, w->count);
    double context = 0, all = 0, n = (double)w->count;
    for (size_t i = 0; i < w->count; i++) {
        const hg_request *r = &w->requests[i];
        prompts[i] = r->isl;
        answers[i] = r->osl - 1;
        d.prompt += r->isl / n;
        all += answers[i];
        context += answers[i] * (r->isl + r->osl / 2.0);
    }
    d.answer = all / n;
    d.context = all > 0 ? context / all : 0;
    qsort(prompts, w->count, sizeof *prompts, rising);
    qsort(answers, w->count, sizeof *answers, rising);
    take_lengths(prompts, w->count, &d);
    take_limits(slo, answers, w->count, &d);
    if (w->burstiness > 0 && w->burstiness != 1)
        d.wait_s = INFINITY;
    return d;
}

#include "live/figures.h"

#include "base/hist.h"
#include "base/stat.h"
#include "sim/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TELLING_CHUNKS = 8 /* fewer may well come in one piece */ };

static double seconds(int64_t ns)
{
    return (double)ns * 1e-9;
}

bool hg_live_counts(const hg_live_run *run, const hg_live_window *w, const hg_live_record *r)
{
    double at_s = seconds(r->intended_ns);
    if (w->warmup_s == 0 && w->cooldown_s == 0)
        return true;
    return at_s >= w->warmup_s && at_s <= run->sending_s - w->cooldown_s;
}

double hg_record_tpot_s(const hg_live_record *r)
{
    int64_t tokens = hg_record_tokens(r);
    return r->chunks > 1 && tokens > 1 ? seconds(r->last_ns - r->first_ns) / (double)(tokens - 1) : NAN;
}

static const hg_spread empty = { 0, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN };

static hg_spread spread_of(double *x, size_t n)
{
    if (n == 0)
        return empty;
    double mean = hg_mean(x, n), squares = 0;
    for (size_t i = 0; i < n; i++)
        squares += (x[i] - mean) * (x[i] - mean);
    hg_sort(x, n);
    return (hg_spread){ n, mean, sqrt(squares / (double)n), x[0], x[n - 1], hg_percentile(x, n, 0.01),
                        hg_percentile(x, n, 0.05), hg_percentile(x, n, 0.1), hg_percentile(x, n, 0.25),
                        hg_percentile(x, n, 0.5), hg_percentile(x, n, 0.75), hg_percentile(x, n, 0.9),
                        hg_percentile(x, n, 0.95), hg_percentile(x, n, 0.99), hg_percentile(x, n, 0.999) };
}

/* Gaps between chunks: too many to sort, pooled in bins of 0.1 %. */
typedef struct pool {
    hg_hist hist;
    double weight, sum, squares, min, max;
} pool;

static void pool_add(pool *p, double s, uint64_t weight)
{
    hg_hist_add(&p->hist, llround(s * 1e9), weight);
    p->weight += (double)weight;
    p->sum += s * (double)weight;
    p->squares += s * s * (double)weight;
    p->min = fmin(p->min, s);
    p->max = fmax(p->max, s);
}

static hg_spread spread_of_pool(const pool *p)
{
    if (p->weight == 0)
        return empty;
    double mean = p->sum / p->weight, variance = fmax(0, p->squares / p->weight - mean * mean);
    const hg_hist *h = &p->hist;
    return (hg_spread){ h->total, mean, sqrt(variance), p->min, p->max, hg_hist_percentile_s(h, 0.01),
                        hg_hist_percentile_s(h, 0.05), hg_hist_percentile_s(h, 0.1), hg_hist_percentile_s(h, 0.25),
                        hg_hist_percentile_s(h, 0.5), hg_hist_percentile_s(h, 0.75), hg_hist_percentile_s(h, 0.9),
                        hg_hist_percentile_s(h, 0.95), hg_hist_percentile_s(h, 0.99), hg_hist_percentile_s(h, 0.999) };
}

/* Tokens of a chunk that does not say: the request's mean beside those that do. */
static double mean_tokens(const hg_live_record *r)
{
    int64_t said = 0;
    uint32_t silent = 0;
    for (uint32_t i = 0; i + 1 < r->chunks; i++) {
        said += r->gaps[i].tokens;
        silent += r->gaps[i].tokens == 0;
    }
    double left = (double)(hg_record_tokens(r) - said - 1);
    return silent ? fmax(left, 0) / silent : 0;
}

typedef struct tally {
    const hg_live_run *run;
    const hg_live_window *window;
    hg_live_figures *out;
    hg_arena arena;
    hg_sample *samples;      /* of counted ones */
    size_t count;
    pool itl, icl;
    double *per_second;      /* output tokens */
    size_t seconds;
    double input_tokens, output_tokens, complete; /* in the window */
} tally;

static bool is_whole(const tally *t)
{
    return t->window->warmup_s == 0 && t->window->cooldown_s == 0;
}

static bool in_window(const tally *t, int64_t at_ns)
{
    double at_s = seconds(at_ns);
    return is_whole(t) || (at_s >= t->out->from_s && at_s < t->out->from_s + t->out->window_s);
}

static void count_tokens(tally *t, int64_t at_ns, double tokens)
{
    size_t second = at_ns > 0 ? (size_t)(at_ns / 1000000000) : 0;
    if (second < t->seconds)
        t->per_second[second] += tokens;
    if (in_window(t, at_ns))
        t->output_tokens += tokens;
}

/* When the answer's tokens came. */
static void walk_tokens(tally *t, const hg_live_record *r, bool counted)
{
    double each = mean_tokens(r), rest = (double)hg_record_tokens(r);
    double at_ns = (double)r->first_ns;
    for (uint32_t i = 0; i + 1 < r->chunks; i++) {
        const hg_gap *g = &r->gaps[i];
        double tokens = g->tokens ? g->tokens : each;
        at_ns += (double)g->s * 1e9;
        rest -= tokens;
        count_tokens(t, (int64_t)at_ns, tokens);
        if (!counted)
            continue;
        pool_add(&t->icl, g->s, 1);
        if (tokens > 0)
            pool_add(&t->itl, g->s / tokens, (uint64_t)fmax(1, round(tokens)));
    }
    count_tokens(t, r->first_ns, fmax(rest, 0));
}

static hg_sample sample_of(const hg_live_record *r)
{
    hg_sample s = { { [HG_E2E] = r->fault == HG_FAULT_STOPPED ? NAN : INFINITY } };
    if (r->fault != HG_FAULT_NONE)
        return s;
    double tpot = hg_record_tpot_s(r);
    return (hg_sample){ { [HG_TTFT] = seconds(r->first_ns - r->intended_ns), [HG_TPOT] = tpot, [HG_ITL] = tpot,
                          [HG_E2E] = seconds(r->last_ns - r->intended_ns), [HG_QUEUE] = NAN } };
}

static void count_one(tally *t, const hg_live_record *r)
{
    hg_live_figures *f = t->out;
    bool counted = hg_live_counts(t->run, t->window, r), good = r->fault == HG_FAULT_NONE;
    int64_t tokens = hg_record_tokens(r);
    f->by_fault[r->fault]++;
    f->retried += r->retried;
    if (counted) {
        t->samples[t->count++] = sample_of(r);
        f->complete += good;
        f->unfinished += r->fault == HG_FAULT_STOPPED;
        f->failed += !good && r->fault != HG_FAULT_STOPPED;
    }
    if (!good)
        return;
    f->shorter += tokens < r->osl;
    f->longer += tokens > r->osl;
    f->without_usage += r->output_tokens < 0;
    f->buffer_suspects += r->chunks >= TELLING_CHUNKS;
    f->in_one_piece += r->chunks >= TELLING_CHUNKS && r->reads == 1;
    if (in_window(t, r->end_ns)) {
        t->complete++;
        t->input_tokens += (double)(r->prompt_tokens >= 0 ? r->prompt_tokens : r->isl);
    }
    walk_tokens(t, r, counted);
}

static void set_window(tally *t)
{
    hg_live_figures *f = t->out;
    f->from_s = is_whole(t) ? 0 : t->window->warmup_s;
    f->window_s = is_whole(t) ? t->run->duration_s : fmax(0, t->run->sending_s - t->window->cooldown_s - f->from_s);
}

static void set_rates(tally *t)
{
    hg_live_figures *f = t->out;
    double per_s = f->window_s > 0 ? 1 / f->window_s : 0;
    double sending_s = is_whole(t) ? t->run->sending_s : f->window_s;
    f->requests_per_s = t->complete * per_s;
    f->input_tokens_per_s = t->input_tokens * per_s;
    f->output_tokens_per_s = t->output_tokens * per_s;
    f->total_tokens_per_s = f->input_tokens_per_s + f->output_tokens_per_s;
    f->offered_per_s = f->counted > 1 && sending_s > 0 ? (double)(f->counted - 1) / sending_s : NAN;
    for (size_t i = 0; i < t->seconds; i++)
        f->peak_output_tokens_per_s = fmax(f->peak_output_tokens_per_s, t->per_second[i]);
}

/* A column of the counted, complete records; get gives NAN where one has none. */
static hg_spread spread_by(tally *t, double (*get)(const hg_live_record *))
{
    hg_arena scratch = t->arena;
    double *x = HG_NEW(&scratch, double, t->run->count + 1);
    size_t n = 0;
    for (size_t i = 0; i < t->run->count; i++) {
        const hg_live_record *r = &t->run->records[i];
        if (r->fault == HG_FAULT_NONE && hg_live_counts(t->run, t->window, r) && !isnan(x[n] = get(r)))
            n++;
    }
    return spread_of(x, n);
}

static double ttft(const hg_live_record *r) { return seconds(r->first_ns - r->intended_ns); }
static double e2e(const hg_live_record *r) { return seconds(r->last_ns - r->intended_ns); }
static double ttft_sent(const hg_live_record *r) { return seconds(r->first_ns - r->sent_ns); }
static double e2e_sent(const hg_live_record *r) { return seconds(r->last_ns - r->sent_ns); }
static double lag(const hg_live_record *r) { return seconds(r->sent_ns - r->intended_ns); }
static double isl(const hg_live_record *r) { return (double)(r->prompt_tokens >= 0 ? r->prompt_tokens : r->isl); }
static double osl(const hg_live_record *r) { return (double)hg_record_tokens(r); }
static double isl_asked(const hg_live_record *r) { return r->isl; }
static double osl_asked(const hg_live_record *r) { return r->osl; }
static double chunks(const hg_live_record *r) { return r->chunks; }
static double cached(const hg_live_record *r) { return r->cached_tokens >= 0 ? (double)r->cached_tokens : NAN; }

static void set_spreads(tally *t)
{
    hg_live_figures *f = t->out;
    f->latency[HG_TTFT] = spread_by(t, ttft);
    f->latency[HG_TPOT] = spread_by(t, hg_record_tpot_s);
    f->latency[HG_ITL] = spread_of_pool(&t->itl);
    f->latency[HG_E2E] = spread_by(t, e2e);
    f->latency[HG_QUEUE] = empty;
    f->icl = spread_of_pool(&t->icl);
    f->ttft_from_send = spread_by(t, ttft_sent);
    f->e2e_from_send = spread_by(t, e2e_sent);
    f->lag = spread_by(t, lag);
    f->isl = spread_by(t, isl);
    f->osl = spread_by(t, osl);
    f->isl_asked = spread_by(t, isl_asked).mean;
    f->osl_asked = spread_by(t, osl_asked).mean;
    f->tokens_per_chunk = f->osl.mean / spread_by(t, chunks).mean;
    hg_spread hits = spread_by(t, cached);
    f->cached_frac = hits.n ? hits.mean * (double)hits.n / (f->isl.mean * (double)f->isl.n) : NAN;
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void set_concurrency(tally *t)
{
    size_t n = 0, ended = 0;
    int64_t *from = HG_NEW(&t->arena, int64_t, t->run->count + 1), *to = HG_NEW(&t->arena, int64_t, t->run->count + 1);
    double sum_s = 0;
    for (size_t i = 0; i < t->run->count; i++) {
        const hg_live_record *r = &t->run->records[i];
        if (r->sent_ns < 0)
            continue;
        from[n] = r->sent_ns;
        to[n++] = r->end_ns;
        sum_s += seconds(r->end_ns - r->sent_ns);
    }
    qsort(from, n, sizeof *from, ascending);
    qsort(to, n, sizeof *to, ascending);
    for (size_t i = 0; i < n; i++) {
        while (ended < i && to[ended] <= from[i])
            ended++;
        int64_t now = (int64_t)(i + 1 - ended);
        t->out->concurrency_max = now > t->out->concurrency_max ? now : t->out->concurrency_max;
    }
    t->out->concurrency_mean = t->run->duration_s > 0 ? sum_s / t->run->duration_s : 0;
}

/* A failed request waits for ever: its share of the percentile lies beyond all complete ones. */
static double estimate(tally *t, const hg_limit *limit)
{
    hg_arena scratch = t->arena;
    double *x = HG_NEW(&scratch, double, t->count + 1), percentile = limit->percentile;
    size_t n = 0, complete = 0, judged = 0;
    for (size_t i = 0; i < t->count; i++) {
        const double *s = t->samples[i].s;
        judged += !isnan(s[HG_E2E]);
        complete += isfinite(s[HG_E2E]);
        if (isfinite(s[HG_E2E]) && !isnan(s[limit->metric]))
            x[n++] = s[limit->metric];
    }
    if (complete < judged)
        percentile = percentile == HG_MEAN ? INFINITY : percentile * (double)judged / (double)complete;
    if (complete == 0 || percentile > 1)
        return INFINITY;
    if (limit->metric == HG_ITL)
        return percentile == HG_MEAN ? t->out->latency[HG_ITL].mean : hg_hist_percentile_s(&t->itl.hist, percentile);
    return hg_metrics_statistic(x, n, percentile);
}

static void judge_slo(tally *t, const hg_slo *slo)
{
    hg_live_figures *f = t->out;
    size_t judged = 0;
    for (size_t i = 0; i < t->count; i++) {
        judged += !isnan(t->samples[i].s[HG_E2E]);
        f->good += hg_sample_good(&t->samples[i], slo);
    }
    f->attained_frac = judged ? (double)f->good / (double)judged : 0;
    f->good_per_s = f->complete ? f->requests_per_s * (double)f->good / (double)f->complete : 0;
    f->slo_kept = slo->count > 0 && f->complete > 0;
    for (int i = 0; i < slo->count; i++) {
        f->estimates[i] = estimate(t, &slo->limits[i]);
        f->slo_kept &= isnan(f->estimates[i]) || f->estimates[i] < slo->limits[i].limit_s;
    }
}

void hg_live_judge(hg_arena scratch, const hg_live_run *run, const hg_live_window *window, const hg_slo *slo,
                   hg_live_figures *out)
{
    *out = (hg_live_figures){ .sent = run->count };
    tally t = { .run = run, .window = window, .out = out, .arena = scratch, .itl.min = INFINITY, .itl.max = -INFINITY,
                .icl.min = INFINITY, .icl.max = -INFINITY, .seconds = (size_t)run->duration_s + 1 };
    t.samples = HG_NEW(&t.arena, hg_sample, run->count + 1);
    t.per_second = HG_NEW(&t.arena, double, t.seconds);
    hg_hist_open(&t.itl.hist, &t.arena, HG_HIST_FINE);
    hg_hist_open(&t.icl.hist, &t.arena, HG_HIST_FINE);
    set_window(&t);
    for (size_t i = 0; i < run->count; i++)
        count_one(&t, &run->records[i]);
    out->counted = t.count;
    set_rates(&t);
    set_spreads(&t);
    set_concurrency(&t);
    judge_slo(&t, slo);
}

hg_fault_group *hg_live_faults(hg_arena *arena, const hg_live_run *run, size_t *count)
{
    hg_fault_group *groups = NULL;
    size_t capacity = 0;
    *count = 0;
    for (size_t i = 0; i < run->count; i++) {
        const hg_live_record *r = &run->records[i];
        size_t k = 0;
        if (r->fault == HG_FAULT_NONE)
            continue;
        while (k < *count && (groups[k].fault != r->fault || groups[k].status != r->status))
            k++;
        if (k == *count)
            *HG_PUSH(arena, groups, *count, capacity) = (hg_fault_group){ r->fault, r->status, 0, r->said };
        groups[k].count++;
    }
    return groups;
}

#include "sim/metrics.h"

#include "base/stat.h"

#include <math.h>

void hg_metrics_open(hg_metrics *m, hg_arena *arena, const hg_slo *slo, const hg_client *client, int64_t first,
                     bool batched)
{
    *m = (hg_metrics){ .arena = arena, .slo = slo, .client = client ? client : &hg_client_table[0], .first = first, .batched = batched };
    hg_hist_open(&m->gaps, arena, HG_HIST_FINE);
    for (int i = 0; batched && i < HG_GAP_BATCHES; i++)
        hg_hist_open(&m->batches[i], arena, HG_GAP_BATCH_BITS);
}

bool hg_metrics_arrive(hg_metrics *m, int64_t number)
{
    if (number < m->first)
        return false;
    *HG_PUSH(m->arena, m->samples, m->count, m->capacity) = (hg_sample){ { [HG_E2E] = NAN } };
    return true;
}

static void sample(hg_metrics *m, const hg_seq *s, hg_sample value)
{
    m->samples[s->number - m->first] = value;
    m->finished++;
}

void hg_metrics_reject(hg_metrics *m, const hg_seq *s)
{
    m->now.rejected++;
    if (s->counted)
        sample(m, s, (hg_sample){ { [HG_E2E] = INFINITY } });
}

/* Of a request that took so long, and so long after its first token; a single token has none. */
static double tpot_of(const hg_client *c, const hg_seq *s, double e2e_s, double after_s)
{
    return s->osl == 1 ? NAN : c->tpot == HG_TPOT_WHOLE ? e2e_s / s->osl : after_s / (s->osl - 1);
}

static double itl_of(const hg_client *c, const hg_seq *s, double after_s)
{
    return s->osl == 1 ? NAN : after_s / (c->itl == HG_ITL_CHUNKS ? s->gaps : s->osl - 1);
}

void hg_metrics_finish(hg_metrics *m, const hg_seq *s, int64_t now_ns)
{
    double e2e_s = (double)(now_ns - s->sent_ns) * 1e-9;
    double after_s = (double)(now_ns - s->first_token_ns) * 1e-9;
    double tpot_s = tpot_of(m->client, s, e2e_s, after_s);
    m->now.completed++;
    m->e2e_sum_s += e2e_s;
    if (s->counted)
        sample(m, s, (hg_sample){ { [HG_TTFT] = (double)(s->first_token_ns - s->sent_ns) * 1e-9,
                                    [HG_TPOT] = tpot_s, [HG_E2E] = e2e_s,
                                    [HG_ITL] = itl_of(m->client, s, after_s),
                                    [HG_QUEUE] = (double)(s->scheduled_ns - s->seen_ns) * 1e-9 } });
}

void hg_metrics_gap(hg_metrics *m, int64_t gap_ns, int64_t weight)
{
    if (weight == 0)
        return;
    hg_hist_add(&m->gaps, gap_ns, (uint64_t)weight);
    if (m->batched)
        hg_hist_add(&m->batches[m->steps / HG_GAP_BATCH_STEPS % HG_GAP_BATCHES], gap_ns,
                    (uint64_t)weight);
}

double *hg_metrics_values(const hg_metrics *m, hg_arena *arena, hg_metric metric, size_t n,
                          size_t *count)
{
    double *values = HG_NEW(arena, double, n);
    *count = 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(m->samples[i].s[HG_E2E]) && !isnan(m->samples[i].s[metric]))
            values[(*count)++] = m->samples[i].s[metric];
    return values;
}

double hg_metrics_statistic(double *values, size_t n, double percentile)
{
    if (percentile == HG_MEAN)
        return hg_mean(values, n);
    return hg_quantile(values, n, percentile);
}

bool hg_sample_good(const hg_sample *s, const hg_slo *slo)
{
    if (!isfinite(s->s[HG_E2E]))
        return false;
    for (int i = 0; i < slo->count; i++)
        if (s->s[slo->limits[i].metric] >= slo->limits[i].limit_s) /* NAN passes: nothing to wait for */
            return false;
    return true;
}

static hg_summary summary_of(double *values, size_t n)
{
    static const double at[] = { 0.5, 0.9, 0.95, 0.99 };
    double mean = hg_mean(values, n), found[4];
    hg_quantiles(values, n, at, 4, found);
    return (hg_summary){ mean, found[0], found[1], found[2], found[3] };
}

static hg_summary summary_of_gaps(const hg_hist *h)
{
    return (hg_summary){ hg_hist_mean_s(h), hg_hist_percentile_s(h, 0.5),
                         hg_hist_percentile_s(h, 0.9), hg_hist_percentile_s(h, 0.95),
                         hg_hist_percentile_s(h, 0.99) };
}

static void count_requests(const hg_metrics *m, size_t n, hg_sim_result *out)
{
    for (size_t i = 0; i < n; i++) {
        double e2e_s = m->samples[i].s[HG_E2E];
        out->completed += isfinite(e2e_s);
        out->rejected += isinf(e2e_s) != 0;
        out->good += hg_sample_good(&m->samples[i], m->slo);
    }
    out->counted = n;
    out->attained_frac = n ? (double)out->good / (double)n : 0;
}

enum { QUARTER_LEAST = 4 };

/* In arrival order: where more arrive than are served, each waits longer than those before it. */
static void queue_growth(const hg_metrics *m, hg_arena scratch, size_t n, hg_sim_result *out)
{
    size_t count;
    double *queue = hg_metrics_values(m, &scratch, HG_QUEUE, n, &count);
    size_t quarter = count / 4;
    bool enough = quarter >= QUARTER_LEAST;
    out->queue_first_s = enough ? hg_mean(queue, quarter) : NAN;
    out->queue_last_s = enough ? hg_mean(queue + count - quarter, quarter) : NAN;
}

static void rates(const hg_metrics *m, hg_sim_result *out)
{
    double window_s = (double)(m->now.at_ns - m->start.at_ns) * 1e-9;
    double per_s = window_s > 0 ? 1 / window_s : 0;
    int64_t output = m->now.output_tokens - m->start.output_tokens;
    int64_t prompt = m->now.prompt_tokens - m->start.prompt_tokens;
    out->window_s = window_s;
    out->requests_per_s = (double)(m->now.completed - m->start.completed) * per_s;
    out->output_tokens_per_s = (double)output * per_s;
    out->total_tokens_per_s = (double)(output + prompt) * per_s;
    out->good_per_s = out->completed
                          ? out->requests_per_s * (double)out->good / (double)out->completed : 0;
}

void hg_metrics_summarise(const hg_metrics *m, hg_arena scratch, size_t n, hg_sim_result *out)
{
    for (int metric = 0; metric < HG_METRICS; metric++) {
        hg_arena passing = scratch;
        size_t count;
        if (metric == HG_ITL && m->client->itl != HG_ITL_REQUEST) {
            out->latency[metric] = summary_of_gaps(&m->gaps);
            continue;
        }
        double *values = hg_metrics_values(m, &passing, (hg_metric)metric, n, &count);
        out->latency[metric] = summary_of(values, count);
    }
    count_requests(m, n, out);
    queue_growth(m, scratch, n, out);
    rates(m, out);
    out->steps = m->steps;
    out->busy_s = m->busy_s;
    out->tokens_per_step = m->drafting ? 1 + (double)m->accepted / (double)m->drafting : 0;
    out->mean_batch = m->busy_s > 0 ? m->batch_time / m->busy_s : 0;
}

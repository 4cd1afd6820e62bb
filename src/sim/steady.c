#include "sim/steady.h"

#include "base/num.h"
#include "base/stat.h"

#include <math.h>

enum { BATCHES = HG_GAP_BATCHES, WARM_COMPLETED = 100, CHECK_BLOCKS = 8 };
static const double STUDENT_95_9 = 2.262; /* two-sided 95 %, nine degrees of freedom */
static const double TREND_99_8 = 3.355;   /* two-sided 99 %, eight degrees of freedom */

static const hg_slo nothing_promised = {
    .limits = { { HG_TTFT, HG_MEAN, INFINITY }, { HG_TPOT, HG_MEAN, INFINITY } }, .count = 2
};

void hg_steady_open(hg_steady_state *s, const hg_sim_config *config, const hg_workload *workload)
{
    *s = (hg_steady_state){ .config = config->steady,
                            .slo = config->slo.count ? config->slo : nothing_promised,
                            .open_loop = workload->load == HG_LOAD_RATE };
    if (s->config.ci_frac == 0)
        s->config.ci_frac = 0.05;
    if (s->config.min_requests == 0)
        s->config.min_requests = 1000;
    if (s->config.max_requests == 0)
        s->config.max_requests = 100000;
    if (config->slo.count == 0)
        s->config.to_precision = true;
    s->gap_variance = workload->burstiness > 0 ? 1 / workload->burstiness : 1;
    s->next_check = s->config.min_requests;
}

bool hg_steady_warm(const hg_metrics *m, int64_t now_ns)
{
    return m->now.completed >= WARM_COMPLETED &&
           (double)now_ns * 1e-9 >= 2 * m->e2e_sum_s / (double)m->now.completed;
}

static bool grows_without_end(const hg_steady_state *s)
{
    size_t n = s->blocks;
    double second_quarter = hg_mean(s->backlog + n / 4, n / 2 - n / 4);
    double later_half = hg_mean(s->backlog + n / 2, n - n / 2);
    double latest = hg_mean(s->backlog + n - n / 8, n / 8);
    /* Squared variation of service times is taken as one. */
    double chance = sqrt((double)(n * HG_BACKLOG_BLOCK) * (s->gap_variance + 1));
    return later_half >= 1.7 * second_quarter && latest >= 1.1 * later_half && latest > 3 * chance;
}

bool hg_steady_saturated(hg_steady_state *s, hg_arena *arena, int64_t waiting)
{
    s->block_sum += (double)waiting;
    if (!s->open_loop || ++s->in_block < HG_BACKLOG_BLOCK)
        return false;
    *HG_PUSH(arena, s->backlog, s->blocks, s->capacity) = s->block_sum / HG_BACKLOG_BLOCK;
    s->block_sum = 0;
    s->in_block = 0;
    return s->blocks % CHECK_BLOCKS == 0 && grows_without_end(s);
}

/* Do the batches rise beyond what chance explains?  Then the latest estimate is no bound. */
static bool rising(const double *batch)
{
    double mid = (BATCHES - 1) / 2.0, mean = hg_mean(batch, BATCHES), sxy = 0, sxx = 0, rest = 0;
    for (int i = 0; i < BATCHES; i++) {
        sxy += (i - mid) * (batch[i] - mean);
        sxx += (i - mid) * (i - mid);
    }
    double slope = sxy / sxx;
    for (int i = 0; i < BATCHES; i++) {
        double r = batch[i] - mean - slope * (i - mid);
        rest += r * r;
    }
    return slope > TREND_99_8 * sqrt(rest / (BATCHES - 2) / sxx) && slope > 0;
}

static double half_width(const double *batch, double center)
{
    double sum = 0;
    for (int i = 0; i < BATCHES; i++)
        sum += (batch[i] - center) * (batch[i] - center);
    return STUDENT_95_9 * sqrt(sum / (BATCHES - 1) / BATCHES);
}

static double gap_statistic(const hg_hist *h, double percentile)
{
    return percentile == HG_MEAN ? hg_hist_mean_s(h) : hg_hist_percentile_s(h, percentile);
}

static double batches_of_gaps(const hg_metrics *m, double percentile, double *batch)
{
    for (int i = 0; i < BATCHES; i++)
        batch[i] = m->batched ? gap_statistic(&m->batches[i], percentile) : NAN;
    return gap_statistic(&m->gaps, percentile);
}

static double batches_of_requests(const hg_metrics *m, hg_arena scratch, const hg_limit *limit,
                                  size_t n, double *batch)
{
    size_t count;
    double *values = hg_metrics_values(m, &scratch, limit->metric, n, &count);
    size_t each = count / BATCHES;
    for (size_t i = 0; i < BATCHES; i++)
        batch[i] = hg_metrics_statistic(values + i * each, each, limit->percentile);
    return hg_metrics_statistic(values, count, limit->percentile);
}

static hg_estimate estimate(const hg_metrics *m, hg_arena scratch, const hg_limit *limit, size_t n,
                            bool *trend)
{
    double batch[BATCHES];
    hg_estimate e = { .value_s = limit->metric == HG_ITL
                                     ? batches_of_gaps(m, limit->percentile, batch)
                                     : batches_of_requests(m, scratch, limit, n, batch) };
    e.half_width_s = half_width(batch, e.value_s);
    e.kept = isnan(e.value_s) || e.value_s < limit->limit_s; /* nothing measured, nothing broken */
    *trend = rising(batch);
    return e;
}

void hg_steady_estimate(hg_steady_state *s, const hg_metrics *m, hg_arena scratch, size_t n)
{
    bool trend;
    for (int i = 0; i < s->slo.count; i++)
        s->estimates[i] = estimate(m, scratch, &s->slo.limits[i], n, &trend);
}

static bool precise(const hg_steady_state *s, const hg_estimate *e)
{
    return isnan(e->value_s) || 2 * e->half_width_s <= s->config.ci_frac * e->value_s;
}

static bool decided(const hg_estimate *e, double limit_s)
{
    return isnan(e->value_s) || fabs(e->value_s - limit_s) > e->half_width_s;
}

static size_t finished_prefix(const hg_metrics *m)
{
    size_t n = 0;
    while (n < m->count && !isnan(m->samples[n].s[HG_E2E]))
        n++;
    return n;
}

bool hg_steady_enough(hg_steady_state *s, const hg_metrics *m, hg_arena scratch, hg_sim_end *end,
                      size_t *n)
{
    *n = finished_prefix(m);
    s->next_check = m->finished + hg_max_i64((int64_t)(m->finished / 4), BATCHES);
    if (*n < s->config.min_requests) {
        s->next_check = m->finished + s->config.min_requests - *n;
        return false;
    }
    bool all_precise = true, all_decided = true, broken = false;
    for (int i = 0; i < s->slo.count; i++) {
        bool trend;
        hg_estimate e = s->estimates[i] = estimate(m, scratch, &s->slo.limits[i], *n, &trend);
        bool known = decided(&e, s->slo.limits[i].limit_s) && (!trend || !e.kept);
        all_precise &= precise(s, &e) && !trend;
        all_decided &= known;
        broken |= known && !e.kept;
    }
    *end = all_precise ? HG_END_CONVERGED : HG_END_DECIDED;
    return all_precise || (!s->config.to_precision && (all_decided || broken));
}

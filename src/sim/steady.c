#include "sim/steady.h"

#include "base/num.h"
#include "base/stat.h"

#include <math.h>

enum { BATCHES_MIN = 10, BATCHES_MAX = 40, BATCH_REQUESTS = 200 };
static const double FILLING_FRAC = 0.03;

enum { WARM_COMPLETED = 100, CHECK_BLOCKS = 8, FIRST_LOOK_STEP = 10 };

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
        s->config.min_requests = HG_STEADY_LEAST;
    if (s->config.max_requests == 0)
        s->config.max_requests = 100000;
    if (config->slo.count == 0)
        s->config.to_precision = true;
    s->gap_variance = workload->burstiness > 0 ? 1 / workload->burstiness : 1;
    s->next_check = s->config.min_requests;
}

bool hg_steady_warm(const hg_metrics *m, int64_t now_ns)
{
    double completed = (double)m->now.completed;
    return m->now.completed + m->now.rejected >= WARM_COMPLETED &&
           (double)now_ns * 1e-9 * completed >= 2 * m->e2e_sum_s;
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

bool hg_steady_saturated(hg_steady_state *s, hg_arena *arena, int64_t waiting, int64_t in_system)
{
    s->block_sum += (double)waiting;
    s->population_sum += (double)in_system;
    if (!s->open_loop || ++s->in_block < HG_BACKLOG_BLOCK)
        return false;
    size_t also = s->blocks;
    *HG_PUSH(arena, s->population, also, s->population_capacity) = s->population_sum / HG_BACKLOG_BLOCK;
    *HG_PUSH(arena, s->backlog, s->blocks, s->capacity) = s->block_sum / HG_BACKLOG_BLOCK;
    s->block_sum = 0;
    s->population_sum = 0;
    s->in_block = 0;
    return s->blocks % CHECK_BLOCKS == 0 && grows_without_end(s);
}

/* Two-sided quantiles of Student's t from the normal one, to 0.3 % from eight degrees on (the first
 * terms of the Cornish–Fisher series). */
static double student_95(double freedom)
{
    return 1.96 + 2.37 / freedom + 2.8 / (freedom * freedom);
}

static double student_99(double freedom)
{
    return 2.576 + 4.9 / freedom + 10 / (freedom * freedom);
}

typedef struct batches {
    double x[BATCHES_MAX];
    int count;
} batches;

/* Do the batches rise beyond what chance explains?  Then the latest estimate is no bound. */
static bool rising(const batches *b)
{
    double mid = (b->count - 1) / 2.0, mean = hg_mean(b->x, (size_t)b->count);
    double sxy = 0, sxx = 0, rest = 0;
    for (int i = 0; i < b->count; i++) {
        sxy += (i - mid) * (b->x[i] - mean);
        sxx += (i - mid) * (i - mid);
    }
    double slope = sxy / sxx;
    for (int i = 0; i < b->count; i++) {
        double r = b->x[i] - mean - slope * (i - mid);
        rest += r * r;
    }
    int freedom = b->count - 2;
    return slope > 0 && slope > student_99(freedom) * sqrt(rest / freedom / sxx);
}

/* Does the system still fill?  A rise below FILLING_FRAC over the span moves no percentile by what a
 * rate's precision would show. */
static bool filling(const hg_steady_state *s)
{
    size_t from = s->blocks / 3, each = (s->blocks - from) / BATCHES_MIN;
    batches b = { .count = BATCHES_MIN };
    if (!s->open_loop || each == 0)
        return s->open_loop;
    for (int i = 0; i < b.count; i++)
        b.x[i] = hg_mean(s->population + from + (size_t)i * each, each);
    size_t half = BATCHES_MIN / 2;
    double early = hg_mean(b.x, half), late = hg_mean(b.x + half, half);
    return late > (1 + FILLING_FRAC) * early && rising(&b);
}

static double half_width(const batches *b, double center)
{
    double sum = 0;
    for (int i = 0; i < b->count; i++)
        sum += (b->x[i] - center) * (b->x[i] - center);
    return student_95(b->count - 1) * sqrt(sum / (b->count - 1) / b->count);
}

static double gap_statistic(const hg_hist *h, double percentile)
{
    return percentile == HG_MEAN ? hg_hist_mean_s(h) : hg_hist_percentile_s(h, percentile);
}

static double batches_of_gaps(const hg_metrics *m, double percentile, batches *b)
{
    b->count = HG_GAP_BATCHES;
    for (int i = 0; i < b->count; i++)
        b->x[i] = m->batched ? gap_statistic(&m->batches[i], percentile) : NAN;
    return gap_statistic(&m->gaps, percentile);
}

/* A rejected request waits for ever: its share of the percentile lies beyond all completed ones. */
static double percentile_of_completed(const hg_metrics *m, double percentile, size_t n)
{
    size_t completed = 0;
    for (size_t i = 0; i < n; i++)
        completed += isfinite(m->samples[i].s[HG_E2E]);
    if (completed == n || percentile == HG_MEAN)
        return completed == n ? percentile : INFINITY;
    return percentile * (double)n / (double)completed;
}

static double batches_of_requests(const hg_metrics *m, hg_arena scratch, const hg_limit *limit,
                                  size_t n, batches *b)
{
    size_t count;
    double *values = hg_metrics_values(m, &scratch, limit->metric, n, &count);
    double percentile = percentile_of_completed(m, limit->percentile, n);
    *b = (batches){ .count = BATCHES_MIN };
    if (!(percentile <= 1))
        return INFINITY;
    b->count = (int)hg_clamp((double)(count / BATCH_REQUESTS), BATCHES_MIN, BATCHES_MAX);
    size_t each = count / (size_t)b->count;
    for (int i = 0; i < b->count; i++)
        b->x[i] = hg_metrics_statistic(values + (size_t)i * each, each, percentile);
    return hg_metrics_statistic(values, count, percentile);
}

static hg_estimate estimate(const hg_metrics *m, hg_arena scratch, const hg_limit *limit, size_t n,
                            bool *trend)
{
    batches b;
    hg_estimate e = { .value_s = limit->metric == HG_ITL
                                     ? batches_of_gaps(m, limit->percentile, &b)
                                     : batches_of_requests(m, scratch, limit, n, &b) };
    e.half_width_s = isinf(e.value_s) ? 0 : half_width(&b, e.value_s);
    e.kept = isnan(e.value_s) || e.value_s < limit->limit_s; /* nothing measured, nothing broken */
    *trend = rising(&b);
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
    s->next_check = m->finished + hg_max_i64((int64_t)(m->finished / 4), FIRST_LOOK_STEP);
    if (*n < s->config.min_requests) {
        s->next_check = m->finished + s->config.min_requests - *n;
        return false;
    }
    bool settled = !filling(s), all_precise = settled, all_known = settled, broken = false;
    for (int i = 0; i < s->slo.count; i++) {
        bool trend;
        hg_estimate e = s->estimates[i] = estimate(m, scratch, &s->slo.limits[i], *n, &trend);
        bool sure = decided(&e, s->slo.limits[i].limit_s) && (!trend || !e.kept);
        bool sharp = precise(s, &e) && !trend;
        all_precise &= sharp;
        all_known &= sharp || sure;
        broken |= sure && !e.kept;
    }
    *end = all_precise ? HG_END_CONVERGED : HG_END_DECIDED;
    return all_precise || (!s->config.to_precision && (all_known || broken));
}

/* What is measured: one sample a counted request, all gaps between tokens, and totals by time. */
#ifndef HG_SIM_METRICS_H
#define HG_SIM_METRICS_H

#include "base/hist.h"
#include "sim/lane.h"
#include "sim/sim.h"

enum { HG_GAP_BATCHES = 20, HG_GAP_BATCH_STEPS = 256, HG_GAP_BATCH_BITS = 7 };

/* Seconds by hg_metric; the ITL is the request's mean gap.  E2E is NAN while it is under way and
 * INFINITY when it was rejected; TPOT and ITL are NAN for a single output token. */
typedef struct hg_sample {
    double s[HG_METRICS];
} hg_sample;

typedef struct hg_metrics {
    hg_arena *arena;
    const hg_slo *slo;
    const hg_client *client;
    int64_t first;            /* number of the first counted request; INT64_MAX: warming up */
    hg_sample *samples;       /* of counted requests, in arrival order */
    size_t count, capacity;
    size_t finished;          /* of them, rejected ones too */
    hg_hist gaps;
    hg_hist batches[HG_GAP_BATCHES]; /* gaps again, by blocks of steps; opened when needed */
    bool batched;
    /* Over all requests, so far and at the window's start. */
    struct hg_totals {
        int64_t at_ns, prompt_tokens, output_tokens, completed, rejected;
    } now, start;
    double e2e_sum_s;         /* of completed requests */
    int64_t steps;
    int64_t drafting, accepted; /* decodes over all steps that had drafts, and what of those was accepted */
    double busy_s, batch_time; /* batch_time: Σ sequences × time */
} hg_metrics;

/* client NULL: heng's own definitions. */
void hg_metrics_open(hg_metrics *m, hg_arena *arena, const hg_slo *slo, const hg_client *client, int64_t first,
                     bool batched);

/* The next request arrives; true when it is counted. */
bool hg_metrics_arrive(hg_metrics *m, int64_t number);
void hg_metrics_reject(hg_metrics *m, const hg_seq *s);
void hg_metrics_finish(hg_metrics *m, const hg_seq *s, int64_t now_ns);
void hg_metrics_gap(hg_metrics *m, int64_t gap_ns, int64_t weight);

/* The values of a metric over the first n counted requests that have it, in arrival order. */
double *hg_metrics_values(const hg_metrics *m, hg_arena *arena, hg_metric metric, size_t n,
                          size_t *count);
/* Percentile or mean (HG_MEAN) of values, which get sorted; NAN when there are none. */
double hg_metrics_statistic(double *values, size_t n, double percentile);
bool hg_sample_good(const hg_sample *s, const hg_slo *slo);

/* Fills the counted requests' and the window's part of out, over the first n counted requests. */
void hg_metrics_summarise(const hg_metrics *m, hg_arena scratch, size_t n, hg_sim_result *out);

#endif

/* What a run's records say, under one set of definitions:
 *   TTFT  first chunk that brings a token − intended send time
 *   E2E   last such chunk − intended send time
 *   TPOT  (E2E − TTFT) / (output tokens − 1), by request; not of answers with one token
 *   ITL   gap between chunks ÷ the tokens that the later one brought, pooled over all tokens
 *   ICL   gap between chunks, pooled
 * Output tokens are the server's own count (usage), chunks where it gives none.  A chunk's tokens are
 * known when each carries a usage; else a request's mean.  All over complete, counted requests; a
 * failed one waits for ever where a percentile is held against a promise.
 *
 * Counted are those whose intended send time lies behind the warm-up and before the cool-down. */
#ifndef HG_LIVE_FIGURES_H
#define HG_LIVE_FIGURES_H

#include "live/live.h"

#include "sim/sim.h"
#include "spec/slo.h"

typedef struct hg_spread {
    uint64_t n;                /* the rest is NAN when 0 */
    double mean, std, min, max; /* std: of the population */
    double p1, p5, p10, p25, p50, p75, p90, p95, p99, p999;
} hg_spread;

typedef struct hg_live_window {
    double warmup_s, cooldown_s; /* both 0: everything counts, up to the last answer */
} hg_live_window;

typedef struct hg_live_figures {
    size_t sent, counted, complete, failed, unfinished; /* the last three of the counted */
    size_t by_fault[HG_FAULTS];  /* of all sent */
    size_t retried, shorter, longer, in_one_piece, without_usage; /* of all complete, but retried of all */
    size_t buffer_suspects;      /* complete with enough chunks to tell whether they came in one piece */
    double from_s, window_s;     /* rates are over [from, from + window] of the run */
    double requests_per_s, input_tokens_per_s, output_tokens_per_s, total_tokens_per_s; /* of complete ones */
    double offered_per_s;        /* counted requests by intended time */
    double peak_output_tokens_per_s; /* in the fullest second of the run */
    double concurrency_mean;     /* of all sent, over the whole run */
    int64_t concurrency_max;
    hg_spread latency[HG_METRICS]; /* by hg_metric; HG_QUEUE is empty: a client cannot see it */
    hg_spread icl, ttft_from_send, e2e_from_send, lag; /* lag: sent − intended, client's own and connecting */
    hg_spread isl, osl;          /* as the server counted, else as asked and by chunks */
    double isl_asked, osl_asked; /* means */
    double tokens_per_chunk;
    double cached_frac;          /* of prompt tokens, where the server says; else NAN */
    size_t good;
    double attained_frac, good_per_s;
    double estimates[HG_SLO_MAX]; /* each limit's percentile; INFINITY when too many failed */
    bool slo_kept;               /* false without a promise */
} hg_live_figures;

void hg_live_judge(hg_arena scratch, const hg_live_run *run, const hg_live_window *window, const hg_slo *slo,
                   hg_live_figures *out);

/* Whether a record is counted. */
bool hg_live_counts(const hg_live_run *run, const hg_live_window *window, const hg_live_record *r);
/* (last − first)/(tokens − 1), NAN where there are none between. */
double hg_record_tpot_s(const hg_live_record *r);

/* The failed requests by kind and status, in the order of their first: what that one said stands for all. */
typedef struct hg_fault_group {
    hg_fault fault;
    int status;
    size_t count;
    const char *said;
} hg_fault_group;

hg_fault_group *hg_live_faults(hg_arena *arena, const hg_live_run *run, size_t *count);

#endif

/* When a run to a steady state may count, and when it knows enough.
 *
 * Counting begins with the first request sent after two mean lifetimes (of requests completed by
 * then).  Confidence intervals come from 10 to 40 batches of consecutive requests, each batch's
 * percentile against the overall one (sectioning), so they see that neighbours share their queue.
 * For ITL the batches are interleaved blocks of steps.  Only requests before the first unfinished
 * one count, so long ones are not lost at the end.
 * The queue grows without end when its length, averaged over the later half of all arrivals, is
 * near twice that over the second quarter, still rises, and lies beyond three standard deviations
 * of what chance alone would pile up in an arrival stream of this burstiness.
 * Near its capacity a deployment fills for long before a queue shows: nothing is known while the
 * number of requests in the system still rises over the later two thirds of the arrivals. */
#ifndef HG_SIM_STEADY_H
#define HG_SIM_STEADY_H

#include "sim/metrics.h"

enum { HG_BACKLOG_BLOCK = 64 };

typedef struct hg_steady_state {
    hg_steady config;        /* defaults filled in */
    hg_slo slo;              /* what must be known; the mean TTFT and TPOT when nothing is promised */
    double gap_variance;     /* of arrivals, squared coefficient of variation */
    bool open_loop;
    size_t next_check;       /* at so many finished counted requests */
    double *backlog;         /* mean waiting requests over each block of arrivals */
    double *population;      /* likewise the requests in the system, waiting and running */
    size_t blocks, capacity, population_capacity, in_block;
    double block_sum, population_sum;
    hg_estimate estimates[HG_SLO_MAX];
} hg_steady_state;

void hg_steady_open(hg_steady_state *s, const hg_sim_config *config, const hg_workload *workload);

/* May counting begin with a request sent now? */
bool hg_steady_warm(const hg_metrics *m, int64_t now_ns);
/* An arrival finds so many requests waiting, and in the system; true when the queue is found to grow
 * without end. */
bool hg_steady_saturated(hg_steady_state *s, hg_arena *arena, int64_t waiting, int64_t in_system);
/* Looks at the samples; true when enough is known, with *end and *n, the requests that count. */
bool hg_steady_enough(hg_steady_state *s, const hg_metrics *m, hg_arena scratch, hg_sim_end *end,
                      size_t *n);
/* Estimates from the first n counted requests. */
void hg_steady_estimate(hg_steady_state *s, const hg_metrics *m, hg_arena scratch, size_t n);

#endif

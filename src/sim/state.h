/* A simulation under way: what the loop (sim.c) and the steps (step.c) share. */
#ifndef HG_SIM_STATE_H
#define HG_SIM_STATE_H

#include "sim/arrivals.h"
#include "sim/event.h"
#include "sim/instance.h"
#include "sim/metrics.h"
#include "sim/router.h"
#include "sim/steady.h"
#include "sim/transfer.h"

typedef struct hg_sim {
    hg_arena *arena;
    const hg_sim_config *config;
    hg_arrivals arrivals;
    hg_router router, decode_router;
    hg_transfers transfers;
    int32_t prefill_count;              /* the first so many instances only compute prompts */
    hg_seqs seqs;
    hg_instance *instances;
    int32_t instance_count, lane_count; /* of the deepest pipeline; lane l of instance i is slot i·L + l */
    int32_t *touched;                   /* instances where something happened at now_ns */
    int32_t touched_count;
    hg_events events;
    hg_metrics metrics;
    hg_steady_state steady;
    int64_t now_ns;
    int64_t last_sent_ns;
    int64_t *busy_until_ns;             /* by instance */
    int64_t waiting;                    /* over all instances */
    hg_record *records;
    size_t record_count, record_capacity;
    hg_step_record *log;
    size_t log_count, log_capacity;
    hg_sim_end end;
    bool stopped;
} hg_sim;

/* Whole nanoseconds, halves up.  The halves are found on a grid of 1/1024 ns, so that two ways of
 * computing the same time in doubles agree. */
int64_t hg_step_ns(double seconds);

/* Plans and begins the lane's next step, or a run of them; nothing when there is nothing to run. */
void hg_step_start(hg_sim *sim, hg_instance *in, int32_t lane);
/* Time has come to the end of what the lane has under way. */
void hg_step_end(hg_sim *sim, hg_instance *in, int32_t lane);
/* A request is about to arrive: a run during which it could be scheduled ends at the first step
 * boundary at or after now. */
void hg_step_cut(hg_sim *sim, hg_instance *in);
/* Tokens of the steps of a run under way that are over by now. */
int64_t hg_step_tokens_by_now(const hg_sim *sim, const hg_lane *lane);

#endif

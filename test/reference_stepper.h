/* A slow, plain simulator to compare the real one with: arrays, loops, one step at a time, every
 * quantity recounted when it is needed.  Written from the description of vLLM V1's scheduler and
 * sharing no code with src/sim but the config and the oracle's type. */
#ifndef REFERENCE_STEPPER_H
#define REFERENCE_STEPPER_H

#include "sim/sim.h"

typedef struct ref_request {
    int64_t arrival_ns; /* in; in a closed loop set when its client sends */
    int isl, osl;       /* in */
    int64_t scheduled_ns, first_ns, finish_ns;
    int preemptions, replica;
    bool rejected;
    /* private */
    int computed, generated, blocks;
    bool decoding;
} ref_request;

typedef struct ref_run {
    ref_request *requests;
    int count;
    int clients;            /* > 0: closed loop */
    const hg_sim_config *config; /* scheduler limits, oracle, replicas, route */
    hg_step_record *steps;  /* out: in order of their ends; room for steps_max */
    int steps_max, steps_count;
    int64_t kv_most, blocks_left, end_ns;
    bool over_committed;    /* ever more blocks held than the pool has */
    bool was_idle_with_work;/* a step did not start though something could run */
} ref_run;

void reference_run(ref_run *run);

#endif

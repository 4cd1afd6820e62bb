/* The simulator: requests through a router, schedulers and paged KV, on a simulated clock of whole
 * nanoseconds.  It sees the cost of a step only as a function, so that a test can put a constant
 * there and compare with queueing theory. */
#ifndef HG_SIM_SIM_H
#define HG_SIM_SIM_H

#include "base/arena.h"
#include "spec/workload.h"

#include <stdbool.h>
#include <stdint.h>

/* One prompt's part in a step: `tokens` new ones behind `context` already in the KV cache. */
typedef struct hg_chunk {
    int32_t tokens, context;
    bool last; /* the prompt is complete after this step and its first token comes out */
} hg_chunk;

/* What one engine step runs. */
typedef struct hg_batch {
    const hg_chunk *chunks;
    int32_t chunk_count;
    int32_t decodes;          /* sequences that each make one token */
    int64_t decode_context;   /* Σ over decodes of the tokens in their KV cache, this one included */
} hg_batch;

/* Seconds from the step's start to its end.  Pure: the same batch, the same time.  For batches of
 * decodes only it must be smooth in decode_context (the simulator interpolates between two). */
typedef double (*hg_step_fn)(void *ctx, const hg_batch *batch);

typedef struct hg_oracle {
    hg_step_fn step;
    void *ctx;
} hg_oracle;

/* One engine's limits, as the deployment and the memory ledger say. */
typedef struct hg_sched_config {
    int64_t max_num_seqs, max_num_batched_tokens;
    int64_t kv_blocks;        /* in the pool of one engine (one dp rank) */
    int32_t block_tokens;
    bool chunked_prefill, prefix_caching;
    int32_t pipeline_stages;  /* batches in flight: PP */
} hg_sched_config;

typedef struct hg_sim_config {
    const char *scheduler;    /* a name of scheds.def: "vllm" */
    hg_sched_config sched;
    hg_oracle oracle;
    int32_t replicas;         /* engines × dp ranks behind the router */
    uint64_t seed;
    /* When to stop and what to count. */
    size_t requests;          /* offered in all; 0: the workload once */
    size_t warmup_requests;   /* the first so many in arrival order are not counted */
    double request_overhead_s;/* added before the engine sees a request (HTTP, tokeniser) */
    bool stepwise;            /* the slow reference: one event a step, no runs */
    bool keep_requests;       /* fill hg_sim_result.records */
} hg_sim_config;

typedef struct hg_record { /* of one request, times in seconds from the first arrival's clock */
    double arrival_s, queued_s /* waiting before its first scheduling */, first_token_s, finish_s;
    int32_t isl, osl, preemptions, prefix_hit_tokens, replica;
} hg_record;

#endif

/* The simulator: requests through a router, schedulers and paged KV, on a simulated clock of whole
 * nanoseconds.  It sees the cost of a step only as a function, so that a test can put a constant
 * there and compare with queueing theory. */
#ifndef HG_SIM_SIM_H
#define HG_SIM_SIM_H

#include "base/arena.h"
#include "spec/client.h"
#include "spec/slo.h"
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
    double mean_tokens;       /* of this step, over the ranks that step together; 0: this one alone */
} hg_batch;

/* Seconds from the step's start to its end, through all pipeline stages.  Pure: the same batch, the
 * same time.  For batches of decodes only it must be smooth in decode_context (the simulator
 * interpolates between two). */
typedef double (*hg_step_fn)(void *ctx, const hg_batch *batch);

typedef struct hg_oracle {
    hg_step_fn step;
    void *ctx;
} hg_oracle;

/* One engine's limits, as the deployment and the memory ledger say. */
typedef struct hg_sched_config {
    int64_t max_num_seqs, max_num_batched_tokens;
    int64_t max_model_len;    /* longer requests are rejected; 0: no limit but the KV pool */
    int64_t kv_blocks;        /* in the pool of one engine (one dp rank) */
    int32_t block_tokens;
    bool chunked_prefill, prefix_caching;
    bool async;               /* a step is decided while the one before it runs */
    int32_t recv_interval;    /* SGLang: looks for requests every so many decode steps; 0 means 1 */
    int32_t pipeline_stages;  /* batches in flight: PP; 0 means 1 */
    double conservativeness;  /* SGLang's --schedule-conservativeness; 0 means 1 */
    int32_t batch_wait_steps; /* TensorRT-LLM's batch_wait_timeout_iters; 0: prompts never wait */
    double batch_wait_frac;   /* … unless they fill this part of max_num_batched_tokens */
    int32_t balance_steps;    /* … attention_dp_config's timeout_iters: ranks that step together make
                                 prompts wait so long for every rank to have one; 0: they do not */
    int32_t draft_tokens;     /* speculative decoding: proposed a decode and step; 0: off */
    double acceptance;        /* … the chance that one is accepted when all before it were */
    int64_t max_prefill_seqs; /* MindIE's maxPrefillBatchSize: prompts a step at most; 0: max_num_seqs */
    bool select_batch;        /* … supportSelectBatch: prompts wait by these two */
    double prefill_wait_s, decode_wait_s; /* … prefillTimeMsPerReq, decodeTimeMsPerReq */
} hg_sched_config;

/* Which engine gets an arriving request.  Least outstanding is the default: it is what engines do
 * over their own dp ranks (vLLM counts waiting and running); ties go round robin. */
typedef enum hg_route { HG_ROUTE_LEAST_OUTSTANDING, HG_ROUTE_ROUND_ROBIN } hg_route;

enum { HG_STEADY_LEAST = 1000 }; /* requests: what runs to a steady state count at least */

/* Runs to a steady state in place of a fixed number of requests (open and closed loops; a replay
 * ends with its trace).  Arrivals go on until every limit of hg_sim_config.slo is known well enough:
 * the 95 % confidence interval of its percentile is narrower than ci_frac of it, or lies wholly on
 * one side of the limit; or until the queue is seen to grow without end. */
typedef struct hg_steady {
    bool on;
    double ci_frac;        /* full width over the estimate; 0 means 0.05 */
    size_t min_requests;   /* counted ones before the first look; 0 means HG_STEADY_LEAST */
    size_t max_requests;   /* offered in all, then it ends undecided; 0 means 100,000 */
    bool to_precision;     /* go on to ci_frac even when every limit is decided */
} hg_steady;

/* Disaggregated serving: prompts are computed by these engines and handed over, with their KV, to the
 * engines of hg_sim_config, which then only decode. */
typedef struct hg_prefill_pool {
    int32_t instances;        /* engines × dp ranks */
    int32_t ranks;            /* of one engine, which step together; 0 means 1 */
    const char *scheduler;    /* NULL means "vllm" */
    hg_sched_config sched;
    hg_oracle oracle;
    double move_s, move_s_per_token; /* from the prompt's last step to the decode side's seeing it */
} hg_prefill_pool;

typedef struct hg_sim_config {
    const char *scheduler;    /* a name of scheds.def; NULL means "vllm" */
    hg_sched_config sched;
    hg_oracle oracle;
    const hg_prefill_pool *prefill; /* NULL: every engine does both */
    int32_t replicas;         /* engines × dp ranks behind the router; 0 means 1 */
    int32_t ranks;            /* so many neighbours are one engine's dp ranks and meet at the experts of
                                 every layer: their steps begin and end together; 0 means 1.  Divides
                                 replicas */
    hg_route route;
    uint64_t seed;
    /* When to stop and what to count. */
    size_t requests;          /* offered in all; 0: the workload once */
    size_t warmup_requests;   /* the first so many in arrival order are not counted */
    hg_steady steady;         /* when on, it takes the place of the two above */
    hg_slo slo;               /* for goodput, and what `steady` must know */
    const hg_client *client;  /* whose TPOT and ITL are meant; NULL: heng's own */
    double request_overhead_s;/* added before the engine sees a request (HTTP, tokeniser) */
    double request_serial_s;  /* of the front end's one thread: requests enter this far apart at least */
    double token_serial_s;    /* … and so much more for each token of the prompt */
    bool stepwise;            /* the slow reference: one event a step, no runs */
    bool keep_requests;       /* fill hg_sim_result.records */
    size_t keep_steps;        /* at most so many first steps in hg_sim_result.steps_log */
} hg_sim_config;

typedef struct hg_record { /* of one request, times in seconds from the first arrival's clock */
    double arrival_s, queued_s /* waiting before its first scheduling */, first_token_s, finish_s;
    int32_t isl, osl, preemptions, prefix_hit_tokens, replica;
    bool rejected;  /* could never fit; its times are NAN */
    bool finished;  /* false also for those under way when a steady run ended */
    bool counted;
} hg_record;

typedef struct hg_step_record {
    int64_t start_ns, duration_ns;
    int32_t tokens;   /* prompt tokens of chunks and one for each decode */
    int32_t decodes, replica;
} hg_step_record;

typedef struct hg_summary {
    double mean, p50, p90, p95, p99; /* seconds; NAN when nothing was measured */
} hg_summary;

typedef enum hg_sim_end {
    HG_END_ALL,       /* every offered request is done */
    HG_END_CONVERGED, /* steady: every limit known to ci_frac */
    HG_END_DECIDED,   /* steady: every limit is known to ci_frac or surely kept, or one is surely broken */
    HG_END_SATURATED, /* steady: the queue grows without end; the latencies mean nothing */
    HG_END_LIMIT,     /* steady: max_requests offered and still not sure */
} hg_sim_end;

/* What is known of one limit of the SLO. */
typedef struct hg_estimate {
    double value_s;      /* the percentile or mean over the counted requests, where a rejected one
                            waits for ever: INFINITY when too many were */
    double half_width_s; /* of its 95 % confidence interval; NAN when there are too few requests */
    bool kept;           /* value_s < limit, and not saturated */
} hg_estimate;

/* TTFT, E2E and queue are exact over requests; TPOT = (e2e − ttft)/(osl − 1) over those with osl > 1;
 * ITL over all gaps between a request's steps, each percentile within 0.05 %: with speculative decoding a
 * step brings several tokens at once, which a client sees as one chunk.  TTFT and E2E run from the
 * client's sending (request_overhead_s is in them), queue from the engine's seeing it.  TPOT and
 * ITL are by another client's definitions where config.client names one.  A request is good when it
 * meets every limit; an ITL limit is judged by its mean gap.  Percentiles are over
 * completed requests only, those of `estimates` over rejected ones too. */
typedef struct hg_sim_result {
    hg_sim_end end;
    /* Of the counted requests. */
    size_t counted, completed, rejected, good;
    double attained_frac;           /* good / counted */
    hg_summary latency[HG_METRICS]; /* by hg_metric */
    double queue_first_s, queue_last_s; /* mean queue of the first and the last quarter of them to arrive; NAN: too few */
    hg_estimate estimates[HG_SLO_MAX];
    bool slo_kept;                  /* every limit is */
    /* In the window: from the first counted arrival to the end, work on uncounted requests too. */
    double window_s;
    double requests_per_s, output_tokens_per_s, total_tokens_per_s, good_per_s;
    /* Of the whole run, over all replicas. */
    size_t offered;
    double duration_s, arrivals_s;  /* arrivals_s: when the last request was sent */
    int64_t steps, preemptions;
    double busy_s;                  /* Σ over replicas of the time with a step under way */
    double mean_batch;              /* sequences in a step, weighted by its time */
    double kv_peak_frac;            /* of the fullest replica */
    int64_t most_running;           /* requests at once in one replica: below max_num_seqs that was no limit */
    double prefix_hit_frac;         /* of prompt tokens at first admission */
    double tokens_per_step;         /* made a decode and step as drawn, also where an output ends before them;
                                       0: no speculation */
    int64_t kv_blocks_left;         /* still held at the end: 0 after HG_END_ALL */
    hg_record *records;             /* `offered`, in arrival order; NULL unless asked for */
    hg_step_record *steps_log;
    size_t steps_logged;
} hg_sim_result;

/* Simulates the workload (its load must be set) on `replicas` engines.  Everything in the result
 * lives in arena.  Deterministic: the same question gives the same bytes, on any thread. */
void hg_sim_run(hg_arena *arena, const hg_workload *workload, const hg_sim_config *config,
                hg_sim_result *out);

/* The names of scheds.def, for choices and error messages. */
extern const char *const hg_scheduler_names[];
extern const size_t hg_scheduler_count;

#endif

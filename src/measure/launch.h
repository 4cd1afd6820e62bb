/* How published runs were measured and launched where their rows do not say: rules of
 * data/serving/launches.json, each with its source. */
#ifndef HG_MEASURE_LAUNCH_H
#define HG_MEASURE_LAUNCH_H

#include "base/data.h"
#include "measure/serving.h"
#include "spec/draft.h"
#include "spec/dtype.h"

typedef struct hg_launch_facts { /* a zero: the engine's default, unless said otherwise; of a row's own, a zero is
                                   not said and a negative number the engine's default */
    double length_range;          /* lengths uniform in [range·n, n]; 1: exact */
    int64_t requests_per_client;  /* prompts in all, over the concurrency */
    int64_t warmup_per_client;    /* … and so many before them that are not counted */
    int64_t distinct_prompts;     /* requests take so many prompts in turn, which a prefix cache finds again;
                                     0: each has its own */
    double prefix_hit_frac;       /* of a prompt's tokens, found in the cache of prefixes that requests share */
    int64_t max_num_batched_tokens, max_num_seqs, graph_tokens;
    bool kv_given;
    hg_dtype kv_dtype;
    double gpu_memory_utilization;
    int64_t recv_interval;        /* SGLang's scheduler-recv-interval */
    int64_t prompt_graph_tokens;  /* largest step with prompts that runs as a graph; −1: none */
    hg_draft draft;               /* what proposes, where draft_tokens is above 0 */
    double draft_tokens;          /* speculative decoding: proposed a step and sequence; 0: off */
    double accepted_tokens;       /* … made a step and sequence, the model's own one among them */
    int64_t batch_wait_steps;
    double batch_wait_frac;
    int64_t balance_steps;
    int64_t devices;              /* of all replicas that share the concurrency; 0: one engine */
    bool attention_dp;            /* the ranks written as TP cut the experts only */
    int64_t decode_seqs;          /* disaggregated: sequences that a rank of a decode pool takes at once; 0: max_num_seqs */
    bool decode_tp;               /* … and its ranks written as attention DP, no more than a node has, cut heads */
} hg_launch_facts;

typedef struct hg_launches hg_launches;

const hg_launches *hg_launches_open(hg_arena *arena, const hg_data *data, hg_err *err);
hg_launch_facts hg_launch_facts_of(const hg_launches *l, const hg_serving_row *row);

#endif

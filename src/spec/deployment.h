/* One deployment: the model's copies, their shapes, and the engine's knobs. */
#ifndef HG_SPEC_DEPLOYMENT_H
#define HG_SPEC_DEPLOYMENT_H

#include "spec/draft.h"
#include "spec/dtype.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct hg_deployment {
    int64_t tp, pp, dp;          /* of one engine; dp: attention data-parallel ranks */
    int64_t ep;                  /* expert-parallel width; 1: experts are tensor-parallel */
    int64_t replicas;            /* independent engines behind a router */
    hg_dtype precision;          /* the word asked for; the model's own hg_precision says what is quantised */
    bool precision_is_checkpoints;
    hg_dtype kv_dtype;           /* HG_BF16 or HG_FP8 */
    bool kv_is_auto;
    int64_t max_num_seqs, max_num_batched_tokens, max_model_len;
    double gpu_memory_utilization;
    int64_t block_tokens;        /* --block-size */
    bool prefix_caching, chunked_prefill;
    int64_t graph_tokens;        /* largest captured batch; 0: the engine's rule */
    int64_t prompt_graph_tokens; /* … of a step with prompts; 0: the engine's rule, −1: none */
    int64_t recv_interval;       /* SGLang: steps between two looks for new requests; 0: each */
    double draft_tokens, accepted_tokens; /* speculative decoding: proposed and made a step; 0: off */
    hg_draft draft;              /* … and what proposes, where draft_tokens is above 0 */
    const char *draft_name;      /* the checkpoint that proposes, as the engine loads it; NULL: the model's own, or not said */
    const hg_model *draft_model; /* … as a model; NULL: not read */
    int64_t batch_wait_steps;    /* TensorRT-LLM: see hg_sched_config */
    double batch_wait_frac;
    int64_t balance_steps;       /* TensorRT-LLM: with attention DP, see hg_sched_config */
} hg_deployment;

/* What proposes in it, in its precision.  False: nothing that costs. */
static inline bool hg_deployment_head(const hg_model *m, const hg_deployment *d, hg_draft_head *out)
{
    return d->draft_tokens > 0 && hg_draft_head_of(m, d->draft, d->draft_model, out);
}

static inline int64_t hg_deployment_devices(const hg_deployment *d)
{
    return d->replicas * d->tp * d->pp * d->dp;
}

#endif

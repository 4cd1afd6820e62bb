/* An engine as facts: how it schedules, its defaults by hardware, its graph sizes, its host costs. */
#ifndef HG_SPEC_ENGINE_H
#define HG_SPEC_ENGINE_H

#include "base/data.h"
#include "spec/device.h"
#include "spec/draft.h"

/* What no operator table holds: the host's times, each a named term, and how this version's kernels compare
 * with the tabled version's.  Fitted by `heng calibrate host`; zero means not known. */
typedef struct hg_overheads {
    double step_s;             /* a step's fixed cost: scheduling, sampling, launch */
    double layer_s;            /* a layer's small kernels that are not modelled one by one */
    double sequence_s;         /* a running sequence's bookkeeping in a step */
    double prefill_step_s;     /* more, when a step holds prompt tokens */
    double prompt_s;           /* a prompt's, once */
    double launch_s;           /* an operator's launch by the host: outside captured graphs a step lasts
                                  at least all of them */
    double request_s;          /* from the client's sending to the engine's seeing: HTTP, tokeniser */
    double transfer_s;         /* disaggregated: from a prompt's end to the decode side's seeing its KV */
    double transfer_gib_s;     /* … and more, for each GiB of that KV, than the link takes */
    double request_serial_s;   /* of the front end's one thread: requests pass it one by one */
    double token_s;            /* of the same thread, for each token of the prompt: tokenising */
    double gemm_ratio, attention_ratio, experts_ratio, collective_ratio; /* time over the tables'; 0: the same */
    const char *fitted;        /* the engine and version of the runs they were fitted on, or NULL */
    double ttft_band[2], tpot_band[2]; /* the 10th and 90th percentile of measured ÷ predicted on
                                  configurations kept back; 0: not known */
} hg_overheads;

/* The terms as a list, for readers and fits. */
typedef struct hg_overhead_term {
    const char *name;
    size_t offset;             /* of a double in hg_overheads */
    bool ratio;                /* a bare number, not seconds */
} hg_overhead_term;

enum { HG_OVERHEAD_TERMS = 15 };
extern const hg_overhead_term hg_overhead_terms[HG_OVERHEAD_TERMS];

static inline double *hg_overhead(hg_overheads *o, int term)
{
    return (double *)(void *)((char *)o + hg_overhead_terms[term].offset);
}

/* As files have it, with its unit. */
const char *hg_overhead_text(hg_arena *arena, hg_overheads *o, int term);

typedef struct hg_engine_default { /* the first row whose conditions hold is taken */
    double min_memory_bytes;
    const char *except_device; /* a part of a device's name, or NULL */
    int64_t max_num_batched_tokens, max_num_seqs;
} hg_engine_default;

enum { HG_ENGINE_DEFAULTS = 8 };

typedef struct hg_engine {
    const char *name, *title, *version; /* version: the one its files are written for */
    const char *vendor;        /* whose devices alone it runs on; NULL: any */
    const char *scheduler;     /* of the simulator; NULL: none follows this engine yet */
    int64_t block_tokens;
    int64_t ascend_block_tokens; /* on Ascend devices; 0: the same */
    double gpu_memory_utilization;
    bool chunked_prefill, prefix_caching;
    bool async;                /* a step is decided while the one before it runs */
    bool gemm_tables_quantise; /* its block-scaled products' tables time their quantiser too */
    const char *fuses_quantiser_on; /* the architectures where static fp8 needs no pass of its own: how
                                  their name begins, or "all"; NULL: none */
    const char *fuses_quantiser_in; /* … and the models: how their architecture begins; NULL: all.  Others
                                  run the pass with the scale that is known */
    bool gathers_quantised;    /* ranks of attention DP send tokens to 4-bit experts in 4 bits, not in 16 */
    const char *shared_beside; /* where shared experts run beside the routed ones, on a stream of their own or among
                                  them: "all" models, or those of "latent" attention; NULL: nowhere */
    bool redundant_experts;    /* copies fill up where ranks do not divide the experts */
    bool ep_spans_all;         /* experts are spread over all ranks of the engine or over none */
    bool whole_expert_blocks;  /* it does not start where ranks cut experts across quantisation blocks */
    bool whole_requests;       /* without chunked prefill a step must hold max_model_len tokens */
    int64_t max_prefill_seqs;  /* MindIE: prompts a step at most; 0: no such limit */
    bool select_batch;         /* … prompts wait by the next two (supportSelectBatch) */
    double prefill_wait_s, decode_wait_s; /* … prefillTimeMsPerReq, decodeTimeMsPerReq */
    bool fraction_of_free;     /* gpu_memory_utilization is of what weights leave free, not of all */
    hg_engine_default defaults[HG_ENGINE_DEFAULTS];
    int default_count;
    int64_t prompt_graph_tokens; /* the largest step with prompts that runs as a graph; 0: none */
    int64_t graph_tokens_most; /* the largest captured batch, before the rule of the engine */
    int64_t graph_seqs_factor; /* captured up to min(factor · max_num_seqs, most) */
    double context_bytes;      /* device memory the runtime takes before anything is loaded */
    const char *drafts[HG_DRAFTS]; /* its own names for what proposes tokens; NULL: it has no such */
    hg_overheads overheads;
} hg_engine;

/* With the host overheads fitted for this version, or for the engine as a whole (version NULL). */
bool hg_engine_find(hg_arena *arena, const hg_data *data, const char *name, const char *version,
                    hg_engine *out, hg_err *err);

/* Settles it on a device, unless it runs on another vendor's alone: its block size there and, where runs on this vendor's devices were fitted apart
 * (serving/overheads_VENDOR.json), the terms of those and no others: of the version, else the engine, else none. */
bool hg_engine_settle(hg_arena *arena, const hg_data *data, const hg_device *device, const char *version, hg_engine *e, hg_err *err);

/* The largest batch that runs as a captured graph. */
int64_t hg_engine_graph_tokens(const hg_engine *e, int64_t max_num_seqs, int64_t max_num_batched_tokens);

const hg_engine_default *hg_engine_default_for(const hg_engine *e, const hg_device *d);

#endif

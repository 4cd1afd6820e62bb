/* The memory ledger of one device: what is loaded, what a step needs, and what is left for KV. */
#ifndef HG_COST_MEMORY_H
#define HG_COST_MEMORY_H

#include "spec/deployment.h"
#include "spec/device.h"
#include "spec/engine.h"
#include "spec/model.h"

typedef struct hg_memory {
    double total_bytes;        /* of the device, as the driver gives it */
    double budget_bytes;       /* gpu_memory_utilization · total: what the engine may take */
    double weight_bytes;       /* of the fullest rank, with what proposes tokens … */
    double draft_bytes;        /* … of which that takes */
    double activation_bytes;   /* of the largest step */
    double context_bytes;      /* the runtime's own, before anything is loaded */
    double state_bytes;        /* linear layers' states of max_num_seqs sequences */
    double kv_bytes;           /* budget less the above; negative: does not fit by so much */
    double kv_bytes_per_token; /* on the fullest rank, of full-attention layers, those that propose among them … */
    double draft_kv_bytes_per_token; /* … of which those take */
    double kv_bytes_window;    /* of one sequence in windowed layers, once its window is full */
    int64_t kv_blocks;         /* blocks of block_tokens; 0 when nothing fits */
    bool fits;                 /* one request of max_model_len has room */
    double spare_bytes;        /* room beyond that request; negative: missing */
} hg_memory;

/* Fractions by the engine's own meaning: vLLM's is of the device's total and holds weights,
 * activations and KV (its documentation, conserving_memory). */
hg_memory hg_memory_ledger(const hg_model *m, const hg_deployment *d, const hg_engine *e,
                           const hg_device *dev);

/* Weight bytes of the fullest rank: its pipeline stage's layers, cut by tp (experts by all ranks),
 * embedding and output layer cut by tp. */
double hg_weight_bytes(const hg_model *m, const hg_deployment *d);

#endif

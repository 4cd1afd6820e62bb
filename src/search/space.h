/* The knobs of a search and the deployments they span. */
#ifndef HG_SEARCH_SPACE_H
#define HG_SEARCH_SPACE_H

#include "base/arena.h"
#include "spec/deployment.h"
#include "spec/pool_shape.h"

#include <stddef.h>

enum { HG_KNOB_VALUES = 16 };

typedef struct hg_knob {
    int64_t v[HG_KNOB_VALUES];
    int n;                     /* at least 1 */
} hg_knob;

typedef enum hg_mode { HG_MODE_WHOLE, HG_MODE_POOLS, HG_MODE_ANY } hg_mode;

typedef struct hg_space {
    hg_mode mode;              /* engines that do both, pools that compute prompts and answers, or either */
    hg_pool_shape prefill, decode; /* what pools must look like; engines 0: any */
    hg_knob tp, pp, dp, ep;    /* ep 0: all ranks of the engine (tp·dp) */
    hg_knob replicas;          /* 0: as many as total_devices hold */
    hg_knob max_num_seqs, max_num_batched_tokens;
    hg_knob drafts;            /* tokens proposed a step; 0: none.  base says what proposes … */
    double accepted[HG_KNOB_VALUES]; /* … and this how many tokens a step makes then */
    hg_knob precision, kv_dtype; /* hg_dtype; −1: the checkpoint's own (of the KV cache: base.kv_dtype) */
    int64_t total_devices;     /* 0: not bounded */
    hg_deployment base;        /* what is not searched */
} hg_space;

/* Every combination that uses at least one and at most total_devices devices, in a fixed order. */
hg_deployment *hg_space_list(hg_arena *arena, const hg_space *s, size_t *count);

#endif

/* Traffic: requests' lengths in order, and how they arrive. */
#ifndef HG_SPEC_WORKLOAD_H
#define HG_SPEC_WORKLOAD_H

#include "base/arena.h"
#include "base/data.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum { HG_LENGTH_MAX = 16777216 }; /* tokens; beyond it an input is a mistake */

typedef struct hg_request {
    double arrival_s;        /* the trace's own time, from its first request; 0 when it has none */
    int32_t isl, osl;        /* both ≥ 1 */
    uint32_t hash_first;     /* its prefix blocks: hashes[hash_first … + hash_count) of the workload */
    uint32_t hash_count;
} hg_request;

typedef enum hg_load {
    HG_LOAD_NONE,   /* to be found: plan without a load */
    HG_LOAD_RATE,   /* open loop: Poisson, or gamma gaps with burstiness ≠ 1 */
    HG_LOAD_REPLAY, /* the trace's own arrival times, divided by speedup */
    HG_LOAD_CLOSED, /* `concurrency` clients, each sends when its last answer is complete */
} hg_load;

typedef struct hg_workload {
    const char *name;       /* the file or preset, or "isl 4000, osl 1000" */
    hg_request *requests;   /* lengths in order; repeated when more are needed */
    size_t count;           /* ≥ 1 */
    bool timed;             /* arrival_s is known */
    const int64_t *hashes;  /* prefix block ids */
    int32_t hash_block_tokens; /* tokens a block; 0: no hashes */
    hg_load load;
    double rate_per_s;      /* HG_LOAD_RATE */
    double burstiness;      /* gamma shape: 1 Poisson, below 1 bursty (vLLM's definition) */
    double speedup;         /* HG_LOAD_REPLAY */
    int64_t concurrency;    /* HG_LOAD_CLOSED */
} hg_workload;

/* Reads a trace: Azure CSV (TIMESTAMP,ContextTokens,GeneratedTokens), Mooncake JSONL, BurstGPT CSV,
 * vLLM timed trace JSONL, own CSV (arrival_s,isl,osl[,prefix_hashes]; isl,osl alone is fine too).  The
 * format is told from the content.  `limit` > 0 keeps the first so many. */
bool hg_workload_read(hg_arena *arena, const char *path, size_t limit, hg_workload *out, hg_err *err);
/* A preset of data/presets.json by name: chat, code, summarise, rag, agent, reasoning, batch. */
bool hg_workload_preset(hg_arena *arena, const hg_data *data, const char *name, uint64_t seed,
                        hg_workload *out, hg_err *err);
/* `count` requests of fixed or, with range_lo < 1, uniform lengths in [range_lo·n, n]. */
void hg_workload_synthetic(hg_arena *arena, int32_t isl, int32_t osl, double range_lo, size_t count,
                           uint64_t seed, hg_workload *out);

#endif

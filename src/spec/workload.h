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
    hg_request *requests;   /* lengths in order (of arrival, when timed); repeated when more are needed */
    size_t count;           /* ≥ 1 */
    size_t skipped;         /* rows left out because nothing went in or came out: failed requests */
    bool timed;             /* arrival_s is known */
    const int64_t *hashes;  /* prefix block ids: equal id, equal prefix up to the block's end */
    int32_t hash_block_tokens; /* tokens a block; 0: no hashes */
    hg_load load;
    double rate_per_s;      /* HG_LOAD_RATE */
    double burstiness;      /* gamma shape: 1 Poisson, below 1 bursty (vLLM's definition); 0 means 1 */
    double speedup;         /* HG_LOAD_REPLAY; 0 means 1 */
    int64_t concurrency;    /* HG_LOAD_CLOSED */
} hg_workload;

/* Reads a trace; the format is told from the content.
 *  - CSV with a header: Azure (TIMESTAMP,ContextTokens,GeneratedTokens), BurstGPT
 *    (Timestamp,…,Request tokens,Response tokens,…), our own arrival_s,isl,osl[,prefix_hashes] with
 *    the hashes of a row separated by spaces or semicolons, or isl,osl alone.
 *  - JSON lines {"timestamp","input_length","output_length","hash_ids"}: Mooncake, vLLM's timed
 *    trace.  Whole timestamps are milliseconds, with a fraction or with 16-token blocks seconds.
 * Tokens a hash block: the power of two that explains most rows' number of hashes, else 512.
 * Rows with a length of 0 are skipped and counted.  `limit` > 0 keeps the first so many rows.
 * path NULL or "-": stdin. */
bool hg_workload_read(hg_arena *arena, const char *path, size_t limit, hg_workload *out, hg_err *err);
/* A preset of data/presets.json by name: chat, code, summarise, rag, agent, reasoning, batch. */
bool hg_workload_preset(hg_arena *arena, const hg_data *data, const char *name, uint64_t seed,
                        hg_workload *out, hg_err *err);
/* The presets' names in the file's order; NULL with err set when it cannot be read. */
const char **hg_workload_presets(hg_arena *arena, const hg_data *data, size_t *count, hg_err *err);
/* `count` requests of fixed or, with range_lo < 1, uniform lengths in [range_lo·n, n]. */
void hg_workload_synthetic(hg_arena *arena, int32_t isl, int32_t osl, double range_lo, size_t count,
                           uint64_t seed, hg_workload *out);

typedef struct hg_length_stats {
    double mean, p50, p90, p99, max;
} hg_length_stats;

enum { HG_LRU_SIZES = 3 };

typedef struct hg_workload_stats {
    size_t requests;
    double duration_s;      /* first to last arrival; NAN when not timed, so too the next two */
    double rate_per_s;      /* requests / duration */
    double burstiness;      /* (mean gap / its standard deviation)²: the shape of gamma gaps; 1 Poisson */
    hg_length_stats isl, osl;
    int32_t prefix_block_tokens; /* 0: no hashes, the rest is 0 */
    double infinite_hit_frac;    /* of all blocks; one hits only when all before it in its request did */
    struct {
        int64_t blocks;
        double hit_frac;
    } lru[HG_LRU_SIZES];         /* 1,000, 10,000 and 50,000 blocks */
} hg_workload_stats;

hg_workload_stats hg_workload_describe(hg_arena scratch, const hg_workload *w);

#endif

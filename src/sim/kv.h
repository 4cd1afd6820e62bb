/* One instance's pool of KV blocks, counted and not named: which block a request gets never
 * matters, only how many are left. */
#ifndef HG_SIM_KV_H
#define HG_SIM_KV_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct hg_kv {
    int64_t blocks, spare, least_spare;
    int32_t block_tokens;
} hg_kv;

static inline int64_t hg_kv_blocks_for(const hg_kv *kv, int64_t tokens)
{
    return (tokens + kv->block_tokens - 1) / kv->block_tokens;
}

static inline void hg_kv_take(hg_kv *kv, int64_t blocks)
{
    assert(blocks <= kv->spare && "the scheduler asks before it takes");
    kv->spare -= blocks;
    if (kv->spare < kv->least_spare)
        kv->least_spare = kv->spare;
}

static inline void hg_kv_give(hg_kv *kv, int64_t blocks)
{
    kv->spare += blocks;
    assert(kv->spare <= kv->blocks);
}

#endif

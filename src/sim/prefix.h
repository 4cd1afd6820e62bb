/* Prefix caching inside an instance's KV pool, as vLLM does it: a full block stays findable by its
 * hash while some request holds it and afterwards until its room is needed; rooms are reused in the
 * order in which they were let go, and of one request the tail first.
 *
 * It works in units: the fewest hash blocks of the workload that fill whole KV blocks (Mooncake's 512
 * tokens are 32 blocks of 16).  Cached units that nobody holds count as spare in hg_kv, so without
 * caching (`group` 0) everything here falls through to the counters of kv.h.
 * Output tokens are never found again: a trace says nothing about them. */
#ifndef HG_SIM_PREFIX_H
#define HG_SIM_PREFIX_H

#include "sim/kv.h"
#include "sim/seq.h"
#include "spec/workload.h"

typedef struct hg_unit_entry {
    int64_t hash;
    int32_t holders;      /* 0: in the queue of rooms to be reused */
    int32_t blocks;
    int32_t prev, next;   /* in that queue, or the free list */
    bool named;           /* false: room of a finished request that nobody can find again */
} hg_unit_entry;

typedef struct hg_prefix {
    hg_kv *kv;
    hg_arena *arena;
    const int64_t *hashes;
    int64_t group;        /* KV blocks of a unit; 0: no caching */
    int64_t unit_tokens;
    uint32_t unit_hashes;
    hg_unit_entry *entries;
    size_t count, capacity;
    int32_t free;
    int32_t oldest, newest; /* the queue */
    int64_t queued;       /* blocks in it; kv->spare − queued are not in use at all */
    int32_t *map;         /* open addressing: entry + 1, or 0 */
    uint64_t mask;
} hg_prefix;

/* workload NULL, or without hashes: no caching. */
void hg_prefix_open(hg_prefix *p, hg_arena *arena, hg_kv *kv, const hg_workload *workload);

/* Tokens of s's prompt that are cached, at most `limit`. */
int64_t hg_prefix_find(const hg_prefix *p, const hg_seq *s, int64_t limit);
/* Spare blocks that admitting s with this hit uses up until `target` tokens are computed. */
int64_t hg_prefix_cost(const hg_prefix *p, const hg_seq *s, int64_t target, int64_t hit_tokens);
/* Holds the units of the hit; returns how many. */
int32_t hg_prefix_hold(hg_prefix *p, const hg_seq *s, int64_t hit_tokens);
/* Takes spare blocks, those not in use first, then the oldest rooms. */
void hg_prefix_take(hg_prefix *p, int64_t blocks);
/* Units of s that are complete now can be found by others; returns how many it holds. */
int32_t hg_prefix_publish(hg_prefix *p, const hg_seq *s);
/* Lets go of the s->shared units and of own_blocks more. */
void hg_prefix_release(hg_prefix *p, const hg_seq *s, int64_t own_blocks);

#endif

/* Requests on their way from a prefill pool to a decode pool, earliest first. */
#ifndef HG_SIM_TRANSFER_H
#define HG_SIM_TRANSFER_H

#include "base/arena.h"
#include "sim/event.h"

typedef struct hg_transfer {
    int64_t at_ns, order; /* equal times: in order of their sending */
    int32_t seq;
} hg_transfer;

typedef struct hg_transfers {
    hg_transfer *heap;
    size_t count, capacity;
    int64_t sent;
} hg_transfers;

void hg_transfer_send(hg_transfers *t, hg_arena *arena, int32_t seq, int64_t at_ns);
int32_t hg_transfer_take(hg_transfers *t); /* the earliest; there is one */

static inline int64_t hg_transfer_next_ns(const hg_transfers *t)
{
    return t->count ? t->heap[0].at_ns : HG_NEVER;
}

#endif

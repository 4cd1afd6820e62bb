/* The ends of steps, earliest first: one slot for each lane, set and cleared in place.
 *
 * Things that happen at the same nanosecond happen in this order:
 *   1. ends of steps, by slot   — what a step frees or finishes is seen by everything after it, and
 *                                 a closed loop's client sends in the nanosecond its answer ends;
 *   2. KV that was on its way to a decode pool comes to it;
 *   3. arrivals, in sending order — a request that arrives at a step's boundary is seen by the
 *                                 step that begins there, as an engine polls before it schedules;
 *   4. starts of steps, by instance — a step sees all there is at its time.
 * The loop in sim.c is this list. */
#ifndef HG_SIM_EVENT_H
#define HG_SIM_EVENT_H

#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>

#define HG_NEVER INT64_MAX

typedef struct hg_events {
    int64_t *at_ns;  /* by slot; HG_NEVER when it has none */
    int32_t *heap;   /* slots that have one */
    int32_t *place;  /* by slot, in the heap */
    int32_t count;
} hg_events;

void hg_events_open(hg_events *e, hg_arena *arena, int32_t slots);
void hg_events_set(hg_events *e, int32_t slot, int64_t at_ns); /* a new one, or moves it */
int32_t hg_events_pop(hg_events *e);                           /* the earliest slot; there is one */

static inline int64_t hg_events_next_ns(const hg_events *e)
{
    return e->count ? e->at_ns[e->heap[0]] : HG_NEVER;
}

#endif

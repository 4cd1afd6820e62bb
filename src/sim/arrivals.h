/* When requests are sent, one after the other: the k-th has the workload's k-th lengths, repeated. */
#ifndef HG_SIM_ARRIVALS_H
#define HG_SIM_ARRIVALS_H

#include "base/rng.h"
#include "spec/workload.h"

#include <stddef.h>

typedef struct hg_arrivals {
    const hg_workload *workload;
    hg_rng gaps;            /* the one random cause here */
    size_t limit;           /* in all */
    size_t taken;
    int64_t seen_ns;        /* when the engine sees the next request; see hg_arrivals_next_ns */
    int64_t next_ns;        /* open loops: of the next one, HG_NEVER after the last */
    int64_t overhead_ns;    /* from sending to the engine's seeing it */
    int64_t serial_ns;      /* of that, what the front end does for one request after the other */
    double token_ns;        /* … and for each token of its prompt */
    int64_t front_free_ns;  /* when it can pass on the next */
    /* Closed loop: when each free client sends, a ring in time order. */
    int64_t *due_ns;
    size_t due_head, due_count, clients;
    int64_t cycle_ns;       /* replay: one round of the trace and a mean gap */
} hg_arrivals;

void hg_arrivals_open(hg_arrivals *a, hg_arena *arena, const hg_workload *workload, size_t limit,
                      double overhead_s, double serial_s, double token_s, uint64_t seed);
/* When the engine sees the next request; HG_NEVER when none is to come (as far as is known: a
 * closed loop's next may depend on an answer). */
static inline int64_t hg_arrivals_next_ns(const hg_arrivals *a)
{
    return a->seen_ns;
}
/* Takes it; returns its lengths and the time of its sending. */
const hg_request *hg_arrivals_take(hg_arrivals *a, int64_t *sent_ns);
/* A closed loop's client has its answer and sends again at once. */
void hg_arrivals_answered(hg_arrivals *a, int64_t now_ns);

#endif

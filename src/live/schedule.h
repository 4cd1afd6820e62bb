/* When each request should be sent, as nanoseconds from the run's begin.  Open loops know it
 * beforehand; a closed loop's client sends when its last answer is complete. */
#ifndef HG_LIVE_SCHEDULE_H
#define HG_LIVE_SCHEDULE_H

#include "sim/arrivals.h"

#include <stdbool.h>

typedef struct hg_ramp {
    double from_per_s, to_per_s; /* both 0: no ramp */
} hg_ramp;

typedef struct hg_live_load {
    const hg_workload *workload; /* lengths, and the load unless it is a ramp */
    size_t requests;             /* at most so many are sent; 0: the duration ends it */
    double duration_s;           /* none is sent later; 0: the number ends it */
    hg_ramp ramp;                /* the rate rises (or falls) evenly over the duration */
    int64_t turns;               /* a conversation's, ≥ 1: the load then counts conversations */
    double think_s;              /* between an answer and the next turn or, in a closed loop, conversation */
    uint64_t seed;
} hg_live_load;

typedef struct hg_due {
    size_t number;               /* of the request */
    int64_t session, due_ns;
    int32_t turn;
} hg_due;

typedef struct hg_schedule {
    hg_live_load load;
    hg_arena *arena;
    hg_arrivals arrivals;        /* of first turns */
    hg_rng gaps;                 /* of a ramp */
    double area;                 /* of a ramp: expected arrivals until the next one */
    int64_t ramp_next_ns;
    int64_t stop_ns;
    size_t sessions;             /* begun */
    hg_due *turns;               /* later turns, in time order: [turn_head, turn_count) */
    size_t turn_head, turn_count, turn_capacity;
    bool closed;
} hg_schedule;

void hg_schedule_open(hg_schedule *s, hg_arena *arena, const hg_live_load *load);
/* HG_NEVER when none is to come, as far as is known. */
int64_t hg_schedule_next_ns(const hg_schedule *s);
hg_due hg_schedule_take(hg_schedule *s);
/* The answer to it is complete, or will never be: good says which. */
void hg_schedule_answered(hg_schedule *s, const hg_due *due, bool good, int64_t now_ns);
/* No more first turns, nor later ones. */
void hg_schedule_stop(hg_schedule *s);

#endif

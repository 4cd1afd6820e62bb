/* A second of a simulated run: every step of its engines, and who waits beneath. */
#ifndef HG_EVAL_SECOND_H
#define HG_EVAL_SECOND_H

#include "eval/evaluate.h"

enum { HG_SECOND_ENGINES = 4, HG_SECOND_SAMPLES = 100 };

typedef struct hg_second {
    double from_s, length_s;         /* on the simulated clock; shorter where the whole run is; 0: there is none */
    int engines, engines_shown;      /* ranks count as engines: each has a queue of its own */
    const hg_step_record *steps;     /* of the engines shown that overlap it, by their start */
    size_t count;
    int32_t most_tokens, most_waiting;
    int32_t waiting[HG_SECOND_ENGINES][HG_SECOND_SAMPLES]; /* requests that arrived and were not scheduled yet */
} hg_second;

/* From well inside the run, where queues stand as they do on average: the arrivals go on around it.  rate_per_s: of
 * an open loop; e2e_s: about how long a request lives. */
void hg_second_take(hg_arena *arena, const hg_problem *p, const hg_candidate *c, const hg_run *run, double e2e_s,
                    hg_second *out);

#endif

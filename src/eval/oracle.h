/* The simulator's view of a prepared step: a batch to seconds, remembering what depends on the token
 * count alone.  One oracle a simulation: the memory is not shared between threads. */
#ifndef HG_EVAL_ORACLE_H
#define HG_EVAL_ORACLE_H

#include "cost/step.h"
#include "sim/sim.h"

typedef struct hg_step_oracle {
    const hg_step *step;
    double *tokens_s, *emits_s, *decodes_s; /* by count; 0: not computed yet */
    int64_t tokens_most, emits_most;
    double draft_tokens;        /* speculated for a decode and step */
    /* Speculative decoding makes `stretch` tokens a simulated one: contexts beyond `prompt` tokens a
     * sequence are stretched so. */
    double stretch, prompt;
} hg_step_oracle;

hg_step_oracle hg_step_oracle_new(hg_arena *arena, const hg_step *step, const hg_deployment *d);

/* An hg_step_fn over an hg_step_oracle. */
double hg_step_oracle_seconds(void *oracle, const hg_batch *batch);

/* A batch's sums. */
hg_step_batch hg_step_batch_of(const hg_batch *batch);

#endif

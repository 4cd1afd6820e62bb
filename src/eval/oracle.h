/* The simulator's view of a prepared step: a batch to seconds, remembering what depends on the token
 * count alone. */
#ifndef HG_EVAL_ORACLE_H
#define HG_EVAL_ORACLE_H

#include "cost/step.h"
#include "sim/sim.h"

/* What a token count and a count of emitting sequences cost; 0: not computed yet.  Simulations on several
 * threads may share one: who computes an entry twice finds the same. */
typedef struct hg_step_memo {
    _Atomic double *tokens_s, *emits_s;
    int64_t tokens_most, emits_most;
} hg_step_memo;

hg_step_memo *hg_step_memo_new(hg_arena *arena, int64_t tokens_most, int64_t emits_most);

typedef struct hg_step_oracle {
    const hg_step *step;
    hg_step_memo *memo;
} hg_step_oracle;

/* memo NULL: one of its own. */
hg_step_oracle hg_step_oracle_new(hg_arena *arena, const hg_step *step, const hg_deployment *d, hg_step_memo *memo);

/* An hg_step_fn over an hg_step_oracle. */
double hg_step_oracle_seconds(void *oracle, const hg_batch *batch);

/* A batch's sums. */
hg_step_batch hg_step_batch_of(const hg_batch *batch);

#endif

/* The simulator's view of a prepared step: a batch to seconds, remembering what depends on the token
 * count alone. */
#ifndef HG_EVAL_ORACLE_H
#define HG_EVAL_ORACLE_H

#include "cost/step.h"
#include "sim/sim.h"

/* What a token count, a count of emitting sequences and the attention of so many decodes cost; 0: not computed
 * yet.  Attention is kept at mean contexts HG_CONTEXTS to a doubling and taken as straight between two: it is all
 * but linear in the context.  Simulations on several threads may share one: who computes an entry twice finds
 * the same. */
enum { HG_CONTEXTS = 16, HG_CONTEXT_NODES = 24 * HG_CONTEXTS };

typedef struct hg_step_memo {
    _Atomic double *tokens_s, *emits_s;
    _Atomic double *decodes_s;  /* HG_CONTEXT_NODES for each count of decodes */
    int64_t tokens_most, emits_most, decodes_most;
    double contexts[HG_CONTEXT_NODES];
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

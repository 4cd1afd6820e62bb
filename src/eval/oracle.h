/* The simulator's view of a prepared step: a batch to seconds, remembering what depends on the token
 * count alone. */
#ifndef HG_EVAL_ORACLE_H
#define HG_EVAL_ORACLE_H

#include "cost/step.h"
#include "sim/sim.h"

/* What a token count, a count of emitting sequences, a count of decodes and the attention of so many decodes
 * cost; 0: not computed yet.  Attention is kept at mean contexts HG_CONTEXTS to a doubling and taken as straight
 * between two: it is all but linear in the context.  Simulations on several threads may share one: who computes
 * an entry twice finds the same.  It serves one step and one number of speculated tokens. */
enum { HG_CONTEXTS = 16, HG_CONTEXT_NODES = 24 * HG_CONTEXTS };

typedef struct hg_step_memo {
    _Atomic double *tokens_s, *ranks_s, *emits_s, *decodes_s;
    _Atomic double *attention_s; /* HG_CONTEXT_NODES for each count of decodes up to attention_most */
    int64_t tokens_most, emits_most, attention_most;
    double contexts[HG_CONTEXT_NODES];
} hg_step_memo;

/* Room for steps of so many tokens, and so many sequences. */
hg_step_memo *hg_step_memo_new(hg_arena *arena, int64_t tokens_most, int64_t emits_most);

/* Attention of the prompts of a step, by its sums; of those that fall to one place the latest stays. */
enum { HG_PROMPTS_KEPT = 1 << 8 };

typedef struct hg_prompts_price {
    double chunks, tokens, area; /* as in hg_step_batch; chunks 0: nothing kept here */
    double seconds;
} hg_prompts_price;

typedef struct hg_step_oracle {
    const hg_step *step;
    hg_step_memo *memo;
    hg_prompts_price *prompts;   /* [HG_PROMPTS_KEPT] of this oracle alone: no two threads share it */
    double draft_tokens;        /* speculated for a decode and step */
    /* Speculative decoding makes `stretch` tokens a simulated one: contexts beyond `prompt` tokens a
     * sequence are stretched so. */
    double stretch, prompt;
    double slower;              /* every step takes so many times as long as predicted; 0: as long */
} hg_step_oracle;

/* memo NULL: one of its own. */
hg_step_oracle hg_step_oracle_new(hg_arena *arena, const hg_step *step, const hg_deployment *d, hg_step_memo *memo);

/* An hg_step_fn over an hg_step_oracle. */
double hg_step_oracle_seconds(void *oracle, const hg_batch *batch);

/* Parts of it: what depends on a step's tokens alone, and what its decodes add at a mean context (without the host's). */
double hg_step_oracle_tokens_seconds(const hg_step_oracle *o, double tokens);
double hg_step_oracle_decodes_seconds(const hg_step_oracle *o, double decodes, double context);

/* A batch's sums. */
hg_step_batch hg_step_batch_of(const hg_batch *batch);

#endif

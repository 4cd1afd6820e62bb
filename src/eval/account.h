/* Where the engines' time goes: the same simulation, step by step, with every operator's part kept. */
#ifndef HG_EVAL_ACCOUNT_H
#define HG_EVAL_ACCOUNT_H

#include "eval/evaluate.h"

/* Steps by what is in them: with prompt tokens, or decodes only. */
typedef enum hg_phase { HG_WITH_PROMPTS, HG_DECODES_ONLY, HG_PHASES } hg_phase;

typedef struct hg_part {
    const char *name;          /* the step item's: "qkv projection" */
    double seconds;            /* over all engines */
    double bound_s[HG_COMPONENTS]; /* of them, by the component that bound the call */
    double phase_s[HG_PHASES]; /* seconds and bound_s again, by the steps they were in */
    double phase_bound_s[HG_PHASES][HG_COMPONENTS];
    /* Of seconds, what the roofline of the very calls takes; of that, what it would take were each token's
     * share that of the largest step the limits allow.  0 for the host's and for what moves between devices. */
    double roof_s, ideal_s;
    double lo_s, hi_s;         /* the 80 % interval of seconds, were all calls wrong the same way */
    double token_s;            /* Σ of its seconds in a step × the decodes of that step */
    bool host;
    bool launch;               /* of the host's: steps outside the graphs waiting for launches */
    bool moves;                /* bytes between devices: a collective, a stage's hand-over */
    hg_origin origin;          /* the worst of its calls */
    const char *origin_text;
} hg_part;

typedef struct hg_account {
    hg_part parts[HG_STEP_ITEMS]; /* equal names together, largest first */
    int count;
    double busy_s, idle_s;     /* Σ over engines and their pipeline stages: of parts; without a step under way */
    double bubble_s;           /* … under way but waiting: for another stage, or for the slowest rank */
    double decode_only_s;      /* of busy_s, in steps without prompt tokens */
    double decoded;            /* Σ over steps of their decodes: parts' token_s ÷ this is what a token waits for */
    double steps, prompt_tokens; /* taken, and computed in them */
    const char *origin;        /* the worst origin that carries at least 5 % of the busy time */
    hg_metrics metrics;
} hg_account;

void hg_evaluate_account(hg_arena *arena, const hg_problem *p, const hg_candidate *c, const hg_run *run,
                         hg_account *out);

/* The same of two pools: out is of the one that makes the tokens; where there is one pool prefill stays empty. */
void hg_evaluate_accounts(hg_arena *arena, const hg_problem *p, const hg_candidate *c, const hg_run *run,
                          hg_account *out, hg_account *prefill);
/* Of the engines' time that with a step under way. */
double hg_account_busy(const hg_account *a);

/* The origin of one step's time, combined in the same way. */
const char *hg_step_origin(const hg_step *step, const hg_batch *batch);

#endif

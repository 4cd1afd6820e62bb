/* Where the engines' time goes: the same simulation, step by step, with every operator's part kept. */
#ifndef HG_EVAL_ACCOUNT_H
#define HG_EVAL_ACCOUNT_H

#include "eval/evaluate.h"

typedef struct hg_part {
    const char *name;          /* the step item's: "qkv projection" */
    double seconds;            /* over all engines */
    double bound_s[HG_COMPONENTS]; /* of them, by the component that bound the call */
    bool host;
    hg_origin origin;          /* the worst of its calls */
    const char *origin_text;
} hg_part;

typedef struct hg_account {
    hg_part parts[HG_STEP_ITEMS]; /* equal names together, largest first */
    int count;
    double busy_s, idle_s;     /* Σ over engines */
    double decode_only_s;      /* of busy_s, in steps without prompt tokens */
    const char *origin;        /* the worst origin that carries at least 5 % of the busy time */
    hg_metrics metrics;
} hg_account;

void hg_evaluate_account(hg_arena *arena, const hg_problem *p, const hg_candidate *c, const hg_run *run,
                         hg_account *out);

/* The origin of one step's time, combined in the same way. */
const char *hg_step_origin(const hg_step *step, const hg_batch *batch);

#endif

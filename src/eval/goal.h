/* What a plan maximises: one number a deployment, with a bound that prunes. */
#ifndef HG_EVAL_GOAL_H
#define HG_EVAL_GOAL_H

#include "eval/objective.h"

typedef void hg_visit(void *ctx, const hg_metrics *m);

enum { HG_ANY_DEVICES = 1024 }; /* where total_devices is 0, so many are looked at */

typedef struct hg_goal {
    hg_objectives objectives;
    const hg_problem *problem;       /* its workload's load: HG_LOAD_NONE finds the highest rate */
    /* Under a given load the fewest engines are found: of these counts, rising … */
    const int64_t *replicas;
    size_t replica_count;            /* 0: the deployment's own */
    int64_t total_devices;           /* … within so many devices; 0: no bound */
    bool fill;                       /* … and as many engines as they hold */
} hg_goal;

/* Is one request at a time all that is looked at: answers alone, as fast as they come? */
bool hg_goal_alone(const hg_goal *g);

/* No score of the deployment exceeds this; `bound_rate` is hg_bound_rate's. */
double hg_goal_bound(const hg_goal *g, hg_arena scratch, const hg_candidate *c, double bound_rate);

/* The same of two pools with so many devices in all. */
double hg_goal_pools_bound(const hg_goal *g, int64_t devices, double bound_rate);

/* Higher is better, 0: the promise is not kept (*out is the nearest miss).  Without a load the score
 * is taken at the highest rate that keeps the promise; with one, fewer devices score more (or what else is
 * looked for), and out->replicas says how many engines.  Of objectives in turn it is the first one's.  What cannot
 * exceed `floor` is given up early, with 0. */
double hg_goal_score(const hg_goal *g, hg_arena *arena, const hg_candidate *c, double floor,
                     double bound_rate, hg_metrics *out, hg_visit *visit, void *ctx);

/* The score again from figures sharp enough to report; *m are those of hg_goal_score. */
double hg_goal_settle(const hg_goal *g, hg_arena *arena, const hg_candidate *c, hg_metrics *m);

/* hg_goal_score, searched for where the metrics `near` (of a like deployment) say that the answer may lie. */
double hg_goal_near(const hg_goal *g, hg_arena *arena, const hg_candidate *c, const hg_metrics *near, hg_metrics *out);

/* What the objectives come to, each in the user's words: "3.12 good req/s per GPU, 840 J a request". */
const char *hg_goal_text(hg_arena *arena, const hg_goal *g, double devices, const hg_metrics *m);

#endif

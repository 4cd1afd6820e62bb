/* What a plan maximises: one number a deployment, with a bound that prunes. */
#ifndef HG_EVAL_GOAL_H
#define HG_EVAL_GOAL_H

#include "eval/evaluate.h"

typedef enum hg_objective { HG_GOODPUT_PER_GPU, HG_THROUGHPUT, HG_LATENCY, HG_COST, HG_ENERGY, HG_OBJECTIVES } hg_objective;

extern const char *const hg_objective_names[HG_OBJECTIVES]; /* the CLI's words */

typedef void hg_visit(void *ctx, const hg_metrics *m);

enum { HG_ANY_DEVICES = 1024 }; /* where total_devices is 0, so many are looked at */

typedef struct hg_goal {
    hg_objective objective;
    const hg_problem *problem;       /* its workload's load: HG_LOAD_NONE finds the highest rate */
    /* Under a given load the fewest engines are found: of these counts, rising … */
    const int64_t *replicas;
    size_t replica_count;            /* 0: the deployment's own */
    int64_t total_devices;           /* … within so many devices; 0: no bound */
    bool fill;                       /* … and as many engines as they hold */
} hg_goal;

/* No score of the deployment exceeds this; `bound_rate` is hg_bound_rate's. */
double hg_goal_bound(const hg_goal *g, const hg_candidate *c, double bound_rate);

/* The same of two pools with so many devices in all. */
double hg_goal_pools_bound(const hg_goal *g, int64_t devices, double bound_rate);

/* Higher is better, 0: the promise is not kept (*out is the nearest miss).  Without a load the score
 * is taken at the highest rate that keeps the promise; with one, fewer devices score more, and
 * out->replicas says how many engines.  What cannot exceed `floor` is given up early, with 0. */
double hg_goal_score(const hg_goal *g, hg_arena *arena, const hg_candidate *c, double floor,
                     double bound_rate, hg_metrics *out, hg_visit *visit, void *ctx);

/* The score again from figures sharp enough to report; *m are those of hg_goal_score. */
double hg_goal_settle(const hg_goal *g, hg_arena *arena, const hg_candidate *c, hg_metrics *m);

/* Searches where the metrics `near` (of a like deployment) say that the answer may lie, and settles there or not. */
double hg_goal_near(const hg_goal *g, hg_arena *arena, const hg_candidate *c, const hg_metrics *near, bool settle,
                    hg_metrics *out);

/* The score in the user's words: "3.12 good req/s per GPU". */
const char *hg_goal_text(hg_arena *arena, const hg_goal *g, double score);

#endif

/* What is looked for in a deployment: one figure, several weighed against each other, or one after the other. */
#ifndef HG_EVAL_OBJECTIVE_H
#define HG_EVAL_OBJECTIVE_H

#include "eval/evaluate.h"

typedef enum hg_objective { HG_GOODPUT_PER_GPU, HG_THROUGHPUT, HG_LATENCY, HG_COST, HG_ENERGY, HG_OBJECTIVES } hg_objective;

extern const char *const hg_objective_names[HG_OBJECTIVES]; /* the CLI's words */

typedef struct hg_objectives {
    hg_objective of[HG_OBJECTIVES];
    double weight[HG_OBJECTIVES];  /* adding up to 1; not of those in turn */
    int count;                     /* at least 1 */
    bool in_turn;                  /* each decides among those that the one before it does not tell apart */
} hg_objectives;

/* "cost", "cost,latency": cost, then latency; "cost=2,energy=1": weighed, by the product of their powers, so that one per
 * cent of either is worth the same times its weight, whatever their units. */
bool hg_objectives_parse(const char *text, const char *where, hg_objectives *out, hg_err *err);
const char *hg_objectives_text(hg_arena *arena, const hg_objectives *o);

/* Whether it is among those that decide first: the first in turn, or any of those weighed. */
bool hg_objectives_first(const hg_objectives *o, hg_objective which);
bool hg_objectives_any(const hg_objectives *o, hg_objective which);

/* Higher is better: of a run on so many devices; 0 where it is not known. */
double hg_objective_value(const hg_problem *p, hg_objective o, double devices, const hg_metrics *m);
/* What one request a second is worth on so many devices; of latency 1. */
double hg_objective_worth(const hg_problem *p, hg_objective o, double devices);
/* The value in the user's words: "3.12 good req/s per GPU". */
const char *hg_objective_say(hg_arena *arena, hg_objective o, double value);

/* Weighed: the product of value(of[i])^weight[i]. */
double hg_objectives_weigh(const hg_objectives *o, const double value[HG_OBJECTIVES]);

#endif

/* A question's words as the space that a plan searches, and what it looks for there. */
#ifndef HG_API_PLAN_SPACE_H
#define HG_API_PLAN_SPACE_H

#include "api/plan_run.h"

/* The objective, and whether all is known that it needs. */
bool hg_plan_goal(hg_ask *a, const hg_problem *p, hg_goal *g);
/* The knobs, and the devices and counts of engines the goal may use. */
bool hg_plan_space(hg_ask *a, const hg_problem *p, hg_space *s, hg_goal *g);
/* Counts of engines that are tried, rising; how many. */
size_t hg_plan_engine_counts(hg_arena *arena, const hg_scenario *q, const int64_t **out);

#endif

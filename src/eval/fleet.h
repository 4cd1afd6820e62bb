/* Under the user's own load: how many engines of a deployment keep the promise, and what so many are worth. */
#ifndef HG_EVAL_FLEET_H
#define HG_EVAL_FLEET_H

#include "eval/goal.h"

/* Do devices alone decide, under a load? Throughput is the load's, cost the devices'. */
bool hg_fleet_by_devices(const hg_goal *g);

/* See hg_goal_bound, hg_goal_score and hg_goal_settle. */
double hg_fleet_bound(const hg_goal *g, hg_arena scratch, const hg_candidate *c, double bound_rate);
double hg_fleet_pools_bound(const hg_goal *g, int64_t devices, double bound_rate);
double hg_fleet_score(const hg_goal *g, hg_arena *arena, const hg_candidate *c, double floor, double bound_rate, hg_metrics *out,
                      hg_visit *visit, void *ctx);
double hg_fleet_settle(const hg_goal *g, hg_arena *arena, const hg_candidate *c, hg_metrics *m);

#endif

/* Earlier plans: what was recommended to the most alike question is tried first. */
#ifndef HG_API_PLAN_HISTORY_H
#define HG_API_PLAN_HISTORY_H

#include "api/plan_run.h"

enum { HG_PAST_MOST = 8 };

/* Of --history FILE what was recommended to the most alike earlier questions, nearest first, into out->past, HG_PAST_MOST at most: of the same
 * model, device and engine, by the ratios of mean lengths, devices, loads and limits.  Nothing without --history.  False, a->err:
 * the file cannot be read or will not take this plan. */
bool hg_plan_recall(hg_ask *a, const hg_goal *goal, hg_plan *out);

/* Keeps a finished plan, all of it or nothing; an interrupted one is none.  False: err, the plan itself is whole. */
bool hg_plan_keep(hg_ask *a, const hg_goal *goal, const hg_plan *p, hg_err *err);

#endif

#ifndef HG_API_PLAN_RUN_H
#define HG_API_PLAN_RUN_H

#include "api/plan.h"
#include "eval/scene.h"
#include "search/space.h"

enum { HG_SWEEP_LOADS = 5 };

/* Searches the space and fills top, pareto, refusals and counts; the caller adds the explanation, under the scene that
 * top[0] serves worst: out->problem is its. */
void hg_plan_search(hg_ask *a, const hg_scenes *scenes, const hg_space *space, size_t top_n, int threads, hg_plan *out);

/* The loads of --rates into out->rates; then, when the search is done, what each needs: of the counts of engines, rising,
 * within so many devices (0: no bound). */
bool hg_ask_rate_list(hg_ask *a, hg_plan *out);
bool hg_plan_rates(hg_ask *a, const hg_goal *goal, const int64_t *counts, size_t count, int64_t total_devices, int threads, hg_plan *out);

/* The experiments behind the explanation of out->top[0]: into detail, and out's memory, interval, chance and what-ifs. */
struct hg_plan_detail;
void hg_plan_ask(hg_ask *a, const hg_goal *goal, const hg_space *space, hg_plan *out, struct hg_plan_detail *detail);

/* Shares, bottleneck, what-ifs and reasons of out->top[0]. */
void hg_plan_explain(hg_ask *a, const hg_goal *goal, const hg_space *space, hg_plan *out);

/* Why each flag of out->top[0] is as it is; the memory must be known. */
void hg_plan_reasons(hg_arena *arena, const hg_scenario *asked, hg_plan *out);

#endif

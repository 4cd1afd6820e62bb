/* Measured runs as a planner's judge sees them: rows ranked and picked, by group, and why picks lose. */
#ifndef HG_API_SERVING_JUDGED_H
#define HG_API_SERVING_JUDGED_H

#include "api/serving_picks.h"
#include "fit/picks.h"

typedef struct hg_judged { /* rows that can be ranked and picked, and where they stand in the table */
    hg_pick_row *rows;
    size_t *of, count;
    const char **keys;     /* of the columns grouped by */
    hg_pick *picks[2];     /* by hg_pick_rule */
    size_t pick_count;     /* the same cases by either */
} hg_judged;

/* Rows that were measured on a known number of devices, but for overloaded ones (TTFT above 30 s); `by` names columns. */
hg_judged hg_judge(hg_ask *a, const hg_serving_table *t, const hg_serving_predicted *p, const char *by);

/* Of its groups those all of whose rows `figures` answers; instead: figures to predict by, NULL for those it has. */
hg_judged hg_judge_within(hg_arena *arena, const hg_judged *all, const hg_serving_figures *figures, const hg_serving_figures *instead);

typedef struct hg_judged_group { /* of one key; NULL: all */
    const char *key;
    hg_ranking ranking;          /* of pairs both of whose rows are of the key */
    hg_picking picking[2];       /* by rule, of cases whose best row is */
} hg_judged_group;

/* The keys that have a pair or a case, by name, and the last over all. */
hg_judged_group *hg_judge_groups(hg_arena *arena, const hg_judged *d, size_t *count);

/* Picks by prediction below a half, the worst first. */
const hg_pick **hg_judged_losers(hg_arena *arena, const hg_judged *d, size_t *count);

/* Which error turned it. */
const char *hg_judged_reason(hg_arena *arena, const hg_judged *d, const hg_pick *p);

/* A row's engines: "1xtp8pp1dp1ep8", pools joined by " + ". */
const char *hg_judged_shape(hg_arena *arena, const hg_serving_case *c);

#endif

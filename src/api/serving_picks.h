/* What predictions of serving runs are worth to a planner, printed: the order of configurations, and the picks. */
#ifndef HG_API_SERVING_PICKS_H
#define HG_API_SERVING_PICKS_H

#include "api/serving_report.h"
#include "eval/chance.h"

typedef struct hg_serving_predicted { /* by row of a table */
    const hg_serving_figures *figures;
    const hg_serving_figures *planned[2]; /* by hg_serving_planned, and _as_launched; NULL: not asked for */
    const hg_miss_spread *misses;      /* of TPOT, where the like was predicted unseen */
} hg_serving_predicted;

/* Sets `planned` from the cases, with --picks-by-plan. */
void hg_serving_by_plan(hg_ask *a, const hg_serving_case *cases, const hg_overheads *const *overheads, size_t n, hg_serving_predicted *out);

/* hg_serving_report, and with --picks the ranking and the picks after it: as JSON {"errors":[…],"ranking":{…},"picking":{…}}. */
bool hg_serving_report_picks(hg_ask *a, const hg_serving_table *t, const hg_serving_predicted *p, const char *by, hg_buf *out);

#endif

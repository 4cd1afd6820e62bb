/* What left-out loads say, as text or JSON: for validate and calibrate. */
#ifndef HG_API_LOADS_REPORT_H
#define HG_API_LOADS_REPORT_H

#include "api/verb.h"
#include "fit/servers.h"

/* Every row's figures by the shipped calibration. */
hg_serving_figures *hg_shipped_figures(hg_ask *a, const hg_serving_table *t);

/* Every load of every server left out in turn: errors by each way, beside the shipped prediction's on the same
 * runs.  helps, when not NULL: of which figures all other runs of a server made its left-out loads err less in the mean
 * (true where none could be left out).  Folds above 1: the priors are fitted anew without the servers that they are judged on. */
void hg_loads_report(hg_ask *a, const hg_miss_server *servers, size_t n, const hg_miss_priors *priors, int folds,
                     bool helps[HG_MISS_FIGURES], hg_buf *out);

/* False with a->err set where a word is given that these do not read. */
bool hg_refuse_unread(hg_ask *a, const char *by);

/* `heng validate serving FILE… --leave-one-load-out`; `heng calibrate loads FILE…` */
hg_code hg_validate_loads(hg_ask *a);
hg_code hg_calibrate_loads(hg_ask *a);

#endif

/* Error tables of serving predictions, for calibrate and validate. */
#ifndef HG_API_SERVING_REPORT_H
#define HG_API_SERVING_REPORT_H

#include "api/verb.h"
#include "fit/serving_table.h"

/* Groups by the columns named in `by` ("engine,model"); rows overloaded (TTFT above 30 s) apart. */
bool hg_serving_report(hg_ask *a, const hg_serving_table *t, const hg_serving_figures *f, const char *by,
                       hg_buf *out);

/* Every row with its prediction, for --rows-out. */
bool hg_serving_rows_out(hg_ask *a, const hg_serving_table *t, const hg_serving_figures *f);

#endif

/* A promise to users: limits on percentiles, as in 'ttft:p90<1s,tpot:p95<40ms,e2e:p99<30s'. */
#ifndef HG_SPEC_SLO_H
#define HG_SPEC_SLO_H

#include "base/arena.h"
#include "base/err.h"

#include <stdbool.h>

typedef enum hg_metric { HG_TTFT, HG_TPOT, HG_ITL, HG_E2E, HG_QUEUE, HG_METRICS } hg_metric;

extern const char *const hg_metric_names[HG_METRICS]; /* "ttft", "tpot", … */

enum { HG_SLO_MAX = 8, HG_MEAN = 0 };

typedef struct hg_limit {
    hg_metric metric;
    double percentile; /* in (0, 1); HG_MEAN: the mean */
    double limit_s;
} hg_limit;

typedef struct hg_slo {
    hg_limit limits[HG_SLO_MAX];
    int count; /* 0: nothing promised */
} hg_slo;

/* Without a percentile a limit means p99 ("ttft<1s").  `where` names the text in errors. */
bool hg_slo_parse(const char *text, const char *where, hg_slo *out, hg_err *err);
/* The canonical text. */
const char *hg_slo_text(hg_arena *arena, const hg_slo *slo);

#endif

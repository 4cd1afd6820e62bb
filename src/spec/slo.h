/* A promise to users: limits on percentiles, as in 'ttft:p90<1s,tpot:p95<40ms,e2e:p99<30s'. */
#ifndef HG_SPEC_SLO_H
#define HG_SPEC_SLO_H

#include "base/arena.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

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

/* Limits separated by commas or spaces, each METRIC[:pNN|mean]<TIME ("ttft:p90<1s"; p99 when not
 * said) or, as vLLM's --goodput writes it, METRIC:MILLISECONDS ("ttft:500"); or the name of a preset
 * ("mlperf:llama2-70b").  `where` names the text in errors. */
bool hg_slo_parse(const char *text, const char *where, hg_slo *out, hg_err *err);
/* The canonical text, which parses to the same limits. */
const char *hg_slo_text(hg_arena *arena, const hg_slo *slo);

/* MLPerf Inference, server and interactive scenarios: p99 limits of TTFT and TPOT. */
typedef struct hg_slo_preset {
    const char *name; /* "mlperf:llama2-70b" */
    double ttft_s, tpot_s;
} hg_slo_preset;

extern const hg_slo_preset hg_slo_presets[];
extern const size_t hg_slo_preset_count;

#endif

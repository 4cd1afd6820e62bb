/* A run in the formats of others. */
#ifndef HG_LIVE_EXPORT_H
#define HG_LIVE_EXPORT_H

#include "live/figures.h"

typedef struct hg_export_fact { /* of the server, as "--metadata" adds them */
    const char *key, *value;
} hg_export_fact;

typedef struct hg_export {
    const hg_live_run *run;
    const hg_live_figures *figures;
    const hg_live_window *window;
    const hg_slo *slo;
    const hg_prompts *prompts;
    const hg_live_load *load;
    const hg_workload *workload;
    const char *url;
    double rate_per_s;   /* NAN: no rate was set */
    int64_t concurrency; /* 0: no closed loop */
    const hg_export_fact *facts;
    size_t fact_count;
} hg_export;

/* One JSON object with the fields of `vllm bench serve --save-result --save-detailed`.  Its clock starts
 * when a request is sent, so latencies are those from sending; ITL is the gap between chunks. */
const char *hg_export_vllm(hg_arena *arena, const hg_export *e);
/* llm-d benchmark report, version 0.2, as JSON (which is YAML). */
const char *hg_export_llmd(hg_arena *arena, const hg_export *e);
/* arrival_s,isl,osl[,prefix_hashes] of every request that was sent, in order of intended sending:
 * lengths as the server counted them where it did and no hashes of the trace depend on them; a prefix
 * that the question shares (but not one of conversations) as hashes of 16 tokens. */
const char *hg_export_workload(hg_arena *arena, const hg_export *e);

#endif

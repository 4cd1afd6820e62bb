/* `heng bench`: a load on a live endpoint, its figures, and the files they go to. */
#ifndef HG_API_BENCH_H
#define HG_API_BENCH_H

#include "api/verb.h"
#include "base/json.h"
#include "live/figures.h"
#include "live/live.h"

typedef struct hg_bench_stage { /* one load of a sweep, or the only one */
    double rate_per_s;          /* 0: one request after the other */
    bool borne;
    hg_live_run run;
    hg_live_figures figures;
} hg_bench_stage;

typedef struct hg_bench {
    hg_url url;
    const char *path;           /* of the endpoint */
    const char *key_name, *key; /* key NULL: none */
    bool sweep;
    hg_workload workload;
    hg_prompts prompts;
    hg_live_load load;
    hg_live_window window;
    hg_slo slo;
    double timeout_s, wait_s;
    bool calibrated;            /* the server's count of words was measured */
    const char *protocol;
    int64_t connections;
    hg_bench_stage *stages;     /* the last is the answer of a single load; of a sweep see `knee` */
    size_t stage_count, stage_capacity;
    const hg_bench_stage *answer;
    double knee_per_s;          /* of a sweep; 0: no rate was borne */
} hg_bench;

/* The words as a bench; what cannot be is refused, nothing is sent. */
bool hg_bench_read(hg_ask *a, hg_bench *b);
/* The API key of the environment alone. */
bool hg_bench_read_key(hg_ask *a, hg_bench *b);

const char *hg_bench_json(hg_arena *arena, const hg_bench *b);
const char *hg_bench_text(hg_arena *arena, const hg_bench *b);
const char *hg_bench_requests_csv(hg_arena *arena, const hg_bench *b);
/* "rate 4/s", "8 clients", … */
const char *hg_bench_load_text(hg_arena *arena, const hg_bench *b);

#endif

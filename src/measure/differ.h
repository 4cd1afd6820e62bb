/* Two results against each other: figures whose definitions are the same, how far they are apart, and whether that is
 * more than the noise of their requests. */
#ifndef HG_MEASURE_DIFFER_H
#define HG_MEASURE_DIFFER_H

#include "measure/results.h"

typedef struct hg_difference {
    const char *figure, *statistic; /* "TTFT" "mean"; "output tokens/s" "" */
    const char *unit;               /* "s", "/s" */
    double a, b;
    double change_frac;             /* b / a − 1 */
    double lo, hi;                  /* 95 % of the change by drawing the requests again; NAN: no requests at hand */
} hg_difference;

enum { HG_DIFFERENCES = 32, HG_DIFFER_LINES = 16 };

typedef struct hg_differ {
    hg_difference all[HG_DIFFERENCES]; /* those that both say */
    int count;
    const char *lines[HG_DIFFER_LINES]; /* what differs besides: the server, the load, the definitions */
    int line_count;
} hg_differ;

/* Requests are drawn again in runs of neighbours, which queued together; the same seed draws the same. */
void hg_differ_results(hg_arena *arena, const hg_bench_result *a, const hg_bench_result *b, uint64_t seed, hg_differ *out);

/* Whether they are of one load: clients, rate and lengths alike as far as both say. */
bool hg_same_load(const hg_bench_result *a, const hg_bench_result *b);

#endif

/* How an engine is spread over devices, as people write it: "TP8 DP2 EP", "TP16/32 DP2/16" (prefill/decode),
 * "node0 TP8 DP2 node1 TP8 DP2 EP". */
#ifndef HG_MEASURE_PARALLELISM_H
#define HG_MEASURE_PARALLELISM_H

#include "measure/serving.h"

typedef struct hg_parallelism {
    int64_t devices;             /* of the whole deployment; 0: not said */
    bool disaggregated;
    bool tp_counts_dp;           /* TP is the width of the engine, its DP ranks among it (SGLang) */
    hg_serving_pool prefill, decode; /* out; not disaggregated: decode is the engine, workers as many as devices allow */
} hg_parallelism;

/* NULL, or what such text should be. */
const char *hg_parallelism_read(const char *text, hg_parallelism *p);

#endif

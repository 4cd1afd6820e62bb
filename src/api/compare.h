#ifndef HG_API_COMPARE_H
#define HG_API_COMPARE_H

#include "api/verb.h"
#include "measure/results.h"

/* Results of two files or more: those of one load against those of the first file. */
hg_code hg_compare_results(hg_ask *a, const hg_results *sides, size_t n);

/* Two scenarios, simulated: from the first to the second word by word, in the order that explains most. */
hg_code hg_compare_deployments(hg_ask *a, const char *first, const char *second);

#endif

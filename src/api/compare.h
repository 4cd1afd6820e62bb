#ifndef HG_API_COMPARE_H
#define HG_API_COMPARE_H

#include "api/verb.h"
#include "measure/results.h"

/* Results of two files or more: those of one load against those of the first file. */
hg_code hg_compare_results(hg_ask *a, const hg_results *sides, size_t n);

/* Deployments in files (scenarios, or what 'heng plan' wrote), simulated: from the first to each other word by word,
 * in the order that explains most, and part by part of a step. */
hg_code hg_compare_deployments(hg_ask *a, const char *const *files, size_t n);

/* Whether the file is a deployment: a scenario in YAML that is no report, or a plan that keeps its question. */
bool hg_compared_is(hg_ask *a, const char *path);

#endif

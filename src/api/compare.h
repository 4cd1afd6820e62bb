#ifndef HG_API_COMPARE_H
#define HG_API_COMPARE_H

#include "api/verb.h"
#include "measure/results.h"

/* Results of two files or more: those of one load against those of the first file. */
hg_code hg_compare_results(hg_ask *a, const hg_results *sides, size_t n);

#endif

/* One of the deployments that are compared, and what tells two of them apart. */
#ifndef HG_API_COMPARED_H
#define HG_API_COMPARED_H

#include "api/question.h"
#include "base/json.h"
#include "explain/explain.h"

typedef struct hg_compared {
    const char *name;          /* the file */
    hg_scenario words;         /* of 'heng simulate' */
    const hg_candidate *candidate;
    hg_metrics metrics;
    hg_account account;        /* of its first requests, where the run is long */
} hg_compared;

/* Reads and simulates it; false: a->err names the file. */
bool hg_compared_open(hg_ask *a, const char *path, hg_compared *out);

/* The words of a->s simulated; false: they cannot be, or serve no request. */
bool hg_compare_run(hg_ask *a, hg_problem *p, hg_candidate *c, hg_metrics *m);

/* "B takes 23% more time a token than A (28.1 ms, 34.6 ms): all-reduce +1.8 ms, …", and its JSON "causes":{…}. */
void hg_causes_text(hg_buf *b, const hg_compared *first, const hg_compared *other, hg_lang lang);
void hg_json_causes(hg_json *j, const hg_compared *first, const hg_compared *other);

#endif

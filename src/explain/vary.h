/* How much an answer hangs on what it was told: the same question with one fact a fifth less or a fifth more. */
#ifndef HG_EXPLAIN_VARY_H
#define HG_EXPLAIN_VARY_H

#include "eval/evaluate.h"
#include "explain/say.h"

typedef struct hg_vary {
    const char *name;          /* "memory_bandwidth" */
    hg_text text;
    bool is_load;              /* the load itself: nothing to vary where it is what the search finds */
    /* Multiplies the fact in the problem and what of the deployment follows from it.  False: it plays no part here. */
    bool (*make)(hg_arena *arena, hg_problem *p, hg_deployment *d, double factor);
} hg_vary;

extern const hg_vary hg_varies[];
extern const int hg_vary_count;
extern const double hg_vary_factors[2]; /* 0.8, 1.2 */

enum { HG_VARIES_MOST = 16 };

typedef struct hg_varied {     /* what came of it */
    bool known;                /* false: it could not be tried, or the run was stopped */
    double gain_frac;          /* of what the plan looks for; 0: within its precision; −1: the promise breaks */
    bool fixed_load;           /* the load varied under a search for it: these instead */
    bool kept;
    double attained_frac;
} hg_varied;

typedef struct hg_sensitivity {
    const hg_vary *vary;
    hg_varied at[2];           /* by hg_vary_factors */
} hg_sensitivity;

#endif

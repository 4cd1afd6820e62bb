/* The answers of 'heng explain'. */
#ifndef HG_API_EXPLAINED_H
#define HG_API_EXPLAINED_H

#include "api/plan.h"
#include "explain/explain.h"

enum { HG_EXPLAIN_NOTED = 2000 }; /* requests whose every operator is noted; noting all of a long run is slow */

const char *hg_explained_text(hg_arena *arena, const hg_explained *x, hg_lang lang);
const char *hg_explained_json(hg_arena *arena, const hg_explained *x, hg_lang lang);

/* "HBM binds: 71% of the engines' time, …" */
const char *hg_explained_bottleneck(hg_arena *arena, const hg_explained *x, hg_lang lang);

/* The name of what binds in the language. */
const char *hg_by_name(hg_lang lang, int by);

#endif

/* The answers of 'heng explain'. */
#ifndef HG_API_EXPLAINED_H
#define HG_API_EXPLAINED_H

#include "api/plan.h"
#include "explain/explain.h"

enum { HG_EXPLAIN_NOTED = 2000 }; /* requests whose every operator is noted; noting all of a long run is slow */

const char *hg_explained_text(hg_arena *arena, const hg_explained *x, hg_lang lang);
const char *hg_explained_json(hg_arena *arena, const hg_explained *x, hg_lang lang);

/* "HBM binds: 71% of the engines' time, …" */
const char *hg_bottleneck_text(hg_arena *arena, const hg_account *a, const hg_times *t, hg_lang lang);

/* Of two pools: which is busier, then what binds in it, and in the other; a sentence a line. */
const char *hg_pools_bottleneck_text(hg_arena *arena, const hg_account *prefill, const hg_times *prefill_times, const hg_account *decode,
                                     const hg_times *decode_times, hg_lang lang);

/* The columns a text takes on a terminal, where a Chinese character or mark takes two. */
int hg_columns(const char *s);

/* "waterfall":{…} */
void hg_json_waterfall(hg_json *j, const hg_waterfall *w);

/* The name of what binds in the language. */
const char *hg_by_name(hg_lang lang, int by);

#endif

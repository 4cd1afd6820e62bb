/* What could be changed about a deployment or the machine under it: each change is made on copies, and what it
 * buys is the evaluation again. */
#ifndef HG_EXPLAIN_CHANGE_H
#define HG_EXPLAIN_CHANGE_H

#include "eval/evaluate.h"
#include "explain/say.h"

typedef struct hg_change {
    const char *name;          /* "more_seqs" */
    hg_text text;              /* "--max-num-seqs %s": with the value's place, or without */
    bool planned;              /* see changes.def */
    /* Changes the problem or the deployment, *shown: the value for the text.  False: it makes no sense here. */
    bool (*make)(hg_problem *p, hg_deployment *d, double *shown);
} hg_change;

extern const hg_change hg_changes[];
extern const int hg_change_count;

enum { HG_CHANGES_MOST = 32 };

/* "--max-num-seqs 512" */
const char *hg_change_text(hg_arena *arena, hg_lang lang, const hg_change *c, double value);

#endif

/* --fix-launch FILE: what a launch says is pinned, the rest is planned. */
#ifndef HG_API_FIX_LAUNCH_H
#define HG_API_FIX_LAUNCH_H

#include "api/question.h"
#include "engine/parse.h"

typedef struct hg_fixed_launch {
    const hg_launch_text *launch; /* NULL: none was named */
    hg_said_words said;
} hg_fixed_launch;

/* Sets a word of `verb` that is not given yet; its place is "name:line: word".  Words that the verb
 * has not are left. */
bool hg_ask_said(hg_ask *a, const char *verb, const char *name, const char *word, const char *value,
                 int line);

/* Sets the words that the command line leaves open; before the problem is asked for. */
bool hg_ask_fix_launch(hg_ask *a, hg_fixed_launch *out);
/* The fraction of memory, which needs the model and the device; after the problem is known. */
bool hg_ask_fix_fraction(hg_ask *a, const hg_problem *p, const hg_fixed_launch *f);

#endif

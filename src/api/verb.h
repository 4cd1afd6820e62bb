/* A verb: a question's words to an answer.  One file a verb, listed in verbs.def. */
#ifndef HG_API_VERB_H
#define HG_API_VERB_H

#include "heng.h"

#include "base/data.h"
#include "base/text.h"
#include "spec/scenario.h"

typedef struct hg_ask {
    const char *verb;
    hg_arena *arena;           /* until the answer is given */
    hg_scenario s;
    hg_data data;
    const heng_io *io;
    const char *drafts_noted;  /* the source of the acceptance last noted: each is said once */
    hg_err err;                /* filled when a verb returns HG_WORLD or HG_INPUT */
} hg_ask;

typedef struct hg_verb {
    const char *name, *usage, *help;
    hg_code (*run)(hg_ask *a);
} hg_verb;

#define VERB(name) extern const hg_verb hg_verb_##name;
#include "api/verbs.def"
#undef VERB

extern const hg_verb *const hg_verbs[];
extern const int hg_verb_count;

/* Gives the answer: to -o PATH when that names a file, else to io->out. */
hg_code hg_answer(hg_ask *a, const char *text, size_t size);
void hg_note(hg_ask *a, const char *line);         /* NULL: nothing */
void hg_progress(hg_ask *a, double done_frac, const char *what);
bool hg_stopped(const hg_ask *a);

/* Sets err and returns its code. */
hg_code hg_refuse(hg_ask *a, const char *where, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif

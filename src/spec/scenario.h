/* A question's words as one checked struct.  The words stand once, in scenario.def. */
#ifndef HG_SPEC_SCENARIO_H
#define HG_SPEC_SCENARIO_H

#include "base/arena.h"
#include "base/err.h"
#include "base/units.h"

#include <stdbool.h>
#include <stdint.h>

enum { HG_LIST = 16 };

typedef struct hg_text_word {
    const char *s;             /* NULL: not given */
    const char *where;
} hg_text_word;

typedef struct hg_ints_word {
    int64_t v[HG_LIST];
    int n;                     /* 0: not given */
    bool any;                  /* the word "any" */
    const char *where;
} hg_ints_word;

typedef struct hg_real_word {
    double v;
    bool given;
    const char *where;
} hg_real_word;

typedef struct hg_flag_word {
    bool v, given;
    const char *where;
} hg_flag_word;

typedef struct hg_scenario {
#define SECTION(title)
#define TEXT(word, verbs, arg, standard, help) hg_text_word word;
#define INTS(word, verbs, lo, hi, arg, standard, help) hg_ints_word word;
#define REAL(word, verbs, unit, lo, hi, arg, standard, help) hg_real_word word;
#define FLAG(word, verbs, standard, help) hg_flag_word word;
#include "spec/scenario.def"
#undef SECTION
#undef TEXT
#undef INTS
#undef REAL
#undef FLAG
    const char **inputs;       /* bare words: files, subjects */
    size_t input_count;
} hg_scenario;

typedef enum hg_word_kind { HG_WORD_SECTION, HG_WORD_TEXT, HG_WORD_INTS, HG_WORD_REAL, HG_WORD_FLAG } hg_word_kind;

typedef struct hg_word {
    const char *name;          /* with underscores; a section's title */
    hg_word_kind kind;
    const char *verbs, *argument, *standard, *help; /* standard: the default in words, or NULL */
    size_t offset;             /* in hg_scenario */
    hg_unit unit;
    double lo, hi;
} hg_word;

extern const hg_word hg_word_table[];
extern const int hg_word_count;

/* A word by its name in any spelling: dashes or underscores, aliases of other engines and tools, the
 * short -o, -f, -tp, -pp, -dp.  NULL: unknown. */
const hg_word *hg_word_find(const char *name);
/* The word nearest to a misspelt one, as a flag ("--max-num-seqs"), or NULL. */
const char *hg_word_suggest(hg_arena *arena, const char *name);
/* Whether it may be given several times; its values are then lines. */
bool hg_word_repeats(const hg_word *w);
bool hg_word_serves(const hg_word *w, const char *verb);
bool hg_word_given(const hg_scenario *s, const hg_word *w);

/* A given word's value as hg_scenario_set takes it: "2,4", "true". */
const char *hg_word_value(hg_arena *arena, const hg_scenario *s, const hg_word *w);

/* Sets one word.  value NULL: a flag that is given.  `where` is the place for errors. */
bool hg_scenario_set(hg_arena *arena, hg_scenario *s, const char *verb, const char *name,
                     const char *value, const char *where, hg_err *err);
/* Sets words of one section, over those that stand: "tp=8 max-num-seqs=512 no-enable-prefix-caching".  On an error
 * nothing is changed. */
bool hg_scenario_words(hg_arena *arena, hg_scenario *s, const char *verb, const char *section, const char *words,
                       const char *where, hg_err *err);
/* Sets the words of a YAML file that are not set yet (a command line goes first). */
bool hg_scenario_read(hg_arena *arena, hg_scenario *s, const char *verb, const char *path, hg_err *err);

#endif

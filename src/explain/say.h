/* The sentences of heng's answers, English and Chinese side by side in texts.def. */
#ifndef HG_EXPLAIN_SAY_H
#define HG_EXPLAIN_SAY_H

#include "base/text.h"

typedef enum hg_lang { HG_EN, HG_ZH, HG_LANGS } hg_lang;

extern const char *const hg_lang_names[HG_LANGS]; /* "en", "zh" */

typedef enum hg_text {
#define TEXT(name, en, zh) HG_TEXT_##name,
#include "explain/texts.def"
#undef TEXT
    HG_TEXTS
} hg_text;

/* The sentence's form: what it takes is all %s, in the same order in both. */
const char *hg_text_form(hg_lang lang, hg_text text);

/* The sentence with its texts filled in. */
const char *hg_say(hg_arena *arena, hg_lang lang, hg_text text, ...);

/* A part of a step by the name that the cost model gives it (operators.def); the name itself where the table has none. */
const char *hg_operator_name(hg_lang lang, const char *name);

#endif

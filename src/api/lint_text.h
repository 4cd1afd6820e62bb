/* Findings as text, as JSON and as SARIF 2.1.0 (what code hosts and editors show beside a line). */
#ifndef HG_API_LINT_TEXT_H
#define HG_API_LINT_TEXT_H

#include "explain/lint.h"

typedef struct hg_linted {
    hg_lint lint;
    const char *unpriced; /* why fixes have no price; NULL: they have */
} hg_linted;

const char *hg_lint_text(hg_arena *arena, hg_lang lang, const char *name, const hg_linted *list, size_t count);
const char *hg_lint_json(hg_arena *arena, hg_lang lang, const char *name, const hg_linted *list, size_t count);
const char *hg_lint_sarif(hg_arena *arena, hg_lang lang, const char *name, const hg_linted *list, size_t count);

#endif

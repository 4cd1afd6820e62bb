#include "spec/scenario.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t size_of(const hg_word *w)
{
    return w->kind == HG_WORD_TEXT ? sizeof(hg_text_word) : w->kind == HG_WORD_INTS ? sizeof(hg_ints_word)
         : w->kind == HG_WORD_REAL ? sizeof(hg_real_word) : sizeof(hg_flag_word);
}

static bool is_of(const hg_word *w, const char *section)
{
    while (w > hg_word_table && w->kind != HG_WORD_SECTION)
        w--;
    return w->kind == HG_WORD_SECTION && strcmp(w->name, section) == 0;
}

/* "tp" of "--tp", and the flag of "no-flag". */
static const hg_word *word_of(const char *name)
{
    const hg_word *w = hg_word_find(name);
    name += strspn(name, "-");
    return w || (!hg_starts(name, "no-") && !hg_starts(name, "no_")) ? w : hg_word_find(name + 3);
}

/* One word=value into `said`, which holds those before it. */
static bool take(hg_arena *arena, hg_scenario *said, const char *verb, const char *section, char *text, const char *where,
                 hg_err *err)
{
    char *value = strchr(text, '=');
    if (value)
        *value++ = 0;
    where = hg_textf(arena, "%s: %.48s", where, text);
    const hg_word *w = word_of(text);
    if (w && !is_of(w, section))
        return hg_fail(err, HG_INPUT, where, "is no word of a deployment; such are tp=8, max-num-seqs=512, "
                       "no-enable-prefix-caching");
    if (w && hg_word_given(said, w))
        return hg_fail(err, HG_INPUT, where, "is given twice; keep one");
    return hg_scenario_set(arena, said, verb, text, value, where, err);
}

bool hg_scenario_words(hg_arena *arena, hg_scenario *s, const char *verb, const char *section, const char *words,
                       const char *where, hg_err *err)
{
    static const char gaps[] = " \t\r\n";
    hg_scenario *said = HG_NEW(arena, hg_scenario, 1);
    char *text = hg_strdup(arena, words), *next;
    hg_text_clean(text);
    for (text += strspn(text, gaps); *text; text = next + strspn(next, gaps)) {
        next = text + strcspn(text, gaps);
        if (*next)
            *next++ = 0;
        if (!take(arena, said, verb, section, text, where, err))
            return false;
    }
    bool any = false;
    for (int i = 0; i < hg_word_count; i++) {
        const hg_word *w = &hg_word_table[i];
        if (w->kind == HG_WORD_SECTION || !hg_word_given(said, w))
            continue;
        memcpy((char *)s + w->offset, (const char *)said + w->offset, size_of(w));
        any = true;
    }
    return any || hg_fail(err, HG_INPUT, where, "names nothing; write words of a deployment, such as 'tp=8 max-num-seqs=512'");
}

/* The fewest digits that are read back as the same number. */
static const char *shortest(hg_arena *arena, double v)
{
    const char *text = "";
    for (int digits = 6; digits <= 17; digits++) {
        text = hg_textf(arena, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    return text;
}

const char *hg_word_value(hg_arena *arena, const hg_scenario *s, const hg_word *w)
{
    const void *at = (const char *)s + w->offset;
    if (w->kind == HG_WORD_TEXT)
        return ((const hg_text_word *)at)->s;
    if (w->kind == HG_WORD_REAL)
        return shortest(arena, ((const hg_real_word *)at)->v);
    if (w->kind == HG_WORD_FLAG)
        return ((const hg_flag_word *)at)->v ? "true" : "false";
    const hg_ints_word *ints = at;
    hg_buf b = { .arena = arena };
    for (int i = 0; i < ints->n; i++)
        hg_buf_printf(&b, "%s%lld", i ? "," : "", (long long)ints->v[i]);
    return ints->any ? "any" : b.s;
}

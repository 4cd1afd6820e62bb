#include "explain/say.h"

#include <stdarg.h>
#include <string.h>

const char *const hg_lang_names[HG_LANGS] = { "en", "zh" };

static const char *const forms[HG_TEXTS][HG_LANGS] = {
#define TEXT(name, en, zh) { en, zh },
#include "explain/texts.def"
#undef TEXT
};

const char *hg_text_form(hg_lang lang, hg_text text)
{
    return forms[text][lang];
}

static const char *const operators[][HG_LANGS] = {
#define OPERATOR(en, zh) { en, zh },
#include "explain/operators.def"
#undef OPERATOR
};

const char *hg_operator_name(hg_lang lang, const char *name)
{
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (strcmp(operators[i][HG_EN], name) == 0)
            return operators[i][lang];
    return name;
}

/* By hand: forms come from a table, and "%s" is all they hold. */
const char *hg_say(hg_arena *arena, hg_lang lang, hg_text text, ...)
{
    hg_buf b = { .arena = arena };
    va_list args;
    va_start(args, text);
    const char *p = forms[text][lang];
    for (const char *at; (at = strstr(p, "%s")); p = at + 2) {
        hg_buf_add(&b, p, (size_t)(at - p));
        hg_buf_puts(&b, va_arg(args, const char *));
    }
    va_end(args);
    hg_buf_puts(&b, p);
    return b.s;
}

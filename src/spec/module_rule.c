#include "spec/module_rule.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

enum { REGEX_LIMIT = 400 };

/* What stands before "layers." in the language model's own modules. */
static const char *const prefixes[] = {
    "model.",       "language_model.model.", "model.language_model.",
    "backbone.",    "language_model.",       "model.language_model.model.",
    "transformer.", "thinker.model.",        "",
};

static const char *own_name(hg_arena *arena, const char *pattern)
{
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        if (!hg_starts(pattern, prefixes[i]))
            continue;
        const char *rest = pattern + strlen(prefixes[i]);
        if (hg_starts(rest, "layers."))
            return hg_textf(arena, "model.%s", rest);
        if (strcmp(rest, "lm_head") == 0 || strcmp(rest, "head") == 0)
            return "lm_head";
    }
    return hg_strdup(arena, pattern);
}

/* The layer that a pattern without globs names, or -1. */
static int64_t only_layer(const char *pattern)
{
    long n;
    int end = 0;
    if (sscanf(pattern, "model.layers.%ld%n", &n, &end) != 1 || n < 0 || n > INT32_MAX)
        return -1;
    return pattern[end] == '.' || !pattern[end] ? n : -1;
}

/* Python's \d is POSIX's [0-9]; look-ahead, counted repetition and references are not read. */
static char *posix_regex(hg_arena *arena, const char *python)
{
    if (strlen(python) > REGEX_LIMIT || strchr(python, '{') || strstr(python, "(?"))
        return NULL;
    hg_buf b = { .arena = arena };
    hg_buf_puts(&b, "^(");
    for (const char *p = python; *p; p++) {
        if (p[0] == '\\' && p[1] >= '1' && p[1] <= '9')
            return NULL;
        if (p[0] == '\\' && p[1] == 'd') {
            hg_buf_puts(&b, "[0-9]");
            p++;
        } else {
            hg_buf_add(&b, p, 1);
        }
    }
    hg_buf_puts(&b, ")");
    return b.s;
}

bool hg_module_rule_open(hg_module_rule *rule, hg_arena *arena, const char *pattern, hg_dtype dtype)
{
    *rule = (hg_module_rule){ .dtype = dtype, .layer = -1 };
    if (!hg_starts(pattern, "re:")) {
        rule->pattern = own_name(arena, pattern);
        rule->layer = only_layer(rule->pattern);
        return true;
    }
    char *posix = posix_regex(arena, pattern + 3);
    if (!posix || regcomp(&rule->regex, posix, REG_EXTENDED | REG_NOSUB) != 0)
        return false;
    rule->pattern = posix;
    rule->is_regex = true;
    return true;
}

void hg_module_rule_close(hg_module_rule *rule)
{
    if (rule->is_regex)
        regfree(&rule->regex);
}

/* The shell's * and nothing else; `rest`: what may follow the pattern's end. */
static bool glob(const char *pattern, const char *name)
{
    const char *star = NULL, *mark = NULL;
    while (*name) {
        if (*pattern == '*') {
            star = pattern++;
            mark = name;
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (!*pattern && *name == '.') {
            return true; /* a module named by the pattern holds this one */
        } else if (star) {
            pattern = star + 1;
            name = ++mark;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == 0;
}

/* Whether the dotted parts of the pattern stand somewhere among the name's. */
static bool holds_parts(const char *name, const char *pattern)
{
    size_t n = strlen(pattern);
    for (const char *at = name; n && (at = strstr(at, pattern)); at++)
        if ((at == name || at[-1] == '.') && (!at[n] || at[n] == '.'))
            return true;
    return false;
}

bool hg_module_rule_matches(const hg_module_rule *rule, const char *name)
{
    if (rule->is_regex)
        return regexec(&rule->regex, name, 0, NULL, 0) == 0;
    return strchr(rule->pattern, '*') ? glob(rule->pattern, name)
                                      : holds_parts(name, rule->pattern);
}

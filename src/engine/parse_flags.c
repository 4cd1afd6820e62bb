#include "engine/parse.h"

#include <ctype.h>
#include <string.h>

static void put(hg_settings *s, const hg_engine_knob *knob, const char *name, const char *value,
                int line)
{
    *HG_PUSH(s->arena, s->list, s->count, s->capacity) =
        (hg_setting){ knob, name, value, line, NULL };
}

/* -1 is a value; --x and -x are flags. */
static bool is_flag(const char *w)
{
    return w[0] == '-' && (isalpha((unsigned char)w[1]) || (w[1] == '-' && w[2]));
}

/* --no-x turns x off; --compilation-config.cudagraph_mode sets a part of a JSON knob; -O3 is -O 3.
 */
static const hg_engine_knob *find(const hg_settings *s, const char *name, bool *off,
                                  const char **glued)
{
    const hg_engine_knob *knob = hg_knob_flagged(s->knobs, name);
    const char *dot = strchr(name, '.');
    *off = false;
    *glued = NULL;
    if (!knob && hg_starts(name, "--no-")) {
        knob = hg_knob_flagged(s->knobs, hg_textf(s->arena, "--%s", name + 5));
        *off = knob && knob->type == HG_KNOB_SWITCH;
        knob = *off ? knob : NULL;
    }
    if (!knob && dot) {
        knob = hg_knob_flagged(s->knobs, hg_strndup(s->arena, name, (size_t)(dot - name)));
        knob = knob && knob->type == HG_KNOB_JSON ? knob : NULL;
    }
    if (!knob && hg_starts(name, "-O") && isdigit((unsigned char)name[2])) {
        knob = hg_knob_flagged(s->knobs, "-O");
        *glued = name + 2;
    }
    return knob;
}

static const char *truth(const char *w)
{
    return hg_same_nocase(w, "true") ? "true" : hg_same_nocase(w, "false") ? "false" : NULL;
}

/* Takes a flag's values from the words after it; returns how many. */
static size_t values(const hg_settings *s, const hg_engine_knob *knob, const hg_shell_item *next,
                     size_t left, const char **value)
{
    *value = NULL;
    if (knob && knob->type == HG_KNOB_SWITCH) {
        *value = left && truth(next->s) ? truth(next->s) : "true";
        return left && truth(next->s);
    }
    if (knob && knob->type == HG_KNOB_INTS) {
        hg_buf b = { .arena = s->arena };
        size_t n = 0;
        for (; n < left && isdigit((unsigned char)next[n].s[0]); n++)
            hg_buf_printf(&b, "%s%s", n ? "," : "", next[n].s);
        *value = b.s;
        return n;
    }
    if (left && !is_flag(next->s)) {
        *value = next->s;
        return 1;
    }
    for (size_t i = 0; knob && i < knob->choice_count; i++) /* -fa alone is -fa on */
        if (strcmp(knob->choices[i], "on") == 0)
            *value = "on";
    return 0;
}

void hg_parse_flags(hg_settings *s, const hg_shell_item *words, size_t count, const char **model)
{
    for (size_t i = 0; i < count;) {
        const char *w = words[i].s, *equals = strchr(w, '='), *value, *glued;
        int line = words[i++].line;
        bool off;
        if (!is_flag(w)) {
            if (strcmp(w, "$@") == 0 || strcmp(w, "$*") == 0)
                continue; /* the script's own arguments */
            if (*model)
                put(s, NULL, w, NULL, line);
            else
                *model = w;
            continue;
        }
        const char *name = equals ? hg_strndup(s->arena, w, (size_t)(equals - w)) : w;
        const hg_engine_knob *knob = find(s, name, &off, &glued);
        if (glued || off || equals)
            value = glued ? glued : off ? "false" : equals + 1;
        else
            i += values(s, knob, words + i, count - i, &value);
        if (knob && knob->type == HG_KNOB_SWITCH && value && truth(value))
            value = truth(value);
        put(s, knob, name, value, line);
        if (knob && knob->word && strcmp(knob->word, "model") == 0 && value)
            *model = value;
    }
}

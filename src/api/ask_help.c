#include "api/verb.h"

#include <stdio.h>
#include <string.h>

static const char *dashed(hg_arena *arena, const char *name)
{
    char *s = hg_strdup(arena, name);
    for (char *p = s; *p; p++)
        *p = *p == '_' ? '-' : *p;
    return s;
}

static void word_line(hg_ask *a, hg_buf *b, const hg_word *w)
{
    char left[64];
    const char *name = dashed(a->arena, w->name);
    snprintf(left, sizeof left, "--%s%s%s", name, w->argument ? " " : "", w->argument ? w->argument : "");
    hg_buf_printf(b, "  %-34s %s", left, w->help);
    if (w->kind == HG_WORD_INTS || w->kind == HG_WORD_REAL)
        hg_buf_printf(b, " [%.16g … %.16g%s%s]", w->lo, w->hi, w->unit != HG_NONE ? "; such as " : "",
                      w->unit != HG_NONE ? hg_unit_example(w->unit) : "");
    if (w->standard)
        hg_buf_printf(b, "; default %s", w->standard);
    hg_buf_puts(b, "\n");
}

/* The words a verb takes (verb NULL: all), under their headings. */
static void word_list(hg_ask *a, hg_buf *b, const char *verb)
{
    const char *heading = NULL;
    for (int i = 0; i < hg_word_count; i++) {
        const hg_word *w = &hg_word_table[i];
        if (w->kind == HG_WORD_SECTION) {
            heading = w->name;
            continue;
        }
        if (verb && !hg_word_serves(w, verb))
            continue;
        if (heading)
            hg_buf_printf(b, "\n%s\n", heading);
        heading = NULL;
        word_line(a, b, w);
    }
}

static hg_code help_overview(hg_ask *a, hg_buf *b)
{
    hg_buf_puts(b, "heng 衡: which deployment for this model, hardware, traffic and promise; how well, and why\n\n");
    for (int i = 0; i < hg_verb_count; i++)
        hg_buf_printf(b, "  heng %-10s %s\n", hg_verbs[i]->name, hg_verbs[i]->help);
    hg_buf_puts(b, "\n'heng help VERB' lists a verb's words, 'heng help scenario' all of them.\n"
                   "Exit codes: 0 done, 1 the world failed, 2 wrong usage or input, 3 the answer is no.\n");
    return hg_answer(a, b->s, b->n);
}

static hg_code run(hg_ask *a)
{
    hg_buf b = { .arena = a->arena };
    if (a->s.input_count == 0)
        return help_overview(a, &b);
    const char *topic = a->s.inputs[0];
    if (strcmp(topic, "scenario") == 0) {
        hg_buf_puts(&b, "Words of the command line and, with underscores, keys of a YAML scenario:\n");
        word_list(a, &b, NULL);
        return hg_answer(a, b.s, b.n);
    }
    for (int i = 0; i < hg_verb_count; i++)
        if (strcmp(topic, hg_verbs[i]->name) == 0) {
            hg_buf_printf(&b, "%s\n%s\n", hg_verbs[i]->usage, hg_verbs[i]->help);
            word_list(a, &b, topic);
            return hg_answer(a, b.s, b.n);
        }
    return hg_refuse(a, topic, "is no verb; 'heng help' lists them");
}

const hg_verb hg_verb_help = { "help", "heng help [VERB|scenario]", "this page", run };

#include "api/fix_launch.h"

#include "base/file.h"
#include "engine/fraction.h"

#include <inttypes.h>
#include <string.h>

enum { LAUNCH_MOST = 1 << 20 };

bool hg_ask_said(hg_ask *a, const char *verb, const char *name, const char *word, const char *value,
                 int line)
{
    const hg_word *w = hg_word_find(word);
    if (!w || !hg_word_serves(w, verb) || hg_word_given(&a->s, w))
        return true;
    return hg_scenario_set(a->arena, &a->s, verb, word, value,
                           hg_textf(a->arena, "%s:%d: %s", name, line, word), &a->err);
}

/* The word's place and value in the question, where they are not what the launch says; NULL: it is
 * left open there, or says the same. */
static const char *contradicts(hg_ask *a, const hg_word *w, const char *value)
{
    const void *given = (const char *)&a->s + w->offset;
    hg_scenario fresh = { 0 };
    hg_err none;
    if (!hg_scenario_set(a->arena, &fresh, a->verb, w->name, value, "", &none))
        return NULL;
    const void *said = (const char *)&fresh + w->offset;
    if (w->kind == HG_WORD_TEXT) {
        const hg_text_word *g = given, *s = said;
        return strcmp(g->s, s->s) == 0 ? NULL : hg_textf(a->arena, "%s %s", g->where, g->s);
    }
    if (w->kind == HG_WORD_REAL) {
        const hg_real_word *g = given, *s = said;
        return g->v == s->v ? NULL : hg_textf(a->arena, "%s %g", g->where, g->v);
    }
    if (w->kind == HG_WORD_FLAG) {
        const hg_flag_word *g = given, *s = said;
        return g->v == s->v ? NULL : hg_textf(a->arena, "%s (%s)", g->where, g->v ? "on" : "off");
    }
    const hg_ints_word *g = given, *s = said;
    if (g->n == 1 && g->v[0] == s->v[0])
        return NULL;
    hg_buf b = { .arena = a->arena };
    for (int i = 0; i < g->n; i++)
        hg_buf_printf(&b, "%s%" PRId64, i ? "," : "", g->v[i]);
    return hg_textf(a->arena, "%s %s", g->where, g->any ? "any" : b.s);
}

/* What the command line says goes before the launch, and is said where they differ. */
static bool set(hg_ask *a, const char *word, const char *value, int line)
{
    const hg_word *w = hg_word_find(word);
    if (!w || !hg_word_serves(w, a->verb) || !hg_word_given(&a->s, w))
        return hg_ask_said(a, a->verb, a->s.fix_launch.s, word, value, line);
    const char *other = contradicts(a, w, value);
    if (other)
        hg_note(a, hg_textf(a->arena, "%s:%d: %s %s is overruled by %s", a->s.fix_launch.s, line,
                            word, value, other));
    return true;
}

static bool is_planned(const hg_said_words *said, const hg_setting *t)
{
    static const char *const carried[] = { "model",
                                           "gpu_memory_utilization",
                                           "dp_attention",
                                           "whole_prompt_tokens",
                                           "no_prefix_caching",
                                           "prefix_caching",
                                           "chunked_prefill",
                                           "chunk_tokens",
                                           "quantization",
                                           "split",
                                           "kv_dtype_v",
                                           "plugins",
                                           "world",
                                           "devices",
                                           "draft_steps",
                                           "draft_topk",
                                           "draft_length" };
    const char *word = t->knob ? t->knob->word : NULL, *key = t->knob ? hg_knob_name(t->knob) : "";
    for (size_t i = 0; word && i < sizeof carried / sizeof *carried; i++)
        if (strcmp(word, carried[i]) == 0)
            return true;
    static const char *const places[] = { "--host", "--port", "--config", "--served-model-name",
                                          "--trust-remote-code" };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (strcmp(key, places[i]) == 0)
            return true;
    const hg_word *w = word && hg_said_value(said, word) ? hg_word_find(word) : NULL;
    return w != NULL;
}

/* What the plan does without, named: it is the user's to keep. */
static void say_left_out(hg_ask *a, const hg_launch_text *t, const hg_said_words *said)
{
    hg_buf b = { .arena = a->arena };
    for (size_t i = 0; i < t->settings.count; i++)
        if (!is_planned(said, &t->settings.list[i]))
            hg_buf_printf(&b, "%s%s", b.n ? ", " : "", t->settings.list[i].name);
    if (b.n)
        hg_note(a, hg_textf(a->arena, "%s: planned without %s", a->s.fix_launch.s, b.s));
    if (t->unread)
        hg_note(a, hg_textf(a->arena,
                            "%s: the config file %s is not there; what it says is not pinned",
                            a->s.fix_launch.s, t->unread));
}

bool hg_ask_fix_launch(hg_ask *a, hg_fixed_launch *out)
{
    const char *path = a->s.fix_launch.s;
    hg_launch_texts texts;
    size_t size;
    *out = (hg_fixed_launch){ 0 };
    if (!path)
        return true;
    const char *text = hg_file_read(a->arena, path, LAUNCH_MOST, &size, &a->err);
    if (!text || !hg_launch_read(a->arena, &a->data, path, text, size, a->s.engine.s,
                                 a->s.engine_version.s, &texts, &a->err))
        return false;
    if (texts.count > 1)
        return hg_fail(&a->err, HG_INPUT, path,
                       "starts %zu different engines (line %d and line %d); give one of them",
                       texts.count, texts.list[0].line, texts.list[1].line);
    out->launch = texts.list;
    hg_launch_words(a->arena, out->launch, &out->said);
    bool ok = set(a, "engine", out->launch->knobs->engine, out->launch->line) &&
              (!out->launch->model || strchr(out->launch->model, '$') ||
               set(a, "model", out->launch->model, out->launch->line));
    /* Drafts of a kind that is not modelled are left to the user, as say_left_out names them. */
    bool drafts = hg_said_value(&out->said, "speculative") != NULL;
    for (size_t i = 0; ok && i < out->said.count; i++)
        if (drafts || strcmp(out->said.list[i].word, "draft_tokens") != 0)
            ok = set(a, out->said.list[i].word, out->said.list[i].value, out->said.list[i].line);
    if (ok)
        say_left_out(a, out->launch, &out->said);
    return ok;
}

bool hg_ask_fix_fraction(hg_ask *a, const hg_problem *p, const hg_fixed_launch *f)
{
    hg_deployment d;
    if (!f->launch || (f->said.told_fraction <= 0 && f->said.spare_bytes <= 0))
        return true;
    if (a->s.gpu_memory_utilization.given) {
        hg_note(a, hg_textf(a->arena, "%s:%d: its memory fraction is overruled by %s %g",
                            a->s.fix_launch.s ? a->s.fix_launch.s : "launch", f->said.fraction_line,
                            a->s.gpu_memory_utilization.where, a->s.gpu_memory_utilization.v));
        return true;
    }
    hg_fraction_of of = f->launch->knobs->fraction_of;
    bool converts = of == HG_OF_STATIC || (of == HG_OF_FREE) != p->engine.fraction_of_free;
    if (converts && a->s.tp.n != 1) {
        hg_note(a, hg_textf(a->arena,
                            "%s: its memory fraction is not pinned: what it leaves for activations "
                            "depends on the shape, which is searched",
                            a->s.fix_launch.s));
        return true;
    }
    if (!hg_ask_deployment(a, p, &d))
        return false;
    hg_memory m = hg_memory_ledger(&p->model, &d, &p->engine, &p->rates.device);
    double budget = f->said.spare_bytes > 0 ? m.total_bytes - f->said.spare_bytes
                                            : hg_fraction_budget(of, f->said.told_fraction, &m);
    double word = converts || f->said.spare_bytes > 0 ? hg_fraction_word(&p->engine, budget, &m)
                                                      : f->said.told_fraction;
    return hg_ask_said(a, "simulate", a->s.fix_launch.s ? a->s.fix_launch.s : "launch",
                       "gpu_memory_utilization", hg_textf(a->arena, "%.6g", word),
                       f->said.fraction_line);
}

#include "api/lint_text.h"

#include "base/json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* "graph_batch" is graph-batch outside C. */
static const char *id_of(hg_arena *arena, const hg_lint_rule *r)
{
    char *id = hg_strdup(arena, r->id);
    for (char *p = id; *p; p++)
        *p = *p == '_' ? '-' : *p;
    return id;
}

static const char *clean(hg_arena *arena, const char *text)
{
    char *out = text ? hg_strdup(arena, text) : NULL;
    if (out)
        hg_text_clean(out);
    return out;
}

/* The fix for this very line names settings, in English; in another language the rule's goes before it. */
static const char *fix_of(hg_arena *arena, hg_lang lang, const hg_finding *f)
{
    const char *fix = f->rule->fix[lang];
    return !f->instead ? fix : lang == HG_EN ? f->instead : hg_textf(arena, "%s：%s", fix, f->instead);
}

static const char *worth(hg_arena *arena, hg_lang lang, const hg_finding *f)
{
    hg_text text = f->mends_start                  ? HG_TEXT_lint_stops
                   : !f->priced                    ? HG_TEXT_lint_not_priced
                   : fabs(f->gain_frac) < 0.005    ? HG_TEXT_lint_no_change
                                                   : HG_TEXT_lint_worth;
    return hg_say(arena, lang, text, hg_textf(arena, "%+.1f", 100 * f->gain_frac));
}

static const char *level(hg_lang lang, const hg_finding *f)
{
    static const hg_text of[] = { [HG_LINT_NOTE] = HG_TEXT_lint_note,
                                  [HG_LINT_WARNING] = HG_TEXT_lint_warning,
                                  [HG_LINT_ERROR] = HG_TEXT_lint_error };
    return hg_text_form(lang, of[f->level]);
}

static const char *heading(hg_arena *arena, hg_lang lang, const char *name, const hg_lint *x)
{
    const hg_launch_text *t = x->launch;
    const char *model = clean(arena, t->model);
    hg_buf b = { .arena = arena };
    hg_buf_puts(&b, name);
    if (t->line > 0)
        hg_buf_printf(&b, ":%d", t->line);
    hg_buf_printf(&b, ": %s %s", t->knobs->engine, t->knobs->version);
    if (model)
        hg_buf_printf(&b, "%s%s", hg_text_form(lang, HG_TEXT_list_comma), model);
    if (t->servers > 1)
        hg_buf_puts(&b, hg_say(arena, lang, HG_TEXT_lint_servers,
                               hg_textf(arena, "%" PRId64, t->servers)));
    if (t->unread)
        hg_buf_puts(&b, hg_say(arena, lang, HG_TEXT_lint_unread, t->unread));
    return b.s;
}

const char *hg_lint_text(hg_arena *arena, hg_lang lang, const char *name, const hg_linted *list,
                         size_t count)
{
    hg_buf b = { .arena = arena };
    for (size_t i = 0; i < count; i++) {
        const hg_lint *x = &list[i].lint;
        hg_buf_printf(&b, "%s%s\n", i ? "\n" : "", heading(arena, lang, name, x));
        for (size_t k = 0; k < x->count; k++) {
            const hg_finding *f = &x->found[k];
            hg_buf_printf(&b, "%s:%d: %s: %s [%s]\n    %s\n    %s\n", f->file ? f->file : name,
                          f->line, level(lang, f), f->message, id_of(arena, f->rule),
                          f->rule->reason[lang],
                          hg_say(arena, lang, HG_TEXT_lint_fix, fix_of(arena, lang, f),
                                 worth(arena, lang, f)));
        }
        if (x->count == 0)
            hg_buf_printf(&b, "%s\n", hg_text_form(lang, HG_TEXT_lint_nothing));
        else if (list[i].unpriced)
            hg_buf_printf(&b, "%s\n", hg_say(arena, lang, HG_TEXT_lint_unpriced, list[i].unpriced));
    }
    return b.s;
}

static void finding(hg_arena *arena, hg_lang lang, hg_json *j, const char *name, const hg_finding *f)
{
    hg_json_open(j, '{');
    hg_json_key_str(j, "rule", id_of(arena, f->rule));
    hg_json_key_str(j, "level", hg_lint_level_names[f->level]);
    hg_json_key_str(j, "file", f->file ? f->file : name);
    hg_json_key_int(j, "line", f->line);
    hg_json_key_str(j, "message", f->message);
    hg_json_key_str(j, "reason", f->rule->reason[lang]);
    hg_json_key_str(j, "fix", fix_of(arena, lang, f));
    hg_json_key(j, "gain_frac");
    if (f->priced)
        hg_json_num(j, f->gain_frac);
    else
        hg_json_raw(j, "null");
    hg_json_key_bool(j, "starts", !f->mends_start);
    hg_json_close(j, '}');
}

const char *hg_lint_json(hg_arena *arena, hg_lang lang, const char *name, const hg_linted *list,
                         size_t count)
{
    hg_buf b = { .arena = arena };
    hg_json j = { .out = &b };
    hg_json_open(&j, '{');
    hg_json_key_str(&j, "file", name);
    hg_json_key(&j, "launches");
    hg_json_open(&j, '[');
    for (size_t i = 0; i < count; i++) {
        const hg_launch_text *t = list[i].lint.launch;
        hg_json_open(&j, '{');
        hg_json_key_str(&j, "engine", t->knobs->engine);
        hg_json_key_str(&j, "engine_version", t->knobs->version);
        hg_json_key_str(&j, "model", clean(arena, t->model));
        hg_json_key_int(&j, "line", t->line);
        hg_json_key_int(&j, "servers", t->servers);
        hg_json_key_str(&j, "unread", clean(arena, t->unread));
        hg_json_key_str(&j, "unpriced", clean(arena, list[i].unpriced));
        hg_json_key(&j, "findings");
        hg_json_open(&j, '[');
        for (size_t k = 0; k < list[i].lint.count; k++)
            finding(arena, lang, &j, name, &list[i].lint.found[k]);
        hg_json_close(&j, ']');
        hg_json_close(&j, '}');
    }
    hg_json_close(&j, ']');
    hg_json_close(&j, '}');
    hg_buf_puts(&b, "\n");
    return b.s;
}

/* ---- SARIF ---- */

static void text_key(hg_json *j, const char *key, const char *text)
{
    hg_json_key(j, key);
    hg_json_open(j, '{');
    hg_json_key_str(j, "text", text);
    hg_json_close(j, '}');
}

static void sarif_rules(hg_arena *arena, hg_lang lang, hg_json *j)
{
    hg_json_key(j, "rules");
    hg_json_open(j, '[');
    for (int i = 0; i < hg_lint_rule_count; i++) {
        hg_json_open(j, '{');
        hg_json_key_str(j, "id", id_of(arena, &hg_lint_rules[i]));
        text_key(j, "shortDescription", hg_lint_rules[i].reason[lang]);
        text_key(j, "help", hg_lint_rules[i].fix[lang]);
        hg_json_key(j, "defaultConfiguration");
        hg_json_open(j, '{');
        hg_json_key_str(j, "level", hg_lint_level_names[hg_lint_rules[i].level]);
        hg_json_close(j, '}');
        hg_json_close(j, '}');
    }
    hg_json_close(j, ']');
}

static void sarif_place(hg_json *j, const char *name, int line)
{
    hg_json_key(j, "locations");
    hg_json_open(j, '[');
    hg_json_open(j, '{');
    hg_json_key(j, "physicalLocation");
    hg_json_open(j, '{');
    hg_json_key(j, "artifactLocation");
    hg_json_open(j, '{');
    hg_json_key_str(j, "uri", name);
    hg_json_close(j, '}');
    hg_json_key(j, "region");
    hg_json_open(j, '{');
    hg_json_key_int(j, "startLine", line > 0 ? line : 1);
    hg_json_close(j, '}');
    hg_json_close(j, '}');
    hg_json_close(j, '}');
    hg_json_close(j, ']');
}

static void sarif_result(hg_arena *arena, hg_lang lang, hg_json *j, const char *name,
                         const hg_finding *f)
{
    hg_json_open(j, '{');
    hg_json_key_str(j, "ruleId", id_of(arena, f->rule));
    hg_json_key_str(j, "level", hg_lint_level_names[f->level]);
    text_key(j, "message",
             hg_textf(arena, "%s: %s. %s", f->message, f->rule->reason[lang],
                      hg_say(arena, lang, HG_TEXT_lint_fix, fix_of(arena, lang, f),
                             worth(arena, lang, f))));
    sarif_place(j, f->file ? f->file : name, f->line);
    hg_json_close(j, '}');
}

const char *hg_lint_sarif(hg_arena *arena, hg_lang lang, const char *name, const hg_linted *list,
                          size_t count)
{
    hg_buf b = { .arena = arena };
    hg_json j = { .out = &b };
    hg_json_open(&j, '{');
    hg_json_key_str(&j, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
    hg_json_key_str(&j, "version", "2.1.0");
    hg_json_key(&j, "runs");
    hg_json_open(&j, '[');
    hg_json_open(&j, '{');
    hg_json_key(&j, "tool");
    hg_json_open(&j, '{');
    hg_json_key(&j, "driver");
    hg_json_open(&j, '{');
    hg_json_key_str(&j, "name", "heng");
    hg_json_key_str(&j, "semanticVersion", HENG_VERSION);
    sarif_rules(arena, lang, &j);
    hg_json_close(&j, '}');
    hg_json_close(&j, '}');
    hg_json_key(&j, "results");
    hg_json_open(&j, '[');
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < list[i].lint.count; k++)
            sarif_result(arena, lang, &j, name, &list[i].lint.found[k]);
    hg_json_close(&j, ']');
    hg_json_close(&j, '}');
    hg_json_close(&j, ']');
    hg_json_close(&j, '}');
    hg_buf_puts(&b, "\n");
    return b.s;
}

#include "engine/setting.h"

#include "base/json.h"
#include "base/num.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void put(hg_settings *s, const hg_engine_knob *knob, const char *value)
{
    *HG_PUSH(s->arena, s->list, s->count, s->capacity) =
        (hg_setting){ knob, hg_knob_name(knob), value, 0, NULL };
}

void hg_put(hg_settings *s, const char *word, const char *value)
{
    const hg_engine_knob *knob = hg_knob_of_word(s->knobs, word);
    if (!knob)
        s->missing = s->missing ? s->missing : word;
    else if (!knob->key && !knob->flag)
        hg_put_env(s, knob->env, value);
    else
        put(s, knob, value);
}

void hg_put_int(hg_settings *s, const char *word, int64_t value)
{
    hg_put(s, word, hg_textf(s->arena, "%" PRId64, value));
}

void hg_put_key(hg_settings *s, const char *key, const char *value)
{
    const hg_engine_knob *knob = hg_knob_keyed(s->knobs, key);
    if (knob && hg_knob_state_of(s->knobs, knob) == HG_KNOB_FITS)
        put(s, knob, value);
    else
        s->missing = s->missing ? s->missing : key;
}

void hg_put_said(hg_settings *s, const char *word, const char *value)
{
    const hg_engine_knob *knob = hg_knob_of_word(s->knobs, word);
    for (int i = 0; knob && i < HG_KNOB_SAYS && knob->says[i][0]; i++)
        if (strcmp(knob->says[i][0], value) == 0) {
            put(s, knob, knob->says[i][1]);
            return;
        }
    s->missing = s->missing ? s->missing : word;
}

void hg_put_env(hg_settings *s, const char *name, const char *value)
{
    s->env = hg_grow(s->arena, s->env, s->env_count, &s->env_capacity, sizeof *s->env);
    s->env[s->env_count][0] = name;
    s->env[s->env_count++][1] = value;
}

const hg_setting *hg_setting_of_word(const hg_settings *s, const char *word)
{
    const hg_setting *found = NULL; /* the last one counts, as on a command line */
    for (size_t i = 0; i < s->count; i++)
        if (s->list[i].knob && s->list[i].knob->word && strcmp(s->list[i].knob->word, word) == 0)
            found = &s->list[i];
    return found;
}

const char *hg_setting_told(const hg_settings *s, const char *word)
{
    const hg_setting *t = hg_setting_of_word(s, word);
    const hg_engine_knob *knob = hg_knob_of_word(s->knobs, word);
    if (t)
        return hg_textf(s->arena, "%s %s", t->name, t->value);
    for (size_t i = 0; knob && knob->env && i < s->env_count; i++)
        if (strcmp(s->env[i][0], knob->env) == 0)
            return hg_textf(s->arena, "%s=%s", s->env[i][0], s->env[i][1]);
    return NULL;
}

const hg_setting *hg_setting_of_key(const hg_settings *s, const char *key)
{
    const hg_setting *found = NULL;
    for (size_t i = 0; i < s->count; i++)
        if (s->list[i].knob && s->list[i].knob->key && strcmp(s->list[i].knob->key, key) == 0)
            found = &s->list[i];
    return found;
}

/* ---- as text ---- */

const char *hg_shell_word(hg_arena *arena, const char *text)
{
    bool plain = *text;
    for (const char *p = text; *p; p++)
        plain &= isalnum((unsigned char)*p) || strchr("-_./:=,+@%", *p);
    if (plain)
        return text;
    hg_buf b = { .arena = arena };
    hg_buf_puts(&b, "'");
    for (const char *p = text; *p; p++) {
        if (*p == '\'')
            hg_buf_puts(&b, "'\\''");
        else
            hg_buf_add(&b, p, 1);
    }
    hg_buf_puts(&b, "'");
    return b.s;
}

/* JSON's strings are YAML's. */
const char *hg_yaml_text(hg_arena *arena, const char *text)
{
    hg_buf b = { .arena = arena };
    hg_buf_puts(&b, "\"");
    for (; *text; text++)
        hg_buf_printf(&b, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    hg_buf_puts(&b, "\"");
    return b.s;
}

const char *hg_brace_text(hg_arena *arena, const char *text)
{
    hg_buf b = { .arena = arena };
    for (; *text; text++)
        hg_buf_printf(&b, isalnum((unsigned char)*text) || strchr(" -_./:,", *text) ? "%c" : "\\%c",
                      *text);
    return b.s;
}

static bool is_off(const hg_setting *t)
{
    return t->knob->type == HG_KNOB_SWITCH && strcmp(t->value, "false") == 0;
}

void hg_settings_flags(const hg_settings *s, bool no_form, hg_buf *out)
{
    for (size_t i = 0; i < s->count; i++) {
        const hg_setting *t = &s->list[i];
        const hg_engine_knob *k = t->knob;
        if (!k->flag || (is_off(t) && !no_form))
            continue;
        if (k->type == HG_KNOB_SWITCH) {
            hg_buf_printf(out, is_off(t) ? " --no-%s" : " --%s", k->flag + 2);
        } else if (k->type == HG_KNOB_INTS) {
            hg_buf_printf(out, " %s ", k->flag);
            for (const char *p = t->value; *p; p++)
                hg_buf_add(out, *p == ',' ? " " : p, 1);
        } else {
            hg_buf_printf(out, " %s %s", k->flag, hg_shell_word(s->arena, t->value));
        }
    }
}

/* A plain scalar where YAML reads the same text back. */
static const char *yaml_value(hg_arena *arena, const hg_setting *t)
{
    double number;
    if (t->knob->type == HG_KNOB_INTS)
        return hg_textf(arena, "[%s]", t->value);
    if (t->knob->type != HG_KNOB_TEXT && t->knob->type != HG_KNOB_JSON)
        return t->value;
    if (t->knob->type == HG_KNOB_JSON && !strchr("{[", *t->value))
        return t->value;
    bool plain = isalpha((unsigned char)*t->value) && !hg_parse_f64(t->value, &number);
    for (const char *p = t->value; *p; p++)
        plain &= isalnum((unsigned char)*p) || *p == '_' || *p == '-';
    static const char *const other[] = { "true", "false", "yes", "no", "on", "off", "null" };
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        plain &= !hg_same_nocase(other[i], t->value);
    return plain ? t->value : hg_yaml_text(arena, t->value);
}

/* The length of the key's part before the first dot; 0: it has none. */
static size_t parent(const hg_setting *t)
{
    const char *dot = t->knob->key ? strchr(t->knob->key, '.') : NULL;
    return dot ? (size_t)(dot - t->knob->key) : 0;
}

static bool same_parent(const hg_setting *a, const hg_setting *b)
{
    size_t n = parent(a);
    return n && n == parent(b) && memcmp(a->knob->key, b->knob->key, n) == 0;
}

static bool opens(const hg_settings *s, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (same_parent(&s->list[k], &s->list[i]))
            return false;
    return true;
}

void hg_settings_yaml(const hg_settings *s, hg_buf *out)
{
    for (size_t i = 0; i < s->count; i++) {
        const hg_setting *t = &s->list[i];
        size_t n = parent(t);
        if (!t->knob->key || (n && !opens(s, i)))
            continue;
        if (!n) {
            hg_buf_printf(out, "%s: %s\n", t->knob->key, yaml_value(s->arena, t));
            continue;
        }
        hg_buf_printf(out, "%.*s:\n", (int)n, t->knob->key);
        for (size_t k = i; k < s->count; k++)
            if (k == i || same_parent(t, &s->list[k]))
                hg_buf_printf(out, "  %s: %s\n", s->list[k].knob->key + n + 1,
                              yaml_value(s->arena, &s->list[k]));
    }
}

static json_t *json_value(const hg_setting *t)
{
    double number;
    hg_err err;
    if (t->knob->type == HG_KNOB_SWITCH)
        return json_boolean(strcmp(t->value, "true") == 0);
    if (t->knob->type == HG_KNOB_JSON)
        return hg_json_parse(t->value, strlen(t->value), "json", &err);
    if ((t->knob->type == HG_KNOB_INT || t->knob->type == HG_KNOB_REAL) &&
        hg_parse_f64(t->value, &number))
        return t->knob->type == HG_KNOB_INT ? json_integer((json_int_t)number) : json_real(number);
    return json_string(t->value);
}

/* The object that holds the path's last part, made on the way. */
static json_t *descend(json_t *root, const char **path)
{
    for (const char *dot; (dot = strchr(*path, '.')); *path = dot + 1) {
        char part[64];
        size_t n =
            (size_t)(dot - *path) < sizeof part - 1 ? (size_t)(dot - *path) : sizeof part - 1;
        memcpy(part, *path, n);
        part[n] = 0;
        json_t *next = json_object_get(root, part);
        if (!next) {
            next = json_object();
            bool listed = strcmp(part, "ModelConfig") == 0;
            json_object_set_new(root, part, listed ? json_pack("[o]", next) : next);
        } else if (json_is_array(next)) {
            next = json_array_get(next, 0);
        }
        root = next;
    }
    return root;
}

void hg_settings_json(const hg_settings *s, hg_buf *out)
{
    json_t *root = json_object();
    for (size_t i = 0; i < s->count; i++) {
        const char *path = s->list[i].knob->key;
        json_t *parent_object = path ? descend(root, &path) : NULL;
        if (path)
            json_object_set_new(parent_object, path, json_value(&s->list[i]));
    }
    char *text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    hg_buf_printf(out, "%s\n", text ? text : "{}");
    free(text);
    json_decref(root);
}

void hg_settings_ini(const hg_settings *s, hg_buf *out)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->list[i].knob->key)
            hg_buf_printf(out, "%s = %s\n", s->list[i].knob->key, s->list[i].value);
}

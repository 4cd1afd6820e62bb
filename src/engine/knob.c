#include "engine/knob.h"

#include "base/json.h"
#include "base/num.h"
#include "base/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading the table ---- */

static const char *text(hg_arena *arena, const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? hg_strdup(arena, s) : NULL;
}

/* Any scalar as a user would write it. */
static const char *scalar(hg_arena *arena, const json_t *v)
{
    if (json_is_string(v))
        return hg_strdup(arena, json_string_value(v));
    if (json_is_boolean(v))
        return json_is_true(v) ? "true" : "false";
    return json_is_number(v) ? hg_textf(arena, "%.10g", json_number_value(v)) : NULL;
}

static const char **texts(hg_arena *arena, const json_t *list, size_t *count)
{
    *count = json_array_size(list);
    const char **out = HG_NEW(arena, const char *, *count + 1);
    for (size_t i = 0; i < *count; i++)
        out[i] = scalar(arena, json_array_get(list, i));
    return out;
}

static bool read_type(const char *name, hg_knob_type *out)
{
    static const char *const names[] = { "text", "switch", "int", "real", "ints", "json" };
    for (size_t i = 0; name && i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0) {
            *out = (hg_knob_type)i;
            return true;
        }
    return false;
}

static void read_defaults(hg_arena *arena, const json_t *v, hg_engine_knob *out)
{
    if (!json_is_array(v)) {
        out->defaults[0].value = scalar(arena, v);
        out->default_count = out->defaults[0].value != NULL;
        return;
    }
    for (size_t i = 0; i < json_array_size(v) && i < HG_KNOB_DEFAULTS; i++) {
        const json_t *row = json_array_get(v, i);
        const char *memory = json_string_value(json_object_get(row, "min_memory"));
        hg_knob_default *d = &out->defaults[out->default_count++];
        *d = (hg_knob_default){ .except_device = text(arena, row, "except_device"),
                                .value = scalar(arena, json_object_get(row, "value")) };
        if (memory)
            hg_parse_quantity(memory, HG_BYTES, &d->min_memory_bytes);
    }
}

static void read_says(hg_arena *arena, const json_t *o, hg_engine_knob *out)
{
    const char *key;
    json_t *value;
    int n = 0;
    json_object_foreach((json_t *)(uintptr_t)o, key, value)
    {
        if (n == HG_KNOB_SAYS)
            break;
        out->says[n][0] = hg_strdup(arena, key);
        out->says[n++][1] = scalar(arena, value);
    }
}

static double bound(const json_t *o, const char *key, double otherwise)
{
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : otherwise;
}

static bool read_knob(hg_arena *arena, const json_t *o, bool keys_are_flags, hg_engine_knob *out)
{
    const json_t *also = json_object_get(o, "also");
    *out = (hg_engine_knob){
        .key = text(arena, o, "key"),
        .flag = text(arena, o, "flag"),
        .env = text(arena, o, "env"),
        .lo = bound(o, "lo", -INFINITY),
        .hi = bound(o, "hi", INFINITY),
        .word = text(arena, o, "word"),
        .since = text(arena, o, "since"),
        .until = text(arena, o, "until"),
        .renamed_to = text(arena, o, "renamed_to"),
        .note = text(arena, o, "note"),
    };
    if (!out->flag && out->key && keys_are_flags)
        out->flag = hg_textf(arena, "--%s", out->key);
    for (size_t i = 0; i < json_array_size(also) && i < HG_KNOB_NAMES; i++)
        out->also[i] = scalar(arena, json_array_get(also, i));
    out->choices = texts(arena, json_object_get(o, "choices"), &out->choice_count);
    read_says(arena, json_object_get(o, "says"), out);
    read_defaults(arena, json_object_get(o, "default"), out);
    return read_type(json_string_value(json_object_get(o, "type")), &out->type) &&
           (out->key || out->flag || out->env);
}

static void read_images(hg_arena *arena, const json_t *o, hg_engine_knobs *out)
{
    const char *key;
    json_t *value;
    out->images = (const char *(*)[2])HG_NEW(arena, const char *, 2 * json_object_size(o) + 2);
    json_object_foreach((json_t *)(uintptr_t)o, key, value)
    {
        out->images[out->image_count][0] = hg_strdup(arena, key);
        out->images[out->image_count++][1] = scalar(arena, value);
    }
}

static bool read_table(hg_arena *arena, const char *where, const json_t *o, hg_engine_knobs *out,
                       hg_err *err)
{
    static const char *const fractions[] = { "total", "static", "free" };
    const json_t *list = json_object_get(o, "knobs");
    const char *of = json_string_value(json_object_get(o, "memory_fraction_of"));
    bool keys_are_flags = json_is_true(json_object_get(o, "keys_are_flags"));
    *out = (hg_engine_knobs){ .engine = text(arena, o, "engine"),
                              .program = text(arena, o, "program"),
                              .port = json_integer_value(json_object_get(o, "port")),
                              .strict = json_is_true(json_object_get(o, "strict_keys")) };
    for (int i = 0; of && i < 3; i++)
        if (strcmp(of, fractions[i]) == 0)
            out->fraction_of = (hg_fraction_of)i;
    out->environment = texts(arena, json_object_get(o, "environment"), &out->environment_count);
    read_images(arena, json_object_get(o, "images"), out);
    out->list = HG_NEW(arena, hg_engine_knob, json_array_size(list));
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!read_knob(arena, json_array_get(list, i), keys_are_flags, &out->list[out->count++]))
            return hg_fail(
                err, HG_INPUT, where,
                "knob %zu lacks a type of text, switch, int, real, ints, json, or a name", i + 1);
    return (out->engine && out->program) ||
           hg_fail(err, HG_INPUT, where, "lacks engine or program");
}

/* ---- versions ---- */

int hg_version_compare(const char *a, const char *b)
{
    while (*a || *b) {
        a += strcspn(a, "0123456789");
        b += strcspn(b, "0123456789");
        char *end_a, *end_b;
        long x = *a ? strtol(a, &end_a, 10) : (end_a = (char *)(uintptr_t)a, 0);
        long y = *b ? strtol(b, &end_b, 10) : (end_b = (char *)(uintptr_t)b, 0);
        if (x != y)
            return x < y ? -1 : 1;
        a = end_a;
        b = end_b;
    }
    return 0;
}

/* 0.24.1 is one of 0.24's. */
static bool is_of(const char *version, const char *listed)
{
    size_t n = strlen(listed);
    version += *version == 'v';
    return strncmp(version, listed, n) == 0 && (version[n] < '0' || version[n] > '9');
}

static void take_version(hg_arena *arena, const json_t *list, const char *wanted,
                         hg_engine_knobs *out, const char **note)
{
    size_t n = json_array_size(list), best = wanted ? 0 : n - 1;
    bool exact = !wanted;
    for (size_t i = 0; wanted && i < n; i++) {
        const char *v = json_string_value(json_array_get(list, i));
        if (!is_of(wanted, v) && hg_version_compare(v, wanted) > 0)
            continue;
        best = i;
        exact = is_of(wanted, v);
    }
    out->version = hg_strdup(arena, json_string_value(json_array_get(list, best)));
    *note =
        exact ? NULL
              : hg_textf(arena,
                         "%s %s has no knob table of its own: that of %s, the nearest %s, answers",
                         out->engine, wanted, out->version,
                         hg_version_compare(out->version, wanted) < 0 ? "older one" : "there is");
}

bool hg_knobs_open(hg_arena *arena, const hg_data *data, const char *engine, const char *version,
                   hg_engine_knobs *out, const char **note, hg_err *err)
{
    const char *path = hg_textf(arena, "knobs/%s.json", engine);
    size_t size;
    const char *json = hg_data_text(data, arena, path, &size, err);
    json_t *root = json ? hg_json_parse(json, size, path, err) : NULL;
    if (!root)
        return json ? false
                    : hg_fail(err, HG_INPUT, "--engine",
                              "'%.40s' has no table of knobs; vllm, sglang, trtllm, mindie "
                              "and llamacpp have",
                              engine);
    const json_t *versions = json_object_get(root, "versions");
    bool ok = read_table(arena, path, root, out, err) &&
              (json_is_string(json_array_get(versions, 0)) ||
               hg_fail(err, HG_INPUT, path, "lacks a list of versions"));
    if (ok)
        take_version(arena, versions, version, out, note);
    json_decref(root);
    return ok;
}

hg_knob_state hg_knob_state_of(const hg_engine_knobs *k, const hg_engine_knob *knob)
{
    if (knob->until && hg_version_compare(k->version, knob->until) >= 0)
        return HG_KNOB_GONE;
    return knob->since && hg_version_compare(k->version, knob->since) < 0 ? HG_KNOB_NOT_YET
                                                                          : HG_KNOB_FITS;
}

/* ---- finding ---- */

static bool same_name(const char *a, const char *b)
{
    for (; *a && *b; a++, b++)
        if ((*a == '_' ? '-' : *a) != (*b == '_' ? '-' : *b))
            return false;
    return *a == *b;
}

static bool answers(const hg_engine_knob *knob, const char *name, bool is_flag)
{
    const char *main = is_flag ? knob->flag : knob->key;
    bool found = main && same_name(main, name);
    for (int i = 0; i < HG_KNOB_NAMES && knob->also[i]; i++) {
        bool bare = !is_flag && knob->key &&
                    knob->also[i][0] == '-'; /* config files take long spellings too */
        found |= same_name(knob->also[i] + (bare ? strspn(knob->also[i], "-") : 0), name);
    }
    return found;
}

/* Of two of one name that of this version. */
static const hg_engine_knob *named(const hg_engine_knobs *k, const char *name, bool is_flag)
{
    const hg_engine_knob *found = NULL;
    for (size_t i = 0; i < k->count; i++)
        if (answers(&k->list[i], name, is_flag) &&
            (!found || hg_knob_state_of(k, found) != HG_KNOB_FITS))
            found = &k->list[i];
    return found;
}

const hg_engine_knob *hg_knob_flagged(const hg_engine_knobs *k, const char *flag)
{
    return named(k, flag, true);
}

const hg_engine_knob *hg_knob_keyed(const hg_engine_knobs *k, const char *key)
{
    return named(k, key, false);
}

const hg_engine_knob *hg_knob_of_env(const hg_engine_knobs *k, const char *name)
{
    for (size_t i = 0; i < k->count; i++)
        if (k->list[i].env && strcmp(k->list[i].env, name) == 0)
            return &k->list[i];
    return NULL;
}

const hg_engine_knob *hg_knob_of_word(const hg_engine_knobs *k, const char *word)
{
    for (size_t i = 0; i < k->count; i++)
        if (k->list[i].word && strcmp(k->list[i].word, word) == 0 &&
            hg_knob_state_of(k, &k->list[i]) == HG_KNOB_FITS)
            return &k->list[i];
    return NULL;
}

/* Tables do not know every setting: a name further off may well be one. */
enum { SLIP = 2 };

const char *hg_knob_suggest(hg_arena scratch, const hg_engine_knobs *k, const char *name,
                            bool is_flag)
{
    const char **names = HG_NEW(&scratch, const char *, k->count);
    size_t n = 0;
    for (size_t i = 0; i < k->count; i++) {
        const char *own = is_flag ? k->list[i].flag : k->list[i].key;
        if (own && hg_knob_state_of(k, &k->list[i]) == HG_KNOB_FITS)
            names[n++] = own;
    }
    return hg_nearest_within(name, names, n, SLIP);
}

const char *hg_knob_name(const hg_engine_knob *knob)
{
    return knob->flag ? knob->flag : knob->key ? knob->key : knob->env;
}

/* ---- values ---- */

static bool is_choice(const char *choice, const char *value)
{
    size_t n = strlen(choice);
    if (*choice == '*')
        return hg_ends(value, choice + 1);
    return n && choice[n - 1] == '*' ? strncmp(choice, value, n - 1) == 0
                                     : strcmp(choice, value) == 0;
}

#define SAY(...) (snprintf(why, size, __VA_ARGS__), false)

static bool takes_text(const hg_engine_knob *knob, const char *value, char *why, size_t size)
{
    if (knob->choice_count == 0)
        return true;
    for (size_t i = 0; i < knob->choice_count; i++)
        if (is_choice(knob->choices[i], value))
            return true;
    const char *near = hg_nearest(value, knob->choices, knob->choice_count);
    return SAY("takes no '%.40s'%s%.40s%s", value, near ? "; did you mean '" : "; such as '",
               near ? near : knob->choices[0], "'?");
}

/* Counts may end in k, K, m, M or g, as engines' own parsers read them. */
static bool takes_number(const hg_engine_knob *knob, const char *value, char *why, size_t size)
{
    char digits[40];
    double v;
    size_t n = strlen(value);
    snprintf(digits, sizeof digits, "%s", value);
    bool scaled = n > 1 && n < sizeof digits && strchr("kKmMgG", value[n - 1]);
    if (scaled)
        digits[n - 1] = 0;
    if (!hg_parse_f64(digits, &v))
        return knob->type == HG_KNOB_INT && strcmp(value, "auto") == 0
                   ? true
                   : SAY("is '%.40s', no number", value);
    if (knob->type == HG_KNOB_INT && !scaled && v != floor(v))
        return SAY("is %.40s; it must be whole", value);
    if (!scaled && (v < knob->lo || v > knob->hi))
        return SAY("is %.40s; the engine takes %s%.10g%s%.10g", value,
                   isfinite(knob->lo) ? "" : "at most ", isfinite(knob->lo) ? knob->lo : knob->hi,
                   isfinite(knob->lo) && isfinite(knob->hi) ? " to "
                   : isfinite(knob->lo)                     ? " and more, not "
                                                            : ", not ",
                   isfinite(knob->lo) && isfinite(knob->hi) ? knob->hi : v);
    return true;
}

bool hg_knob_takes(const hg_engine_knob *knob, const char *value, char *why, size_t size)
{
    if (value && strchr(value, '$'))
        return true; /* the shell's, not known here */
    if (knob->type == HG_KNOB_SWITCH)
        return !value || strcmp(value, "true") == 0 || strcmp(value, "false") == 0 ||
               SAY("is a switch; '%.40s' is no value of it", value);
    if (!value)
        return SAY("needs a value");
    if (knob->type == HG_KNOB_TEXT)
        return takes_text(knob, value, why, size);
    if (knob->type == HG_KNOB_INT || knob->type == HG_KNOB_REAL)
        return takes_number(knob, value, why, size);
    if (knob->type == HG_KNOB_JSON && (*value == '{' || *value == '[')) {
        hg_err err;
        json_t *o = hg_json_parse(value, strlen(value), "json", &err);
        bool ok = o != NULL;
        json_decref(o);
        return ok || SAY("is no JSON: %.150s", err.msg);
    }
    return true;
}

const char *hg_knob_standard(const hg_engine_knob *knob, const hg_device *device)
{
    for (int i = 0; i < knob->default_count; i++) {
        const hg_knob_default *d = &knob->defaults[i];
        if (!device && (d->min_memory_bytes > 0 || d->except_device))
            return NULL;
        if (!device || (device->memory_bytes >= d->min_memory_bytes &&
                        !(d->except_device && strstr(device->name, d->except_device))))
            return d->value;
    }
    return NULL;
}

const char *hg_knob_image(const hg_engine_knobs *k, const char *vendor)
{
    for (size_t i = 0; i < k->image_count; i++)
        if (strcmp(k->images[i][0], vendor) == 0)
            return k->images[i][1];
    return NULL;
}

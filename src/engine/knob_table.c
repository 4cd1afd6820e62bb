/* A table of knobs from its JSON, and which version of it answers. */
#include "engine/knob.h"

#include "base/json.h"
#include "base/num.h"
#include "base/units.h"

#include <math.h>
#include <string.h>

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
        .wrapper = text(arena, o, "wrapper"),
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

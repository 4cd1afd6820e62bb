#include "spec/config.h"

#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ALIASES = 14 };

#define INT(q, lo, hi, ...) [HG_Q_##q] = { lo, hi, { __VA_ARGS__ } },
#define FLAG(q, ...) [HG_Q_##q] = { 0, 1, { __VA_ARGS__ } },
#define WORD(q, ...) [HG_Q_##q] = { 0, 0, { __VA_ARGS__ } },
#define LIST(q, ...) [HG_Q_##q] = { 0, 0, { __VA_ARGS__ } },
static const struct {
    int64_t lo, hi;
    const char *names[ALIASES];
} quantities[] = {
#include "spec/config.def"
};

/* Follows "ffn_config.moe_top_k" downward. */
static const json_t *descend(const json_t *object, const char *path)
{
    char step[64];
    for (;;) {
        size_t n = strcspn(path, ".");
        if (n >= sizeof step)
            return NULL;
        memcpy(step, path, n);
        step[n] = 0;
        object = json_object_get(object, step);
        if (!path[n])
            return object;
        path += n + 1;
    }
}

/* The alias in use, or the first when none is. */
static const char *name_in_use(const hg_config *c, hg_quantity q, const json_t **value)
{
    for (int i = 0; i < ALIASES && quantities[q].names[i]; i++) {
        *value = descend(c->text, quantities[q].names[i]);
        if (*value && !json_is_null(*value))
            return quantities[q].names[i];
    }
    *value = NULL;
    return quantities[q].names[0];
}

const json_t *hg_config_find(const hg_config *c, hg_quantity q)
{
    const json_t *value;
    name_in_use(c, q, &value);
    return value;
}

bool hg_config_fail(hg_config *c, hg_quantity q, const char *fmt, ...)
{
    if (c->failed)
        return false;
    c->failed = true;
    const json_t *value;
    char where[192], msg[512];
    snprintf(where, sizeof where, "%.100s: %s%s", c->where, c->prefix, name_in_use(c, q, &value));
    va_list args;
    va_start(args, fmt);
    vsnprintf(msg, sizeof msg, fmt, args);
    va_end(args);
    return hg_fail(c->err, HG_INPUT, where, "%s", msg);
}

static const char *type_name(const json_t *v)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "an object", [JSON_ARRAY] = "a list",  [JSON_STRING] = "a text",
        [JSON_INTEGER] = "a number", [JSON_REAL] = "a number", [JSON_TRUE] = "true",
        [JSON_FALSE] = "false",      [JSON_NULL] = "null",
    };
    return names[json_typeof(v)];
}

/* A whole number, also when written as 8.0; "auto" says nothing. */
static int64_t whole(hg_config *c, hg_quantity q, const json_t *v, int64_t absent)
{
    if (!v || (json_is_string(v) && strcmp(json_string_value(v), "auto") == 0))
        return absent;
    if (!json_is_number(v))
        return hg_config_fail(c, q, "is %s; it must be a whole number", type_name(v)), 0;
    double real = json_number_value(v);
    if (fabs(real) >= 1e308) /* NaN and infinities are read so */
        return hg_config_fail(c, q, "is no finite number; it must be a whole number"), 0;
    if (real != floor(real) || real < (double)quantities[q].lo || real > (double)quantities[q].hi)
        return hg_config_fail(c, q,
                              "is %.17g; it must be a whole number from %" PRId64 " to %" PRId64,
                              real, quantities[q].lo, quantities[q].hi),
               0;
    return (int64_t)real;
}

static int64_t family_default(const hg_config *c, hg_quantity q, int64_t absent)
{
    for (int i = 0; i < ALIASES && quantities[q].names[i]; i++) {
        int64_t value = hg_family_default(c->type, quantities[q].names[i], INT64_MIN);
        if (value != INT64_MIN)
            return value;
    }
    return absent;
}

int64_t hg_config_int(hg_config *c, hg_quantity q, int64_t absent)
{
    return whole(c, q, hg_config_find(c, q), family_default(c, q, absent));
}

static void missing(hg_config *c, hg_quantity q)
{
    char names[256] = "";
    size_t n = 0;
    for (int i = 1; i < ALIASES && quantities[q].names[i]; i++)
        n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", i > 1 ? ", " : "",
                              quantities[q].names[i]);
    if (n)
        hg_config_fail(c, q, "is missing, and so are its other names: %s", names);
    else
        hg_config_fail(c, q, "is missing");
}

int64_t hg_config_need(hg_config *c, hg_quantity q)
{
    int64_t value = hg_config_int(c, q, INT64_MIN);
    if (value == INT64_MIN) {
        missing(c, q);
        return 0;
    }
    return value;
}

int64_t hg_config_at(hg_config *c, hg_quantity q, int64_t layer, int64_t absent)
{
    const json_t *v = hg_config_find(c, q);
    if (!json_is_array(v))
        return hg_config_int(c, q, absent);
    const json_t *entry = json_array_get(v, c->family.traits & HG_BY_KIND ? 0 : (size_t)layer);
    if (!entry)
        return hg_config_fail(c, q, "has %zu entries and none for layer %" PRId64,
                              json_array_size(v), layer),
               0;
    return whole(c, q, json_is_null(entry) ? NULL : entry, absent);
}

bool hg_config_flag(hg_config *c, hg_quantity q, bool absent)
{
    const json_t *v = hg_config_find(c, q);
    if (!v)
        return family_default(c, q, absent) != 0;
    if (!json_is_boolean(v))
        return hg_config_fail(c, q, "is %s; it must be true or false", type_name(v));
    return json_is_true(v);
}

const char *hg_config_word(hg_config *c, hg_quantity q)
{
    return json_string_value(hg_config_find(c, q));
}

const json_t *hg_config_list(hg_config *c, hg_quantity q)
{
    const json_t *v = hg_config_find(c, q);
    return json_is_array(v) ? v : NULL;
}

bool hg_config_holds(const json_t *list, int64_t n)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i);
        if (json_is_integer(entry) && json_integer_value(entry) == n)
            return true;
    }
    return false;
}

static const char *word_or_empty(const json_t *object, const char *key)
{
    const char *word = json_string_value(json_object_get(object, key));
    return word ? word : "";
}

/* Where multimodal wrappers keep their language model. */
static const char *const parts[] = { "thinker_config.text_config",
                                     "text_config",
                                     "llm_config",
                                     "language_config",
                                     "language_model",
                                     "thinker_config" };

static void find_language_part(hg_config *c)
{
    c->text = c->root;
    c->prefix = "";
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const json_t *part = descend(c->root, parts[i]);
        if (!json_is_object(part))
            continue;
        c->text = part;
        c->prefix = hg_textf(c->arena, "%s.", parts[i]);
        return;
    }
}

static const char *architecture_of(const json_t *object)
{
    const char *name =
        json_string_value(json_array_get(json_object_get(object, "architectures"), 0));
    return name ? name : "";
}

/* Heads that classify, rank or embed sit on known decoders too; only the class tells. */
static const char *refused_head(const char *architecture)
{
    static const struct {
        const char *ending, *why;
    } rows[] = {
        { "ForSequenceClassification", "is a classifier or reranker; it generates no text" },
        { "ForTokenClassification", "is a classifier; it generates no text" },
        { "ForImageClassification", "is a classifier; it generates no text" },
        { "ForMaskedLM", "is an encoder; it generates no text" },
        { "ForRewardModel", "is a reward model; it generates no text" },
        { "RewardModel", "is a reward model; it generates no text" },
        { "LlamaModel", "is an embedding model; it generates no text" },
        { "MistralModel", "is an embedding model; it generates no text" },
        { "Qwen2Model", "is an embedding model; it generates no text" },
        { "Qwen3Model", "is an embedding model; it generates no text" },
        { "Gemma2Model", "is an embedding model; it generates no text" },
        { "Gemma3TextModel", "is an embedding model; it generates no text" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (hg_ends(architecture, rows[i].ending))
            return rows[i].why;
    return NULL;
}

static bool refuse(hg_config *c, const char *field, const char *name, const char *why)
{
    char where[192];
    c->failed = true;
    snprintf(where, sizeof where, "%.120s: %s", c->where, field);
    return hg_fail(c->err, HG_INPUT, where, "%.60s %s", name, why);
}

bool hg_config_open(hg_config *c, hg_arena *arena, const char *where, const json_t *root,
                    hg_err *err)
{
    *c = (hg_config){ .arena = arena, .where = where, .root = root, .err = err };
    if (!json_is_object(root))
        return refuse(c, "the file", "is", "no JSON object; give a model's config.json");
    find_language_part(c);
    const char *whole_type = word_or_empty(root, "model_type");
    const char *architecture = architecture_of(root);
    c->type = word_or_empty(c->text, "model_type");
    if (!*c->type)
        c->type = whole_type;
    if (json_object_get(root, "_class_name") || json_object_get(root, "_diffusers_version"))
        return refuse(
            c, "_class_name", word_or_empty(root, "_class_name"),
            "is part of a diffusion model; only decoders that generate text are planned for");
    hg_family wrapper = hg_family_of(whole_type, architecture);
    c->family = hg_family_of(c->type, architecture);
    const char *why = wrapper.refuse ? wrapper.refuse : c->family.refuse;
    if (why)
        return refuse(c, "model_type", *whole_type ? whole_type : architecture, why);
    if (json_is_true(json_object_get(root, "is_encoder_decoder")))
        return refuse(c, "is_encoder_decoder", whole_type,
                      "is an encoder-decoder; only decoders that generate text are planned for");
    why = refused_head(architecture);
    if (why)
        return refuse(c, "architectures", architecture, why);
    return true;
}

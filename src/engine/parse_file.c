#include "engine/parse.h"

#include "base/yaml.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { DEPTH = 24 };

static void put(hg_settings *s, const char *name, const char *value, int line)
{
    const hg_engine_knob *knob = hg_knob_keyed(s->knobs, name);
    *HG_PUSH(s->arena, s->list, s->count, s->capacity) =
        (hg_setting){ knob, name, value, line, s->file };
}

static void quote(hg_buf *b, const char *text, size_t n)
{
    hg_buf_puts(b, "\"");
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)text[i] < ' ')
            hg_buf_printf(b, "\\u%04x", (unsigned char)text[i]);
        else
            hg_buf_printf(b, text[i] == '"' || text[i] == '\\' ? "\\%c" : "%c", text[i]);
    }
    hg_buf_puts(b, "\"");
}

/* A node as JSON on one line. */
static void as_json(hg_buf *b, struct fy_node *node, int depth)
{
    void *at = NULL;
    bool first = true;
    size_t n;
    if (depth > DEPTH || !node) {
        hg_buf_puts(b, "null");
    } else if (fy_node_is_mapping(node)) {
        hg_buf_puts(b, "{");
        for (struct fy_node_pair *pair; (pair = fy_node_mapping_iterate(node, &at));
             first = false) {
            const char *key = fy_node_pair_key(pair) && fy_node_is_scalar(fy_node_pair_key(pair))
                                  ? fy_node_get_scalar(fy_node_pair_key(pair), &n)
                                  : NULL;
            hg_buf_puts(b, first ? "" : ",");
            quote(b, key ? key : "", key ? n : 0);
            hg_buf_puts(b, ":");
            as_json(b, fy_node_pair_value(pair), depth + 1);
        }
        hg_buf_puts(b, "}");
    } else if (fy_node_is_sequence(node)) {
        hg_buf_puts(b, "[");
        for (struct fy_node *item; (item = fy_node_sequence_iterate(node, &at)); first = false) {
            hg_buf_puts(b, first ? "" : ",");
            as_json(b, item, depth + 1);
        }
        hg_buf_puts(b, "]");
    } else {
        const char *text = fy_node_get_scalar(node, &n);
        bool bare = text && n && strspn(text, "0123456789.-+eE") >= n;
        static const char *const words[] = { "true", "false", "null" };
        for (size_t i = 0; text && i < 3; i++)
            bare |= n == strlen(words[i]) && memcmp(text, words[i], n) == 0;
        if (bare)
            hg_buf_add(b, text, n);
        else
            quote(b, text ? text : "", text ? n : 0);
    }
}

/* Numbers of a list joined by commas: what a knob of whole numbers takes. */
static const char *joined(hg_arena *arena, struct fy_node *list)
{
    hg_buf b = { .arena = arena };
    void *at = NULL;
    hg_buf_add(&b, "", 0);
    for (struct fy_node *item; (item = fy_node_sequence_iterate(list, &at));) {
        size_t n;
        const char *text = fy_node_is_scalar(item) ? fy_node_get_scalar(item, &n) : NULL;
        hg_buf_printf(&b, "%s%.*s", b.n ? "," : "", text ? (int)n : 0, text ? text : "");
    }
    return b.s;
}

static bool has_below(const hg_engine_knobs *k, const char *path)
{
    size_t n = strlen(path);
    for (size_t i = 0; i < k->count; i++)
        if (k->list[i].key && strncmp(k->list[i].key, path, n) == 0 && k->list[i].key[n] == '.')
            return true;
    return false;
}

/* MindIE's lists of one model are that model. */
static struct fy_node *only_mapping(struct fy_node *node)
{
    void *at = NULL;
    struct fy_node *first =
        node && fy_node_is_sequence(node) ? fy_node_sequence_iterate(node, &at) : NULL;
    return first && fy_node_is_mapping(first) ? first : node;
}

static const char *value_text(hg_settings *s, struct fy_node *node, const hg_engine_knob *knob)
{
    size_t n;
    if (!node)
        return "null";
    if (fy_node_is_scalar(node)) {
        const char *text = fy_node_get_scalar(node, &n);
        return text ? hg_strndup(s->arena, text, n) : "null";
    }
    if (fy_node_is_sequence(node) && knob && knob->type == HG_KNOB_INTS)
        return joined(s->arena, node);
    hg_buf b = { .arena = s->arena };
    as_json(&b, node, 0);
    return b.s;
}

static void walk(hg_settings *s, struct fy_node *map, const char *path, int depth)
{
    void *at = NULL;
    for (struct fy_node_pair *pair; (pair = fy_node_mapping_iterate(map, &at));) {
        struct fy_node *key = fy_node_pair_key(pair), *value = fy_node_pair_value(pair);
        size_t n = 0;
        const char *name = key && fy_node_is_scalar(key) ? fy_node_get_scalar(key, &n) : NULL;
        const char *full = hg_textf(s->arena, "%s%s%.*s", path, *path ? "." : "", name ? (int)n : 0,
                                    name ? name : "");
        struct fy_node *inner = only_mapping(value);
        if (inner && fy_node_is_mapping(inner) && has_below(s->knobs, full) && depth < DEPTH)
            walk(s, inner, full, depth + 1);
        else
            put(s, full, value_text(s, value, hg_knob_keyed(s->knobs, full)), hg_yaml_line(key));
    }
}

bool hg_parse_yaml(hg_settings *s, const char *name, const char *text, size_t size, hg_err *err)
{
    struct fy_document *doc = hg_yaml_parse(text, size, name, "'key: value' lines", err);
    struct fy_node *root = doc ? fy_document_root(doc) : NULL;
    bool ok = root && fy_node_is_mapping(root);
    if (ok)
        walk(s, root, "", 0);
    else if (doc)
        hg_fail(err, HG_INPUT, name, "is no launch line, and no config file of 'key: value' lines");
    fy_document_destroy(doc);
    return ok;
}

/* Keys are flags without dashes, long or short, or names of variables. */
static const hg_engine_knob *ini_knob(const hg_settings *s, const char *key)
{
    const hg_engine_knob *knob = hg_knob_keyed(s->knobs, key);
    knob = knob ? knob : hg_knob_flagged(s->knobs, hg_textf(s->arena, "-%s", key));
    return knob ? knob : hg_knob_of_env(s->knobs, key);
}

static const char *trimmed(hg_arena *arena, const char *from, const char *to)
{
    while (from < to && isspace((unsigned char)*from))
        from++;
    while (to > from && isspace((unsigned char)to[-1]))
        to--;
    return hg_strndup(arena, from, (size_t)(to - from));
}

/* Of several models the first counts, and what stands for all before it. */
void hg_parse_ini(hg_settings *s, const char *text)
{
    int line = 0, sections = 0;
    while (*text) {
        const char *end = text + strcspn(text, "\n"), *from = text + strspn(text, " \t"),
                   *equals = memchr(text, '=', (size_t)(end - text));
        line++;
        sections += *from == '[' && !hg_starts(from, "[*]");
        text = end + (*end == '\n');
        if (!equals || strchr(";#[", *from) || sections > 1)
            continue;
        const char *key = trimmed(s->arena, from, equals),
                   *value = trimmed(s->arena, equals + 1, end);
        if (sections == 0 && strcmp(key, "version") == 0)
            continue;
        *HG_PUSH(s->arena, s->list, s->count, s->capacity) =
            (hg_setting){ ini_knob(s, key), key, value, line, s->file };
    }
}

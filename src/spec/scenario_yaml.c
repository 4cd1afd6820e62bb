#include "spec/scenario.h"

#include "base/file.h"
#include "base/text.h"
#include "base/yaml.h"

#include <stdio.h>
#include <string.h>

enum { SCENARIO_LIMIT = 1000000 };

bool hg_word_given(const hg_scenario *s, const hg_word *w)
{
    const void *field = (const char *)s + w->offset;
    switch (w->kind) {
    case HG_WORD_TEXT: return ((const hg_text_word *)field)->s != NULL;
    case HG_WORD_INTS: return ((const hg_ints_word *)field)->n > 0 || ((const hg_ints_word *)field)->any;
    case HG_WORD_REAL: return ((const hg_real_word *)field)->given;
    default: return ((const hg_flag_word *)field)->given;
    }
}

/* A scalar's text, or a sequence's scalars joined by commas; NULL for anything deeper. */
static const char *value_text(hg_arena *arena, struct fy_node *node)
{
    if (fy_node_is_scalar(node)) {
        size_t n;
        const char *s = fy_node_get_scalar(node, &n);
        return s ? hg_strndup(arena, s, n) : "";
    }
    if (!fy_node_is_sequence(node))
        return NULL;
    hg_buf list = { .arena = arena };
    void *at = NULL;
    for (struct fy_node *item; (item = fy_node_sequence_iterate(node, &at));) {
        size_t n;
        const char *s = fy_node_is_scalar(item) ? fy_node_get_scalar(item, &n) : NULL;
        if (!s)
            return NULL;
        if (list.n)
            hg_buf_puts(&list, ",");
        hg_buf_add(&list, s, n);
    }
    return list.s ? list.s : "";
}

/* A file named in a scenario lies beside it, or else where the program was started. */
static const char *beside(hg_arena *arena, const char *path, const char *value)
{
    size_t folder = strlen(path) - strlen(hg_basename(path));
    const char *near = hg_textf(arena, "%.*s%s", (int)folder, path, value);
    return *value != '/' && (hg_is_file(near) || hg_is_folder(near)) ? near : value;
}

static bool read_pair(hg_arena *arena, hg_scenario *s, const char *verb, const char *path,
                      struct fy_node_pair *pair, hg_err *err)
{
    struct fy_node *key = fy_node_pair_key(pair);
    size_t n = 0;
    const char *name = key && fy_node_is_scalar(key) ? fy_node_get_scalar(key, &n) : NULL;
    struct fy_token *token = key ? fy_node_get_scalar_token(key) : NULL;
    const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;
    char where[192];
    snprintf(where, sizeof where, "%.120s:%d: %.*s", path, mark ? mark->line + 1 : 1,
             (int)(n < 48 ? n : 48), name ? name : "?");
    if (!name)
        return hg_fail(err, HG_INPUT, where, "is no key: a scenario is a flat list of 'word: value'");
    name = hg_strndup(arena, name, n);
    const char *value = value_text(arena, fy_node_pair_value(pair));
    if (!value)
        return hg_fail(err, HG_INPUT, where, "holds a nested value; write one value or a list");
    const hg_word *w = hg_word_find(name);
    if (w && hg_word_given(s, w))
        return true;
    if (w && w->kind == HG_WORD_TEXT && w->argument && strstr(w->argument, "FILE"))
        value = beside(arena, path, value);
    return hg_scenario_set(arena, s, verb, name, value, where, err);
}

static bool read_document(hg_arena *arena, hg_scenario *s, const char *verb, const char *path,
                          struct fy_document *doc, hg_err *err)
{
    struct fy_node *root = fy_document_root(doc);
    if (!root || !fy_node_is_mapping(root))
        return hg_fail(err, HG_INPUT, path, "is no scenario: write 'word: value' lines, such as 'tp: 4'");
    void *at = NULL;
    for (struct fy_node_pair *pair; (pair = fy_node_mapping_iterate(root, &at));)
        if (!read_pair(arena, s, verb, path, pair, err))
            return false;
    return true;
}

bool hg_scenario_read(hg_arena *arena, hg_scenario *s, const char *verb, const char *path, hg_err *err)
{
    size_t size;
    char *text = hg_file_read(arena, path, SCENARIO_LIMIT, &size, err);
    if (!text)
        return false;
    struct fy_document *doc = hg_yaml_parse(text, size, path, "'word: value' lines, such as 'tp: 4'", err);
    bool ok = doc && read_document(arena, s, verb, path, doc, err);
    fy_document_destroy(doc);
    return ok;
}

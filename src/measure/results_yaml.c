#include "measure/results_parts.h"

#include "base/num.h"

#include <libfyaml.h>
#include <string.h>

enum { DEEPEST = 64 };

static json_t *convert(struct fy_node *node, int depth);

/* A plain word that is a number is one; a quoted one is a text. */
static json_t *scalar(struct fy_node *node)
{
    size_t n;
    const char *s = fy_node_get_scalar(node, &n);
    char text[64];
    double x;
    if (!s || n == 0)
        return json_string("");
    if (n < sizeof text && fy_node_get_style(node) == FYNS_PLAIN) {
        memcpy(text, s, n);
        text[n] = 0;
        if (hg_parse_f64(text, &x))
            return json_real(x);
        if (strcmp(text, "null") == 0 || strcmp(text, "~") == 0)
            return json_null();
        if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
            return json_boolean(*text == 't');
    }
    json_t *v = json_stringn(s, n);
    return v ? v : json_string("");
}

static json_t *mapping(struct fy_node *node, int depth)
{
    json_t *out = json_object();
    void *at = NULL;
    for (struct fy_node_pair *pair; (pair = fy_node_mapping_iterate(node, &at));) {
        size_t n = 0;
        struct fy_node *key = fy_node_pair_key(pair);
        const char *s = key && fy_node_is_scalar(key) ? fy_node_get_scalar(key, &n) : NULL;
        char name[256];
        if (!s || n >= sizeof name)
            continue;
        memcpy(name, s, n);
        name[n] = 0;
        json_object_set_new(out, name, convert(fy_node_pair_value(pair), depth + 1));
    }
    return out;
}

static json_t *convert(struct fy_node *node, int depth)
{
    if (!node || depth > DEEPEST)
        return json_null();
    if (fy_node_is_scalar(node))
        return scalar(node);
    if (fy_node_is_mapping(node))
        return mapping(node, depth);
    json_t *out = json_array();
    void *at = NULL;
    for (struct fy_node *item; (item = fy_node_sequence_iterate(node, &at));)
        json_array_append_new(out, convert(item, depth + 1));
    return out;
}

/* What libfyaml would print; an error of ours is enough. */
static void swallow(struct fy_diag *diag, void *user, const char *text, size_t size)
{
    (void)diag;
    (void)user;
    (void)text;
    (void)size;
}

/* libfyaml 0.7 never returns from a directive that a text ends in; a report needs none. */
static bool has_directive(const char *text)
{
    for (;; text++) {
        if (*text == '%')
            return true;
        text = strpbrk(text, "\r\n");
        if (!text)
            return false;
    }
}

json_t *hg_result_yaml(char *text, size_t size, const char *name, hg_err *err)
{
    if (has_directive(text))
        return hg_fail(err, HG_INPUT, name, "holds a YAML directive (a line that begins with '%%'); a report needs none"), NULL;
    struct fy_diag_cfg quiet;
    fy_diag_cfg_default(&quiet);
    quiet.fp = NULL;
    quiet.output_fn = swallow;
    struct fy_diag *diag = fy_diag_create(&quiet);
    struct fy_parse_cfg cfg = { .flags = FYPCF_QUIET | FYPCF_DEFAULT_VERSION_AUTO, .diag = diag };
    struct fy_document *doc = fy_document_build_from_string(&cfg, text, size);
    struct fy_node *root = doc ? fy_document_root(doc) : NULL;
    json_t *out = root && fy_node_is_mapping(root) ? convert(root, 0) : NULL;
    fy_document_destroy(doc);
    fy_diag_destroy(diag);
    if (!out)
        hg_fail(err, HG_INPUT, name, "is neither JSON, YAML nor a CSV that heng reads");
    return out;
}

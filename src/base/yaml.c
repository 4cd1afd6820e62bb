#include "base/yaml.h"

#include <stdio.h>
#include <string.h>

/* The first thing libfyaml complains of. */
static void explain(struct fy_diag *diag, const char *name, hg_err *err)
{
    void *at = NULL;
    struct fy_diag_error *e = fy_diag_errors_iterate(diag, &at);
    char where[192];
    snprintf(where, sizeof where, "%.150s:%d:%d", name, e ? e->line : 1, e ? e->column : 1);
    hg_fail(err, HG_INPUT, where, "is not YAML: %s", e && e->msg ? e->msg : "unreadable");
}

/* What libfyaml would print; its errors are collected instead. */
static void swallow(struct fy_diag *diag, void *user, const char *text, size_t size)
{
    (void)diag;
    (void)user;
    (void)text;
    (void)size;
}

/* A line that begins with '%' is a YAML directive.  None of our inputs needs one, and libfyaml 0.7
 * never returns from one that the text ends in. */
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

struct fy_document *hg_yaml_parse(const char *text, size_t size, const char *name,
                                  const char *example, hg_err *err)
{
    if (memchr(text, 0, size))
        return hg_fail(err, HG_INPUT, name, "holds binary data; YAML was expected"), NULL;
    if (!text[strspn(text, " \t\r\n")])
        return hg_fail(err, HG_INPUT, name, "is empty; write %s", example), NULL;
    if (has_directive(text))
        return hg_fail(err, HG_INPUT, name,
                       "holds a YAML directive (a line that begins with '%%'); write %s only",
                       example),
               NULL;
    struct fy_diag_cfg quiet;
    fy_diag_cfg_default(&quiet);
    quiet.fp = NULL;
    quiet.output_fn = swallow;
    struct fy_diag *diag = fy_diag_create(&quiet);
    fy_diag_set_collect_errors(diag, true);
    struct fy_parse_cfg cfg = { .flags = FYPCF_QUIET | FYPCF_DEFAULT_VERSION_AUTO, .diag = diag };
    struct fy_document *doc = fy_document_build_from_string(&cfg, text, size);
    if (!doc)
        explain(diag, name, err);
    fy_diag_destroy(diag);
    return doc;
}

int hg_yaml_line(struct fy_node *node)
{
    struct fy_token *token =
        node && fy_node_is_scalar(node) ? fy_node_get_scalar_token(node) : NULL;
    const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;
    return mark ? mark->line + 1 : 0;
}

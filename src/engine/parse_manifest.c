/* Kubernetes objects, llm-d's Helm values and compose files: every container is read as the docker
 * line that would start it, as often as the object has replicas. */
#include "engine/reader.h"

#include "base/num.h"
#include "base/yaml.h"
#include "engine/layout.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 24 };

typedef struct manifest {
    hg_launch_reader *r;
    int line;                    /* before the document's first */
    const char *model;           /* of llm-d's values, or NULL */
    struct fy_node *parallelism; /* of the pool at hand, or NULL */
    int64_t nodes;               /* that an engine of it takes */
    bool compose;                /* whose command is the entry point's arguments */
} manifest;

static const char *text_of(const manifest *m, struct fy_node *node)
{
    size_t n;
    const char *s = node && fy_node_is_scalar(node) ? fy_node_get_scalar(node, &n) : NULL;
    return s ? hg_strndup(m->r->arena, s, n) : NULL;
}

static struct fy_node *get(struct fy_node *map, const char *key)
{
    return map && fy_node_is_mapping(map)
               ? fy_node_mapping_lookup_value_by_simple_key(map, key, FY_NT)
               : NULL;
}

static const char *get_text(const manifest *m, struct fy_node *map, const char *key)
{
    return text_of(m, get(map, key));
}

/* ---- a container's words ---- */

/* $(NAME) of the container's environment. */
static const char *with_env(hg_arena *arena, const char *s, const hg_shell_command *c)
{
    hg_buf b = { .arena = arena };
    hg_buf_add(&b, "", 0);
    while (*s) {
        const char *end = s[0] == '$' && s[1] == '(' ? strchr(s, ')') : NULL, *value = NULL;
        for (size_t i = 0; end && i < c->env_count; i++)
            if (strncmp(c->env[i][0], s + 2, (size_t)(end - s - 2)) == 0 &&
                !c->env[i][0][end - s - 2])
                value = c->env[i][1];
        if (value && *value)
            hg_buf_puts(&b, value);
        else
            hg_buf_add(&b, s, end ? (size_t)(end + 1 - s) : 1);
        s = end ? end + 1 : s + 1;
    }
    return b.s;
}

static void push(manifest *m, hg_shell_command *c, const char *word, int line)
{
    *HG_PUSH(m->r->arena, c->words, c->count, c->capacity) = (hg_shell_item){ word, line };
}

/* A list of words; a text is a compose file's command line. */
static void push_words(manifest *m, hg_shell_command *c, struct fy_node *list)
{
    void *at = NULL;
    hg_err none;
    hg_shell sh;
    const char *line = text_of(m, list);
    if (line && hg_shell_read(m->r->arena, m->r->name, line, strlen(line), &sh, &none))
        for (size_t i = 0; sh.count > 0 && i < sh.commands[0].count; i++)
            push(m, c, sh.commands[0].words[i].s, m->line + hg_yaml_line(list));
    if (!list || !fy_node_is_sequence(list))
        return;
    for (struct fy_node *item; (item = fy_node_sequence_iterate(list, &at));) {
        const char *s = text_of(m, item);
        if (s)
            push(m, c, with_env(m->r->arena, s, c), m->line + hg_yaml_line(item));
    }
}

static void add_env(manifest *m, hg_shell_command *c, size_t *capacity, const char *name,
                    const char *value)
{
    if (!name)
        return;
    c->env = hg_grow(m->r->arena, c->env, c->env_count, capacity, sizeof *c->env);
    c->env[c->env_count][0] = name;
    c->env[c->env_count++][1] = value ? value : "";
}

/* Kubernetes' list of name and value; compose's "A=b" or mapping. */
static void read_env(manifest *m, hg_shell_command *c, struct fy_node *env)
{
    void *at = NULL;
    size_t capacity = 0;
    if (env && fy_node_is_mapping(env))
        for (struct fy_node_pair *p; (p = fy_node_mapping_iterate(env, &at));)
            add_env(m, c, &capacity, text_of(m, fy_node_pair_key(p)),
                    text_of(m, fy_node_pair_value(p)));
    if (!env || !fy_node_is_sequence(env))
        return;
    for (struct fy_node *item; (item = fy_node_sequence_iterate(env, &at));) {
        const char *pair = text_of(m, item), *equals = pair ? strchr(pair, '=') : NULL;
        if (equals)
            add_env(m, c, &capacity, hg_strndup(m->r->arena, pair, (size_t)(equals - pair)),
                    equals + 1);
        else if (!pair)
            add_env(m, c, &capacity, get_text(m, item, "name"), get_text(m, item, "value"));
    }
}

/* llm-d's chart says shapes for its containers. */
static void push_parallelism(manifest *m, hg_shell_command *c)
{
    static const char *const rows[][2] = { { "tensor", "--tensor-parallel-size" },
                                           { "data", "--data-parallel-size" } };
    for (size_t i = 0; m->parallelism && i < 2; i++) {
        struct fy_node *value = get(m->parallelism, rows[i][0]);
        const char *s = text_of(m, value);
        if (!s || strcmp(s, "1") == 0)
            continue;
        push(m, c, rows[i][1], m->line + hg_yaml_line(value));
        push(m, c, s, m->line + hg_yaml_line(value));
    }
}

/* Devices of a container's limits, and what says so. */
static int64_t limits(manifest *m, struct fy_node *container, const char **said)
{
    static const char *const resources[] = {
#define ACCELERATOR(vendor, visible, docker, resource) resource,
#include "engine/accelerator.def"
#undef ACCELERATOR
    };
    struct fy_node *list = get(get(container, "resources"), "limits");
    int64_t n;
    for (size_t i = 0; i + 1 < sizeof resources / sizeof *resources; i++) { /* not processors */
        const char *s = get_text(m, list, resources[i]);
        if (!s || !hg_parse_i64(s, &n) || n <= 0 || n > HG_LAUNCHES_MOST)
            continue;
        *said = hg_textf(m->r->arena, "a limit of %" PRId64 " %s a pod", n, resources[i]);
        return n * m->nodes;
    }
    return 0;
}

static bool read_container(manifest *m, struct fy_node *node, int64_t replicas)
{
    const char *image = get_text(m, node, "image"), *serve = get_text(m, node, "modelCommand"),
               *said;
    struct fy_node *env = get(node, "env");
    hg_shell_command c = { .times = 1 };
    int line = m->line + hg_yaml_line(get(node, image ? "image" : "modelCommand"));
    size_t first = m->r->out->count;
    read_env(m, &c, env ? env : get(node, "environment"));
    push(m, &c, "docker", line);
    push(m, &c, "run", line);
    if ((get(node, "command") && !m->compose) || get(node, "entrypoint"))
        push(m, &c, "--entrypoint=command", line);
    push(m, &c, image ? image : "image", line);
    if (serve && strcmp(serve, "vllmServe") == 0) {
        push(m, &c, "vllm", line);
        push(m, &c, "serve", line);
        if (m->model)
            push(m, &c, m->model, line);
        push_parallelism(m, &c);
    }
    push_words(m, &c, get(node, "entrypoint"));
    push_words(m, &c, get(node, "command"));
    push_words(m, &c, get(node, "args"));
    if (!hg_read_command(m->r, NULL, &c, 0))
        return false;
    int64_t devices = limits(m, node, &said);
    for (size_t i = first; i < m->r->out->count; i++) {
        hg_launch_text *t = &m->r->out->list[i];
        t->servers = hg_min_i64(HG_LAUNCHES_MOST, t->servers * replicas);
        t->line = t->line > line ? t->line : line;
        if (devices > 0 && (t->devices == 0 || devices < t->devices)) {
            t->devices = devices;
            t->devices_by = said;
        }
    }
    return true;
}

/* ---- objects ---- */

static int64_t count_of(const manifest *m, struct fy_node *map, const char *key, int64_t otherwise)
{
    const char *s = get_text(m, map, key);
    int64_t n;
    return s && hg_parse_i64(s, &n) && n >= 0 ? hg_min_i64(n, HG_LAUNCHES_MOST) : otherwise;
}

static int64_t replicas_of(const manifest *m, struct fy_node *map, int64_t otherwise)
{
    return count_of(m, map, "replicas", count_of(m, get(map, "deploy"), "replicas", otherwise));
}

/* Workers of a group only join its leader; what makes a pod ready is no server. */
static bool is_aside(struct fy_node *map, const char *key)
{
    return (strcmp(key, "workerTemplate") == 0 && get(map, "leaderTemplate")) ||
           strcmp(key, "initContainers") == 0;
}

static bool visit(manifest *m, struct fy_node *node, int64_t replicas, int depth)
{
    void *at = NULL;
    if (!node || depth > DEPTH)
        return true;
    if (fy_node_is_sequence(node)) {
        for (struct fy_node *item; (item = fy_node_sequence_iterate(node, &at));)
            if (!visit(m, item, replicas, depth + 1))
                return false;
        return true;
    }
    const char *create = get_text(m, node, "create");
    if (!fy_node_is_mapping(node) || (create && strcmp(create, "false") == 0))
        return true;
    replicas = replicas_of(m, node, replicas);
    if (replicas == 0)
        return true;
    if (get_text(m, node, "image") || get_text(m, node, "modelCommand"))
        return read_container(m, node, replicas);
    struct fy_node *outer = m->parallelism, *own = get(node, "parallelism");
    int64_t outer_nodes = m->nodes;
    m->parallelism = own ? own : outer;
    m->nodes = count_of(m, get(node, "multinode"), "nodeCount", m->nodes);
    m->nodes = count_of(m, own, "workers", m->nodes);
    bool ok = true;
    for (struct fy_node_pair *p; ok && (p = fy_node_mapping_iterate(node, &at));) {
        const char *key = text_of(m, fy_node_pair_key(p));
        ok = !key || is_aside(node, key) || visit(m, fy_node_pair_value(p), replicas, depth + 1);
    }
    m->parallelism = outer;
    m->nodes = outer_nodes;
    return ok;
}

static void keep_files(manifest *m, struct fy_node *root)
{
    struct fy_node *data = get(root, "data");
    hg_launch_reader *r = m->r;
    void *at = NULL;
    if (!data || !fy_node_is_mapping(data))
        return;
    for (struct fy_node_pair *p; (p = fy_node_mapping_iterate(data, &at));) {
        const char *name = text_of(m, fy_node_pair_key(p)),
                   *text = text_of(m, fy_node_pair_value(p));
        if (name && text)
            *HG_PUSH(r->arena, r->files, r->file_count, r->file_capacity) =
                (hg_shell_file){ name, text };
    }
}

/* Once for the files that others name, then for the containers. */
static bool read_document(manifest *m, const char *text, size_t size, bool files)
{
    static const char example[] = "a Kubernetes object";
    const char *copy = hg_strndup(m->r->arena, text, size);
    struct fy_document *doc;
    if (!copy[strspn(copy, " \t\r\n")])
        return true;
    doc = hg_yaml_parse(copy, size, m->r->name, example, m->r->err);
    if (!doc)
        return false;
    struct fy_node *root = fy_document_root(doc);
    const char *kind = get_text(m, root, "kind");
    bool map = kind && strcmp(kind, "ConfigMap") == 0, ok = true;
    m->compose = get(root, "services") && !kind;
    m->model = get_text(m, get(root, "modelArtifacts"), "name");
    if (files && map)
        keep_files(m, root);
    else if (!files && !map)
        ok = visit(m, root, 1, 0);
    fy_document_destroy(doc);
    return ok;
}

static bool read_documents(hg_launch_reader *r, const char *text, size_t size, bool files)
{
    manifest m = { .r = r, .nodes = 1 };
    const char *end = text + size;
    int line = 0;
    for (const char *from = text, *p = text; p <= end;) {
        const char *newline = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
        bool cut = p == end || (hg_starts(p, "---") && (p[3] == '\n' || p[3] == '\r' || !p[3]));
        if (cut) {
            if (!read_document(&m, from, (size_t)(p - from), files))
                return false;
            from = newline ? newline + 1 : end;
            m.line = line + 1;
        }
        if (p == end)
            break;
        p = newline ? newline + 1 : end;
        line++;
    }
    return true;
}

static bool has_line(const char *text, const char *start)
{
    for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n')
        if (hg_starts(p, start))
            return true;
    return false;
}

bool hg_is_manifest(const char *text)
{
    return (has_line(text, "apiVersion:") && has_line(text, "kind:")) ||
           has_line(text, "modelArtifacts:") || has_line(text, "services:\n");
}

bool hg_read_manifest(hg_launch_reader *r, const char *text, size_t size)
{
    if (!read_documents(r, text, size, true) || !read_documents(r, text, size, false))
        return false;
    if (r->out->count == 0 && r->other)
        return hg_fail(r->err, HG_INPUT, r->name, "starts %s, not %s", r->other, r->engine);
    return r->out->count > 0 ||
           hg_fail(r->err, HG_INPUT, r->name,
                   "has no container that starts vLLM, SGLang, TensorRT-LLM, MindIE or llama.cpp");
}

/* Laws over every emitter: what it writes is its engine's, what real parsers read, and shows every
 * field. */
#include "launched.h"
#include "test.h"

#include "engine/fraction.h"

#include <jansson.h>
#include <libfyaml.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *engine, *device, *dense, *moe;
} engines[] = {
    { "vllm", "h200_sxm", "Qwen/Qwen3-8B", "deepseek-ai/DeepSeek-V3" },
    { "vllm", "ascend_910b", "Qwen/Qwen3-8B", "Qwen/Qwen3-30B-A3B" },
    { "vllm", "mi300x", "Qwen/Qwen3-8B", "Qwen/Qwen3-30B-A3B" },
    { "sglang", "h200_sxm", "Qwen/Qwen3-8B", "deepseek-ai/DeepSeek-V3" },
    { "trtllm", "h200_sxm", "Qwen/Qwen3-8B", "deepseek-ai/DeepSeek-V3" },
    { "mindie", "ascend_910b", "Qwen/Qwen3-8B", "Qwen/Qwen3-30B-A3B" },
    { "llamacpp", "h200_sxm", "Qwen/Qwen3-8B", "Qwen/Qwen3-30B-A3B" },
};
enum { ENGINES = sizeof engines / sizeof *engines };

/* ---- every field changes the text, is refused, or is listed as ignored ---- */

#define FIELD(name, ...)                                                                           \
    static void set_##name(hg_deployment *d)                                                       \
    {                                                                                              \
        __VA_ARGS__;                                                                               \
    }
FIELD(tp, d->tp = 4)
FIELD(pp, d->pp = 2)
FIELD(dp, d->dp = 8)
FIELD(ep, d->dp = 8; d->ep = 8)
FIELD(replicas, d->replicas = 2)
FIELD(precision, d->precision = HG_W4A16; d->precision_is_checkpoints = false)
FIELD(kv_dtype, d->kv_dtype = HG_FP8; d->kv_is_auto = false)
FIELD(max_num_seqs, d->max_num_seqs = 6)
FIELD(max_num_batched_tokens, d->max_num_batched_tokens = 16384)
FIELD(max_model_len, d->max_model_len = 2048)
FIELD(gpu_memory_utilization, d->gpu_memory_utilization = 0.7)
FIELD(block_tokens, d->block_tokens = 48)
FIELD(prefix_caching, d->prefix_caching = !d->prefix_caching)
FIELD(chunked_prefill, d->chunked_prefill = !d->chunked_prefill)
FIELD(graph_tokens, d->graph_tokens = 24)
FIELD(prompt_graph_tokens, d->prompt_graph_tokens = -1)
FIELD(recv_interval, d->recv_interval = 10)
FIELD(draft_tokens, d->draft_tokens = 2)
FIELD(accepted_tokens, d->accepted_tokens = 1.8)
FIELD(draft, d->draft = HG_DRAFT_NGRAM; d->draft_tokens = 2)
FIELD(draft_name, d->draft = HG_DRAFT_MODEL; d->draft_tokens = 2; d->draft_name = "a/draft")
FIELD(batch_wait_steps, d->batch_wait_steps = 40)
FIELD(batch_wait_frac, d->batch_wait_frac = 0.8)

static const struct {
    const char *name;
    void (*set)(hg_deployment *d);
} fields[] = {
#define ROW(name) { #name, set_##name },
    ROW(tp) ROW(pp) ROW(dp) ROW(ep) ROW(replicas) ROW(precision) ROW(kv_dtype) ROW(max_num_seqs)
        ROW(max_num_batched_tokens) ROW(max_model_len) ROW(gpu_memory_utilization) ROW(block_tokens)
            ROW(prefix_caching) ROW(chunked_prefill) ROW(graph_tokens) ROW(prompt_graph_tokens)
                ROW(recv_interval) ROW(draft_tokens) ROW(accepted_tokens) ROW(draft)
                    ROW(draft_name) ROW(batch_wait_steps)
                    ROW(batch_wait_frac)
};

/* Commands and files without the line that describes the plan. */
static const char *text_of(hg_arena *arena, launched *l)
{
    hg_file files[HG_FILES];
    hg_buf b = { .arena = arena };
    size_t n;
    l->launch.why = "";
    const char **lines = hg_emit_command(arena, l->emitter, &l->launch, &n);
    for (size_t i = 0; i < n; i++)
        hg_buf_printf(&b, "%s\n", lines[i]);
    n = hg_emit_files(arena, l->emitter, &l->launch, files);
    for (size_t i = 0; i < n; i++)
        hg_buf_puts(&b, files[i].text);
    return b.s;
}

static bool is_ignored(const hg_emitter *e, const char *field, const char *vendor)
{
    char everywhere[64], there[64];
    snprintf(everywhere, sizeof everywhere, "%s: ", field);
    snprintf(there, sizeof there, "%s on %s: ", field, vendor);
    for (int i = 0; e->ignores[i]; i++)
        if (hg_starts(e->ignores[i], everywhere) || hg_starts(e->ignores[i], there))
            return true;
    return false;
}

static void every_field(hg_arena arena)
{
    for (int e = 0; e < ENGINES; e++)
        for (int moe = 0; moe < 2; moe++) {
            launched l;
            if (!launched_open(&arena, engines[e].engine, NULL,
                               moe ? engines[e].moe : engines[e].dense, engines[e].device, &l))
                return;
            const char *plain = text_of(&arena, &l);
            hg_deployment base = l.point.deployment;
            for (size_t f = 0; f < sizeof fields / sizeof *fields; f++) {
                hg_deployment d = base;
                fields[f].set(&d);
                launched_set(&arena, &l, &d);
                const char *why = hg_emit_refuses(&arena, l.emitter, &l.launch);
                bool changed = why || strcmp(text_of(&arena, &l), plain) != 0;
                CHECKF(changed !=
                           is_ignored(l.emitter, fields[f].name, l.problem.rates.device.vendor),
                       "%s on %s, %s: %s is %s", engines[e].engine, engines[e].device,
                       moe ? "experts" : "dense", fields[f].name,
                       changed ? "listed as ignored but changes the text" : "silently ignored");
            }
        }
}

/* ---- what is written is read back by real parsers, and every key is in the table ---- */

static void known_key(const launched *l, const char *key)
{
    const hg_engine_knob *k = hg_knob_keyed(&l->knobs, key);
    CHECKF(k && hg_knob_state_of(&l->knobs, k) == HG_KNOB_FITS, "%s %s has no key %s",
           l->knobs.engine, l->knobs.version, key);
}

static void walk_yaml(const launched *l, struct fy_node *node, const char *path)
{
    void *at = NULL;
    for (struct fy_node_pair *pair; (pair = fy_node_mapping_iterate(node, &at));) {
        char key[256];
        size_t n;
        const char *name = fy_node_get_scalar(fy_node_pair_key(pair), &n);
        snprintf(key, sizeof key, "%s%s%.*s", path, *path ? "." : "", (int)n, name);
        if (fy_node_is_mapping(fy_node_pair_value(pair)))
            walk_yaml(l, fy_node_pair_value(pair), key);
        else
            known_key(l, key);
    }
}

static void read_yaml(const launched *l, const char *text)
{
    struct fy_document *doc = fy_document_build_from_string(NULL, text, strlen(text));
    CHECKF(doc && fy_node_is_mapping(fy_document_root(doc)), "%s: no YAML mapping:\n%s",
           l->knobs.engine, text);
    if (doc)
        walk_yaml(l, fy_document_root(doc), "");
    fy_document_destroy(doc);
}

static void walk_json(const launched *l, json_t *o, const char *path)
{
    const char *name;
    json_t *value;
    json_object_foreach(o, name, value)
    {
        char key[256];
        snprintf(key, sizeof key, "%s%s%s", path, *path ? "." : "", name);
        if (json_is_object(value))
            walk_json(l, value, key);
        else if (json_is_object(json_array_get(value, 0)))
            walk_json(l, json_array_get(value, 0), key);
        else
            known_key(l, key);
    }
}

static void read_json(const launched *l, const char *text)
{
    json_error_t at;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &at);
    CHECKF(root, "%s: line %d: %s", l->knobs.engine, at.line, at.text);
    walk_json(l, root, "");
    json_decref(root);
}

static void read_ini(const launched *l, const char *text)
{
    char line[512];
    for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
        snprintf(line, sizeof line, "%.*s", (int)strcspn(text, "\n"), text);
        char *equals = strstr(line, " = ");
        if (!equals || *line == ';' || hg_starts(line, "version"))
            continue;
        *equals = 0;
        known_key(l, line);
    }
}

/* Every setting is a knob of this version that takes its value. */
static void settings_fit(hg_arena arena, const launched *l)
{
    hg_settings s = hg_emit_settings(&arena, l->emitter, &l->launch, 1);
    char why[256];
    CHECKF(!s.missing, "%s %s: nothing is %s", l->knobs.engine, l->knobs.version, s.missing);
    for (size_t i = 0; i < s.count; i++) {
        const hg_engine_knob *k = s.list[i].knob;
        CHECKF(hg_knob_state_of(&l->knobs, k) == HG_KNOB_FITS, "%s %s: %s is of another version",
               l->knobs.engine, l->knobs.version, s.list[i].name);
        CHECKF(hg_knob_takes(k, s.list[i].value, why, sizeof why), "%s %s %s: %s", l->knobs.engine,
               s.list[i].name, s.list[i].value, why);
        for (size_t j = 0; j < i; j++)
            CHECKF(s.list[j].knob != k, "%s sets %s twice", l->knobs.engine, s.list[i].name);
    }
}

static void read_back(const launched *l, const hg_file *files, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(files[i].name, l->emitter->config_name) != 0)
            continue;
        if (hg_ends(files[i].name, ".yaml"))
            read_yaml(l, files[i].text);
        else if (hg_ends(files[i].name, ".json"))
            read_json(l, files[i].text);
        else
            read_ini(l, files[i].text);
    }
}

static void parsers_agree(hg_arena arena)
{
    for (int e = 0; e < ENGINES; e++)
        for (size_t f = 0; f < sizeof fields / sizeof *fields; f++) {
            launched l;
            hg_file files[HG_FILES];
            if (!launched_open(&arena, engines[e].engine, NULL,
                               f % 2 ? engines[e].moe : engines[e].dense, engines[e].device, &l))
                return;
            hg_deployment d = l.point.deployment;
            fields[f].set(&d);
            launched_set(&arena, &l, &d);
            if (hg_emit_refuses(&arena, l.emitter, &l.launch))
                continue;
            settings_fit(arena, &l);
            read_back(&l, files, hg_emit_files(&arena, l.emitter, &l.launch, files));
        }
}

/* ---- versions ---- */

/* An older version's files hold that version's knobs only, or are refused with the knob it lacks.
 */
static void older_versions(hg_arena arena)
{
    static const struct {
        const char *engine, *version, *field;
        bool refused;
    } rows[] = {
        { "vllm", "0.9", "graph_tokens", true },
        { "vllm", "0.11", "graph_tokens", false },
        { "sglang", "0.5", "graph_tokens", false },
        { "sglang", "0.4.6", "recv_interval", true },
        { "trtllm", "1.0", "batch_wait_steps", true },
        { "trtllm", "1.3", "batch_wait_steps", false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        launched l;
        if (!launched_open(&arena, rows[i].engine, rows[i].version, "Qwen/Qwen3-8B", "h200_sxm",
                           &l))
            return;
        hg_deployment d = l.point.deployment;
        for (size_t f = 0; f < sizeof fields / sizeof *fields; f++)
            if (strcmp(fields[f].name, rows[i].field) == 0)
                fields[f].set(&d);
        launched_set(&arena, &l, &d);
        const char *why = hg_emit_refuses(&arena, l.emitter, &l.launch);
        CHECKF((why != NULL) == rows[i].refused, "%s %s %s: %s", rows[i].engine, rows[i].version,
               rows[i].field, why ? why : "taken");
        CHECKF(!why || strstr(why, rows[i].field), "the reason does not name %s", rows[i].field);
        if (!why)
            settings_fit(arena, &l);
    }
}

/* ---- memory fractions ---- */

/* Told in any engine's meaning the same budget comes back, and the fractions differ as their
 * meanings do. */
static void fractions(hg_arena arena)
{
    launched l;
    if (!launched_open(&arena, "vllm", NULL, "Qwen/Qwen3-32B", "h100_sxm", &l))
        return;
    const hg_memory *m = l.launch.memory;
    CHECK(m->fits && m->weight_bytes > 0);
    double total = hg_fraction_told(HG_OF_TOTAL, m), held = hg_fraction_told(HG_OF_STATIC, m),
           rest = hg_fraction_told(HG_OF_FREE, m);
    CHECK_NEAR(total, 0.92, 1e-9);
    CHECKF(held < total && rest < total, "total %g, static %g, free %g", total, held, rest);
    CHECK_NEAR(held * m->total_bytes, m->weight_bytes + m->kv_bytes + m->state_bytes, 1e-9);
    CHECK_NEAR(rest * (m->total_bytes - m->weight_bytes - m->activation_bytes - m->context_bytes),
               m->kv_bytes + m->state_bytes, 1e-9);
    for (int of = HG_OF_TOTAL; of <= HG_OF_FREE; of++)
        CHECK_NEAR(
            hg_fraction_budget((hg_fraction_of)of, hg_fraction_told((hg_fraction_of)of, m), m),
            m->budget_bytes, 1e-9);
    hg_memory full = *m;
    full.weight_bytes =
        2 * full.total_bytes; /* does not fit: a number that an engine takes all the same */
    full.budget_bytes = full.total_bytes;
    for (int of = HG_OF_TOTAL; of <= HG_OF_FREE; of++)
        CHECK(hg_fraction_told((hg_fraction_of)of, &full) >= 0.01 &&
              hg_fraction_told((hg_fraction_of)of, &full) <= 1);
}

/* ---- nodes and Kubernetes ---- */

static void devices_are_named(hg_arena arena)
{
    static const struct {
        const char *engine, *device, *name;
    } rows[] = {
        { "vllm", "h200_sxm", "CUDA_VISIBLE_DEVICES=2,3 " },
        { "vllm", "mi300x", "HIP_VISIBLE_DEVICES=2,3 " },
        { "vllm", "ascend_910b", "ASCEND_RT_VISIBLE_DEVICES=2,3 " },
        { "trtllm", "h200_sxm", "CUDA_VISIBLE_DEVICES=2,3 " },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        launched l;
        size_t n;
        if (!launched_open(&arena, rows[i].engine, NULL, "Qwen/Qwen3-30B-A3B", rows[i].device, &l))
            return;
        hg_deployment d = l.point.deployment;
        d.tp = d.replicas = 2;
        launched_set(&arena, &l, &d);
        const char **lines = hg_emit_command(&arena, l.emitter, &l.launch, &n);
        CHECKF(n == 2 && strstr(lines[1], rows[i].name), "%s on %s: %s", rows[i].engine,
               rows[i].device, lines[n - 1]);
    }
}

static void manifests(hg_arena arena)
{
    static const struct {
        const char *engine, *model, *kind;
        int64_t tp, pp;
        const char *has, *refused;
    } rows[] = {
        { "vllm", "Qwen/Qwen3-8B", "deployment", 2, 1, "kind: Deployment", NULL },
        { "vllm", "meta-llama/Llama-3.1-70B", "deployment", 8, 2, NULL, "--k8s lws" },
        { "vllm", "meta-llama/Llama-3.1-70B", "lws", 8, 2, "kind: LeaderWorkerSet", NULL },
        { "sglang", "meta-llama/Llama-3.1-70B", "lws", 8, 2, "$(LWS_LEADER_ADDRESS):20000", NULL },
        { "trtllm", "Qwen/Qwen3-8B", "deployment", 2, 1, "kind: ConfigMap", NULL },
        { "vllm", "Qwen/Qwen3-8B", "dynamo", 2, 1, "kind: DynamoGraphDeployment", NULL },
        { "sglang", "Qwen/Qwen3-8B", "dynamo", 2, 1, "dynamo.sglang", NULL },
        { "llamacpp", "Qwen/Qwen3-8B", "dynamo", 1, 1, NULL, "not of llamacpp" },
        { "vllm", "Qwen/Qwen3-8B", "llm-d", 2, 1, "modelCommand: vllmServe", NULL },
        { "sglang", "Qwen/Qwen3-8B", "llm-d", 2, 1, NULL, "vLLM" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        launched l;
        const char *name, *why = NULL;
        if (!launched_open(&arena, rows[i].engine, NULL, rows[i].model, "h200_sxm", &l))
            return;
        hg_deployment d = l.point.deployment;
        d.tp = rows[i].tp;
        d.pp = rows[i].pp;
        l.plan.k8s = rows[i].kind;
        launched_set(&arena, &l, &d);
        const char *text = hg_k8s_manifest(&arena, l.emitter, &l.launch, &name, &why);
        CHECKF((text == NULL) == (rows[i].refused != NULL), "%s %s: %s", rows[i].engine,
               rows[i].kind, why ? why : "written");
        CHECKF(!text || strstr(text, rows[i].has), "%s %s lacks %s", rows[i].engine, rows[i].kind,
               rows[i].has ? rows[i].has : "");
        CHECKF(text || strstr(why, rows[i].refused), "%s %s: %s", rows[i].engine, rows[i].kind,
               why);
        for (const char *doc = text; doc; doc = strstr(doc + 4, "---\n")) {
            struct fy_document *y = fy_document_build_from_string(
                NULL, doc + (*doc == '-' ? 4 : 0),
                strstr(doc + 4, "---\n")
                    ? (size_t)(strstr(doc + 4, "---\n") - doc) - (*doc == '-' ? 4 : 0)
                    : FY_NT);
            CHECKF(y && fy_node_is_mapping(fy_document_root(y)), "%s %s: no YAML:\n%s",
                   rows[i].engine, rows[i].kind, text);
            fy_document_destroy(y);
        }
    }
}

void test_emit(void)
{
    hg_arena arena;
    if (!hg_arena_open(&arena, 0)) {
        test_skip("no address space");
        return;
    }
    every_field(arena);
    parsers_agree(arena);
    older_versions(arena);
    fractions(arena);
    devices_are_named(arena);
    manifests(arena);
    hg_arena_close(&arena);
}

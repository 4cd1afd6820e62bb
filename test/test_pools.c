/* Disaggregated launches: both pools show in the text, real parsers read it, and what is read is
 * what was asked for. */
#include "launched.h"
#include "test.h"

#include "base/file.h"
#include "engine/parse.h"
#include "explain/lint.h"

#include <jansson.h>
#include <libfyaml.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const hg_data data = { NULL };

static const struct {
    const char *engine, *device, *dense, *moe;
} engines[] = {
    { "vllm", "h200_sxm", "Qwen/Qwen3-8B", "deepseek-ai/DeepSeek-V3" },
    { "vllm", "mi300x", "Qwen/Qwen3-8B", "Qwen/Qwen3-30B-A3B" },
    { "vllm", "ascend_910b", "Qwen/Qwen3-8B", "Qwen/Qwen3-30B-A3B" },
    { "sglang", "h200_sxm", "Qwen/Qwen3-8B", "deepseek-ai/DeepSeek-V3" },
    { "trtllm", "h200_sxm", "Qwen/Qwen3-8B", "deepseek-ai/DeepSeek-V3" },
};
enum { ENGINES = sizeof engines / sizeof *engines };

static void take_pools(hg_arena *arena, launched *l, const hg_deployment *prefill,
                       const hg_deployment *decode)
{
    launched_set(arena, l, decode);
    hg_plan_launch_prefill(arena, &l->plan, prefill, &l->launch);
}

/* ---- every field of both changes the text, is refused, or is listed as ignored ---- */

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
                ROW(recv_interval) ROW(draft_tokens) ROW(accepted_tokens) ROW(batch_wait_steps)
                    ROW(batch_wait_frac)
};

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
        hg_buf_printf(&b, "%s\n%s", files[i].name, files[i].text);
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

static void one_field(hg_arena arena, launched l, const hg_deployment *base, const char *plain,
                      size_t f, bool of_prefill)
{
    hg_deployment prefill = *base, decode = *base;
    fields[f].set(of_prefill ? &prefill : &decode);
    take_pools(&arena, &l, &prefill, &decode);
    const char *why = hg_emit_refuses(&arena, l.emitter, &l.launch);
    bool changed = why || strcmp(text_of(&arena, &l), plain) != 0;
    CHECKF(changed != is_ignored(l.emitter, fields[f].name, l.problem.rates.device.vendor),
           "%s, %s: %s of the %s pool is %s", l.knobs.engine, l.problem.model.name, fields[f].name,
           of_prefill ? "prefill" : "decode",
           changed ? "listed as ignored but changes the text" : "silently ignored");
}

static void every_field(hg_arena arena)
{
    for (int e = 0; e < ENGINES; e++)
        for (int moe = 0; moe < 2; moe++) {
            launched l;
            if (!launched_open(&arena, engines[e].engine, NULL,
                               moe ? engines[e].moe : engines[e].dense, engines[e].device, &l))
                return;
            hg_deployment base = l.point.deployment;
            take_pools(&arena, &l, &base, &base);
            const char *why = hg_emit_refuses(&arena, l.emitter, &l.launch);
            CHECKF(!why, "%s on %s: %s", engines[e].engine, engines[e].device, why);
            const char *plain = text_of(&arena, &l);
            for (size_t f = 0; f < sizeof fields / sizeof *fields; f++)
                for (int of_prefill = 0; of_prefill < 2; of_prefill++)
                    one_field(arena, l, &base, plain, f, of_prefill);
        }
}

static void refused(hg_arena arena)
{
    static const struct {
        const char *engine, *device, *kind, *says;
        int64_t prefill_pp, replicas;
    } rows[] = {
        { "mindie", "ascend_910b", NULL, "no pools", 1, 1 },
        { "llamacpp", "h200_sxm", NULL, "no pools", 1, 1 },
        { "vllm", "h200_sxm", NULL, "--pp", 2, 1 },
        { "vllm", "ascend_910b", NULL, "kv_port", 1, 2 },
        { "vllm", "h200_sxm", "deployment", "--k8s dynamo", 1, 1 },
        { "sglang", "h200_sxm", "lws", "--k8s dynamo", 1, 1 },
        { "trtllm", "h200_sxm", "dynamo", "vllm and sglang", 1, 1 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        launched l;
        if (!launched_open(&arena, rows[i].engine, NULL, "Qwen/Qwen3-8B", rows[i].device, &l))
            return;
        hg_deployment prefill = l.point.deployment, decode = prefill;
        prefill.pp = rows[i].prefill_pp;
        decode.replicas = rows[i].replicas;
        l.plan.k8s = rows[i].kind;
        take_pools(&arena, &l, &prefill, &decode);
        const char *why = hg_emit_refuses(&arena, l.emitter, &l.launch);
        CHECKF(why && strstr(why, rows[i].says), "%s: %s", rows[i].engine, why ? why : "written");
    }
}

/* ---- what is written is read back ---- */

static void write_files(hg_arena *arena, const launched *l, const char *folder)
{
    hg_file files[HG_FILES];
    hg_err err;
    size_t n = hg_emit_files(arena, l->emitter, &l->launch, files);
    CHECK(n <= HG_FILES);
    for (size_t i = 0; i < n; i++) {
        const char *path = hg_textf(arena, "%s/%s", folder, files[i].name);
        CHECK(hg_folder_make(hg_strndup(arena, path, strlen(path) - strlen(hg_basename(path)) - 1),
                             &err));
        CHECK(hg_file_write(path, files[i].text, strlen(files[i].text), true, &err));
    }
}

static void remove_files(hg_arena *arena, const char *folder)
{
    static const char *const names[] = { "prefill", "decode", "" };
    for (int i = 0; i < 3; i++) {
        size_t n;
        const char *in = hg_textf(arena, "%s/%s", folder, names[i]);
        char **list = hg_folder_list(arena, in, &n);
        for (size_t k = 0; k < n; k++)
            remove(hg_textf(arena, "%s/%s", in, list[k]));
        rmdir(in);
    }
}

static void same(const char *what, const hg_deployment *a, const hg_launch_text *t,
                 const hg_deployment *fresh, hg_arena arena)
{
    hg_said_words w;
    hg_deployment b = *fresh;
    b.replicas = 1;
    b.tp = b.dp = b.ep = 1;
    hg_launch_words(&arena, t, &w);
    hg_said_apply(&w, &b);
    for (size_t i = 0; i < t->settings.count; i++)
        CHECKF(t->settings.list[i].knob, "%s: %s is unknown", what, t->settings.list[i].name);
#define SAME(field)                                                                                \
    CHECKF(a->field == b.field, "%s: " #field " is %lld, was %lld", what, (long long)b.field,      \
           (long long)a->field)
    SAME(tp);
    SAME(dp);
    SAME(ep);
    SAME(replicas);
    SAME(max_num_seqs);
    SAME(max_num_batched_tokens);
    SAME(max_model_len);
    SAME(block_tokens);
#undef SAME
}

static void lints(hg_arena arena, const launched *l, const hg_launch_text *t, const char *what)
{
    hg_lint x = { .arena = &arena,
                  .launch = t,
                  .engine = &l->problem.engine,
                  .model = &l->problem.model,
                  .device = &l->problem.rates.device,
                  .d = l->point.deployment };
    x.d.replicas = x.d.tp = x.d.dp = x.d.ep = 1;
    hg_launch_words(&arena, t, &x.said);
    hg_said_apply(&x.said, &x.d);
    hg_lint_run(&x);
    for (size_t i = 0; i < x.count; i++)
        CHECKF(x.found[i].level < HG_LINT_ERROR, "%s: %s: %s", what, x.found[i].rule->id,
               x.found[i].message);
}

/* One launch of a pool's script, both of a manifest: prefill first. */
static void read_back(hg_arena arena, const launched *l, const char *folder, const char *name,
                      const hg_deployment *const want[], size_t count)
{
    hg_launch_texts texts = { 0 };
    hg_err err = { 0 };
    size_t size;
    const char *path = hg_textf(&arena, "%s/%s", folder, name),
               *text = hg_file_read(&arena, path, 1 << 20, &size, &err);
    bool ok = text && hg_launch_read(&arena, &data, path, text, size, NULL, NULL, &texts, &err);
    CHECKF(ok && texts.count == count, "%s %s: %zu launches: %s %s", l->knobs.engine, name,
           texts.count, err.where, err.msg);
    for (size_t i = 0; ok && i < count && i < texts.count; i++) {
        const char *what =
            hg_textf(&arena, "%s %s %s", l->knobs.engine, l->problem.model.name, name);
        CHECK_STR(texts.list[i].knobs->engine, l->knobs.engine);
        same(what, want[i], &texts.list[i], &l->point.deployment, arena);
        lints(arena, l, &texts.list[i], what);
    }
}

static void manifests(hg_arena arena, launched *l, const hg_deployment *prefill,
                      const hg_deployment *decode, const char *folder)
{
    static const char *const kinds[][2] = { { "dynamo", "k8s.yaml" }, { "llm-d", "values.yaml" } };
    const hg_deployment *both[] = { prefill, decode };
    for (int i = 0; i < 2; i++) {
        l->plan.k8s = kinds[i][0];
        take_pools(&arena, l, prefill, decode);
        if (hg_emit_refuses(&arena, l->emitter, &l->launch))
            continue;
        write_files(&arena, l, folder);
        read_back(arena, l, folder, kinds[i][1], both, 2);
    }
    l->plan.k8s = NULL;
    take_pools(&arena, l, prefill, decode);
}

static size_t urls_of(struct fy_document *doc, const char *path, int *instances)
{
    char line[96];
    struct fy_node *root = fy_document_root(doc);
    snprintf(line, sizeof line, "/%s/urls", path);
    size_t n = (size_t)fy_node_sequence_item_count(fy_node_by_path(root, line, FY_NT, 0));
    snprintf(line, sizeof line, "/%s/num_instances %%d", path);
    CHECK(fy_document_scanf(doc, line, instances) == 1);
    return n;
}

/* TensorRT-LLM's front end names every server once. */
static void front_end(hg_arena arena, const launched *l, const hg_deployment *prefill,
                      const hg_deployment *decode)
{
    const char *name = NULL, *text = hg_router_file(&arena, l->emitter, &l->launch, &name);
    int contexts, generations;
    if (!l->emitter->router_file)
        return;
    CHECK_STR(name, "disagg.yaml");
    struct fy_document *doc = fy_document_build_from_string(NULL, text, FY_NT);
    CHECKF(doc, "no YAML: %s", text);
    CHECK(urls_of(doc, "context_servers", &contexts) == (size_t)prefill->replicas);
    CHECK(urls_of(doc, "generation_servers", &generations) == (size_t)decode->replicas);
    CHECK(contexts == prefill->replicas && generations == decode->replicas);
    fy_document_destroy(doc);
}

static void round_trips(hg_arena arena)
{
    static const struct {
        int64_t prefill[4], decode[4]; /* replicas, tp, dp, ep */
        bool moe;
    } shapes[] = {
        { { 2, 1, 1, 1 }, { 1, 2, 1, 1 }, false },
        { { 1, 4, 1, 1 }, { 2, 2, 1, 1 }, false },
        { { 1, 8, 1, 1 }, { 1, 1, 8, 8 }, true },
        { { 3, 2, 1, 1 }, { 1, 2, 1, 1 }, false },
    };
    char folder[] = "/tmp/heng-test-XXXXXX";
    int read = 0;
    if (!mkdtemp(folder)) {
        test_skip("no folder in /tmp");
        return;
    }
    for (int e = 0; e < ENGINES; e++)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            hg_arena scratch = arena;
            launched l;
            if (!launched_open(&scratch, engines[e].engine, NULL,
                               shapes[i].moe ? engines[e].moe : engines[e].dense, engines[e].device,
                               &l))
                return;
            hg_deployment prefill = l.point.deployment, decode = prefill;
            hg_deployment *sides[] = { &prefill, &decode };
            for (int s = 0; s < 2; s++) {
                const int64_t *v = s ? shapes[i].decode : shapes[i].prefill;
                sides[s]->replicas = v[0];
                sides[s]->tp = v[1];
                sides[s]->dp = v[2];
                sides[s]->ep = v[3];
            }
            prefill.max_num_seqs = 16;
            prefill.max_num_batched_tokens = 16384;
            take_pools(&scratch, &l, &prefill, &decode);
            if (hg_emit_refuses(&scratch, l.emitter, &l.launch))
                continue;
            const hg_deployment *p[] = { &prefill }, *d[] = { &decode };
            write_files(&scratch, &l, folder);
            read_back(scratch, &l, folder, "prefill/run.sh", p, 1);
            read_back(scratch, &l, folder, "decode/run.sh", d, 1);
            read_back(scratch, &l, folder, "prefill/docker.sh", p, 1);
            read_back(scratch, &l, folder, "decode/docker.sh", d, 1);
            front_end(scratch, &l, &prefill, &decode);
            manifests(scratch, &l, &prefill, &decode, folder);
            remove_files(&scratch, folder);
            read++;
        }
    CHECKF(read >= 16, "%d launches were read", read);
    rmdir(folder);
}

/* What a line starts: on which node, on which devices (a bit each), at which ports. */
typedef struct place {
    long node, port, own_port;
    unsigned long devices;
} place;

static long after(const char *line, const char *what, long otherwise)
{
    const char *at = strstr(line, what);
    return at ? strtol(at + strlen(what), NULL, 10) : otherwise;
}

static place place_of(const char *line)
{
    place p = { after(line, "# node ", 0), after(line, " --port ", -1),
                after(line, "SIDE_CHANNEL_PORT=", -1), 0 };
    const char *at = strstr(line, "DEVICES=");
    char *end;
    for (at = at ? at + strlen("DEVICES=") : NULL; at; at = *end == ',' ? end + 1 : NULL)
        p.devices |= 1UL << strtoul(at, &end, 10);
    if (!p.devices)
        p.devices = 0xFF;
    return p;
}

/* Servers of a node share neither devices nor ports, whatever pool they are of. */
static void nothing_is_shared(hg_arena arena)
{
    static const struct {
        int64_t prefill, prefill_tp, decode, decode_tp;
    } shapes[] = { { 2, 1, 2, 2 }, { 6, 1, 5, 2 }, { 1, 8, 3, 2 }, { 3, 4, 4, 1 } };
    for (size_t i = 0; i < ENGINES * sizeof shapes / sizeof *shapes; i++) {
        hg_arena scratch = arena;
        launched l;
        size_t n, e = i % ENGINES, s = i / ENGINES;
        if (strcmp(engines[e].device, "ascend_910b") == 0 ||
            !launched_open(&scratch, engines[e].engine, NULL, "Qwen/Qwen3-8B", engines[e].device,
                           &l))
            continue;
        hg_deployment prefill = l.point.deployment, decode = prefill;
        prefill.replicas = shapes[s].prefill;
        prefill.tp = shapes[s].prefill_tp;
        decode.replicas = shapes[s].decode;
        decode.tp = shapes[s].decode_tp;
        take_pools(&scratch, &l, &prefill, &decode);
        const char **lines = hg_emit_command(&scratch, l.emitter, &l.launch, &n);
        CHECKF(n == (size_t)(prefill.replicas + decode.replicas + 1), "%s: %zu lines",
               engines[e].engine, n);
        for (size_t k = 0; k + 1 < n; k++)
            for (size_t j = 0; j < k; j++) {
                place a = place_of(lines[k]), b = place_of(lines[j]);
                CHECKF(a.node != b.node || ((a.devices & b.devices) == 0 && a.port != b.port &&
                                            (a.own_port != b.own_port || a.own_port < 0)),
                       "%s and %s", lines[k], lines[j]);
            }
    }
}

static void check_stands(const hg_layout *p, int64_t used[64])
{
    int64_t stood = 0;
    for (int64_t node = 0; node < p->nodes; node++) {
        const hg_stand *s = hg_layout_at(p, node);
        stood += s ? s->engines : 0;
        for (int64_t d = 0; s && d < s->engines * p->engine; d++) {
            int64_t device = s->first_device + d;
            CHECK(device < p->node && !(used[node] >> device & 1));
            used[node] |= 1 << device;
        }
    }
    CHECKF(stood == p->replicas, "%lld engines of %lld stand", (long long)stood,
           (long long)p->replicas);
}

/* Both pools on nodes of eight: every engine once, no device twice; where the smaller engine
 * divides the larger and that the node, on as few nodes as hold the devices. */
static void nodes_are_packed(void)
{
    hg_device device = { .node_devices = 8 };
    for (int64_t a = 1; a <= 8; a++)
        for (int64_t b = 1; b <= 8; b++)
            for (int64_t x = 1; x <= 9; x++)
                for (int64_t y = 1; y <= 9; y++) {
                    hg_deployment p = { .tp = a, .pp = 1, .dp = 1, .replicas = x },
                                  d = { .tp = b, .pp = 1, .dp = 1, .replicas = y };
                    hg_layout lp, ld;
                    int64_t used[64] = { 0 }, most = a > b ? a : b, least = a > b ? b : a;
                    hg_layout_pools(&p, &d, &device, &lp, &ld);
                    check_stands(&lp, used);
                    check_stands(&ld, used);
                    CHECK(lp.nodes == ld.nodes);
                    if (8 % most == 0 && most % least == 0)
                        CHECKF(lp.nodes == (a * x + b * y + 7) / 8,
                               "%lldxtp%lld and %lldxtp%lld on %lld nodes", (long long)x,
                               (long long)a, (long long)y, (long long)b, (long long)lp.nodes);
                }
    hg_deployment wide = { .tp = 16, .pp = 1, .dp = 1, .replicas = 2 },
                  small = { .tp = 1, .pp = 1, .dp = 1, .replicas = 3 };
    hg_layout lw, ls;
    hg_layout_pools(&small, &wide, &device, &ls, &lw);
    CHECK(lw.nodes == 5 && lw.stands[0].node == 0 && lw.stands[0].nodes == 4 &&
          ls.stands[0].node == 4 && ls.stands[0].engines == 3);
    CHECK(hg_layout_rank(&lw, 2) == 0 && hg_layout_rank(&lw, 3) == 1);
}

void test_pools(void)
{
    hg_arena arena;
    if (!hg_arena_open(&arena, 0)) {
        test_skip("no address space");
        return;
    }
    every_field(arena);
    refused(arena);
    round_trips(arena);
    nothing_is_shared(arena);
    nodes_are_packed();
    hg_arena_close(&arena);
}

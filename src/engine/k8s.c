/* Kubernetes objects: a plain Deployment, a LeaderWorkerSet over nodes, Dynamo's graph, llm-d's
 * Helm values.  One engine a pod (or group of pods); replicas are Kubernetes' to hold. */
#include "engine/emit.h"

#include <ctype.h>
#include <inttypes.h>

const char *const hg_k8s_kinds[] = { "deployment", "lws", "dynamo", "llm-d", NULL };

typedef struct page {
    hg_buf b;
    hg_arena *arena;
    const hg_emitter *e;
    const hg_launch *l;
    hg_layout p;
    hg_settings s;    /* of one engine */
    const char *name; /* of the objects */
} page;

/* What Kubernetes takes for a name: "qwen3-32b-vllm". */
static const char *object_name(hg_arena *arena, const hg_launch *l)
{
    hg_buf b = { .arena = arena };
    for (const char *p = hg_basename(l->model_word); *p && b.n < 40; p++)
        hg_buf_printf(&b, "%c", isalnum((unsigned char)*p) ? tolower((unsigned char)*p) : '-');
    hg_buf_printf(&b, "-%s", l->engine->name);
    return b.s;
}

static void indent(hg_buf *b, int columns, const char *text)
{
    for (const char *line = text; *line;) {
        size_t n = strcspn(line, "\n");
        hg_buf_printf(b, "%*s%.*s\n", n ? columns : 0, "", (int)n, line);
        line += n + (line[n] == '\n');
    }
}

/* The engine's arguments as items of a YAML list. */
static void item(page *k, int columns, const char *text)
{
    hg_buf_printf(&k->b, "%*s- %s\n", columns, "", hg_yaml_text(k->arena, text));
}

static void words(page *k, int columns, const char *text)
{
    for (; *text; text += strspn(text, " ")) {
        size_t n = strcspn(text, " ");
        item(k, columns, hg_strndup(k->arena, text, n));
        text += n;
    }
}

static const char *model_path(const page *k)
{
    return k->l->checkpoint ? k->l->checkpoint : "$(MODEL)";
}

static void flags(page *k, int columns)
{
    for (size_t i = 0; i < k->s.count; i++) {
        hg_settings one = {
            .arena = k->arena, .knobs = k->s.knobs, .list = &k->s.list[i], .count = 1
        };
        const hg_setting *t = one.list;
        hg_buf flag = { .arena = k->arena };
        if (t->knob->type == HG_KNOB_SWITCH || t->knob->type == HG_KNOB_INTS) {
            hg_settings_flags(&one, k->e->no_form, &flag);
            if (flag.n)
                words(k, columns, flag.s + 1);
        } else if (t->knob->flag) {
            item(k, columns, t->knob->flag);
            item(k, columns, t->value);
        }
    }
}

static void program(page *k, int columns)
{
    words(k, columns, k->l->knobs->program);
    if (k->e->model_flag && *k->e->model_flag)
        words(k, columns, k->e->model_flag + 1);
    if (k->e->model_flag)
        item(k, columns, model_path(k));
    if (k->e->listens)
        words(k, columns, hg_textf(k->arena, "--host 0.0.0.0 --port %" PRId64, k->l->knobs->port));
    flags(k, columns);
    if (k->e->config_needed && k->e->config_flag) {
        words(k, columns, k->e->config_flag + 1);
        item(k, columns, hg_textf(k->arena, "/etc/heng/%s", hg_basename(k->e->config_name)));
    }
}

/* An engine that reads its own folder's file gets it put there. */
static const char *put_config(const page *k)
{
    return hg_textf(k->arena,
                    "cd \"${MIES_INSTALL_PATH:-/usr/local/Ascend/mindie/latest/mindie-service}\" "
                    "&& cp /etc/heng/%s %s && "
                    "chmod 640 %s && exec ./bin/%s",
                    hg_basename(k->e->config_name), k->e->config_name, k->e->config_name,
                    k->l->knobs->program);
}

static void command(page *k, int columns)
{
    bool placed = k->e->config_needed && !k->e->config_flag;
    hg_buf_printf(&k->b, "%*scommand:\n", columns, "");
    if (!placed) {
        program(k, columns + 2);
        return;
    }
    item(k, columns + 2, "/bin/sh");
    item(k, columns + 2, "-c");
    item(k, columns + 2, put_config(k));
}

static void environment(page *k, int columns)
{
    bool model = !k->l->checkpoint && k->e->model_flag, placed = !k->e->listens;
    if (k->s.env_count || model || placed)
        hg_buf_printf(&k->b, "%*senv:\n", columns, "");
    for (size_t i = 0; i < k->s.env_count; i++)
        hg_buf_printf(&k->b, "%*s- {name: %s, value: %s}\n", columns, "", k->s.env[i][0],
                      hg_yaml_text(k->arena, k->s.env[i][1]));
    if (placed)
        hg_buf_printf(
            &k->b,
            "%*s- {name: MIES_CONTAINER_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}\n",
            columns, "");
    if (model)
        hg_buf_printf(&k->b, "%*s- {name: MODEL, value: \"\"}  # %s\n", columns, "", k->l->wanted);
}

static const char *image(const page *k)
{
    const char *known = hg_knob_image(k->l->knobs, k->l->device->vendor);
    return known ? known : "IMAGE";
}

static void limits(page *k, int columns, int64_t devices)
{
    hg_buf_printf(&k->b, "%*sresources: {limits: {%s: \"%" PRId64 "\"}}\n", columns, "",
                  hg_accelerator_of(k->l->device->vendor)->resource, devices);
}

static int64_t pod_devices(const page *k)
{
    return k->p.spans > 1 ? k->p.node : k->p.engine;
}

/* ---- Deployment and LeaderWorkerSet ---- */

static void config_map(page *k)
{
    if (!k->e->config_needed)
        return;
    hg_buf_printf(&k->b, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata:\n  %s: |\n",
                  k->name, hg_basename(k->e->config_name));
    indent(&k->b, 4, k->e->config(k->arena, k->l, &k->s));
    hg_buf_puts(&k->b, "---\n");
}

static void container(page *k, int columns, bool leads)
{
    hg_buf *b = &k->b;
    hg_buf_printf(b, "%*scontainers:\n%*s- name: %s\n%*simage: %s\n", columns, "", columns, "",
                  k->l->engine->name, columns + 2, "", image(k));
    command(k, columns + 2);
    if (k->p.spans > 1) {
        hg_buf joined = { .arena = k->arena };
        k->e->join(&joined, k->p.spans, "$(LWS_WORKER_INDEX)", "$(LWS_LEADER_ADDRESS)", leads);
        words(k, columns + 4, joined.s + 1);
    }
    environment(k, columns + 2);
    limits(k, columns + 2, pod_devices(k));
    if (leads)
        hg_buf_printf(b, "%*sports: [{containerPort: %" PRId64 "}]\n", columns + 2, "",
                      k->l->knobs->port);
    if (leads && k->e->listens)
        hg_buf_printf(b,
                      "%*sreadinessProbe: {httpGet: {path: /health, port: %" PRId64
                      "}, periodSeconds: 10, failureThreshold: 360}\n",
                      columns + 2, "", k->l->knobs->port);
    hg_buf_printf(b, "%*svolumeMounts:\n%*s- {name: shm, mountPath: /dev/shm}\n", columns + 2, "",
                  columns + 2, "");
    if (k->e->config_needed)
        hg_buf_printf(b, "%*s- {name: config, mountPath: /etc/heng}\n", columns + 2, "");
    hg_buf_printf(b, "%*svolumes:\n%*s- {name: shm, emptyDir: {medium: Memory}}\n", columns, "",
                  columns, "");
    if (k->e->config_needed)
        hg_buf_printf(b, "%*s- {name: config, configMap: {name: %s}}\n", columns, "", k->name);
}

static void service(page *k, const char *selector)
{
    hg_buf_printf(&k->b,
                  "---\napiVersion: v1\nkind: Service\nmetadata: {name: %s}\nspec:\n  selector: "
                  "%s\n  ports: [{port: %" PRId64 "}]\n",
                  k->name, selector, k->l->knobs->port);
}

static const char *no_pools(const page *k)
{
    return k->l->prefill ? hg_textf(k->arena, "a %s has no pools: --k8s dynamo or llm-d", k->l->k8s)
                         : NULL;
}

static const char *deployment(page *k)
{
    if (no_pools(k))
        return no_pools(k);
    if (k->p.spans > 1)
        return hg_textf(k->arena,
                        "a pod holds one node: an engine of %" PRId64 " devices needs --k8s lws",
                        k->p.engine);
    config_map(k);
    hg_buf_printf(
        &k->b,
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: %s}\nspec:\n  replicas: %" PRId64
        "\n  selector: {matchLabels: {app: %s}}\n  template:\n    metadata: {labels: {app: %s}}\n  "
        "  spec:\n",
        k->name, k->l->deployment->replicas, k->name, k->name);
    container(k, 6, true);
    service(k, hg_textf(k->arena, "{app: %s}", k->name));
    return NULL;
}

static const char *lws(page *k)
{
    if (no_pools(k))
        return no_pools(k);
    if (k->p.spans > 1 && !k->e->join)
        return hg_textf(k->arena, "%s engines do not join over nodes by flags",
                        k->l->engine->title);
    config_map(k);
    hg_buf_printf(&k->b,
                  "apiVersion: leaderworkerset.x-k8s.io/v1\nkind: LeaderWorkerSet\nmetadata: "
                  "{name: %s}\nspec:\n  replicas: %" PRId64
                  "\n  leaderWorkerTemplate:\n    size: %" PRId64
                  "\n    restartPolicy: RecreateGroupOnPodRestart\n    leaderTemplate:\n"
                  "      metadata: {labels: {app: %s, role: leader}}\n      spec:\n",
                  k->name, k->l->deployment->replicas, k->p.spans, k->name);
    container(k, 8, true);
    hg_buf_puts(&k->b, "    workerTemplate:\n      spec:\n");
    container(k, 8, false);
    service(k, hg_textf(k->arena, "{app: %s, role: leader}", k->name));
    return NULL;
}

/* ---- Dynamo ---- */

/* Dynamo's workers take the engine's own flags behind a module of their own. */
static const struct {
    const char *engine, *module, *model_flag, *image;
} dynamo_rows[] = {
    { "vllm", "dynamo.vllm", "--model", "nvcr.io/nvidia/ai-dynamo/vllm-runtime:1.3.0" },
    { "sglang", "dynamo.sglang", "--model-path", "nvcr.io/nvidia/ai-dynamo/sglang-runtime:1.3.0" },
};

static void take_side(page *side, const hg_launch *l, const hg_buf *so_far)
{
    side->b = *so_far;
    side->l = l;
    side->p = hg_layout_of(l->deployment, l->device, false);
    side->s = hg_emit_settings(side->arena, side->e, l, 1);
}

/* Dynamo's worker of vLLM is told its pool by a flag of its own; SGLang's by SGLang's. */
static void worker(page *k, const char *name, const char *type, size_t row)
{
    hg_buf *b = &k->b;
    hg_buf_printf(b, "    - name: %s\n      type: %s\n      replicas: %" PRId64 "\n", name, type,
                  k->l->deployment->replicas);
    if (k->p.spans > 1)
        hg_buf_printf(b, "      multinode: {nodeCount: %" PRId64 "}\n", k->p.spans);
    hg_buf_printf(b,
                  "      podTemplate:\n        spec:\n          containers:\n            - name: "
                  "main\n              image: %s\n"
                  "              command: [python3, -m, %s]\n              args:\n",
                  dynamo_rows[row].image, dynamo_rows[row].module);
    item(k, 16, dynamo_rows[row].model_flag);
    item(k, 16, model_path(k));
    if (k->l->role && strcmp(k->l->engine->name, "vllm") == 0)
        words(k, 16, hg_textf(k->arena, "--disaggregation-mode %s", type));
    flags(k, 16);
    environment(k, 14);
    limits(k, 14, pod_devices(k));
}

static const char *dynamo(page *k)
{
    size_t row = 0, rows = sizeof dynamo_rows / sizeof *dynamo_rows;
    while (row < rows && strcmp(dynamo_rows[row].engine, k->l->engine->name) != 0)
        row++;
    if (row == rows)
        return hg_textf(k->arena, "heng writes Dynamo graphs of vllm and sglang, not of %s",
                        k->l->engine->name);
    if (strcmp(k->l->device->vendor, "nvidia") != 0)
        return hg_textf(k->arena, "Dynamo's images are of NVIDIA's devices, not of %s",
                        k->l->device->name);
    hg_buf *b = &k->b;
    hg_buf_printf(b,
                  "apiVersion: nvidia.com/v1beta1\nkind: DynamoGraphDeployment\nmetadata: {name: "
                  "%s}\nspec:\n  backendFramework: %s\n  components:\n"
                  "    - name: Frontend\n      type: frontend\n      replicas: 1\n      "
                  "podTemplate:\n        spec:\n          containers:\n"
                  "            - name: main\n              image: %s\n",
                  k->name, k->l->engine->name, dynamo_rows[row].image);
    hg_launch prefill, decode;
    page side = *k;
    if (!k->l->prefill) {
        worker(k, "Worker", "worker", row);
        return NULL;
    }
    prefill = hg_launch_side(k->l, HG_POOL_PREFILL);
    decode = hg_launch_side(k->l, HG_POOL_DECODE);
    take_side(&side, &prefill, &k->b);
    worker(&side, "PrefillWorker", "prefill", row);
    take_side(&side, &decode, &side.b);
    worker(&side, "DecodeWorker", "decode", row);
    k->b = side.b;
    return NULL;
}

/* ---- llm-d ---- */

static void leave_out(hg_settings *s, const char *word)
{
    size_t n = 0;
    for (size_t i = 0; i < s->count; i++)
        if (!s->list[i].knob->word || strcmp(s->list[i].knob->word, word) != 0)
            s->list[n++] = s->list[i];
    s->count = n;
}

static void llm_d_pool(page *k, const char *name)
{
    const hg_deployment *d = k->l->deployment;
    hg_buf_printf(&k->b,
                  "%s:\n  create: true\n  replicas: %" PRId64 "\n  parallelism: {tensor: %" PRId64
                  ", data: %" PRId64 ", dataLocal: %" PRId64 ", workers: %" PRId64
                  "}\n  containers:\n"
                  "    - name: vllm\n      image: %s\n      modelCommand: vllmServe\n"
                  "      args:\n",
                  name, d->replicas, d->tp, d->dp, d->dp > k->p.spans ? d->dp / k->p.spans : 1,
                  k->p.spans, image(k));
    leave_out(&k->s, "tp"); /* the chart says them by its parallelism */
    leave_out(&k->s, "dp");
    flags(k, 8);
    environment(k, 6);
    limits(k, 6, pod_devices(k));
    hg_buf_puts(&k->b, "      mountModelVolume: true\n");
}

static const char *llm_d(page *k)
{
    bool known =
        strcmp(k->l->device->vendor, "nvidia") == 0 || strcmp(k->l->device->vendor, "amd") == 0;
    if (strcmp(k->l->engine->name, "vllm") != 0)
        return hg_textf(k->arena, "llm-d serves with vLLM, not with %s", k->l->engine->title);
    hg_buf *b = &k->b;
    hg_buf_printf(
        b,
        "# helm install %s llm-d-modelservice/llm-d-modelservice -f values.yaml\nmodelArtifacts:\n "
        " name: %s\n  uri: %s\n  authSecretName: hf-token\n",
        k->name, hg_yaml_text(k->arena, model_path(k)),
        hg_yaml_text(k->arena, hg_textf(k->arena, "hf://%s", model_path(k))));
    if (known)
        hg_buf_printf(b, "accelerator: {type: %s}\n", k->l->device->vendor);
    hg_buf_printf(b, "routing: {servicePort: %" PRId64 "%s}\nmultinode: %s\n", k->l->knobs->port,
                  k->l->prefill ? ", proxy: {enabled: true, connector: nixlv2, targetPort: 8200}"
                                : "",
                  k->p.spans > 1 ? "true" : "false");
    if (!k->l->prefill) {
        hg_buf_puts(b, "prefill: {create: false}\n");
        llm_d_pool(k, "decode");
        return NULL;
    }
    hg_launch prefill = hg_launch_side(k->l, HG_POOL_PREFILL),
              decode = hg_launch_side(k->l, HG_POOL_DECODE);
    page side = *k;
    take_side(&side, &prefill, &k->b);
    if ((side.p.spans > 1) != (k->p.spans > 1))
        return "llm-d's chart says once whether engines span nodes: both pools must, or neither";
    llm_d_pool(&side, "prefill");
    take_side(&side, &decode, &side.b);
    llm_d_pool(&side, "decode");
    k->b = side.b;
    return NULL;
}

const char *hg_k8s_manifest(hg_arena *arena, const hg_emitter *e, const hg_launch *l,
                            const char **name, const char **why)
{
    static const char *(*const makers[])(page *) = { deployment, lws, dynamo, llm_d };
    page k = { .b = { .arena = arena },
               .arena = arena,
               .e = e,
               .l = l,
               .p = hg_layout_of(l->deployment, l->device, false),
               .s = hg_emit_settings(arena, e, l, 1),
               .name = object_name(arena, l) };
    int kind = 0;
    while (hg_k8s_kinds[kind] && strcmp(hg_k8s_kinds[kind], l->k8s) != 0)
        kind++;
    *name = kind == 3 ? "values.yaml" : "k8s.yaml";
    *why = hg_k8s_kinds[kind]
               ? NULL
               : "is no Kubernetes object heng writes: deployment, lws, dynamo, llm-d";
    if (*why)
        return NULL;
    hg_buf_printf(&k.b, "# %s\n", l->why);
    *why = makers[kind](&k);
    return *why ? NULL : k.b.s;
}

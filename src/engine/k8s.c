/* Kubernetes objects: a plain Deployment, a LeaderWorkerSet over nodes (Dynamo's graph and llm-d's
 * values: k8s_pools.c).  One engine a pod (or group of pods); replicas are Kubernetes' to hold. */
#include "engine/k8s.h"

#include <ctype.h>
#include <inttypes.h>

const char *const hg_k8s_kinds[] = { "deployment", "lws", "dynamo", "llm-d", NULL };

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
void hg_page_item(hg_page *k, int columns, const char *text)
{
    hg_buf_printf(&k->b, "%*s- %s\n", columns, "", hg_yaml_text(k->arena, text));
}

void hg_page_words(hg_page *k, int columns, const char *text)
{
    for (; *text; text += strspn(text, " ")) {
        size_t n = strcspn(text, " ");
        hg_page_item(k, columns, hg_strndup(k->arena, text, n));
        text += n;
    }
}

const char *hg_page_model(const hg_page *k)
{
    return k->l->checkpoint ? k->l->checkpoint : "$(MODEL)";
}

void hg_page_flags(hg_page *k, int columns)
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
                hg_page_words(k, columns, flag.s + 1);
        } else if (t->knob->flag) {
            hg_page_item(k, columns, t->knob->flag);
            hg_page_item(k, columns, t->value);
        }
    }
}

static void program(hg_page *k, int columns)
{
    hg_page_words(k, columns, k->l->knobs->program);
    if (k->e->model_flag && *k->e->model_flag)
        hg_page_words(k, columns, k->e->model_flag + 1);
    if (k->e->model_flag)
        hg_page_item(k, columns, hg_page_model(k));
    if (k->e->listens)
        hg_page_words(k, columns,
                      hg_textf(k->arena, "--host 0.0.0.0 --port %" PRId64, k->l->knobs->port));
    hg_page_flags(k, columns);
    if (k->e->config_needed && k->e->config_flag) {
        hg_page_words(k, columns, k->e->config_flag + 1);
        hg_page_item(k, columns,
                     hg_textf(k->arena, "/etc/heng/%s", hg_basename(k->e->config_name)));
    }
}

/* An engine that reads its own folder's file gets it put there. */
static const char *put_config(const hg_page *k)
{
    return hg_textf(k->arena,
                    "cd \"${MIES_INSTALL_PATH:-/usr/local/Ascend/mindie/latest/mindie-service}\" "
                    "&& cp /etc/heng/%s %s && "
                    "chmod 640 %s && exec ./bin/%s",
                    hg_basename(k->e->config_name), k->e->config_name, k->e->config_name,
                    k->l->knobs->program);
}

static void command(hg_page *k, int columns)
{
    bool placed = k->e->config_needed && !k->e->config_flag;
    hg_buf_printf(&k->b, "%*scommand:\n", columns, "");
    if (!placed) {
        program(k, columns + 2);
        return;
    }
    hg_page_item(k, columns + 2, "/bin/sh");
    hg_page_item(k, columns + 2, "-c");
    hg_page_item(k, columns + 2, put_config(k));
}

void hg_page_environment(hg_page *k, int columns)
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

const char *hg_page_image(const hg_page *k)
{
    const char *known = hg_knob_image(k->l->knobs, k->l->device->vendor);
    return known ? known : "IMAGE";
}

void hg_page_limits(hg_page *k, int columns, int64_t devices)
{
    hg_buf_printf(&k->b, "%*sresources: {limits: {%s: \"%" PRId64 "\"}}\n", columns, "",
                  hg_accelerator_of(k->l->device->vendor)->resource, devices);
}

int64_t hg_page_pod_devices(const hg_page *k)
{
    return k->p.spans > 1 ? k->p.node : k->p.engine;
}

/* ---- Deployment and LeaderWorkerSet ---- */

static void config_map(hg_page *k)
{
    if (!k->e->config_needed)
        return;
    hg_buf_printf(&k->b, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata:\n  %s: |\n",
                  k->name, hg_basename(k->e->config_name));
    indent(&k->b, 4, k->e->config(k->arena, k->l, &k->s));
    hg_buf_puts(&k->b, "---\n");
}

static void container(hg_page *k, int columns, bool leads)
{
    hg_buf *b = &k->b;
    hg_buf_printf(b, "%*scontainers:\n%*s- name: %s\n%*simage: %s\n", columns, "", columns, "",
                  k->l->engine->name, columns + 2, "", hg_page_image(k));
    command(k, columns + 2);
    if (k->p.spans > 1) {
        hg_buf joined = { .arena = k->arena };
        k->e->join(&joined, k->p.spans, "$(LWS_WORKER_INDEX)", "$(LWS_LEADER_ADDRESS)", leads);
        hg_page_words(k, columns + 4, joined.s + 1);
    }
    hg_page_environment(k, columns + 2);
    hg_page_limits(k, columns + 2, hg_page_pod_devices(k));
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

static void service(hg_page *k, const char *selector)
{
    hg_buf_printf(&k->b,
                  "---\napiVersion: v1\nkind: Service\nmetadata: {name: %s}\nspec:\n  selector: "
                  "%s\n  ports: [{port: %" PRId64 "}]\n",
                  k->name, selector, k->l->knobs->port);
}

static const char *no_pools(const hg_page *k)
{
    return k->l->prefill ? hg_textf(k->arena, "a %s has no pools: --k8s dynamo or llm-d", k->l->k8s)
                         : NULL;
}

static const char *deployment(hg_page *k)
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

static const char *lws(hg_page *k)
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

const char *hg_k8s_manifest(hg_arena *arena, const hg_emitter *e, const hg_launch *l,
                            const char **name, const char **why)
{
    static const char *(*const makers[])(hg_page *) = { deployment, lws, hg_k8s_dynamo,
                                                        hg_k8s_llm_d };
    hg_page k = { .b = { .arena = arena },
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

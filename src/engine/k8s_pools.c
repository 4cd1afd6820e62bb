/* Kubernetes objects that know pools: Dynamo's graph and llm-d's Helm values. */
#include "engine/k8s.h"

#include <inttypes.h>

/* ---- Dynamo ---- */

/* Dynamo's workers take the engine's own flags behind a module of their own. */
static const struct {
    const char *engine, *module, *model_flag, *image;
} dynamo_rows[] = {
    { "vllm", "dynamo.vllm", "--model", "nvcr.io/nvidia/ai-dynamo/vllm-runtime:1.3.0" },
    { "sglang", "dynamo.sglang", "--model-path", "nvcr.io/nvidia/ai-dynamo/sglang-runtime:1.3.0" },
};

static void take_side(hg_page *side, const hg_launch *l, const hg_buf *so_far)
{
    side->b = *so_far;
    side->l = l;
    side->p = hg_layout_of(l->deployment, l->device, false);
    side->s = hg_emit_settings(side->arena, side->e, l, 1);
}

/* Dynamo's worker of vLLM is told its pool by a flag of its own; SGLang's by SGLang's. */
static void worker(hg_page *k, const char *name, const char *type, size_t row)
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
    hg_page_item(k, 16, dynamo_rows[row].model_flag);
    hg_page_item(k, 16, hg_page_model(k));
    if (k->l->role && strcmp(k->l->engine->name, "vllm") == 0)
        hg_page_words(k, 16, hg_textf(k->arena, "--disaggregation-mode %s", type));
    hg_page_flags(k, 16);
    hg_page_environment(k, 14);
    hg_page_limits(k, 14, hg_page_pod_devices(k));
}

const char *hg_k8s_dynamo(hg_page *k)
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
    hg_page side = *k;
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

static void llm_d_pool(hg_page *k, const char *name)
{
    const hg_deployment *d = k->l->deployment;
    hg_buf_printf(&k->b,
                  "%s:\n  create: true\n  replicas: %" PRId64 "\n  parallelism: {tensor: %" PRId64
                  ", data: %" PRId64 ", dataLocal: %" PRId64 ", workers: %" PRId64
                  "}\n  containers:\n"
                  "    - name: vllm\n      image: %s\n      modelCommand: vllmServe\n"
                  "      args:\n",
                  name, d->replicas, d->tp, d->dp, d->dp > k->p.spans ? d->dp / k->p.spans : 1,
                  k->p.spans, hg_page_image(k));
    leave_out(&k->s, "tp"); /* the chart says them by its parallelism */
    leave_out(&k->s, "dp");
    hg_page_flags(k, 8);
    hg_page_environment(k, 6);
    hg_page_limits(k, 6, hg_page_pod_devices(k));
    hg_buf_puts(&k->b, "      mountModelVolume: true\n");
}

const char *hg_k8s_llm_d(hg_page *k)
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
        k->name, hg_yaml_text(k->arena, hg_page_model(k)),
        hg_yaml_text(k->arena, hg_textf(k->arena, "hf://%s", hg_page_model(k))));
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
    hg_page side = *k;
    take_side(&side, &prefill, &k->b);
    if ((side.p.spans > 1) != (k->p.spans > 1))
        return "llm-d's chart says once whether engines span nodes: both pools must, or neither";
    llm_d_pool(&side, "prefill");
    take_side(&side, &decode, &side.b);
    llm_d_pool(&side, "decode");
    k->b = side.b;
    return NULL;
}

#include "engine/emit.h"
#include "engine/fraction.h"

#include "base/num.h"

#include <inttypes.h>

#define MODEL_CONFIG "BackendConfig.ModelDeployConfig.ModelConfig."

/* One daemon holds up to ten instances of the model on its node. */
enum { MOST_INSTANCES = 10, PREFILL_BATCH = 50 };

static bool shares(const hg_launch *l)
{
    (void)l;
    return true;
}

static const char *devices(hg_arena *arena, const hg_deployment *d, int64_t here)
{
    int64_t each = d->tp * d->dp;
    hg_buf b = { .arena = arena };
    for (int64_t i = 0; i < here * each; i++)
        hg_buf_printf(&b, "%s%" PRId64, i == 0 ? "[[" : i % each ? "," : "],[", i);
    hg_buf_puts(&b, "]]");
    return b.s;
}

/* Plugins are one JSON inside a text, their types in a list with commas. */
static const char *plugins(hg_arena *arena, const hg_deployment *d)
{
    const char *names[] = { d->chunked_prefill ? "splitfuse" : NULL,
                            d->prefix_caching ? "prefix_cache" : NULL,
                            d->draft_tokens > 0 ? "mtp" : NULL };
    hg_buf b = { .arena = arena };
    for (int i = 0; i < 3; i++)
        if (names[i])
            hg_buf_printf(&b, "%s%s", b.n ? "," : "{\"plugin_type\":\"", names[i]);
    if (!b.n)
        return NULL;
    hg_buf_puts(&b, "\"");
    if (d->draft_tokens > 0)
        hg_buf_printf(&b, ",\"num_speculative_tokens\":%.0f", d->draft_tokens);
    hg_buf_puts(&b, "}");
    return b.s;
}

static const char *served(hg_arena *arena, const hg_launch *l)
{
    char *name = hg_strdup(arena, hg_basename(l->model_word));
    for (char *p = name; *p; p++)
        *p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
    return name;
}

/* It loads folders: an id's is looked for under /models. */
static const char *folder_of(hg_arena *arena, const hg_launch *l)
{
    bool path = l->checkpoint && strchr("/.", *l->checkpoint);
    return path ? l->checkpoint
                : hg_textf(arena, "/models/%s",
                           hg_basename(l->checkpoint ? l->checkpoint : l->model_word));
}

static void server(hg_settings *s)
{
    hg_put_key(s, "Version", "1.0.0");
    hg_put_key(s, "ServerConfig.ipAddress", "127.0.0.1");
    hg_put_key(s, "ServerConfig.managementIpAddress", "127.0.0.2");
    hg_put_key(s, "ServerConfig.port", "1025");
    hg_put_key(s, "ServerConfig.managementPort", "1026");
    hg_put_key(s, "ServerConfig.metricsPort", "1027");
    hg_put_key(s, "ServerConfig.allowAllZeroIpListening", "false");
    hg_put_key(s, "ServerConfig.maxLinkNum", "1000");
    hg_put_key(s, "ServerConfig.httpsEnabled", "false"); /* certificates are the user's to add */
    hg_put_key(s, "ServerConfig.interCommTLSEnabled", "false");
    hg_put_key(s, "ServerConfig.inferMode", "standard");
    hg_put_key(s, "ServerConfig.openAiSupport", "vllm");
    hg_put_key(s, "ServerConfig.tokenTimeout", "600");
    hg_put_key(s, "ServerConfig.e2eTimeout", "600");
}

static void model(const hg_launch *l, hg_settings *s)
{
    const hg_deployment *d = l->deployment;
    hg_put_int(s, "max_model_len", d->max_model_len);
    hg_put_int(s, "prompt_tokens", d->max_model_len);
    hg_put_key(s, MODEL_CONFIG "modelInstanceType", "Standard");
    hg_put_key(s, MODEL_CONFIG "modelName", served(s->arena, l));
    hg_put(s, "model", folder_of(s->arena, l));
    hg_put_int(s, "world", d->tp * d->dp);
    hg_put_key(s, MODEL_CONFIG "cpuMemSize", "5");
    hg_put_key(s, MODEL_CONFIG "npuMemSize", "-1");
    hg_put_key(s, MODEL_CONFIG "backendType", "atb");
    hg_put_key(s, MODEL_CONFIG "trustRemoteCode", "false");
    hg_put_int(s, "tp", d->tp);
    hg_put_int(s, "dp", d->dp);
    if (hg_model_has_experts(l->model)) {
        hg_put_int(s, "expert_tp", d->tp * d->dp / d->ep);
        hg_put_int(s, "ep", d->ep);
    }
    if (plugins(s->arena, d))
        hg_put(s, "plugins", plugins(s->arena, d));
}

static void schedule(const hg_deployment *d, hg_settings *s)
{
    hg_put(s, "chunked_prefill", d->chunked_prefill ? "Mix" : "Standard");
    hg_put_key(s, "BackendConfig.ScheduleConfig.templateName", "Standard_LLM");
    hg_put_int(s, "block_size", d->block_tokens);
    hg_put_int(s, "prompts_a_step", hg_min_i64(PREFILL_BATCH, d->max_num_seqs));
    /* A prompt must be able to pass whole, chunks or not. */
    hg_put_int(s, "max_num_batched_tokens",
               hg_max_i64(d->max_num_batched_tokens, d->max_model_len));
    if (d->chunked_prefill)
        hg_put_int(s, "chunk_tokens", d->max_num_batched_tokens);
    hg_put_key(s, "BackendConfig.ScheduleConfig.prefillPolicyType", "0");
    hg_put_key(s, "BackendConfig.ScheduleConfig.decodePolicyType", "0");
    hg_put_int(s, "max_num_seqs", d->max_num_seqs);
    hg_put_int(s, "output_tokens", d->max_model_len);
    hg_put_key(s, "BackendConfig.ScheduleConfig.maxPreemptCount", "0");
    hg_put_key(s, "BackendConfig.ScheduleConfig.supportSelectBatch", "false");
    hg_put_key(s, "BackendConfig.ScheduleConfig.maxQueueDelayMicroseconds", "5000");
}

static void settings(const hg_launch *l, int64_t here, hg_settings *s)
{
    hg_put(s, "gpu_memory_utilization",
           hg_textf(s->arena, "%.4g", hg_fraction_told(l->knobs->fraction_of, l->memory)));
    hg_put_env(s, "PYTORCH_NPU_ALLOC_CONF", "expandable_segments:True");
    hg_put_env(s, "ATB_WORKSPACE_MEM_ALLOC_ALG_TYPE", "3");
    hg_put_env(s, "HCCL_OP_EXPANSION_MODE", "AIV");
    hg_put_env(s, "TASK_QUEUE_ENABLE", "2");
    server(s);
    hg_put_key(s, "BackendConfig.backendName", "mindieservice_llm_engine");
    hg_put_int(s, "replicas", here);
    hg_put(s, "devices", devices(s->arena, l->deployment, here));
    hg_put_key(s, "BackendConfig.tokenizerProcessNumber", "8");
    hg_put_key(s, "BackendConfig.multiNodesInferEnabled", "false");
    model(l, s);
    schedule(l->deployment, s);
}

static const char *config(hg_arena *arena, const hg_launch *l, const hg_settings *s)
{
    hg_buf b = { .arena = arena };
    (void)l;
    hg_settings_json(s, &b);
    return b.s;
}

/* The daemon reads its own folder's conf/config.json; what stood there is kept beside. */
static void prepare(hg_buf *b, const hg_launch *l)
{
    hg_buf_printf(
        b,
        "# MindIE %s.  MODEL: the checkpoint's folder, if not %s; it must be the model's owner's "
        "and not writable by others.\n# Listens on 127.0.0.1; set HOST to serve others, PORT for "
        "another port.\n"
        "home=${MIES_INSTALL_PATH:-/usr/local/Ascend/mindie/latest/mindie-service}\n"
        "[ -f \"$home/conf/config.json.before-heng\" ] || cp \"$home/conf/config.json\" "
        "\"$home/conf/config.json.before-heng\"\n"
        "every=false # of this machine's addresses\n[ \"${HOST:-}\" != 0.0.0.0 ] || every=true\n"
        "sed -e \"s|\\\"modelWeightPath\\\": .*|\\\"modelWeightPath\\\": \\\"${MODEL:-%s}\\\",|\" "
        "\\\n"
        "    -e \"s|\\\"ipAddress\\\": .*|\\\"ipAddress\\\": \\\"${HOST:-127.0.0.1}\\\",|\" \\\n"
        "    -e \"s|\\\"port\\\": .*|\\\"port\\\": ${PORT:-%" PRId64 "},|\" \\\n"
        "    -e \"s|\\\"allowAllZeroIpListening\\\": .*|\\\"allowAllZeroIpListening\\\": "
        "$every,|\" \\\n"
        "    \"$here/conf/config.json\" >\"$home/conf/config.json\"\n"
        "chmod 640 \"$home/conf/config.json\"\ncd \"$home\"\nPATH=\"$home/bin:$PATH\"\n",
        l->knobs->version, folder_of(b->arena, l), folder_of(b->arena, l), l->knobs->port);
}

static const char *refuses(hg_arena *arena, const hg_launch *l)
{
    const hg_deployment *d = l->deployment;
    hg_layout p = hg_layout_of(d, l->device, true);
    if (!hg_launch_is_ascend(l))
        return hg_textf(arena, "MindIE runs on Ascend devices, not on %s", l->device->name);
    if (d->pp > 1)
        return "MindIE has no pipeline stages: --pp 1";
    if (!d->kv_is_auto)
        return "MindIE's KV cache is in the precision its checkpoint says: --kv-dtype auto";
    if (p.per_node > MOST_INSTANCES && d->replicas > MOST_INSTANCES)
        return hg_textf(arena, "a daemon holds at most %d instances", MOST_INSTANCES);
    if (p.nodes > 1 && d->replicas % p.nodes != 0)
        return hg_textf(arena,
                        "%" PRId64 " replicas are not spread evenly over %" PRId64
                        " nodes, which share one config.json",
                        d->replicas, p.nodes);
    return l->quantize_fp8 ? "Ascend devices have no fp8 arithmetic" : NULL;
}

static const char *const ignores[] = {
    "accepted_tokens: what drafts are worth, not a setting",
    "graph_tokens: MindIE's ATB graphs have no sizes",
    "prompt_graph_tokens: MindIE's ATB graphs have no sizes",
    "recv_interval: SGLang's",
    "batch_wait_steps: TensorRT-LLM's",
    "batch_wait_frac: TensorRT-LLM's",
    NULL,
};

const hg_emitter hg_emit_mindie = {
    .name = "mindie",
    .config_name = "conf/config.json",
    .model_in_config = true,
    .config_needed = true,
    .shares = shares,
    .settings = settings,
    .config = config,
    .refuses = refuses,
    .prepare = prepare,
    .served = served,
    .ignores = ignores,
};

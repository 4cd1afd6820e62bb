#include "engine/emit.h"
#include "engine/fraction.h"

#include "base/json.h"
#include "base/num.h"

#include <inttypes.h>
#include <math.h>

/* Replicas of a dense model are vLLM's data-parallel ranks: independent engines behind one
 * endpoint.  A MoE model's ranks would share experts, so its replicas are servers of their own. */
static bool shares(const hg_launch *l)
{
    return !l->role && !hg_model_has_experts(l->model) && l->deployment->dp == 1;
}

/* ---- Ascend: vllm-ascend takes the same flags, and needs more ---- */

/* Only captured sizes run as a graph there, and the largest batch must be one of them: doublings of
 * a sequence's tokens up to max_num_seqs (vllm-ascend's cap is 512 tokens). */
static const char *ascend_graphs(hg_arena *arena, const hg_deployment *d)
{
    int64_t each = 1 + llround(d->draft_tokens),
            most = d->graph_tokens ? d->graph_tokens : hg_min_i64(d->max_num_seqs * each, 512);
    hg_buf b = { .arena = arena };
    hg_buf_puts(&b, "{\"cudagraph_mode\":\"FULL_DECODE_ONLY\",\"cudagraph_capture_sizes\":[");
    for (int64_t n = each; n < most; n *= 2)
        hg_buf_printf(&b, "%" PRId64 ",", n);
    hg_buf_printf(&b, "%" PRId64 "]}", most);
    return b.s;
}

/* HCCL's buffers: 1 GB a device on A3 (910C), half of it on A2, as vllm-ascend's guides set them.
 */
static void ascend(const hg_launch *l, hg_settings *s)
{
    const hg_deployment *d = l->deployment;
    bool pairs = strstr(l->device->name, "910c") != NULL;
    hg_put_env(s, "HCCL_OP_EXPANSION_MODE", "AIV");
    hg_put_env(s, "TASK_QUEUE_ENABLE", "1");
    hg_put_env(s, "PYTORCH_NPU_ALLOC_CONF", "expandable_segments:True");
    hg_put_env(s, "HCCL_BUFFSIZE", pairs ? "1024" : "512");
    hg_put_env(s, "OMP_NUM_THREADS", "1");
    hg_put_env(s, "OMP_PROC_BIND", "false");
    if (l->model->precision.mlp == HG_INT8 ||
        (!d->precision_is_checkpoints && d->precision == HG_INT8))
        hg_put(s, "quantization", "ascend");
    hg_put_key(s, "compilation-config", ascend_graphs(s->arena, d));
    hg_put_key(s, "additional-config",
               d->dp > 1 ? "{\"enable_cpu_binding\":true,\"enable_shared_expert_dp\":false,"
                           "\"scheduler_config\":{\"enable_balance_scheduling\":true}}"
                         : "{\"enable_cpu_binding\":true}");
}

static const char *drafts(hg_arena *arena, const hg_launch *l)
{
    const hg_deployment *d = l->deployment;
    const char *method = l->engine->drafts[d->draft];
    hg_buf b = { .arena = arena };
    hg_json j = { .out = &b };
    hg_json_open(&j, '{');
    hg_json_key_str(&j, "method", method ? method : hg_draft_table[d->draft].word);
    if (d->draft_name)
        hg_json_key_str(&j, "model", d->draft_name);
    hg_json_key_int(&j, "num_speculative_tokens", (int64_t)d->draft_tokens);
    hg_json_close(&j, '}');
    return b.s;
}

static void settings(const hg_launch *l, int64_t here, hg_settings *s)
{
    const hg_deployment *d = l->deployment;
    int64_t ranks = shares(l) ? here : d->dp;
    hg_put_int(s, "tp", d->tp);
    if (d->pp > 1)
        hg_put_int(s, "pp", d->pp);
    if (ranks > 1)
        hg_put_int(s, "dp", ranks);
    if (d->ep > 1)
        hg_put(s, "ep", "true");
    hg_put_int(s, "max_model_len", d->max_model_len);
    hg_put_int(s, "max_num_seqs", d->max_num_seqs);
    hg_put_int(s, "max_num_batched_tokens", d->max_num_batched_tokens);
    hg_put(s, "gpu_memory_utilization",
           hg_textf(s->arena, "%.4g", hg_fraction_told(l->knobs->fraction_of, l->memory)));
    hg_put_int(s, "block_size", d->block_tokens);
    if (!d->kv_is_auto)
        hg_put_said(s, "kv_dtype", hg_dtype_table[d->kv_dtype].name);
    if (l->quantize_fp8)
        hg_put(s, "quantization", "fp8");
    if (!d->chunked_prefill)
        hg_put(s, "chunked_prefill", "false");
    hg_put(s, "prefix_caching", d->prefix_caching ? "true" : "false");
    if (d->draft_tokens > 0)
        hg_put(s, "draft", drafts(s->arena, l));
    if (hg_launch_is_ascend(l)) {
        ascend(l, s);
        return;
    }
    if (d->graph_tokens > 0)
        hg_put_int(s, "graph_tokens", d->graph_tokens);
    if (d->prompt_graph_tokens < 0)
        hg_put_key(s, "compilation-config", "{\"cudagraph_mode\":\"FULL_DECODE_ONLY\"}");
}

/* ---- pools ---- */

/* NIXL's connector takes the roles as a label; vllm-ascend's needs both shapes and a port of its
 * own. */
static void pool(const hg_launch *l, hg_settings *s)
{
    const hg_deployment *p = l->prefill, *d = l->decode;
    const char *role = l->role == HG_POOL_PREFILL ? "kv_producer" : "kv_consumer";
    if (!hg_launch_is_ascend(l)) {
        hg_put_key(
            s, "kv-transfer-config",
            hg_textf(s->arena, "{\"kv_connector\":\"NixlConnector\",\"kv_role\":\"%s\"}", role));
        return;
    }
    hg_put_key(s, "kv-transfer-config",
               hg_textf(s->arena,
                        "{\"kv_connector\":\"MooncakeConnectorV1\",\"kv_role\":\"%s\","
                        "\"kv_port\":\"%d\",\"kv_connector_extra_config\":{"
                        "\"prefill\":{\"dp_size\":%" PRId64 ",\"tp_size\":%" PRId64 "},"
                        "\"decode\":{\"dp_size\":%" PRId64 ",\"tp_size\":%" PRId64 "}}}",
                        role, l->role == HG_POOL_PREFILL ? 30000 : 30100, p->dp, p->tp, d->dp,
                        d->tp));
}

static const char *pool_refuses(hg_arena *arena, const hg_launch *l)
{
    hg_layout p = hg_layout_of(l->prefill, l->device, false),
              d = hg_layout_of(l->deployment, l->device, false);
    bool crowded = hg_layout_engines_on(&p, 0) > 1 || hg_layout_engines_on(&d, 0) > 1;
    if (l->prefill->pp > 1 || l->deployment->pp > 1)
        return "vLLM's pools hand KV over by tensor-parallel ranks: --pp stages have no part in it";
    if (hg_launch_is_ascend(l) && crowded)
        return hg_textf(arena,
                        "vllm-ascend's servers each need a kv_port of their own: pools of one "
                        "server a node of %" PRId64 " devices",
                        p.node);
    return NULL;
}

/* Ranks count up from the first. */
static const char *own_port(const hg_launch *l, int64_t *first, int64_t *each)
{
    *first = 5600;
    *each = l->deployment->dp;
    return hg_launch_is_ascend(l) ? NULL : "VLLM_NIXL_SIDE_CHANNEL_PORT";
}

static void list(hg_buf *b, const char *flag, const hg_addresses *a, bool ports)
{
    hg_buf_printf(b, " %s", flag);
    for (size_t i = 0; i < a->count; i++) {
        if (ports)
            hg_buf_printf(b, " %" PRId64, a->list[i].port);
        else
            hg_buf_printf(b, *a->list[i].host == '$' ? " \"%s\"" : " %s", a->list[i].host);
    }
}

/* vLLM's documented proxy lies in its sources, not in its packages. */
static void router(hg_buf *b, const hg_launch *l, const hg_addresses *prefill,
                   const hg_addresses *decode, const char *host, const char *port)
{
    const char *where =
        hg_launch_is_ascend(l)
            ? "vllm-ascend: "
              "examples/disaggregated_prefill_v1/load_balance_proxy_server_example.py"
            : "vllm: tests/v1/kv_connector/nixl_integration/toy_proxy_server.py";
    hg_buf_printf(b, "python3 \"${PROXY:?the proxy of %s}\" --host %s --port %s", where, host,
                  port);
    list(b, "--prefiller-hosts", prefill, false);
    list(b, "--prefiller-ports", prefill, true);
    list(b, "--decoder-hosts", decode, false);
    list(b, "--decoder-ports", decode, true);
}

/* The other pool must reach the handshake. */
static void prepare(hg_buf *b, const hg_launch *l)
{
    if (l->role && l->apart && !hg_launch_is_ascend(l))
        hg_buf_puts(b, "export VLLM_NIXL_SIDE_CHANNEL_HOST=\"${VLLM_NIXL_SIDE_CHANNEL_HOST:-"
                       "$address}\"\n");
}

static const char *config(hg_arena *arena, const hg_launch *l, const hg_settings *s)
{
    hg_buf b = { .arena = arena };
    hg_buf_printf(&b,
                  "# vLLM %s: vllm serve --config vllm.yaml (a command line goes first)\n# %s\n",
                  l->knobs->version, l->why);
    if (l->checkpoint)
        hg_buf_printf(&b, "model: %s\n", hg_yaml_text(arena, l->checkpoint));
    else
        hg_buf_printf(&b, "# model: run.sh names it, %s\n", l->wanted);
    hg_settings_yaml(s, &b);
    return b.s;
}

static void join(hg_buf *b, int64_t spans, const char *rank, const char *first, bool leads)
{
    hg_buf_printf(b, " --nnodes %" PRId64 " --node-rank %s --master-addr %s%s", spans, rank, first,
                  leads ? "" : " --headless");
}

static const char *refuses(hg_arena *arena, const hg_launch *l)
{
    (void)arena;
    const hg_deployment *d = l->deployment;
    if (hg_launch_is_ascend(l) && !d->kv_is_auto && d->kv_dtype == HG_FP8)
        return "vllm-ascend has no fp8 KV cache";
    return NULL;
}

static const char *const ignores[] = {
    "accepted_tokens: what drafts are worth, not a setting",
    "prompt_graph_tokens on ascend: prompts run without graphs in any case",
    "recv_interval: SGLang's",
    "batch_wait_steps: TensorRT-LLM's",
    "batch_wait_frac: TensorRT-LLM's",
    NULL,
};

const hg_emitter hg_emit_vllm = {
    .name = "vllm",
    .config_name = "vllm.yaml",
    .model_flag = "",
    .config_flag = " --config",
    .model_in_config = true,
    .no_form = true,
    .listens = true,
    .shares = shares,
    .settings = settings,
    .config = config,
    .join = join,
    .refuses = refuses,
    .prepare = prepare,
    .pool = pool,
    .pool_refuses = pool_refuses,
    .own_port = own_port,
    .router = router,
    .ignores = ignores,
};

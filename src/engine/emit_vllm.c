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
    return !hg_model_has_experts(l->model) && l->deployment->dp == 1;
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
    .ignores = ignores,
};

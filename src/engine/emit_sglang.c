#include "engine/emit.h"
#include "engine/fraction.h"

#include <inttypes.h>

/* Without attention DP SGLang's data-parallel ranks are whole engines behind one endpoint. */
static bool shares(const hg_launch *l)
{
    return !l->role && l->deployment->dp == 1;
}

/* With attention DP tp-size counts all ranks, and the scheduler divides its limits among the dp
 * groups. */
static void shape(const hg_deployment *d, int64_t here, hg_settings *s)
{
    hg_put_int(s, "tp", d->tp * d->dp);
    if (d->pp > 1)
        hg_put_int(s, "pp", d->pp);
    if (d->dp > 1)
        hg_put(s, "dp_attention", "true");
    if (d->dp > 1 || here > 1)
        hg_put_int(s, "dp", d->dp > 1 ? d->dp : here);
    if (d->ep > 1)
        hg_put_int(s, "ep", d->ep);
}

/* A chain, so one more token is checked than is drafted; n-grams are found without steps. */
static void drafts(const hg_launch *l, hg_settings *s)
{
    const hg_deployment *d = l->deployment;
    const char *name = l->engine->drafts[d->draft];
    if (d->draft_tokens <= 0)
        return;
    hg_put(s, "draft", name ? name : hg_draft_table[d->draft].word);
    if (d->draft_name)
        hg_put(s, "draft_model", d->draft_name);
    if (d->draft != HG_DRAFT_NGRAM) {
        hg_put_int(s, "draft_steps", (int64_t)d->draft_tokens);
        hg_put_int(s, "draft_topk", 1);
    }
    hg_put_int(s, "draft_tokens", (int64_t)d->draft_tokens + 1);
}

static void settings(const hg_launch *l, int64_t here, hg_settings *s)
{
    const hg_deployment *d = l->deployment;
    if (hg_launch_is_ascend(l)) {
        hg_put_env(s, "HCCL_OP_EXPANSION_MODE", "AIV");
        hg_put_env(s, "PYTORCH_NPU_ALLOC_CONF", "expandable_segments:True");
    }
    shape(d, here, s);
    hg_put_int(s, "max_model_len", d->max_model_len);
    hg_put_int(s, "max_num_seqs", d->max_num_seqs * d->dp);
    hg_put_int(s, "max_num_batched_tokens",
               d->chunked_prefill ? d->max_num_batched_tokens * d->dp : -1);
    if (!d->chunked_prefill)
        hg_put_int(s, "whole_prompt_tokens", d->max_num_batched_tokens);
    hg_put(s, "gpu_memory_utilization",
           hg_textf(s->arena, "%.4f", hg_fraction_told(l->knobs->fraction_of, l->memory)));
    hg_put_int(s, "block_size", d->block_tokens);
    if (!d->kv_is_auto)
        hg_put_said(s, "kv_dtype", hg_dtype_table[d->kv_dtype].name);
    if (l->quantize_fp8)
        hg_put(s, "quantization", "fp8");
    if (!d->prefix_caching)
        hg_put(s, "no_prefix_caching", "true");
    if (d->graph_tokens > 0)
        hg_put_int(s, "graph_tokens", d->graph_tokens);
    if (d->recv_interval > 0)
        hg_put_int(s, "recv_interval", d->recv_interval);
    drafts(l, s);
    if (hg_launch_is_ascend(l)) {
        hg_put_key(s, "device", "npu");
        hg_put_key(s, "attention-backend", "ascend");
    }
}

/* ---- pools ---- */

static void pool(const hg_launch *l, hg_settings *s)
{
    hg_put(s, "pool", l->role == HG_POOL_PREFILL ? "prefill" : "decode");
    hg_put_key(s, "disaggregation-transfer-backend",
               hg_launch_is_ascend(l) ? "ascend" : "mooncake");
}

/* Prefilling servers wait there for the decoding ones. */
static const char *own_port(const hg_launch *l, int64_t *first, int64_t *each)
{
    *first = 8998;
    *each = 1;
    return l->role == HG_POOL_PREFILL ? "--disaggregation-bootstrap-port" : NULL;
}

static void router(hg_buf *b, const hg_launch *l, const hg_addresses *prefill,
                   const hg_addresses *decode, const char *host, const char *port)
{
    (void)l;
    hg_buf_puts(b, "python3 -m sglang_router.launch_router --pd-disaggregation");
    for (size_t i = 0; i < prefill->count; i++)
        hg_buf_printf(b, " --prefill \"http://%s:%" PRId64 "\" %" PRId64, prefill->list[i].host,
                      prefill->list[i].port, prefill->list[i].own_port);
    for (size_t i = 0; i < decode->count; i++)
        hg_buf_printf(b, " --decode \"http://%s:%" PRId64 "\"", decode->list[i].host,
                      decode->list[i].port);
    hg_buf_printf(b, " --host %s --port %s", host, port);
}

static const char *config(hg_arena *arena, const hg_launch *l, const hg_settings *s)
{
    hg_buf b = { .arena = arena };
    hg_buf_printf(&b,
                  "# SGLang %s: python3 -m sglang.launch_server --config sglang.yaml (a command "
                  "line goes first)\n# %s\n",
                  l->knobs->version, l->why);
    hg_buf_printf(
        &b,
        "# mem-fraction-static holds weights and KV only: %.4g of the device in vLLM's meaning\n",
        hg_fraction_told(HG_OF_TOTAL, l->memory));
    if (l->checkpoint)
        hg_buf_printf(&b, "model-path: %s\n", hg_yaml_text(arena, l->checkpoint));
    else
        hg_buf_printf(&b, "# model-path: run.sh names it, %s\n", l->wanted);
    hg_settings_yaml(s, &b);
    return b.s;
}

static void join(hg_buf *b, int64_t spans, const char *rank, const char *first, bool leads)
{
    (void)leads;
    hg_buf_printf(b, " --nnodes %" PRId64 " --node-rank %s --dist-init-addr %s:20000", spans, rank,
                  first);
}

static const char *refuses(hg_arena *arena, const hg_launch *l)
{
    (void)arena;
    const hg_deployment *d = l->deployment;
    if (hg_launch_is_ascend(l) && !d->kv_is_auto && d->kv_dtype == HG_FP8)
        return "SGLang has no fp8 KV cache on NPUs";
    return NULL;
}

static const char *const ignores[] = {
    "accepted_tokens: what drafts are worth, not a setting",
    "prompt_graph_tokens: SGLang's prompts run as it decides",
    "batch_wait_steps: TensorRT-LLM's",
    "batch_wait_frac: TensorRT-LLM's",
    NULL,
};

const hg_emitter hg_emit_sglang = {
    .name = "sglang",
    .config_name = "sglang.yaml",
    .model_flag = " --model-path",
    .config_flag = " --config",
    .model_in_config = true,
    .listens = true,
    .shares = shares,
    .settings = settings,
    .config = config,
    .join = join,
    .refuses = refuses,
    .pool = pool,
    .own_port = own_port,
    .router = router,
    .ignores = ignores,
};

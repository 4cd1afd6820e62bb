#include "engine/emit.h"
#include "engine/fraction.h"

#include <inttypes.h>

/* Attention DP makes every rank of the tensor-parallel group a rank of its own for attention. */
static void shape(const hg_deployment *d, hg_settings *s)
{
    hg_put_int(s, "tp", d->tp * d->dp);
    if (d->pp > 1)
        hg_put_int(s, "pp", d->pp);
    if (d->ep > 1)
        hg_put_int(s, "ep", d->ep);
    if (d->dp > 1)
        hg_put(s, "dp", "true");
}

static void settings(const hg_launch *l, int64_t here, hg_settings *s)
{
    const hg_deployment *d = l->deployment;
    hg_layout p = hg_layout_of(d, l->device, false);
    (void)here;
    shape(d, s);
    if (p.spans > 1)
        hg_put_key(s, "gpus_per_node", hg_textf(s->arena, "%" PRId64, p.node));
    hg_put_int(s, "max_num_seqs", d->max_num_seqs);
    hg_put_int(s, "max_num_batched_tokens", d->max_num_batched_tokens);
    hg_put_int(s, "max_model_len", d->max_model_len);
    if (!d->chunked_prefill &&
        d->max_num_batched_tokens < d->max_model_len) /* no more fit a step */
        hg_put_key(s, "max_input_len", hg_textf(s->arena, "%" PRId64, d->max_num_batched_tokens));
    hg_put(s, "chunked_prefill", d->chunked_prefill ? "true" : "false");
    if (!d->kv_is_auto)
        hg_put_said(s, "kv_dtype", hg_dtype_table[d->kv_dtype].name);
    /* The ledger reads the word in this engine's meaning: nothing is left to convert. */
    double told = l->engine->fraction_of_free ? d->gpu_memory_utilization
                                              : hg_fraction_told(l->knobs->fraction_of, l->memory);
    hg_put(s, "gpu_memory_utilization", hg_textf(s->arena, "%.4g", told));
    hg_put_int(s, "block_size", d->block_tokens);
    hg_put(s, "prefix_caching", d->prefix_caching ? "true" : "false");
    /* Without a largest size only small batches would be captured; padding makes every size one of
     * them. */
    hg_put(s, "graph_padding", "true");
    hg_put_int(s, "graph_tokens",
               d->graph_tokens
                   ? d->graph_tokens
                   : hg_engine_graph_tokens(l->engine, d->max_num_seqs, d->max_num_batched_tokens));
    if (d->batch_wait_steps > 0)
        hg_put_int(s, "batch_wait_steps", d->batch_wait_steps);
    if (d->batch_wait_frac > 0)
        hg_put(s, "batch_wait_frac", hg_textf(s->arena, "%.4g", d->batch_wait_frac));
    if (d->draft_tokens > 0) {
        const char *name = l->engine->drafts[d->draft];
        hg_put(s, "draft", name ? name : hg_draft_table[d->draft].word);
        hg_put_int(s, d->draft == HG_DRAFT_MTP ? "draft_tokens" : "draft_length",
                   (int64_t)d->draft_tokens);
        if (d->draft_name)
            hg_put(s, "draft_model", d->draft_name);
    }
    if (l->quantize_fp8)
        hg_put_key(s, "quant_config", "{\"quant_algo\":\"FP8\"}");
}

/* ---- pools ---- */

/* A context server does not overlap its scheduler with its steps; the buffer holds the longest
 * prompt. */
static void pool(const hg_launch *l, hg_settings *s)
{
    int64_t longest = l->prefill->max_model_len > l->decode->max_model_len
                          ? l->prefill->max_model_len
                          : l->decode->max_model_len;
    if (l->role == HG_POOL_PREFILL)
        hg_put_key(s, "disable_overlap_scheduler", "true");
    hg_put_key(s, "cache_transceiver_config.backend", "DEFAULT");
    hg_put_key(s, "cache_transceiver_config.max_tokens_in_buffer",
               hg_textf(s->arena, "%" PRId64, longest));
}

static void router(hg_buf *b, const hg_launch *l, const hg_addresses *prefill,
                   const hg_addresses *decode, const char *host, const char *port)
{
    (void)l, (void)prefill, (void)decode;
    bool script = *port == '"'; /* it fills the file in, which says where to listen */
    (void)host;
    hg_buf_printf(b, "trtllm-serve disaggregated -c %s", script ? "\"$file\"" : "disagg.yaml");
}

static void servers(hg_buf *b, const char *name, const hg_addresses *a)
{
    hg_buf_printf(b, "%s_servers:\n  num_instances: %zu\n  urls:\n", name, a->count);
    for (size_t i = 0; i < a->count; i++) {
        const char *host = a->list[i].host; /* "$NODE_0" is a name to be replaced */
        hg_buf_printf(b, "    - \"%s:%" PRId64 "\"\n", *host == '$' ? host + 1 : host,
                      a->list[i].port);
    }
}

static const char *router_file(hg_arena *arena, const hg_launch *l, const hg_addresses *prefill,
                               const hg_addresses *decode, const char **name)
{
    hg_buf b = { .arena = arena };
    *name = "disagg.yaml";
    hg_buf_printf(&b,
                  "# TensorRT-LLM %s: trtllm-serve disaggregated -c disagg.yaml\n# %s\n%s"
                  "hostname: 127.0.0.1\nport: %" PRId64 "\nbackend: pytorch\n",
                  l->knobs->version, l->why,
                  prefill->count && *prefill->list[0].host == '$'
                      ? "# router.sh puts HOST, PORT and the nodes' addresses in; by hand, replace "
                        "NODE_0 … by them.\n"
                      : "# router.sh puts HOST and PORT in.\n",
                  l->knobs->port);
    servers(&b, "context", prefill);
    servers(&b, "generation", decode);
    return b.s;
}

static const char *config(hg_arena *arena, const hg_launch *l, const hg_settings *s)
{
    hg_buf b = { .arena = arena };
    hg_buf_printf(&b,
                  "# TensorRT-LLM %s: trtllm-serve MODEL --config trt.yaml (what stands here goes "
                  "before the command line)\n# %s\n",
                  l->knobs->version, l->why);
    hg_buf_printf(&b,
                  "# free_gpu_memory_fraction is of what weights leave: %.4g of the device in "
                  "vLLM's meaning\n",
                  hg_fraction_told(HG_OF_TOTAL, l->memory));
    hg_settings_yaml(s, &b);
    return b.s;
}

static const char *refuses(hg_arena *arena, const hg_launch *l)
{
    const hg_deployment *d = l->deployment;
    if (strcmp(l->device->vendor, "nvidia") != 0)
        return hg_textf(arena, "TensorRT-LLM runs on NVIDIA's devices, not on %s", l->device->name);
    if (d->dp > 1 && d->tp > 1)
        return hg_textf(arena,
                        "TensorRT-LLM's attention DP has one device a rank: --tp 1 --dp %" PRId64,
                        d->tp * d->dp);
    return l->quantize_fp8 ? "TensorRT-LLM makes no fp8 checkpoint while it loads; name one with "
                             "--model, or plan in the checkpoint's own precision"
                           : NULL;
}

/* One MPI rank a device (TensorRT-LLM's own launcher makes one server of them). */
static const char *across(hg_arena *arena, const hg_layout *p)
{
    return hg_textf(
        arena, "mpirun --allow-run-as-root -n %" PRId64 " --host \"$HOSTS\" trtllm-llmapi-launch ",
        p->engine);
}

static const char *const ignores[] = {
    "accepted_tokens: what drafts are worth, not a setting",
    "prompt_graph_tokens: prompts run without graphs unless torch_compile_config says otherwise",
    "recv_interval: SGLang's",
    NULL,
};

const hg_emitter hg_emit_trtllm = {
    .name = "trtllm",
    .config_name = "trt.yaml",
    .model_flag = "",
    .config_flag = " --config",
    .config_needed = true,
    .listens = true,
    .settings = settings,
    .across = across,
    .config = config,
    .refuses = refuses,
    .pool = pool,
    .router = router,
    .router_file = router_file,
    .ignores = ignores,
};

#include "engine/emit.h"

#include "base/num.h"

#include <inttypes.h>
#include <math.h>

/* The physical batch bounds the height of a prompt's matrix products: beyond this GPUs gain
 * nothing. */
enum { UBATCH_MOST = 2048 };

static const char *ones(hg_arena *arena, int64_t n)
{
    hg_buf b = { .arena = arena };
    for (int64_t i = 0; i < n; i++)
        hg_buf_puts(&b, i ? ",1" : "1");
    return b.s;
}

/* Rows of every matrix are cut as tensor parallelism cuts them, layers as a pipeline does. */
static void split(const hg_deployment *d, hg_settings *s)
{
    int64_t devices = d->tp * d->pp;
    hg_put(s, "split", devices == 1 ? "none" : d->tp > 1 ? "row" : "layer");
    if (devices > 1)
        hg_put(s, "tp", ones(s->arena, devices));
}

static void settings(const hg_launch *l, int64_t here, hg_settings *s)
{
    const hg_deployment *d = l->deployment;
    double spare_bytes = l->memory->total_bytes - l->memory->budget_bytes;
    (void)here;
    hg_put_int(s, "max_num_seqs", d->max_num_seqs);
    hg_put_int(s, "max_model_len", d->max_model_len * d->max_num_seqs);
    hg_put_int(s, "max_num_batched_tokens", d->max_num_batched_tokens);
    hg_put_int(s, "step_tokens", hg_min_i64(d->max_num_batched_tokens, UBATCH_MOST));
    split(d, s);
    hg_put(s, "flash_attention", "on");
    if (!d->kv_is_auto) {
        hg_put_said(s, "kv_dtype", hg_dtype_table[d->kv_dtype].name);
        hg_put_said(s, "kv_dtype_v", hg_dtype_table[d->kv_dtype].name);
    }
    hg_put(s, "prefix_caching", d->prefix_caching ? "true" : "false");
    if (d->draft_tokens > 0 && d->draft_name) {
        hg_put(s, "draft_model", d->draft_name);
        hg_put_int(s, "draft_tokens", (int64_t)d->draft_tokens);
    }
    hg_put(s, "fit", "on");
    hg_put_int(s, "gpu_memory_utilization", llround(spare_bytes / 0x1p20));
    hg_put(s, "metrics", "true");
}

static const char *config(hg_arena *arena, const hg_launch *l, const hg_settings *s)
{
    hg_buf b = { .arena = arena };
    hg_buf_printf(
        &b, "; llama.cpp %s: llama-server --models-preset preset.ini\n; %s\nversion = 1\n\n[%s]\n",
        l->knobs->version, l->why, hg_basename(l->model_word));
    if (l->checkpoint)
        hg_buf_printf(&b, "model = %s\n", l->checkpoint);
    else
        hg_buf_printf(&b, "; model = %s\n", l->wanted);
    hg_settings_ini(s, &b);
    return b.s;
}

/* llama-server reserves the context of every slot when it starts. */
static const char *refuses(hg_arena *arena, const hg_launch *l)
{
    const hg_deployment *d = l->deployment;
    const hg_memory *m = l->memory;
    double wanted = m->kv_bytes_per_token * (double)(d->max_model_len * d->max_num_seqs);
    if (d->tp > 1 && d->pp > 1)
        return "llama.cpp cuts rows or layers, not both: --tp or --pp 1";
    if (d->dp > 1 || d->ep > 1)
        return "llama.cpp has no data- or expert-parallel ranks: --dp 1 --ep 1";
    if (!d->chunked_prefill)
        return "llama.cpp always splits prompts by its batch size";
    if (m->fits && wanted > m->kv_bytes)
        return hg_textf(arena,
                        "llama.cpp reserves the context of every slot: %" PRId64 " x %" PRId64
                        " tokens take %.1f GiB of KV, %.1f are "
                        "there; lower --max-num-seqs or --max-model-len",
                        d->max_num_seqs, d->max_model_len, wanted / 0x1p30, m->kv_bytes / 0x1p30);
    return NULL;
}

static void prepare(hg_buf *b, const hg_launch *l)
{
    (void)l;
    hg_buf_puts(b, "PATH=\"$PATH:/app\" # where its containers have it\n");
}

/* A server of one model answers to any name. */
static const char *served(hg_arena *arena, const hg_launch *l)
{
    (void)arena;
    return hg_basename(l->model_word);
}

static const char *const ignores[] = {
    "accepted_tokens: what drafts are worth, not a setting",
    "block_tokens: its KV cache has no blocks",
    "graph_tokens: its graphs have no sizes",
    "prompt_graph_tokens: its graphs have no sizes",
    "recv_interval: SGLang's",
    "batch_wait_steps: TensorRT-LLM's",
    "batch_wait_frac: TensorRT-LLM's",
    NULL,
};

const hg_emitter hg_emit_llamacpp = {
    .name = "llamacpp",
    .config_name = "preset.ini",
    .model_flag = " --model",
    .no_form = true,
    .listens = true,
    .settings = settings,
    .config = config,
    .refuses = refuses,
    .served = served,
    .prepare = prepare,
    .ignores = ignores,
};

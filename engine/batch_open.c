/* A model and a context of libllama, as the knobs say. */
#include "batch_parts.h"

#include <stdlib.h>
#include <string.h>

/* libllama rounds a sequence's context up to this. */
enum { CONTEXT_STEP = 256 };

static enum ggml_type kv_type(const char *name)
{
    static const struct {
        const char *name;
        enum ggml_type type;
    } all[] = { { "f16", GGML_TYPE_F16 },
                { "f32", GGML_TYPE_F32 },
                { "bf16", GGML_TYPE_BF16 },
                { "q8_0", GGML_TYPE_Q8_0 },
                { "q4_0", GGML_TYPE_Q4_0 } };
    size_t i = 0;
    while (strcmp(all[i].name, name) != 0)
        i++; /* knobs.def lists the same */
    return all[i].type;
}

static struct llama_context_params params(const knobs *k)
{
    struct llama_context_params p = llama_context_default_params();
    int each = (k->context + CONTEXT_STEP - 1) / CONTEXT_STEP * CONTEXT_STEP;
    p.n_ctx = (uint32_t)(k->kv_tokens ? k->kv_tokens : each * k->max_seqs);
    p.n_batch = (uint32_t)k->batch;
    p.n_ubatch = (uint32_t)k->ubatch;
    p.n_seq_max = (uint32_t)k->max_seqs;
    p.n_threads = k->threads;
    p.n_threads_batch = k->threads_batch;
    p.flash_attn_type = strcmp(k->flash_attention, "on") == 0    ? LLAMA_FLASH_ATTN_TYPE_ENABLED
                        : strcmp(k->flash_attention, "off") == 0 ? LLAMA_FLASH_ATTN_TYPE_DISABLED
                                                                 : LLAMA_FLASH_ATTN_TYPE_AUTO;
    p.type_k = p.type_v = kv_type(k->kv_type);
    p.kv_unified = strcmp(k->kv_unified, "on") == 0;
    return p;
}

static bool no_context(const knobs *k, hg_err *err)
{
    if (k->kv_type[0] == 'q')
        return hg_fail(err, HG_WORLD, "--kv-type",
                       "%s did not work with %s; its heads must be a multiple of 32 wide", k->kv_type,
                       k->model);
    return hg_fail(err, HG_WORLD, k->model,
                   "no context of %d x %d tokens could be made of it; lower --context or --max-seqs",
                   k->max_seqs, k->context);
}

static bool load(batch *b, hg_err *err)
{
    const knobs *k = b->knobs;
    struct llama_model_params m = llama_model_default_params();
    m.n_gpu_layers = 0;
    if (!(b->model = llama_model_load_from_file(k->model, m)))
        return hg_fail(err, HG_INPUT, k->model,
                       "cannot be loaded as a model; build/engine/gguf writes one that can");
    b->vocabulary = llama_vocab_n_tokens(llama_model_get_vocab(b->model));
    if (b->vocabulary <= FIRST_WORD + 1)
        return hg_fail(err, HG_INPUT, k->model, "has %d tokens; more than %d are needed",
                       b->vocabulary, FIRST_WORD + 1);
    if (k->context > llama_model_n_ctx_train(b->model))
        return hg_fail(err, HG_INPUT, "--context", "is %d; %s was made for %d", k->context,
                       k->model, llama_model_n_ctx_train(b->model));
    if (!(b->llama = llama_init_from_model(b->model, params(k))))
        return no_context(k, err);
    return true;
}

batch *batch_open(const knobs *k, batch_on_token *on_token, hg_err *err)
{
    batch *b = batch_must(calloc(1, sizeof *b));
    b->knobs = k;
    b->on_token = on_token;
    b->shares = strcmp(k->kv_unified, "on") == 0 && strcmp(k->prefix_cache, "on") == 0;
    b->keeps = strcmp(k->prefix_cache, "on") == 0;
    if (!load(b, err)) {
        batch_close(b);
        return NULL;
    }
    b->counts.kv_capacity = k->kv_tokens ? k->kv_tokens : k->context * k->max_seqs;
    b->step = llama_batch_init(k->batch, 0, 1);
    b->slots = batch_must(calloc((size_t)k->max_seqs, sizeof *b->slots));
    for (int i = 0; i < k->max_seqs; i++)
        b->slots[i].tokens = batch_must(calloc((size_t)k->context, sizeof *b->slots[i].tokens));
    return b;
}

static void close_slots(batch *b)
{
    for (int i = 0; i < b->knobs->max_seqs; i++)
        free(b->slots[i].tokens);
    free(b->slots);
    llama_batch_free(b->step);
}

void batch_close(batch *b)
{
    if (b->slots)
        close_slots(b);
    if (b->llama)
        llama_free(b->llama);
    if (b->model)
        llama_model_free(b->model);
    free(b);
}

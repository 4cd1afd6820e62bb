#include "test.h"

#include "cost/memory.h"
#include "cost/step.h"

#include <math.h>
#include <string.h>

/* What a step is made of, by model and deployment; the figures themselves are the tables' business.
 */

typedef struct bench {
    hg_model model;
    hg_engine engine;
    hg_device device;
    hg_rates rates;
    hg_step step;
    hg_deployment d;
} bench;

static bool prepare(hg_arena *arena, bench *b, const char *model, int64_t tp)
{
    hg_data data = { 0 };
    hg_err err = { 0 };
    const char *note;
    b->d = (hg_deployment){ .tp = tp,
                            .pp = 1,
                            .dp = 1,
                            .ep = 1,
                            .replicas = 1,
                            .max_num_seqs = 256,
                            .max_num_batched_tokens = 8192,
                            .max_model_len = 8192,
                            .gpu_memory_utilization = 0.9,
                            .block_tokens = 16 };
    bool ok = hg_model_find(arena, &data, model, &b->model, &note, &err) &&
              hg_device_find(arena, &data, "h200_sxm", &b->device, &err) &&
              hg_engine_find(arena, &data, "vllm", NULL, &b->engine, &err) &&
              hg_rates_open(arena, &data, &b->device, "vllm", NULL, &b->rates, &note, &err) &&
              hg_step_prepare(&b->model, &b->d, &b->engine, &b->rates, &b->step, &err);
    CHECKF(ok, "%s: %s %s", model, err.where, err.msg);
    return ok;
}

static const hg_step_item *item(const hg_step *s, const char *name)
{
    for (int i = 0; i < s->count; i++)
        if (strcmp(s->items[i].name, name) == 0)
            return &s->items[i];
    CHECKF(false, "no item '%s'", name);
    return NULL;
}

static double dim(const hg_step_item *it, const char *column)
{
    for (int i = 0; it && it->rate.op->dims[i].column; i++)
        if (strcmp(it->rate.op->dims[i].column, column) == 0)
            return it->shape.d[i];
    return NAN;
}

/* Elements of the products whose names hold one of the words: as many as the model was counted
 * with. */
static double weights_of(const hg_step *s, const char *const *words)
{
    double sum = 0;
    for (int i = 0; i < s->count; i++) {
        const hg_step_item *it = &s->items[i];
        bool bmm = it->rate.op == &hg_op_mla_bmm;
        for (int w = 0; words[w]; w++) {
            if (!strstr(it->name, words[w]) || (!bmm && it->rate.op != &hg_op_gemm))
                continue;
            sum += bmm ? it->repeat * dim(it, "num_heads") * dim(it, "kv_lora_rank") * 128
                       : it->repeat * dim(it, "n") * dim(it, "k");
            break;
        }
    }
    return sum;
}

/* One rank holds the whole mixers. */
static void products_are_the_weights(hg_arena *arena)
{
    static const struct {
        const char *model;
        hg_mixer mixer;
        const char *words[6];
    } rows[] = {
        { "deepseek-ai/DeepSeek-V3", HG_MIX_MLA, { "latent", "query up", "output projection" } },
        { "Qwen/Qwen3-Next-80B-A3B-Instruct", HG_MIX_GDN, { "linear", "decay" } },
        { "MiniMaxAI/MiniMax-Text-01", HG_MIX_GDN, { "linear" } },
        { "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", HG_MIX_MAMBA2, { "linear" } },
        { "deepseek-ai/DeepSeek-V4-Flash",
          HG_MIX_MLA,
          { "latent", "compressor", "query", "output" } },
        { "ai21labs/AI21-Jamba-1.5-Mini", HG_MIX_MAMBA2, { "linear", "step" } },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_arena scratch = *arena;
        bench *b = HG_NEW(&scratch, bench, 1);
        if (!prepare(&scratch, b, rows[i].model, 1))
            continue;
        const char *words[7] = { 0 };
        memcpy(words, rows[i].words, sizeof rows[i].words);
        double want = 0;
        for (int64_t k = 0; k < b->model.layer_kinds; k++)
            if (b->model.layers[k].mixer == rows[i].mixer)
                want += (double)b->model.layers[k].count *
                        hg_layer_attention_weights(&b->model, &b->model.layers[k]);
        CHECK_NEAR(weights_of(&b->step, words), want, 1e-9);
    }
}

/* The ways down are whole on every rank, the heads are shared out: DeepSeek-V3's config.json. */
static void latent_attention(hg_arena scratch)
{
    bench *b = HG_NEW(&scratch, bench, 1);
    if (!prepare(&scratch, b, "deepseek-ai/DeepSeek-V3", 8))
        return;
    static const struct {
        const char *name;
        double n, k;
    } want[] = {
        { "latent down projection", 1536 + 512 + 64, 7168 },
        { "query up projection", 16 * 192, 1536 },
        { "key and value up projection", 16 * 256, 512 },
        { "output projection", 7168, 16 * 128 },
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        const hg_step_item *it = item(&b->step, want[i].name);
        CHECK_NEAR(dim(it, "n"), want[i].n, 0);
        CHECK_NEAR(dim(it, "k"), want[i].k, 0);
        CHECK(it && it->repeat == 61);
    }
    CHECK_NEAR(dim(item(&b->step, "decode attention"), "num_heads"), 16, 0);
}

/* Keys cached before a chunk are brought up again, and attended to: a prompt in two chunks takes
 * longer. */
static void chunks_cost(hg_arena scratch)
{
    bench *b = HG_NEW(&scratch, bench, 1);
    if (!prepare(&scratch, b, "deepseek-ai/DeepSeek-V3", 8))
        return;
    hg_step_batch whole = { .chunks = 1, .chunk_tokens = 8192, .chunk_area = 8192.0 * 4096 };
    hg_step_batch first = { .chunks = 1, .chunk_tokens = 4096, .chunk_area = 4096.0 * 2048 };
    hg_step_batch second = { .chunks = 1,
                             .chunk_tokens = 4096,
                             .chunk_area = 4096.0 * (4096 + 2048) };
    CHECK(hg_step_attention_seconds(&b->step, &first) +
              hg_step_attention_seconds(&b->step, &second) >
          hg_step_attention_seconds(&b->step, &whole));
}

/* The latent cache is every rank's; what has heads is shared out. */
static void latent_cache_is_whole(hg_arena scratch)
{
    bench *one = HG_NEW(&scratch, bench, 1), *eight = HG_NEW(&scratch, bench, 1);
    if (!prepare(&scratch, one, "deepseek-ai/DeepSeek-V3", 1) ||
        !prepare(&scratch, eight, "deepseek-ai/DeepSeek-V3", 8))
        return;
    hg_memory a = hg_memory_ledger(&one->model, &one->d, &one->engine, &one->device);
    hg_memory b = hg_memory_ledger(&eight->model, &eight->d, &eight->engine, &eight->device);
    CHECK_NEAR(a.kv_bytes_per_token, 61 * 576 * 2, 1e-12);
    CHECK_NEAR(b.kv_bytes_per_token, a.kv_bytes_per_token, 1e-12);
    double down = 61 * 7168.0 * (1536 + 576), eighth = a.weight_bytes / 8;
    CHECKF(b.weight_bytes > eighth + 0.8 * down, "%g bytes of %g", b.weight_bytes, a.weight_bytes);
}

/* A linear mixer's step takes as long behind a million tokens as behind one. */
static void states_do_not_grow(hg_arena scratch)
{
    bench *b = HG_NEW(&scratch, bench, 1);
    if (!prepare(&scratch, b, "Qwen/Qwen3-Next-80B-A3B-Instruct", 2))
        return;
    static const char *const names[] = { "decode convolution", "decode linear attention",
                                         "decode attention" };
    hg_step_batch near = { .decodes = 8, .decode_context = 8 },
                  far = { .decodes = 8, .decode_context = 8e6 };
    for (int i = 0; i < 3; i++) {
        const hg_step_item *it = item(&b->step, names[i]);
        hg_work w;
        int at = (int)(it - b->step.items);
        double ratio = hg_step_item_time(&b->step, at, &far, &w).seconds /
                       hg_step_item_time(&b->step, at, &near, &w).seconds;
        CHECKF(i < 2 ? ratio == 1 : ratio > 10, "%s: %g times as long", names[i], ratio);
    }
}

/* Kimi-Linear's fields, cut to four layers: three of Kimi delta attention, whose rule no table
 * measures, and one of latent attention without a query rank. */
static const char kimi_linear[] =
    "{\"architectures\":[\"KimiLinearForCausalLM\"],\"model_type\":\"kimi_linear\",\"hidden_size\":"
    "2304,"
    "\"num_hidden_layers\":4,\"num_attention_heads\":32,\"num_key_value_heads\":32,\"kv_lora_"
    "rank\":512,"
    "\"q_lora_rank\":null,\"qk_nope_head_dim\":128,\"qk_rope_head_dim\":64,\"v_head_dim\":128,"
    "\"intermediate_size\":9216,\"vocab_size\":163840,\"max_position_embeddings\":1048576,"
    "\"linear_attn_config\":{\"full_attn_layers\":[4],\"kda_layers\":[1,2,3],\"num_heads\":32,"
    "\"head_dim\":128,"
    "\"short_conv_kernel_size\":4}}";

static void kimi_delta_attention(hg_arena scratch)
{
    bench *b = HG_NEW(&scratch, bench, 1);
    hg_err err = { 0 };
    if (!prepare(&scratch, b, "Qwen/Qwen3-32B", 1))
        return;
    bool ok = hg_model_read(&scratch, "kimi.json", kimi_linear, sizeof kimi_linear - 1, NULL, 0,
                            &b->model, &err) &&
              hg_step_prepare(&b->model, &b->d, &b->engine, &b->rates, &b->step, &err);
    CHECKF(ok, "%s %s", err.where, err.msg);
    if (!ok)
        return;
    static const char *const words[] = { "linear", "decay and gate", "latent", "output projection",
                                         NULL };
    double want = 0;
    for (int64_t k = 0; k < b->model.layer_kinds; k++)
        want += (double)b->model.layers[k].count *
                hg_layer_attention_weights(&b->model, &b->model.layers[k]);
    CHECK_NEAR(weights_of(&b->step, words), want, 1e-9);
    const hg_step_item *it = item(&b->step, "decode linear attention");
    CHECK(it && it->rate.op == &hg_op_linear_rule && it->repeat == 3);
}

/* Behind more tokens than it chooses, sparse attention grows by its indexer alone; a layer without
 * one takes less, and the cache of index keys with it. */
static void sparse_attention(hg_arena scratch)
{
    bench *b = HG_NEW(&scratch, bench, 1);
    if (!prepare(&scratch, b, "deepseek-ai/DeepSeek-V3.2", 8))
        return;
    const hg_step_item *it = item(&b->step, "sparse attention, decode");
    CHECK_NEAR(dim(it, "num_heads"), 16, 0);
    CHECK_NEAR(dim(it, "index_n_heads"), 64, 0);
    CHECK_NEAR(dim(it, "index_topk"), 2048, 0);
    if (!it || !prepare(&scratch, b, "zai-org/GLM-5.2", 8))
        return;
    double own = 0, shared = 0;
    for (int i = 0; i < b->step.count; i++)
        if (strcmp(b->step.items[i].name, "sparse attention, decode") == 0)
            *(dim(&b->step.items[i], "index_n_heads") > 0 ? &own : &shared) +=
                b->step.items[i].repeat;
    CHECKF(own > 0 && shared > own, "%g layers choose, %g use their choice", own, shared);
    CHECK_NEAR(own + shared, (double)b->model.layer_count, 0);
}

/* Beyond its window and choice compressed attention no longer grows; of what it kept whole, only
 * the window stays. */
static void compressed_attention(hg_arena scratch)
{
    bench *b = HG_NEW(&scratch, bench, 1);
    if (!prepare(&scratch, b, "deepseek-ai/DeepSeek-V4-Flash", 4))
        return;
    hg_step_batch near = { .decodes = 8, .decode_context = 8 * 4e4 },
                  far = { .decodes = 8, .decode_context = 8 * 4e5 };
    for (int i = 0; i < b->step.count; i++) {
        const hg_step_item *it = &b->step.items[i];
        if (it->role != HG_DECODE_ATTENTION)
            continue;
        hg_work w;
        double launch_s = it->rate.surface ? 0 : it->repeat * it->rate.typical->launch_s;
        double ratio = (hg_step_item_time(&b->step, i, &far, &w).seconds - launch_s) /
                       (hg_step_item_time(&b->step, i, &near, &w).seconds - launch_s);
        bool bounded = dim(it, "index_topk") > 0 || dim(it, "compress_ratio") == 0;
        CHECKF(bounded ? ratio < 1.01 : ratio > 3, "%s: %g times as long", it->name, ratio);
    }
    hg_memory m = hg_memory_ledger(&b->model, &b->d, &b->engine, &b->device);
    CHECK_NEAR(m.kv_bytes_per_token, 21 * (512 * 2 + 132) / 4.0 + 20 * 512 * 2 / 128.0, 1e-9);
    CHECKF(m.kv_bytes_window >= 43.0 * 128 * 512 * 2, "%g bytes of windows", m.kv_bytes_window);
}

/* Every model is priced or refused with a reason, whatever its layers. */
static void whole_catalogue(hg_arena *arena)
{
    hg_data data = { 0 };
    size_t n, priced = 0;
    const char **ids = hg_model_ids(arena, &data, &n);
    bench *b = HG_NEW(arena, bench, 1);
    if (!prepare(arena, b, "Qwen/Qwen3-32B", 1))
        return;
    for (size_t i = 0; i < n; i++) {
        hg_arena scratch = *arena;
        hg_model m;
        hg_err err = { 0 };
        const char *note;
        CHECK(hg_model_find(&scratch, &data, ids[i], &m, &note, &err));
        bool ok = hg_step_prepare(&m, &b->d, &b->engine, &b->rates, &b->step, &err);
        hg_step_batch batch = { .chunks = 2,
                                .chunk_tokens = 700,
                                .chunk_area = 3e5,
                                .decodes = 5,
                                .decode_context = 5000,
                                .emits = 7 };
        double seconds = ok ? hg_step_seconds(&b->step, &batch) : 0;
        CHECKF(ok ? seconds > 1e-4 && seconds < 60 : err.msg[0] != 0, "%s: %g s", ids[i], seconds);
        priced += ok;
    }
    CHECKF(priced == n, "%zu of %zu models priced", priced, n);
}

/* SGLang tables block-scaled experts only: those scaled a tensor run on the like, not on another engine's. */
static void experts_run_on_own_kernels(hg_arena arena)
{
    bench b;
    hg_data data = { 0 };
    hg_err err;
    const char *note;
    if (!prepare(&arena, &b, "Qwen/Qwen3-30B-A3B", 1))
        return;
    hg_model_set_precision(&b.model, HG_FP8);
    CHECK(hg_engine_find(&arena, &data, "sglang", NULL, &b.engine, &err) &&
          hg_rates_open(&arena, &data, &b.device, "sglang", NULL, &b.rates, &note, &err) &&
          hg_step_prepare(&b.model, &b.d, &b.engine, &b.rates, &b.step, &err));
    const hg_step_item *it = item(&b.step, "experts");
    CHECK(it && it->rate.rung <= HG_RUNG_VERSION && it->shape.dtype == HG_FP8_BLOCK);
}

/* Ranks of attention DP meet at the experts only; a dense model's never do. */
static void ranks_meet_at_experts(hg_arena arena)
{
    bench b;
    hg_err err;
    if (!prepare(&arena, &b, "Qwen/Qwen3-30B-A3B", 1))
        return;
    CHECK(!b.step.meets && item(&b.step, "experts")->role == HG_PER_TOKEN);
    b.d.dp = 4;
    CHECK(hg_step_prepare(&b.model, &b.d, &b.engine, &b.rates, &b.step, &err) && b.step.meets);
    hg_step_batch even = { .decodes = 32, .decode_context = 32 * 1000, .emits = 32 };
    hg_step_batch busy = even;
    busy.mean_tokens = 512; /* the others hold prompts */
    CHECK(hg_step_seconds(&b.step, &busy) > 1.1 * hg_step_seconds(&b.step, &even));
    if (!prepare(&arena, &b, "Qwen/Qwen3-8B", 1))
        return;
    b.d.dp = 4;
    CHECK(hg_step_prepare(&b.model, &b.d, &b.engine, &b.rates, &b.step, &err) && !b.step.meets);
}

void test_step(void)
{
    hg_arena arena;
    CHECK(hg_arena_open(&arena, 0));
    latent_attention(arena);
    products_are_the_weights(&arena);
    states_do_not_grow(arena);
    kimi_delta_attention(arena);
    sparse_attention(arena);
    compressed_attention(arena);
    experts_run_on_own_kernels(arena);
    ranks_meet_at_experts(arena);
    whole_catalogue(&arena);
    chunks_cost(arena);
    latent_cache_is_whole(arena);
    hg_arena_close(&arena);
}

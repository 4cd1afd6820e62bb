#include "test.h"

#include "cost/memory.h"
#include "cost/step.h"

#include <math.h>
#include <string.h>

/* What a step is made of, by model and deployment; the figures themselves are the tables' business. */

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
    b->d = (hg_deployment){ .tp = tp, .pp = 1, .dp = 1, .ep = 1, .replicas = 1, .max_num_seqs = 256,
                            .max_num_batched_tokens = 8192, .max_model_len = 8192,
                            .gpu_memory_utilization = 0.9, .block_tokens = 16 };
    bool ok = hg_model_find(arena, &data, model, &b->model, &note, &err) &&
              hg_device_find(arena, &data, "h200_sxm", &b->device, &err) &&
              hg_engine_find(arena, &data, "vllm", &b->engine, &err) &&
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

/* Products of weights of every token: their elements must be those the model was counted with. */
static double weights_of_tokens(const hg_step *s)
{
    double sum = 0;
    for (int i = 0; i < s->count; i++) {
        const hg_step_item *it = &s->items[i];
        bool attention = strstr(it->name, "projection") || strstr(it->name, "latent space");
        if (it->rate.op == &hg_op_gemm && attention && it->role != HG_PER_PROMPT_KEY)
            sum += it->repeat * dim(it, "n") * dim(it, "k");
        if (it->rate.op == &hg_op_mla_bmm)
            sum += it->repeat * dim(it, "num_heads") * dim(it, "kv_lora_rank") * 128;
    }
    return sum;
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

static void one_rank_holds_the_model(hg_arena scratch)
{
    bench *b = HG_NEW(&scratch, bench, 1);
    if (!prepare(&scratch, b, "deepseek-ai/DeepSeek-V3", 1))
        return;
    double want = 61 * hg_layer_attention_weights(&b->model, &b->model.layers[0]);
    double dense = 3 * 3.0 * 7168 * 18432; /* gate, up and down of the three dense layers */
    CHECK_NEAR(weights_of_tokens(&b->step), want + dense, 1e-9);
}

/* Keys cached before a chunk are brought up again, and attended to: a prompt in two chunks takes longer. */
static void chunks_cost(hg_arena scratch)
{
    bench *b = HG_NEW(&scratch, bench, 1);
    if (!prepare(&scratch, b, "deepseek-ai/DeepSeek-V3", 8))
        return;
    hg_step_batch whole = { .chunks = 1, .chunk_tokens = 8192, .chunk_area = 8192.0 * 4096 };
    hg_step_batch first = { .chunks = 1, .chunk_tokens = 4096, .chunk_area = 4096.0 * 2048 };
    hg_step_batch second = { .chunks = 1, .chunk_tokens = 4096, .chunk_area = 4096.0 * (4096 + 2048) };
    CHECK(hg_step_attention_seconds(&b->step, &first) + hg_step_attention_seconds(&b->step, &second) >
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

void test_step(void)
{
    hg_arena arena;
    CHECK(hg_arena_open(&arena, 0));
    latent_attention(arena);
    one_rank_holds_the_model(arena);
    chunks_cost(arena);
    latent_cache_is_whole(arena);
    hg_arena_close(&arena);
}

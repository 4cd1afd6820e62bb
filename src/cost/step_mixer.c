#include "cost/step_build.h"

#include <math.h>
#include <string.h>

static void add_attention(hg_builder *b, const hg_layer *l, double repeat)
{
    double tp = (double)b->d->tp;
    hg_shape s = { .dtype = HG_BF16, .kv_dtype = b->d->kv_dtype };
    const hg_op *ops[2] = { &hg_op_context_attention, &hg_op_generation_attention };
    for (int i = 0; i < 2; i++) {
        const hg_op *op = ops[i];
        hg_shape at = s;
        at.d[hg_dim_of(op, "num_heads")] = ceil((double)l->heads / tp);
        at.d[hg_dim_of(op, "num_key_value_heads")] = ceil((double)l->kv_heads / tp);
        at.d[hg_dim_of(op, "head_dim")] = (double)l->head_dim;
        at.d[hg_dim_of(op, "window_size")] = (double)l->window_tokens;
        hg_step_item *it = hg_add_item(b, i ? "decode attention" : "prefill attention",
                               i ? HG_DECODE_ATTENTION : HG_PREFILL_ATTENTION, repeat);
        hg_use_op(b, it, op, &at, "batch_size", 1);
        it->dim_new = hg_dim_of(op, "isl");
        it->dim_cached = hg_dim_of(op, "step");
    }
}

/* Query, key and value heads of one rank; key-value heads are copied when ranks outnumber them. */
static void add_gqa_mixer(hg_builder *b, const hg_layer *l, double repeat)
{
    double tp = (double)b->d->tp, h = (double)b->m->hidden_size, hd = (double)l->head_dim;
    double heads = (double)l->heads / tp, kv = ceil((double)l->kv_heads / tp);
    hg_dtype dtype = b->m->precision.attention;
    double kv_out = l->shares_kv ? 0 : l->k_is_v ? kv * hd : 2 * kv * hd;
    double q_out = heads * hd * (l->output_gate ? 2 : 1);
    hg_add_gemm(b, "qkv projection", HG_PER_TOKEN, repeat, q_out + kv_out, h, dtype);
    /* Rotary embedding and the write to the KV cache: queries and keys read and written once. */
    hg_add_pass(b, "rotary embedding, KV write", HG_PER_TOKEN, repeat, 2 * 2 * (heads * hd + 2 * kv * hd));
    add_attention(b, l, repeat);
    hg_add_gemm(b, "output projection", HG_PER_TOKEN, repeat, h, heads * (double)l->v_head_dim,
             b->m->precision.o_proj);
    hg_add_all_reduce(b, "all-reduce", repeat, tp, h);
}

/* Heads of one rank, by the columns of the latent attention tables. */
static void fill_latent(const hg_op *op, const hg_layer *l, double heads, hg_shape *s)
{
    const struct {
        const char *column;
        int64_t value;
    } dims[] = {
        { "qk_nope_head_dim", l->head_dim - l->rope_head_dim }, { "v_head_dim", l->v_head_dim },
        { "qk_rope_head_dim", l->rope_head_dim },               { "kv_lora_rank", l->kv_lora_rank },
    };
    s->d[hg_dim_of(op, "num_heads")] = heads;
    for (int i = 0; op->dims[i].column; i++)
        for (size_t k = 0; k < sizeof dims / sizeof *dims; k++)
            if (strcmp(op->dims[i].column, dims[k].column) == 0)
                s->d[i] = (double)dims[k].value;
}

static void add_latent_kernel(hg_builder *b, const hg_layer *l, const char *name, const hg_op *op,
                              hg_role role, double repeat)
{
    hg_shape s = { .dtype = HG_BF16, .kv_dtype = b->d->kv_dtype };
    hg_step_item *it = hg_add_item(b, name, role, repeat);
    fill_latent(op, l, (double)l->heads / (double)b->d->tp, &s);
    hg_use_op(b, it, op, &s, "batch_size", 1);
    it->dim_new = hg_dim_of(op, "isl");
    it->dim_cached = hg_dim_of(op, "step");
}

/* Engines keep the absorbed halves of the up-projection in 16 bits (vLLM's and TensorRT-LLM's default;
 * SGLang's has an 8-bit kernel too). */
static void add_latent_bmm(hg_builder *b, const hg_layer *l, const char *name, float kind, double repeat)
{
    hg_shape s = { .dtype = HG_BF16, .kind = kind };
    hg_step_item *it = hg_add_item(b, name, HG_PER_DECODE, repeat);
    fill_latent(&hg_op_mla_bmm, l, (double)l->heads / (double)b->d->tp, &s);
    hg_use_op(b, it, &hg_op_mla_bmm, &s, "num_tokens", 1);
}

/* Prompts bring the latent up to keys and values of every head; a new token brings its queries into
 * the latent space and the result out of it.  The ways down are whole on every rank. */
static void add_mla_mixer(hg_builder *b, const hg_layer *l, double repeat)
{
    double tp = (double)b->d->tp, h = (double)b->m->hidden_size, heads = (double)l->heads / tp;
    double q_lora = (double)l->q_lora_rank, query = heads * (double)l->head_dim;
    double entry = (double)(l->kv_lora_rank + l->rope_head_dim), value = (double)l->v_head_dim;
    double expanded = heads * ((double)(l->head_dim - l->rope_head_dim) + value);
    hg_dtype dtype = b->m->precision.attention;
    hg_add_gemm(b, "latent down projection", HG_PER_TOKEN, repeat, (q_lora > 0 ? q_lora : query) + entry, h, dtype);
    hg_add_pass(b, "latent norms, KV write", HG_PER_TOKEN, repeat, 2 * 2 * (q_lora + entry));
    if (q_lora > 0)
        hg_add_gemm(b, "query up projection", HG_PER_TOKEN, repeat, query, q_lora, dtype);
    hg_add_pass(b, "rotary embedding", HG_PER_TOKEN, repeat, 2 * 2 * (heads + 1) * (double)l->rope_head_dim);
    hg_add_gemm(b, "key and value up projection", HG_PER_PROMPT_KEY, repeat, expanded,
                (double)l->kv_lora_rank, dtype);
    add_latent_kernel(b, l, "prefill attention", &hg_op_context_mla, HG_PREFILL_ATTENTION, repeat);
    add_latent_bmm(b, l, "queries into latent space", HG_BMM_PRE, repeat);
    add_latent_kernel(b, l, "decode attention", &hg_op_generation_mla, HG_DECODE_ATTENTION, repeat);
    add_latent_bmm(b, l, "values out of latent space", HG_BMM_POST, repeat);
    hg_add_gemm(b, "output projection", HG_PER_TOKEN, repeat, h, heads * value, b->m->precision.o_proj);
    hg_add_all_reduce(b, "all-reduce", repeat, tp, h);
}

/* The tables' architecture that is this layer's, else the nearer in its indexer. */
static float dsa_kind(const hg_layer *l, int64_t hidden)
{
    bool glm = hidden == 6144 || (hidden != 7168 && l->index_heads == 32);
    return (float)(glm + (l->index_heads ? 0 : HG_DSA_SKIP));
}

static void add_sparse_block(hg_builder *b, const hg_layer *l, const char *name, const hg_op *op, hg_role role,
                             double repeat)
{
    hg_shape s = { .dtype = b->m->precision.attention, .kv_dtype = b->d->kv_dtype,
                   .kind = dsa_kind(l, b->m->hidden_size) };
    hg_step_item *it = hg_add_item(b, name, role, repeat);
    fill_latent(op, l, (double)l->heads / (double)b->d->tp, &s);
    s.d[hg_dim_of(op, "hidden_size")] = (double)b->m->hidden_size;
    s.d[hg_dim_of(op, "q_lora_rank")] = (double)l->q_lora_rank;
    s.d[hg_dim_of(op, "index_topk")] = (double)l->sparse_topk;
    hg_use_op(b, it, op, &s, "batch_size", 1);
    it->shape.d[hg_dim_of(op, "index_n_heads")] = (double)l->index_heads;
    it->shape.d[hg_dim_of(op, "index_head_dim")] = (double)l->index_head_dim;
    it->dim_new = hg_dim_of(op, "isl");
    it->dim_cached = hg_dim_of(op, "step");
}

/* Blocks of sparse attention were measured whole: projections, indexer and attention in one. */
static void add_sparse_mixer(hg_builder *b, const hg_layer *l, double repeat)
{
    add_sparse_block(b, l, "sparse attention, prompts", &hg_op_dsa_context_module, HG_PREFILL_ATTENTION, repeat);
    add_sparse_block(b, l, "sparse attention, decode", &hg_op_dsa_generation_module, HG_DECODE_ATTENTION, repeat);
    hg_add_all_reduce(b, "all-reduce", repeat, (double)b->d->tp, (double)b->m->hidden_size);
}

static void add_compressed_kernel(hg_builder *b, const char *const names[2], hg_shape s, double repeat)
{
    const hg_op *op = &hg_op_compressed_attention;
    for (int decode = 0; decode < 2; decode++) {
        hg_step_item *it = hg_add_item(b, names[decode], decode ? HG_DECODE_ATTENTION : HG_PREFILL_ATTENTION, repeat);
        hg_use_op(b, it, op, &s, "batch_size", 1);
        it->dim_new = hg_dim_of(op, "isl");
        it->dim_cached = hg_dim_of(op, "step");
    }
}

static void add_compressed_attention(hg_builder *b, const hg_layer *l, double repeat)
{
    static const char *const attention[2] = { "prefill attention", "decode attention" };
    static const char *const indexer[2] = { "indexer, prompts", "indexer, decode" };
    const hg_op *op = &hg_op_compressed_attention;
    double ratio = l->compress_ratio > 1 ? (double)l->compress_ratio : 0;
    hg_shape s = { .dtype = HG_BF16, .kv_dtype = b->d->kv_dtype };
    s.d[hg_dim_of(op, "num_heads")] = ceil((double)l->heads / (double)b->d->tp);
    s.d[hg_dim_of(op, "head_dim")] = (double)l->head_dim;
    s.d[hg_dim_of(op, "window_size")] = (double)l->window_tokens;
    s.d[hg_dim_of(op, "compress_ratio")] = ratio;
    s.d[hg_dim_of(op, "index_topk")] = (double)l->sparse_topk;
    add_compressed_kernel(b, attention, s, repeat);
    if (!l->index_heads)
        return;
    /* Scores only, in 8 bits: half of what attention takes for a pair. */
    hg_shape index = { .dtype = HG_FP8, .kv_dtype = HG_FP8 };
    index.d[hg_dim_of(op, "num_heads")] = (double)l->index_heads;
    index.d[hg_dim_of(op, "head_dim")] = (double)l->index_head_dim / 2;
    index.d[hg_dim_of(op, "compress_ratio")] = ratio;
    add_compressed_kernel(b, indexer, index, repeat);
}

/* DeepSeek-V4: the shared vector, compressor and indexer are whole on every rank; the output goes through
 * low ranks by groups of heads. */
static void add_compressed_mixer(hg_builder *b, const hg_layer *l, double repeat)
{
    double tp = (double)b->d->tp, h = (double)b->m->hidden_size, heads = (double)l->heads / tp;
    double q_lora = (double)l->q_lora_rank, dim = (double)l->head_dim, rank = (double)l->o_lora_rank;
    double index = (double)l->index_heads, index_dim = (double)l->index_head_dim;
    double compressor = l->compress_ratio > 1 ? 2 * (index > 0 ? 2 : 1) * dim : 0;
    hg_dtype dtype = b->m->precision.attention;
    hg_add_gemm(b, "latent down projection", HG_PER_TOKEN, repeat, q_lora + dim, h, dtype);
    hg_add_gemm(b, "compressor projection", HG_PER_TOKEN, repeat,
                compressor + (index > 0 ? index + 4 * index_dim : 0), h, HG_BF16);
    hg_add_pass(b, "latent norms, KV write", HG_PER_TOKEN, repeat, 2 * 2 * (q_lora + dim));
    hg_add_gemm(b, "query up projection", HG_PER_TOKEN, repeat, heads * dim, q_lora, dtype);
    hg_add_gemm(b, "index query projection", HG_PER_TOKEN, repeat, index * index_dim, q_lora, dtype);
    hg_add_pass(b, "rotary embedding", HG_PER_TOKEN, repeat, 2 * 2 * (heads + 1) * (double)l->rope_head_dim);
    add_compressed_attention(b, l, repeat);
    hg_add_gemm(b, "output down projection", HG_PER_TOKEN, repeat, rank, heads * dim, b->m->precision.o_proj);
    hg_add_gemm(b, "output projection", HG_PER_TOKEN, repeat, h, (double)l->o_groups / tp * rank,
                b->m->precision.o_proj);
    hg_add_all_reduce(b, "all-reduce", repeat, tp, h);
}

void hg_add_mixer(hg_builder *b, const hg_layer *l, double repeat)
{
    static void (*const add[HG_MIXERS])(hg_builder *, const hg_layer *, double) = {
        [HG_MIX_GQA] = add_gqa_mixer,
        [HG_MIX_MLA] = add_mla_mixer,
        [HG_MIX_GDN] = hg_add_gdn_mixer,
        [HG_MIX_KDA] = hg_add_kda_mixer,
        [HG_MIX_MAMBA2] = hg_add_mamba_mixer,
    };
    if (l->mixer == HG_MIX_MLA && l->k_is_v)
        add_compressed_mixer(b, l, repeat);
    else if (l->mixer == HG_MIX_MLA && l->sparse_topk > 0)
        add_sparse_mixer(b, l, repeat);
    else if (add[l->mixer])
        add[l->mixer](b, l, repeat);
}

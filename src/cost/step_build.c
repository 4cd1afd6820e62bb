#include "cost/step.h"

#include "cost/collective.h"

#include "base/num.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* What the builders share while a step is put together. */
typedef struct build {
    const hg_model *m;
    const hg_deployment *d;
    const hg_engine *e;
    const hg_rates *rates;
    hg_step *out;
} build;

static int dim_of(const hg_op *op, const char *column)
{
    for (int i = 0; op->dims[i].column; i++)
        if (strcmp(op->dims[i].column, column) == 0)
            return i;
    assert(!"the op has this dimension");
    return 0;
}

static hg_step_item *add(build *b, const char *name, hg_role role, double repeat)
{
    assert(b->out->count < HG_STEP_ITEMS);
    hg_step_item *it = &b->out->items[b->out->count++];
    *it = (hg_step_item){ .name = name, .role = role, .repeat = repeat };
    return it;
}

static void use_op(build *b, hg_step_item *it, const hg_op *op, const hg_shape *shape, const char *dim,
                   double scale)
{
    it->shape = *shape;
    it->rate = hg_rates_pick(b->rates, op, shape);
    it->dim = dim_of(op, dim);
    it->scale = scale;
    for (int i = 0; op->dims[i].column; i++)
        if (!it->shape.d[i] && !isnan(op->dims[i].absent))
            it->shape.d[i] = op->dims[i].absent;
}

/* Block-scaled products take activations quantised by groups, by a kernel of the engine's own whose time
 * its product tables leave out; other quantisers are in the tables. */
static void add_quantiser(build *b, hg_role role, double repeat, double k, hg_dtype dtype)
{
    if (dtype != HG_FP8_BLOCK || b->e->gemm_tables_quantise)
        return;
    hg_shape s = { .dtype = HG_FP8 };
    use_op(b, add(b, "activations to fp8", role, repeat), &hg_op_memory_pass, &s, "bytes", 3 * k);
}

static void add_gemm(build *b, const char *name, hg_role role, double repeat, double n, double k,
                     hg_dtype dtype)
{
    if (n < 1 || k < 1)
        return;
    add_quantiser(b, role, repeat, k, dtype);
    hg_shape s = { .dtype = dtype };
    s.d[dim_of(&hg_op_gemm, "n")] = n;
    s.d[dim_of(&hg_op_gemm, "k")] = k;
    hg_step_item *it = add(b, name, role, repeat);
    use_op(b, it, &hg_op_gemm, &s, "m", 1);
    it->rate = hg_rates_pick_tuned(b->rates, &hg_op_gemm, &it->shape, it->dim, 1,
                                   b->e->gemm_tables_quantise && dtype == HG_FP8);
}

/* A pass over memory of so many bytes a token (or emit). */
static void add_pass(build *b, const char *name, hg_role role, double repeat, double bytes)
{
    hg_shape s = { .dtype = HG_FP8 }; /* the label of the table that calibrates passes */
    hg_step_item *it = add(b, name, role, repeat);
    use_op(b, it, &hg_op_memory_pass, &s, "bytes", bytes);
    /* What one engine's quantiser wastes says nothing of its norms. */
    it->rate = hg_rates_pick_tuned(b->rates, &hg_op_memory_pass, &it->shape, it->dim, bytes, true);
}

/* All ranks of a tensor-parallel group sum `elements` 16-bit numbers a token. */
static void add_all_reduce(build *b, const char *name, double repeat, double ranks, double elements)
{
    if (ranks <= 1)
        return;
    const hg_device *dev = &b->rates->device;
    hg_step_item *it = add(b, name, HG_PER_TOKEN, repeat);
    hg_shape s = { .dtype = HG_BF16 };
    if (ranks <= (double)dev->domain_devices) {
        s.d[dim_of(&hg_op_custom_allreduce, "num_gpus")] = ranks;
        s.kind = HG_ALLREDUCE_GRAPH;
        use_op(b, it, &hg_op_custom_allreduce, &s, "message_size", elements);
        return;
    }
    s.d[dim_of(&hg_op_internode, "ranks")] = ranks;
    s.d[dim_of(&hg_op_internode, "ranks_per_node")] = (double)b->rates->device.node_devices;
    s.kind = HG_ALL_REDUCE;
    use_op(b, it, &hg_op_internode, &s, "bytes", 2 * elements);
}

static void add_nccl(build *b, const char *name, hg_role role, double repeat, hg_collective what,
                     double ranks, double elements)
{
    if (ranks <= 1)
        return;
    hg_shape s = { .dtype = HG_BF16, .kind = (float)what };
    hg_step_item *it = add(b, name, role, repeat);
    if (ranks <= (double)b->rates->device.domain_devices) {
        s.d[dim_of(&hg_op_nccl, "num_gpus")] = ranks;
        use_op(b, it, &hg_op_nccl, &s, "message_size", elements);
        return;
    }
    s.d[dim_of(&hg_op_internode, "ranks")] = ranks;
    s.d[dim_of(&hg_op_internode, "ranks_per_node")] = (double)b->rates->device.node_devices;
    use_op(b, it, &hg_op_internode, &s, "bytes", 2 * elements);
}

static void add_attention(build *b, const hg_layer *l, double repeat)
{
    double tp = (double)b->d->tp;
    hg_shape s = { .dtype = HG_BF16, .kv_dtype = b->d->kv_dtype };
    const hg_op *ops[2] = { &hg_op_context_attention, &hg_op_generation_attention };
    for (int i = 0; i < 2; i++) {
        const hg_op *op = ops[i];
        hg_shape at = s;
        at.d[dim_of(op, "num_heads")] = ceil((double)l->heads / tp);
        at.d[dim_of(op, "num_key_value_heads")] = ceil((double)l->kv_heads / tp);
        at.d[dim_of(op, "head_dim")] = (double)l->head_dim;
        at.d[dim_of(op, "window_size")] = (double)l->window_tokens;
        hg_step_item *it = add(b, i ? "decode attention" : "prefill attention",
                               i ? HG_DECODE_ATTENTION : HG_PREFILL_ATTENTION, repeat);
        use_op(b, it, op, &at, "batch_size", 1);
        it->dim_new = dim_of(op, "isl");
        it->dim_cached = dim_of(op, "step");
    }
}

/* Query, key and value heads of one rank; key-value heads are copied when ranks outnumber them. */
static void add_gqa_mixer(build *b, const hg_layer *l, double repeat)
{
    double tp = (double)b->d->tp, h = (double)b->m->hidden_size, hd = (double)l->head_dim;
    double heads = (double)l->heads / tp, kv = ceil((double)l->kv_heads / tp);
    hg_dtype dtype = b->m->precision.attention;
    double kv_out = l->shares_kv ? 0 : l->k_is_v ? kv * hd : 2 * kv * hd;
    double q_out = heads * hd * (l->output_gate ? 2 : 1);
    add_gemm(b, "qkv projection", HG_PER_TOKEN, repeat, q_out + kv_out, h, dtype);
    /* Rotary embedding and the write to the KV cache: queries and keys read and written once. */
    add_pass(b, "rotary embedding, KV write", HG_PER_TOKEN, repeat, 2 * 2 * (heads * hd + 2 * kv * hd));
    add_attention(b, l, repeat);
    add_gemm(b, "output projection", HG_PER_TOKEN, repeat, h, heads * (double)l->v_head_dim,
             b->m->precision.o_proj);
    add_all_reduce(b, "all-reduce", repeat, tp, h);
}

static void add_dense_ffn(build *b, const char *const names[3], double inter, hg_dtype dtype, bool gated,
                          double repeat)
{
    double tp = (double)b->d->tp, h = (double)b->m->hidden_size, width = inter / tp;
    add_gemm(b, names[0], HG_PER_TOKEN, repeat, (gated ? 2 : 1) * width, h, dtype);
    add_pass(b, names[1], HG_PER_TOKEN, repeat, 2 * ((gated ? 2 : 1) + 1) * width);
    add_gemm(b, names[2], HG_PER_TOKEN, repeat, h, width, dtype);
}

/* Experts are spread over all ranks of the engine (tp·dp): ep groups of whole experts, the rest of
 * the width cut inside each. */
static void add_experts(build *b, const hg_layer *l, double repeat)
{
    double ranks = (double)(b->d->tp * b->d->dp), h = (double)b->m->hidden_size;
    const hg_op *op = &hg_op_moe;
    hg_shape s = { .dtype = b->m->precision.experts, .kind = HG_MOE_SKEW };
    s.d[dim_of(op, "hidden_size")] = (double)(l->expert_hidden_size ? l->expert_hidden_size : b->m->hidden_size);
    s.d[dim_of(op, "inter_size")] = (double)l->expert_inter_size;
    s.d[dim_of(op, "topk")] = (double)l->topk;
    s.d[dim_of(op, "num_experts")] = (double)l->experts;
    s.d[dim_of(op, "moe_tp_size")] = ranks / (double)b->d->ep;
    s.d[dim_of(op, "moe_ep_size")] = (double)b->d->ep;
    add_gemm(b, "router", HG_PER_TOKEN, repeat, (double)l->experts, h, HG_BF16);
    /* With attention DP the tokens of all ranks meet at the experts and go home after them. */
    add_nccl(b, "all-gather to experts", HG_PER_TOKEN, repeat, HG_ALL_GATHER, (double)b->d->dp,
             h * (double)b->d->dp);
    use_op(b, add(b, "experts", HG_PER_TOKEN, repeat), op, &s, "num_tokens", (double)b->d->dp);
    add_nccl(b, "reduce-scatter from experts", HG_PER_TOKEN, repeat, HG_REDUCE_SCATTER,
             (double)b->d->dp, h * (double)b->d->dp);
}

static void add_ffn(build *b, const hg_layer *l, double repeat)
{
    static const char *const dense[3] = { "gate and up projection", "activation", "down projection" };
    static const char *const shared[3] = { "shared expert gate and up", "shared expert activation",
                                           "shared expert down" };
    double h = (double)b->m->hidden_size;
    if (l->ffn == HG_FFN_DENSE)
        add_dense_ffn(b, dense, (double)l->inter_size, b->m->precision.mlp, l->gated, repeat);
    if (l->ffn == HG_FFN_MOE) {
        add_experts(b, l, repeat);
        if (l->shared_inter_size > 0)
            add_dense_ffn(b, shared, (double)l->shared_inter_size, b->m->precision.mlp, l->gated, repeat);
    }
    if (l->ffn != HG_FFN_NONE)
        add_all_reduce(b, "all-reduce", repeat, (double)b->d->tp, h);
}

static void add_layer(build *b, const hg_layer *l)
{
    double repeat = (double)l->count, h = (double)b->m->hidden_size;
    double norms = (l->mixer != HG_MIX_NONE) + (l->ffn != HG_FFN_NONE);
    /* Residual added and normalised in one pass: two vectors read, two written, 16 bits each. */
    add_pass(b, "norm and residual", HG_PER_TOKEN, repeat * norms, 4 * 2 * h);
    if (l->mixer == HG_MIX_GQA)
        add_gqa_mixer(b, l, repeat);
    add_ffn(b, l, repeat);
}

static void add_ends(build *b)
{
    double h = (double)b->m->hidden_size, tp = (double)b->d->tp, vocab = (double)b->m->vocab_size;
    add_pass(b, "embedding", HG_PER_TOKEN, 1, 2 * 2 * h);
    add_all_reduce(b, "embedding all-reduce", 1, tp, h);
    if (b->d->pp > 1) {
        hg_shape s = { .dtype = HG_BF16 };
        hg_step_item *it = add(b, "pipeline send", HG_PER_TOKEN, (double)(b->d->pp - 1));
        s.d[dim_of(&hg_op_internode, "ranks")] = 2;
        s.kind = b->d->tp * b->d->pp * b->d->dp <= b->rates->device.domain_devices ? HG_P2P_NODE : HG_P2P_NET;
        use_op(b, it, &hg_op_internode, &s, "bytes", 2 * h);
    }
    add_gemm(b, "logits", HG_PER_EMIT, 1, vocab / tp, h, b->m->precision.lm_head);
    add_nccl(b, "logits all-gather", HG_PER_EMIT, 1, HG_ALL_GATHER, tp, vocab);
    /* Sampling reads the logits as 32-bit numbers a few times: temperature, softmax, draw. */
    add_pass(b, "sampling", HG_PER_EMIT, 1, 3 * 4 * vocab);
}

static double once(const hg_step_batch *b, const hg_step *s)
{
    (void)b;
    (void)s;
    return 1;
}

static double per_sequence(const hg_step_batch *b, const hg_step *s)
{
    (void)s;
    return b->decodes + b->chunks;
}

static double with_prompts(const hg_step_batch *b, const hg_step *s)
{
    (void)s;
    return b->chunks > 0;
}

static double per_prompt(const hg_step_batch *b, const hg_step *s)
{
    (void)s;
    return b->chunks;
}

static double without_graph(const hg_step_batch *b, const hg_step *s)
{
    return b->chunk_tokens + b->decodes > (double)s->graph_tokens ? s->layers : 0;
}

static double per_layer(const hg_step_batch *b, const hg_step *s)
{
    (void)b;
    return s->layers;
}

static void add_host(build *b)
{
    const hg_overheads *o = &b->e->overheads;
    const struct {
        const char *name;
        double host_s;
        double (*occasions)(const hg_step_batch *, const hg_step *);
    } terms[] = {
        { "host: step", o->step_s, once },
        { "host: small kernels", o->layer_s, per_layer },
        { "host: sequences", o->sequence_s, per_sequence },
        { "host: prefill step", o->prefill_step_s, with_prompts },
        { "host: prompts", o->prompt_s, per_prompt },
        { "host: launches without graph", o->ungraphed_layer_s, without_graph },
    };
    for (size_t i = 0; i < sizeof terms / sizeof *terms; i++) {
        if (terms[i].host_s <= 0)
            continue;
        hg_step_item *it = add(b, terms[i].name, HG_HOST, 1);
        it->host_s = terms[i].host_s;
        it->occasions = terms[i].occasions;
    }
}

static bool priced(const hg_model *m, hg_err *err)
{
    static const char *const mixers[HG_MIXERS] = {
        [HG_MIX_MLA] = "multi-head latent attention", [HG_MIX_GDN] = "gated delta net layers",
        [HG_MIX_MAMBA2] = "Mamba2 layers", [HG_MIX_KDA] = "Kimi delta attention layers",
    };
    for (int64_t i = 0; i < m->layer_kinds; i++) {
        const char *what = mixers[m->layers[i].mixer];
        if (!what && m->layers[i].sparse_topk > 0)
            what = "sparse attention";
        if (what)
            return hg_fail(err, HG_INPUT, m->name, "has %s, which this version reads and counts but does "
                           "not price yet; dense and MoE models with grouped-query attention are priced",
                           what);
    }
    return true;
}

bool hg_step_prepare(const hg_model *m, const hg_deployment *d, const hg_engine *e, const hg_rates *r,
                     hg_step *out, hg_err *err)
{
    if (!priced(m, err))
        return false;
    *out = (hg_step){ .layers = (double)m->layer_count, .tp = d->tp, .pp = d->pp, .dp = d->dp };
    out->graph_tokens = d->graph_tokens ? d->graph_tokens
                                        : hg_engine_graph_tokens(e, d->max_num_seqs, d->max_num_batched_tokens);
    build b = { m, d, e, r, out };
    for (int64_t i = 0; i < m->layer_kinds; i++)
        add_layer(&b, &m->layers[i]);
    add_ends(&b);
    add_host(&b);
    return true;
}

#include "cost/step_build.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

static void add_dense_ffn(hg_builder *b, const char *const names[3], double inter, hg_dtype dtype, bool gated,
                          double repeat)
{
    double tp = (double)b->d->tp, h = (double)b->m->hidden_size, width = inter / tp;
    hg_add_gemm(b, names[0], HG_PER_TOKEN, repeat, (gated ? 2 : 1) * width, h, dtype);
    hg_add_pass(b, names[1], HG_PER_TOKEN, repeat, 2 * ((gated ? 2 : 1) + 1) * width);
    hg_add_gemm(b, names[2], HG_PER_TOKEN, repeat, h, width, dtype);
}

static bool sends_sparsely(const hg_builder *b)
{
    const hg_device *dev = &b->rates->device;
    int64_t ranks = b->d->tp * b->d->dp;
    return b->d->dp > 1 && b->d->ep == ranks && dev->domain_devices > dev->node_devices &&
           ranks <= dev->domain_devices;
}

static void add_alltoall(hg_builder *b, const char *name, double repeat, const hg_layer *l, float part)
{
    const hg_op *op = &hg_op_trtllm_alltoall;
    hg_shape s = { .dtype = b->m->precision.experts, .kind = part };
    s.d[hg_dim_of(op, "hidden_size")] = (double)(l->expert_hidden_size ? l->expert_hidden_size : b->m->hidden_size);
    s.d[hg_dim_of(op, "topk")] = (double)l->topk;
    s.d[hg_dim_of(op, "num_experts")] = (double)l->experts;
    s.d[hg_dim_of(op, "moe_ep_size")] = (double)b->d->ep;
    hg_use_op(b, hg_add_item(b, name, HG_PER_RANKS_TOKEN, repeat), op, &s, "num_tokens", 1);
}

/* Spread over more ranks than a node of cards has, experts are copied and placed by load (EPLB); how even that
 * leaves it where tables are is theirs to say. */
enum { NODE_RANKS = 8 };

static bool is_balanced(const hg_builder *b)
{
    return b->rates->transfer->published && b->e->redundant_experts && b->d->ep > NODE_RANKS;
}

static hg_shape experts_shape(const hg_builder *b, const hg_layer *l, const hg_op *op)
{
    hg_shape s = { .dtype = b->m->precision.experts, .kind = is_balanced(b) ? 0 : HG_MOE_SKEW };
    s.d[hg_dim_of(op, "hidden_size")] = (double)(l->expert_hidden_size ? l->expert_hidden_size : b->m->hidden_size);
    s.d[hg_dim_of(op, "inter_size")] = (double)l->expert_inter_size;
    s.d[hg_dim_of(op, "topk")] = (double)l->topk;
    s.d[hg_dim_of(op, "num_experts")] = (double)l->experts;
    s.d[hg_dim_of(op, "moe_tp_size")] = (double)(b->d->tp * b->d->dp) / (double)b->d->ep;
    s.d[hg_dim_of(op, "moe_ep_size")] = (double)b->d->ep;
    return s;
}

/* Of the engine itself, in whatever version. */
static bool is_own(const hg_rate *rate)
{
    return rate->surface && (rate->rung == HG_RUNG_OWN || rate->rung == HG_RUNG_VERSION);
}

/* A kernel that takes so many times what the other kind of scales takes was tabled before it was tuned. */
static const double NOT_TUNED = 2;

static bool is_tuned(hg_step_item *it, const hg_rate *other, const hg_shape *of_other)
{
    enum { TOKENS = 64 };
    hg_shape own = it->shape, like = *of_other;
    own.d[it->dim] = like.d[it->dim] = TOKENS;
    return hg_rate_seconds(&it->rate, &own) < NOT_TUNED * hg_rate_seconds(other, &like);
}

/* Experts in 8 bits are scaled a tensor or a block: an engine that tables one kind of kernel runs the other on
 * its like, rather than on another engine's or on one that nobody would choose. */
static void prefer_own_kernels(hg_builder *b, hg_step_item *it)
{
    hg_shape block = it->shape;
    block.dtype = HG_FP8_BLOCK;
    if (it->shape.dtype != HG_FP8)
        return;
    hg_rate like = hg_rates_pick(b->rates, it->rate.op, &block);
    if (!is_own(&like) || like.surface->series[like.series].labels.dtype != HG_FP8_BLOCK ||
        (is_own(&it->rate) && is_tuned(it, &like, &block)))
        return;
    it->shape = block;
    it->rate = like;
}

static void add_experts_by(hg_builder *b, const hg_layer *l, double repeat, hg_role role, const hg_op *op)
{
    hg_shape s = experts_shape(b, l, op);
    hg_step_item *it = hg_add_item(b, "experts", role, repeat);
    hg_use_op(b, it, op, &s, "num_tokens", (double)b->d->dp);
    prefer_own_kernels(b, it);
}

/* Whole experts on every rank of attention DP have kernels of their own, tabled for block-scaled fp8: one
 * for few tokens a rank, one for prompts.  An engine that does not table them has none. */
static bool has_wide_kernels(const hg_builder *b, const hg_layer *l)
{
    if (b->d->dp == 1 || b->d->ep != b->d->tp * b->d->dp || b->m->precision.experts != HG_FP8_BLOCK)
        return false;
    hg_shape s = experts_shape(b, l, &hg_op_wideep_generation_moe);
    hg_rate rate = hg_rates_pick(b->rates, &hg_op_wideep_generation_moe, &s);
    return is_own(&rate);
}

/* Elements of 16 bits a token sends to the experts of other ranks. */
static double gathered(const hg_builder *b)
{
    bool narrow = b->e->gathers_quantised && b->m->precision.experts == HG_NVFP4;
    double of_16_bits = narrow ? hg_dtype_table[HG_NVFP4].activation_bytes / 2 : 1;
    return of_16_bits * (double)b->m->hidden_size * (double)b->d->dp;
}

/* Experts are spread over all ranks of the engine (tp·dp): ep groups of whole experts, the rest of
 * the width cut inside each. */
static void add_experts(hg_builder *b, const hg_layer *l, double repeat)
{
    double h = (double)b->m->hidden_size;
    hg_role role = b->d->dp > 1 ? HG_PER_RANKS_TOKEN : HG_PER_TOKEN;
    hg_add_gemm(b, "router", HG_PER_TOKEN, repeat, (double)l->experts, h, HG_BF16);
    /* With attention DP the tokens of all ranks meet at the experts and go home after them: those of a
     * token's own experts only where a rack's links allow kernels of their own. */
    bool sparse = sends_sparsely(b);
    if (sparse) {
        add_alltoall(b, "route exchange", repeat, l, HG_ALLTOALL_PREPARE);
        add_alltoall(b, "dispatch to experts", repeat, l, HG_ALLTOALL_DISPATCH);
    } else {
        hg_add_nccl(b, "all-gather to experts", role, repeat, HG_ALL_GATHER, (double)b->d->dp, gathered(b));
    }
    if (has_wide_kernels(b, l)) {
        add_experts_by(b, l, repeat, HG_PER_RANKS_FEW, &hg_op_wideep_generation_moe);
        add_experts_by(b, l, repeat, HG_PER_RANKS_MANY, &hg_op_wideep_context_moe);
    } else {
        add_experts_by(b, l, repeat, role, &hg_op_moe);
    }
    if (sparse)
        add_alltoall(b, "combine from experts", repeat, l, HG_ALLTOALL_COMBINE);
    else
        hg_add_nccl(b, "reduce-scatter from experts", role, repeat, HG_REDUCE_SCATTER,
                    (double)b->d->dp, h * (double)b->d->dp);
}

/* Engines run it on a second stream beside the routed experts, or as one more of them: launches and the ends
 * of small kernels do not show, its share of memory and tensor cores does. */
static void add_shared_expert(hg_builder *b, const hg_layer *l, double repeat)
{
    static const char *const names[3] = { "shared expert gate and up", "shared expert activation", "shared expert down" };
    const char *where = b->e->shared_beside;
    bool beside = where && (strcmp(where, "all") == 0 || l->mixer == HG_MIX_MLA);
    int before = b->out->count;
    add_dense_ffn(b, names, (double)l->shared_inter_size, b->m->precision.mlp, l->gated, repeat);
    for (int i = before; i < b->out->count; i++)
        b->out->items[i].beside = beside;
}

static void add_ffn(hg_builder *b, const hg_layer *l, double repeat)
{
    static const char *const dense[3] = { "gate and up projection", "activation", "down projection" };
    double h = (double)b->m->hidden_size;
    if (l->ffn == HG_FFN_DENSE)
        add_dense_ffn(b, dense, (double)l->inter_size, b->m->precision.mlp, l->gated, repeat);
    if (l->ffn == HG_FFN_MOE) {
        add_experts(b, l, repeat);
        if (l->shared_inter_size > 0)
            add_shared_expert(b, l, repeat);
    }
    if (l->ffn != HG_FFN_NONE)
        hg_add_all_reduce(b, "all-reduce", repeat, (double)b->d->tp, h);
}

static void add_layer(hg_builder *b, const hg_layer *l)
{
    double repeat = (double)l->count, h = (double)b->m->hidden_size;
    int before = b->out->count;
    double norms = (l->mixer != HG_MIX_NONE) + (l->ffn != HG_FFN_NONE);
    /* Residual added and normalised in one pass: two vectors read, two written, 16 bits each. */
    hg_add_pass(b, "norm and residual", HG_PER_TOKEN, repeat * norms, 4 * 2 * h);
    hg_add_mixer(b, l, repeat);
    add_ffn(b, l, repeat);
    hg_join_items(b->out, before);
}

static void add_ends(hg_builder *b)
{
    double h = (double)b->m->hidden_size, tp = (double)b->d->tp, vocab = (double)b->m->vocab_size;
    hg_add_pass(b, "embedding", HG_PER_TOKEN, 1, 2 * 2 * h);
    hg_add_all_reduce(b, "embedding all-reduce", 1, tp, h);
    if (b->d->pp > 1) {
        hg_shape s = { .dtype = HG_BF16 };
        hg_step_item *it = hg_add_item(b, "pipeline send", HG_PER_TOKEN, (double)(b->d->pp - 1));
        s.d[hg_dim_of(&hg_op_internode, "ranks")] = 2;
        s.kind = b->d->tp * b->d->pp * b->d->dp <= b->rates->device.domain_devices ? HG_P2P_NODE : HG_P2P_NET;
        hg_use_op(b, it, &hg_op_internode, &s, "bytes", 2 * h);
    }
    hg_add_gemm(b, "logits", HG_PER_EMIT, 1, vocab / tp, h, b->m->precision.lm_head);
    hg_add_nccl(b, "logits all-gather", HG_PER_EMIT, 1, HG_ALL_GATHER, tp, vocab);
    /* Sampling reads the logits as 32-bit numbers a few times: temperature, softmax, draw. */
    hg_add_pass(b, "sampling", HG_PER_EMIT, 1, 3 * 4 * vocab);
}

/* The tables are of one version of the engine: what its kernels of a kind took in another. */
static double ratio_of(const hg_overheads *o, const hg_op *op)
{
    static const struct {
        const hg_op *op;
        size_t ratio;
    } kinds[] = {
        { &hg_op_gemm, offsetof(hg_overheads, gemm_ratio) },
        { &hg_op_mla_bmm, offsetof(hg_overheads, gemm_ratio) },
        { &hg_op_moe, offsetof(hg_overheads, experts_ratio) },
        { &hg_op_wideep_generation_moe, offsetof(hg_overheads, experts_ratio) },
        { &hg_op_wideep_context_moe, offsetof(hg_overheads, experts_ratio) },
        { &hg_op_context_attention, offsetof(hg_overheads, attention_ratio) },
        { &hg_op_generation_attention, offsetof(hg_overheads, attention_ratio) },
        { &hg_op_context_mla, offsetof(hg_overheads, attention_ratio) },
        { &hg_op_generation_mla, offsetof(hg_overheads, attention_ratio) },
        { &hg_op_gdn, offsetof(hg_overheads, attention_ratio) },
        { &hg_op_custom_allreduce, offsetof(hg_overheads, collective_ratio) },
        { &hg_op_nccl, offsetof(hg_overheads, collective_ratio) },
        { &hg_op_internode, offsetof(hg_overheads, collective_ratio) },
        { &hg_op_trtllm_alltoall, offsetof(hg_overheads, collective_ratio) },
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].op == op)
            return *(const double *)(const void *)((const char *)o + kinds[i].ratio);
    return 1;
}

/* Attention is compared where its cache is of 8 bits: kernels that read one changed with the versions, those
 * of 16 bits are as tabled (and as fast on boards that no row is of); and where nothing is tabled at all. */
static void compare_kernels(hg_builder *b)
{
    for (int i = 0; i < b->out->count; i++) {
        hg_step_item *it = &b->out->items[i];
        bool attends = it->role == HG_DECODE_ATTENTION || it->role == HG_PREFILL_ATTENTION;
        if (!attends || it->shape.kv_dtype == HG_FP8 || b->rates->transfer->published)
            it->ratio = ratio_of(&b->e->overheads, it->rate.op);
    }
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

static double per_layer(const hg_step_batch *b, const hg_step *s)
{
    (void)b;
    return s->layers;
}

/* Outside captured graphs the host launches operator by operator, and the device waits where that is
 * slower. */
static void add_launches(hg_builder *b)
{
    const hg_deployment *d = b->d;
    hg_step *s = b->out;
    s->graph_tokens = d->graph_tokens ? d->graph_tokens
                                      : hg_engine_graph_tokens(b->e, d->max_num_seqs, d->max_num_batched_tokens);
    int64_t prompts = d->prompt_graph_tokens ? d->prompt_graph_tokens : b->e->prompt_graph_tokens;
    s->prompt_graph_tokens = d->graph_tokens && !d->prompt_graph_tokens && prompts > 0 ? d->graph_tokens : prompts;
    s->launch_s = b->e->overheads.launch_s;
    for (int i = 0; i < s->count; i++)
        if (s->items[i].role < HG_HOST)
            s->launches += s->items[i].repeat * fmax(1, s->items[i].rate.op->launches) *
                           (s->items[i].drafts ? fmax(1, d->draft_tokens) : 1);
    if (s->launch_s > 0)
        hg_add_item(b, "host: launches outside graphs", HG_LAUNCH, 1);
}

static void add_host(hg_builder *b)
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
    };
    for (size_t i = 0; i < sizeof terms / sizeof *terms; i++) {
        if (terms[i].host_s <= 0)
            continue;
        hg_step_item *it = hg_add_item(b, terms[i].name, HG_HOST, 1);
        it->host_s = terms[i].host_s;
        it->occasions = terms[i].occasions;
    }
}

/* What a layer, with all that is not layers, may come to before its items are joined. */
enum { LAYER_ITEMS = 48 };

/* Layers that differ in every one would overflow the step's list. */
static bool add_layers(hg_builder *b, hg_err *err)
{
    for (int64_t i = 0; i < b->m->layer_kinds; i++) {
        if (b->out->count > HG_STEP_ITEMS - LAYER_ITEMS)
            return hg_fail(err, HG_INPUT, b->m->name, "has %" PRId64 " kinds of layers, more than a step can "
                           "hold; models whose layers are of a few kinds are priced", b->m->layer_kinds);
        add_layer(b, &b->m->layers[i]);
    }
    return true;
}

/* What proposes tokens: its input projection, its layers, and its logits once for each token. */
static bool add_drafts(const hg_builder *target, hg_err *err)
{
    hg_draft_head head;
    if (!hg_deployment_head(target->m, target->d, &head))
        return true;
    hg_builder b = *target;
    double h = (double)head.model.hidden_size;
    b.m = &head.model;
    b.drafts = true;
    if (head.inputs > 0)
        hg_add_gemm(&b, "input projection", HG_PER_TOKEN, 1, h, head.inputs * h, head.model.precision.attention);
    if (!add_layers(&b, err))
        return false;
    hg_add_gemm(&b, "logits", HG_PER_DRAFT, 1, head.vocab / (double)b.d->tp, h, head.model.precision.lm_head);
    hg_add_pass(&b, "sampling", HG_PER_DRAFT, 1, 4 * head.vocab);
    return true;
}

bool hg_step_prepare(const hg_model *m, const hg_deployment *d, const hg_engine *e, const hg_rates *r,
                     hg_step *out, hg_err *err)
{
    *out = (hg_step){ .layers = (double)m->layer_count, .tp = d->tp, .pp = d->pp, .dp = d->dp,
                      .draft_tokens = d->draft_tokens };
    hg_builder b = { m, d, e, r, out, false };
    if (!add_layers(&b, err))
        return false;
    add_ends(&b);
    if (!add_drafts(&b, err))
        return false;
    compare_kernels(&b);
    for (int i = 0; i < out->count; i++)
        out->meets |= out->items[i].role == HG_PER_RANKS_TOKEN || out->items[i].role == HG_PER_RANKS_FEW;
    add_launches(&b);
    add_host(&b);
    return true;
}

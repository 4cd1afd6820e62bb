#include "cost/memory.h"

#include "base/num.h"

#include <math.h>

static double weight_size(hg_dtype dtype)
{
    return hg_dtype_table[dtype].weight_bytes;
}

/* The mixer's weights in bytes, uncut: its output projection may have a precision of its own. */
static double mixer_bytes(const hg_model *m, const hg_layer *l)
{
    const hg_precision *p = &m->precision;
    double all = hg_layer_attention_weights(m, l);
    if (l->mixer != HG_MIX_GQA && l->mixer != HG_MIX_MLA)
        return all * weight_size(p->linear);
    double output = l->o_lora_rank ? 0 : (double)(l->heads * l->v_head_dim) * (double)m->hidden_size;
    return (all - output) * weight_size(p->attention) + output * weight_size(p->o_proj);
}

/* Of the mixer's weights, those that every rank of a tensor-parallel group holds whole: the ways down
 * to the latent and the indexer (vLLM's ReplicatedLinear in deepseek_v2.py). */
static double whole_weights(const hg_model *m, const hg_layer *l)
{
    if (l->mixer != HG_MIX_MLA)
        return 0;
    double index = (double)l->index_heads, dim = (double)l->index_head_dim, h = (double)m->hidden_size;
    double down = h * (double)(l->q_lora_rank + l->kv_lora_rank + l->rope_head_dim);
    return down + (index > 0 ? (double)l->q_lora_rank * index * dim + h * (dim + index) : 0);
}

/* One layer's weights on one rank.  Attention is copied on every dp rank; experts are not. */
static double layer_bytes(const hg_model *m, const hg_layer *l, const hg_deployment *d)
{
    double tp = (double)d->tp, ranks = (double)(d->tp * d->dp);
    double whole = whole_weights(m, l) * weight_size(m->precision.attention);
    return whole + (mixer_bytes(m, l) - whole) / tp + l->small_weights * weight_size(HG_BF16) +
           hg_layer_dense_ffn_weights(m, l) * weight_size(m->precision.mlp) / tp +
           hg_layer_expert_weights(m, l) * weight_size(m->precision.experts) / ranks;
}

double hg_weight_bytes(const hg_model *m, const hg_deployment *d)
{
    double layers = 0, h = (double)m->hidden_size, vocab = (double)m->vocab_size;
    for (int64_t i = 0; i < m->layer_kinds; i++)
        layers += (double)m->layers[i].count * layer_bytes(m, &m->layers[i], d);
    /* Stages hold whole layers: the fullest has the ceiling. */
    double stage = ceil((double)m->layer_count / (double)d->pp) / (double)m->layer_count;
    double embedding = vocab * h * weight_size(HG_BF16) / (double)d->tp;
    double head = vocab * h * weight_size(m->precision.lm_head) / (double)d->tp;
    /* First and last stage hold one each; with one stage both, once when tied.  The vision tower sits
     * whole on the first stage of every rank, 16 bits. */
    double ends = d->pp == 1 ? (m->tied_embeddings ? embedding : embedding + head) : fmax(embedding, head);
    return layers * stage + ends + m->vision_parameters * weight_size(HG_BF16);
}

/* What proposes tokens lies whole on every pipeline stage's ranks, cut by tp like the model. */
static double draft_bytes(const hg_draft_head *head, const hg_deployment *d)
{
    const hg_model *m = &head->model;
    double h = (double)m->hidden_size, layers = 0;
    for (int64_t i = 0; i < m->layer_kinds; i++)
        layers += (double)m->layers[i].count * layer_bytes(m, &m->layers[i], d);
    double input = head->inputs * h * h * weight_size(m->precision.attention);
    double output = head->own_output ? head->vocab * h * weight_size(m->precision.lm_head) : 0;
    double embedding = head->own_embedding && !m->tied_embeddings ? head->vocab * h * weight_size(HG_BF16) : 0;
    return layers + (input + output + embedding) / (double)d->tp;
}

/* The peak of a step of max_num_batched_tokens: the residual stream twice (in and out of a layer), and
 * the widest of attention's (qkv and its output) and feed-forward's (gate, up and their product)
 * intermediates, 16 bits each; then logits of every sequence as 16 and twice as 32 bits (sampler). */
static double activation_bytes(const hg_model *m, const hg_deployment *d)
{
    double tokens = (double)d->max_num_batched_tokens, tp = (double)d->tp, widest = 0;
    for (int64_t i = 0; i < m->layer_kinds; i++) {
        const hg_layer *l = &m->layers[i];
        double attention = (double)(2 * l->heads + 2 * l->kv_heads) * (double)l->head_dim / tp;
        /* Linear mixers: what goes into the convolution and comes out of it, gate and result. */
        double linear = (double)(4 * l->linear_k_heads * l->linear_k_head_dim +
                                 4 * l->linear_v_heads * l->linear_v_head_dim +
                                 4 * l->ssm_heads * l->ssm_head_dim + 4 * l->ssm_groups * l->ssm_state) / tp;
        double dense = 3 * (double)hg_max_i64(l->inter_size, l->shared_inter_size) / tp;
        /* Expanded copies of the tokens for their experts, and the experts' intermediates. */
        double experts = l->ffn == HG_FFN_MOE
                             ? (double)l->topk * ((double)m->hidden_size +
                                                  3 * (double)l->expert_inter_size / (double)(d->tp * d->dp))
                             : 0;
        widest = fmax(widest, fmax(fmax(attention, linear), fmax(dense, experts)));
    }
    double stream = 2 * tokens * (2 * (double)m->hidden_size + widest);
    double logits = (double)d->max_num_seqs * (double)m->vocab_size * (2 + 4 + 4) / tp;
    return fmax(stream, logits);
}

/* KV heads are copied when ranks outnumber them: the fullest rank holds ceil(kv_heads ÷ tp). */
static double rank_share(const hg_layer *l, const hg_deployment *d)
{
    if (l->mixer != HG_MIX_GQA || l->kv_heads == 0)
        return 1;
    return ceil((double)l->kv_heads / (double)d->tp) / (double)l->kv_heads;
}

/* Adds the cache of a model's layers, or of what proposes for it. */
static void count_kv(const hg_model *m, const hg_deployment *d, hg_memory *out)
{
    double stage = ceil((double)m->layer_count / (double)d->pp) / (double)m->layer_count;
    for (int64_t i = 0; i < m->layer_kinds; i++) {
        const hg_layer *l = &m->layers[i];
        double per_token = (double)l->count * hg_layer_kv_bytes_per_token(l, d->kv_dtype) * rank_share(l, d) * stage;
        double all = per_token * (double)hg_max_i64(1, l->compress_ratio);
        if (l->window_tokens > 0)
            out->kv_bytes_window += all * (double)hg_min_i64(l->window_tokens, d->max_model_len);
        /* Compressed entries are kept for every token, beside the window of all. */
        if (l->window_tokens == 0 || l->compress_ratio > 1)
            out->kv_bytes_per_token += per_token;
        out->state_bytes += (double)l->count * hg_layer_state_bytes(l) / (double)d->tp * stage *
                            (double)d->max_num_seqs;
    }
}

hg_memory hg_memory_ledger(const hg_model *m, const hg_deployment *d, const hg_engine *e,
                           const hg_device *dev)
{
    hg_memory r = { .total_bytes = dev->usable_memory_bytes, .context_bytes = e->context_bytes };
    r.budget_bytes = d->gpu_memory_utilization * r.total_bytes;
    hg_draft_head head;
    bool drafts = hg_deployment_head(m, d, &head);
    r.draft_bytes = drafts ? draft_bytes(&head, d) : 0;
    r.weight_bytes = hg_weight_bytes(m, d) + r.draft_bytes;
    r.activation_bytes = activation_bytes(m, d);
    count_kv(m, d, &r);
    double own = r.kv_bytes_per_token;
    if (drafts)
        count_kv(&head.model, d, &r);
    r.draft_kv_bytes_per_token = r.kv_bytes_per_token - own;
    if (e->fraction_of_free)
        r.budget_bytes = r.weight_bytes + r.activation_bytes + r.context_bytes +
                         d->gpu_memory_utilization * fmax(0, r.total_bytes - r.weight_bytes -
                                                                 r.activation_bytes - r.context_bytes);
    r.kv_bytes = r.budget_bytes - r.weight_bytes - r.activation_bytes - r.context_bytes - r.state_bytes;
    /* Windowed layers hold a window a sequence; their share is set aside for all sequences first. */
    double pool = r.kv_bytes - r.kv_bytes_window * (double)d->max_num_seqs;
    if (r.kv_bytes_window > 0 && pool < r.kv_bytes / 2)
        pool = r.kv_bytes / 2; /* the engine shares the pool: sequences give way before the KV does */
    double block = r.kv_bytes_per_token * (double)d->block_tokens;
    r.kv_blocks = r.kv_bytes > 0 ? block > 0 ? (int64_t)(pool / block) : INT64_MAX / 2 : 0;
    double longest = ceil((double)d->max_model_len / (double)d->block_tokens) * block;
    r.spare_bytes = r.kv_bytes - longest - r.kv_bytes_window;
    r.fits = r.spare_bytes >= 0 && r.kv_bytes > 0;
    return r;
}

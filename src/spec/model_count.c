/* Weights, caches and states counted from a layer's fields, after the modelling code in the model
 * library of each family (transformers 4.57; DeepSeek-V3.2 and V4: the publisher's inference code).
 */
#include "spec/model_parts.h"

#include "base/num.h"

static double gqa_weights(double hidden, const hg_layer *l)
{
    double q = (double)l->heads * l->head_dim * (l->output_gate ? 2 : 1);
    double k = (double)l->kv_heads * l->head_dim, v = (double)l->kv_heads * l->v_head_dim;
    double o = (double)l->heads * l->v_head_dim;
    double rank = (double)l->q_lora_rank;
    double queries = rank > 0 ? rank * (hidden + q) : hidden * q;
    return queries + hidden * (k + (l->k_is_v ? 0 : v)) + o * hidden;
}

/* Queries of the indexer come from the query latent, its keys and head weights from the hidden
 * state. With compression (DeepSeek-V4) the keys are pooled by a compressor of two overlapping
 * windows. */
static double indexer_weights(double hidden, const hg_layer *l)
{
    double heads = (double)l->index_heads, dim = (double)l->index_head_dim;
    double keys = l->compress_ratio > 1 ? 4 * hidden * dim : hidden * dim;
    return l->index_heads ? (double)l->q_lora_rank * heads * dim + hidden * heads + keys : 0;
}

static double compressor_weights(double hidden, const hg_layer *l)
{
    double windows = l->index_heads ? 2 : 1;
    return l->compress_ratio > 1 ? 2 * windows * hidden * (double)l->head_dim : 0;
}

static double o_weights(double hidden, const hg_layer *l)
{
    double width = (double)l->heads * l->v_head_dim;
    if (!l->o_lora_rank)
        return width * hidden;
    double groups = (double)l->o_groups, rank = (double)l->o_lora_rank;
    return width / groups * groups * rank + groups * rank * hidden;
}

static double mla_weights(double hidden, const hg_layer *l)
{
    double q = (double)l->heads * l->head_dim, rank = (double)l->q_lora_rank;
    double queries = rank > 0 ? rank * (hidden + q) : hidden * q;
    double latent = hidden * (double)(l->kv_lora_rank + l->rope_head_dim);
    double up = l->k_is_v ? 0
                          : (double)l->kv_lora_rank * l->heads *
                                (double)(l->head_dim - l->rope_head_dim + l->v_head_dim);
    return queries + latent + up + o_weights(hidden, l) + indexer_weights(hidden, l) +
           compressor_weights(hidden, l);
}

/* Keys, queries, values, their gate and output; decay and step sizes unless fixed. */
static double gdn_weights(double hidden, const hg_layer *l)
{
    double k = (double)l->linear_k_heads * l->linear_k_head_dim;
    double v = (double)l->linear_v_heads * l->linear_v_head_dim;
    double decay = l->fixed_decay ? 0 : 2 * (double)l->linear_v_heads;
    return hidden * (2 * k + 2 * v + decay) + v * hidden;
}

/* Decay and output gate pass through a bottleneck of one head's width. */
static double kda_weights(double hidden, const hg_layer *l)
{
    double k = (double)l->linear_k_heads * l->linear_k_head_dim;
    double v = (double)l->linear_v_heads * l->linear_v_head_dim, dim = (double)l->linear_v_head_dim;
    return hidden * (2 * k + v + (double)l->linear_v_heads) + dim * (2 * hidden + k + v) +
           v * hidden;
}

static double mamba_weights(double hidden, const hg_layer *l)
{
    double inner = (double)l->ssm_heads * l->ssm_head_dim, state = (double)l->ssm_state;
    if (l->ssm_dt_rank)
        return hidden * 3 * inner + inner * (2 * (double)l->ssm_dt_rank + 3 * state - state);
    return hidden * (2 * inner + 2 * (double)l->ssm_groups * state + (double)l->ssm_heads) +
           inner * hidden;
}

double hg_layer_attention_weights(const hg_model *m, const hg_layer *l)
{
    double hidden = (double)m->hidden_size;
    switch (l->mixer) {
    case HG_MIX_GQA:
        return gqa_weights(hidden, l);
    case HG_MIX_MLA:
        return mla_weights(hidden, l);
    case HG_MIX_GDN:
        return gdn_weights(hidden, l);
    case HG_MIX_KDA:
        return kda_weights(hidden, l);
    case HG_MIX_MAMBA2:
        return mamba_weights(hidden, l);
    case HG_MIX_NONE:
    case HG_MIXERS:
        break;
    }
    return 0;
}

static double projections(const hg_layer *l)
{
    return l->gated ? 3 : 2;
}

double hg_layer_dense_ffn_weights(const hg_model *m, const hg_layer *l)
{
    double hidden = (double)m->hidden_size;
    if (l->ffn == HG_FFN_DENSE)
        return projections(l) * hidden * (double)l->inter_size;
    if (l->ffn == HG_FFN_NONE)
        return 0;
    double router = (double)l->experts * (hidden + (l->router_bias ? 1 : 0));
    double latent = 2 * hidden * (double)l->expert_hidden_size;
    return router + latent + (l->shared_gate ? hidden : 0) +
           projections(l) * hidden * (double)l->shared_inter_size;
}

static double one_expert(const hg_model *m, const hg_layer *l)
{
    double width = (double)(l->expert_hidden_size ? l->expert_hidden_size : m->hidden_size);
    double inter = (double)l->expert_inter_size;
    double bias = l->expert_bias ? (projections(l) - 1) * inter + width : 0;
    return projections(l) * width * inter + bias;
}

double hg_layer_expert_weights(const hg_model *m, const hg_layer *l)
{
    return l->ffn == HG_FFN_MOE ? (double)l->experts * one_expert(m, l) : 0;
}

static double layer_weights(const hg_model *m, const hg_layer *l)
{
    return hg_layer_attention_weights(m, l) + hg_layer_dense_ffn_weights(m, l) +
           hg_layer_expert_weights(m, l) + l->small_weights;
}

static double idle_weights(const hg_model *m, const hg_layer *l)
{
    return l->ffn == HG_FFN_MOE ? (double)(l->experts - l->topk) * one_expert(m, l) : 0;
}

/* What stands outside the layers. */
static double outer_weights(hg_config *c, const hg_model *m)
{
    enum { OPT_OFFSET = 2 };
    double hidden = (double)m->hidden_size, vocab = (double)m->vocab_size;
    uint32_t traits = c->family.traits;
    double norm = traits & HG_NORM_BARE ? 0 : hidden * (traits & HG_LAYERNORM ? 2 : 1);
    double n = vocab * hidden * (m->tied_embeddings ? 1 : 2) + norm;
    if (traits & HG_POSITIONS)
        n += hidden * (double)(m->max_tokens + (c->type[0] == 'o' ? OPT_OFFSET : 0));
    if (traits & HG_HEAD_BIASED)
        n += vocab;
    if (traits & HG_EMBED_NORM)
        n += 2 * hidden;
    double streams = (double)hg_config_int(c, HG_Q_HYPER, 0);
    if (streams > 0)
        n += streams * streams * hidden + streams + 1; /* the mix before lm_head */
    double width = (double)hg_config_int(c, HG_Q_LAYER_INPUT, 0) * (double)m->layer_count;
    if (width > 0)
        n += width * ((double)hg_config_int(c, HG_Q_LAYER_INPUT_VOCAB, m->vocab_size) + hidden) +
             (double)hg_config_int(c, HG_Q_LAYER_INPUT, 0);
    return n;
}

/* Next to its layer, a module projects the pair (hidden state, embedding) and norms both parts and
 * its result; embeddings and head are the model's own. */
static double mtp_weights(hg_config *c, const hg_model *m)
{
    enum { PARTS = 8 };
    hg_layer parts[PARTS];
    double hidden = (double)m->hidden_size, n = 0;
    int64_t count = m->mtp_layers ? hg_model_read_mtp(c, m, parts, PARTS) : 0;
    for (int64_t i = 0; i < count; i++)
        n += layer_weights(m, &parts[i]);
    return (double)m->mtp_layers * (n + 2 * hidden * hidden + 3 * hidden);
}

static int64_t second(hg_config *c, hg_quantity q)
{
    const json_t *v = json_array_get(hg_config_list(c, q), 1);
    int64_t n = json_integer_value(v);
    return n > 0 && n <= 1 << 16 ? n : 0;
}

/* ERNIE 4.5 VL: beside the experts for text, each layer has some that only image tokens use. */
static double image_expert_weights(hg_config *c, const hg_model *m)
{
    double experts = (double)second(c, HG_Q_EXPERTS), inter = (double)second(c, HG_Q_EXPERT_INTER);
    double n = 0;
    for (int64_t k = 0; k < m->layer_kinds && c->family.traits & HG_BY_KIND; k++)
        if (m->layers[k].ffn == HG_FFN_MOE)
            n += (double)m->layers[k].count * experts * 3 * inter * (double)m->hidden_size;
    return n;
}

bool hg_model_count(hg_config *c, hg_model *m)
{
    double idle = 0;
    m->text_parameters = outer_weights(c, m);
    for (int64_t k = 0; k < m->layer_kinds; k++) {
        m->text_parameters += (double)m->layers[k].count * layer_weights(m, &m->layers[k]);
        idle += (double)m->layers[k].count * idle_weights(m, &m->layers[k]);
    }
    m->vision_parameters = m->vision.parameters + image_expert_weights(c, m);
    m->parameters = m->text_parameters + m->vision_parameters;
    m->active_parameters = m->text_parameters - idle;
    m->mtp_parameters = mtp_weights(c, m);
    return !c->failed;
}

static double element_bytes(hg_dtype kv)
{
    return kv == HG_FP8_BLOCK ? 1 : hg_dtype_table[kv].activation_bytes;
}

/* Index keys are cached as fp8 with one fp32 scale a key (DeepSeek-V3.2's inference code), whatever
 * the KV cache's own type. */
static double index_bytes(const hg_layer *l)
{
    return l->index_heads ? (double)l->index_head_dim + 4 : 0;
}

double hg_layer_kv_bytes_per_token(const hg_layer *l, hg_dtype kv)
{
    if (l->shares_kv)
        return 0;
    if (l->mixer == HG_MIX_GQA)
        return (double)l->kv_heads * (double)(l->head_dim + l->v_head_dim) * element_bytes(kv);
    if (l->mixer != HG_MIX_MLA)
        return 0;
    double entry =
        (double)(l->kv_lora_rank + l->rope_head_dim) * element_bytes(kv) + index_bytes(l);
    return entry / (double)hg_max_i64(1, l->compress_ratio);
}

double hg_model_kv_bytes_per_token(const hg_model *m, hg_dtype kv)
{
    double bytes = 0;
    for (int64_t k = 0; k < m->layer_kinds; k++)
        bytes += (double)m->layers[k].count * hg_layer_kv_bytes_per_token(&m->layers[k], kv);
    return bytes;
}

/* Recurrent states are kept in fp32 (mamba_ssm_dtype, mamba_ssm_cache_dtype), the convolution's
 * last inputs in 16 bits. */
double hg_layer_state_bytes(const hg_layer *l)
{
    double k = (double)l->linear_k_heads * l->linear_k_head_dim;
    double v = (double)l->linear_v_heads * l->linear_v_head_dim;
    double inner = (double)l->ssm_heads * l->ssm_head_dim;
    double past = (double)hg_max_i64(0, l->conv_kernel - 1);
    switch (l->mixer) {
    case HG_MIX_GDN:
    case HG_MIX_KDA:
        return 4 * v * (double)l->linear_k_head_dim + 2 * past * (2 * k + v);
    case HG_MIX_MAMBA2:
        return 4 * inner * (double)l->ssm_state +
               2 * past * (inner + (l->ssm_dt_rank ? 0 : 2.0 * l->ssm_groups * l->ssm_state));
    case HG_MIX_NONE:
    case HG_MIX_GQA:
    case HG_MIX_MLA:
    case HG_MIXERS:
        break;
    }
    return 0;
}

#include "spec/model_mixer.h"

#include "base/num.h"

#include <inttypes.h>
#include <string.h>

static bool has(const hg_config *c, uint32_t trait)
{
    return c->family.traits & trait;
}

/* head_dim, or the hidden size shared out among the heads. */
static int64_t head_dim(hg_config *c, const hg_model *m, int64_t heads)
{
    int64_t dim = hg_config_int(c, HG_Q_HEAD_DIM, 0);
    if (dim || c->failed)
        return dim;
    if (m->hidden_size % heads != 0)
        hg_config_fail(c, HG_Q_HEADS,
                       "is %" PRId64 ", which does not divide the hidden size %" PRId64
                       "; give head_dim",
                       heads, m->hidden_size);
    return m->hidden_size / heads;
}

static int64_t kv_heads(hg_config *c, int64_t layer, int64_t heads)
{
    bool grouped = hg_config_flag(c, HG_Q_NEW_DECODER, false);
    const json_t *multi = hg_config_find(c, HG_Q_MULTI_QUERY);
    if (multi && !grouped) {
        bool one = hg_config_flag(c, HG_Q_MULTI_QUERY, false);
        bool groups = hg_config_find(c, HG_Q_KV_HEADS) && strcmp(c->type, "chatglm") == 0;
        return !one ? heads : groups ? hg_config_int(c, HG_Q_KV_HEADS, 1) : 1;
    }
    return hg_config_at(c, HG_Q_KV_HEADS, layer, heads);
}

static void check_heads(hg_config *c, const hg_layer *l)
{
    if (c->failed)
        return;
    if (l->kv_heads > l->heads || l->heads % l->kv_heads != 0)
        hg_config_fail(c, HG_Q_KV_HEADS, "is %" PRId64 "; it must divide the %" PRId64 " heads",
                       l->kv_heads, l->heads);
}

/* Elements of the norms on queries and keys. */
static double qk_norm_weights(hg_config *c, const hg_layer *l)
{
    const char *kind = hg_config_word(c, HG_Q_QK_NORM_KIND);
    double q = (double)l->head_dim, k = q;
    if (has(c, HG_QK_OFF))
        return 0;
    if (has(c, HG_QK_FULL | HG_QK_EACH) || (kind && strcmp(kind, "per_layer") == 0)) {
        q *= (double)l->heads;
        k *= (double)l->kv_heads;
    }
    return (q + k) * (has(c, HG_LAYERNORM) ? 2 : 1);
}

static void read_biases(hg_config *c, const hg_model *m, hg_layer *l)
{
    bool all =
        hg_config_flag(c, HG_Q_BIAS, has(c, HG_BIASED)) && !hg_config_flag(c, HG_Q_NO_BIAS, false);
    l->qkv_bias = hg_config_flag(c, HG_Q_QKV_BIAS, all || has(c, HG_QKV_BIASED));
    bool o = has(c, HG_O_PLAIN) ? false : l->qkv_bias || all;
    l->o_bias = hg_config_flag(c, HG_Q_O_BIAS, o);
    double qkv =
        (double)l->heads * l->head_dim + (double)l->kv_heads * (l->head_dim + l->v_head_dim);
    l->small_weights += (l->qkv_bias ? qkv : 0) + (l->o_bias ? (double)m->hidden_size : 0);
}

static void read_qk_norm(hg_config *c, hg_layer *l)
{
    l->qk_norm = hg_config_flag(c, HG_Q_QK_NORM, has(c, HG_QK_HEAD | HG_QK_FULL));
    if (l->qk_norm)
        l->small_weights += qk_norm_weights(c, l);
}

/* Layers that slide may have heads of their own (MiMo, Step), and so may those that do not (Gemma
 * 4). */
static void read_head_shape(hg_config *c, const hg_model *m, int64_t layer, bool window,
                            hg_layer *l)
{
    l->heads = hg_config_at(c, HG_Q_HEADS, layer, 0);
    if (!l->heads)
        l->heads = hg_config_need(c, HG_Q_HEADS);
    if (c->failed)
        return;
    l->kv_heads = kv_heads(c, layer, l->heads);
    l->head_dim = head_dim(c, m, l->heads);
    l->v_head_dim = hg_config_int(c, HG_Q_V_HEAD_DIM, l->head_dim);
    if (window) {
        l->heads = hg_config_int(c, HG_Q_SWA_HEADS, l->heads);
        l->kv_heads = hg_config_int(c, HG_Q_SWA_KV_HEADS, l->kv_heads);
        int64_t dim = hg_config_int(c, HG_Q_SWA_HEAD_DIM, 0);
        l->v_head_dim = hg_config_int(c, HG_Q_SWA_V_HEAD_DIM, dim ? dim : l->v_head_dim);
        l->head_dim = dim ? dim : l->head_dim;
    } else if (hg_config_int(c, HG_Q_GLOBAL_HEAD_DIM, 0)) {
        l->head_dim = l->v_head_dim = hg_config_int(c, HG_Q_GLOBAL_HEAD_DIM, 0);
        l->kv_heads = hg_config_int(c, HG_Q_GLOBAL_KV_HEADS, l->kv_heads);
        l->k_is_v = hg_config_flag(c, HG_Q_K_IS_V, false);
    }
}

/* Whether the layer stores no KV of the text: the last num_kv_shared_layers use that of one before
 * (Gemma 4), as do all but the first of each cla_share_factor (Hunyuan); cross-attention looks at
 * the image (Llama 3.2 Vision). */
static bool shares_kv(hg_config *c, const hg_model *m, int64_t layer)
{
    int64_t share = hg_config_flag(c, HG_Q_CLA, false) ? hg_config_int(c, HG_Q_CLA_SHARE, 1) : 1;
    if (hg_config_holds(hg_config_list(c, HG_Q_CROSS_LAYERS), layer))
        return true;
    return layer >= m->layer_count - hg_config_int(c, HG_Q_SHARED_KV_LAYERS, 0) ||
           layer % hg_max_i64(1, share) != 0;
}

static void read_window(hg_config *c, const hg_model *m, hg_layer *l)
{
    int64_t window = hg_config_int(c, HG_Q_WINDOW, 0);
    if (!window)
        window = hg_config_int(c, HG_Q_CHUNK, 0);
    l->window_tokens = window < m->max_tokens ? window : 0;
}

static void read_gqa(hg_config *c, const hg_model *m, int64_t layer, bool window, hg_layer *l)
{
    l->mixer = HG_MIX_GQA;
    read_head_shape(c, m, layer, window, l);
    check_heads(c, l);
    if (c->failed)
        return;
    if (window)
        read_window(c, m, l);
    l->q_lora_rank = hg_config_int(c, HG_Q_Q_LORA, 0);
    l->small_weights += (double)l->q_lora_rank;
    l->output_gate = hg_config_flag(c, HG_Q_OUTPUT_GATE, strcmp(c->type, "qwen3_next") == 0);
    l->shares_kv = shares_kv(c, m, layer);
    read_biases(c, m, l);
    read_qk_norm(c, l);
    if (has(c, HG_SINKS))
        l->small_weights += (double)l->heads;
}

static void read_indexer(hg_config *c, int64_t layer, hg_layer *l)
{
    l->sparse_topk = hg_config_int(c, HG_Q_INDEX_TOPK, 0);
    const json_t *kinds = hg_config_list(c, HG_Q_INDEXER_TYPES);
    const char *kind = json_string_value(json_array_get(kinds, (size_t)layer));
    if (!l->sparse_topk || (kind && strcmp(kind, "shared") == 0))
        return;
    l->index_heads = hg_config_need(c, HG_Q_INDEX_HEADS);
    l->index_head_dim = hg_config_need(c, HG_Q_INDEX_DIM);
    l->small_weights += 2 * (double)l->index_head_dim; /* the LayerNorm on index keys */
}

static void read_mla(hg_config *c, const hg_model *m, int64_t layer, hg_layer *l)
{
    l->mixer = HG_MIX_MLA;
    l->heads = l->kv_heads = hg_config_need(c, HG_Q_HEADS);
    if (c->failed)
        return;
    l->kv_lora_rank = hg_config_need(c, HG_Q_KV_LORA);
    l->rope_head_dim = hg_config_need(c, HG_Q_ROPE_DIM);
    l->head_dim = hg_config_need(c, HG_Q_NOPE_DIM) + l->rope_head_dim;
    l->v_head_dim = hg_config_int(c, HG_Q_V_HEAD_DIM, m->hidden_size / l->heads);
    l->q_lora_rank = hg_config_int(c, HG_Q_Q_LORA, 0);
    l->small_weights += (double)(l->q_lora_rank + l->kv_lora_rank); /* norms on both latents */
    l->qkv_bias = l->o_bias = hg_config_flag(c, HG_Q_QKV_BIAS, false);
    if (l->qkv_bias)
        l->small_weights +=
            (double)(l->q_lora_rank + l->kv_lora_rank + l->rope_head_dim + m->hidden_size);
    read_indexer(c, layer, l);
}

/* DeepSeek-V4: one latent for all heads, kept whole within a window and beyond it one entry for
 * compress_ratio tokens; at ratio 4 an indexer chooses among the entries.  From its published
 * inference code: the compressor at ratio 4 has two overlapping windows, so twice the weights. */
static void read_compressed(hg_config *c, const hg_model *m, int64_t layer, hg_layer *l)
{
    enum { INDEXED_RATIO = 4 };
    l->mixer = HG_MIX_MLA;
    l->k_is_v = true;
    l->heads = hg_config_need(c, HG_Q_HEADS);
    l->kv_heads = 1;
    l->head_dim = l->v_head_dim = hg_config_need(c, HG_Q_HEAD_DIM);
    l->rope_head_dim = hg_config_need(c, HG_Q_ROPE_DIM);
    l->kv_lora_rank = l->head_dim - l->rope_head_dim;
    if (!c->failed && l->kv_lora_rank < 1)
        hg_config_fail(c, HG_Q_ROPE_DIM, "is not smaller than head_dim");
    l->q_lora_rank = hg_config_need(c, HG_Q_Q_LORA);
    l->o_lora_rank = hg_config_need(c, HG_Q_O_LORA);
    l->o_groups = hg_config_need(c, HG_Q_O_GROUPS);
    if (!c->failed && l->heads % l->o_groups != 0)
        hg_config_fail(c, HG_Q_O_GROUPS, "is %" PRId64 "; it must divide the %" PRId64 " heads",
                       l->o_groups, l->heads);
    read_window(c, m, l);
    l->compress_ratio = hg_config_at(c, HG_Q_COMPRESS, layer, 0);
    if (l->compress_ratio == INDEXED_RATIO) {
        l->sparse_topk = hg_config_need(c, HG_Q_INDEX_TOPK);
        l->index_heads = hg_config_need(c, HG_Q_INDEX_HEADS);
        l->index_head_dim = hg_config_need(c, HG_Q_INDEX_DIM);
    }
    int64_t overlap = l->compress_ratio == INDEXED_RATIO ? 2 : 1;
    l->small_weights += (double)(l->heads + l->q_lora_rank + l->head_dim);
    if (l->compress_ratio > 1)
        l->small_weights += (double)l->head_dim * (double)(1 + overlap * l->compress_ratio) +
                            (double)l->index_head_dim * (double)(1 + overlap * l->compress_ratio);
}

static void read_kda(hg_config *c, hg_layer *l)
{
    l->mixer = HG_MIX_KDA;
    l->linear_k_heads = l->linear_v_heads = hg_config_need(c, HG_Q_KDA_HEADS);
    l->linear_k_head_dim = l->linear_v_head_dim = hg_config_need(c, HG_Q_KDA_DIM);
    l->conv_kernel = hg_config_int(c, HG_Q_LINEAR_CONV, 4);
    double width = (double)l->linear_k_heads * l->linear_k_head_dim;
    l->small_weights += (double)l->linear_k_heads + width + (double)l->linear_v_head_dim +
                        3 * width * (double)l->conv_kernel;
}

static void read_gdn(hg_config *c, hg_layer *l)
{
    l->mixer = HG_MIX_GDN;
    l->linear_v_heads = hg_config_need(c, HG_Q_LINEAR_V_HEADS);
    l->linear_k_heads = hg_config_need(c, HG_Q_LINEAR_K_HEADS);
    l->linear_k_head_dim = hg_config_need(c, HG_Q_LINEAR_K_DIM);
    l->linear_v_head_dim = hg_config_need(c, HG_Q_LINEAR_V_DIM);
    l->conv_kernel = hg_config_int(c, HG_Q_LINEAR_CONV, 4);
    if (!c->failed && l->linear_v_heads % l->linear_k_heads != 0)
        hg_config_fail(c, HG_Q_LINEAR_K_HEADS,
                       "is %" PRId64 "; it must divide the %" PRId64 " value heads",
                       l->linear_k_heads, l->linear_v_heads);
    double channels = 2.0 * l->linear_k_heads * l->linear_k_head_dim +
                      (double)l->linear_v_heads * l->linear_v_head_dim;
    l->small_weights += channels * (double)l->conv_kernel + 2 * (double)l->linear_v_heads +
                        (double)l->linear_v_head_dim;
}

static void read_lightning(hg_config *c, const hg_model *m, hg_layer *l)
{
    l->mixer = HG_MIX_GDN;
    l->fixed_decay = true;
    int64_t heads = hg_config_need(c, HG_Q_HEADS);
    if (c->failed)
        return;
    l->linear_k_heads = l->linear_v_heads = heads;
    l->linear_k_head_dim = l->linear_v_head_dim = head_dim(c, m, heads);
    l->small_weights += (double)heads * l->linear_v_head_dim;
}

static void read_linear(hg_config *c, const hg_model *m, hg_layer *l)
{
    if (hg_config_find(c, HG_Q_KDA_HEADS))
        read_kda(c, l);
    else if (hg_config_find(c, HG_Q_LINEAR_V_HEADS))
        read_gdn(c, l);
    else
        read_lightning(c, m, l);
}

/* Mamba-1 has no heads: every channel is one. */
static void read_mamba1(hg_config *c, const hg_model *m, hg_layer *l)
{
    l->ssm_heads = hg_config_int(c, HG_Q_SSM_EXPAND, 2) * m->hidden_size;
    l->ssm_head_dim = l->ssm_groups = 1;
    l->ssm_dt_rank = hg_config_int(c, HG_Q_SSM_DT_RANK, hg_ceil_div(m->hidden_size, 16));
    l->small_weights += (double)l->ssm_heads * (double)(l->conv_kernel + 3 + l->ssm_state) +
                        (double)(l->ssm_dt_rank + 2 * l->ssm_state);
}

static void read_mamba2(hg_config *c, const hg_model *m, hg_layer *l)
{
    l->ssm_heads = hg_config_need(c, HG_Q_SSM_HEADS);
    if (c->failed)
        return;
    int64_t inner =
        hg_config_int(c, HG_Q_SSM_INNER, hg_config_int(c, HG_Q_SSM_EXPAND, 2) * m->hidden_size);
    l->ssm_head_dim = hg_config_int(c, HG_Q_SSM_DIM, inner / l->ssm_heads);
    l->ssm_groups = hg_config_need(c, HG_Q_SSM_GROUPS);
    double width = (double)l->ssm_heads * l->ssm_head_dim;
    double channels = width + 2.0 * l->ssm_groups * l->ssm_state;
    l->small_weights += channels * (double)(l->conv_kernel + 1) + 3 * (double)l->ssm_heads + width;
}

static void read_mamba(hg_config *c, const hg_model *m, hg_layer *l)
{
    l->mixer = HG_MIX_MAMBA2;
    l->ssm_state = hg_config_need(c, HG_Q_SSM_STATE);
    l->conv_kernel = hg_config_int(c, HG_Q_SSM_CONV, 4);
    if (hg_config_find(c, HG_Q_SSM_HEADS))
        read_mamba2(c, m, l);
    else
        read_mamba1(c, m, l);
}

void hg_mixer_read(hg_config *c, const hg_model *m, int64_t layer, hg_layer_kind kind, hg_layer *l)
{
    if (kind == HG_KIND_MAMBA)
        read_mamba(c, m, l);
    else if (kind == HG_KIND_LINEAR)
        read_linear(c, m, l);
    else if (hg_config_find(c, HG_Q_COMPRESS))
        read_compressed(c, m, layer, l);
    else if (hg_config_int(c, HG_Q_KV_LORA, 0))
        read_mla(c, m, layer, l);
    else
        read_gqa(c, m, layer, kind == HG_KIND_WINDOW, l);
}

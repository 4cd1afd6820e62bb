#include "spec/model_mixer.h"

#include <inttypes.h>
#include <string.h>

/* Activations that stand alone, without a gate. */
static bool is_gated(hg_config *c)
{
    const char *act = hg_config_word(c, HG_Q_ACTIVATION);
    bool alone = act && (strcmp(act, "relu2") == 0 || strcmp(act, "xielu") == 0);
    return !(c->family.traits & HG_UNGATED) && !alone;
}

static int64_t inter_size(hg_config *c, const hg_model *m, int64_t layer)
{
    int64_t wide = hg_config_int(c, HG_Q_EXPANSION, 4) * m->hidden_size;
    int64_t width = hg_config_at(c, HG_Q_INTER, layer, c->family.traits & HG_WIDE4 ? wide : 0);
    if (!width)
        width = hg_config_need(c, HG_Q_INTER);
    return c->family.traits & HG_HALF_INTER ? width / 2 : width;
}

static double mlp_bias_weights(hg_config *c, const hg_model *m, int64_t width, bool gated)
{
    bool all = hg_config_flag(c, HG_Q_BIAS, c->family.traits & HG_BIASED) &&
               !hg_config_flag(c, HG_Q_NO_BIAS, false);
    if (!width || !hg_config_flag(c, HG_Q_MLP_BIAS, all))
        return 0;
    return (double)width * (gated ? 2 : 1) + (double)m->hidden_size;
}

static void read_dense(hg_config *c, const hg_model *m, int64_t layer, hg_layer *l)
{
    l->ffn = HG_FFN_DENSE;
    l->inter_size = hg_config_int(c, HG_Q_INTER_DENSE, 0);
    if (!l->inter_size)
        l->inter_size = inter_size(c, m, layer);
    if (l->shares_kv && hg_config_flag(c, HG_Q_DOUBLE_WIDE, false))
        l->inter_size *= 2;
    l->small_weights += mlp_bias_weights(c, m, l->inter_size, l->gated);
}

/* Experts every token passes, and dense parts beside the experts. */
static int64_t shared_width(hg_config *c, const hg_model *m, int64_t layer, const hg_layer *l)
{
    if (hg_config_flag(c, HG_Q_RESIDUAL_MLP, false))
        return m->hidden_size; /* Arctic's residual part is as wide as the model */
    if (hg_config_flag(c, HG_Q_RESIDUAL_MOE, false) || hg_config_flag(c, HG_Q_MOE_BLOCK, false) ||
        c->family.traits & HG_TWICE)
        return inter_size(c, m, layer);
    bool llama4 = hg_config_find(c, HG_Q_INTER_DENSE) != NULL;
    int64_t experts = hg_config_at(c, HG_Q_SHARED_EXPERTS, layer, -1);
    if (experts < 0 && hg_config_find(c, HG_Q_SHARED_INTER))
        experts = 1;
    if (experts < 0)
        return llama4 ? l->expert_inter_size : 0;
    return experts * hg_config_int(c, HG_Q_SHARED_INTER, l->expert_inter_size);
}

static int64_t topk_of(hg_config *c, int64_t layer, int64_t experts)
{
    int64_t topk = hg_config_at(c, HG_Q_TOPK, layer, 0);
    if (!topk)
        topk = hg_config_need(c, HG_Q_TOPK);
    if (!c->failed && topk > experts)
        hg_config_fail(c, HG_Q_TOPK, "is %" PRId64 ", more than the %" PRId64 " experts", topk,
                       experts);
    /* LongCat: some of the chosen are experts that do nothing. */
    int64_t idle = hg_config_int(c, HG_Q_ZERO_EXPERTS, 0);
    return idle ? (topk * experts + experts + idle - 1) / (experts + idle) : topk;
}

static void read_experts(hg_config *c, const hg_model *m, int64_t layer, hg_layer *l)
{
    l->ffn = HG_FFN_MOE;
    l->experts = hg_config_at(c, HG_Q_EXPERTS, layer, 0);
    l->topk = topk_of(c, layer, l->experts);
    l->expert_inter_size = hg_config_at(c, HG_Q_EXPERT_INTER, layer, 0);
    if (!l->expert_inter_size)
        l->expert_inter_size = inter_size(c, m, layer);
    l->expert_hidden_size = hg_config_int(c, HG_Q_EXPERT_HIDDEN, 0);
    l->shared_inter_size = shared_width(c, m, layer, l);
    l->shared_gate = l->shared_inter_size && c->family.traits & HG_GATE_VECTOR;
    const char *method = hg_config_word(c, HG_Q_TOPK_METHOD);
    l->expert_bias = strcmp(c->type, "gpt_oss") == 0;
    l->router_bias = hg_config_flag(c, HG_Q_ROUTER_BIAS,
                                    l->expert_bias || (method && strcmp(method, "noaux_tc") == 0));
    l->small_weights += mlp_bias_weights(c, m, l->expert_bias ? 0 : l->shared_inter_size, l->gated);
}

void hg_ffn_read(hg_config *c, const hg_model *m, int64_t layer, bool experts, hg_layer *l)
{
    l->gated = is_gated(c);
    if (experts && hg_config_at(c, HG_Q_EXPERTS, layer, 0) > 1)
        read_experts(c, m, layer, l);
    else
        read_dense(c, m, layer, l);
}

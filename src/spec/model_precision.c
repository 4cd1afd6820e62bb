/* The checkpoint's precision by kind of weight.  A kind takes the type that most of its weights
 * have. */
#include "spec/model_parts.h"
#include "spec/quant_scheme.h"

#include <inttypes.h>
#include <stdio.h>

/* The module names under which publishers keep a kind's large weights, behind "model.layers.N.". */
static const char *const attention_names[] = { "self_attn.q_proj",
                                               "self_attn.q_b_proj",
                                               "self_attn.qkv_proj",
                                               "mixer.q_proj",
                                               "attn.wq_b",
                                               "self_attn.kv_a_proj_with_mqa",
                                               NULL };
static const char *const o_names[] = { "self_attn.o_proj", "mixer.o_proj", "attn.wo_b", NULL };
static const char *const linear_names[] = { "linear_attn.in_proj_qkvz", "linear_attn.in_proj_qkv",
                                            "mixer.in_proj", "mamba.in_proj", NULL };
static const char *const dense_names[] = { "mlp.down_proj",   "mlp.gate_proj",
                                           "mixer.down_proj", "feed_forward.down_proj",
                                           "ffn.w2",          NULL };
static const char *const shared_names[] = { "mlp.shared_experts.down_proj",
                                            "mlp.shared_expert.down_proj",
                                            "ffn.shared_experts.w2",
                                            "mixer.shared_experts.down_proj",
                                            "feed_forward.shared_expert.down_proj",
                                            NULL };
static const char *const expert_names[] = { "mlp.experts.0.down_proj",
                                            "mlp.experts",
                                            "block_sparse_moe.experts.0.w2",
                                            "ffn.experts.0.w2",
                                            "mixer.experts.0.down_proj",
                                            "feed_forward.experts.down_proj",
                                            NULL };

/* The type of a kind in one layer: of the first rule that matches any of its names. */
static hg_dtype layer_dtype(const hg_quant_scheme *s, int64_t layer, const char *const *names)
{
    char name[96];
    for (; *names; names++) {
        snprintf(name, sizeof name, "model.layers.%" PRId64 ".%s", layer, *names);
        const hg_module_rule *rule = hg_quant_rule_for(s, layer, name);
        if (rule)
            return rule->dtype;
    }
    return s->base;
}

typedef struct tally {
    double weights[HG_DTYPES];
} tally;

static void vote(tally *t, const hg_quant_scheme *s, int64_t layer, const char *const *names,
                 double weights)
{
    if (weights > 0)
        t->weights[layer_dtype(s, layer, names)] += weights;
}

/* HG_BF16 where there is none of the kind. */
static hg_dtype winner(const tally *t)
{
    hg_dtype best = HG_BF16;
    double most = 0;
    for (int d = 0; d < HG_DTYPES; d++)
        if (t->weights[d] > most) {
            most = t->weights[d];
            best = (hg_dtype)d;
        }
    return best;
}

static void judge(const hg_quant_scheme *s, hg_model *m)
{
    tally attention = { 0 }, o = { 0 }, linear = { 0 }, mlp = { 0 }, experts = { 0 };
    for (int64_t i = 0; i < m->layer_count; i++) {
        const hg_layer *l = &m->layers[m->layer_order[i]];
        double mixer = hg_layer_attention_weights(m, l);
        bool softmax = l->mixer == HG_MIX_GQA || l->mixer == HG_MIX_MLA;
        vote(&attention, s, i, attention_names, softmax ? mixer : 0);
        vote(&o, s, i, o_names, softmax ? mixer : 0);
        vote(&linear, s, i, linear_names, softmax ? 0 : mixer);
        vote(&mlp, s, i, dense_names, (double)l->inter_size);
        vote(&mlp, s, i, shared_names, (double)l->shared_inter_size);
        vote(&experts, s, i, expert_names, hg_layer_expert_weights(m, l));
    }
    m->precision.attention = winner(&attention);
    m->precision.o_proj = winner(&o);
    m->precision.linear = winner(&linear);
    m->precision.mlp = winner(&mlp);
    m->precision.experts = winner(&experts);
    const hg_module_rule *head = hg_quant_rule_for(s, -1, "lm_head");
    m->precision.lm_head = head ? head->dtype : s->head_too ? s->base : HG_BF16;
    m->precision.static_scales = s->static_scales;
}

bool hg_model_read_precision(hg_config *c, const json_t *quant, hg_model *m)
{
    hg_quant_scheme s;
    bool ok = hg_quant_scheme_read(&s, c, m->layer_count, quant);
    if (ok)
        judge(&s, m);
    m->precision.kv = s.kv;
    hg_quant_scheme_close(&s);
    return ok;
}

void hg_model_set_precision(hg_model *m, hg_dtype dtype)
{
    bool latent = false;
    for (int64_t k = 0; k < m->layer_kinds; k++)
        latent |= m->layers[k].mixer == HG_MIX_MLA;
    hg_precision *p = &m->precision;
    p->o_proj = p->linear = p->mlp = p->experts = dtype;
    p->attention = latent && dtype == HG_NVFP4 ? HG_BF16 : dtype;
    p->static_scales = false;
}

bool hg_precision_equal(const hg_precision *a, const hg_precision *b)
{
    return a->attention == b->attention && a->o_proj == b->o_proj && a->linear == b->linear && a->mlp == b->mlp &&
           a->experts == b->experts;
}

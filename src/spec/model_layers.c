#include "spec/model_parts.h"

#include "spec/layer_kind.h"
#include "spec/model_mixer.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static bool has(const hg_config *c, uint32_t trait)
{
    return c->family.traits & trait;
}

static double norm_weights(const hg_config *c, const hg_model *m, const hg_layer *l)
{
    int parts = (l->mixer != HG_MIX_NONE) + (l->ffn != HG_FFN_NONE);
    if (has(c, HG_NORM_ONE))
        parts = has(c, HG_DUAL_NORM) && l->kv_heads > 1 && l->kv_heads < l->heads ? 2 : 1;
    if (has(c, HG_NORM_FOUR))
        parts *= 2;
    if (has(c, HG_NORM_BARE))
        parts = 0;
    return (double)m->hidden_size * parts * (has(c, HG_LAYERNORM) ? 2 : 1);
}

/* DeepSeek-V4's manifold-constrained hyper-connections: before attention and before the
 * feed-forward part, hc streams of the hidden state are mixed by (2 + hc)·hc learned combinations
 * of them all. */
static double hyper_weights(hg_config *c, const hg_model *m)
{
    double streams = (double)hg_config_int(c, HG_Q_HYPER, 0);
    double mixes = (2 + streams) * streams;
    return streams > 0 ? 2 * (mixes * streams * (double)m->hidden_size + mixes + 3) : 0;
}

/* Gemma 4's inputs a layer: a gate down, a projection up, a norm. */
static double layer_input_weights(hg_config *c, const hg_model *m)
{
    double width = (double)hg_config_int(c, HG_Q_LAYER_INPUT, 0);
    return width > 0 ? (2 * width + 1) * (double)m->hidden_size : 0;
}

static void finish(hg_config *c, const hg_model *m, hg_layer *l)
{
    l->small_weights += norm_weights(c, m, l) + hyper_weights(c, m) + layer_input_weights(c, m);
}

/* Equal layers count together, whatever stands between them.  Layers are built in zeroed memory, so
 * their bytes compare. */
static int64_t kind_index(hg_model *m, hg_layer *l)
{
    for (int64_t k = 0; k < m->layer_kinds; k++) {
        l->count = m->layers[k].count;
        if (memcmp(&m->layers[k], l, sizeof *l) == 0)
            return k;
    }
    l->count = 0;
    memcpy(&m->layers[m->layer_kinds], l, sizeof *l);
    return m->layer_kinds++;
}

static void add_layer(hg_model *m, int64_t *at, hg_layer *l)
{
    int64_t kind = kind_index(m, l);
    m->layers[kind].count++;
    m->layer_order[(*at)++] = (int32_t)kind;
}

static void build(hg_config *c, const hg_model *m, int64_t layer, hg_layer_kind kind, hg_layer *l)
{
    memset(l, 0, sizeof *l);
    bool part_only = kind == HG_KIND_EXPERTS || kind == HG_KIND_DENSE;
    bool alone = hg_config_word(c, HG_Q_HYBRID_PATTERN) || strcmp(c->type, "nemotron_h") == 0;
    if (!part_only)
        hg_mixer_read(c, m, layer, kind, l);
    if (part_only || !alone)
        hg_ffn_read(c, m, layer,
                    kind != HG_KIND_DENSE && (part_only || hg_layer_has_experts(c, layer)), l);
    finish(c, m, l);
}

/* Falcon-H1 runs both mixers beside each other: two layers here, the first without a feed-forward.
 */
static void add_parallel(hg_config *c, hg_model *m, int64_t layer, int64_t *at)
{
    hg_layer l;
    memset(&l, 0, sizeof l);
    hg_mixer_read(c, m, layer, HG_KIND_MAMBA, &l);
    add_layer(m, at, &l);
    build(c, m, layer, HG_KIND_FULL, &l);
    add_layer(m, at, &l);
}

/* LongCat: a layer holds two attentions and two dense parts, and experts beside the second. */
static void add_twice(hg_config *c, hg_model *m, int64_t layer, int64_t *at)
{
    hg_layer l;
    memset(&l, 0, sizeof l);
    hg_mixer_read(c, m, layer, HG_KIND_FULL, &l);
    hg_ffn_read(c, m, layer, false, &l);
    finish(c, m, &l);
    add_layer(m, at, &l);
    build(c, m, layer, HG_KIND_FULL, &l);
    add_layer(m, at, &l);
}

static void add_one(hg_config *c, hg_model *m, int64_t layer, int64_t *at)
{
    hg_layer l;
    hg_layer_kind kind = hg_layer_kind_of(c, layer);
    if (c->failed)
        return;
    if (has(c, HG_TWICE)) {
        add_twice(c, m, layer, at);
    } else if (kind == HG_KIND_BOTH) {
        add_parallel(c, m, layer, at);
    } else {
        build(c, m, layer, kind, &l);
        add_layer(m, at, &l);
    }
}

/* Nemotron's searched models (block_configs): each layer may lack a part or have a size of its own.
 */
static void add_block(hg_config *c, hg_model *m, int64_t layer, const json_t *block, int64_t *at)
{
    const json_t *attention = json_object_get(block, "attention");
    const json_t *ffn = json_object_get(block, "ffn");
    hg_layer l;
    memset(&l, 0, sizeof l);
    if (!json_is_true(json_object_get(attention, "no_op")) &&
        !json_is_true(json_object_get(attention, "replace_with_linear"))) {
        hg_mixer_read(c, m, layer, HG_KIND_FULL, &l);
        int64_t group = json_integer_value(json_object_get(attention, "n_heads_in_group"));
        if (group > 0 && l.heads % group == 0)
            l.kv_heads = l.heads / group;
    }
    if (!json_is_true(json_object_get(ffn, "no_op"))) {
        double share = json_number_value(json_object_get(ffn, "ffn_mult"));
        if (!(share > 0 && share <= 64)) {
            hg_config_fail(c, HG_Q_BLOCK_CONFIGS, "has no ffn_mult for layer %" PRId64, layer);
            return;
        }
        l.ffn = HG_FFN_DENSE;
        l.gated = true;
        l.inter_size = ((int64_t)(2 * share * (double)m->hidden_size / 3) + 255) / 256 * 256;
    }
    finish(c, m, &l);
    add_layer(m, at, &l);
}

bool hg_model_read_layers(hg_config *c, hg_model *m)
{
    int64_t total = hg_layer_total(c);
    const json_t *blocks = hg_config_list(c, HG_Q_BLOCK_CONFIGS);
    m->layer_count = total;                                /* what readers of single layers see */
    m->layers = HG_NEW(c->arena, hg_layer, 2 * total + 1); /* two at most for one of the file */
    m->layer_order = HG_NEW(c->arena, int32_t, 2 * total + 1);
    int64_t at = 0;
    for (int64_t i = 0; i < total && !c->failed; i++) {
        if (blocks)
            add_block(c, m, i, json_array_get(blocks, (size_t)i), &at);
        else
            add_one(c, m, i, &at);
    }
    m->layer_count = at;
    return !c->failed;
}

static hg_layer_kind mtp_kind(hg_config *c, int64_t part, int64_t last)
{
    const char *pattern = hg_config_word(c, HG_Q_MTP_PATTERN);
    const json_t *list = hg_config_list(c, HG_Q_MTP_TYPES);
    const char *word = json_string_value(json_array_get(list, (size_t)part));
    char letter[2] = { pattern && (int64_t)strlen(pattern) > part ? pattern[part] : 0 };
    if (pattern || list)
        return hg_layer_kind_parse(pattern ? letter : word ? word : "");
    return part > 0 ? HG_KIND_BAD : hg_layer_kind_of(c, last);
}

int64_t hg_model_read_mtp(hg_config *c, const hg_model *m, hg_layer *parts, int64_t capacity)
{
    int64_t last = hg_layer_total(c) - 1, n = 0;
    /* DeepSeek-V4 lists its compression beyond the last layer. */
    if ((int64_t)json_array_size(hg_config_list(c, HG_Q_COMPRESS)) > last + 1)
        last++;
    while (n < capacity && !c->failed) {
        hg_layer_kind kind = mtp_kind(c, n, last);
        if (kind == HG_KIND_BAD || kind == HG_KIND_BOTH)
            break;
        build(c, m, last, kind, &parts[n++]);
    }
    return n;
}

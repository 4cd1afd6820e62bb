/* The checkpoint's precision by kind of weight, from quantization_config and hf_quant_config.json.
 * A kind takes the type that most of its weights have. */
#include "spec/model_parts.h"
#include "spec/module_rule.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct scheme {
    hg_config *c;
    hg_dtype base;          /* of what no rule names */
    bool head_too;          /* base covers lm_head */
    bool static_scales;
    hg_module_rule *rules;  /* exceptions first */
    size_t count, capacity;
    bool failed;
} scheme;

static bool fail(scheme *s, const char *field, const char *fmt, const char *word)
{
    char where[192];
    if (s->failed || s->c->failed)
        return false;
    s->failed = s->c->failed = true;
    snprintf(where, sizeof where, "%.120s: quantization_config.%s", s->c->where, field);
    return hg_fail(s->c->err, HG_INPUT, where, fmt, word);
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    return s ? s : "";
}

static void add_rule(scheme *s, const char *field, const char *pattern, hg_dtype dtype)
{
    hg_module_rule *rule = HG_PUSH(s->c->arena, s->rules, s->count, s->capacity);
    if (!hg_module_rule_open(rule, s->c->arena, pattern, dtype)) {
        s->count--;
        fail(s, field, "'%.80s' is a pattern that cannot be read", pattern);
    }
}

static void add_exceptions(scheme *s, const json_t *q, const char *field)
{
    const json_t *list = json_object_get(q, field);
    for (size_t i = 0; i < json_array_size(list) && !s->failed; i++) {
        const char *pattern = json_string_value(json_array_get(list, i));
        if (pattern)
            add_rule(s, field, pattern, HG_BF16);
    }
}

/* ModelOpt's and TensorRT-LLM's names of algorithms. */
static const struct {
    const char *algo;
    hg_dtype dtype;
    bool static_scales;
} algos[] = {
    { "FP8", HG_FP8, true },
    { "FP8_PER_CHANNEL_PER_TOKEN", HG_FP8, false },
    { "FP8_PB_WO", HG_FP8_BLOCK, false },
    { "FP8_BLOCK_SCALES", HG_FP8_BLOCK, false },
    { "MXFP8", HG_FP8_BLOCK, false },
    { "NVFP4", HG_NVFP4, true },
    { "NVFP4_AWQ", HG_NVFP4, true },
    { "W4A16_NVFP4", HG_W4A16, false },
    { "W4A16_AWQ", HG_W4A16, false },
    { "W4A16", HG_W4A16, false },
    { "W4A8_AWQ", HG_W4A16, false },
    { "W4A16_MXFP4", HG_MXFP4, false },
    { "W4A8_MXFP4_FP8", HG_MXFP4_FP8, false },
    { "MXFP4", HG_MXFP4, false },
    { "W8A16", HG_INT8, false },
    { "W8A8_SQ_PER_CHANNEL", HG_INT8, true },
    { "INT8_SQ", HG_INT8, true },
    { "W8A8", HG_INT8, false },
};

static bool parse_algo(scheme *s, const char *field, const char *algo, hg_dtype *out)
{
    for (size_t i = 0; i < sizeof algos / sizeof *algos; i++)
        if (strcmp(algo, algos[i].algo) == 0) {
            *out = algos[i].dtype;
            s->static_scales |= algos[i].static_scales;
            return true;
        }
    const char *names[sizeof algos / sizeof *algos];
    for (size_t i = 0; i < sizeof algos / sizeof *algos; i++)
        names[i] = algos[i].algo;
    const char *near = hg_nearest(algo, names, sizeof algos / sizeof *algos);
    return fail(s, field, near ? "is an algorithm not known; did you mean %s?"
                               : "is '%.60s', an algorithm not known", near ? near : algo);
}

/* MIXED_PRECISION: each layer's algorithm by name. */
static void add_layers(scheme *s, const json_t *q)
{
    const char *name;
    json_t *entry;
    json_object_foreach((json_t *)json_object_get(q, "quantized_layers"), name, entry) {
        hg_dtype dtype = HG_BF16;
        if (s->failed || !parse_algo(s, "quantized_layers", text_of(entry, "quant_algo"), &dtype))
            return;
        add_rule(s, "quantized_layers", name, dtype);
    }
}

static void read_modelopt(scheme *s, const json_t *q)
{
    const char *algo = text_of(q, "quant_algo");
    add_exceptions(s, q, "exclude_modules");
    add_exceptions(s, q, "ignore");
    if (strcmp(algo, "MIXED_PRECISION") == 0)
        add_layers(s, q);
    else if (*algo && strcmp(algo, "NO_QUANT") != 0)
        parse_algo(s, "quant_algo", algo, &s->base);
}

/* DeepSeek's and Hugging Face's fp8; its blocks; experts of a type of their own beside it. */
static void read_fp8(scheme *s, const json_t *q)
{
    s->base = json_array_size(json_object_get(q, "weight_block_size")) ? HG_FP8_BLOCK : HG_FP8;
    s->static_scales = strcmp(text_of(q, "activation_scheme"), "static") == 0;
    add_exceptions(s, q, "modules_to_not_convert");
    add_exceptions(s, q, "ignored_layers");
    add_layers(s, q);
    const char *experts = text_of(s->c->text, "expert_dtype");
    if (strcmp(experts, "fp4") == 0)
        add_rule(s, "expert_dtype", "experts", HG_MXFP4_FP8);
}

static bool group_dtype(scheme *s, const json_t *group, hg_dtype *out)
{
    const json_t *w = json_object_get(group, "weights"), *a = json_object_get(group, "input_activations");
    int64_t bits = json_integer_value(json_object_get(w, "num_bits"));
    int64_t size = json_integer_value(json_object_get(w, "group_size"));
    bool is_float = strcmp(text_of(w, "type"), "float") == 0;
    bool blocks = strcmp(text_of(w, "strategy"), "block") == 0;
    s->static_scales |= json_is_object(a) && json_is_false(json_object_get(a, "dynamic"));
    if (bits == 4 && is_float)
        *out = size == 32 ? HG_MXFP4 : HG_NVFP4;
    else if (bits == 4)
        *out = HG_W4A16;
    else if (bits == 8 && is_float)
        *out = blocks ? HG_FP8_BLOCK : HG_FP8;
    else if (bits == 8)
        *out = HG_INT8;
    else
        return fail(s, "config_groups", "has weights of %s; 4 and 8 bits are known",
                    bits ? "another number of bits" : "no stated bits");
    return true;
}

static void add_group(scheme *s, const json_t *group)
{
    const json_t *targets = json_object_get(group, "targets");
    hg_dtype dtype = HG_BF16;
    if (!group_dtype(s, group, &dtype))
        return;
    if (!json_array_size(targets))
        s->base = dtype;
    for (size_t i = 0; i < json_array_size(targets) && !s->failed; i++) {
        const char *target = json_string_value(json_array_get(targets, i));
        if (target && strcmp(target, "Linear") == 0)
            s->base = dtype;
        else if (target)
            add_rule(s, "config_groups", target, dtype);
    }
}

static void read_compressed_tensors(scheme *s, const json_t *q)
{
    const char *name;
    json_t *group;
    add_exceptions(s, q, "ignore");
    s->head_too = true;
    json_object_foreach((json_t *)json_object_get(q, "config_groups"), name, group) {
        if (!s->failed)
            add_group(s, group);
    }
}

static void read_integer(scheme *s, const json_t *q)
{
    static const char *const names[] = { "bits", "w_bit", "nbits" };
    int64_t bits = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names && !bits; i++)
        bits = json_integer_value(json_object_get(q, names[i]));
    if (json_is_true(json_object_get(q, "load_in_4bit")) || json_is_true(json_object_get(q, "_load_in_4bit")))
        bits = 4;
    if (json_is_true(json_object_get(q, "load_in_8bit")) || json_is_true(json_object_get(q, "_load_in_8bit")))
        bits = 8;
    if (bits != 4 && bits != 8) {
        fail(s, "bits", "is %s; 4 and 8 are known", bits ? "another number" : "missing");
        return;
    }
    s->base = bits == 4 ? HG_W4A16 : HG_INT8;
    s->head_too = json_is_true(json_object_get(q, "lm_head"));
    add_exceptions(s, q, "modules_to_not_convert");
    add_exceptions(s, q, "llm_int8_skip_modules");
}

static void read_mxfp4(scheme *s, const json_t *q)
{
    s->base = HG_MXFP4;
    add_exceptions(s, q, "modules_to_not_convert");
}

static void read_int8(scheme *s, const json_t *q)
{
    s->base = HG_INT8;
    add_exceptions(s, q, "modules_to_not_convert");
    add_exceptions(s, q, "ignore");
}

static void read_quark(scheme *s, const json_t *q)
{
    const json_t *global = json_object_get(q, "global_quant_config");
    const char *dtype = text_of(json_object_get(global, "weight"), "dtype");
    add_exceptions(s, q, "exclude");
    if (hg_starts(dtype, "fp8"))
        s->base = HG_FP8;
    else if (hg_starts(dtype, "fp4"))
        s->base = HG_MXFP4;
    else if (strcmp(dtype, "int8") == 0)
        s->base = HG_INT8;
    else if (strcmp(dtype, "int4") == 0 || strcmp(dtype, "uint4") == 0)
        s->base = HG_W4A16;
    else
        fail(s, "global_quant_config.weight.dtype", "is '%.40s'; fp8, fp4, int8 and int4 are known", dtype);
}

static const struct {
    const char *method;
    void (*read)(scheme *s, const json_t *q);
} methods[] = {
    { "fp8", read_fp8 },
    { "fbgemm_fp8", read_fp8 },
    { "compressed-tensors", read_compressed_tensors },
    { "compressed_tensors", read_compressed_tensors },
    { "modelopt", read_modelopt },
    { "modelopt_fp4", read_modelopt },
    { "modelopt_mixed", read_modelopt },
    { "awq", read_integer },
    { "awq_marlin", read_integer },
    { "gptq", read_integer },
    { "gptq_marlin", read_integer },
    { "auto-round", read_integer },
    { "intel/auto-round", read_integer },
    { "auto_round", read_integer },
    { "bitsandbytes", read_integer },
    { "mxfp4", read_mxfp4 },
    { "quark", read_quark },
    { "ascend", read_int8 },
    { "w8a8_int8", read_int8 },
    { "w8a8_fp8", read_fp8 },
};

static void read_block(scheme *s, const json_t *q)
{
    const char *method = text_of(q, "quant_method");
    size_t n = sizeof methods / sizeof *methods;
    if (!*method && *text_of(q, "quant_algo")) {
        read_modelopt(s, q);
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (strcmp(method, methods[i].method) == 0) {
            methods[i].read(s, q);
            return;
        }
    fail(s, "quant_method", "is '%.60s', a method not known; fp8, compressed-tensors, modelopt, awq, "
         "gptq, bitsandbytes, mxfp4 and quark are", method);
}

/* The module names under which publishers keep a kind's large weights, behind "model.layers.N.". */
static const char *const attention_names[] = {
    "self_attn.q_proj", "self_attn.q_b_proj", "self_attn.qkv_proj", "mixer.q_proj", "attn.wq_b",
    "self_attn.kv_a_proj_with_mqa", NULL };
static const char *const o_names[] = { "self_attn.o_proj", "mixer.o_proj", "attn.wo_b", NULL };
static const char *const linear_names[] = { "linear_attn.in_proj_qkvz", "linear_attn.in_proj_qkv",
                                            "mixer.in_proj", "mamba.in_proj", NULL };
static const char *const dense_names[] = { "mlp.down_proj", "mlp.gate_proj", "mixer.down_proj",
                                           "feed_forward.down_proj", "ffn.w2", NULL };
static const char *const shared_names[] = {
    "mlp.shared_experts.down_proj", "mlp.shared_expert.down_proj", "ffn.shared_experts.w2",
    "mixer.shared_experts.down_proj", "feed_forward.shared_expert.down_proj", NULL };
static const char *const expert_names[] = {
    "mlp.experts.0.down_proj", "mlp.experts", "block_sparse_moe.experts.0.w2", "ffn.experts.0.w2",
    "mixer.experts.0.down_proj", "feed_forward.experts.down_proj", NULL };

static const hg_module_rule *rule_for(const scheme *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (hg_module_rule_matches(&s->rules[i], name))
            return &s->rules[i];
    return NULL;
}

/* The type of a kind in one layer: of the first rule that matches any of its names. */
static hg_dtype layer_dtype(const scheme *s, int64_t layer, const char *const *names)
{
    char name[96];
    for (; *names; names++) {
        snprintf(name, sizeof name, "model.layers.%" PRId64 ".%s", layer, *names);
        const hg_module_rule *rule = rule_for(s, name);
        if (rule)
            return rule->dtype;
    }
    return s->base;
}

typedef struct tally {
    double weights[HG_DTYPES];
} tally;

static void vote(tally *t, const scheme *s, int64_t layer, const char *const *names, double weights)
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

static void judge(const scheme *s, hg_model *m)
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
    const hg_module_rule *head = rule_for(s, "lm_head");
    m->precision.lm_head = head ? head->dtype : s->head_too ? s->base : HG_BF16;
    m->precision.static_scales = s->static_scales;
}

/* kv_cache_quant_algo "FP8", or kv_cache_scheme "FP8" or { "num_bits": 8, "type": "float" }. */
static bool read_kv(const json_t *q, hg_dtype *kv)
{
    const json_t *stated = json_object_get(q, "kv_cache_scheme");
    const char *algo = text_of(q, "kv_cache_quant_algo");
    if (!*algo && json_is_string(stated))
        algo = json_string_value(stated);
    if (json_is_object(stated) && json_integer_value(json_object_get(stated, "num_bits")) == 8)
        algo = strcmp(text_of(stated, "type"), "int") == 0 ? "INT8" : "FP8";
    if (strcmp(algo, "FP8") == 0)
        *kv = HG_FP8;
    else if (strcmp(algo, "INT8") == 0)
        *kv = HG_INT8;
    else if (strcmp(algo, "NVFP4") == 0)
        *kv = HG_NVFP4;
    else
        return false;
    return true;
}

static const json_t *block_of(const hg_config *c)
{
    static const char *const names[] = { "quantization_config", "compression_config", "quantization" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const json_t *q = json_object_get(c->root, names[i]);
        if (!json_is_object(q))
            q = json_object_get(c->text, names[i]);
        if (json_is_object(q))
            return q;
    }
    return NULL;
}

bool hg_model_read_precision(hg_config *c, const json_t *quant, hg_model *m)
{
    const json_t *own = block_of(c), *beside = json_object_get(quant, "quantization");
    scheme s = { .c = c, .base = HG_BF16 };
    if (json_object_size(own))
        read_block(&s, own);
    else if (beside)
        read_modelopt(&s, beside);
    if (!s.failed)
        judge(&s, m);
    for (size_t i = 0; i < s.count; i++)
        hg_module_rule_close(&s.rules[i]);
    m->precision.kv = HG_BF16;
    if (!read_kv(own, &m->precision.kv))
        read_kv(beside, &m->precision.kv);
    return !s.failed;
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

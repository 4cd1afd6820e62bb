#include "spec/quant_scheme.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef hg_quant_scheme scheme;

static bool fail(scheme *s, const char *field, const char *fmt, const char *word)
{
    char where[192];
    if (s->c->failed)
        return false;
    s->c->failed = true;
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
    for (size_t i = 0; i < json_array_size(list) && !s->c->failed; i++) {
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
    return fail(s, field,
                near ? "is an algorithm not known; did you mean %s?"
                     : "is '%.60s', an algorithm not known",
                near ? near : algo);
}

/* MIXED_PRECISION: each layer's algorithm by name. */
static void add_layers(scheme *s, const json_t *q)
{
    const char *name;
    json_t *entry;
    json_object_foreach((json_t *)json_object_get(q, "quantized_layers"), name, entry) {
        hg_dtype dtype = HG_BF16;
        if (s->c->failed ||
            !parse_algo(s, "quantized_layers", text_of(entry, "quant_algo"), &dtype))
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
    const json_t *w = json_object_get(group, "weights"),
                 *a = json_object_get(group, "input_activations");
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
    for (size_t i = 0; i < json_array_size(targets) && !s->c->failed; i++) {
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
        if (!s->c->failed)
            add_group(s, group);
    }
}

static void read_integer(scheme *s, const json_t *q)
{
    static const char *const names[] = { "bits", "w_bit", "nbits" };
    int64_t bits = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names && !bits; i++)
        bits = json_integer_value(json_object_get(q, names[i]));
    if (json_is_true(json_object_get(q, "load_in_4bit")) ||
        json_is_true(json_object_get(q, "_load_in_4bit")))
        bits = 4;
    if (json_is_true(json_object_get(q, "load_in_8bit")) ||
        json_is_true(json_object_get(q, "_load_in_8bit")))
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
        fail(s, "global_quant_config.weight.dtype", "is '%.40s'; fp8, fp4, int8 and int4 are known",
             dtype);
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
    fail(s, "quant_method",
         "is '%.60s', a method not known; fp8, compressed-tensors, modelopt, awq, "
         "gptq, bitsandbytes, mxfp4 and quark are",
         method);
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
    static const char *const names[] = { "quantization_config", "compression_config",
                                         "quantization" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const json_t *q = json_object_get(c->root, names[i]);
        if (!json_is_object(q))
            q = json_object_get(c->text, names[i]);
        if (json_is_object(q))
            return q;
    }
    return NULL;
}

/* A block that is there must say something: "fp8" or a list would be priced as 16 bit. */
static bool block_is_legal(const hg_config *c)
{
    const json_t *places[] = { c->root, c->text };
    char where[192];
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const json_t *q = json_object_get(places[i], "quantization_config");
        snprintf(where, sizeof where, "%.120s: quantization_config", c->where);
        if (q && !json_is_object(q) && !json_is_null(q))
            return hg_fail(c->err, HG_INPUT, where, "is no object; write {\"quant_method\": \"fp8\", …} or leave it out");
    }
    return true;
}

/* Lists of rules by the layer they name, in order; those that may match any layer stand at the end.
 * Many of these would make matching slow, so their product with the layers is bounded: published
 * files have at most a dozen. */
static void sort_by_layer(scheme *s, int64_t layers)
{
    enum { GENERAL_MATCHES = 400000 };
    int64_t general = 0;
    s->layers = layers;
    s->heads = HG_NEW(s->c->arena, size_t, layers + 1);
    for (size_t i = s->count; i-- > 0;) {
        hg_module_rule *rule = &s->rules[i];
        if (rule->layer >= layers)
            continue;
        size_t *head = &s->heads[rule->layer < 0 ? layers : rule->layer];
        rule->next = *head;
        *head = i + 1;
        general += rule->layer < 0;
    }
    if (general > GENERAL_MATCHES / layers)
        fail(s, "ignore", "lists too many patterns; name modules%s", " by their layers");
}

static size_t first_match(const scheme *s, size_t head, const char *name)
{
    while (head && !hg_module_rule_matches(&s->rules[head - 1], name))
        head = s->rules[head - 1].next;
    return head;
}

const hg_module_rule *hg_quant_rule_for(const hg_quant_scheme *s, int64_t layer, const char *name)
{
    size_t own = layer >= 0 && layer < s->layers ? first_match(s, s->heads[layer], name) : 0;
    size_t any = first_match(s, s->heads[s->layers], name);
    size_t first = own && any ? (own < any ? own : any) : own + any;
    return first ? &s->rules[first - 1] : NULL;
}

void hg_quant_scheme_close(hg_quant_scheme *s)
{
    for (size_t i = 0; i < s->count; i++)
        hg_module_rule_close(&s->rules[i]);
}

bool hg_quant_scheme_read(hg_quant_scheme *s, hg_config *c, int64_t layers, const json_t *beside)
{
    const json_t *own = block_of(c), *quant = json_object_get(beside, "quantization");
    *s = (hg_quant_scheme){ .c = c, .base = HG_BF16, .kv = HG_BF16 };
    if (!block_is_legal(c))
        c->failed = true;
    else if (json_object_size(own))
        read_block(s, own);
    else if (quant)
        read_modelopt(s, quant);
    if (!c->failed)
        sort_by_layer(s, layers);
    if (!read_kv(own, &s->kv))
        read_kv(quant, &s->kv);
    return !c->failed;
}

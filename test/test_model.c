#include "test.h"

#include "base/json.h"
#include "base/text.h"
#include "spec/model.h"
#include "spec/module_rule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Published counts of models in the catalogue.  Index: the sum over the tensors in the checkpoint's
 * safetensors headers, or the README's own figure to the last digit; card: the model card's rounded
 * figure. */
static const struct {
    const char *id;
    double published, tolerance;
    const char *source;
} published[] = {
    { "meta-llama/Llama-3.1-8B", 8030261248, 0, "index" },
    { "meta-llama/Llama-3.1-70B", 70553706496, 0, "index" },
    { "meta-llama/Llama-3.1-405B", 405853388800, 0, "index" },
    { "meta-llama/Llama-3.2-1B", 1235814400, 0, "index" },
    { "meta-llama/Llama-3.2-3B", 3212749824, 0, "index" },
    { "meta-llama/Llama-2-7b-hf", 6738415616, 0, "index" },
    { "meta-llama/Llama-2-13b-hf", 13015864320, 0, "index" },
    { "meta-llama/Llama-2-70b-hf", 68976648192, 0, "index" },
    { "meta-llama/Llama-4-Scout-17B-16E-Instruct", 109e9, 0.015, "card, with a vision tower" },
    { "Qwen/Qwen3-0.6B", 596049920, 0, "index" },
    { "Qwen/Qwen3-1.7B", 1720574976, 0, "index" },
    { "Qwen/Qwen3-4B", 4022468096, 0, "index" },
    { "Qwen/Qwen3-8B", 8190735360, 0, "index" },
    { "Qwen/Qwen3-14B", 14768307200, 0, "index" },
    { "Qwen/Qwen3-32B", 32762123264, 0, "index" },
    { "Qwen/Qwen3-30B-A3B", 30532122624, 0, "index" },
    { "Qwen/Qwen3-235B-A22B", 235093634560, 0, "index" },
    { "Qwen/Qwen3-Coder-480B-A35B-Instruct", 480154875392, 0, "index" },
    { "Qwen/Qwen2.5-0.5B-Instruct", 494032768, 0, "index" },
    { "Qwen/Qwen2.5-7B-Instruct", 7615616512, 0, "index" },
    { "Qwen/Qwen2.5-14B-Instruct", 14770033664, 0, "index" },
    { "Qwen/Qwen2.5-32B-Instruct", 32763876352, 0, "index" },
    { "Qwen/Qwen2.5-72B-Instruct", 72706203648, 0, "index" },
    { "Qwen/Qwen3-VL-8B-Instruct", 8767123696, 1e-3, "index" },
    { "Qwen/Qwen3-VL-4B-Instruct", 4437815808, 1e-3, "index" },
    { "mistralai/Mixtral-8x7B-v0.1", 46702792704, 0, "index" },
    { "mistralai/Mixtral-8x22B-v0.1", 140620634112, 0, "index" },
    { "mistralai/Mistral-7B-v0.1", 7241732096, 0, "index" },
    { "mistralai/Mistral-7B-v0.3", 7248023552, 0, "index" },
    { "mistralai/Mistral-Nemo-Base-2407", 12247782400, 0, "index" },
    { "mistralai/Mistral-Small-24B-Instruct-2501", 23572403200, 0, "index" },
    { "mistralai/Mistral-Large-Instruct-2407", 122610069504, 0, "index" },
    { "deepseek-ai/DeepSeek-V3", 671026419200, 0, "README: 671B of main model weights" },
    { "deepseek-ai/DeepSeek-V2", 235741434880, 0, "index" },
    { "deepseek-ai/DeepSeek-V2-Lite", 15706484224, 0, "index" },
    { "deepseek-ai/DeepSeek-V4-Flash", 284e9, 0.01, "card" },
    { "deepseek-ai/DeepSeek-V4-Pro", 1.6e12, 0.02, "card" },
    { "moonshotai/Kimi-K2-Instruct", 1026408232448, 1e-3, "index" },
    { "openai/gpt-oss-120b", 116.83e9, 1e-4, "model card, table 1" },
    { "openai/gpt-oss-20b", 20.91e9, 3e-4, "model card, table 1" },
    { "MiniMaxAI/MiniMax-Text-01", 456089655296, 0, "index" },
    { "MiniMaxAI/MiniMax-M2.5", 230e9, 0.01, "card" },
    { "zai-org/GLM-4.5", 355e9, 0.01, "card" },
    { "zai-org/GLM-4.5-Air", 106e9, 0.01, "card" },
    { "zai-org/GLM-5", 744e9, 0.01, "card" },
    { "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", 31.6e9, 0.01, "card" },
    { "nvidia/NVIDIA-Nemotron-3-Super-120B-A12B-FP8", 120.6e9, 0.01, "card" },
    { "google/gemma-2-9b", 9241705984, 0, "index" },
    { "google/gemma-2-27b", 27227128320, 0, "index" },
    { "google/gemma-3-1b-it", 999885952, 0, "index" },
    { "google/gemma-3-4b-it", 4300079472, 1e-3, "index" },
    { "google/gemma-3-12b-it", 12187325040, 1e-3, "index" },
    { "google/gemma-3-27b-it", 27432406640, 1e-3, "index" },
    { "microsoft/phi-4", 14659507200, 0, "index" },
    { "microsoft/Phi-4-mini-instruct", 3836021760, 0, "index" },
    { "microsoft/Phi-3-mini-4k-instruct", 3821079552, 0, "index" },
    { "CohereForAI/c4ai-command-r-v01", 34980831232, 0, "index" },
    { "CohereForAI/c4ai-command-r-plus", 103810674688, 0, "index" },
    { "ByteDance-Seed/Seed-OSS-36B-Instruct", 36151104512, 0, "index" },
    { "tencent/Hunyuan-A13B-Instruct", 80393183232, 0, "index" },
    { "allenai/OLMo-2-1124-13B", 13716198400, 0, "index" },
    { "allenai/OLMo-2-0325-32B", 32234279936, 0, "index" },
    { "rednote-hilab/dots.llm1.inst", 142774381696, 0, "index" },
    { "databricks/dbrx-instruct", 131596523520, 0, "index" },
    { "ai21labs/AI21-Jamba-1.5-Mini", 51570323328, 0, "index" },
    { "bigcode/starcoder2-15b", 15957889024, 0, "index" },
    { "tiiuae/falcon-40b", 41303293952, 0, "index" },
    { "bigscience/bloom", 176247271424, 0, "card" },
    { "openai-community/gpt2", 124439808, 0, "index" },
    { "facebook/opt-13b", 12853473280, 0, "index" },
    { "facebook/opt-6.7b", 6658473984, 0, "index" },
    { "zai-org/GLM-4-32B-0414", 32566081536, 0, "index" },
    { "01-ai/Yi-34B", 34388917248, 0, "index" },
};

static void published_counts(hg_arena scratch)
{
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        hg_arena arena = scratch;
        hg_data data = { 0 };
        hg_model m;
        hg_err err = { 0 };
        const char *note;
        bool ok = hg_model_find(&arena, &data, published[i].id, &m, &note, &err);
        CHECKF(ok && !note, "%s: %s: %s", published[i].id, err.where, err.msg);
        double off = ok ? m.parameters / published[i].published - 1 : 1;
        CHECKF(__builtin_fabs(off) <= published[i].tolerance, "%s: %.0f, published %.0f (%s)",
               published[i].id, ok ? m.parameters : 0, published[i].published, published[i].source);
    }
}

/* Configurations outside the catalogue, of kinds the reader must take. */
static void unseen_configs(hg_arena scratch)
{
    hg_err err = { 0 };
    json_t *rows = hg_json_file("test/data/published.json", &err);
    CHECKF(rows, "%s: %s", err.where, err.msg);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        hg_arena arena = scratch;
        const json_t *row = json_array_get(rows, i);
        const char *name = json_string_value(json_object_get(row, "name"));
        char *text = json_dumps(json_object_get(row, "config"), 0);
        double want = json_number_value(json_object_get(row, "published"));
        double tolerance = json_number_value(json_object_get(row, "tolerance"));
        hg_model m = { 0 };
        bool ok = hg_model_read(&arena, name, text, strlen(text), NULL, 0, &m, &err);
        CHECKF(ok, "%s: %s: %s", name, err.where, err.msg);
        CHECKF(ok && __builtin_fabs(m.parameters / want - 1) <= tolerance,
               "%s: %.0f, published %.0f", name, m.parameters, want);
        free(text);
    }
    json_decref(rows);
}

/* KV bytes a token at 16 bits, by hand: layers × 2 × KV heads × head size × 2, or for MLA
 * layers × (rank + rope) × 2. */
static void kv_bytes(hg_arena scratch)
{
    static const struct {
        const char *id;
        hg_dtype kv;
        double want;
    } rows[] = {
        { "Qwen/Qwen3-32B", HG_BF16, 64 * 2 * 8 * 128 * 2 },
        { "Qwen/Qwen3-32B", HG_FP8, 64 * 2 * 8 * 128 },
        { "meta-llama/Llama-3.1-70B", HG_BF16, 80 * 2 * 8 * 128 * 2 },
        { "deepseek-ai/DeepSeek-V3", HG_BF16, 61 * 576 * 2 },
        { "deepseek-ai/DeepSeek-V3", HG_FP8, 61 * 576 },
        { "deepseek-ai/DeepSeek-V3.2", HG_BF16, 61 * (576 * 2 + 132) },
        { "Qwen/Qwen3.5-397B-A17B", HG_BF16, 15 * 2 * 2 * 256 * 2 },
        { "zai-org/GLM-5.2", HG_BF16, 78 * 576 * 2 + 21 * 132 },
        { "openai/gpt-oss-120b", HG_BF16, 36 * 2 * 8 * 64 * 2 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_arena arena = scratch;
        hg_data data = { 0 };
        hg_model m;
        hg_err err = { 0 };
        const char *note;
        bool ok = hg_model_find(&arena, &data, rows[i].id, &m, &note, &err);
        CHECKF(ok, "%s: %s", err.where, err.msg);
        CHECKF(ok && hg_model_kv_bytes_per_token(&m, rows[i].kv) == rows[i].want, "%s: %g, want %g",
               rows[i].id, hg_model_kv_bytes_per_token(&m, rows[i].kv), rows[i].want);
    }
}

#define SMALL                                                                                      \
    "\"hidden_size\":64,\"num_hidden_layers\":2,\"num_attention_heads\":4,"                        \
    "\"intermediate_size\":128,\"vocab_size\":100,\"max_position_embeddings\":512"

static void refusals(hg_arena scratch)
{
    static const struct {
        const char *json, *where, *msg;
    } rows[] = {
        { "", "c.json", "is not JSON" },
        { "{", "c.json", "is not JSON" },
        { "[]", "c.json", "no JSON object" },
        { "3", "c.json", "is not JSON" },
        { "{\"a\":1,\"a\":2}", "c.json", "duplicate" },
        { "{}", "hidden_size", "n_embd" },
        { "{\"hidden_size\":\"64\"}", "hidden_size", "is a text" },
        { "{\"hidden_size\":-64}", "hidden_size", "from 1 to" },
        { "{\"hidden_size\":64.5}", "hidden_size", "whole number" },
        { "{\"hidden_size\":1e300}", "hidden_size", "from 1 to" },
        { "{\"hidden_size\":NaN}", "hidden_size", "is no finite number" },
        { "{\"hidden_size\":Infinity}", "hidden_size", "is no finite number" },
        { "{\"hidden_size\":99999999999999999999999}", "c.json", "not JSON" },
        { "{" SMALL ",\"num_key_value_heads\":3}", "num_key_value_heads", "must divide" },
        { "{" SMALL ",\"num_key_value_heads\":8}", "num_key_value_heads", "must divide" },
        { "{" SMALL ",\"num_experts\":4,\"num_experts_per_tok\":8}", "num_experts_per_tok",
          "more than" },
        { "{" SMALL ",\"num_experts\":4}", "num_experts_per_tok", "is missing" },
        { "{" SMALL ",\"num_experts\":true}", "num_experts", "is true" },
        { "{" SMALL ",\"tie_word_embeddings\":\"no\"}", "tie_word_embeddings", "true or false" },
        { "{" SMALL ",\"layer_types\":[\"full_attention\"]}", "layer_types", "layer 1" },
        { "{" SMALL ",\"layer_types\":[\"full_attention\",\"magic\"]}", "layer_types", "magic" },
        { "{" SMALL ",\"hybrid_override_pattern\":\"M\"}", "ssm_state_size", "is missing" },
        { "{" SMALL ",\"use_cla\":true,\"cla_share_factor\":0}", "cla_share_factor", "from 1" },
        { "{" SMALL ",\"kv_lora_rank\":16}", "qk_rope_head_dim", "is missing" },
        { "{" SMALL ",\"quantization_config\":{\"quant_method\":\"magic\"}}", "quant_method",
          "magic" },
        { "{" SMALL ",\"quantization_config\":{\"quant_method\":\"awq\",\"bits\":3}}", "bits",
          "4 and 8" },
        { "{" SMALL ",\"quantization_config\":{\"quant_algo\":\"NVFP5\"}}", "quant_algo", "NVFP4" },
        { "{\"text_config\":{\"model_type\":\"llama\"}}", "text_config.hidden_size", "is missing" },
        { "{\"model_type\":\"bert\"," SMALL "}", "model_type", "encoder" },
        { "{\"model_type\":\"t5\",\"d_model\":512}", "model_type", "encoder-decoder" },
        { "{\"model_type\":\"whisper\",\"d_model\":512}", "model_type", "audio" },
        { "{\"model_type\":\"clip\"}", "model_type", "vision" },
        { "{\"_class_name\":\"UNet2DConditionModel\"}", "_class_name", "diffusion" },
        { "{\"model_type\":\"rwkv\"}", "model_type", "RWKV" },
        { "{\"model_type\":\"mistral\",\"architectures\":[\"MistralModel\"]," SMALL "}",
          "architectures", "embedding" },
        { "{\"architectures\":[\"Qwen3ForSequenceClassification\"]," SMALL "}", "architectures",
          "reranker" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_arena arena = scratch;
        hg_model m;
        hg_err err = { 0 };
        bool ok =
            hg_model_read(&arena, "c.json", rows[i].json, strlen(rows[i].json), NULL, 0, &m, &err);
        CHECKF(!ok && err.code == HG_INPUT && strstr(err.where, rows[i].where) &&
                   strstr(err.msg, rows[i].msg) && !strchr(err.msg, '\n'),
               "'%s' gave %d '%s: %s'", rows[i].json, ok, err.where, err.msg);
    }
}

/* Nesting beyond any stack, and a list where an object belongs. */
static void deep_nesting(hg_arena scratch)
{
    enum { DEPTH = 100000 };
    char *text = hg_alloc(&scratch, DEPTH + 1, 1);
    hg_model m;
    hg_err err;
    memset(text, '[', DEPTH);
    CHECK(!hg_model_read(&scratch, "deep.json", text, DEPTH, NULL, 0, &m, &err));
    CHECK(strstr(err.msg, "depth"));
}

/* What quantisers write, and the types of attention, dense part and lm_head. */
static void precisions(hg_arena scratch)
{
    static const struct {
        const char *quant;
        hg_dtype attention, mlp, lm_head, kv;
    } rows[] = {
        { "{}", HG_BF16, HG_BF16, HG_BF16, HG_BF16 },
        { "{'quant_method':'fp8'}", HG_FP8, HG_FP8, HG_BF16, HG_BF16 },
        { "{'quant_method':'fp8','weight_block_size':[128,128]}", HG_FP8_BLOCK, HG_FP8_BLOCK,
          HG_BF16, HG_BF16 },
        { "{'quant_method':'fp8','modules_to_not_convert':['self_attn']}", HG_BF16, HG_FP8, HG_BF16,
          HG_BF16 },
        { "{'quant_method':'awq','bits':4}", HG_W4A16, HG_W4A16, HG_BF16, HG_BF16 },
        { "{'quant_method':'gptq','bits':8}", HG_INT8, HG_INT8, HG_BF16, HG_BF16 },
        { "{'quant_method':'gptq','bits':4,'lm_head':true}", HG_W4A16, HG_W4A16, HG_W4A16,
          HG_BF16 },
        { "{'quant_method':'bitsandbytes','load_in_4bit':true}", HG_W4A16, HG_W4A16, HG_BF16,
          HG_BF16 },
        { "{'quant_method':'mxfp4','modules_to_not_convert':['model.layers.*.self_attn']}", HG_BF16,
          HG_MXFP4, HG_BF16, HG_BF16 },
        { "{'quant_method':'modelopt','quant_algo':'NVFP4','kv_cache_quant_algo':'FP8'}", HG_NVFP4,
          HG_NVFP4, HG_BF16, HG_FP8 },
        { "{'quant_algo':'NVFP4','exclude_modules':['*self_attn*']}", HG_BF16, HG_NVFP4, HG_BF16,
          HG_BF16 },
        /* one layer of two: a tie goes to the wider type */
        { "{'quant_algo':'FP8','exclude_modules':['model.layers.0.mlp*']}", HG_FP8, HG_BF16,
          HG_BF16, HG_BF16 },
        { "{'quant_algo':'MIXED_PRECISION','quantized_layers':{'*.mlp.down_proj':{'quant_algo':'"
          "NVFP4'},"
          "'lm_head':{'quant_algo':'FP8'}}}",
          HG_BF16, HG_NVFP4, HG_FP8, HG_BF16 },
        { "{'quant_method':'compressed-tensors','ignore':['lm_head'],'config_groups':{'g':{'"
          "targets':"
          "['Linear'],'weights':{'num_bits':8,'type':'float','strategy':'channel'},'input_"
          "activations':"
          "{'num_bits':8,'dynamic':true}}}}",
          HG_FP8, HG_FP8, HG_BF16, HG_BF16 },
        { "{'quant_method':'compressed-tensors','ignore':['lm_head','re:.*self_attn.*'],'config_"
          "groups':"
          "{'g':{'targets':['Linear'],'weights':{'num_bits':4,'type':'int','group_size':32}}},"
          "'kv_cache_scheme':{'num_bits':8,'type':'float'}}",
          HG_BF16, HG_W4A16, HG_BF16, HG_FP8 },
        { "{'quant_method':'compressed-tensors','config_groups':{'g':{'targets':['re:.*mlp.*'],'"
          "weights':"
          "{'num_bits':4,'type':'float','group_size':16}}}}",
          HG_BF16, HG_NVFP4, HG_BF16, HG_BF16 },
        { "{'quant_method':'quark','global_quant_config':{'weight':{'dtype':'fp8_e4m3'}}}", HG_FP8,
          HG_FP8, HG_BF16, HG_BF16 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_arena arena = scratch;
        hg_model m;
        hg_err err = { 0 };
        char *json = hg_textf(&arena, "{" SMALL ",\"quantization_config\":%s}", rows[i].quant);
        for (char *p = json; *p; p++)
            *p = *p == '\'' ? '"' : *p;
        bool ok = hg_model_read(&arena, "c.json", json, strlen(json), NULL, 0, &m, &err);
        CHECKF(ok, "%s: %s: %s", rows[i].quant, err.where, err.msg);
        CHECKF(ok && m.precision.attention == rows[i].attention && m.precision.mlp == rows[i].mlp &&
                   m.precision.lm_head == rows[i].lm_head && m.precision.kv == rows[i].kv,
               "%s: %s %s %s %s", rows[i].quant, hg_dtype_table[m.precision.attention].name,
               hg_dtype_table[m.precision.mlp].name, hg_dtype_table[m.precision.lm_head].name,
               hg_dtype_table[m.precision.kv].name);
    }
}

/* Patterns of modules, and what they must and must not match. */
static void module_rules(hg_arena scratch)
{
    static const struct {
        const char *pattern, *name;
        bool want;
    } rows[] = {
        { "lm_head", "lm_head", true },
        { "language_model.lm_head", "lm_head", true },
        { "gate", "model.layers.1.mlp.gate", true },
        { "gate", "model.layers.1.mlp.gate_proj", false },
        { "self_attn", "model.layers.1.self_attn.q_proj", true },
        { "model.layers.1", "model.layers.1.mlp.gate", true },
        { "model.layers.1", "model.layers.11.mlp.gate", false },
        { "model.layers.1*", "model.layers.11.mlp.gate", true },
        { "backbone.layers.4.mixer.in_proj", "model.layers.4.mixer.in_proj", true },
        { "language_model.model.layers.3.self_attn*", "model.layers.3.self_attn.o_proj", true },
        { "model.layers.*.self_attn", "model.layers.3.self_attn.o_proj", true },
        { "mtp.layers.0*", "model.layers.0.mlp.down_proj", false },
        { "re:.*self_attn.*", "model.layers.3.self_attn.o_proj", true },
        { "re:.*mlp\\.(gate|up|gate_up|down)_proj.*", "model.layers.0.mlp.down_proj", true },
        { "re:.*mlp\\.(gate|up|gate_up|down)_proj.*", "model.layers.0.mlp.experts.0.down_proj",
          false },
        { "re:model\\.layers\\.\\d+\\.mlp", "model.layers.12.mlp.down_proj", true },
        { "re:layers", "model.layers.12.mlp.down_proj", false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_arena arena = scratch;
        hg_module_rule rule;
        CHECKF(hg_module_rule_open(&rule, &arena, rows[i].pattern, HG_BF16), "%s", rows[i].pattern);
        CHECKF(hg_module_rule_matches(&rule, rows[i].name) == rows[i].want, "%s on %s",
               rows[i].pattern, rows[i].name);
        hg_module_rule_close(&rule);
    }
    hg_module_rule rule;
    CHECK(!hg_module_rule_open(&rule, &scratch, "re:(", HG_BF16));
    CHECK(!hg_module_rule_open(&rule, &scratch, "re:(?!x)y", HG_BF16));
}

static void resolution(hg_arena scratch)
{
    static const struct {
        const char *word, *note; /* NULL: exact; a text: what the note ends with */
    } rows[] = {
        { "Qwen/Qwen3-32B", NULL },
        { "deepseek-ai/DeepSeek-R1", NULL },
        { "Qwen3-32B", "taken as Qwen/Qwen3-32B" },
        { "zhipuai/GLM-5", "taken as zai-org/GLM-5" },
        { "meta-llama/Llama-3.1-8B-Instruct", "taken as meta-llama/Llama-3.1-8B" },
        { "meta-llama/Meta-Llama-3.1-70B-Instruct", "taken as meta-llama/Llama-3.1-70B" },
        { "nvidia/Qwen3-32B-NVFP4", "taken as Qwen/Qwen3-32B in nvfp4" },
        { "nvidia/DeepSeek-R1-NVFP4", "taken as deepseek-ai/DeepSeek-R1 in nvfp4" },
        { "Qwen/Qwen3-8B-FP8", "taken as Qwen/Qwen3-8B in fp8_block" },
        { "nvidia/Llama-3.1-8B-Instruct-FP8", "taken as meta-llama/Llama-3.1-8B in fp8" },
        { "Qwen/Qwen2.5-7B-Instruct-GPTQ-Int4", "taken as Qwen/Qwen2.5-7B-Instruct in w4a16" },
        { "qwen3-235b-a22b-instruct-2507-awq",
          "taken as Qwen/Qwen3-235B-A22B-Instruct-2507 in w4a16" },
        { "Qwen/Qwen3.6-27B", NULL },
        { "moonshotai/Kimi-K2-Instruct-0905", "taken as moonshotai/Kimi-K2-Instruct" },
        { "nvidia/DeepSeek-R1-0528-NVFP4-v2", "taken as deepseek-ai/DeepSeek-R1-0528 in nvfp4" },
        { "moonshotai/Kimi-K2.7-Code", "taken as nvidia/Kimi-K2.7-Code-NVFP4 in bf16" },
        { "Qwen/Qwen2.5-72B", "taken as Qwen/Qwen2.5-72B-Instruct" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_arena arena = scratch;
        hg_data data = { 0 };
        hg_model m;
        hg_err err = { 0 };
        const char *note = NULL;
        bool ok = hg_model_find(&arena, &data, rows[i].word, &m, &note, &err);
        CHECKF(ok, "%s: %s", err.where, err.msg);
        bool same = rows[i].note ? note && hg_ends(note, rows[i].note) : !note;
        CHECKF(same, "%s gave the note '%s'", rows[i].word, note ? note : "");
        CHECK(ok && strcmp(m.name, rows[i].word) == 0);
    }
}

static void unresolved(hg_arena scratch)
{
    static const struct {
        const char *word, *msg;
    } rows[] = {
        { "Qwen/Qwen3-33B", "did you mean Qwen/Qwen3-3" },
        { "gpt-5", "catalogue" },
        { "", "catalogue" },
        { "no/such/config.json", "" },
        { "-FP8", "catalogue" },
        { "DeepSeek-V3.1", NULL },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_arena arena = scratch;
        hg_data data = { 0 };
        hg_model m;
        hg_err err = { 0 };
        const char *note;
        bool ok = hg_model_find(&arena, &data, rows[i].word, &m, &note, &err);
        CHECKF(ok == !rows[i].msg && (ok || strstr(err.msg, rows[i].msg)), "'%s' gave %d '%s'",
               rows[i].word, ok, err.msg);
    }
}

/* The number in a model's name ("235B", "0.6B", "8x7B") is its count. */
static double number_in_name(const char *id)
{
    for (const char *p = hg_basename(id); *p; p++) {
        double n;
        int end = 0;
        bool starts = p == hg_basename(id) || strchr("-_", p[-1]);
        if (starts && sscanf(p, "%lf%n", &n, &end) == 1 && (p[end] == 'B' || p[end] == 'b') &&
            !(p[end + 1] >= 'a' && p[end + 1] <= 'z'))
            return n * 1e9;
    }
    return 0;
}

/* Small models' names count without embeddings or vision (gemma-2-2b has 2.6 in all), and
 * "Qwen2.5-7B" is 7.62, "starcoder2-15b" 15.96, "Nemotron-3-Nano-30B" 31.58. */
static double name_slack(double count)
{
    return count < 5e9 ? 0.35 : count < 20e9 ? 0.1 : 0.055;
}

static void catalogue_reads(hg_arena scratch)
{
    size_t count;
    hg_data data = { 0 };
    const char **ids = hg_model_ids(&scratch, &data, &count);
    CHECKF(count >= 60, "%zu ids", count);
    for (size_t i = 0; i < count; i++) {
        hg_arena arena = scratch;
        hg_model m;
        hg_err err = { 0 };
        const char *note;
        bool ok = hg_model_find(&arena, &data, ids[i], &m, &note, &err);
        CHECKF(ok, "%s: %s: %s", ids[i], err.where, err.msg);
        double want = number_in_name(ids[i]);
        bool of_total = !strstr(ids[i], "17B-16E"); /* Llama 4 says its active count */
        CHECKF(!ok || want == 0 || !of_total ||
                   __builtin_fabs(m.parameters / want - 1) <= name_slack(want),
               "%s has %.4g", ids[i], ok ? m.parameters : 0);
    }
}

void test_model(void)
{
    hg_arena arena;
    if (!hg_arena_open(&arena, 0))
        return;
    published_counts(arena);
    unseen_configs(arena);
    kv_bytes(arena);
    refusals(arena);
    deep_nesting(arena);
    precisions(arena);
    module_rules(arena);
    resolution(arena);
    unresolved(arena);
    catalogue_reads(arena);
    hg_arena_close(&arena);
}

/* Rules of SGLang, TensorRT-LLM, MindIE and llama.cpp. */
#include "explain/rules.h"

#include "base/num.h"
#include "engine/fraction.h"

#include <inttypes.h>
#include <string.h>

/* ---- SGLang ---- */

void hg_check_draft_numbers(hg_lint *x)
{
    static const char *const keys[] = { "speculative-num-steps", "speculative-eagle-topk",
                                        "speculative-num-draft-tokens" };
    int n = 0;
    for (int i = 0; i < 3; i++)
        n += hg_rule_setting(x, keys[i]) != NULL;
    if (n == 1 || n == 2)
        hg_lint_find(x, hg_rule_setting(x, "speculative-algorithm"), "%d of the three numbers", n);
}

/* Graphs and communication take gigabytes that the ledger does not count: a twentieth is the least
 * they need. */
static const double STATIC_MOST = 0.95;

void hg_check_static_fraction(hg_lint *x)
{
    const hg_setting *at = hg_setting_of_word(&x->launch->settings, "gpu_memory_utilization");
    double told = x->said.told_fraction;
    hg_memory m = { 0 };
    if (x->d_is_known && x->model && x->device)
        m = hg_memory_ledger(x->model, &x->d, x->engine, x->device);
    double wanted = hg_fraction_budget(HG_OF_STATIC, told, &m);
    if (told > 0 && wanted > m.total_bytes)
        hg_lint_find(
            x, at,
            "--mem-fraction-static %g and %.1f GiB of activations need %.1f GiB, %s has %.1f", told,
            m.activation_bytes / 0x1p30, wanted / 0x1p30, x->device->name, m.total_bytes / 0x1p30);
    else if (told >= STATIC_MOST)
        hg_lint_find(x, at, "--mem-fraction-static %g", told);
}

void hg_check_attention_dp(hg_lint *x)
{
    int64_t tp = hg_rule_int(x, "tp-size", 1), dp = hg_rule_int(x, "dp-size", 1);
    if (hg_rule_on(x, "enable-dp-attention") && dp > 0 && tp % dp != 0)
        hg_lint_find(x, hg_rule_setting(x, "dp-size"), "dp %" PRId64 " does not divide tp %" PRId64,
                     dp, tp);
}

void hg_check_deepep_width(hg_lint *x)
{
    int64_t tp = hg_rule_int(x, "tp-size", 1), ep = hg_rule_int(x, "ep-size", tp);
    if (strcmp(hg_rule_text(x, "moe-a2a-backend"), "deepep") == 0 && ep != tp)
        hg_lint_find(x, hg_rule_setting(x, "ep-size"), "ep %" PRId64 ", tp %" PRId64, ep, tp);
}

void hg_check_divided_chunk(hg_lint *x)
{
    int64_t chunk = hg_rule_int(x, "chunked-prefill-size", 0), dp = hg_rule_int(x, "dp-size", 1);
    if (hg_rule_on(x, "enable-dp-attention") && chunk > 0 && dp > 1 && chunk / dp < 1024)
        hg_lint_find(x, hg_rule_setting(x, "chunked-prefill-size"), "%" PRId64 " tokens a rank",
                     chunk / dp);
}

bool hg_mend_whole_chunk(const hg_lint *x, hg_deployment *broken, hg_deployment *fixed)
{
    (void)x;
    fixed->max_num_batched_tokens = broken->max_num_batched_tokens * broken->dp;
    return true;
}

/* ---- TensorRT-LLM ---- */

void hg_check_refused_prompts(hg_lint *x)
{
    int64_t tokens = hg_rule_int(x, "max_num_tokens", 8192),
            longest = hg_rule_int(x, "max_seq_len", x->model ? x->d.max_model_len : 0);
    longest = x->isl > 0 ? x->isl : hg_min_i64(longest, hg_rule_int(x, "max_input_len", longest));
    if (!hg_rule_on(x, "enable_chunked_prefill") && longest > tokens)
        hg_lint_find(x, hg_rule_setting(x, "max_num_tokens"),
                     "prompts of up to %" PRId64 " tokens, %" PRId64 " a step", longest, tokens);
}

void hg_check_file_wins(hg_lint *x)
{
    const hg_settings *s = &x->launch->settings;
    for (size_t i = 0; i < s->count; i++)
        for (size_t k = 0; k < s->count; k++) {
            const hg_setting *line = &s->list[i], *file = &s->list[k];
            if (line->knob && line->knob == file->knob && !line->file && file->file &&
                line->value && file->value && strcmp(line->value, file->value) != 0)
                hg_lint_find(x, line, "%.60s %.60s, and %.60s in the file", line->name, line->value,
                             file->value);
        }
}

void hg_check_unpadded_graphs(hg_lint *x)
{
    int64_t most = hg_rule_int(x, "cuda_graph_config.max_batch_size", 0),
            batch = hg_rule_int(x, "max_batch_size", 2048);
    bool padding = hg_rule_on(x, "cuda_graph_config.enable_padding");
    if (most > 0 && (most < batch || !padding))
        hg_lint_find(x, hg_rule_setting(x, "cuda_graph_config.max_batch_size"),
                     "graphs up to %" PRId64 "%s, batches up to %" PRId64, most,
                     padding ? "" : " without padding", batch);
}

void hg_check_transfer_buffer(hg_lint *x)
{
    int64_t buffer = hg_rule_int(x, "cache_transceiver_config.max_tokens_in_buffer", 0),
            longest = x->isl > 0 ? x->isl : hg_rule_int(x, "max_seq_len", 0);
    if (buffer > 0 && buffer < longest)
        hg_lint_find(x, hg_rule_setting(x, "cache_transceiver_config.max_tokens_in_buffer"),
                     "a buffer of %" PRId64 " tokens, prompts of up to %" PRId64, buffer, longest);
}

void hg_check_free_fraction(hg_lint *x)
{
    if (x->said.told_fraction > 0.95)
        hg_lint_find(x, hg_setting_of_word(&x->launch->settings, "gpu_memory_utilization"),
                     "free_gpu_memory_fraction %g", x->said.told_fraction);
}

/* ---- MindIE ---- */

#define DEPLOY "BackendConfig.ModelDeployConfig."
#define MODEL DEPLOY "ModelConfig."
#define SCHEDULE "BackendConfig.ScheduleConfig."

/* A whole config file: what it leaves out is the default. */
static int64_t mindie(const hg_lint *x, const char *key)
{
    const hg_engine_knob *knob = hg_knob_keyed(x->launch->knobs, key);
    const char *standard = knob ? hg_knob_standard(knob, x->device) : NULL;
    int64_t v = 0;
    if (standard)
        hg_parse_i64(standard, &v);
    return hg_rule_int(x, key, v);
}

static bool has_config(const hg_lint *x)
{
    return hg_rule_setting(x, DEPLOY "maxSeqLen") || hg_rule_setting(x, SCHEDULE "maxBatchSize");
}

/* Finds `small < large` of two keys. */
static void below(hg_lint *x, const char *small, const char *large)
{
    int64_t a = mindie(x, small), b = mindie(x, large);
    if (has_config(x) && a < b)
        hg_lint_find(x, hg_rule_setting(x, small), "%s %" PRId64 " is below %s %" PRId64,
                     strrchr(small, '.') + 1, a, strrchr(large, '.') + 1, b);
}

void hg_check_prefill_tokens(hg_lint *x)
{
    below(x, SCHEDULE "maxPrefillTokens", DEPLOY "maxInputTokenLen");
}

void hg_check_prefill_batch(hg_lint *x)
{
    below(x, SCHEDULE "maxBatchSize", SCHEDULE "maxPrefillBatchSize");
}

void hg_check_input_above_context(hg_lint *x)
{
    below(x, DEPLOY "maxSeqLen", DEPLOY "maxInputTokenLen");
}

void hg_check_world_size(hg_lint *x)
{
    int64_t tp = mindie(x, MODEL "tp"), dp = hg_max_i64(1, mindie(x, MODEL "dp")),
            cp = mindie(x, MODEL "cp"), world = mindie(x, MODEL "worldSize");
    if (has_config(x) && tp > 0 && (double)tp * (double)dp * (double)cp != (double)world)
        hg_lint_find(x, hg_rule_setting(x, MODEL "worldSize"),
                     "worldSize %" PRId64 ", tp %" PRId64 " and dp %" PRId64, world, tp, dp);
}

void hg_check_expert_world(hg_lint *x)
{
    int64_t tp = mindie(x, MODEL "moe_tp"), ep = mindie(x, MODEL "moe_ep"),
            world = mindie(x, MODEL "worldSize");
    if (tp > 0 && ep > 0 && tp * ep != world)
        hg_lint_find(x, hg_rule_setting(x, MODEL "moe_ep"),
                     "moe_tp %" PRId64 " and moe_ep %" PRId64 ", worldSize %" PRId64, tp, ep,
                     world);
}

void hg_check_device_ids(hg_lint *x)
{
    json_t *lists = hg_rule_json(x, "BackendConfig.npuDeviceIds");
    int64_t world = mindie(x, MODEL "worldSize"),
            instances = mindie(x, "BackendConfig.modelInstanceNumber");
    bool wrong = lists && (int64_t)json_array_size(lists) != instances;
    for (size_t i = 0; i < json_array_size(lists); i++)
        wrong |= (int64_t)json_array_size(json_array_get(lists, i)) != world;
    json_decref(lists);
    if (wrong)
        hg_lint_find(x, hg_rule_setting(x, "BackendConfig.npuDeviceIds"),
                     "npuDeviceIds %.60s, %" PRId64 " instance%s of %" PRId64 " devices",
                     hg_rule_text(x, "BackendConfig.npuDeviceIds"), instances,
                     instances == 1 ? "" : "s", world);
}

void hg_check_preempt_memory(hg_lint *x)
{
    if (mindie(x, SCHEDULE "maxPreemptCount") > 0 && mindie(x, MODEL "cpuMemSize") == 0)
        hg_lint_find(x, hg_rule_setting(x, SCHEDULE "maxPreemptCount"),
                     "maxPreemptCount %" PRId64 " with cpuMemSize 0",
                     mindie(x, SCHEDULE "maxPreemptCount"));
}

void hg_check_policy_type(hg_lint *x)
{
    static const char *const keys[] = { SCHEDULE "prefillPolicyType", SCHEDULE "decodePolicyType",
                                        SCHEDULE "policyType" };
    for (int i = 0; i < 3; i++)
        if (hg_rule_int(x, keys[i], 0) != 0)
            hg_lint_find(x, hg_rule_setting(x, keys[i]), "%s %" PRId64, strrchr(keys[i], '.') + 1,
                         hg_rule_int(x, keys[i], 0));
}

void hg_check_links(hg_lint *x)
{
    int64_t links = mindie(x, "ServerConfig.maxLinkNum");
    if (has_config(x) && x->concurrency > 3 * links)
        hg_lint_find(x, hg_rule_setting(x, "ServerConfig.maxLinkNum"),
                     "%" PRId64 " clients, maxLinkNum %" PRId64, x->concurrency, links);
}

/* Where answers' lengths are not said: an eighth of the context is short for today's traffic. */
void hg_check_output_cut(hg_lint *x)
{
    int64_t most = mindie(x, SCHEDULE "maxIterTimes"), context = mindie(x, DEPLOY "maxSeqLen"),
            wanted = x->osl > 0 ? x->osl : context / 8;
    if (has_config(x) && most < wanted)
        hg_lint_find(x, hg_rule_setting(x, SCHEDULE "maxIterTimes"),
                     "maxIterTimes %" PRId64 ", %s %" PRId64, most,
                     x->osl > 0 ? "answers of" : "a context of", x->osl > 0 ? x->osl : context);
}

void hg_check_https_certificates(hg_lint *x)
{
    bool off = strcmp(hg_rule_text(x, "ServerConfig.httpsEnabled"), "false") == 0;
    if (has_config(x) && !off && !*hg_rule_text(x, "ServerConfig.tlsCert"))
        hg_lint_find(x, hg_rule_setting(x, "ServerConfig.httpsEnabled"),
                     "https without a certificate");
}

void hg_check_cache_block(hg_lint *x)
{
    int64_t block = mindie(x, SCHEDULE "cacheBlockSize");
    if (block % 16 != 0)
        hg_lint_find(x, hg_rule_setting(x, SCHEDULE "cacheBlockSize"), "cacheBlockSize %" PRId64,
                     block);
}

/* ---- llama.cpp ---- */

enum { SLOT_LEAST = 4096, UBATCH_DEFAULT = 512 };

void hg_check_slot_context(hg_lint *x)
{
    int64_t c = hg_rule_int(x, "ctx-size", 0), np = hg_rule_int(x, "parallel", 0),
            wanted = x->isl + x->osl > 0 ? x->isl + x->osl : SLOT_LEAST;
    if (c > 0 && np > 1 && !hg_rule_on(x, "kv-unified") && c / np < wanted)
        hg_lint_find(x, hg_rule_setting(x, "ctx-size"),
                     "each of %" PRId64 " slots has %" PRId64 " tokens", np, c / np);
}

void hg_check_quantised_v(hg_lint *x)
{
    const char *v = hg_rule_text(x, "cache-type-v");
    bool quantised = strchr(v, 'q') || strcmp(v, "iq4_nl") == 0;
    if (quantised && strcmp(hg_rule_text(x, "flash-attn"), "off") == 0)
        hg_lint_find(x, hg_rule_setting(x, "cache-type-v"), "-ctv %.20s with -fa off", v);
}

void hg_check_small_ubatch(hg_lint *x)
{
    const char *layers = hg_rule_text(x, "n-gpu-layers");
    bool on_gpu = *layers && strcmp(layers, "0") != 0;
    if (on_gpu && hg_rule_int(x, "ubatch-size", UBATCH_DEFAULT) <= UBATCH_DEFAULT)
        hg_lint_find(x, hg_rule_setting(x, "ubatch-size"), "-ub %" PRId64,
                     hg_rule_int(x, "ubatch-size", UBATCH_DEFAULT));
}

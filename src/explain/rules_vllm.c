/* Rules of vLLM, here and on Ascend devices. */
#include "explain/rules.h"

#include "base/num.h"

#include <inttypes.h>
#include <string.h>

/* The largest size that vLLM captures by itself (vllm/config/vllm.py). */
enum { GRAPH_MOST = 512, NPU_SEQS_MOST = 256, NPU_STEP_TOKENS = 16, MC2_TOKENS = 512 };

static bool captures(const hg_lint *x)
{
    return !hg_rule_is_ascend(x) && !hg_rule_on(x, "enforce-eager");
}

static int64_t largest_graph(const hg_lint *x)
{
    int64_t most, said = hg_said_int(&x->said, "graph_tokens", 0);
    bool multiples;
    if (hg_rule_sizes(x, &most, &multiples))
        return most;
    return said > 0 ? said : GRAPH_MOST;
}

/* Said, or the default of a known device; 0: not known. */
static int64_t seqs(const hg_lint *x)
{
    return hg_said_int(&x->said, "max_num_seqs", x->device ? x->d.max_num_seqs : 0);
}

/* A pool that computes prompts runs no batch of answers. */
static bool prefills_only(const hg_lint *x)
{
    const hg_setting *kv = hg_rule_setting(x, "kv-transfer-config");
    return kv && kv->value && strstr(kv->value, "\"kv_producer\"");
}

void hg_check_graph_batch(hg_lint *x)
{
    int64_t batch = seqs(x) * hg_rule_each(x), most = largest_graph(x), explicit_most;
    bool multiples;
    if (captures(x) && !prefills_only(x) && batch > most && !hg_rule_sizes(x, &explicit_most, &multiples))
        hg_lint_find(x, hg_rule_setting(x, "max-num-seqs"),
                     "a batch of %" PRId64 " tokens (%" PRId64 " sequences of %" PRId64
                     "), graphs up to %" PRId64,
                     batch, seqs(x), hg_rule_each(x), most);
}

bool hg_mend_graphs_for_seqs(const hg_lint *x, hg_deployment *broken, hg_deployment *fixed)
{
    broken->graph_tokens = largest_graph(x);
    fixed->graph_tokens = fixed->max_num_seqs * hg_rule_each(x);
    return true;
}

void hg_check_graph_stride(hg_lint *x)
{
    int64_t said = hg_said_int(&x->said, "max_num_seqs", 0), batch = said * hg_rule_each(x), most;
    bool multiples;
    if (captures(x) && said > 0 && batch <= largest_graph(x) &&
        !hg_rule_sizes(x, &most, &multiples) && !hg_rule_on_stride(batch))
        hg_lint_find(x, hg_rule_setting(x, "max-num-seqs"),
                     "a batch of %" PRId64 " tokens is no captured size", batch);
}

/* The largest decode graph lies below the limit: what runs above it has none. */
bool hg_mend_seqs_on_stride(const hg_lint *x, hg_deployment *broken, hg_deployment *fixed)
{
    int64_t each = hg_rule_each(x), batch = broken->max_num_seqs * each, below = batch;
    while (below > 1 && !hg_rule_on_stride(below))
        below--;
    while (!hg_rule_on_stride(batch))
        batch++;
    broken->graph_tokens = below;
    fixed->max_num_seqs = batch / each;
    fixed->max_num_batched_tokens = hg_max_i64(fixed->max_num_batched_tokens, fixed->max_num_seqs);
    fixed->graph_tokens = batch;
    return true;
}

void hg_check_graph_sizes(hg_lint *x)
{
    int64_t most;
    bool multiples;
    const char *key = hg_rule_setting(x, "cudagraph-capture-sizes") ? "cudagraph-capture-sizes"
                                                                    : "compilation-config";
    if (!captures(x) || !hg_rule_sizes(x, &most, &multiples))
        return;
    if (!multiples)
        hg_lint_find(x, hg_rule_setting(x, key),
                     "sizes that are no multiples of %" PRId64
                     ", the tokens of a sequence and step",
                     hg_rule_each(x));
    if (seqs(x) * hg_rule_each(x) > most)
        hg_lint_find(x, hg_rule_setting(x, key),
                     "sizes end at %" PRId64 ", the largest batch is %" PRId64, most,
                     seqs(x) * hg_rule_each(x));
}

void hg_check_seqs_above_tokens(hg_lint *x)
{
    int64_t n = hg_said_int(&x->said, "max_num_seqs", 0),
            tokens = hg_said_int(&x->said, "max_num_batched_tokens", 0);
    if (tokens > 0 && n > tokens)
        hg_lint_find(x, hg_rule_setting(x, "max-num-batched-tokens"),
                     "%" PRId64 " sequences, %" PRId64 " tokens a step", n, tokens);
}

/* The engine cuts the sequences; the fix gives them their tokens. */
bool hg_mend_tokens_for_seqs(const hg_lint *x, hg_deployment *broken, hg_deployment *fixed)
{
    (void)x;
    broken->max_num_seqs = broken->max_num_batched_tokens;
    fixed->max_num_batched_tokens = fixed->max_num_seqs;
    return true;
}

bool hg_mend_tokens_for_prompts(const hg_lint *x, hg_deployment *broken, hg_deployment *fixed)
{
    (void)x;
    broken->chunked_prefill = fixed->chunked_prefill = false;
    fixed->max_num_batched_tokens = fixed->max_model_len;
    return true;
}

void hg_check_whole_prompts(hg_lint *x)
{
    int64_t tokens = hg_said_int(&x->said, "max_num_batched_tokens", 0),
            longest = hg_said_int(&x->said, "max_model_len", x->model ? x->d.max_model_len : 0);
    bool off = strcmp(hg_rule_text(x, "enable-chunked-prefill"), "false") == 0;
    if (off && tokens > 0 && tokens < longest)
        hg_lint_find(x, hg_rule_setting(x, "max-num-batched-tokens"),
                     "%" PRId64 " tokens a step, a context of %" PRId64, tokens, longest);
}

void hg_check_chunks_off(hg_lint *x)
{
    bool vllm = strcmp(hg_rule_text(x, "enable-chunked-prefill"), "false") == 0;
    if (vllm || hg_rule_int(x, "chunked-prefill-size", 1) == -1)
        hg_lint_find(x,
                     hg_rule_setting(x, vllm ? "enable-chunked-prefill" : "chunked-prefill-size"),
                     "chunked prefill is off");
}

bool hg_mend_chunks_on(const hg_lint *x, hg_deployment *broken, hg_deployment *fixed)
{
    const hg_engine_default *own = x->device ? hg_engine_default_for(x->engine, x->device) : NULL;
    (void)broken;
    fixed->chunked_prefill = true;
    fixed->max_num_batched_tokens =
        own ? hg_max_i64(own->max_num_batched_tokens, fixed->max_num_seqs)
            : fixed->max_num_batched_tokens;
    return true;
}

void hg_check_fraction_all(hg_lint *x)
{
    double told = hg_rule_real(x, "gpu-memory-utilization", 0);
    if (told > 0.97 && told <= 1)
        hg_lint_find(x, hg_rule_setting(x, "gpu-memory-utilization"), "--gpu-memory-utilization %g",
                     told);
}

void hg_check_ep_dense(hg_lint *x)
{
    if (x->model && hg_rule_on(x, "enable-expert-parallel") && !hg_rule_has_experts(x))
        hg_lint_find(x, hg_rule_setting(x, "enable-expert-parallel"), "%s is dense",
                     x->model->name);
}

void hg_check_dcp_tp(hg_lint *x)
{
    int64_t dcp = hg_rule_int(x, "decode-context-parallel-size", 1);
    if (dcp > 1 && x->d.tp % dcp != 0)
        hg_lint_find(x, hg_rule_setting(x, "decode-context-parallel-size"),
                     "dcp %" PRId64 " does not divide tp %" PRId64, dcp, x->d.tp);
}

void hg_check_single_replica_ranks(hg_lint *x)
{
    int64_t ranks = hg_rule_int(x, "data-parallel-size", 1);
    if (x->model && !hg_rule_has_experts(x) && ranks >= 4 &&
        !hg_rule_setting(x, "api-server-count") && !hg_rule_on(x, "data-parallel-external-lb"))
        hg_lint_find(x, hg_rule_setting(x, "data-parallel-size"),
                     "%" PRId64 " ranks behind one API server", ranks);
}

/* ---- Ascend ---- */

void hg_check_npu_graph_batch(hg_lint *x)
{
    int64_t said = hg_said_int(&x->said, "max_num_seqs", 0), batch = said * hg_rule_each(x), most;
    bool multiples, sizes = hg_rule_sizes(x, &most, &multiples);
    if (!hg_rule_is_ascend(x) || said == 0 || hg_rule_on(x, "enforce-eager"))
        return;
    if (sizes ? batch > most || !multiples : batch > GRAPH_MOST || !hg_rule_on_stride(batch))
        hg_lint_find(x, hg_rule_setting(x, "max-num-seqs"),
                     "a batch of %" PRId64 " tokens is no captured size", batch);
}

void hg_check_npu_many_seqs(hg_lint *x)
{
    int64_t said = hg_said_int(&x->said, "max_num_seqs", 0);
    if (hg_rule_is_ascend(x) && said > NPU_SEQS_MOST)
        hg_lint_find(x, hg_rule_setting(x, "max-num-seqs"), "%" PRId64 " running sequences", said);
}

static bool is_set(const hg_lint *x, const char *name)
{
    const hg_settings *s = &x->launch->settings;
    for (size_t i = 0; i < s->env_count; i++)
        if (strcmp(s->env[i][0], name) == 0)
            return true;
    return false;
}

void hg_check_npu_env(hg_lint *x)
{
    static const char *const wanted[] = { "HCCL_OP_EXPANSION_MODE", "TASK_QUEUE_ENABLE" };
    for (int i = 0; i < 2; i++)
        if (x->device && strcmp(x->device->vendor, "ascend") == 0 && x->launch->from_command &&
            !is_set(x, wanted[i]))
            hg_lint_find(x, NULL, "%s is not set", wanted[i]);
}

void hg_check_npu_prefill_mc2(hg_lint *x)
{
    json_t *o = hg_rule_json(x, "additional-config");
    bool on = json_is_true(json_object_get(o, "enable_prefill_mc2"));
    json_decref(o);
    int64_t tokens = hg_said_int(&x->said, "max_num_batched_tokens", 0);
    if (on && tokens > x->d.tp * MC2_TOKENS)
        hg_lint_find(x, hg_rule_setting(x, "additional-config"),
                     "%" PRId64 " tokens a step over %" PRId64 " ranks", tokens, x->d.tp);
}

void hg_check_npu_recompute(hg_lint *x)
{
    json_t *o = hg_rule_json(x, "additional-config"), *kv = hg_rule_json(x, "kv-transfer-config");
    bool on = json_is_true(
        json_object_get(json_object_get(o, "scheduler_config"), "recompute_scheduler_enable"));
    const char *role = json_string_value(json_object_get(kv, "kv_role"));
    if (on && role && strcmp(role, "kv_producer") == 0)
        hg_lint_find(x, hg_rule_setting(x, "additional-config"),
                     "recompute_scheduler_enable on a kv_producer");
    json_decref(o);
    json_decref(kv);
}

void hg_check_npu_drafts(hg_lint *x)
{
    if (hg_rule_is_ascend(x) && hg_rule_each(x) > NPU_STEP_TOKENS)
        hg_lint_find(x, hg_rule_setting(x, "speculative-config"),
                     "%" PRId64 " tokens a sequence and step", hg_rule_each(x));
}

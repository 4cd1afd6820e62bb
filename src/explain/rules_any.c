/* Rules for any engine: the deployment against model, device, traffic and host. */
#include "explain/rules.h"

#include "base/num.h"
#include "engine/fraction.h"

#include <inttypes.h>
#include <string.h>

/* ---- against the model and the device ---- */

void hg_check_heads_tp(hg_lint *x)
{
    for (int64_t i = 0; x->model && i < x->model->layer_kinds; i++) {
        int64_t heads = x->model->layers[i].heads;
        if (heads > 0 && heads % x->d.tp != 0) {
            hg_lint_find(x, NULL,
                         "tp %" PRId64 " does not divide the %" PRId64 " attention heads of %s",
                         x->d.tp, heads, x->model->name);
            return;
        }
    }
}

/* The most ranks, of those asked for, that divide the heads. */
bool hg_mend_dividing_ranks(const hg_lint *x, hg_deployment *broken, hg_deployment *fixed)
{
    int64_t heads = x->model->layers[0].heads;
    while (fixed->tp > 1 && heads % fixed->tp != 0)
        fixed->tp--;
    return fixed->tp < broken->tp;
}

static int64_t kv_heads(const hg_lint *x)
{
    for (int64_t i = 0; x->model && i < x->model->layer_kinds; i++)
        if (x->model->layers[i].mixer == HG_MIX_GQA && x->model->layers[i].kv_heads > 0)
            return x->model->layers[i].kv_heads;
    return 0;
}

void hg_check_kv_heads_copied(hg_lint *x)
{
    int64_t heads = kv_heads(x);
    if (heads > 0 && x->d.tp > heads && x->d.tp % heads == 0)
        hg_lint_find(x, NULL,
                     "tp %" PRId64 " over %" PRId64 " key-value heads: each is held %" PRId64
                     " times",
                     x->d.tp, heads, x->d.tp / heads);
}

bool hg_mend_fewer_ranks(const hg_lint *x, hg_deployment *broken, hg_deployment *fixed)
{
    int64_t heads = kv_heads(x);
    fixed->replicas *= broken->tp / heads;
    fixed->tp = heads;
    return !hg_rule_has_experts(x);
}

void hg_check_experts_ep(hg_lint *x)
{
    for (int64_t i = 0; x->model && i < x->model->layer_kinds; i++) {
        const hg_layer *l = &x->model->layers[i];
        if (l->ffn == HG_FFN_MOE && x->d.ep > 1 && l->experts % x->d.ep != 0) {
            hg_lint_find(x, NULL, "%" PRId64 " ranks do not divide the %" PRId64 " experts of %s",
                         x->d.ep, l->experts, x->model->name);
            return;
        }
    }
}

static bool cuts_blocks(const hg_lint *x, const hg_layer *l, int64_t *cut)
{
    bool experts = l->ffn == HG_FFN_MOE && x->engine && x->engine->whole_expert_blocks &&
                   x->model->precision.experts == HG_FP8_BLOCK;
    *cut = experts ? x->d.tp * x->d.dp / x->d.ep : x->d.tp;
    bool dense = l->ffn == HG_FFN_DENSE && x->model->precision.mlp == HG_FP8_BLOCK;
    int64_t width = experts ? l->expert_inter_size : dense ? l->inter_size : 0;
    return *cut > 1 && width % (*cut * 128) != 0;
}

void hg_check_blocks_tp(hg_lint *x)
{
    int64_t cut;
    for (int64_t i = 0;
         x->model && i < x->model->layer_kinds; i++) {
        const hg_layer *l = &x->model->layers[i];
        if (cuts_blocks(x, l, &cut)) {
            hg_lint_find(x, NULL,
                         "%" PRId64 " ranks cut the %s width %" PRId64
                         " into parts that are no whole blocks of 128",
                         cut, l->ffn == HG_FFN_MOE ? "experts'" : "feed-forward",
                         l->ffn == HG_FFN_MOE ? l->expert_inter_size : l->inter_size);
            return;
        }
    }
}

/* One device would hold it. */
static bool fits_one(const hg_lint *x)
{
    hg_deployment one = x->d;
    one.tp = one.pp = one.dp = one.ep = 1;
    return x->model && x->device && hg_memory_ledger(x->model, &one, x->engine, x->device).fits;
}

void hg_check_tp_over_pcie(hg_lint *x)
{
    if (x->device && x->d.tp > 1 && x->device->node_link &&
        hg_starts(x->device->node_link, "pcie") && fits_one(x))
        hg_lint_find(x, NULL,
                     "tp %" PRId64
                     " on %s, whose devices meet over %s, and one of them holds the model",
                     x->d.tp, x->device->name, x->device->node_link);
}

bool hg_mend_replicas_for_ranks(const hg_lint *x, hg_deployment *broken, hg_deployment *fixed)
{
    fixed->replicas *= broken->tp;
    fixed->tp = 1;
    return !hg_rule_has_experts(x);
}

static bool wants_fp8(const hg_lint *x)
{
    const char *q = hg_rule_text(x, "quantization");
    bool own =
        x->model && (x->model->precision.mlp == HG_FP8 || x->model->precision.mlp == HG_FP8_BLOCK);
    return own || strcmp(q, "fp8") == 0 || strcmp(q, "modelopt") == 0 ||
           strcmp(q, "modelopt_fp8") == 0 || strcmp(q, "w8a8_fp8") == 0;
}

void hg_check_fp8_hardware(hg_lint *x)
{
    if (x->device && wants_fp8(x) && x->device->tensor_flops_per_s[HG_FP8] <= 0)
        hg_lint_find(x, hg_rule_setting(x, "quantization"),
                     "fp8 weights on %s, which has no fp8 arithmetic", x->device->name);
}

void hg_check_fp4_hardware(hg_lint *x)
{
    const char *q = hg_rule_text(x, "quantization");
    bool asked = strcmp(q, "modelopt_fp4") == 0 || strcmp(q, "nvfp4") == 0 ||
                 (x->model && x->model->precision.mlp == HG_NVFP4);
    if (x->device && asked && x->device->tensor_flops_per_s[HG_NVFP4] <= 0)
        hg_lint_find(x, hg_rule_setting(x, "quantization"),
                     "NVFP4 weights on %s, which has no FP4 arithmetic", x->device->name);
}

void hg_check_fp8_kv_npu(hg_lint *x)
{
    if (x->device && strcmp(x->device->vendor, "ascend") == 0 &&
        hg_starts(hg_rule_text(x, "kv-cache-dtype"), "fp8"))
        hg_lint_find(x, hg_rule_setting(x, "kv-cache-dtype"), "an fp8 KV cache on %s",
                     x->device->name);
}

void hg_check_does_not_fit(hg_lint *x)
{
    if (!x->d_is_known || !x->model || !x->device)
        return;
    hg_memory m = hg_memory_ledger(x->model, &x->d, x->engine, x->device);
    if (!m.fits)
        hg_lint_find(
            x, NULL,
            "misses %.1f GiB on %s: weights %.1f, activations %.1f, of a budget of %.1f GiB",
            (m.kv_bytes < 0 ? -m.kv_bytes : -m.spare_bytes) / 0x1p30, x->device->name,
            m.weight_bytes / 0x1p30, m.activation_bytes / 0x1p30, m.budget_bytes / 0x1p30);
}

/* Twice the ranks until it fits, as many as reach one another fast. */
bool hg_mend_more_ranks(const hg_lint *x, hg_deployment *broken, hg_deployment *fixed)
{
    (void)broken;
    while (!hg_memory_ledger(x->model, fixed, x->engine, x->device).fits)
        if ((fixed->tp *= 2) > x->device->domain_devices)
            return false;
    return true;
}

void hg_check_beyond_model(hg_lint *x)
{
    int64_t asked = hg_said_int(&x->said, "max_model_len", 0);
    if (x->model && asked > x->model->max_tokens)
        hg_lint_find(x, NULL, "a context of %" PRId64 " where %s has %" PRId64 " positions", asked,
                     x->model->name, x->model->max_tokens);
}

/* ---- against the traffic ---- */

void hg_check_request_too_long(hg_lint *x)
{
    int64_t limit = hg_said_int(&x->said, "max_model_len", 0);
    if (limit > 0 && x->isl + x->osl > limit)
        hg_lint_find(x, NULL,
                     "requests of %" PRId64 " tokens with their output, a context of %" PRId64,
                     x->isl + x->osl, limit);
}

void hg_check_client_above_server(hg_lint *x)
{
    double most = (double)x->d.max_num_seqs * (double)x->d.replicas * (double)x->d.dp;
    if ((double)x->concurrency > most && most > 0)
        hg_lint_find(x, NULL, "%" PRId64 " clients, and %.0f sequences that may run",
                     x->concurrency, most);
}

bool hg_mend_seqs_for_clients(const hg_lint *x, hg_deployment *broken, hg_deployment *fixed)
{
    fixed->max_num_seqs = hg_ceil_div(x->concurrency, broken->replicas * broken->dp);
    fixed->max_num_batched_tokens = hg_max_i64(fixed->max_num_batched_tokens, fixed->max_num_seqs);
    return true;
}

void hg_check_kv_full(hg_lint *x)
{
    if (!x->d_is_known || !x->model || !x->device || x->isl + x->osl == 0)
        return;
    hg_memory m = hg_memory_ledger(x->model, &x->d, x->engine, x->device);
    double each = (double)(x->isl + x->osl) * m.kv_bytes_per_token + m.kv_bytes_window;
    int64_t most = x->d.max_num_seqs,
            room = each > 0 && m.kv_bytes > 0 ? (int64_t)(m.kv_bytes / each) : INT64_MAX;
    if (x->concurrency > 0)
        most = hg_min_i64(most, hg_ceil_div(x->concurrency, x->d.replicas * x->d.dp));
    if (m.fits && room < most)
        hg_lint_find(x, NULL,
                     "KV has room for %" PRId64 " requests of %" PRId64 " tokens, %" PRId64
                     " may run",
                     room, x->isl + x->osl, most);
}

/* ---- against the host ---- */

/* vLLM's advice: two cores, one for each device's process. */
void hg_check_cpu_cores(hg_lint *x)
{
    double devices = (double)x->d.tp * (double)x->d.pp * (double)x->d.dp, wanted = 2 + devices;
    if (x->launch->cpus > 0 && x->launch->cpus < wanted)
        hg_lint_find(x, NULL, "%g processors for %.0f device%s", x->launch->cpus, devices,
                     devices > 1 ? "s" : "");
}

/* Devices that one process of the server takes; 0: nodes share them out in a way not told here. */
static double devices_wanted(const hg_lint *x)
{
    int64_t nodes = hg_rule_int(x, "nnodes", 1), ranks = x->d.dp * x->d.replicas,
            servers = x->launch->servers > 0 ? x->launch->servers : 1,
            local = hg_rule_int(x, "data-parallel-size-local", 0);
    bool elsewhere = strcmp(hg_rule_text(x, "distributed-executor-backend"), "ray") == 0 ||
                     hg_rule_setting(x, "gpus_per_node") || nodes < 1;
    if (elsewhere)
        return 0;
    double each = (double)x->d.tp * (double)x->d.pp;
    if (hg_rule_setting(x, "data-parallel-rank"))
        return each;
    if (local > 0)
        return each * (double)local;
    return each * (double)ranks / (double)servers / (double)nodes;
}

void hg_check_visible_devices(hg_lint *x)
{
    double wanted = devices_wanted(x);
    if (x->launch->devices > 0 && wanted > (double)x->launch->devices)
        hg_lint_find(x, NULL, "%.0f devices, and %.80s leaves %" PRId64, wanted,
                     x->launch->devices_by, x->launch->devices);
}

/* ---- graphs ---- */

void hg_check_graphs_off(hg_lint *x)
{
    static const char *const keys[] = { "enforce-eager", "disable-cuda-graph" };
    for (int i = 0; i < 2; i++)
        if (hg_rule_on(x, keys[i]))
            hg_lint_find(x, hg_rule_setting(x, keys[i]), "--%s", keys[i]);
    if (strcmp(hg_rule_text(x, "cuda_graph_config"), "null") == 0)
        hg_lint_find(x, hg_rule_setting(x, "cuda_graph_config"), "cuda_graph_config: null");
    if (strcmp(hg_rule_text(x, "cuda-graph-backend-decode"), "disabled") == 0)
        hg_lint_find(x, hg_rule_setting(x, "cuda-graph-backend-decode"),
                     "--cuda-graph-backend-decode disabled");
}

/* A graph of one token is as good as none: batches are larger. */
bool hg_mend_graphs_on(const hg_lint *x, hg_deployment *broken, hg_deployment *fixed)
{
    (void)x;
    broken->graph_tokens = 1;
    broken->prompt_graph_tokens = -1;
    fixed->graph_tokens = fixed->prompt_graph_tokens = 0;
    return true;
}

#include "engine/emit.h"

#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* A flag of `vllm serve`; the config file has the same words without dashes. */
typedef struct flag {
    const char *name, *value; /* value NULL: a switch */
} flag;

enum { FLAGS = 24 };

static void put(flag *f, int *n, const char *name, const char *value)
{
    f[(*n)++] = (flag){ name, value };
}

static void put_int(hg_arena *arena, flag *f, int *n, const char *name, int64_t value)
{
    put(f, n, name, hg_textf(arena, "%" PRId64, value));
}

static bool is_moe(const hg_model *m)
{
    for (int64_t i = 0; i < m->layer_kinds; i++)
        if (m->layers[i].ffn == HG_FFN_MOE)
            return true;
    return false;
}

/* Replicas of a dense model are vLLM's data-parallel ranks: independent engines behind one endpoint.
 * A MoE model's ranks would share experts, so its replicas are servers of their own. */
static bool replicas_are_ranks(const hg_launch *l)
{
    return !is_moe(l->model) && l->deployment->dp == 1;
}

static int64_t servers(const hg_launch *l)
{
    return replicas_are_ranks(l) ? 1 : l->deployment->replicas;
}

static const char *quantization(const hg_deployment *d)
{
    if (d->precision_is_checkpoints)
        return NULL;
    return d->precision == HG_FP8 || d->precision == HG_FP8_BLOCK ? "fp8" : NULL;
}

static int flags(hg_arena *arena, const hg_launch *l, flag *f)
{
    const hg_deployment *d = l->deployment;
    int n = 0;
    int64_t ranks = replicas_are_ranks(l) ? d->replicas : d->dp;
    put_int(arena, f, &n, "tensor-parallel-size", d->tp);
    if (d->pp > 1)
        put_int(arena, f, &n, "pipeline-parallel-size", d->pp);
    if (ranks > 1)
        put_int(arena, f, &n, "data-parallel-size", ranks);
    if (d->ep > 1)
        put(f, &n, "enable-expert-parallel", NULL);
    put_int(arena, f, &n, "max-model-len", d->max_model_len);
    put_int(arena, f, &n, "max-num-seqs", d->max_num_seqs);
    put_int(arena, f, &n, "max-num-batched-tokens", d->max_num_batched_tokens);
    put(f, &n, "gpu-memory-utilization", hg_textf(arena, "%.4g", d->gpu_memory_utilization));
    put_int(arena, f, &n, "block-size", d->block_tokens);
    if (!d->kv_is_auto)
        put(f, &n, "kv-cache-dtype", d->kv_dtype == HG_BF16 ? "bfloat16" : "fp8");
    if (quantization(d))
        put(f, &n, "quantization", quantization(d));
    if (!d->chunked_prefill)
        put(f, &n, "no-enable-chunked-prefill", NULL);
    put(f, &n, d->prefix_caching ? "enable-prefix-caching" : "no-enable-prefix-caching", NULL);
    return n;
}

static const char **command(hg_arena *arena, const hg_launch *l, size_t *count)
{
    flag f[FLAGS];
    int n = flags(arena, l, f);
    *count = (size_t)servers(l);
    const char **lines = HG_NEW(arena, const char *, *count);
    for (size_t s = 0; s < *count; s++) {
        hg_buf b = { .arena = arena };
        hg_buf_printf(&b, "vllm serve %s --host 127.0.0.1 --port %zu", hg_shell_word(arena, l->model_word), 8000 + s);
        for (int i = 0; i < n; i++)
            hg_buf_printf(&b, " --%s%s%s", f[i].name, f[i].value ? " " : "", f[i].value ? f[i].value : "");
        lines[s] = b.s;
    }
    return lines;
}

/* JSON's strings are YAML's: quotes around what is not a plain word. */
static const char *yaml_text(hg_arena *arena, const char *s)
{
    hg_buf b = { .arena = arena };
    hg_buf_puts(&b, "\"");
    for (; *s; s++)
        hg_buf_printf(&b, *s == '"' || *s == '\\' ? "\\%c" : "%c", *s);
    hg_buf_puts(&b, "\"");
    return b.s;
}

static const char *config_file(hg_arena *arena, const hg_launch *l)
{
    flag f[FLAGS];
    int n = flags(arena, l, f);
    hg_buf b = { .arena = arena };
    hg_buf_printf(&b, "# vLLM %s: vllm serve --config vllm.yaml (a command line goes first)\n# %s\n",
                  l->engine->version, l->why);
    hg_buf_printf(&b, "model: %s\n", yaml_text(arena, l->model_word));
    for (int i = 0; i < n; i++) {
        bool off = hg_starts(f[i].name, "no-");
        hg_buf_printf(&b, "%s: %s\n", f[i].name + (off ? 3 : 0), f[i].value ? f[i].value : off ? "false" : "true");
    }
    return b.s;
}

/* Several nodes an engine: every node runs the same file with its NODE_RANK. */
static void multi_node(hg_buf *b, const hg_launch *l)
{
    const hg_deployment *d = l->deployment;
    int64_t engine = d->tp * d->pp * d->dp, node = l->device->node_devices;
    if (node < 1 || engine <= node)
        return;
    hg_buf_printf(b, "# One engine spans %" PRId64 " nodes: run this on each with NODE_RANK=0…%" PRId64
                     " and MASTER_ADDR set.\n"
                     "set -- --nnodes %" PRId64 " --node-rank \"${NODE_RANK:?}\" --master-addr \"${MASTER_ADDR:?}\" \"$@\"\n",
                  (engine + node - 1) / node, (engine + node - 1) / node - 1, (engine + node - 1) / node);
}

static const char *run_file(hg_arena *arena, const hg_launch *l)
{
    const hg_deployment *d = l->deployment;
    int64_t count = servers(l), engine = d->tp * d->pp * d->dp;
    hg_buf b = { .arena = arena };
    hg_buf_printf(&b, "#!/bin/sh\n# %s\n# Listens on 127.0.0.1; set HOST to serve others.\nset -eu\n"
                      "here=$(cd \"$(dirname \"$0\")\" && pwd)\n", l->why);
    multi_node(&b, l);
    if (count == 1) {
        hg_buf_puts(&b, "exec vllm serve --config \"$here/vllm.yaml\" --host \"${HOST:-127.0.0.1}\" --port \"${PORT:-8000}\" \"$@\"\n");
        return b.s;
    }
    hg_buf_printf(&b, "# %" PRId64 " independent servers of %" PRId64 " devices: put a router in front (ports 8000 and up).\n"
                      "trap 'kill 0' INT TERM EXIT\ni=0\nwhile [ $i -lt %" PRId64 " ]; do\n"
                      "    first=$((i * %" PRId64 "))\n    last=$((first + %" PRId64 "))\n"
                      "    CUDA_VISIBLE_DEVICES=$(seq -s, $first $last) vllm serve --config \"$here/vllm.yaml\" \\\n"
                      "        --host \"${HOST:-127.0.0.1}\" --port $((8000 + i)) \"$@\" &\n    i=$((i + 1))\ndone\nwait\n",
                  count, engine, count, engine, engine - 1);
    return b.s;
}

/* The limits that vLLM's own benchmark can hold a request to. */
static const char *goodput(hg_arena *arena, const hg_slo *slo)
{
    static const char *const names[HG_METRICS] = { [HG_TTFT] = "ttft", [HG_TPOT] = "tpot", [HG_E2E] = "e2el" };
    hg_buf b = { .arena = arena };
    for (int i = 0; i < slo->count; i++)
        if (names[slo->limits[i].metric])
            hg_buf_printf(&b, "%s%s:%g", b.n ? " " : " --goodput ", names[slo->limits[i].metric],
                          slo->limits[i].limit_s * 1e3);
    return b.n ? b.s : "";
}

static const char *bench_file(hg_arena *arena, const hg_launch *l)
{
    double rate = l->rate_per_s;
    hg_buf b = { .arena = arena };
    hg_buf_printf(&b, "#!/bin/sh\n# Measures the server that run.sh started, with the workload's mean lengths"
                      " (random tokens; the plan itself used every length).\nset -eu\n"
                      "exec vllm bench serve --base-url \"${URL:-http://127.0.0.1:8000}\" --model %s \\\n"
                      "    --dataset-name random --random-input-len %.0f --random-output-len %.0f --ignore-eos \\\n",
                  hg_shell_word(arena, l->model_word), fmax(1, l->mean_isl), fmax(1, l->mean_osl));
    if (rate > 0)
        hg_buf_printf(&b, "    --request-rate %.4g --num-prompts %.0f \\\n", rate, fmax(200, ceil(rate * 120)));
    hg_buf_printf(&b, "    --percentile-metrics ttft,tpot,itl,e2el --metric-percentiles 50,90,95,99%s \"$@\"\n",
                  goodput(arena, l->slo));
    return b.s;
}

static size_t files(hg_arena *arena, const hg_launch *l, hg_file *out)
{
    out[0] = (hg_file){ "run.sh", run_file(arena, l), true };
    out[1] = (hg_file){ "vllm.yaml", config_file(arena, l), false };
    out[2] = (hg_file){ "bench.sh", bench_file(arena, l), true };
    return 3;
}

static const char *const ignores[] = { NULL };

const hg_emitter hg_emit_vllm = { "vllm", command, files, ignores };

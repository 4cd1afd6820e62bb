#include "engine/emit.h"

#include "base/text.h"

#include <ctype.h>
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

/* Which engines stand on which node.  Replicas of a dense model are vLLM's data-parallel ranks:
 * independent engines behind one endpoint, a server a node.  A MoE model's ranks would share experts, so its
 * replicas are servers of their own; so are engines that span nodes. */
typedef struct layout {
    bool ranks;
    int64_t engine, node;      /* devices of each */
    int64_t spans;             /* nodes an engine takes */
    int64_t per_node;          /* engines on a full node */
    int64_t nodes;
} layout;

static layout layout_of(const hg_launch *l)
{
    const hg_deployment *d = l->deployment;
    layout p = { .engine = d->tp * d->pp * d->dp };
    p.node = l->device->node_devices > 0 ? l->device->node_devices : p.engine * d->replicas;
    p.spans = (p.engine + p.node - 1) / p.node;
    p.per_node = p.spans > 1 ? 1 : p.node / p.engine;
    p.nodes = p.spans > 1 ? p.spans * d->replicas : (d->replicas + p.per_node - 1) / p.per_node;
    p.ranks = !is_moe(l->model) && d->dp == 1 && p.spans == 1;
    return p;
}

static int64_t engines_on(const layout *p, const hg_deployment *d, int64_t node)
{
    int64_t left = d->replicas - node * p->per_node;
    return p->spans > 1 ? 1 : left < p->per_node ? left : p->per_node;
}

static int flags(hg_arena *arena, const hg_launch *l, flag *f)
{
    const hg_deployment *d = l->deployment;
    int n = 0;
    layout p = layout_of(l);
    int64_t ranks = p.ranks ? engines_on(&p, d, 0) : d->dp;
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
    if (l->quantize_fp8)
        put(f, &n, "quantization", "fp8");
    if (!d->chunked_prefill)
        put(f, &n, "no-enable-chunked-prefill", NULL);
    put(f, &n, d->prefix_caching ? "enable-prefix-caching" : "no-enable-prefix-caching", NULL);
    return n;
}

/* One process' line.  The devices are named where servers share a node, the node where there are several. */
static const char *line(hg_arena *arena, const hg_launch *l, const layout *p, int64_t node, int64_t server)
{
    flag f[FLAGS];
    int n = flags(arena, l, f);
    int64_t here = engines_on(p, l->deployment, node), first = server * p->engine;
    bool shared = !p->ranks && p->spans == 1 && l->deployment->replicas > 1;
    hg_buf b = { .arena = arena };
    for (int64_t g = 0; shared && g < p->engine; g++)
        hg_buf_printf(&b, "%s%" PRId64 "%s", g ? "," : "CUDA_VISIBLE_DEVICES=", first + g, g + 1 < p->engine ? "" : " ");
    hg_buf_printf(&b, "vllm serve %s --host 127.0.0.1 --port %" PRId64,
                  l->checkpoint ? hg_shell_word(arena, l->checkpoint) : "\"$MODEL\"", 8000 + server);
    for (int i = 0; i < n; i++) {
        bool fewer = p->ranks && strcmp(f[i].name, "data-parallel-size") == 0;
        const char *value = fewer ? hg_textf(arena, "%" PRId64, here) : f[i].value;
        hg_buf_printf(&b, " --%s%s%s", f[i].name, value ? " " : "", value ? value : "");
    }
    if (p->spans > 1)
        hg_buf_printf(&b, " --nnodes %" PRId64 " --node-rank %" PRId64 " --master-addr \"$MASTER_ADDR\"%s", p->spans,
                      node % p->spans, node % p->spans ? " --headless" : "");
    if (p->nodes > 1)
        hg_buf_printf(&b, "  # node %" PRId64 " of 0-%" PRId64, node, p->nodes - 1);
    return b.s;
}

static const char **command(hg_arena *arena, const hg_launch *l, size_t *count)
{
    layout p = layout_of(l);
    const char **lines = NULL;
    size_t capacity = 0;
    *count = 0;
    for (int64_t node = 0; node < p.nodes; node++)
        for (int64_t s = 0; s < (p.ranks ? 1 : engines_on(&p, l->deployment, node)); s++)
            *HG_PUSH(arena, lines, *count, capacity) = line(arena, l, &p, node, s);
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
    if (l->checkpoint)
        hg_buf_printf(&b, "model: %s\n", yaml_text(arena, l->checkpoint));
    else
        hg_buf_printf(&b, "# model: run.sh names it, %s\n", l->wanted);
    for (int i = 0; i < n; i++) {
        bool off = hg_starts(f[i].name, "no-");
        hg_buf_printf(&b, "%s: %s\n", f[i].name + (off ? 3 : 0), f[i].value ? f[i].value : off ? "false" : "true");
    }
    return b.s;
}

/* A text inside ${…:?…}: nothing in it may end or expand. */
static const char *in_braces(hg_arena *arena, const char *text)
{
    hg_buf b = { .arena = arena };
    for (; *text; text++)
        hg_buf_printf(&b, isalnum((unsigned char)*text) || strchr(" -_./:,", *text) ? "%c" : "\\%c", *text);
    return b.s;
}

/* Which node this is, and what stands on each. */
static void say_nodes(hg_buf *b, const hg_launch *l, const layout *p)
{
    int64_t last = p->nodes - 1;
    hg_buf_printf(b, "# Needs %" PRId64 " nodes of %" PRId64 " GPUs: run this on each with NODE=0 … %" PRId64 ".\n", p->nodes,
                  p->node, last);
    if (p->spans > 1) {
        hg_buf_printf(b, "# An engine spans %" PRId64 " nodes: MASTER_ADDR is the first of them.\n", p->spans);
    } else {
        for (int64_t n = 0; n <= last; n += last > 0 && n < last ? last : 1) {
            int64_t here = engines_on(p, l->deployment, n);
            hg_buf_printf(b, "#   node %s%" PRId64 ": %" PRId64 " engine%s on GPUs 0-%" PRId64 "\n", n == 0 && last > 1 ? "0 to " : "",
                          n == 0 && last > 1 ? last - 1 : n, here, here > 1 ? "s" : "", here * p->engine - 1);
        }
        hg_buf_puts(b, "# Put a router in front of the nodes.\n");
    }
    hg_buf_printf(b, "case ${NODE:?which node this is, 0 to %" PRId64 "} in *[!0-9]*) exit 2 ;; esac\n"
                     "[ \"$NODE\" -le %" PRId64 " ] || exit 2\n", last, last);
}

static void serve_spanning(hg_buf *b, const layout *p, const char *serve)
{
    hg_buf_printf(b, "rank=$((NODE %% %" PRId64 "))\n[ $rank -eq 0 ] || set -- --headless \"$@\"\n"
                     "exec %s --nnodes %" PRId64 " --node-rank $rank \\\n"
                     "    --master-addr \"${MASTER_ADDR:?address of the first node of this engine}\" "
                     "--host \"${HOST:-127.0.0.1}\" --port \"${PORT:-8000}\" \"$@\"\n", p->spans, serve, p->spans);
}

static void serve_ranks(hg_buf *b, const hg_launch *l, const layout *p, const char *serve)
{
    int64_t rest = engines_on(p, l->deployment, p->nodes - 1);
    if (rest != engines_on(p, l->deployment, 0))
        hg_buf_printf(b, "[ \"$NODE\" -lt %" PRId64 " ] || set -- --data-parallel-size %" PRId64 " \"$@\"\n", p->nodes - 1,
                      rest);
    hg_buf_printf(b, "exec %s --host \"${HOST:-127.0.0.1}\" --port \"${PORT:-8000}\" \"$@\"\n", serve);
}

static void serve_several(hg_buf *b, const hg_launch *l, const layout *p, const char *serve)
{
    int64_t full = engines_on(p, l->deployment, 0), rest = engines_on(p, l->deployment, p->nodes - 1);
    hg_buf_printf(b, "# Independent servers of %" PRId64 " GPUs: put a router in front (ports 8000 and up).\n"
                     "servers=\ntrap 'kill $servers 2>/dev/null' EXIT\ntrap 'exit 1' INT TERM\ncount=%" PRId64 "\n", p->engine, full);
    if (rest != full)
        hg_buf_printf(b, "[ \"$NODE\" -lt %" PRId64 " ] || count=%" PRId64 "\n", p->nodes - 1, rest);
    hg_buf_printf(b, "i=0\nwhile [ $i -lt $count ]; do\n    first=$((i * %" PRId64 "))\n    last=$((first + %" PRId64 "))\n"
                     "    CUDA_VISIBLE_DEVICES=$(seq -s, $first $last) %s \\\n"
                     "        --host \"${HOST:-127.0.0.1}\" --port $((8000 + i)) \"$@\" &\n    servers=\"$servers $!\"\n    i=$((i + 1))\ndone\nwait\n",
                  p->engine, p->engine - 1, serve);
}

static const char *run_file(hg_arena *arena, const hg_launch *l)
{
    layout p = layout_of(l);
    const char *serve = l->checkpoint ? "vllm serve --config \"$here/vllm.yaml\""
                                      : "vllm serve \"$MODEL\" --config \"$here/vllm.yaml\"";
    hg_buf b = { .arena = arena };
    hg_buf_printf(&b, "#!/bin/sh\n# %s\n# Listens on 127.0.0.1; set HOST to serve others.\nset -eu\n"
                      "here=$(cd \"$(dirname \"$0\")\" && pwd)\n", l->why);
    if (!l->checkpoint)
        hg_buf_printf(&b, "MODEL=${MODEL:?%s}\n", in_braces(arena, l->wanted));
    if (p.nodes > 1)
        say_nodes(&b, l, &p);
    if (p.spans > 1)
        serve_spanning(&b, &p, serve);
    else if (p.ranks || l->deployment->replicas == 1)
        serve_ranks(&b, l, &p, serve);
    else
        serve_several(&b, l, &p, serve);
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

/* A prompt and an answer that a benchmark sends: the workload's mean, else a guess that is said; never more than
 * the engine takes. */
static void bench_lengths(const hg_launch *l, int64_t *isl, int64_t *osl)
{
    int64_t most = l->deployment->max_model_len;
    *osl = l->mean_osl > 0 ? llround(fmax(1, l->mean_osl)) : 200;
    *isl = l->mean_isl > 0 ? llround(fmax(1, l->mean_isl)) : 1000;
    *osl = *osl < most / 2 || *isl + *osl <= most ? *osl : most / 2;
    *isl = *isl + *osl <= most ? *isl : most - *osl;
}

static const char *bench_file(hg_arena *arena, const hg_launch *l)
{
    double rate = l->rate_per_s;
    int64_t isl, osl;
    bench_lengths(l, &isl, &osl);
    hg_buf b = { .arena = arena };
    hg_buf_printf(&b, "#!/bin/sh\n# Measures the server that run.sh started, with %s.\nset -eu\n",
                  l->mean_isl > 0 ? "the workload's mean lengths (random tokens; the plan itself used every length)"
                                  : "lengths of no workload: none was given");
    if (!l->checkpoint)
        hg_buf_printf(&b, "MODEL=${MODEL:?%s}\n", in_braces(arena, l->wanted));
    hg_buf_printf(&b, "exec vllm bench serve --base-url \"${URL:-http://127.0.0.1:8000}\" --model %s \\\n"
                      "    --dataset-name random --random-input-len %" PRId64 " --random-output-len %" PRId64 " --ignore-eos \\\n",
                  l->checkpoint ? hg_shell_word(arena, l->checkpoint) : "\"$MODEL\"", isl, osl);
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

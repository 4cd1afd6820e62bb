/* Launches read back: what emitters write comes back as the deployment, and what people write is
 * understood. */
#include "launched.h"
#include "test.h"

#include "base/file.h"
#include "engine/fraction.h"
#include "engine/parse.h"
#include "explain/lint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const hg_data data = { NULL };

/* ---- parse(emit(d)) = d ---- */

static const struct {
    const char *engine, *device, *model;
    hg_deployment d; /* zeros: as launched_open has them */
} rounds[] = {
    { "vllm", "h200_sxm", "Qwen/Qwen3-8B", { .tp = 2, .max_num_seqs = 300 } },
    { "vllm", "h200_sxm", "Qwen/Qwen3-8B", { .replicas = 7, .tp = 2 } },
    { "vllm",
      "h200_sxm",
      "Qwen/Qwen3-8B",
      { .kv_dtype = HG_FP8,
        .gpu_memory_utilization = 0.83,
        .block_tokens = 32,
        .graph_tokens = 96 } },
    { "vllm", "h200_sxm", "deepseek-ai/DeepSeek-V3", { .dp = 8, .ep = 8, .draft_tokens = 1 } },
    { "vllm",
      "h200_sxm",
      "deepseek-ai/DeepSeek-V3",
      { .tp = 8, .pp = 2, .replicas = 2, .prompt_graph_tokens = -1 } },
    { "vllm", "mi300x", "Qwen/Qwen3-30B-A3B", { .tp = 2, .replicas = 3 } },
    { "vllm", "ascend_910b", "Qwen/Qwen3-8B", { .tp = 4, .max_num_seqs = 100 } },
    { "vllm", "ascend_910b", "Qwen/Qwen3-30B-A3B", { .dp = 4, .ep = 4, .graph_tokens = 24 } },
    { "sglang", "h200_sxm", "Qwen/Qwen3-8B", { .tp = 2, .replicas = 4, .recv_interval = 10 } },
    { "sglang",
      "h200_sxm",
      "deepseek-ai/DeepSeek-V3",
      { .tp = 2, .dp = 4, .ep = 8, .kv_dtype = HG_FP8 } },
    { "sglang",
      "h200_sxm",
      "deepseek-ai/DeepSeek-V3",
      { .tp = 8, .draft_tokens = 3, .graph_tokens = 64 } },
    { "sglang",
      "h200_sxm",
      "Qwen/Qwen3-8B",
      { .gpu_memory_utilization = 0.7, .block_tokens = 16 } },
    { "trtllm", "h200_sxm", "Qwen/Qwen3-8B", { .tp = 4, .replicas = 2, .kv_dtype = HG_FP8 } },
    { "trtllm",
      "h200_sxm",
      "deepseek-ai/DeepSeek-V3",
      { .dp = 8, .ep = 8, .draft_tokens = 1, .batch_wait_steps = 40, .batch_wait_frac = 0.8 } },
    { "trtllm",
      "h200_sxm",
      "Qwen/Qwen3-8B",
      { .graph_tokens = 4, .gpu_memory_utilization = 0.75 } },
    { "trtllm", "h100_sxm", "deepseek-ai/DeepSeek-V3", { .dp = 16, .ep = 16 } },
    { "trtllm", "gb200", "deepseek-ai/DeepSeek-V3", { .tp = 8, .ep = 8, .replicas = 2 } },
    { "mindie", "ascend_910b", "Qwen/Qwen3-8B", { .tp = 2, .replicas = 4, .max_num_seqs = 64 } },
    { "mindie",
      "ascend_910b",
      "Qwen/Qwen3-30B-A3B",
      { .tp = 2, .dp = 2, .ep = 4, .gpu_memory_utilization = 0.9 } },
    { "llamacpp", "h200_sxm", "Qwen/Qwen3-8B", { .tp = 2, .max_num_seqs = 6, .kv_dtype = HG_FP8 } },
    { "llamacpp",
      "h200_sxm",
      "Qwen/Qwen3-8B",
      { .pp = 4, .replicas = 2, .gpu_memory_utilization = 0.8 } },
};

/* Both with and without the two switches that default either way. */
static void vary(const hg_deployment *given, int flip, hg_deployment *d)
{
    int64_t *to[] = { &d->tp,
                      &d->pp,
                      &d->dp,
                      &d->ep,
                      &d->replicas,
                      &d->max_num_seqs,
                      &d->block_tokens,
                      &d->graph_tokens,
                      &d->prompt_graph_tokens,
                      &d->recv_interval,
                      &d->batch_wait_steps };
    const int64_t from[] = { given->tp,
                             given->pp,
                             given->dp,
                             given->ep,
                             given->replicas,
                             given->max_num_seqs,
                             given->block_tokens,
                             given->graph_tokens,
                             given->prompt_graph_tokens,
                             given->recv_interval,
                             given->batch_wait_steps };
    for (size_t i = 0; i < sizeof from / sizeof *from; i++)
        *to[i] = from[i] ? from[i] : *to[i];
    d->gpu_memory_utilization = given->gpu_memory_utilization > 0 ? given->gpu_memory_utilization
                                                                  : d->gpu_memory_utilization;
    d->draft_tokens = given->draft_tokens;
    d->batch_wait_frac = given->batch_wait_frac;
    if (given->kv_dtype) {
        d->kv_dtype = given->kv_dtype;
        d->kv_is_auto = false;
    }
    d->prefix_caching ^= flip & 1;
    d->chunked_prefill ^= flip >> 1;
}

static void write_files(hg_arena *arena, const launched *l, const char *folder)
{
    hg_file files[HG_FILES];
    hg_err err;
    size_t n = hg_emit_files(arena, l->emitter, &l->launch, files);
    for (size_t i = 0; i < n; i++) {
        const char *path = hg_textf(arena, "%s/%s", folder, files[i].name);
        CHECK(hg_folder_make(hg_strndup(arena, path, strlen(path) - strlen(hg_basename(path)) - 1),
                             &err));
        CHECK(hg_file_write(path, files[i].text, strlen(files[i].text), true, &err));
    }
}

static void remove_files(hg_arena *arena, const char *folder)
{
    static const char *const names[] = { "run.sh",    "vllm.yaml",   "sglang.yaml",
                                         "trt.yaml",  "preset.ini",  "conf/config.json",
                                         "docker.sh", "bench.sh",    "conf",
                                         "k8s.yaml",  "values.yaml", "" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        remove(hg_textf(arena, "%s/%s", folder, names[i]));
}

/* The fraction back into the deployment's word, by the ledger of what was read. */
static void take_fraction(const launched *l, const hg_said_words *w, hg_deployment *d)
{
    hg_memory m =
        hg_memory_ledger(&l->problem.model, d, &l->problem.engine, &l->problem.rates.device);
    double budget = w->spare_bytes > 0
                        ? m.total_bytes - w->spare_bytes
                        : hg_fraction_budget(l->knobs.fraction_of, w->told_fraction, &m);
    d->gpu_memory_utilization = hg_fraction_word(&l->problem.engine, budget, &m);
}

static void same(const char *what, const hg_deployment *a, const hg_deployment *b)
{
#define SAME(field)                                                                                \
    CHECKF(a->field == b->field, "%s: " #field " is %lld, was %lld", what, (long long)b->field,    \
           (long long)a->field)
    SAME(tp);
    SAME(pp);
    SAME(dp);
    SAME(ep);
    SAME(replicas);
    SAME(kv_is_auto);
    SAME(max_num_seqs);
    SAME(max_num_batched_tokens);
    SAME(max_model_len);
    SAME(block_tokens);
    SAME(prefix_caching);
    SAME(chunked_prefill);
    SAME(graph_tokens);
    SAME(prompt_graph_tokens);
    SAME(recv_interval);
    SAME(draft_tokens);
    SAME(batch_wait_steps);
#undef SAME
    CHECKF(a->kv_is_auto || a->kv_dtype == b->kv_dtype, "%s: kv_dtype", what);
    CHECKF(fabs(a->batch_wait_frac - b->batch_wait_frac) < 1e-6, "%s: batch_wait_frac", what);
    CHECKF(fabs(a->gpu_memory_utilization - b->gpu_memory_utilization) < 2e-4,
           "%s: gpu_memory_utilization is %g, was %g", what, b->gpu_memory_utilization,
           a->gpu_memory_utilization);
}

/* Fields of this launch that its engine ignores come back as they were. */
static void keep_ignored(const launched *l, const hg_deployment *from, hg_deployment *to)
{
    for (int i = 0; l->emitter->ignores[i]; i++) {
        if (hg_starts(l->emitter->ignores[i], "block_tokens"))
            to->block_tokens = from->block_tokens;
        if (hg_starts(l->emitter->ignores[i], "prompt_graph_tokens on") &&
            strcmp(l->problem.rates.device.vendor, "ascend") == 0)
            to->prompt_graph_tokens = from->prompt_graph_tokens;
    }
}

/* Nothing that heng writes is an error to itself. */
static void lints(hg_arena *arena, const launched *l, const hg_launch_text *t,
                  const hg_said_words *w, const hg_deployment *d, const char *what)
{
    hg_lint x = { .arena = arena,
                  .launch = t,
                  .said = *w,
                  .engine = &l->problem.engine,
                  .model = &l->problem.model,
                  .device = &l->problem.rates.device,
                  .d = *d,
                  .d_is_known = true };
    hg_lint_run(&x);
    for (size_t i = 0; i < x.count; i++)
        CHECKF(x.found[i].level < HG_LINT_ERROR ||
                   strcmp(x.found[i].rule->id, "does_not_fit") == 0 ||
                   hg_starts(x.found[i].rule->id, "npu_graph"),
               "%s: %s: %s", what, x.found[i].rule->id, x.found[i].message);
}

static void read_again(hg_arena *arena, launched *l, const hg_deployment *fresh, const char *what,
                       const char *name, const char *text)
{
    hg_launch_texts texts;
    hg_said_words w;
    hg_err err = { 0 };
    hg_deployment back = *fresh;
    bool ok = hg_launch_read(arena, &data, name, text, strlen(text), NULL, NULL, &texts, &err);
    CHECKF(ok && texts.count == 1, "%s: %zu launches: %s %s\n%s", what, ok ? texts.count : 0,
           err.where, err.msg, text);
    if (!ok || texts.count == 0)
        return;
    CHECK_STR(texts.list[0].knobs->engine, l->knobs.engine);
    CHECKF(!texts.list[0].unread, "%s: %s not read", what, texts.list[0].unread);
    for (size_t i = 0; i < texts.list[0].settings.count; i++)
        CHECKF(texts.list[0].settings.list[i].knob, "%s: %s is unknown", what,
               texts.list[0].settings.list[i].name);
    hg_launch_words(arena, &texts.list[0], &w);
    hg_said_apply(&w, &back);
    keep_ignored(l, &l->point.deployment, &back);
    take_fraction(l, &w, &back);
    same(what, &l->point.deployment, &back);
    lints(arena, l, &texts.list[0], &w, &back, what);
}

static void read_file_again(hg_arena *arena, launched *l, const hg_deployment *fresh,
                            const char *what, const char *folder, const char *name)
{
    hg_err err;
    size_t size;
    const char *path = hg_textf(arena, "%s/%s", folder, name),
               *text = hg_file_read(arena, path, 1 << 20, &size, &err);
    CHECKF(text, "%s: %s", what, name);
    if (text)
        read_again(arena, l, fresh, hg_textf(arena, "%s, %s", what, name), path, text);
}

/* Scripts say what one node runs. */
static bool on_one_node(const launched *l)
{
    hg_layout p = hg_emit_layout(l->emitter, &l->launch);
    return p.nodes == 1 || (p.spans > 1 && p.replicas == 1);
}

static int every_manifest(hg_arena arena, launched *l, const hg_deployment *fresh, const char *what,
                          const char *folder)
{
    int written = 0;
    for (int i = 0; hg_k8s_kinds[i]; i++) {
        const char *name, *why;
        l->plan.k8s = hg_k8s_kinds[i];
        launched_set(&arena, l, NULL);
        if (hg_emit_refuses(&arena, l->emitter, &l->launch))
            continue;
        hg_k8s_manifest(&arena, l->emitter, &l->launch, &name, &why);
        write_files(&arena, l, folder);
        read_file_again(&arena, l, fresh, hg_textf(&arena, "%s, %s", what, l->plan.k8s), folder,
                        name);
        written++;
    }
    return written;
}

static void round_trips(hg_arena arena)
{
    char folder[] = "/tmp/heng-test-XXXXXX";
    int manifests = 0;
    if (!mkdtemp(folder)) {
        test_skip("no folder in /tmp");
        return;
    }
    for (size_t i = 0; i < sizeof rounds / sizeof *rounds; i++)
        for (int flip = 0; flip < 4; flip++) {
            launched l;
            hg_arena scratch = arena;
            if (!launched_open(&scratch, rounds[i].engine, NULL, rounds[i].model, rounds[i].device,
                               &l))
                return;
            hg_deployment fresh = l.point.deployment, d = fresh;
            vary(&rounds[i].d, flip, &d);
            launched_set(&scratch, &l, &d);
            if (hg_emit_refuses(&scratch, l.emitter, &l.launch)) {
                CHECKF(flip > 0, "%s %zu is refused: %s", rounds[i].engine, i,
                       hg_emit_refuses(&scratch, l.emitter, &l.launch));
                continue;
            }
            size_t n;
            hg_buf b = { .arena = &scratch };
            const char *what = hg_textf(&scratch, "%s %s, row %zu, switches %d", rounds[i].engine,
                                        rounds[i].model, i, flip);
            const char **lines = hg_emit_command(&scratch, l.emitter, &l.launch, &n);
            for (size_t k = 0; k < n; k++)
                hg_buf_printf(&b, "%s\n", lines[k]);
            write_files(&scratch, &l, folder);
            read_again(&scratch, &l, &fresh, what, hg_textf(&scratch, "%s/launch.sh", folder), b.s);
            if (on_one_node(&l)) {
                read_file_again(&scratch, &l, &fresh, what, folder, "run.sh");
                read_file_again(&scratch, &l, &fresh, what, folder, "docker.sh");
            }
            manifests += every_manifest(scratch, &l, &fresh, what, folder);
            remove_files(&scratch, folder);
        }
    CHECKF(manifests > 100, "%d manifests were read", manifests);
    rmdir(folder);
}

/* ---- what people write ---- */

static const struct {
    const char *text, *engine, *model;
    const char *says[5][2]; /* words and values */
    double fraction;
} rows[] = {
    { "vllm serve Qwen/Qwen3-32B-FP8 --host 0.0.0.0 -tp 2 --max-model-len 16k --max-num-seqs=256 "
      "\\\n  --gpu-memory-utilization 0.90",
      "vllm",
      "Qwen/Qwen3-32B-FP8",
      { { "tp", "2" }, { "max_model_len", "16000" }, { "max_num_seqs", "256" } },
      0.9 },
    { "python3 -m vllm.entrypoints.openai.api_server --model m --tensor_parallel_size 4 "
      "--no-enable-prefix-caching",
      "vllm",
      "m",
      { { "tp", "4" }, { "enable_prefix_caching", "false" } },
      0 },
    { "export TP=8\nMODEL=\"a/b c\"\nnohup vllm serve \"$MODEL\" -tp ${TP} "
      "--enable-expert-parallel -dp ${DP:-2} > log 2>&1 &",
      "vllm",
      "a/b c",
      { { "tp", "8" }, { "dp", "2" }, { "ep", "16" } },
      0 },
    { "docker run --rm --gpus all -e VLLM_USE_V1=1 -p 8000:8000 vllm/vllm-openai:v0.10.0 --model m "
      "--max-num-seqs 8",
      "vllm",
      "m",
      { { "max_num_seqs", "8" } },
      0 },
    { "bash -c 'vllm serve m --speculative-config "
      "\"{\\\"method\\\":\\\"mtp\\\",\\\"num_speculative_tokens\\\":3}\"'",
      "vllm",
      "m",
      { { "draft_tokens", "3" } },
      0 },
    { "# a comment 'with a quote\nCUDA_VISIBLE_DEVICES=0 vllm serve m --port 8000 "
      "&\nCUDA_VISIBLE_DEVICES=1 vllm serve m --port 8001 &\nwait",
      "vllm",
      "m",
      { { "replicas", "2" } },
      0 },
    { "python -m sglang.launch_server --model-path m --tp 8 --dp 8 --enable-dp-attention "
      "--chunked-prefill-size 32768 --max-running-requests 1024 "
      "--mem-fraction-static 0.85",
      "sglang",
      "m",
      { { "tp", "1" },
        { "dp", "8" },
        { "max_num_batched_tokens", "4096" },
        { "max_num_seqs", "128" } },
      0.85 },
    { "python -m sglang.launch_server --model-path m --tp 8 --enable-dp-attention",
      "sglang",
      "m",
      { { "tp", "8" } },
      0 },
    { "sglang serve --model-path m --chunked-prefill-size -1 --disable-radix-cache",
      "sglang",
      "m",
      { { "enable_chunked_prefill", "false" },
        { "max_num_batched_tokens", "16384" },
        { "enable_prefix_caching", "false" } },
      0 },
    { "cat >/tmp/none/x.yaml <<'EOF'\nmax_batch_size: 512\nenable_attention_dp: "
      "true\nkv_cache_config:\n  free_gpu_memory_fraction: 0.8\n  dtype: fp8\nEOF\n"
      "mpirun -n 8 trtllm-llmapi-launch trtllm-serve m --tp_size 8 --max_batch_size 64 "
      "--extra_llm_api_options /tmp/none/x.yaml",
      "trtllm",
      "m",
      { { "tp", "1" }, { "dp", "8" }, { "max_num_seqs", "512" }, { "kv_dtype", "fp8" } },
      0.8 },
    { "llama-server -m q.gguf -ngl 99 -fa -np 8 -c 65536 -b 2048 -ub 1024 -ctk q8_0 -ctv q8_0 "
      "--metrics",
      "llamacpp",
      "q.gguf",
      { { "max_model_len", "8192" }, { "max_num_seqs", "8" }, { "kv_dtype", "fp8" } },
      0 },
    { "llama-server -m q.gguf -np 8 -c 65536 -kvu",
      "llamacpp",
      "q.gguf",
      { { "max_model_len", "65536" } },
      0 },
    { "; mine\n[q]\nmodel = q.gguf\nc = 8192\nparallel = 2\n",
      "llamacpp",
      NULL,
      { { "max_model_len", "4096" } },
      0 },
    { "tensor_parallel_size: 8\nmoe_expert_parallel_size: 8\nenable_chunked_prefill: true\n",
      "trtllm",
      NULL,
      { { "tp", "8" }, { "ep", "8" }, { "enable_chunked_prefill", "true" } },
      0 },
    { "model: a/b\nmax-num-seqs: 64\ntensor-parallel-size: 2\n",
      "vllm",
      "a/b",
      { { "tp", "2" }, { "max_num_seqs", "64" } },
      0 },
    { "model-path: a/b\ntp-size: 4\nmem-fraction-static: 0.8\n",
      "sglang",
      "a/b",
      { { "tp", "4" } },
      0.8 },
    /* Unquoted variables are split, += adds, arrays are words. */
    { "ARGS=\"-tp 2\"\nARGS+=\" --max-num-seqs 64\"\nif [ -n \"$X\" ]; then ARGS+=\" "
      "--max-model-len 8k\"; fi\nvllm serve m $ARGS",
      "vllm",
      "m",
      { { "tp", "2" }, { "max_num_seqs", "64" }, { "max_model_len", "8000" } },
      0 },
    { "CMD='vllm serve a/b -tp 4'\nexec $CMD --max-num-seqs 8",
      "vllm",
      "a/b",
      { { "tp", "4" } },
      0 },
    { "eval \"vllm serve a/b -tp 4\"", "vllm", "a/b", { { "tp", "4" } }, 0 },
    { "MODEL='a b/c'\nEMPTY=\nvllm serve \"$MODEL\" $EMPTY -tp 2",
      "vllm",
      "a b/c",
      { { "tp", "2" } },
      0 },
    { "args=(\n  --model-path m # the model\n  --tp 2\n)\nargs+=(--context-length \"8192\")\n"
      "none=()\npython3 -m sglang.launch_server \"${args[@]}\" \"${none[@]}\"",
      "sglang",
      "m",
      { { "tp", "2" }, { "max_model_len", "8192" } },
      0 },
    { "declare -a a=(serve m)\nlocal b=(\"--speculative-config\" "
      "'{\"method\":\"mtp\", \"num_speculative_tokens\": 2}')\nvllm ${a[*]} \"${b[@]}\" "
      "${c[@]:+-tp 2} ${a[1]:+-tp 8}",
      "vllm",
      "m",
      { { "draft_tokens", "2" }, { "tp", "8" } },
      0 },
    /* Servers that a loop starts beside each other, and a sweep that waits for each. */
    { "for i in $(seq 0 3); do CUDA_VISIBLE_DEVICES=$i vllm serve m --port $((8000 + i)) & "
      "done\nwait",
      "vllm",
      "m",
      { { "replicas", "4" } },
      0 },
    { "for ((i=0; i<3; i++)); do\n  vllm serve m &\ndone",
      "vllm",
      "m",
      { { "replicas", "3" } },
      0 },
    /* Kubernetes and compose. */
    { "apiVersion: apps/v1\nkind: Deployment\nspec:\n  replicas: 3\n  template:\n    spec:\n"
      "      initContainers:\n      - image: vllm/vllm-openai:v0.11.0\n        args: [--model, "
      "other]\n      containers:\n      - image: vllm/vllm-openai:v0.11.0\n        env:\n"
      "        - {name: MODEL, value: a/b}\n        args: [--model, $(MODEL), -tp, \"2\"]\n",
      "vllm",
      "a/b",
      { { "tp", "2" }, { "replicas", "3" } },
      0 },
    { "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: lmsysorg/sglang:v0.5.6\n"
      "    command: [/bin/bash, -c]\n    args:\n    - |\n      python3 -m sglang.launch_server "
      "\\\n        --model-path m --tp 2\n",
      "sglang",
      "m",
      { { "tp", "2" } },
      0 },
    { "services:\n  llm:\n    image: vllm/vllm-openai:v0.11.0\n    command: --model m -tp 4\n"
      "    environment:\n      - VLLM_USE_V1=1\n    deploy: {replicas: 2}\n",
      "vllm",
      "m",
      { { "tp", "4" }, { "replicas", "2" } },
      0 },
    { "{\"BackendConfig\":{\"npuDeviceIds\":[[0,1]],\"ModelDeployConfig\":{\"maxSeqLen\":8192,"
      "\"ModelConfig\":[{\"worldSize\":2,\"modelWeightPath\":\"/m\"}]},"
      "\"ScheduleConfig\":{\"maxBatchSize\":64,\"templateType\":\"Standard\"}}}",
      "mindie",
      "/m",
      { { "tp", "2" }, { "max_num_seqs", "64" }, { "max_model_len", "8192" } },
      0 },
};

static void people(hg_arena arena)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_launch_texts texts;
        hg_said_words w;
        hg_err err = { 0 };
        bool ok = hg_launch_read(&arena, &data, "launch", rows[i].text, strlen(rows[i].text), NULL,
                                 NULL, &texts, &err);
        CHECKF(ok && texts.count == 1, "%s\n%s %s", rows[i].text, err.where, err.msg);
        if (!ok)
            continue;
        const hg_launch_text *t = &texts.list[0];
        CHECK_STR(t->knobs->engine, rows[i].engine);
        CHECKF(!rows[i].model || (t->model && strcmp(t->model, rows[i].model) == 0), "%s: model %s",
               rows[i].text, t->model ? t->model : "none");
        hg_launch_words(&arena, t, &w);
        for (int k = 0; k < 5 && rows[i].says[k][0]; k++) {
            const char *v = hg_said_value(&w, rows[i].says[k][0]);
            CHECKF(v && strcmp(v, rows[i].says[k][1]) == 0, "%s\n%s is %s, want %s", rows[i].text,
                   rows[i].says[k][0], v ? v : "not said", rows[i].says[k][1]);
        }
        CHECKF(fabs(w.told_fraction - rows[i].fraction) < 1e-9, "%s: fraction %g", rows[i].text,
               w.told_fraction);
    }
}

/* The engine and its version are a container image's where the command does not say them; what a
 * server may use of its host is the least that anything says. */
static void containers(hg_arena arena)
{
    static const struct {
        const char *text, *engine, *version;
        int64_t devices;
    } lines[] = {
        { "docker run --gpus all -v a:/b vllm/vllm-openai:v0.11.0 --model m", "vllm", "0.11", 0 },
        { "docker run --gpus 2 lmsysorg/sglang:v0.5.6 python3 -m sglang.launch_server "
          "--model-path m",
          "sglang", "0.5", 2 },
        { "docker run --name sglang --gpus '\"device=0,1,2\"' "
          "nvcr.io/nvidia/tensorrt-llm/release:1.2.0rc5 trtllm-serve m",
          "trtllm", "1.2", 3 },
        { "sudo docker run -itd --device /dev/davinci0 --device=/dev/davinci1 --device "
          "/dev/davinci_manager quay.io/ascend/vllm-ascend:v0.11.0rc1 vllm serve m",
          "vllm", "0.11", 2 },
        { "docker run --rm swr.example/mindie:2.0.RC1-800I-A2-py311 "
          "/usr/local/Ascend/bin/mindieservice_daemon",
          "mindie", "2.0", 0 },
        { "docker run lmsysorg/sglang:v0.5.6-cu126 --model-path m", "sglang", "0.5", 0 },
        { "docker run ghcr.io/ggml-org/llama.cpp:server-cuda-b6000 -m q.gguf", "llamacpp", "b6000",
          0 },
        { "docker run vllm/vllm-openai:latest --model m", "vllm", "0.24", 0 },
        { "docker run localhost:5000/vllm-openai --model m", "vllm", "0.24", 0 },
        { "# vllm 0.9\ndocker run vllm/vllm-openai@sha256:0a --model m", "vllm", "0.9", 0 },
        { "docker run -e NVIDIA_VISIBLE_DEVICES=all -e CUDA_VISIBLE_DEVICES=4-6 "
          "vllm/vllm-openai:v0.10.2 --model m",
          "vllm", "0.10", 3 },
        { "export ASCEND_RT_VISIBLE_DEVICES=0,1\nvllm serve m", "vllm", "0.24", 2 },
        { "CUDA_VISIBLE_DEVICES=$DEVICES vllm serve m", "vllm", "0.24", 0 },
        { "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: vllm/vllm-openai:v0.10.1\n"
          "    args: [--model, m]\n    resources: {limits: {nvidia.com/gpu: \"4\", cpu: 2}}\n",
          "vllm", "0.10", 4 },
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        hg_launch_texts texts;
        hg_err err = { 0 };
        bool ok = hg_launch_read(&arena, &data, "x.sh", lines[i].text, strlen(lines[i].text), NULL,
                                 NULL, &texts, &err) &&
                  texts.count == 1;
        CHECKF(ok, "%s: %s %s", lines[i].text, err.where, err.msg);
        if (!ok)
            continue;
        CHECK_STR(texts.list[0].knobs->engine, lines[i].engine);
        CHECKF(strcmp(texts.list[0].knobs->version, lines[i].version) == 0, "%s: version %s",
               lines[i].text, texts.list[0].knobs->version);
        CHECKF(texts.list[0].devices == lines[i].devices, "%s: %lld devices", lines[i].text,
               (long long)texts.list[0].devices);
    }
}

/* Unknown keys are kept and named; lines are those of the text. */
static void unknown(hg_arena arena)
{
    static const char text[] =
        "export A=1\nvllm serve m \\\n  --max-num-seq 8 \\\n  --frobnicate\n";
    hg_launch_texts texts;
    hg_err err = { 0 };
    bool ok = hg_launch_read(&arena, &data, "x.sh", text, strlen(text), NULL, NULL, &texts, &err) &&
              texts.count == 1;
    CHECKF(ok, "%s %s", err.where, err.msg);
    if (!ok)
        return;
    const hg_settings *s = &texts.list[0].settings;
    CHECKF(s->count == 2, "%zu settings: %s", s->count, s->list ? s->list[0].name : "");
    CHECK(s->count == 2 && !s->list[0].knob && !s->list[1].knob);
    CHECK_STR(s->list[0].name, "--max-num-seq");
    CHECK_STR(s->list[0].value, "8");
    CHECK(s->list[0].line == 3 && s->list[1].line == 4 && texts.list[0].line == 2);
    CHECK(s->env_count == 1);
}

static void refused(hg_arena arena)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        { "", "is empty" },
        { "   \n", "is empty" },
        { "vllm serve 'm", "does not end" },
        { "ls -l\n", "" },
        { "just words", "" },
        { "a: 1\nb: 2\n", "holds no launch" },
        { "docker pull vllm/vllm-openai:v0.11.0", "" },
        { "docker run --name mindie ubuntu:24.04", "" },
        { "docker run vllm/vllm-openai:v0.11.0 --model 'm", "does not end" },
        { "apiVersion: v1\nkind: Service\nspec: {ports: [{port: 1}]}\n", "has no container" },
        { "apiVersion: v1\nkind: [Pod\n", "is not YAML" },
        { "args=(a b\nvllm serve m", "" },
        { "{\"a\":", "" },
        { "%YAML", "" },
        { "- a\n- b\n", "" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        hg_launch_texts texts;
        hg_err err = { 0 };
        bool ok = hg_launch_read(&arena, &data, "x", bad[i].text, strlen(bad[i].text), NULL, NULL,
                                 &texts, &err);
        CHECKF(!ok && *err.msg && strstr(err.msg, bad[i].says), "'%s': %s", bad[i].text,
               ok ? "read" : err.msg);
    }
}

void test_parse(void)
{
    hg_arena arena;
    if (!hg_arena_open(&arena, 0)) {
        test_skip("no address space");
        return;
    }
    people(arena);
    containers(arena);
    unknown(arena);
    refused(arena);
    round_trips(arena);
    hg_arena_close(&arena);
}

/* What people write is understood: scripts, containers, manifests, config files. */
#include "test.h"

#include "engine/parse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const hg_data data = { NULL };

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

void test_launches(void)
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
    hg_arena_close(&arena);
}

/* Launches read back: every file that emitters write comes back as the deployment, without an error
 * of lint. */
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

void test_parse(void)
{
    hg_arena arena;
    if (!hg_arena_open(&arena, 0)) {
        test_skip("no address space");
        return;
    }
    round_trips(arena);
    hg_arena_close(&arena);
}

/* The knob tables: every row means something, versions are told apart, values are judged. */
#include "test.h"

#include "base/text.h"
#include "engine/knob.h"

#include <stdlib.h>
#include <string.h>

static const char *const engines[] = { "vllm", "sglang", "trtllm", "mindie", "llamacpp" };
enum { ENGINES = sizeof engines / sizeof *engines };

static const hg_data data = { NULL };

static hg_engine_knobs open_knobs(hg_arena *arena, const char *engine, const char *version,
                                  const char **note)
{
    hg_engine_knobs k = { 0 };
    hg_err err = { 0 };
    CHECKF(hg_knobs_open(arena, &data, engine, version, &k, note, &err), "%s: %s %s", engine,
           err.where, err.msg);
    return k;
}

static void laws(hg_arena arena)
{
    for (int e = 0; e < ENGINES; e++) {
        const char *note;
        char why[256];
        hg_engine_knobs k = open_knobs(&arena, engines[e], NULL, &note);
        CHECK_STR(k.engine, engines[e]);
        CHECK(!note && k.count > 50 && k.port > 0);
        for (size_t i = 0; i < k.count; i++) {
            const hg_engine_knob *n = &k.list[i];
            const char *name = hg_knob_name(n);
            const char *standard = hg_knob_standard(n, NULL);
            CHECKF(n->lo <= n->hi, "%s %s: empty range", engines[e], name);
            if (standard)
                CHECKF(hg_knob_takes(n, standard, why, sizeof why), "%s %s: its own default %s: %s",
                       engines[e], name, standard, why);
            for (int s = 0; s < HG_KNOB_SAYS && n->says[s][0]; s++)
                CHECKF(hg_knob_takes(n, n->says[s][1], why, sizeof why), "%s %s: %s", engines[e],
                       name, why);
            if (n->renamed_to)
                CHECKF(hg_knob_keyed(&k, n->renamed_to) || hg_starts(n->renamed_to, "no-"),
                       "%s %s: renamed to %s, which is not there", engines[e], name, n->renamed_to);
            const hg_engine_knob *again = n->flag  ? hg_knob_flagged(&k, n->flag)
                                          : n->key ? hg_knob_keyed(&k, n->key)
                                                   : hg_knob_of_env(&k, n->env);
            CHECKF(again == n || (again && hg_knob_state_of(&k, n) != HG_KNOB_FITS),
                   "%s %s stands there twice", engines[e], name);
        }
    }
}

/* Words that every emitter needs are in every table. */
static void words(hg_arena arena)
{
    static const char *const needed[] = {
        "tp",   "max_num_seqs", "max_num_batched_tokens", "max_model_len", "gpu_memory_utilization",
        "model"
    };
    for (int e = 0; e < ENGINES; e++) {
        const char *note;
        hg_engine_knobs k = open_knobs(&arena, engines[e], NULL, &note);
        for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
            CHECKF(hg_knob_of_word(&k, needed[i]), "%s: nothing is %s", engines[e], needed[i]);
    }
}

static void versions(hg_arena arena)
{
    static const struct {
        const char *engine, *version, *answers;
        bool note;
    } rows[] = {
        { "vllm", NULL, "0.24", false },         { "vllm", "0.24.1", "0.24", false },
        { "vllm", "v0.24.0", "0.24", false },    { "vllm", "0.15", "0.11", true },
        { "vllm", "0.5.4", "0.9", true },        { "vllm", "1.0", "0.24", true },
        { "vllm", "0.10.2", "0.10", false },     { "sglang", "0.5.9", "0.5", false },
        { "sglang", "0.5.10", "0.5.10", false }, { "sglang", "0.5.10.post1", "0.5.10", false },
        { "llamacpp", "b9000", "b6000", true },  { "trtllm", "1.2.0rc3", "1.2", false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *note;
        hg_engine_knobs k = open_knobs(&arena, rows[i].engine, rows[i].version, &note);
        CHECKF(strcmp(k.version, rows[i].answers) == 0, "%s %s: %s", rows[i].engine,
               rows[i].version, k.version);
        CHECKF((note != NULL) == rows[i].note, "%s %s: note '%s'", rows[i].engine, rows[i].version,
               note ? note : "");
    }
    CHECK(hg_version_compare("0.9", "0.10") < 0 && hg_version_compare("b6000", "b9079") < 0 &&
          hg_version_compare("v1.2", "1.2") == 0);
}

static void states(hg_arena arena)
{
    const char *note;
    hg_engine_knobs now = open_knobs(&arena, "vllm", "0.24", &note),
                    old = open_knobs(&arena, "vllm", "0.9", &note);
    CHECK(hg_knob_state_of(&now, hg_knob_flagged(&now, "--swap-space")) == HG_KNOB_GONE);
    CHECK(hg_knob_state_of(&old, hg_knob_flagged(&old, "--swap-space")) == HG_KNOB_FITS);
    CHECK(hg_knob_state_of(&old, hg_knob_flagged(&old, "--async-scheduling")) == HG_KNOB_NOT_YET);
    CHECK(hg_knob_flagged(&now, "-tp") == hg_knob_flagged(&now, "--tensor_parallel_size"));
    CHECK(!hg_knob_flagged(&now, "--max-num-seq"));
    CHECK_STR(hg_knob_suggest(arena, &now, "--max-num-seq", true), "--max-num-seqs");
    hg_engine_knobs s = open_knobs(&arena, "sglang", "0.5", &note);
    CHECK_STR(hg_knob_of_word(&s, "graph_tokens")->key, "cuda-graph-max-bs");
    s = open_knobs(&arena, "sglang", NULL, &note);
    CHECK_STR(hg_knob_of_word(&s, "graph_tokens")->key, "cuda-graph-max-bs-decode");
}

static void values(hg_arena arena)
{
    static const struct {
        const char *engine, *name, *value;
        bool good;
    } rows[] = {
        { "vllm", "max-num-seqs", "256", true },
        { "vllm", "max-num-seqs", "0", false },
        { "vllm", "max-num-seqs", "1.5", false },
        { "vllm", "max-model-len", "32k", true },
        { "vllm", "max-model-len", "auto", true },
        { "vllm", "gpu-memory-utilization", "1.2", false },
        { "vllm", "kv-cache-dtype", "fp8", true },
        { "vllm", "kv-cache-dtype", "int3", false },
        { "vllm", "kv-cache-dtype", "turboquant_k8v4", true },
        { "sglang", "kv-cache-dtype", "fp8", false },
        { "vllm", "compilation-config", "{\"a\":1}", true },
        { "vllm", "compilation-config", "{a:1}", false },
        { "vllm", "enforce-eager", NULL, true },
        { "vllm", "enforce-eager", "maybe", false },
        { "vllm", "enforce-eager", "$EAGER", true },
        { "vllm", "max-num-seqs", "$N", true },
        { "mindie", "BackendConfig.ScheduleConfig.prefillPolicyType", "1", false },
        { "trtllm", "kv_cache_config.dtype", "fp8", true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *note;
        char why[256] = "";
        hg_engine_knobs k = open_knobs(&arena, rows[i].engine, NULL, &note);
        const hg_engine_knob *n = hg_knob_keyed(&k, rows[i].name);
        CHECKF(n && hg_knob_takes(n, rows[i].value, why, sizeof why) == rows[i].good,
               "%s %s %s: %s", rows[i].engine, rows[i].name, rows[i].value ? rows[i].value : "",
               why);
        CHECKF(rows[i].good || *why, "%s: no reason", rows[i].name);
    }
}

static void defaults(hg_arena arena)
{
    static const struct {
        const char *device, *engine, *word, *value;
    } rows[] = {
        { "h100_sxm", "vllm", "max_num_seqs", "1024" },
        { "a100_sxm", "vllm", "max_num_seqs", "256" },
        { "b200_sxm", "vllm", "max_num_batched_tokens", "16384" },
        { "l4", "vllm", "max_num_batched_tokens", "2048" },
        { "h200_sxm", "sglang", "max_num_batched_tokens", "8192" },
        { "h200_sxm", "trtllm", "max_num_seqs", "2048" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *note;
        hg_device d;
        hg_err err;
        CHECK(hg_device_find(&arena, &data, rows[i].device, &d, &err));
        hg_engine_knobs k = open_knobs(&arena, rows[i].engine, NULL, &note);
        CHECK_STR(hg_knob_standard(hg_knob_of_word(&k, rows[i].word), &d), rows[i].value);
    }
}

void test_knob(void)
{
    hg_arena arena;
    if (!hg_arena_open(&arena, 0)) {
        test_skip("no address space");
        return;
    }
    const char *note;
    hg_engine_knobs k;
    hg_err err;
    laws(arena);
    words(arena);
    versions(arena);
    states(arena);
    values(arena);
    defaults(arena);
    CHECK(!hg_knobs_open(&arena, &data, "tgi", NULL, &k, &note, &err) &&
          strstr(err.msg, "no table"));
    hg_arena_close(&arena);
}

/* The writer of dummy models: its files, read by a reader of the tests' own. */
#include "test.h"

#include "base/file.h"
#include "base/text.h"
#include "spec/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ALIGNMENT = 32 };

typedef struct gguf {
    const unsigned char *at, *end;
    bool cut;
    uint64_t tensors, facts;
    double elements;
    uint64_t data_bytes; /* from the first tensor's begin to the last one's end */
    char architecture[32];
    int64_t tokens;
} gguf;

static uint64_t take(gguf *g, size_t bytes)
{
    uint64_t v = 0;
    if (g->cut || (size_t)(g->end - g->at) < bytes)
        return g->cut = true, 0;
    memcpy(&v, g->at, bytes);
    g->at += bytes;
    return v;
}

static void take_text(gguf *g, char *out, size_t size)
{
    uint64_t n = take(g, 8);
    if (g->cut || (uint64_t)(g->end - g->at) < n) {
        g->cut = true;
        return;
    }
    snprintf(out, size, "%.*s", (int)n, (const char *)g->at);
    g->at += n;
}

/* Bytes of a value by the format's number for its type; texts and lists are not among them. */
static const size_t widths[] = { 1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8 };

static void take_value(gguf *g, const char *name, uint64_t type)
{
    char text[64];
    if (type == 8) {
        take_text(g, strcmp(name, "general.architecture") == 0 ? g->architecture : text, sizeof g->architecture);
    } else if (type == 9) {
        uint64_t of = take(g, 4), n = take(g, 8);
        if (strcmp(name, "tokenizer.ggml.tokens") == 0)
            g->tokens = (int64_t)n;
        for (uint64_t i = 0; i < n && !g->cut; i++)
            take_value(g, "", of);
    } else {
        take(g, type < sizeof widths / sizeof *widths ? widths[type] : 8);
    }
}

static double bytes_each(uint64_t type)
{
    return type == 0 ? 4 : type == 8 ? 34.0 / 32 : 2;
}

static void take_tensor(gguf *g)
{
    char name[64];
    double elements = 1;
    take_text(g, name, sizeof name);
    uint64_t rank = take(g, 4);
    for (uint64_t k = 0; k < rank && !g->cut; k++)
        elements *= (double)take(g, 8);
    uint64_t type = take(g, 4), offset = take(g, 8);
    CHECKF(offset % ALIGNMENT == 0 && offset >= g->data_bytes && offset < g->data_bytes + ALIGNMENT, "%s begins at %llu", name, (unsigned long long)offset);
    g->elements += elements;
    g->data_bytes = offset + (uint64_t)(elements * bytes_each(type));
}

static gguf read_gguf(const char *bytes, size_t size)
{
    gguf g = { .at = (const unsigned char *)bytes, .end = (const unsigned char *)bytes + size };
    CHECK(size > 24 && memcmp(bytes, "GGUF", 4) == 0);
    take(&g, 4);
    CHECK(take(&g, 4) == 3);
    g.tensors = take(&g, 8);
    g.facts = take(&g, 8);
    for (uint64_t i = 0; i < g.facts && !g.cut; i++) {
        char name[64] = "";
        take_text(&g, name, sizeof name);
        take_value(&g, name, take(&g, 4));
    }
    for (uint64_t i = 0; i < g.tensors && !g.cut; i++)
        take_tensor(&g);
    size_t head = (size_t)((const char *)g.at - bytes), begin = (head + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    CHECKF(!g.cut && begin + (g.data_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT == size, "%zu bytes, of tensors %llu", size, (unsigned long long)g.data_bytes);
    return g;
}

static int run_gguf(const char *config, const char *out, const char *type, const char *more)
{
    fflush(stdout);
    pid_t pid = fork();
    int status = -1;
    if (pid == 0) {
        if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
            _exit(126);
        execl(HG_GGUF, HG_GGUF, "--config", config, "-o", out, "--type", type, more, (char *)NULL);
        _exit(127);
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define SHAPE(family, type, more)                                                                  \
    "{\"architectures\":[\"" family "\"],\"model_type\":\"" type "\",\"hidden_size\":64,\"intermediate_size\":96," \
    "\"num_attention_heads\":4,\"num_key_value_heads\":2,\"num_hidden_layers\":3,\"vocab_size\":320," \
    "\"max_position_embeddings\":512,\"rms_norm_eps\":1e-05" more "}"

static const struct {
    const char *config, *type, *architecture;
    int code;
} rows[] = {
    { SHAPE("LlamaForCausalLM", "llama", ""), "f16", "llama", 0 },
    { SHAPE("LlamaForCausalLM", "llama", ",\"tie_word_embeddings\":true"), "f32", "llama", 0 },
    { SHAPE("Qwen3ForCausalLM", "qwen3", ",\"head_dim\":32"), "bf16", "qwen3", 0 },
    { SHAPE("Qwen2ForCausalLM", "qwen2", ""), "q8_0", "llama", 0 },
    { SHAPE("MixtralForCausalLM", "mixtral", ",\"num_local_experts\":4,\"num_experts_per_tok\":2"), "f16", "llama", 0 },
    { SHAPE("Qwen3MoeForCausalLM", "qwen3_moe", ",\"num_experts\":4,\"num_experts_per_tok\":2,\"moe_intermediate_size\":32,\"head_dim\":16"), "f16",
      "qwen3moe", 0 },
    { SHAPE("GemmaForCausalLM", "gemma3_text", ",\"sliding_window\":64,\"sliding_window_pattern\":2"), "f16", "", 2 },
    { SHAPE("LlamaForCausalLM", "llama", ""), "q5_1", "", 2 },
    { SHAPE("LlamaForCausalLM", "llama", ",\"head_dim\":\"wide\""), "f16", "", 2 },
    { "{\"hidden_size\":", "f16", "", 2 },
};

static void check_row(hg_arena arena, const char *folder, size_t i)
{
    hg_err err;
    hg_model m;
    size_t size;
    const char *config = hg_textf(&arena, "%s/config.json", folder), *out = hg_textf(&arena, "%s/%zu.gguf", folder, i);
    CHECK(hg_file_write(config, rows[i].config, strlen(rows[i].config), true, &err));
    int code = run_gguf(config, out, rows[i].type, NULL);
    CHECKF(code == rows[i].code, "row %zu: exit code %d, want %d", i, code, rows[i].code);
    CHECKF(hg_is_file(out) == (rows[i].code == 0), "row %zu: what was written", i);
    char *bytes = code == 0 ? hg_file_read(&arena, out, (size_t)64 << 20, &size, &err) : NULL;
    if (!bytes)
        return;
    gguf g = read_gguf(bytes, size);
    CHECK_STR(g.architecture, rows[i].architecture);
    CHECK(g.tokens == 320 && hg_model_read(&arena, "config", rows[i].config, strlen(rows[i].config), NULL, 0, &m, &err));
    CHECKF(g.elements == m.parameters, "row %zu: %.0f elements, %.0f parameters", i, g.elements, m.parameters);
    CHECKF(run_gguf(config, out, rows[i].type, NULL) == 2, "row %zu: an existing file is overwritten", i);
    char *before = bytes;
    size_t again = 0;
    CHECK(run_gguf(config, out, rows[i].type, "--force") == 0 && (bytes = hg_file_read(&arena, out, (size_t)64 << 20, &again, &err)));
    CHECKF(again == size && memcmp(before, bytes, size) == 0, "row %zu: the same question, other bytes", i);
    unlink(out);
}

void test_gguf(void)
{
    hg_arena arena;
    char folder[] = "/tmp/heng-gguf-XXXXXX";
    if (!hg_arena_open(&arena, (size_t)1 << 30))
        return;
    if (mkdtemp(folder)) {
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            check_row(arena, folder, i);
        unlink(hg_textf(&arena, "%s/config.json", folder));
        rmdir(folder);
    } else {
        CHECKF(false, "no folder for files in /tmp");
    }
    hg_arena_close(&arena);
}

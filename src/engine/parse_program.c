/* Which engine a command starts. */
#include "engine/reader.h"

#include <string.h>

static bool next_is(const hg_shell_command *c, size_t i, const char *word)
{
    return i + 1 < c->count && strcmp(c->words[i + 1].s, word) == 0;
}

/* python -m MODULE, as servers are started. */
static const struct {
    const char *module, *engine, *wrapper;
} modules[] = {
    { "sglang.launch_server", "sglang", NULL },
    { "vllm.entrypoints.openai.api_server", "vllm", NULL },
    { "dynamo.vllm", "vllm", "dynamo" },
    { "dynamo.sglang", "sglang", "dynamo" },
};

static bool module_at(const char *module, size_t first, hg_program *out)
{
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++)
        if (strcmp(modules[i].module, module) == 0) {
            *out = (hg_program){ modules[i].engine, first, modules[i].wrapper };
            return true;
        }
    return false;
}

static bool program_at(const hg_shell_command *c, size_t i, hg_program *out)
{
    const char *w = hg_basename(c->words[i].s);
    *out = (hg_program){ NULL, i + 1, NULL };
    if (strcmp(w, "vllm") == 0 && next_is(c, i, "serve"))
        *out = (hg_program){ "vllm", i + 2, NULL };
    else if (strcmp(w, "sglang") == 0 && next_is(c, i, "serve"))
        *out = (hg_program){ "sglang", i + 2, NULL };
    else if (strcmp(w, "-m") == 0 && i + 1 < c->count)
        return module_at(c->words[i + 1].s, i + 2, out);
    else if (strcmp(w, "trtllm-serve") == 0 && !next_is(c, i, "disaggregated"))
        *out = (hg_program){ "trtllm", i + 1 + next_is(c, i, "serve"), NULL };
    else if (strcmp(w, "llama-server") == 0)
        out->engine = "llamacpp";
    else if (strcmp(w, "mindieservice_daemon") == 0 || strcmp(w, "mindie_llm_server") == 0)
        out->engine = "mindie";
    return out->engine != NULL;
}

static bool has_entrypoint(const hg_shell_command *c, size_t image)
{
    for (size_t i = 1; i < image; i++)
        if (hg_starts(c->words[i].s, "--entrypoint"))
            return true;
    return false;
}

/* An image whose entry point is the server, or one that is given nothing but arguments. */
static bool image_program(const hg_shell_command *c, hg_program *out)
{
    const char *engine;
    bool serves;
    size_t at = hg_image_at(c, &engine, &serves);
    bool runs = hg_shell_has_word(c, "run", "create"),
         bare = at + 1 == c->count || (at && *c->words[at + 1].s == '-');
    *out = (hg_program){ engine, at + 1, NULL };
    return at && runs && (serves || bare) && !has_entrypoint(c, at);
}

/* What belongs to a launch and is no engine: two words beside each other, or one. */
const char *hg_aside_of(const hg_shell_command *c)
{
    static const struct {
        const char *word, *next, *what;
    } rows[] = {
        { "vllm", "bench", "a benchmark client" },
        { "-m", "sglang_router.launch_router", "SGLang's router" },
        { "trtllm-serve", "disaggregated", "TensorRT-LLM's front end of pools" },
        { "--prefiller-hosts", NULL, "a router before pools" },
    };
    for (size_t i = 0; i < c->count; i++)
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
            if (strcmp(hg_basename(c->words[i].s), rows[k].word) == 0 &&
                (!rows[k].next || next_is(c, i, rows[k].next)))
                return rows[k].what;
    return NULL;
}

bool hg_program_find(const hg_shell_command *c, hg_program *out)
{
    for (size_t i = 0; i < c->count; i++)
        if (program_at(c, i, out))
            return true;
    return image_program(c, out);
}

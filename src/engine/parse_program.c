/* Which engine a command starts, and what it leaves the server of its host. */
#include "engine/parse.h"

#include "base/num.h"

#include <stdlib.h>
#include <string.h>

static bool next_is(const hg_shell_command *c, size_t i, const char *word)
{
    return i + 1 < c->count && strcmp(c->words[i + 1].s, word) == 0;
}

/* python -m MODULE, as servers are started. */
static const struct {
    const char *module, *engine;
} modules[] = {
    { "sglang.launch_server", "sglang" },
    { "vllm.entrypoints.openai.api_server", "vllm" },
    { "dynamo.vllm", "vllm" },
    { "dynamo.sglang", "sglang" },
};

/* Images whose entry point is the server: the words after one are its arguments. */
static const struct {
    const char *part, *engine;
} images[] = { { "vllm-openai", "vllm" }, { "llama.cpp:server", "llamacpp" } };

static const char *module_engine(const char *module)
{
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++)
        if (strcmp(modules[i].module, module) == 0)
            return modules[i].engine;
    return NULL;
}

static bool program_at(const hg_shell_command *c, size_t i, hg_program *out)
{
    const char *w = hg_basename(c->words[i].s);
    *out = (hg_program){ NULL, i + 1 };
    if (strcmp(w, "vllm") == 0 && next_is(c, i, "serve"))
        *out = (hg_program){ "vllm", i + 2 };
    else if (strcmp(w, "sglang") == 0 && next_is(c, i, "serve"))
        *out = (hg_program){ "sglang", i + 2 };
    else if (strcmp(w, "-m") == 0 && i + 1 < c->count && module_engine(c->words[i + 1].s))
        *out = (hg_program){ module_engine(c->words[i + 1].s), i + 2 };
    else if (strcmp(w, "trtllm-serve") == 0)
        *out = (hg_program){ "trtllm", i + 1 + next_is(c, i, "serve") };
    else if (strcmp(w, "llama-server") == 0)
        out->engine = "llamacpp";
    else if (strcmp(w, "mindieservice_daemon") == 0 || strcmp(w, "mindie_llm_server") == 0)
        out->engine = "mindie";
    return out->engine != NULL;
}

bool hg_is_container(const hg_shell_command *c)
{
    const char *w = c->count > 1 ? hg_basename(c->words[0].s) : "";
    bool sudo = strcmp(w, "sudo") == 0 || strcmp(w, "exec") == 0;
    w = sudo && c->count > 2 ? hg_basename(c->words[1].s) : w;
    return strcmp(w, "docker") == 0 || strcmp(w, "podman") == 0 || strcmp(w, "nerdctl") == 0;
}

static bool image_at(const hg_shell_command *c, size_t i, hg_program *out)
{
    const char *w = c->words[i].s;
    for (size_t k = 0; *w != '-' && !strchr(w, '=') && k < sizeof images / sizeof *images; k++)
        if (strstr(w, images[k].part)) {
            *out = (hg_program){ images[k].engine, i + 1 };
            return true;
        }
    return false;
}

bool hg_program_find(const hg_shell_command *c, hg_program *out)
{
    for (size_t i = 0; i < c->count; i++)
        if (program_at(c, i, out))
            return true;
    for (size_t i = 1; hg_is_container(c) && i < c->count; i++)
        if (image_at(c, i, out))
            return true;
    return false;
}

/* "0-3,8": how many. */
static double processors(const char *list)
{
    double n = 0;
    for (const char *p = list; *p;) {
        char *end;
        long first = strtol(p, &end, 10), last = first;
        if (end == p || first < 0)
            return 0;
        if (*end == '-')
            last = strtol(p = end + 1, &end, 10);
        if (end == p || last < first || last > 100000)
            return 0;
        n += (double)(last - first + 1);
        p = end + (*end == ',');
        if (*end && *end != ',')
            return 0;
    }
    return n;
}

/* What the line leaves the server of its host. */
double hg_command_cpus(const hg_shell_command *c, size_t before)
{
    static const char *const counts[] = { "--cpus" }, *const lists[] = { "--cpuset-cpus", "-c",
                                                                         "--cpu-list", "-C",
                                                                         "--physcpubind" };
    bool pins =
        c->count > 0 && (hg_is_container(c) || strcmp(hg_basename(c->words[0].s), "taskset") == 0 ||
                         strcmp(hg_basename(c->words[0].s), "numactl") == 0);
    for (size_t i = 1; pins && i < before && i < c->count; i++) {
        const char *w = c->words[i].s, *equals = strchr(w, '=');
        size_t n = equals ? (size_t)(equals - w) : strlen(w);
        const char *value = equals ? equals + 1 : i + 1 < before ? c->words[i + 1].s : "";
        double v;
        if (n == strlen(counts[0]) && memcmp(w, counts[0], n) == 0)
            return hg_parse_f64(value, &v) && v > 0 ? v : 0;
        for (size_t k = hg_is_container(c) ? 0 : 1;
             k < (hg_is_container(c) ? 1 : sizeof lists / sizeof *lists); k++)
            if (n == strlen(lists[k]) && memcmp(w, lists[k], n) == 0)
                return processors(value);
    }
    return 0;
}

#include "live/greet.h"

#include "base/json.h"

#include <math.h>
#include <string.h>

enum { PROBE_SHORT = 8, PROBE_LONG = 200, NAMES_SHOWN = 200 };

hg_live_models hg_live_list_models(hg_arena *arena, hg_client *client, const char *base, const char *wanted, double timeout_s,
                                   const hg_live_watch *watch)
{
    hg_err ignored;
    hg_live_models out = { .reply = hg_live_get(arena, client, hg_textf(arena, "%s/models", base), timeout_s, watch) };
    bool told = out.reply.fault == HG_FAULT_NONE && out.reply.status == 200;
    json_t *root = told ? hg_json_parse(out.reply.text, strlen(out.reply.text), "models", &ignored) : NULL;
    const json_t *list = json_object_get(root, "data"), *one;
    hg_buf names = { .arena = arena };
    hg_buf_puts(&names, "");
    size_t i;
    json_array_foreach(list, i, one) {
        const char *id = json_string_value(json_object_get(one, "id"));
        if (!id)
            continue;
        if (!out.first)
            out.first = hg_strdup(arena, id);
        out.found |= strcmp(id, wanted ? wanted : out.first) == 0;
        if (names.n < NAMES_SHOWN)
            hg_buf_printf(&names, "%s%s", names.n ? ", " : "", id);
    }
    json_decref(root);
    out.names = names.s;
    return out;
}

hg_live_count hg_live_count_words(hg_arena *arena, hg_client *client, const char *path, const hg_prompts *prompts, double timeout_s,
                                  const hg_live_watch *watch)
{
    hg_live_record r[2];
    const int64_t units[2] = { PROBE_SHORT, PROBE_LONG };
    hg_live_count out = { .failed = { .fault = HG_FAULT_NONE } };
    for (int i = 0; i < 2; i++) {
        r[i] = hg_live_ask(arena, client, path, prompts, units[i], 2, timeout_s, watch);
        if (r[i].fault != HG_FAULT_NONE)
            return out.failed = r[i], out;
    }
    if (r[0].prompt_tokens < 0 || r[1].prompt_tokens <= r[0].prompt_tokens)
        return out;
    out.counted = true;
    double each = (double)(r[1].prompt_tokens - r[0].prompt_tokens) / (double)(units[1] - units[0]);
    out.tokens_per_word = prompts->kind == HG_PROMPT_TOKENS ? 1 : each;
    out.overhead_tokens = fmax(0, (double)r[0].prompt_tokens - (double)units[0] * out.tokens_per_word);
    return out;
}

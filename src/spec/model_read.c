#include "spec/model_parts.h"

#include "base/json.h"
#include "base/text.h"

#include <inttypes.h>
#include <string.h>

/* "a/b/Qwen--Qwen3-8B_config.json" → "Qwen/Qwen3-8B"; "a/Qwen3-8B/config.json" → "Qwen3-8B". */
static const char *name_from_path(hg_arena *arena, const char *path)
{
    const char *base = hg_basename(path);
    if (hg_ends(base, "_config.json")) {
        char *name = hg_strndup(arena, base, strlen(base) - strlen("_config.json"));
        char *dashes = strstr(name, "--");
        if (dashes) {
            *dashes = '/';
            memmove(dashes + 1, dashes + 2, strlen(dashes + 2) + 1);
        }
        return name;
    }
    if (strcmp(base, "config.json") != 0 || base == path)
        return hg_strdup(arena, base);
    const char *folder = hg_strndup(arena, path, (size_t)(base - path) - 1);
    return hg_strdup(arena, hg_basename(folder));
}

static void read_whole(hg_config *c, hg_model *m)
{
    const char *architecture =
        json_string_value(json_array_get(json_object_get(c->root, "architectures"), 0));
    m->architecture = hg_strdup(c->arena, architecture ? architecture : c->type);
    m->hidden_size = hg_config_need(c, HG_Q_HIDDEN);
    m->vocab_size = hg_config_need(c, HG_Q_VOCAB);
    m->max_tokens = hg_config_need(c, HG_Q_CONTEXT);
    m->mtp_layers = hg_config_int(c, HG_Q_MTP, 0);
    const json_t *outer = json_object_get(c->root, "tie_word_embeddings");
    bool absent = json_is_boolean(outer) ? json_is_true(outer) : (c->family.traits & HG_TIES) != 0;
    m->tied_embeddings = hg_config_flag(c, HG_Q_TIED, absent);
}

static bool read_parts(hg_config *c, const json_t *quant, hg_model *m)
{
    read_whole(c, m);
    if (!c->failed && !c->family.known)
        m->assumed = hg_textf(c->arena, "%s: model_type '%.40s' (%.60s) is not known; taken as built like Llama", m->name,
                              c->type, m->architecture);
    return !c->failed && hg_model_read_layers(c, m) && hg_model_read_vision(c, m) &&
           hg_model_read_precision(c, quant, m) && hg_model_count(c, m);
}

bool hg_model_read_json(hg_arena *arena, const char *where, const json_t *root, const json_t *quant,
                        hg_model *out, hg_err *err)
{
    hg_config c;
    *out = (hg_model){ .name = name_from_path(arena, where), .source = hg_strdup(arena, where) };
    return hg_config_open(&c, arena, where, root, err) && read_parts(&c, quant, out);
}

bool hg_model_read(hg_arena *arena, const char *where, const char *config_json, size_t size,
                   const char *quant_json, size_t quant_size, hg_model *out, hg_err *err)
{
    json_t *root = hg_json_parse(config_json, size, where, err), *quant = NULL;
    bool ok = root != NULL;
    if (ok && quant_json) {
        quant = hg_json_parse(quant_json, quant_size, "hf_quant_config.json", err);
        ok = quant != NULL;
    }
    ok = ok && hg_model_read_json(arena, where, root, quant, out, err);
    json_decref(quant);
    json_decref(root);
    return ok;
}

#include "spec/model_parts.h"

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "spec/catalog.h"

#include <string.h>

enum { CONFIG_LIMIT = 64000000 };

/* The quantiser's file beside a config.json ("X_hf_quant_config.json" beside "X_config.json"). */
static const char *quant_path(hg_arena *arena, const char *path)
{
    size_t stem = strlen(path) - strlen("config.json");
    if (!hg_ends(path, "config.json"))
        return NULL;
    const char *beside = hg_textf(arena, "%.*shf_quant_config.json", (int)stem, path);
    return hg_is_file(beside) ? beside : NULL;
}

static bool read_file(hg_arena *arena, const char *path, hg_model *out, hg_err *err)
{
    size_t size, quant_size = 0;
    const char *text = hg_file_read(arena, path, CONFIG_LIMIT, &size, err), *quant = NULL;
    const char *beside = text ? quant_path(arena, path) : NULL;
    if (beside && !(quant = hg_file_read(arena, beside, CONFIG_LIMIT, &quant_size, err)))
        return false;
    return text && hg_model_read(arena, path, text, size, quant, quant_size, out, err);
}

static bool read_entry(hg_arena *arena, const hg_data *data, const hg_catalog *c, const char *word,
                       const hg_catalog_hit *hit, hg_model *out, hg_err *err)
{
    json_t *config = hg_catalog_config(c, arena, data, hit->entry, err);
    bool ok = config && hg_model_read_json(arena, hit->entry->file, config, NULL, out, err);
    json_decref(config);
    if (!ok)
        return false;
    out->name = hg_strdup(arena, word);
    out->source = "catalogue";
    if (hit->has_dtype)
        hg_model_set_precision(out, hit->dtype);
    return true;
}

bool hg_model_find(hg_arena *arena, const hg_data *data, const char *word, hg_model *out,
                   const char **note, hg_err *err)
{
    *note = NULL;
    if (hg_is_folder(word))
        return read_file(arena, hg_textf(arena, "%s/config.json", word), out, err);
    if (hg_is_file(word) || hg_ends(word, ".json"))
        return read_file(arena, word, out, err);
    hg_catalog c;
    hg_catalog_hit hit;
    if (!hg_catalog_open(&c, arena, data, err) || !hg_catalog_find(&c, arena, word, &hit, err))
        return false;
    if (!hit.exact)
        *note = hit.has_dtype ? hg_textf(arena, "%s: taken as %s in %s", word, hit.entry->id,
                                         hg_dtype_table[hit.dtype].name)
                              : hg_textf(arena, "%s: taken as %s", word, hit.entry->id);
    return read_entry(arena, data, &c, word, &hit, out, err);
}

const char **hg_model_ids(hg_arena *arena, const hg_data *data, size_t *count)
{
    hg_catalog c;
    hg_err unused;
    *count = 0;
    if (!hg_catalog_open(&c, arena, data, &unused))
        return NULL;
    const char **ids = HG_NEW(arena, const char *, c.count + 1);
    for (size_t i = 0; i < c.count; i++)
        ids[i] = c.entries[i].id;
    *count = c.count;
    return ids;
}

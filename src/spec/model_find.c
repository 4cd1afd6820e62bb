#include "spec/model_parts.h"

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "spec/catalog.h"

#include <string.h>
#include <strings.h>

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

/* Every field of `part` stands in `whole`; what only heng's catalogue writes is not looked at. */
static bool holds(const json_t *whole, const json_t *part)
{
    static const char *const own[] = { "id", "source", "also", "base" };
    const char *key;
    json_t *value;
    if (!json_is_object(part) || !json_is_object(whole))
        return json_equal(whole, part) ||
               (json_is_number(whole) && json_is_number(part) && json_number_value(whole) == json_number_value(part));
    json_object_foreach((json_t *)part, key, value) {
        bool skip = false;
        for (size_t i = 0; i < sizeof own / sizeof *own; i++)
            skip |= strcmp(key, own[i]) == 0;
        if (!skip && !holds(json_object_get(whole, key), value))
            return false;
    }
    return true;
}

static bool same_model(hg_arena scratch, const hg_catalog *c, const hg_data *data, const hg_catalog_entry *e,
                       const json_t *config, const hg_model *m)
{
    hg_err unused;
    hg_model known;
    json_t *entry = hg_catalog_config(c, &scratch, data, e, &unused);
    bool ok = entry && holds(config, entry) && hg_model_read_json(&scratch, e->file, entry, NULL, &known, &unused) &&
              hg_precision_equal(&known.precision, &m->precision);
    json_decref(entry);
    return ok;
}

/* The one id whose published config this is; of several (GLM-5 and 5.1 are equal) that of the file's
 * name, else NULL. */
static const char *publishers_id(hg_arena *arena, const hg_data *data, const char *text, size_t size, const hg_model *m)
{
    hg_err unused;
    hg_catalog c;
    const char *only = NULL;
    size_t found = 0;
    json_t *config = hg_json_parse(text, size, "config.json", &unused);
    if (config && hg_catalog_open(&c, arena, data, &unused))
        for (size_t i = 0; i < c.count; i++) {
            const char *id = c.entries[i].id;
            if (c.entries[i].also || !same_model(*arena, &c, data, &c.entries[i], config, m))
                continue;
            only = id;
            found++;
            if (strcmp(hg_basename(id), hg_basename(m->name)) == 0) {
                found = 1;
                break;
            }
        }
    json_decref(config);
    return found == 1 ? only : NULL;
}

static const char *folder_of(hg_arena *arena, const char *path)
{
    size_t n = strlen(path) - strlen(hg_basename(path));
    return n == 0 ? "." : n == 1 ? "/" : hg_strndup(arena, path, n - 1);
}

static bool has_weights(hg_arena scratch, const char *folder)
{
    static const char *const ends[] = { ".safetensors", ".safetensors.index.json", ".bin", ".gguf" };
    size_t n;
    char **names = hg_folder_list(&scratch, folder, &n);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < sizeof ends / sizeof *ends; k++)
            if (hg_ends(names[i], ends[k]))
                return true;
    return false;
}

static bool read_file(hg_arena *arena, const hg_data *data, const char *path, hg_model *out, hg_err *err)
{
    size_t size, quant_size = 0;
    const char *text = hg_file_read(arena, path, CONFIG_LIMIT, &size, err), *quant = NULL;
    const char *beside = text ? quant_path(arena, path) : NULL;
    if (beside && !(quant = hg_file_read(arena, beside, CONFIG_LIMIT, &quant_size, err)))
        return false;
    if (!text || !hg_model_read(arena, path, text, size, quant, quant_size, out, err))
        return false;
    const char *folder = folder_of(arena, path);
    /* Weights beside the file are the ones meant: a fine-tune has its parent's config. */
    const char *id = has_weights(*arena, folder) ? NULL : publishers_id(arena, data, text, size, out);
    out->id = out->checkpoint = id ? id : folder;
    out->published = out->precision;
    return true;
}

static const char *bare(const char *id)
{
    const char *name = hg_basename(id);
    return hg_starts(name, "Meta-") ? name + 5 : name;
}

/* A word with its organisation and a tail of its own ("Qwen/Qwen3-8B-AWQ") names a checkpoint; without
 * one it is the publisher's, unless the tail asks for another precision. */
static const char *checkpoint_of(const hg_model *m, const char *word)
{
    bool another = strcasecmp(bare(m->id), bare(word)) != 0;
    if (another && strchr(word, '/'))
        return m->name;
    return hg_precision_equal(&m->precision, &m->published) ? m->id : NULL;
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
    out->id = hit->entry->id;
    out->published = out->precision;
    if (hit->has_dtype)
        hg_model_set_precision(out, hit->dtype);
    out->checkpoint = checkpoint_of(out, word);
    return true;
}

bool hg_model_find(hg_arena *arena, const hg_data *data, const char *word, hg_model *out,
                   const char **note, hg_err *err)
{
    *note = NULL;
    if (hg_is_folder(word))
        word = hg_textf(arena, "%s/config.json", word);
    if (hg_is_file(word) || hg_ends(word, ".json")) {
        bool ok = read_file(arena, data, word, out, err);
        *note = ok ? out->assumed : NULL;
        return ok;
    }
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

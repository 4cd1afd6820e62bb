#include "spec/catalog.h"

#include "base/json.h"
#include "base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { BASES_MAX = 4, LISTED_MAX = 6 };

static json_t *parse_file(hg_arena *arena, const hg_data *data, const char *file, hg_err *err)
{
    size_t size;
    const char *text = hg_data_text(data, arena, file, &size, err);
    return text ? hg_json_parse(text, size, file, err) : NULL;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const hg_catalog_entry *)a)->id, ((const hg_catalog_entry *)b)->id);
}

static void add(hg_catalog *c, hg_arena *arena, size_t *capacity, const char *id, const char *file,
                bool also)
{
    *HG_PUSH(arena, c->entries, c->count, *capacity) =
        (hg_catalog_entry){ hg_strdup(arena, id), file, also };
}

static bool add_file(hg_catalog *c, hg_arena *arena, size_t *capacity, const hg_data *data,
                     const char *file, hg_err *err)
{
    json_t *root = parse_file(arena, data, file, err);
    if (!root)
        return false;
    const char *id = json_string_value(json_object_get(root, "id"));
    const json_t *also = json_object_get(root, "also");
    if (id)
        add(c, arena, capacity, id, file, false);
    for (size_t i = 0; id && i < json_array_size(also); i++)
        if (json_is_string(json_array_get(also, i)))
            add(c, arena, capacity, json_string_value(json_array_get(also, i)), file, true);
    json_decref(root);
    return id ? true : hg_fail(err, HG_INPUT, file, "has no \"id\"; write the model's id there");
}

bool hg_catalog_open(hg_catalog *c, hg_arena *arena, const hg_data *data, hg_err *err)
{
    size_t n, capacity = 0;
    char **names = hg_data_list(data, arena, "models", &n);
    *c = (hg_catalog){ 0 };
    for (size_t i = 0; i < n; i++)
        if (hg_ends(names[i], ".json") &&
            !add_file(c, arena, &capacity, data, hg_textf(arena, "models/%s", names[i]), err))
            return false;
    if (c->count)
        qsort(c->entries, c->count, sizeof *c->entries, by_id);
    return true;
}

static const hg_catalog_entry *entry_of(const hg_catalog *c, const char *id)
{
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->entries[i].id, id) == 0)
            return &c->entries[i];
    return NULL;
}

/* Puts the fields of config's base beneath its own.  False with err set. */
static bool lay_base(const hg_catalog *c, hg_arena *arena, const hg_data *data, const char *file,
                     json_t *config, hg_err *err)
{
    const char *id = json_string_value(json_object_get(config, "base"));
    const hg_catalog_entry *base = id ? entry_of(c, id) : NULL;
    if (!base)
        return hg_fail(err, HG_INPUT, file, "has a base that is not in the catalogue: '%.80s'",
                       id ? id : "");
    json_t *below = parse_file(arena, data, base->file, err);
    json_object_del(config, "base");
    bool ok = below && json_object_update_missing(config, below) == 0;
    json_decref(below);
    return ok;
}

json_t *hg_catalog_config(const hg_catalog *c, hg_arena *arena, const hg_data *data,
                          const hg_catalog_entry *entry, hg_err *err)
{
    json_t *config = parse_file(arena, data, entry->file, err);
    for (int depth = 0; config && json_object_get(config, "base"); depth++) {
        bool ok = depth < BASES_MAX || hg_fail(err, HG_INPUT, entry->file, "has too many bases");
        if (ok && lay_base(c, arena, data, entry->file, config, err))
            continue;
        json_decref(config);
        return NULL;
    }
    return config;
}

/* A name without its organisation; Llama's with its former first name dropped. */
static const char *bare(const char *id)
{
    const char *name = hg_basename(id);
    return strncasecmp(name, "Meta-Llama-", 11) == 0 ? name + 5 : name;
}

static const struct {
    const char *tail;
    bool quantises;
    hg_dtype dtype;
} tails[] = {
    { "-Instruct", false, 0 },
    { "-Base", false, 0 },
    { "-Chat", false, 0 },
    { "-it", false, 0 },
    { "-pt", false, 0 },
    { "-hf", false, 0 },
    { "-Thinking", false, 0 },
    { "-v2", false, 0 },
    { "-BF16", true, HG_BF16 },
    { "-FP16", true, HG_BF16 },
    { "-FP8", true, HG_FP8 },
    { "-FP8-Dynamic", true, HG_FP8 },
    { "-FP8-Block", true, HG_FP8_BLOCK },
    { "-NVFP4", true, HG_NVFP4 },
    { "-FP4", true, HG_NVFP4 },
    { "-MXFP4", true, HG_MXFP4 },
    { "-AWQ", true, HG_W4A16 },
    { "-AWQ-INT4", true, HG_W4A16 },
    { "-GPTQ", true, HG_W4A16 },
    { "-GPTQ-Int4", true, HG_W4A16 },
    { "-GPTQ-Int8", true, HG_INT8 },
    { "-INT4", true, HG_W4A16 },
    { "-INT8", true, HG_INT8 },
    { "-W4A16", true, HG_W4A16 },
    { "-W8A8", true, HG_INT8 },
    { "-W8A8C8", true, HG_INT8 },
    { "-W4A8", true, HG_W4A8 },
    { "-W4A8C8", true, HG_W4A8 },
    { "-MTP", false, 0 },
    { "-QuaRot", false, 0 },
    { "-bnb-4bit", true, HG_W4A16 },
    { "-quantized.w4a16", true, HG_W4A16 },
    { "-quantized.w8a8", true, HG_INT8 },
};

/* Publishers whose "-FP8" checkpoints have one scale a block of 128×128 weights. */
static const char *const block_publishers[] = { "Qwen/",      "deepseek-ai/", "zai-org/",
                                                "MiniMaxAI/", "moonshotai/",  "XiaomiMiMo/" };

static hg_dtype publishers_dtype(const char *word, hg_dtype dtype)
{
    for (size_t i = 0; dtype == HG_FP8 && i < sizeof block_publishers / sizeof *block_publishers;
         i++)
        if (hg_starts(word, block_publishers[i]))
            return HG_FP8_BLOCK;
    return dtype;
}

/* The length of a date at the end ("-2507", "-0528", "-20250101"), or 0. */
static size_t date_tail(const char *name)
{
    size_t n = strlen(name), digits = 0;
    while (digits < n && isdigit((unsigned char)name[n - 1 - digits]))
        digits++;
    bool dated = digits == 4 || digits == 6 || digits == 8;
    return dated && n > digits + 1 && name[n - 1 - digits] == '-' ? digits + 1 : 0;
}

static bool ends_nocase(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);
    return n > m && strcasecmp(s + n - m, suffix) == 0;
}

/* Cuts the longest tail off the end; false when there is none. */
static bool drop_tail(char *name, hg_catalog_hit *hit)
{
    size_t longest = date_tail(name);
    int which = -1;
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++)
        if (ends_nocase(name, tails[i].tail) && strlen(tails[i].tail) > longest) {
            longest = strlen(tails[i].tail);
            which = (int)i;
        }
    if (!longest)
        return false;
    name[strlen(name) - longest] = 0;
    if (which >= 0 && tails[which].quantises && !hit->has_dtype) {
        hit->has_dtype = true;
        hit->dtype = tails[which].dtype;
    }
    return true;
}

/* A catalogue name without any tails. */
static char *stem(hg_arena *arena, const char *id)
{
    hg_catalog_hit unused = { 0 };
    char *name = hg_strdup(arena, bare(id));
    while (drop_tail(name, &unused))
        ;
    return name;
}

/* Entries of one name.  Several ids of one file are one model. */
static size_t matches(const hg_catalog *c, hg_arena *arena, const char *name, bool stems,
                      const hg_catalog_entry **found)
{
    size_t n = 0;
    for (size_t i = 0; i < c->count && n < LISTED_MAX; i++) {
        const hg_catalog_entry *e = &c->entries[i];
        if (strcasecmp(stems ? stem(arena, e->id) : bare(e->id), name) != 0)
            continue;
        bool again = false;
        for (size_t k = 0; k < n; k++)
            again |= strcmp(found[k]->file, e->file) == 0;
        if (!again)
            found[n++] = e;
    }
    return n;
}

/* Letters and digits alone, in lower case: "qwen3_6_27b" and "Qwen3.6-27B" are written alike. */
static void squeeze(const char *name, char *out, size_t size)
{
    size_t n = 0;
    for (; *name && n + 1 < size; name++)
        if (isalnum((unsigned char)*name))
            out[n++] = (char)tolower((unsigned char)*name);
    out[n] = 0;
}

/* "30b": a name may end with its size where the publisher goes on ("-A3B"). */
static bool ends_with_size(const char *squeezed)
{
    size_t n = strlen(squeezed);
    return n > 2 && squeezed[n - 1] == 'b' && isdigit((unsigned char)squeezed[n - 2]);
}

enum { SQUEEZED = 128 };

/* The entry of this name in other punctuation; of those that go on after its size the shortest.  NULL: none, or
 * several alike. */
static const hg_catalog_entry *punctuated(const hg_catalog *c, const char *name)
{
    char word[SQUEEZED], entry[SQUEEZED];
    const hg_catalog_entry *best = NULL;
    size_t least = SIZE_MAX, n;
    bool alike = false;
    squeeze(name, word, sizeof word);
    n = strlen(word);
    for (size_t i = 0; n > 3 && i < c->count; i++) {
        squeeze(bare(c->entries[i].id), entry, sizeof entry);
        size_t length = strlen(entry);
        if (strncmp(entry, word, n) != 0 || (length > n && !ends_with_size(word)) || length > least)
            continue;
        alike = length == least && strcmp(best->file, c->entries[i].file) != 0;
        best = &c->entries[i];
        least = length;
    }
    return alike ? NULL : best;
}

static bool several(hg_arena *arena, const char *word, const hg_catalog_entry **found, size_t n,
                    hg_err *err)
{
    hg_buf b = { .arena = arena };
    for (size_t i = 0; i < n; i++)
        hg_buf_printf(&b, "%s%s", i ? ", " : "", found[i]->id);
    return hg_fail(err, HG_INPUT, "--model", "'%.80s' may be any of %s; write one of them", word,
                   b.s);
}

static bool unknown(const hg_catalog *c, hg_arena *arena, const char *word, hg_err *err)
{
    const char **names = HG_NEW(arena, const char *, 2 * c->count + 1);
    for (size_t i = 0; i < c->count; i++) {
        names[i] = c->entries[i].id;
        names[c->count + i] = hg_basename(c->entries[i].id);
    }
    const char *near = hg_nearest(word, names, 2 * c->count);
    if (near)
        return hg_fail(err, HG_INPUT, "--model",
                       "'%.80s' is not in the catalogue; did you mean %s?  A path "
                       "to a config.json works too",
                       word, near);
    return hg_fail(err, HG_INPUT, "--model",
                   "'%.80s' is not in the catalogue; 'heng catalog models' lists "
                   "it, and a path to a config.json works too",
                   word);
}

/* A word without a quantisation means the plain model, also where the catalogue has only a quantised
 * one. */
static void plain_dtype(const hg_catalog_entry *entry, hg_catalog_hit *hit)
{
    char name[256];
    hg_catalog_hit own = { 0 };
    snprintf(name, sizeof name, "%s", bare(entry->id));
    while (drop_tail(name, &own))
        ;
    if (own.has_dtype && !hit->has_dtype) {
        hit->has_dtype = true;
        hit->dtype = HG_BF16;
    }
}

bool hg_catalog_find(const hg_catalog *c, hg_arena *arena, const char *word, hg_catalog_hit *hit,
                     hg_err *err)
{
    const hg_catalog_entry *found[LISTED_MAX];
    *hit = (hg_catalog_hit){ 0 };
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->entries[i].id, word) == 0) {
            *hit = (hg_catalog_hit){ .entry = &c->entries[i], .exact = true };
            return true;
        }
    char *name = hg_strdup(arena, bare(word));
    for (int stems = 0; stems < 2; stems++) {
        do {
            size_t n = matches(c, arena, name, stems, found);
            if (n > 1)
                return several(arena, word, found, n, err);
            if (n == 1) {
                hit->entry = found[0];
                if (stems)
                    plain_dtype(found[0], hit);
                hit->dtype = publishers_dtype(word, hit->dtype);
                return true;
            }
        } while (drop_tail(name, hit));
    }
    /* Without its tails, which the loops above have cut and noted. */
    if ((hit->entry = punctuated(c, name)) != NULL)
        return true;
    return unknown(c, arena, word, err);
}

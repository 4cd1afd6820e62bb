/* The catalogue of models: the JSON files of data/models, each the fields of a publisher's
 * config.json that matter, with "id", "source" and perhaps "also" (other ids of the same file) and
 * "base" (an id whose fields stand where this file has none). */
#ifndef HG_SPEC_CATALOG_H
#define HG_SPEC_CATALOG_H

#include "base/arena.h"
#include "base/data.h"
#include "base/err.h"
#include "spec/dtype.h"

#include <jansson.h>

typedef struct hg_catalog_entry {
    const char *id;   /* "Qwen/Qwen3-32B" */
    const char *file; /* "models/Qwen--Qwen3-32B.json" */
    bool also;        /* not the file's first id */
} hg_catalog_entry;

typedef struct hg_catalog {
    hg_catalog_entry *entries; /* sorted by id */
    size_t count;
} hg_catalog;

bool hg_catalog_open(hg_catalog *c, hg_arena *arena, const hg_data *data, hg_err *err);

/* What a word was resolved to.  dtype is said by a quantisation tail when has_dtype. */
typedef struct hg_catalog_hit {
    const hg_catalog_entry *entry;
    bool exact, has_dtype;
    hg_dtype dtype;
} hg_catalog_hit;

/* Resolves an id as CLI.md says under "Words"; arena holds scratch and the message's names. */
bool hg_catalog_find(const hg_catalog *c, hg_arena *arena, const char *word, hg_catalog_hit *hit,
                     hg_err *err);

/* The entry's fields with its bases' beneath.  The caller owns the result; NULL with err set. */
json_t *hg_catalog_config(const hg_catalog *c, hg_arena *arena, const hg_data *data,
                          const hg_catalog_entry *entry, hg_err *err);

#endif

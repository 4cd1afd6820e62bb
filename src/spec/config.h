/* A publisher's config.json as quantities, whatever the publisher calls them: names are rows of
 * config.def, what the modelling code assumes unsaid are rows of family.def.
 *
 * The first error is kept in err and later questions answer 0, so that a reader asks all it needs
 * and looks at `failed` once. */
#ifndef HG_SPEC_CONFIG_H
#define HG_SPEC_CONFIG_H

#include "base/arena.h"
#include "base/err.h"
#include "spec/family.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum hg_quantity {
#define INT(q, lo, hi, ...) HG_Q_##q,
#define FLAG(q, ...) HG_Q_##q,
#define WORD(q, ...) HG_Q_##q,
#define LIST(q, ...) HG_Q_##q,
#include "spec/config.def"
#undef INT
#undef FLAG
#undef WORD
#undef LIST
    HG_QUANTITIES
} hg_quantity;

typedef struct hg_config {
    hg_arena *arena;
    const char *where;         /* the file, in errors */
    const json_t *root, *text; /* the whole, and the part about the language model */
    const char *prefix;        /* where the part is: "text_config." or "" */
    const char *type;          /* its model_type, or "" */
    hg_family family;
    hg_err *err;
    bool failed;
} hg_config;

/* Finds the language model's part and its family; refuses what is no text decoder. */
bool hg_config_open(hg_config *c, hg_arena *arena, const char *where, const json_t *root,
                    hg_err *err);

/* The value as it stands, or NULL when absent or null. */
const json_t *hg_config_find(const hg_config *c, hg_quantity q);

/* A whole number in the quantity's range.  need: absent is an error that names every alias tried.
 */
int64_t hg_config_int(hg_config *c, hg_quantity q, int64_t absent);
int64_t hg_config_need(hg_config *c, hg_quantity q);
/* Of one layer: a list with an entry a layer is indexed, a number holds for all. */
int64_t hg_config_at(hg_config *c, hg_quantity q, int64_t layer, int64_t absent);
bool hg_config_flag(hg_config *c, hg_quantity q, bool absent);
const char *hg_config_word(hg_config *c, hg_quantity q);   /* NULL: absent or not a text */
const json_t *hg_config_list(hg_config *c, hg_quantity q); /* NULL: absent or not a list */
/* Whether a list of whole numbers holds n. */
bool hg_config_holds(const json_t *list, int64_t n);

/* Fails once, naming the field as the file calls it.  Returns false. */
bool hg_config_fail(hg_config *c, hg_quantity q, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif

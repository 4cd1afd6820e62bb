/* Field tables: one row a field of a plain struct, walked by readers of JSON, YAML and command lines
 * and by whatever prints help, so that name, unit and range stand once.
 *
 *     static const hg_field fields[] = {
 *         HG_WHOLE(hg_deployment, tp, "tp", 1, 4096, "1", "tensor-parallel width"),
 *         HG_REAL(hg_device, power_w, "power.board", HG_WATTS, 1, 1e5, NULL, "board power limit"), …
 */
#ifndef HG_SPEC_FIELD_H
#define HG_SPEC_FIELD_H

#include "base/arena.h"
#include "base/err.h"
#include "base/units.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum hg_field_type {
    HG_FIELD_TEXT,  /* const char *, in the arena */
    HG_FIELD_WHOLE, /* int64_t */
    HG_FIELD_REAL,  /* double in the unit's base; a text with a unit, or a bare number in the base */
    HG_FIELD_FLAG,  /* bool */
    HG_FIELD_WORD,  /* int: the place in `words` */
} hg_field_type;

typedef struct hg_field {
    const char *name;         /* a dot descends into a nested object; - and _ are the same */
    hg_field_type type;
    hg_unit unit;
    size_t offset;
    double lo, hi;            /* both allowed; numbers only */
    const char *const *words; /* HG_FIELD_WORD: NULL at the end */
    const char *standard;     /* the value when absent, as a user writes it; NULL: left as it is */
    bool required;
    const char *help;
} hg_field;

#define HG_TEXT(owner, member, key, must, what)                                                     \
    { .name = key, .type = HG_FIELD_TEXT, .offset = offsetof(owner, member), .required = must, .help = what }
#define HG_WHOLE(owner, member, key, low, high, otherwise, what)                                    \
    { .name = key, .type = HG_FIELD_WHOLE, .offset = offsetof(owner, member), .lo = low, .hi = high, \
      .standard = otherwise, .help = what }
#define HG_REAL(owner, member, key, of, low, high, otherwise, what)                                 \
    { .name = key, .type = HG_FIELD_REAL, .unit = of, .offset = offsetof(owner, member), .lo = low,  \
      .hi = high, .standard = otherwise, .help = what }
#define HG_MUST(owner, member, key, of, low, high, what)                                            \
    { .name = key, .type = HG_FIELD_REAL, .unit = of, .offset = offsetof(owner, member), .lo = low,  \
      .hi = high, .required = true, .help = what }
#define HG_FLAG(owner, member, key, otherwise, what)                                                \
    { .name = key, .type = HG_FIELD_FLAG, .offset = offsetof(owner, member), .standard = otherwise,  \
      .help = what }
#define HG_WORD(owner, member, key, list, otherwise, what)                                          \
    { .name = key, .type = HG_FIELD_WORD, .offset = offsetof(owner, member), .words = list,          \
      .standard = otherwise, .help = what }

typedef struct hg_fields {
    const hg_field *rows;
    size_t count;
} hg_fields;

/* NULL: no such field. */
const hg_field *hg_field_find(hg_fields fields, const char *name);
/* Fails with "unknown …; did you mean …"; returns false. */
bool hg_field_unknown(hg_fields fields, const char *name, const char *where, hg_err *err);

/* Sets one field of *out from a user's text ("--tp" "4") or a JSON value.  `where` names the place. */
bool hg_field_set(const hg_field *f, hg_arena *arena, void *out, const char *text, const char *where,
                  hg_err *err);
bool hg_field_set_json(const hg_field *f, hg_arena *arena, void *out, const json_t *value,
                       const char *where, hg_err *err);
/* Every standard value.  A table whose own values do not parse is our mistake (assert). */
void hg_fields_standard(hg_fields fields, hg_arena *arena, void *out);

/* A whole object, nested as the dots say, over the values *out has: an unknown key or a missing
 * required field is an error.  Keys in `others` (NULL at the end), with all below them, are the
 * caller's. */
bool hg_fields_read(hg_fields fields, hg_arena *arena, void *out, const json_t *object,
                    const char *const *others, const char *where, hg_err *err);

/* The value as text that hg_field_set takes. */
const char *hg_field_text(const hg_field *f, hg_arena *arena, const void *from);

#endif

#include "spec/field.h"

#include "base/num.h"
#include "base/text.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void *at(void *base, const hg_field *f)
{
    return (char *)base + f->offset;
}

/* --max-num-seqs and max_num_seqs are one name. */
static bool same_name(const char *a, const char *b)
{
    for (; *a && *b; a++, b++)
        if (*a != *b && !(strchr("-_", *a) && strchr("-_", *b)))
            return false;
    return *a == *b;
}

const hg_field *hg_field_find(hg_fields fields, const char *name)
{
    for (size_t i = 0; i < fields.count; i++)
        if (same_name(fields.rows[i].name, name))
            return fields.rows + i;
    return NULL;
}

bool hg_field_unknown(hg_fields fields, const char *name, const char *where, hg_err *err)
{
    const char *near = NULL;
    const char *names[256];
    size_t n = fields.count < 256 ? fields.count : 256;
    for (size_t i = 0; i < n; i++)
        names[i] = fields.rows[i].name;
    near = hg_nearest(name, names, n);
    if (near)
        return hg_fail(err, HG_INPUT, where, "'%.60s' is unknown; did you mean %s?", name, near);
    return hg_fail(err, HG_INPUT, where, "'%.60s' is unknown", name);
}

static bool out_of_range(const hg_field *f, double value, const char *where, hg_err *err)
{
    char lo[32], hi[32];
    if (f->type == HG_FIELD_WHOLE)
        return hg_fail(err, HG_INPUT, where, "is %.0f; it must be a whole number from %.0f to %.0f",
                       value, f->lo, f->hi);
    return hg_fail(err, HG_INPUT, where, "is %.9g; it must be from %s to %s", value,
                   hg_format(lo, sizeof lo, f->lo, f->unit),
                   hg_format(hi, sizeof hi, f->hi, f->unit));
}

static bool set_number(const hg_field *f, void *out, double value, const char *where, hg_err *err)
{
    bool whole = f->type == HG_FIELD_WHOLE;
    if (!(value >= f->lo && value <= f->hi) || (whole && value != floor(value)))
        return out_of_range(f, value, where, err);
    if (whole)
        *(int64_t *)at(out, f) = (int64_t)value;
    else
        *(double *)at(out, f) = value;
    return true;
}

static bool set_whole(const hg_field *f, void *out, const char *text, const char *where,
                      hg_err *err)
{
    int64_t value;
    if (!hg_parse_i64(text, &value))
        return hg_fail(err, HG_INPUT, where,
                       "is '%.60s'; it must be a whole number from %.0f to %.0f", text, f->lo,
                       f->hi);
    return set_number(f, out, (double)value, where, err);
}

static bool set_real(const hg_field *f, void *out, const char *text, const char *where, hg_err *err)
{
    double value;
    if (!hg_parse_quantity(text, f->unit, &value))
        return hg_fail(err, HG_INPUT, where, "is '%.60s'; write it like '%s'", text,
                       hg_unit_example(f->unit));
    return set_number(f, out, value, where, err);
}

static bool set_flag(const hg_field *f, void *out, const char *text, const char *where, hg_err *err)
{
    bool yes =
        hg_same_nocase(text, "true") || hg_same_nocase(text, "yes") || strcmp(text, "1") == 0;
    bool no = hg_same_nocase(text, "false") || hg_same_nocase(text, "no") || strcmp(text, "0") == 0;
    if (!yes && !no)
        return hg_fail(err, HG_INPUT, where, "is '%.60s'; it must be true or false", text);
    *(bool *)at(out, f) = yes;
    return true;
}

static bool set_word(const hg_field *f, void *out, const char *text, const char *where, hg_err *err)
{
    size_t n = 0;
    for (; f->words[n]; n++)
        if (hg_same_nocase(f->words[n], text)) {
            *(int *)at(out, f) = (int)n;
            return true;
        }
    const char *near = hg_nearest(text, f->words, n);
    return hg_fail(err, HG_INPUT, where,
                   near ? "is '%.60s'; did you mean %s?" : "is '%.60s'; write %s, or another", text,
                   near ? near : f->words[0]);
}

bool hg_field_set(const hg_field *f, hg_arena *arena, void *out, const char *text,
                  const char *where, hg_err *err)
{
    switch (f->type) {
    case HG_FIELD_TEXT:
        *(const char **)at(out, f) = hg_strdup(arena, text);
        return true;
    case HG_FIELD_WHOLE:
        return set_whole(f, out, text, where, err);
    case HG_FIELD_REAL:
        return set_real(f, out, text, where, err);
    case HG_FIELD_FLAG:
        return set_flag(f, out, text, where, err);
    case HG_FIELD_WORD:
        return set_word(f, out, text, where, err);
    }
    return false;
}

bool hg_field_set_json(const hg_field *f, hg_arena *arena, void *out, const json_t *value,
                       const char *where, hg_err *err)
{
    bool numeric = f->type == HG_FIELD_WHOLE || f->type == HG_FIELD_REAL;
    if (json_is_string(value) && f->type != HG_FIELD_FLAG)
        return hg_field_set(f, arena, out, json_string_value(value), where, err);
    if (json_is_number(value) && numeric)
        return set_number(f, out, json_number_value(value), where, err);
    if (json_is_boolean(value) && f->type == HG_FIELD_FLAG) {
        *(bool *)at(out, f) = json_is_true(value);
        return true;
    }
    static const char *const wanted[] = {
        [HG_FIELD_TEXT] = "a text",     [HG_FIELD_WHOLE] = "a whole number",
        [HG_FIELD_REAL] = "a quantity", [HG_FIELD_FLAG] = "true or false",
        [HG_FIELD_WORD] = "a word",
    };
    return hg_fail(err, HG_INPUT, where, "must be %s%s%s%s", wanted[f->type],
                   f->type == HG_FIELD_REAL ? " like '" : "",
                   f->type == HG_FIELD_REAL ? hg_unit_example(f->unit) : "",
                   f->type == HG_FIELD_REAL ? "'" : "");
}

void hg_fields_standard(hg_fields fields, hg_arena *arena, void *out)
{
    for (size_t i = 0; i < fields.count; i++) {
        const hg_field *f = &fields.rows[i];
        hg_err err;
        bool ok = !f->standard || hg_field_set(f, arena, out, f->standard, f->name, &err);
        assert(ok && "a standard value of a table does not parse");
        (void)ok;
    }
}

/* A read in progress: which rows were seen. */
typedef struct reading {
    hg_fields fields;
    hg_arena *arena;
    void *out;
    const char *const *others;
    const char *where;
    bool *seen;
    hg_err *err;
} reading;

static bool is_other(const reading *r, const char *name)
{
    for (const char *const *o = r->others; o && *o; o++)
        if (strcmp(*o, name) == 0)
            return true;
    return false;
}

/* Whether some field's name starts with this one and a dot. */
static bool is_group(const reading *r, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < r->fields.count; i++)
        if (strncmp(r->fields.rows[i].name, name, n) == 0 && r->fields.rows[i].name[n] == '.')
            return true;
    return false;
}

static bool read_object(reading *r, const json_t *object, const char *prefix);

static bool read_member(reading *r, const char *name, const json_t *value)
{
    char where[192];
    snprintf(where, sizeof where, "%.120s: %.60s", r->where, name);
    if (is_other(r, name) || json_is_null(value))
        return true;
    const hg_field *f = hg_field_find(r->fields, name);
    if (f) {
        r->seen[f - r->fields.rows] = true;
        return hg_field_set_json(f, r->arena, r->out, value, where, r->err);
    }
    if (is_group(r, name) && json_is_object(value))
        return read_object(r, value, name);
    if (is_group(r, name))
        return hg_fail(r->err, HG_INPUT, where, "must be an object");
    return hg_field_unknown(r->fields, name, r->where, r->err);
}

/* A key may hold no dot of its own, so depth is bounded by the table's names. */
static bool read_object(reading *r, const json_t *object, const char *prefix)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value) {
        const char *name = *prefix ? hg_textf(r->arena, "%s.%s", prefix, key) : key;
        if (!read_member(r, name, value))
            return false;
    }
    return true;
}

bool hg_fields_read(hg_fields fields, hg_arena *arena, void *out, const json_t *object,
                    const char *const *others, const char *where, hg_err *err)
{
    reading r = { fields, arena, out, others, where, HG_NEW(arena, bool, fields.count + 1), err };
    if (!json_is_object(object))
        return hg_fail(err, HG_INPUT, where, "must be a JSON object");
    if (!read_object(&r, object, ""))
        return false;
    for (size_t i = 0; i < fields.count; i++)
        if (fields.rows[i].required && !r.seen[i]) {
            char place[192];
            snprintf(place, sizeof place, "%.120s: %.60s", where, fields.rows[i].name);
            return hg_fail(err, HG_INPUT, place, "is missing (%s)", fields.rows[i].help);
        }
    return true;
}

const char *hg_field_text(const hg_field *f, hg_arena *arena, const void *from)
{
    const void *p = (const char *)from + f->offset;
    switch (f->type) {
    case HG_FIELD_TEXT:
        return *(const char *const *)p ? *(const char *const *)p : "";
    case HG_FIELD_WHOLE:
        return hg_textf(arena, "%" PRId64, *(const int64_t *)p);
    case HG_FIELD_REAL:
        return hg_textf(arena, "%.9g", *(const double *)p);
    case HG_FIELD_FLAG:
        return *(const bool *)p ? "true" : "false";
    case HG_FIELD_WORD:
        return f->words[*(const int *)p];
    }
    return "";
}

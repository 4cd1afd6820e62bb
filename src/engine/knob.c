/* Knobs found by name, versions compared, values judged. */
#include "engine/knob.h"

#include "base/json.h"
#include "base/num.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int hg_version_compare(const char *a, const char *b)
{
    while (*a || *b) {
        a += strcspn(a, "0123456789");
        b += strcspn(b, "0123456789");
        char *end_a, *end_b;
        long x = *a ? strtol(a, &end_a, 10) : (end_a = (char *)(uintptr_t)a, 0);
        long y = *b ? strtol(b, &end_b, 10) : (end_b = (char *)(uintptr_t)b, 0);
        if (x != y)
            return x < y ? -1 : 1;
        a = end_a;
        b = end_b;
    }
    return 0;
}

hg_knob_state hg_knob_state_of(const hg_engine_knobs *k, const hg_engine_knob *knob)
{
    if (knob->until && hg_version_compare(k->version, knob->until) >= 0)
        return HG_KNOB_GONE;
    return knob->since && hg_version_compare(k->version, knob->since) < 0 ? HG_KNOB_NOT_YET
                                                                          : HG_KNOB_FITS;
}

/* ---- finding ---- */

static bool same_name(const char *a, const char *b)
{
    for (; *a && *b; a++, b++)
        if ((*a == '_' ? '-' : *a) != (*b == '_' ? '-' : *b))
            return false;
    return *a == *b;
}

static bool answers(const hg_engine_knob *knob, const char *name, bool is_flag)
{
    const char *main = is_flag ? knob->flag : knob->key;
    bool found = main && same_name(main, name);
    for (int i = 0; i < HG_KNOB_NAMES && knob->also[i]; i++) {
        bool bare = !is_flag && knob->key &&
                    knob->also[i][0] == '-'; /* config files take long spellings too */
        found |= same_name(knob->also[i] + (bare ? strspn(knob->also[i], "-") : 0), name);
    }
    return found;
}

/* Of two of one name that of this version. */
static const hg_engine_knob *named(const hg_engine_knobs *k, const char *name, bool is_flag)
{
    const hg_engine_knob *found = NULL;
    for (size_t i = 0; i < k->count; i++)
        if (answers(&k->list[i], name, is_flag) &&
            (!found || hg_knob_state_of(k, found) != HG_KNOB_FITS))
            found = &k->list[i];
    return found;
}

const hg_engine_knob *hg_knob_flagged(const hg_engine_knobs *k, const char *flag)
{
    return named(k, flag, true);
}

const hg_engine_knob *hg_knob_keyed(const hg_engine_knobs *k, const char *key)
{
    return named(k, key, false);
}

const hg_engine_knob *hg_knob_of_env(const hg_engine_knobs *k, const char *name)
{
    for (size_t i = 0; i < k->count; i++)
        if (k->list[i].env && strcmp(k->list[i].env, name) == 0)
            return &k->list[i];
    return NULL;
}

const hg_engine_knob *hg_knob_of_word(const hg_engine_knobs *k, const char *word)
{
    for (size_t i = 0; i < k->count; i++)
        if (k->list[i].word && strcmp(k->list[i].word, word) == 0 &&
            hg_knob_state_of(k, &k->list[i]) == HG_KNOB_FITS)
            return &k->list[i];
    return NULL;
}

/* Tables do not know every setting: a name further off may well be one. */
enum { SLIP = 2 };

const char *hg_knob_suggest(hg_arena scratch, const hg_engine_knobs *k, const char *name,
                            bool is_flag)
{
    const char **names = HG_NEW(&scratch, const char *, k->count);
    size_t n = 0;
    for (size_t i = 0; i < k->count; i++) {
        const char *own = is_flag ? k->list[i].flag : k->list[i].key;
        if (own && hg_knob_state_of(k, &k->list[i]) == HG_KNOB_FITS)
            names[n++] = own;
    }
    return hg_nearest_within(name, names, n, SLIP);
}

const char *hg_knob_name(const hg_engine_knob *knob)
{
    return knob->flag ? knob->flag : knob->key ? knob->key : knob->env;
}

/* ---- values ---- */

static bool is_choice(const char *choice, const char *value)
{
    size_t n = strlen(choice);
    if (*choice == '*')
        return hg_ends(value, choice + 1);
    return n && choice[n - 1] == '*' ? strncmp(choice, value, n - 1) == 0
                                     : strcmp(choice, value) == 0;
}

#define SAY(...) (snprintf(why, size, __VA_ARGS__), false)

static bool takes_text(const hg_engine_knob *knob, const char *value, char *why, size_t size)
{
    if (knob->choice_count == 0)
        return true;
    for (size_t i = 0; i < knob->choice_count; i++)
        if (is_choice(knob->choices[i], value))
            return true;
    const char *near = hg_nearest(value, knob->choices, knob->choice_count);
    return SAY("takes no '%.40s'%s%.40s%s", value, near ? "; did you mean '" : "; such as '",
               near ? near : knob->choices[0], "'?");
}

/* Counts may end in k, K, m, M or g, as engines' own parsers read them. */
static bool takes_number(const hg_engine_knob *knob, const char *value, char *why, size_t size)
{
    char digits[40];
    double v;
    size_t n = strlen(value);
    snprintf(digits, sizeof digits, "%s", value);
    bool scaled = n > 1 && n < sizeof digits && strchr("kKmMgG", value[n - 1]);
    if (scaled)
        digits[n - 1] = 0;
    if (!hg_parse_f64(digits, &v))
        return knob->type == HG_KNOB_INT && strcmp(value, "auto") == 0
                   ? true
                   : SAY("is '%.40s', no number", value);
    if (knob->type == HG_KNOB_INT && !scaled && v != floor(v))
        return SAY("is %.40s; it must be whole", value);
    if (!scaled && (v < knob->lo || v > knob->hi))
        return SAY("is %.40s; the engine takes %s%.10g%s%.10g", value,
                   isfinite(knob->lo) ? "" : "at most ", isfinite(knob->lo) ? knob->lo : knob->hi,
                   isfinite(knob->lo) && isfinite(knob->hi) ? " to "
                   : isfinite(knob->lo)                     ? " and more, not "
                                                            : ", not ",
                   isfinite(knob->lo) && isfinite(knob->hi) ? knob->hi : v);
    return true;
}

bool hg_knob_takes(const hg_engine_knob *knob, const char *value, char *why, size_t size)
{
    if (value && strchr(value, '$'))
        return true; /* the shell's, not known here */
    if (knob->type == HG_KNOB_SWITCH)
        return !value || strcmp(value, "true") == 0 || strcmp(value, "false") == 0 ||
               SAY("is a switch; '%.40s' is no value of it", value);
    if (!value)
        return SAY("needs a value");
    if (knob->type == HG_KNOB_TEXT)
        return takes_text(knob, value, why, size);
    if (knob->type == HG_KNOB_INT || knob->type == HG_KNOB_REAL)
        return takes_number(knob, value, why, size);
    if (knob->type == HG_KNOB_JSON && (*value == '{' || *value == '[')) {
        hg_err err;
        json_t *o = hg_json_parse(value, strlen(value), "json", &err);
        bool ok = o != NULL;
        json_decref(o);
        return ok || SAY("is no JSON: %.150s", err.msg);
    }
    return true;
}

const char *hg_knob_standard(const hg_engine_knob *knob, const hg_device *device)
{
    for (int i = 0; i < knob->default_count; i++) {
        const hg_knob_default *d = &knob->defaults[i];
        if (!device && (d->min_memory_bytes > 0 || d->except_device))
            return NULL;
        if (!device || (device->memory_bytes >= d->min_memory_bytes &&
                        !(d->except_device && strstr(device->name, d->except_device))))
            return d->value;
    }
    return NULL;
}

const char *hg_knob_image(const hg_engine_knobs *k, const char *vendor)
{
    for (size_t i = 0; i < k->image_count; i++)
        if (strcmp(k->images[i][0], vendor) == 0)
            return k->images[i][1];
    return NULL;
}

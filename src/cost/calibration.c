#include "cost/calibration.h"

#include "base/json.h"
#include "base/pack.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* As wide as what is transferred between devices. */
static const double UNVALIDATED_ERROR = 0.35;

/* Calibration files are our own, or a user's own fit: checked for shape, so that a damaged one is
 * refused, with one message for all its ways of being damaged. */
static bool damaged(const char *where, const char *what, hg_err *err)
{
    return hg_fail(err, HG_INPUT, where, "is no calibration this version can read (%s); "
                   "fit it again with 'heng calibrate ops'", what);
}

int hg_op_index(const hg_op *op)
{
    for (int i = 0; i < hg_op_count; i++)
        if (hg_ops[i] == op)
            return i;
    return -1;
}

static double number(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

/* null: a table of one shape family, on which nothing could be kept back. */
static double error_of(const json_t *o, const char *key)
{
    return json_is_null(json_object_get(o, key)) ? UNVALIDATED_ERROR : number(o, key);
}

static const char *text(hg_arena *arena, const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? hg_strdup(arena, s) : NULL;
}

static bool read_floats(const json_t *list, float *out, size_t most, size_t *count)
{
    *count = json_array_size(list);
    if (!json_is_array(list) || *count > most)
        return false;
    for (size_t i = 0; i < *count; i++) {
        double v = json_number_value(json_array_get(list, i));
        if (!isfinite(v))
            return false;
        out[i] = (float)v;
    }
    return true;
}

static bool read_axis(const json_t *o, hg_axis *a)
{
    size_t knots;
    double feature = number(o, "feature");
    if (!(feature >= 0 && feature < HG_FEATURES) ||
        !read_floats(json_object_get(o, "knots"), a->at, HG_KNOTS, &knots) || knots == 0)
        return false;
    for (size_t i = 1; i < knots; i++)
        if (!(a->at[i] > a->at[i - 1]))
            return false;
    a->feature = (int)feature;
    a->knots = (int)knots;
    hg_axis_ready(a);
    return true;
}

static bool read_term(const json_t *o, hg_term *t, int first)
{
    const json_t *axes = json_object_get(o, "axes");
    size_t n = json_array_size(axes);
    if (n < 1 || n > HG_TERM_AXES)
        return false;
    *t = (hg_term){ .axes = (int)n, .size = 1, .first = first };
    for (size_t i = 0; i < n; i++) {
        if (!read_axis(json_array_get(axes, i), &t->axis[i]))
            return false;
        t->size *= t->axis[i].knots;
    }
    return true;
}

/* The terms that speak of a series; what a call touches must stay within HG_BASIS. */
static bool read_own_terms(const json_t *list, const hg_surface *s, hg_series *r)
{
    int touched = 0;
    size_t n = json_array_size(list);
    if (!json_is_array(list) || n > HG_OP_TERMS)
        return false;
    for (size_t i = 0; i < n; i++) {
        json_int_t at = json_integer_value(json_array_get(list, i));
        if (at < 0 || at >= s->term_count)
            return false;
        r->term[r->term_count++] = (int16_t)at;
        touched += 1 << s->terms[at].axes;
    }
    return touched <= HG_BASIS;
}

static bool read_spans(const json_t *list, const hg_op *op, hg_series *r)
{
    if (json_array_size(list) != (size_t)op->span_count)
        return false;
    for (int i = 0; i < op->span_count; i++) {
        r->span[i] = json_number_value(json_array_get(list, (size_t)i));
        if (!(r->span[i] >= 0 && isfinite(r->span[i])))
            return false;
    }
    return true;
}

static bool read_series(hg_arena *arena, const hg_surface *s, const json_t *o, hg_series *r)
{
    const hg_op *op = s->op;
    size_t lo, hi;
    r->key = text(arena, o, "key");
    r->launch_s = number(o, "launch_us") * 1e-6;
    r->rows = (int64_t)number(o, "rows");
    r->error_mean = error_of(o, "error_mean");
    r->error_p80 = error_of(o, "error_p80");
    if (!r->key || !(r->launch_s >= 0) || !(r->error_mean >= 0) || !(r->error_p80 >= 0) ||
        !read_floats(json_object_get(o, "lo"), r->lo, HG_FEATURES, &lo) ||
        !read_floats(json_object_get(o, "hi"), r->hi, HG_FEATURES, &hi) || lo != hi ||
        !read_spans(json_object_get(o, "span"), op, r) ||
        !read_own_terms(json_object_get(o, "terms"), s, r))
        return false;
    char *labels = hg_strdup(arena, r->key);
    for (int i = 0; i < hg_op_series_labels(op); i++) {
        char *end = strchr(labels, '|');
        if (end)
            *end = 0;
        if (!op->label(i, labels, &r->labels))
            return false;
        labels = end ? end + 1 : labels + strlen(labels);
    }
    return true;
}

enum { TERMS_MOST = 1024 };

static bool read_terms(hg_arena *arena, const json_t *list, hg_surface *s)
{
    size_t n = json_array_size(list);
    if (!json_is_array(list) || n > TERMS_MOST)
        return false;
    s->terms = HG_NEW(arena, hg_term, n);
    for (size_t i = 0; i < n; i++) {
        hg_term *t = &s->terms[s->term_count++];
        if (!read_term(json_array_get(list, i), t, s->coefficient_count))
            return false;
        s->coefficient_count += t->size;
    }
    return true;
}

static const hg_surface *read_surface(hg_arena *arena, const hg_op *op, const json_t *o)
{
    hg_surface *s = HG_NEW(arena, hg_surface, 1);
    const json_t *series = json_object_get(o, "series");
    size_t n = json_array_size(series);
    const char *packed = json_string_value(json_object_get(o, "coefficients"));
    if (n < 1 || n > 4096 || !packed)
        return NULL;
    s->op = op;
    s->series_count = (int)n;
    s->series = HG_NEW(arena, hg_series, n);
    s->rows = (int64_t)number(o, "rows");
    s->error_mean = error_of(o, "error_mean");
    s->error_median = error_of(o, "error_median");
    s->lowest = number(o, "lowest");
    s->highest = number(o, "highest");
    if (!(s->lowest <= s->highest) || !read_terms(arena, json_object_get(o, "terms"), s))
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (!read_series(arena, s, json_array_get(series, i), &s->series[i]))
            return NULL;
    hg_surface_count_features(s);
    s->coefficients = HG_NEW(arena, float, s->coefficient_count);
    return hg_unpack16(packed, s->coefficients, (size_t)s->coefficient_count, HG_COEFFICIENT_STEP)
               ? s
               : NULL;
}

static bool read_all(hg_arena *arena, const char *where, json_t *root, hg_calibration *out,
                     hg_err *err)
{
    out->device = text(arena, root, "device");
    out->engine = text(arena, root, "engine");
    out->version = text(arena, root, "version");
    out->fitted = text(arena, root, "fitted");
    if (!out->device || !out->engine || !out->version || !out->fitted)
        return damaged(where, "device, engine, version or date is missing", err);
    const char *name;
    json_t *o;
    json_object_foreach(json_object_get(root, "ops"), name, o) {
        const hg_op *op = hg_op_find(name);
        if (!op)
            continue; /* fitted by a later version: what it adds is not needed here */
        const hg_surface *s = read_surface(arena, op, o);
        if (!s)
            return damaged(where, name, err);
        out->surfaces[hg_op_index(op)] = s;
    }
    return true;
}

bool hg_calibration_read(hg_arena *arena, const char *where, const char *json, size_t size,
                         hg_calibration *out, hg_err *err)
{
    *out = (hg_calibration){ 0 };
    json_t *root = hg_json_parse(json, size, where, err);
    if (!root)
        return false;
    bool ok = read_all(arena, where, root, out, err);
    json_decref(root);
    return ok;
}

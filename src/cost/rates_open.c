#include "cost/rates.h"

#include "base/file.h"
#include "base/text.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

/* From the shelf of calibrations to the ladder of one device, engine and version. */

/* "0.24.0", "1.3.0rc20": numbers compare as numbers, and a release candidate comes before. */
static int version_order(const char *a, const char *b)
{
    while (*a || *b) {
        if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
            char *end_a, *end_b;
            long x = strtol(a, &end_a, 10), y = strtol(b, &end_b, 10);
            if (x != y)
                return x < y ? -1 : 1;
            a = end_a;
            b = end_b;
        } else if (*a != *b) {
            /* "1.0" > "1.0rc1": an end beats a letter, but not a further ".1". */
            if (!*a || !*b)
                return (isalpha((unsigned char)(*a ? *a : *b)) != 0) == !*a ? 1 : -1;
            return *a < *b ? -1 : 1;
        } else {
            a++;
            b++;
        }
    }
    return 0;
}

typedef struct shelf { /* data/calibration as a list */
    hg_arena *arena;
    const hg_data *data;
    hg_rates *rates;
} shelf;

static bool is_or_any(const char *want, const char *have)
{
    return !want || strcmp(want, have) == 0;
}

/* The files that are left out may be of one op; then the others stay. */
static bool take_out(const hg_left_out *o, const hg_device *d, hg_calibration *c)
{
    bool named = o->device || o->architecture || o->engine || o->version || o->op;
    if (!named || !is_or_any(o->device, d->name) || !is_or_any(o->architecture, d->architecture) ||
        !is_or_any(o->engine, c->engine) || !is_or_any(o->version, c->version))
        return false;
    for (int i = 0; o->op && i < hg_op_count; i++)
        if (strcmp(hg_ops[i]->name, o->op) == 0)
            c->surfaces[i] = NULL;
    return !o->op;
}

/* A communication library's table is the device's own, whatever the engine. */
static hg_rung kind_of(const hg_rates *r, const hg_device *d, const hg_calibration *c)
{
    if (strcmp(d->name, r->device.name) != 0)
        return strcmp(d->architecture, r->device.architecture) == 0 ? HG_RUNG_SIBLING : HG_RUNG_CLASS;
    if (hg_ends(c->engine, "ccl"))
        return HG_RUNG_OWN;
    if (strcmp(c->engine, r->engine) != 0)
        return HG_RUNG_ENGINE;
    const char *wanted = r->asked ? r->asked : r->version;
    return *wanted && strcmp(c->version, wanted) != 0 ? HG_RUNG_VERSION : HG_RUNG_OWN;
}

static bool has_operator(const hg_rates *r, int op)
{
    for (int i = 0; i < r->count; i++)
        if (r->rung[i].surfaces[op])
            return true;
    return false;
}

static bool has_format(const hg_rates *r, hg_dtype dtype)
{
    for (int i = 0; i < r->count; i++)
        for (int op = 0; op < hg_op_count; op++) {
            const hg_surface *s = r->rung[i].surfaces[op];
            for (int k = 0; s && k < s->series_count; k++)
                if (s->series[k].labels.dtype == dtype)
                    return true;
        }
    return false;
}

/* Does another device's file know an operator, or a precision, that none read so far does?  Told from its
 * text: most do not, and need not be read. */
static bool brings_news(const hg_rates *r, const char *json)
{
    char word[64];
    for (int op = 0; op < hg_op_count; op++) {
        snprintf(word, sizeof word, "\"%s\":{", hg_ops[op]->name);
        if (!has_operator(r, op) && strstr(json, word))
            return true;
    }
    for (int t = 0; t < HG_DTYPES; t++) {
        snprintf(word, sizeof word, "|%s", hg_dtype_table[t].name);
        if (!has_format(r, (hg_dtype)t) && strstr(json, word))
            return true;
    }
    return false;
}

static bool load(shelf *s, const hg_device *device, const char *file, hg_err *err)
{
    hg_rates *r = s->rates;
    if (r->count == HG_LADDER)
        return true;
    const char *path = hg_textf(s->arena, "calibration/%s/%s", device->name, file);
    size_t size;
    const char *json = hg_data_text(s->data, s->arena, path, &size, err);
    hg_calibration *c = &r->rung[r->count];
    bool complete = r->own > 0 && strcmp(device->name, r->device.name) != 0;
    if (json && complete && !brings_news(r, json))
        return true;
    if (!json || !hg_calibration_read(s->arena, path, json, size, c, err))
        return false;
    if (take_out(&r->left_out, device, c))
        return true;
    hg_rung kind = kind_of(r, device, c);
    r->kind[r->count] = kind;
    r->transferred[r->count] = kind < HG_RUNG_ENGINE ? NULL
                                                     : hg_textf(s->arena, "transferred:%s/%s-%s", device->name,
                                                                c->engine, c->version);
    r->count++;
    return true;
}

static bool is_engine(const char *file, const char *engine)
{
    size_t n = strlen(engine);
    return strncmp(file, engine, n) == 0 && file[n] == '-';
}

static const char *version_of(shelf *s, const char *file)
{
    const char *dash = strchr(file, '-');
    return hg_strndup(s->arena, dash + 1, strlen(dash + 1) - strlen(".json"));
}

/* Versions of the engine itself and of each other: a new one may have but one operator's table. */
enum { OWN_FILES = 8, OTHER_FILES = 3 };

/* Whether version a goes before b: the asked version first, then from the nearest older to the oldest,
 * then newer ones, the nearest first.  A measured table of another version still beats another engine. */
static bool goes_before(const char *a, const char *b, const char *version)
{
    bool a_newer = version && version_order(a, version) > 0;
    bool b_newer = version && version_order(b, version) > 0;
    int order = version_order(a, b);
    return a_newer != b_newer ? b_newer : a_newer ? order < 0 : order > 0;
}

/* The engine's files of a device in that order, so many of them. */
static size_t engine_files(shelf *s, const char *device, const char *engine, const char *version,
                           const char **out, size_t most)
{
    size_t n, kept = 0;
    char **names = hg_data_list(s->data, s->arena, hg_textf(s->arena, "calibration/%s", device), &n);
    const char **sorted = HG_NEW(s->arena, const char *, n);
    for (size_t i = 0; i < n; i++) {
        if (!is_engine(names[i], engine))
            continue;
        size_t at = kept++;
        for (; at > 0 && goes_before(version_of(s, names[i]), version_of(s, sorted[at - 1]), version); at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = names[i];
    }
    kept = kept < most ? kept : most;
    for (size_t i = 0; i < kept; i++)
        out[i] = sorted[i];
    return kept;
}

/* Without a version asked for, the newest that is there. */
static bool load_own(shelf *s, const char *engine, const char *version, const char **note, hg_err *err)
{
    const char *files[OWN_FILES];
    hg_rates *r = s->rates;
    size_t n = engine_files(s, r->device.name, engine, version, files, OWN_FILES);
    for (size_t i = 0; i < n; i++) {
        if (!load(s, &r->device, files[i], err))
            return false;
        if (r->count)
            r->version = r->rung[0].version;
    }
    r->own = r->count;
    if (r->own && version && strcmp(version, r->rung[0].version) != 0)
        *note = hg_textf(s->arena, "%s %s on %s: not measured; taken as %s", engine, version, r->device.name,
                         r->rung[0].version);
    return true;
}

static bool load_other_engines(shelf *s, const hg_device *device, const char *engine, hg_err *err)
{
    const char *const engines[] = { engine, "vllm", "sglang", "trtllm", "nccl", "oneccl" };
    bool own_device = strcmp(device->name, s->rates->device.name) == 0;
    for (size_t e = 0; e < sizeof engines / sizeof *engines; e++) {
        const char *files[OTHER_FILES];
        bool again = e > 0 && strcmp(engines[e], engine) == 0;
        if (again || (e == 0 && own_device))
            continue;
        size_t n = engine_files(s, device->name, engines[e], NULL, files, OTHER_FILES);
        for (size_t i = 0; i < n; i++)
            if (!load(s, device, files[i], err))
                return false;
    }
    return true;
}

/* What one of them does not say, or cannot do, is as far as a factor of e. */
static double ratio_distance(double a, double b)
{
    return a > 0 && b > 0 ? fabs(log(a / b)) : 1;
}

/* The matrix unit's precisions together are one fact; each that the other lacks, and so cannot have been
 * measured in, is one more. */
static double tensor_distance(const hg_device *mine, const hg_device *other)
{
    double sum = 0, lacking = 0;
    int both = 0;
    for (int t = 0; t < HG_DTYPES; t++) {
        double a = mine->tensor_flops_per_s[t], b = other->tensor_flops_per_s[t];
        bool shared = a > 0 && b > 0;
        both += shared;
        sum += shared ? ratio_distance(a, b) : 0;
        lacking += a > 0 && !shared ? ratio_distance(a, b) : 0;
    }
    return (both ? sum / both : 0) + lacking;
}

/* A device with twice the rates behaves alike at twice the work, so ratios count, each fact as much as
 * the others.  Kernels are written for an architecture, so its like comes before all others; a vendor's
 * libraries are one fact more (Gaudi shares none with Arc). */
static const double OTHER_ARCHITECTURE = 20, OTHER_VENDOR = 1;

static double device_distance(const hg_device *mine, const hg_device *other)
{
    double d = ratio_distance(mine->memory_bytes_per_s, other->memory_bytes_per_s) +
               tensor_distance(mine, other) + ratio_distance((double)mine->units, (double)other->units) +
               ratio_distance(mine->l2_bytes, other->l2_bytes);
    d += strcmp(mine->architecture, other->architecture) != 0 ? OTHER_ARCHITECTURE : 0;
    return d + (strcmp(mine->vendor, other->vendor) != 0 ? OTHER_VENDOR : 0);
}

static bool whole_device_left_out(const hg_left_out *o, const hg_device *d)
{
    bool files = (o->device || o->architecture) && !o->engine && !o->version && !o->op;
    return files && is_or_any(o->device, d->name) && is_or_any(o->architecture, d->architecture);
}

/* The measured device most like this one: same architecture, else same vendor, else any; among
 * those the nearest in its rates. */
static bool nearest_device(shelf *s, hg_device *out)
{
    size_t n;
    char **names = hg_data_list(s->data, s->arena, "calibration", &n);
    const hg_rates *r = s->rates;
    double least = INFINITY;
    for (size_t i = 0; i < n; i++) {
        hg_device other;
        hg_err ignored;
        if (strcmp(names[i], r->device.name) == 0 ||
            !hg_device_find(s->arena, s->data, names[i], &other, &ignored) ||
            whole_device_left_out(&r->left_out, &other))
            continue;
        double distance = device_distance(&r->device, &other);
        if (distance < least) {
            least = distance;
            *out = other;
        }
    }
    return isfinite(least);
}

/* What a data sheet may leave out but spans and features are counted in: as many units and as fast
 * vectors as the measured device would have at this rate. */
static void complete_from(hg_device *d, const hg_device *other)
{
    double ratio = hg_tensor_rate(d, HG_BF16) / hg_tensor_rate(other, HG_BF16);
    if (d->units == 0)
        d->units = (int64_t)fmax(1, round(ratio * (double)other->units));
    if (d->vector_flops_per_s <= 0)
        d->vector_flops_per_s = ratio * other->vector_flops_per_s;
}

bool hg_rates_open_without(hg_arena *arena, const hg_data *data, const hg_device *device,
                           const char *engine, const char *version, const hg_left_out *left_out,
                           hg_rates *out, const char **note, hg_err *err)
{
    *out = (hg_rates){ .device = *device, .engine = engine, .version = version ? version : "",
                       .asked = version, .left_out = *left_out };
    *note = NULL;
    shelf s = { arena, data, out };
    hg_transfer *transfer = HG_NEW(arena, hg_transfer, 1);
    out->transfer = transfer;
    if (!hg_transfer_open(arena, data, device, transfer, err) ||
        !load_own(&s, engine, version, note, err) || !load_other_engines(&s, device, engine, err))
        return false;
    hg_device other;
    if (!nearest_device(&s, &other))
        return true;
    complete_from(&out->device, &other);
    if (transfer->published) {
        *note = out->own ? *note : hg_textf(arena, "%s with %s: not measured; rates as published of %s devices", device->name, engine, device->vendor);
        return true;
    }
    if (out->own == 0)
        *note = hg_textf(arena, "%s with %s: not measured; rates transferred from %s", device->name,
                         engine, out->count ? "other engines and devices" : other.name);
    return load_other_engines(&s, &other, engine, err);
}

bool hg_rates_open(hg_arena *arena, const hg_data *data, const hg_device *device,
                   const char *engine, const char *version, hg_rates *out, const char **note,
                   hg_err *err)
{
    return hg_rates_open_without(arena, data, device, engine, version, &(hg_left_out){ 0 }, out, note, err);
}

bool hg_rates_overlay(hg_arena *arena, hg_rates *r, const char *path, hg_err *err)
{
    if (r->count == HG_LADDER)
        r->count--;
    size_t size;
    const char *json = hg_file_read(arena, path, 64000000, &size, err);
    hg_calibration user;
    if (!json || !hg_calibration_read(arena, path, json, size, &user, err))
        return false;
    if (strcmp(user.device, r->device.name) != 0)
        return hg_fail(err, HG_INPUT, path, "was fitted on %.60s, not on %.60s", user.device, r->device.name);
    memmove(r->rung + 1, r->rung, (size_t)r->count * sizeof *r->rung);
    memmove(r->transferred + 1, r->transferred, (size_t)r->count * sizeof *r->transferred);
    memmove(r->kind + 1, r->kind, (size_t)r->count * sizeof *r->kind);
    r->rung[0] = user;
    r->transferred[0] = NULL;
    r->kind[0] = HG_RUNG_OWN;
    r->count++;
    r->own++;
    return true;
}

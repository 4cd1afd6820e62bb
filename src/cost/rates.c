#include "cost/rates.h"

#include "base/file.h"
#include "base/text.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const hg_origin_names[HG_ORIGINS] = { "measured", "fitted", "extrapolated",
                                                  "transferred", "roofline" };

/* Outside the hull, and away from the table fitted, errors grow.  Until `validate transfer` measures
 * them by leaving tables out, the widths are the ones seen when whole tables were exchanged. */
static const double EXTRAPOLATED_WIDER = 2, TRANSFERRED_ERROR = 0.35, ROOFLINE_ERROR = 0.6;

hg_time hg_rate_time(const hg_rate *r, const hg_shape *s)
{
    if (!r->surface) {
        hg_work w = { 0 };
        r->op->count(s, &w);
        hg_roof roof = hg_roofline(&w, r->device);
        double t = roof.seconds / r->efficiency;
        return (hg_time){ t, roof.seconds, t * (1 + ROOFLINE_ERROR), roof.bound, HG_ROOFLINE };
    }
    hg_call e = hg_surface_time(r->surface, r->series, s, r->device);
    hg_origin origin = r->transferred           ? HG_TRANSFERRED
                       : e.inside && r->exact ? HG_FITTED
                                              : HG_EXTRAPOLATED;
    double half = r->error * (origin == HG_EXTRAPOLATED ? EXTRAPOLATED_WIDER : 1);
    return (hg_time){ e.seconds, e.seconds / (1 + half), e.seconds * (1 + half), e.roof.bound, origin };
}

double hg_rate_seconds(const hg_rate *r, const hg_shape *s)
{
    return r->surface ? hg_surface_time(r->surface, r->series, s, r->device).seconds
                      : hg_rate_time(r, s).seconds;
}

const char *hg_rate_origin_text(const hg_rate *r, hg_origin origin)
{
    return origin == HG_TRANSFERRED ? r->transferred : hg_origin_names[origin];
}

/* How far two label sets are apart; 0: the same. */
static double label_distance(const hg_shape *want, const hg_shape *have)
{
    double d = 0;
    if (want->dtype != have->dtype)
        d += hg_dtype_table[want->dtype].math == hg_dtype_table[have->dtype].math ? 10 : 30;
    if (want->kv_dtype != have->kv_dtype)
        d += 8;
    return d + fabs((double)want->kind - (double)have->kind);
}

/* Some tables timed the host: vLLM's block-scaled fp8 products take 56 to 350 µs whatever their size,
 * 12 to 95 times the shortest call of other engines on the same device, where any other dtype differs by
 * 5.5 times at most.  Within a captured graph that time is not spent, so such a series stands back. */
static const double HOST_BOUND = 8, HOST_BOUND_DISTANCE = 100;

/* The shortest call of these very labels over all engines measured on the device. */
static double least_launch(const hg_rates *r, int op, const hg_shape *labels)
{
    double least = INFINITY;
    for (int i = 0; i < r->count; i++) {
        const hg_surface *s = r->rung[i].surfaces[op];
        for (int k = 0; s && k < s->series_count; k++)
            if (label_distance(labels, &s->series[k].labels) < 0.5)
                least = fmin(least, s->series[k].launch_s);
    }
    return least;
}

/* Among equals the series with most rows: the kernel the engine picks most often. */
static int nearest_series(const hg_surface *s, const hg_shape *labels, double launch_s, double *distance)
{
    int best = 0;
    *distance = INFINITY;
    for (int i = 0; i < s->series_count; i++) {
        double d = label_distance(labels, &s->series[i].labels) - 1e-9 * (double)s->series[i].rows;
        d += s->series[i].launch_s > HOST_BOUND * launch_s ? HOST_BOUND_DISTANCE : 0;
        if (d < *distance) {
            *distance = d;
            best = i;
        }
    }
    return best;
}

static hg_rate on_rung(const hg_rates *r, int rung, const hg_surface *s, int series, bool exact)
{
    double error = fmax(s->series[series].error_p80, 0.01);
    return (hg_rate){ .op = s->op, .surface = s, .series = series, .exact = exact,
                      .device = &r->device, .transferred = r->transferred[rung],
                      .error = r->transferred[rung] ? fmax(error, TRANSFERRED_ERROR) : error };
}

hg_rate hg_rates_by_key(const hg_rates *r, const hg_op *op, const char *key, const hg_shape *labels)
{
    int at = hg_op_index(op);
    for (int i = 0; i < r->own; i++) {
        const hg_surface *s = r->rung[i].surfaces[at];
        for (int k = 0; s && k < s->series_count; k++)
            if (strcmp(s->series[k].key, key) == 0)
                return on_rung(r, i, s, k, true);
    }
    return hg_rates_pick(r, op, labels);
}

/* A table without the dtype gives way to the next rung, unless no rung has it. */
hg_rate hg_rates_pick(const hg_rates *r, const hg_op *op, const hg_shape *labels)
{
    int at = hg_op_index(op), rung = -1, series = 0, place = 0;
    double least = INFINITY, launch_s = op->ungraphed ? INFINITY : least_launch(r, at, labels);
    for (int i = 0; i < r->count; i++) {
        const hg_surface *s = r->rung[i].surfaces[at];
        if (!s)
            continue;
        double distance;
        int k = nearest_series(s, labels, launch_s, &distance);
        /* A rung further down must be nearer in kind by more than it is further in place, among those
         * with the operator. */
        distance += 5 * place++;
        if (distance < least) {
            least = distance;
            rung = i;
            series = k;
        }
    }
    if (rung >= 0) {
        const hg_surface *s = r->rung[rung].surfaces[at];
        return on_rung(r, rung, s, series, label_distance(labels, &s->series[series].labels) < 0.5);
    }
    return (hg_rate){ .op = op, .device = &r->device, .efficiency = 1, .error = ROOFLINE_ERROR };
}

hg_rate hg_rates_beside(const hg_rates *r, const hg_rate *of, const hg_op *op, const hg_shape *labels)
{
    double ignored;
    for (int i = 0; i < r->count; i++) {
        const hg_surface *s = r->rung[i].surfaces[hg_op_index(op)];
        if (s && of->surface && r->rung[i].surfaces[hg_op_index(of->op)] == of->surface)
            return on_rung(r, i, s, nearest_series(s, labels, INFINITY, &ignored), true);
    }
    return (hg_rate){ .op = op };
}

/* Harnesses differ by 4.4 % in the median on the same kernel; so much more is another thing timed. */
static const double CLEARLY_FASTER = 1.15;

/* Geometric mean over batch sizes. */
static double typical_seconds(const hg_rate *rate, const hg_shape *shape, int dim, double scale)
{
    static const double sizes[] = { 1, 8, 64, 256, 2048 };
    enum { SIZES = sizeof sizes / sizeof *sizes };
    double sum = 0;
    for (int i = 0; i < SIZES; i++) {
        hg_shape s = *shape;
        s.d[dim] = sizes[i] * scale;
        sum += log(hg_rate_seconds(rate, &s));
    }
    return exp(sum / SIZES);
}

hg_rate hg_rates_pick_tuned(const hg_rates *r, const hg_op *op, const hg_shape *shape, int dim,
                            double scale, bool padded)
{
    hg_rate own = hg_rates_pick(r, op, shape);
    if (!own.surface)
        return own;
    hg_rate best = own;
    double least = typical_seconds(&own, shape, dim, scale) / (padded ? 1 : CLEARLY_FASTER);
    for (int i = 0; i < r->count; i++) {
        const hg_surface *s = r->rung[i].surfaces[hg_op_index(op)];
        if (!s || strcmp(r->rung[i].device, r->device.name) != 0)
            continue;
        for (int k = 0; k < s->series_count; k++) {
            hg_rate other = on_rung(r, i, s, k, true);
            if (label_distance(shape, &s->series[k].labels) >= 0.5)
                continue;
            double seconds = typical_seconds(&other, shape, dim, scale);
            if (seconds < least) {
                least = seconds;
                best = other;
            }
        }
    }
    return best;
}

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

static bool load(shelf *s, const char *device, const char *file, const char *transferred, hg_err *err)
{
    hg_rates *r = s->rates;
    if (r->count == HG_LADDER)
        return true;
    const char *path = hg_textf(s->arena, "calibration/%s/%s", device, file);
    size_t size;
    const char *json = hg_data_text(s->data, s->arena, path, &size, err);
    if (!json || !hg_calibration_read(s->arena, path, json, size, &r->rung[r->count], err))
        return false;
    r->transferred[r->count++] = transferred;
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

/* Whether version a answers before b: the asked one first, then from the nearest older to the oldest,
 * then newer ones. */
static bool answers_before(const char *a, const char *b, const char *version)
{
    bool a_newer = version && version_order(a, version) > 0;
    bool b_newer = version && version_order(b, version) > 0;
    int order = version_order(a, b);
    return a_newer != b_newer ? b_newer : a_newer ? order < 0 : order > 0;
}

/* The first `most` of an engine's files of a device in that order: a measured table of another version
 * still beats another engine. */
static size_t engine_files(shelf *s, const char *device, const char *engine, const char *version,
                           const char **out, size_t most)
{
    size_t n, kept = 0;
    char **names = hg_data_list(s->data, s->arena, hg_textf(s->arena, "calibration/%s", device), &n);
    for (size_t i = 0; i < n; i++) {
        if (!is_engine(names[i], engine))
            continue;
        size_t at = kept;
        while (at > 0 && answers_before(version_of(s, names[i]), version_of(s, out[at - 1]), version))
            at--;
        if (at == most)
            continue;
        kept += kept < most;
        for (size_t k = kept - 1; k > at; k--)
            out[k] = out[k - 1];
        out[at] = names[i];
    }
    return kept;
}

static bool load_own(shelf *s, const char *device, const char *engine, const char *version,
                     const char **note, hg_err *err)
{
    const char *files[HG_LADDER];
    size_t n = engine_files(s, device, engine, version, files, HG_LADDER - 4);
    for (size_t i = 0; i < n; i++)
        if (!load(s, device, files[i], NULL, err))
            return false;
    s->rates->own = s->rates->count;
    if (n)
        s->rates->version = s->rates->rung[0].version;
    if (n && version && strcmp(version, s->rates->version) != 0)
        *note = hg_textf(s->arena, "%s %s on %s: not measured; taken as %s", engine, version, device,
                         s->rates->version);
    return true;
}

static bool load_other_engines(shelf *s, const char *device, const char *engine, bool own_device,
                               hg_err *err)
{
    static const char *const engines[] = { "vllm", "sglang", "trtllm", "nccl", "oneccl" };
    for (size_t e = 0; e < sizeof engines / sizeof *engines; e++) {
        const char *files[3]; /* an operator may be measured in one version only */
        bool same = strcmp(engines[e], engine) == 0;
        if (same && own_device)
            continue;
        size_t n = engine_files(s, device, engines[e], NULL, files, 3);
        /* A communication library's table is the device's own, whatever the engine. */
        bool library = own_device && hg_ends(engines[e], "ccl");
        for (size_t i = 0; i < n; i++)
            if (!load(s, device, files[i],
                      library ? NULL
                              : hg_textf(s->arena, "transferred:%s/%.*s", device,
                                         (int)(strlen(files[i]) - strlen(".json")), files[i]),
                      err))
                return false;
    }
    return true;
}

/* The measured device most like this one: same architecture, else same vendor, else any; among
 * those the nearest in memory bandwidth. */
static const char *nearest_device(shelf *s, const hg_device *d)
{
    size_t n;
    char **names = hg_data_list(s->data, s->arena, "calibration", &n);
    const char *best = NULL;
    double least = INFINITY;
    for (size_t i = 0; i < n; i++) {
        hg_device other;
        hg_err ignored;
        if (strcmp(names[i], d->name) == 0 ||
            !hg_device_find(s->arena, s->data, names[i], &other, &ignored))
            continue;
        double distance = fabs(log(other.memory_bytes_per_s / d->memory_bytes_per_s));
        distance += strcmp(other.architecture, d->architecture) != 0 ? 10 : 0;
        distance += strcmp(other.vendor, d->vendor) != 0 ? 10 : 0;
        if (distance < least) {
            least = distance;
            best = names[i];
        }
    }
    return best;
}

bool hg_rates_open(hg_arena *arena, const hg_data *data, const hg_device *device,
                   const char *engine, const char *version, hg_rates *out, const char **note,
                   hg_err *err)
{
    *out = (hg_rates){ .device = *device, .engine = engine, .version = version ? version : "" };
    *note = NULL;
    shelf s = { arena, data, out };
    if (!load_own(&s, device->name, engine, version, note, err) ||
        !load_other_engines(&s, device->name, engine, true, err))
        return false;
    if (out->own > 0)
        return true;
    const char *other = nearest_device(&s, device);
    if (!other)
        return true;
    *note = hg_textf(arena, "%s with %s: not measured; rates transferred from %s", device->name,
                     engine, out->count ? "other engines and devices" : other);
    return load_other_engines(&s, other, engine, false, err);
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
    r->rung[0] = user;
    r->transferred[0] = NULL;
    r->count++;
    r->own++;
    return true;
}

#include "spec/workload.h"

#include "base/json.h"
#include "base/num.h"
#include "base/rng.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { PRESET_REQUESTS = 10000, CAUSE_ISL = 2, CAUSE_OSL = 3 };

static const char presets_file[] = "presets.json";
static const double Z90 = 1.2815515655446004; /* the normal distribution's 90th percentile */

/* Lognormal cut off at min and max, or uniform when sigma is 0. */
typedef struct lengths {
    double mu, sigma, min, max;
} lengths;

static int32_t draw(const lengths *l, hg_rng *r)
{
    if (l->sigma == 0)
        return (int32_t)hg_rng_between(r, (int64_t)l->min, (int64_t)l->max);
    return (int32_t)hg_clamp(round(exp(l->mu + l->sigma * hg_rng_normal(r))), l->min, l->max);
}

static void fill(hg_arena *arena, const lengths *isl, const lengths *osl, size_t count,
                 uint64_t seed, hg_workload *out)
{
    hg_rng of_isl = hg_rng_seed(seed, CAUSE_ISL), of_osl = hg_rng_seed(seed, CAUSE_OSL);
    out->requests = HG_NEW(arena, hg_request, count);
    out->count = count;
    for (size_t i = 0; i < count; i++) {
        out->requests[i].isl = draw(isl, &of_isl);
        out->requests[i].osl = draw(osl, &of_osl);
    }
}

static bool number(const json_t *j, const char *key, double *out)
{
    const json_t *v = json_object_get(j, key);
    *out = json_number_value(v);
    return v && json_is_number(v) && *out > 0 && *out <= HG_LENGTH_MAX;
}

static bool read_lengths(const json_t *j, lengths *out)
{
    double p50, p90, mean;
    *out = (lengths){ 0 };
    if (number(j, "low", &out->min))
        return number(j, "high", &out->max) && out->min >= 1 && out->min <= out->max;
    if (number(j, "p50", &p50) && number(j, "p90", &p90) && p90 > p50) {
        out->mu = log(p50);
        out->sigma = log(p90 / p50) / Z90;
    } else if (number(j, "mean", &mean) && number(j, "sigma", &out->sigma)) {
        out->mu = log(mean) - out->sigma * out->sigma / 2;
    } else {
        return false;
    }
    return number(j, "min", &out->min) && number(j, "max", &out->max) && out->min >= 1 &&
           out->min <= out->max;
}

static json_t *read_presets(hg_arena *arena, const hg_data *data, hg_err *err)
{
    size_t size;
    const char *text = hg_data_text(data, arena, presets_file, &size, err);
    json_t *all = text ? hg_json_parse(text, size, presets_file, err) : NULL;
    if (all && !json_is_object(all)) {
        json_decref(all);
        return hg_fail(err, HG_INPUT, presets_file, "must be an object of presets by name"), NULL;
    }
    return all;
}

static const char **names_of(hg_arena *arena, json_t *all, size_t *count)
{
    const char **names = HG_NEW(arena, const char *, json_object_size(all) + 1), *name;
    json_t *value;
    *count = 0;
    json_object_foreach(all, name, value)
        names[(*count)++] = hg_strdup(arena, name);
    return names;
}

const char **hg_workload_presets(hg_arena *arena, const hg_data *data, size_t *count, hg_err *err)
{
    json_t *all = read_presets(arena, data, err);
    if (!all)
        return NULL;
    const char **names = names_of(arena, all, count);
    json_decref(all);
    return names;
}

static bool unknown_preset(hg_arena *arena, json_t *all, const char *name, hg_err *err)
{
    size_t count;
    const char **names = names_of(arena, all, &count), *near = hg_nearest(name, names, count);
    hg_buf list = { .arena = arena };
    for (size_t i = 0; i < count; i++)
        hg_buf_printf(&list, "%s%s", i ? ", " : "", names[i]);
    return hg_fail(err, HG_INPUT, "--workload", "'%.60s' is neither a file nor a preset; %s%s%sthe "
                   "presets are %.300s", name, near ? "did you mean " : "", near ? near : "",
                   near ? "? " : "", list.s ? list.s : "none");
}

bool hg_workload_preset(hg_arena *arena, const hg_data *data, const char *name, uint64_t seed,
                        hg_workload *out, hg_err *err)
{
    *out = (hg_workload){ .name = hg_strdup(arena, name), .burstiness = 1 };
    json_t *all = read_presets(arena, data, err), *preset;
    lengths isl, osl;
    if (!all)
        return false;
    bool ok;
    if (!(preset = json_object_get(all, name)))
        ok = unknown_preset(arena, all, name, err);
    else if (!read_lengths(json_object_get(preset, "isl"), &isl) ||
             !read_lengths(json_object_get(preset, "osl"), &osl))
        ok = hg_fail(err, HG_INPUT, presets_file, "%.60s: isl and osl need p50, p90, min, max, or mean, "
                     "sigma, min, max, or low, high", name);
    else
        ok = true, fill(arena, &isl, &osl, PRESET_REQUESTS, seed, out);
    json_decref(all);
    return ok;
}

void hg_workload_synthetic(hg_arena *arena, int32_t isl, int32_t osl, double range_lo, size_t count,
                           uint64_t seed, hg_workload *out)
{
    assert(isl >= 1 && osl >= 1 && range_lo >= 0 && range_lo <= 1 && count > 0);
    lengths in = { .min = fmax(1, ceil(range_lo * isl)), .max = isl };
    lengths made = { .min = fmax(1, ceil(range_lo * osl)), .max = osl };
    *out = (hg_workload){ .name = hg_textf(arena, "isl %d, osl %d", isl, osl), .burstiness = 1 };
    fill(arena, &in, &made, count, seed, out);
}

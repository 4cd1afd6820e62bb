#include "cost/transfer.h"

#include "base/json.h"

#include <math.h>

const char *const hg_rung_names[HG_RUNGS] = { "own",    "extrapolated", "labels", "version",
                                              "engine", "device",       "class",  "roofline" };

static const char *const component_keys[HG_COMPONENTS] = { "tensor", "vector", "memory", "link" };

/* As wide as a factor of two: what nobody held to account is no better known than that. */
static const double UNMEASURED_ERROR = 1;

/* The device as kernels see it: every rate less what they typically leave. */
static hg_device within_reach(const hg_typical *t, const hg_device *d)
{
    hg_device r = *d;
    for (int i = 0; i < HG_DTYPES; i++)
        r.tensor_flops_per_s[i] *= t->efficiency[HG_TENSOR];
    r.vector_flops_per_s *= t->efficiency[HG_VECTOR];
    r.memory_bytes_per_s *= t->efficiency[HG_HBM];
    r.node_bytes_per_s *= t->efficiency[HG_LINK];
    r.net_bytes_per_s *= t->efficiency[HG_LINK];
    return r;
}

hg_roof hg_typical_roof(const hg_typical *t, const hg_op *op, const hg_shape *s, const hg_device *d)
{
    hg_work w = { 0 };
    op->count(s, &w);
    hg_device reach = within_reach(t, d);
    hg_roof roof = hg_roofline(&w, &reach);
    roof.seconds += t->launch_s;
    roof.warm_seconds = hg_roofline(&w, d).warm_seconds;
    return roof;
}

static const json_t *within(const json_t *o, const char *a, const char *b)
{
    return json_object_get(json_object_get(o, a), b);
}

/* An op's own entry, else that of all. */
static const json_t *of_op(const json_t *by_op, const char *op, const char *key)
{
    const json_t *own = within(by_op, op, key);
    return own ? own : within(by_op, "all", key);
}

/* Where no two versions of an engine have the same table, another version is as far as the same engine on
 * a sibling device. */
static double half_width(const json_t *errors, const char *op, hg_rung rung)
{
    const json_t *half = json_object_get(of_op(errors, op, hg_rung_names[rung]), "half_80");
    if (!half && rung == HG_RUNG_VERSION)
        return half_width(errors, op, HG_RUNG_SIBLING);
    return json_is_number(half) ? json_number_value(half) : UNMEASURED_ERROR;
}

static hg_typical read_typical(const json_t *o)
{
    hg_typical t = { .launch_s = json_number_value(json_object_get(o, "launch_us")) * 1e-6 };
    for (int c = 0; c < HG_COMPONENTS; c++) {
        const json_t *part = json_object_get(o, component_keys[c]);
        t.efficiency[c] = json_is_number(part) ? json_number_value(part) : 1;
    }
    return t;
}

static hg_typical typical_of(const json_t *by_op, const char *op, const hg_device *d)
{
    const char *const classes[] = { d->architecture, d->vendor, "all" };
    const json_t *o = NULL;
    for (int i = 0; i < 3 && !o; i++)
        o = within(by_op, op, classes[i]);
    for (int i = 0; i < 3 && !o; i++)
        o = within(by_op, "all", classes[i]);
    return read_typical(o);
}

/* The published entry of the device's class, or NULL. */
static const json_t *published_of(const json_t *root, const hg_device *d)
{
    const json_t *o = json_object_get(root, d->architecture);
    return o ? o : json_object_get(root, d->vendor);
}

/* Lays what is published of its class over the typical of others. */
static bool lay_published(hg_arena *arena, const hg_data *data, const hg_device *device, hg_transfer *out, hg_err *err)
{
    static const char path[] = "typical.json";
    size_t size;
    const char *text = hg_data_text(data, arena, path, &size, err);
    json_t *root = text ? hg_json_parse(text, size, path, err) : NULL;
    const json_t *own = published_of(root, device);
    out->published = own != NULL;
    for (int op = 0; own && op < hg_op_count; op++) {
        const json_t *of = json_object_get(own, hg_ops[op]->name);
        out->typical[op] = read_typical(of ? of : json_object_get(own, "all"));
    }
    json_decref(root);
    return root != NULL;
}

static bool sane(const hg_typical *t)
{
    bool ok = t->launch_s >= 0 && t->launch_s < 1;
    for (int c = 0; c < HG_COMPONENTS; c++)
        ok = ok && t->efficiency[c] > 0 && t->efficiency[c] <= 1;
    return ok;
}

bool hg_transfer_open(hg_arena *arena, const hg_data *data, const hg_device *device, hg_transfer *out,
                      hg_err *err)
{
    static const char path[] = "transfer.json";
    size_t size;
    const char *text = hg_data_text(data, arena, path, &size, err);
    json_t *root = text ? hg_json_parse(text, size, path, err) : NULL;
    if (!root)
        return false;
    bool ok = true;
    for (int op = 0; op < hg_op_count && ok; op++) {
        const char *name = hg_ops[op]->name;
        for (int r = 0; r < HG_RUNGS; r++) {
            out->half[op][r] = half_width(json_object_get(root, "errors"), name, (hg_rung)r);
            ok = ok && out->half[op][r] >= 0;
        }
        out->typical[op] = typical_of(json_object_get(root, "typical"), name, device);
    }
    json_decref(root);
    if (!lay_published(arena, data, device, out, err))
        return false;
    for (int op = 0; op < hg_op_count; op++)
        ok = ok && sane(&out->typical[op]);
    return ok || hg_fail(err, HG_INPUT, path, "holds an error below 0 or an efficiency outside (0, 1]; "
                                              "write it again with 'heng calibrate transfer'");
}

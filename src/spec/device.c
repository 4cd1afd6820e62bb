#include "spec/device.h"

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "spec/field.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { DEVICE_LIMIT = 1000000 };

#define TENSOR(dtype, key, what)                                                                   \
    HG_REAL(hg_device, tensor_flops_per_s[dtype], "compute." key, HG_FLOPS_PER_S, 1e9, 1e18, NULL, \
            what)

#define PART_RATE(at, dtype, key, what)                                                            \
    HG_REAL(hg_device, part[at].flops_per_s[dtype], "components." key, HG_FLOPS_PER_S, 1e9, 1e18,   \
            NULL, what)
#define PART_PATH(at, key, what)                                                                   \
    HG_REAL(hg_device, part[at].bytes_per_s, "components." key, HG_BYTES_PER_S, 1e9, 1e16, NULL, what)
#define PART_COUNT(at, key, what)                                                                  \
    HG_WHOLE(hg_device, part[at].count, "components." key, 1, 1e6, NULL, what)

static const hg_field rows[] = {
    HG_TEXT(hg_device, name, "name", true, "the word for --device"),
    HG_TEXT(hg_device, title, "title", false, "the name people read"),
    HG_TEXT(hg_device, vendor, "vendor", true, "nvidia, amd, ascend, intel or cpu"),
    HG_TEXT(hg_device, architecture, "architecture", true, "hopper, ampere, davinci …"),
    HG_MUST(hg_device, memory_bytes, "memory.capacity", HG_BYTES, 1e6, 1e15, "capacity as sold"),
    HG_REAL(hg_device, usable_memory_bytes, "memory.usable", HG_BYTES, 1e6, 1e15, NULL,
            "what the driver gives a program; the capacity when absent"),
    HG_MUST(hg_device, memory_bytes_per_s, "memory.bandwidth", HG_BYTES_PER_S, 1e6, 1e15,
            "of the device's memory"),
    HG_REAL(hg_device, l2_bytes, "memory.l2", HG_BYTES, 0, 1e12, NULL,
            "the last cache before memory"),
    TENSOR(HG_BF16, "bf16", "dense bfloat16 or float16 on the matrix unit"),
    TENSOR(HG_FP8, "fp8", "dense 8-bit floats on the matrix unit"),
    TENSOR(HG_NVFP4, "fp4", "dense 4-bit floats on the matrix unit"),
    TENSOR(HG_INT8, "int8", "dense 8-bit integers on the matrix unit"),
    TENSOR(HG_FP32, "fp32_matrix", "dense float32 products; the vector rate when absent"),
    HG_REAL(hg_device, vector_flops_per_s, "compute.fp32_vector", HG_FLOPS_PER_S, 1e6, 1e18, NULL,
            "float32 outside the matrix unit"),
    HG_WHOLE(hg_device, units, "compute.units", 1, 1e6, NULL, "SMs, CUs or AI cores"),
    HG_REAL(hg_device, clock_hz, "compute.clock", HG_HERTZ, 1e6, 1e11, NULL, "boost clock"),
    PART_COUNT(HG_CUBE, "cube.count", "matrix units"),
    PART_RATE(HG_CUBE, HG_BF16, "cube.bf16", "bfloat16 or float16 products, all units"),
    PART_RATE(HG_CUBE, HG_FP8, "cube.fp8", "8-bit float products"),
    PART_RATE(HG_CUBE, HG_NVFP4, "cube.fp4", "4-bit float products"),
    PART_RATE(HG_CUBE, HG_INT8, "cube.int8", "8-bit integer products"),
    PART_RATE(HG_CUBE, HG_FP32, "cube.fp32", "float32 products, as hf32"),
    PART_COUNT(HG_VECTOR_CORE, "vector.count", "vector cores"),
    PART_RATE(HG_VECTOR_CORE, HG_BF16, "vector.bf16", "16-bit floats, all cores"),
    PART_RATE(HG_VECTOR_CORE, HG_FP32, "vector.fp32", "float32"),
    PART_COUNT(HG_SCALAR, "scalar.count", "scalar units"),
    PART_COUNT(HG_MTE1, "mte1.count", "engines from L1 to the cube's buffers"),
    PART_PATH(HG_MTE1, "mte1.bandwidth", "of all of them"),
    PART_COUNT(HG_MTE2, "mte2.count", "engines from memory and L2 into the core"),
    PART_PATH(HG_MTE2, "mte2.bandwidth", "from memory, of all of them"),
    PART_COUNT(HG_MTE3, "mte3.count", "engines out of the core"),
    PART_PATH(HG_MTE3, "mte3.bandwidth", "of all of them"),
    HG_REAL(hg_device, power_w, "power.board", HG_WATTS, 1, 1e5, NULL, "board power limit"),
    HG_REAL(hg_device, idle_power_w, "power.idle", HG_WATTS, 0, 1e5, NULL, "when idle"),
    HG_REAL(hg_device, price_usd_per_s, "price.rent", HG_USD_PER_S, 0, 1, NULL,
            "renting one, as '2.5/h'"),
    HG_WHOLE(hg_device, node_devices, "node.devices", 1, 4096, "1", "devices in a node"),
    HG_TEXT(hg_device, node_link, "node.link", false, "nvlink4, pcie5, hccs …"),
    HG_REAL(hg_device, node_bytes_per_s, "node.bandwidth", HG_BYTES_PER_S, 0, 1e14, NULL,
            "per device and direction, within a node"),
    HG_REAL(hg_device, node_latency_s, "node.latency", HG_SECONDS, 0, 1, NULL,
            "of one hop within a node"),
    HG_WHOLE(hg_device, domain_devices, "node.domain_devices", 1, 1e6, NULL,
             "devices that reach one another at the node's bandwidth; those of a node when absent"),
    HG_TEXT(hg_device, net_link, "network.link", false, "infiniband, roce …"),
    HG_REAL(hg_device, net_bytes_per_s, "network.bandwidth", HG_BYTES_PER_S, 0, 1e14, NULL,
            "per device and direction, between nodes"),
    HG_REAL(hg_device, net_latency_s, "network.latency", HG_SECONDS, 0, 1, NULL,
            "of one hop between nodes"),
};
static const hg_fields fields = { rows, sizeof rows / sizeof *rows };

/* Sources and aliases are for readers and for the lookup. */
static const char *const others[] = {
    "aliases",      "source",      "note",           "memory.source",     "compute.source", "power.source",
    "price.source", "node.source", "network.source", "components.source", NULL
};

static bool is_vendor(const char *word)
{
    static const char *const known[] = { "nvidia", "amd", "ascend", "intel", "cpu" };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(word, known[i]) == 0)
            return true;
    return false;
}

/* A matrix product runs on the cube alone, whatever the vector cores would add to it.  The table's rate
 * of MTE2 is no ceiling: kernels were seen to draw more than that from memory, so memory's stands. */
static void complete_from_parts(hg_device *d)
{
    const hg_core_part_info *cube = &d->part[HG_CUBE], *vector = &d->part[HG_VECTOR_CORE];
    for (int t = 0; t < HG_DTYPES; t++)
        if (d->tensor_flops_per_s[t] <= 0)
            d->tensor_flops_per_s[t] = cube->flops_per_s[t];
    if (d->vector_flops_per_s <= 0)
        d->vector_flops_per_s = vector->flops_per_s[HG_FP32];
    if (d->units == 0)
        d->units = cube->count;
}

/* What is not said follows from what is. */
static void complete(hg_device *d)
{
    complete_from_parts(d);
    if (!d->title)
        d->title = d->name;
    if (d->usable_memory_bytes <= 0)
        d->usable_memory_bytes = d->memory_bytes;
    if (d->tensor_flops_per_s[HG_FP32] <= 0)
        d->tensor_flops_per_s[HG_FP32] = d->vector_flops_per_s;
    if (!d->node_link)
        d->node_link = "none";
    if (!d->net_link)
        d->net_link = "none";
    if (d->domain_devices == 0)
        d->domain_devices = d->node_devices;
}

static bool check(const hg_device *d, const char *where, hg_err *err)
{
    char place[192];
    if (!is_vendor(d->vendor)) {
        snprintf(place, sizeof place, "%.120s: vendor", where);
        return hg_fail(err, HG_INPUT, place, "is '%.40s'; write nvidia, amd, ascend, intel or cpu",
                       d->vendor);
    }
    if (d->usable_memory_bytes > 1.08 * d->memory_bytes) { /* sold in GB, often of 2^30 */
        snprintf(place, sizeof place, "%.120s: memory.usable", where);
        return hg_fail(err, HG_INPUT, place, "is more than the capacity");
    }
    if (d->domain_devices < d->node_devices) {
        snprintf(place, sizeof place, "%.120s: node.domain_devices", where);
        return hg_fail(err, HG_INPUT, place, "is below node.devices");
    }
    if (d->tensor_flops_per_s[HG_BF16] <= 0 && d->vector_flops_per_s <= 0) {
        snprintf(place, sizeof place, "%.120s: compute.bf16", where);
        return hg_fail(err, HG_INPUT, place,
                       "is missing, and so is compute.fp32_vector; give one at least");
    }
    return true;
}

bool hg_device_read(hg_arena *arena, const char *where, const char *json, size_t size,
                    hg_device *out, hg_err *err)
{
    json_t *root = hg_json_parse(json, size, where, err);
    *out = (hg_device){ 0 };
    hg_fields_standard(fields, arena, out);
    bool ok = root && hg_fields_read(fields, arena, out, root, others, where, err);
    json_decref(root);
    if (!ok)
        return false;
    complete(out);
    return check(out, where, err);
}

/* "NVIDIA H100 80GB HBM3", "h100-80gb" … without case and punctuation. */
static bool same_word(const char *a, const char *b)
{
    for (;;) {
        while (*a && !isalnum((unsigned char)*a))
            a++;
        while (*b && !isalnum((unsigned char)*b))
            b++;
        if (!*a || !*b)
            return *a == *b;
        if (tolower((unsigned char)*a++) != tolower((unsigned char)*b++))
            return false;
    }
}

static bool has_alias(const hg_data *data, hg_arena *arena, const char *file, const char *word)
{
    size_t size;
    hg_err unused;
    const char *text = hg_data_text(data, arena, file, &size, &unused);
    json_t *root = text ? hg_json_parse(text, size, file, &unused) : NULL;
    const json_t *aliases = json_object_get(root, "aliases");
    bool found = false;
    for (size_t i = 0; i < json_array_size(aliases) && !found; i++) {
        const char *alias = json_string_value(json_array_get(aliases, i));
        found = alias && same_word(alias, word);
    }
    json_decref(root);
    return found;
}

/* The catalogue's name for a word, or NULL. */
static const char *resolve(hg_arena *arena, const hg_data *data, char **names, size_t n,
                           const char *word)
{
    for (size_t i = 0; i < n; i++)
        if (same_word(names[i], word))
            return names[i];
    for (size_t i = 0; i < n; i++)
        if (has_alias(data, arena, hg_textf(arena, "devices/%s.json", names[i]), word))
            return names[i];
    return NULL;
}

char **hg_device_names(hg_arena *arena, const hg_data *data, size_t *count)
{
    size_t n, kept = 0;
    char **names = hg_data_list(data, arena, "devices", &n);
    for (size_t i = 0; i < n; i++)
        if (hg_ends(names[i], ".json"))
            names[kept++] = hg_strndup(arena, names[i], strlen(names[i]) - strlen(".json"));
    *count = kept;
    return names;
}

bool hg_device_find(hg_arena *arena, const hg_data *data, const char *word, hg_device *out,
                    hg_err *err)
{
    size_t size, n;
    if (hg_is_file(word) || hg_ends(word, ".json")) {
        const char *text = hg_file_read(arena, word, DEVICE_LIMIT, &size, err);
        return text && hg_device_read(arena, word, text, size, out, err);
    }
    char **names = hg_device_names(arena, data, &n);
    const char *name = resolve(arena, data, names, n, word);
    if (!name) {
        const char *near = hg_nearest(word, (const char *const *)names, n);
        return hg_fail(err, HG_INPUT, "--device",
                       near ? "'%.60s' is not in the catalogue; did you mean %s?"
                            : "'%.60s' is not in the catalogue; 'heng catalog devices' lists it, "
                              "and a path to a "
                              "device's JSON works too",
                       word, near);
    }
    const char *file = hg_textf(arena, "devices/%s.json", name);
    const char *text = hg_data_text(data, arena, file, &size, err);
    return text && hg_device_read(arena, file, text, size, out, err);
}

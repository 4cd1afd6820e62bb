#include "test.h"

#include "base/json.h"
#include "base/text.h"
#include "spec/device.h"
#include "spec/field.h"

#include <string.h>

static bool find(hg_arena *arena, const char *word, hg_device *out, hg_err *err)
{
    hg_data data = { 0 };
    return hg_device_find(arena, &data, word, out, err);
}

/* Every group of facts says where it is from. */
static void sourced(hg_arena arena, const char *name)
{
    hg_data data = { 0 };
    size_t size;
    hg_err err = { 0 };
    const char *file = hg_textf(&arena, "devices/%s.json", name), *key;
    const char *text = hg_data_text(&data, &arena, file, &size, &err);
    json_t *root = text ? hg_json_parse(text, size, file, &err) : NULL, *group;
    CHECKF(root, "%s: %s", err.where, err.msg);
    json_object_foreach(root, key, group) {
        const char *source = json_string_value(json_object_get(group, "source"));
        CHECKF(!json_is_object(group) || (source && strlen(source) > 15), "%s: %s has no source",
               name, key);
    }
    json_decref(root);
}

static bool between(double x, double lo, double hi)
{
    return x >= lo && x <= hi;
}

/* What holds for every accelerator of these years: halving a format doubles its rate, or gains
 * nothing, or the format was cut away (GeForce halves what adds up in float32, so int8 is four times
 * bf16 there); a matrix unit does 256 to 140,000 operations a clock, a CPU core's vectors 64; memory
 * moves 0.1 to 20 TB/s. */
static void sane(const hg_device *d)
{
    const double *t = d->tensor_flops_per_s;
    double bf16 = t[HG_BF16];
    bool cpu = strcmp(d->vendor, "cpu") == 0;
    CHECKF(t[HG_FP8] == 0 || t[HG_FP8] == bf16 || between(t[HG_FP8] / bf16, 1.99, 2.03), "%s: fp8", d->name);
    CHECKF(t[HG_NVFP4] == 0 || between(t[HG_NVFP4] / bf16, 3.99, 6.01), "%s: fp4", d->name);
    CHECKF(t[HG_INT8] == 0 || t[HG_INT8] == bf16 || between(t[HG_INT8] / bf16, 1.99, 2.03) ||
               t[HG_INT8] < 0.1 * bf16 || (d->node_link && strcmp(d->node_link, "pcie4") == 0 &&
                                           between(t[HG_INT8] / bf16, 3.99, 4.01)),
           "%s: int8", d->name);
    CHECKF(between(bf16 / ((double)d->units * d->clock_hz), cpu ? 16 : 256, 140000), "%s: bf16 a clock", d->name);
    CHECKF(d->vector_flops_per_s == 0 || between(d->vector_flops_per_s / bf16, 0.02, 0.51), "%s: vector", d->name);
    CHECKF(between(d->memory_bytes_per_s, 1e11, 2e13), "%s: bandwidth", d->name);
    CHECKF(between(d->usable_memory_bytes / d->memory_bytes, 0.9, 1.08), "%s: usable", d->name);
    CHECKF(between(bf16 / d->memory_bytes_per_s, 30, 600), "%s: FLOP a byte", d->name);
    CHECKF((cpu && d->node_devices == 1) || (between(d->node_bytes_per_s, 1e10, 2e12) &&
                                             d->node_bytes_per_s < d->memory_bytes_per_s),
           "%s: link", d->name);
    CHECKF(d->idle_power_w == 0 || d->power_w == 0 || d->idle_power_w < 0.3 * d->power_w,
           "%s: idle", d->name);
    CHECKF(d->domain_devices >= d->node_devices && d->node_devices >= 1, "%s: domain", d->name);
}

/* Da Vinci cores: a cube does 16³ multiply-adds a clock, twice that of 8-bit integers; two vector cores
 * stand beside one (310P: fewer); data come faster the nearer they are. */
static void sane_parts(const hg_device *d)
{
    const hg_core_part_info *cube = &d->part[HG_CUBE], *vector = &d->part[HG_VECTOR_CORE];
    if (strcmp(d->vendor, "ascend") != 0) {
        CHECKF(cube->count == 0, "%s: a cube", d->name);
        return;
    }
    double per_clock = cube->flops_per_s[HG_BF16] / ((double)cube->count * d->clock_hz);
    CHECKF(between(per_clock / 8192, 0.98, 1.02), "%s: %g FLOP a clock and cube", d->name, per_clock);
    CHECKF(cube->flops_per_s[HG_INT8] == d->tensor_flops_per_s[HG_INT8], "%s: int8", d->name);
    CHECKF(d->tensor_flops_per_s[HG_BF16] == cube->flops_per_s[HG_BF16] && d->units == cube->count, "%s: bf16", d->name);
    CHECKF(d->vector_flops_per_s == vector->flops_per_s[HG_FP32], "%s: vector", d->name);
    CHECKF(vector->count > cube->count && vector->count <= 2 * cube->count, "%s: vector cores", d->name);
    CHECKF(d->part[HG_MTE1].bytes_per_s > d->part[HG_MTE2].bytes_per_s && d->part[HG_MTE2].bytes_per_s > 1e11,
           "%s: paths", d->name);
}

/* Huawei publishes cube and vector together. */
static void sum_of_parts(hg_arena scratch)
{
    static const struct {
        const char *word;
        double published;
    } rows[] = { { "910b2", 376e12 }, { "910b3", 313e12 }, { "910c", 376e12 } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_arena arena = scratch;
        hg_device d;
        hg_err err = { 0 };
        CHECKF(find(&arena, rows[i].word, &d, &err), "%s", err.msg);
        double sum = d.part[HG_CUBE].flops_per_s[HG_BF16] + d.part[HG_VECTOR_CORE].flops_per_s[HG_BF16];
        CHECKF(between(sum / rows[i].published, 0.998, 1.002), "%s: %g", rows[i].word, sum);
    }
}

static void catalogue(hg_arena scratch)
{
    size_t count;
    hg_data data = { 0 };
    char **names = hg_device_names(&scratch, &data, &count);
    CHECKF(count >= 30, "%zu devices", count);
    for (size_t i = 0; i < count; i++) {
        hg_arena arena = scratch;
        hg_device d;
        hg_err err = { 0 };
        bool ok = find(&arena, names[i], &d, &err);
        CHECKF(ok, "%s: %s", err.where, err.msg);
        CHECKF(ok && strcmp(d.name, names[i]) == 0, "%s is the file of another", names[i]);
        sourced(arena, names[i]);
        if (ok) {
            sane(&d);
            sane_parts(&d);
        }
    }
}

/* Facts off the sheets, by the words people use. */
static void words(hg_arena scratch)
{
    static const struct {
        const char *word, *name;
        double memory_bytes_per_s, bf16;
        int64_t domain;
    } rows[] = {
        { "h100_sxm", "h100_sxm", 3.35e12, 989.5e12, 8 },
        { "H100", "h100_sxm", 3.35e12, 989.5e12, 8 },
        { "NVIDIA H100 80GB HBM3", "h100_sxm", 3.35e12, 989.5e12, 8 },
        { "h200-sxm", "h200_sxm", 4.8e12, 989.5e12, 8 },
        { "A100-SXM4-80GB", "a100_sxm", 2.039e12, 312e12, 8 },
        { "b200", "b200_sxm", 7.67e12, 2.25e15, 8 },
        { "gb200", "gb200", 8e12, 2.5e15, 72 },
        { "gb300_nvl72", "gb300", 8e12, 2.5e15, 72 },
        { "l40s", "l40s", 864e9, 362.05e12, 8 },
        { "910b", "ascend_910b", 1.6e12, 294.9e12, 8 },
        { "mi300x", "mi300x", 5.3e12, 1307.4e12, 8 },
        { "NVIDIA A10", "a10", 600e9, 125e12, 8 },
        { "L20", "l20", 864e9, 119.5e12, 8 },
        { "H100-PCIe-80GB", "h100_pcie", 2e12, 756.5e12, 8 },
        { "h20", "h20", 4e12, 148e12, 8 },
        { "gh200", "gh200", 4e12, 989.5e12, 1 },
        { "4090", "rtx_4090", 1008e9, 165.2e12, 8 },
        { "MI355X", "mi355x", 8e12, 2516.6e12, 8 },
        { "910c", "ascend_910c", 1.6e12, 353.9e12, 768 },
        { "310p", "ascend_310p", 204e9, 70e12, 8 },
        { "gaudi 3", "gaudi3", 3.67e12, 1835e12, 8 },
        { "epyc", "epyc_9654", 460.8e9, 14.7e12, 1 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_arena arena = scratch;
        hg_device d;
        hg_err err = { 0 };
        bool ok = find(&arena, rows[i].word, &d, &err);
        CHECKF(ok && strcmp(d.name, rows[i].name) == 0, "%s: %s", rows[i].word,
               ok ? d.name : err.msg);
        CHECKF(ok && d.memory_bytes_per_s == rows[i].memory_bytes_per_s &&
                   d.tensor_flops_per_s[HG_BF16] == rows[i].bf16 &&
                   d.domain_devices == rows[i].domain,
               "%s: %g %g %ld", rows[i].word, d.memory_bytes_per_s, d.tensor_flops_per_s[HG_BF16],
               (long)d.domain_devices);
    }
}

#define MINE                                                                                       \
    "\"name\":\"mine\",\"vendor\":\"nvidia\",\"architecture\":\"x\","                              \
    "\"memory\":{\"capacity\":\"8 GB\",\"bandwidth\":\"1 TB/s\"}"

static void own_device(hg_arena arena)
{
    static const char json[] = "{" MINE ",\"compute\":{\"bf16\":\"10 TFLOP/s\"}}";
    hg_device d;
    hg_err err = { 0 };
    CHECKF(hg_device_read(&arena, "mine.json", json, sizeof json - 1, &d, &err), "%s: %s",
           err.where, err.msg);
    CHECK(d.usable_memory_bytes == 8e9 && d.node_devices == 1 && d.domain_devices == 1);
    CHECK(d.tensor_flops_per_s[HG_FP8] == 0 && d.price_usd_per_s == 0);
    CHECK_STR(d.title, "mine");
}

static void refusals(hg_arena scratch)
{
    static const struct {
        const char *json, *where, *msg;
    } rows[] = {
        { "", "d.json", "not JSON" },
        { "[]", "d.json", "JSON object" },
        { "{\"name\":\"a\"}", "vendor", "is missing" },
        { "{" MINE "}", "compute.bf16", "is missing" },
        { "{" MINE ",\"compute\":{\"bf61\":\"1 TFLOP/s\"}}", "d.json",
          "did you mean compute.bf16" },
        { "{" MINE ",\"compute\":{\"bf16\":\"fast\"}}", "compute.bf16", "like '989.5 TFLOP/s'" },
        { "{" MINE ",\"compute\":{\"bf16\":\"-1 TFLOP/s\"}}", "compute.bf16", "must be from" },
        { "{" MINE ",\"compute\":{\"bf16\":\"5 GB\"}}", "compute.bf16", "write it like" },
        { "{" MINE ",\"compute\":{\"bf16\":true}}", "compute.bf16", "must be a quantity" },
        { "{" MINE ",\"compute\":7}", "compute", "must be an object" },
        { "{" MINE ",\"compute\":{\"bf16\":1e13,\"units\":1.5}}", "compute.units", "whole number" },
        { "{" MINE ",\"compute\":{\"bf16\":1e13},\"node\":{\"devices\":0}}", "node.devices",
          "from 1 to" },
        { "{" MINE ",\"compute\":{\"bf16\":1e13},\"node\":{\"devices\":8,\"domain_devices\":4}}",
          "node.domain_devices", "below" },
        { "{" MINE ",\"components\":{\"cube\":{\"bf61\":\"1 TFLOP/s\"}}}", "d.json", "components.cube.bf16" },
        { "{\"name\":\"a\",\"vendor\":\"acme\",\"architecture\":\"x\",\"memory\":{\"capacity\":1e9,"
          "\"bandwidth\":1e9},\"compute\":{\"bf16\":1e12}}",
          "vendor", "write nvidia" },
        { "{\"name\":\"a\",\"vendor\":\"amd\",\"architecture\":\"x\",\"memory\":{\"capacity\":1e9,"
          "\"usable\":2e9,\"bandwidth\":1e9},\"compute\":{\"bf16\":1e12}}",
          "memory.usable", "more than" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_arena arena = scratch;
        hg_device d;
        hg_err err = { 0 };
        bool ok = hg_device_read(&arena, "d.json", rows[i].json, strlen(rows[i].json), &d, &err);
        CHECKF(!ok && err.code == HG_INPUT && strstr(err.where, rows[i].where) &&
                   strstr(err.msg, rows[i].msg),
               "'%s' gave %d '%s: %s'", rows[i].json, ok, err.where, err.msg);
    }
    hg_device d;
    hg_err err = { 0 };
    CHECK(!find(&scratch, "h100_sxn", &d, &err) && strstr(err.msg, "did you mean h100_sxm"));
    CHECK(!find(&scratch, "no/such.json", &d, &err));
}

typedef struct knobs {
    int64_t tp;
    double rate_per_s;
    bool caching;
    int mode;
    const char *name;
} knobs;

static const char *const modes[] = { "agg", "disagg", NULL };

/* A field table as a deployment's reader will use it: from texts and back. */
static void field_table(hg_arena arena)
{
    static const hg_field rows[] = {
        HG_WHOLE(knobs, tp, "tp", 1, 64, "1", "tensor-parallel width"),
        HG_REAL(knobs, rate_per_s, "rate", HG_PER_S, 0, 1e6, NULL, "arrivals"),
        HG_FLAG(knobs, caching, "enable_prefix_caching", "true", "keep prefixes"),
        HG_WORD(knobs, mode, "mode", modes, "agg", "one pool or two"),
        HG_TEXT(knobs, name, "name", false, "for people"),
    };
    hg_fields fields = { rows, sizeof rows / sizeof *rows };
    knobs k = { 0 }, back = { 0 };
    hg_err err = { 0 };
    hg_fields_standard(fields, &arena, &k);
    CHECK(k.tp == 1 && k.caching && k.mode == 0 && k.rate_per_s == 0);
    static const struct {
        const char *name, *text;
        bool ok;
    } sets[] = {
        { "tp", "8", true },
        { "tp", "65", false },
        { "tp", "0", false },
        { "tp", "2.5", false },
        { "tp", "1e1", false },
        { "rate", "12/s", true },
        { "rate", "-1", false },
        { "mode", "disagg", true },
        { "mode", "dissag", false },
        { "enable-prefix-caching", "false", true },
        { "enable_prefix_caching", "maybe", false },
        { "name", "x", true },
    };
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        const hg_field *f = hg_field_find(fields, sets[i].name);
        CHECKF(f && hg_field_set(f, &arena, &k, sets[i].text, "--x", &err) == sets[i].ok, "%s %s",
               sets[i].name, sets[i].text);
    }
    CHECK(k.tp == 8 && k.rate_per_s == 12 && !k.caching && k.mode == 1);
    for (size_t i = 0; i < fields.count; i++)
        CHECK(hg_field_set(&rows[i], &arena, &back, hg_field_text(&rows[i], &arena, &k), "--x",
                           &err));
    CHECK(back.tp == k.tp && back.rate_per_s == k.rate_per_s && back.mode == k.mode &&
          !back.caching);
    CHECK(!hg_field_find(fields, "pp") && !hg_field_unknown(fields, "mod", "--mod", &err));
    CHECK_STR(err.msg, "'mod' is unknown; did you mean mode?");
}

void test_device(void)
{
    hg_arena arena;
    if (!hg_arena_open(&arena, 0))
        return;
    catalogue(arena);
    words(arena);
    own_device(arena);
    sum_of_parts(arena);
    refusals(arena);
    field_table(arena);
    hg_arena_close(&arena);
}

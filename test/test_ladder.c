#include "test.h"

#include "cost/rates.h"

#include <math.h>
#include <string.h>

/* The ladder with parts of it taken away: who answers then, and what must hold of the answer. */

typedef struct bench {
    hg_device device;
    hg_rates *rates;
} bench;

static bench open_without(hg_arena *arena, const hg_device *device, const char *engine, const char *version,
                          hg_left_out left_out)
{
    hg_data data = { 0 };
    hg_err err = { 0 };
    const char *note;
    bench b = { *device, HG_NEW(arena, hg_rates, 1) };
    CHECKF(hg_rates_open_without(arena, &data, device, engine, version, &left_out, b.rates, &note, &err),
           "%s: %s", err.where, err.msg);
    return b;
}

static hg_device known(hg_arena *arena, const char *name)
{
    hg_data data = { 0 };
    hg_err err = { 0 };
    hg_device d = { 0 };
    CHECKF(hg_device_find(arena, &data, name, &d, &err), "%s", err.msg);
    return d;
}

/* Which rung answers for bf16 when what the row names is left out. */
static void rungs(hg_arena scratch)
{
    static const struct {
        const char *device, *engine, *version;
        hg_left_out out;
        const char *op;
        hg_rung want;
    } rows[] = {
        { "h100_sxm", "vllm", NULL, { 0 }, "gemm", HG_RUNG_OWN },
        { "h100_sxm", "vllm", "0.14.0", { 0 }, "gemm", HG_RUNG_VERSION },
        { "h100_sxm", "vllm", NULL, { .device = "h100_sxm", .engine = "vllm" }, "gemm", HG_RUNG_ENGINE },
        { "h100_sxm", "vllm", NULL, { .device = "h100_sxm", .op = "gemm" }, "gemm", HG_RUNG_SIBLING },
        { "h100_sxm", "vllm", NULL, { .device = "h100_sxm", .op = "gemm" }, "moe", HG_RUNG_OWN },
        { "h100_sxm", "vllm", NULL, { .device = "h100_sxm" }, "gemm", HG_RUNG_SIBLING },
        { "h100_sxm", "vllm", NULL, { .architecture = "hopper" }, "gemm", HG_RUNG_CLASS },
        { "h100_sxm", "vllm", NULL, { .op = "gemm" }, "gemm", HG_RUNG_ROOFLINE },
        { "h100_sxm", "vllm", NULL, { 0 }, "internode", HG_RUNG_ROOFLINE },
        { "h100_sxm", "vllm", NULL, { .engine = "vllm" }, "nccl", HG_RUNG_OWN },
        { "h100_sxm", "vllm", NULL, { .device = "h100_sxm" }, "nccl", HG_RUNG_SIBLING },
        { "h20", "sglang", NULL, { 0 }, "generation_attention", HG_RUNG_SIBLING },
        { "mi300x", "vllm", NULL, { 0 }, "context_attention", HG_RUNG_CLASS },
        { "l40s", "vllm", NULL, { .labels = true }, "generation_attention", HG_RUNG_OWN },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_arena arena = scratch;
        hg_device d = known(&arena, rows[i].device);
        bench b = open_without(&arena, &d, rows[i].engine, rows[i].version, rows[i].out);
        const hg_op *op = hg_op_find(rows[i].op);
        hg_rate r = hg_rates_pick(b.rates, op, &op->example);
        CHECKF(r.rung == rows[i].want, "row %zu: %s, want %s", i, hg_rung_names[r.rung], hg_rung_names[rows[i].want]);
        CHECKF(r.exact != rows[i].out.labels || !r.surface, "row %zu: the labels left out answer", i);
    }
}

/* A twin by another name is priced as the device itself: a transferred surface is over the new device's
 * roofline, launch and spans, and nothing of the old one's. */
static void twin(hg_arena arena)
{
    hg_device h100 = known(&arena, "h100_sxm"), mine = h100;
    mine.name = "mine";
    bench own = open_without(&arena, &h100, "vllm", NULL, (hg_left_out){ 0 });
    bench other = open_without(&arena, &mine, "vllm", NULL, (hg_left_out){ 0 });
    static const char *const ops[] = { "gemm", "context_attention", "generation_attention", "moe" };
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        const hg_op *op = hg_op_find(ops[i]);
        hg_rate a = hg_rates_pick(own.rates, op, &op->example), b = hg_rates_pick(other.rates, op, &op->example);
        CHECK_NEAR(hg_rate_seconds(&b, &op->example), hg_rate_seconds(&a, &op->example), 1e-12);
        CHECKF(hg_rate_time(&b, &op->example).origin == HG_TRANSFERRED, "%s", ops[i]);
        CHECKF(b.error >= own.rates->transfer->half[hg_op_index(op)][HG_RUNG_SIBLING], "%s", ops[i]);
    }
}

/* Twice the matrix rate halves a product that it binds; twice the bandwidth a read of the KV cache. */
static void rescales(hg_arena arena)
{
    hg_device one = known(&arena, "h100_sxm"), two;
    one.name = "one";
    two = one;
    two.name = "two";
    two.memory_bytes_per_s *= 2;
    for (int t = 0; t < HG_DTYPES; t++)
        two.tensor_flops_per_s[t] *= 2;
    hg_shape large = hg_op_gemm.example, cache = hg_op_generation_attention.example;
    large.d[0] = large.d[1] = large.d[2] = 8192;
    cache.d[0] = 64;
    cache.d[5] = 32767;
    hg_data data = { 0 };
    hg_err err;
    const char *note;
    hg_rates *a = HG_NEW(&arena, hg_rates, 1), *b = HG_NEW(&arena, hg_rates, 1);
    CHECK(hg_rates_open(&arena, &data, &one, "vllm", NULL, a, &note, &err) &&
          hg_rates_open(&arena, &data, &two, "vllm", NULL, b, &note, &err));
    const struct {
        const hg_op *op;
        const hg_shape *shape;
    } rows[] = { { &hg_op_gemm, &large }, { &hg_op_generation_attention, &cache } };
    for (size_t i = 0; i < 2; i++) {
        hg_rate before = hg_rates_pick(a, rows[i].op, rows[i].shape), after = hg_rates_pick(b, rows[i].op, rows[i].shape);
        CHECK_NEAR(hg_rate_seconds(&after, rows[i].shape), hg_rate_seconds(&before, rows[i].shape) / 2, 0.1);
    }
}

/* A device of which only the sheet's first lines are known prices every operator. */
static void bare_sheet(hg_arena arena)
{
    static const char json[] = "{\"name\":\"bare\",\"vendor\":\"amd\",\"architecture\":\"new\",\"memory\":{\"capacity\":"
                               "\"64 GB\",\"bandwidth\":\"2 TB/s\"},\"compute\":{\"bf16\":\"400 TFLOP/s\"},"
                               "\"node\":{\"devices\":8,\"bandwidth\":\"100 GB/s\"},\"network\":{\"bandwidth\":\"400 Gb/s\"}}";
    hg_device d;
    hg_err err = { 0 };
    CHECKF(hg_device_read(&arena, "bare.json", json, sizeof json - 1, &d, &err), "%s", err.msg);
    bench b = open_without(&arena, &d, "vllm", NULL, (hg_left_out){ 0 });
    CHECK(b.rates->device.units > 0);
    for (int i = 0; i < hg_op_count; i++) {
        const hg_op *op = hg_ops[i];
        hg_rate r = hg_rates_pick(b.rates, op, &op->example);
        hg_time t = hg_rate_time(&r, &op->example);
        CHECKF(t.seconds > 0 && t.seconds < 10 && t.lo_s <= t.seconds && t.seconds < t.hi_s, "%s: %g s in %g … %g",
               op->name, t.seconds, t.lo_s, t.hi_s);
        CHECKF(t.origin == (r.surface ? HG_TRANSFERRED : HG_ROOFLINE), "%s: %s", op->name, hg_origin_names[t.origin]);
        CHECKF(r.surface || (r.typical->launch_s > 0 && t.seconds > r.typical->launch_s), "%s: no launch", op->name);
    }
}

/* What is further down is never said to be surer: an interval on a rung is at least as wide as the
 * table's own, and as the rung was seen to be off. */
static void widths(hg_arena arena)
{
    hg_device d = known(&arena, "b200_sxm");
    bench own = open_without(&arena, &d, "vllm", NULL, (hg_left_out){ 0 });
    bench left = open_without(&arena, &d, "vllm", NULL, (hg_left_out){ .architecture = d.architecture });
    for (int i = 0; i < hg_op_count; i++) {
        const hg_op *op = hg_ops[i];
        hg_rate a = hg_rates_pick(own.rates, op, &op->example), b = hg_rates_pick(left.rates, op, &op->example);
        const double *half = own.rates->transfer->half[i];
        CHECKF(b.error >= half[b.rung], "%s: %g below its rung's %g", op->name, b.error, half[b.rung]);
        CHECKF(!a.surface || a.beyond_error >= a.error, "%s: surer beyond the hull", op->name);
        for (int r = HG_RUNG_EXTRAPOLATED; r < HG_RUNGS; r++)
            CHECKF(half[r] >= 0 && half[r] < 20, "%s %s: %g", op->name, hg_rung_names[r], half[r]);
    }
}

void test_ladder(void)
{
    hg_arena arena;
    CHECK(hg_arena_open(&arena, 0));
    rungs(arena);
    twin(arena);
    rescales(arena);
    bare_sheet(arena);
    widths(arena);
    hg_arena_close(&arena);
}

#include "probe/cuda_parts.h"

#include "base/text.h"

#include <math.h>
#include <string.h>

/* The first device, which CUDA_VISIBLE_DEVICES chooses, and for collectives those after it.  Every
 * status is looked at; what a library lacks is left out and said. */
typedef struct cuda {
    hg_cuda_api api;
    hg_cuda_ring ring; /* its first member's context and stream run everything */
    hg_cuda_gemm gemm;
    hg_cuda_kernels kernels;
    void *first, *last; /* events */
    uint64_t pool, in,
        out; /* as the CPU's: weights and KV from a pool in turn, the rest in place */
    size_t pool_bytes, in_bytes, out_bytes, at;
    int count, capability; /* devices; 90 for compute capability 9.0 */
    bool has_gemm, has_kernels;
} cuda;

static const double GIB = 1 << 30, CACHES = 8, OF_FREE = 0.5;
static const size_t SIDE_BYTES = (size_t)256 << 20, RING_BYTES = (size_t)256 << 20;

enum { ALIGNMENT = 4096 };

static uint64_t next(cuda *c, size_t bytes)
{
    size_t size = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (c->at + size > c->pool_bytes)
        c->at = 0;
    uint64_t p = c->pool + c->at;
    c->at += size;
    return p;
}

static hg_cuda_attention attention_of(const hg_probe_call *call)
{
    bool prompt = call->op == &hg_op_context_attention;
    int isl = (int)hg_call_dim(call, "isl"), step = (int)hg_call_dim(call, "step");
    return (hg_cuda_attention){
        .batch = (int)hg_call_dim(call, "batch_size"),
        .tokens = prompt ? isl : 1,
        .heads = (int)hg_call_dim(call, "num_heads"),
        .kv_heads = (int)hg_call_dim(call, "num_key_value_heads"),
        .dim = (int)hg_call_dim(call, "head_dim"),
        .cached = prompt ? step : isl + step - 1,
    };
}

static size_t kv_bytes(const hg_cuda_attention *a)
{
    return (size_t)a->batch * (size_t)a->kv_heads *
           (((size_t)a->cached + (size_t)a->tokens + 3) / 4 * 4) * (size_t)a->dim * 2;
}

typedef struct needs {
    size_t pool, in, out;
} needs;

static needs gemm_needs(const hg_probe_call *call)
{
    size_t m = (size_t)hg_call_dim(call, "m"), n = (size_t)hg_call_dim(call, "n"),
           k = (size_t)hg_call_dim(call, "k");
    size_t element = call->shape.dtype == HG_FP8 ? 1 : 2;
    return (needs){ n * k * element, m * k * element, m * n * 2 };
}

static needs attention_needs(const hg_probe_call *call)
{
    hg_cuda_attention a = attention_of(call);
    size_t side = (size_t)a.batch * (size_t)a.heads * (size_t)a.tokens * (size_t)a.dim * 2;
    return (needs){ 2 * kv_bytes(&a), side, side };
}

static needs pass_needs(const hg_probe_call *call)
{
    size_t count = (size_t)(hg_call_dim(call, "m") * hg_call_dim(call, "k"));
    return (needs){ 2 * count, 0, count };
}

static needs ring_needs(const hg_probe_call *call)
{
    return (needs){ 0, (size_t)hg_call_dim(call, "message_size") * 2, 0 };
}

static bool run_gemm(cuda *c, const hg_probe_call *call, hg_err *err)
{
    return hg_cuda_gemm_run(&c->api, &c->gemm, next(c, gemm_needs(call).pool), c->in, c->out,
                            c->ring.stream[0], err);
}

static bool run_attention(cuda *c, const hg_probe_call *call, hg_err *err)
{
    hg_cuda_attention a = attention_of(call);
    a.q = c->in;
    a.out = c->out;
    a.k = next(c, 2 * kv_bytes(&a));
    a.v = a.k + kv_bytes(&a);
    return hg_cuda_attend(&c->api, &c->kernels, &a, c->ring.stream[0], err);
}

static bool run_pass(cuda *c, const hg_probe_call *call, hg_err *err)
{
    needs n = pass_needs(call);
    return hg_cuda_pass(&c->api, &c->kernels, next(c, n.pool), c->out, n.out, c->ring.stream[0],
                        err);
}

static bool run_ring(cuda *c, const hg_probe_call *call, hg_err *err)
{
    return hg_cuda_ring_run(&c->api, &c->ring, (size_t)hg_call_dim(call, "message_size"), err);
}

static bool ready_gemm(cuda *c, const hg_probe_call *call, hg_err *err)
{
    return hg_cuda_gemm_ready(&c->api, &c->gemm, call, err);
}

static bool ready_ring(cuda *c, const hg_probe_call *call, hg_err *err)
{
    return hg_cuda_ring_ready(&c->api, &c->ring, (int)hg_call_dim(call, "num_gpus"), err);
}

typedef struct kind { /* how an op runs here, and what it needs */
    const hg_op *op;
    needs (*needs)(const hg_probe_call *call);
    bool (*ready)(cuda *c, const hg_probe_call *call, hg_err *err); /* NULL: always */
    bool (*run)(cuda *c, const hg_probe_call *call, hg_err *err);
} kind;

static const kind kinds[] = {
    { &hg_op_gemm, gemm_needs, ready_gemm, run_gemm },
    { &hg_op_context_attention, attention_needs, NULL, run_attention },
    { &hg_op_generation_attention, attention_needs, NULL, run_attention },
    { &hg_op_memory_pass, pass_needs, NULL, run_pass },
    { &hg_op_nccl, ring_needs, ready_ring, run_ring },
};

static const kind *kind_of(const hg_op *op)
{
    const kind *k = kinds;
    while (k->op != op)
        k++;
    return k;
}

static bool fits(const void *ctx, const hg_probe_call *call)
{
    const cuda *c = ctx;
    needs n = kind_of(call->op)->needs(call);
    return n.pool <= c->pool_bytes && n.in <= c->in_bytes && n.out <= c->out_bytes;
}

static bool run(void *ctx, const hg_probe_call *call, int times, double *seconds, hg_err *err)
{
    cuda *c = ctx;
    const kind *k = kind_of(call->op);
    float ms = 0;
    if (times == 0)
        return (!k->ready || k->ready(c, call, err)) && k->run(c, call, err) &&
               HG_TRY(&c->api, DRIVER, err, cuStreamSynchronize, c->ring.stream[0]);
    bool ok = HG_TRY(&c->api, DRIVER, err, cuEventRecord, c->first, c->ring.stream[0]);
    for (int i = 0; ok && i < times; i++)
        ok = k->run(c, call, err);
    ok = ok && HG_TRY(&c->api, DRIVER, err, cuEventRecord, c->last, c->ring.stream[0]) &&
         HG_TRY(&c->api, DRIVER, err, cuEventSynchronize, c->last) &&
         HG_TRY(&c->api, DRIVER, err, cuEventElapsedTime, &ms, c->first, c->last);
    *seconds = 1e-3 * (double)ms;
    return ok;
}

static void close_cuda(void *ctx)
{
    cuda *c = ctx;
    const uint64_t memory[] = { c->pool, c->in, c->out };
    hg_cuda_gemm_close(&c->api, &c->gemm);
    hg_cuda_kernels_close(&c->api, &c->kernels);
    for (int i = 0; i < 3; i++)
        if (memory[i])
            c->api.cuMemFree_v2(memory[i]);
    if (c->first)
        c->api.cuEventDestroy_v2(c->first);
    if (c->last)
        c->api.cuEventDestroy_v2(c->last);
    hg_cuda_ring_close(&c->api, &c->ring);
    hg_cuda_unload(&c->api);
}

enum { /* CUdevice_attribute of cuda.h */
       CLOCK_KHZ = 13,
       UNITS = 16,
       MEMORY_KHZ = 36,
       BUS_BITS = 37,
       L2_BYTES = 38,
       MAJOR = 75,
       MINOR = 76
};

/* By compute capability: the architecture, and fp32 lanes of an SM (CUDA C++ programming guide,
 * table of arithmetic throughput). */
static const struct {
    int from, lanes;
    const char *name;
} architectures[] = {
    { 120, 128, "blackwell_rtx" },
    { 103, 128, "blackwell_ultra" },
    { 100, 128, "blackwell" },
    { 90, 128, "hopper" },
    { 89, 128, "ada" },
    { 86, 128, "ampere" },
    { 80, 64, "ampere" },
    { 75, 64, "turing" },
    { 70, 64, "volta" },
    { 0, 64, "older" },
};

static bool attribute(cuda *c, int which, int *value, hg_err *err)
{
    return HG_TRY(&c->api, DRIVER, err, cuDeviceGetAttribute, value, which, c->ring.device[0]);
}

static void fill_device(hg_arena *arena, const cuda *c, const char *name, size_t total,
                        const int *fact, hg_bench *out)
{
    size_t at = 0;
    while (architectures[at].from > c->capability)
        at++;
    double clock = 1e3 * fact[0];
    out->alias = hg_strdup(arena, name);
    out->device = (hg_device){
        .title = out->alias,
        .vendor = "nvidia",
        .architecture = architectures[at].name,
        .memory_bytes = (double)total,
        .usable_memory_bytes = (double)total,
        /* Two transfers a clock; a driver that does not say the clock leaves it to be measured. */
        .memory_bytes_per_s = fmax(1e9, 2 * 1e3 * (double)fact[2] * fact[3] / 8),
        .l2_bytes = fmax(1 << 20, fact[4]),
        .units = fact[1],
        .clock_hz = clock,
        .vector_flops_per_s = fmax(1e9, 2.0 * fact[1] * architectures[at].lanes * clock),
        .node_devices = c->count,
        .node_bytes_per_s = c->count > 1 ? 10e9 : 0, /* PCIe 3; collectives raise it */
    };
    /* The products tell what the tensor cores do; until then no less than the vector units. */
    out->device.tensor_flops_per_s[HG_FP32] = out->device.vector_flops_per_s;
    out->device.tensor_flops_per_s[HG_BF16] = out->device.vector_flops_per_s;
    out->clock =
        hg_textf(arena, "CUDA events; SMs at %.0f MHz at most by the driver", 1e-6 * clock);
}

static bool read_facts(hg_arena *arena, cuda *c, hg_bench *out, hg_err *err)
{
    static const int which[] = { CLOCK_KHZ, UNITS, MEMORY_KHZ, BUS_BITS, L2_BYTES, MAJOR, MINOR };
    enum { FACTS = sizeof which / sizeof *which };
    char name[256] = "";
    size_t total = 0;
    int fact[FACTS] = { 0 };
    bool ok = HG_TRY(&c->api, DRIVER, err, cuDeviceGetName, name, (int)sizeof name - 1,
                     c->ring.device[0]) &&
              HG_TRY(&c->api, DRIVER, err, cuDeviceTotalMem_v2, &total, c->ring.device[0]);
    for (int i = 0; ok && i < FACTS; i++)
        ok = attribute(c, which[i], &fact[i], err);
    if (!ok)
        return false;
    c->capability = 10 * fact[5] + fact[6];
    fill_device(arena, c, name, total, fact, out);
    return true;
}

static bool take_memory(cuda *c, double cache, hg_err *err)
{
    size_t free = 0, total = 0;
    if (!HG_TRY(&c->api, DRIVER, err, cuMemGetInfo_v2, &free, &total))
        return false;
    double most = OF_FREE * (double)free - 2 * (double)SIDE_BYTES;
    c->pool_bytes = (size_t)fmin(most, fmax(GIB, CACHES * cache)) / ALIGNMENT * ALIGNMENT;
    c->in_bytes = c->out_bytes = SIDE_BYTES;
    if (most < (double)SIDE_BYTES)
        return hg_fail(err, HG_WORLD, "cuMemGetInfo_v2",
                       "says %zu MB are free; the probe needs 2048", free >> 20);
    return HG_TRY(&c->api, DRIVER, err, cuMemAlloc_v2, &c->pool, c->pool_bytes) &&
           HG_TRY(&c->api, DRIVER, err, cuMemAlloc_v2, &c->in, c->in_bytes) &&
           HG_TRY(&c->api, DRIVER, err, cuMemAlloc_v2, &c->out, c->out_bytes);
}

/* Without NVRTC one value everywhere: 0.011 as bf16, 1.5 as fp8. */
static bool fill_one(cuda *c, uint64_t at, size_t bytes, hg_err *err)
{
    return c->has_kernels ? hg_cuda_fill(&c->api, &c->kernels, at, bytes, c->ring.stream[0], err)
                          : HG_TRY(&c->api, DRIVER, err, cuMemsetD16_v2, at, 0x3c3c, bytes / 2);
}

static bool fill_memory(cuda *c, hg_err *err)
{
    return fill_one(c, c->pool, c->pool_bytes, err) && fill_one(c, c->in, c->in_bytes, err) &&
           HG_TRY(&c->api, DRIVER, err, cuStreamSynchronize, c->ring.stream[0]);
}

/* A missing library costs its part of the probe, and is said. */
static bool load_or_say(hg_arena *arena, cuda *c, const char *folder, hg_cuda_library which,
                        hg_bench *out)
{
    hg_err missing;
    if (hg_cuda_load(arena, folder, which, &c->api, &missing))
        return true;
    hg_bench_note(out, hg_textf(arena, "%s %s", missing.where, missing.msg));
    return false;
}

static bool open_device(hg_arena *arena, cuda *c, const char *folder, hg_bench *out, hg_err *err)
{
    if (!HG_TRY(&c->api, DRIVER, err, cuInit, 0) ||
        !HG_TRY(&c->api, DRIVER, err, cuDeviceGetCount, &c->count))
        return false;
    if (c->count == 0)
        return hg_fail(err, HG_WORLD, "cuDeviceGetCount",
                       "says there is no device; is CUDA_VISIBLE_DEVICES empty?");
    if (c->count > 1 && !load_or_say(arena, c, folder, HG_NCCL, out))
        c->count = 1;
    c->count = (int)fmin(c->count, HG_CUDA_DEVICES);
    return hg_cuda_ring_open(&c->api, c->count, c->count > 1 ? RING_BYTES : ALIGNMENT, &c->ring,
                             err) &&
           read_facts(arena, c, out, err) &&
           HG_TRY(&c->api, DRIVER, err, cuEventCreate, &c->first, 0) &&
           HG_TRY(&c->api, DRIVER, err, cuEventCreate, &c->last, 0);
}

static bool open_parts(hg_arena *arena, cuda *c, const char *folder, hg_bench *out, hg_err *err)
{
    c->has_gemm = load_or_say(arena, c, folder, HG_CUBLASLT, out);
    c->has_kernels = load_or_say(arena, c, folder, HG_NVRTC, out);
    return (!c->has_gemm || hg_cuda_gemm_open(&c->api, &c->gemm, err)) &&
           (!c->has_kernels ||
            hg_cuda_kernels_open(arena, &c->api, c->capability, &c->kernels, err)) &&
           take_memory(c, out->device.l2_bytes, err) && fill_memory(c, err);
}

#define GEMM_AXES                                                                                  \
    {                                                                                              \
        { "m", 14, { 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192 } },            \
            { "n", 6, { 1024, 2048, 4096, 6144, 8192, 16384 } },                                   \
        {                                                                                          \
            "k", 6,                                                                                \
            {                                                                                      \
                1024, 2048, 4096, 6144, 8192, 16384                                                \
            }                                                                                      \
        }                                                                                          \
    }
#define HEAD_AXES                                                                                  \
    { "num_heads", 3, { 8, 16, 32 } }, { "num_key_value_heads", 4, { 2, 4, 8, 16 } },              \
    {                                                                                              \
        "head_dim", 2,                                                                             \
        {                                                                                          \
            64, 128                                                                                \
        }                                                                                          \
    }

static void add_grid(hg_bench *out, bool wanted, hg_grid grid)
{
    if (wanted)
        out->grid[out->grids++] = grid;
}

static void list_grids(const cuda *c, hg_bench *out)
{
    add_grid(out, c->has_gemm, (hg_grid){ &hg_op_gemm, { "cublaslt", "bfloat16" }, 3, GEMM_AXES });
    add_grid(out, c->has_gemm && c->capability >= 89, /* cublasLt's 8-bit floats begin with Ada */
             (hg_grid){ &hg_op_gemm, { "cublaslt", "fp8" }, 3, GEMM_AXES });
    add_grid(out, c->has_kernels,
             (hg_grid){ &hg_op_context_attention,
                        { "heng_simple", "bfloat16", "bfloat16" },
                        1,
                        { { "batch_size", 3, { 1, 2, 4 } },
                          { "isl", 6, { 16, 64, 256, 512, 1024, 2048 } },
                          HEAD_AXES,
                          { "step", 2, { 0, 1024 } } } });
    add_grid(out, c->has_kernels,
             (hg_grid){ &hg_op_generation_attention,
                        { "heng_simple", "bfloat16", "bfloat16" },
                        1,
                        { { "batch_size", 6, { 1, 4, 16, 32, 64, 128 } },
                          { "isl", 1, { 1 } },
                          HEAD_AXES,
                          { "step", 6, { 127, 255, 511, 1023, 2047, 4095 } } } });
    add_grid(out, c->has_kernels,
             (hg_grid){ &hg_op_memory_pass,
                        { "heng_simple", "int8" },
                        1,
                        { { "m", 8, { 1, 8, 64, 256, 1024, 4096, 8192, 16384 } },
                          { "k", 6, { 512, 1024, 2048, 4096, 8192, 16384 } } } });
    hg_grid ring = {
        &hg_op_nccl,
        { "all_reduce", "bfloat16" },
        1,
        { { "num_gpus", 0, { 0 } },
          { "message_size",
            9,
            { 1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20, 1 << 22, 1 << 24, 1 << 26 } } }
    };
    for (int n = 2; n <= c->count; n *= 2)
        ring.axis[0].value[ring.axis[0].count++] = n;
    add_grid(out, c->count > 1, ring);
}

static bool open_cuda(hg_arena *arena, const hg_probe_wish *wish, hg_bench *out, hg_err *err)
{
    cuda *c = HG_NEW(arena, cuda, 1);
    *out =
        (hg_bench){ .ctx = c, .sample_s = 200e-6, .fits = fits, .run = run, .close = close_cuda };
    if (!hg_cuda_load(arena, wish->libraries, HG_DRIVER, &c->api, err))
        return false;
    bool ok = open_device(arena, c, wish->libraries, out, err) &&
              open_parts(arena, c, wish->libraries, out, err);
    if (ok)
        list_grids(c, out);
    if (ok && out->grids == 0)
        ok = hg_fail(err, HG_WORLD, "cuda",
                     "neither cublasLt nor NVRTC is here: there is nothing to measure with");
    if (!ok) {
        close_cuda(c);
        return false;
    }
    hg_bench_note(out, "attention runs in a plain kernel of heng's own, slower than an engine's");
    out->source = "facts of the driver; matrix rates are the fastest product by cublasLt, "
                  "bandwidth that of the driver's "
                  "memory clock or the fastest pass";
    return true;
}

const hg_backend hg_backend_cuda = {
    "cuda", "products, attention, memory passes and collectives on NVIDIA's GPUs", open_cuda
};

#include "probe/backend.h"

#include "base/pool.h"
#include "base/text.h"
#include "probe/cpu_blas.h"
#include "probe/crew.h"
#include "probe/repeat.h"

#include <ctype.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

/* Memory: a pool that weights and KV caches are taken from in turn, beyond what caches hold; what
 * the last layer left behind, as queries and activations, stays where it is. */
typedef struct cpu {
    hg_crew *crew;
    const hg_cpu_kernels *kernels;
    hg_cpu_blas blas; /* library.handle NULL: none */
    void *pool, *in, *out;
    size_t pool_bytes, at, in_bytes, out_bytes;
    float *sums;
} cpu;

/* Least sizes: a layer of 8192 by 1024 in fp32; activations of 2048 tokens by 4096. */
static const size_t POOL_BYTES = (size_t)32 << 20, SIDE_BYTES = (size_t)32 << 20;
static const double CACHES = 4;       /* the pool holds so many of the last cache … */
static const double OF_MEMORY = 0.25; /* … but at most so much of the memory */

enum { ALIGNMENT = 4096 };

static void *next(cpu *c, size_t bytes)
{
    size_t size = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (c->at + size > c->pool_bytes)
        c->at = 0;
    void *p = (char *)c->pool + c->at;
    c->at += size;
    return p;
}

static bool is_bf16(const hg_probe_call *call)
{
    return call->shape.dtype == HG_BF16;
}

static hg_cpu_gemm gemm_of(cpu *c, const hg_probe_call *call)
{
    hg_cpu_gemm g = { .m = (size_t)hg_call_dim(call, "m"),
                      .n = (size_t)hg_call_dim(call, "n"),
                      .k = (size_t)hg_call_dim(call, "k"),
                      .a = c->in,
                      .c = c->out };
    g.w = next(c, g.n * g.k * (is_bf16(call) ? 2 : 4));
    return g;
}

static void run_gemm(cpu *c, const hg_probe_call *call)
{
    hg_cpu_gemm g = gemm_of(c, call);
    if (c->blas.library.handle)
        hg_cpu_blas_gemm(&c->blas, &g, is_bf16(call));
    else
        hg_crew_run(c->crew, c->kernels->gemm, &g);
}

static hg_cpu_attention attention_sizes(const hg_probe_call *call)
{
    bool prompt = call->op == &hg_op_context_attention;
    double isl = hg_call_dim(call, "isl"), step = hg_call_dim(call, "step");
    return (hg_cpu_attention){
        .batch = (size_t)hg_call_dim(call, "batch_size"),
        .tokens = prompt ? (size_t)isl : 1,
        .heads = (size_t)hg_call_dim(call, "num_heads"),
        .kv_heads = (size_t)hg_call_dim(call, "num_key_value_heads"),
        .dim = (size_t)hg_call_dim(call, "head_dim"),
        .cached = prompt ? (size_t)step : (size_t)(isl + step) - 1,
    };
}

static size_t kv_bytes(const hg_cpu_attention *a)
{
    return a->batch * a->kv_heads * ((a->cached + a->tokens + 3) / 4 * 4) * a->dim * 4;
}

static void run_attention(cpu *c, const hg_probe_call *call)
{
    hg_cpu_attention a = attention_sizes(call);
    a.q = c->in;
    a.out = c->out;
    a.k = next(c, 2 * kv_bytes(&a));
    a.v = a.k + kv_bytes(&a) / 4;
    hg_crew_run(c->crew, c->kernels->attention, &a);
}

static void run_pass(cpu *c, const hg_probe_call *call)
{
    hg_cpu_pass p = { .count = (size_t)(hg_call_dim(call, "m") * hg_call_dim(call, "k")),
                      .out = c->out,
                      .scale = 100 };
    p.in = next(c, 2 * p.count);
    hg_crew_run(c->crew, c->kernels->scale, &p);
}

typedef struct kind { /* how an op runs here, and what it needs */
    const hg_op *op;
    void (*run)(cpu *c, const hg_probe_call *call);
    void (*bytes)(const hg_probe_call *call, size_t *pool, size_t *in, size_t *out);
} kind;

static void gemm_bytes(const hg_probe_call *call, size_t *pool, size_t *in, size_t *out)
{
    size_t m = (size_t)hg_call_dim(call, "m"), n = (size_t)hg_call_dim(call, "n"),
           k = (size_t)hg_call_dim(call, "k");
    *pool = n * k * 4;
    *in = m * k * 4;
    *out = m * n * 4;
}

static void attention_bytes(const hg_probe_call *call, size_t *pool, size_t *in, size_t *out)
{
    hg_cpu_attention a = attention_sizes(call);
    *pool = 2 * kv_bytes(&a);
    *in = *out = a.batch * a.heads * a.tokens * a.dim * 4;
}

static void pass_bytes(const hg_probe_call *call, size_t *pool, size_t *in, size_t *out)
{
    *out = (size_t)(hg_call_dim(call, "m") * hg_call_dim(call, "k"));
    *pool = 2 * *out;
    *in = 0;
}

static const kind kinds[] = {
    { &hg_op_gemm, run_gemm, gemm_bytes },
    { &hg_op_context_attention, run_attention, attention_bytes },
    { &hg_op_generation_attention, run_attention, attention_bytes },
    { &hg_op_memory_pass, run_pass, pass_bytes },
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
    const cpu *c = ctx;
    size_t pool, in, out;
    kind_of(call->op)->bytes(call, &pool, &in, &out);
    return pool <= c->pool_bytes && in <= c->in_bytes && out <= c->out_bytes;
}

static bool run(void *ctx, const hg_probe_call *call, int times, double *seconds, hg_err *err)
{
    (void)err;
    const kind *k = kind_of(call->op);
    double start = hg_now_s();
    for (int i = 0; i < times; i++)
        k->run(ctx, call);
    *seconds = hg_now_s() - start;
    return true;
}

/* Linux counts for every thread how long it was ready to run and did not. */
static double waited(void *ctx)
{
    (void)ctx;
    unsigned long long ran_ns, waited_ns, sum_ns = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *task; tasks && (task = readdir(tasks));) {
        char path[320];
        snprintf(path, sizeof path, "/proc/self/task/%s/schedstat", task->d_name);
        FILE *f = isdigit((unsigned char)task->d_name[0]) ? fopen(path, "r") : NULL;
        if (f && fscanf(f, "%llu %llu", &ran_ns, &waited_ns) == 2)
            sum_ns += waited_ns;
        if (f)
            fclose(f);
    }
    if (tasks)
        closedir(tasks);
    return 1e-9 * (double)sum_ns;
}

static void close_cpu(void *ctx)
{
    cpu *c = ctx;
    if (c->crew)
        hg_crew_close(c->crew);
    if (c->pool)
        munmap(c->pool, c->pool_bytes + c->in_bytes + c->out_bytes);
    hg_library_close(&c->blas.library);
}

/* The first line of a file that starts with the key: what follows its colon. */
static const char *line_of(hg_arena *arena, const char *path, const char *key)
{
    char line[512];
    FILE *f = fopen(path, "r");
    const char *found = NULL;
    while (f && !found && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        char *colon = strchr(line, ':');
        if (colon && hg_starts(line, key))
            found = hg_strdup(arena, colon + 1 + strspn(colon + 1, " "));
    }
    if (f)
        fclose(f);
    return found;
}

/* The largest that the kernel lists for the first core.  glibc's own answer counts an AMD cache ten
 * times in some virtual machines, so it comes second; and where nobody says, a megabyte. */
static double cache_bytes(void)
{
    double most = 0;
    for (int i = 0; i < 8; i++) {
        char path[96];
        double kib;
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/size", i);
        FILE *f = fopen(path, "r");
        if (f && fscanf(f, "%lfK", &kib) == 1)
            most = fmax(most, 1024 * kib);
        if (f)
            fclose(f);
    }
    if (most <= 0)
        most = fmax((double)sysconf(_SC_LEVEL2_CACHE_SIZE), (double)sysconf(_SC_LEVEL3_CACHE_SIZE));
    return fmax(1 << 20, most);
}

static void read_facts(hg_arena *arena, const cpu *c, hg_bench *out)
{
    struct utsname system;
    const char *model = line_of(arena, "/proc/cpuinfo", "model name");
    const char *mhz = line_of(arena, "/proc/cpuinfo", "cpu MHz");
    uname(&system);
    int threads = hg_crew_threads(c->crew);
    out->alias = model ? model : hg_strdup(arena, system.machine);
    double memory = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    out->device = (hg_device){
        .title = hg_textf(arena, "%s, %d threads", out->alias, threads),
        .vendor = "cpu",
        .architecture = hg_strdup(arena, system.machine),
        .memory_bytes = memory,
        .usable_memory_bytes = memory,
        .l2_bytes = cache_bytes(),
        .units = threads,
        .clock_hz = mhz ? 1e6 * atof(mhz) : 0,
        .node_devices = 1,
    };
    out->clock =
        hg_textf(arena, "CLOCK_MONOTONIC; cores at %s MHz by /proc/cpuinfo", mhz ? mhz : "unknown");
}

/* Both halves of a word are bf16 numbers of at most one, so that operands of either width hold
 * neither huge nor denormal numbers. */
static void fill(void *ctx, int part, int parts)
{
    cpu *c = ctx;
    size_t words = (c->pool_bytes + c->in_bytes + c->out_bytes) / 4;
    uint32_t *w = c->pool, x = 2463534242u + (uint32_t)part;
    for (size_t i = words * (size_t)part / (size_t)parts;
         i < words * ((size_t)part + 1) / (size_t)parts; i++) {
        x ^= x << 13; /* xorshift32, Marsaglia 2003 */
        x ^= x >> 17;
        x ^= x << 5;
        w[i] = (x & 0x80ff80ffu) | 0x3e003e00u;
    }
}

static bool take_memory(cpu *c, double cache, double memory, hg_err *err)
{
    double most = fmax(memory * OF_MEMORY, 4 * (double)SIDE_BYTES);
    double pool = fmin(fmax((double)POOL_BYTES, CACHES * cache), most - 2 * (double)SIDE_BYTES);
    c->pool_bytes = (size_t)pool / ALIGNMENT * ALIGNMENT;
    c->in_bytes = c->out_bytes = SIDE_BYTES;
    size_t all = c->pool_bytes + c->in_bytes + c->out_bytes;
    void *p = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return hg_fail(err, HG_WORLD, "memory", "the system refuses %zu MB for operands",
                       all >> 20);
    madvise(p, all, MADV_HUGEPAGE);
    c->pool = p;
    c->in = (char *)p + c->pool_bytes;
    c->out = (char *)c->in + c->in_bytes;
    hg_crew_run(c->crew, fill, c);
    return true;
}

/* The best of a few: first rates, that calls may raise. */
enum { FIRST_RUNS = 4, SQUARE = 512 };

static double read_rate(cpu *c)
{
    hg_cpu_pass p = { .count = c->pool_bytes / 4, .in = c->pool, .sums = c->sums };
    double least_s = INFINITY;
    for (int i = 0; i < FIRST_RUNS; i++) {
        double start = hg_now_s();
        hg_crew_run(c->crew, c->kernels->read, &p);
        least_s = fmin(least_s, hg_now_s() - start);
    }
    return (double)c->pool_bytes / least_s;
}

static double product_rate(cpu *c, hg_dtype dtype)
{
    hg_probe_call square = { .op = &hg_op_gemm,
                             .shape = { .d = { SQUARE, SQUARE, SQUARE }, .dtype = dtype } };
    double least_s = INFINITY;
    for (int i = 0; i < FIRST_RUNS; i++) {
        double start = hg_now_s();
        run_gemm(c, &square);
        least_s = fmin(least_s, hg_now_s() - start);
    }
    return 2.0 * SQUARE * SQUARE * SQUARE / least_s;
}

static void first_rates(cpu *c, hg_device *d)
{
    d->memory_bytes_per_s = read_rate(c);
    d->tensor_flops_per_s[HG_FP32] = d->vector_flops_per_s = product_rate(c, HG_FP32);
    if (c->blas.bf16_kernel)
        d->tensor_flops_per_s[HG_BF16] = product_rate(c, HG_BF16);
}

#define GEMM_AXES                                                                                  \
    {                                                                                              \
        { "m", 12, { 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048 } },                        \
            { "n", 5, { 512, 1024, 2048, 4096, 8192 } },                                           \
        {                                                                                          \
            "k", 5,                                                                                \
            {                                                                                      \
                512, 1024, 2048, 4096, 8192                                                        \
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

static void list_grids(hg_arena *arena, const cpu *c, hg_bench *out)
{
    const char *own = hg_textf(arena, "heng_c_%s", c->kernels->isa);
    const char *gemm = c->blas.kernel ? c->blas.kernel : own;
    hg_grid grids[] = {
        { &hg_op_memory_pass,
          { own, "int8" },
          1,
          { { "m", 9, { 1, 4, 16, 64, 256, 1024, 2048, 4096, 8192 } },
            { "k", 6, { 512, 1024, 2048, 4096, 8192, 16384 } } } },
        { &hg_op_context_attention,
          { own, "float32", "float32" },
          3,
          { { "batch_size", 3, { 1, 2, 4 } },
            { "isl", 7, { 16, 64, 128, 256, 512, 1024, 2048 } },
            HEAD_AXES,
            { "step", 2, { 0, 512 } } } },
        { &hg_op_generation_attention,
          { own, "float32", "float32" },
          2,
          { { "batch_size", 6, { 1, 2, 4, 8, 16, 32 } },
            { "isl", 1, { 1 } },
            HEAD_AXES,
            { "step", 7, { 63, 127, 255, 511, 1023, 2047, 4095 } } } },
        { &hg_op_gemm, { gemm, "float32" }, 4, GEMM_AXES },
        { &hg_op_gemm, { c->blas.bf16_kernel, "bfloat16" }, 3, GEMM_AXES },
    };
    out->grids = sizeof grids / sizeof *grids - (c->blas.bf16_kernel ? 0 : 1);
    memcpy(out->grid, grids, (size_t)out->grids * sizeof *grids);
}

static void say_what_runs(hg_arena *arena, const cpu *c, const hg_err *no_blas, hg_bench *out)
{
    const char *own = hg_textf(arena, "plain C with %s", c->kernels->isa);
    if (!c->blas.library.handle)
        hg_bench_note(
            out, hg_textf(arena, "%s %s; products run in %s", no_blas->where, no_blas->msg, own));
    else if (!c->blas.bf16_kernel)
        hg_bench_note(out, hg_textf(arena, "%s has no cblas_sbgemm: bf16 products are not measured",
                                    c->blas.library.name));
    hg_bench_note(out, hg_textf(arena, "attention and memory passes run in %s", own));
    out->source = hg_textf(arena,
                           "facts of the system; bandwidth read from memory by %s, and rate of the "
                           "fastest product by %s%s",
                           own, c->blas.kernel ? c->blas.kernel : own,
                           c->blas.bf16_kernel ? "" : "; bf16 is taken to be widened");
}

static bool open_cpu(hg_arena *arena, const hg_probe_wish *wish, hg_bench *out, hg_err *err)
{
    cpu *c = HG_NEW(arena, cpu, 1);
    hg_err no_blas = { 0 };
    int threads = wish->threads > 0 ? wish->threads : hg_processors();
    *out = (hg_bench){
        .ctx = c, .sample_s = 200e-6, .fits = fits, .run = run, .waited = waited, .close = close_cpu
    };
    const hg_cpu_kernels *kernels[4];
    hg_cpu_kernels_list(kernels);
    c->kernels = kernels[0];
    c->crew = hg_crew_open(threads);
    if (!c->crew)
        return hg_fail(err, HG_WORLD, "threads", "the system refuses %d; say fewer with --threads",
                       threads);
    c->sums = HG_NEW(arena, float, threads);
    hg_cpu_blas_open(arena, wish->libraries, threads, &c->blas, &no_blas);
    read_facts(arena, c, out);
    if (!take_memory(c, out->device.l2_bytes, out->device.memory_bytes, err)) {
        close_cpu(c);
        return false;
    }
    first_rates(c, &out->device);
    list_grids(arena, c, out);
    say_what_runs(arena, c, &no_blas, out);
    return true;
}

const hg_backend hg_backend_cpu = { "cpu",
                                    "products, attention and memory passes on all processors",
                                    open_cpu };

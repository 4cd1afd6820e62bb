#include "test.h"

#include "fit/table.h"
#include "probe/cpu_kernels.h"
#include "probe/crew.h"
#include "probe/library.h"
#include "probe/probe.h"
#include "probe/repeat.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void fill(float *x, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(seed >> 8) / (float)(1 << 24) - 0.5f;
    }
}

static double worst(const float *got, const double *want, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs(got[i] - want[i]));
    return most;
}

static void all_parts(void (*kernel)(void *, int, int), void *ctx, int parts)
{
    for (int i = 0; i < parts; i++)
        kernel(ctx, i, parts);
}

static void check_gemm(const hg_cpu_kernels *kernels)
{
    enum { M = 67, N = 20, K = 544 };
    static float a[M * K], w[N * K], c[M * N];
    static double want[M * N];
    fill(a, M * K, 1);
    fill(w, N * K, 2);
    for (int i = 0; i < M; i++)
        for (int j = 0; j < N; j++) {
            want[i * N + j] = 0;
            for (int k = 0; k < K; k++)
                want[i * N + j] += (double)a[i * K + k] * w[j * K + k];
        }
    all_parts(kernels->gemm, &(hg_cpu_gemm){ M, N, K, a, w, c }, 3);
    CHECKF(worst(c, want, M * N) < 1e-4, "gemm, %s: off by %g", kernels->isa,
           worst(c, want, M * N));
}

/* One query against the tokens it sees, by the definition. */
static void attend(const float *q, const float *k, const float *v, size_t seen, size_t dim,
                   double *out)
{
    double total = 0;
    memset(out, 0, dim * sizeof *out);
    for (size_t t = 0; t < seen; t++) {
        double s = 0;
        for (size_t d = 0; d < dim; d++)
            s += (double)q[d] * k[t * dim + d];
        double p = exp(s / sqrt((double)dim));
        total += p;
        for (size_t d = 0; d < dim; d++)
            out[d] += p * v[t * dim + d];
    }
    for (size_t d = 0; d < dim; d++)
        out[d] /= total;
}

static void check_attention(const hg_cpu_kernels *kernels, size_t tokens, size_t cached)
{
    enum { BATCH = 2, HEADS = 10, KV = 2, DIM = 64, MOST = 160 };
    static float q[BATCH * HEADS * MOST * DIM], out[BATCH * HEADS * MOST * DIM];
    static float k[BATCH * KV * MOST * DIM], v[BATCH * KV * MOST * DIM];
    static double want[BATCH * HEADS * MOST * DIM];
    fill(q, sizeof q / sizeof *q, 3);
    fill(k, sizeof k / sizeof *k, 4);
    fill(v, sizeof v / sizeof *v, 5);
    for (size_t i = 0; i < sizeof q / sizeof *q; i++)
        q[i] *= 20; /* so that the softmax is far from even */
    size_t padded = (cached + tokens + 3) / 4 * 4;
    for (size_t b = 0; b < BATCH; b++)
        for (size_t h = 0; h < HEADS; h++)
            for (size_t t = 0; t < tokens; t++) {
                size_t at = ((b * HEADS + h) * tokens + t) * DIM,
                       kv = (b * KV + h / (HEADS / KV)) * padded * DIM;
                attend(q + at, k + kv, v + kv, cached + t + 1, DIM, want + at);
            }
    hg_cpu_attention a = { BATCH, tokens, HEADS, KV, DIM, cached, q, k, v, out };
    all_parts(kernels->attention, &a, 3);
    double off = worst(out, want, BATCH * HEADS * tokens * DIM);
    CHECKF(off < 1e-4, "attention of %zu after %zu, %s: off by %g", tokens, cached, kernels->isa,
           off);
}

static void check_passes(const hg_cpu_kernels *kernels)
{
    enum { N = 4096 };
    static float x[N];
    uint16_t half[4] = { 0x3f80, 0xbf00, 0x4200, 0xc200 }; /* 1, -0.5, 32, -32 */
    int8_t bytes[4];
    float sums[2];
    fill(x, N, 6);
    double want = 0;
    for (int i = 0; i < N; i++)
        want += x[i];
    all_parts(kernels->read, &(hg_cpu_pass){ .count = N, .in = x, .sums = sums }, 2);
    CHECKF(fabs(sums[0] + sums[1] - want) < 1e-3, "read, %s: %g, want %g", kernels->isa,
           sums[0] + sums[1], want);
    all_parts(kernels->scale, &(hg_cpu_pass){ .count = 4, .in = half, .out = bytes, .scale = 4 },
              2);
    CHECKF(bytes[0] == 4 && bytes[1] == -2 && bytes[2] == 127 && bytes[3] == -127,
           "scale, %s: %d %d %d %d", kernels->isa, bytes[0], bytes[1], bytes[2], bytes[3]);
}

static void test_kernels(void)
{
    const hg_cpu_kernels *list[4];
    for (int i = hg_cpu_kernels_list(list); i-- > 0;) {
        check_gemm(list[i]);
        check_attention(list[i], 1, 130);
        check_attention(list[i], 7, 0);
        check_attention(list[i], 90, 67);
        check_passes(list[i]);
    }
}

static void count_part(void *ctx, int part, int parts)
{
    atomic_int *counts = ctx;
    CHECK(part < parts);
    atomic_fetch_add(&counts[part], 1);
}

static void test_crew(void)
{
    enum { THREADS = 5, JOBS = 300 };
    atomic_int counts[THREADS] = { 0 };
    hg_crew *crew = hg_crew_open(THREADS);
    CHECK(crew && hg_crew_threads(crew) == THREADS);
    for (int i = 0; i < JOBS; i++)
        hg_crew_run(crew, count_part, counts);
    hg_crew_close(crew);
    for (int i = 0; i < THREADS; i++)
        CHECKF(counts[i] == JOBS, "part %d ran %d times, want %d", i, counts[i], JOBS);
}

/* A machine whose calls take known times: 1 ms, every fourth 50 ms because of a neighbour. */
typedef struct known {
    int calls, runs;
    double seconds;
} known;

static bool run_known(void *ctx, const hg_probe_call *c, int times, double *seconds, hg_err *err)
{
    (void)c;
    (void)err;
    known *k = ctx;
    k->calls += times;
    *seconds = times * (k->runs++ % 4 == 3 ? 50 * k->seconds : k->seconds);
    return true;
}

static void test_repeat(void)
{
    known k = { .seconds = 1e-3 };
    hg_bench bench = { .ctx = &k, .sample_s = 1e-4, .run = run_known };
    hg_probe_call call = { .op = &hg_op_gemm };
    hg_samples s = { .count = 0 };
    hg_err err;
    double spread;
    for (int i = 0; i < HG_VISITS; i++)
        CHECK(hg_visit(&bench, &call, 1, &s, &err) && !s.too_long);
    CHECK(s.count == HG_SAMPLES);
    CHECK_NEAR(hg_samples_median(&s, &spread), 1e-3, 1e-9);
    k = (known){ .seconds = 1.01e-6 };
    s = (hg_samples){ .count = 0 };
    CHECK(hg_visit(&bench, &call, 1, &s, &err));
    CHECKF(k.calls == 1 + 100 * HG_VISIT_SAMPLES, "short calls fill a sample: %d calls", k.calls);
    k = (known){ .seconds = 0.1 };
    s = (hg_samples){ .count = 0 };
    CHECK(hg_visit(&bench, &call, 0.01, &s, &err) && s.too_long && k.calls == 1);
}

/* What is written is read back: the device by its reader, tables by theirs, each row legal and no fewer than
 * `least` a table (a busy processor measures fewer in its time than an idle one). */
static void check_written(hg_arena *arena, const hg_probe *p, size_t least)
{
    hg_err err = { 0 };
    hg_device d;
    const char *json = hg_probe_device_json(arena, p, "here", "2026-11-23");
    CHECKF(hg_device_read(arena, "here.json", json, strlen(json), &d, &err), "%s %s", err.where,
           err.msg);
    CHECK_NEAR(d.memory_bytes_per_s, p->device.memory_bytes_per_s, 1e-4);
    CHECK(d.l2_bytes > 0 && d.vector_flops_per_s > 0 && d.tensor_flops_per_s[HG_BF16] > 0 &&
          d.units > 0);
    size_t rows = 0;
    char path[] = "/tmp/heng-probe-XXXXXX.csv";
    int fd = mkstemps(path, 4);
    CHECK(fd >= 0);
    for (int i = 0; i < hg_op_count; i++) {
        hg_table t;
        const char *csv = hg_probe_csv(arena, p, hg_ops[i]);
        if (!csv)
            continue;
        CHECK(ftruncate(fd, 0) == 0 && pwrite(fd, csv, strlen(csv), 0) == (ssize_t)strlen(csv));
        CHECKF(hg_table_read(arena, hg_ops[i], path, &t, &err), "%s %s", err.where, err.msg);
        CHECKF(t.count >= least && t.skipped == 0, "%s: %zu rows, %zu skipped", hg_ops[i]->name,
               t.count, t.skipped);
        rows += t.count;
    }
    close(fd);
    unlink(path);
    CHECKF(rows == p->count, "%zu rows read, %zu measured", rows, p->count);
}

/* Samples that waited for a processor do not count while three quiet ones are there. */
static void test_quiet(void)
{
    hg_samples s = { .x = { 9, 1, 8, 1.2, 1.1 },
                     .waited_frac = { 0.5, 0, 0.9, 0.01, 0 },
                     .count = 5 };
    double spread;
    CHECK_NEAR(hg_samples_median(&s, &spread), 1.1, 1e-12);
    CHECK(!hg_samples_disturbed(&s));
    s.waited_frac[1] = 0.1;
    CHECK_NEAR(hg_samples_median(&s, &spread), 1.1, 1e-12);
    CHECK(hg_samples_disturbed(&s));
}

static void test_cpu(void)
{
    hg_arena arena;
    hg_probe p;
    hg_err err = { 0 };
    hg_probe_wish wish = { .budget_s = 0.1, .threads = 2, .libraries = "test/data" };
    if (!hg_arena_open(&arena, 0))
        return;
    CHECKF(hg_probe_run(&arena, &hg_backend_cpu, &wish, &p, &err), "%s %s", err.where, err.msg);
    CHECKF(p.notes[0] &&
               strstr(p.notes[0],
                      "libopenblas.so.0 was not found in test/data: OpenBLAS is not installed"),
           "%s", p.notes[0] ? p.notes[0] : "no note");
    check_written(&arena, &p, 1);
    hg_arena_close(&arena);
}

static void test_names(void)
{
    static const char *const rows[][2] = { { "AMD EPYC 9654", "amd_epyc_9654" },
                                           { " NVIDIA H200 (x) ", "nvidia_h200_x" },
                                           { "--", "machine" } };
    hg_arena arena;
    if (!hg_arena_open(&arena, 0))
        return;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        CHECK_STR(hg_probe_name(&arena, rows[i][0]), rows[i][1]);
    hg_arena_close(&arena);
}

/* The stand-ins for NVIDIA's libraries and OpenBLAS (test/fake), in a folder under all their names.
 */
typedef struct fake {
    char folder[64];
    hg_library library;
    long (*count)(int call);
    const char *(*name)(int call);
    long (*handed_out)(void);
    void (*reset)(int fail_call, int devices);
} fake;

static const char *const fake_names[] = { "libcuda.so.1", "libcublasLt.so.13", "libnvrtc.so.13",
                                          "libnccl.so.2", "libopenblas.so.0",  NULL };
enum { FAKE_NAMES = sizeof fake_names / sizeof *fake_names - 1 };

static void link_name(const fake *f, int i, bool there)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", f->folder, fake_names[i]);
    CHECK(there ? symlink(HG_FAKE_LIBRARY, path) == 0 : unlink(path) == 0);
}

static bool open_fake(hg_arena *arena, fake *f)
{
    static const hg_symbol symbols[] = { { "fake_count", offsetof(fake, count), false },
                                         { "fake_name", offsetof(fake, name), false },
                                         { "fake_handed_out", offsetof(fake, handed_out), false },
                                         { "fake_reset", offsetof(fake, reset), false } };
    hg_err err = { 0 };
    snprintf(f->folder, sizeof f->folder, "/tmp/heng-fake-XXXXXX");
    if (!mkdtemp(f->folder))
        return false;
    for (int i = 0; i < FAKE_NAMES; i++)
        link_name(f, i, true);
    bool ok =
        hg_library_open(arena, f->folder, fake_names, "it was just put there", &f->library, &err) &&
        hg_library_bind(&f->library, symbols, 4, f, &err);
    CHECKF(ok, "%s %s", err.where, err.msg);
    return ok;
}

static void close_fake(fake *f)
{
    for (int i = 0; i < FAKE_NAMES; i++)
        link_name(f, i, false);
    rmdir(f->folder);
    hg_library_close(&f->library);
}

static long calls_of(const fake *f, const char *name)
{
    for (int i = 0; f->name(i); i++)
        if (strcmp(f->name(i), name) == 0)
            return f->count(i);
    return -1;
}

static bool probe_fake(const fake *f, hg_probe *p, hg_arena *arena, hg_err *err)
{
    hg_probe_wish wish = { .budget_s = 0.02, .libraries = f->folder };
    return hg_probe_run(arena, &hg_backend_cuda, &wish, p, err);
}

static bool has_note(const hg_probe *p, const char *text)
{
    for (int i = 0; p->notes[i]; i++)
        if (strstr(p->notes[i], text))
            return true;
    return false;
}

/* Products of both widths go to the library, which is told how many threads to take. */
static void test_blas(hg_arena arena, fake *f)
{
    struct {
        long (*right)(void), (*wrong)(void);
        int (*threads)(void);
    } api;
    static const char *const blas[] = { "libopenblas.so.0", NULL };
    const hg_symbol symbols[] = { { "fake_blas_right", 0, false },
                                  { "fake_blas_wrong", sizeof api.right, false },
                                  { "fake_blas_threads", 2 * sizeof api.right, false } };
    hg_probe p;
    hg_library l;
    hg_err err = { 0 };
    hg_probe_wish wish = { .budget_s = 0.1, .threads = 2, .libraries = f->folder };
    CHECK(hg_library_open(&arena, f->folder, blas, "it was just put there", &l, &err) &&
          hg_library_bind(&l, symbols, 3, &api, &err));
    CHECKF(hg_probe_run(&arena, &hg_backend_cpu, &wish, &p, &err), "%s %s", err.where, err.msg);
    const char *csv = hg_probe_csv(&arena, &p, &hg_op_gemm);
    CHECK(csv && strstr(csv, "openblas_9.9_sgemm,float32") &&
          strstr(csv, "openblas_9.9_sbgemm,bfloat16"));
    CHECK(!has_note(&p, "not found") && !has_note(&p, "cblas_sbgemm"));
    CHECKF(api.right() > 100 && api.wrong() == 0 && api.threads() == 2,
           "%ld right, %ld wrong, %d threads", api.right(), api.wrong(), api.threads());
    check_written(&arena, &p, 12);
    hg_library_close(&l);
}

/* One device: what is left out is said, what is there is measured, and everything is given back. */
static void test_cuda_parts(hg_arena arena, fake *f)
{
    static const struct {
        int without;
        const char *note, *op;
    } rows[] = { { -1, NULL, "gemm" },
                 { 1, "libcublasLt.so.13 was not found", "scale_matrix" },
                 { 2, "libnvrtc.so.13 was not found", "gemm" } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_probe p;
        hg_err err = { 0 };
        if (rows[i].without >= 0)
            link_name(f, rows[i].without, false);
        f->reset(-1, 1);
        CHECKF(probe_fake(f, &p, &arena, &err), "%s %s", err.where, err.msg);
        CHECKF(!rows[i].note || has_note(&p, rows[i].note), "'%s' is not said", rows[i].note);
        CHECKF(hg_probe_csv(&arena, &p, hg_op_find(rows[i].op)) != NULL, "%s was not measured",
               rows[i].op);
        CHECKF(f->handed_out() == 0, "%ld things were not given back", f->handed_out());
        CHECK((rows[i].without == 1) == (calls_of(f, "cublasLtMatmul") == 0));
        CHECK((rows[i].without == 2) == (calls_of(f, "cuLaunchKernel") == 0));
        CHECK(calls_of(f, "ncclCommInitAll") == 0);
        check_written(&arena, &p, 12);
        if (rows[i].without >= 0)
            link_name(f, rows[i].without, true);
    }
}

static void test_cuda_missing(hg_arena arena, fake *f)
{
    hg_probe p;
    hg_err err = { 0 };
    hg_probe_wish wish = { .budget_s = 0.02, .libraries = "test/data" };
    CHECK(!hg_probe_run(&arena, &hg_backend_cuda, &wish, &p, &err));
    CHECKF(strcmp(err.where, "libcuda.so.1") == 0 && strstr(err.msg, "no NVIDIA driver here"),
           "%s %s", err.where, err.msg);
    f->reset(-1, 0);
    CHECK(!probe_fake(f, &p, &arena, &err));
    CHECKF(strstr(err.msg, "no device"), "%s %s", err.where, err.msg);
    CHECK(f->handed_out() == 0);
}

/* Four devices: collectives of two and four; the device has its link. */
static void test_cuda_ring(hg_arena arena, fake *f)
{
    hg_probe p;
    hg_err err = { 0 };
    f->reset(-1, 4);
    CHECKF(probe_fake(f, &p, &arena, &err), "%s %s", err.where, err.msg);
    CHECK(f->handed_out() == 0 && p.device.node_devices == 4 && p.device.node_bytes_per_s > 0);
    CHECK(calls_of(f, "ncclAllReduce") > 2 * calls_of(f, "ncclGroupStart"));
    CHECK(calls_of(f, "ncclGroupStart") == calls_of(f, "ncclGroupEnd"));
    const char *csv = hg_probe_csv(&arena, &p, &hg_op_nccl);
    CHECK(csv && strncmp(csv, "op_name,nccl_dtype,num_gpus,message_size,latency_ms", 51) == 0);
    CHECK(csv && strstr(csv, "all_reduce,bfloat16,4,"));
    check_written(&arena, &p, 12);
}

/* Whichever call fails, the probe ends with its name and the status's, and gives everything back;
 * only while giving back may a status be passed over. */
static void test_cuda_failures(hg_arena arena, fake *f)
{
    int failed = 0;
    for (int call = 0; f->name(call); call++) {
        hg_arena own = arena;
        hg_probe p;
        hg_err err = { 0 };
        const char *name = f->name(call);
        bool gives_back = strstr(name, "Destroy") || strstr(name, "Free") ||
                          strstr(name, "Release") || strstr(name, "Unload");
        f->reset(call, 2);
        bool ok = probe_fake(f, &p, &own, &err);
        CHECKF(f->handed_out() == 0, "%s fails: %ld things were not given back", name,
               f->handed_out());
        if (calls_of(f, name) == 0 || strcmp(name, "cuGetErrorName") == 0)
            continue;
        failed++;
        CHECKF(ok == gives_back, "%s fails: %s", name, ok ? "unseen" : err.msg);
        CHECKF(gives_back || (strcmp(err.where, name) == 0 && err.code == HG_WORLD),
               "%s fails: %s %s", name, err.where, err.msg);
        CHECKF(gives_back || strstr(err.msg, "OUT_OF_MEMORY") || strstr(err.msg, "NOT_WELL") ||
                   strstr(err.msg, "the fake compiler is not well"),
               "%s fails: %s", name, err.msg);
    }
    CHECKF(failed > 40, "only %d calls were made to fail", failed);
}

static void test_cuda(void)
{
    hg_arena arena;
    fake f;
    if (!hg_arena_open(&arena, 0))
        return;
    if (open_fake(&arena, &f)) {
        test_blas(arena, &f);
        test_cuda_parts(arena, &f);
        test_cuda_missing(arena, &f);
        test_cuda_ring(arena, &f);
        test_cuda_failures(arena, &f);
        close_fake(&f);
    }
    hg_arena_close(&arena);
}

void test_probe(void)
{
    test_kernels();
    test_crew();
    test_repeat();
    test_quiet();
    test_names();
    test_cpu();
    test_cuda();
}

/* A driver, cublasLt, NVRTC and NCCL with a clock of their own: enough to walk the probe's whole
 * sequence of calls.  Counts calls, keeps the books of everything handed out, and fails on demand. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hg_cublaslt_choice;

/* In the order of the list. */
enum {
#define CALL(library, name, parameters) AT_##name,
#define SAYS(library, name)
#include "probe/cuda_api.def"
#undef CALL
#undef SAYS
    CALLS
};

static const char *const names[CALLS] = {
#define CALL(library, name, parameters) [AT_##name] = #name,
#define SAYS(library, name)
#include "probe/cuda_api.def"
#undef CALL
#undef SAYS
};

static long counts[CALLS];
static int failing = -1, devices = 1, unsupported;
static long handed_out;
static double clock_s;

/* For the tests. */
long fake_count(int call) { return call < CALLS ? counts[call] : -1; }
const char *fake_name(int call) { return call < CALLS ? names[call] : NULL; }
long fake_handed_out(void) { return handed_out; }
void fake_reset(int fail_call, int device_count)
{
    memset(counts, 0, sizeof counts);
    failing = fail_call;
    devices = device_count;
    handed_out = 0;
    clock_s = 0;
    unsupported = 0;
}

/* Counts the call; the failing one returns 2 whatever the library. */
#define ENTER(name)                                                                                \
    do {                                                                                           \
        counts[AT_##name]++;                                                                       \
        if (failing == AT_##name)                                                                  \
            return 2;                                                                              \
    } while (0)

static int hand_out(void **out, size_t bytes)
{
    *out = calloc(1, bytes);
    handed_out++;
    return 0;
}

/* Giving back works even where it is told to fail: the books must balance. */
#define GIVE_BACK(name, what)                                                                      \
    do {                                                                                           \
        free(what);                                                                                \
        handed_out--;                                                                              \
        ENTER(name);                                                                               \
        return 0;                                                                                  \
    } while (0)

int cuInit(unsigned flags) { (void)flags; ENTER(cuInit); return 0; }
int cuGetErrorName(int status, const char **name)
{
    counts[AT_cuGetErrorName]++;
    *name = status == 2 ? "CUDA_ERROR_OUT_OF_MEMORY" : NULL;
    return *name ? 0 : 1;
}
int cuDriverGetVersion(int *version) { ENTER(cuDriverGetVersion); *version = 13000; return 0; }
int cuDeviceGetCount(int *count) { ENTER(cuDeviceGetCount); *count = devices; return 0; }
int cuDeviceGet(int *device, int ordinal) { ENTER(cuDeviceGet); *device = ordinal; return 0; }
int cuDeviceGetName(char *name, int size, int device)
{
    (void)device;
    ENTER(cuDeviceGetName);
    snprintf(name, (size_t)size, "Fake GPU 9000");
    return 0;
}
int cuDeviceGetAttribute(int *value, int attribute, int device)
{
    (void)device;
    ENTER(cuDeviceGetAttribute);
    switch (attribute) {
    case 13: *value = 1500000; return 0;
    case 16: *value = 100; return 0;
    case 36: *value = 2000000; return 0;
    case 37: *value = 4096; return 0;
    case 38: *value = 40 << 20; return 0;
    case 75: *value = 9; return 0;
    case 76: *value = 0; return 0;
    default: return 1;
    }
}
int cuDeviceTotalMem_v2(size_t *bytes, int device)
{
    (void)device;
    ENTER(cuDeviceTotalMem_v2);
    *bytes = (size_t)80 << 30;
    return 0;
}
int cuDevicePrimaryCtxRetain(void **context, int device)
{
    static char contexts[64];
    ENTER(cuDevicePrimaryCtxRetain);
    *context = &contexts[device];
    handed_out++;
    return 0;
}
int cuDevicePrimaryCtxRelease_v2(int device) { (void)device; GIVE_BACK(cuDevicePrimaryCtxRelease_v2, NULL); }
int cuCtxSetCurrent(void *context) { (void)context; ENTER(cuCtxSetCurrent); return 0; }
int cuMemGetInfo_v2(size_t *free_bytes, size_t *total)
{
    ENTER(cuMemGetInfo_v2);
    *free_bytes = *total = (size_t)79 << 30;
    return 0;
}
int cuMemAlloc_v2(uint64_t *address, size_t bytes)
{
    static uint64_t next = 1 << 20;
    ENTER(cuMemAlloc_v2);
    *address = next;
    next += (bytes + 4095) / 4096 * 4096;
    handed_out++;
    return 0;
}
int cuMemFree_v2(uint64_t address) { (void)address; GIVE_BACK(cuMemFree_v2, NULL); }
int cuMemsetD16_v2(uint64_t address, unsigned short value, size_t count)
{
    (void)address, (void)value, (void)count;
    ENTER(cuMemsetD16_v2);
    return 0;
}
int cuStreamCreate(void **stream, unsigned flags) { (void)flags; ENTER(cuStreamCreate); return hand_out(stream, 1); }
int cuStreamDestroy_v2(void *stream) { GIVE_BACK(cuStreamDestroy_v2, stream); }
int cuStreamSynchronize(void *stream) { (void)stream; ENTER(cuStreamSynchronize); return 0; }
int cuEventCreate(void **event, unsigned flags) { (void)flags; ENTER(cuEventCreate); return hand_out(event, sizeof(double)); }
int cuEventDestroy_v2(void *event) { GIVE_BACK(cuEventDestroy_v2, event); }
int cuEventRecord(void *event, void *stream)
{
    (void)stream;
    ENTER(cuEventRecord);
    *(double *)event = clock_s;
    return 0;
}
int cuEventSynchronize(void *event) { (void)event; ENTER(cuEventSynchronize); return 0; }
int cuEventElapsedTime(float *ms, void *first, void *last)
{
    ENTER(cuEventElapsedTime);
    *ms = (float)(1e3 * (*(double *)last - *(double *)first));
    return 0;
}
int cuModuleLoadData(void **module, const void *image)
{
    ENTER(cuModuleLoadData);
    return strcmp(image, "cubin of sm_90") == 0 ? hand_out(module, 1) : 200;
}
int cuModuleUnload(void *module) { GIVE_BACK(cuModuleUnload, module); }
int cuModuleGetFunction(void **function, void *module, const char *name)
{
    static char kernels[3];
    (void)module;
    ENTER(cuModuleGetFunction);
    *function = &kernels[*name == 'p' ? 0 : *name == 'a' ? 1 : 2];
    return 0;
}
/* A pass takes its bytes, attention its blocks: what they are made of does not matter here. */
int cuLaunchKernel(void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                   unsigned block_y, unsigned block_z, unsigned shared_bytes, void *stream, void **parameters,
                   void **extra)
{
    (void)function, (void)block_y, (void)block_z, (void)shared_bytes, (void)stream, (void)extra;
    ENTER(cuLaunchKernel);
    if (!parameters || grid_x == 0 || grid_y == 0 || grid_z == 0 || block_x > 1024)
        return 1;
    clock_s += 3e-6 + 1e-8 * grid_x * grid_y * grid_z;
    return 0;
}

typedef struct layout {
    int type;
    double rows, columns;
} layout;

const char *cublasLtGetStatusName(int status) { return status == 2 ? "FAKE_NOT_WELL" : "FAKE"; }
int cublasLtCreate(void **handle) { ENTER(cublasLtCreate); return hand_out(handle, 1); }
int cublasLtDestroy(void *handle) { GIVE_BACK(cublasLtDestroy, handle); }
int cublasLtMatmulDescCreate(void **desc, int compute_type, int scale_type)
{
    ENTER(cublasLtMatmulDescCreate);
    return compute_type == 68 && scale_type == 0 ? hand_out(desc, 1) : 7;
}
int cublasLtMatmulDescSetAttribute(void *desc, int attribute, const void *value, size_t bytes)
{
    (void)desc, (void)attribute, (void)value;
    ENTER(cublasLtMatmulDescSetAttribute);
    return bytes == 4 ? 0 : 7;
}
int cublasLtMatmulDescDestroy(void *desc) { GIVE_BACK(cublasLtMatmulDescDestroy, desc); }
int cublasLtMatrixLayoutCreate(void **out, int type, uint64_t rows, uint64_t columns, int64_t stride)
{
    ENTER(cublasLtMatrixLayoutCreate);
    if (stride < (int64_t)rows)
        return 7;
    hand_out(out, sizeof(layout));
    *(layout *)*out = (layout){ type, (double)rows, (double)columns };
    return 0;
}
int cublasLtMatrixLayoutDestroy(void *l) { GIVE_BACK(cublasLtMatrixLayoutDestroy, l); }
int cublasLtMatmulPreferenceCreate(void **preference) { ENTER(cublasLtMatmulPreferenceCreate); return hand_out(preference, 1); }
int cublasLtMatmulPreferenceSetAttribute(void *preference, int attribute, const void *value, size_t bytes)
{
    (void)preference, (void)value;
    ENTER(cublasLtMatmulPreferenceSetAttribute);
    return attribute == 1 && bytes == 8 ? 0 : 7;
}
int cublasLtMatmulPreferenceDestroy(void *preference) { GIVE_BACK(cublasLtMatmulPreferenceDestroy, preference); }
/* Every seventh shape has no algorithm. */
int cublasLtMatmulAlgoGetHeuristic(void *handle, void *desc, void *a, void *b, void *c, void *d, void *preference,
                                   int most, struct hg_cublaslt_choice *choice, int *count)
{
    (void)handle, (void)desc, (void)a, (void)b, (void)c, (void)d, (void)preference, (void)choice;
    ENTER(cublasLtMatmulAlgoGetHeuristic);
    *count = most;
    return ++unsupported % 7 == 0 ? 15 : 0;
}
int cublasLtMatmul(void *handle, void *desc, const void *alpha, const void *a, void *a_layout, const void *b,
                   void *b_layout, const void *beta, const void *c, void *c_layout, void *d, void *d_layout,
                   const void *algorithm, void *workspace, size_t workspace_bytes, void *stream)
{
    (void)handle, (void)desc, (void)alpha, (void)beta, (void)c, (void)c_layout, (void)algorithm, (void)workspace;
    (void)workspace_bytes, (void)stream;
    ENTER(cublasLtMatmul);
    const layout *w = a_layout, *x = b_layout, *y = d_layout;
    if (!a || !b || !d || w->rows != x->rows || w->columns != y->rows || x->columns != y->columns)
        return 7;
    double element = w->type == 14 ? 2 : 1;
    clock_s += 4e-6 + 2 * w->rows * w->columns * x->columns * element / 1e15 + w->rows * w->columns * element / 2e12;
    return 0;
}

const char *nvrtcGetErrorString(int status) { return status == 2 ? "FAKE_NOT_WELL" : "FAKE"; }
int nvrtcVersion(int *major, int *minor) { ENTER(nvrtcVersion); *major = 13; *minor = 0; return 0; }
int nvrtcCreateProgram(void **program, const char *source, const char *name, int headers,
                       const char *const *header_texts, const char *const *header_names)
{
    (void)name, (void)headers, (void)header_texts, (void)header_names;
    ENTER(nvrtcCreateProgram);
    return strstr(source, "__global__ void attention") ? hand_out(program, 64) : 3;
}
int nvrtcCompileProgram(void *program, int options, const char *const *option)
{
    ENTER(nvrtcCompileProgram);
    snprintf(program, 64, "cubin of %s", options == 1 ? strchr(option[0], '=') + 1 : "nothing");
    return 0;
}
static const char log_text[] = "probe.cu(1): error: the fake compiler is not well";
int nvrtcGetProgramLogSize(void *program, size_t *bytes) { (void)program; ENTER(nvrtcGetProgramLogSize); *bytes = sizeof log_text; return 0; }
int nvrtcGetProgramLog(void *program, char *log) { (void)program; ENTER(nvrtcGetProgramLog); strcpy(log, log_text); return 0; }
int nvrtcGetCUBINSize(void *program, size_t *bytes) { ENTER(nvrtcGetCUBINSize); *bytes = strlen(program) + 1; return 0; }
int nvrtcGetCUBIN(void *program, char *image) { ENTER(nvrtcGetCUBIN); strcpy(image, program); return 0; }
int nvrtcDestroyProgram(void **program) { GIVE_BACK(nvrtcDestroyProgram, *program); }

const char *ncclGetErrorString(int status) { return status == 2 ? "FAKE_NOT_WELL" : "FAKE"; }
int ncclGetVersion(int *version) { ENTER(ncclGetVersion); *version = 22700; return 0; }
int ncclCommInitAll(void **communicators, int count, const int *device)
{
    ENTER(ncclCommInitAll);
    for (int i = 0; i < count; i++)
        if (device[i] != i || hand_out(&communicators[i], 1))
            return 4;
    return 0;
}
int ncclCommDestroy(void *communicator) { GIVE_BACK(ncclCommDestroy, communicator); }
int ncclGroupStart(void) { ENTER(ncclGroupStart); return 0; }
int ncclGroupEnd(void) { ENTER(ncclGroupEnd); clock_s += 8e-6; return 0; }
int ncclAllReduce(const void *in, void *out, size_t count, int type, int operation, void *communicator, void *stream)
{
    ENTER(ncclAllReduce);
    if (!in || in != out || type != 9 || operation != 0 || !communicator || !stream)
        return 4;
    clock_s += (double)count * 1e-12;
    return 0;
}

#include "probe/cuda_parts.h"

#include "base/text.h"

#include <math.h>

/* The compiler's own words, their first lines, are worth more than its status. */
static bool say_log(hg_arena *arena, const hg_cuda_api *api, void *program, const char *option,
                    hg_err *err)
{
    size_t size = 0;
    hg_err none;
    if (HG_TRY(api, NVRTC, &none, nvrtcGetProgramLogSize, program, &size) && size > 1) {
        char *log = hg_alloc(arena, size + 1, 1);
        if (HG_TRY(api, NVRTC, &none, nvrtcGetProgramLog, program, log))
            hg_fail(err, HG_WORLD, "nvrtcCompileProgram", "%s: %.300s", option, log);
    }
    return false;
}

static bool compile(hg_arena *arena, const hg_cuda_api *api, void *program, int capability,
                    char **image, hg_err *err)
{
    const char *option = hg_textf(arena, "--gpu-architecture=sm_%d", capability);
    size_t size = 0;
    if (!HG_TRY(api, NVRTC, err, nvrtcCompileProgram, program, 1, &option))
        return say_log(arena, api, program, option, err);
    if (!HG_TRY(api, NVRTC, err, nvrtcGetCUBINSize, program, &size))
        return false;
    *image = hg_alloc(arena, size + 1, 1);
    return HG_TRY(api, NVRTC, err, nvrtcGetCUBIN, program, *image);
}

static bool load(const hg_cuda_api *api, const char *image, hg_cuda_kernels *k, hg_err *err)
{
    return HG_TRY(api, DRIVER, err, cuModuleLoadData, &k->module, image) &&
           HG_TRY(api, DRIVER, err, cuModuleGetFunction, &k->fill, k->module, "fill") &&
           HG_TRY(api, DRIVER, err, cuModuleGetFunction, &k->pass, k->module, "pass") &&
           HG_TRY(api, DRIVER, err, cuModuleGetFunction, &k->attention, k->module, "attention");
}

bool hg_cuda_kernels_open(hg_arena *arena, const hg_cuda_api *api, int capability,
                          hg_cuda_kernels *k, hg_err *err)
{
    void *program = NULL;
    char *image = NULL;
    bool ok = HG_TRY(api, NVRTC, err, nvrtcCreateProgram, &program, hg_cuda_source, "probe.cu", 0,
                     NULL, NULL) &&
              compile(arena, api, program, capability, &image, err) && load(api, image, k, err);
    if (program)
        api->nvrtcDestroyProgram(&program);
    return ok;
}

/* Enough blocks for every device; each thread goes on in steps. */
static unsigned blocks_for(size_t items)
{
    return (unsigned)fmin(8192, ceil((double)items / 256));
}

bool hg_cuda_fill(const hg_cuda_api *api, const hg_cuda_kernels *k, uint64_t at, size_t bytes,
                  void *stream, hg_err *err)
{
    unsigned long long words = bytes / 4;
    void *parameters[] = { &at, &words };
    return HG_TRY(api, DRIVER, err, cuLaunchKernel, k->fill, blocks_for(words), 1, 1, 256, 1, 1, 0,
                  stream, parameters, NULL);
}

bool hg_cuda_pass(const hg_cuda_api *api, const hg_cuda_kernels *k, uint64_t in, uint64_t out,
                  size_t count, void *stream, hg_err *err)
{
    unsigned long long eights = count / 8;
    float scale = 100;
    void *parameters[] = { &in, &out, &eights, &scale };
    return HG_TRY(api, DRIVER, err, cuLaunchKernel, k->pass, blocks_for(eights), 1, 1, 256, 1, 1, 0,
                  stream, parameters, NULL);
}

bool hg_cuda_attend(const hg_cuda_api *api, const hg_cuda_kernels *k, const hg_cuda_attention *a,
                    void *stream, hg_err *err)
{
    hg_cuda_attention x = *a;
    void *parameters[] = { &x.q,     &x.k,        &x.v,   &x.out,   &x.tokens,
                           &x.heads, &x.kv_heads, &x.dim, &x.cached };
    return HG_TRY(api, DRIVER, err, cuLaunchKernel, k->attention, (unsigned)x.tokens,
                  (unsigned)x.heads, (unsigned)x.batch, 128, 1, 1, 0, stream, parameters, NULL);
}

void hg_cuda_kernels_close(const hg_cuda_api *api, hg_cuda_kernels *k)
{
    if (k->module)
        api->cuModuleUnload(k->module);
    *k = (hg_cuda_kernels){ 0 };
}

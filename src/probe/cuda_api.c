#include "probe/cuda_api.h"

enum { NAMES = 5 };

static const struct {
    const char *names[NAMES], *missing;
} libraries[HG_CUDA_LIBRARIES] = {
    [HG_DRIVER] = { { "libcuda.so.1", NULL }, "no NVIDIA driver here" },
    [HG_CUBLASLT] = { { "libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so", NULL },
                      "no matrix products; install CUDA's cuBLAS, or name its folder in "
                      "LD_LIBRARY_PATH" },
    [HG_NVRTC] = { { "libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so", NULL },
                   "no attention and no memory passes; install CUDA's NVRTC, or name its folder in "
                   "LD_LIBRARY_PATH" },
    [HG_NCCL] = { { "libnccl.so.2", NULL },
                  "no collectives; install NCCL, or name its folder in LD_LIBRARY_PATH" },
};

static const struct {
    hg_cuda_library library;
    hg_symbol symbol;
} symbols[] = {
#define CALL(lib, name, parameters) { HG_##lib, { #name, offsetof(hg_cuda_api, name), false } },
#define SAYS(lib, name) { HG_##lib, { #name, offsetof(hg_cuda_api, name), false } },
#include "probe/cuda_api.def"
#undef CALL
#undef SAYS
};

bool hg_cuda_load(hg_arena *arena, const char *folder, hg_cuda_library which, hg_cuda_api *api,
                  hg_err *err)
{
    hg_library *l = &api->library[which];
    bool ok =
        hg_library_open(arena, folder, libraries[which].names, libraries[which].missing, l, err);
    for (size_t i = 0; ok && i < sizeof symbols / sizeof *symbols; i++)
        if (symbols[i].library == which)
            ok = hg_library_bind(l, &symbols[i].symbol, 1, api, err);
    if (!ok)
        hg_library_close(l);
    return ok;
}

void hg_cuda_unload(hg_cuda_api *api)
{
    for (int i = HG_CUDA_LIBRARIES; i-- > 0;)
        hg_library_close(&api->library[i]);
}

static const char *status_name(const hg_cuda_api *api, hg_cuda_library library, int status)
{
    const char *name = NULL;
    switch (library) {
    case HG_DRIVER:
        return api->cuGetErrorName(status, &name) == 0 && name ? name : "unknown to the driver";
    case HG_CUBLASLT:
        return api->cublasLtGetStatusName(status);
    case HG_NVRTC:
        return api->nvrtcGetErrorString(status);
    default:
        return api->ncclGetErrorString(status);
    }
}

bool hg_cuda_ok(const hg_cuda_api *api, hg_cuda_library library, const char *call, int status,
                hg_err *err)
{
    return status == 0 || hg_fail(err, HG_WORLD, call, "returned %d (%.80s)", status,
                                  status_name(api, library, status));
}

/* NVIDIA's libraries, loaded where they are: no header and no library of theirs is needed to build.
 */
#ifndef HG_PROBE_CUDA_API_H
#define HG_PROBE_CUDA_API_H

#include "probe/library.h"

#include <stdint.h>

typedef enum hg_cuda_library {
    HG_DRIVER,
    HG_CUBLASLT,
    HG_NVRTC,
    HG_NCCL,
    HG_CUDA_LIBRARIES
} hg_cuda_library;

/* cublasLtMatmulHeuristicResult_t of cublasLt.h. */
typedef struct hg_cublaslt_choice {
    uint64_t algorithm[8];
    size_t workspace_bytes;
    int status;
    float waves;
    int reserved[4];
} hg_cublaslt_choice;

typedef struct hg_cuda_api {
    hg_library library[HG_CUDA_LIBRARIES]; /* handle NULL: not loaded, and its calls are NULL */
#define CALL(library, name, parameters) int(*name) parameters;
#define SAYS(library, name) const char *(*name)(int status);
#include "probe/cuda_api.def"
#undef CALL
#undef SAYS
} hg_cuda_api;

/* False: the library is not here, or too old; err says which and what it means. */
bool hg_cuda_load(hg_arena *arena, const char *folder, hg_cuda_library which, hg_cuda_api *api,
                  hg_err *err);
void hg_cuda_unload(hg_cuda_api *api);

/* Whether the status is success; else err says "NAME returned 2 (CUDA_ERROR_OUT_OF_MEMORY)". */
bool hg_cuda_ok(const hg_cuda_api *api, hg_cuda_library library, const char *call, int status,
                hg_err *err);

/* HG_TRY(api, DRIVER, err, cuInit, 0) */
#define HG_TRY(api, library, err, call, ...)                                                       \
    hg_cuda_ok((api), HG_##library, #call, (api)->call(__VA_ARGS__), (err))
#define HG_TRY0(api, library, err, call)                                                           \
    hg_cuda_ok((api), HG_##library, #call, (api)->call(), (err))

#endif

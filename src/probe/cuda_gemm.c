#include "probe/cuda_parts.h"

#include <string.h>

/* Of library_types.h, cublas_api.h and cublasLt.h. */
enum { R_32F = 0, R_16BF = 14, R_8F_E4M3 = 28, COMPUTE_32F = 68, TRANSPOSE = 1, NO_TRANSPOSE = 0 };
enum { DESC_TRANSA = 3, DESC_TRANSB = 4, PREFERENCE_WORKSPACE = 1 };
enum { NOT_SUPPORTED = 15 };

static const size_t WORKSPACE_BYTES = (size_t)32 << 20; /* what cuBLAS itself takes on Hopper */

bool hg_cuda_gemm_open(const hg_cuda_api *api, hg_cuda_gemm *g, hg_err *err)
{
    return HG_TRY(api, CUBLASLT, err, cublasLtCreate, &g->handle) &&
           HG_TRY(api, DRIVER, err, cuMemAlloc_v2, &g->workspace, WORKSPACE_BYTES) &&
           HG_TRY(api, CUBLASLT, err, cublasLtMatmulPreferenceCreate, &g->preference) &&
           HG_TRY(api, CUBLASLT, err, cublasLtMatmulPreferenceSetAttribute, g->preference,
                  PREFERENCE_WORKSPACE, &WORKSPACE_BYTES, sizeof WORKSPACE_BYTES);
}

static void drop(const hg_cuda_api *api, hg_cuda_gemm *g)
{
    void **layouts[] = { &g->a, &g->b, &g->d };
    for (int i = 0; i < 3; i++) {
        if (*layouts[i])
            api->cublasLtMatrixLayoutDestroy(*layouts[i]);
        *layouts[i] = NULL;
    }
    if (g->desc)
        api->cublasLtMatmulDescDestroy(g->desc);
    g->desc = NULL;
}

static bool set(const hg_cuda_api *api, hg_cuda_gemm *g, int attribute, int value, hg_err *err)
{
    return HG_TRY(api, CUBLASLT, err, cublasLtMatmulDescSetAttribute, g->desc, attribute, &value,
                  sizeof value);
}

/* cublasLt counts by columns: D[n,m] = W[k,n]ᵀ · A[k,m], the one arrangement that takes 8-bit
 * floats on every device, and how frameworks store linear layers. */
static bool describe(const hg_cuda_api *api, hg_cuda_gemm *g, const hg_probe_call *c, hg_err *err)
{
    uint64_t m = (uint64_t)hg_call_dim(c, "m"), n = (uint64_t)hg_call_dim(c, "n"),
             k = (uint64_t)hg_call_dim(c, "k");
    int type = c->shape.dtype == HG_FP8 ? R_8F_E4M3 : R_16BF;
    return HG_TRY(api, CUBLASLT, err, cublasLtMatmulDescCreate, &g->desc, COMPUTE_32F, R_32F) &&
           set(api, g, DESC_TRANSA, TRANSPOSE, err) &&
           set(api, g, DESC_TRANSB, NO_TRANSPOSE, err) &&
           HG_TRY(api, CUBLASLT, err, cublasLtMatrixLayoutCreate, &g->a, type, k, n, (int64_t)k) &&
           HG_TRY(api, CUBLASLT, err, cublasLtMatrixLayoutCreate, &g->b, type, k, m, (int64_t)k) &&
           HG_TRY(api, CUBLASLT, err, cublasLtMatrixLayoutCreate, &g->d, R_16BF, n, m, (int64_t)n);
}

bool hg_cuda_gemm_ready(const hg_cuda_api *api, hg_cuda_gemm *g, const hg_probe_call *c,
                        hg_err *err)
{
    int count = 0;
    drop(api, g);
    if (!describe(api, g, c, err))
        return false;
    int status = api->cublasLtMatmulAlgoGetHeuristic(g->handle, g->desc, g->a, g->b, g->d, g->d,
                                                     g->preference, 1, &g->choice, &count);
    if (status == NOT_SUPPORTED || (status == 0 && (count == 0 || g->choice.status != 0)))
        return hg_fail(err, HG_NO, "cublasLtMatmulAlgoGetHeuristic",
                       "has no algorithm for this shape");
    return hg_cuda_ok(api, HG_CUBLASLT, "cublasLtMatmulAlgoGetHeuristic", status, err);
}

static void *address(uint64_t at)
{
    return (void *)(uintptr_t)at;
}

bool hg_cuda_gemm_run(const hg_cuda_api *api, const hg_cuda_gemm *g, uint64_t weights, uint64_t in,
                      uint64_t out, void *stream, hg_err *err)
{
    float one = 1, zero = 0;
    return HG_TRY(api, CUBLASLT, err, cublasLtMatmul, g->handle, g->desc, &one, address(weights),
                  g->a, address(in), g->b, &zero, address(out), g->d, address(out), g->d,
                  g->choice.algorithm, address(g->workspace), g->choice.workspace_bytes, stream);
}

void hg_cuda_gemm_close(const hg_cuda_api *api, hg_cuda_gemm *g)
{
    drop(api, g);
    if (g->preference)
        api->cublasLtMatmulPreferenceDestroy(g->preference);
    if (g->workspace)
        api->cuMemFree_v2(g->workspace);
    if (g->handle)
        api->cublasLtDestroy(g->handle);
    memset(g, 0, sizeof *g);
}

/* What the CUDA backend is made of: products by cublasLt, kernels by NVRTC, collectives by NCCL. */
#ifndef HG_PROBE_CUDA_PARTS_H
#define HG_PROBE_CUDA_PARTS_H

#include "probe/backend.h"
#include "probe/cuda_api.h"

/* One product's descriptors and the algorithm that cublasLt's heuristic picks first for it. */
typedef struct hg_cuda_gemm {
    void *handle, *desc, *a, *b, *d, *preference;
    hg_cublaslt_choice choice;
    uint64_t workspace;
} hg_cuda_gemm;

bool hg_cuda_gemm_open(const hg_cuda_api *api, hg_cuda_gemm *g, hg_err *err);
/* False with HG_NO: cublasLt has no algorithm for the call. */
bool hg_cuda_gemm_ready(const hg_cuda_api *api, hg_cuda_gemm *g, const hg_probe_call *c,
                        hg_err *err);
bool hg_cuda_gemm_run(const hg_cuda_api *api, const hg_cuda_gemm *g, uint64_t weights, uint64_t in,
                      uint64_t out, void *stream, hg_err *err);
void hg_cuda_gemm_close(const hg_cuda_api *api, hg_cuda_gemm *g);

typedef struct hg_cuda_kernels {
    void *module, *fill, *pass, *attention;
} hg_cuda_kernels;

/* capability: 90 for compute capability 9.0. */
bool hg_cuda_kernels_open(hg_arena *arena, const hg_cuda_api *api, int capability,
                          hg_cuda_kernels *k, hg_err *err);
bool hg_cuda_fill(const hg_cuda_api *api, const hg_cuda_kernels *k, uint64_t at, size_t bytes,
                  void *stream, hg_err *err);
bool hg_cuda_pass(const hg_cuda_api *api, const hg_cuda_kernels *k, uint64_t in, uint64_t out,
                  size_t count, void *stream, hg_err *err);

typedef struct hg_cuda_attention {
    uint64_t q, k, v, out; /* layouts as hg_cpu_attention's, in bf16 */
    int batch, tokens, heads, kv_heads, dim, cached;
} hg_cuda_attention;

bool hg_cuda_attend(const hg_cuda_api *api, const hg_cuda_kernels *k, const hg_cuda_attention *a,
                    void *stream, hg_err *err);
void hg_cuda_kernels_close(const hg_cuda_api *api, hg_cuda_kernels *k);

/* The source that NVRTC compiles. */
extern const char hg_cuda_source[];

enum { HG_CUDA_DEVICES = 16 };

/* The first devices of the machine, and a communicator of some of them. */
typedef struct hg_cuda_ring {
    int devices; /* with a context, a stream and a buffer */
    int size;    /* of the communicator; 0: none */
    int device[HG_CUDA_DEVICES];
    void *context[HG_CUDA_DEVICES], *stream[HG_CUDA_DEVICES], *communicator[HG_CUDA_DEVICES];
    uint64_t buffer[HG_CUDA_DEVICES];
} hg_cuda_ring;

bool hg_cuda_ring_open(const hg_cuda_api *api, int devices, size_t bytes, hg_cuda_ring *r,
                       hg_err *err);
/* A communicator of the first `size` devices. */
bool hg_cuda_ring_ready(const hg_cuda_api *api, hg_cuda_ring *r, int size, hg_err *err);
/* One all-reduce of bf16 elements in place. */
bool hg_cuda_ring_run(const hg_cuda_api *api, const hg_cuda_ring *r, size_t count, hg_err *err);
void hg_cuda_ring_close(const hg_cuda_api *api, hg_cuda_ring *r);

#endif

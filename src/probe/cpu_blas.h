/* OpenBLAS or another library with the CBLAS interface of 32-bit integers, if this machine has one.
 */
#ifndef HG_PROBE_CPU_BLAS_H
#define HG_PROBE_CPU_BLAS_H

#include "probe/cpu_kernels.h"
#include "probe/library.h"

typedef struct hg_cpu_blas {
    hg_library library;
    const char *kernel;      /* "openblas_0.3.21_sgemm" for the table's kernel_source */
    const char *bf16_kernel; /* NULL: the library has no bf16 products */
    void (*sgemm)(int order, int a_transposed, int b_transposed, int m, int n, int k, float alpha,
                  const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);
    void (*sbgemm)(int order, int a_transposed, int b_transposed, int m, int n, int k, float alpha,
                   const uint16_t *a, int lda, const uint16_t *b, int ldb, float beta, float *c,
                   int ldc);
    void (*set_threads)(int threads);
    char *(*config)(void);
} hg_cpu_blas;

bool hg_cpu_blas_open(hg_arena *arena, const char *folder, int threads, hg_cpu_blas *out,
                      hg_err *err);
void hg_cpu_blas_gemm(const hg_cpu_blas *b, const hg_cpu_gemm *g, bool bf16);

#endif

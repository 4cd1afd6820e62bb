/* Kernels in plain C, compiled once for every instruction set worth having: what stands in for a
 * library, and what no library has.  Each does one part of parts of its job. */
#ifndef HG_PROBE_CPU_KERNELS_H
#define HG_PROBE_CPU_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* Lengths of rows (k, dim) are multiples of this, so that no kernel has a tail; K and V hold whole
 * groups of four tokens. */
enum { HG_CPU_LANES = 16, HG_CPU_DIM_MAX = 256 };

typedef struct hg_cpu_gemm { /* c[m,n] = a[m,k] · w[n,k]ᵀ, as linear layers store their weights */
    size_t m, n, k;
    const float *a, *w;
    float *c;
} hg_cpu_gemm;

typedef struct hg_cpu_attention {
    size_t batch, tokens, heads, kv_heads, dim; /* tokens: new ones a sequence */
    size_t cached;                              /* before them */
    const float *q;                             /* [batch][heads][tokens][dim], also the result's */
    const float *k, *v; /* [batch][kv_heads][cached + tokens][dim], tokens padded to four */
    float *out;
} hg_cpu_attention;

typedef struct hg_cpu_pass { /* bf16 to int8 with one scale, or a sum that only reads */
    size_t count;
    const void *in;
    int8_t *out;
    float scale;
    float *sums; /* of the parts */
} hg_cpu_pass;

typedef struct hg_cpu_kernels {
    const char *isa;
    void (*gemm)(void *hg_cpu_gemm, int part, int parts);
    void (*attention)(void *hg_cpu_attention, int part, int parts);
    void (*scale)(void *hg_cpu_pass, int part, int parts);
    void (*read)(void *hg_cpu_pass, int part, int parts);
} hg_cpu_kernels;

/* Those this processor runs, the fastest first; the last is the baseline that every one runs. */
int hg_cpu_kernels_list(const hg_cpu_kernels *out[4]);

#endif

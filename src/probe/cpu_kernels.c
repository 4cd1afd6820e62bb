#include "probe/cpu_kernels.h"

#include <math.h>
#include <stdbool.h>

enum { BLOCK_M = 64, BLOCK_K = 512, TILE = 64 };

/* Products and sums may fuse here, unlike elsewhere: what counts is how long they take. */
#ifdef __clang__
#pragma STDC FP_CONTRACT ON
#define LEVEL_TARGET(isa) __attribute__((target(isa)))
#else
#define LEVEL_TARGET(isa) __attribute__((target(isa), optimize("fp-contract=fast")))
#endif

#ifdef __x86_64__
#define LEVEL(name) name##_avx512
#define ON_LEVEL LEVEL_TARGET("avx512f,avx512bw,avx512vl,avx512dq,fma")
#define LANES 16
#define ISA "AVX-512"
#include "probe/cpu_kernels.inc"

#define LEVEL(name) name##_avx2
#define ON_LEVEL LEVEL_TARGET("avx2,fma")
#define LANES 8
#define ISA "AVX2"
#include "probe/cpu_kernels.inc"
#endif

#define LEVEL(name) name##_base
#define ON_LEVEL
#define LANES 4
#define ISA "baseline"
#include "probe/cpu_kernels.inc"

int hg_cpu_kernels_list(const hg_cpu_kernels *out[4])
{
    int n = 0;
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
        out[n++] = &kernels_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        out[n++] = &kernels_avx2;
#endif
    out[n++] = &kernels_base;
    return n;
}

/* Number formats: how an element is stored, and which arithmetic a matrix unit does on it. */
#ifndef HG_SPEC_DTYPE_H
#define HG_SPEC_DTYPE_H

#include <stdbool.h>

/* Precision of a matrix product: weights and activations together, in the words of the CLI. */
typedef enum hg_dtype {
    HG_BF16,      /* bfloat16 or float16 weights and activations */
    HG_FP8,       /* e4m3, one scale a tensor */
    HG_FP8_BLOCK, /* e4m3, one scale a block of 128×128 weights, 1×128 activations */
    HG_NVFP4,     /* e2m1 both, scales of 16 */
    HG_MXFP4,     /* e2m1 weights, scales of 32; 16-bit activations */
    HG_MXFP4_FP8, /* e2m1 weights, scales of 32; 8-bit activations */
    HG_W4A16,     /* 4-bit integer weights, 16-bit activations */
    HG_W4A8,      /* 4-bit integer weights, 8-bit integer activations */
    HG_INT8,      /* 8-bit integers both (w8a8) */
    HG_FP32,
    HG_DTYPES
} hg_dtype;

typedef struct hg_dtype_info {
    const char *name;         /* the CLI's word: "fp8_block" */
    double weight_bytes;      /* an element with its share of the scales */
    double activation_bytes;  /* likewise */
    hg_dtype math;            /* whose tensor rate it runs at: HG_BF16, HG_FP8, HG_NVFP4, HG_INT8, HG_FP32 */
} hg_dtype_info;

extern const hg_dtype_info hg_dtype_table[HG_DTYPES];

/* Takes the CLI's words, the measured tables' (bfloat16, int4_wo, w4a8_mxfp4_mxfp8 …) and aliases
 * (fp4, int4, int8).  False: unknown. */
bool hg_dtype_parse(const char *word, hg_dtype *out);

#endif

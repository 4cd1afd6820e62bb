#include "spec/dtype.h"

#include <stddef.h>
#include <string.h>

/* Scales: nvfp4 one byte for 16 elements, mxfp4 one byte for 32, w4a16 two bytes for 128 (groups as
 * AWQ and GPTQ write them), fp8_block four bytes for 128×128 weights and for 128 activations. */
const hg_dtype_info hg_dtype_table[HG_DTYPES] = {
    [HG_BF16] = { "bf16", 2, 2, HG_BF16 },
    [HG_FP8] = { "fp8", 1, 1, HG_FP8 },
    [HG_FP8_BLOCK] = { "fp8_block", 1 + 4.0 / 16384, 1 + 4.0 / 128, HG_FP8 },
    [HG_NVFP4] = { "nvfp4", 0.5 + 1.0 / 16, 0.5 + 1.0 / 16, HG_NVFP4 },
    [HG_MXFP4] = { "mxfp4", 0.5 + 1.0 / 32, 2, HG_BF16 },
    [HG_MXFP4_FP8] = { "w4a8_mxfp4", 0.5 + 1.0 / 32, 1 + 1.0 / 32, HG_FP8 },
    [HG_W4A16] = { "w4a16", 0.5 + 2.0 / 128, 2, HG_BF16 },
    [HG_W4A8] = { "w4a8", 0.5 + 2.0 / 128, 1, HG_INT8 },
    [HG_INT8] = { "w8a8", 1, 1, HG_INT8 },
    [HG_FP32] = { "fp32", 4, 4, HG_FP32 },
};

static const struct {
    const char *word;
    hg_dtype dtype;
} words[] = {
    { "bfloat16", HG_BF16 },      { "float16", HG_BF16 },        { "fp16", HG_BF16 },
    { "half", HG_BF16 },          { "fp4", HG_NVFP4 },           { "int4", HG_W4A16 },
    { "int8", HG_INT8 },          { "fp8_e4m3", HG_FP8 },        { "fp8_e5m2", HG_FP8 },
    { "int4_wo", HG_W4A16 },      { "int4_awq", HG_W4A16 },      { "int8_wo", HG_INT8 },
    { "w4a16_mxfp4", HG_MXFP4 },  { "w4a8_mxfp4_mxfp8", HG_MXFP4_FP8 },
    { "w4a8_mxfp4_fp8", HG_MXFP4_FP8 }, { "sq", HG_INT8 },       { "float32", HG_FP32 },
    { "fp8_static", HG_FP8 },     { "float", HG_FP32 },
};

bool hg_dtype_parse(const char *word, hg_dtype *out)
{
    for (int d = 0; d < HG_DTYPES; d++)
        if (strcmp(word, hg_dtype_table[d].name) == 0) {
            *out = (hg_dtype)d;
            return true;
        }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(word, words[i].word) == 0) {
            *out = words[i].dtype;
            return true;
        }
    return false;
}

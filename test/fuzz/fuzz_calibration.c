/* A calibration file from anywhere must be read or refused; one that is read must predict a number. */
#include "cost/rates.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hg_arena arena;
    hg_calibration c;
    hg_err err;
    hg_device d = { .memory_bytes_per_s = 1e12, .vector_flops_per_s = 1e13, .units = 100, .l2_bytes = 1e7,
                    .node_bytes_per_s = 1e11, .net_bytes_per_s = 1e10, .tensor_flops_per_s = { [HG_BF16] = 1e14 } };
    if (!hg_arena_open(&arena, (size_t)1 << 28))
        return 0;
    if (hg_calibration_read(&arena, "fuzz.json", (const char *)data, size, &c, &err))
        for (int op = 0; op < hg_op_count; op++)
            for (int k = 0; c.surfaces[op] && k < c.surfaces[op]->series_count; k++)
                assert(!isnan(hg_surface_time(c.surfaces[op], k, &hg_ops[op]->example, &d).seconds));
    hg_arena_close(&arena);
    return 0;
}

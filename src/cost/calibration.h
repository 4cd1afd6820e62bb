/* One calibration file: the fitted surfaces of one device and engine version. */
#ifndef HG_COST_CALIBRATION_H
#define HG_COST_CALIBRATION_H

#include "base/data.h"
#include "cost/surface.h"

enum { HG_OPS_MAX = 64 };

/* Coefficients are stored as whole multiples of this: 0.05 % of a time. */
#define HG_COEFFICIENT_STEP 0x1p-11

typedef struct hg_calibration {
    const char *device, *engine, *version; /* "h200_sxm", "vllm", "0.24.0" */
    const char *fitted;                    /* the date, "2026-11-23" */
    const hg_surface *surfaces[HG_OPS_MAX];/* by the op's place in hg_ops; NULL: not measured */
} hg_calibration;

int hg_op_index(const hg_op *op);

/* `where` names the file in errors.  Everything lives in the arena. */
bool hg_calibration_read(hg_arena *arena, const char *where, const char *json, size_t size,
                         hg_calibration *out, hg_err *err);

#endif

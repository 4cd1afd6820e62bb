/* The calls a probe times: products of a few values a dimension, in the columns of the op's table.
 */
#ifndef HG_PROBE_GRID_H
#define HG_PROBE_GRID_H

#include "cost/op.h"

#include "base/arena.h"

enum { HG_GRID_AXES = 8, HG_GRID_VALUES = 16 };

typedef struct hg_probe_call {
    const hg_op *op;
    const char *label[HG_OP_LABELS]; /* in the op's order: the kernel, then dtypes */
    hg_shape shape;
} hg_probe_call;

typedef struct hg_grid_axis {
    const char *column;
    int count;
    double value[HG_GRID_VALUES];
} hg_grid_axis;

typedef struct hg_grid {
    const hg_op *op;
    const char *label[HG_OP_LABELS];
    double share; /* of the budget, against the other grids */
    hg_grid_axis
        axis[HG_GRID_AXES]; /* ends with a NULL column; dimensions without one are `absent` */
} hg_grid;

/* All legal calls of a grid in a stirred order, the same every time: wherever a budget ends, what
 * was timed is an even sample. */
hg_probe_call *hg_grid_calls(hg_arena *arena, const hg_grid *g, size_t *count);

/* The shape's value in the column, which the op must have. */
double hg_call_dim(const hg_probe_call *c, const char *column);

#endif

/* What the ladder's rungs are worth: how far each came off where it was held to account by leaving
 * tables out, and what kernels typically make of the roofline.  Read from data/transfer.json, which
 * `heng calibrate transfer` writes. */
#ifndef HG_COST_TRANSFER_H
#define HG_COST_TRANSFER_H

#include "cost/calibration.h"

/* Where a rate comes from, best first. */
typedef enum hg_rung {
    HG_RUNG_OWN,          /* the engine's own table of the version asked for, on this device */
    HG_RUNG_EXTRAPOLATED, /* that table, beyond the shapes it was fitted on */
    HG_RUNG_LABELS,       /* that table, for a precision or kind it lacks */
    HG_RUNG_VERSION,      /* another version of the engine, on this device */
    HG_RUNG_ENGINE,       /* another engine, on this device */
    HG_RUNG_SIBLING,      /* another device of this architecture */
    HG_RUNG_CLASS,        /* a device of another architecture */
    HG_RUNG_ROOFLINE,     /* no table: the roofline and what is typical of it */
    HG_RUNGS
} hg_rung;

extern const char *const hg_rung_names[HG_RUNGS];

/* A kernel's time is launch + max over components of (roofline ÷ efficiency). */
typedef struct hg_typical {
    double launch_s;
    double efficiency[HG_COMPONENTS];
} hg_typical;

hg_roof hg_typical_roof(const hg_typical *t, const hg_op *op, const hg_shape *s, const hg_device *d);

typedef struct hg_transfer {
    double half[HG_OPS_MAX][HG_RUNGS]; /* 80 % half width, relative; by the op's place in hg_ops */
    hg_typical typical[HG_OPS_MAX];    /* of this device's class */
    bool published;                    /* … as published (typical.json): no table is of its class, and kernels of other
                                          vendors say less of it */
} hg_transfer;

/* What holds for a device: what is published of its architecture or vendor, else what its architecture typically reaches, else its vendor, else all.  An op
 * without an entry of its own takes that of all operators. */
bool hg_transfer_open(hg_arena *arena, const hg_data *data, const hg_device *device, hg_transfer *out,
                      hg_err *err);

#endif

/* Which calibration answers for an operator: the ladder from the engine's own table on this device
 * down to the bare roofline, and the origin each rung is reported with. */
#ifndef HG_COST_RATES_H
#define HG_COST_RATES_H

#include "cost/calibration.h"

/* In order of trust, best first; combined upward by the worst that carries 5 % of the time. */
typedef enum hg_origin {
    HG_MEASURED, HG_FITTED, HG_EXTRAPOLATED, HG_TRANSFERRED, HG_ROOFLINE, HG_ORIGINS
} hg_origin;

extern const char *const hg_origin_names[HG_ORIGINS];

/* One operator with one series chosen: what the hot path holds. */
typedef struct hg_rate {
    const hg_op *op;
    const hg_surface *surface;   /* NULL: roofline ÷ efficiency */
    int series;
    bool exact;                  /* the very series asked for, not the nearest of its kind */
    const hg_device *device;
    double efficiency;           /* used without a surface */
    const char *transferred;     /* "transferred:<device>/<engine>-<version>", NULL on the own table */
    double error;                /* 80 % half width, relative */
} hg_rate;

typedef struct hg_time {
    double seconds, lo_s, hi_s;  /* the 80 % interval */
    hg_component bound;
    hg_origin origin;
} hg_time;

hg_time hg_rate_time(const hg_rate *r, const hg_shape *s);
double hg_rate_seconds(const hg_rate *r, const hg_shape *s); /* its .seconds */
/* "fitted", "transferred:h100_sxm/vllm-0.24.0" … */
const char *hg_rate_origin_text(const hg_rate *r, hg_origin origin);

struct hg_rates;

/* The rate of another operator from the very calibration that `of` is from, its series nearest to the
 * labels; without a surface: that calibration has none. */
hg_rate hg_rates_beside(const struct hg_rates *r, const hg_rate *of, const hg_op *op, const hg_shape *labels);

enum { HG_LADDER = 12 };

typedef struct hg_rates {
    hg_device device;
    const char *engine, *version;
    /* The calibrations that may answer, nearest first; rung[0..own) are this device's own engine. */
    hg_calibration rung[HG_LADDER];
    const char *transferred[HG_LADDER];
    int count, own;
} hg_rates;

/* Loads what (device, engine, version) needs.  version NULL: the newest.  *note: a line for stderr
 * when another version or device stands in, else NULL. */
bool hg_rates_open(hg_arena *arena, const hg_data *data, const hg_device *device,
                   const char *engine, const char *version, hg_rates *out, const char **note,
                   hg_err *err);

/* Lays a user's own calibration over all others. */
bool hg_rates_overlay(hg_arena *arena, hg_rates *r, const char *path, hg_err *err);

/* The rate of a series by its key (the label columns joined by '|'), or the nearest to it. */
hg_rate hg_rates_by_key(const hg_rates *r, const hg_op *op, const char *key, const hg_shape *labels);
/* The rate the engine would use for such labels (dtype, kv_dtype, kind). */
hg_rate hg_rates_pick(const hg_rates *r, const hg_op *op, const hg_shape *labels);
/* The same, unless another engine measured this very shape on this device clearly faster: then the
 * own table timed more than the kernel (a quantiser, the host), or a kernel not tuned.  `dim` is the
 * dimension the batch fills, `scale` of it a token; padded: the own table is known to time more. */
hg_rate hg_rates_pick_tuned(const hg_rates *r, const hg_op *op, const hg_shape *shape, int dim,
                            double scale, bool padded);

#endif

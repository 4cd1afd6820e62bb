/* What an operator asks of a machine, and the least time a machine needs for it. */
#ifndef HG_COST_WORK_H
#define HG_COST_WORK_H

#include "spec/device.h"

/* The parts of a machine that work side by side.  On Ascend the tensor part is the cube, the vector
 * part the vector unit; the list is the same for every vendor. */
typedef enum hg_component { HG_TENSOR, HG_VECTOR, HG_HBM, HG_LINK, HG_COMPONENTS } hg_component;

extern const char *const hg_component_names[HG_COMPONENTS]; /* "tensor core", "vector", "HBM", "link" */

/* One rank's share of one call. */
typedef struct hg_work {
    double tensor_flops;
    hg_dtype tensor_dtype;  /* whose rate tensor_flops run at */
    double vector_flops;
    double hbm_bytes;       /* read and written once each */
    double link_bytes;      /* sent by one device, one direction, on its slowest link */
    int link_hops;          /* messages that wait for one another */
    bool between_nodes;     /* the link is the network, not the node's own */
} hg_work;

typedef struct hg_roof {
    double seconds;
    hg_component bound;     /* the component that sets it */
    double warm_seconds;    /* the same when the last-level cache holds all it can from the call before */
    hg_work work;           /* whose roof it is */
} hg_roof;

/* Engines run a format the matrix unit lacks by widening it: fp8 on Ampere computes in bf16. */
double hg_tensor_rate(const hg_device *d, hg_dtype dtype);

/* The part of a call's bytes that come from memory when the same call was made just before: none
 * while all fit the last-level cache, all when they exceed it by a fifth, as the attention tables of
 * L40S and RTX PRO 6000 show. */
double hg_cache_lost(const hg_work *w, const hg_device *d);

/* max over components of amount ÷ data-sheet rate (Williams, Waterman, Patterson 2009), plus the
 * latency of link hops.  A dtype the device lacks runs at the rate of the widest it has. */
hg_roof hg_roofline(const hg_work *w, const hg_device *d);

#endif

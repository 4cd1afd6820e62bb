/* An accelerator and the node and network around it, as data-sheet facts in SI units.  0 is "not
 * known" (or, for tensor rates, "not supported"): latencies, idle power and prices are absent where
 * nobody published them. */
#ifndef HG_SPEC_DEVICE_H
#define HG_SPEC_DEVICE_H

#include "base/arena.h"
#include "base/data.h"
#include "base/err.h"
#include "spec/dtype.h"

#include <stdbool.h>
#include <stdint.h>

/* The components of a Da Vinci core: matrix unit, vector cores, scalar unit, and the engines that
 * move data: mte1 from L1 to the cube's own buffers, mte2 from memory and L2 into the core, mte3 out
 * of it. */
typedef enum hg_core_part { HG_CUBE, HG_VECTOR_CORE, HG_SCALAR, HG_MTE1, HG_MTE2, HG_MTE3, HG_CORE_PARTS } hg_core_part;

typedef struct hg_core_part_info {
    int64_t count;
    double flops_per_s[HG_DTYPES]; /* of all of them together, by math dtype */
    double bytes_per_s;            /* likewise */
} hg_core_part_info;

typedef struct hg_device {
    const char *name;   /* "h200_sxm" */
    const char *title;  /* "NVIDIA H200 SXM" */
    const char *vendor; /* "nvidia", "amd", "ascend", "intel", "cpu" */
    const char
        *architecture; /* "hopper", "ampere", "davinci" … the class that transfers learn within */
    double memory_bytes;                  /* capacity as sold, in bytes */
    double usable_memory_bytes;           /* what the driver gives a program */
    double memory_bytes_per_s;            /* HBM or GDDR */
    double l2_bytes;                      /* the last cache before memory */
    double tensor_flops_per_s[HG_DTYPES]; /* dense, by math dtype (hg_dtype_info.math); 0: not
                                           * supported; HG_FP32 is the vector rate unless the file
                                           * says otherwise */
    double vector_flops_per_s;            /* fp32 outside the matrix unit; 0: not known, and
                                           * then the roofline is without it */
    int64_t units;                        /* SMs, CUs or AI cores */
    double clock_hz;                      /* boost */
    hg_core_part_info part[HG_CORE_PARTS]; /* Ascend: the rates above follow from cube and vector cores; others: 0 */
    double power_w, idle_power_w;         /* board limit; idle */
    double price_usd_per_s; /* a list price for renting one; the user's --price goes first */
    /* inside a node: all-to-all through switches, or a mesh; per direction, per device */
    int64_t node_devices;
    const char *node_link; /* "nvlink4", "pcie5", "hccs" … */
    double node_bytes_per_s, node_latency_s;
    /* between nodes, per device and direction */
    const char *net_link;
    double net_bytes_per_s, net_latency_s;
    int64_t domain_devices; /* devices that reach one another at node_bytes_per_s (72 in an NVL72
                               rack) */
} hg_device;

/* word: a catalogue name or alias, or a path to a device JSON. */
bool hg_device_find(hg_arena *arena, const hg_data *data, const char *word, hg_device *out,
                    hg_err *err);
/* Every name of the catalogue, sorted. */
char **hg_device_names(hg_arena *arena, const hg_data *data, size_t *count);
bool hg_device_read(hg_arena *arena, const char *where, const char *json, size_t size,
                    hg_device *out, hg_err *err);

#endif

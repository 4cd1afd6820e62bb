/* The ladder held to account: every measured table predicted as if it, or all of its engine, device or
 * architecture, had not been measured.  And what kernels typically make of the roofline. */
#ifndef HG_FIT_TRANSFER_H
#define HG_FIT_TRANSFER_H

#include "cost/rates.h"
#include "fit/surface_fit.h"
#include "fit/walk.h"

/* One table against one rung.  errors: predicted ÷ measured − 1 of each row the rung answered. */
typedef struct hg_held {
    const hg_op *op;
    const hg_table_group *group;
    hg_device device;
    hg_rung rung;
    const char *by;            /* who answered: "transferred:h100_sxm/vllm-0.24.0", or the rung's name */
    double *errors;
    size_t n;
} hg_held;

/* What one table says of its kernels; rows[c]: how many the roofline lets component c bind. */
typedef struct hg_reached {
    const hg_op *op;
    hg_device device;
    hg_typical typical;
    size_t rows[HG_COMPONENTS];
} hg_reached;

typedef struct hg_ladder_account {
    hg_held *held;
    size_t held_count, held_capacity;
    hg_reached *reached;       /* one a table */
    size_t reached_count, reached_capacity;
} hg_ladder_account;

/* Holds the tables of one group against every rung, at most rows_most rows of each, evenly spread.
 * Only the rows that the rung itself answered count: where an engine has no neighbour on its device
 * the rung of engines says nothing of it.  The rung of the roofline waits for all groups. */
bool hg_hold_group(hg_arena *arena, const hg_data *data, const hg_table_group *group, size_t rows_most,
                   hg_ladder_account *account, hg_err *err);
/* The same for the roofline, once all groups are read: what is typical comes from other architectures, or
 * a sibling's tables would answer before it. */
bool hg_hold_roofline(hg_arena *arena, const hg_table_group *group, size_t rows_most, hg_ladder_account *account,
                      hg_err *err);

/* The median of the tables of an op (NULL: any) on devices of an architecture or vendor (NULL: any),
 * without the architecture `but` (NULL: all); a component none of them speaks of is taken from the wider
 * class, then from all operators.  False: no such table. */
bool hg_typical_median(hg_arena scratch, const hg_ladder_account *account, const hg_op *op, const char *architecture,
                       const char *vendor, const char *but, hg_typical *out);

typedef struct hg_held_stats {
    size_t tables, n;
    double mean, median, p80, bias;
    double half_80;            /* so that 80 % of the rows lie within ÷(1 + half) and ×(1 + half) */
} hg_held_stats;

/* Of all rows of the entries that `wanted` takes. */
hg_held_stats hg_held_summary(hg_arena scratch, const hg_ladder_account *account,
                              bool (*wanted)(const hg_held *h, const void *ctx), const void *ctx);

#endif

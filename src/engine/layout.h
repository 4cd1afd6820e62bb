/* Which engines of a deployment stand on which node, and what their devices are called there. */
#ifndef HG_ENGINE_LAYOUT_H
#define HG_ENGINE_LAYOUT_H

#include "spec/deployment.h"
#include "spec/device.h"
#include "spec/model.h"

/* Neighbouring nodes that hold as many engines, from the same device on. */
typedef struct hg_stand {
    int64_t node, nodes; /* the first, and how many */
    int64_t engines, first_device;
} hg_stand;

/* A pool beside a larger one: what that leaves on its full nodes, on its last, then nodes of its
 * own, the last of each kind perhaps not full. */
enum { HG_STANDS = 6 };

typedef struct hg_layout {
    bool shared;          /* one process serves all engines of its node */
    int64_t engine, node; /* devices of each */
    int64_t spans;        /* nodes an engine takes */
    int64_t per_node;     /* engines on a full node */
    int64_t nodes;        /* in all; of two pools those of both */
    int64_t replicas;
    hg_stand stands[HG_STANDS]; /* nodes rising */
    int stand_count;
} hg_layout;

/* `shared`: the engine's front end can serve several engines that each lie within its node. */
hg_layout hg_layout_of(const hg_deployment *d, const hg_device *device, bool shared);
/* Both pools on as few nodes as first fit finds, larger engines first: engines of sizes that divide
 * one another, as powers of two do, leave no device of a node but the last unused.  Engines that
 * span nodes have theirs alone. */
void hg_layout_pools(const hg_deployment *prefill, const hg_deployment *decode,
                     const hg_device *device, hg_layout *prefill_out, hg_layout *decode_out);
/* Where engines stand on the node; NULL: none does. */
const hg_stand *hg_layout_at(const hg_layout *p, int64_t node);
/* Which of its engine's nodes it is, from 0. */
int64_t hg_layout_rank(const hg_layout *p, int64_t node);
/* The most engines on any node. */
int64_t hg_layout_most(const hg_layout *p);
/* Engines that stand (or, spanning nodes, partly stand) on the node. */
int64_t hg_layout_engines_on(const hg_layout *p, int64_t node);
/* Engines that one process there serves. */
int64_t hg_layout_engines_each(const hg_layout *p, int64_t node);
/* Processes to start there: one where engines share it. */
int64_t hg_layout_servers_on(const hg_layout *p, int64_t node);

bool hg_model_has_experts(const hg_model *m);

typedef struct hg_accelerator {
    const char *vendor, *visible, *docker, *resource;
} hg_accelerator;

const hg_accelerator *
hg_accelerator_of(const char *vendor); /* a vendor of no row: the last, which sets nothing */

#endif

/* Which engines of a deployment stand on which node, and what their devices are called there. */
#ifndef HG_ENGINE_LAYOUT_H
#define HG_ENGINE_LAYOUT_H

#include "spec/deployment.h"
#include "spec/device.h"
#include "spec/model.h"

typedef struct hg_layout {
    bool shared;          /* one process serves all engines of its node */
    int64_t engine, node; /* devices of each */
    int64_t spans;        /* nodes an engine takes */
    int64_t per_node;     /* engines on a full node */
    int64_t nodes, replicas;
} hg_layout;

/* `shared`: the engine's front end can serve several engines that each lie within its node. */
hg_layout hg_layout_of(const hg_deployment *d, const hg_device *device, bool shared);
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

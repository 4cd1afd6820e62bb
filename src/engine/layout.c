#include "engine/layout.h"

#include "base/num.h"

#include <string.h>

hg_layout hg_layout_of(const hg_deployment *d, const hg_device *device, bool shared)
{
    hg_layout p = { .engine = d->tp * d->pp * d->dp, .replicas = d->replicas };
    p.node = device->node_devices > 0 ? device->node_devices : p.engine * d->replicas;
    p.spans = hg_ceil_div(p.engine, p.node);
    p.per_node = p.spans > 1 ? 1 : p.node / p.engine;
    p.nodes = p.spans > 1 ? p.spans * d->replicas : hg_ceil_div(d->replicas, p.per_node);
    p.shared = shared && p.spans == 1;
    return p;
}

int64_t hg_layout_engines_on(const hg_layout *p, int64_t node)
{
    return p->spans > 1 ? 1 : hg_min_i64(p->replicas - node * p->per_node, p->per_node);
}

int64_t hg_layout_engines_each(const hg_layout *p, int64_t node)
{
    return p->shared ? hg_layout_engines_on(p, node) : 1;
}

int64_t hg_layout_servers_on(const hg_layout *p, int64_t node)
{
    return p->shared ? 1 : hg_layout_engines_on(p, node);
}

bool hg_model_has_experts(const hg_model *m)
{
    for (int64_t i = 0; i < m->layer_kinds; i++)
        if (m->layers[i].ffn == HG_FFN_MOE)
            return true;
    return false;
}

const hg_accelerator *hg_accelerator_of(const char *vendor)
{
    static const hg_accelerator rows[] = {
#define ACCELERATOR(vendor, visible, docker, resource) { vendor, visible, docker, resource },
#include "engine/accelerator.def"
#undef ACCELERATOR
    };
    size_t n = sizeof rows / sizeof *rows;
    for (size_t i = 0; i < n; i++)
        if (strcmp(rows[i].vendor, vendor) == 0)
            return &rows[i];
    return &rows[n - 1];
}

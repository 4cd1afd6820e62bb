#include "engine/layout.h"

#include "base/num.h"

#include <assert.h>
#include <string.h>

/* Nobody says how large a node is: one holds all. */
static hg_layout unplaced(const hg_deployment *d, int64_t node, bool shared)
{
    hg_layout p = { .engine = d->tp * d->pp * d->dp, .node = node, .replicas = d->replicas };
    p.spans = hg_ceil_div(p.engine, p.node);
    p.per_node = p.spans > 1 ? 1 : p.node / p.engine;
    p.shared = shared && p.spans == 1;
    return p;
}

static void stand(hg_layout *p, int64_t node, int64_t nodes, int64_t engines, int64_t first)
{
    hg_stand *last = p->stand_count ? &p->stands[p->stand_count - 1] : NULL;
    p->nodes = node + nodes;
    if (last && last->node + last->nodes == node && last->engines == engines &&
        last->first_device == first) {
        last->nodes += nodes;
        return;
    }
    assert(p->stand_count < HG_STANDS);
    p->stands[p->stand_count++] = (hg_stand){ node, nodes, engines, first };
}

static int64_t used_on(const hg_layout *p, int64_t node)
{
    const hg_stand *s = p ? hg_layout_at(p, node) : NULL;
    return !s ? 0 : p->spans > 1 ? p->node : s->engines * p->engine;
}

/* First fit into what the other pool (NULL: there is none) leaves. */
static void place(hg_layout *p, const hg_layout *beside)
{
    int64_t left = p->replicas;
    if (p->spans > 1) {
        stand(p, beside ? beside->nodes : 0, p->spans * left, 1, 0);
        return;
    }
    for (int64_t node = 0; left > 0; node++) {
        bool alone = !beside || node >= beside->nodes;
        int64_t used = alone ? 0 : used_on(beside, node),
                here = hg_min_i64(left, (p->node - used) / p->engine),
                nodes = alone && here == p->per_node ? left / here : 1;
        if (here > 0)
            stand(p, node, nodes, here, used);
        left -= here * nodes;
        node += nodes - 1;
    }
}

hg_layout hg_layout_of(const hg_deployment *d, const hg_device *device, bool shared)
{
    int64_t all = hg_deployment_devices(d);
    hg_layout p = unplaced(d, device->node_devices > 0 ? device->node_devices : all, shared);
    place(&p, NULL);
    return p;
}

void hg_layout_pools(const hg_deployment *prefill, const hg_deployment *decode,
                     const hg_device *device, hg_layout *prefill_out, hg_layout *decode_out)
{
    int64_t all = hg_deployment_devices(prefill) + hg_deployment_devices(decode),
            node = device->node_devices > 0 ? device->node_devices : all;
    *prefill_out = unplaced(prefill, node, false);
    *decode_out = unplaced(decode, node, false);
    bool decode_first = decode_out->engine > prefill_out->engine;
    hg_layout *first = decode_first ? decode_out : prefill_out,
              *second = decode_first ? prefill_out : decode_out;
    place(first, NULL);
    place(second, first);
    first->nodes = second->nodes = first->nodes > second->nodes ? first->nodes : second->nodes;
}

const hg_stand *hg_layout_at(const hg_layout *p, int64_t node)
{
    for (int i = 0; i < p->stand_count; i++)
        if (node >= p->stands[i].node && node < p->stands[i].node + p->stands[i].nodes)
            return &p->stands[i];
    return NULL;
}

int64_t hg_layout_rank(const hg_layout *p, int64_t node)
{
    return (node - p->stands[0].node) % p->spans;
}

int64_t hg_layout_most(const hg_layout *p)
{
    int64_t most = 0;
    for (int i = 0; i < p->stand_count; i++)
        most = hg_max_i64(most, p->stands[i].engines);
    return most;
}

int64_t hg_layout_engines_on(const hg_layout *p, int64_t node)
{
    const hg_stand *s = hg_layout_at(p, node);
    return s ? s->engines : 0;
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

/* Disaggregated serving: where two pools stand, and the router before them. */
#include "engine/emit.h"

#include <inttypes.h>

/* The router listens where an engine alone would; the pools' servers above it.  No node has so many
 * servers that they would meet. */
enum { PREFILL_PORTS = 100, DECODE_PORTS = 200 };

static bool share_a_node(const hg_launch *l)
{
    hg_layout p = hg_layout_of(l->prefill, l->device, false),
              d = hg_layout_of(l->deployment, l->device, false);
    return p.spans == 1 && d.spans == 1 && l->device->node_devices > 0 &&
           p.engine * p.replicas + d.engine * d.replicas <= p.node;
}

hg_launch hg_launch_side(const hg_launch *l, hg_pool_role role)
{
    hg_launch side = *l;
    bool prefill = role == HG_POOL_PREFILL;
    side.role = role;
    side.k8s = NULL;
    side.decode = l->deployment;
    side.apart = !share_a_node(l);
    side.deployment = prefill ? l->prefill : l->deployment;
    side.memory = prefill ? l->prefill_memory : l->memory;
    side.first_device = prefill || side.apart ? 0 : hg_deployment_devices(l->prefill);
    return side;
}

int64_t hg_launch_port(const hg_launch *l)
{
    return l->knobs->port + (l->role == HG_POOL_PREFILL  ? PREFILL_PORTS
                             : l->role == HG_POOL_DECODE ? DECODE_PORTS
                                                         : 0);
}

/* Decoding servers of a shared node number theirs after the prefilling ones'. */
static const char *own_port_of(const hg_emitter *e, const hg_launch *l, int64_t *first,
                               int64_t *each)
{
    const char *name = l->role && e->own_port ? e->own_port(l, first, each) : NULL;
    hg_launch other = *l;
    int64_t other_first, other_each;
    if (!name || l->role != HG_POOL_DECODE || l->apart)
        return name;
    other.role = HG_POOL_PREFILL;
    other.deployment = l->prefill;
    if (e->own_port(&other, &other_first, &other_each))
        *first += l->prefill->replicas * other_each;
    return name;
}

const char *hg_own_port(hg_arena *arena, const hg_emitter *e, const hg_launch *l, int64_t i,
                        const char *variable, bool *before)
{
    int64_t first, each;
    const char *name = own_port_of(e, l, &first, &each);
    *before = name && *name != '-';
    if (!name)
        return "";
    const char *times = each == 1 ? "" : hg_textf(arena, " * %" PRId64, each);
    const char *number = variable
                             ? hg_textf(arena, "$((%" PRId64 " + %s%s))", first, variable, times)
                             : hg_textf(arena, "%" PRId64, first + i * each);
    return hg_textf(arena, *before ? "%s=%s " : " %s %s", name, number);
}

/* ---- what both pools must agree on ---- */

/* One checkpoint is loaded by both, and KV goes from one to the other as it is. */
const char *hg_pools_refuse(hg_arena *arena, const hg_emitter *e, const hg_launch *l)
{
    const hg_deployment *p = l->prefill, *d = l->deployment;
    hg_pool_role roles[] = { HG_POOL_PREFILL, HG_POOL_DECODE };
    if (!e->pool)
        return hg_textf(arena, "heng launches no pools of %s: leave out --prefill and --decode",
                        l->engine->title);
    if (p->precision_is_checkpoints != d->precision_is_checkpoints ||
        (!p->precision_is_checkpoints && p->precision != d->precision))
        return "both pools load one checkpoint: the precision must be the same";
    if (p->kv_is_auto != d->kv_is_auto || (!p->kv_is_auto && p->kv_dtype != d->kv_dtype))
        return "KV goes from one pool to the other as it is: the kv_dtype must be the same";
    if (p->block_tokens != d->block_tokens)
        return "KV goes from one pool to the other by blocks: block_tokens must be the same";
    const char *why = e->pool_refuses ? e->pool_refuses(arena, l) : NULL;
    for (int i = 0; !why && i < 2; i++) {
        hg_launch side = hg_launch_side(l, roles[i]);
        why = hg_emit_refuses(arena, e, &side);
        if (why)
            return hg_textf(arena, "the %s pool: %s", i ? "decode" : "prefill", why);
    }
    return why;
}

/* ---- the router ---- */

static const char *host_of(hg_arena *arena, const hg_launch *l, int64_t node)
{
    if (!l->apart)
        return "127.0.0.1";
    return hg_textf(arena, "$%s_%" PRId64, l->role == HG_POOL_PREFILL ? "PREFILL" : "DECODE", node);
}

static hg_addresses addresses_of(hg_arena *arena, const hg_emitter *e, const hg_launch *l)
{
    hg_layout p = hg_emit_layout(e, l);
    hg_addresses out = { 0 };
    int64_t own = 0, each = 0;
    bool has = own_port_of(e, l, &own, &each) != NULL;
    for (int64_t node = 0; node < p.nodes; node += p.spans)
        for (int64_t i = 0; i < hg_layout_servers_on(&p, node); i++)
            *HG_PUSH(arena, out.list, out.count, out.capacity) =
                (hg_address){ host_of(arena, l, node), hg_launch_port(l) + i,
                              has ? own + i * each : 0 };
    return out;
}

static const char *line(hg_arena *arena, const hg_emitter *e, const hg_launch *l, const char *host,
                        const char *port)
{
    hg_launch prefill = hg_launch_side(l, HG_POOL_PREFILL),
              decode = hg_launch_side(l, HG_POOL_DECODE);
    hg_addresses p = addresses_of(arena, e, &prefill), d = addresses_of(arena, e, &decode);
    hg_buf b = { .arena = arena };
    e->router(&b, l, &p, &d, host, port);
    return b.s;
}

const char *hg_router_line(hg_arena *arena, const hg_emitter *e, const hg_launch *l)
{
    return line(arena, e, l, "127.0.0.1", hg_textf(arena, "%" PRId64, l->knobs->port));
}

const char *hg_router_file(hg_arena *arena, const hg_emitter *e, const hg_launch *l,
                           const char **name)
{
    hg_launch prefill = hg_launch_side(l, HG_POOL_PREFILL),
              decode = hg_launch_side(l, HG_POOL_DECODE);
    hg_addresses p = addresses_of(arena, e, &prefill), d = addresses_of(arena, e, &decode);
    return e->router_file ? e->router_file(arena, l, &p, &d, name) : NULL;
}

/* PREFILL_0, PREFILL_1 …: the nodes of a pool, in the order in which they are named. */
static void name_hosts(hg_buf *b, const hg_emitter *e, const hg_launch *l)
{
    const char *name = l->role == HG_POOL_PREFILL ? "PREFILL" : "DECODE";
    hg_layout p = hg_emit_layout(e, l);
    hg_buf_printf(b, ": \"${%s_HOSTS:?the addresses of its %" PRId64 " node%s, NODE 0 first}\"\n",
                  name, p.nodes, p.nodes > 1 ? "s" : "");
    for (int64_t node = 0; node < p.nodes; node += p.spans)
        hg_buf_printf(b, "%s_%" PRId64 "=$(host %" PRId64 " $%s_HOSTS)\n", name, node, node + 1,
                      name);
}

const char *hg_router_script(hg_arena *arena, const hg_emitter *e, const hg_launch *l)
{
    hg_launch prefill = hg_launch_side(l, HG_POOL_PREFILL),
              decode = hg_launch_side(l, HG_POOL_DECODE);
    hg_buf b = { .arena = arena };
    hg_buf_printf(&b,
                  "#!/bin/sh\n# %s %s: %s\n# Before the pools that prefill/run.sh and "
                  "decode/run.sh start: clients ask here.\nset -eu\n"
                  "here=$(cd \"$(dirname \"$0\")\" && pwd)\n",
                  l->engine->title, l->knobs->version, l->why);
    if (prefill.apart && !e->router_file) {
        hg_buf_puts(&b, "host() { shift \"$1\"; echo \"$1\"; }\n");
        name_hosts(&b, e, &prefill);
        name_hosts(&b, e, &decode);
    }
    hg_buf_printf(&b, "exec %s \"$@\"\n",
                  line(arena, e, l, "\"${HOST:-127.0.0.1}\"",
                       hg_textf(arena, "\"${PORT:-%" PRId64 "}\"", l->knobs->port)));
    return b.s;
}

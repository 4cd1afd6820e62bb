/* Disaggregated serving: where two pools stand, and the router before them. */
#include "engine/emit.h"

#include <inttypes.h>

/* The router listens where an engine alone would; the pools' servers above it.  No node has so many
 * servers that they would meet. */
enum { PREFILL_PORTS = 100, DECODE_PORTS = 200 };

hg_launch hg_launch_side(const hg_launch *l, hg_pool_role role)
{
    hg_launch side = *l;
    bool prefill = role == HG_POOL_PREFILL;
    side.role = role;
    side.k8s = NULL;
    side.decode = l->deployment;
    side.deployment = prefill ? l->prefill : l->deployment;
    side.memory = prefill ? l->prefill_memory : l->memory;
    hg_layout p, d;
    hg_layout_pools(l->prefill, l->deployment, l->device, &p, &d);
    side.apart = p.nodes > 1;
    return side;
}

int64_t hg_launch_port(const hg_launch *l)
{
    return l->knobs->port + (l->role == HG_POOL_PREFILL  ? PREFILL_PORTS
                             : l->role == HG_POOL_DECODE ? DECODE_PORTS
                                                         : 0);
}

const char *hg_launch_host(hg_arena *arena, const hg_launch *l, int64_t node)
{
    return l->role && l->apart ? hg_textf(arena, "\"$NODE_%" PRId64 "\"", node) : "127.0.0.1";
}

/* Decoding servers number theirs after the prefilling ones', which may stand on the same node. */
static const char *own_port_of(const hg_emitter *e, const hg_launch *l, int64_t *first,
                               int64_t *each)
{
    const char *name = l->role && e->own_port ? e->own_port(l, first, each) : NULL;
    hg_launch other = *l;
    int64_t other_first, other_each;
    if (!name || l->role != HG_POOL_DECODE)
        return name;
    other.role = HG_POOL_PREFILL;
    other.deployment = l->prefill;
    hg_layout p = hg_emit_layout(e, &other);
    if (e->own_port(&other, &other_first, &other_each))
        *first += hg_layout_most(&p) * other_each;
    return name;
}

const char *hg_own_port(hg_arena *arena, const hg_emitter *e, const hg_launch *l, int64_t i,
                        bool *before)
{
    int64_t first, each;
    const char *name = own_port_of(e, l, &first, &each);
    *before = name && *name != '-';
    if (!name)
        return "";
    const char *times = each == 1 ? "" : hg_textf(arena, " * %" PRId64, each);
    const char *number = i < 0 ? hg_textf(arena, "$((%" PRId64 " + (port - %" PRId64 ")%s))", first,
                                          hg_launch_port(l), times)
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

static hg_addresses addresses_of(hg_arena *arena, const hg_emitter *e, const hg_launch *l)
{
    hg_layout p = hg_emit_layout(e, l);
    hg_addresses out = { 0 };
    int64_t own = 0, each = 0;
    bool has = own_port_of(e, l, &own, &each) != NULL;
    for (int k = 0; k < p.stand_count; k++)
        for (int64_t node = p.stands[k].node; node < p.stands[k].node + p.stands[k].nodes;
             node += p.spans)
            for (int64_t i = 0; i < p.stands[k].engines; i++)
                *HG_PUSH(arena, out.list, out.count, out.capacity) =
                    (hg_address){ l->apart ? hg_textf(arena, "$NODE_%" PRId64, node) : "127.0.0.1",
                                  node, hg_launch_port(l) + i, has ? own + i * each : 0 };
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

/* NODE_0, NODE_1 …: the addresses by which the router's line names its nodes. */
static void name_nodes(hg_buf *b, int64_t nodes)
{
    hg_buf_printf(b,
                  ": \"${NODES:?the addresses of the %" PRId64 " nodes, NODE 0 first}\"\n"
                  "address() { shift \"$1\"; echo \"${1:?NODES names fewer than %" PRId64
                  " nodes}\"; }\n",
                  nodes, nodes);
    for (int64_t i = 0; i < nodes; i++)
        hg_buf_printf(b, "NODE_%" PRId64 "=$(address %" PRId64 " $NODES)\n", i, i + 1);
}

/* Hosts, ports and nodes' names of the file that the router reads, as they are where it starts. */
static void fill_in(hg_buf *b, const hg_launch *l, const char *name, int64_t nodes, bool apart)
{
    hg_buf_printf(b,
                  "file=$(mktemp)\nsed -e \"s|^hostname: .*|hostname: ${HOST:-127.0.0.1}|\" -e "
                  "\"s|^port: .*|port: ${PORT:-%" PRId64 "}|\" \\\n",
                  l->knobs->port);
    for (int64_t i = 0; apart && i < nodes; i++)
        hg_buf_printf(b, "    -e \"s|\\\"NODE_%" PRId64 ":|\\\"$NODE_%" PRId64 ":|\" \\\n", i, i);
    hg_buf_printf(b, "    \"$here/%s\" >\"$file\"\n", name);
}

const char *hg_router_script(hg_arena *arena, const hg_emitter *e, const hg_launch *l)
{
    hg_launch prefill = hg_launch_side(l, HG_POOL_PREFILL);
    hg_layout p = hg_emit_layout(e, &prefill);
    const char *name;
    hg_buf b = { .arena = arena };
    hg_buf_printf(&b,
                  "#!/bin/sh\n# %s %s: %s\n# Before the servers that run.sh starts: once they "
                  "answer at /health, clients ask here.\n"
                  "# Listens on 127.0.0.1; set HOST to serve others, PORT for another than %" PRId64
                  ".\n",
                  l->engine->title, l->knobs->version, l->why, l->knobs->port);
    if (prefill.apart)
        hg_buf_printf(&b, "# NODES: the addresses of the %" PRId64 " nodes, as for run.sh.\n",
                      p.nodes);
    hg_buf_puts(&b, "set -eu\nhere=$(cd \"$(dirname \"$0\")\" && pwd)\n");
    if (prefill.apart)
        name_nodes(&b, p.nodes);
    if (hg_router_file(arena, e, l, &name))
        fill_in(&b, l, name, p.nodes, prefill.apart);
    hg_buf_printf(&b, "exec %s \"$@\"\n",
                  line(arena, e, l, "\"${HOST:-127.0.0.1}\"",
                       hg_textf(arena, "\"${PORT:-%" PRId64 "}\"", l->knobs->port)));
    return b.s;
}

/* How pools are launched, for people: what stands where, in which order it is started, and one line of each kind. */
#include "api/plan.h"

#include <inttypes.h>

static const char *whole(hg_arena *arena, int64_t n)
{
    return hg_textf(arena, "%" PRId64, n);
}

static const char *span(hg_arena *arena, int64_t first, int64_t count)
{
    return count > 1 ? hg_textf(arena, "%" PRId64 "-%" PRId64, first, first + count - 1) : whole(arena, first);
}

const char *hg_pool_name(hg_lang lang, hg_pool_role role)
{
    return hg_text_form(lang, role == HG_POOL_PREFILL ? HG_TEXT_pool_prefill : HG_TEXT_pool_decode);
}

/* "node 1: prefill, 6 engines, GPUs 2-7, ports 8100-8105", a line a run of nodes that are alike. */
static void places(hg_buf *b, hg_lang lang, const hg_emitter *e, const hg_launch *side)
{
    hg_layout p = hg_emit_layout(e, side);
    for (int i = 0; i < p.stand_count; i++) {
        const hg_stand *s = &p.stands[i];
        int64_t devices = p.spans > 1 ? p.node : s->engines * p.engine;
        hg_buf_printf(b, "%s%s", b->n ? "\n" : "",
                      hg_say(b->arena, lang, HG_TEXT_pools_place, span(b->arena, s->node, s->nodes), hg_pool_name(lang, side->role),
                             whole(b->arena, p.spans > 1 ? s->nodes / p.spans : s->engines * s->nodes),
                             span(b->arena, s->first_device, devices), span(b->arena, hg_launch_port(side), s->engines)));
    }
}

const char *hg_launch_places(hg_arena *arena, hg_lang lang, const hg_emitter *e, const hg_launch *l)
{
    hg_launch prefill = hg_launch_side(l, HG_POOL_PREFILL), decode = hg_launch_side(l, HG_POOL_DECODE);
    hg_buf b = { .arena = arena };
    places(&b, lang, e, &prefill);
    places(&b, lang, e, &decode);
    return b.s;
}

const char *hg_launch_order(hg_arena *arena, hg_lang lang, const hg_emitter *e, const hg_launch *l, const char *folder)
{
    hg_launch side = hg_launch_side(l, HG_POOL_PREFILL);
    hg_layout p = hg_emit_layout(e, &side);
    if (p.nodes == 1)
        return hg_say(arena, lang, HG_TEXT_pools_order_one, folder, folder);
    return hg_say(arena, lang, HG_TEXT_pools_order, whole(arena, p.nodes), whole(arena, p.node), folder, folder);
}

size_t hg_launch_steps(hg_arena *arena, hg_lang lang, const hg_emitter *e, const hg_launch *l, hg_launch_step out[HG_LAUNCH_STEPS])
{
    static const hg_pool_role roles[] = { HG_POOL_PREFILL, HG_POOL_DECODE };
    size_t n;
    bool apart = false;
    for (int i = 0; i < 2; i++) {
        hg_launch side = hg_launch_side(l, roles[i]);
        const char *count = whole(arena, side.deployment->replicas), *name = hg_pool_name(lang, roles[i]);
        out[i].says = hg_say(arena, lang, side.deployment->replicas > 1 ? HG_TEXT_pools_engine : HG_TEXT_pools_only, name, count);
        out[i].command = hg_emit_command(arena, e, &side, &n)[0];
        apart = side.apart;
    }
    out[2] = (hg_launch_step){ hg_text_form(lang, apart ? HG_TEXT_pools_router_apart : HG_TEXT_pools_router), hg_router_line(arena, e, l) };
    return 3;
}

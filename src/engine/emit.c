#include "engine/emit.h"

#include "base/text.h"

#include <inttypes.h>
#include <string.h>

const hg_emitter *hg_emitter_find(const char *engine)
{
    static const hg_emitter *const emitters[] = {
#define EMITTER(name) &hg_emit_##name,
#include "engine/emits.def"
#undef EMITTER
    };
    for (size_t i = 0; i < sizeof emitters / sizeof *emitters; i++)
        if (strcmp(emitters[i]->name, engine) == 0)
            return emitters[i];
    return NULL;
}

hg_settings hg_emit_settings(hg_arena *arena, const hg_emitter *e, const hg_launch *l, int64_t here)
{
    hg_settings s = { .arena = arena, .knobs = l->knobs };
    e->settings(l, here, &s);
    if (l->role && e->pool)
        e->pool(l, &s);
    return s;
}

hg_layout hg_emit_layout(const hg_emitter *e, const hg_launch *l)
{
    hg_layout prefill, decode;
    if (!l->role)
        return hg_layout_of(l->deployment, l->device, e->shares && e->shares(l));
    hg_layout_pools(l->prefill, l->decode, l->device, &prefill, &decode);
    return l->role == HG_POOL_PREFILL ? prefill : decode;
}

/* What proposes tokens: the engine's by some name, the model's own or named. */
static const char *draft_refuses(hg_arena *arena, const hg_launch *l)
{
    const hg_deployment *d = l->deployment;
    if (d->draft_tokens <= 0)
        return NULL;
    if (!l->engine->drafts[d->draft])
        return hg_textf(arena, "%s has no speculative decoding by %s", l->engine->title,
                        hg_draft_table[d->draft].word);
    if (d->draft == HG_DRAFT_MTP && l->model->mtp_layers == 0)
        return hg_textf(arena, "%s has no layers that draft (multi-token prediction)",
                        l->model->name);
    if ((d->draft == HG_DRAFT_EAGLE3 || d->draft == HG_DRAFT_MODEL) && !d->draft_name)
        return hg_textf(arena,
                        "speculative decoding by %s loads a checkpoint of its own; --draft-model "
                        "names it",
                        hg_draft_table[d->draft].word);
    return NULL;
}

const char *hg_emit_refuses(hg_arena *arena, const hg_emitter *e, const hg_launch *l)
{
    const char *why = l->prefill && !l->role ? hg_pools_refuse(arena, e, l)
                      : e->refuses           ? e->refuses(arena, l)
                                             : NULL,
               *name;
    why = why ? why : draft_refuses(arena, l);
    hg_layout p = hg_emit_layout(e, l);
    hg_settings s = hg_emit_settings(arena, e, l, 1);
    if (why)
        return why;
    if (s.missing)
        return hg_textf(arena, "%s %s has no knob for %s", l->engine->title, l->knobs->version,
                        s.missing);
    if (p.spans > 1 && !e->join && !e->across)
        return hg_textf(arena,
                        "%s engines lie within a node here: tp·pp·dp = %" PRId64
                        " exceeds its %" PRId64 " devices",
                        l->engine->title, p.engine, p.node);
    if (l->k8s)
        hg_k8s_manifest(arena, e, l, &name, &why);
    return why;
}

const char *hg_emit_program(hg_arena *arena, const hg_emitter *e, const hg_launch *l,
                            bool with_config)
{
    if ((with_config && e->model_in_config && l->checkpoint) || !e->model_flag)
        return l->knobs->program;
    return hg_textf(arena, "%s%s %s", l->knobs->program, e->model_flag,
                    l->checkpoint ? hg_shell_word(arena, l->checkpoint) : "\"$MODEL\"");
}

/* Where the files of a pool lie. */
static const char *folder_of(const hg_launch *l)
{
    return l->role == HG_POOL_PREFILL ? "prefill/" : l->role == HG_POOL_DECODE ? "decode/" : "";
}

/* The first node of the engine that this one is part of. */
static const char *master_of(hg_arena *arena, const hg_launch *l, const hg_layout *p, int64_t node)
{
    return l->role ? hg_launch_host(arena, l, node - hg_layout_rank(p, node)) : "\"$MASTER_ADDR\"";
}

/* One process' line.  The devices are named where servers share a node, the node where there are
 * several. */
static const char *line(hg_arena *arena, const hg_emitter *e, const hg_launch *l,
                        const hg_layout *p, int64_t node, int64_t server)
{
    hg_settings s = hg_emit_settings(arena, e, l, hg_layout_engines_each(p, node));
    const char *visible = hg_accelerator_of(l->device->vendor)->visible;
    bool several = !p->shared && p->spans == 1 &&
                   (l->deployment->replicas > 1 || (l->role && p->engine < p->node)),
         before;
    int64_t first = hg_layout_at(p, node)->first_device + server * p->engine;
    const char *own = hg_own_port(arena, e, l, server, &before);
    hg_buf b = { .arena = arena };
    for (size_t i = 0; i < s.env_count; i++)
        hg_buf_printf(&b, "%s=%s ", s.env[i][0], hg_shell_word(arena, s.env[i][1]));
    for (int64_t g = 0; several && visible && g < p->engine; g++)
        hg_buf_printf(&b, "%s%s%" PRId64 "%s", g ? "," : visible, g ? "" : "=", first + g,
                      g + 1 < p->engine ? "" : " ");
    if (before)
        hg_buf_puts(&b, own);
    if (p->spans > 1 && e->across)
        hg_buf_puts(&b, e->across(arena, p));
    hg_buf_puts(&b, hg_emit_program(arena, e, l, false));
    if (e->listens)
        hg_buf_printf(&b, " --host %s --port %" PRId64, hg_launch_host(arena, l, node),
                      hg_launch_port(l) + server);
    hg_settings_flags(&s, e->no_form, &b);
    if (!before)
        hg_buf_puts(&b, own);
    if (e->config_needed && e->config_flag)
        hg_buf_printf(&b, "%s %s%s", e->config_flag, folder_of(l), e->config_name);
    if (p->spans > 1 && e->join)
        e->join(&b, p->spans, hg_textf(arena, "%" PRId64, hg_layout_rank(p, node)),
                master_of(arena, l, p, node), hg_layout_rank(p, node) == 0);
    if (p->nodes > 1)
        hg_buf_printf(&b, "  # node %" PRId64 " of 0-%" PRId64, node, p->nodes - 1);
    return b.s;
}

typedef struct lines {
    const char **list;
    size_t count, capacity;
} lines;

static void add_lines(hg_arena *arena, const hg_emitter *e, const hg_launch *l, lines *out)
{
    hg_layout p = hg_emit_layout(e, l);
    int64_t stride = p.spans > 1 && e->across ? p.spans : 1; /* the first node starts the others */
    for (int i = 0; i < p.stand_count; i++)
        for (int64_t node = p.stands[i].node; node < p.stands[i].node + p.stands[i].nodes;
             node += stride)
            for (int64_t s = 0; s < hg_layout_servers_on(&p, node); s++)
                *HG_PUSH(arena, out->list, out->count, out->capacity) =
                    line(arena, e, l, &p, node, s);
}

const char **hg_emit_command(hg_arena *arena, const hg_emitter *e, const hg_launch *l,
                             size_t *count)
{
    lines out = { 0 };
    if (l->prefill && !l->role) {
        hg_launch prefill = hg_launch_side(l, HG_POOL_PREFILL),
                  decode = hg_launch_side(l, HG_POOL_DECODE);
        add_lines(arena, e, &prefill, &out);
        add_lines(arena, e, &decode, &out);
        *HG_PUSH(arena, out.list, out.count, out.capacity) = hg_router_line(arena, e, l);
    } else {
        add_lines(arena, e, l, &out);
    }
    *count = out.count;
    return out.list;
}

/* What starts the engines of one pool, or of the only one, in a folder of its own. */
static size_t engine_files(hg_arena *arena, const hg_emitter *e, const hg_launch *l, hg_file *out)
{
    hg_layout p = hg_emit_layout(e, l);
    hg_settings s = hg_emit_settings(arena, e, l, hg_layout_engines_each(&p, p.stands[0].node));
    const char *folder = folder_of(l);
    out[0] = (hg_file){ hg_textf(arena, "%srun.sh", folder), hg_run_script(arena, e, l), true };
    out[1] = (hg_file){ hg_textf(arena, "%s%s", folder, e->config_name), e->config(arena, l, &s),
                        false };
    out[2] =
        (hg_file){ hg_textf(arena, "%sdocker.sh", folder), hg_docker_script(arena, e, l), true };
    return 3;
}

static size_t pool_files(hg_arena *arena, const hg_emitter *e, const hg_launch *l, hg_file *out)
{
    hg_launch prefill = hg_launch_side(l, HG_POOL_PREFILL),
              decode = hg_launch_side(l, HG_POOL_DECODE);
    const char *name;
    out[0] = (hg_file){ "run.sh", hg_pools_script(arena, e, l), true };
    size_t n = 1 + engine_files(arena, e, &prefill, out + 1);
    n += engine_files(arena, e, &decode, out + n);
    out[n++] = (hg_file){ "router.sh", hg_router_script(arena, e, l), true };
    const char *file = hg_router_file(arena, e, l, &name);
    if (file)
        out[n++] = (hg_file){ name, file, false };
    return n;
}

size_t hg_emit_files(hg_arena *arena, const hg_emitter *e, const hg_launch *l, hg_file *out)
{
    const char *name, *why;
    size_t n = l->prefill ? pool_files(arena, e, l, out) : engine_files(arena, e, l, out);
    out[n++] = (hg_file){ "bench.sh", hg_bench_script(arena, e, l), true };
    const char *manifest = l->k8s ? hg_k8s_manifest(arena, e, l, &name, &why) : NULL;
    if (manifest)
        out[n++] = (hg_file){ name, manifest, false };
    return n;
}

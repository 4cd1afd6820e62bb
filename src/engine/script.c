/* run.sh and docker.sh: the same for every engine but for the command they start. */
#include "engine/emit.h"

#include <inttypes.h>

/* Which node this is, and what stands on each. */
static void say_nodes(hg_buf *b, const hg_layout *p)
{
    int64_t last = p->nodes - 1;
    hg_buf_printf(b,
                  "# Needs %" PRId64 " nodes of %" PRId64
                  " GPUs: run this on each with NODE=0 … %" PRId64 ".\n",
                  p->nodes, p->node, last);
    if (p->spans > 1) {
        hg_buf_printf(b, "# An engine spans %" PRId64 " nodes: MASTER_ADDR is the first of them.\n",
                      p->spans);
    } else {
        for (int64_t n = 0; n <= last; n += last > 0 && n < last ? last : 1) {
            int64_t here = hg_layout_engines_on(p, n);
            hg_buf_printf(b, "#   node %s%" PRId64 ": %" PRId64 " engine%s on GPUs 0-%" PRId64 "\n",
                          n == 0 && last > 1 ? "0 to " : "", n == 0 && last > 1 ? last - 1 : n,
                          here, here > 1 ? "s" : "", here * p->engine - 1);
        }
        hg_buf_puts(b, "# Put a router in front of the nodes.\n");
    }
    hg_buf_printf(b,
                  "case ${NODE:?which node this is, 0 to %" PRId64 "} in *[!0-9]*) exit 2 ;; esac\n"
                  "[ \"$NODE\" -le %" PRId64 " ] || exit 2\n",
                  last, last);
}

static void listen(hg_buf *b, const hg_emitter *e, const hg_launch *l)
{
    if (e->listens)
        hg_buf_printf(b, " --host \"${HOST:-127.0.0.1}\" --port \"${PORT:-%" PRId64 "}\"",
                      hg_launch_port(l));
}

static void serve_spanning(hg_buf *b, const hg_emitter *e, const hg_launch *l, const hg_layout *p,
                           const char *serve)
{
    hg_buf follower = { .arena = b->arena }, leader = { .arena = b->arena };
    const char *first = "\"${MASTER_ADDR:?address of the first node of this engine}\"";
    e->join(&leader, p->spans, "$rank", first, true);
    e->join(&follower, p->spans, "$rank", first, false);
    hg_buf_printf(b, "rank=$((NODE %% %" PRId64 "))\n", p->spans);
    if (follower.n > leader.n) /* what only followers are told stands at the end */
        hg_buf_printf(b, "[ $rank -eq 0 ] || set -- %s \"$@\"\n", follower.s + leader.n + 1);
    hg_buf_printf(b, "exec %s%s \\\n   ", serve, leader.s);
    listen(b, e, l);
    hg_buf_puts(b, " \"$@\"\n");
}

static void serve_across(hg_buf *b, const hg_emitter *e, const hg_launch *l, const hg_layout *p,
                         const char *serve)
{
    hg_buf_printf(b,
                  "# Its first node starts the others, which see this folder: "
                  "HOSTS=first:%" PRId64 ",second:%" PRId64 "…\n"
                  "[ $((NODE %% %" PRId64
                  ")) -eq 0 ] || exit 0\n: \"${HOSTS:?the nodes of this engine}\"\n",
                  p->node, p->node, p->spans);
    hg_buf_printf(b, "exec %s%s", e->across(b->arena, p), serve);
    listen(b, e, l);
    hg_buf_puts(b, " \"$@\"\n");
}

/* One process for all engines of the node; where the last node has fewer the command line says so
 * after the file. */
static void serve_shared(hg_buf *b, const hg_emitter *e, const hg_launch *l, const hg_layout *p,
                         const char *serve)
{
    int64_t rest = hg_layout_engines_on(p, p->nodes - 1);
    const hg_engine_knob *dp = hg_knob_of_word(l->knobs, "dp");
    if (p->shared && rest != hg_layout_engines_on(p, 0) && dp && dp->flag)
        hg_buf_printf(b, "[ \"$NODE\" -lt %" PRId64 " ] || set -- %s %" PRId64 " \"$@\"\n",
                      p->nodes - 1, dp->flag, rest);
    hg_buf_printf(b, "exec %s", serve);
    listen(b, e, l);
    hg_buf_puts(b, " \"$@\"\n");
}

static void serve_several(hg_buf *b, const hg_emitter *e, const hg_launch *l, const hg_layout *p,
                          const char *serve)
{
    int64_t full = hg_layout_engines_on(p, 0), rest = hg_layout_engines_on(p, p->nodes - 1),
            port = hg_launch_port(l);
    const char *visible = hg_accelerator_of(l->device->vendor)->visible;
    bool before;
    const char *own = hg_own_port(b->arena, e, l, 0, "i", &before);
    hg_buf_printf(b,
                  "# %s of %" PRId64 " GPUs: %s (ports %" PRId64 " and up).\n"
                  "servers=\ntrap 'kill $servers 2>/dev/null || :' EXIT\ntrap 'exit 1' INT "
                  "TERM\ncount=%" PRId64 "\n",
                  l->role == HG_POOL_PREFILL  ? "The prefill pool, servers"
                  : l->role == HG_POOL_DECODE ? "The decode pool, servers"
                                              : "Independent servers",
                  p->engine, l->role ? "router.sh stands before them" : "put a router in front",
                  port, full);
    if (rest != full)
        hg_buf_printf(b, "[ \"$NODE\" -lt %" PRId64 " ] || count=%" PRId64 "\n", p->nodes - 1,
                      rest);
    hg_buf_printf(b,
                  "i=0\nwhile [ $i -lt $count ]; do\n    first=$((%si * %" PRId64
                  "))\n    last=$((first + %" PRId64 "))\n    ",
                  l->first_device ? hg_textf(b->arena, "%" PRId64 " + ", l->first_device) : "",
                  p->engine, p->engine - 1);
    if (visible)
        hg_buf_printf(b, "%s=$(seq -s, $first $last) ", visible);
    if (before)
        hg_buf_puts(b, own);
    hg_buf_printf(b,
                  "%s \\\n        --host \"${HOST:-127.0.0.1}\" --port $((%" PRId64
                  " + i))%s \"$@\" &\n    servers=\"$servers $!\"\n"
                  "    i=$((i + 1))\ndone\nwait\n",
                  serve, port, before ? "" : own);
}

/* Engines without a flag for their file are told everything on the command line. */
static const char *serve_command(hg_arena *arena, const hg_emitter *e, const hg_launch *l,
                                 const hg_settings *s)
{
    hg_buf b = { .arena = arena };
    hg_buf_puts(&b, hg_emit_program(arena, e, l, true));
    if (e->config_flag)
        hg_buf_printf(&b, "%s \"$here/%s\"", e->config_flag, e->config_name);
    else
        hg_settings_flags(s, e->no_form, &b);
    return b.s;
}

const char *hg_run_script(hg_arena *arena, const hg_emitter *e, const hg_launch *l)
{
    hg_layout p = hg_emit_layout(e, l);
    hg_settings s = hg_emit_settings(arena, e, l, hg_layout_engines_each(&p, 0));
    hg_buf b = { .arena = arena };
    hg_buf_printf(&b,
                  "#!/bin/sh\n# %s %s: %s\n%sset -eu\nhere=$(cd \"$(dirname \"$0\")\" && pwd)\n",
                  l->engine->title, l->knobs->version, l->why,
                  e->listens ? "# Listens on 127.0.0.1; set HOST to serve others.\n" : "");
    if (!l->checkpoint)
        hg_buf_printf(&b, "MODEL=${MODEL:?%s}\n", hg_brace_text(arena, l->wanted));
    for (size_t i = 0; i < s.env_count; i++)
        hg_buf_printf(&b, "export %s=%s\n", s.env[i][0], hg_shell_word(arena, s.env[i][1]));
    if (p.nodes > 1)
        say_nodes(&b, &p);
    if (e->prepare)
        e->prepare(&b, l);
    const char *serve = serve_command(arena, e, l, &s);
    if (p.spans > 1 && e->across)
        serve_across(&b, e, l, &p, serve);
    else if (p.spans > 1)
        serve_spanning(&b, e, l, &p, serve);
    else if (p.shared || (l->deployment->replicas == 1 && !l->role))
        serve_shared(&b, e, l, &p, serve);
    else
        serve_several(&b, e, l, &p, serve);
    return b.s;
}

/* run.sh inside the engine's container: what it needs is this folder, the checkpoints and the
 * devices. */
const char *hg_docker_script(hg_arena *arena, const hg_emitter *e, const hg_launch *l)
{
    const hg_accelerator *a = hg_accelerator_of(l->device->vendor);
    const char *image = hg_knob_image(l->knobs, l->device->vendor);
    hg_buf b = { .arena = arena };
    hg_buf_printf(&b,
                  "#!/bin/sh\n# %s, in a container.  IMAGE names another one.\nset -eu\nhere=$(cd "
                  "\"$(dirname \"$0\")\" && pwd)\n",
                  l->why);
    if (!image)
        hg_buf_printf(&b, "IMAGE=${IMAGE:?a container image of %s for %s}\n", l->engine->title,
                      a->vendor);
    if (!l->checkpoint)
        hg_buf_printf(&b, "MODEL=${MODEL:?%s}\n", hg_brace_text(arena, l->wanted));
    hg_buf_printf(&b,
                  "exec docker run --rm --network host --ipc host%s%s \\\n"
                  "    -v \"$here\":/heng:ro -v "
                  "\"${HF_HOME:-$HOME/.cache/huggingface}\":/root/.cache/huggingface \\\n",
                  *a->docker ? " " : "", a->docker);
    if (l->checkpoint && *l->checkpoint == '/')
        hg_buf_printf(&b, "    -v %s:%s:ro \\\n", hg_shell_word(arena, l->checkpoint),
                      hg_shell_word(arena, l->checkpoint));
    if (!e->model_flag)
        hg_buf_puts(&b, "    -v \"${MODELS:-/models}\":/models:ro -e MODEL \\\n");
    else if (!l->checkpoint)
        hg_buf_puts(&b, "    -v \"$MODEL\":\"$MODEL\":ro -e MODEL \\\n");
    hg_buf_printf(&b,
                  "    -e HF_TOKEN -e HOST -e PORT -e NODE -e MASTER_ADDR --entrypoint /bin/sh "
                  "\\\n    \"${IMAGE:-%s}\" /heng/run.sh \"$@\"\n",
                  image ? image : "");
    return b.s;
}

/* run.sh and docker.sh: the same for every engine but for the command they start. */
#include "engine/emit.h"

#include <inttypes.h>

static const char *plural(int64_t n)
{
    return n > 1 ? "s" : "";
}

/* "node 0 to 2: 4 engines on GPUs 0-7" for each run of nodes that are alike. */
static void say_stands(hg_buf *b, const hg_layout *p)
{
    for (int i = 0; i < p->stand_count; i++) {
        const hg_stand *s = &p->stands[i];
        hg_buf_printf(b, "#   node %" PRId64, s->node);
        if (s->nodes > 1)
            hg_buf_printf(b, " to %" PRId64, s->node + s->nodes - 1);
        if (p->spans > 1)
            hg_buf_printf(b, ": %" PRId64 " engine%s, each on %" PRId64 " of them\n",
                          s->nodes / p->spans, plural(s->nodes / p->spans), p->spans);
        else
            hg_buf_printf(b, ": %" PRId64 " engine%s on GPUs %" PRId64 "-%" PRId64 "\n", s->engines,
                          plural(s->engines), s->first_device,
                          s->first_device + s->engines * p->engine - 1);
    }
}

static void take_node(hg_buf *b, int64_t last)
{
    hg_buf_printf(b,
                  "case ${NODE:?which node this is, 0 to %" PRId64 "} in *[!0-9]*) exit 2 ;; esac\n"
                  "[ \"$NODE\" -le %" PRId64 " ] || exit 2\n",
                  last, last);
}

/* Which node this is, and what stands on each. */
static void say_nodes(hg_buf *b, const hg_layout *p)
{
    hg_buf_printf(b,
                  "# Needs %" PRId64 " nodes of %" PRId64
                  " GPUs: run this on each with NODE=0 … %" PRId64 ".\n",
                  p->nodes, p->node, p->nodes - 1);
    if (p->spans > 1)
        hg_buf_printf(b, "# An engine spans %" PRId64 " nodes: MASTER_ADDR is the first of them.\n",
                      p->spans);
    else
        say_stands(b, p);
    if (p->spans == 1)
        hg_buf_puts(b, "# Put a router in front of the nodes.\n");
    take_node(b, p->nodes - 1);
}

/* The same of one pool, whose nodes hold the other's engines too; the router calls a node by its
 * address, and there its servers listen. */
static void say_pool_nodes(hg_buf *b, const hg_layout *p)
{
    hg_buf_printf(
        b,
        "# Needs %" PRId64 " nodes of %" PRId64 " GPUs for both pools: run this on each of "
        "its own with NODE=0 … %" PRId64 "\n# and NODES, the addresses of all, NODE 0 first.\n",
        p->nodes, p->node, p->nodes - 1);
    say_stands(b, p);
    take_node(b, p->nodes - 1);
    hg_buf_printf(
        b,
        ": \"${NODES:?the addresses of the %" PRId64 " nodes, NODE 0 first}\"\n"
        "address=$(set -- $NODES; shift \"$NODE\"; echo \"${1:?NODES names too few nodes}\")\n"
        "HOST=${HOST:-$address}\n",
        p->nodes);
    for (int i = 0; p->spans > 1 && i < p->stand_count; i++)
        hg_buf_printf(b,
                      "[ \"$NODE\" -ge %" PRId64 " ] && [ \"$NODE\" -lt %" PRId64
                      " ] || exit 0 # the other pool's\n",
                      p->stands[i].node, p->stands[i].node + p->stands[i].nodes);
}

static void listen(hg_buf *b, const hg_emitter *e, const hg_launch *l)
{
    if (e->listens && l->role) /* the router knows the port */
        hg_buf_printf(b, " --host \"${HOST:-127.0.0.1}\" --port %" PRId64, hg_launch_port(l));
    else if (e->listens)
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
    hg_buf_printf(b, "rank=$(((NODE - %" PRId64 ") %% %" PRId64 "))\n", p->stands[0].node,
                  p->spans);
    if (l->role)
        hg_buf_puts(b, "MASTER_ADDR=${MASTER_ADDR:-$(set -- $NODES; shift $((NODE - rank)); echo "
                       "\"$1\")}\n");
    if (follower.n > leader.n) /* what only followers are told stands at the end */
        hg_buf_printf(b, "[ $rank -eq 0 ] || set -- %s \"$@\"\n", follower.s + leader.n + 1);
    hg_buf_printf(b, "exec %s%s \\\n   ", serve, leader.s);
    listen(b, e, l);
    hg_buf_puts(b, " \"$@\"\n");
}

/* Of the addresses of all nodes those from this one on. */
static void hosts_of_pool(hg_buf *b, const hg_layout *p)
{
    hg_buf_puts(b, "HOSTS=${HOSTS:-$(set -- $NODES; shift \"$NODE\"; echo \"");
    for (int64_t i = 0; i < p->spans; i++)
        hg_buf_printf(b, "%s${%" PRId64 "}:%" PRId64, i ? "," : "", i + 1, p->node);
    hg_buf_puts(b, "\")}\n");
}

static void serve_across(hg_buf *b, const hg_emitter *e, const hg_launch *l, const hg_layout *p,
                         const char *serve)
{
    hg_buf_printf(b,
                  "# Its first node starts the others, which see this folder: "
                  "HOSTS=first:%" PRId64 ",second:%" PRId64 "…\n"
                  "[ $(((NODE - %" PRId64 ") %% %" PRId64 ")) -eq 0 ] || exit 0\n",
                  p->node, p->node, p->stands[0].node, p->spans);
    if (l->role)
        hosts_of_pool(b, p);
    hg_buf_puts(b, ": \"${HOSTS:?the nodes of this engine}\"\n");
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

/* A row for every server: "NODE:DEVICES:PORT", without the node where there is one. */
static void server_rows(hg_buf *b, const hg_launch *l, const hg_layout *p)
{
    int64_t row = 0;
    for (int i = 0; i < p->stand_count; i++)
        for (int64_t node = p->stands[i].node; node < p->stands[i].node + p->stands[i].nodes;
             node++)
            for (int64_t k = 0; k < p->stands[i].engines; k++, row++) {
                int64_t first = p->stands[i].first_device + k * p->engine;
                hg_buf_puts(b, row && row % 8 == 0 ? " \\\n   " : "");
                hg_buf_puts(b, " ");
                if (p->nodes > 1)
                    hg_buf_printf(b, "%" PRId64 ":", node);
                for (int64_t g = 0; g < p->engine; g++)
                    hg_buf_printf(b, "%s%" PRId64, g ? "," : "", first + g);
                hg_buf_printf(b, ":%" PRId64, hg_launch_port(l) + k);
            }
}

static void serve_several(hg_buf *b, const hg_emitter *e, const hg_launch *l, const hg_layout *p,
                          const char *serve)
{
    const char *visible = hg_accelerator_of(l->device->vendor)->visible;
    bool before, nodes = p->nodes > 1;
    const char *own = hg_own_port(b->arena, e, l, -1, &before);
    hg_buf_printf(b,
                  "# %s of %" PRId64 " GPU%s: %s.  Each is %sGPUs:port.\n"
                  "servers=\ntrap 'kill $servers 2>/dev/null || :' EXIT\ntrap 'exit 1' INT TERM\n"
                  "for server in",
                  l->role == HG_POOL_PREFILL  ? "The prefill pool, servers"
                  : l->role == HG_POOL_DECODE ? "The decode pool, servers"
                                              : "Independent servers",
                  p->engine, plural(p->engine),
                  l->role ? "router.sh stands before them" : "put a router in front",
                  nodes ? "node:" : "");
    server_rows(b, l, p);
    hg_buf_puts(b, "; do\n");
    if (nodes)
        hg_buf_puts(
            b, "    [ \"${server%%:*}\" -eq \"$NODE\" ] || continue\n    server=${server#*:}\n");
    hg_buf_puts(b, "    port=${server#*:}\n    ");
    if (visible)
        hg_buf_printf(b, "%s=${server%%%%:*} ", visible);
    if (before)
        hg_buf_puts(b, own);
    hg_buf_printf(b,
                  "%s \\\n        --host \"${HOST:-127.0.0.1}\" --port $port%s \"$@\" &\n"
                  "    servers=\"$servers $!\"\ndone\nwait\n",
                  serve, before ? "" : own);
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
    hg_settings s = hg_emit_settings(arena, e, l, hg_layout_engines_each(&p, p.stands[0].node));
    hg_buf b = { .arena = arena };
    hg_buf_printf(&b,
                  "#!/bin/sh\n# %s %s: %s\n%sset -eu\nhere=$(cd \"$(dirname \"$0\")\" && pwd)\n",
                  l->engine->title, l->knobs->version, l->why,
                  l->role && l->apart ? ""
                  : e->listens        ? "# Listens on 127.0.0.1; set HOST to serve others.\n"
                                      : "");
    if (!l->checkpoint)
        hg_buf_printf(&b, "MODEL=${MODEL:?%s}\n", hg_brace_text(arena, l->wanted));
    for (size_t i = 0; i < s.env_count; i++)
        hg_buf_printf(&b, "export %s=%s\n", s.env[i][0], hg_shell_word(arena, s.env[i][1]));
    if (p.nodes > 1)
        (l->role ? say_pool_nodes : say_nodes)(&b, &p);
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
                  "    -e HF_TOKEN -e HOST -e PORT -e NODE%s -e MASTER_ADDR --entrypoint /bin/sh "
                  "\\\n    \"${IMAGE:-%s}\" /heng/run.sh \"$@\"\n",
                  l->role && l->apart ? " -e NODES" : "", image ? image : "");
    return b.s;
}

/* "# node 0: decode on GPUs 0-7; prefill on GPUs 2-7", a line a run of nodes, pool by pool. */
static void say_pools(hg_buf *b, const hg_emitter *e, const hg_launch *l)
{
    static const char *const names[] = { "prefill", "decode" };
    for (int i = 0; i < 2; i++) {
        hg_launch side = hg_launch_side(l, i ? HG_POOL_DECODE : HG_POOL_PREFILL);
        hg_layout p = hg_emit_layout(e, &side);
        hg_buf_printf(b, "# %s, engines of %" PRId64 " GPU%s:\n", names[i], p.engine,
                      plural(p.engine));
        say_stands(b, &p);
    }
}

const char *hg_pools_script(hg_arena *arena, const hg_emitter *e, const hg_launch *l)
{
    hg_launch side = hg_launch_side(l, HG_POOL_PREFILL);
    hg_layout p = hg_emit_layout(e, &side);
    hg_buf b = { .arena = arena };
    hg_buf_printf(
        &b,
        "#!/bin/sh\n# %s %s: %s\n# The servers of both pools%s; start router.sh when they "
        "answer at /health.\n",
        l->engine->title, l->knobs->version, l->why, p.nodes > 1 ? " that stand on this node" : "");
    if (p.nodes > 1)
        hg_buf_printf(&b,
                      "# Needs %" PRId64 " nodes of %" PRId64
                      " GPUs: run this on each with NODE=0 … %" PRId64
                      "\n# and NODES, the addresses of all, NODE 0 first.\n",
                      p.nodes, p.node, p.nodes - 1);
    say_pools(&b, e, l);
    hg_buf_puts(&b, "set -eu\nhere=$(cd \"$(dirname \"$0\")\" && pwd)\n");
    if (p.nodes > 1)
        take_node(&b, p.nodes - 1);
    hg_buf_puts(&b, "pools=\ntrap 'kill $pools 2>/dev/null || :' EXIT\ntrap 'exit 1' INT TERM\n"
                    "sh \"$here/prefill/run.sh\" \"$@\" &\npools=$!\n"
                    "sh \"$here/decode/run.sh\" \"$@\" &\npools=\"$pools $!\"\nwait\n");
    return b.s;
}

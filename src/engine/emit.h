/* A deployment as files that launch it: one emitter an engine, listed in emits.def.  An emitter
 * says its settings and how its server is called; command lines, scripts, containers and Kubernetes
 * objects are made of that for all alike. */
#ifndef HG_ENGINE_EMIT_H
#define HG_ENGINE_EMIT_H

#include "cost/memory.h"
#include "engine/layout.h"
#include "engine/setting.h"
#include "spec/slo.h"

#include <string.h>

enum { HG_FILES = 12 };

typedef struct hg_file {
    const char *name, *text; /* the name may lie in a folder: "conf/config.json" */
    bool executable;
} hg_file;

/* Of disaggregated serving: which pool of engines it is. */
typedef enum hg_pool_role { HG_POOL_BOTH, HG_POOL_PREFILL, HG_POOL_DECODE } hg_pool_role;

/* What is launched, and what a benchmark of it should send. */
typedef struct hg_launch {
    const hg_model *model;
    const char *model_word; /* what the user called it */
    const char
        *checkpoint; /* what the engine loads: an id or a folder; NULL: $MODEL must name one … */
    const char *wanted; /* … such as "an nvfp4 checkpoint of Qwen/Qwen3-8B" */
    bool quantize_fp8;  /* … a 16-bit checkpoint, by the engine while it loads */
    const hg_deployment
        *deployment; /* without data-parallel ranks of a dense model: those are replicas */
    const hg_engine *engine;
    const hg_engine_knobs *knobs;
    const hg_memory *memory; /* of the deployment: what fractions of memory are told by */
    const hg_device *device;
    const hg_slo *slo;
    double mean_isl, mean_osl; /* of the workload; 0: none was given */
    double rate_per_s;         /* the load planned for; 0: unknown */
    const char *k8s;           /* deployment, lws, dynamo, llm-d; NULL: no manifest */
    const char *why;           /* one line of the plan, for the files' heads */
    /* Disaggregated: engines (its replicas) that only compute prompts, with their ledger; those of
     * deployment then make the tokens.  NULL: the same engines do both. */
    const hg_deployment *prefill;
    const hg_memory *prefill_memory;
    /* Set for emitters by hg_launch_side, in a copy that is one pool: deployment and memory are its
     * own.  Callers leave them 0. */
    hg_pool_role role;
    const hg_deployment *decode; /* beside prefill, the other pool */
    bool apart;                  /* the pools stand on several nodes */
} hg_launch;

/* Where a server of a pool answers, as a script names it. */
typedef struct hg_address {
    const char *host;
    int64_t node, port, own_port; /* own_port: hg_emitter.own_port's, 0 where it has none */
} hg_address;

typedef struct hg_addresses {
    hg_address *list;
    size_t count, capacity;
} hg_addresses;

typedef struct hg_emitter {
    const char *name;
    const char *config_name; /* "vllm.yaml" */
    const char
        *model_flag; /* before the model on the command line: " --model-path"; "": a bare word */
    const char *config_flag; /* " --config"; NULL: the file is put in its place otherwise */
    bool model_in_config;    /* the file names the model too */
    bool config_needed;      /* the command line alone cannot say everything */
    bool no_form;            /* switches are turned off with --no-… */
    bool listens;            /* takes --host and --port */
    /* Whether one process may serve several engines of a node. */
    bool (*shares)(const hg_launch *l);
    /* All that is the same wherever it runs, for `here` engines in one process. */
    void (*settings)(const hg_launch *l, int64_t here, hg_settings *s);
    /* The config file's text. */
    const char *(*config)(hg_arena *arena, const hg_launch *l, const hg_settings *s);
    /* What joins the nodes of one engine, as flags; `rank` and `first` as the place writes them.
     * NULL: it does not span nodes with flags. */
    void (*join)(hg_buf *b, int64_t spans, const char *rank, const char *first, bool leads);
    /* Before the program where an engine spans nodes and is started on the first of them for all:
     * "mpirun … "; its hosts are $HOSTS.  NULL: join says it, or it does not span. */
    const char *(*across)(hg_arena *arena, const hg_layout *p);
    /* Why the engine has no such deployment; NULL: it has. */
    const char *(*refuses)(hg_arena *arena, const hg_launch *l);
    /* run.sh before its last line, where more is needed than a command. */
    void (*prepare)(hg_buf *b, const hg_launch *l);
    /* What clients call the model, where that is not what the engine loads; NULL: it is. */
    const char *(*served)(hg_arena *arena, const hg_launch *l);
    /* What makes an engine one of a pool (l->role); NULL: it has no pools. */
    void (*pool)(const hg_launch *l, hg_settings *s);
    /* Why it has no such pools, beside what refuses says of each; NULL: it has. */
    const char *(*pool_refuses)(hg_arena *arena, const hg_launch *l);
    /* A second port of every server of a pool: a variable's or a flag's name ("--…"), the first
     * number and how many one server takes.  NULL: none in this role. */
    const char *(*own_port)(const hg_launch *l, int64_t *first, int64_t *each);
    /* The line of what stands before the pools; host and port: where it listens. */
    void (*router)(hg_buf *b, const hg_launch *l, const hg_addresses *prefill,
                   const hg_addresses *decode, const char *host, const char *port);
    /* A file that the router reads; NULL: none. */
    const char *(*router_file)(hg_arena *arena, const hg_launch *l, const hg_addresses *prefill,
                               const hg_addresses *decode, const char **name);
    /* Fields of a deployment that change nothing in the text, "field: why" or "field on vendor:
     * why"; ends with NULL. */
    const char *const *ignores;
} hg_emitter;

#define EMITTER(name) extern const hg_emitter hg_emit_##name;
#include "engine/emits.def"
#undef EMITTER

const hg_emitter *hg_emitter_find(const char *engine); /* NULL: unknown */

/* Why this cannot be launched so: the engine, its version or the Kubernetes object lacks something.
 * NULL: it can. */
const char *hg_emit_refuses(hg_arena *arena, const hg_emitter *e, const hg_launch *l);

/* The commands that start it, one a process; what names its devices or its node is part of the
 * line. */
const char **hg_emit_command(hg_arena *arena, const hg_emitter *e, const hg_launch *l,
                             size_t *count);
/* run.sh, the config file, docker.sh, bench.sh, and the manifest asked for; of pools the first
 * three in prefill/ and decode/, a run.sh for both, and router.sh. */
size_t hg_emit_files(hg_arena *arena, const hg_emitter *e, const hg_launch *l, hg_file *out);

/* ---- parts ---- */

/* Settings of a process that serves `here` engines. */
hg_settings hg_emit_settings(hg_arena *arena, const hg_emitter *e, const hg_launch *l,
                             int64_t here);
hg_layout hg_emit_layout(const hg_emitter *e, const hg_launch *l);
/* "vllm serve MODEL", or without the model where the config file has it.  model NULL: the
 * checkpoint or $MODEL. */
const char *hg_emit_program(hg_arena *arena, const hg_emitter *e, const hg_launch *l,
                            bool with_config);

const char *hg_run_script(hg_arena *arena, const hg_emitter *e, const hg_launch *l);
const char *hg_docker_script(hg_arena *arena, const hg_emitter *e, const hg_launch *l);
const char *hg_bench_script(hg_arena *arena, const hg_emitter *e, const hg_launch *l);
/* The manifest and its file's name; NULL with *why set where the object cannot hold this
 * deployment. */
const char *hg_k8s_manifest(hg_arena *arena, const hg_emitter *e, const hg_launch *l,
                            const char **name, const char **why);

/* ---- pools ---- */

/* One pool of a launch that has two. */
hg_launch hg_launch_side(const hg_launch *l, hg_pool_role role);
/* Where the first server of the launch's node listens; servers beside it follow. */
int64_t hg_launch_port(const hg_launch *l);
/* What the server on the node listens at: this machine, or of several the node's own address. */
const char *hg_launch_host(hg_arena *arena, const hg_launch *l, int64_t node);
/* "VLLM_…=5601 " or " --flag 5601" of the server i of the node, or as $port of a script says it
 * (i below 0); "": none.  *before: it goes before the command. */
const char *hg_own_port(hg_arena *arena, const hg_emitter *e, const hg_launch *l, int64_t i,
                        bool *before);
const char *hg_pools_refuse(hg_arena *arena, const hg_emitter *e, const hg_launch *l);
const char *hg_router_line(hg_arena *arena, const hg_emitter *e, const hg_launch *l);
/* run.sh: what stands on a node, of both pools. */
const char *hg_pools_script(hg_arena *arena, const hg_emitter *e, const hg_launch *l);
const char *hg_router_script(hg_arena *arena, const hg_emitter *e, const hg_launch *l);
/* NULL: the router reads none. */
const char *hg_router_file(hg_arena *arena, const hg_emitter *e, const hg_launch *l,
                           const char **name);

extern const char *const hg_k8s_kinds[]; /* ends with NULL */

static inline bool hg_launch_is_ascend(const hg_launch *l)
{
    return strcmp(l->device->vendor, "ascend") == 0;
}

#endif

/* A deployment as files that launch it: one emitter an engine, listed in engines.def. */
#ifndef HG_ENGINE_EMIT_H
#define HG_ENGINE_EMIT_H

#include "base/arena.h"
#include "spec/deployment.h"
#include "spec/device.h"
#include "spec/engine.h"
#include "spec/model.h"
#include "spec/slo.h"

enum { HG_FILES = 12 };

typedef struct hg_file {
    const char *name, *text;
    bool executable;
} hg_file;

/* What is launched, and what a benchmark of it should send. */
typedef struct hg_launch {
    const hg_model *model;
    const char *model_word;    /* what the user called it */
    const char *checkpoint;    /* what the engine loads: an id or a folder; NULL: $MODEL must name one … */
    const char *wanted;        /* … such as "an nvfp4 checkpoint of Qwen/Qwen3-8B" */
    bool quantize_fp8;         /* … a 16-bit checkpoint, by the engine while it loads */
    const hg_deployment *deployment;
    const hg_engine *engine;
    const hg_device *device;
    const hg_slo *slo;
    double mean_isl, mean_osl; /* of the workload; 0: none was given */
    double rate_per_s;         /* the load planned for; 0: unknown */
    const char *why;           /* one line of the plan, for the files' heads */
} hg_launch;

typedef struct hg_emitter {
    const char *name;
    /* The commands that start it, one a process; what names its GPUs or its node is part of the line. */
    const char **(*command)(hg_arena *arena, const hg_launch *l, size_t *count);
    /* run.sh, the engine's config file, bench.sh. */
    size_t (*files)(hg_arena *arena, const hg_launch *l, hg_file *out);
    /* Fields of a deployment that change nothing in the text, and why; ends with NULL. */
    const char *const *ignores;
} hg_emitter;

#define EMITTER(name) extern const hg_emitter hg_emit_##name;
#include "engine/emits.def"
#undef EMITTER

const hg_emitter *hg_emitter_find(const char *engine); /* NULL: unknown */

/* `text` as one word of a POSIX shell. */
const char *hg_shell_word(hg_arena *arena, const char *text);

#endif

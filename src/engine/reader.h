/* For the readers of launches: what they share while they read. */
#ifndef HG_ENGINE_READER_H
#define HG_ENGINE_READER_H

#include "engine/parse.h"

enum { HG_LAUNCH_FILE_MOST = 1 << 20, HG_LAUNCH_DEPTH = 3 };

typedef struct hg_launch_reader {
    hg_arena *arena;
    const hg_data *data;
    const char *name;          /* of the file that is read now */
    const char *script;        /* the same, where it is not the one that was asked for; else NULL */
    const char *engine;        /* asked for, or NULL */
    const char *version;       /* asked for, or NULL */
    const char *head_version;  /* that the file says of itself at its head, or NULL */
    const char *image_version; /* of the container that the script runs in, or NULL */
    const char *other;         /* an engine that is started and was not asked for */
    hg_shell_file *files;      /* that stand in the text itself, by base name: of ConfigMaps */
    size_t file_count, file_capacity;
    hg_launch_texts *out;
    hg_err *err;
} hg_launch_reader;

/* "# vllm 0.9" among the comments at the head of a text, as files that heng writes have it; NULL:
 * not said. */
const char *hg_head_version(hg_arena *arena, const char *text);

bool hg_read_shell(hg_launch_reader *r, const char *text, size_t size, int depth);
/* What one command starts, in a container or by way of another shell too. */
bool hg_read_command(hg_launch_reader *r, const hg_shell *sh, const hg_shell_command *c, int depth);
/* What a command starts that belongs to a launch and is no engine, as hg_launch_texts.aside; NULL:
 * nothing known. */
const char *hg_aside_of(const hg_shell_command *c);
/* Kubernetes objects, llm-d's values and compose files: whether it looks like one. */
bool hg_is_manifest(const char *text);
bool hg_read_manifest(hg_launch_reader *r, const char *text, size_t size);

/* NULL: not said, or its table cannot be opened (err). */
hg_engine_knobs *hg_reader_knobs(hg_launch_reader *r, const char *engine, const char *image);

/* ---- containers ---- */

/* The image that a container runs: the word's place; 0: no container, or none that is known. */
size_t hg_image_at(const hg_shell_command *c, const char **engine, bool *serves);
/* "0.11.0rc1" of "quay.io/ascend/vllm-ascend:v0.11.0rc1"; NULL: the tag is no version. */
const char *hg_image_version(hg_arena *arena, const char *image);
/* Where a path of the container lies outside; the path itself where nothing is mounted there. */
const char *hg_container_path(hg_arena *arena, const hg_shell_command *c, const char *path);
/* How many devices the command may use, and what says so; 0: not said. */
int64_t hg_command_devices(hg_arena *arena, const hg_shell_command *c, size_t before,
                           const hg_settings *s, const char **said);

#endif

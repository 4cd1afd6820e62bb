#include "fit/walk.h"

#include "base/file.h"
#include "base/text.h"
#include "cost/op.h"

#include <string.h>

typedef struct walk {
    hg_arena *arena;
    const char *device, *engine, *version, *op; /* filters, NULL: any */
    hg_table_group *groups;
    size_t count, capacity;
} walk;

static hg_table_group *group_of(walk *w, const char *device, const char *engine, const char *version)
{
    for (size_t i = 0; i < w->count; i++)
        if (strcmp(w->groups[i].device, device) == 0 && strcmp(w->groups[i].engine, engine) == 0 &&
            strcmp(w->groups[i].version, version) == 0)
            return &w->groups[i];
    hg_table_group *g = HG_PUSH(w->arena, w->groups, w->count, w->capacity);
    *g = (hg_table_group){ .device = device, .engine = engine, .version = version };
    return g;
}

/* The part of a path `up` components above its last, without trailing slashes. */
static const char *component(hg_arena *arena, const char *path, int up)
{
    size_t end = strlen(path);
    for (;;) {
        while (end && path[end - 1] == '/')
            end--;
        size_t start = end;
        while (start && path[start - 1] != '/')
            start--;
        if (up-- == 0)
            return hg_strndup(arena, path + start, end - start);
        end = start;
    }
}

/* A file's group comes from the two folders above it, unless the question's words name it. */
static void add_file(walk *w, const char *path, bool named)
{
    const char *name = hg_basename(path);
    const char *op = named && w->op ? w->op : hg_strndup(w->arena, name, strcspn(name, "."));
    if (!hg_op_find(op) || (w->op && strcmp(w->op, op) != 0))
        return;
    const char *folder = component(w->arena, path, 1), *dash = strchr(folder, '-');
    const char *device = dash ? component(w->arena, path, 2) : "";
    const char *engine = dash ? hg_strndup(w->arena, folder, (size_t)(dash - folder)) : "";
    const char *version = dash ? dash + 1 : "";
    if (!dash) {
        device = w->device ? w->device : "";
        engine = w->engine ? w->engine : "";
        version = w->version ? w->version : "user";
    }
    if ((w->device && strcmp(w->device, device) != 0) || (w->engine && strcmp(w->engine, engine) != 0) ||
        (w->version && strcmp(w->version, version) != 0) || !*device || !*engine)
        return;
    hg_table_group *g = group_of(w, device, engine, version);
    *HG_PUSH(w->arena, g->paths, g->count, g->capacity) = path;
}

static void add_folder(walk *w, const char *path, int depth)
{
    size_t n;
    char **names = hg_folder_list(w->arena, path, &n);
    for (size_t i = 0; i < n; i++) {
        const char *inner = hg_textf(w->arena, "%s/%s", path, names[i]);
        if (hg_is_folder(inner)) {
            if (depth < 3)
                add_folder(w, inner, depth + 1);
        } else if (hg_ends(names[i], ".csv") || hg_ends(names[i], ".csv.gz")) {
            add_file(w, inner, false);
        }
    }
}

bool hg_walk_tables(hg_arena *arena, const char *const *inputs, size_t input_count,
                    const char *device, const char *engine, const char *version, const char *op,
                    hg_table_group **groups, size_t *count, hg_err *err)
{
    walk w = { .arena = arena, .device = device, .engine = engine, .version = version, .op = op };
    for (size_t i = 0; i < input_count; i++) {
        if (hg_is_folder(inputs[i]))
            add_folder(&w, inputs[i], 0);
        else if (hg_is_file(inputs[i]))
            add_file(&w, inputs[i], true);
        else
            return hg_fail(err, HG_INPUT, inputs[i], "is neither a file nor a folder");
    }
    *groups = w.groups;
    *count = w.count;
    if (w.count == 0)
        return hg_fail(err, HG_INPUT, input_count ? inputs[0] : "input",
                       "holds no operator table; expected <device>/<engine>-<version>/<op>.csv.gz, or "
                       "a file <op>.csv (or any with --op) with --device and --engine");
    return true;
}

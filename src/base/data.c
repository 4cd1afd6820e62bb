#include "base/data.h"

#include "base/embedded.h"
#include "base/file.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DATA_FILE_LIMIT = 64000000 };

static int by_path(const void *key, const void *entry)
{
    return strcmp(key, ((const hg_embedded *)entry)->path);
}

const char *hg_data_text(const hg_data *d, hg_arena *arena, const char *path, size_t *size,
                         hg_err *err)
{
    if (d->overlay) {
        const char *full = hg_textf(arena, "%s/%s", d->overlay, path);
        if (hg_is_file(full))
            return hg_file_read(arena, full, DATA_FILE_LIMIT, size, err);
    }
    const hg_embedded *e =
        bsearch(path, hg_embedded_files, hg_embedded_count, sizeof *hg_embedded_files, by_path);
    if (!e)
        return hg_fail(err, HG_INPUT, path, "is not among the built-in data"), NULL;
    *size = e->size;
    return e->text;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t drop_repeats(char **names, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || strcmp(names[i], names[kept - 1]) != 0)
            names[kept++] = names[i];
    return kept;
}

char **hg_data_list(const hg_data *d, hg_arena *arena, const char *folder, size_t *count)
{
    char **names = NULL;
    size_t n = 0, capacity = 0, length = strlen(folder);
    for (size_t i = 0; i < hg_embedded_count; i++) {
        const char *path = hg_embedded_files[i].path;
        if (strncmp(path, folder, length) != 0 || path[length] != '/')
            continue;
        const char *name = path + length + 1;
        *HG_PUSH(arena, names, n, capacity) = hg_strndup(arena, name, strcspn(name, "/"));
    }
    if (d->overlay) {
        size_t more;
        char **found = hg_folder_list(arena, hg_textf(arena, "%s/%s", d->overlay, folder), &more);
        for (size_t i = 0; i < more; i++)
            *HG_PUSH(arena, names, n, capacity) = found[i];
    }
    if (n)
        qsort(names, n, sizeof *names, by_name);
    *count = drop_repeats(names, n);
    return names;
}

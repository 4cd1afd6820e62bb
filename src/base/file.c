#include "base/file.h"

#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { LINE_LIMIT = 1 << 20, CHUNK = 1 << 16 };

static bool is_stdin(const char *path)
{
    return !path || strcmp(path, "-") == 0;
}

static gzFile open_any(const char *path, hg_err *err)
{
    if (!is_stdin(path) && hg_is_folder(path)) {
        hg_fail(err, HG_INPUT, path, "is a folder; name a file in it");
        return NULL;
    }
    gzFile gz = is_stdin(path) ? gzdopen(dup(STDIN_FILENO), "rb") : gzopen(path, "rb");
    if (!gz)
        hg_fail(err, errno == ENOENT ? HG_INPUT : HG_WORLD, is_stdin(path) ? "stdin" : path,
                "cannot be opened: %s", strerror(errno));
    else
        gzbuffer(gz, 1 << 18);
    return gz;
}

static const char *read_problem(gzFile gz)
{
    int code;
    const char *text = gzerror(gz, &code);
    return code == Z_ERRNO ? strerror(errno) : code != Z_OK ? text : NULL;
}

char *hg_file_read(hg_arena *arena, const char *path, size_t limit_bytes, size_t *size, hg_err *err)
{
    gzFile gz = open_any(path, err);
    if (!gz)
        return NULL;
    const char *name = is_stdin(path) ? "stdin" : path;
    hg_buf text = { .arena = arena };
    char chunk[CHUNK];
    int n;
    while ((n = gzread(gz, chunk, sizeof chunk)) > 0 && text.n <= limit_bytes)
        hg_buf_add(&text, chunk, (size_t)n);
    hg_buf_add(&text, "", 0);
    const char *problem = n < 0 ? read_problem(gz) : NULL;
    /* A .gz cut short reads as a clean end until it is closed. */
    bool truncated = gzclose(gz) == Z_BUF_ERROR && n == 0;
    *size = text.n;
    if (n < 0 || truncated)
        return hg_fail(err, HG_INPUT, name, "cannot be read: %s",
                       problem ? problem : "the compressed data ends early"), NULL;
    if (text.n > limit_bytes)
        return hg_fail(err, HG_INPUT, name, "is larger than %zu MB, the limit for such a file",
                       limit_bytes / 1000000), NULL;
    return text.s;
}

bool hg_file_may_write(const char *path, bool force, hg_err *err)
{
    char folder[4096];
    if (hg_is_folder(path))
        return hg_fail(err, HG_INPUT, path, "is a folder; name a file in it");
    if (!force && access(path, F_OK) == 0)
        return hg_fail(err, HG_INPUT, path, "exists already; name another place or add --force");
    if (snprintf(folder, sizeof folder, "%s", path) >= (int)sizeof folder)
        return hg_fail(err, HG_INPUT, path, "is too long a path");
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = 0;
    if (access(slash ? folder : ".", W_OK) != 0)
        return hg_fail(err, HG_WORLD, path, "cannot be written: %s", strerror(errno));
    return true;
}

bool hg_file_write(const char *path, const void *data, size_t size, bool force, hg_err *err)
{
    if (!force && access(path, F_OK) == 0)
        return hg_fail(err, HG_INPUT, path, "exists already; name another place or add --force");
    char part[4096];
    if (snprintf(part, sizeof part, "%s.part.%ld", path, (long)getpid()) >= (int)sizeof part)
        return hg_fail(err, HG_INPUT, path, "is too long a path");
    FILE *f = fopen(part, "wb");
    if (!f)
        return hg_fail(err, HG_WORLD, path, "cannot be written: %s", strerror(errno));
    bool ok = fwrite(data, 1, size, f) == size;
    ok = fclose(f) == 0 && ok;
    if (!ok || rename(part, path) != 0) {
        int cause = errno;
        unlink(part);
        return hg_fail(err, HG_WORLD, path, "cannot be written: %s", strerror(cause));
    }
    return true;
}

bool hg_folder_make(const char *path, hg_err *err)
{
    char partial[4096];
    if (snprintf(partial, sizeof partial, "%s", path) >= (int)sizeof partial)
        return hg_fail(err, HG_INPUT, path, "is too long a path");
    for (char *p = partial + 1;; p++) {
        if (*p != '/' && *p)
            continue;
        char kept = *p;
        *p = 0;
        if (mkdir(partial, 0777) != 0 && errno != EEXIST)
            return hg_fail(err, HG_WORLD, partial, "the folder cannot be made: %s", strerror(errno));
        *p = kept;
        if (!kept)
            break;
    }
    if (!hg_is_folder(path))
        return hg_fail(err, HG_INPUT, path, "is a file; a folder is needed here");
    return true;
}

bool hg_is_folder(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

bool hg_is_file(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && !S_ISDIR(s.st_mode);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char **hg_folder_list(hg_arena *arena, const char *path, size_t *count)
{
    char **names = NULL;
    size_t capacity = 0;
    *count = 0;
    DIR *d = opendir(path);
    if (!d)
        return NULL;
    for (struct dirent *e; (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            *HG_PUSH(arena, names, *count, capacity) = hg_strdup(arena, e->d_name);
    closedir(d);
    if (*count)
        qsort(names, *count, sizeof *names, by_name);
    return names;
}

bool hg_lines_open(hg_lines *l, const char *path, hg_err *err)
{
    *l = (hg_lines){ .name = is_stdin(path) ? "stdin" : path, .gz = open_any(path, err) };
    return l->gz != NULL;
}

static bool make_room(hg_lines *l)
{
    if (l->length + 2 <= l->capacity)
        return true;
    size_t more = l->capacity ? 2 * l->capacity : 4096;
    char *bigger = more <= 2 * LINE_LIMIT ? realloc(l->line, more) : NULL;
    if (!bigger)
        return false;
    l->line = bigger;
    l->capacity = more;
    return true;
}

int hg_lines_next(hg_lines *l, hg_err *err)
{
    l->length = 0;
    for (;;) {
        if (!make_room(l)) {
            hg_fail(err, HG_INPUT, l->name, "line %ld is longer than 1 MiB", l->number + 1);
            return -1;
        }
        char *at = l->line + l->length;
        if (!gzgets(l->gz, at, (int)(l->capacity - l->length)))
            break;
        size_t n = strlen(at);
        l->length += n;
        if (n && at[n - 1] == '\n')
            break;
    }
    const char *problem = read_problem(l->gz);
    if (problem) {
        hg_fail(err, HG_INPUT, l->name, "cannot be read beyond line %ld: %s", l->number, problem);
        return -1;
    }
    if (l->length == 0 && gzeof(l->gz))
        return 0;
    l->number++;
    while (l->length && (l->line[l->length - 1] == '\n' || l->line[l->length - 1] == '\r'))
        l->length--;
    l->line[l->length] = 0;
    return 1;
}

void hg_lines_close(hg_lines *l)
{
    if (l->gz)
        gzclose(l->gz);
    free(l->line);
    *l = (hg_lines){ 0 };
}

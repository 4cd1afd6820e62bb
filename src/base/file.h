/* Files: whole or line by line, .gz read directly, and written so that nobody sees half a file. */
#ifndef HG_BASE_FILE_H
#define HG_BASE_FILE_H

#include "base/arena.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* The whole file (unzipped), terminated by a zero beyond *size.  NULL on failure, also when it
 * holds more than limit_bytes.  path NULL or "-": standard input. */
char *hg_file_read(hg_arena *arena, const char *path, size_t limit_bytes, size_t *size, hg_err *err);

/* Writes beside the target and renames.  An existing file is replaced only with force. */
bool hg_file_write(const char *path, const void *data, size_t size, bool force, hg_err *err);

/* Whether hg_file_write could, as far as can be told now: for answers that take long to make. */
bool hg_file_may_write(const char *path, bool force, hg_err *err);

/* Makes the folder and those above it; an existing one is fine. */
bool hg_folder_make(const char *path, hg_err *err);

bool hg_is_folder(const char *path);
bool hg_is_file(const char *path);

/* The names in a folder, sorted, without "." and ".."; count 0 when it cannot be read. */
char **hg_folder_list(hg_arena *arena, const char *path, size_t *count);

/* Lines of a file, plain or .gz, or of standard input (path NULL or "-"). */
typedef struct hg_lines {
    void *gz;
    const char *name; /* for messages: the path, or "stdin" */
    char *line;       /* the current line without its end; valid until the next call */
    size_t length, capacity;
    long number;      /* of the current line, from 1 */
} hg_lines;

bool hg_lines_open(hg_lines *l, const char *path, hg_err *err);
/* 1: a line, 0: the end, -1: err is set (unreadable, or a line beyond 1 MiB). */
int hg_lines_next(hg_lines *l, hg_err *err);
void hg_lines_close(hg_lines *l);

#endif

/* The files of data/: embedded in the binary, laid over by a folder the user names (--data DIR or
 * HENG_DATA).  Paths are relative to data/: "devices/h200_sxm.json". */
#ifndef HG_BASE_DATA_H
#define HG_BASE_DATA_H

#include "base/arena.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct hg_data {
    const char *overlay; /* a folder, or NULL */
} hg_data;

/* The text, terminated by a zero beyond *size, valid as long as the arena (or for ever when
 * embedded); NULL: no such file, or unreadable with err set to say which. */
const char *hg_data_text(const hg_data *d, hg_arena *arena, const char *path, size_t *size,
                         hg_err *err);

/* Names directly under a folder ("models"), sorted, overlay and embedded merged. */
char **hg_data_list(const hg_data *d, hg_arena *arena, const char *folder, size_t *count);

#endif

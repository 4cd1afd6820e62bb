/* Finds operator tables below folders laid out as <device>/<engine>-<version>/<op>.csv[.gz]. */
#ifndef HG_FIT_WALK_H
#define HG_FIT_WALK_H

#include "base/arena.h"
#include "base/err.h"

#include <stddef.h>

typedef struct hg_table_group {
    const char *device, *engine, *version;
    const char **paths;        /* tables of operators heng knows, sorted */
    size_t count, capacity;
} hg_table_group;

/* Groups in the order of their names.  Words that are not NULL filter folders, and name the group of
 * a file that lies in no such folder; a file named outright is a table of `op`, whatever its name. */
bool hg_walk_tables(hg_arena *arena, const char *const *inputs, size_t input_count,
                    const char *device, const char *engine, const char *version, const char *op,
                    hg_table_group **groups, size_t *count, hg_err *err);

#endif

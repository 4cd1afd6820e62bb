/* Shared libraries found when the program runs: a binary built anywhere says plainly what is
 * missing here.  Prototypes are ours. */
#ifndef HG_PROBE_LIBRARY_H
#define HG_PROBE_LIBRARY_H

#include "base/arena.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* A function pointer at `offset` of the caller's struct. */
typedef struct hg_symbol {
    const char *name;
    size_t offset;
    bool optional; /* NULL where the library lacks it */
} hg_symbol;

typedef struct hg_library {
    void *handle;     /* NULL: not open */
    const char *name; /* the one of the names that was found */
} hg_library;

/* The first of names (ends with NULL) that opens, in `folder` alone, or where the system looks when
 * it is NULL.  False: none, and err is "NAMES[0] was not found: MISSING". */
bool hg_library_open(hg_arena *arena, const char *folder, const char *const *names,
                     const char *missing, hg_library *out, hg_err *err);
/* Fills the function pointers of *api.  False: a symbol is missing, named in err. */
bool hg_library_bind(const hg_library *l, const hg_symbol *symbols, size_t count, void *api,
                     hg_err *err);
void hg_library_close(hg_library *l);

#endif

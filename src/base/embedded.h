/* The table that tools/embed.py makes from data/ at build time: sorted by path, texts terminated. */
#ifndef HG_BASE_EMBEDDED_H
#define HG_BASE_EMBEDDED_H

#include <stddef.h>

typedef struct hg_embedded {
    const char *path; /* relative to data/ */
    const char *text; /* size bytes and a closing zero */
    size_t size;
} hg_embedded;

extern const hg_embedded hg_embedded_files[];
extern const size_t hg_embedded_count;

#endif

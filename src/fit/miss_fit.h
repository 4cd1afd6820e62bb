/* Left-out loads: what a server's other loads say of one, against what it measured; and the priors that make
 * them say most. */
#ifndef HG_FIT_MISS_FIT_H
#define HG_FIT_MISS_FIT_H

#include "fit/miss.h"

typedef struct hg_miss_server { /* one server's runs, loads and lengths repeated or not */
    const char *key;
    hg_miss_run *runs;
    size_t count, capacity;
} hg_miss_server;

/* What the runs of a left-out load are corrected by. */
typedef enum hg_miss_way {
    HG_MISS_SHIPPED,       /* nothing */
    HG_MISS_FACTOR,        /* the mean miss of the same lengths' other loads */
    HG_MISS_LOADS,         /* the process, from the same lengths' other loads */
    HG_MISS_ALL,           /* the process, from all other runs of the server */
    HG_MISS_LENGTHS,       /* the process, from its other lengths only */
    HG_MISS_WAYS
} hg_miss_way;
extern const char *const hg_miss_ways[HG_MISS_WAYS];

/* Predictions over measurements minus one of run i of a server whose load is left out; NAN where the way has no
 * run to learn from.  sd, when not NULL, is that of the answer. */
double hg_miss_left_out(hg_arena scratch, const hg_miss_prior *p, hg_miss_figure figure, const hg_miss_server *s, size_t i,
                        hg_miss_way way, double *sd);

/* The priors that make left-out loads and left-out lengths err least; the band from what is left then. */
void hg_miss_fit(hg_arena scratch, const hg_miss_server *servers, size_t n, hg_miss_priors *out);

#endif

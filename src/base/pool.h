/* A loop over independent items on several threads.  Items are handed out in order; what item i
 * computes must depend on i alone, so that the result is the same for any number of threads. */
#ifndef HG_BASE_POOL_H
#define HG_BASE_POOL_H

#include <stddef.h>

/* Calls work(ctx, i, thread) for i in [0, n); thread in [0, threads).  threads 0: all processors. */
void hg_parallel(size_t n, int threads, void (*work)(void *ctx, size_t i, int thread), void *ctx);

int hg_processors(void);

#endif

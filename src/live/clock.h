/* The one clock of a live run: CLOCK_MONOTONIC, which other processes of the machine read alike. */
#ifndef HG_LIVE_CLOCK_H
#define HG_LIVE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t hg_clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

#endif

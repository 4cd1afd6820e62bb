/* A histogram of times in whole nanoseconds with bins of equal relative width: exact below 2^bits,
 * above that 2^bits bins an octave, so a value read back is off by at most 2^-(bits+1) of itself.
 * Mean and total are exact. */
#ifndef HG_BASE_HIST_H
#define HG_BASE_HIST_H

#include "base/arena.h"

#include <stdint.h>

enum { HG_HIST_FINE = 10 /* bins of 0.1 % */, HG_HIST_OCTAVES = 48 /* up to 78 hours */ };

typedef struct hg_hist {
    uint64_t *bins;
    uint64_t total; /* weight */
    double sum_ns;
    int bits;
} hg_hist;

void hg_hist_open(hg_hist *h, hg_arena *arena, int bits);

static inline size_t hg_hist_bin(int bits, int64_t ns)
{
    uint64_t v = ns < 0 ? 0 : ns >> HG_HIST_OCTAVES ? ((uint64_t)1 << HG_HIST_OCTAVES) - 1 : (uint64_t)ns;
    if (v >> bits == 0)
        return (size_t)v;
    int shift = 63 - __builtin_clzll(v) - bits;
    return ((size_t)shift << bits) + (size_t)(v >> shift);
}

static inline void hg_hist_add(hg_hist *h, int64_t ns, uint64_t weight)
{
    h->bins[hg_hist_bin(h->bits, ns)] += weight;
    h->total += weight;
    h->sum_ns += (double)ns * (double)weight;
}

double hg_hist_mean_s(const hg_hist *h);              /* NAN when empty */
double hg_hist_percentile_s(const hg_hist *h, double p); /* p in [0, 1]; NAN when empty */

#endif

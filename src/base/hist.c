#include "base/hist.h"

#include <math.h>

static size_t bin_count(int bits)
{
    return (size_t)(HG_HIST_OCTAVES - bits + 1) << bits;
}

void hg_hist_open(hg_hist *h, hg_arena *arena, int bits)
{
    *h = (hg_hist){ .bins = HG_NEW(arena, uint64_t, bin_count(bits)), .bits = bits };
}

static double bin_start_ns(int bits, size_t bin)
{
    if (bin >> bits == 0)
        return (double)bin;
    int shift = (int)(bin >> bits) - 1;
    return ldexp((double)(bin - ((size_t)shift << bits)), shift);
}

double hg_hist_mean_s(const hg_hist *h)
{
    return h->total ? h->sum_ns / (double)h->total * 1e-9 : NAN;
}

/* The middle of the bin that holds the ranked sample: below 2^bits that is the sample itself. */
double hg_hist_percentile_s(const hg_hist *h, double p)
{
    if (h->total == 0)
        return NAN;
    uint64_t rank = (uint64_t)ceil(p * (double)h->total), seen = 0;
    size_t bin = 0;
    for (; bin + 1 < bin_count(h->bits); bin++)
        if ((seen += h->bins[bin]) >= rank && seen > 0)
            break;
    double start = bin_start_ns(h->bits, bin);
    double width = bin >> h->bits == 0 ? 0 : bin_start_ns(h->bits, bin + 1) - start;
    return (start + 0.5 * width) * 1e-9;
}

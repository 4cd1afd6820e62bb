/* Random numbers as values: one stream a cause (arrivals, lengths, routing), seeded from the
 * question's seed and the cause's number, so that changing one cause leaves the others alone.
 * xoshiro256++ 1.0 (Blackman, Vigna 2019), seeded by splitmix64. */
#ifndef HG_BASE_RNG_H
#define HG_BASE_RNG_H

#include <stdint.h>

typedef struct hg_rng {
    uint64_t s[4];
} hg_rng;

hg_rng hg_rng_seed(uint64_t seed, uint64_t cause);
uint64_t hg_rng_u64(hg_rng *r);
double hg_rng_unit(hg_rng *r);                                /* uniform in [0, 1) */
int64_t hg_rng_between(hg_rng *r, int64_t lo, int64_t hi);    /* uniform integer in [lo, hi] */
double hg_rng_exponential(hg_rng *r, double rate_per_s);      /* seconds, mean 1/rate */
double hg_rng_gamma(hg_rng *r, double shape, double scale);   /* mean shape·scale; Marsaglia, Tsang 2000 */
double hg_rng_normal(hg_rng *r);                              /* mean 0, variance 1 */

#endif

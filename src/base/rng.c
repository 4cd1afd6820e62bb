#include "base/rng.h"

#include <assert.h>
#include <math.h>

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

hg_rng hg_rng_seed(uint64_t seed, uint64_t cause)
{
    uint64_t state = seed;
    state = splitmix(&state) ^ (cause * 0xd1342543de82ef95u);
    hg_rng r;
    for (int i = 0; i < 4; i++)
        r.s[i] = splitmix(&state);
    return r;
}

static uint64_t rotl(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

uint64_t hg_rng_u64(hg_rng *r)
{
    uint64_t *s = r->s, result = rotl(s[0] + s[3], 23) + s[0], t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

double hg_rng_unit(hg_rng *r)
{
    return (double)(hg_rng_u64(r) >> 11) * 0x1p-53;
}

int64_t hg_rng_between(hg_rng *r, int64_t lo, int64_t hi)
{
    assert(lo <= hi);
    /* Bias below 2⁻³² for the spans of lengths used here. */
    return lo + (int64_t)(hg_rng_unit(r) * ((double)(hi - lo) + 1));
}

double hg_rng_exponential(hg_rng *r, double rate_per_s)
{
    return -log1p(-hg_rng_unit(r)) / rate_per_s;
}

double hg_rng_normal(hg_rng *r)
{
    /* Box–Muller, one of the pair: the generator stays a plain value. */
    double u = 1 - hg_rng_unit(r), v = hg_rng_unit(r);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

static double gamma_above_one(hg_rng *r, double shape)
{
    double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        double x = hg_rng_normal(r), v = 1 + c * x;
        if (v <= 0)
            continue;
        v = v * v * v;
        double u = 1 - hg_rng_unit(r);
        if (log(u) < 0.5 * x * x + d - d * v + d * log(v))
            return d * v;
    }
}

double hg_rng_gamma(hg_rng *r, double shape, double scale)
{
    assert(shape > 0);
    if (shape >= 1)
        return scale * gamma_above_one(r, shape);
    double boosted = gamma_above_one(r, shape + 1);
    return scale * boosted * pow(1 - hg_rng_unit(r), 1 / shape);
}

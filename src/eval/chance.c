#include "eval/chance.h"

#include <math.h>

/* Quantiles of the normal distribution: the band's, and where a search of others begins. */
static const double Z_90 = 1.2815515655, Z_MOST = 8;

/* Beyond these steps there is no doubt left. */
static const double FASTEST = 0.4, SLOWEST = 3, PRECISION = 1.01;

bool hg_misses_known(const hg_problem *p)
{
    const double *band = p->engine.overheads.tpot_band;
    return band[0] > 0 && band[1] > band[0];
}

hg_miss_spread hg_misses_within(const double band[2])
{
    if (!(band[0] > 0 && band[1] > band[0]))
        return (hg_miss_spread){ 0 };
    return (hg_miss_spread){ (log(band[0]) + log(band[1])) / 2, (log(band[1]) - log(band[0])) / (2 * Z_90) };
}

static hg_miss_spread misses(const hg_problem *p)
{
    return hg_misses_within(p->engine.overheads.tpot_band);
}

static double below(double z)
{
    return 0.5 * erfc(-z / sqrt(2));
}

double hg_slower_by(hg_miss_spread s, double confidence)
{
    double lo = -Z_MOST, hi = Z_MOST;
    for (int i = 0; i < 60; i++) {
        double z = (lo + hi) / 2;
        *(below(z) < confidence ? &lo : &hi) = z;
    }
    return exp(s.mean + s.sd * lo);
}

double hg_chance_within(hg_miss_spread s, double ratio)
{
    double z = log(ratio) - s.mean;
    return s.sd > 0 ? below(z / s.sd) : z >= 0;
}

double hg_slower_at(const hg_problem *p, double confidence)
{
    return hg_slower_by(misses(p), confidence);
}

static bool keeps(hg_arena scratch, const hg_problem *p, const hg_candidate *c, const hg_run *run, double slower)
{
    hg_problem *q = HG_NEW(&scratch, hg_problem, 1);
    hg_metrics m;
    *q = *p;
    q->slower = slower;
    hg_evaluate(&scratch, q, c, run, &m);
    return m.sim.slo_kept;
}

double hg_chance_kept(hg_arena scratch, const hg_problem *p, const hg_candidate *c, const hg_run *run)
{
    if (!hg_misses_known(p))
        return NAN;
    hg_miss_spread s = misses(p);
    double lo = FASTEST, hi = SLOWEST;
    if (!keeps(scratch, p, c, run, lo))
        return 0;
    while (hi / lo > PRECISION && !hg_problem_stopped(p)) {
        double middle = sqrt(lo * hi);
        *(keeps(scratch, p, c, run, middle) ? &lo : &hi) = middle;
    }
    return hg_chance_within(s, lo);
}

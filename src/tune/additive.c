#include "tune/additive.h"

#include <math.h>

enum { SWEEPS = 20 }; /* of backfitting; a sample near balance is at its end in a few */

typedef struct additive {
    const hg_tune_space *space;
    double level, **effect; /* [knobs][levels] */
} additive;

static double at(const additive *a, size_t point)
{
    double sum = a->level;
    for (size_t k = 0; k < a->space->knobs; k++)
        sum += a->effect[k][a->space->at[point][k]];
    return sum;
}

/* Each value's effect is the mean of what the rest leaves where it stands. */
static void fit_knob(hg_arena scratch, additive *a, size_t k, const bool *known, const double *y)
{
    size_t n = a->space->levels[k];
    double *sum = HG_NEW(&scratch, double, n), *count = HG_NEW(&scratch, double, n);
    for (size_t p = 0; p < a->space->points; p++) {
        uint8_t l = a->space->at[p][k];
        if (!known[p] || !isfinite(y[p]))
            continue;
        sum[l] += y[p] - at(a, p) + a->effect[k][l];
        count[l]++;
    }
    for (size_t l = 0; l < n; l++)
        a->effect[k][l] = count[l] > 0 ? sum[l] / count[l] : 0;
}

bool hg_additive_fill(hg_arena scratch, const hg_tune_space *space, const bool *known, double *y)
{
    additive a = { .space = space, .effect = HG_NEW(&scratch, double *, space->knobs + 1) };
    double n = 0;
    for (size_t k = 0; k < space->knobs; k++)
        a.effect[k] = HG_NEW(&scratch, double, space->levels[k]);
    for (size_t p = 0; p < space->points; p++)
        if (known[p] && isfinite(y[p]))
            a.level += (y[p] - a.level) / ++n;
    if (n == 0)
        return false;
    for (int sweep = 0; sweep < SWEEPS; sweep++)
        for (size_t k = 0; k < space->knobs; k++)
            fit_knob(scratch, &a, k, known, y);
    for (size_t p = 0; p < space->points; p++)
        if (!known[p])
            y[p] = at(&a, p);
    return true;
}

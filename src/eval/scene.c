#include "eval/scene.h"

#include <math.h>

static double part(const hg_scene *s, double score)
{
    return score / s->best;
}

double hg_scenes_join(const hg_scenes *s, const double *score, size_t *least)
{
    double worst = INFINITY, mean = 0;
    for (size_t i = 0; i < s->count; i++) {
        double got = part(&s->list[i], score[i]);
        if (got < worst && least)
            *least = i;
        worst = fmin(worst, got);
        mean += s->list[i].weight * got;
    }
    return s->worst || !(worst > 0) ? worst : mean; /* a promise that breaks under one breaks */
}

double hg_scenes_floor(const hg_scenes *s, size_t i, const double *known, const double *most, double floor)
{
    if (s->worst)
        return floor * s->list[i].best;
    double left = floor;
    for (size_t k = 0; k < s->count; k++)
        left -= k == i ? 0 : s->list[k].weight * part(&s->list[k], k < i ? known[k] : most[k]);
    return fmax(0, left / s->list[i].weight * s->list[i].best);
}

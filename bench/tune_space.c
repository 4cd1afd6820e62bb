#include "tune_space.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const tune_view tune_views[] = {
    { "model", { { 1, 1, 1 } }, { NULL } },
    { "… arithmetic 3 x slower", { { 3, 1, 1 } }, { NULL } },
    { "… arithmetic 3 x faster", { { 1 / 3.0, 1, 1 } }, { NULL } },
    { "… memory 3 x slower", { { 1, 3, 1 } }, { NULL } },
    { "… memory 3 x faster", { { 1, 1 / 3.0, 1 } }, { NULL } },
    { "… two limits alone", { { 1, 1, 1 } }, { "--max-seqs", "--token-budget" } },
};
const size_t tune_view_count = sizeof tune_views / sizeof *tune_views;

/* A knob that the view knows nothing of stays as the engine has it. */
static void blind(const tune_grid *g, const tune_view *view, uint8_t *level)
{
    for (size_t k = 0; k < g->knobs && view->sees[0]; k++)
        if (strcmp(g->knob[k].flag, view->sees[0]) != 0 && strcmp(g->knob[k].flag, view->sees[1]) != 0)
            level[k] = (uint8_t)g->knob[k].own;
}

/* ln of what heng expects.  Where it expects that no answer keeps the promise, the throughput ranks, below all that do. */
static double *predict_all(hg_arena *arena, const tune_grid *g, const tune_view *view, hg_err *err)
{
    static const double BROKEN = 0.1;
    tune_prior p;
    double *ln = HG_NEW(arena, double, g->points);
    uint8_t level[TUNE_KNOBS_MOST];
    if (!tune_prior_open(arena, g, &p, err))
        return NULL;
    for (size_t i = 0; i < g->points; i++) {
        tune_grid_at(g, i, level);
        blind(g, view, level);
        tune_prediction e = tune_predict(*arena, &p, &view->machine, level);
        ln[i] = log(e.good_per_s > 0 ? e.good_per_s : BROKEN * e.tokens_per_s / tune_the_load.osl);
    }
    return ln;
}

bool tune_space_make(hg_arena *arena, const tune_grid *g, const tune_view *view, hg_tune_space *out, hg_err *err)
{
    const double *prior = predict_all(arena, g, view, err);
    size_t *levels = HG_NEW(arena, size_t, g->knobs);
    const double **x = HG_NEW(arena, const double *, g->knobs);
    bool *ordered = HG_NEW(arena, bool, g->knobs);
    const uint8_t **at = HG_NEW(arena, const uint8_t *, g->points);
    for (size_t k = 0; k < g->knobs; k++) {
        double *where = HG_NEW(arena, double, TUNE_LEVELS_MOST);
        const tune_knob *knob = &g->knob[k];
        levels[k] = knob->levels;
        ordered[k] = knob->ordered;
        x[k] = where;
        for (size_t l = 0; l < knob->levels && knob->ordered; l++)
            where[l] = log(atof(knob->value[l]) / atof(knob->value[0])) / log(atof(knob->value[knob->levels - 1]) / atof(knob->value[0]));
    }
    for (size_t i = 0; i < g->points; i++) {
        uint8_t *level = HG_NEW(arena, uint8_t, TUNE_KNOBS_MOST);
        tune_grid_at(g, i, level);
        at[i] = level;
    }
    *out = (hg_tune_space){ .knobs = g->knobs, .levels = levels, .x = x, .ordered = ordered, .live = HG_NEW(arena, bool, g->knobs),
                            .points = g->points, .at = at, .prior = prior, .baseline = tune_grid_own(g) };
    return prior != NULL;
}

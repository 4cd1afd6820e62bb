/* A short session on the engine itself. */
#include "tune_space.h"

#include <math.h>
#include <stdio.h>

enum { TRIALS = 12, TURNS = 3 };

static void say(const tune_grid *g, const char *what, const uint8_t *level, const tune_trial *t)
{
    printf("%-9s", what);
    for (size_t k = 0; k < g->knobs; k++)
        printf(" %s %s", g->knob[k].flag, g->knob[k].value[level[k]]);
    if (t->started)
        printf(": goodput %.2f/s, %.1f tokens/s, %.1f tokens per CPU-second\n", t->good_per_s, t->answer_tokens / t->wall_s,
               t->answer_tokens / t->cpu_s);
    else
        printf(": did not start\n");
    fflush(stdout);
}

static bool try(hg_arena scratch, const char *engine, const tune_grid *g, const char *what, size_t point, tune_trial *out, hg_err *err)
{
    uint8_t level[TUNE_KNOBS_MOST];
    tune_grid_at(g, point, level);
    if (!tune_try(scratch, engine, g, level, &tune_the_load, out, err))
        return false;
    say(g, what, level, out);
    return true;
}

static bool search(hg_arena scratch, const char *engine, const tune_grid *g, const hg_tune_space *s, size_t *winner, hg_err *err)
{
    hg_tuner *t = hg_tuner_new(&scratch, s, HG_TUNE_MODEL, 1);
    tune_trial trial;
    for (int i = 0; i < TRIALS; i++) {
        size_t at = hg_tuner_next(t);
        if (at == s->points)
            break;
        if (!try(scratch, engine, g, i ? "trial" : "baseline", at, &trial, err))
            return false;
        hg_tuner_tell(t, at, !trial.started ? HG_TRIED_CRASHED : trial.good_per_s > 0 ? HG_TRIED_OK : HG_TRIED_BROKE_SLO, trial.good_per_s);
    }
    *winner = hg_tuner_best(t);
    return *winner < s->points || hg_fail(err, HG_NO, engine, "kept the promise with none of the settings tried");
}

bool tune_live(hg_arena scratch, const char *engine, hg_err *err)
{
    tune_grid g;
    hg_tune_space s;
    tune_trial own, tuned;
    size_t winner;
    double gain = 0, least = INFINITY;
    tune_grid_make(&scratch, &g);
    if (!tune_space_make(&scratch, &g, &tune_views[0], &s, err) || !search(scratch, engine, &g, &s, &winner, err))
        return false;
    for (int i = 0; i < TURNS; i++) {
        if (!try(scratch, engine, &g, "winner", winner, &tuned, err) || !try(scratch, engine, &g, "baseline", s.baseline, &own, err))
            return false;
        gain += log(tuned.good_per_s / own.good_per_s) / TURNS;
        least = fmin(least, tuned.good_per_s / own.good_per_s);
    }
    printf("winner over baseline: %.2f times the goodput in the mean of %d turns, %.2f in the least\n", exp(gain), TURNS, least);
    return true;
}

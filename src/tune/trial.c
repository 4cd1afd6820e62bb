#include "tune/trial.h"

#include <math.h>

enum { NOTHING = -1, OK = HG_TRIED_OK, BROKE_SLO = HG_TRIED_BROKE_SLO, CRASHED = HG_TRIED_CRASHED };

const char *const hg_outcome_words[HG_OUTCOMES] = {
#define OUTCOME(name, word, told, meaning) word,
#include "tune/outcomes.def"
#undef OUTCOME
};

const char *const hg_outcome_meanings[HG_OUTCOMES] = {
#define OUTCOME(name, word, told, meaning) meaning,
#include "tune/outcomes.def"
#undef OUTCOME
};

static const int tells[HG_OUTCOMES] = {
#define OUTCOME(name, word, told, meaning) told,
#include "tune/outcomes.def"
#undef OUTCOME
};

const char *const hg_role_words[HG_ROLES] = { "baseline", "explore", "confirm" };
const char *const hg_aim_words[HG_AIMS] = { "goodput", "throughput", "tokens-per-cpu-second" };
const char *const hg_aim_units[HG_AIMS] = { "good requests/s", "output tokens/s", "output tokens/CPU s" };

const char *const hg_trial_figure_names[HG_TRIAL_FIGURES] = {
#define FIGURE(name) #name,
#include "tune/figures.def"
#undef FIGURE
};

bool hg_outcome_told(hg_outcome o, hg_tried *out)
{
    *out = (hg_tried)(tells[o] == NOTHING ? CRASHED : tells[o]);
    return tells[o] != NOTHING;
}

double *hg_trial_figure(hg_trial *t, int which)
{
    switch (which) {
#define FIGURE(name) case HG_TRIAL_FIGURE_##name: return &t->name;
#include "tune/figures.def"
#undef FIGURE
    default: return NULL;
    }
}

void hg_trial_blank(hg_trial *t)
{
    for (int i = 0; i < HG_TRIAL_FIGURES; i++)
        *hg_trial_figure(t, i) = NAN;
}

double hg_trial_score(const hg_trial *t, hg_aim objective)
{
    double v = objective == HG_MAX_GOODPUT ? t->good_per_s : objective == HG_MAX_THROUGHPUT ? t->output_tokens_per_s : t->tokens_per_cpu_s;
    return v > 0 ? v : NAN;
}

/* One trial of one point, as it is kept. */
#ifndef HG_TUNE_TRIAL_H
#define HG_TUNE_TRIAL_H

#include "tune/tuner.h"

typedef enum hg_outcome {
#define OUTCOME(name, word, told, meaning) HG_TRIAL_##name,
#include "tune/outcomes.def"
#undef OUTCOME
    HG_OUTCOMES
} hg_outcome;

extern const char *const hg_outcome_words[HG_OUTCOMES], *const hg_outcome_meanings[HG_OUTCOMES];

/* What the strategy hears of it; false: nothing. */
bool hg_outcome_told(hg_outcome o, hg_tried *out);
/* Whether it has figures to compare. */
static inline bool hg_outcome_measured(hg_outcome o)
{
    return o == HG_TRIAL_OK || o == HG_TRIAL_BROKE_SLO || o == HG_TRIAL_HOPELESS;
}

typedef enum hg_trial_role { HG_ROLE_BASELINE, HG_ROLE_EXPLORE, HG_ROLE_CONFIRM, HG_ROLES } hg_trial_role;
extern const char *const hg_role_words[HG_ROLES]; /* "baseline", "explore", "confirm" */

typedef enum hg_aim { HG_MAX_GOODPUT, HG_MAX_THROUGHPUT, HG_MAX_TOKENS_PER_CPU, HG_AIMS } hg_aim;
extern const char *const hg_aim_words[HG_AIMS]; /* "goodput", "throughput", "tokens-per-cpu-second" */
extern const char *const hg_aim_units[HG_AIMS];

typedef struct hg_trial {
    int64_t id;              /* from 1, in the order of beginning */
    size_t point;
    hg_trial_role role;
    bool finished;
    hg_outcome outcome;
    const char *why;         /* one line; NULL: nothing to say */
    const char *log;         /* the server's, or NULL */
    double begun_unix_s, took_s;
#define FIGURE(name) double name; /* NAN: not measured */
#include "tune/figures.def"
#undef FIGURE
} hg_trial;

enum {
#define FIGURE(name) HG_TRIAL_FIGURE_##name,
#include "tune/figures.def"
#undef FIGURE
    HG_TRIAL_FIGURES
};

extern const char *const hg_trial_figure_names[HG_TRIAL_FIGURES];
double *hg_trial_figure(hg_trial *t, int which);
void hg_trial_blank(hg_trial *t); /* all figures NAN */

/* Higher is better; NAN where it was not measured. */
double hg_trial_score(const hg_trial *t, hg_aim objective);

#endif

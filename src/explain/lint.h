/* What is wrong with a launch, before anything is started: rules over its settings, listed in
 * rules.def. */
#ifndef HG_EXPLAIN_LINT_H
#define HG_EXPLAIN_LINT_H

#include "engine/parse.h"
#include "eval/evaluate.h"
#include "explain/say.h"

typedef enum hg_lint_level { HG_LINT_NOTE, HG_LINT_WARNING, HG_LINT_ERROR } hg_lint_level;

/* What is judged.  model and device NULL: not known, and rules that need them are silent. */
typedef struct hg_lint {
    hg_arena *arena;
    const hg_launch_text *launch;
    hg_said_words said;
    const hg_engine *engine;
    const hg_model *model;
    const hg_device *device;
    hg_deployment d;               /* what the launch says, over the engine's defaults */
    bool d_is_known;               /* model, device and every word fit together */
    int64_t isl, osl, concurrency; /* of the traffic; 0: not said */
    struct hg_finding *found;
    size_t count, capacity;
    const struct hg_lint_rule *rule; /* that looks now */
} hg_lint;

typedef struct hg_lint_rule {
    const char *id; /* "graph-batch" */
    hg_lint_level level;
    const char *engines; /* "vllm sglang"; "*": all */
    const char *reason[HG_LANGS], *fix[HG_LANGS];
    void (*check)(hg_lint *x);
    /* The launch with the fix as a deployment; false: the fix is no word of one.  broken: as it
     * runs now. */
    bool (*mend)(const hg_lint *x, hg_deployment *broken, hg_deployment *fixed);
    const char *model, *device, *bad,
        *good;                     /* an example both ways; model, device: "" where it needs none */
    int64_t isl, osl, concurrency; /* of the example's traffic */
} hg_lint_rule;

typedef struct hg_finding {
    const hg_lint_rule *rule;
    hg_lint_level level;
    const char *message; /* what was seen here */
    const char *instead; /* a fix for this very line, or NULL: the rule's */
    int line;            /* 0: the launch as a whole */
    const char *file;    /* the config file that the line is of; NULL: the launch's own text */
    bool priced;
    double gain_frac; /* in output tokens a second, by the model, with the fix made */
    bool mends_start; /* as it stands it would not run */
} hg_finding;

extern const hg_lint_rule hg_lint_rules[];
extern const int hg_lint_rule_count;
extern const char *const hg_lint_level_names[];

/* Runs every rule of the launch's engine; findings in the order of the rules. */
void hg_lint_run(hg_lint *x);

/* For rules: a finding of the rule that looks now, at a setting (NULL: the launch as a whole). */
void hg_lint_find(hg_lint *x, const hg_setting *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* What each fix is worth: the deployment simulated as it stands and mended, under so many clients.
 * Findings without a word of the deployment stay unpriced; one that stops nothing is a note where
 * its fix changes nothing, else a warning. */
void hg_lint_price(hg_lint *x, const hg_problem *p, int64_t clients);

#endif

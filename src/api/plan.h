/* A plan: the search's result, explained, and everything that is written of it. */
#ifndef HG_API_PLAN_H
#define HG_API_PLAN_H

#include "api/question.h"
#include "base/json.h"
#include "engine/emit.h"
#include "explain/say.h"
#include "spec/day.h"

typedef struct hg_point {            /* one simulated deployment at one load */
    hg_deployment deployment;
    hg_deployment prefill;           /* disaggregated: the pool that computes prompts; replicas 0: there is none */
    hg_metrics metrics;              /* records are not kept */
    double score;
    size_t scene;                    /* of several kinds of traffic, the one that metrics are of: it is served worst */
} hg_point;

typedef struct hg_what_if {
    const char *change;              /* "40 % more HBM bandwidth", "--max-num-seqs 512" */
    double gain_frac;                /* of the metric, re-run with the change made; 0: within the precision */
    const char *metric;              /* "objective"; under a given load "GPUs" or, with as many, "mean E2E" */
    const struct hg_change *cause;
    double value;                    /* of the setting as changed, for the text */
} hg_what_if;

typedef struct hg_share {            /* of the engines' time */
    const char *name;                /* an operator, "idle", "host" */
    double share_frac;
    const char *bound;               /* the component that binds it */
} hg_share;

typedef struct hg_refusal {
    hg_deployment deployment;
    const char *reason;
    size_t count;                    /* how many deployments share shape and reason */
} hg_refusal;

typedef struct hg_past {             /* what an earlier plan recommended, as far as a search may try it again */
    hg_deployment own, prefill;      /* prefill.replicas 0: own does both */
} hg_past;

typedef struct hg_rate_row {         /* of the recommended engine, at one load */
    double rate_per_s;
    bool kept;                       /* by as many replicas as may be had; else the rest is 0 */
    int64_t replicas;                /* the fewest that keep the promise */
    hg_metrics metrics;
} hg_rate_row;

typedef struct hg_choice_row {       /* a device with an engine, where a plan chose among several */
    const char *device, *engine;
    const char *reason;              /* why nothing could be searched; NULL: it was */
    bool found, chosen;
    const hg_point *best;            /* or its nearest miss; NULL: nothing ran */
    double usd_per_h;                /* of best; 0: no price is known */
    const char *score_text;          /* NULL under a given load */
} hg_choice_row;

typedef struct hg_scene_row {        /* one kind of traffic of several, under the recommended deployment */
    const char *name;
    double weight;                   /* NAN: the worst served decides */
    hg_metrics metrics;
    double own_best;                 /* the score of the best deployment for it alone; NAN: under given loads */
    double part;                     /* of that */
    const hg_slo *slo;
} hg_scene_row;

enum { HG_SHARES = 24, HG_WHAT_IFS = 12, HG_REASONS = 16 };

typedef struct hg_plan {
    const hg_problem *problem;
    const hg_engine_knobs *knobs;    /* of the engine's version */
    const char *k8s;                 /* the manifest asked for, or NULL */
    const char *objective;
    const char *score_text;          /* of top[0], in the objective's words */
    double chance;                   /* that top[0] keeps the promise at its load, given how far predictions miss; NAN: not known */
    double rate_lo, rate_hi;         /* where top[0]'s highest rate surely lies; 0: not searched for */
    bool found;                      /* false: nothing keeps the promise; top[0] is the nearest miss */
    bool interrupted;
    bool load_given;                 /* the load was the user's, not searched */
    bool fewest;                     /* … and the fewest devices were looked for */
    hg_point *top;                   /* best first */
    size_t top_count;
    hg_point *pareto;                /* tokens/s/user rising */
    size_t pareto_count;
    hg_rate_row *rates;              /* rising, as asked; NULL: not asked */
    size_t rate_count;
    const hg_scene_row *scenes;      /* NULL: there is one kind of traffic */
    size_t scene_count;
    const hg_choice_row *choices;    /* the devices and engines compared; NULL: there was one */
    size_t choice_count;
    bool by_cost;                    /* … by USD an hour, not by GPUs */
    hg_day day;                      /* --rates FILE: when which load comes; count 0: the rates are no day's */
    const size_t *day_rates;         /* of each of its rows the place in rates; SIZE_MAX: no load, no engine */
    hg_refusal *refusals;
    size_t refusal_count;
    const hg_past *past;             /* by how alike their questions were: the first that may be had is tried before all else */
    size_t past_count;
    size_t considered, infeasible, pruned, simulated;
    size_t runs;                     /* simulations that the search took: a few loads of each */
    size_t from_history;             /* of those simulated, what stands in `past`: 0 or 1 */
    size_t alike;                    /* not simulated: a limit apart from one that was, and never at the limit */
    const char *reasons[HG_REASONS]; /* one a flag: "--tp 2: …" */
    size_t reason_count;
    const char *bottleneck;          /* one sentence; of two pools three, a line each */
    const char *bottleneck_pool;     /* "prefill" or "decode"; NULL: there is one */
    const char *bottleneck_name;     /* "HBM" */
    double bottleneck_share;         /* of the engines' time */
    hg_share shares[HG_SHARES];      /* of top[0], largest first */
    size_t share_count;
    hg_what_if what_ifs[HG_WHAT_IFS];/* largest gain first */
    size_t what_if_count;
    hg_memory memory;                /* of top[0]; of two pools the one that makes the tokens */
    hg_memory prefill_memory;        /* … and the other */
    const char *origin;
    double elapsed_s;
    const hg_scenario *asked;        /* the question's words; NULL: not kept */
    hg_lang lang;                    /* of all texts here and of what is written */
    const struct hg_plan_detail *detail; /* of top[0]; NULL: not looked into */
} hg_plan;

/* What several devices and engines are compared by. */
hg_text hg_choices_heading(const hg_plan *p);

/* Texts. */
const char *hg_plan_text(hg_arena *arena, const hg_plan *p, const char *model_word);
const char *hg_plan_json(hg_arena *arena, const hg_plan *p, const char *model_word);
const char *hg_plan_report(hg_arena *arena, const hg_plan *p, const char *model_word); /* report.html */
/* plan.json, report.html, top.csv, pareto.csv and a folder a plan; written to a folder beside and moved,
 * so that a half-written one is never seen. */
bool hg_plan_write(hg_arena *arena, const hg_plan *p, const char *model_word, const char *folder, bool force,
                   hg_err *err);

/* The line of 'heng simulate' that has the figures of top[0]; NULL: the question is not kept. */
const char *hg_plan_again(hg_arena *arena, const hg_plan *p);
/* A command over several lines, broken before flags, or in a list that is longer than a line, never inside quotes: a
 * shell reads the same words. */
const char *hg_folded(hg_arena *arena, const char *command, size_t columns);
/* A pool as --prefill takes it: "2xtp4:tokens=8192:seqs=64". */
const char *hg_pool_word(hg_arena *arena, const hg_deployment *d);

/* "tp 2 · pp 1 · 4 replicas · 256 seqs · 8192 tokens" */
const char *hg_deployment_text(hg_arena *arena, const hg_deployment *d);
const char *hg_candidate_text(hg_arena *arena, const hg_candidate *c); /* both pools, where it has two */
const char *hg_pools_text(hg_arena *arena, const hg_deployment *d, const hg_deployment *prefill); /* … or prefill's replicas are 0 */
const char *hg_point_text(hg_arena *arena, const hg_point *p);

int64_t hg_point_devices(const hg_point *p);

/* Ready to run, a prefill pool in arena; of a point that a search found it fits, of a changed problem or deployment
 * *out says why not. */
void hg_point_candidate(hg_arena *arena, const hg_problem *p, const hg_point *at, hg_candidate *out);

/* In another precision than the checkpoint's. */
bool hg_changes_outputs(const hg_deployment *d);

/* The knobs of the engine's version (another version's are noted), and the Kubernetes object's name checked. */
bool hg_ask_knobs(hg_ask *a, const hg_problem *p, const hg_engine_knobs **out);
bool hg_ask_k8s(hg_ask *a, const char **out);

/* One point as something to launch. */
hg_launch hg_plan_launch(hg_arena *arena, const hg_plan *p, const hg_point *at, const char *model_word);
/* Makes it disaggregated: these engines compute the prompts, those of the point make the tokens. */
void hg_plan_launch_prefill(hg_arena *arena, const hg_plan *p, const hg_deployment *prefill, hg_launch *l);

/* Pools: how they are started, for people. */
enum { HG_LAUNCH_STEPS = 3 };
typedef struct hg_launch_step {
    const char *says, *command;      /* "One of the 6 engines of the prefill pool:" */
} hg_launch_step;
const char *hg_pool_name(hg_lang lang, hg_pool_role role);
/* Lines: "node 1: prefill, 6 engines, GPUs 2-7, ports 8100-8105". */
const char *hg_launch_places(hg_arena *arena, hg_lang lang, const hg_emitter *e, const hg_launch *l);
/* What is run where and when; folder: before the scripts' names, "1/" or "". */
const char *hg_launch_order(hg_arena *arena, hg_lang lang, const hg_emitter *e, const hg_launch *l, const char *folder);
/* One line of each kind; how many. */
size_t hg_launch_steps(hg_arena *arena, hg_lang lang, const hg_emitter *e, const hg_launch *l, hg_launch_step out[HG_LAUNCH_STEPS]);

/* JSON parts shared by plan and simulate. */
void hg_json_deployment(hg_json *j, const hg_deployment *d);
void hg_json_pools(hg_json *j, const hg_deployment *d, const hg_deployment *prefill); /* … or prefill is NULL, or without replicas */
void hg_json_candidate(hg_json *j, const hg_candidate *c); /* the same, or "prefill", "decode" and "gpus" */
void hg_json_metrics(hg_json *j, const hg_metrics *m, const char *origin);

#endif

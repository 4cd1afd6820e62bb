/* One deployment under one load explained: where its engines' time goes, what binds, the way from the roofline to
 * what is delivered, and what each change would buy. */
#ifndef HG_EXPLAIN_EXPLAIN_H
#define HG_EXPLAIN_EXPLAIN_H

#include "eval/account.h"
#include "explain/change.h"

/* Where a second of an engine (of one of its pipeline stages) may go: a component of hg_component that binds, or … */
enum { HG_BY_HOST = HG_COMPONENTS, HG_BY_BUBBLE, HG_BY_IDLE, HG_BY, HG_BY_STEPS = HG_BY_BUBBLE };

typedef struct hg_times {
    double total_s;                         /* Σ over engines and stages */
    double share[HG_BY];                    /* of total_s; their sum is 1 */
    double phase_share[HG_PHASES];          /* of total_s in steps of the phase */
    double phase_by[HG_PHASES][HG_BY_STEPS];/* of the phase's own time; 0 where there is none */
    int most, phase_most[HG_PHASES];        /* what binds most, idle and bubble aside */
    double queue_frac;                      /* of a request's mean E2E, before its first step */
} hg_times;

/* Of a part's seconds, those that the component (or the host) bound. */
double hg_part_by(const hg_part *p, int by);
/* What binds most of them. */
int hg_part_most(const hg_part *p);
/* The part that spends most on it. */
const hg_part *hg_part_first(const hg_account *a, int by);

void hg_explain_times(const hg_account *a, const hg_metrics *m, hg_times *out);

/* From every token at the data sheet's peak rates, in steps as large as the limits allow and never waiting, to what is
 * delivered: output tokens a second over all replicas. */
typedef enum hg_loss {
    HG_LOSS_BATCH,      /* steps smaller than the largest: weights are read for fewer tokens */
    HG_LOSS_KERNELS,    /* kernels slower than the roofline of their own shapes */
    HG_LOSS_LINK,       /* bytes between devices, all of it */
    HG_LOSS_LAUNCH,     /* steps outside captured graphs waiting for launches */
    HG_LOSS_HOST,       /* scheduling, sampling and the like between steps */
    HG_LOSS_BUBBLE,     /* pipeline stages and ranks waiting for one another */
    HG_LOSS_IDLE,       /* no step under way */
    HG_LOSS_SLO,        /* answers that break the promise */
    HG_LOSSES
} hg_loss;

typedef struct hg_waterfall {
    double ideal, loss[HG_LOSSES], delivered; /* ideal − Σ loss = delivered */
} hg_waterfall;

/* delivered: the run's output tokens a second; good_frac: of its output tokens, those of good requests. */
void hg_explain_waterfall(const hg_account *a, double delivered, double good_frac, hg_waterfall *out);

/* Of the counted output tokens those of requests that meet every limit; the run must have kept its records. */
double hg_good_tokens_frac(const hg_sim_result *r, const hg_slo *slo);

/* What a gain is counted in: good requests a second where a promise is broken (but
 * not by all), else output tokens a second where
 * the engines set the pace (a closed loop, an overload), else the mean E2E of the requests that come. */
typedef enum hg_aim { HG_AIM_GOOD, HG_AIM_TOKENS, HG_AIM_E2E, HG_AIMS } hg_aim;

hg_aim hg_aim_of(const hg_problem *p, const hg_metrics *m);
double hg_aim_value(hg_aim aim, const hg_metrics *m);
/* By which part `after` is better: tokens after/before − 1, times before/after − 1.  NAN: nothing to compare. */
double hg_aim_gain(hg_aim aim, const hg_metrics *before, const hg_metrics *after);

typedef struct hg_bought {
    const hg_change *change;
    double shown;
    hg_deployment deployment;  /* as changed */
    hg_fit fit;
    char reason[256];          /* why it would not run */
    int64_t devices;
    double after, gain_frac;   /* of the aim */
    hg_metrics metrics;        /* as changed, without records */
} hg_bought;

/* Tries every change that makes sense here (of two pools to that which makes the tokens; both hold one precision), each simulated as `run` says; best first, those that would not run last.
 * out holds hg_change_count. Returns how many.  Ends early, with fewer, when the problem's stop is set. */
int hg_explain_changes(hg_arena *arena, const hg_problem *p, const hg_candidate *c, const hg_run *run,
                       const hg_metrics *before, int threads, hg_bought *out);

/* One of two deployments set side by side. */
typedef struct hg_side {
    const hg_candidate *candidate;
    const hg_metrics *metrics;
    const hg_account *account;
    const hg_times *times;
} hg_side;

/* What an operator (or "idle", "bubble") takes of the devices for an output token. */
typedef struct hg_difference {
    const char *name;
    double before_s, after_s;  /* device seconds a token; their sums are devices over output tokens a second */
} hg_difference;

enum { HG_DIFFERENCES = 2 * HG_STEP_ITEMS + 2 };

/* All parts of both, the largest difference first.  out holds HG_DIFFERENCES.  Returns how many. */
int hg_explain_differences(const hg_side *before, const hg_side *after, hg_difference *out);

/* What a token after the first waits for, part by part (names as above; "between steps": what no step of its own
 * fills), the largest difference first; their sums are the mean gaps between tokens of the accounts' runs. */
int hg_explain_token_differences(const hg_side *before, const hg_side *after, hg_difference *out);

/* All of it, as the rules of advice see it. */
typedef struct hg_explained {
    const hg_problem *problem;
    const hg_candidate *candidate;
    hg_metrics metrics;
    hg_account account;
    hg_times times;
    hg_account prefill_account; /* of two pools that which computes prompts, account is then the other's; empty: there is one */
    hg_times prefill_times;
    hg_waterfall waterfall;
    hg_aim aim;
    hg_bought *bought;
    int bought_count;
    /* The deployment that was asked about besides; other NULL: none was. */
    const char *why_not;       /* its words */
    const hg_candidate *other; /* may not fit */
    hg_metrics other_metrics;
    hg_account other_account;
    hg_times other_times;
    hg_difference *differences;
    int difference_count;      /* 0: it serves nothing */
} hg_explained;

typedef struct hg_advice {
    const char *name;
    hg_text text;
    const char *change;        /* whose gain says what it is worth here; "": none can */
    bool (*holds)(const hg_explained *x);
} hg_advice;

/* It holds, and the change that it names does not make things worse here. */
bool hg_advice_given(const hg_explained *x, const hg_advice *r);

extern const hg_advice hg_advices[];
extern const int hg_advice_count;

/* The change of that name among those tried, or NULL; not one that would not run. */
const hg_bought *hg_bought_named(const hg_explained *x, const char *change);

#endif

/* The only place that joins cost, simulator and engine: a deployment and a load to its metrics, and a
 * bound on what it could reach. */
#ifndef HG_EVAL_EVALUATE_H
#define HG_EVAL_EVALUATE_H

#include "cost/memory.h"
#include "eval/oracle.h"

/* What is asked, the same for every deployment compared. */
typedef struct hg_problem {
    hg_model model;              /* in the checkpoint's own precision */
    hg_engine engine;
    hg_rates rates;
    hg_workload workload;        /* its load is set for each evaluation */
    hg_slo slo;
    double price_usd_per_s;      /* of one device; 0: not known */
    double slower;               /* steps take so many times as long as predicted: see hg_slower_at; 0: as long */
    uint64_t seed;
    const hg_client *client;     /* whose definitions the figures are by; NULL: heng's own */
    const volatile int *stop;    /* not 0: searches of a rate end with what they have; may be NULL */
} hg_problem;

static inline bool hg_problem_stopped(const hg_problem *p)
{
    return p->stop && *p->stop;
}

typedef enum hg_fit { HG_FITS, HG_ILLEGAL, HG_TOO_BIG, HG_UNPRICED } hg_fit;

/* One deployment made ready: legal, its memory counted, its step prepared. */
typedef struct hg_candidate {
    hg_deployment deployment;
    hg_fit fit;
    char reason[256];            /* why not, when it does not fit */
    hg_model model;              /* in the deployment's precision */
    hg_memory memory;
    hg_step step;
    hg_step_memo *memo;          /* of prices, kept from one evaluation to the next; NULL: each has its own */
    const struct hg_candidate *prefill; /* disaggregated: the pool that computes prompts, this one decodes; else NULL */
} hg_candidate;

/* Of both pools, where it has two. */
int64_t hg_candidate_devices(const hg_candidate *c);

void hg_candidate_make(const hg_problem *p, const hg_deployment *d, hg_candidate *out);

typedef struct hg_metrics {
    hg_sim_result sim;
    bool slo_given;
    double rate_per_s;           /* offered, open loop; 0 otherwise */
    int64_t replicas;            /* of the deployment that ran */
    double tokens_per_s_per_device, tokens_per_s_per_user; /* output tokens; 1/TPOT (mean) */
    double goodput_per_device;   /* good requests a second */
    double energy_j, cost_usd;   /* over the window counted; 0: not known */
    double alone_s;              /* mean E2E of requests one after the other; 0: not looked at */
    double simulated_in_s;
} hg_metrics;

typedef struct hg_run {          /* how to run it */
    hg_load load;
    double rate_per_s;
    bool steady;                 /* to a steady state; else the workload once, everything counted */
    bool precise;                /* steady: go on until every limit's 95 % interval is within 5 % */
    bool stepwise, keep_requests;
    size_t keep_steps, requests;
    size_t note_every;           /* the account looks into one step in so many; 0: into each */
} hg_run;

void hg_evaluate(hg_arena *arena, const hg_problem *p, const hg_candidate *c, const hg_run *run,
                 hg_metrics *out);

/* Serving the arrivals took far longer than they took to come, or the run was given up for that. */
bool hg_metrics_overloaded(const hg_problem *p, const hg_metrics *m);

/* Does the queue grow through a run of a rate?  So it does where more arrive than are served, and is seen to in runs
 * much shorter than an overload needs to show in how long they last. */
bool hg_metrics_queue_grows(const hg_problem *p, const hg_metrics *m);

/* What the simulator is told of it. */
hg_sim_config hg_sim_config_of(const hg_problem *p, const hg_candidate *c, const hg_run *run, hg_oracle oracle);

/* The pool that computes prompts for another: their KV goes over that side's share of the network, or of the
 * rack's links where both lie in one; what it takes besides is among the host terms. */
hg_prefill_pool hg_prefill_pool_of(const hg_problem *p, const hg_candidate *c, hg_oracle oracle);

/* The same with a step of the caller's (an oracle that also takes notes). */
void hg_evaluate_with(hg_arena *arena, const hg_problem *p, const hg_candidate *c, const hg_run *run,
                      hg_oracle oracle, hg_metrics *out);
/* … and of two pools both; prefill NULL: as its steps are priced. */
void hg_evaluate_pools(hg_arena *arena, const hg_problem *p, const hg_candidate *c, const hg_run *run,
                       hg_oracle oracle, const hg_oracle *prefill, hg_metrics *out);

/* Rates are judged at powers of this, so that two searches that meet find the same one. */
extern const double hg_rate_step; /* 1.01 */

/* The highest Poisson rate that keeps the SLO, to 2 %, in steady state, above `floor` (good: with more good
 * requests than that); metrics at that rate.  Returns 0 when even the floor (or, with floor 0, a trickle) does not keep it; *out is then
 * the nearest miss.  visit, when not NULL, sees every evaluation. */
double hg_highest_rate(hg_arena *arena, const hg_problem *p, const hg_candidate *c, double floor, bool good,
                       double bound, hg_metrics *out,
                       void (*visit)(void *ctx, const hg_metrics *m), void *ctx);

/* The figures to report: from `rate`, which keeps the SLO, to the highest at hand where 1 % more does not,
 * simulated there until every limit is known within 5 % (and at less, should that look say otherwise).
 * Returns the rate. */
double hg_settled_rate(hg_arena *arena, const hg_problem *p, const hg_candidate *c, double rate,
                       hg_metrics *out);

/* How well that rate is known: between the highest that surely keeps the SLO and the lowest that surely
 * breaks it, by the 95 % intervals of the limits' percentiles; at least 2 % to each side. */
void hg_rate_interval(hg_arena *arena, const hg_problem *p, const hg_candidate *c, double rate, double *lo,
                      double *hi);

#endif

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
    uint64_t seed;
} hg_problem;

typedef enum hg_fit { HG_FITS, HG_ILLEGAL, HG_TOO_BIG, HG_UNPRICED } hg_fit;

/* One deployment made ready: legal, its memory counted, its step prepared. */
typedef struct hg_candidate {
    hg_deployment deployment;
    hg_fit fit;
    char reason[256];            /* why not, when it does not fit */
    hg_model model;              /* in the deployment's precision */
    hg_memory memory;
    hg_step step;
} hg_candidate;

void hg_candidate_make(const hg_problem *p, const hg_deployment *d, hg_candidate *out);

typedef struct hg_metrics {
    hg_sim_result sim;
    bool slo_given;
    double rate_per_s;           /* offered, open loop; 0 otherwise */
    double tokens_per_s_per_device, tokens_per_s_per_user; /* output tokens; 1/TPOT (mean) */
    double goodput_per_device;   /* good requests a second */
    double energy_j, cost_usd;   /* over the window counted; 0: not known */
    double simulated_in_s;
} hg_metrics;

typedef struct hg_run {          /* how to run it */
    hg_load load;
    double rate_per_s;
    bool steady;                 /* to a steady state; else the workload once, everything counted */
    bool precise;                /* steady: go on until every limit's 95 % interval is within 5 % */
    bool stepwise, keep_requests;
    size_t keep_steps, requests;
} hg_run;

void hg_evaluate(hg_arena *arena, const hg_problem *p, const hg_candidate *c, const hg_run *run,
                 hg_metrics *out);

/* What the simulator is told of it. */
hg_sim_config hg_sim_config_of(const hg_problem *p, const hg_candidate *c, const hg_run *run, hg_oracle oracle);

/* The same with a step of the caller's (an oracle that also takes notes). */
void hg_evaluate_with(hg_arena *arena, const hg_problem *p, const hg_candidate *c, const hg_run *run,
                      hg_oracle oracle, hg_metrics *out);

/* No deployment serves more requests a second: every token at the best step's price, no queue, no
 * idle step, KV full. Requests per second over all replicas. */
double hg_bound_rate(const hg_problem *p, const hg_candidate *c);

/* The highest Poisson rate that keeps the SLO, to 2 %, in steady state, above `floor`; metrics at that
 * rate.  Returns 0 when even the floor (or, with floor 0, a trickle) does not keep it; *out is then
 * the nearest miss.  visit, when not NULL, sees every evaluation. */
double hg_highest_rate(hg_arena *arena, const hg_problem *p, const hg_candidate *c, double floor,
                       double bound, hg_metrics *out,
                       void (*visit)(void *ctx, const hg_metrics *m), void *ctx);

/* The figures to report: simulated until every limit is known within 5 %, at `rate` or, where the
 * sharper look says that the SLO is missed after all, at the next less, in growing strides.  Returns
 * the rate. */
double hg_settled_rate(hg_arena *arena, const hg_problem *p, const hg_candidate *c, double rate,
                       hg_metrics *out);

#endif

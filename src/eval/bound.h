/* What no deployment can exceed: ideal steps, no queue, as many requests at once as memory, the engine's limits and
 * the promise allow. */
#ifndef HG_EVAL_BOUND_H
#define HG_EVAL_BOUND_H

#include "eval/evaluate.h"

enum { HG_LENGTHS_SEEN = 16 };

/* What a workload asks of an engine and a promise of its steps; means over requests. */
typedef struct hg_demand {
    double isl[HG_LENGTHS_SEEN]; /* mean prompts of equal parts of the requests, shortest first */
    double prompt, answer;       /* tokens of a prompt; tokens made one a step: osl − 1 */
    double context;              /* tokens in KV when one of them is made, mean over them */
    double gap_s;                /* what they may take in the mean, all but a part; INFINITY: nothing is promised */
    double free_frac;            /* that part of them: in the requests that a percentile does not see */
    double wait_s, late_frac;    /* first tokens come within wait_s, but for a part; INFINITY: nothing is promised, or
                                    arrivals come in bursts of which nothing is known */
} hg_demand;

hg_demand hg_demand_of(hg_arena scratch, const hg_workload *w, const hg_slo *slo);

/* Seconds of one engine's attention over a request's prompt, the mean over requests: no way of cutting prompts into
 * steps takes less. */
double hg_bound_prompt_attention(const hg_candidate *c, const hg_demand *d);

/* Requests per second over all replicas (of both pools) that no simulation of it exceeds while it keeps the promise.
 *
 * Every engine step of n decodes and p prompt tokens takes t(n, p).  Prompt tokens are priced at B seconds each, no more
 * than the cheapest step of prompts alone; A, μ and ν are such that (t(n, p) − B·p)·(1 + μn) + ν·[p > 0] ≥ A·n for
 * all n, p that may run.  Schedulers take all prompts that a step has room for: each of its steps fills it or ends a
 * prompt, so there are at most k = prompt/(budget − n) + 1 steps with prompts for a request.
 * At λ requests a second prompts take f = λ·B·prompt of the time.  Poisson arrivals find as many decodes in flight as
 * there are in the mean, and but for what leaves within wait_s their prompts hold up as many: so of the gap between two
 * tokens no more than gap·(1 − f) + f·wait/answer is left to decoding, and
 *     f + λ·(answer·(A − μ·that) − ν·k) ≤ 1,
 * which bounds λ for any such B, μ and ν: the dual of the linear programme over mixes of steps.  The least found is
 * taken.
 */
double hg_bound_rate(hg_arena scratch, const hg_problem *p, const hg_demand *d, const hg_candidate *c);

/* The same of one pool, which computes prompts, answers or both. */
double hg_bound_pool_rate(hg_arena scratch, const hg_problem *p, const hg_demand *d, const hg_candidate *c, bool prompts,
                          bool answers);

/* Seconds from sending to the last token that no requests are answered faster than in the mean, were each alone: the `first`
 * of the workload, or (0) as many in a row as a steady run counts at least, wherever it begins. */
double hg_bound_alone_s(hg_arena scratch, const hg_problem *p, const hg_candidate *c, size_t first);

#endif

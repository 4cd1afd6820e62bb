/* A serving run as `heng plan` evaluates its deployment: by the words that it takes, with its own means. */
#include "eval/serving.h"

#include <math.h>

/* Rules of how runs were launched that no word says: then the engine's own hold. */
static hg_deployment by_words(const hg_deployment *launched)
{
    hg_deployment d = *launched;
    d.graph_tokens = d.prompt_graph_tokens = d.recv_interval = 0;
    d.batch_wait_steps = d.balance_steps = 0;
    d.batch_wait_frac = 0;
    return d;
}

/* What a prefix cache would find again is said by a trace only, and pools that nobody waits for by nothing. */
static bool is_expressible(const hg_serving_case *c)
{
    return !*c->reason && c->launch.distinct_prompts == 0 && !(c->launch.prefix_hit_frac > 0) && !c->decodes_only;
}

static bool make(const hg_problem *p, const hg_deployment *launched, bool words, hg_candidate *out)
{
    hg_deployment d = words ? by_words(launched) : *launched;
    hg_candidate_make(p, &d, out);
    return out->fit == HG_FITS;
}

static hg_serving_figures evaluate(hg_arena scratch, const hg_serving_case *c, const hg_overheads *overheads, bool words)
{
    static const hg_serving_figures none = { NAN, NAN, NAN, NAN };
    hg_problem *p = HG_NEW(&scratch, hg_problem, 1);
    hg_candidate *main = HG_NEW(&scratch, hg_candidate, 1), *prefill = HG_NEW(&scratch, hg_candidate, 1);
    hg_metrics m;
    if (!is_expressible(c))
        return none;
    *p = *c->problem;
    p->engine.overheads = *overheads;
    if (!make(p, &c->candidate.deployment, words, main) || (c->disaggregated && !make(p, &c->prefill.deployment, words, prefill)))
        return none;
    main->prefill = c->disaggregated ? prefill : NULL;
    size_t requests = (size_t)(c->concurrency * c->launch.requests_per_client);
    hg_workload_synthetic(&scratch, (int32_t)c->isl, (int32_t)c->osl, c->launch.length_range, requests, 0, &p->workload);
    p->workload.load = HG_LOAD_CLOSED;
    p->workload.concurrency = c->concurrency;
    hg_evaluate(&scratch, p, main, &(hg_run){ .load = HG_LOAD_CLOSED, .requests = requests }, &m);
    return (hg_serving_figures){ m.sim.latency[HG_TTFT].mean, m.sim.latency[HG_TPOT].mean, m.sim.output_tokens_per_s, NAN };
}

hg_serving_figures hg_serving_planned(hg_arena scratch, const hg_serving_case *c, const hg_overheads *overheads)
{
    return evaluate(scratch, c, overheads, true);
}

hg_serving_figures hg_serving_planned_as_launched(hg_arena scratch, const hg_serving_case *c, const hg_overheads *overheads)
{
    return evaluate(scratch, c, overheads, false);
}

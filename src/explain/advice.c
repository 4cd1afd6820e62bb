#include "explain/explain.h"

/* Below these parts of the time a finding is not worth a line. */
static const double MUCH = 0.1, HALF = 0.5, ALMOST = 0.95;

static bool advise_decode_memory(const hg_explained *x)
{
    return x->times.phase_share[HG_DECODES_ONLY] > MUCH && x->times.phase_most[HG_DECODES_ONLY] == HG_HBM;
}

static bool advise_prefill_tensor(const hg_explained *x)
{
    return x->times.phase_share[HG_WITH_PROMPTS] > MUCH && x->times.phase_most[HG_WITH_PROMPTS] == HG_TENSOR;
}

static bool advise_link(const hg_explained *x)
{
    return x->times.share[HG_LINK] > 2 * MUCH;
}

static bool advise_host(const hg_explained *x)
{
    return x->times.share[HG_BY_HOST] > MUCH;
}

static bool advise_launch(const hg_explained *x)
{
    double s = 0;
    for (int i = 0; i < x->account.count; i++)
        s += x->account.parts[i].launch ? x->account.parts[i].seconds : 0;
    return s > MUCH / 2 * x->times.total_s;
}

static bool advise_seqs(const hg_explained *x)
{
    const hg_sim_result *r = &x->metrics.sim;
    return x->times.queue_frac > MUCH && r->most_running >= x->candidate->deployment.max_num_seqs &&
           r->kv_peak_frac < ALMOST;
}

static bool advise_kv(const hg_explained *x)
{
    const hg_sim_result *r = &x->metrics.sim;
    return r->preemptions > 0 || (x->times.queue_frac > MUCH && r->kv_peak_frac >= ALMOST);
}

static bool advise_idle(const hg_explained *x)
{
    return x->times.share[HG_BY_IDLE] > HALF && hg_candidate_devices(x->candidate) > 1;
}

static bool advise_queue(const hg_explained *x)
{
    return x->times.queue_frac > MUCH;
}

static bool advise_bubble(const hg_explained *x)
{
    return x->times.share[HG_BY_BUBBLE] > MUCH;
}

static const double WORSE = -0.005;

bool hg_advice_given(const hg_explained *x, const hg_advice *r)
{
    const hg_bought *b = hg_bought_named(x, r->change);
    return r->holds(x) && !(b && b->gain_frac < WORSE);
}

const hg_advice hg_advices[] = {
#define ADVICE(name, change) { #name, HG_TEXT_advice_##name, change, advise_##name },
#include "explain/advice.def"
#undef ADVICE
};
const int hg_advice_count = sizeof hg_advices / sizeof *hg_advices;

#include "eval/evaluate.h"

#include <math.h>

/* Token counts at which the price of a token is looked at, a factor of about 1.25 apart.  Between two
 * of them a token cannot be cheaper than the dearer bracket allows by more than that factor's share;
 * SLACK covers it, so the bound stays a bound. */
static const double STEP_RATIO = 1.25, SLACK = 0.9;

static void mean_lengths(const hg_workload *w, double *isl, double *osl, double *square)
{
    *isl = *osl = *square = 0;
    for (size_t i = 0; i < w->count; i++) {
        double in = w->requests[i].isl, out = w->requests[i].osl;
        *isl += in;
        *osl += out;
        *square += in * in / 2;
    }
    *isl /= (double)w->count;
    *osl /= (double)w->count;
    *square /= (double)w->count;
}

/* Non-attention seconds of the cheapest token over all step sizes the engine may run. */
static double cheapest_token(const hg_candidate *c)
{
    double best = INFINITY, most = (double)c->deployment.max_num_batched_tokens;
    for (double t = 1; t < most * STEP_RATIO; t *= STEP_RATIO) {
        double tokens = fmin(floor(t), most);
        best = fmin(best, hg_step_tokens_seconds(&c->step, tokens) / tokens);
    }
    return best;
}

/* Attention seconds of one decode step at the workload's mean context in the largest batch. */
static double cheapest_decode_attention(const hg_candidate *c, double context)
{
    double best = INFINITY;
    for (double n = 1; n <= (double)c->deployment.max_num_seqs; n *= 2) {
        hg_step_batch b = { .decodes = n, .decode_context = n * context };
        best = fmin(best, hg_step_attention_seconds(&c->step, &b) / n);
    }
    return best;
}

double hg_bound_rate(const hg_problem *p, const hg_candidate *c)
{
    double isl, osl, area;
    mean_lengths(&p->workload, &isl, &osl, &area);
    /* Prefix hits may spare prompt tokens; a bound must allow for all that could. */
    double prompt = c->deployment.prefix_caching && p->workload.hash_block_tokens ? 0 : isl;
    double token_s = cheapest_token(c);
    hg_step_batch prefill = { .chunks = 1, .chunk_tokens = isl, .chunk_area = area };
    double prefill_attention = prompt > 0 ? hg_step_attention_seconds(&c->step, &prefill) : 0;
    double busy = (prompt + osl - 1) * token_s + prefill_attention / 2 +
                  (osl - 1) * cheapest_decode_attention(c, isl + osl / 2) / 2;
    /* pp batches are in flight, each taking the whole pipeline's time. */
    double engines = (double)(c->deployment.replicas * c->deployment.dp * c->deployment.pp);
    return engines / (SLACK * busy);
}

#include "eval/evaluate.h"

#include <math.h>

/* A step of more tokens takes no less time, so between two token counts a and b a token costs at least what the
 * step of a does over b: with counts this far apart the bound is that much above what it could be. */
static const double STEP_RATIO = 1.05;

/* Attention is priced for one prompt alone and for equal decodes.  In company, in chunks and at other contexts
 * the same work may be cheaper by a surface's shape, for which there is no proof; that it is never by more than
 * half is what test_plan.c checks: no overloaded engine serves more than the bound. */
static const double CHEAPEST_ATTENTION = 0.5;

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

/* No token costs fewer non-attention seconds, in any step the engine may run.  Of dp ranks that step
 * together the slowest has no fewer tokens than the mean. */
static double cheapest_token(const hg_candidate *c)
{
    double best = INFINITY, most = (double)c->deployment.max_num_batched_tokens;
    for (double t = 1, next; t <= most; t = next) {
        next = floor(fmax(t + 1, t * STEP_RATIO));
        double step_s = hg_step_tokens_seconds(&c->step, t) + hg_step_ranks_seconds(&c->step, t);
        best = fmin(best, step_s / fmin(most, next - 1));
    }
    return best;
}

/* Attention seconds of one decode step at the workload's mean context in the largest batch; drafts are verified
 * in one pass over the cache, so it may make all of them and one more. */
static double cheapest_decode_attention(const hg_candidate *c, double context)
{
    double best = INFINITY;
    for (double n = 1; n <= (double)c->deployment.max_num_seqs; n *= 2) {
        hg_step_batch b = { .decodes = n, .decode_context = n * context };
        best = fmin(best, hg_step_attention_seconds(&c->step, &b) / n / (1 + c->deployment.draft_tokens));
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
    double attention = prefill_attention + (osl - 1) * cheapest_decode_attention(c, isl + osl / 2);
    double busy = (prompt + osl - 1) * token_s + CHEAPEST_ATTENTION * attention;
    /* pp batches are in flight, each taking the whole pipeline's time. */
    double engines = (double)(c->deployment.replicas * c->deployment.dp * c->deployment.pp);
    return engines / busy;
}

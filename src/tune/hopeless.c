#include "tune/hopeless.h"

#include "base/units.h"

#include <math.h>
#include <stdio.h>

static const double HALF = 0.5;         /* of the best: noise of shared machines does not come to a factor of two */
static const double FAILURES_BORNE = 0.01;
static const double LEAST_S = 5;        /* to stop earlier saves nothing, and a moment's stall would look like a slow server */
enum { FAILURES_TELLING = 5 };

/* All requests done this very moment would still be less. */
static bool too_slow(const hg_stakes *s, const hg_live_now *now, char *why, size_t size)
{
    double each = s->objective == HG_MAX_GOODPUT ? 1 : s->osl;
    double most = s->requests * each / now->elapsed_s;
    if (s->objective == HG_MAX_TOKENS_PER_CPU || s->requests <= 0 || !(most < HALF * s->best))
        return false;
    snprintf(why, size, "stopped after %.3g s: at most %.3g %s even if all were done now, the best has %.3g", now->elapsed_s, most,
             hg_aim_units[s->objective], s->best);
    return true;
}

/* Half of those served waited longer than the limit; if all that are to come wait less, it is still broken. */
static bool is_broken(const hg_stakes *s, const hg_live_now *now, char *why, size_t size)
{
    char limit[32], seen[32];
    for (int i = 0; i < s->slo->count; i++) {
        const hg_limit *l = &s->slo->limits[i];
        if (l->metric != HG_TTFT || l->percentile == HG_MEAN || !(now->ttft_p50_s > l->limit_s) ||
            HALF * now->done_frac <= 1 - l->percentile)
            continue;
        snprintf(why, size, "stopped after %.3g s: ttft:p%g<%s cannot be kept any more, half of the first %lld took more than %s", now->elapsed_s,
                 100 * l->percentile, hg_format(limit, sizeof limit, l->limit_s, HG_SECONDS), (long long)now->complete,
                 hg_format(seen, sizeof seen, now->ttft_p50_s, HG_SECONDS));
        return true;
    }
    return false;
}

bool hg_hopeless(const hg_stakes *s, const hg_live_now *now, hg_outcome *as, char *why, size_t size)
{
    why[0] = 0;
    *as = HG_TRIAL_REFUSED;
    if (now->failed >= FAILURES_TELLING && (double)now->failed > FAILURES_BORNE * fmax(s->requests, (double)now->complete))
        return true;
    if (now->elapsed_s < LEAST_S)
        return false;
    *as = HG_TRIAL_BROKE_SLO;
    if (is_broken(s, now, why, size))
        return true;
    *as = HG_TRIAL_HOPELESS;
    return too_slow(s, now, why, size);
}

#include "explain/explain.h"

#include <math.h>

/* Seconds of the account by loss; returns the ideal's. */
static double seconds_lost(const hg_account *a, double *lost)
{
    double ideal_s = 0;
    for (int i = 0; i < a->count; i++) {
        const hg_part *p = &a->parts[i];
        if (p->host || p->moves) {
            lost[p->launch ? HG_LOSS_LAUNCH : p->host ? HG_LOSS_HOST : HG_LOSS_LINK] += p->seconds;
            continue;
        }
        ideal_s += p->ideal_s;
        lost[HG_LOSS_BATCH] += p->roof_s - p->ideal_s;
        lost[HG_LOSS_KERNELS] += p->seconds - p->roof_s;
    }
    lost[HG_LOSS_BUBBLE] = a->bubble_s;
    lost[HG_LOSS_IDLE] = a->idle_s;
    return ideal_s;
}

/* The same tokens in less time: with the seconds of one loss after another back, the rate falls from the ideal to
 * the delivered one, and each loss is its fall. */
void hg_explain_waterfall(const hg_account *a, double delivered, double good_frac, hg_waterfall *out)
{
    double lost[HG_LOSSES] = { 0 }, ideal_s = seconds_lost(a, lost), all_s = ideal_s;
    *out = (hg_waterfall){ .delivered = delivered * good_frac };
    for (int i = 0; i < HG_LOSS_SLO; i++)
        all_s += lost[i];
    if (ideal_s <= 0)
        return;
    double spent_s = ideal_s, at = out->ideal = delivered * all_s / ideal_s;
    for (int i = 0; i < HG_LOSS_SLO; i++) {
        spent_s += lost[i];
        double next = delivered * all_s / spent_s;
        out->loss[i] = at - next;
        at = next;
    }
    out->loss[HG_LOSS_SLO] = at - out->delivered;
}

static bool is_good(const hg_record *r, const hg_slo *slo)
{
    double tpot_s = r->osl > 1 ? (r->finish_s - r->first_token_s) / (r->osl - 1) : NAN;
    double s[HG_METRICS] = { [HG_TTFT] = r->first_token_s - r->arrival_s, [HG_TPOT] = tpot_s, [HG_ITL] = tpot_s,
                             [HG_E2E] = r->finish_s - r->arrival_s, [HG_QUEUE] = r->queued_s };
    for (int i = 0; i < slo->count; i++)
        if (s[slo->limits[i].metric] >= slo->limits[i].limit_s)
            return false;
    return true;
}

double hg_good_tokens_frac(const hg_sim_result *r, const hg_slo *slo)
{
    double all = 0, good = 0;
    for (size_t i = 0; r->records && i < r->offered; i++) {
        const hg_record *q = &r->records[i];
        if (!q->counted || !q->finished)
            continue;
        all += q->osl;
        good += is_good(q, slo) ? q->osl : 0;
    }
    return all > 0 ? good / all : 1;
}

#include "explain/explain.h"

#include <math.h>

double hg_part_by(const hg_part *p, int by)
{
    if (by == HG_BY_HOST)
        return p->host ? p->seconds : 0;
    return p->host || by >= HG_COMPONENTS ? 0 : p->bound_s[by];
}

int hg_part_most(const hg_part *p)
{
    int most = 0;
    for (int by = 1; by < HG_BY_STEPS; by++)
        most = hg_part_by(p, by) > hg_part_by(p, most) ? by : most;
    return most;
}

const hg_part *hg_part_first(const hg_account *a, int by)
{
    const hg_part *first = &a->parts[0];
    for (int i = 1; i < a->count; i++)
        if (hg_part_by(&a->parts[i], by) > hg_part_by(first, by))
            first = &a->parts[i];
    return first;
}

static double phase_by(const hg_account *a, hg_phase phase, int by)
{
    double sum = 0;
    for (int i = 0; i < a->count; i++) {
        const hg_part *p = &a->parts[i];
        if (p->host == (by == HG_BY_HOST))
            sum += p->host ? p->phase_s[phase] : p->phase_bound_s[phase][by];
    }
    return sum;
}

static int most_of(const double *by)
{
    int most = 0;
    for (int c = 1; c < HG_BY_STEPS; c++)
        most = by[c] > by[most] ? c : most;
    return most;
}

static void take_phase(const hg_account *a, hg_phase phase, hg_times *out)
{
    double own_s = 0;
    for (int by = 0; by < HG_BY_STEPS; by++) {
        double s = phase_by(a, phase, by);
        out->phase_by[phase][by] = s;
        out->share[by] += s / out->total_s;
        own_s += s;
    }
    for (int by = 0; own_s > 0 && by < HG_BY_STEPS; by++)
        out->phase_by[phase][by] /= own_s;
    out->phase_share[phase] = own_s / out->total_s;
    out->phase_most[phase] = most_of(out->phase_by[phase]);
}

void hg_explain_times(const hg_account *a, const hg_metrics *m, hg_times *out)
{
    *out = (hg_times){ .total_s = a->busy_s + a->bubble_s + a->idle_s };
    for (int phase = 0; phase < HG_PHASES; phase++)
        take_phase(a, (hg_phase)phase, out);
    out->share[HG_BY_BUBBLE] = a->bubble_s / out->total_s;
    out->share[HG_BY_IDLE] = a->idle_s / out->total_s;
    out->most = most_of(out->share);
    double queue_s = m->sim.latency[HG_QUEUE].mean, e2e_s = m->sim.latency[HG_E2E].mean;
    out->queue_frac = e2e_s > 0 && isfinite(queue_s) ? queue_s / e2e_s : 0;
}

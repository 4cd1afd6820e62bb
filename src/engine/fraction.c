#include "engine/fraction.h"

#include "base/num.h"

#include <math.h>

/* What loading leaves on the device. */
static double free_bytes(const hg_memory *m)
{
    return m->total_bytes - m->weight_bytes - m->activation_bytes - m->context_bytes;
}

/* No engine takes a fraction of nothing; a deployment that does not fit is said elsewhere. */
static double sane(double fraction)
{
    return isfinite(fraction) ? hg_clamp(fraction, 0.01, 1) : 0.01;
}

double hg_fraction_told(hg_fraction_of of, const hg_memory *m)
{
    double held = m->budget_bytes - m->activation_bytes - m->context_bytes;
    if (of == HG_OF_STATIC)
        return sane(held / m->total_bytes);
    if (of == HG_OF_FREE)
        return free_bytes(m) > 0 ? sane((held - m->weight_bytes) / free_bytes(m)) : 0.01;
    return sane(m->budget_bytes / m->total_bytes);
}

double hg_fraction_budget(hg_fraction_of of, double told, const hg_memory *m)
{
    if (of == HG_OF_STATIC)
        return told * m->total_bytes + m->activation_bytes + m->context_bytes;
    if (of == HG_OF_FREE)
        return m->total_bytes - (1 - told) * fmax(0, free_bytes(m));
    return told * m->total_bytes;
}

double hg_fraction_word(const hg_engine *e, double budget_bytes, const hg_memory *m)
{
    hg_memory taken = *m;
    taken.budget_bytes = budget_bytes;
    return hg_fraction_told(e->fraction_of_free ? HG_OF_FREE : HG_OF_TOTAL, &taken);
}

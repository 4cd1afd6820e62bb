#include "live/sweep.h"

#include <math.h>

void hg_sweep_open(hg_sweep *s, double first_per_s, double sharp, int most)
{
    *s = (hg_sweep){ .next_per_s = first_per_s, .sharp = sharp, .most = most };
}

bool hg_sweep_next(const hg_sweep *s, double *per_s)
{
    bool known = s->borne_per_s > 0 && s->broken_per_s > 0 && s->broken_per_s <= s->borne_per_s * (1 + s->sharp);
    *per_s = s->next_per_s;
    return !known && s->tried < s->most;
}

void hg_sweep_tell(hg_sweep *s, double per_s, bool borne)
{
    s->tried++;
    if (borne)
        s->borne_per_s = fmax(s->borne_per_s, per_s);
    else
        s->broken_per_s = s->broken_per_s > 0 ? fmin(s->broken_per_s, per_s) : per_s;
    s->next_per_s = s->broken_per_s == 0 ? 2 * s->borne_per_s
                    : s->borne_per_s == 0 ? s->broken_per_s / 2 : sqrt(s->borne_per_s * s->broken_per_s);
}

#include "sim/router.h"

/* Linear in replicas: fleets here have tens.  If a thousand ever matter, keep a heap by load; the
 * rest of the simulator does not know how this is found.  Ties go to the next after the last one
 * chosen, so that equal engines are served in turn. */
static int32_t least_outstanding(const hg_router *r, const hg_instance *instances, int32_t count)
{
    int32_t best = (r->last + 1) % count;
    for (int32_t k = 1; k < count; k++) {
        int32_t i = (r->last + 1 + k) % count;
        if (instances[i].outstanding < instances[best].outstanding)
            best = i;
    }
    return best;
}

int32_t hg_router_choose(hg_router *r, const hg_instance *instances, int32_t count)
{
    r->last = r->route == HG_ROUTE_ROUND_ROBIN ? (r->last + 1) % count
                                               : least_outstanding(r, instances, count);
    return r->last;
}

#include "sim/router.h"

/* Linear in replicas: fleets here have tens.  If a thousand ever matter, keep a heap by load; the
 * rest of the simulator does not know how this is found.  Ties go to the next after the last one
 * chosen, so that equal engines are served in turn. */
static int32_t least_outstanding(const hg_router *r, const hg_instance *instances, int32_t count)
{
    int32_t first = r->last + 1 < count ? r->last + 1 : 0, best = first;
    int64_t least = instances[first].outstanding;
    for (int32_t i = first + 1 < count ? first + 1 : 0; i != first; i = i + 1 < count ? i + 1 : 0)
        if (instances[i].outstanding < least) {
            best = i;
            least = instances[i].outstanding;
        }
    return best;
}

int32_t hg_router_choose(hg_router *r, const hg_instance *instances, int32_t count)
{
    r->last = r->route == HG_ROUTE_ROUND_ROBIN ? (r->last + 1) % count
                                               : least_outstanding(r, instances, count);
    return r->last;
}

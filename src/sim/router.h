/* Which instance gets an arriving request. */
#ifndef HG_SIM_ROUTER_H
#define HG_SIM_ROUTER_H

#include "sim/instance.h"

typedef struct hg_router {
    hg_route route;
    int32_t last; /* the instance chosen last */
} hg_router;

int32_t hg_router_choose(hg_router *r, const hg_instance *instances, int32_t count);

#endif

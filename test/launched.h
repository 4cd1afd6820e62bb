/* A deployment made ready to be emitted, for the tests of emitters, readers and lint. */
#ifndef HG_LAUNCHED_H
#define HG_LAUNCHED_H

#include "api/plan.h"
#include "engine/emit.h"

typedef struct launched {
    hg_problem problem;
    hg_engine_knobs knobs;
    hg_plan plan;
    hg_point point;
    hg_launch launch;
    const hg_emitter *emitter;
} launched;

/* False: a part of it is not known (checked). */
bool launched_open(hg_arena *arena, const char *engine, const char *version, const char *model,
                   const char *device, launched *out);
/* The launch of another deployment (or none: of out->point's). */
void launched_set(hg_arena *arena, launched *l, const hg_deployment *d);

#endif

#include "launched.h"

#include "test.h"

#include <stdlib.h>

bool launched_open(hg_arena *arena, const char *engine, const char *version, const char *model,
                   const char *device, launched *out)
{
    static const hg_data data = { NULL };
    const char *note;
    hg_err err = { 0 };
    *out = (launched){ .emitter = hg_emitter_find(engine) };
    bool ok = hg_model_find(arena, &data, model, &out->problem.model, &note, &err) &&
              hg_engine_find(arena, &data, engine, NULL, &out->problem.engine, &err) &&
              hg_device_find(arena, &data, device, &out->problem.rates.device, &err) &&
              hg_knobs_open(arena, &data, engine, version, &out->knobs, &note, &err);
    CHECKF(ok && out->emitter, "%s %s %s: %s %s", engine, model, device, err.where, err.msg);
    const hg_engine *e = &out->problem.engine;
    out->plan = (hg_plan){ .problem = &out->problem, .knobs = &out->knobs };
    hg_deployment d = { .tp = 1,
                        .pp = 1,
                        .dp = 1,
                        .ep = 1,
                        .replicas = 1,
                        .precision_is_checkpoints = true,
                        .kv_is_auto = true,
                        .kv_dtype = out->problem.model.precision.kv,
                        .max_num_seqs = 8,
                        .max_num_batched_tokens = 8192,
                        .max_model_len = 4096,
                        .gpu_memory_utilization = e->gpu_memory_utilization,
                        .block_tokens = e->block_tokens,
                        .prefix_caching = e->prefix_caching,
                        .chunked_prefill = e->chunked_prefill };
    if (ok)
        launched_set(arena, out, &d);
    return ok && out->emitter;
}

void launched_set(hg_arena *arena, launched *l, const hg_deployment *d)
{
    if (d)
        l->point = (hg_point){ .deployment = *d };
    l->plan.problem = &l->problem; /* the struct may have been copied */
    l->plan.knobs = &l->knobs;
    l->launch = hg_plan_launch(arena, &l->plan, &l->point, l->problem.model.id);
}

#include "explain/vary.h"

#include "base/num.h"

#include <math.h>
#include <string.h>

const double hg_vary_factors[2] = { 0.8, 1.2 };

static bool vary_memory_bandwidth(hg_arena *arena, hg_problem *p, hg_deployment *d, double factor)
{
    (void)arena, (void)d;
    p->rates.device.memory_bytes_per_s *= factor;
    return true;
}

static bool vary_tensor(hg_arena *arena, hg_problem *p, hg_deployment *d, double factor)
{
    (void)arena, (void)d;
    for (int t = 0; t < HG_DTYPES; t++)
        p->rates.device.tensor_flops_per_s[t] *= factor;
    return true;
}

static bool vary_link(hg_arena *arena, hg_problem *p, hg_deployment *d, double factor)
{
    (void)arena;
    p->rates.device.node_bytes_per_s *= factor;
    p->rates.device.net_bytes_per_s *= factor;
    return d->tp * d->pp * d->dp > 1;
}

static int32_t scaled(int32_t n, double factor)
{
    return (int32_t)hg_max_i64(1, llround(factor * n));
}

/* Requests of other lengths; the longest context grows with them, up to the model's own limit, or they would only be
 * rejected. */
static void scale_lengths(hg_arena *arena, hg_problem *p, hg_deployment *d, double isl, double osl)
{
    hg_workload *w = &p->workload;
    hg_request *list = HG_NEW(arena, hg_request, w->count);
    int64_t longest = 0;
    for (size_t i = 0; i < w->count; i++) {
        list[i] = w->requests[i];
        list[i].isl = scaled(list[i].isl, isl);
        list[i].osl = scaled(list[i].osl, osl);
        longest = hg_max_i64(longest, (int64_t)list[i].isl + list[i].osl);
        if (w->hash_block_tokens > 0 && list[i].hash_count > (uint32_t)(list[i].isl / w->hash_block_tokens))
            list[i].hash_count = (uint32_t)(list[i].isl / w->hash_block_tokens);
    }
    w->requests = list;
    d->max_model_len = hg_max_i64(d->max_model_len, p->model.max_tokens > 0 ? hg_min_i64(longest, p->model.max_tokens) : longest);
}

static bool vary_isl(hg_arena *arena, hg_problem *p, hg_deployment *d, double factor)
{
    scale_lengths(arena, p, d, factor, 1);
    return true;
}

static bool vary_osl(hg_arena *arena, hg_problem *p, hg_deployment *d, double factor)
{
    scale_lengths(arena, p, d, 1, factor);
    return true;
}

static bool vary_rate(hg_arena *arena, hg_problem *p, hg_deployment *d, double factor)
{
    (void)arena, (void)d;
    hg_workload *w = &p->workload;
    if (w->load == HG_LOAD_CLOSED)
        w->concurrency = hg_max_i64(1, llround(factor * (double)w->concurrency));
    else if (w->load == HG_LOAD_REPLAY)
        w->speedup = factor * (w->speedup > 0 ? w->speedup : 1);
    else
        w->rate_per_s *= factor;
    return true;
}

static bool vary_slo(hg_arena *arena, hg_problem *p, hg_deployment *d, double factor)
{
    (void)arena, (void)d;
    for (int i = 0; i < p->slo.count; i++)
        p->slo.limits[i].limit_s *= factor;
    return p->slo.count > 0;
}

const hg_vary hg_varies[] = {
#define VARY(name, load) { #name, HG_TEXT_vary_##name, load, vary_##name },
#include "explain/varies.def"
#undef VARY
};
const int hg_vary_count = sizeof hg_varies / sizeof *hg_varies;
_Static_assert(sizeof hg_varies / sizeof *hg_varies <= HG_VARIES_MOST, "raise HG_VARIES_MOST");

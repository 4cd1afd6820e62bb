#include "cost/work.h"

#include <assert.h>
#include <math.h>

const char *const hg_component_names[HG_COMPONENTS] = { "tensor core", "vector", "HBM", "link" };

double hg_tensor_rate(const hg_device *d, hg_dtype dtype)
{
    double rate = d->tensor_flops_per_s[hg_dtype_table[dtype].math];
    return rate > 0 ? rate : d->tensor_flops_per_s[HG_BF16];
}

static double over(double amount, double rate)
{
    assert(amount == 0 || rate > 0);
    return amount > 0 ? amount / rate : 0;
}

double hg_cache_lost(const hg_work *w, const hg_device *d)
{
    return fmax(0, fmin(1, (w->hbm_bytes / d->l2_bytes - 1) / 0.2));
}

hg_roof hg_roofline(const hg_work *w, const hg_device *d)
{
    double link = w->between_nodes ? d->net_bytes_per_s : d->node_bytes_per_s;
    double hop_s = w->between_nodes ? d->net_latency_s : d->node_latency_s;
    double part_s[HG_COMPONENTS] = {
        [HG_TENSOR] = over(w->tensor_flops, hg_tensor_rate(d, w->tensor_dtype)),
        [HG_VECTOR] = d->vector_flops_per_s > 0 ? w->vector_flops / d->vector_flops_per_s : 0,
        [HG_HBM] = over(w->hbm_bytes, d->memory_bytes_per_s),
        [HG_LINK] = over(w->link_bytes, link) + w->link_hops * hop_s,
    };
    double missed_s = over(fmax(w->hbm_bytes - d->l2_bytes, 0), d->memory_bytes_per_s);
    hg_roof roof = { part_s[0], HG_TENSOR, missed_s, *w };
    for (int c = 0; c < HG_COMPONENTS; c++) {
        if (part_s[c] > roof.seconds) {
            roof.seconds = part_s[c];
            roof.bound = (hg_component)c;
        }
        if (c != HG_HBM)
            roof.warm_seconds = fmax(roof.warm_seconds, part_s[c]);
    }
    return roof;
}

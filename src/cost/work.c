#include "cost/work.h"

#include <assert.h>

const char *const hg_component_names[HG_COMPONENTS] = { "tensor core", "vector", "HBM", "link" };

/* Engines run a format the matrix unit lacks by widening it: fp8 on Ampere computes in bf16. */
static double tensor_rate(const hg_device *d, hg_dtype dtype)
{
    double rate = d->tensor_flops_per_s[hg_dtype_table[dtype].math];
    return rate > 0 ? rate : d->tensor_flops_per_s[HG_BF16];
}

static double over(double amount, double rate)
{
    assert(amount == 0 || rate > 0);
    return amount > 0 ? amount / rate : 0;
}

hg_roof hg_roofline(const hg_work *w, const hg_device *d)
{
    double link = w->between_nodes ? d->net_bytes_per_s : d->node_bytes_per_s;
    double hop_s = w->between_nodes ? d->net_latency_s : d->node_latency_s;
    double part_s[HG_COMPONENTS] = {
        [HG_TENSOR] = over(w->tensor_flops, tensor_rate(d, w->tensor_dtype)),
        [HG_VECTOR] = over(w->vector_flops, d->vector_flops_per_s),
        [HG_HBM] = over(w->hbm_bytes, d->memory_bytes_per_s),
        [HG_LINK] = over(w->link_bytes, link) + w->link_hops * hop_s,
    };
    hg_roof roof = { part_s[0], HG_TENSOR, *w };
    for (int c = 1; c < HG_COMPONENTS; c++)
        if (part_s[c] > roof.seconds) {
            roof.seconds = part_s[c];
            roof.bound = (hg_component)c;
        }
    return roof;
}

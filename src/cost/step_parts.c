#include "cost/step_build.h"

#include "base/text.h"

#include <assert.h>
#include <math.h>
#include <string.h>

int hg_dim_of(const hg_op *op, const char *column)
{
    for (int i = 0; op->dims[i].column; i++)
        if (strcmp(op->dims[i].column, column) == 0)
            return i;
    assert(!"the op has this dimension");
    return 0;
}

hg_step_item *hg_add_item(hg_builder *b, const char *name, hg_role role, double repeat)
{
    assert(b->out->count < HG_STEP_ITEMS);
    hg_step_item *it = &b->out->items[b->out->count++];
    *it = (hg_step_item){ .name = b->drafts ? "speculation" : name, .role = role, .repeat = repeat,
                          .drafts = b->drafts };
    return it;
}

void hg_use_op(hg_builder *b, hg_step_item *it, const hg_op *op, const hg_shape *shape, const char *dim,
                   double scale)
{
    it->shape = *shape;
    it->rate = hg_rates_pick(b->rates, op, shape);
    it->dim = hg_dim_of(op, dim);
    it->scale = scale;
    for (int i = 0; op->dims[i].column; i++)
        if (!it->shape.d[i] && !isnan(op->dims[i].absent))
            it->shape.d[i] = op->dims[i].absent;
}

/* With scales known beforehand a norm or an activation writes 8 bits itself, where the engine fuses that:
 * the quantiser that the table timed before the product is not run. */
static const double NO_SCALE_S = 0.2e-6; /* a table that finds scales in no time has none to find: its products have no quantiser */

static bool fuse_quantiser(hg_builder *b, hg_step_item *it, hg_dtype dtype)
{
    const char *on = b->e->fuses_quantiser_on;
    if (dtype != HG_FP8 || !on || (strcmp(on, "all") != 0 && !hg_starts(b->rates->device.architecture, on)))
        return false;
    hg_shape labels = { .dtype = HG_FP8 };
    hg_rate scale = hg_rates_beside(b->rates, &it->rate, &hg_op_compute_scale, &labels);
    hg_rate pass = hg_rates_beside(b->rates, &it->rate, &hg_op_memory_pass, &labels);
    if (!scale.surface || !pass.surface || hg_rate_seconds(&scale, &hg_op_compute_scale.example) < NO_SCALE_S)
        return false;
    const char *in = b->e->fuses_quantiser_in;
    it->less[0] = scale;
    it->less[1] = pass;
    it->less_count = !in || hg_starts(b->m->architecture, in) ? 2 : 1;
    it->less_k = hg_dim_of(it->rate.op, "k");
    return true;
}

/* Block-scaled products take activations quantised by groups, by a kernel of the engine's own whose time
 * its product tables leave out; other quantisers are in the tables.  Where no table is, a dynamic int8
 * quantiser is a pass of the vector cores: two bytes in and one out. */
static void add_quantiser(hg_builder *b, hg_role role, double repeat, double k, hg_dtype dtype)
{
    if (b->rates->transfer->published && hg_dtype_table[dtype].math == HG_INT8) {
        hg_add_pass(b, "activations to int8", role, repeat, 3 * k);
        return;
    }
    if (dtype != HG_FP8_BLOCK || b->e->gemm_tables_quantise)
        return;
    hg_shape s = { .dtype = HG_FP8 };
    hg_step_item *it = hg_add_item(b, "activations to fp8", role, repeat);
    hg_use_op(b, it, &hg_op_memory_pass, &s, "bytes", 3 * k);
    hg_rate quick = hg_rates_pick_tuned(b->rates, &hg_op_memory_pass, &it->shape, it->dim, 3 * k, true);
    if (it->rate.surface && quick.surface)
        it->less_s = fmax(0, it->rate.surface->series[it->rate.series].launch_s -
                                 quick.surface->series[quick.series].launch_s);
}

void hg_add_gemm(hg_builder *b, const char *name, hg_role role, double repeat, double n, double k,
                     hg_dtype dtype)
{
    if (n < 1 || k < 1)
        return;
    add_quantiser(b, role, repeat, k, dtype);
    hg_shape s = { .dtype = dtype };
    s.d[hg_dim_of(&hg_op_gemm, "n")] = n;
    s.d[hg_dim_of(&hg_op_gemm, "k")] = k;
    hg_step_item *it = hg_add_item(b, name, role, repeat);
    hg_use_op(b, it, &hg_op_gemm, &s, "m", 1);
    if (!fuse_quantiser(b, it, dtype))
        it->rate = hg_rates_pick_tuned(b->rates, &hg_op_gemm, &it->shape, it->dim, 1, false);
}

void hg_add_pass(hg_builder *b, const char *name, hg_role role, double repeat, double bytes)
{
    hg_shape s = { .dtype = HG_FP8 }; /* the label of the table that calibrates passes */
    hg_step_item *it = hg_add_item(b, name, role, repeat);
    hg_use_op(b, it, &hg_op_memory_pass, &s, "bytes", bytes);
    /* What one engine's quantiser wastes says nothing of its norms. */
    it->rate = hg_rates_pick_tuned(b->rates, &hg_op_memory_pass, &it->shape, it->dim, bytes, true);
}

void hg_add_all_reduce(hg_builder *b, const char *name, double repeat, double ranks, double elements)
{
    if (ranks <= 1)
        return;
    const hg_device *dev = &b->rates->device;
    hg_step_item *it = hg_add_item(b, name, HG_PER_TOKEN, repeat);
    hg_shape s = { .dtype = HG_BF16 };
    if (ranks <= (double)dev->domain_devices) {
        s.d[hg_dim_of(&hg_op_custom_allreduce, "num_gpus")] = ranks;
        s.kind = HG_ALLREDUCE_GRAPH;
        hg_use_op(b, it, &hg_op_custom_allreduce, &s, "message_size", elements);
        return;
    }
    s.d[hg_dim_of(&hg_op_internode, "ranks")] = ranks;
    s.d[hg_dim_of(&hg_op_internode, "ranks_per_node")] = (double)b->rates->device.node_devices;
    s.kind = HG_ALL_REDUCE;
    hg_use_op(b, it, &hg_op_internode, &s, "bytes", 2 * elements);
}

void hg_add_nccl(hg_builder *b, const char *name, hg_role role, double repeat, hg_collective what,
                     double ranks, double elements)
{
    if (ranks <= 1)
        return;
    hg_shape s = { .dtype = HG_BF16, .kind = (float)what };
    hg_step_item *it = hg_add_item(b, name, role, repeat);
    if (ranks <= (double)b->rates->device.domain_devices) {
        s.d[hg_dim_of(&hg_op_nccl, "num_gpus")] = ranks;
        hg_use_op(b, it, &hg_op_nccl, &s, "message_size", elements);
        return;
    }
    s.d[hg_dim_of(&hg_op_internode, "ranks")] = ranks;
    s.d[hg_dim_of(&hg_op_internode, "ranks_per_node")] = (double)b->rates->device.node_devices;
    hg_use_op(b, it, &hg_op_internode, &s, "bytes", 2 * elements);
}

static bool same_work(const hg_step_item *a, const hg_step_item *b)
{
    return a->role == b->role && a->drafts == b->drafts && a->rate.op == b->rate.op && a->rate.surface == b->rate.surface &&
           a->rate.series == b->rate.series && a->dim == b->dim && a->dim_new == b->dim_new &&
           a->dim_cached == b->dim_cached && a->beside == b->beside && a->scale == b->scale && a->shape.dtype == b->shape.dtype &&
           a->shape.kv_dtype == b->shape.kv_dtype && a->shape.kind == b->shape.kind &&
           memcmp(a->shape.d, b->shape.d, sizeof a->shape.d) == 0 && strcmp(a->name, b->name) == 0;
}

static hg_step_item *find_same(hg_step *s, const hg_step_item *it, int before)
{
    for (int i = 0; i < before; i++)
        if (same_work(&s->items[i], it))
            return &s->items[i];
    return NULL;
}

void hg_join_items(hg_step *s, int from)
{
    int kept = from;
    for (int i = from; i < s->count; i++) {
        hg_step_item *same = find_same(s, &s->items[i], kept);
        if (same)
            same->repeat += s->items[i].repeat;
        else
            s->items[kept++] = s->items[i];
    }
    s->count = kept;
}

#include "probe/grid.h"

#include "base/rng.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static int dim_of(const hg_op *op, const char *column)
{
    int i = 0;
    while (op->dims[i].column && strcmp(op->dims[i].column, column) != 0)
        i++;
    assert(op->dims[i].column && "the grid names a dimension of its op");
    return i;
}

double hg_call_dim(const hg_probe_call *c, const char *column)
{
    return c->shape.d[dim_of(c->op, column)];
}

static void start(const hg_grid *g, hg_probe_call *c)
{
    *c = (hg_probe_call){ .op = g->op };
    for (int i = 0; i < hg_op_dim_count(g->op); i++)
        c->shape.d[i] = isnan(g->op->dims[i].absent) ? 0 : g->op->dims[i].absent;
    for (int i = 0; i < hg_op_label_count(g->op); i++) {
        bool known = g->op->label(i, c->label[i] = g->label[i], &c->shape);
        assert(known && "the grid's labels are those of its op");
    }
}

/* The call with number `at` of the product, the last axis running fastest. */
static void set_call(const hg_grid *g, size_t at, hg_probe_call *c)
{
    for (int a = HG_GRID_AXES; a-- > 0;) {
        const hg_grid_axis *x = &g->axis[a];
        if (!x->column)
            continue;
        c->shape.d[dim_of(g->op, x->column)] = x->value[at % (size_t)x->count];
        at /= (size_t)x->count;
    }
}

static bool is_attention(const hg_op *op)
{
    return op == &hg_op_context_attention || op == &hg_op_generation_attention;
}

static bool is_legal(const hg_probe_call *c)
{
    if (!is_attention(c->op))
        return true;
    double heads = hg_call_dim(c, "num_heads"), kv = hg_call_dim(c, "num_key_value_heads");
    return fmod(heads, kv) == 0;
}

static void stir(hg_probe_call *calls, size_t n)
{
    hg_rng r = hg_rng_seed(0, 1);
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)hg_rng_between(&r, 0, (int64_t)i - 1);
        hg_probe_call other = calls[j];
        calls[j] = calls[i - 1];
        calls[i - 1] = other;
    }
}

hg_probe_call *hg_grid_calls(hg_arena *arena, const hg_grid *g, size_t *count)
{
    size_t product = 1, n = 0;
    for (int a = 0; a < HG_GRID_AXES && g->axis[a].column; a++)
        product *= (size_t)g->axis[a].count;
    hg_probe_call *calls = HG_NEW(arena, hg_probe_call, product);
    for (size_t i = 0; i < product; i++) {
        start(g, &calls[n]);
        set_call(g, i, &calls[n]);
        n += is_legal(&calls[n]);
    }
    stir(calls, n);
    *count = n;
    return calls;
}

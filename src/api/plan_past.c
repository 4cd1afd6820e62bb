/* What earlier plans recommended, found among what this one may choose. */
#include "api/plan_items.h"

#include <math.h>

static bool same_engine(const hg_deployment *a, const hg_deployment *b)
{
    return a->tp == b->tp && a->pp == b->pp && a->dp == b->dp && a->ep == b->ep && a->draft_tokens == b->draft_tokens &&
           a->precision_is_checkpoints == b->precision_is_checkpoints && (a->precision_is_checkpoints || a->precision == b->precision) &&
           a->kv_is_auto == b->kv_is_auto && (a->kv_is_auto || a->kv_dtype == b->kv_dtype);
}

/* The same shape with the same limits, of which a pool has one. */
static bool is(const hg_deployment *c, const hg_deployment *past, bool seqs, bool tokens)
{
    return same_engine(c, past) && (!seqs || c->max_num_seqs == past->max_num_seqs) &&
           (!tokens || c->max_num_batched_tokens == past->max_num_batched_tokens);
}

static double apart(int64_t a, double b)
{
    return fabs(log((double)a / b));
}

/* A whole engine's number follows from the devices; where it is searched, the nearest. */
static bool find_whole(const hg_items *m, const hg_past *past, hg_item *out)
{
    double least = INFINITY;
    for (size_t i = 0; i < m->whole; i++) {
        const hg_deployment *c = &m->candidates[i]->deployment;
        double off = apart(c->replicas, (double)past->own.replicas);
        if (!is(c, &past->own, true, true) || off >= least)
            continue;
        least = off;
        *out = (hg_item){ .own = (uint32_t)i, .prefill = HG_NO_POOL, .group = m->shapes[i] };
    }
    return least < INFINITY;
}

static size_t find_pool(const hg_items *m, size_t from, size_t count, const hg_deployment *past, bool prefill)
{
    for (size_t i = from; i < from + count; i++)
        if (is(&m->candidates[i]->deployment, past, !prefill, prefill))
            return i;
    return from + count;
}

/* Of other total devices the split is the same: engines in proportion.  Under a load their numbers follow from it. */
static bool find_pair(hg_arena scratch, const hg_items *m, const hg_past *past, hg_item *out)
{
    size_t decodes = m->whole + m->prefills, count = 0;
    size_t prefill = find_pool(m, m->whole, m->prefills, &past->prefill, true);
    size_t decode = find_pool(m, decodes, m->decodes, &past->own, false);
    if (prefill == decodes || decode == decodes + m->decodes)
        return false;
    int64_t devices = hg_deployment_devices(&past->own) + hg_deployment_devices(&past->prefill);
    double grown = m->problem->workload.load == HG_LOAD_NONE ? (double)m->total_devices / (double)devices : 1, least = INFINITY;
    const hg_item *list = hg_items_pair(&scratch, m, (uint32_t)prefill, (uint32_t)decode, &count);
    for (size_t i = 0; i < count; i++) {
        double off = apart(list[i].prefill_engines, grown * (double)past->prefill.replicas) + apart(list[i].engines, grown * (double)past->own.replicas);
        if (off < least) {
            least = off;
            *out = list[i];
        }
    }
    return least < INFINITY;
}

static bool same(const hg_item *a, const hg_item *b)
{
    return a->own == b->own && a->prefill == b->prefill && a->engines == b->engines && a->prefill_engines == b->prefill_engines;
}

bool hg_items_past(hg_arena scratch, const hg_items *items, const hg_past *past, size_t past_count, hg_item *out)
{
    for (size_t i = 0; i < past_count; i++)
        if (past[i].prefill.replicas ? find_pair(scratch, items, &past[i], out) : find_whole(items, &past[i], out))
            return true;
    return false;
}

size_t hg_items_without(hg_item *list, size_t count, const hg_item *seen)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (!same(&list[i], seen))
            list[n++] = list[i];
    return n;
}

#include "search/space.h"

#include <stdbool.h>

typedef struct list {
    hg_arena *arena;
    hg_deployment *items;
    size_t count, capacity;
} list;

/* A deployment with its shape set: the engine's replicas follow from the devices at hand. */
static bool shape(const hg_space *s, hg_deployment *d, int64_t replicas, int64_t ep)
{
    int64_t engine = d->tp * d->pp * d->dp;
    d->ep = ep ? ep : d->tp * d->dp;
    d->replicas = replicas ? replicas : s->total_devices / engine;
    return d->replicas >= 1 && (!s->total_devices || d->replicas * engine <= s->total_devices);
}

/* A dense model's ep list is {1}, so ep 0 and 1 never meet; with one rank they are the same. */
static bool repeats_ep(const hg_space *s, const hg_deployment *d, int at)
{
    for (int i = 0; i < at; i++)
        if ((s->ep.v[i] ? s->ep.v[i] : d->tp * d->dp) == d->ep)
            return true;
    return false;
}

static void add_limits(const hg_space *s, list *l, hg_deployment d)
{
    for (int q = 0; q < s->precision.n; q++)
        for (int k = 0; k < s->kv_dtype.n; k++)
            for (int b = 0; b < s->max_num_batched_tokens.n; b++)
                for (int n = 0; n < s->max_num_seqs.n; n++) {
                    d.precision_is_checkpoints = s->precision.v[q] < 0;
                    if (!d.precision_is_checkpoints)
                        d.precision = (hg_dtype)s->precision.v[q];
                    d.kv_is_auto = s->kv_dtype.v[k] < 0;
                    d.kv_dtype = d.kv_is_auto ? s->base.kv_dtype : (hg_dtype)s->kv_dtype.v[k];
                    d.max_num_batched_tokens = s->max_num_batched_tokens.v[b];
                    d.max_num_seqs = s->max_num_seqs.v[n];
                    *HG_PUSH(l->arena, l->items, l->count, l->capacity) = d;
                }
}

/* One shape for each number of tokens proposed. */
static void add_drafts(const hg_space *s, list *l, hg_deployment d)
{
    for (int i = 0; i < s->drafts.n; i++) {
        d.draft_tokens = (double)s->drafts.v[i];
        d.accepted_tokens = s->accepted[i];
        add_limits(s, l, d);
    }
    if (s->drafts.n == 0)
        add_limits(s, l, d);
}

hg_deployment *hg_space_list(hg_arena *arena, const hg_space *s, size_t *count)
{
    list l = { .arena = arena };
    for (int t = 0; t < s->tp.n; t++)
        for (int p = 0; p < s->pp.n; p++)
            for (int a = 0; a < s->dp.n; a++)
                for (int r = 0; r < s->replicas.n; r++)
                    for (int e = 0; e < s->ep.n; e++) {
                        hg_deployment d = s->base;
                        d.tp = s->tp.v[t];
                        d.pp = s->pp.v[p];
                        d.dp = s->dp.v[a];
                        if (shape(s, &d, s->replicas.v[r], s->ep.v[e]) && !repeats_ep(s, &d, e))
                            add_drafts(s, &l, d);
                    }
    *count = l.count;
    return l.items;
}

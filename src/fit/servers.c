#include "fit/servers.h"

#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Such runs say more of the KV pool and of how long they ran than of the server's speed. */
static const double OVERLOADED_S = 30;

static void add_shape(hg_buf *b, const hg_candidate *c)
{
    const hg_deployment *d = &c->deployment;
    hg_buf_printf(b, "|%" PRId64 "x tp%" PRId64 " pp%" PRId64 " dp%" PRId64 " ep%" PRId64, d->replicas, d->tp, d->pp, d->dp, d->ep);
}

const char *hg_server_key(hg_arena *arena, const hg_serving_case *c)
{
    if (*c->reason)
        return "";
    const hg_problem *p = c->problem;
    const hg_precision *of = &c->candidate.model.precision;
    hg_buf b = { .arena = arena };
    hg_buf_printf(&b, "%s|%s|%s|%s %s", p->model.name, p->rates.device.name, p->engine.name, hg_dtype_table[of->mlp].name,
                  hg_dtype_table[of->experts].name);
    add_shape(&b, &c->candidate);
    if (c->disaggregated)
        add_shape(&b, &c->prefill);
    return b.s;
}

bool hg_same_version(const char *a, const char *b)
{
    return !*a || !*b || strcmp(a, b) == 0;
}

hg_miss_run hg_miss_run_of(const hg_serving_row *row, const hg_serving_sample *sample, const hg_serving_figures *base)
{
    hg_miss_run r = { log((double)row->concurrency), log((double)row->isl), log((double)row->osl), { NAN, NAN }, 0 };
    if (sample->ttft_s > OVERLOADED_S)
        return r;
    if (sample->ttft_s > 0 && base->ttft_s > 0)
        r.miss[HG_MISS_TTFT] = log(sample->ttft_s / base->ttft_s);
    if (sample->tpot_s > 0 && base->tpot_s > 0)
        r.miss[HG_MISS_TPOT] = log(sample->tpot_s / base->tpot_s);
    return r;
}

static hg_miss_server *server_for(hg_arena *arena, hg_miss_server *all, size_t *count, const char *key)
{
    for (size_t i = 0; i < *count; i++)
        if (strcmp(all[i].key, key) == 0)
            return &all[i];
    all[*count] = (hg_miss_server){ .key = hg_strdup(arena, key) };
    return &all[(*count)++];
}

hg_miss_server *hg_servers_of(hg_arena *arena, const hg_serving_table *t, const hg_serving_figures *base, size_t *count)
{
    hg_miss_server *all = HG_NEW(arena, hg_miss_server, t->count + 1);
    *count = 0;
    for (size_t i = 0; i < t->count; i++) {
        const char *key = hg_server_key(arena, &t->samples[i].of);
        if (!*key)
            continue;
        hg_miss_server *s = server_for(arena, all, count, hg_textf(arena, "%s|%s", key, t->rows[i].version));
        *HG_PUSH(arena, s->runs, s->count, s->capacity) = hg_miss_run_of(&t->rows[i], &t->samples[i], &base[i]);
        s->runs[s->count - 1].row = i;
    }
    return all;
}

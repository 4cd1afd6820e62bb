#include "api/serving_judged.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double OVERLOADED_S = 30, HALF = 0.5;

static const char *lengths_of(hg_arena *arena, const hg_serving_row *r)
{
    return hg_textf(arena, "%s %s %s %" PRId64 "/%" PRId64 " %s", r->device, r->model, r->engine, r->isl, r->osl,
                    r->disaggregated ? "disagg" : "agg");
}

static int64_t devices_of(const hg_serving_case *c)
{
    int64_t prefill = c->disaggregated ? hg_deployment_devices(&c->prefill.deployment) : 0;
    int64_t main = hg_deployment_devices(&c->candidate.deployment);
    return main > 0 && (prefill > 0 || !c->disaggregated) ? main + prefill : 0;
}

static bool can_be_judged(const hg_serving_row *r, const hg_serving_sample *s)
{
    return s->ttft_s > 0 && s->tpot_s > 0 && !(s->ttft_s > OVERLOADED_S) && r->osl > 0 && r->concurrency > 0 && devices_of(&s->of) > 0;
}

static hg_pick_row pick_row(hg_arena *arena, const hg_serving_row *r, const hg_serving_sample *s, const hg_serving_figures *f)
{
    const char *lengths = lengths_of(arena, r);
    return (hg_pick_row){ .peers = hg_textf(arena, "%s %" PRId64, lengths, r->concurrency),
                          .configuration = hg_serving_configuration(*arena, r, true),
                          .group = hg_textf(arena, "%s %s", lengths, *r->precision ? r->precision : "-"),
                          .concurrency = (double)r->concurrency, .osl = (double)r->osl, .devices = (double)devices_of(&s->of),
                          .ttft_s = s->ttft_s, .tpot_s = s->tpot_s, .predicted_ttft_s = f->ttft_s, .predicted_tpot_s = f->tpot_s,
                          .margin = 1 };
}

/* Are all rows of the group answered by `figures`? */
static bool is_whole_group(const hg_judged *d, size_t row, const hg_serving_figures *figures)
{
    for (size_t i = 0; i < d->count; i++)
        if (strcmp(d->rows[i].group, d->rows[row].group) == 0 && !isfinite(figures[d->of[i]].tpot_s))
            return false;
    return true;
}

static void find_picks(hg_arena *arena, hg_judged *d)
{
    for (int rule = 0; rule < 2; rule++)
        d->pick_count = hg_picks(arena, d->rows, d->count, (hg_pick_rule)rule, &d->picks[rule]);
}

/* Chances are of misses to either side alike: to which of them a version's other configurations lay says little of this one's. */
hg_judged hg_judge(hg_ask *a, const hg_serving_table *t, const hg_serving_predicted *p, const char *by)
{
    hg_judged d = { .rows = HG_NEW(a->arena, hg_pick_row, t->count), .of = HG_NEW(a->arena, size_t, t->count),
                 .keys = HG_NEW(a->arena, const char *, t->count) };
    for (size_t i = 0; i < t->count; i++) {
        if (!can_be_judged(&t->rows[i], &t->samples[i]))
            continue;
        hg_pick_row *r = &d.rows[d.count];
        *r = pick_row(a->arena, &t->rows[i], &t->samples[i], &p->figures[i]);
        r->misses.sd = p->misses[i].sd;
        r->margin = a->s.confidence.given ? hg_slower_by(p->misses[i], a->s.confidence.v) : 1;
        d.keys[d.count] = hg_serving_key(a->arena, t, i, by);
        d.of[d.count++] = i;
    }
    find_picks(a->arena, &d);
    return d;
}

hg_judged hg_judge_within(hg_arena *arena, const hg_judged *all, const hg_serving_figures *planned, const hg_serving_figures *instead)
{
    hg_judged d = { .rows = HG_NEW(arena, hg_pick_row, all->count), .of = HG_NEW(arena, size_t, all->count),
                 .keys = HG_NEW(arena, const char *, all->count) };
    for (size_t i = 0; i < all->count; i++) {
        if (!is_whole_group(all, i, planned))
            continue;
        d.rows[d.count] = all->rows[i];
        d.keys[d.count] = all->keys[i];
        d.of[d.count] = all->of[i];
        hg_pick_row *r = &d.rows[d.count++];
        if (!instead)
            continue;
        r->predicted_ttft_s = instead[all->of[i]].ttft_s;
        r->predicted_tpot_s = instead[all->of[i]].tpot_s;
    }
    find_picks(arena, &d);
    return d;
}

static hg_judged_group judge_group(hg_arena scratch, const hg_judged *d, const char *key)
{
    hg_pick_row *rows = HG_NEW(&scratch, hg_pick_row, d->count);
    size_t n = 0;
    for (size_t i = 0; i < d->count; i++)
        if (!key || strcmp(d->keys[i], key) == 0)
            rows[n++] = d->rows[i];
    hg_judged_group g = { key, hg_rank(scratch, rows, n), { { 0 } } };
    for (int rule = 0; rule < 2; rule++) {
        hg_pick *picks = HG_NEW(&scratch, hg_pick, d->pick_count);
        n = 0;
        for (size_t i = 0; i < d->pick_count; i++)
            if (!key || strcmp(d->keys[d->picks[rule][i].best], key) == 0)
                picks[n++] = d->picks[rule][i];
        g.picking[rule] = hg_picking_of(picks, n);
    }
    return g;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

hg_judged_group *hg_judge_groups(hg_arena *arena, const hg_judged *d, size_t *count)
{
    const char **keys = HG_NEW(arena, const char *, d->count + 1);
    hg_judged_group *groups = HG_NEW(arena, hg_judged_group, d->count + 1);
    *count = 0;
    if (d->count)
        memcpy(keys, d->keys, d->count * sizeof *keys);
    qsort(keys, d->count, sizeof *keys, by_text);
    for (size_t i = 0; i < d->count; i++) {
        if (i > 0 && strcmp(keys[i], keys[i - 1]) == 0)
            continue;
        hg_judged_group g = judge_group(*arena, d, keys[i]);
        if (g.ranking.pairs || g.picking[0].cases)
            groups[(*count)++] = g;
    }
    groups[(*count)++] = judge_group(*arena, d, NULL);
    return groups;
}

static int by_score(const void *a, const void *b)
{
    const hg_pick *x = *(const hg_pick *const *)a, *y = *(const hg_pick *const *)b;
    return x->score != y->score ? (x->score > y->score) - (x->score < y->score) : (x > y) - (x < y);
}

const hg_pick **hg_judged_losers(hg_arena *arena, const hg_judged *d, size_t *count)
{
    const hg_pick **out = HG_NEW(arena, const hg_pick *, d->pick_count);
    *count = 0;
    for (size_t i = 0; i < d->pick_count; i++)
        if (d->picks[HG_PICK_PREDICTED][i].score < HALF)
            out[(*count)++] = &d->picks[HG_PICK_PREDICTED][i];
    qsort(out, *count, sizeof *out, by_score);
    return out;
}

static double percent(double predicted, double measured)
{
    return 100 * (predicted / measured - 1);
}

/* Which of a request's two times is further off, in seconds, and by how much. */
static const char *time_off(hg_arena *arena, const hg_pick_row *r)
{
    double first = fabs(r->predicted_ttft_s - r->ttft_s), rest = (r->osl - 1) * fabs(r->predicted_tpot_s - r->tpot_s);
    return first > rest ? hg_textf(arena, "its TTFT by %+.0f %%", percent(r->predicted_ttft_s, r->ttft_s))
                        : hg_textf(arena, "its TPOT by %+.0f %%", percent(r->predicted_tpot_s, r->tpot_s));
}

const char *hg_judged_reason(hg_arena *arena, const hg_judged *d, const hg_pick *p)
{
    const hg_pick_row *best = &d->rows[p->best], *picked = p->picked == hg_pick_no_row ? NULL : &d->rows[p->picked];
    double off = percent(best->predicted_tpot_s, best->tpot_s);
    switch (p->cause) {
    case HG_PICK_NONE:
        return isfinite(off) ? hg_textf(arena, "nothing is predicted to keep the limit: the best's TPOT is off by %+.0f %%", off)
                             : "nothing is predicted to keep the limit: the best is not answered";
    case HG_PICK_BREAKS:
        return hg_textf(arena, "what was picked breaks the limit: its TPOT is off by %+.0f %%", percent(picked->predicted_tpot_s, picked->tpot_s));
    case HG_PICK_SHUT_OUT:
        return isfinite(off) ? hg_textf(arena, "the best is predicted to break the limit: its TPOT is off by %+.0f %%", off)
                             : "the best is not answered";
    case HG_PICK_OVERRATED: return hg_textf(arena, "what was picked is predicted too fast: %s", time_off(arena, picked));
    case HG_PICK_UNDERRATED: return hg_textf(arena, "the best is predicted too slow: %s", time_off(arena, best));
    case HG_PICK_BEST: break;
    }
    return "";
}

static const char *pool_text(hg_arena *arena, const hg_deployment *d)
{
    return hg_textf(arena, "%" PRId64 "xtp%" PRId64 "pp%" PRId64 "dp%" PRId64 "ep%" PRId64, d->replicas, d->tp, d->pp, d->dp, d->ep);
}

const char *hg_judged_shape(hg_arena *arena, const hg_serving_case *c)
{
    const char *main = pool_text(arena, &c->candidate.deployment);
    return c->disaggregated ? hg_textf(arena, "%s + %s", pool_text(arena, &c->prefill.deployment), main) : main;
}

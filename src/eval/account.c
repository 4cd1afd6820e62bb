#include "eval/account.h"

#include <stdlib.h>
#include <string.h>

typedef struct ledger {
    const hg_step *step;
    hg_account *out;
} ledger;

static hg_part *part_of(hg_account *a, const hg_step_item *it)
{
    for (int i = 0; i < a->count; i++)
        if (strcmp(a->parts[i].name, it->name) == 0)
            return &a->parts[i];
    hg_part *p = &a->parts[a->count++];
    *p = (hg_part){ .name = it->name, .host = it->role >= HG_HOST };
    return p;
}

static double step_and_note(void *ctx, const hg_batch *batch)
{
    ledger *l = ctx;
    hg_step_batch b = hg_step_batch_of(batch);
    double total = 0;
    for (int i = 0; i < l->step->count; i++) {
        hg_work work;
        hg_time t = hg_step_item_time(l->step, i, &b, &work);
        hg_part *p = part_of(l->out, &l->step->items[i]);
        p->seconds += t.seconds;
        p->bound_s[t.bound] += t.seconds;
        if (!p->host && t.seconds > 0 && (!p->origin_text || t.origin > p->origin)) {
            p->origin = t.origin;
            p->origin_text = hg_rate_origin_text(&l->step->items[i].rate, t.origin);
        }
        total += t.seconds;
    }
    if (b.chunks == 0)
        l->out->decode_only_s += total;
    return total;
}

static int by_seconds(const void *a, const void *b)
{
    const hg_part *x = a, *y = b;
    return x->seconds != y->seconds ? x->seconds < y->seconds ? 1 : -1 : strcmp(x->name, y->name);
}

static const char *worst_origin(const hg_account *a, double busy_s)
{
    hg_origin worst = HG_FITTED;
    const char *text = hg_origin_names[HG_FITTED];
    for (int i = 0; i < a->count; i++) {
        double carried = 0;
        for (int k = 0; k < a->count; k++)
            if (a->parts[k].origin >= a->parts[i].origin)
                carried += a->parts[k].seconds;
        if (a->parts[i].origin_text && a->parts[i].origin > worst && carried >= 0.05 * busy_s) {
            worst = a->parts[i].origin;
            text = a->parts[i].origin_text;
        }
    }
    return text;
}

const char *hg_step_origin(const hg_step *step, const hg_batch *batch)
{
    hg_account a = { 0 };
    ledger l = { .step = step, .out = &a };
    return worst_origin(&a, step_and_note(&l, batch));
}

void hg_evaluate_account(hg_arena *arena, const hg_problem *p, const hg_candidate *c, const hg_run *run,
                         hg_account *out)
{
    *out = (hg_account){ 0 };
    ledger l = { .step = &c->step, .out = out };
    hg_run stepwise = *run;
    stepwise.stepwise = true;
    hg_evaluate_with(arena, p, c, &stepwise, (hg_oracle){ step_and_note, &l }, &out->metrics);
    for (int i = 0; i < out->count; i++)
        out->busy_s += out->parts[i].seconds;
    double engines = (double)(c->deployment.replicas * c->deployment.dp);
    double elapsed = engines * out->metrics.sim.duration_s;
    out->idle_s = elapsed > out->metrics.sim.busy_s ? elapsed - out->metrics.sim.busy_s : 0;
    qsort(out->parts, (size_t)out->count, sizeof *out->parts, by_seconds);
    out->origin = worst_origin(out, out->busy_s);
}

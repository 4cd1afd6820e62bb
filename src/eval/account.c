#include "eval/account.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct ledger {
    const hg_step *step;
    hg_account *out;
    double least_s[HG_STEP_ITEMS]; /* the roofline of one token (emit, decode) in the largest step; 0: not cut so */
    hg_step_oracle oracle;
    size_t every, asked[HG_PHASES]; /* of the steps of a phase one in so many is looked into */
    double busy_s;                 /* of all steps */
} ledger;

/* Work for a matrix is shared by the tokens of a step; attention is each sequence's own. */
static bool is_shared(hg_role role)
{
    return role < HG_PREFILL_ATTENTION && role != HG_PER_PROMPT_KEY;
}

static double roof_of(const hg_step_item *it, const hg_work *work)
{
    return hg_roofline(work, it->rate.device).seconds;
}

static void take_largest(ledger *l, const hg_deployment *d)
{
    double seqs = (double)d->max_num_seqs, tokens = (double)d->max_num_batched_tokens;
    hg_step_batch b = { .chunks = 1, .chunk_tokens = tokens - seqs, .decodes = seqs, .decode_context = seqs,
                        .emits = seqs };
    for (int i = 0; i < l->step->count; i++) {
        const hg_step_item *it = &l->step->items[i];
        double amount = is_shared(it->role) ? hg_step_item_amount(l->step, i, &b) : 0;
        hg_work work;
        if (amount <= 0)
            continue;
        hg_step_item_time(l->step, i, &b, &work);
        l->least_s[i] = roof_of(it, &work) / amount;
    }
}

static void take_roof(const ledger *l, int item, const hg_step_batch *b, const hg_time *t, const hg_work *work, double weight,
                      hg_part *p)
{
    const hg_step_item *it = &l->step->items[item];
    p->moves |= work->link_bytes > 0 || work->link_hops > 0;
    if (p->host || p->moves || t->seconds <= 0)
        return;
    double roof_s = fmin(roof_of(it, work), t->seconds);
    double ideal_s = l->least_s[item] * hg_step_item_amount(l->step, item, b);
    p->roof_s += weight * roof_s;
    p->ideal_s += weight * (ideal_s > 0 ? fmin(ideal_s, roof_s) : roof_s);
}

static hg_part *part_of(hg_account *a, const hg_step_item *it)
{
    for (int i = 0; i < a->count; i++)
        if (strcmp(a->parts[i].name, it->name) == 0)
            return &a->parts[i];
    hg_part *p = &a->parts[a->count++];
    *p = (hg_part){ .name = it->name, .host = it->role >= HG_HOST, .launch = it->role == HG_LAUNCH };
    return p;
}

static void note(ledger *l, const hg_step_batch *b, hg_phase phase, double weight)
{
    for (int i = 0; i < l->step->count; i++) {
        hg_work work;
        hg_time t = hg_step_item_time(l->step, i, b, &work);
        hg_part *p = part_of(l->out, &l->step->items[i]);
        double seconds = weight * t.seconds;
        p->seconds += seconds;
        p->lo_s += p->host ? seconds : weight * t.lo_s;
        p->hi_s += p->host ? seconds : weight * t.hi_s;
        p->token_s += seconds * b->decodes;
        p->bound_s[t.bound] += seconds;
        p->phase_s[phase] += seconds;
        p->phase_bound_s[phase][t.bound] += seconds;
        take_roof(l, i, b, &t, &work, weight, p);
        if (!p->host && t.seconds > 0 && (!p->origin_text || t.origin > p->origin)) {
            p->origin = t.origin;
            p->origin_text = hg_rate_origin_text(&l->step->items[i].rate, t.origin);
        }
    }
}

static double step_and_note(void *ctx, const hg_batch *batch)
{
    ledger *l = ctx;
    hg_step_batch b = hg_step_batch_of(batch);
    hg_phase phase = b.chunks > 0 ? HG_WITH_PROMPTS : HG_DECODES_ONLY;
    double seconds = hg_step_oracle_seconds(&l->oracle, batch);
    if (l->asked[phase]++ % l->every == 0)
        note(l, &b, phase, (double)l->every);
    l->busy_s += seconds;
    l->out->decoded += b.decodes;
    l->out->steps++;
    l->out->prompt_tokens += b.chunk_tokens;
    if (b.chunks == 0)
        l->out->decode_only_s += seconds;
    return seconds;
}

static void scale(hg_part *p, double by)
{
    double *all[] = { &p->seconds, &p->roof_s, &p->ideal_s, &p->lo_s, &p->hi_s, &p->token_s };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        *all[i] *= by;
    for (int c = 0; c < HG_COMPONENTS; c++) {
        p->bound_s[c] *= by;
        for (int f = 0; f < HG_PHASES; f++)
            p->phase_bound_s[f][c] *= by;
    }
    for (int f = 0; f < HG_PHASES; f++)
        p->phase_s[f] *= by;
}

/* Of steps that were not looked into the parts are as of those that were; their sum is of all. */
static void complete(const ledger *l, hg_account *out)
{
    double noted_s = 0;
    for (int i = 0; i < out->count; i++)
        noted_s += out->parts[i].seconds;
    for (int i = 0; i < out->count && noted_s > 0; i++)
        scale(&out->parts[i], l->busy_s / noted_s);
    out->busy_s = l->busy_s;
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
    hg_step_batch b = hg_step_batch_of(batch);
    double busy_s = 0;
    note(&l, &b, b.chunks > 0 ? HG_WITH_PROMPTS : HG_DECODES_ONLY, 1);
    for (int i = 0; i < a.count; i++)
        busy_s += a.parts[i].seconds;
    return worst_origin(&a, busy_s);
}

static void close_account(const ledger *l, const hg_candidate *c, const hg_metrics *m, bool pooled, hg_account *out)
{
    complete(l, out);
    double engines = (double)(c->deployment.replicas * c->deployment.dp), stages = (double)c->deployment.pp;
    double elapsed = engines * m->sim.duration_s;
    /* The simulator's busy time is of both pools. */
    double busy_s = pooled ? fmin(elapsed, out->busy_s / stages) : m->sim.busy_s;
    out->idle_s = stages * fmax(0, elapsed - busy_s);
    out->bubble_s = fmax(0, stages * busy_s - out->busy_s);
    qsort(out->parts, (size_t)out->count, sizeof *out->parts, by_seconds);
    out->origin = worst_origin(out, out->busy_s);
}

static ledger ledger_of(hg_arena *arena, const hg_problem *p, const hg_candidate *c, const hg_run *run, hg_account *out)
{
    ledger l = { .step = &c->step, .out = out, .every = run->note_every > 1 ? run->note_every : 1,
                 .oracle = hg_step_oracle_new(arena, &c->step, &c->deployment, c->memo) };
    l.oracle.slower = p->slower;
    take_largest(&l, &c->deployment);
    return l;
}

void hg_evaluate_accounts(hg_arena *arena, const hg_problem *p, const hg_candidate *c, const hg_run *run,
                          hg_account *out, hg_account *prefill)
{
    *out = *prefill = (hg_account){ 0 };
    ledger l = ledger_of(arena, p, c, run, out), first = { .out = prefill };
    if (c->prefill)
        first = ledger_of(arena, p, c->prefill, run, prefill);
    hg_run stepwise = *run;
    stepwise.stepwise = true;
    hg_evaluate_pools(arena, p, c, &stepwise, (hg_oracle){ step_and_note, &l }, &(hg_oracle){ step_and_note, &first },
                      &out->metrics);
    prefill->metrics = out->metrics;
    close_account(&l, c, &out->metrics, c->prefill != NULL, out);
    if (c->prefill)
        close_account(&first, c->prefill, &out->metrics, true, prefill);
}

void hg_evaluate_account(hg_arena *arena, const hg_problem *p, const hg_candidate *c, const hg_run *run,
                         hg_account *out)
{
    hg_account *prefill = HG_NEW(arena, hg_account, 1); /* plays no part */
    hg_evaluate_accounts(arena, p, c, run, out, prefill);
}

double hg_account_busy(const hg_account *a)
{
    double all = a->busy_s + a->bubble_s + a->idle_s;
    return all > 0 ? (a->busy_s + a->bubble_s) / all : 0;
}

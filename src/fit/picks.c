#include "fit/picks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Measured times that differ by less are the same: repeated runs do. */
static const double ALIKE = 1.05;

/* A limit is kept that is broken by less. */
static const double TOLERATED = 1.05;

/* The score below which a pick is a loss. */
static const double HALF = 0.5;

enum { LEAST_ROWS = 4 };

const double hg_pick_limits_s[] = { 0.010, 0.015, 0.020, 0.030, 0.050, 0.100 };
const size_t hg_pick_limit_count = sizeof hg_pick_limits_s / sizeof *hg_pick_limits_s;
const size_t hg_pick_no_row = (size_t)-1;

typedef struct entry {
    const char *key;
    size_t row;
} entry;

static int by_key_then_row(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    int keys = strcmp(x->key, y->key);
    return keys ? keys : (x->row > y->row) - (x->row < y->row);
}

static entry *sorted(hg_arena *arena, const hg_pick_row *rows, size_t n, bool peers)
{
    entry *e = HG_NEW(arena, entry, n);
    for (size_t i = 0; i < n; i++)
        e[i] = (entry){ peers ? rows[i].peers : rows[i].group, i };
    qsort(e, n, sizeof *e, by_key_then_row);
    return e;
}

static size_t run_length(const entry *e, size_t n)
{
    size_t k = 1;
    while (k < n && strcmp(e[k].key, e[0].key) == 0)
        k++;
    return k;
}

static bool is_pair(const hg_pick_row *a, const hg_pick_row *b)
{
    return a->configuration != b->configuration && isfinite(a->predicted_tpot_s) && isfinite(b->predicted_tpot_s) &&
           fmax(a->tpot_s, b->tpot_s) > ALIKE * fmin(a->tpot_s, b->tpot_s);
}

static void rank_pair(const hg_pick_row *a, const hg_pick_row *b, hg_ranking *r)
{
    if (!is_pair(a, b))
        return;
    double same_way = (a->tpot_s - b->tpot_s) * (a->predicted_tpot_s - b->predicted_tpot_s);
    r->pairs++;
    r->concordant += same_way > 0;
    r->discordant += same_way < 0;
}

hg_ranking hg_rank(hg_arena scratch, const hg_pick_row *rows, size_t n)
{
    hg_ranking r = { 0 };
    const entry *e = sorted(&scratch, rows, n, true);
    for (size_t at = 0, length; at < n; at += length) {
        length = run_length(e + at, n - at);
        for (size_t i = at; i < at + length; i++)
            for (size_t j = at; j < i; j++)
                rank_pair(&rows[e[i].row], &rows[e[j].row], &r);
    }
    r.tau = r.pairs ? ((double)r.concordant - (double)r.discordant) / (double)r.pairs : NAN;
    return r;
}

double hg_pick_throughput(const hg_pick_row *r, double ttft_s, double tpot_s)
{
    return r->concurrency * r->osl / (ttft_s + (r->osl - 1) * tpot_s) / r->devices;
}

static double measured(const hg_pick_row *r)
{
    return hg_pick_throughput(r, r->ttft_s, r->tpot_s);
}

static double predicted(const hg_pick_row *r)
{
    return hg_pick_throughput(r, r->predicted_ttft_s, r->predicted_tpot_s);
}

/* Is NAN, then: no. */
static bool is_allowed(const hg_pick_row *r, double limit_s)
{
    return r->predicted_tpot_s * r->margin <= limit_s && isfinite(r->predicted_ttft_s);
}

/* How far off a throughput is, either way. */
static double off(const hg_pick_row *r)
{
    return fabs(log(predicted(r) / measured(r)));
}

static hg_pick_cause cause_of(const hg_pick_row *rows, const hg_pick *p)
{
    if (p->picked == hg_pick_no_row)
        return HG_PICK_NONE;
    const hg_pick_row *picked = &rows[p->picked], *best = &rows[p->best];
    return p->score >= 1                                 ? HG_PICK_BEST
           : picked->tpot_s > TOLERATED * p->limit_s     ? HG_PICK_BREAKS
           : !is_allowed(best, p->limit_s)               ? HG_PICK_SHUT_OUT
           : off(picked) > off(best)                     ? HG_PICK_OVERRATED
                                                         : HG_PICK_UNDERRATED;
}

/* What a row is worth under a limit as the rule sees it; NAN: nothing. */
static double predicted_worth(const hg_pick_row *r, double limit_s, hg_pick_rule rule)
{
    if (rule == HG_PICK_PREDICTED)
        return is_allowed(r, limit_s) ? predicted(r) : NAN;
    return predicted(r) * hg_chance_within(r->misses, limit_s / r->predicted_tpot_s);
}

static double measured_worth(const hg_pick_row *r, double limit_s)
{
    return r->tpot_s <= limit_s ? measured(r) : NAN;
}

/* The first of equals; hg_pick_no_row: nothing is worth anything. */
static size_t most(const double *worth, size_t n)
{
    size_t best = hg_pick_no_row;
    for (size_t i = 0; i < n; i++)
        if (worth[i] > 0 && (best == hg_pick_no_row || worth[i] > worth[best]))
            best = i;
    return best;
}

static size_t row_of(const entry *e, size_t at)
{
    return at == hg_pick_no_row ? at : e[at].row;
}

static bool pick(hg_arena scratch, const hg_pick_row *rows, const entry *e, size_t n, double limit_s, hg_pick_rule rule, hg_pick *out)
{
    double *predicts = HG_NEW(&scratch, double, n), *measures = HG_NEW(&scratch, double, n);
    for (size_t i = 0; i < n; i++) {
        predicts[i] = predicted_worth(&rows[e[i].row], limit_s, rule);
        measures[i] = measured_worth(&rows[e[i].row], limit_s);
    }
    *out = (hg_pick){ .limit_s = limit_s, .picked = row_of(e, most(predicts, n)), .best = row_of(e, most(measures, n)) };
    if (out->best == hg_pick_no_row)
        return false;
    if (out->picked != hg_pick_no_row && rows[out->picked].tpot_s <= TOLERATED * limit_s)
        out->score = measured(&rows[out->picked]) / measured(&rows[out->best]);
    out->cause = cause_of(rows, out);
    return true;
}

size_t hg_picks(hg_arena *arena, const hg_pick_row *rows, size_t n, hg_pick_rule rule, hg_pick **out)
{
    size_t count = 0;
    *out = HG_NEW(arena, hg_pick, (n / LEAST_ROWS + 1) * hg_pick_limit_count);
    const entry *e = sorted(arena, rows, n, false);
    for (size_t at = 0, length; at < n; at += length) {
        length = run_length(e + at, n - at);
        for (size_t k = 0; length >= LEAST_ROWS && k < hg_pick_limit_count; k++)
            count += pick(*arena, rows, e + at, length, hg_pick_limits_s[k], rule, *out + count);
    }
    return count;
}

hg_picking hg_picking_of(const hg_pick *picks, size_t n)
{
    size_t halves = 0;
    double sum = 0, capped = 0;
    for (size_t i = 0; i < n; i++) {
        sum += picks[i].score;
        capped += fmin(1, picks[i].score);
        halves += picks[i].score >= HALF;
    }
    if (n == 0)
        return (hg_picking){ 0, NAN, NAN, NAN };
    return (hg_picking){ n, sum / (double)n, (double)halves / (double)n, capped / (double)n };
}

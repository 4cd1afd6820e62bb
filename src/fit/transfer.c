#include "fit/transfer.h"

#include "base/file.h"
#include "base/num.h"
#include "base/stat.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

/* What to take off the shelf so that a rung must answer for a table. */
static hg_left_out left_out_for(hg_rung rung, const hg_table_group *g, const hg_device *d)
{
    switch (rung) {
    case HG_RUNG_LABELS: return (hg_left_out){ .labels = true };
    case HG_RUNG_VERSION: return (hg_left_out){ .device = d->name, .engine = g->engine, .version = g->version };
    case HG_RUNG_ENGINE: return (hg_left_out){ .device = d->name, .engine = g->engine };
    case HG_RUNG_SIBLING: return (hg_left_out){ .device = d->name };
    default: return (hg_left_out){ .architecture = d->architecture };
    }
}

enum { FEWEST_ROWS = 8 }; /* of a table, as calibration asks for */

/* The half returned is scratch beside what is kept in the other. */
static hg_arena cut(hg_arena *arena)
{
    char *middle = arena->at + (arena->end - arena->at) / 32 * 16;
    hg_arena rest = { .at = middle, .end = arena->end, .base = arena->base }; /* they share the mark of what was used */
    arena->end = middle;
    return rest;
}

static const hg_op *op_of(hg_arena *arena, const char *path)
{
    const char *file = hg_basename(path);
    return hg_op_find(hg_strndup(arena, file, strcspn(file, ".")));
}

static size_t step_of(const hg_table *t, size_t rows_most)
{
    return t->count > rows_most ? (t->count + rows_most - 1) / rows_most : 1;
}

static hg_held *new_held(hg_arena *arena, hg_ladder_account *account, const hg_held *like)
{
    hg_held *h = HG_PUSH(arena, account->held, account->held_count, account->held_capacity);
    *h = *like;
    return h;
}

/* A label that only shapes the call is part of the row, not of the key. */
static hg_rate rate_of(const hg_rates *r, const hg_table *t, int series)
{
    return r->left_out.labels ? hg_rates_pick(r, t->op, &t->labels[series])
                              : hg_rates_by_key(r, t->op, t->keys[series], &t->labels[series]);
}

static bool answers(const hg_rate *rate, hg_rung rung)
{
    return rung == HG_RUNG_LABELS ? rate->rung == HG_RUNG_OWN && !rate->exact : rate->rung == rung;
}

static void hold_table(hg_arena *arena, hg_arena scratch, const hg_rates *r, const hg_table *t,
                       size_t rows_most, const hg_held *like, hg_ladder_account *account)
{
    hg_held h = *like;
    hg_rate *rate = HG_NEW(&scratch, hg_rate, t->series_count);
    for (int k = 0; k < t->series_count; k++)
        rate[k] = rate_of(r, t, k);
    h.errors = HG_NEW(arena, double, t->count / step_of(t, rows_most) + 1);
    for (size_t i = 0; i < t->count; i += step_of(t, rows_most)) {
        const hg_row *row = &t->rows[i];
        const hg_rate *by = &rate[row->series];
        if (!answers(by, h.rung))
            continue;
        h.by = by->transferred ? by->transferred : hg_rung_names[h.rung];
        h.errors[h.n++] = hg_rate_seconds(by, &row->shape) / row->seconds - 1;
    }
    if (h.n)
        *new_held(arena, account, like) = h;
}

/* The dimension that a table spans widest, by ratio: tokens, a batch, a message. */
static int widest_dim(const hg_table *t)
{
    int widest = 0;
    double most = 0;
    for (int d = 0; d < hg_op_dim_count(t->op); d++) {
        double lo = INFINITY, hi = 0;
        for (size_t i = 0; i < t->count; i++) {
            double x = t->rows[i].shape.d[d];
            lo = x > 0 ? fmin(lo, x) : lo;
            hi = fmax(hi, x);
        }
        if (hi / lo > most) {
            most = hi / lo;
            widest = d;
        }
    }
    return widest;
}

/* What exceeds this part of the largest value of its series is kept back: two doublings. */
static const double BEYOND = 0.25;

/* The fit sees the smaller calls only; what is predicted are the larger ones outside its hull. */
static void hold_beyond(hg_arena *arena, hg_arena scratch, const hg_table *t, const hg_device *d,
                        size_t rows_most, const hg_held *like, hg_ladder_account *account)
{
    int dim = widest_dim(t);
    double *largest = HG_NEW(&scratch, double, t->series_count);
    for (size_t i = 0; i < t->count; i++)
        largest[t->rows[i].series] = fmax(largest[t->rows[i].series], t->rows[i].shape.d[dim]);
    hg_table small = *t;
    small.rows = HG_NEW(&scratch, hg_row, t->count);
    small.count = 0;
    for (size_t i = 0; i < t->count; i++)
        if (t->rows[i].shape.d[dim] <= BEYOND * largest[t->rows[i].series])
            small.rows[small.count++] = t->rows[i];
    if (small.count < FEWEST_ROWS)
        return;
    hg_arena model = scratch, rest = cut(&model);
    hg_surface s;
    hg_surface_fit(&model, rest, &small, d, -1, &s);
    hg_held h = *like;
    h.errors = HG_NEW(arena, double, t->count / step_of(t, rows_most) + 1);
    for (size_t i = 0; i < t->count; i += step_of(t, rows_most)) {
        const hg_row *row = &t->rows[i];
        if (row->shape.d[dim] <= BEYOND * largest[row->series] || s.series[row->series].rows == 0)
            continue;
        hg_call call = hg_surface_time(&s, row->series, &row->shape, d);
        if (!call.inside)
            h.errors[h.n++] = call.seconds / row->seconds - 1;
    }
    if (h.n)
        *new_held(arena, account, like) = h;
}

/* A component that binds in fewer rows says nothing; so many rows of a table say enough. */
enum { FEW_ROWS = 20, TYPICAL_ROWS = 500 };

/* Mean of |log(predicted ÷ measured)|: a factor too many counts as one too few. */
static double typical_loss(const hg_typical *y, const hg_table *t, const hg_device *d)
{
    double sum = 0;
    size_t step = step_of(t, TYPICAL_ROWS), n = 0;
    for (size_t i = 0; i < t->count; i += step, n++)
        sum += fabs(log(hg_typical_roof(y, t->op, &t->rows[i].shape, d).seconds / t->rows[i].seconds));
    return sum / (double)n;
}

/* Moves one number by a factor either way as long as the loss falls. */
static void descend(hg_typical *y, double *x, double factor, const hg_table *t, const hg_device *d)
{
    double least = typical_loss(y, t, d);
    for (int way = 0; way < 2; way++) {
        double by = way ? 1 / factor : factor;
        for (;;) {
            double before = *x;
            *x = fmin(*x * by, 1); /* no efficiency above 1, no launch of a second */
            double loss = typical_loss(y, t, d);
            if (loss >= least || *x < 1e-9) {
                *x = before;
                break;
            }
            least = loss;
        }
    }
}

/* Launch and efficiencies that come nearest to a table, by descent along one after the other, in steps
 * of a factor of 4 down to 2 %. */
static hg_reached reached_by(const hg_table *t, const hg_device *d)
{
    hg_reached r = { .op = t->op, .device = *d, .typical = { .launch_s = t->rows[0].seconds } };
    for (int c = 0; c < HG_COMPONENTS; c++)
        r.typical.efficiency[c] = 1;
    for (size_t i = 0; i < t->count; i++) {
        hg_work w = { 0 };
        t->op->count(&t->rows[i].shape, &w);
        r.rows[hg_roofline(&w, d).bound]++;
        r.typical.launch_s = fmin(r.typical.launch_s, t->rows[i].seconds);
    }
    for (double log_step = 2; log_step > 0.02; log_step /= 1.7)
        for (int c = -1; c < HG_COMPONENTS; c++) {
            double *x = c < 0 ? &r.typical.launch_s : &r.typical.efficiency[c];
            if (c < 0 || r.rows[c] >= FEW_ROWS)
                descend(&r.typical, x, exp2(log_step), t, d);
        }
    return r;
}

/* A difference of timings, clipped at 0, has no relative error to speak of. */
static bool is_judged(const hg_table *t)
{
    return t->count >= FEWEST_ROWS && !(t->op->zero_s > 0);
}

static bool hold_group(hg_arena *arena, hg_arena scratch, const hg_data *data, const hg_table_group *g,
                       size_t rows_most, hg_ladder_account *account, hg_err *err)
{
    static const hg_rung rungs[] = { HG_RUNG_LABELS, HG_RUNG_VERSION, HG_RUNG_ENGINE, HG_RUNG_SIBLING,
                                     HG_RUNG_CLASS };
    enum { HELD_RUNGS = sizeof rungs / sizeof *rungs };
    hg_rates *rates = HG_NEW(&scratch, hg_rates, HELD_RUNGS);
    hg_device d;
    if (!hg_device_find(arena, data, g->device, &d, err))
        return false;
    for (int i = 0; i < HELD_RUNGS; i++) {
        hg_left_out out = left_out_for(rungs[i], g, &d);
        const char *note;
        if (!hg_rates_open_without(&scratch, data, &d, g->engine, g->version, &out, &rates[i], &note, err))
            return false;
    }
    for (size_t p = 0; p < g->count; p++) {
        hg_arena work = scratch;
        hg_table t;
        const hg_op *op = op_of(&work, g->paths[p]);
        if (!hg_table_read(&work, op, g->paths[p], &t, err))
            return false;
        if (!is_judged(&t))
            continue;
        hg_held like = { .op = op, .group = g, .device = d, .rung = HG_RUNG_EXTRAPOLATED,
                         .by = hg_rung_names[HG_RUNG_EXTRAPOLATED] };
        hold_beyond(arena, work, &t, &d, rows_most, &like, account);
        for (int i = 0; i < HELD_RUNGS; i++) {
            like.rung = rungs[i];
            hold_table(arena, work, &rates[i], &t, rows_most, &like, account);
        }
        *HG_PUSH(arena, account->reached, account->reached_count, account->reached_capacity) =
            reached_by(&t, &d);
    }
    return true;
}

/* The account grows in one half of the arena while tables come and go in the other. */
bool hg_hold_group(hg_arena *arena, const hg_data *data, const hg_table_group *group, size_t rows_most,
                   hg_ladder_account *account, hg_err *err)
{
    hg_arena keep = *arena, scratch = cut(&keep);
    bool ok = hold_group(&keep, scratch, data, group, rows_most, account, err);
    arena->at = keep.at;
    return ok;
}

static bool in_class(const hg_reached *r, const char *architecture, const char *vendor, const char *but)
{
    return (!architecture || strcmp(r->device.architecture, architecture) == 0) &&
           (!vendor || strcmp(r->device.vendor, vendor) == 0) && (!but || strcmp(r->device.architecture, but) != 0);
}

/* -1: the launch.  NAN: nobody speaks of it. */
static double median_of(hg_arena scratch, const hg_ladder_account *a, const hg_op *op, const char *architecture,
                        const char *vendor, const char *but, int component)
{
    double *x = HG_NEW(&scratch, double, a->reached_count);
    size_t n = 0;
    for (size_t i = 0; i < a->reached_count; i++) {
        const hg_reached *r = &a->reached[i];
        if ((op && r->op != op) || !in_class(r, architecture, vendor, but))
            continue;
        if (component < 0)
            x[n++] = r->typical.launch_s;
        else if (r->rows[component] >= FEW_ROWS)
            x[n++] = r->typical.efficiency[component];
    }
    return n ? hg_quantile(x, n, 0.5) : NAN;
}

bool hg_typical_median(hg_arena scratch, const hg_ladder_account *account, const hg_op *op, const char *architecture,
                       const char *vendor, const char *but, hg_typical *out)
{
    out->launch_s = median_of(scratch, account, op, architecture, vendor, but, -1);
    if (isnan(out->launch_s))
        return false;
    for (int c = 0; c < HG_COMPONENTS; c++) {
        double x = median_of(scratch, account, op, architecture, vendor, but, c);
        x = isnan(x) ? median_of(scratch, account, op, NULL, vendor, but, c) : x;
        x = isnan(x) ? median_of(scratch, account, op, NULL, NULL, but, c) : x;
        x = isnan(x) ? median_of(scratch, account, NULL, NULL, NULL, but, c) : x;
        out->efficiency[c] = isnan(x) ? 1 : x;
    }
    return true;
}

static void hold_typical(hg_arena *arena, const hg_table *t, const hg_typical *typical, size_t rows_most,
                         const hg_held *like, hg_ladder_account *account)
{
    hg_held *h = new_held(arena, account, like);
    h->errors = HG_NEW(arena, double, t->count / step_of(t, rows_most) + 1);
    for (size_t i = 0; i < t->count; i += step_of(t, rows_most)) {
        const hg_row *row = &t->rows[i];
        double seconds = hg_typical_roof(typical, t->op, &row->shape, &like->device).seconds;
        h->errors[h->n++] = seconds / row->seconds - 1;
    }
}

bool hg_hold_roofline(hg_arena *arena, const hg_table_group *group, size_t rows_most, hg_ladder_account *account,
                      hg_err *err)
{
    const hg_device *d = NULL;
    for (size_t i = 0; i < account->reached_count && !d; i++)
        if (strcmp(account->reached[i].device.name, group->device) == 0)
            d = &account->reached[i].device;
    hg_arena keep = *arena, scratch = cut(&keep);
    for (size_t p = 0; d && p < group->count; p++) {
        hg_arena work = scratch;
        hg_table t;
        hg_typical y;
        const hg_op *op = op_of(&work, group->paths[p]);
        if (!hg_table_read(&work, op, group->paths[p], &t, err))
            return false;
        hg_held like = { .op = op, .group = group, .device = *d, .rung = HG_RUNG_ROOFLINE,
                         .by = hg_rung_names[HG_RUNG_ROOFLINE] };
        bool known = hg_typical_median(work, account, op, NULL, d->vendor, d->architecture, &y) ||
                     hg_typical_median(work, account, op, NULL, NULL, d->architecture, &y);
        if (known && is_judged(&t))
            hold_typical(&keep, &t, &y, rows_most, &like, account);
    }
    arena->at = keep.at;
    return true;
}

hg_held_stats hg_held_summary(hg_arena scratch, const hg_ladder_account *account,
                              bool (*wanted)(const hg_held *h, const void *ctx), const void *ctx)
{
    hg_held_stats s = { 0 };
    for (size_t i = 0; i < account->held_count; i++)
        if (wanted(&account->held[i], ctx)) {
            s.tables++;
            s.n += account->held[i].n;
        }
    double *e = HG_NEW(&scratch, double, s.n), *log_size = HG_NEW(&scratch, double, s.n);
    size_t n = 0;
    for (size_t i = 0; i < account->held_count; i++)
        for (size_t k = 0; wanted(&account->held[i], ctx) && k < account->held[i].n; k++)
            e[n++] = account->held[i].errors[k];
    for (size_t i = 0; i < n; i++)
        log_size[i] = fabs(log1p(e[i]));
    hg_error_stats all = hg_error_summary(scratch, e, n);
    s.mean = all.mean;
    s.median = all.median;
    s.p80 = all.p80;
    s.bias = all.bias;
    s.half_80 = n ? expm1(hg_quantile(log_size, n, 0.8)) : NAN;
    return s;
}

#include "probe/probe.h"

#include "probe/repeat.h"

#include <math.h>

const hg_backend *const hg_backends[] = {
#define BACKEND(name) &hg_backend_##name,
#include "probe/backends.def"
#undef BACKEND
};
const int hg_backend_count = sizeof hg_backends / sizeof *hg_backends;

/* A call may take this part of its grid's time in one visit, so that forty others find room. */
static const double MOST_OF_VISIT = 1.0 / 40, LEAST_MOST_S = 5e-3;
/* What a surface needs, and something to keep back; taken beyond the budget if need be. */
enum { LEAST_CALLS = 12 };
/* Below this many times the cache a call's bytes may come from there, and say nothing of memory. */
static const double BEYOND_CACHE = 4;

typedef struct run {
    hg_arena *arena;
    const hg_probe_wish *wish;
    hg_bench *bench;
    hg_probe *out;
    size_t capacity;
    double start_s, shares; /* of the grids still to come */
    double log_slowness; /* of this grid: a call's time over its roofline, logarithms added up … */
    int slow_calls;      /* … over so many */
} run;

void hg_bench_note(hg_bench *b, const char *note)
{
    if (b->notes + 1 < (int)(sizeof b->note / sizeof *b->note))
        b->note[b->notes++] = note;
}

static bool stopped(const run *r)
{
    return r->wish->stop && *r->wish->stop;
}

static void say_progress(const run *r, const hg_op *op)
{
    if (r->wish->progress)
        r->wish->progress(r->wish->ctx, fmin(1, (hg_now_s() - r->start_s) / r->wish->budget_s),
                          op->title);
}

/* No rate of a data sheet is known for certain here: the fastest call is the least the machine can.
 */
static void raise_rates(hg_device *d, const hg_probe_row *row)
{
    hg_work w = { 0 };
    row->call.op->count(&row->call.shape, &w);
    hg_dtype math = hg_dtype_table[w.tensor_dtype].math;
    double *tensor = &d->tensor_flops_per_s[math];
    *tensor = fmax(*tensor, w.tensor_flops / row->seconds);
    if (w.hbm_bytes > BEYOND_CACHE * d->l2_bytes)
        d->memory_bytes_per_s = fmax(d->memory_bytes_per_s, w.hbm_bytes / row->seconds);
    d->node_bytes_per_s = fmax(d->node_bytes_per_s, w.link_bytes / row->seconds);
}

static double roofline_s(const run *r, const hg_probe_call *c)
{
    hg_work w = { 0 };
    c->op->count(&c->shape, &w);
    return hg_roofline(&w, &r->bench->device).seconds;
}

/* A call is not begun that would be too long at the pace of those before it. */
static bool too_long(const run *r, const hg_probe_call *c, double most_s)
{
    double pace = r->slow_calls ? exp(r->log_slowness / r->slow_calls) : 1;
    return roofline_s(r, c) * pace > most_s;
}

static void learn_pace(run *r, const hg_probe_call *c, const hg_samples *s)
{
    if (s->warm_up_s <= 0)
        return;
    r->log_slowness += log(s->warm_up_s / roofline_s(r, c));
    r->slow_calls++;
}

/* The first visit takes calls until its time is up, the others come back to those. */
static bool time_calls(run *r, hg_probe_call *calls, hg_samples *samples, size_t n, double visit_s,
                       size_t *taken, hg_err *err)
{
    double end_s = hg_now_s() + visit_s, most_s = fmax(LEAST_MOST_S, visit_s * MOST_OF_VISIT);
    size_t i = 0;
    for (int timed = 0; i < n && (hg_now_s() < end_s || timed < LEAST_CALLS) && !stopped(r); i++) {
        samples[i].too_long =
            !r->bench->fits(r->bench->ctx, &calls[i]) || too_long(r, &calls[i], most_s);
        if (!samples[i].too_long && !hg_visit(r->bench, &calls[i], most_s, &samples[i], err))
            return false;
        learn_pace(r, &calls[i], &samples[i]);
        timed += samples[i].count > 0;
        say_progress(r, calls[i].op);
    }
    *taken = i;
    for (int visit = 1; visit < HG_VISITS; visit++)
        for (size_t k = 0; k < *taken && !stopped(r); k++) {
            if (!samples[k].too_long && !hg_visit(r->bench, &calls[k], most_s, &samples[k], err))
                return false;
            say_progress(r, calls[k].op);
        }
    return true;
}

static bool time_grid(run *r, const hg_grid *g, hg_err *err)
{
    size_t n, taken;
    hg_probe_call *calls = hg_grid_calls(r->arena, g, &n);
    hg_samples *samples = HG_NEW(r->arena, hg_samples, n);
    double left_s = fmax(0, r->wish->budget_s - (hg_now_s() - r->start_s));
    double visit_s = left_s * g->share / r->shares / HG_VISITS;
    r->shares -= g->share;
    r->log_slowness = r->slow_calls = 0;
    if (!time_calls(r, calls, samples, n, visit_s, &taken, err))
        return false;
    for (size_t i = 0; i < taken; i++) {
        r->out->left_out += samples[i].count == 0;
        if (samples[i].count == 0)
            continue;
        hg_probe_row *row = HG_PUSH(r->arena, r->out->rows, r->out->count, r->capacity);
        *row = (hg_probe_row){ .call = calls[i], .samples = samples[i].count };
        row->seconds = hg_samples_median(&samples[i], &row->spread_frac);
        r->out->disturbed += hg_samples_disturbed(&samples[i]);
        raise_rates(&r->bench->device, row);
    }
    return true;
}

/* A format without rows runs at the rate of the widest the machine has: it is widened. */
static void complete(hg_device *d)
{
    double *rate = d->tensor_flops_per_s;
    if (rate[HG_BF16] <= 0)
        rate[HG_BF16] = rate[HG_FP32];
    d->vector_flops_per_s = fmax(d->vector_flops_per_s, rate[HG_FP32]);
}

bool hg_probe_run(hg_arena *arena, const hg_backend *backend, const hg_probe_wish *wish,
                  hg_probe *out, hg_err *err)
{
    hg_bench *bench = HG_NEW(arena, hg_bench, 1);
    *out = (hg_probe){ 0 };
    if (!backend->open(arena, wish, bench, err))
        return false;
    run r = { arena, wish, bench, out, .start_s = hg_now_s() };
    for (int i = 0; i < bench->grids; i++)
        r.shares += bench->grid[i].share;
    bool ok = true;
    for (int i = 0; ok && i < bench->grids && !stopped(&r); i++)
        ok = time_grid(&r, &bench->grid[i], err);
    bench->close(bench->ctx);
    complete(&bench->device);
    out->device = bench->device;
    out->alias = bench->alias;
    out->source = bench->source;
    out->clock = bench->clock;
    out->notes = bench->note;
    out->seconds = hg_now_s() - r.start_s;
    return ok;
}

#include "eval/second.h"

#include "base/num.h"

#include <math.h>
#include <stdlib.h>

enum { STEPS_KEPT = 1 << 18, REQUESTS_LEAST = 200, REQUESTS_MOST = 20000 };

/* So many lives of a request before the second begins, and one after. */
static const double LIVES = 4, BEGINS = 0.7;

static size_t requests_for(const hg_run *run, const hg_problem *p, double e2e_s)
{
    if (run->load != HG_LOAD_RATE)
        return run->load == HG_LOAD_CLOSED ? (size_t)hg_max_i64(REQUESTS_LEAST, 4 * p->workload.concurrency) : 0;
    double n = run->rate_per_s * (LIVES * e2e_s + 2);
    return (size_t)fmin(fmax(n, REQUESTS_LEAST), REQUESTS_MOST);
}

static int by_start(const void *a, const void *b)
{
    const hg_step_record *x = a, *y = b;
    if (x->start_ns != y->start_ns)
        return x->start_ns < y->start_ns ? -1 : 1;
    return (x->replica > y->replica) - (x->replica < y->replica);
}

static void take_steps(hg_arena *arena, const hg_sim_result *r, hg_second *out)
{
    int64_t from_ns = (int64_t)(out->from_s * 1e9), to_ns = (int64_t)((out->from_s + out->length_s) * 1e9);
    hg_step_record *list = NULL;
    size_t capacity = 0;
    for (size_t i = 0; i < r->steps_logged; i++) {
        const hg_step_record *s = &r->steps_log[i];
        if (s->replica >= out->engines_shown || s->start_ns >= to_ns || s->start_ns + s->duration_ns <= from_ns)
            continue;
        *HG_PUSH(arena, list, out->count, capacity) = *s;
        out->most_tokens = s->tokens > out->most_tokens ? s->tokens : out->most_tokens;
    }
    if (out->count)
        qsort(list, out->count, sizeof *list, by_start);
    out->steps = list;
}

/* The first and one past the last sample at which it waits. */
static void take_waiting(const hg_sim_result *r, hg_second *out)
{
    double step_s = out->length_s / HG_SECOND_SAMPLES;
    for (size_t i = 0; i < r->offered; i++) {
        const hg_record *q = &r->records[i];
        if (q->rejected || q->replica < 0 || q->replica >= out->engines_shown)
            continue;
        double from = (q->arrival_s - out->from_s) / step_s, to = (q->arrival_s + q->queued_s - out->from_s) / step_s;
        for (int k = (int)fmin(fmax(ceil(from), 0), HG_SECOND_SAMPLES); k < HG_SECOND_SAMPLES && k < to; k++) {
            int32_t now = ++out->waiting[q->replica][k];
            out->most_waiting = now > out->most_waiting ? now : out->most_waiting;
        }
    }
}

static double log_end_s(const hg_sim_result *r)
{
    const hg_step_record *last = &r->steps_log[r->steps_logged - 1];
    return (double)(last->start_ns + last->duration_ns) * 1e-9;
}

void hg_second_take(hg_arena *arena, const hg_problem *p, const hg_candidate *c, const hg_run *run, double e2e_s,
                    hg_second *out)
{
    *out = (hg_second){ .engines = (int)(c->deployment.replicas * c->deployment.dp) };
    hg_run kept = { .load = run->load, .rate_per_s = run->rate_per_s, .keep_requests = true, .keep_steps = STEPS_KEPT,
                    .requests = requests_for(run, p, isfinite(e2e_s) ? e2e_s : 0) };
    hg_metrics m;
    hg_evaluate(arena, p, c, &kept, &m);
    const hg_sim_result *r = &m.sim;
    if (r->steps_logged == 0)
        return;
    double end_s = fmin(log_end_s(r), r->duration_s), busy_s = run->load == HG_LOAD_RATE ? fmin(r->arrivals_s, end_s) : end_s;
    out->length_s = fmin(1, end_s);
    out->from_s = fmax(0, fmin(BEGINS * busy_s, end_s - out->length_s));
    out->engines_shown = out->engines < HG_SECOND_ENGINES ? out->engines : HG_SECOND_ENGINES;
    take_steps(arena, r, out);
    take_waiting(r, out);
}

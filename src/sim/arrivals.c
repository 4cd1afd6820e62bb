#include "sim/arrivals.h"

#include "base/num.h"
#include "sim/event.h"

#include <assert.h>
#include <math.h>

enum { CAUSE_ARRIVALS = 1 };
static const double LATEST_NS = 4e18; /* 126 years: later ones come then, so nothing overflows */

static double gap_s(hg_arrivals *a)
{
    const hg_workload *w = a->workload;
    if (w->burstiness == 1 || w->burstiness == 0)
        return hg_rng_exponential(&a->gaps, w->rate_per_s);
    return hg_rng_gamma(&a->gaps, w->burstiness, 1 / (w->rate_per_s * w->burstiness));
}

static int64_t replay_ns(const hg_arrivals *a, size_t k)
{
    const hg_workload *w = a->workload;
    double speedup = w->speedup > 0 ? w->speedup : 1;
    double round_ns = (double)(k / w->count) * (double)a->cycle_ns;
    int64_t of_trace_ns = llround(fmin(LATEST_NS, w->requests[k % w->count].arrival_s / speedup * 1e9));
    return round_ns + (double)of_trace_ns >= LATEST_NS
               ? (int64_t)LATEST_NS : (int64_t)(k / w->count) * a->cycle_ns + of_trace_ns;
}

static int64_t drawn_ns(hg_arrivals *a)
{
    return a->next_ns + llround(fmin(gap_s(a) * 1e9, LATEST_NS - (double)a->next_ns));
}

static int64_t replay_cycle_ns(const hg_workload *w)
{
    double speedup = w->speedup > 0 ? w->speedup : 1, last_s = w->requests[w->count - 1].arrival_s;
    return llround(fmin(LATEST_NS, last_s * (double)w->count / fmax(1, (double)w->count - 1) /
                                       speedup * 1e9));
}

static bool is_closed(const hg_arrivals *a)
{
    return a->workload->load == HG_LOAD_CLOSED;
}

static int64_t next_seen_ns(const hg_arrivals *a)
{
    if (a->taken == a->limit || (is_closed(a) && a->due_count == 0))
        return HG_NEVER;
    int64_t sent_ns = is_closed(a) ? a->due_ns[a->due_head] : a->next_ns;
    const hg_request *r = &a->workload->requests[a->taken % a->workload->count];
    return hg_max_i64(sent_ns + a->overhead_ns, a->front_free_ns) + llround(a->token_ns * r->isl);
}

void hg_arrivals_open(hg_arrivals *a, hg_arena *arena, const hg_workload *workload, size_t limit,
                      double overhead_s, double serial_s, double token_s, uint64_t seed)
{
    *a = (hg_arrivals){ .workload = workload, .limit = limit,
                        .gaps = hg_rng_seed(seed, CAUSE_ARRIVALS),
                        .overhead_ns = llround(overhead_s * 1e9),
                        .serial_ns = llround(serial_s * 1e9), .token_ns = token_s * 1e9,
                        .next_ns = limit ? 0 : HG_NEVER };
    assert(workload->load != HG_LOAD_NONE && workload->count > 0);
    if (workload->load == HG_LOAD_REPLAY)
        a->cycle_ns = replay_cycle_ns(workload);
    if (workload->load == HG_LOAD_CLOSED) {
        a->clients = (size_t)workload->concurrency;
        a->due_ns = HG_NEW(arena, int64_t, a->clients);
        a->due_count = a->clients; /* all send at time 0 */
    }
    a->seen_ns = next_seen_ns(a);
}

const hg_request *hg_arrivals_take(hg_arrivals *a, int64_t *sent_ns)
{
    a->front_free_ns = a->seen_ns + a->serial_ns;
    const hg_request *r = &a->workload->requests[a->taken++ % a->workload->count];
    if (is_closed(a)) {
        *sent_ns = a->due_ns[a->due_head];
        a->due_head = (a->due_head + 1) % a->clients;
        a->due_count--;
    } else {
        *sent_ns = a->next_ns;
        a->next_ns = a->workload->load == HG_LOAD_REPLAY ? replay_ns(a, a->taken) : drawn_ns(a);
    }
    a->seen_ns = next_seen_ns(a);
    return r;
}

void hg_arrivals_answered(hg_arrivals *a, int64_t now_ns)
{
    if (!is_closed(a))
        return;
    a->due_ns[(a->due_head + a->due_count++) % a->clients] = now_ns;
    a->seen_ns = next_seen_ns(a);
}

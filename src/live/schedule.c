#include "live/schedule.h"

#include "sim/event.h"

#include <math.h>

enum { CAUSE_ARRIVALS = 1 }; /* as the simulator's: a rate's ramp from R to R is the rate R */

static bool is_ramp(const hg_schedule *s)
{
    return s->load.ramp.from_per_s > 0 || s->load.ramp.to_per_s > 0;
}

/* When the expected number of arrivals, a·t + (b − a)·t²/(2D), reaches `area`. */
static int64_t ramp_time_ns(const hg_schedule *s, double area)
{
    double a = s->load.ramp.from_per_s, slope = (s->load.ramp.to_per_s - a) / s->load.duration_s;
    double root = a * a + 2 * slope * area;
    if (root < 0)
        return HG_NEVER; /* a falling rate reached zero */
    double t = slope == 0 ? area / a : 2 * area / (a + sqrt(root));
    return t > s->load.duration_s ? HG_NEVER : llround(t * 1e9);
}

static void ramp_on(hg_schedule *s)
{
    double b = s->load.workload->burstiness;
    s->area += b == 1 || b == 0 ? hg_rng_exponential(&s->gaps, 1) : hg_rng_gamma(&s->gaps, b, 1 / b);
    s->ramp_next_ns = ramp_time_ns(s, s->area);
}

void hg_schedule_open(hg_schedule *s, hg_arena *arena, const hg_live_load *load)
{
    size_t sessions = load->requests ? (load->requests + (size_t)load->turns - 1) / (size_t)load->turns : SIZE_MAX;
    *s = (hg_schedule){ .load = *load, .arena = arena, .closed = load->workload->load == HG_LOAD_CLOSED,
                        .stop_ns = load->duration_s > 0 ? llround(load->duration_s * 1e9) : HG_NEVER };
    if (is_ramp(s)) {
        s->gaps = hg_rng_seed(load->seed, CAUSE_ARRIVALS);
        ramp_on(s);
    } else {
        hg_arrivals_open(&s->arrivals, arena, load->workload, sessions, 0, 0, 0, load->seed);
    }
}

static int64_t first_turn_ns(const hg_schedule *s)
{
    if (s->load.requests && s->sessions * (size_t)s->load.turns >= s->load.requests)
        return HG_NEVER;
    int64_t at_ns = is_ramp(s) ? s->ramp_next_ns : hg_arrivals_next_ns(&s->arrivals);
    return at_ns >= s->stop_ns ? HG_NEVER : at_ns;
}

static int64_t later_turn_ns(const hg_schedule *s)
{
    int64_t at_ns = s->turn_head < s->turn_count ? s->turns[s->turn_head].due_ns : HG_NEVER;
    return at_ns >= s->stop_ns ? HG_NEVER : at_ns;
}

int64_t hg_schedule_next_ns(const hg_schedule *s)
{
    int64_t first = first_turn_ns(s), later = later_turn_ns(s);
    return first < later ? first : later;
}

hg_due hg_schedule_take(hg_schedule *s)
{
    if (later_turn_ns(s) <= first_turn_ns(s))
        return s->turns[s->turn_head++];
    hg_due d = { .number = s->sessions * (size_t)s->load.turns, .session = (int64_t)s->sessions };
    if (is_ramp(s)) {
        d.due_ns = s->ramp_next_ns;
        ramp_on(s);
    } else {
        hg_arrivals_take(&s->arrivals, &d.due_ns);
    }
    s->sessions++;
    return d;
}

/* The think time is the same for all, so both queues stay in time order by themselves.  A turn that
 * failed ends its conversation: what would follow it has no answer to follow. */
void hg_schedule_answered(hg_schedule *s, const hg_due *due, bool good, int64_t now_ns)
{
    int64_t next_ns = now_ns + llround(s->load.think_s * 1e9);
    if (due->turn + 1 < s->load.turns && good) {
        hg_due next = { due->number + 1, due->session, next_ns, due->turn + 1 };
        *HG_PUSH(s->arena, s->turns, s->turn_count, s->turn_capacity) = next;
    } else if (s->closed && s->sessions > 0) {
        hg_arrivals_answered(&s->arrivals, next_ns);
    }
}

void hg_schedule_stop(hg_schedule *s)
{
    s->stop_ns = 0;
}

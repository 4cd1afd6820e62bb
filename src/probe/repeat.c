#include "probe/repeat.h"

#include "base/stat.h"

#include <math.h>
#include <string.h>
#include <time.h>

double hg_now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static const double MOST_CALLS = 1000;
/* Samples of one visit end after this part of the longest call allowed. */
static const double ENOUGH = 0.2;

static double waited(const hg_bench *b)
{
    return b->waited ? b->waited(b->ctx) : 0;
}

bool hg_visit(const hg_bench *b, const hg_probe_call *c, double most_s, hg_samples *out,
              hg_err *err)
{
    double seconds, least = 1e-9;
    if (!b->run(b->ctx, c, 0, &seconds, err)) {
        out->too_long = err->code == HG_NO;
        return out->too_long;
    }
    if (!b->run(b->ctx, c, 1, &seconds, err))
        return false;
    double enough_s = most_s * ENOUGH;
    out->warm_up_s = seconds;
    out->too_long = seconds > most_s;
    if (out->too_long)
        return true;
    int times = (int)fmin(MOST_CALLS, ceil(b->sample_s / fmax(seconds, least)));
    double sample_s = times * fmax(seconds, least), spent = 0;
    for (int i = 0; i < HG_VISIT_SAMPLES && out->count < HG_SAMPLES; i++) {
        if (i > 0 && spent + sample_s > enough_s)
            break;
        double before = waited(b);
        if (!b->run(b->ctx, c, times, &seconds, err))
            return false;
        spent += seconds;
        out->waited_frac[out->count] = (waited(b) - before) / seconds;
        out->x[out->count++] = seconds / times;
    }
    return true;
}

/* Threads that wait for so little of a sample are those of the machine's own ticks. */
static const double QUIET_FRAC = 0.02;
enum { QUIET_LEAST = 3 };

/* What a sample may have waited for to count. */
static double quiet_limit(const hg_samples *s)
{
    double sorted[HG_SAMPLES];
    memcpy(sorted, s->waited_frac, sizeof sorted);
    hg_sort(sorted, (size_t)s->count);
    int third = s->count < QUIET_LEAST ? s->count - 1 : QUIET_LEAST - 1;
    return fmax(QUIET_FRAC, sorted[third]);
}

bool hg_samples_disturbed(const hg_samples *s)
{
    return s->count > 0 && quiet_limit(s) > QUIET_FRAC;
}

double hg_samples_median(const hg_samples *s, double *spread_frac)
{
    double sorted[HG_SAMPLES], limit = quiet_limit(s);
    size_t n = 0;
    for (int i = 0; i < s->count; i++)
        if (s->waited_frac[i] <= limit)
            sorted[n++] = s->x[i];
    hg_sort(sorted, n);
    double median = hg_percentile(sorted, n, 0.5);
    *spread_frac = (hg_percentile(sorted, n, 0.75) - hg_percentile(sorted, n, 0.25)) / 2 / median;
    return median;
}

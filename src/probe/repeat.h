/* Repeats of one call: warm-up, samples long enough for the clock, and their median. */
#ifndef HG_PROBE_REPEAT_H
#define HG_PROBE_REPEAT_H

#include "probe/backend.h"

/* Visits at different times, so that what else runs on the machine for a moment is in a minority of
 * the samples. */
enum { HG_VISITS = 3, HG_VISIT_SAMPLES = 5, HG_SAMPLES = HG_VISITS * HG_VISIT_SAMPLES };

typedef struct hg_samples {
    double x[HG_SAMPLES]; /* seconds a call */
    double
        waited_frac[HG_SAMPLES]; /* of that time, by threads that others kept off the processors */
    int count;
    double warm_up_s; /* of the last warm-up */
    bool too_long;    /* one call took longer than it may, or the machine has none of this shape */
} hg_samples;

/* Makes the call ready and once to warm up, then for up to five samples, at least one, fewer when
 * all would take more than a fifth of most_s.  A call that takes more than most_s has none. */
bool hg_visit(const hg_bench *b, const hg_probe_call *c, double most_s, hg_samples *out,
              hg_err *err);

/* Of the samples that nothing else disturbed or, where those are fewer than three, of the three
 * least disturbed.  Half the distance between their quartiles over the median goes to *spread_frac.
 */
double hg_samples_median(const hg_samples *s, double *spread_frac);
bool hg_samples_disturbed(const hg_samples *s); /* there are no three quiet ones */

double hg_now_s(void); /* CLOCK_MONOTONIC */

#endif

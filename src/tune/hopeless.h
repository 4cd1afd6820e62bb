/* When a trial need not be finished: its outcome is known. */
#ifndef HG_TUNE_HOPELESS_H
#define HG_TUNE_HOPELESS_H

#include "live/live.h"
#include "spec/slo.h"
#include "tune/trial.h"

typedef struct hg_stakes {
    hg_aim objective;
    double best;               /* score so far; NAN: none */
    double requests, osl;      /* a closed loop of so many requests, so many tokens each; requests 0: other loads */
    const hg_slo *slo;
} hg_stakes;

/* Whether to stop, and what to call it: HG_TRIAL_HOPELESS or HG_TRIAL_BROKE_SLO with why, or HG_TRIAL_REFUSED with "" when so
 * many requests failed that the trial is lost (what failed is for the records to say). */
bool hg_hopeless(const hg_stakes *s, const hg_live_now *now, hg_outcome *as, char *why, size_t size);

#endif

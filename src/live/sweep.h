/* The search for the knee: the highest rate that is borne, by doubling and then by halves of the ratio.
 * It knows of rates and verdicts only. */
#ifndef HG_LIVE_SWEEP_H
#define HG_LIVE_SWEEP_H

#include <stdbool.h>

typedef struct hg_sweep {
    double borne_per_s, broken_per_s; /* 0: none yet */
    double next_per_s;
    double sharp;                     /* ends when broken ≤ borne · (1 + sharp) */
    int tried, most;
} hg_sweep;

/* first_per_s: a rate that one request after the other reaches. */
void hg_sweep_open(hg_sweep *s, double first_per_s, double sharp, int most);
/* The next rate to try; false when the knee is known, or `most` rates were tried. */
bool hg_sweep_next(const hg_sweep *s, double *per_s);
void hg_sweep_tell(hg_sweep *s, double per_s, bool borne);

#endif

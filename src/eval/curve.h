/* How latencies rise with the load: one deployment looked at below, at and above a load it was asked about. */
#ifndef HG_EVAL_CURVE_H
#define HG_EVAL_CURVE_H

#include "eval/evaluate.h"

enum { HG_CURVE_POINTS = 9 };

/* Parts of the load asked about, rising; the last ones lie above it. */
extern const double hg_curve_parts[HG_CURVE_POINTS];

typedef struct hg_curve_point {
    double load;                    /* requests/s; clients of a closed loop; times the trace's speed */
    bool settled;                   /* false: the queue grows without end there, and latencies mean nothing */
    bool kept;                      /* the SLO */
    double attained_frac;
    hg_summary latency[HG_METRICS];
} hg_curve_point;

/* At `load`, in what p's load (HG_LOAD_NONE: a rate) is counted in.  Pure: any thread, any order. */
void hg_curve_look(hg_arena scratch, const hg_problem *p, const hg_candidate *c, double load, hg_curve_point *out);

/* What is offered in those units: clients, the speed of a replay, or `rate_per_s`. */
double hg_curve_load(const hg_problem *p, double rate_per_s);

#endif

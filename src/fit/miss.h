/* How far predictions miss one server, as its measured runs tell it: a Gaussian process of the logarithm of
 * measured ÷ predicted over the logarithms of load and lengths.  Between measured loads it follows them, away from
 * them it returns to the shipped prediction; how fast was fitted over published servers (data/serving/misses.json). */
#ifndef HG_FIT_MISS_H
#define HG_FIT_MISS_H

#include "base/arena.h"
#include "base/data.h"
#include "base/err.h"

typedef enum hg_miss_figure { HG_MISS_TTFT, HG_MISS_TPOT, HG_MISS_FIGURES } hg_miss_figure;
extern const char *const hg_miss_names[HG_MISS_FIGURES];

/* Standard deviations of what a server's misses are made of, in natural logarithms. */
typedef struct hg_miss_prior {
    double server;        /* one factor for all its loads */
    double slope;         /* and one more for each e-fold of load */
    double bend;          /* what changes along the load … */
    double load_reach;    /* … within so many e-folds */
    double length_reach;  /* e-folds of prompt and output length within which a server misses alike */
    double noise;         /* of one run */
    double lo, hi;        /* the 80 % of what is left, in standard deviations of the answer … */
    double repeat;        /* … and at least this to each side: the 80 % of what a repeated run differs by */
} hg_miss_prior;

enum { HG_MISS_TERMS = 6 }; /* those that are fitted: the first six, in this order */
extern const char *const hg_miss_terms[HG_MISS_TERMS];

typedef struct hg_miss_priors {
    hg_miss_prior of[HG_MISS_FIGURES];
} hg_miss_priors;

bool hg_miss_priors_read(hg_arena *arena, const hg_data *data, hg_miss_priors *out, hg_err *err);

typedef struct hg_miss_run {
    double load, isl, osl;           /* natural logarithms */
    double miss[HG_MISS_FIGURES];    /* log of measured ÷ predicted; NAN: not measured */
    size_t row;                      /* where it stands in the caller's list */
} hg_miss_run;

typedef struct hg_miss_shift {
    double log_factor; /* to multiply a prediction by, as a logarithm */
    double sd;         /* of what is left */
    double known_frac; /* 0: the runs say nothing of this place, 1: all */
} hg_miss_shift;

/* Most runs that an answer rests on; of more the nearest are taken. */
enum { HG_MISS_RUNS = 64 };

hg_miss_shift hg_miss_at(hg_arena scratch, const hg_miss_prior *p, hg_miss_figure figure, const hg_miss_run *runs, size_t n,
                         const hg_miss_run *at);

#endif

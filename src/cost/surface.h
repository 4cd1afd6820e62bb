/* A calibrated surface: log(time ÷ (launch + spans)) as a sum of tensor products of hat functions
 * over an operator's features.  A call touches at most 2^axes coefficients a term. */
#ifndef HG_COST_SURFACE_H
#define HG_COST_SURFACE_H

#include "cost/op.h"

enum { HG_KNOTS = HG_KINDS, HG_BASIS = 64 };

typedef struct hg_axis {
    int feature, knots;
    float at[HG_KNOTS];        /* rising */
    float per;                 /* cells a unit of the feature, were the knots even: where to look first */
} hg_axis;

/* Fills `per` once the knots stand. */
void hg_axis_ready(hg_axis *a);

typedef struct hg_term {
    int axes;
    hg_axis axis[HG_TERM_AXES];
    int size;                  /* Π knots */
    int first;                 /* of its coefficients, the last axis running fastest */
} hg_term;

/* One kernel and dtype of a table. */
typedef struct hg_series {
    const char *key;           /* the label columns joined by '|' */
    hg_shape labels;           /* dtype, kv_dtype, kind */
    double launch_s;           /* what every call takes */
    double span[HG_SPANS];     /* how often each of the op's spans is taken */
    int16_t term[HG_OP_TERMS]; /* those of the surface that speak of it */
    int term_count;
    float lo[HG_FEATURES], hi[HG_FEATURES]; /* the hull: the box of the features it was fitted on */
    int64_t rows;
    double error_mean, error_p80; /* relative, on the families kept back */
} hg_series;

typedef struct hg_surface {
    const hg_op *op;
    hg_series *series;
    int series_count;
    hg_term *terms;            /* knots stand where the series they speak of were measured */
    int term_count, coefficient_count;
    int feature_count;         /* features 0 … feature_count − 1 are on some axis or between such */
    float *coefficients;
    double lowest, highest;    /* the range of log ratios seen: a prediction stays inside it */
    int64_t rows;
    double error_mean, error_median;
} hg_surface;

/* What n spans come to, each taken times[of] times.  slope[i], if asked for, is by how much span i's
 * number moves that; the sum of times × slope is the result. */
double hg_span_sum(const hg_op *op, const double *times, const hg_span *span, int n, double *slope);
/* What launch and spans come to, before the surface corrects it. */
double hg_series_base(const hg_op *op, const hg_series *r, const hg_shape *shape,
                      const hg_device *d, const hg_work *w, const hg_roof *roof);
/* One term's coefficients of a call and their weights; returns how many (≤ 2^axes). */
int hg_term_basis(const hg_term *t, const double *x, int *index, float *weight);
/* Those of all its terms (≤ HG_BASIS). */
int hg_surface_basis(const hg_surface *s, int series, const double *x, int *index, float *weight);

typedef struct hg_call {
    double seconds;
    hg_roof roof;
    bool inside;               /* of the series' hull */
} hg_call;

/* Fills feature_count from the terms. */
void hg_surface_count_features(hg_surface *s);

hg_call hg_surface_time(const hg_surface *s, int series, const hg_shape *shape,
                            const hg_device *d);

#endif

/* A calibrated surface: log(time ÷ (roofline + launch)) as a sum of tensor products of hat functions
 * over an operator's features.  A call touches 2^axes coefficients a term. */
#ifndef HG_COST_SURFACE_H
#define HG_COST_SURFACE_H

#include "cost/op.h"

enum { HG_KNOTS = 24, HG_BASIS = 64 };

typedef struct hg_axis {
    int feature, knots;
    float at[HG_KNOTS];        /* rising */
} hg_axis;

typedef struct hg_term {
    int axes;
    hg_axis axis[HG_TERM_AXES];
    bool by_series;
    int size;                  /* coefficients of one surface: Π knots */
    int first;                 /* its place among the coefficients; series s starts at first + s·size */
} hg_term;

/* One kernel and dtype of a table. */
typedef struct hg_series {
    const char *key;           /* the label columns joined by '|' */
    hg_shape labels;           /* dtype, kv_dtype, kind */
    double launch_s;           /* the least time of a call */
    float lo[HG_FEATURES], hi[HG_FEATURES]; /* the hull: the box of the features it was fitted on */
    int64_t rows;
    double error_mean, error_p80; /* relative, on the families kept back */
} hg_series;

typedef struct hg_surface {
    const hg_op *op;
    hg_series *series;
    int series_count;
    hg_term terms[HG_OP_TERMS];
    int term_count, coefficient_count;
    int feature_count;         /* features 0 … feature_count − 1 are on some axis or between such */
    float *coefficients;
    double lowest, highest;    /* the range of log ratios seen: a prediction stays inside it */
    int64_t rows;
    double error_mean, error_median;
} hg_surface;

/* Coefficients of this call and their weights; returns how many (≤ HG_BASIS). */
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

/* An operator: a shape in the columns of its measured table, the work it asks for, and the features
 * over which its calibrated efficiency is a smooth surface. */
#ifndef HG_COST_OP_H
#define HG_COST_OP_H

#include "cost/work.h"

enum { HG_OP_DIMS = 16, HG_OP_LABELS = 6, HG_RESULTS = 2, HG_RESULT_COLUMNS = 2, HG_FEATURES = 16, HG_TERM_AXES = 4, HG_OP_TERMS = 12,
       HG_KINDS = 24, HG_SPANS = 64, HG_SPAN_LIST = 32 };

/* One call.  Every op names its own dimensions in hg_op.dims; labels choose the series (kernel,
 * dtypes) of the measured table and are parsed once by hg_op_series. */
typedef struct hg_shape {
    double d[HG_OP_DIMS];      /* whole numbers, kept as reals because every formula is in reals */
    hg_dtype dtype, kv_dtype;  /* of the product; of the KV cache */
    float kind;                /* op-specific: what else the labels say (skew, collective) */
} hg_shape;

/* What all blocks do, what memory delivers and the chain of the longest block overlap; what is in
 * sequence adds to them. */
typedef enum hg_lane {
    HG_LANE_BLOCKS,
    HG_LANE_MEMORY,
    HG_LANE_CHAIN,
    HG_LANE_SEQUENCE,
    HG_LANES
} hg_lane;

typedef struct hg_span {
    int of;                    /* which of the op's spans */
    double seconds;
} hg_span;

/* How far one surface of a term reaches.  A kernel is the series that share their first label. */
typedef enum hg_reach { HG_BY_TABLE, HG_BY_SERIES, HG_BY_KERNEL, HG_REACHES } hg_reach;

/* A tensor product of hat functions over one to four features. */
typedef struct hg_term_spec {
    int axes;
    int feature[HG_TERM_AXES];
    int knots[HG_TERM_AXES];   /* at most so many, fewer when rows are few; HG_KINDS: never fewer */
    hg_reach reach;
    double smooth;             /* weight of squared second differences against one row */
    double ridge;              /* weight of the squares themselves: a correction shrinks to nothing */
} hg_term_spec;

typedef struct hg_dim {
    const char *column;
    bool family;               /* part of a row's shape family: validation keeps whole families back */
    double absent;             /* the value where a table lacks the column; NAN: it must not */
    double least;              /* a smaller value is an error */
} hg_dim;

/* A table with several times a row, in µs, each the sum of some columns: the label HG_PART of a shape says
 * which is meant.  Ends with a NULL name. */
typedef struct hg_result {
    const char *part;
    const char *columns[HG_RESULT_COLUMNS];
} hg_result;

#define HG_PART "part"

typedef struct hg_op {
    const char *name;                    /* the table's name: "gemm" */
    const char *title;
    hg_dim dims[HG_OP_DIMS];             /* ends with a NULL column */
    const char *labels[HG_OP_LABELS];    /* columns of text; ends with NULL */
    int series_labels;                   /* the first so many make a series (0: all); the others
                                          * only shape the call, so any legal value is predicted */
    /* Reads what the labels mean into the shape; false: not a known dtype or kind. */
    bool (*label)(int column, const char *text, hg_shape *s);
    void (*count)(const hg_shape *s, hg_work *w);
    void (*features)(const hg_shape *s, const hg_device *d, const hg_roof *roof, double *x);
    /* Times a call may be made of, each taken a number of times ≥ 0 that is fitted for every
     * series; rising with work.  Returns how many apply.  NULL: the roofline, once. */
    int (*spans)(const hg_shape *s, const hg_device *d, const hg_work *w, hg_span *span);
    int launches;                        /* kernels of a call where no graph holds them; 0 means 1 */
    int span_count;                      /* of all there are */
    hg_lane lane[HG_SPANS];
    hg_term_spec terms[HG_OP_TERMS];     /* ends with axes 0 */
    hg_result results[HG_RESULTS + 1];   /* none: latency_ms */
    double zero_s;                       /* a row of 0 is fitted as so much and has no error; 0: it is left out */
    bool ungraphed;                      /* runs outside captured graphs: the host's time is its own */
    hg_shape example;
    const char *formula;                 /* of the work, for the manual */
} hg_op;

/* hg_shape.kind of hg_op_gdn and hg_op_mamba2, far enough apart that none stands in for another: the
 * convolution or the rule; HG_LINEAR_DECODE is added for one token a sequence. */
enum { HG_LINEAR_CONV = 0, HG_LINEAR_RULE = 100, HG_LINEAR_DECODE = 200 };

/* hg_shape.kind of the dsa modules, to which the architecture's place is added: all tokens attended to;
 * another block's choice. */
enum { HG_DSA_DENSE = 100, HG_DSA_SKIP = 200 };

/* hg_shape.kind of hg_op_trtllm_alltoall. */
enum { HG_ALLTOALL_PREPARE = 0, HG_ALLTOALL_DISPATCH = 100, HG_ALLTOALL_COMBINE = 200, HG_ALLTOALL_COMBINE_LOW = 300 };

/* hg_shape.kind of the DeepEP ops. */
enum { HG_DEEPEP_DISPATCH = 0, HG_DEEPEP_COMBINE = 100 };

/* hg_shape.kind of hg_op_mla_bmm. */
enum { HG_BMM_PRE, HG_BMM_POST };

#define OP(name) extern const hg_op hg_op_##name;
#include "cost/ops.def"
#undef OP

/* Lists of all operators, in the order of ops.def. */
extern const hg_op *const hg_ops[];
extern const int hg_op_count;

const hg_op *hg_op_find(const char *name); /* NULL: unknown */
int hg_op_dim_count(const hg_op *op);
int hg_op_label_count(const hg_op *op);
int hg_op_series_labels(const hg_op *op); /* how many labels make the key of a series */

#endif

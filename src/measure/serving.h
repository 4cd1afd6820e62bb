/* Measured serving runs: rows of configuration, load, mean TTFT and mean TPOT, in the columns of the
 * published serving samples. */
#ifndef HG_MEASURE_SERVING_H
#define HG_MEASURE_SERVING_H

#include "base/csv.h"

typedef struct hg_serving_pool { /* of a disaggregated run; workers 0: not said */
    int64_t workers, batch, tp, pp, dp, moe_tp, moe_ep;
} hg_serving_pool;

typedef struct hg_serving_row {
    const char *id, *device, *engine, *version, *model, *precision; /* "" where the cell is blank */
    const char *gemm_quant, *moe_quant, *mode;
    const char *era;              /* the version, or where that is blank the month of measured_on: engines
                                     move by the week, and their costs with them; NULL: the version */
    bool disaggregated, dp_given; /* dp_given: the cell of dp_size is not blank */
    bool published;               /* of a sheet in the published samples' form (it has an id, image or measured_on):
                                     what launches.json knows of those applies */
    int64_t isl, osl, concurrency;
    int64_t tp, pp, dp, moe_tp, moe_ep;  /* tp, pp, dp 1 and moe_* 0 where blank: the engine's default */
    hg_serving_pool prefill, decode;     /* disaggregated */
    double ttft_s, tpot_s;               /* measured; NAN where the file does not say */
    double output_tokens_per_s;          /* … of the whole deployment; 0 or NAN: not said */
    bool decodes_only;                   /* prompts' KV is there before they come */
    int64_t image_width, image_height;   /* pixels of the one image in each prompt, beside isl; 0: none */
    bool counted;                        /* its widths are those of one engine, written once */
    const char *refused;                 /* what the row would have to say to be predicted; NULL: it does */
    const char *trust, *source;          /* of sheets that say how far a row may be trusted and where it is from; else NULL */
    long line;
    const struct hg_launch_facts *own;   /* how its server and client were launched, where that is known: over the
                                            rules of launch.h; NULL: not */
} hg_serving_row;

enum { HG_SHEET_COLUMNS = 32 }; /* at most */

typedef struct hg_serving_columns { /* places in a CSV, −1: absent */
    int id, device, engine, version, model, precision, mode, isl, osl, concurrency, gemm_quant, moe_quant, measured_on, image;
    int tp, pp, dp, moe_tp, moe_ep, ttft, tpot;
    int prefill[7], decode[7]; /* in the order of hg_serving_pool */
    bool is_sheet;             /* a sheet in columns of its own (sheet.h): then these are all that counts */
    int sheet[HG_SHEET_COLUMNS];
} hg_serving_columns;

bool hg_serving_bind(const hg_csv *csv, hg_serving_columns *out, hg_err *err);

/* The current row, its texts in the arena. */
bool hg_serving_read(hg_arena *arena, const hg_csv *csv, const hg_serving_columns *c, hg_serving_row *out,
                     hg_err *err);

/* All rows of a file; NULL with err set. */
hg_serving_row *hg_serving_file(hg_arena *arena, const char *path, size_t *count, hg_err *err);

#endif

/* Sheets of published results in columns of their own (hardware, parallelism in words, device_unit, evidence): a row
 * as a measured serving run.  What cells say is read by the words of sheet.def; a row that does not say all that a
 * prediction needs is none the worse for it: its `refused` says what is missing. */
#ifndef HG_MEASURE_SHEET_H
#define HG_MEASURE_SHEET_H

#include "measure/launch.h"

typedef enum hg_sheet_field {
    HG_SHEET_ID, HG_SHEET_MODEL, HG_SHEET_QUANT, HG_SHEET_HARDWARE, HG_SHEET_DEVICES,
    HG_SHEET_UNIT, HG_SHEET_ENGINE, HG_SHEET_MODE, HG_SHEET_PARALLELISM, HG_SHEET_LOAD, HG_SHEET_BATCH, HG_SHEET_ISL,
    HG_SHEET_OSL, HG_SHEET_PREFIX, HG_SHEET_CONCURRENCY, HG_SHEET_PROMPTS, HG_SHEET_SPECULATION,
    HG_SHEET_THROUGHPUT, HG_SHEET_TTFT, HG_SHEET_TPOT, HG_SHEET_EVIDENCE, HG_SHEET_SOURCE,
    HG_SHEET_NOTES,
    HG_SHEET_FIELDS
} hg_sheet_field;

/* Are these the columns of such a sheet?  Then *at is where each field stands, −1: absent. */
bool hg_sheet_bind(const hg_csv *csv, int at[HG_SHEET_FIELDS]);

/* Cells by field ("" where absent) to a row, its texts and launch facts in the arena. */
void hg_sheet_row(hg_arena *arena, const char *const cells[HG_SHEET_FIELDS], hg_serving_row *out);

/* The same of a CSV's current line. */
void hg_sheet_read(hg_arena *arena, const hg_csv *csv, const int at[HG_SHEET_FIELDS], hg_serving_row *out);

#endif

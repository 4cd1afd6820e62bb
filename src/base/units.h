/* Quantities with their unit, in both directions.  Inside the program everything is SI base units;
 * scale prefixes live in units.c only. */
#ifndef HG_BASE_UNITS_H
#define HG_BASE_UNITS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum hg_unit {
    HG_NONE,          /* a bare number, no unit accepted */
    HG_BYTES,         /* "80 GB", "16 GiB" */
    HG_BYTES_PER_S,   /* "4.8 TB/s" */
    HG_FLOPS_PER_S,   /* "989.5 TFLOP/s", "2000 TOP/s" */
    HG_SECONDS,       /* "1 s", "40 ms", "2.5us" */
    HG_WATTS,         /* "700 W" */
    HG_USD_PER_S,     /* "2.5/h", "2.5 USD/h" */
    HG_HERTZ,         /* "1.83 GHz" */
    HG_PER_S,         /* "12/s", "500/min" */
    HG_FRAC,          /* "0.9", "90%" */
} hg_unit;

/* "4.8 TB/s" → 4.8e12.  A bare number is taken in the base unit.  False: not such a quantity. */
bool hg_parse_quantity(const char *s, hg_unit unit, double *out);

/* An example of how to write one, for error messages: "80 GB". */
const char *hg_unit_example(hg_unit unit);

/* Three significant digits with the fitting prefix: 0.0123 s → "12.3 ms".  Returns out. */
const char *hg_format(char *out, size_t size, double value, hg_unit unit);

#endif

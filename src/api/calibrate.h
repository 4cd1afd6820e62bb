#ifndef HG_API_CALIBRATE_H
#define HG_API_CALIBRATE_H

#include "api/verb.h"

/* Fits the tables found below the inputs and prints their errors; device NULL: of any.  Calibrations
 * go to root/DEVICE/ENGINE-VERSION.json. */
hg_code hg_calibrate_ops(hg_ask *a, const char *const *inputs, size_t input_count, const char *device,
                         const char *root);
hg_code hg_calibrate_host(hg_ask *a);    /* engines' host terms, as shipped */
hg_code hg_calibrate_serving(hg_ask *a); /* a user's own runs */
hg_code hg_calibrate_probe(hg_ask *a);

/* "2026-11-23"; a build that must be reproducible names its day in SOURCE_DATE_EPOCH. */
const char *hg_today(hg_arena *arena);

#endif

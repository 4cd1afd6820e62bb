#ifndef HG_API_CALIBRATE_H
#define HG_API_CALIBRATE_H

#include "api/verb.h"

hg_code hg_calibrate_serving(hg_ask *a);

/* "2026-11-23"; a build that must be reproducible names its day in SOURCE_DATE_EPOCH. */
const char *hg_today(hg_arena *arena);

#endif

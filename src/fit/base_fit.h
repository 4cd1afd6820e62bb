/* Fits what lies under a surface: a series' launch time and how often it takes each of the spans. */
#ifndef HG_FIT_BASE_FIT_H
#define HG_FIT_BASE_FIT_H

#include "cost/surface.h"
#include "fit/table.h"

/* To the table's rows rows[0 … n), all of one series; fills its launch_s, span and rows. */
void hg_base_fit(hg_arena scratch, const hg_table *t, const uint32_t *rows, size_t n,
                 const hg_device *d, hg_series *out);

#endif

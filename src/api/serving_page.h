/* Predicted against measured serving runs as one page that opens offline. */
#ifndef HG_API_SERVING_PAGE_H
#define HG_API_SERVING_PAGE_H

#include "api/serving_report.h"

/* HTML in the arena.  errors: the table beside the plots. */
const char *hg_serving_page(hg_arena *arena, const hg_serving_table *t, const hg_serving_figures *f,
                            const char *by, const hg_serving_error *errors, size_t count, size_t *size);

#endif

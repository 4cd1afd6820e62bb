/* From measured operator tables to a calibration file. */
#ifndef HG_FIT_CALIBRATE_H
#define HG_FIT_CALIBRATE_H

#include "cost/calibration.h"
#include "fit/surface_fit.h"

typedef struct hg_fitted {
    const char *op, *path;
    bool ok;                 /* false: err says why */
    hg_err err;
    size_t rows, skipped;
    int coefficients;
    hg_error_stats error;    /* over the families kept back, all folds together */
    char *json;              /* the op's object in the calibration file */
} hg_fitted;

/* Fits each table (path, its op `op` or, NULL, told by the file's name) and validates it on `folds` folds of families
 * kept back.  Tables are fitted on several threads; results do not depend on how many. */
void hg_fit_tables(hg_arena *keep, const hg_device *device, const char *const *paths, size_t count, const char *op,
                   int folds, int threads, hg_fitted *out);

/* The whole file.  `fitted` is the date; an existing text that differs by its date only is kept, and
 * with keep_ops the ops that it has beside those fitted now stay as they are. */
char *hg_calibration_text(hg_arena *arena, const char *device, const char *engine,
                          const char *version, const char *source, const char *fitted,
                          const hg_fitted *tables, size_t count, const char *existing,
                          bool keep_ops);

#endif

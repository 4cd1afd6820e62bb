/* Files of measured serving runs to samples, what a fit predicts for rows it has not seen, and the
 * fitted overheads as the text of data/serving/overheads.json. */
#ifndef HG_FIT_SERVING_TABLE_H
#define HG_FIT_SERVING_TABLE_H

#include "eval/chance.h"
#include "fit/serving_fit.h"

typedef struct hg_serving_table {
    hg_serving_sample *samples;
    hg_serving_row *rows;
    size_t count;
    size_t models;               /* of a sheet: of which a family is one */
} hg_serving_table;

/* Are they of a sheet that says how far its rows may be trusted? */
bool hg_serving_is_sheet(const hg_serving_table *t);

/* Rows of all files; a row that cannot be predicted has its case's reason. */
bool hg_serving_table_read(hg_arena *arena, hg_serving_shelf *shelf, const char *const *paths, size_t paths_n,
                           hg_serving_table *out, hg_err *err);

/* The same of rows at hand, which it keeps. */
void hg_serving_table_of(hg_arena *arena, hg_serving_shelf *shelf, hg_serving_row *rows, size_t n, hg_serving_table *out);

/* A hash of what is deployed: model, device, engine, precision and parallelism, those of pools too, and if asked the engine's
 * version; at whatever lengths and load. */
uint64_t hg_serving_configuration(hg_arena scratch, const hg_serving_row *row, bool versions);

/* Every row's figures by a fit that saw none of its family. */
void hg_serving_kept_back(hg_arena scratch, const hg_serving_table *t, int folds, int threads,
                          const hg_serving_group *fitted, size_t count, hg_serving_figures *out);

/* The terms that they are by: each row's without its family. */
void hg_serving_terms_kept_back(hg_arena *keep, const hg_serving_table *t, int folds, const hg_serving_group *fitted, size_t count,
                                const hg_overheads **each);

/* How far predictions kept back missed TPOT: each row's by the other folds' rows of its version, or engine where those are few. */
void hg_serving_misses_kept_back(hg_arena scratch, const hg_serving_table *t, int folds, const hg_serving_figures *kept_back,
                                 const hg_serving_group *fitted, size_t count, hg_miss_spread *out);

/* Every row's figures by these overheads. */
void hg_serving_figures_by(hg_arena scratch, const hg_serving_table *t, const hg_serving_group *groups,
                           size_t count, int threads, hg_serving_figures *out);

/* Sets each group's bands from what its rows' figures, predicted unseen, missed by. */
void hg_serving_bands(hg_arena scratch, const hg_serving_table *t, const hg_serving_figures *kept_back,
                      hg_serving_group *groups, size_t count);

/* errors: JSON of the errors on configurations kept back, for the file to carry. */
const char *hg_serving_text(hg_arena *arena, const hg_serving_group *groups, size_t count,
                            const char *source, const char *date, const char *errors);

#endif

/* What may be changed on a live engine: knobs with their values, and the space they span. */
#ifndef HG_TUNE_KNOBS_H
#define HG_TUNE_KNOBS_H

#include "base/err.h"
#include "tune/tuner.h"

enum { HG_TUNE_KNOBS = 16, HG_TUNE_LEVELS = 64, HG_TUNE_POINTS = 65536 };

typedef struct hg_tune_knob {
    const char *name;          /* as the engine's flag without its dashes, or the launch's {name} */
    const char **values;
    size_t count;
    bool ordered;              /* numbers */
    const char *live_path;     /* POST here changes it without a restart; NULL: it wants one */
    const char *live_body;     /* its body, {value} in place of the value */
} hg_tune_knob;

typedef struct hg_tune_knobs {
    hg_tune_knob list[HG_TUNE_KNOBS];
    size_t count;
} hg_tune_knobs;

/* "threads=1,2 max-seqs=1..16": lists, or ranges by doubling that hold both ends; in order of value where all are
 * numbers.  Gaps are spaces or lines. */
bool hg_tune_knobs_parse(hg_arena *arena, const char *text, const char *where, hg_tune_knobs *out, hg_err *err);

/* "max-seqs=/admin {"max_seqs":{value}}", one a line: these knobs change live. */
bool hg_tune_knobs_live(hg_arena *arena, hg_tune_knobs *k, const char *text, const char *where, hg_err *err);

/* "threads=1 max-seqs=8": the level of each knob; a value that is not among a knob's is added to them.  Knobs that are not
 * named begin with their first value.  levels: [HG_TUNE_KNOBS]. */
bool hg_tune_knobs_baseline(hg_arena *arena, hg_tune_knobs *k, const char *text, const char *where, size_t *levels, hg_err *err);

/* All combinations, without a prior.  Refuses more than HG_TUNE_POINTS. */
bool hg_tune_space_open(hg_arena *arena, const hg_tune_knobs *k, const size_t *baseline, const char *where, hg_tune_space *out, hg_err *err);

/* "threads=2 max-seqs=8" */
const char *hg_tune_point_text(hg_arena *arena, const hg_tune_knobs *k, const hg_tune_space *s, size_t point);
const char *hg_tune_point_value(const hg_tune_knobs *k, const hg_tune_space *s, size_t point, size_t knob);
/* The point of such a text; space->points: none. */
size_t hg_tune_point_of(hg_arena scratch, const hg_tune_knobs *k, const hg_tune_space *s, const char *text);
/* Whether the engine must be started anew to go from one point to the other. */
bool hg_tune_needs_restart(const hg_tune_knobs *k, const hg_tune_space *s, size_t from, size_t to);

#endif

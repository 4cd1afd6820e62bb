/* A user's own runs, kept in a file of their own (`heng calibrate serving`), laid over the shipped predictions:
 * each server's runs correct what is asked of that server, and of no other. */
#ifndef HG_FIT_OWN_RUNS_H
#define HG_FIT_OWN_RUNS_H

#include "fit/servers.h"

typedef struct hg_own_server {
    const char *key, *version;
    hg_miss_run *runs;
    size_t count, capacity;
    const hg_launch_facts *launch;  /* NULL: not said */
    double length_range;            /* of its runs … */
    bool range_said;                /* … as the file says, and not a rule of launch.h */
    bool dp_given;
} hg_own_server;

typedef struct hg_own {
    hg_miss_priors priors;
    hg_serving_table table;         /* the runs themselves */
    hg_own_server *servers;
    size_t count;
    bool corrects[HG_MISS_FIGURES]; /* what was not measured; else it stays as shipped */
} hg_own;

/* Whether a file is of this kind (and not a calibration of operators).  False with err set: it is no JSON, or not readable. */
bool hg_own_is(hg_arena scratch, const char *path, bool *own, hg_err *err);

/* The file's runs as they stand there. */
bool hg_own_rows(hg_arena *arena, const char *path, hg_serving_row **rows, size_t *n, hg_err *err);

/* Reads the runs and predicts each by the shipped calibration on `threads` threads. */
bool hg_own_read(hg_arena *arena, hg_serving_shelf *shelf, const hg_data *data, const char *path, int threads, hg_own *out,
                 hg_err *err);

/* What hg_own_read reads: runs of rows that can be predicted; terms, when not NULL, the host terms refitted to them;
 * corrects: the figures in which they are to correct loads that were not measured. */
const char *hg_own_text(hg_arena *arena, const hg_serving_table *t, const hg_overheads *terms, const bool corrects[HG_MISS_FIGURES],
                        const char *source, const char *date);

/* Lays the host terms that the file's runs of this model, engine and device gave over out; false: it has none. */
bool hg_own_overheads(hg_arena *arena, const char *path, const hg_problem *p, hg_overheads *out);

typedef struct hg_own_question { /* a row as its own server would be asked */
    hg_serving_row row;
    const hg_own_server *server;  /* NULL: the row is of no server that was measured */
    int64_t isl, osl;             /* as the row itself says */
} hg_own_question;

/* Opens a row's case, launched as its own server was and with lengths meant as in its runs. */
hg_own_question hg_own_case(hg_arena *arena, const hg_own *own, hg_serving_shelf *shelf, const hg_serving_row *row, hg_serving_case *c);

typedef struct hg_own_figures {
    double of[HG_MISS_FIGURES], lo[HG_MISS_FIGURES], hi[HG_MISS_FIGURES]; /* seconds; the 80 % interval */
    bool measured; /* these very lengths and this very load were */
} hg_own_figures;

/* base: as shipped, bands its 80 % as factors. */
hg_own_figures hg_own_correct(hg_arena scratch, const hg_own *own, const hg_own_question *q, const hg_serving_figures *base,
                              const double bands[HG_MISS_FIGURES][2]);

#endif

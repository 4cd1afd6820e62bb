/* heng tune's grid on the engine of make engine: recorded once, replayed by every strategy. */
#ifndef BENCH_TUNE_H
#define BENCH_TUNE_H

#include "base/arena.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TUNE_KNOBS_MOST = 16, TUNE_LEVELS_MOST = 8 };

typedef struct tune_knob {
    const char *flag;
    bool ordered;
    const char *value[TUNE_LEVELS_MOST];
    size_t levels, own;        /* own: the one that the engine takes by itself */
} tune_knob;

typedef struct tune_grid {
    tune_knob knob[TUNE_KNOBS_MOST];
    size_t knobs, points; /* every combination; the last knob changes fastest */
} tune_grid;

void tune_grid_make(hg_arena *arena, tune_grid *g);
/* Which value of each knob a point has. */
void tune_grid_at(const tune_grid *g, size_t point, uint8_t level[TUNE_KNOBS_MOST]);
/* The point of the engine's own settings. */
size_t tune_grid_own(const tune_grid *g);

/* One trial: the server started, loaded, asked for its counters, ended. */
typedef struct tune_trial {
    bool started;
    double wall_s, answer_tokens, cpu_s; /* of the load; the server's own count; the process's since its start */
    double ttft_p50_s, ttft_p90_s, tpot_p50_s, tpot_p90_s, good_per_s;
    size_t complete;
} tune_trial;

/* What every trial sends, and the promise that goodput is counted by. */
typedef struct tune_load {
    int isl, osl, shared, groups, clients, requests;
    const char *slo;
} tune_load;
extern const tune_load tune_the_load;

bool tune_try(hg_arena scratch, const char *engine, const tune_grid *g, const uint8_t *level, const tune_load *load, tune_trial *out,
              hg_err *err);

/* Appends what is missing of `passes` over the grid to the table, each pass in an order of its own; then of `again` passes over the
 * contenders, so that luck has less of a say in which is called the best. */
bool tune_record(hg_arena scratch, const char *engine, const char *table, int passes, int again, hg_err *err);

/* Every strategy on the table and how far predictions of it are off, printed. */
bool tune_replay(hg_arena scratch, const char *table, hg_err *err);

/* The model's strategy on the engine itself, then its winner and the engine's own settings in turns, printed. */
bool tune_live(hg_arena scratch, const char *engine, hg_err *err);

#endif

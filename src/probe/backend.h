/* A machine that can be measured: what it is, which calls to time on it, and how one is timed. */
#ifndef HG_PROBE_BACKEND_H
#define HG_PROBE_BACKEND_H

#include "base/err.h"
#include "probe/grid.h"

typedef struct hg_probe_wish {
    double budget_s; /* for the measuring itself; opening and fitting come on top */
    int threads;     /* of a CPU; 0: all processors */
    const char
        *libraries; /* the only folder to look for libraries in; NULL: where the system does */
    const volatile int *stop;
    void (*progress)(void *ctx, double done_frac, const char *what);
    void *ctx;
} hg_probe_wish;

/* An opened machine.  Everything it points to lives in the arena given to open, but what `close`
 * gives back. */
typedef struct hg_bench {
    void *ctx;
    hg_device device;    /* measured rates are raised as rows come in */
    const char *alias;   /* the name its maker gave it */
    const char *source;  /* where the facts are from */
    const char *clock;   /* which clock times, and how fast the machine's own ran */
    const char *note[8]; /* what is missing, and what stands in for it; ends with NULL */
    int notes;
    hg_grid grid[8];
    int grids;
    double sample_s; /* a sample lasts at least so long: calls are repeated to fill it */
    /* Whether there is room for the operands. */
    bool (*fits)(const void *ctx, const hg_probe_call *c);
    /* Seconds of `times` calls one after another, each with other weights and another KV cache, so
     * that these come from memory as in a model's step.  times 0: makes the call ready and its code
     * loaded, untimed; false with HG_NO: this shape is not to be had, the others are. */
    bool (*run)(void *ctx, const hg_probe_call *c, int times, double *seconds, hg_err *err);
    /* Seconds that the machine's threads have waited for a processor so far; NULL: nobody knows. */
    double (*waited)(void *ctx);
    void (*close)(void *ctx);
} hg_bench;

typedef struct hg_backend {
    const char *name, *help;
    /* False: this machine has none, or it does not answer; err says which library or call. */
    bool (*open)(hg_arena *arena, const hg_probe_wish *wish, hg_bench *out, hg_err *err);
} hg_backend;

#define BACKEND(name) extern const hg_backend hg_backend_##name;
#include "probe/backends.def"
#undef BACKEND

extern const hg_backend *const hg_backends[];
extern const int hg_backend_count;

void hg_bench_note(hg_bench *b, const char *note);

#endif

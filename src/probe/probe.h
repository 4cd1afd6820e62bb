/* The probe: times a backend's grids within a budget, and writes what calibration reads. */
#ifndef HG_PROBE_PROBE_H
#define HG_PROBE_PROBE_H

#include "probe/backend.h"

typedef struct hg_probe_row {
    hg_probe_call call;
    double seconds;     /* median of the samples */
    double spread_frac; /* half the distance of their quartiles over the median */
    int samples;
} hg_probe_row;

typedef struct hg_probe {
    hg_device device; /* what was read and measured of the machine */
    const char *alias, *source, *clock;
    const char *const *notes; /* ends with NULL */
    hg_probe_row *rows;       /* grid by grid */
    size_t count;
    size_t left_out;  /* calls too long for the budget or too large for the memory */
    size_t disturbed; /* rows without three samples that nothing else disturbed */
    double seconds;   /* of measuring */
} hg_probe;

bool hg_probe_run(hg_arena *arena, const hg_backend *backend, const hg_probe_wish *wish,
                  hg_probe *out, hg_err *err);

/* The rows of an op as CSV, in the columns that hg_table_read takes; NULL: there are none. */
char *hg_probe_csv(hg_arena *arena, const hg_probe *p, const hg_op *op);

/* The device as JSON that hg_device_read takes; date: "2026-11-23". */
char *hg_probe_device_json(hg_arena *arena, const hg_probe *p, const char *name, const char *date);

/* A product name as a word for --device: "AMD EPYC 9654" → "amd_epyc_9654". */
char *hg_probe_name(hg_arena *arena, const char *title);

#endif

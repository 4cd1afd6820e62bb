/* Measured runs by the server they were of, and how far its predictions missed each. */
#ifndef HG_FIT_SERVERS_H
#define HG_FIT_SERVERS_H

#include "fit/miss_fit.h"
#include "fit/serving_table.h"

/* What makes a server, lengths, loads and the engine's version apart: model, device, engine, precision and the
 * devices' arrangement as the engine would take it, whatever words named them.  "" where nothing can be predicted. */
const char *hg_server_key(hg_arena *arena, const hg_serving_case *c);

/* Versions are the same where either is not said. */
bool hg_same_version(const char *a, const char *b);

/* A run as a place and a miss; overloaded ones (TTFT above 30 s) have none. */
hg_miss_run hg_miss_run_of(const hg_serving_row *row, const hg_serving_sample *sample, const hg_serving_figures *base);

/* The servers of all rows that can be predicted, rows of one version together; figures by the shipped calibration. */
hg_miss_server *hg_servers_of(hg_arena *arena, const hg_serving_table *t, const hg_serving_figures *base, size_t *count);

#endif

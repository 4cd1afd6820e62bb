/* What benchmark tools wrote of a live server, in one form: seconds, tokens and the common definitions
 * whatever the tool calls them.  One file a format, listed in results.def, told apart by content. */
#ifndef HG_MEASURE_RESULTS_H
#define HG_MEASURE_RESULTS_H

#include "base/arena.h"
#include "base/err.h"

#include <stdint.h>

/* TTFT: sending to first token.  TPOT: (E2E − TTFT) / (output − 1), a request's.  ITL: the gap between two
 * chunks, pooled; more than TPOT where a chunk holds several tokens.  E2E: sending to last token. */
typedef enum hg_figure { HG_OF_TTFT, HG_OF_TPOT, HG_OF_ITL, HG_OF_E2E, HG_FIGURES } hg_figure;
extern const char *const hg_figure_names[HG_FIGURES];

typedef struct hg_spread_s { /* seconds; NAN: the file does not say */
    double mean, median, p90, p95, p99;
} hg_spread_s;

typedef struct hg_bench_result_request {
    double start_s;          /* on any clock; NAN: not said */
    int64_t isl, osl;
    double of[HG_FIGURES];   /* seconds; NAN where it has none (TPOT of one token; ITL) */
} hg_bench_result_request;

typedef struct hg_bench_result_pool { /* of a disaggregated run; 0: not said */
    int64_t workers, tp, dp, ep;
} hg_bench_result_pool;

enum { HG_RESULT_NOTES = 8 };

typedef struct hg_bench_result {
    const char *format, *file;   /* the format's title */
    size_t place;                /* in the file, from 1 */
    const char *label;           /* a tag of the tool's user, or NULL */
    /* The server as far as the file says: NULL and 0 where it does not. */
    const char *model, *device, *engine, *version, *precision;
    int64_t tp, pp, dp, ep, gpus;
    bool disaggregated;
    hg_bench_result_pool prefill, decode;
    int64_t max_num_seqs, max_num_batched_tokens; /* 0: not said */
    const char *kv_dtype;
    double gpu_memory_utilization; /* 0: not said */
    double accepted_tokens;      /* speculative decoding: tokens a step; 0: off or not said */
    /* The load. */
    int64_t concurrency;         /* clients of a closed loop; 0: none */
    double rate_per_s;           /* of an open loop; 0: none, or all at once */
    double isl, osl;             /* means; NAN: not said */
    double length_range;         /* lengths uniform in [range·n, n]; NAN: not said */
    /* What came. */
    double duration_s, completed, failed; /* NAN: not said */
    double requests_per_s, output_tokens_per_s, total_tokens_per_s, in_flight;
    hg_spread_s of[HG_FIGURES];
    hg_bench_result_request *requests; /* NULL: the file has aggregates only */
    size_t request_count;
    const char *notes[HG_RESULT_NOTES]; /* what had to be derived or means something else than usual */
    int note_count;
} hg_bench_result;

typedef struct hg_results {
    hg_bench_result *all;
    size_t count;
} hg_results;

/* All results of a file (.gz too; path NULL or "-": stdin).  False: not readable, of no known format, or not
 * to be trusted (a first token at no time at all). */
bool hg_results_read(hg_arena *arena, const char *path, hg_results *out, hg_err *err);

/* All results of several files.  Files of one run that differ in their ending only (AISBench's and aiperf's
 * .csv and .json) become one result. */
bool hg_results_read_all(hg_arena *arena, const char *const *paths, size_t n, hg_results *out, hg_err *err);

/* The titles of all formats, for messages. */
const char *hg_results_formats(hg_arena *arena);

#endif

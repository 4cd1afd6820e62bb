#include "measure/results_parts.h"

#include <math.h>
#include <string.h>

/* guidellm's JSON: a result a benchmark of the sweep.  Figures of successful requests; its
 * inter_token_latency_ms is TPOT, its time_per_output_token_ms holds the first token too and is left out. */

static bool is(const hg_result_source *s)
{
    const json_t *list = s->doc_count ? json_object_get(s->docs[0], "benchmarks") : NULL;
    return json_is_object(json_object_get(json_array_get(list, 0), "metrics"));
}

static const json_t *successful(const json_t *metrics, const char *key)
{
    return json_object_get(json_object_get(metrics, key), "successful");
}

static hg_spread_s spread(const json_t *m, double unit_s)
{
    const json_t *p = json_object_get(m, "percentiles");
    double median = hg_result_field(m, "median");
    return (hg_spread_s){ hg_result_field(m, "mean") * unit_s,
                          (isnan(median) ? hg_result_field(p, "p50") : median) * unit_s, hg_result_field(p, "p90") * unit_s,
                          hg_result_field(p, "p95") * unit_s, hg_result_field(p, "p99") * unit_s };
}

/* "concurrent" with streams, "constant" or "poisson" with a rate, "synchronous": one at a time. */
static void read_load(const json_t *b, hg_bench_result *r)
{
    const json_t *config = json_object_get(b, "config"), *strategy = json_object_get(config, "strategy");
    if (!strategy)
        strategy = json_object_get(json_object_get(b, "scheduler"), "strategy");
    if (!strategy)
        strategy = json_object_get(json_object_get(b, "args"), "strategy");
    const char *kind = json_string_value(json_object_get(strategy, "type_"));
    double rate = hg_result_field(strategy, "rate");
    r->concurrency = hg_result_whole(strategy, "streams");
    if (r->concurrency == 0 && kind && strcmp(kind, "synchronous") == 0)
        r->concurrency = 1;
    if (r->concurrency == 0 && kind && strcmp(kind, "throughput") == 0)
        r->concurrency = hg_result_whole(strategy, "max_concurrency");
    r->rate_per_s = r->concurrency == 0 && rate > 0 ? rate : 0;
}

static double request_field(const json_t *q, const char *key, const char *other)
{
    double x = hg_result_field(q, key);
    return isnan(x) ? hg_result_field(q, other) : x;
}

static void read_requests(hg_result_source *s, const json_t *b, hg_bench_result *r)
{
    const json_t *list = json_object_get(json_object_get(b, "requests"), "successful");
    size_t n = json_array_size(list);
    r->requests = HG_NEW(s->arena, hg_bench_result_request, n);
    for (size_t i = 0; i < n; i++) {
        const json_t *q = json_array_get(list, i);
        double isl = request_field(q, "prompt_tokens", "prompt_token_count"), osl = request_field(q, "output_tokens", "output_token_count");
        if (!(isl >= 0 && isl < 1e9) || !(osl >= 1 && osl < 1e9))
            continue;
        r->requests[r->request_count++] =
            (hg_bench_result_request){ request_field(q, "request_start_time", "start_time"), (int64_t)isl, (int64_t)osl,
                                 { hg_result_field(q, "time_to_first_token_ms") * 1e-3, hg_result_field(q, "inter_token_latency_ms") * 1e-3,
                                   NAN, hg_result_field(q, "request_latency") } };
    }
}

static bool read_benchmark(hg_result_source *s, const json_t *root, const json_t *b, hg_err *err)
{
    const json_t *m = json_object_get(b, "metrics"), *totals = json_object_get(m, "request_totals");
    hg_bench_result *r = hg_result_add(s);
    r->of[HG_OF_TTFT] = spread(successful(m, "time_to_first_token_ms"), 1e-3);
    r->of[HG_OF_TPOT] = spread(successful(m, "inter_token_latency_ms"), 1e-3);
    r->of[HG_OF_E2E] = spread(successful(m, "request_latency"), 1);
    r->isl = hg_result_field(successful(m, "prompt_token_count"), "mean");
    r->osl = hg_result_field(successful(m, "output_token_count"), "mean");
    r->completed = hg_result_field(totals, "successful");
    r->failed = hg_result_field(totals, "errored");
    r->requests_per_s = hg_result_field(successful(m, "requests_per_second"), "mean");
    r->output_tokens_per_s = hg_result_field(successful(m, "output_tokens_per_second"), "mean");
    r->total_tokens_per_s = hg_result_field(successful(m, "tokens_per_second"), "mean");
    r->in_flight = hg_result_field(successful(m, "request_concurrency"), "mean");
    r->duration_s = hg_result_field(b, "duration");
    read_load(b, r);
    hg_result_facts(s->arena, json_object_get(root, "args"), r);
    read_requests(s, b, r);
    if (hg_result_field(successful(m, "time_per_output_token_ms"), "mean") > 0)
        hg_result_note(r, "time_per_output_token_ms holds the first token and is left out: TPOT is inter_token_latency_ms");
    return hg_result_finish(s, r, err);
}

static bool read(hg_result_source *s, const json_t *d, hg_err *err)
{
    const json_t *list = json_object_get(d, "benchmarks");
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!read_benchmark(s, d, json_array_get(list, i), err))
            return false;
    return true;
}

const hg_result_format hg_result_format_guidellm = { "guidellm", "guidellm", is, read, NULL };

#include "measure/results_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* llmperf: *_individual_responses.json, a list of requests, and *_summary.json, figures under flat names.  Its
 * inter_token_latency_s is E2E over all output tokens, the first among them: TPOT is worked out anew. */

static bool is_requests(const hg_result_source *s)
{
    const json_t *d = s->doc_count ? s->docs[0] : NULL;
    return json_object_get(d, "end_to_end_latency_s") && json_object_get(d, "number_output_tokens");
}

static bool read_request(const json_t *d, hg_bench_result_request *q)
{
    double isl = hg_result_field(d, "number_input_tokens"), osl = hg_result_field(d, "number_output_tokens");
    double ttft = hg_result_field(d, "ttft_s"), e2e = hg_result_field(d, "end_to_end_latency_s");
    if (!(isl >= 0 && isl < 1e9) || !(osl >= 1 && osl < 1e9) || json_is_integer(json_object_get(d, "error_code")))
        return false;
    *q = (hg_bench_result_request){ NAN, (int64_t)isl, (int64_t)osl, { ttft, osl > 1 ? (e2e - ttft) / (osl - 1) : NAN, NAN, e2e } };
    return true;
}

static bool read_requests(hg_result_source *s, hg_err *err)
{
    hg_bench_result *r = hg_result_add(s);
    r->requests = HG_NEW(s->arena, hg_bench_result_request, s->doc_count);
    r->failed = 0;
    for (size_t i = 0; i < s->doc_count; i++) {
        if (!read_request(s->docs[i], &r->requests[r->request_count]))
            r->failed++;
        else if (r->requests[r->request_count++].of[HG_OF_TTFT] <= 0)
            return hg_result_refuse(s, i + 1, err, "has a TTFT of 0: the client did not see the first token; measure again");
    }
    if (r->request_count == 0)
        return hg_result_refuse(s, 1, err, "completed no request; nothing can be learnt from it");
    hg_result_note(r, "inter_token_latency_s holds the first token; TPOT is (E2E - TTFT) / (output - 1) of each request");
    hg_result_note(r, "the list of responses does not tell the load; the summary beside it does, or say --concurrency");
    return hg_result_finish(s, r, err);
}

const hg_result_format hg_result_format_llmperf_requests = { "llmperf_requests", "llmperf individual_responses", is_requests, NULL,
                                                             read_requests };

static bool is_summary(const hg_result_source *s)
{
    const json_t *d = s->doc_count ? s->docs[0] : NULL;
    return json_object_get(d, "results_ttft_s_mean") && json_object_get(d, "results_end_to_end_latency_s_mean");
}

static double stat(const json_t *d, const char *figure, const char *name)
{
    char key[128];
    snprintf(key, sizeof key, "results_%s_%s", figure, name);
    return hg_result_field(d, key);
}

static hg_spread_s spread(const json_t *d, const char *figure)
{
    return (hg_spread_s){ stat(d, figure, "mean"), stat(d, figure, "quantiles_p50"), stat(d, figure, "quantiles_p90"),
                          stat(d, figure, "quantiles_p95"), stat(d, figure, "quantiles_p99") };
}

static bool read_summary(hg_result_source *s, const json_t *d, hg_err *err)
{
    hg_bench_result *r = hg_result_add(s);
    r->of[HG_OF_TTFT] = spread(d, "ttft_s");
    r->of[HG_OF_E2E] = spread(d, "end_to_end_latency_s");
    r->isl = stat(d, "number_input_tokens", "mean");
    r->osl = stat(d, "number_output_tokens", "mean");
    r->completed = hg_result_field(d, "results_num_completed_requests");
    r->failed = hg_result_field(d, "results_number_errors");
    r->output_tokens_per_s = hg_result_field(d, "results_mean_output_throughput_token_per_s");
    r->requests_per_s = hg_result_field(d, "results_num_completed_requests_per_min") / 60;
    r->concurrency = hg_result_whole(d, "num_concurrent_requests");
    hg_result_facts(s->arena, d, r);
    return hg_result_finish(s, r, err);
}

const hg_result_format hg_result_format_llmperf = { "llmperf", "llmperf summary", is_summary, read_summary, NULL };

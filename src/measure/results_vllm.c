#include "measure/results_parts.h"

#include <math.h>
#include <string.h>

/* `vllm bench serve --save-result [--save-detailed]`: one object; TPOT leaves the first token out, ITL is of
 * chunks, TTFT begins behind the client's own gate. */

static bool is(const hg_result_source *s)
{
    const json_t *d = s->doc_count ? s->docs[0] : NULL;
    return json_object_get(d, "request_throughput") && json_object_get(d, "total_token_throughput") &&
           (json_object_get(d, "mean_ttft_ms") || json_object_get(d, "median_ttft_ms") || json_object_get(d, "ttfts") ||
            json_object_get(d, "num_prompts"));
}

/* Failed requests stand in the lists too, with a TTFT of 0 and an error. */
static bool failed(const json_t *d, size_t i)
{
    const char *error = json_string_value(json_array_get(json_object_get(d, "errors"), i));
    return error && *error;
}

static void read_requests(hg_result_source *s, const json_t *d, hg_bench_result *r)
{
    const json_t *ttfts = json_object_get(d, "ttfts"), *itls = json_object_get(d, "itls");
    const json_t *isl = json_object_get(d, "input_lens"), *osl = json_object_get(d, "output_lens");
    const json_t *starts = json_object_get(d, "start_times");
    size_t n = json_array_size(ttfts);
    if (n == 0 || json_array_size(osl) != n || json_array_size(isl) != n || json_array_size(itls) != n)
        return;
    r->requests = HG_NEW(s->arena, hg_bench_result_request, n);
    for (size_t i = 0; i < n; i++) {
        double in = hg_result_number(json_array_get(isl, i)), made = hg_result_number(json_array_get(osl, i));
        if (failed(d, i) || !(made >= 1 && made < 1e9) || !(in >= 0 && in < 1e9))
            continue;
        size_t gaps = json_array_size(json_array_get(itls, i));
        double ttft = hg_result_number(json_array_get(ttfts, i)), rest = hg_result_sum(json_array_get(itls, i));
        r->requests[r->request_count++] =
            (hg_bench_result_request){ hg_result_number(json_array_get(starts, i)), (int64_t)in, (int64_t)made,
                                 { ttft, made > 1 ? rest / (made - 1) : NAN, gaps ? rest / (double)gaps : NAN, ttft + rest } };
    }
}

static void read_load(const json_t *d, hg_bench_result *r)
{
    r->completed = hg_result_field(d, "completed");
    r->failed = hg_result_field(d, "failed");
    r->duration_s = hg_result_field(d, "duration");
    r->isl = hg_result_field(d, "total_input_tokens") / r->completed;
    r->osl = hg_result_field(d, "total_output_tokens") / r->completed;
    r->requests_per_s = hg_result_field(d, "request_throughput");
    r->output_tokens_per_s = hg_result_field(d, "output_throughput");
    r->total_tokens_per_s = hg_result_field(d, "total_token_throughput");
    r->concurrency = hg_result_whole(d, "max_concurrency");
    double rate = hg_result_field(d, "request_rate");
    r->rate_per_s = rate > 0 ? rate : 0;
    if (r->concurrency == 0 && r->rate_per_s == 0 && r->completed >= 1 && r->completed < 1e5) {
        r->concurrency = (int64_t)r->completed;
        hg_result_note(r, "all prompts were sent at once: as many clients");
    }
    r->accepted_tokens = fmax(0, hg_result_field(d, "spec_decode_acceptance_length"));
}

static bool read_one(hg_result_source *s, const json_t *d, hg_err *err)
{
    static const char *const names[HG_FIGURES] = { "ttft", "tpot", "itl", "e2el" };
    hg_bench_result *r = hg_result_add(s);
    read_load(d, r);
    for (int k = 0; k < HG_FIGURES; k++)
        r->of[k] = hg_result_spread_ms(d, names[k]);
    r->label = hg_result_text(s->arena, d, "label");
    hg_result_facts(s->arena, d, r);
    const char *client = json_string_value(json_object_get(d, "backend"));
    r->engine = r->engine ? r->engine : client && !strstr(client, "openai") ? hg_result_engine(client) : NULL;
    read_requests(s, d, r);
    hg_result_note(r, "the clock of TTFT starts behind the client's own gate: waiting for --max-concurrency is not in it");
    return hg_result_finish(s, r, err);
}

const hg_result_format hg_result_format_vllm = { "vllm", "vllm bench serve", is, read_one, NULL };

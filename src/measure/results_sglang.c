#include "measure/results_parts.h"

#include <math.h>
#include <string.h>

/* `python -m sglang.bench_serving`: a line a run; definitions as vLLM's. */

static bool is(const hg_result_source *s)
{
    const json_t *d = s->doc_count ? s->docs[0] : NULL;
    return json_object_get(d, "mean_ttft_ms") &&
           (json_object_get(d, "mean_e2e_latency_ms") || json_object_get(d, "input_throughput"));
}

static void read_load(const json_t *d, hg_bench_result *r)
{
    r->completed = hg_result_field(d, "completed");
    r->duration_s = hg_result_field(d, "duration");
    r->isl = hg_result_field(d, "total_input_tokens") / r->completed;
    r->osl = hg_result_field(d, "total_output_tokens") / r->completed;
    r->requests_per_s = hg_result_field(d, "request_throughput");
    r->output_tokens_per_s = hg_result_field(d, "output_throughput");
    r->total_tokens_per_s = hg_result_field(d, "total_throughput");
    r->concurrency = hg_result_whole(d, "max_concurrency");
    r->in_flight = hg_result_field(d, "concurrency");
    double rate = hg_result_field(d, "request_rate"), accepted = hg_result_field(d, "accept_length");
    r->rate_per_s = rate > 0 ? rate : 0;
    if (r->concurrency == 0 && r->rate_per_s == 0 && r->completed >= 1 && r->completed < 1e5) {
        r->concurrency = (int64_t)r->completed;
        hg_result_note(r, "all prompts were sent at once: as many clients");
    }
    r->accepted_tokens = accepted > 1 ? accepted : 0;
    const char *data = json_string_value(json_object_get(d, "dataset_name"));
    if (data && hg_starts(data, "random"))
        r->length_range = hg_result_field(d, "random_range_ratio");
}

/* Failed requests stand in the lists with a TTFT and an output of 0. */
static void read_requests(hg_result_source *s, const json_t *d, hg_bench_result *r)
{
    const json_t *ttfts = json_object_get(d, "ttfts"), *itls = json_object_get(d, "itls");
    const json_t *isl = json_object_get(d, "input_lens"), *osl = json_object_get(d, "output_lens");
    size_t n = json_array_size(ttfts);
    if (n == 0 || json_array_size(isl) != n || json_array_size(osl) != n || json_array_size(itls) != n)
        return;
    r->requests = HG_NEW(s->arena, hg_bench_result_request, n);
    for (size_t i = 0; i < n; i++) {
        const json_t *gaps = json_array_get(itls, i);
        double in = hg_result_number(json_array_get(isl, i)), made = hg_result_number(json_array_get(osl, i));
        double ttft = hg_result_number(json_array_get(ttfts, i)), rest = hg_result_sum(gaps);
        if (!(made >= 1 && made < 1e9) || !(in >= 0 && in < 1e9) || (ttft <= 0 && rest <= 0))
            continue;
        size_t chunks = json_array_size(gaps);
        r->requests[r->request_count++] =
            (hg_bench_result_request){ NAN, (int64_t)in, (int64_t)made,
                                 { ttft, made > 1 ? rest / (made - 1) : NAN, chunks ? rest / (double)chunks : NAN, ttft + rest } };
    }
}

/* With attention DP its tp ranks are shared out over dp groups. */
static void read_server(hg_arena *arena, const json_t *server, hg_bench_result *r)
{
    hg_result_facts(arena, server, r);
    if (json_is_true(json_object_get(server, "enable_dp_attention")) && r->dp > 1 && r->tp % r->dp == 0)
        r->tp /= r->dp;
}

static bool read(hg_result_source *s, const json_t *d, hg_err *err)
{
    static const char *const names[HG_FIGURES] = { "ttft", "tpot", "itl", "e2e_latency" };
    const json_t *server = json_object_get(d, "server_info");
    hg_bench_result *r = hg_result_add(s);
    read_load(d, r);
    for (int k = 0; k < HG_FIGURES; k++)
        r->of[k] = hg_result_spread_ms(d, names[k]);
    r->label = hg_result_text(s->arena, d, "tag");
    hg_result_facts(s->arena, d, r);
    read_server(s->arena, server, r);
    const char *client = json_string_value(json_object_get(d, "backend"));
    r->engine = r->engine ? r->engine : hg_result_engine(client);
    read_requests(s, d, r);
    for (size_t i = 0; i < r->request_count; i++)
        if (r->requests[i].of[HG_OF_TTFT] <= 0)
            return hg_result_refuse(s, r->place, err, "has requests with a TTFT of 0 and an output: the client did not see the "
                                    "first token (known of long prompts through disaggregated servers); measure again");
    return hg_result_finish(s, r, err);
}

const hg_result_format hg_result_format_sglang = { "sglang", "sglang.bench_serving", is, read, NULL };

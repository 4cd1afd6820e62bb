#include "measure/results_parts.h"

#include <math.h>
#include <string.h>

/* llm-d's Benchmark Report v0.2 (YAML or JSON): units stand beside each figure; one report, one load. */

static const json_t *aggregate_of(const json_t *d)
{
    return json_object_get(json_object_get(json_object_get(d, "results"), "request_performance"), "aggregate");
}

static bool is(const hg_result_source *s)
{
    return s->doc_count && json_is_object(aggregate_of(s->docs[0]));
}

/* Reports of harnesses that name no unit are in seconds, as the schema's default is. */
static double unit_of(const json_t *m)
{
    const char *unit = json_string_value(json_object_get(m, "units"));
    return unit && hg_starts(unit, "ms") ? 1e-3 : unit && hg_starts(unit, "us") ? 1e-6 : 1;
}

static hg_spread_s spread(const json_t *latency, const char *key)
{
    const json_t *m = json_object_get(latency, key);
    double u = unit_of(m);
    return (hg_spread_s){ hg_result_field(m, "mean") * u, hg_result_field(m, "p50") * u, hg_result_field(m, "p90") * u,
                          hg_result_field(m, "p95") * u, hg_result_field(m, "p99") * u };
}

static double mean_of(const json_t *o, const char *key)
{
    const json_t *m = json_object_get(o, key);
    double x = hg_result_number(m), mean = hg_result_field(m, "mean");
    return isnan(x) ? isnan(mean) ? hg_result_field(m, "value") : mean : x;
}

static void read_pool(const json_t *engine, hg_bench_result_pool *out)
{
    const json_t *of = json_object_get(json_object_get(engine, "accelerator"), "parallelism");
    int64_t replicas = hg_result_whole(engine, "replicas");
    *out = (hg_bench_result_pool){ .workers = replicas ? replicas : 1, .tp = hg_result_whole(of, "tp"), .dp = hg_result_whole(of, "dp"),
                             .ep = hg_result_whole(of, "ep") };
}

static void read_engine(hg_arena *arena, const json_t *part, hg_bench_result *r)
{
    const json_t *e = json_object_get(part, "standardized");
    const char *kind = json_string_value(json_object_get(e, "kind")), *role = json_string_value(json_object_get(e, "role"));
    const json_t *accelerator = json_object_get(e, "accelerator"), *of = json_object_get(accelerator, "parallelism");
    if (!kind || !strstr(kind, "inference"))
        return;
    const char *model = hg_result_text(arena, json_object_get(e, "model"), "name");
    const char *device = hg_result_text(arena, accelerator, "model"), *tool = json_string_value(json_object_get(e, "tool"));
    const char *version = hg_result_text(arena, e, "tool_version"), *in_image = hg_result_image_version(arena, version);
    r->model = model ? model : r->model;
    r->device = device ? device : r->device;
    r->engine = hg_result_engine(tool) ? hg_result_engine(tool) : r->engine;
    r->version = in_image ? in_image : version ? version : r->version;
    if (role && strcmp(role, "prefill") == 0)
        read_pool(e, &r->prefill);
    else if (role && strcmp(role, "decode") == 0)
        read_pool(e, &r->decode);
    r->tp = hg_result_whole(of, "tp");
    r->pp = hg_result_whole(of, "pp");
    r->dp = hg_result_whole(of, "dp");
    r->ep = hg_result_whole(of, "ep");
    r->disaggregated = r->prefill.workers && r->decode.workers;
}

static void read_load(const json_t *scenario, hg_bench_result *r)
{
    const json_t *load = json_object_get(json_object_get(scenario, "load"), "standardized");
    double rate = hg_result_field(load, "rate_qps");
    r->concurrency = hg_result_whole(load, "concurrency");
    r->rate_per_s = rate > 0 ? rate : 0;
    r->isl = mean_of(load, "input_seq_len");
    r->osl = mean_of(load, "output_seq_len");
}

static bool read(hg_result_source *s, const json_t *d, hg_err *err)
{
    const json_t *a = aggregate_of(d), *requests = json_object_get(a, "requests"), *latency = json_object_get(a, "latency");
    const json_t *rates = json_object_get(a, "throughput"), *scenario = json_object_get(d, "scenario");
    const json_t *stack = json_object_get(scenario, "stack");
    hg_bench_result *r = hg_result_add(s);
    read_load(scenario, r);
    for (size_t i = 0; i < json_array_size(stack); i++)
        read_engine(s->arena, json_array_get(stack, i), r);
    double isl = mean_of(requests, "input_length"), osl = mean_of(requests, "output_length");
    r->isl = isnan(isl) ? r->isl : isl; /* as measured, not as asked for */
    r->osl = isnan(osl) ? r->osl : osl;
    double total = hg_result_field(requests, "total");
    r->failed = hg_result_field(requests, "failures");
    r->completed = isnan(r->failed) ? total : total - r->failed;
    r->of[HG_OF_TTFT] = spread(latency, "time_to_first_token");
    r->of[HG_OF_TPOT] = spread(latency, "time_per_output_token");
    r->of[HG_OF_ITL] = spread(latency, "inter_token_latency");
    r->of[HG_OF_E2E] = spread(latency, "request_latency");
    r->requests_per_s = mean_of(rates, "request_rate");
    r->output_tokens_per_s = mean_of(rates, "output_token_rate");
    r->total_tokens_per_s = mean_of(rates, "total_token_rate");
    r->label = hg_result_text(s->arena, json_object_get(d, "run"), "uid");
    return hg_result_finish(s, r, err);
}

const hg_result_format hg_result_format_llmd = { "llmd", "llm-d Benchmark Report", is, read, NULL };

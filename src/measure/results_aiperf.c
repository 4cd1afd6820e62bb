#include "measure/results_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* aiperf (and genai-perf before it): profile_export.jsonl, a record a request; profile_export_aiperf.json and
 * .csv, aggregates.  Its inter_token_latency is (E2E − TTFT) / (output − 1), our TPOT; inter_chunk_latency is
 * our ITL.  Only the profiling phase counts: warm-up records are another phase. */

static const struct {
    const char *key, *title; /* of JSON; of the CSV */
} metrics[HG_FIGURES] = {
    [HG_OF_TTFT] = { "time_to_first_token", "Time to First Token" },
    [HG_OF_TPOT] = { "inter_token_latency", "Inter Token Latency" },
    [HG_OF_ITL] = { "inter_chunk_latency", "Inter Chunk Latency" },
    [HG_OF_E2E] = { "request_latency", "Request Latency" },
};

static double scale_of(const char *unit)
{
    double s = unit && *unit ? hg_result_seconds(hg_starts(unit, "ms") ? "1 ms" : hg_starts(unit, "us") ? "1 us"
                                                 : hg_starts(unit, "ns") ? "1 ns" : "1 s", 1) : 1e-3;
    return s;
}

static const json_t *metric(const json_t *record, const char *key)
{
    return json_object_get(json_object_get(record, "metrics"), key);
}

static double value(const json_t *m)
{
    return hg_result_number(json_object_get(m, "value")) * scale_of(json_string_value(json_object_get(m, "unit")));
}

static double list_mean(const json_t *m)
{
    const json_t *list = json_object_get(m, "value");
    double sum = 0;
    size_t n = json_array_size(list);
    for (size_t i = 0; i < n; i++)
        sum += hg_result_number(json_array_get(list, i));
    return n ? sum / (double)n * scale_of(json_string_value(json_object_get(m, "unit"))) : value(m);
}

static bool is_record(const json_t *d)
{
    return json_is_object(json_object_get(d, "metadata")) && json_is_object(json_object_get(d, "metrics"));
}

static bool is_records(const hg_result_source *s)
{
    return s->doc_count && is_record(s->docs[0]);
}

static bool counts(const json_t *d)
{
    const json_t *about = json_object_get(d, "metadata");
    const char *phase = json_string_value(json_object_get(about, "benchmark_phase"));
    return is_record(d) && (!phase || strcmp(phase, "profiling") == 0) &&
           !json_is_true(json_object_get(about, "was_cancelled"));
}

static double whole_metric(const json_t *d, const char *key)
{
    return hg_result_number(json_object_get(metric(d, key), "value"));
}

static bool read_record(const json_t *d, hg_bench_result_request *q)
{
    double isl = whole_metric(d, "input_sequence_length"), osl = whole_metric(d, "output_sequence_length");
    if (isnan(osl))
        osl = whole_metric(d, "output_token_count");
    double start = hg_result_field(json_object_get(d, "metadata"), "request_start_ns") * 1e-9;
    const json_t *clock = json_object_get(json_object_get(d, "metadata"), "request_start_ns");
    if (json_is_integer(clock)) /* since 1970, beyond what hg_result_number takes for a figure */
        start = (double)json_integer_value(clock) * 1e-9;
    if (!(isl >= 0 && isl < 1e9) || !(osl >= 1 && osl < 1e9))
        return false;
    *q = (hg_bench_result_request){ start, (int64_t)isl, (int64_t)osl,
                              { value(metric(d, metrics[HG_OF_TTFT].key)), value(metric(d, metrics[HG_OF_TPOT].key)),
                                list_mean(metric(d, metrics[HG_OF_ITL].key)), value(metric(d, metrics[HG_OF_E2E].key)) } };
    return true;
}

static bool read_records(hg_result_source *s, hg_err *err)
{
    hg_bench_result *r = hg_result_add(s);
    r->requests = HG_NEW(s->arena, hg_bench_result_request, s->doc_count);
    r->failed = 0;
    for (size_t i = 0; i < s->doc_count; i++) {
        const json_t *d = s->docs[i], *error = json_object_get(d, "error");
        if (!counts(d))
            continue;
        if (json_is_object(error) || !read_record(d, &r->requests[r->request_count]))
            r->failed++;
        else if (r->requests[r->request_count++].of[HG_OF_TTFT] <= 0)
            return hg_result_refuse(s, i + 1, err, "has a TTFT of 0: the client did not see the first token; measure again");
    }
    if (r->request_count == 0)
        return hg_result_refuse(s, 1, err, "completed no request of the profiling phase; nothing can be learnt from it");
    return hg_result_finish(s, r, err);
}

const hg_result_format hg_result_format_aiperf_records = { "aiperf_records", "aiperf profile_export.jsonl", is_records, NULL,
                                                           read_records };

/* Older exports keep the metrics under "records". */
static const json_t *table_of(const json_t *d)
{
    const json_t *records = json_object_get(d, "records");
    return json_is_object(records) ? records : d;
}

static bool is_aggregate(const hg_result_source *s)
{
    const json_t *t = s->doc_count ? table_of(s->docs[0]) : NULL;
    return json_object_get(json_object_get(t, "request_latency"), "avg") && json_object_get(t, "request_throughput");
}

static hg_spread_s spread(const json_t *m)
{
    double unit = scale_of(json_string_value(json_object_get(m, "unit")));
    return (hg_spread_s){ hg_result_field(m, "avg") * unit, hg_result_field(m, "p50") * unit, hg_result_field(m, "p90") * unit,
                          hg_result_field(m, "p95") * unit, hg_result_field(m, "p99") * unit };
}

static double average(const json_t *table, const char *key)
{
    return hg_result_field(json_object_get(table, key), "avg");
}

static double seconds(const json_t *table, const char *key)
{
    const json_t *m = json_object_get(table, key);
    const char *unit = json_string_value(json_object_get(m, "unit"));
    return hg_result_field(m, "avg") * (unit ? scale_of(unit) : 1);
}

static void read_config(hg_result_source *s, const json_t *config, hg_bench_result *r)
{
    const json_t *load = json_object_get(config, "loadgen"), *end = json_object_get(config, "endpoint");
    r->concurrency = hg_result_whole(load, "concurrency");
    double rate = hg_result_field(load, "request_rate");
    r->rate_per_s = rate > 0 ? rate : 0;
    const char *model = json_string_value(json_array_get(json_object_get(end, "model_names"), 0));
    r->model = model ? hg_strdup(s->arena, model) : NULL;
}

static bool read_aggregate(hg_result_source *s, const json_t *d, hg_err *err)
{
    const json_t *t = table_of(d);
    hg_bench_result *r = hg_result_add(s);
    for (int k = 0; k < HG_FIGURES; k++)
        r->of[k] = spread(json_object_get(t, metrics[k].key));
    r->isl = average(t, "input_sequence_length");
    r->osl = average(t, "output_sequence_length");
    r->completed = average(t, "request_count");
    r->failed = average(t, "error_request_count");
    r->requests_per_s = average(t, "request_throughput");
    r->output_tokens_per_s = average(t, "output_token_throughput");
    r->total_tokens_per_s = average(t, "total_token_throughput");
    r->duration_s = seconds(t, "benchmark_duration");
    const json_t *config = json_object_get(d, "input_config");
    read_config(s, config ? config : json_object_get(d, "config"), r);
    return hg_result_finish(s, r, err);
}

const hg_result_format hg_result_format_aiperf = { "aiperf", "aiperf profile_export_aiperf.json", is_aggregate, read_aggregate, NULL };

/* "Time to First Token (ms)": the line whose title begins so; the unit in brackets. */
static char **line_of(const hg_result_table *t, const char *title, double *scale, size_t *header)
{
    size_t n = strlen(title), head = 0;
    for (size_t i = 0; i < t->lines; i++) {
        const char *name = t->cells[i][0];
        if (strcmp(name, "Metric") == 0)
            head = i;
        if (strncmp(name, title, n) != 0 || (name[n] && strncmp(name + n, " (", 2) != 0))
            continue;
        *scale = name[n] ? scale_of(name + n + 2) : 1;
        *header = head;
        return t->cells[i];
    }
    return NULL;
}

static double cell(const hg_result_table *t, const char *title, const char *column, const char *other, bool time)
{
    double scale;
    size_t header;
    char **line = line_of(t, title, &scale, &header), *end;
    for (int c = 1; line && c < t->widths[header]; c++) {
        const char *name = t->cells[header][c];
        size_t row = 0;
        while (t->cells[row] != line)
            row++;
        if ((strcmp(name, column) != 0 && strcmp(name, other) != 0) || c >= t->widths[row])
            continue;
        double x = strtod(line[c], &end);
        return end == line[c] || !(fabs(x) < 1e15) ? NAN : time ? x * scale : x;
    }
    return NAN;
}

static bool is_csv(const hg_result_source *s)
{
    double scale;
    size_t header;
    return s->table.lines && strcmp(s->table.cells[0][0], "Metric") == 0 &&
           line_of(&s->table, metrics[HG_OF_E2E].title, &scale, &header);
}

static bool read_csv(hg_result_source *s, hg_err *err)
{
    const hg_result_table *t = &s->table;
    hg_bench_result *r = hg_result_add(s);
    for (int k = 0; k < HG_FIGURES; k++) {
        const char *m = metrics[k].title;
        r->of[k] = (hg_spread_s){ cell(t, m, "avg", "Avg", true), cell(t, m, "p50", "median", true), cell(t, m, "p90", "P90", true),
                                  cell(t, m, "p95", "P95", true), cell(t, m, "p99", "P99", true) };
    }
    r->isl = cell(t, "Input Sequence Length", "avg", "Avg", false);
    r->osl = cell(t, "Output Sequence Length", "avg", "Avg", false);
    r->completed = cell(t, "Request Count", "Value", "avg", false);
    r->requests_per_s = cell(t, "Request Throughput", "Value", "avg", false);
    r->output_tokens_per_s = cell(t, "Output Token Throughput", "Value", "avg", false);
    r->duration_s = cell(t, "Benchmark Duration", "Value", "avg", true);
    hg_result_note(r, "the CSV does not tell the load; the JSON beside it does");
    return hg_result_finish(s, r, err);
}

const hg_result_format hg_result_format_aiperf_csv = { "aiperf_csv", "aiperf profile_export_aiperf.csv", is_csv, NULL, read_csv };

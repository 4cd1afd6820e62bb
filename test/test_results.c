/* Results of benchmark tools: samples of our own in each format, their definitions made one, and what must be
 * refused. */
#include "test.h"

#include "base/file.h"
#include "base/text.h"
#include "measure/result_row.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

static bool read_text(hg_arena *arena, const char *text, hg_results *out, hg_err *err)
{
    char path[] = "/tmp/heng-results-XXXXXX";
    int fd = mkstemp(path);
    bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && hg_results_read(arena, path, out, err);
    close(fd);
    unlink(path);
    return ok;
}

/* One sample a format, all of the same run where the format can say it: 40 requests of 1000 in and 101 out by
 * 4 clients; TTFT 200 ms, TPOT 10 ms, hence E2E 1.2 s. */
static const struct {
    const char *format, *text;
    int64_t concurrency;
    double isl, osl, ttft, tpot, e2e;
} samples[] = {
    { "vllm bench serve",
      "{\"date\":\"20260101\",\"backend\":\"vllm\",\"model_id\":\"org/m\",\"num_prompts\":40,\"request_rate\":\"inf\",\"max_concurrency\":4,"
      "\"duration\":12.0,\"completed\":40,\"total_input_tokens\":40000,\"total_output_tokens\":4040,\"request_throughput\":3.33,"
      "\"output_throughput\":336.7,\"total_token_throughput\":3670,\"mean_ttft_ms\":200,\"median_ttft_ms\":190,\"p99_ttft_ms\":400,"
      "\"mean_tpot_ms\":10,\"median_tpot_ms\":9.9,\"mean_itl_ms\":10,\"mean_e2el_ms\":1200,\"tensor_parallel_size\":\"2\"}",
      4, 1000, 101, 0.2, 0.01, 1.2 },
    { "vllm bench serve", /* per-request lists, one failed */
      "{\"num_prompts\":3,\"request_rate\":Infinity,\"max_concurrency\":4,\"completed\":2,\"duration\":3,\"total_input_tokens\":2000,"
      "\"total_output_tokens\":6,\"request_throughput\":0.67,\"total_token_throughput\":700,\"input_lens\":[1000,1000,1000],"
      "\"output_lens\":[3,3,0],\"ttfts\":[0.1,0.3,0],\"itls\":[[0.01,0.01],[0.02,0.0],[]],\"errors\":[\"\",\"\",\"refused\"]}",
      4, 1000, 3, 0.2, 0.01, 0.22 },
    { "sglang.bench_serving",
      "{\"backend\":\"sglang\",\"dataset_name\":\"random\",\"random_range_ratio\":0.5,\"request_rate\":\"inf\",\"max_concurrency\":4,"
      "\"duration\":12,\"completed\":40,\"total_input_tokens\":40000,\"total_output_tokens\":4040,\"request_throughput\":3.33,"
      "\"input_throughput\":3333,\"output_throughput\":336.7,\"mean_e2e_latency_ms\":1200,\"mean_ttft_ms\":200,\"mean_tpot_ms\":10,"
      "\"mean_itl_ms\":10,\"concurrency\":3.9,\"accept_length\":null,\"server_info\":{\"tp_size\":2,\"model_path\":\"org/m\"}}\n"
      "{\"backend\":\"sglang\",\"max_concurrency\":8,\"completed\":80,\"duration\":20,\"total_input_tokens\":80000,\"total_output_tokens\":8080,"
      "\"request_throughput\":4,\"input_throughput\":4000,\"mean_e2e_latency_ms\":1900,\"mean_ttft_ms\":400,\"mean_tpot_ms\":15,\"mean_itl_ms\":15}\n",
      4, 1000, 101, 0.2, 0.01, 1.2 },
    { "aiperf profile_export.jsonl",
      "{\"metadata\":{\"benchmark_phase\":\"warmup\"},\"metrics\":{\"time_to_first_token\":{\"value\":9000,\"unit\":\"ms\"}},\"error\":null}\n"
      "{\"metadata\":{\"benchmark_phase\":\"profiling\",\"request_start_ns\":1700000000000000000},\"metrics\":{\"time_to_first_token\":{\"value\":200,"
      "\"unit\":\"ms\"},\"request_latency\":{\"value\":1.2,\"unit\":\"sec\"},\"inter_token_latency\":{\"value\":10,\"unit\":\"ms\"},"
      "\"inter_chunk_latency\":{\"value\":[10,10],\"unit\":\"ms\"},\"input_sequence_length\":{\"value\":1000,\"unit\":\"tokens\"},"
      "\"output_sequence_length\":{\"value\":101,\"unit\":\"tokens\"}},\"error\":null}\n",
      0, 1000, 101, 0.2, 0.01, 1.2 },
    { "aiperf profile_export_aiperf.json",
      "{\"request_throughput\":{\"unit\":\"requests/sec\",\"avg\":3.33},\"request_latency\":{\"unit\":\"ms\",\"avg\":1200,\"p50\":1190},"
      "\"time_to_first_token\":{\"unit\":\"ms\",\"avg\":200,\"p50\":190,\"p99\":400},\"inter_token_latency\":{\"unit\":\"ms\",\"avg\":10},"
      "\"input_sequence_length\":{\"unit\":\"tokens\",\"avg\":1000},\"output_sequence_length\":{\"unit\":\"tokens\",\"avg\":101},"
      "\"request_count\":{\"unit\":\"requests\",\"avg\":40},\"input_config\":{\"endpoint\":{\"model_names\":[\"org/m\"]},\"loadgen\":{\"concurrency\":4}}}",
      4, 1000, 101, 0.2, 0.01, 1.2 },
    { "aiperf profile_export_aiperf.csv",
      "Metric,avg,min,max,p50,p90,p95,p99\nTime to First Token (ms),200,100,400,190,300,350,400\n\"Request Latency (ms)\",1200,1,2,3,4,5,6\n"
      "Inter Token Latency (ms),10,9,12,10,11,11,12\nInput Sequence Length (tokens),1000,1000,1000,1000,1000,1000,1000\n"
      "Output Sequence Length (tokens),101,101,101,101,101,101,101\n\nMetric,Value\nRequest Count,40\nRequest Throughput (requests/sec),3.33\n",
      0, 1000, 101, 0.2, 0.01, 1.2 },
    { "guidellm",
      "{\"metadata\":{\"version\":2},\"benchmarks\":[{\"type_\":\"generative_benchmark\",\"config\":{\"strategy\":{\"type_\":\"concurrent\",\"streams\":4}},"
      "\"metrics\":{\"request_totals\":{\"successful\":40,\"errored\":0},\"request_latency\":{\"successful\":{\"mean\":1.2,\"median\":1.2}},"
      "\"prompt_token_count\":{\"successful\":{\"mean\":1000}},\"output_token_count\":{\"successful\":{\"mean\":101}},"
      "\"time_to_first_token_ms\":{\"successful\":{\"mean\":200,\"percentiles\":{\"p50\":190,\"p99\":400}}},"
      "\"time_per_output_token_ms\":{\"successful\":{\"mean\":11.88}},\"inter_token_latency_ms\":{\"successful\":{\"mean\":10}}}}]}",
      4, 1000, 101, 0.2, 0.01, 1.2 },
    { "InferenceX",
      "[{\"hw\":\"h200-x\",\"conc\":4,\"image\":\"a/b:v0.19.0-cu130\",\"model\":\"org/m\",\"framework\":\"vllm\",\"precision\":\"fp8\",\"isl\":1000,\"osl\":101,"
      "\"tp\":2,\"ep\":1,\"dp_attention\":false,\"mean_ttft\":0.2,\"median_ttft\":0.19,\"mean_tpot\":0.01,\"mean_itl\":0.01,\"mean_e2el\":1.2,"
      "\"tput_per_gpu\":1835,\"output_tput_per_gpu\":168}]",
      4, 1000, 101, 0.2, 0.01, 1.2 },
    { "AISBench CSV",
      "Performance Parameters,Stage,Average,Min,Max,Median,P75,P90,P99,N\nE2EL,total,1200 ms,1 ms,2 ms,1190 ms,3 ms,4 ms,5 ms,40\n"
      "TTFT,total,200.0 ms,1 ms,2 ms,190 ms,3 ms,4 ms,400 ms,40\nTPOT,total,10 ms,1 ms,2 ms,9 ms,3 ms,4 ms,5 ms,40\n"
      "InputTokens,total,1000,1,2,3,4,5,6,40\nOutputTokens,total,101,1,2,3,4,5,6,40\n",
      0, 1000, 101, 0.2, 0.01, 1.2 },
    { "AISBench JSON",
      "{\"Benchmark Duration\":{\"total\":\"12000 ms\"},\"Total Requests\":{\"total\":40},\"Success Requests\":{\"total\":40},\"Failed Requests\":{\"total\":0},"
      "\"Concurrency\":{\"total\":3.9},\"Max Concurrency\":{\"total\":4},\"Total Input Tokens\":{\"total\":40000},\"Total Generated Tokens\":{\"total\":4040},"
      "\"Request Throughput\":{\"total\":\"3.33 req/s\"},\"Output Token Throughput\":{\"total\":\"336.7 token/s\"}}",
      4, 1000, 101, NAN, NAN, NAN },
    { "llm-d Benchmark Report",
      "version: \"0.2\"\nrun:\n  uid: our-run\nscenario:\n  stack:\n    - standardized:\n        kind: inference_engine\n        tool: vllm\n"
      "        tool_version: vllm/vllm-openai:v0.19.0\n        model: { name: org/m }\n        accelerator: { model: H200, count: 2, parallelism: { tp: 2, dp: 1 } }\n"
      "  load:\n    standardized:\n      concurrency: 4\n      input_seq_len: { distribution: fixed, value: 1000 }\n      output_seq_len: { value: 101 }\n"
      "results:\n  request_performance:\n    aggregate:\n      requests: { total: 40, failures: 0 }\n      latency:\n"
      "        time_to_first_token: { units: ms, mean: 200, p50: 190 }\n        time_per_output_token: { units: ms/token, mean: 10 }\n"
      "        request_latency: { units: s, mean: 1.2 }\n      throughput:\n        output_token_rate: { units: tokens/s, mean: 336.7 }\n",
      4, 1000, 101, 0.2, 0.01, 1.2 },
    { "llmperf individual_responses",
      "[{\"error_code\":null,\"error_msg\":\"\",\"inter_token_latency_s\":0.01188,\"ttft_s\":0.2,\"end_to_end_latency_s\":1.2,\"number_input_tokens\":1000,"
      "\"number_output_tokens\":101},{\"error_code\":500,\"ttft_s\":0,\"end_to_end_latency_s\":0,\"number_input_tokens\":1000,\"number_output_tokens\":0}]",
      0, 1000, 101, 0.2, 0.01, 1.2 },
    { "llmperf summary",
      "{\"model\":\"org/m\",\"num_concurrent_requests\":4,\"results_ttft_s_mean\":0.2,\"results_ttft_s_quantiles_p50\":0.19,"
      "\"results_inter_token_latency_s_mean\":0.01188,\"results_end_to_end_latency_s_mean\":1.2,\"results_number_input_tokens_mean\":1000,"
      "\"results_number_output_tokens_mean\":101,\"results_num_completed_requests\":40}",
      4, 1000, 101, 0.2, 0.01, 1.2 },
    { "heng's requests CSV",
      "id,arrival_s,isl,osl,queued_s,first_token_s,finish_s,ttft_s,tpot_s,e2e_s,preemptions,prefix_hit_tokens,replica\n"
      "0,1.0,1000,101,0,1.2,2.2,0.2,0.01,1.2,0,0,0\n1,2.0,1000,101,0,2.2,3.2,0.2,0.01,1.2,0,0,0\n2,3.0,1000,101,,,,,,,0,0,0\n",
      0, 1000, 101, 0.2, 0.01, 1.2 },
    { "heng simulate --json",
      "{\"requests\":{\"completed\":40,\"rejected\":0},\"duration_s\":12,\"throughput\":{\"requests_per_s\":3.33,\"output_tokens_per_s\":336.7,"
      "\"total_tokens_per_s\":3670},\"ttft_s\":{\"mean\":0.2,\"p50\":0.19},\"tpot_s\":{\"mean\":0.01},\"itl_s\":{\"mean\":0.01},\"e2e_s\":{\"mean\":1.2},"
      "\"deployment\":{\"tp\":2,\"replicas\":1}}",
      0, NAN, NAN, 0.2, 0.01, 1.2 },
};

static void same(const char *format, const char *what, double got, double want)
{
    CHECKF(isnan(want) ? isnan(got) : fabs(got - want) <= 1e-3 * fabs(want) + 1e-12, "%s: %s is %g, want %g", format, what, got, want);
}

static void samples_are_read(hg_arena arena)
{
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        hg_results all;
        hg_err err = { 0 };
        hg_arena scratch = arena;
        bool ok = read_text(&scratch, samples[i].text, &all, &err);
        CHECKF(ok, "%s: %s %s", samples[i].format, err.where, err.msg);
        if (!ok)
            continue;
        const hg_bench_result *r = &all.all[0];
        CHECK_STR(r->format, samples[i].format);
        CHECKF(r->concurrency == samples[i].concurrency, "%s: %d clients", r->format, (int)r->concurrency);
        same(r->format, "isl", r->isl, samples[i].isl);
        same(r->format, "osl", r->osl, samples[i].osl);
        same(r->format, "TTFT", r->of[HG_OF_TTFT].mean, samples[i].ttft);
        same(r->format, "TPOT", r->of[HG_OF_TPOT].mean, samples[i].tpot);
        same(r->format, "E2E", r->of[HG_OF_E2E].mean, samples[i].e2e);
    }
}

static void servers_are_told(hg_arena arena)
{
    static const struct {
        size_t sample;
        const char *model, *device, *engine, *version;
        int64_t tp;
    } rows[] = { { 0, "org/m", NULL, "vllm", NULL, 2 }, { 2, "org/m", NULL, "sglang", NULL, 2 },
                 { 7, "org/m", "h200", "vllm", "0.19.0", 2 }, { 10, "org/m", "H200", "vllm", "0.19.0", 2 } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_results all;
        hg_err err;
        CHECK(read_text(&arena, samples[rows[i].sample].text, &all, &err));
        const hg_bench_result *r = &all.all[0];
        CHECKF(r->tp == rows[i].tp, "%s: tp %d", r->format, (int)r->tp);
#define SAID(member) CHECKF((!r->member && !rows[i].member) || (r->member && rows[i].member && strcmp(r->member, rows[i].member) == 0), \
                            "%s: " #member " is %s", r->format, r->member ? r->member : "not said")
        SAID(model);
        SAID(device);
        SAID(engine);
        SAID(version);
#undef SAID
    }
}

/* A line a run, a list's items, requests counted, failures apart. */
static void counts_are_kept(hg_arena arena)
{
    hg_results all;
    hg_err err;
    CHECK(read_text(&arena, samples[2].text, &all, &err) && all.count == 2 && all.all[1].concurrency == 8);
    CHECK(all.all[0].length_range == 0.5 && isnan(all.all[1].length_range));
    CHECK(read_text(&arena, samples[1].text, &all, &err) && all.all[0].request_count == 2);
    CHECK(read_text(&arena, samples[3].text, &all, &err) && all.all[0].request_count == 1); /* the warm-up is not of the run */
    CHECK(read_text(&arena, samples[11].text, &all, &err) && all.all[0].request_count == 1 && all.all[0].failed == 1);
    CHECK(read_text(&arena, samples[13].text, &all, &err) && all.all[0].request_count == 2 && all.all[0].failed == 1);
}

static void bad_ones_are_refused(hg_arena arena)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        { "", "is empty" },
        { "{\"a\":1}", "is of no format" },
        { "{\"request_throughput\":1,", "is not JSON" },
        { "a,b\n1,2\n", "is of no format" },
        { "key: [unclosed\n", "neither JSON" },
        { "%YAML 1.2", "directive" },
        { "{\"request_throughput\":1,\"total_token_throughput\":2,\"mean_ttft_ms\":0,\"mean_tpot_ms\":10,\"completed\":3}", "TTFT of 0" },
        { "{\"request_throughput\":1,\"total_token_throughput\":2,\"mean_ttft_ms\":5,\"completed\":0}", "completed no request" },
        { "{\"hw\":\"h200\",\"conc\":4,\"mean_ttft\":\"none\"}", "holds no figure" },
        { "{\"mean_ttft_ms\":100,\"mean_e2e_latency_ms\":200,\"input_throughput\":3,\"completed\":1,\"input_lens\":[9],\"output_lens\":[2],\"ttfts\":[0],"
          "\"itls\":[[0.1]]}", "TTFT of 0" },
        { "{\"metadata\":{\"benchmark_phase\":\"warmup\"},\"metrics\":{}}", "completed no request" },
        { "{\"benchmarks\":[{\"metrics\":{}}]}", "holds no figure" },
        { "arrival_s,first_token_s,finish_s,isl,osl\n0,0,1,10,10\n", "holds no request" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_results all;
        hg_err err = { 0 };
        bool ok = read_text(&arena, rows[i].text, &all, &err);
        CHECKF(!ok && err.code == HG_INPUT && strstr(err.msg, rows[i].says), "row %zu: '%s'", i, err.msg);
    }
}

static bool has_note(const hg_bench_result *r, const char *part)
{
    for (int i = 0; i < r->note_count; i++)
        if (strstr(r->notes[i], part))
            return true;
    return false;
}

static void definitions_are_said(hg_arena arena)
{
    hg_results all;
    hg_err err;
    CHECK(read_text(&arena, samples[6].text, &all, &err) && has_note(&all.all[0], "holds the first token"));
    CHECK(read_text(&arena, "{\"request_throughput\":1,\"total_token_throughput\":2,\"mean_ttft_ms\":50,\"mean_tpot_ms\":5,\"mean_itl_ms\":12,\"completed\":3}",
                    &all, &err));
    CHECK(has_note(&all.all[0], "chunks"));
    CHECK(read_text(&arena, samples[12].text, &all, &err) && has_note(&all.all[0], "mean E2E"));
}

/* .gz as it lies, and a CSV with its JSON as one result. */
static void files_go_together(hg_arena arena)
{
    char folder[] = "/tmp/heng-results-XXXXXX";
    CHECK(mkdtemp(folder));
    const char *gz = hg_textf(&arena, "%s/r.json.gz", folder), *csv = hg_textf(&arena, "%s/a.csv", folder);
    const char *json = hg_textf(&arena, "%s/a.json", folder), *both[] = { csv, json };
    gzFile z = gzopen(gz, "wb");
    CHECK(z && gzputs(z, samples[0].text) > 0 && gzclose(z) == Z_OK);
    hg_results all;
    hg_err err;
    CHECK(hg_results_read(&arena, gz, &all, &err) && all.all[0].concurrency == 4);
    CHECK(hg_file_write(csv, samples[8].text, strlen(samples[8].text), false, &err));
    CHECK(hg_file_write(json, samples[9].text, strlen(samples[9].text), false, &err));
    CHECK(hg_results_read_all(&arena, both, 2, &all, &err) && all.count == 1);
    CHECK(all.count == 1 && all.all[0].concurrency == 4 && fabs(all.all[0].of[HG_OF_TTFT].mean - 0.2) < 1e-9);
    unlink(gz), unlink(csv), unlink(json), rmdir(folder);
}

typedef struct row_or_error {
    bool ok;
    hg_serving_row row;
    const char *note;
    hg_err err;
} row_or_error;

static row_or_error row_of(hg_arena *arena, const char *text, const hg_result_words *words)
{
    hg_results all;
    row_or_error v = { .ok = false };
    v.ok = read_text(arena, text, &all, &v.err) && hg_result_row(arena, &all.all[0], words, &v.row, &v.note, &v.err);
    return v;
}

/* What the file says, what words add, what must be said by one of them. */
static void results_become_rows(hg_arena arena)
{
    hg_result_words none = { 0 }, words = { .device = "h100_sxm", .model = "other/m", .concurrency = 16, .ep = 2 };
    row_or_error v = row_of(&arena, samples[0].text, &words);
    CHECK(v.ok && strcmp(v.row.model, "other/m") == 0 && strcmp(v.row.engine, "vllm") == 0 && v.row.tp == 2 && v.row.concurrency == 16);
    CHECK(v.row.isl == 1000 && v.row.osl == 101 && v.row.moe_ep == 2 && v.row.moe_tp == 1 && v.row.own->requests_per_client == 3);
    v = row_of(&arena, samples[2].text, &words); /* nominal lengths from means and their range */
    CHECK(v.ok && v.row.isl == 1333 && v.row.own->length_range == 0.5);
    v = row_of(&arena, samples[0].text, &none);
    CHECKF(!v.ok && strstr(v.err.msg, "--device"), "%s", v.err.msg);
    v = row_of(&arena, samples[8].text, &(hg_result_words){ .model = "m", .device = "d" });
    CHECKF(!v.ok && strstr(v.err.msg, "--concurrency"), "%s", v.err.msg);
    v = row_of(&arena, samples[0].text, &(hg_result_words){ .device = "d", .tp = 8 });
    CHECKF(!v.ok && strstr(v.err.msg, "says tp 2"), "%s", v.err.msg);
    v = row_of(&arena, "{\"request_throughput\":2,\"total_token_throughput\":2,\"mean_ttft_ms\":50,\"mean_tpot_ms\":5,\"mean_e2el_ms\":3000,"
                       "\"completed\":10,\"request_rate\":2.0,\"total_input_tokens\":1000,\"total_output_tokens\":100}",
               &(hg_result_words){ .model = "m", .device = "d" });
    CHECK(v.ok && v.row.concurrency == 6 && isnan(v.row.ttft_s) && v.note && strstr(v.note, "open loop"));
}

void test_results(void)
{
    hg_arena arena;
    CHECK(hg_arena_open(&arena, 0));
    samples_are_read(arena);
    servers_are_told(arena);
    counts_are_kept(arena);
    bad_ones_are_refused(arena);
    definitions_are_said(arena);
    files_go_together(arena);
    results_become_rows(arena);
    hg_arena_close(&arena);
}

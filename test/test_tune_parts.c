/* The tuner's parts without a server: knobs, launches, metrics pages, when to give up, processes, the store, the order of
 * trials. */
#include "test.h"

#include "base/file.h"
#include "base/rng.h"
#include "tune/adapter.h"
#include "tune/hopeless.h"
#include "tune/process.h"
#include "tune/prometheus.h"
#include "tune/session.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct {
    const char *text, *wants; /* wants: the values, or a part of the error */
    bool good;
} knob_rows[] = {
    { "threads=1,2", "threads: 1 2", true },
    { "max-seqs=1..16", "max-seqs: 1 2 4 8 16", true },
    { "max-seqs=1..12", "max-seqs: 1 2 4 8 12", true },
    { "n=8,1,3..12", "n: 1 3 6 8 12", true },
    { "  a=x,y\n--b=0.5,0.25 ", "a: x y; b: 0.25 0.5", true },
    { "kv=f16,q8_0", "kv: f16 q8_0", true },
    { "", "names no knob", false },
    { "threads", "is no knob; write", false },
    { "=1,2", "is no knob; write", false },
    { "a=1,,2", "an empty value", false },
    { "a=", "an empty value", false },
    { "a=1,1", "the value 1 twice", false },
    { "a=1,1.0", "one value twice, as 1 and 1.0; write it once", false },
    { "a=1e1,4,10", "one value twice, as 1e1 and 10", false },
    { "a=0x1,1", "a: 0x1 1", true }, /* no number: names */
    { "a=1 a=2", "names a twice", false },
    { "a=0..8", "from 1 on", false },
    { "a=8..1", "from 1 on", false },
    { "a=x..y", "from 1 on", false },
    { "a=it's", "with quotes", false },
    { "{a}=1", "no name of a knob", false },
    { "a=1..1125899906842625", "from 1 on", false },
};

static void test_knobs(hg_arena arena)
{
    for (size_t i = 0; i < sizeof knob_rows / sizeof *knob_rows; i++) {
        hg_tune_knobs k;
        hg_err err = { .code = HG_DONE };
        bool ok = hg_tune_knobs_parse(&arena, knob_rows[i].text, "--knob", &k, &err);
        hg_buf b = { .arena = &arena };
        for (size_t n = 0; ok && n < k.count; n++) {
            hg_buf_printf(&b, "%s%s:", n ? "; " : "", k.list[n].name);
            for (size_t v = 0; v < k.list[n].count; v++)
                hg_buf_printf(&b, " %s", k.list[n].values[v]);
        }
        CHECKF(ok == knob_rows[i].good, "'%s': %s", knob_rows[i].text, err.msg);
        CHECKF(ok ? strcmp(b.s, knob_rows[i].wants) == 0 : strstr(err.msg, knob_rows[i].wants) != NULL, "'%s': %s", knob_rows[i].text, ok ? b.s : err.msg);
    }
}

static bool open_space(hg_arena *arena, const char *knobs, const char *baseline, hg_tune_knobs *k, hg_tune_space *s, hg_err *err)
{
    size_t levels[HG_TUNE_KNOBS];
    return hg_tune_knobs_parse(arena, knobs, "--knob", k, err) && hg_tune_knobs_baseline(arena, k, baseline, "--baseline", levels, err) &&
           hg_tune_space_open(arena, k, levels, "--knob", s, err);
}

static void test_space(hg_arena arena)
{
    hg_tune_knobs k;
    hg_tune_space s;
    hg_err err;
    CHECK(open_space(&arena, "a=1..16 b=x,y c=2,4", "a=8 b=y c=3", &k, &s, &err));
    CHECK(s.points == 5 * 2 * 3 && s.knobs == 3 && s.ordered[0] && !s.ordered[1]);
    CHECK_STR(hg_tune_point_text(&arena, &k, &s, s.baseline), "a=8 b=y c=3");
    CHECK_NEAR(s.x[0][3], 0.75, 1e-12); /* 8 of 1 to 16, by logarithm */
    for (size_t p = 0; p < s.points; p++)
        CHECK(hg_tune_point_of(arena, &k, &s, hg_tune_point_text(&arena, &k, &s, p)) == p);
    CHECK(hg_tune_point_of(arena, &k, &s, "a=3 b=y c=3") == s.points);
    CHECK(!open_space(&arena, "a=1,2", "b=1", &k, &s, &err) && strstr(err.msg, "no knob of --knob"));
    CHECK(!open_space(&arena, "a=1..32768 b=1..32768 c=1..32768 d=1..32768 e=1,2", "", &k, &s, &err) && strstr(err.msg, "combinations"));
    /* A baseline may write a number in its own way; places are finite however far or near the values lie. */
    CHECK(open_space(&arena, "a=1,2,4", "a=2.0", &k, &s, &err) && s.points == 3 && s.baseline == 1);
    static const char *const spread[] = { "a=1", "a=-1e308,1e308", "a=5e-324,1,1e308", "a=10000000000000000,10000000000000002", "a=0,0.5", "a=x" };
    for (size_t i = 0; i < sizeof spread / sizeof *spread; i++) {
        CHECKF(open_space(&arena, spread[i], "", &k, &s, &err), "%s", spread[i]);
        for (size_t v = 0; v < s.levels[0]; v++)
            CHECKF(s.x[0][v] >= 0 && s.x[0][v] <= 1 && (v == 0 || s.x[0][v] > s.x[0][v - 1]), "%s: %g", spread[i], s.x[0][v]);
    }
    CHECK(open_space(&arena, "a=1,2 b=1,2", "", &k, &s, &err) && s.baseline == 0);
    CHECK(hg_tune_knobs_live(&arena, &k, "b=/admin {\"b\":{value}}", "--live", &err));
    CHECK(!hg_tune_needs_restart(&k, &s, 0, 1) && hg_tune_needs_restart(&k, &s, 0, 2)); /* the last knob goes round fastest */
    CHECK(!hg_tune_knobs_live(&arena, &k, "z=/admin {value}", "--live", &err) && !hg_tune_knobs_live(&arena, &k, "b=admin {value}", "--live", &err));
    CHECK(!hg_tune_knobs_live(&arena, &k, "b=/admin 1", "--live", &err));
}

static const struct {
    const char *engine, *launch, *knobs, *wants; /* of the last point */
    bool good;
} launch_rows[] = {
    { "engine", NULL, "threads=1,2 max-seqs=4", "build/engine/server --model m --port 7 --threads 2 --max-seqs 4", true },
    { "vllm", NULL, "max-num-seqs=32,64 enable-prefix-caching=false,true", "vllm serve m --host 127.0.0.1 --port 7 --max-num-seqs 64 --enable-prefix-caching",
      true },
    { "vllm", NULL, "enable-chunked-prefill=true,false", "vllm serve m --host 127.0.0.1 --port 7 --no-enable-chunked-prefill", true },
    { "sglang", NULL, "max-running-requests=8", "python3 -m sglang.launch_server --model-path m --host 127.0.0.1 --port 7 --enable-metrics --max-running-requests 8",
      true },
    { "llamacpp", NULL, "threads=1,2 flash-attn=off,on", "llama-server --model m --host 127.0.0.1 --port 7 --metrics --threads 2 --flash-attn on", true },
    { "trtllm", NULL, "max_batch_size=16,32", "trtllm-serve m --host 127.0.0.1 --port 7 --max_batch_size 32", true },
    /* Switches that are off by themselves are left out; --no- is for those that have it. */
    { "vllm", NULL, "enable-expert-parallel=true,false", "vllm serve m --host 127.0.0.1 --port 7", true },
    { "sglang", NULL, "disable-radix-cache=true,false", "python3 -m sglang.launch_server --model-path m --host 127.0.0.1 --port 7 --enable-metrics", true },
    { "sglang", NULL, "disable-radix-cache=false,true",
      "python3 -m sglang.launch_server --model-path m --host 127.0.0.1 --port 7 --enable-metrics --disable-radix-cache", true },
    { "sglang", NULL, "chunked-prefill-size=-1,8192 mem-fraction-static=0.8 kv-cache-dtype=fp8_e4m3 tp-size=2",
      "python3 -m sglang.launch_server --model-path m --host 127.0.0.1 --port 7 --enable-metrics --chunked-prefill-size 8192 --mem-fraction-static 0.8 "
      "--kv-cache-dtype fp8_e4m3 --tp-size 2", true },
    { "trtllm", NULL, "enable_chunked_prefill=true,false tp_size=2", "trtllm-serve m --host 127.0.0.1 --port 7 --tp_size 2", true },
    { "trtllm", NULL, "enable_chunked_prefill=false,true kv_cache_dtype=fp8 free_gpu_memory_fraction=0.8",
      "trtllm-serve m --host 127.0.0.1 --port 7 --enable_chunked_prefill --kv_cache_dtype fp8 --free_gpu_memory_fraction 0.8", true },
    { "llamacpp", NULL, "cache-prompt=true,false mlock=true,false parallel=4",
      "llama-server --model m --host 127.0.0.1 --port 7 --metrics --no-cache-prompt --parallel 4", true },
    { "vllm", NULL, "gpu-memory-utilization=0.9 tensor-parallel-size=1,2 kv-cache-dtype=auto,fp8",
      "vllm serve m --host 127.0.0.1 --port 7 --gpu-memory-utilization 0.9 --tensor-parallel-size 2 --kv-cache-dtype fp8", true },
    { NULL, "srv -p{port} 'a b' --n={n}", "n=1,2", "srv -p7 'a b' --n=2", true },
    { "vllm", "my vllm --port {port} --seqs {s}", "s=3", "my vllm --port 7 --seqs 3", true },
    { "vllm", NULL, "max-num-seq=32", "did you mean --max-num-seqs", false },
    { "vllm", NULL, "max-num-seqs=0,32", "max-num-seqs=0", false },
    { "engine", NULL, "thread=1", "it has threads, threads-batch, max-seqs", false },
    { "vllm", NULL, "frobnicate=1", "go with --engine-args", false },
    { "vlm", NULL, "a=1", "there are engine, llamacpp, sglang, trtllm, vllm", false },
    { NULL, "srv {n}", "n=1,2", "has no {port}", false },
    { NULL, "srv {port}", "n=1,2", "stands nowhere", false },
    { NULL, "srv {port} {n} {x}", "n=1,2", "holds {x}", false },
    { NULL, "srv {port} {n} {model} {\"json\": 1}", "n=1", "srv 7 1 m '{json:' '1}'", true },
};

static void test_launches(hg_arena arena)
{
    hg_data data = { NULL };
    for (size_t i = 0; i < sizeof launch_rows / sizeof *launch_rows; i++) {
        hg_adapter a = { .name = NULL };
        hg_tune_knobs k;
        hg_tune_space s;
        hg_err err = { .code = HG_DONE };
        const char *note, *text = "";
        bool ok = (!launch_rows[i].engine || hg_adapter_open(&arena, &data, launch_rows[i].engine, NULL, &a, &note, &err)) &&
                  (!launch_rows[i].launch || hg_adapter_command(&arena, launch_rows[i].launch, "--launch", &a, &err));
        a.model = "m";
        ok = ok && open_space(&arena, launch_rows[i].knobs, "", &k, &s, &err) && hg_adapter_takes(arena, &a, &k, "--knob", &err);
        if (ok)
            text = hg_adapter_text(&arena, hg_adapter_argv(&arena, &a, &k, &s, s.points - 1, 7));
        CHECKF(ok == launch_rows[i].good, "row %zu: %s %s", i, err.where, err.msg);
        CHECKF(ok ? strcmp(text, launch_rows[i].wants) == 0 : strstr(err.msg, launch_rows[i].wants) != NULL, "row %zu: %s", i, ok ? text : err.msg);
    }
}

/* Every adapter of the catalogue is read, and its knobs' table exists. */
static void test_adapters(hg_arena arena)
{
    hg_data data = { NULL };
    size_t n;
    char **names = hg_data_list(&data, &arena, "adapters", &n);
    CHECK(n >= 5);
    for (size_t i = 0; i < n; i++) {
        hg_adapter a;
        hg_err err = { .code = HG_DONE };
        const char *note, *name = hg_strndup(&arena, names[i], strlen(names[i]) - 5);
        CHECKF(hg_adapter_open(&arena, &data, name, NULL, &a, &note, &err), "%s: %s %s", name, err.where, err.msg);
        CHECKF(strcmp(a.name, name) == 0, "%s calls itself %s", name, a.name);
    }
}

static const char page[] = "# HELP a b\n# TYPE vllm:prompt_tokens_total counter\nvllm:prompt_tokens_total{model=\"m}{\",x=\"\\\"\"} 100\n"
                           "vllm:prompt_tokens_total{model=\"n\"} 20 1700000000\nvllm:generation_tokens_total 7e1\nnot a line\n{} 1\n"
                           "vllm:prompt_tokens_total_created 5\nvllm:num_requests_running NaN\n"
                           "vllm:time_to_first_token_seconds_bucket{le=\"0.5\",model=\"m\"} 5\n"
                           "vllm:time_to_first_token_seconds_bucket{le=\"0.1\",model=\"m\"} 1\n"
                           "vllm:time_to_first_token_seconds_bucket{le=\"0.1\",model=\"n\"} 1\n"
                           "vllm:time_to_first_token_seconds_bucket{le=\"+Inf\",model=\"m\"} 10\n"
                           "vllm:time_to_first_token_seconds_count 10\nvllm:time_to_first_token_seconds_sum 3\n"
                           "vllm:time_per_output_token_seconds_count 4\nvllm:request_time_per_output_token_seconds_count 3\n"
                           "vllm:time_per_output_token_seconds_count 4";

static void test_metrics(hg_arena arena)
{
    hg_data data = { NULL };
    hg_adapter a;
    hg_err err;
    const char *note;
    hg_scrape none, one;
    if (!hg_adapter_open(&arena, &data, "vllm", NULL, &a, &note, &err))
        return;
    hg_scrape_read(&a, "", &none);
    hg_scrape_read(&a, page, &one);
    CHECK(isnan(none.value[HG_SERIES_prompt_tokens]) && one.value[HG_SERIES_prompt_tokens] == 120 && one.value[HG_SERIES_answer_tokens] == 70);
    CHECK(isnan(one.value[HG_SERIES_running]) && one.value[HG_SERIES_ttft] == 10 && one.value[HG_SERIES_tpot] == 3);
    CHECK(one.buckets[HG_SERIES_ttft].count == 3 && one.buckets[HG_SERIES_ttft].below[0] == 2);
    CHECK(isnan(hg_scrape_since(&none, &one, HG_SERIES_prompt_tokens)) && hg_scrape_since(&one, &one, HG_SERIES_prompt_tokens) == 0);
    CHECK_NEAR(hg_scrape_quantile(&none, &one, HG_SERIES_ttft, 0.2), 0.1, 1e-9);
    CHECK_NEAR(hg_scrape_quantile(&none, &one, HG_SERIES_ttft, 0.35), 0.1 + 0.4 * 1.5 / 3, 1e-9);
    CHECK(hg_scrape_quantile(&none, &one, HG_SERIES_ttft, 0.9) == INFINITY && hg_scrape_last_edge(&one, HG_SERIES_ttft) == 0.5);
    CHECK(isnan(hg_scrape_quantile(&one, &one, HG_SERIES_ttft, 0.9)) && isnan(hg_scrape_quantile(&none, &one, HG_SERIES_e2e, 0.9)));
}

/* Lines as the engines' documents show them. */
static const struct {
    const char *engine, *line;
    hg_scraped series;
    double value;
} named[] = {
    { "vllm", "vllm:request_success_total{engine=\"0\",finished_reason=\"stop\",model_name=\"m\"} 3.0", HG_SERIES_requests, 3 },
    { "vllm", "vllm:prefix_cache_queries_total{engine=\"0\"} 90.0\nvllm:prefix_cache_hits_total{engine=\"0\"} 30.0", HG_SERIES_cached_tokens, 30 },
    { "vllm", "vllm:inter_token_latency_seconds_count{engine=\"0\"} 7", HG_SERIES_itl, 7 },
    { "vllm", "vllm:e2e_request_latency_seconds_bucket{le=\"0.3\"} 2\nvllm:e2e_request_latency_seconds_count 5", HG_SERIES_e2e, 5 },
    { "vllm", "vllm:num_requests_waiting{engine=\"0\"} 4\nvllm:num_requests_waiting{engine=\"1\"} 1", HG_SERIES_waiting, 5 },
    { "sglang", "sglang:num_requests_total{model_name=\"m\"} 826", HG_SERIES_requests, 826 },
    { "sglang", "sglang:prompt_tokens_total{model_name=\"meta-llama/Llama-3.1-8B-Instruct\"} 8.128902e+06", HG_SERIES_prompt_tokens, 8128902 },
    { "sglang", "sglang:generation_tokens_total{model_name=\"m\"} 7.557572e+06", HG_SERIES_answer_tokens, 7557572 },
    { "sglang", "sglang:cached_tokens_total{cache_source=\"device\"} 5\nsglang:cached_tokens_total{cache_source=\"host\"} 2", HG_SERIES_cached_tokens, 7 },
    { "sglang", "sglang:time_to_first_token_seconds_bucket{le=\"0.001\"} 0\nsglang:time_to_first_token_seconds_count 11008", HG_SERIES_ttft, 11008 },
    { "sglang", "sglang:inter_token_latency_seconds_count 12", HG_SERIES_itl, 12 },
    { "sglang", "sglang:num_queue_reqs{model_name=\"m\"} 2826.0", HG_SERIES_waiting, 2826 },
    { "trtllm", "trtllm_request_success_total{finished_reason=\"length\",model_name=\"m\"} 6\ntrtllm_request_success_total{finished_reason=\"stop\"} 1",
      HG_SERIES_requests, 7 },
    { "trtllm", "trtllm_prompt_tokens_total 40\ntrtllm_generation_tokens_total 20\ntrtllm_prompt_cached_tokens_total 8", HG_SERIES_cacheable_tokens, 40 },
    { "trtllm", "trtllm_generation_tokens_total 20", HG_SERIES_answer_tokens, 20 },
    { "trtllm", "trtllm_time_per_output_token_seconds_count{engine_type=\"trtllm\"} 3", HG_SERIES_tpot, 3 },
    { "llamacpp", "# TYPE llamacpp:prompt_tokens_total counter\nllamacpp:prompt_tokens_total 12", HG_SERIES_prompt_tokens, 12 },
    { "llamacpp", "llamacpp:tokens_predicted_total 34\nllamacpp:predicted_tokens_seconds 99", HG_SERIES_answer_tokens, 34 },
    { "llamacpp", "llamacpp:requests_deferred 2", HG_SERIES_waiting, 2 },
    { "engine", "engine_requests_total 9\nprocess_cpu_seconds_total 1.5", HG_SERIES_cpu_s, 1.5 },
};

static void test_names(hg_arena arena)
{
    hg_data data = { NULL };
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        hg_arena scratch = arena;
        hg_adapter a;
        hg_err err;
        const char *note;
        hg_scrape seen;
        CHECK(hg_adapter_open(&scratch, &data, named[i].engine, NULL, &a, &note, &err));
        hg_scrape_read(&a, named[i].line, &seen);
        CHECKF(seen.value[named[i].series] == named[i].value, "row %zu: %g", i, seen.value[named[i].series]);
    }
}

/* Values of an engine's own server in the terms of a deployment. */
static void test_means(hg_arena arena)
{
    hg_data data = { NULL };
    hg_adapter a;
    hg_err err;
    const char *note;
    if (!hg_adapter_open(&arena, &data, "engine", NULL, &a, &note, &err))
        return;
    CHECK_STR(hg_adapter_carries(&a, "kv-type"), "kv_dtype");
    CHECK_STR(hg_adapter_means(&a, "kv-type", "q8_0"), "fp8");
    CHECK_STR(hg_adapter_means(&a, "prefix-cache", "off"), "false");
    CHECK_STR(hg_adapter_means(&a, "token-budget", "0"), "{batch}");
    CHECK_STR(hg_adapter_means(&a, "token-budget", "64"), "64");
    CHECK(!hg_adapter_means(&a, "kv-type", "q4_0") && !hg_adapter_carries(&a, "threads"));
}

static void test_hopeless(void)
{
    hg_slo slo = { .limits = { { HG_TTFT, 0.9, 1.0 } }, .count = 1 }, none = { .count = 0 };
    hg_outcome as;
    char why[200];
    const struct {
        hg_stakes s;
        hg_live_now now;
        bool stops;
        hg_outcome as;
    } rows[] = {
        /* 100 requests of 10 tokens in 6 s at best: 167/s, the best has 100 or 1000. */
        { { HG_MAX_THROUGHPUT, 100, 100, 10, &none }, { .elapsed_s = 6, .done_frac = 0.1 }, false, HG_TRIAL_OK },
        { { HG_MAX_THROUGHPUT, 1000, 100, 10, &none }, { .elapsed_s = 6, .done_frac = 0.1 }, true, HG_TRIAL_HOPELESS },
        { { HG_MAX_THROUGHPUT, 1000, 100, 10, &none }, { .elapsed_s = 1, .done_frac = 0.1 }, false, HG_TRIAL_OK },
        { { HG_MAX_THROUGHPUT, NAN, 100, 10, &none }, { .elapsed_s = 600, .done_frac = 0.1 }, false, HG_TRIAL_OK },
        { { HG_MAX_THROUGHPUT, 1000, 0, 10, &none }, { .elapsed_s = 600, .done_frac = 0.1 }, false, HG_TRIAL_OK },
        { { HG_MAX_TOKENS_PER_CPU, 1000, 100, 10, &none }, { .elapsed_s = 600, .done_frac = 0.1 }, false, HG_TRIAL_OK },
        { { HG_MAX_GOODPUT, 10, 100, 10, &slo }, { .elapsed_s = 30, .done_frac = 0.1, .ttft_p50_s = 0.5 }, true, HG_TRIAL_HOPELESS },
        /* Half of a fifth, and not yet half of a little more than that, is over the limit. */
        { { HG_MAX_GOODPUT, NAN, 100, 10, &slo }, { .elapsed_s = 6, .done_frac = 0.19, .ttft_p50_s = 2 }, false, HG_TRIAL_OK },
        { { HG_MAX_GOODPUT, NAN, 100, 10, &slo }, { .elapsed_s = 6, .done_frac = 0.21, .ttft_p50_s = 2 }, true, HG_TRIAL_BROKE_SLO },
        { { HG_MAX_GOODPUT, NAN, 100, 10, &slo }, { .elapsed_s = 6, .done_frac = 0.9, .ttft_p50_s = NAN }, false, HG_TRIAL_OK },
        { { HG_MAX_GOODPUT, NAN, 100, 10, &none }, { .elapsed_s = 0.1, .done_frac = 0.1, .complete = 10, .failed = 5 }, true, HG_TRIAL_REFUSED },
        { { HG_MAX_GOODPUT, NAN, 1000, 10, &none }, { .elapsed_s = 0.1, .done_frac = 0.1, .complete = 90, .failed = 5 }, false, HG_TRIAL_OK },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool stops = hg_hopeless(&rows[i].s, &rows[i].now, &as, why, sizeof why);
        CHECKF(stops == rows[i].stops && (!stops || as == rows[i].as), "row %zu: %d %s", i, stops, why);
    }
}

static bool alive(pid_t pid)
{
    int status;
    return waitpid(pid, &status, WNOHANG) == 0;
}

/* What we start is ended, its children in sessions of their own too; nothing else is. */
static void test_processes(hg_arena arena, const char *folder)
{
    hg_process p;
    hg_err err;
    const char *log = hg_textf(&arena, "%s/p.log", folder);
    const char *family[] = { "sh", "-c", "setsid sh -c 'echo $$ >&2; exec sleep 1000' & trap '' TERM; echo up; wait; sleep 1000", NULL };
    const char *missing[] = { "/nowhere/server", NULL }, *brief[] = { "sh", "-c", "echo CUDA Out Of Memory, alas; exit 3", NULL };
    pid_t bystander = fork();
    if (bystander == 0) {
        execlp("sleep", "sleep", "1000", (char *)NULL);
        _exit(127);
    }
    CHECKF(hg_process_start(&p, family, log, &err), "%s %s", err.where, err.msg);
    const char *tail = NULL;
    while (!(tail = hg_log_tail(&arena, log)) || !strstr(tail, "up") || !strpbrk(tail, "123456789"))
        usleep(1000);
    pid_t grandchild = (pid_t)atoi(strpbrk(tail, "123456789"));
    CHECK(!hg_process_ended(&p) && kill(grandchild, 0) == 0);
    hg_process_id stranger = p.id;
    hg_process_stop(&p, 0.05); /* the leader does not hear SIGTERM */
    CHECK(p.id.pid == 0 && hg_process_ended(&p));
    for (int i = 0; kill(grandchild, 0) == 0 && i < 10000; i++)
        usleep(1000); /* reaped by init */
    CHECK(kill(grandchild, 0) != 0);
    stranger.pid = bystander; /* a pid that was used anew: neither its start nor its token are ours */
    CHECK(hg_process_sweep(&stranger) == 0 && alive(bystander));
    memset(stranger.boot, 'x', 5);
    stranger.start_ticks = 0;
    CHECK(hg_process_sweep(&stranger) == 0 && alive(bystander));
    CHECK(!hg_process_start(&p, missing, log, &err) && strstr(err.msg, "cannot be started: No such file"));
    CHECK(!hg_process_start(&p, brief, "/nowhere/log", &err) && strcmp(err.where, "/nowhere/log") == 0);
    CHECK(hg_process_start(&p, brief, log, &err));
    while (!hg_process_ended(&p))
        usleep(1000);
    const char *signs[] = { "cuda out of memory" };
    CHECK_STR(hg_process_how(&arena, &p), "ended with exit code 3");
    CHECK_STR(hg_log_finds(&arena, hg_log_tail(&arena, log), signs, 1), "CUDA Out Of Memory, alas");
    hg_process_stop(&p, 1);
    kill(bystander, SIGKILL);
    waitpid(bystander, NULL, 0);
}

/* ---- the order of trials ---- */

typedef struct script {
    const hg_tune_space *space;
    size_t tried, fail_at;     /* the try that the world ends; SIZE_MAX: none */
    uint64_t seen[64];         /* points and roles in order */
} script;

static double worth(size_t point)
{
    return point == 5 ? 200 : 100 - (double)point;
}

static bool play(void *ctx, double best, hg_trial *t, hg_err *err)
{
    script *s = ctx;
    (void)best;
    if (s->tried == s->fail_at)
        return hg_fail(err, HG_WORLD, "test", "ends here");
    if (s->tried < 64)
        s->seen[s->tried] = t->point * 8 + (uint64_t)t->role;
    s->tried++;
    t->outcome = t->point == 3 ? HG_TRIAL_DIED : HG_TRIAL_OK;
    t->output_tokens_per_s = t->point == 3 ? NAN : worth(t->point);
    return true;
}

static bool run_script(hg_arena *arena, const char *path, script *s, size_t trials, const hg_tune_knobs *k, const hg_tune_space *space, hg_session_result *r)
{
    bool fresh;
    hg_err err = { .code = HG_DONE };
    hg_store *store = hg_store_open(arena, path, &fresh, &err);
    CHECKF(store, "%s %s", err.where, err.msg);
    hg_session q = { .knobs = k, .space = space, .strategy = HG_TUNE_RANDOM, .objective = HG_MAX_THROUGHPUT, .seed = 3, .trials = trials, .repeats = 2,
                     .store = store, .ctx = s, .try = play };
    bool ok = store && hg_session_run(arena, &q, r, &err);
    hg_store_close(store);
    return ok;
}

static void test_order(hg_arena arena, const char *folder)
{
    hg_tune_knobs k;
    hg_tune_space space;
    hg_session_result r;
    hg_err err;
    script whole = { .fail_at = SIZE_MAX };
    if (!open_space(&arena, "a=1..128", "", &k, &space, &err))
        return;
    CHECK(run_script(&arena, hg_textf(&arena, "%s/whole.db", folder), &whole, 12, &k, &space, &r));
    CHECK(r.count == 12 && r.end == HG_SESSION_DONE && r.winner == 5 && r.confirmed && r.pair_count == 2);
    CHECK_NEAR(r.gain_frac, 1.0, 1e-9);
    CHECK(r.trials[0].role == HG_ROLE_BASELINE && r.trials[11].role == HG_ROLE_BASELINE && r.trials[11].point == space.baseline);
    CHECK(r.trials[8].role == HG_ROLE_CONFIRM && r.trials[9].role == HG_ROLE_BASELINE && r.trials[10].role == HG_ROLE_CONFIRM);
    /* Its end is its end. */
    script none = { .fail_at = 0 };
    hg_session_result on;
    CHECK(run_script(&arena, hg_textf(&arena, "%s/whole.db", folder), &none, 12, &k, &space, &on) && none.tried == 0 && on.count == 12 && on.confirmed);
    /* Ended before each trial and taken up again: the same trials, none twice, none lost. */
    for (size_t at = 0; at < 12; at++) {
        const char *path = hg_textf(&arena, "%s/cut%zu.db", folder, at);
        script first = { .fail_at = at }, second = { .fail_at = SIZE_MAX };
        hg_session_result again;
        CHECK(!run_script(&arena, path, &first, 12, &k, &space, &again));
        CHECK(run_script(&arena, path, &second, 12, &k, &space, &again));
        CHECKF(first.tried + second.tried == 12 && again.lost == 1 && again.count == 12, "cut at %zu: %zu + %zu, %zu lost", at, first.tried,
               second.tried, again.lost);
        for (size_t i = 0; i < 12; i++)
            CHECKF((i < at ? first.seen[i] : second.seen[i - at]) == whole.seen[i], "cut at %zu: trial %zu is another", at, i);
        CHECK(again.winner == 5 && again.confirmed);
    }
}

/* A finished session that is given more trials explores on, and turns again. */
static void test_more(hg_arena arena, const char *folder)
{
    hg_tune_knobs k;
    hg_tune_space space;
    hg_session_result r;
    hg_err err;
    script first = { .fail_at = SIZE_MAX }, more = { .fail_at = SIZE_MAX };
    const char *path = hg_textf(&arena, "%s/more.db", folder);
    if (!open_space(&arena, "a=1..1024", "", &k, &space, &err))
        return;
    CHECK(run_script(&arena, path, &first, 10, &k, &space, &r) && r.count == 10 && r.pair_count == 2);
    CHECK(run_script(&arena, path, &more, 17, &k, &space, &r) && r.count == 17 && r.pair_count == 2 && more.tried == 7);
    for (size_t i = 10; i < 17; i++)
        CHECK(r.trials[i].role == (i < 13 ? HG_ROLE_EXPLORE : i % 2 ? HG_ROLE_CONFIRM : HG_ROLE_BASELINE));
}

static void test_store(hg_arena arena, const char *folder)
{
    bool fresh;
    hg_err err;
    hg_stored *all = NULL;
    size_t n;
    const char *path = hg_textf(&arena, "%s/store.db", folder), *other = hg_textf(&arena, "%s/text", folder);
    hg_store *s = hg_store_open(&arena, path, &fresh, &err);
    CHECK(s && fresh);
    CHECK(!hg_store_open(&arena, path, &fresh, &err) && strstr(err.msg, "in use by another heng tune"));
    hg_trial t = { .role = HG_ROLE_EXPLORE, .log = "a.log" };
    hg_trial_blank(&t);
    t.good_per_s = 1.5;
    const char *rows[][2] = { { "k", "it's" } };
    CHECK(hg_store_ask(s, (const char *const (*)[2])rows, 1, &err) && hg_store_begin(s, &t, "a=1", &err) && t.id == 1);
    CHECK(hg_store_phase(s, 1, "launch", &err) && hg_store_phase(s, 1, NULL, &err));
    t.why = "it's so";
    t.outcome = HG_TRIAL_BROKE_SLO;
    CHECK(hg_store_finish(s, &t, &err) && hg_store_begin(s, &t, "a=2", &err) && t.id == 2);
    hg_store_close(s);
    s = hg_store_open(&arena, path, &fresh, &err);
    CHECK(s && !fresh);
    CHECK_STR(hg_store_asked(s, &arena, "k", &err), "it's");
    CHECK(!hg_store_asked(s, &arena, "j", &err) && err.code == HG_DONE);
    CHECK(hg_store_close_lost(s, &n, &err) && n == 1 && hg_store_trials(s, &arena, &all, &n, &err) && n == 2);
    CHECK(all[0].trial.outcome == HG_TRIAL_BROKE_SLO && all[0].trial.good_per_s == 1.5 && isnan(all[0].trial.ttft_p50_s));
    CHECK_STR(all[0].trial.why, "it's so");
    CHECK_STR(all[1].point, "a=2");
    CHECK(all[1].trial.outcome == HG_TRIAL_LOST && hg_store_clear(s, &err) && hg_store_trials(s, &arena, &all, &n, &err) && n == 0);
    hg_store_close(s);
    CHECK(hg_file_write(other, "no database, but long enough to be read as one: ................................................................", 100, true,
                        &err));
    CHECK(!hg_store_open(&arena, other, &fresh, &err) && strstr(err.msg, "no store of heng tune"));
    CHECK(!hg_store_open(&arena, "/nowhere/x.db", &fresh, &err));
}

void test_tune_parts(void)
{
    hg_arena arena;
    char folder[] = "/tmp/heng-tune-XXXXXX", command[64];
    if (!hg_arena_open(&arena, (size_t)1 << 30) || !mkdtemp(folder))
        return;
    test_knobs(arena);
    test_space(arena);
    test_launches(arena);
    test_adapters(arena);
    test_metrics(arena);
    test_names(arena);
    test_means(arena);
    test_hopeless();
    test_processes(arena, folder);
    test_store(arena, folder);
    test_order(arena, folder);
    test_more(arena, folder);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    CHECK(system(command) == 0);
    hg_arena_close(&arena);
}

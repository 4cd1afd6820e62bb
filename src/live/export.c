#include "live/export.h"

#include "base/num.h"

#include "base/json.h"
#include "base/rng.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

static const char *date(hg_arena *arena, double unix_s, const char *format)
{
    char text[40];
    time_t t = (time_t)unix_s;
    struct tm utc;
    gmtime_r(&t, &utc);
    strftime(text, sizeof text, format, &utc);
    return hg_strdup(arena, text);
}

/* vLLM counts nothing but 0 where nothing was measured. */
static double or_zero(double x)
{
    return isfinite(x) ? x : 0;
}

static void vllm_metric(hg_json *j, hg_arena *arena, const char *name, const hg_spread *s)
{
    const struct {
        const char *prefix;
        double s;
    } rows[] = { { "mean", s->mean }, { "median", s->p50 }, { "std", s->std }, { "p50", s->p50 },
                 { "p90", s->p90 }, { "p95", s->p95 }, { "p99", s->p99 } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        hg_json_key_num(j, hg_textf(arena, "%s_%s_ms", rows[i].prefix, name), 1e3 * or_zero(rows[i].s));
}

typedef void row_fn(hg_json *j, const hg_live_record *r);

static double since_sent_s(const hg_live_record *r, int64_t ns)
{
    return r->fault == HG_FAULT_NONE ? (double)(ns - r->sent_ns) * 1e-9 : 0;
}

static void prompt_row(hg_json *j, const hg_live_record *r) { hg_json_int(j, r->prompt_tokens >= 0 ? r->prompt_tokens : r->isl); }
static void output_row(hg_json *j, const hg_live_record *r) { hg_json_int(j, r->fault == HG_FAULT_NONE ? hg_record_tokens(r) : 0); }
static void ttft_row(hg_json *j, const hg_live_record *r) { hg_json_num(j, since_sent_s(r, r->first_ns)); }
static void start_row(hg_json *j, const hg_live_record *r) { hg_json_num(j, (double)r->sent_ns * 1e-9); }
static void error_row(hg_json *j, const hg_live_record *r) { hg_json_str(j, r->said ? r->said : ""); }

static void gaps_row(hg_json *j, const hg_live_record *r)
{
    hg_json_open(j, '[');
    for (uint32_t i = 0; r->fault == HG_FAULT_NONE && i + 1 < r->chunks; i++)
        hg_json_num(j, r->gaps[i].s);
    hg_json_close(j, ']');
}

static void rows(hg_json *j, const hg_export *e, const char *key, row_fn *write)
{
    hg_json_key(j, key);
    hg_json_open(j, '[');
    for (size_t i = 0; i < e->run->count; i++)
        if (hg_live_counts(e->run, e->window, &e->run->records[i]))
            write(j, &e->run->records[i]);
    hg_json_close(j, ']');
}

/* A number as one. */
static void add_fact(hg_json *j, const hg_export_fact *f)
{
    double v;
    if (hg_parse_f64(f->value, &v))
        hg_json_key_num(j, f->key, v);
    else
        hg_json_key_str(j, f->key, f->value);
}

const char *hg_export_vllm(hg_arena *arena, const hg_export *e)
{
    const hg_live_figures *f = e->figures;
    hg_buf out = { .arena = arena };
    hg_json j = { .out = &out };
    hg_json_open(&j, '{');
    hg_json_key_str(&j, "date", date(arena, e->run->begin_unix_s, "%Y%m%d-%H%M%S"));
    hg_json_key_str(&j, "endpoint_type", e->prompts->chat ? "openai-chat" : "openai");
    hg_json_key_str(&j, "backend", e->prompts->chat ? "openai-chat" : "openai");
    hg_json_key_str(&j, "label", "heng " HENG_VERSION);
    hg_json_key_str(&j, "model_id", e->prompts->model);
    hg_json_key_str(&j, "tokenizer_id", NULL);
    for (size_t i = 0; i < e->fact_count; i++)
        add_fact(&j, &e->facts[i]);
    hg_json_key_int(&j, "num_prompts", (int64_t)f->counted);
    if (isfinite(e->rate_per_s))
        hg_json_key_num(&j, "request_rate", e->rate_per_s);
    else
        hg_json_key_str(&j, "request_rate", "inf");
    hg_json_key_num(&j, "burstiness", e->workload->burstiness > 0 ? e->workload->burstiness : 1);
    if (e->concurrency)
        hg_json_key_int(&j, "max_concurrency", e->concurrency);
    else
        hg_json_key_str(&j, "max_concurrency", NULL);
    hg_json_key_num(&j, "duration", f->window_s);
    hg_json_key_int(&j, "completed", (int64_t)f->complete);
    hg_json_key_int(&j, "failed", (int64_t)(f->failed + f->unfinished));
    hg_json_key_int(&j, "total_input_tokens", llround(or_zero(f->isl.mean) * (double)f->isl.n));
    hg_json_key_int(&j, "total_output_tokens", llround(or_zero(f->osl.mean) * (double)f->osl.n));
    hg_json_key_num(&j, "request_throughput", f->requests_per_s);
    if (e->slo->count)
        hg_json_key_num(&j, "request_goodput", f->good_per_s);
    else
        hg_json_key_str(&j, "request_goodput", NULL);
    hg_json_key_num(&j, "output_throughput", f->output_tokens_per_s);
    hg_json_key_num(&j, "total_token_throughput", f->total_tokens_per_s);
    hg_json_key_num(&j, "max_output_tokens_per_s", f->peak_output_tokens_per_s);
    hg_json_key_int(&j, "max_concurrent_requests", f->concurrency_max);
    vllm_metric(&j, arena, "ttft", &f->ttft_from_send);
    vllm_metric(&j, arena, "tpot", &f->latency[HG_TPOT]);
    vllm_metric(&j, arena, "itl", &f->icl);
    vllm_metric(&j, arena, "e2el", &f->e2e_from_send);
    rows(&j, e, "input_lens", prompt_row);
    rows(&j, e, "output_lens", output_row);
    rows(&j, e, "ttfts", ttft_row);
    rows(&j, e, "itls", gaps_row);
    rows(&j, e, "start_times", start_row);
    rows(&j, e, "errors", error_row);
    hg_json_close(&j, '}');
    hg_buf_puts(&out, "\n");
    return out.s;
}

static void llmd_statistics(hg_json *j, const char *key, const char *units, const hg_spread *s)
{
    const struct {
        const char *name;
        double value;
    } rows[] = { { "mean", s->mean }, { "stddev", s->std }, { "min", s->min }, { "p1", s->p1 }, { "p5", s->p5 }, { "p10", s->p10 },
                 { "p25", s->p25 }, { "p50", s->p50 }, { "p75", s->p75 }, { "p90", s->p90 }, { "p95", s->p95 }, { "p99", s->p99 },
                 { "p99p9", s->p999 }, { "max", s->max } };
    if (s->n == 0)
        return;
    hg_json_key(j, key);
    hg_json_open(j, '{');
    hg_json_key_str(j, "units", units);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        hg_json_key_num(j, rows[i].name, rows[i].value);
    hg_json_close(j, '}');
}

static void llmd_rate(hg_json *j, const char *key, const char *units, double value)
{
    hg_json_key(j, key);
    hg_json_open(j, '{');
    hg_json_key_str(j, "units", units);
    hg_json_key_num(j, "mean", value);
    hg_json_close(j, '}');
}

/* The workload's lengths: one value, or what their spread is called there. */
static void llmd_lengths(hg_json *j, const hg_workload *w, const char *key, bool of_output)
{
    int64_t lo = INT64_MAX, hi = 0, sum = 0;
    for (size_t i = 0; i < w->count; i++) {
        int64_t n = of_output ? w->requests[i].osl : w->requests[i].isl;
        lo = n < lo ? n : lo;
        hi = n > hi ? n : hi;
        sum += n;
    }
    hg_json_key(j, key);
    hg_json_open(j, '{');
    hg_json_key_str(j, "distribution", lo == hi ? "fixed" : "other");
    hg_json_key_num(j, "value", (double)sum / (double)w->count);
    hg_json_key_int(j, "min", lo);
    hg_json_key_int(j, "max", hi);
    hg_json_close(j, '}');
}

static void llmd_prefix(hg_json *j, const hg_prompts *p, size_t requests)
{
    hg_json_key(j, "prefix");
    hg_json_open(j, '{');
    hg_json_key(j, "prefix_len");
    hg_json_open(j, '{');
    hg_json_key_str(j, "distribution", "fixed");
    hg_json_key_int(j, "value", p->shared_tokens);
    hg_json_close(j, '}');
    hg_json_key_int(j, "num_groups", p->groups);
    hg_json_key_int(j, "num_users_per_group", (int64_t)(requests / (size_t)p->groups + 1));
    hg_json_key_int(j, "num_prefixes", 1);
    hg_json_close(j, '}');
}

static void llmd_load(hg_json *j, const hg_export *e)
{
    hg_json_key(j, "load");
    hg_json_open(j, '{');
    hg_json_key(j, "metadata");
    hg_json_open(j, '{');
    hg_json_key_str(j, "schema_version", "0.0.1");
    hg_json_key_str(j, "description", e->workload->name);
    hg_json_close(j, '}');
    hg_json_key(j, "standardized");
    hg_json_open(j, '{');
    hg_json_key_str(j, "tool", "heng");
    hg_json_key_str(j, "tool_version", HENG_VERSION);
    hg_json_key_str(j, "source", "random");
    hg_json_key_int(j, "stage", 0);
    llmd_lengths(j, e->workload, "input_seq_len", false);
    llmd_lengths(j, e->workload, "output_seq_len", true);
    if (e->prompts->shared_tokens > 0)
        llmd_prefix(j, e->prompts, e->run->count);
    if (isfinite(e->rate_per_s))
        hg_json_key_num(j, "rate_qps", e->rate_per_s);
    if (e->concurrency)
        hg_json_key_int(j, "concurrency", e->concurrency);
    hg_json_close(j, '}');
    hg_json_key(j, "native");
    hg_json_open(j, '{');
    hg_json_key(j, "args");
    hg_json_open(j, '{');
    hg_json_key_str(j, "url", e->url);
    hg_json_key_num(j, "warmup_s", e->window->warmup_s);
    hg_json_key_num(j, "cooldown_s", e->window->cooldown_s);
    hg_json_key_int(j, "turns", e->load->turns);
    hg_json_key_int(j, "seed", (int64_t)e->load->seed);
    hg_json_close(j, '}');
    hg_json_close(j, '}');
    hg_json_close(j, '}');
}

static void llmd_stack(hg_json *j, const hg_export *e)
{
    hg_json_key(j, "stack");
    hg_json_open(j, '[');
    hg_json_open(j, '{');
    hg_json_key(j, "metadata");
    hg_json_open(j, '{');
    hg_json_key_str(j, "schema_version", "0.0.1");
    hg_json_key_str(j, "label", "endpoint");
    hg_json_key_str(j, "cfg_id", "unknown");
    hg_json_close(j, '}');
    hg_json_key(j, "standardized");
    hg_json_open(j, '{');
    hg_json_key_str(j, "kind", "generic");
    hg_json_key_str(j, "tool", "openai-compatible");
    hg_json_key_str(j, "tool_version", "unknown");
    hg_json_key_str(j, "model", e->prompts->model);
    hg_json_close(j, '}');
    hg_json_key(j, "native");
    hg_json_open(j, '{');
    hg_json_close(j, '}');
    hg_json_close(j, '}');
    hg_json_close(j, ']');
}

static void llmd_results(hg_json *j, const hg_live_figures *f)
{
    hg_json_key(j, "request_performance");
    hg_json_open(j, '{');
    hg_json_key(j, "aggregate");
    hg_json_open(j, '{');
    hg_json_key(j, "requests");
    hg_json_open(j, '{');
    hg_json_key_int(j, "total", (int64_t)f->counted);
    hg_json_key_int(j, "failures", (int64_t)f->failed);
    hg_json_key_int(j, "incomplete", (int64_t)f->unfinished);
    llmd_statistics(j, "input_length", "count", &f->isl);
    llmd_statistics(j, "output_length", "count", &f->osl);
    hg_json_close(j, '}');
    hg_json_key(j, "latency");
    hg_json_open(j, '{');
    llmd_statistics(j, "time_to_first_token", "s", &f->latency[HG_TTFT]);
    llmd_statistics(j, "time_per_output_token", "s/token", &f->latency[HG_TPOT]);
    llmd_statistics(j, "inter_token_latency", "s/token", &f->latency[HG_ITL]);
    llmd_statistics(j, "request_latency", "s", &f->latency[HG_E2E]);
    hg_json_close(j, '}');
    hg_json_key(j, "throughput");
    hg_json_open(j, '{');
    llmd_rate(j, "input_token_rate", "tokens/s", f->input_tokens_per_s);
    llmd_rate(j, "output_token_rate", "tokens/s", f->output_tokens_per_s);
    llmd_rate(j, "total_token_rate", "tokens/s", f->total_tokens_per_s);
    llmd_rate(j, "request_rate", "queries/s", f->requests_per_s);
    hg_json_close(j, '}');
    hg_json_close(j, '}');
    hg_json_close(j, '}');
}

/* From the time of the run and what was asked: two reports of one run are the same. */
static const char *unique_id(hg_arena *arena, const hg_export *e)
{
    uint64_t mix = 0xcbf29ce484222325u;
    for (const char *p = e->url; *p; p++)
        mix = (mix ^ (unsigned char)*p) * 0x100000001b3u;
    hg_rng r = hg_rng_seed(mix, (uint64_t)(e->run->begin_unix_s * 1e6));
    return hg_textf(arena, "%016" PRIx64 "%016" PRIx64, hg_rng_u64(&r), hg_rng_u64(&r));
}

const char *hg_export_llmd(hg_arena *arena, const hg_export *e)
{
    hg_buf out = { .arena = arena };
    hg_json j = { .out = &out };
    double begin_s = e->run->begin_unix_s;
    hg_json_open(&j, '{');
    hg_json_key_str(&j, "version", "0.2");
    hg_json_key(&j, "run");
    hg_json_open(&j, '{');
    hg_json_key_str(&j, "uid", unique_id(arena, e));
    hg_json_key(&j, "time");
    hg_json_open(&j, '{');
    hg_json_key_str(&j, "start", date(arena, begin_s, "%Y-%m-%dT%H:%M:%SZ"));
    hg_json_key_str(&j, "end", date(arena, begin_s + e->run->duration_s, "%Y-%m-%dT%H:%M:%SZ"));
    hg_json_key_str(&j, "duration", hg_textf(arena, "PT%.6fS", e->run->duration_s));
    hg_json_close(&j, '}');
    hg_json_key(&j, "keywords");
    hg_json_open(&j, '[');
    hg_json_str(&j, "measured");
    hg_json_close(&j, ']');
    hg_json_close(&j, '}');
    hg_json_key(&j, "scenario");
    hg_json_open(&j, '{');
    llmd_stack(&j, e);
    llmd_load(&j, e);
    hg_json_close(&j, '}');
    hg_json_key(&j, "results");
    hg_json_open(&j, '{');
    llmd_results(&j, e->figures);
    hg_json_close(&j, '}');
    hg_json_close(&j, '}');
    hg_buf_puts(&out, "\n");
    return out.s;
}

enum { SHARED_BLOCK = 16 /* tokens a hash of a prefix the question shares: what engines cache by */ };

/* Blocks of a shared prefix bear their group's ids, all others their own. */
static void shared_hashes(hg_buf *out, const hg_prompts *p, size_t number, int64_t isl)
{
    int64_t group = hg_prompt_group(p, number);
    for (int64_t i = 0; i * SHARED_BLOCK < isl; i++) {
        bool shared = (i + 1) * SHARED_BLOCK <= p->shared_tokens;
        hg_buf_printf(out, "%s%" PRId64, i ? " " : ",", shared ? group << 20 | i : (int64_t)(number + 1) << 40 | i);
    }
}

static void trace_hashes(hg_buf *out, const hg_workload *w, const hg_request *q)
{
    for (uint32_t k = 0; k < q->hash_count; k++)
        hg_buf_printf(out, "%s%" PRId64, k ? " " : ",", w->hashes[q->hash_first + k]);
    if (q->hash_count == 0)
        hg_buf_puts(out, ",");
}

const char *hg_export_workload(hg_arena *arena, const hg_export *e)
{
    const hg_workload *w = e->workload;
    bool hashes = w->hash_block_tokens > 0, shared = !hashes && e->prompts->shared_tokens > 0 && e->load->turns == 1;
    hg_buf out = { .arena = arena };
    hg_buf_puts(&out, hashes || shared ? "arrival_s,isl,osl,prefix_hashes\n" : "arrival_s,isl,osl\n");
    for (size_t i = 0; i < e->run->count; i++) {
        const hg_live_record *r = &e->run->records[i];
        bool good = r->fault == HG_FAULT_NONE;
        int64_t isl = good && r->prompt_tokens > 0 && !hashes ? r->prompt_tokens : r->isl, osl = good ? hg_record_tokens(r) : r->osl;
        hg_buf_printf(&out, "%.9f,%" PRId64 ",%" PRId64, (double)r->intended_ns * 1e-9, isl, osl);
        if (hashes)
            trace_hashes(&out, w, &w->requests[r->number % w->count]);
        else if (shared)
            shared_hashes(&out, e->prompts, r->number, isl);
        hg_buf_puts(&out, "\n");
    }
    return out.s;
}

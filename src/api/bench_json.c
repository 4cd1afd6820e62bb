#include "api/bench.h"

#include <math.h>

static void spread(hg_json *j, const char *key, const hg_spread *s)
{
    hg_json_key(j, key);
    hg_json_open(j, '{');
    hg_json_key_num(j, "mean", s->mean);
    hg_json_key_num(j, "std", s->std);
    hg_json_key_num(j, "min", s->min);
    hg_json_key_num(j, "p50", s->p50);
    hg_json_key_num(j, "p90", s->p90);
    hg_json_key_num(j, "p95", s->p95);
    hg_json_key_num(j, "p99", s->p99);
    hg_json_key_num(j, "max", s->max);
    hg_json_close(j, '}');
}

static void load(hg_json *j, const hg_bench *b, const hg_bench_stage *stage)
{
    const hg_workload *w = &b->workload;
    const hg_live_load *l = &b->load;
    bool ramp = l->ramp.from_per_s + l->ramp.to_per_s > 0, closed = w->load == HG_LOAD_CLOSED || (b->sweep && stage->rate_per_s == 0);
    hg_json_key(j, "load");
    hg_json_open(j, '{');
    hg_json_key_str(j, "kind", closed ? "closed" : ramp ? "ramp" : w->load == HG_LOAD_REPLAY ? "replay" : "rate");
    if (closed)
        hg_json_key_int(j, "concurrency", w->load == HG_LOAD_CLOSED ? w->concurrency : 1);
    if (ramp) {
        hg_json_key_num(j, "from_per_s", l->ramp.from_per_s);
        hg_json_key_num(j, "to_per_s", l->ramp.to_per_s);
    } else if (w->load == HG_LOAD_RATE && !closed) {
        hg_json_key_num(j, "rate_per_s", b->sweep ? stage->rate_per_s : w->rate_per_s);
    }
    if (!closed && w->load == HG_LOAD_RATE)
        hg_json_key_num(j, "burstiness", w->burstiness);
    if (w->load == HG_LOAD_REPLAY)
        hg_json_key_num(j, "speedup", w->speedup);
    hg_json_key_str(j, "workload", w->name);
    hg_json_key_int(j, "turns", l->turns);
    hg_json_key_num(j, "think_s", l->think_s);
    hg_json_key_int(j, "shared_prefix", b->prompts.shared_tokens);
    hg_json_key_int(j, "prefix_groups", b->prompts.groups);
    hg_json_key_num(j, "duration_asked_s", l->duration_s > 0 ? l->duration_s : NAN);
    hg_json_key_int(j, "seed", (int64_t)l->seed);
    hg_json_close(j, '}');
}

static void requests(hg_json *j, const hg_live_run *run, const hg_live_figures *f)
{
    hg_json_key(j, "requests");
    hg_json_open(j, '{');
    hg_json_key_int(j, "sent", (int64_t)f->sent);
    hg_json_key_int(j, "counted", (int64_t)f->counted);
    hg_json_key_int(j, "completed", (int64_t)f->complete);
    hg_json_key_int(j, "failed", (int64_t)f->failed);
    hg_json_key_int(j, "unfinished", (int64_t)f->unfinished);
    hg_json_key_int(j, "unsent", (int64_t)run->unsent);
    hg_json_key_int(j, "retried", (int64_t)f->retried);
    hg_json_close(j, '}');
}

static void errors(hg_json *j, hg_arena *arena, const hg_live_run *run)
{
    size_t count;
    const hg_fault_group *groups = hg_live_faults(arena, run, &count);
    hg_json_key(j, "errors");
    hg_json_open(j, '[');
    for (size_t i = 0; i < count; i++) {
        hg_json_open(j, '{');
        hg_json_key_str(j, "kind", hg_fault_words[groups[i].fault]);
        hg_json_key_int(j, "status", groups[i].status);
        hg_json_key_int(j, "count", (int64_t)groups[i].count);
        hg_json_key_str(j, "meaning", hg_fault_meanings[groups[i].fault]);
        hg_json_key_str(j, "first", groups[i].said);
        hg_json_close(j, '}');
    }
    hg_json_close(j, ']');
}

static void rates(hg_json *j, const hg_live_figures *f)
{
    hg_json_key(j, "throughput");
    hg_json_open(j, '{');
    hg_json_key_num(j, "requests_per_s", f->requests_per_s);
    hg_json_key_num(j, "offered_per_s", f->offered_per_s);
    hg_json_key_num(j, "input_tokens_per_s", f->input_tokens_per_s);
    hg_json_key_num(j, "output_tokens_per_s", f->output_tokens_per_s);
    hg_json_key_num(j, "total_tokens_per_s", f->total_tokens_per_s);
    hg_json_key_num(j, "peak_output_tokens_per_s", f->peak_output_tokens_per_s);
    hg_json_close(j, '}');
}

static void latencies(hg_json *j, const hg_live_figures *f)
{
    spread(j, "ttft_s", &f->latency[HG_TTFT]);
    spread(j, "tpot_s", &f->latency[HG_TPOT]);
    spread(j, "itl_s", &f->latency[HG_ITL]);
    spread(j, "e2e_s", &f->latency[HG_E2E]);
    spread(j, "icl_s", &f->icl);
    spread(j, "ttft_from_send_s", &f->ttft_from_send);
    spread(j, "e2e_from_send_s", &f->e2e_from_send);
    spread(j, "send_lag_s", &f->lag);
}

static void promise(hg_json *j, const hg_bench *b, const hg_live_figures *f, hg_arena *arena)
{
    hg_json_key(j, "goodput");
    hg_json_open(j, '{');
    hg_json_key_num(j, "requests_per_s", f->good_per_s);
    hg_json_key_num(j, "attained_frac", f->attained_frac);
    hg_json_close(j, '}');
    if (b->slo.count == 0) {
        hg_json_key_str(j, "slo_kept", NULL);
        return;
    }
    hg_json_key_bool(j, "slo_kept", f->slo_kept);
    hg_json_key(j, "limits");
    hg_json_open(j, '[');
    for (int i = 0; i < b->slo.count; i++) {
        hg_slo one = { .limits = { b->slo.limits[i] }, .count = 1 };
        hg_json_open(j, '{');
        hg_json_key_str(j, "limit", hg_slo_text(arena, &one));
        hg_json_key_num(j, "measured_s", f->estimates[i]);
        hg_json_close(j, '}');
    }
    hg_json_close(j, ']');
}

static void tokens(hg_json *j, const hg_bench *b, const hg_live_figures *f)
{
    hg_json_key(j, "tokens");
    hg_json_open(j, '{');
    hg_json_key_num(j, "prompt_asked", f->isl_asked);
    hg_json_key_num(j, "prompt_counted", f->isl.mean);
    hg_json_key_num(j, "output_asked", f->osl_asked);
    hg_json_key_num(j, "output_counted", f->osl.mean);
    hg_json_key_num(j, "per_chunk", f->tokens_per_chunk);
    hg_json_key_num(j, "cached_frac", f->cached_frac);
    hg_json_key_num(j, "per_word", b->calibrated ? b->prompts.tokens_per_word : NAN);
    hg_json_key_num(j, "overhead", b->calibrated ? b->prompts.overhead_tokens : NAN);
    hg_json_key_int(j, "shorter", (int64_t)f->shorter);
    hg_json_key_int(j, "longer", (int64_t)f->longer);
    hg_json_key_int(j, "without_usage", (int64_t)f->without_usage);
    hg_json_close(j, '}');
}

static void stage(hg_json *j, hg_arena *arena, const hg_bench *b, const hg_bench_stage *s)
{
    const hg_live_figures *f = &s->figures;
    load(j, b, s);
    requests(j, &s->run, f);
    errors(j, arena, &s->run);
    hg_json_key_int(j, "started_unix_ms", (int64_t)(1e3 * s->run.begin_unix_s));
    hg_json_key_num(j, "duration_s", s->run.duration_s);
    hg_json_key(j, "window");
    hg_json_open(j, '{');
    hg_json_key_num(j, "from_s", f->from_s);
    hg_json_key_num(j, "length_s", f->window_s);
    hg_json_close(j, '}');
    rates(j, f);
    latencies(j, f);
    promise(j, b, f, arena);
    tokens(j, b, f);
    hg_json_key(j, "concurrency");
    hg_json_open(j, '{');
    hg_json_key_num(j, "mean", f->concurrency_mean);
    hg_json_key_num(j, "max", (double)f->concurrency_max);
    hg_json_close(j, '}');
    hg_json_key_int(j, "in_one_piece", (int64_t)f->in_one_piece);
    hg_json_key_int(j, "events", s->run.events);
    hg_json_key_bool(j, "stopped", s->run.stopped);
    hg_json_key_bool(j, "gave_up", s->run.gave_up);
}

static void definitions(hg_json *j)
{
    static const char *const rows[][2] = {
        { "ttft", "first chunk with a token - intended send time" },
        { "e2e", "last chunk with a token - intended send time" },
        { "tpot", "(e2e - ttft) / (output tokens - 1), by request" },
        { "itl", "gap between chunks / tokens of the later one, pooled over tokens" },
        { "icl", "gap between chunks, pooled" },
        { "send_lag", "first byte sent - intended send time" },
        { "output_tokens", "as the server's usage counts them, else chunks" },
        { "good", "complete within every limit of the promise" },
        { "counted", "intended send time behind the warm-up and before the cool-down" },
    };
    hg_json_key(j, "definitions");
    hg_json_open(j, '{');
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_json_key(j, rows[i][0]);
        hg_json_str(j, rows[i][1]);
    }
    hg_json_close(j, '}');
}

static void sweep(hg_json *j, hg_arena *arena, const hg_bench *b)
{
    hg_json_key(j, "sweep");
    hg_json_open(j, '{');
    hg_json_key_num(j, "knee_per_s", b->knee_per_s > 0 ? b->knee_per_s : NAN);
    hg_json_key(j, "stages");
    hg_json_open(j, '[');
    for (size_t i = 0; i < b->stage_count; i++) {
        hg_json_open(j, '{');
        hg_json_key_bool(j, "borne", b->stages[i].borne);
        stage(j, arena, b, &b->stages[i]);
        hg_json_close(j, '}');
    }
    hg_json_close(j, ']');
    hg_json_close(j, '}');
}

const char *hg_bench_json(hg_arena *arena, const hg_bench *b)
{
    hg_buf out = { .arena = arena };
    hg_json j = { .out = &out };
    hg_json_open(&j, '{');
    hg_json_key_str(&j, "url", hg_textf(arena, "%s://%s%s", b->url.tls ? "https" : "http", b->url.authority, b->path));
    hg_json_key_str(&j, "model", b->prompts.model);
    hg_json_key_str(&j, "endpoint", b->prompts.chat ? "chat" : "completions");
    hg_json_key_str(&j, "prompts", b->prompts.kind == HG_PROMPT_TOKENS ? "tokens" : "words");
    hg_json_key_str(&j, "protocol", b->protocol);
    hg_json_key_int(&j, "connections", b->connections);
    stage(&j, arena, b, b->answer);
    if (b->sweep)
        sweep(&j, arena, b);
    definitions(&j);
    hg_json_close(&j, '}');
    hg_buf_puts(&out, "\n");
    return out.s;
}

static void time_cell(hg_buf *b, int64_t ns)
{
    if (ns >= 0)
        hg_buf_printf(b, "%.9f", (double)ns * 1e-9);
    hg_buf_puts(b, ",");
}

static void count_cell(hg_buf *b, int64_t n)
{
    if (n >= 0)
        hg_buf_printf(b, "%lld", (long long)n);
    hg_buf_puts(b, ",");
}

static void text_cell(hg_buf *b, const char *text)
{
    hg_buf_puts(b, "\"");
    for (; text && *text; text++)
        hg_buf_puts(b, *text == '"' ? "\"\"" : (char[]){ *text, 0 });
    hg_buf_puts(b, "\"");
}

static void request_row(hg_buf *b, const hg_bench *bench, const hg_live_run *run, const hg_live_record *r)
{
    bool heard = r->chunks > 0;
    double tpot = hg_record_tpot_s(r);
    hg_buf_printf(b, "%zu,%lld,%d,", r->number, (long long)r->session, r->turn);
    time_cell(b, r->intended_ns);
    time_cell(b, r->sent_ns);
    time_cell(b, r->first_ns);
    time_cell(b, r->last_ns);
    time_cell(b, r->end_ns);
    hg_buf_printf(b, "%d,%d,", r->isl, r->osl);
    count_cell(b, r->prompt_tokens);
    count_cell(b, r->output_tokens);
    count_cell(b, r->cached_tokens);
    hg_buf_printf(b, "%u,", r->chunks);
    time_cell(b, heard ? r->first_ns - r->intended_ns : -1);
    if (!isnan(tpot))
        hg_buf_printf(b, "%.9f", tpot);
    hg_buf_puts(b, ",");
    time_cell(b, heard ? r->last_ns - r->intended_ns : -1);
    hg_buf_printf(b, "%d,%d,%d,%s,", hg_live_counts(run, &bench->window, r), r->retried, r->status, hg_fault_words[r->fault]);
    text_cell(b, r->said);
    hg_buf_puts(b, "\n");
}

const char *hg_bench_requests_csv(hg_arena *arena, const hg_bench *b)
{
    hg_buf out = { .arena = arena };
    const hg_live_run *run = &b->answer->run;
    hg_buf_puts(&out, "id,session,turn,intended_s,sent_s,first_token_s,last_token_s,end_s,isl,osl,prompt_tokens,output_tokens,"
                      "cached_tokens,chunks,ttft_s,tpot_s,e2e_s,counted,retried,status,error,said\n");
    for (size_t i = 0; i < run->count; i++)
        request_row(&out, b, run, &run->records[i]);
    return out.s;
}

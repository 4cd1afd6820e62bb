#include "api/bench.h"

#include "base/file.h"
#include "base/units.h"
#include "live/clock.h"
#include "live/export.h"
#include "live/greet.h"
#include "live/sweep.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

enum { ALONE_REQUESTS = 5, SWEEP_STAGES = 24, SHOWN = 2, SHOWN_BYTES = 400 };

static const double SWEEP_SHARP = 0.05;  /* the knee to 5 % */
static const double FOLLOWS = 0.95;      /* a server that serves this much of what is offered follows */
static const double FAILURES_BORNE = 0.01;
static const double POLL_S = 0.5;
static const double REPLY_TIMEOUT_S = 30;

typedef struct watcher {
    hg_ask *ask;
    const char *stage;
} watcher;

static bool stopped(void *ctx)
{
    const watcher *w = ctx;
    return hg_stopped(w->ask);
}

static void progress(void *ctx, const hg_live_now *now)
{
    watcher *w = ctx;
    hg_arena scratch = *w->ask->arena;
    char p50[32] = "-", p99[32] = "-";
    if (!isnan(now->ttft_p50_s)) {
        hg_format(p50, sizeof p50, now->ttft_p50_s, HG_SECONDS);
        hg_format(p99, sizeof p99, now->ttft_p99_s, HG_SECONDS);
    }
    hg_progress(w->ask, now->done_frac, hg_textf(&scratch, "%s%.1f/s, %" PRId64 " in flight, %" PRId64 " done, TTFT p50 %s p99 %s, %" PRId64
                " errors", w->stage, now->sent_per_s, now->under_way, now->complete, p50, p99, now->failed));
}

static bool fail(hg_ask *a, const hg_bench *b, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static bool fail(hg_ask *a, const hg_bench *b, const char *fmt, ...)
{
    char msg[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(msg, sizeof msg, fmt, args);
    va_end(args);
    return hg_fail(&a->err, HG_WORLD, hg_textf(a->arena, "%s://%s", b->url.tls ? "https" : "http", b->url.authority), "%s", msg);
}

static void pause_s(double s)
{
    struct timespec t = { (time_t)s, (long)((s - floor(s)) * 1e9) };
    nanosleep(&t, NULL);
}

/* Healthy is any answer but a server error: not every server has /health. */
static bool wait_healthy(hg_ask *a, hg_bench *b, hg_client *c, const hg_live_watch *watch)
{
    int64_t begin_ns = hg_clock_ns();
    size_t root = strlen(b->url.base) - (hg_ends(b->url.base, "/v1") ? strlen("/v1") : 0);
    const char *path = hg_textf(a->arena, "%.*s/health", (int)root, b->url.base);
    for (;;) {
        hg_live_reply r = hg_live_get(a->arena, c, path, fmin(b->timeout_s, REPLY_TIMEOUT_S), watch);
        if (r.fault == HG_FAULT_NONE && r.status < 500)
            return true;
        double waited_s = (double)(hg_clock_ns() - begin_ns) * 1e-9;
        if (waited_s < b->wait_s && !hg_stopped(a) && r.fault != HG_FAULT_TLS) {
            hg_progress(a, waited_s / b->wait_s, "waiting for the server to be healthy");
            pause_s(POLL_S);
            continue;
        }
        if (r.fault == HG_FAULT_NONE)
            return fail(a, b, "is not healthy: /health answers HTTP %d%s", r.status,
                        b->wait_s > 0 ? hg_textf(a->arena, " after %g s", waited_s) : "; give it time with --wait 10min");
        return fail(a, b, "does not answer: %s%s", r.why, r.fault == HG_FAULT_CONNECT
                    ? "; is the server running there? --wait 10min waits for it" : "");
    }
}

/* The first model the server names, or that the one asked for is among them. */
static bool choose_model(hg_ask *a, hg_bench *b, hg_client *c, const hg_live_watch *watch)
{
    hg_live_models m = hg_live_list_models(a->arena, c, b->url.base, b->prompts.model, fmin(b->timeout_s, REPLY_TIMEOUT_S), watch);
    const hg_live_reply *r = &m.reply;
    if (!b->prompts.model)
        b->prompts.model = m.first;
    if (r->fault == HG_FAULT_NONE && (r->status == 401 || r->status == 403))
        return fail(a, b, "refuses the key: HTTP %d; set %s, or name another variable with --api-key-env", r->status, b->key_name);
    if (!b->prompts.model)
        return fail(a, b, "names no model at %s/models (%s); say which with --model", b->url.base,
                    r->fault != HG_FAULT_NONE ? r->why : hg_textf(a->arena, "HTTP %d", r->status));
    if (*m.names && !m.found)
        return hg_fail(&a->err, HG_INPUT, a->s.model.where, "'%.100s' is not served there; the server names %s", b->prompts.model, m.names);
    return true;
}

/* Before the clock starts. */
static bool calibrate(hg_ask *a, hg_bench *b, hg_client *c, const hg_live_watch *watch)
{
    hg_live_count n = hg_live_count_words(a->arena, c, b->path, &b->prompts, b->timeout_s, watch);
    if (n.failed.fault == HG_FAULT_STOPPED)
        return fail(a, b, "was not measured: stopped before the first request");
    if (n.failed.fault != HG_FAULT_NONE)
        return fail(a, b, "fails the first request (%s): %s%s", hg_fault_words[n.failed.fault], n.failed.said,
                    n.failed.status == 400 && b->prompts.ignore_eos ? "; strict servers want --no-ignore-eos" : "");
    b->calibrated = n.counted;
    if (n.counted) {
        b->prompts.tokens_per_word = n.tokens_per_word;
        b->prompts.overhead_tokens = n.overhead_tokens;
    } else if (b->prompts.usage != HG_USAGE_NONE) {
        hg_note(a, "the server does not count prompt tokens: a word is taken as one");
    }
    return true;
}

static hg_bench_stage *add_stage(hg_ask *a, hg_bench *b, hg_client *c, const hg_live_load *load, double rate, const char *title)
{
    watcher w = { a, title };
    hg_live_watch watch = { .ctx = &w, .stopped = stopped, .progress = progress };
    hg_bench_stage *s = HG_PUSH(a->arena, b->stages, b->stage_count, b->stage_capacity);
    hg_live_window window = rate == 0 && b->sweep ? (hg_live_window){ 0, 0 } : b->window;
    *s = (hg_bench_stage){ .rate_per_s = rate };
    hg_live_run_load(a->arena, c, b->path, &b->prompts, load, b->timeout_s, &watch, &s->run);
    hg_live_judge(*a->arena, &s->run, &window, &b->slo, &s->figures);
    return s;
}

/* Of n arrivals, chance alone moves about √n over the window's edges. */
static bool is_borne(const hg_bench *b, const hg_live_figures *f)
{
    double offered = f->offered_per_s * f->window_s, served = f->requests_per_s * f->window_s;
    bool follows = isnan(offered) || served >= FOLLOWS * offered - sqrt(offered);
    bool sound = f->complete > 0 && (double)f->failed <= FAILURES_BORNE * (double)f->counted;
    return b->slo.count ? f->slo_kept && sound : follows && sound;
}

/* One request after the other says where to begin. */
static bool run_sweep(hg_ask *a, hg_bench *b, hg_client *c)
{
    hg_workload alone = b->workload, rated = b->workload;
    hg_live_load load = b->load;
    hg_sweep sweep;
    double rate;
    alone.load = HG_LOAD_CLOSED;
    alone.concurrency = 1;
    load.workload = &alone;
    load.requests = ALONE_REQUESTS;
    load.turns = 1;
    hg_bench_stage *s = add_stage(a, b, c, &load, 0, "one by one: ");
    s->borne = s->figures.complete == s->figures.counted && s->figures.complete > 0;
    b->answer = s;
    if (s->figures.complete == 0)
        return true;
    hg_sweep_open(&sweep, 1 / s->figures.latency[HG_E2E].mean, SWEEP_SHARP, SWEEP_STAGES);
    load = b->load;
    load.requests = 0;
    load.workload = &rated;
    while (hg_sweep_next(&sweep, &rate) && !hg_stopped(a)) {
        rated.rate_per_s = rate;
        s = add_stage(a, b, c, &load, rate, hg_textf(a->arena, "%.3g/s: ", rate));
        s->borne = is_borne(b, &s->figures) && !s->run.stopped;
        if (!s->run.stopped)
            hg_sweep_tell(&sweep, rate, s->borne);
    }
    b->knee_per_s = sweep.borne_per_s;
    b->answer = &b->stages[0];
    for (size_t i = 1; i < b->stage_count; i++)
        if (b->stages[i].borne && b->stages[i].rate_per_s == b->knee_per_s)
            b->answer = &b->stages[i];
    return true;
}

static bool measure(hg_ask *a, hg_bench *b)
{
    watcher w = { a, "" };
    hg_live_watch watch = { .ctx = &w, .stopped = stopped };
    hg_client *c = hg_client_open(a->arena, &b->url, b->key, a->s.http2.v, &a->err);
    if (!c)
        return false;
    bool ok = wait_healthy(a, b, c, &watch) && choose_model(a, b, c, &watch) && calibrate(a, b, c, &watch);
    if (ok && b->sweep)
        ok = run_sweep(a, b, c);
    else if (ok)
        b->answer = add_stage(a, b, c, &b->load, b->workload.rate_per_s, "");
    b->protocol = hg_strdup(a->arena, hg_client_protocol(c));
    b->connections = hg_client_connections(c);
    hg_client_close(c);
    return ok;
}

/* What the figures alone would not tell. */
static void warn(hg_ask *a, const hg_bench *b)
{
    const hg_live_run *run = &b->answer->run;
    const hg_live_figures *f = &b->answer->figures;
    size_t count;
    const hg_fault_group *groups = hg_live_faults(a->arena, run, &count);
    bool all_alike = f->by_fault[HG_FAULT_NONE] == 0 && count == 1; /* the last line says it */
    for (size_t i = 0; i < count && !all_alike; i++)
        if (groups[i].fault != HG_FAULT_STOPPED)
            hg_note(a, hg_textf(a->arena, "%zu of %zu requests failed (%s): %s", groups[i].count, f->sent,
                                hg_fault_words[groups[i].fault], groups[i].said));
    if (run->gave_up)
        hg_note(a, hg_textf(a->arena, "the server is gone: nothing connected any more, %zu requests were not sent", run->unsent));
    else if (run->stopped)
        hg_note(a, hg_textf(a->arena, "stopped: %zu requests were not sent, %zu under way were dropped", run->unsent,
                            f->by_fault[HG_FAULT_STOPPED]));
    if (f->retried)
        hg_note(a, hg_textf(a->arena, "%zu requests were reset before any byte and sent once more", f->retried));
    if (f->buffer_suspects && 2 * f->in_one_piece > f->buffer_suspects)
        hg_note(a, hg_textf(a->arena, "%zu of %zu answers came in one piece: something between buffers them, and TTFT and ITL are its own; "
                            "nginx wants proxy_buffering off", f->in_one_piece, f->buffer_suspects));
    if (f->shorter)
        hg_note(a, hg_textf(a->arena, "%zu answers are shorter than asked: the lengths are not those of the load", f->shorter));
    if (f->without_usage && b->prompts.usage != HG_USAGE_NONE)
        hg_note(a, hg_textf(a->arena, "%zu answers came without usage: their tokens are counted by chunks", f->without_usage));
    if (f->counted == 0 && f->sent)
        hg_note(a, "no request was counted: the warm-up and the cool-down take all of the sending");
}

static bool write_out(hg_ask *a, const hg_text_word *path, const char *text)
{
    return !path->s || hg_file_write(path->s, text, strlen(text), a->s.force.v, &a->err);
}

static hg_export exported(hg_ask *a, const hg_bench *b)
{
    const hg_workload *w = &b->workload;
    hg_export e = { .run = &b->answer->run, .figures = &b->answer->figures, .window = &b->window, .slo = &b->slo,
                    .prompts = &b->prompts, .load = &b->load, .workload = w,
                    .url = hg_textf(a->arena, "%s://%s%s", b->url.tls ? "https" : "http", b->url.authority, b->path) };
    e.rate_per_s = w->load == HG_LOAD_RATE && b->load.ramp.from_per_s + b->load.ramp.to_per_s == 0 ? b->answer->rate_per_s : NAN;
    e.concurrency = w->load == HG_LOAD_CLOSED ? w->concurrency : b->sweep && b->answer->rate_per_s == 0 ? 1 : 0;
    return e;
}

/* All files are tried: a full disk takes one, not the others' results. */
static bool write_files(hg_ask *a, const hg_bench *b)
{
    hg_export e = exported(a, b);
    bool ok = write_out(a, &a->s.requests_out, a->s.requests_out.s ? hg_bench_requests_csv(a->arena, b) : "");
    ok = write_out(a, &a->s.vllm_out, a->s.vllm_out.s ? hg_export_vllm(a->arena, &e) : "") && ok;
    ok = write_out(a, &a->s.report_out, a->s.report_out.s ? hg_export_llmd(a->arena, &e) : "") && ok;
    return write_out(a, &a->s.workload_out, a->s.workload_out.s ? hg_export_workload(a->arena, &e) : "") && ok;
}

static hg_code dry_run(hg_ask *a, const hg_bench *b)
{
    hg_buf out = { .arena = a->arena }, text = { .arena = a->arena }, body = { .arena = a->arena };
    hg_prompts p = b->prompts;
    p.model = p.model ? p.model : "(the first that the server names)";
    hg_buf_printf(&out, "POST %s://%s%s\n%sload: %s\n%s\n", b->url.tls ? "https" : "http", b->url.authority, b->path,
                  b->key ? hg_textf(a->arena, "authorization: Bearer (from $%s)\n", b->key_name) : "", hg_bench_load_text(a->arena, b),
                  b->load.requests ? hg_textf(a->arena, "requests: %zu", b->load.requests)
                                   : hg_textf(a->arena, "for: %g s", b->load.duration_s));
    for (size_t i = 0; i < SHOWN && i < b->workload.count; i++) {
        text.n = body.n = 0;
        hg_prompt_text(&p, i, b->workload.requests[i].isl, &text);
        hg_prompt_body(&p, "", text.s, b->workload.requests[i].osl, &body);
        bool cut = body.n > 2 * SHOWN_BYTES;
        hg_buf_printf(&out, "\nrequest %zu: %d tokens in, %d out, %zu bytes\n%.*s%s%s\n", i, b->workload.requests[i].isl,
                      b->workload.requests[i].osl, body.n, cut ? SHOWN_BYTES : (int)body.n, body.s, cut ? " ... " : "",
                      cut ? body.s + body.n - SHOWN_BYTES : "");
    }
    hg_buf_puts(&out, "\nNothing was sent.\n");
    return hg_answer(a, out.s, out.n);
}

static hg_code run(hg_ask *a)
{
    hg_bench *b = HG_NEW(a->arena, hg_bench, 1);
    if (!hg_bench_read(a, b))
        return a->err.code;
    if (a->s.dry_run.v)
        return dry_run(a, b);
    if (!measure(a, b))
        return a->err.code;
    warn(a, b);
    bool written = write_files(a, b);
    const char *text = a->s.json.v || a->s.output.s ? hg_bench_json(a->arena, b) : hg_bench_text(a->arena, b);
    hg_code code = hg_answer(a, text, strlen(text));
    if (!written || code != HG_DONE)
        return a->err.code;
    const hg_live_figures *f = &b->answer->figures;
    size_t count;
    const hg_fault_group *groups = hg_live_faults(a->arena, &b->answer->run, &count);
    if (f->sent > 0 && f->by_fault[HG_FAULT_NONE] == 0 && !b->answer->run.stopped)
        return fail(a, b, "completed none of %zu requests; the first failed so (%s): %s", f->sent, hg_fault_words[groups[0].fault], groups[0].said), HG_WORLD;
    return b->slo.count && !f->slo_kept && !b->answer->run.stopped ? HG_NO : HG_DONE;
}

const hg_verb hg_verb_bench = {
    "bench", "heng bench --url URL --workload W|--isl N --osl N --rate R|--concurrency C|--replay|--ramp A..B|--sweep",
    "measure a live OpenAI-compatible endpoint", run
};

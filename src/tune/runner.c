#include "tune/runner.h"

#include "base/file.h"
#include "live/clock.h"
#include "live/greet.h"
#include "tune/hopeless.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { CLIENT_GIB = 2 };

static const double HEALTH_TIMEOUT_S = 5, REPLY_TIMEOUT_S = 30;
static const double DYING_S = 10, CLOSING_S = 0.2;
static const double FIRST_POLL_S = 0.005, LAST_POLL_S = 0.25, POLL_GROWS = 1.5;
static const int64_t LOOK_NS = 20000000;
static const double FAILURES_BORNE = 0.01, SHORT_BORNE = 0.95;
static const char *const port_taken[] = { "address already in use", "address in use", "EADDRINUSE", "port is already allocated" };

/* ---- what went wrong, in one line ---- */

static bool say(hg_runner *r, hg_outcome *as, hg_outcome outcome, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static bool say(hg_runner *r, hg_outcome *as, hg_outcome outcome, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(r->why, sizeof r->why, fmt, args);
    va_end(args);
    hg_text_clean(r->why);
    *as = outcome;
    return false;
}

static bool is_stopped(void *ctx)
{
    hg_runner *r = ctx;
    return r->stopped && r->stopped(r->ctx);
}

/* A server that ended by itself: its log says why, else its end does. */
static bool say_died(hg_runner *r, hg_arena scratch, hg_outcome *as, const char *when)
{
    const char *tail = hg_log_tail(&scratch, r->log), *how = hg_process_how(&scratch, &r->process);
    const char *memory = hg_log_finds(&scratch, tail, r->adapter->memory, r->adapter->memory_count);
    const char *port = hg_log_finds(&scratch, tail, port_taken, sizeof port_taken / sizeof *port_taken);
    const char *last = hg_log_last_line(&scratch, tail);
    if (memory)
        return say(r, as, HG_TRIAL_OUT_OF_MEMORY, "the server %s %s: %s", how, when, memory);
    if (port)
        return say(r, as, HG_TRIAL_PORT, "port %d was taken by another process before the server could: %s", r->at_port, port);
    return say(r, as, HG_TRIAL_DIED, "the server %s %s%s%s", how, when, last ? "; it said last: " : " and said nothing", last ? last : "");
}

static void pause_s(double s)
{
    struct timespec t = { (time_t)s, (long)((s - floor(s)) * 1e9) };
    nanosleep(&t, NULL);
}

/* A server that dies closes its sockets a moment before it is gone; one that refuses connections is surely going. */
static bool has_died(hg_runner *r, hg_fault fault)
{
    bool gone = fault == HG_FAULT_CONNECT, closed = fault == HG_FAULT_CUT || fault == HG_FAULT_RESET;
    double patience_s = gone ? DYING_S : closed ? CLOSING_S : 0;
    for (double waited_s = 0; !hg_process_ended(&r->process) && waited_s < patience_s; waited_s += FIRST_POLL_S)
        pause_s(FIRST_POLL_S);
    return hg_process_ended(&r->process);
}

/* ---- the server ---- */

bool hg_runner_end(hg_runner *r, hg_err *err)
{
    char token[HG_TOKEN];
    if (r->process.id.pid == 0)
        return true;
    memcpy(token, r->process.id.token, sizeof token);
    hg_process_stop(&r->process, r->grace_s);
    return hg_store_server_ended(r->store, token, err);
}

/* In an arena of its own: a client allocates while others use copies of theirs as scratch. */
static hg_client *open_client(hg_runner *r, hg_err *err)
{
    hg_arena *arena = &r->of_client;
    if (!hg_arena_open(arena, (size_t)CLIENT_GIB << 30))
        return hg_fail(err, HG_WORLD, "memory", "the system refuses address space; raise 'ulimit -v'"), NULL;
    if (r->url)
        return hg_client_open(arena, r->url, r->key, false, err);
    hg_url url = { .host = "127.0.0.1", .port = hg_textf(arena, "%d", r->at_port), .base = "" };
    url.authority = hg_textf(arena, "127.0.0.1:%d", r->at_port);
    return hg_client_open(arena, &url, r->key, false, err);
}

static void close_client(hg_runner *r, hg_client *c)
{
    if (c)
        hg_client_close(c);
    hg_arena_close(&r->of_client);
}

/* Anything but 200 is not healthy: a server of ours has the page that its adapter names. */
static bool wait_healthy(hg_runner *r, hg_client *c, hg_arena scratch, hg_outcome *as)
{
    int64_t begin_ns = hg_clock_ns();
    hg_live_watch watch = { .ctx = r, .stopped = is_stopped };
    for (double pause = FIRST_POLL_S;; pause = fmin(pause * POLL_GROWS, LAST_POLL_S)) {
        hg_arena one = scratch;
        double waited_s = (double)(hg_clock_ns() - begin_ns) * 1e-9;
        hg_live_reply reply = hg_live_get(&one, c, r->adapter->health, fmin(HEALTH_TIMEOUT_S, fmax(r->wait_s - waited_s, FIRST_POLL_S)), &watch);
        if (hg_process_ended(&r->process))
            return say_died(r, one, as, "before it was healthy");
        if (reply.fault == HG_FAULT_NONE && reply.status == 200)
            return true;
        if (is_stopped(r))
            return say(r, as, HG_TRIAL_STOPPED, "stopped while the server started");
        waited_s = (double)(hg_clock_ns() - begin_ns) * 1e-9;
        if (waited_s >= r->wait_s)
            return say(r, as, HG_TRIAL_UNHEALTHY, "not healthy after %.3g s: %s %s; --wait gives it longer", r->wait_s, r->adapter->health,
                       reply.fault == HG_FAULT_NONE ? hg_textf(&one, "answers HTTP %d", reply.status) : hg_textf(&one, "does not answer (%s)", reply.why));
        if (r->progress)
            r->progress(r->ctx, 0, hg_textf(&one, "waiting for the server, %.0f s", waited_s));
        pause_s(pause);
    }
}

static bool launch(hg_runner *r, hg_trial *t, hg_outcome *as, hg_err *err)
{
    hg_arena scratch = *r->arena;
    hg_err why = { .code = HG_DONE };
    if (!hg_runner_end(r, err) || !hg_store_phase(r->store, t->id, "launch", err))
        return false;
    r->at_port = r->port ? r->port : hg_port_any();
    if (!hg_port_free(r->at_port))
        return say(r, as, HG_TRIAL_PORT, "port %d is in use by a process that is not heng's; end it, or leave --port out", r->at_port);
    const char **argv = hg_adapter_argv(&scratch, r->adapter, r->knobs, r->space, t->point, r->at_port);
    snprintf(r->log, sizeof r->log, "%s/%lld.log", r->folder, (long long)t->id);
    t->log = r->log;
    if (!hg_process_start(&r->process, argv, r->log, &why)) {
        if (strcmp(why.where, r->log) == 0)
            return say(r, as, HG_TRIAL_DISK, "%s %s", why.where, why.msg);
        *err = why;
        return false;
    }
    r->running = t->point;
    return hg_store_server(r->store, &r->process.id, err);
}

/* The knobs that differ, one request each. */
static bool change_knobs(hg_runner *r, hg_client *c, hg_arena scratch, size_t from, size_t to, hg_outcome *as)
{
    hg_live_watch watch = { .ctx = r, .stopped = is_stopped };
    for (size_t i = 0; i < r->knobs->count; i++) {
        const hg_tune_knob *k = &r->knobs->list[i];
        if (!k->live_path || (from < r->space->points && !r->mixed && r->space->at[from][i] == r->space->at[to][i]))
            continue;
        const char *value = hg_tune_point_value(r->knobs, r->space, to, i), *at;
        hg_buf body = { .arena = &scratch };
        const char *p = k->live_body;
        for (; (at = strstr(p, "{value}")); p = at + strlen("{value}")) {
            hg_buf_add(&body, p, (size_t)(at - p));
            hg_buf_puts(&body, value);
        }
        hg_buf_puts(&body, p);
        hg_live_reply reply = hg_live_post(&scratch, c, k->live_path, body.s, REPLY_TIMEOUT_S, &watch);
        if (!r->url && has_died(r, reply.fault))
            return say_died(r, scratch, as, hg_textf(&scratch, "when %s was set to %s", k->name, value));
        if (reply.fault != HG_FAULT_NONE || reply.status >= 300)
            return say(r, as, HG_TRIAL_REFUSED, "%s cannot be set to %s live: %s answers %s", k->name, value, k->live_path,
                       reply.fault != HG_FAULT_NONE ? reply.why : hg_textf(&scratch, "HTTP %d %.100s", reply.status, reply.text));
    }
    return true;
}

static bool change_live(hg_runner *r, hg_client *c, hg_arena scratch, size_t from, size_t to, hg_outcome *as)
{
    bool ok = change_knobs(r, c, scratch, from, to, as);
    r->mixed = !ok;
    return ok;
}

bool hg_runner_reach(hg_runner *r, hg_trial *t, hg_outcome *as, hg_err *err)
{
    hg_arena scratch = *r->arena;
    bool up = !hg_process_ended(&r->process) && !hg_tune_needs_restart(r->knobs, r->space, r->running, t->point);
    size_t from = up ? r->running : r->space->points;
    int64_t begin_ns = hg_clock_ns();
    err->code = HG_DONE;
    if (!up && !launch(r, t, as, err))
        return false;
    hg_client *c = open_client(r, err);
    bool healthy = c && (up || wait_healthy(r, c, scratch, as)), ok = healthy && change_live(r, c, scratch, from, t->point, as);
    close_client(r, c);
    if (ok)
        r->running = t->point;
    t->log = r->log;
    t->launch_s = (double)(hg_clock_ns() - begin_ns) * 1e-9;
    return ok;
}

bool hg_runner_change(hg_runner *r, size_t from, size_t to, hg_outcome *as, hg_err *err)
{
    err->code = HG_DONE;
    hg_client *c = open_client(r, err);
    bool ok = c && change_live(r, c, *r->arena, from, to, as);
    close_client(r, c);
    return ok;
}

/* ---- the measurement ---- */

typedef struct watched {
    hg_runner *r;
    hg_stakes stakes;
    int64_t looked_ns;
    bool over, hopeless;
    hg_outcome as;
} watched;

static bool look(void *ctx)
{
    watched *w = ctx;
    int64_t now_ns = hg_clock_ns();
    if (!w->over && now_ns - w->looked_ns > LOOK_NS) {
        w->looked_ns = now_ns;
        w->over = hg_process_ended(&w->r->process) || is_stopped(w->r);
    }
    return w->over;
}

static void on_progress(void *ctx, const hg_live_now *now)
{
    watched *w = ctx;
    char text[64];
    if (!w->over && hg_hopeless(&w->stakes, now, &w->as, w->r->why, sizeof w->r->why))
        w->over = w->hopeless = true;
    snprintf(text, sizeof text, "%lld done, %lld failed", (long long)now->complete, (long long)now->failed);
    if (w->r->progress)
        w->r->progress(w->r->ctx, now->done_frac, text);
}

static bool scrape(hg_runner *r, hg_client *c, hg_arena scratch, hg_scrape *out)
{
    hg_live_watch watch = { .ctx = r, .stopped = is_stopped };
    hg_live_reply reply = { .fault = HG_FAULT_STOPPED };
    if (r->adapter->metrics)
        reply = hg_live_get(&scratch, c, r->adapter->metrics, HEALTH_TIMEOUT_S, &watch);
    bool ok = reply.fault == HG_FAULT_NONE && reply.status == 200;
    hg_scrape_read(r->adapter, ok ? reply.text : "", out);
    return ok;
}

bool hg_runner_scrape(hg_runner *r, hg_scrape *out)
{
    hg_arena scratch = *r->arena;
    hg_err ignored;
    hg_client *c = open_client(r, &ignored);
    bool ok = c && scrape(r, c, scratch, out);
    close_client(r, c);
    return ok;
}

static hg_outcome outcome_of(hg_fault fault)
{
    switch (fault) {
    case HG_FAULT_TIMEOUT: return HG_TRIAL_HUNG;
    case HG_FAULT_GARBAGE:
    case HG_FAULT_EMPTY: return HG_TRIAL_GARBAGE;
    case HG_FAULT_STATUS:
    case HG_FAULT_SERVER: return HG_TRIAL_REFUSED;
    case HG_FAULT_STOPPED: return HG_TRIAL_STOPPED;
    default: return HG_TRIAL_CUT;
    }
}

/* One failed request, before the load began. */
static bool say_failed(hg_runner *r, hg_arena scratch, hg_outcome *as, const hg_live_record *f)
{
    if (has_died(r, f->fault))
        return say_died(r, scratch, as, "at the first request");
    hg_outcome outcome = f->status == 404 ? HG_TRIAL_WRONG_MODEL : outcome_of(f->fault);
    return say(r, as, outcome, "the first request failed (%s): %s", hg_fault_words[f->fault], f->said ? f->said : hg_fault_meanings[f->fault]);
}

static bool greet(hg_runner *r, hg_client *c, hg_arena *scratch, hg_prompts *p, hg_outcome *as)
{
    hg_live_watch watch = { .ctx = r, .stopped = is_stopped };
    hg_live_models m = hg_live_list_models(scratch, c, "/v1", r->model, REPLY_TIMEOUT_S, &watch);
    p->model = r->model ? r->model : m.first;
    if (has_died(r, m.reply.fault))
        return say_died(r, *scratch, as, "when it was asked for its models");
    if (is_stopped(r))
        return say(r, as, HG_TRIAL_STOPPED, "stopped before the first request");
    if (!p->model)
        return say(r, as, HG_TRIAL_WRONG_MODEL, "the server names no model at /v1/models (%s); say which with --served-model",
                   m.reply.fault != HG_FAULT_NONE ? m.reply.why : hg_textf(scratch, "HTTP %d", m.reply.status));
    if (*m.names && !m.found)
        return say(r, as, HG_TRIAL_WRONG_MODEL, "'%.100s' is not served; the server names %s", p->model, m.names);
    hg_live_count n = hg_live_count_words(scratch, c, r->path, p, r->timeout_s, &watch);
    if (n.failed.fault != HG_FAULT_NONE)
        return say_failed(r, *scratch, as, &n.failed);
    if (n.counted) {
        p->tokens_per_word = n.tokens_per_word;
        p->overhead_tokens = n.overhead_tokens;
    }
    return true;
}

static void take_figures(hg_trial *t, const hg_live_run *run, const hg_live_figures *f)
{
    const hg_spread *ttft = &f->latency[HG_TTFT], *tpot = &f->latency[HG_TPOT];
    t->requests = (double)f->sent;
    t->completed = (double)f->complete;
    t->failed = (double)f->failed;
    t->requests_per_s = f->requests_per_s;
    t->output_tokens_per_s = f->output_tokens_per_s;
    t->good_per_s = f->good_per_s;
    t->attained_frac = f->attained_frac;
    t->isl = f->isl.mean;
    t->osl = f->osl.mean;
    t->ttft_mean_s = ttft->mean;
    t->ttft_p50_s = ttft->p50;
    t->ttft_p90_s = ttft->p90;
    t->ttft_p99_s = ttft->p99;
    t->tpot_mean_s = tpot->mean;
    t->tpot_p50_s = tpot->p50;
    t->tpot_p90_s = tpot->p90;
    t->tpot_p99_s = tpot->p99;
    t->e2e_p90_s = f->latency[HG_E2E].p90;
    t->measured_s = run->duration_s;
}

static bool limits_first_tokens(const hg_slo *slo)
{
    for (int i = 0; i < slo->count; i++)
        if (slo->limits[i].metric != HG_E2E)
            return true;
    return false;
}

static bool say_broken(hg_runner *r, hg_arena scratch, const hg_live_figures *f, hg_outcome *as)
{
    for (int i = 0; i < r->slo.count; i++) {
        hg_slo one = { .limits = { r->slo.limits[i] }, .count = 1 };
        if (!(f->estimates[i] < r->slo.limits[i].limit_s))
            return say(r, as, HG_TRIAL_BROKE_SLO, "%s is broken: %.3g s", hg_slo_text(&scratch, &one), f->estimates[i]);
    }
    return say(r, as, HG_TRIAL_BROKE_SLO, "the promise is broken");
}

/* What the records mean for the trial. */
static void judge(hg_runner *r, hg_arena scratch, const watched *w, const hg_live_run *run, const hg_live_figures *f, hg_trial *t)
{
    size_t count, most = 0;
    const hg_fault_group *groups = hg_live_faults(&scratch, run, &count);
    for (size_t i = 1; i < count; i++)
        if (groups[most].fault == HG_FAULT_STOPPED || (groups[i].fault != HG_FAULT_STOPPED && groups[i].count > groups[most].count))
            most = i;
    t->outcome = HG_TRIAL_OK;
    if (has_died(r, count ? groups[most].fault : HG_FAULT_NONE))
        say_died(r, scratch, &t->outcome, "in the middle of the load");
    else if (is_stopped(r))
        say(r, &t->outcome, HG_TRIAL_STOPPED, "stopped in the middle of the load");
    else if (count && groups[most].fault != HG_FAULT_STOPPED && (double)f->failed > FAILURES_BORNE * (double)f->counted)
        say(r, &t->outcome, outcome_of(groups[most].fault), "%zu of %zu requests failed, most of them (%s): %s", f->failed, f->counted,
            hg_fault_words[groups[most].fault], groups[most].said);
    else if (w->hopeless)
        t->outcome = w->as;
    else if (f->complete && r->prompts.ignore_eos && !(f->osl.mean >= SHORT_BORNE * f->osl_asked))
        say(r, &t->outcome, HG_TRIAL_SHORT, "answers hold %.1f tokens of the %.1f asked for: fewer tokens are no higher speed; where a server ends answers "
            "itself, say --no-ignore-eos", f->osl.mean, f->osl_asked);
    else if (f->complete == 0)
        say(r, &t->outcome, HG_TRIAL_HUNG, "no request was complete behind the warm-up");
    else if (f->buffer_suspects && 2 * f->in_one_piece > f->buffer_suspects && limits_first_tokens(&r->slo))
        say(r, &t->outcome, HG_TRIAL_BUFFERED, "%zu of %zu answers came in one piece: something buffers them, and --slo cannot be judged; nginx "
            "wants proxy_buffering off", f->in_one_piece, f->buffer_suspects);
    else if (r->slo.count && !f->slo_kept)
        say_broken(r, scratch, f, &t->outcome);
    else if (f->buffer_suspects && 2 * f->in_one_piece > f->buffer_suspects)
        snprintf(r->why, sizeof r->why, "answers came in one piece: TTFT and TPOT are those of what buffers them");
}

/* In the form of vllm bench serve, which `heng calibrate serving` reads. */
static bool keep_run(hg_runner *r, hg_arena scratch, const hg_prompts *p, const hg_live_load *load, const hg_live_run *run,
                     const hg_live_figures *f, hg_trial *t)
{
    hg_err why;
    const hg_workload *w = load->workload;
    hg_export e = { .run = run, .figures = f, .window = &r->window, .slo = &r->slo, .prompts = p, .load = load, .workload = w,
                    .url = hg_textf(&scratch, "http://127.0.0.1:%d%s", r->at_port, r->path),
                    .rate_per_s = w->load == HG_LOAD_RATE ? w->rate_per_s : NAN, .concurrency = w->load == HG_LOAD_CLOSED ? w->concurrency : 0 };
    if (r->facts)
        e.facts = r->facts(r->ctx, &scratch, t->point, &e.fact_count);
    const char *text = hg_export_vllm(&scratch, &e);
    if (hg_file_write(hg_textf(&scratch, "%s/%lld.json", r->folder, (long long)t->id), text, strlen(text), true, &why))
        return true;
    return say(r, &t->outcome, HG_TRIAL_DISK, "%s %s", why.where, why.msg);
}

static void measure(hg_runner *r, hg_client *c, hg_arena scratch, const hg_prompts *p, double best, hg_trial *t)
{
    hg_scrape *before = HG_NEW(&scratch, hg_scrape, 1), *after = HG_NEW(&scratch, hg_scrape, 1);
    hg_live_run run;
    hg_live_figures *f = HG_NEW(&scratch, hg_live_figures, 1);
    const hg_workload *w = r->load.workload;
    double osl = 0;
    for (size_t i = 0; i < w->count; i++)
        osl += w->requests[i].osl / (double)w->count;
    watched watch_ctx = { .r = r, .stakes = { r->objective, best, w->load == HG_LOAD_CLOSED ? (double)r->load.requests : 0, osl, &r->slo } };
    hg_live_watch watch = { .ctx = &watch_ctx, .stopped = look, .progress = on_progress };
    bool cpu = scrape(r, c, scratch, before);
    r->why[0] = 0;
    hg_live_run_load(&scratch, c, r->path, p, &r->load, r->timeout_s, &watch, &run);
    cpu = scrape(r, c, scratch, after) && cpu;
    hg_live_judge(scratch, &run, &r->window, &r->slo, f);
    take_figures(t, &run, f);
    judge(r, scratch, &watch_ctx, &run, f, t);
    double cpu_s = hg_scrape_since(before, after, HG_SERIES_cpu_s), tokens = hg_scrape_since(before, after, HG_SERIES_answer_tokens);
    t->tokens_per_cpu_s = cpu && cpu_s > 0 ? tokens / cpu_s : NAN;
    if (t->outcome == HG_TRIAL_OK && r->objective == HG_MAX_TOKENS_PER_CPU && isnan(t->tokens_per_cpu_s))
        say(r, &t->outcome, HG_TRIAL_GARBAGE, "%s does not say processor seconds and answer tokens, which the objective is made of",
            r->adapter->metrics ? r->adapter->metrics : "the server");
    if (hg_outcome_measured(t->outcome) && !run.stopped)
        keep_run(r, scratch, p, &r->load, &run, f, t);
}

static bool try_on(hg_runner *r, double best, hg_trial *t, hg_err *err)
{
    hg_arena scratch = *r->arena;
    hg_prompts p = r->prompts;
    hg_client *c = open_client(r, err);
    if (!c)
        return close_client(r, c), false;
    p.seed += (uint64_t)t->id * 1000003; /* no prompt of an earlier trial: a server that stayed up would have it in its cache */
    bool ok = hg_store_phase(r->store, t->id, "greet", err);
    if (ok && greet(r, c, &scratch, &p, &t->outcome)) {
        ok = hg_store_phase(r->store, t->id, "measure", err);
        if (ok)
            measure(r, c, scratch, &p, best, t);
    }
    close_client(r, c);
    return ok;
}

static bool has_live(const hg_tune_knobs *k)
{
    for (size_t i = 0; i < k->count; i++)
        if (k->list[i].live_path)
            return true;
    return false;
}

bool hg_runner_try(void *runner, double best, hg_trial *t, hg_err *err)
{
    hg_runner *r = runner;
    r->why[0] = 0;
    bool ok = hg_runner_reach(r, t, &t->outcome, err) ? try_on(r, best, t, err) : err->code == HG_DONE;
    t->why = *r->why ? r->why : NULL;
    hg_err first = *err;
    hg_err *second = ok ? err : &(hg_err){ .code = HG_DONE };
    bool keep = ok && hg_outcome_measured(t->outcome) && has_live(r->knobs) && !hg_process_ended(&r->process);
    if (r->process.id.pid && !keep) {
        ok = hg_store_phase(r->store, t->id, "stop", second) && ok;
        ok = hg_runner_end(r, second) && ok;
    }
    ok = hg_store_phase(r->store, t->id, NULL, second) && ok;
    if (second != err)
        *err = first;
    return ok;
}

#include "live/live.h"

#include "base/hist.h"
#include "live/clock.h"
#include "sim/event.h"

#include <math.h>
#include <stdlib.h>

enum { LOOK_NS = 200000000, GIVE_UP = 200, BURST = 64 };

typedef struct session {
    hg_buf history;
    int64_t tokens; /* of the history, as asked and answered */
} session;

typedef struct run {
    hg_arena *arena;
    hg_client *client;
    const hg_prompts *prompts;
    const hg_live_load *load;
    const hg_live_watch *watch;
    hg_schedule schedule;
    hg_live_run *out;
    size_t capacity;
    hg_stream *free;
    hg_stream **streams;       /* all that were made */
    size_t stream_count, stream_capacity;
    hg_buf text;               /* of the next request, made ahead */
    size_t text_of;            /* its number; SIZE_MAX: none */
    session *sessions;         /* by session, when there are turns */
    size_t session_count, session_capacity;
    int64_t start_ns;
    int64_t complete, failed, in_a_row; /* in_a_row: without a connection */
    hg_hist ttft;
    const char *path;
} run;

static int64_t now_ns(const run *r)
{
    return hg_clock_ns() - r->start_ns;
}

static bool has_turns(const run *r)
{
    return r->load->turns > 1;
}

static session *session_of(run *r, int64_t number)
{
    while (r->session_count <= (size_t)number)
        *HG_PUSH(r->arena, r->sessions, r->session_count, r->session_capacity) = (session){ { .arena = r->arena }, 0 };
    return &r->sessions[number];
}

static void on_ended(hg_stream *s, void *ctx)
{
    run *r = ctx;
    hg_live_record *rec = &s->record;
    bool good = rec->fault == HG_FAULT_NONE;
    hg_due mine = { rec->number, rec->session, rec->intended_ns, rec->turn };
    r->complete += good;
    r->failed += !good && rec->fault != HG_FAULT_STOPPED;
    r->in_a_row = rec->fault == HG_FAULT_CONNECT ? r->in_a_row + 1 : 0;
    if (rec->chunks)
        hg_hist_add(&r->ttft, rec->first_ns - rec->intended_ns, 1);
    if (has_turns(r) && good) {
        session *c = session_of(r, rec->session);
        hg_prompt_history(r->prompts, s->text.s, s->answer.n ? s->answer.s : "", &c->history);
        c->tokens = rec->isl + hg_record_tokens(rec);
    }
    *HG_PUSH(r->arena, r->out->records, r->out->count, r->capacity) = *rec;
    hg_schedule_answered(&r->schedule, &mine, good, rec->end_ns);
    s->next = r->free;
    r->free = s;
}

static hg_stream *take_stream(run *r)
{
    hg_stream *s = r->free;
    if (s) {
        r->free = s->next;
        return s;
    }
    s = HG_NEW(r->arena, hg_stream, 1);
    *s = (hg_stream){ .arena = r->arena, .body = { .arena = r->arena }, .text = { .arena = r->arena },
                      .answer = { .arena = r->arena }, .keep_answer = has_turns(r), .ended = on_ended, .ctx = r,
                      .event = r->watch->event, .event_ctx = r->watch->ctx, .start_ns = r->start_ns };
    *HG_PUSH(r->arena, r->streams, r->stream_count, r->stream_capacity) = s;
    return s;
}

static const hg_request *lengths(const run *r, size_t number)
{
    return &r->load->workload->requests[number % r->load->workload->count];
}

/* Ahead of time, so that a long prompt is not made when it should be on its way. */
static void make_text(run *r, size_t number)
{
    if (r->text_of == number)
        return;
    r->text.n = 0;
    r->text_of = number;
    hg_prompt_text(r->prompts, number, lengths(r, number)->isl, &r->text);
}

static void send_one(run *r)
{
    hg_due d = hg_schedule_take(&r->schedule);
    const hg_request *q = lengths(r, d.number);
    session *c = has_turns(r) ? session_of(r, d.session) : NULL;
    hg_stream *s = take_stream(r);
    make_text(r, d.number);
    s->text.n = s->body.n = 0;
    hg_buf_add(&s->text, r->text.s, r->text.n);
    hg_prompt_body(r->prompts, c && c->history.n ? c->history.s : "", s->text.s, q->osl, &s->body);
    s->record = (hg_live_record){ .number = d.number, .session = d.session, .turn = d.turn, .intended_ns = d.due_ns,
                                  .isl = (int32_t)(q->isl + (c ? c->tokens : 0)), .osl = q->osl };
    r->out->sending_s = fmax(r->out->sending_s, (double)d.due_ns * 1e-9);
    hg_stream_send(s, r->client, r->path);
}

static double done_frac(const run *r)
{
    double of_time = r->load->duration_s > 0 ? (double)now_ns(r) * 1e-9 / r->load->duration_s : 0;
    double of_count = r->load->requests ? (double)r->out->count / (double)r->load->requests : 0;
    return fmin(1, fmax(of_time, of_count));
}

static void tell(const run *r)
{
    double elapsed_s = (double)now_ns(r) * 1e-9;
    int64_t under_way = hg_client_under_way(r->client);
    hg_live_now now = { .done_frac = done_frac(r), .elapsed_s = elapsed_s, .under_way = under_way, .complete = r->complete,
                        .failed = r->failed, .sent_per_s = ((double)r->out->count + (double)under_way) / elapsed_s,
                        .ttft_p50_s = hg_hist_percentile_s(&r->ttft, 0.5), .ttft_p99_s = hg_hist_percentile_s(&r->ttft, 0.99) };
    if (r->watch->progress && elapsed_s > 0)
        r->watch->progress(r->watch->ctx, &now);
}

/* A few times a second: what need not be looked at with each event. False: the run ends here. */
static bool look(run *r, double timeout_s, int64_t *next_ns)
{
    int64_t at_ns = hg_clock_ns();
    r->out->stopped |= r->watch->stopped && r->watch->stopped(r->watch->ctx);
    if (r->out->stopped)
        return false;
    if (at_ns < *next_ns)
        return true;
    *next_ns = at_ns + LOOK_NS;
    hg_client_expire(r->client, llround(timeout_s * 1e9));
    if (r->in_a_row >= GIVE_UP && !r->out->gave_up) {
        r->out->gave_up = true;
        hg_schedule_stop(&r->schedule);
    }
    tell(r);
    return true;
}

static void loop(run *r, double timeout_s)
{
    int64_t next_look_ns = 0;
    while (look(r, timeout_s, &next_look_ns)) {
        int64_t due_ns = hg_schedule_next_ns(&r->schedule);
        if (due_ns == HG_NEVER && hg_client_under_way(r->client) == 0)
            return;
        for (int burst = 0; burst < BURST && due_ns != HG_NEVER && due_ns <= now_ns(r); burst++) {
            send_one(r);
            due_ns = hg_schedule_next_ns(&r->schedule);
        }
        if (!has_turns(r) && due_ns != HG_NEVER)
            make_text(r, r->schedule.sessions);
        hg_client_wait(r->client, due_ns == HG_NEVER ? HG_NEVER : r->start_ns + due_ns);
    }
}

static int by_number(const void *a, const void *b)
{
    const hg_live_record *x = a, *y = b;
    if (x->intended_ns != y->intended_ns)
        return x->intended_ns < y->intended_ns ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

void hg_live_run_load(hg_arena *arena, hg_client *client, const char *path, const hg_prompts *prompts,
                      const hg_live_load *load, double timeout_s, const hg_live_watch *watch, hg_live_run *out)
{
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    *out = (hg_live_run){ .begin_unix_s = (double)wall.tv_sec + 1e-9 * (double)wall.tv_nsec };
    run *r = HG_NEW(arena, run, 1);
    *r = (run){ .arena = arena, .client = client, .prompts = prompts, .load = load, .watch = watch, .out = out,
                .path = path, .text = { .arena = arena }, .text_of = SIZE_MAX };
    hg_hist_open(&r->ttft, arena, HG_HIST_FINE);
    hg_schedule_open(&r->schedule, arena, load);
    r->start_ns = hg_clock_ns();
    loop(r, timeout_s);
    hg_client_drop(client);
    out->duration_s = (double)now_ns(r) * 1e-9;
    for (size_t i = 0; i < r->stream_count; i++) {
        out->events += r->streams[i]->events;
        hg_stream_close(r->streams[i]);
    }
    if (out->count)
        qsort(out->records, out->count, sizeof *out->records, by_number);
    out->unsent = load->requests > out->count ? load->requests - out->count : 0;
}

#include "answer.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { PIECE = 1024, WHY = 256 };

static struct {
    batch *batch;
    const knobs *knobs;
    const char *model; /* as JSON, quotes and all */
} serving;

void answer_with(batch *b, const knobs *k, const char *model)
{
    json_t *name = json_stringn_nocheck(model, strlen(model));
    serving.batch = b;
    serving.knobs = k;
    serving.model = name ? json_dumps(name, JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;
    if (!serving.model)
        serving.model = "\"model\""; /* a file's name that is no text */
    json_decref(name);
}

static void say_error(http_client *c, int status, const char *message)
{
    json_t *j = json_pack("{s{s:s,s:s,s:i}}", "error", "message", message, "type",
                          status == 500 ? "server_error" : "invalid_request_error", "code", status);
    char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    http_reply(c, status, "application/json", text ? text : "{}", text ? strlen(text) : 2);
    free(text);
    json_decref(j);
}

/* Answers. */

typedef struct text {
    char *s;
    size_t n, capacity;
} text;

static void add(text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(text *t, const char *fmt, ...)
{
    if (t->n + PIECE > t->capacity)
        t->s = realloc(t->s, t->capacity = 2 * t->capacity + 2 * PIECE);
    if (!t->s)
        abort();
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(t->s + t->n, PIECE, fmt, args);
    va_end(args);
    t->n += n < PIECE ? (size_t)n : PIECE - 1;
}

static void add_usage(text *t, const job *j)
{
    add(t,
        "\"usage\":{\"prompt_tokens\":%d,\"completion_tokens\":%d,\"total_tokens\":%d,\"prompt_"
        "tokens_details\":{\"cached_tokens\":%d}}",
        j->ask.prompt_tokens, j->generated, j->ask.prompt_tokens + j->generated, j->cached);
}

static void add_head(text *t, const job *j, bool chunk)
{
    add(t, "{\"id\":\"%s-%ld\",\"object\":\"%s\",\"created\":%" PRId64 ",\"model\":",
        j->ask.chat ? "chatcmpl" : "cmpl", j->number,
        !j->ask.chat ? "text_completion"
        : chunk      ? "chat.completion.chunk"
                     : "chat.completion",
        (int64_t)time(NULL));
    add(t, "%.500s,", serving.model);
}

static void send_event(http_client *c, text *t)
{
    add(t, "\n\n");
    http_chunk(c, t->s, t->n);
    free(t->s);
    *t = (text){ .s = NULL };
}

static void send_token(http_client *c, const job *j)
{
    text t = { .s = NULL };
    bool last = j->generated == j->ask.max_tokens;
    int32_t token = j->answer[j->generated - 1];
    add(&t, "data: ");
    add_head(&t, j, true);
    if (j->ask.chat)
        add(&t, "\"choices\":[{\"index\":0,\"delta\":{%s\"content\":\" w%d\"},",
            j->generated == 1 ? "\"role\":\"assistant\"," : "", token);
    else
        add(&t, "\"choices\":[{\"index\":0,\"text\":\" w%d\",", token);
    add(&t, "\"finish_reason\":%s}]", last ? "\"length\"" : "null");
    if (j->ask.usage_each) {
        add(&t, ",");
        add_usage(&t, j);
    }
    add(&t, "}");
    send_event(c, &t);
}

static void send_end(http_client *c, const job *j)
{
    text t = { .s = NULL };
    if (j->ask.usage) {
        add(&t, "data: ");
        add_head(&t, j, true);
        add(&t, "\"choices\":[],");
        add_usage(&t, j);
        add(&t, "}");
        send_event(c, &t);
    }
    add(&t, "data: [DONE]");
    send_event(c, &t);
    http_end(c);
}

static void send_whole(http_client *c, const job *j)
{
    text t = { .s = NULL };
    add_head(&t, j, false);
    add(&t, "\"choices\":[{\"index\":0,%s\"",
        j->ask.chat ? "\"message\":{\"role\":\"assistant\",\"content\":" : "\"text\":");
    for (int i = 0; i < j->generated; i++)
        add(&t, " w%d", j->answer[i]);
    add(&t, "\"%s,\"finish_reason\":\"length\"}],", j->ask.chat ? "}" : "");
    add_usage(&t, j);
    add(&t, "}");
    http_reply(c, 200, "application/json", t.s, t.n);
    free(t.s);
}

static void send_failure(http_client *c, const job *j)
{
    static const char event[] =
        "data: {\"error\":{\"message\":\"the step failed\",\"type\":\"server_error\"}}\n\n";
    if (!j->ask.stream) {
        say_error(c, 500, "the step failed");
        return;
    }
    http_chunk(c, event, sizeof event - 1);
    http_end(c);
}

void answer_token(job *j, bool failed)
{
    http_client *c = j->ctx;
    bool last = failed || j->generated == j->ask.max_tokens;
    if (last)
        c->ctx = NULL; /* the job is gone after this */
    if (failed)
        send_failure(c, j);
    else if (j->ask.stream)
        send_token(c, j);
    if (last && !failed) {
        if (j->ask.stream)
            send_end(c, j);
        else
            send_whole(c, j);
    }
}

void answer_gone(http_client *c)
{
    if (c->ctx)
        batch_cancel(serving.batch, c->ctx);
    c->ctx = NULL;
}

/* Endpoints. */

static void complete(http_client *c, const char *body, size_t size, bool chat)
{
    request_limits l = { .vocabulary = batch_vocabulary(serving.batch),
                         .context = serving.knobs->context };
    request ask;
    char why[WHY];
    if (!request_read(body, size, chat, &l, &ask, why, sizeof why)) {
        say_error(c, 400, why);
        return;
    }
    c->ctx = batch_add(serving.batch, &ask, c);
    if (ask.stream)
        http_stream(c, "text/event-stream");
}

static void completions(http_client *c, const char *body, size_t size)
{
    complete(c, body, size, false);
}
static void chat(http_client *c, const char *body, size_t size)
{
    complete(c, body, size, true);
}

static void health(http_client *c, const char *body, size_t size)
{
    (void)body, (void)size;
    http_reply(c, 200, "application/json", "{\"status\":\"ok\"}", 15);
}

static void models(http_client *c, const char *body, size_t size)
{
    text t = { .s = NULL };
    (void)body, (void)size;
    add(&t,
        "{\"object\":\"list\",\"data\":[{\"id\":%.500s,\"object\":\"model\",\"owned_by\":\"heng\","
        "\"max_model_len\":%d}]}",
        serving.model, serving.knobs->context);
    http_reply(c, 200, "application/json", t.s, t.n);
    free(t.s);
}

static double cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void metrics(http_client *c, const char *body, size_t size)
{
    batch_counts n = batch_counted(serving.batch);
    const struct {
        const char *name, *type, *help;
        double value;
    } rows[] = {
        { "engine_requests_running", "gauge", "Requests that have a slot.", n.running },
        { "engine_requests_waiting", "gauge", "Requests in the queue.", n.waiting },
        { "engine_kv_used_tokens", "gauge",
          "Tokens of KV reserved by running requests or kept of ended ones.", n.kv_used },
        { "engine_kv_capacity_tokens", "gauge", "Tokens of KV there are.", n.kv_capacity },
        { "engine_requests_total", "counter", "Requests accepted.", (double)n.requests },
        { "engine_requests_cancelled_total", "counter", "Requests whose client left.",
          (double)n.cancelled },
        { "engine_requests_failed_total", "counter", "Requests that a failed step ended.",
          (double)n.failed },
        { "engine_prompt_tokens_total", "counter", "Tokens of prompts of requests that got a slot.",
          (double)n.prompt_tokens },
        { "engine_cached_tokens_total", "counter", "Of these, tokens whose KV was there.",
          (double)n.cached_tokens },
        { "engine_answer_tokens_total", "counter", "Tokens generated.", (double)n.answer_tokens },
        { "engine_evictions_total", "counter", "Kept prefixes dropped for room.",
          (double)n.evictions },
        { "engine_steps_total", "counter", "Steps.", (double)n.steps },
        { "engine_step_tokens_total", "counter", "Tokens computed in steps.",
          (double)n.computed_tokens },
        { "engine_step_seconds_total", "counter", "Time in steps.", n.step_s },
        { "engine_queue_seconds_total", "counter", "Time in the queue of requests that got a slot.",
          n.queue_s },
        { "process_cpu_seconds_total", "counter", "Processor time of the process.", cpu_s() },
    };
    text t = { .s = NULL };
    (void)body, (void)size;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        add(&t, "# HELP %s %s\n# TYPE %s %s\n%s %.15g\n", rows[i].name, rows[i].help, rows[i].name,
            rows[i].type, rows[i].name, rows[i].value);
    http_reply(c, 200, "text/plain; version=0.0.4", t.s, t.n);
    free(t.s);
}

static const struct {
    const char *method, *path;
    void (*answer)(http_client *c, const char *body, size_t size);
} endpoints[] = {
    { "GET", "/health", health },
    { "GET", "/metrics", metrics },
    { "GET", "/v1/models", models },
    { "POST", "/v1/completions", completions },
    { "POST", "/v1/chat/completions", chat },
};

void answer_request(http_client *c, const http_request *r, const char *body)
{
    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++) {
        if (strcmp(r->path, endpoints[i].path) != 0)
            continue;
        if (strcmp(r->method, endpoints[i].method) == 0)
            endpoints[i].answer(c, body, r->body_size);
        else
            say_error(c, 405, "this path wants another method");
        return;
    }
    say_error(c, 404,
              "no such path; there are /health, /metrics, /v1/models, /v1/completions and "
              "/v1/chat/completions");
}

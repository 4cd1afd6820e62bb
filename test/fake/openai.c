/* heng-fake: an OpenAI-compatible endpoint that answers with as many tokens as were asked for, as fast
 * or slow as told, and, when the path begins with the name of a fault (/half/v1/completions), plays it.
 *
 *   heng-fake [--port N] [--port-file F] [--ttft MS] [--itl MS] [--stamp] [--key K] [--http2]
 *             [--tls CERTIFICATE] [--tokens-per-word X] [--life S] [--spread] [--play FAULT] [--say TEXT]
 *             [--exit CODE] [--deaf] [--ignored VALUE]
 *
 * --play: every path plays it.  --say: a line on stderr first.  --exit: ends at once.  --deaf: never listens.
 * --ignored: a knob that changes nothing.  POST /knobs {"ttft":MS,"itl":MS,"play":FAULT} changes them live; GET /metrics is a
 * Prometheus page with the counters of engine/answer.c and some of
 * vLLM's: first tokens by --ttft, at most a tenth of a second or not.  GET /knobs says how they stand.
 * --spread: each stream's first token comes up to an ITL later, so that streams are out of step.
 * --tls: a certificate for localhost is made and written there.
 * Listens on 127.0.0.1, prints the port (and writes it to F), and ends after S seconds (600). */
#define _GNU_SOURCE
#include "serve.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef enum fault {
    FINE, SICK, HANG, GARBAGE, HTML, PLAIN_JSON, HALF, CUT, BUSY, DOWN, RESET, RESET_ONCE, BUFFERED, NO_USAGE, SPECULATIVE, IN_STREAM,
    STALL, SHORT, SPLIT, DIES, EMPTY, NO_DONE, UNTIL_CLOSE, NO_HTTP, COMMENTS, TATTLE, WRONG_MODEL, BLIND,
    PAGELESS
} fault;

static const struct {
    const char *name;
    fault is;
} faults[] = {
    { "fine", FINE },
    { "sick", SICK },           /* never healthy: 503 to everything */
    { "hang", HANG },           /* not a byte */
    { "garbage", GARBAGE },     /* events that are no JSON */
    { "html", HTML },           /* a proxy's page, with 200 */
    { "json", PLAIN_JSON },     /* an answer in one piece of JSON */
    { "half", HALF },           /* half an event, then the end of the connection */
    { "cut", CUT },             /* the same between two events */
    { "429", BUSY },
    { "503", DOWN },
    { "reset", RESET },         /* before any byte, always */
    { "reset-once", RESET_ONCE }, /* … every other time */
    { "buffered", BUFFERED },   /* all at once at the end, as a proxy that buffers */
    { "no-usage", NO_USAGE },
    { "speculative", SPECULATIVE }, /* three tokens a chunk */
    { "in-stream", IN_STREAM }, /* an error object after two tokens */
    { "stall", STALL },         /* silence after two tokens */
    { "short", SHORT },         /* half the tokens */
    { "split", SPLIT },         /* every event in three writes */
    { "dies", DIES },           /* the process ends at the third token of the fourth request */
    { "empty", EMPTY },         /* complete, without a token */
    { "no-done", NO_DONE },     /* a finish reason and the end of the body, no [DONE] */
    { "until-close", UNTIL_CLOSE }, /* a body that ends with the connection */
    { "no-http", NO_HTTP },     /* another protocol */
    { "comments", COMMENTS },   /* keep-alive comments between events */
    { "tattle", TATTLE },       /* an error that shows the key */
    { "wrong-model", WRONG_MODEL }, /* 404, whatever the model */
    { "blind", BLIND },         /* its metrics show no latencies */
    { "pageless", PAGELESS },   /* it has no metrics */
};

enum { SPECULATED = 3, CHAT_OVERHEAD = 7, EVENT_MAX = 1024 };

static double ttft_ms, itl_ms, tokens_per_word = 1;
static bool stamped, spread;
static const char *key, *port_file;
static long requests_seen, resets, mortal_requests, prompt_tokens_seen, answer_tokens_sent, fast_seen;
static fault always;

typedef struct answer {
    fault plays;
    bool chat, usage, usage_each, opened;
    int64_t tokens, sent, prompt_tokens;
    char *held;     /* of a buffered one */
    size_t held_size;
} answer;

static void say(reply *r, int status, const char *type, const char *text)
{
    reply_head(r, status, type);
    reply_data(r, text, strlen(text));
    reply_end(r);
}

static void say_error(reply *r, int status, const char *message)
{
    char text[512];
    snprintf(text, sizeof text, "{\"error\":{\"message\":\"%s\",\"type\":\"error\",\"code\":%d}}", message, status);
    say(r, status, "application/json", text);
}

static int64_t count_words(const char *text)
{
    int64_t n = *text != 0;
    for (; *text; text++)
        n += *text == ' ';
    return n;
}

static int64_t count_prompt(const json_t *body, bool chat)
{
    const json_t *prompt = json_object_get(body, "prompt"), *message;
    size_t i;
    if (json_is_array(prompt))
        return (int64_t)json_array_size(prompt);
    if (!chat)
        return (int64_t)((double)count_words(json_string_value(prompt) ? json_string_value(prompt) : "") * tokens_per_word + 0.5);
    int64_t n = CHAT_OVERHEAD;
    json_array_foreach(json_object_get(body, "messages"), i, message) {
        const char *text = json_string_value(json_object_get(message, "content"));
        n += (int64_t)((double)count_words(text ? text : "") * tokens_per_word + 0.5);
    }
    return n;
}

static void put(reply *r, const char *text, size_t n)
{
    answer *a = r->ctx;
    if (a->plays == BUFFERED) {
        a->held = realloc(a->held, a->held_size + n);
        memcpy(a->held + a->held_size, text, n);
        a->held_size += n;
    } else if (a->plays == SPLIT && n > 9) {
        reply_data(r, text, 3);
        reply_data(r, text + 3, n - 5);
        reply_data(r, text + n - 2, 2);
    } else {
        reply_data(r, text, n);
    }
}

static size_t event(const answer *a, char *out, const char *text, const char *finish, bool usage)
{
    char tail[200] = "";
    if (usage)
        snprintf(tail, sizeof tail, ",\"usage\":{\"prompt_tokens\":%lld,\"completion_tokens\":%lld,\"total_tokens\":%lld}",
                 (long long)a->prompt_tokens, (long long)a->sent, (long long)(a->prompt_tokens + a->sent));
    if (stamped)
        snprintf(tail + strlen(tail), sizeof tail - strlen(tail), ",\"stamp\":%lld", (long long)serve_now_ns());
    return (size_t)snprintf(out, EVENT_MAX, a->chat ? "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,"
                                                   "\"delta\":{\"content\":\"%s\"},\"finish_reason\":%s}]%s}\n\n"
                                                 : "data: {\"id\":\"1\",\"object\":\"text_completion\",\"choices\":[{\"index\":0,"
                                                   "\"text\":\"%s\",\"finish_reason\":%s}]%s}\n\n",
                         text, finish, tail);
}

static void finish(reply *r)
{
    static const char done[] = "data: [DONE]\n\n";
    char text[EVENT_MAX];
    answer *a = r->ctx;
    if (a->usage && a->plays != NO_USAGE) {
        int n = snprintf(text, sizeof text, "data: {\"id\":\"1\",\"choices\":[],\"usage\":{\"prompt_tokens\":%lld,\"completion_tokens\":%lld,"
                         "\"total_tokens\":%lld,\"prompt_tokens_details\":{\"cached_tokens\":0}}}\n\n", (long long)a->prompt_tokens,
                         (long long)a->sent, (long long)(a->prompt_tokens + a->sent));
        put(r, text, (size_t)n);
    }
    if (a->plays != NO_DONE)
        put(r, done, sizeof done - 1);
    if (a->plays == BUFFERED)
        reply_data(r, a->held, a->held_size);
    reply_end(r);
}

/* True: the fault has taken the reply over. */
static bool misbehave(reply *r)
{
    answer *a = r->ctx;
    if (a->plays == COMMENTS)
        put(r, ": still here\n\n", 14);
    if (a->sent < 2)
        return false;
    switch (a->plays) {
    case HALF:
        put(r, "data: {\"choices\":[{\"ind", 23);
        reply_cut(r);
        return true;
    case CUT: reply_cut(r); return true;
    case STALL: reply_at(r, INT64_MAX); return true;
    case IN_STREAM:
        put(r, "data: {\"error\":{\"message\":\"out of KV blocks\",\"code\":500}}\n\n", 60);
        reply_end(r);
        return true;
    case DIES:
        if (mortal_requests >= 4)
            _exit(0);
        return false;
    default: return false;
    }
}

/* The next chunk; false when the reply is gone or waits by itself. */
static bool step(reply *r)
{
    char text[EVENT_MAX];
    answer *a = r->ctx;
    if (a->chat && !a->opened) {
        static const char role[] = "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},"
                                   "\"finish_reason\":null}]}\n\n";
        a->opened = true;
        put(r, role, sizeof role - 1);
    }
    if (misbehave(r))
        return false;
    int64_t brings = a->plays == SPECULATIVE ? SPECULATED : 1;
    if (a->plays == EMPTY)
        brings = a->tokens;
    brings = brings < a->tokens - a->sent ? brings : a->tokens - a->sent;
    a->sent += brings;
    answer_tokens_sent += brings;
    bool last = a->sent == a->tokens;
    size_t n = event(a, text, a->plays == EMPTY ? "" : " tok", last ? "\"length\"" : "null", a->usage_each);
    put(r, text, n);
    if (last)
        finish(r);
    return !last;
}

void on_due(reply *r)
{
    int64_t due_ns = r->due_ns;
    while (step(r)) {
        due_ns += (int64_t)(itl_ms * 1e6);
        if (itl_ms > 0) {
            reply_at(r, due_ns);
            return;
        }
    }
}

void on_gone(reply *r)
{
    answer *a = r->ctx;
    if (a)
        free(a->held);
    free(a);
}

static fault fault_of(const char **path)
{
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        size_t n = strlen(faults[i].name);
        if ((*path)[0] == '/' && strncmp(*path + 1, faults[i].name, n) == 0 && (*path)[n + 1] == '/') {
            *path += n + 1;
            return faults[i].is;
        }
    }
    return FINE;
}

/* Faults that need no look at the question; true: answered. */
static bool answer_at_once(reply *r, fault plays)
{
    switch (plays) {
    case SICK:
    case DOWN: say_error(r, 503, "the model is still loading"); return true;
    case BUSY: say_error(r, 429, "rate limit reached"); return true;
    case HANG: return true;
    case TATTLE: say_error(r, 400, r->bearer); return true;
    case WRONG_MODEL: say_error(r, 404, "The model does not exist."); return true;
    case HTML: say(r, 200, "text/html; charset=utf-8", "<html><body>welcome to the proxy</body></html>"); return true;
    case PLAIN_JSON: say(r, 200, "application/json", "{\"choices\":[{\"message\":{\"content\":\"hello\"}}]}"); return true;
    case GARBAGE: say(r, 200, "text/event-stream", "data: <<<>>>\n\ndata: [DONE]\n\n"); return true;
    case RESET: reply_reset(r); return true;
    case RESET_ONCE:
        if (resets++ % 2 == 0)
            return reply_reset(r), true;
        return false;
    case NO_HTTP:
        r->close_after = true;
        reply_data(r, "SSH-2.0-OpenSSH_9.2\r\n", 21);
        reply_cut(r);
        return true;
    default: return false;
    }
}

static void complete(reply *r, fault plays, bool chat)
{
    json_t *body = json_loads(r->body, 0, NULL);
    const char *model = json_string_value(json_object_get(body, "model"));
    const json_t *options = json_object_get(body, "stream_options");
    answer *a = calloc(1, sizeof *a);
    *a = (answer){ .plays = plays, .chat = chat, .usage = json_is_true(json_object_get(options, "include_usage")),
                   .usage_each = json_is_true(json_object_get(options, "continuous_usage_stats")),
                   .tokens = json_integer_value(json_object_get(body, "max_tokens")), .prompt_tokens = count_prompt(body, chat) };
    r->ctx = a;
    if (plays == SHORT)
        a->tokens = (a->tokens + 1) / 2;
    if (!body || !json_is_true(json_object_get(body, "stream")) || a->tokens < 1) {
        say_error(r, 400, "the body is no streaming request");
    } else if (!model || strcmp(model, "fake-model") != 0) {
        say_error(r, 404, "The model does not exist.");
    } else {
        requests_seen++;
        prompt_tokens_seen += a->prompt_tokens;
        fast_seen += ttft_ms <= 100;
        mortal_requests += plays == DIES;
        r->close_after = plays == UNTIL_CLOSE;
        reply_head(r, 200, "text/event-stream");
        double turn = spread ? 0.6180339887 * (double)requests_seen : 0; /* the golden ratio: evenly, whatever the number */
        reply_at(r, serve_now_ns() + (int64_t)((ttft_ms + (turn - (double)(int64_t)turn) * itl_ms) * 1e6));
    }
    json_decref(body);
}

static void metrics(reply *r)
{
    char text[2048];
    snprintf(text, sizeof text, "# TYPE engine_requests_total counter\nengine_requests_total %ld\nengine_prompt_tokens_total %ld\n"
             "engine_answer_tokens_total %ld\nengine_cached_tokens_total 0\nprocess_cpu_seconds_total %.6f\n", requests_seen, prompt_tokens_seen,
             answer_tokens_sent, (double)clock() / CLOCKS_PER_SEC);
    size_t n = strlen(text);
    if (always == PAGELESS) {
        say_error(r, 404, "Not Found");
        return;
    }
    snprintf(text + n, sizeof text - n, "vllm:request_success_total{model_name=\"fake-model\"} %ld\nvllm:prompt_tokens_total %ld\n"
             "vllm:generation_tokens_total %ld\n", requests_seen, prompt_tokens_seen, answer_tokens_sent);
    n = strlen(text);
    if (always != BLIND)
        snprintf(text + n, sizeof text - n, "vllm:time_to_first_token_seconds_bucket{le=\"0.1\"} %ld\n"
                 "vllm:time_to_first_token_seconds_bucket{le=\"10\"} %ld\nvllm:time_to_first_token_seconds_bucket{le=\"+Inf\"} %ld\n", fast_seen,
                 requests_seen, requests_seen);
    say(r, 200, "text/plain; version=0.0.4", text);
}

static bool play(const char *name)
{
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        if (strcmp(faults[i].name, name) == 0)
            return always = faults[i].is, true;
    return false;
}

static void say_knobs(reply *r)
{
    char text[200];
    size_t i = 0;
    while (faults[i].is != always)
        i++;
    snprintf(text, sizeof text, "ttft=%g itl=%g play=%s", ttft_ms, itl_ms, faults[i].name);
    say(r, 200, "text/plain", text);
}

static void set_knobs(reply *r)
{
    json_t *body = json_loads(r->body, 0, NULL), *itl = json_object_get(body, "itl"), *ttft = json_object_get(body, "ttft");
    const char *name = json_string_value(json_object_get(body, "play"));
    bool ok = (itl || ttft || name) && (!name || play(name));
    itl_ms = itl ? json_number_value(itl) : itl_ms;
    ttft_ms = ttft ? json_number_value(ttft) : ttft_ms;
    json_decref(body);
    if (ok)
        say(r, 200, "application/json", "{}");
    else
        say_error(r, 400, "no such knob");
}

void on_request(reply *r)
{
    const char *path = r->path;
    fault plays = fault_of(&path);
    plays = plays == FINE ? always : plays;
    bool chat = strcmp(path, "/v1/chat/completions") == 0, text = strcmp(path, "/v1/completions") == 0;
    if (key && strcmp(r->bearer, key) != 0)
        say_error(r, 401, "Incorrect API key provided.");
    else if (plays == SICK)
        answer_at_once(r, plays);
    else if (strcmp(path, "/health") == 0)
        say(r, 200, "text/plain", "");
    else if (strcmp(path, "/v1/models") == 0)
        say(r, 200, "application/json", "{\"object\":\"list\",\"data\":[{\"id\":\"fake-model\",\"object\":\"model\"}]}");
    else if (strcmp(path, "/metrics") == 0)
        metrics(r);
    else if (strcmp(path, "/knobs") == 0)
        (strcmp(r->method, "GET") == 0 ? say_knobs : set_knobs)(r);
    else if (!chat && !text)
        say_error(r, 404, "Not Found");
    else if (!answer_at_once(r, plays))
        complete(r, plays, chat);
}

static void ready(int port)
{
    printf("%d\n", port);
    fflush(stdout);
    if (!port_file)
        return;
    char part[4096];
    snprintf(part, sizeof part, "%s.part", port_file);
    FILE *f = fopen(part, "w");
    if (!f || fprintf(f, "%d\n", port) < 0 || fclose(f) != 0 || rename(part, port_file) != 0)
        exit(1);
}

int main(int argc, char **argv)
{
    serve_options o = { 0 };
    unsigned life_s = 600;
    bool deaf = false;
    for (int i = 1; i < argc; i++) {
        const char *next = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--stamp") == 0)
            stamped = true;
        else if (strcmp(argv[i], "--spread") == 0)
            spread = true;
        else if (strcmp(argv[i], "--http2") == 0)
            o.http2 = true;
        else if (strcmp(argv[i], "--tls") == 0)
            o.certificate = next, i++;
        else if (strcmp(argv[i], "--port") == 0)
            o.port = atoi(next), i++;
        else if (strcmp(argv[i], "--port-file") == 0)
            port_file = next, i++;
        else if (strcmp(argv[i], "--ttft") == 0)
            ttft_ms = atof(next), i++;
        else if (strcmp(argv[i], "--itl") == 0)
            itl_ms = atof(next), i++;
        else if (strcmp(argv[i], "--key") == 0)
            key = next, i++;
        else if (strcmp(argv[i], "--tokens-per-word") == 0)
            tokens_per_word = atof(next), i++;
        else if (strcmp(argv[i], "--life") == 0)
            life_s = (unsigned)atoi(next), i++;
        else if (strcmp(argv[i], "--play") == 0 && play(next))
            i++;
        else if (strcmp(argv[i], "--say") == 0)
            fprintf(stderr, "%s\n", next), i++;
        else if (strcmp(argv[i], "--exit") == 0)
            exit(atoi(next));
        else if (strcmp(argv[i], "--deaf") == 0)
            deaf = true;
        else if (strcmp(argv[i], "--ignored") == 0)
            i++;
        else
            return fprintf(stderr, "heng-fake: what is %s?\n", argv[i]), 2;
    }
    alarm(life_s);
    while (deaf)
        pause();
    return serve(&o, ready);
}

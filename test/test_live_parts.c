/* What heng bench is made of, without a network: the parsers under every cut, prompts, schedules,
 * definitions and the search for the knee. */
#include "test.h"

#include "base/text.h"
#include "live/delta.h"
#include "live/figures.h"
#include "live/http1.h"
#include "live/prompt.h"
#include "live/schedule.h"
#include "live/sse.h"
#include "live/sweep.h"
#include "live/url.h"
#include "sim/event.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static hg_arena arena;

/* Events joined with '|', of a stream fed in two parts. */
static const char *events_of(const char *text, size_t cut, bool *is_cut)
{
    hg_sse s = { 0 };
    hg_buf out = { .arena = &arena };
    const char *data;
    size_t n, size = strlen(text);
    hg_buf_add(&out, "", 0);
    for (int part = 0; part < 2; part++) {
        hg_sse_feed(&s, part ? text + cut : text, part ? size - cut : cut);
        while (hg_sse_next(&s, &data, &n)) {
            hg_buf_add(&out, data, n);
            hg_buf_puts(&out, "|");
        }
    }
    *is_cut = hg_sse_is_cut(&s);
    hg_sse_close(&s);
    return out.s;
}

static void test_sse(void)
{
    static const struct {
        const char *text, *want;
        bool cut;
    } rows[] = {
        { "data: a\n\ndata: b\n\n", "a|b|", false },
        { "data: a\r\n\r\ndata:b\r\n\r\n", "a|b|", false },
        { ": comment\n\ndata: a\n\n: more\n", "a|", false },
        { "event: x\nid: 7\ndata: a\nretry: 5\n\n", "a|", false },
        { "data: a\ndata: b\ndata\n\n", "a\nb\n|", false },
        { "data:  two spaces\n\n", " two spaces|", false },
        { "\n\n\ndata: a\n\n", "a|", false },
        { "data: a\n\ndata: [DO", "a|", true },
        { "data: a\n\ndata: whole line\n", "a|", true },
        { "datax: a\n\nevent: b\n\n", "", false },
        { "", "", false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t cut = 0; cut <= strlen(rows[i].text); cut++) {
            bool is_cut;
            const char *got = events_of(rows[i].text, cut, &is_cut);
            CHECKF(strcmp(got, rows[i].want) == 0, "sse row %zu cut at %zu: '%s', want '%s'", i, cut, got, rows[i].want);
            CHECKF(is_cut == rows[i].cut, "sse row %zu cut at %zu: is_cut %d", i, cut, is_cut);
        }
}

/* "200 text/event-stream keep: body" or "bad: problem", of a response fed in two parts and closed. */
static const char *response_of(const char *text, size_t cut)
{
    static char head[HG_HTTP1_HEAD_MAX];
    hg_http1 h;
    hg_buf body = { .arena = &arena };
    const char *piece;
    size_t n;
    bool ended = false;
    hg_buf_add(&body, "", 0);
    hg_http1_begin(&h, head);
    for (int part = 0; part < 2 && !ended; part++) {
        hg_http1_feed(&h, part ? text + cut : text, part ? strlen(text) - cut : cut);
        for (bool more = false; !more && !ended;)
            switch (hg_http1_next(&h, &piece, &n)) {
            case HG_HTTP1_BODY: hg_buf_add(&body, piece, n); break;
            case HG_HTTP1_HEAD: break;
            case HG_HTTP1_MORE: more = true; break;
            case HG_HTTP1_END: ended = true; break;
            case HG_HTTP1_BAD: return "bad";
            }
    }
    if (!ended && !hg_http1_closed(&h))
        return "cut";
    return hg_textf(&arena, "%d %s %s: %s", h.status, h.type, h.keep_alive ? "keep" : "close", body.s);
}

static void test_http1(void)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "HTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream; charset=utf-8\r\nContent-Length: 5\r\n\r\nhello", "200 text/event-stream keep: hello" },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: a\r\n\r\n", "200  keep: abcde" },
        { "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\nConnection: close\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n", "200  close: 0123456789" },
        { "HTTP/1.1 200 OK\r\n\r\nup to the end", "200  close: up to the end" },
        { "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", "200  close: hi" },
        { "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 429 Too Many\r\nContent-Length: 0\r\n\r\n", "429  keep: " },
        { "HTTP/1.1 204 No Content\r\n\r\n", "204  keep: " },
        { "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", "200  keep: hi" },
        { "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", "cut" },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", "cut" },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "cut" },
        { "HTTP/1.1 200", "cut" },
        { "", "cut" },
        { "SSH-2.0-OpenSSH_9.2\r\n", "bad" },
        { "HTTP/2 200\r\n\r\n", "bad" },
        { "HTTP/1.1 2x0 OK\r\n\r\n", "bad" },
        { "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "bad" },
        { "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n", "bad" },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "bad" },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", "bad" },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", "bad" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t cut = 0; cut <= strlen(rows[i].text); cut++) {
            const char *got = response_of(rows[i].text, cut);
            CHECKF(strcmp(got, rows[i].want) == 0, "http row %zu cut at %zu: '%s', want '%s'", i, cut, got, rows[i].want);
        }
}

static void test_delta(void)
{
    static const struct {
        const char *json;
        bool token, finished;
        long long output_tokens;
        const char *text, *error; /* NULL: none */
    } rows[] = {
        { "{\"choices\":[{\"text\":\"a\\\"b\",\"finish_reason\":null}]}", true, false, -1, "a\\\"b", NULL },
        { "{\"choices\":[{\"delta\":{\"content\":\"hi\"},\"finish_reason\":null}]}", true, false, -1, "hi", NULL },
        { "{\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}", false, false, -1, "", NULL },
        { "{\"choices\":[{\"delta\":{\"content\":\"\"},\"finish_reason\":null}]}", true, false, -1, "", NULL },
        { "{\"choices\":[{\"delta\":{\"content\":\"\"},\"finish_reason\":\"stop\"}]}", false, true, -1, "", NULL },
        { "{\"choices\":[{\"delta\":{\"content\":\"end\"},\"finish_reason\":\"length\"}]}", true, true, -1, "end", NULL },
        { "{\"choices\":[{\"delta\":{\"content\":null,\"reasoning_content\":\"hm\"}}]}", true, false, -1, "hm", NULL },
        { "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\"}}]}}]}", true, false, -1, NULL, NULL },
        { "{\"choices\":[{\"delta\":{\"tool_calls\":[]}}]}", false, false, -1, NULL, NULL },
        { "{\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":42,\"prompt_tokens_details\":{\"cached_tokens\":3}}}", false, false, 42, NULL, NULL },
        { "{\"choices\":[{\"text\":\"x\"}],\"usage\":{\"completion_tokens\":3}}", true, false, 3, "x", NULL },
        { "{\"usage\":null,\"choices\":[{\"text\":\"x\"}]}", true, false, -1, "x", NULL },
        { "{\"error\":{\"message\":\"too long\",\"code\":400}}", false, false, -1, NULL, "too long" },
        { "{\"error\":\"too long\"}", false, false, -1, NULL, "too long" },
        { "{\"object\":\"error\",\"message\":\"no model\",\"code\":404}", false, false, -1, NULL, "no model" },
        { "{\"error\":null,\"choices\":[{\"text\":\"x\"}]}", true, false, -1, "x", NULL },
        { " { \"a\" : [ 1 , -2.5e3 , true , false , null , \"\\u00e9\" ] } ", false, false, -1, NULL, NULL },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_delta d;
        CHECKF(hg_delta_read(rows[i].json, strlen(rows[i].json), &d), "delta row %zu is refused", i);
        CHECKF(d.token == rows[i].token && d.finished == rows[i].finished && d.output_tokens == rows[i].output_tokens,
               "delta row %zu: token %d, finished %d, %lld tokens", i, d.token, d.finished, (long long)d.output_tokens);
        CHECKF(!d.text.at == !rows[i].text && (!rows[i].text || (d.text.size == strlen(rows[i].text) &&
               memcmp(d.text.at, rows[i].text, d.text.size) == 0)), "delta row %zu: another text", i);
        CHECKF(!d.error.at == !rows[i].error && (!rows[i].error || (d.error.size == strlen(rows[i].error) &&
               memcmp(d.error.at, rows[i].error, d.error.size) == 0)), "delta row %zu: another error", i);
    }
    static const char *const bad[] = { "", "{", "}", "[]", "null", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":01}", "{\"a\":1.}", "{\"a\":+1}",
                                       "{\"a\":\"\n\"}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12g4\"}", "{\"a\":\"", "{\"a\":tru}", "{\"a\":[1,]}",
                                       "{\"a\":[1 2]}", "{} {}", "{a:1}", "{\"a\":-}", "{\"a\":1e}", "<<<>>>" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        hg_delta d;
        CHECKF(!hg_delta_read(bad[i], strlen(bad[i]), &d), "'%s' is taken for a JSON object", bad[i]);
        json_t *j = json_loads(bad[i], 0, NULL);
        CHECKF(!j || !json_is_object(j), "'%s' is a JSON object to jansson", bad[i]);
        json_decref(j);
    }
}

static void test_url(void)
{
    static const struct {
        const char *text, *host, *port, *base; /* host NULL: refused */
        bool tls;
    } rows[] = {
        { "http://127.0.0.1:8000", "127.0.0.1", "8000", "", false },
        { "https://api.example.com/v1/", "api.example.com", "443", "/v1", true },
        { "localhost:8000/a/b//", "localhost", "8000", "/a/b", false },
        { "http://[::1]:9/x", "::1", "9", "/x", false },
        { "http://[::1]", "::1", "80", "", false },
        { "http://host", "host", "80", "", false },
        { "ftp://host", NULL, NULL, NULL, false },
        { "http://", NULL, NULL, NULL, false },
        { "http://:80", NULL, NULL, NULL, false },
        { "http://host:0", NULL, NULL, NULL, false },
        { "http://host:65536", NULL, NULL, NULL, false },
        { "http://host:80x", NULL, NULL, NULL, false },
        { "http://user:secret@host", NULL, NULL, NULL, false },
        { "http://host/v1?key=1", NULL, NULL, NULL, false },
        { "http://ho st", NULL, NULL, NULL, false },
        { "http://host/\r\nX: y", NULL, NULL, NULL, false },
        { "http://[::1", NULL, NULL, NULL, false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_url u;
        hg_err err = { 0 };
        bool ok = hg_url_parse(&arena, rows[i].text, "--url", &u, &err);
        CHECKF(ok == (rows[i].host != NULL), "'%s' is %s", rows[i].text, ok ? "taken" : err.msg);
        if (ok && rows[i].host)
            CHECKF(strcmp(u.host, rows[i].host) == 0 && strcmp(u.port, rows[i].port) == 0 && strcmp(u.base, rows[i].base) == 0 &&
                       u.tls == rows[i].tls, "'%s': %s %s %s", rows[i].text, u.host, u.port, u.base);
        else
            CHECKF(!strstr(err.msg, "secret"), "a secret is shown: %s", err.msg);
    }
}

static const char *prompt_of(const hg_prompts *p, size_t number, int64_t tokens)
{
    hg_buf b = { .arena = &arena };
    hg_prompt_text(p, number, tokens, &b);
    return b.s;
}

static int64_t units(const char *text, char separator)
{
    int64_t n = 1;
    for (; *text; text++)
        n += *text == separator;
    return n;
}

static size_t common(const char *a, const char *b)
{
    size_t n = 0;
    while (a[n] && a[n] == b[n])
        n++;
    return n;
}

static void test_prompt(void)
{
    int64_t hashes[] = { 1, 2, 3, 1, 2, 9 };
    hg_request requests[] = { { .isl = 40, .osl = 4, .hash_first = 0, .hash_count = 3 }, { .isl = 48, .osl = 4, .hash_first = 3, .hash_count = 3 },
                              { .isl = 48, .osl = 4 } };
    hg_workload w = { .requests = requests, .count = 3, .hashes = hashes, .hash_block_tokens = 16 };
    hg_prompts p = { .kind = HG_PROMPT_TOKENS, .model = "m", .extra = "", .workload = &w, .tokens_per_word = 1, .groups = 1 };
    for (int64_t n = 1; n < 200; n += 7) {
        CHECKF(units(prompt_of(&p, 2, n), ',') == n, "%lld ids asked", (long long)n);
        p.kind = HG_PROMPT_WORDS;
        CHECKF(units(prompt_of(&p, 2, n), ' ') == n, "%lld words asked", (long long)n);
        p.kind = HG_PROMPT_TOKENS;
    }
    CHECK_STR(prompt_of(&p, 0, 40), prompt_of(&p, 0, 40));
    const char *a = prompt_of(&p, 0, 40), *b = prompt_of(&p, 1, 48), *c = prompt_of(&p, 2, 48), *again = prompt_of(&p, 3, 40);
    char *prefix = hg_strndup(&arena, a, common(a, b));
    CHECKF(units(prefix, ',') >= 33 && units(prefix, ',') <= 34, "two equal blocks of 16, %lld ids in common", (long long)units(prefix, ',') - 1);
    CHECKF(common(a, c) < 16 && common(a, again) < 16, "no shared hash, and a second round, begin otherwise");
    p.shared_tokens = 20;
    a = prompt_of(&p, 2, 48), b = prompt_of(&p, 5, 48);
    prefix = hg_strndup(&arena, a, common(a, b));
    CHECKF(units(prefix, ',') >= 21 && units(prefix, ',') <= 22, "20 shared, %lld in common", (long long)units(prefix, ',') - 1);
    p.shared_tokens = 0;
    p.kind = HG_PROMPT_WORDS;
    p.tokens_per_word = 1.5;
    p.overhead_tokens = 10;
    CHECK(units(prompt_of(&p, 2, 160), ' ') == 100);
    CHECK(units(prompt_of(&p, 2, 3), ' ') == 1); /* less than the overhead: one word is the least */
}

static void test_body(void)
{
    hg_request one = { .isl = 5, .osl = 3 };
    hg_workload w = { .requests = &one, .count = 1 };
    for (int chat = 0; chat < 2; chat++)
        for (int usage = HG_USAGE_FINAL; usage <= HG_USAGE_NONE; usage++) {
            hg_prompts p = { .chat = chat, .usage = (hg_usage_kind)usage, .ignore_eos = true, .model = "a \"b\"", .extra = ",\"temperature\":0",
                             .workload = &w, .tokens_per_word = 1, .groups = 1 };
            hg_buf body = { .arena = &arena }, history = { .arena = &arena };
            hg_buf_add(&history, "", 0);
            hg_prompt_history(&p, "first words", "an \\\"answer\\\"", &history);
            hg_prompt_body(&p, history.s, "and more", 3, &body);
            json_t *j = json_loads(body.s, JSON_REJECT_DUPLICATES, NULL);
            CHECKF(j != NULL, "no JSON: %s", body.s);
            CHECK_STR(json_string_value(json_object_get(j, "model")), "a \"b\"");
            CHECK(json_integer_value(json_object_get(j, "max_tokens")) == 3 && json_is_true(json_object_get(j, "stream")) &&
                  json_is_true(json_object_get(j, "ignore_eos")) && json_object_get(j, "temperature"));
            const json_t *options = json_object_get(j, "stream_options");
            CHECK(json_is_true(json_object_get(options, "include_usage")) == (usage != HG_USAGE_NONE) &&
                  json_is_true(json_object_get(options, "continuous_usage_stats")) == (usage == HG_USAGE_EACH));
            if (chat) {
                CHECK(json_array_size(json_object_get(j, "messages")) == 3);
                CHECK_STR(json_string_value(json_object_get(json_array_get(json_object_get(j, "messages"), 1), "content")), "an \"answer\"");
            } else {
                CHECK_STR(json_string_value(json_object_get(j, "prompt")), "first wordsan \"answer\" and more");
            }
            json_decref(j);
        }
}

static hg_workload load_of(hg_load kind, double rate, int64_t clients)
{
    hg_workload w;
    hg_workload_synthetic(&arena, 10, 10, 1, 100, 1, &w);
    w.load = kind;
    w.rate_per_s = rate;
    w.concurrency = clients;
    return w;
}

static void test_schedule(void)
{
    hg_schedule s;
    hg_arrivals plain;
    hg_workload w = load_of(HG_LOAD_RATE, 5, 0);
    hg_live_load load = { .workload = &w, .requests = 100, .turns = 1, .seed = 3 };
    /* An open loop is the simulator's own arrivals. */
    hg_schedule_open(&s, &arena, &load);
    hg_arrivals_open(&plain, &arena, &w, 100, 0, 0, 0, 3);
    for (size_t i = 0; i < 100; i++) {
        int64_t want_ns;
        hg_arrivals_take(&plain, &want_ns);
        CHECK(hg_schedule_next_ns(&s) == want_ns);
        hg_due d = hg_schedule_take(&s);
        CHECK(d.number == i && d.due_ns == want_ns && d.turn == 0);
    }
    CHECK(hg_schedule_next_ns(&s) == HG_NEVER);
    /* A closed loop: as many as clients without an answer, the next when one comes, think time between. */
    w = load_of(HG_LOAD_CLOSED, 0, 3);
    load.requests = 5;
    load.think_s = 0.5;
    hg_schedule_open(&s, &arena, &load);
    hg_due first[3];
    for (int i = 0; i < 3; i++)
        first[i] = hg_schedule_take(&s);
    CHECK(hg_schedule_next_ns(&s) == HG_NEVER);
    hg_schedule_answered(&s, &first[1], true, 1000);
    hg_schedule_answered(&s, &first[0], false, 2000);
    CHECK(hg_schedule_next_ns(&s) == 500001000);
    CHECK(hg_schedule_take(&s).number == 3);
    CHECK(hg_schedule_take(&s).due_ns == 500002000);
    hg_schedule_answered(&s, &first[2], true, 3000);
    CHECK(hg_schedule_next_ns(&s) == HG_NEVER); /* five were sent */
    /* Conversations: turn after answer; a failed one ends it. */
    w = load_of(HG_LOAD_CLOSED, 0, 1);
    load.requests = 6;
    load.turns = 3;
    hg_schedule_open(&s, &arena, &load);
    hg_due d = hg_schedule_take(&s);
    hg_schedule_answered(&s, &d, true, 10);
    d = hg_schedule_take(&s);
    CHECK(d.number == 1 && d.session == 0 && d.turn == 1 && d.due_ns == 500000010);
    hg_schedule_answered(&s, &d, false, 20);
    d = hg_schedule_take(&s);
    CHECK(d.number == 3 && d.session == 1 && d.turn == 0);
    hg_schedule_stop(&s);
    hg_schedule_answered(&s, &d, true, 30);
    CHECK(hg_schedule_next_ns(&s) == HG_NEVER);
}

/* Expected arrivals are the area under the rate, and half of a rise from zero come in the last 29 %. */
static void test_ramp(void)
{
    static const struct {
        double from, to, duration;
    } rows[] = { { 0, 100, 50 }, { 100, 0, 50 }, { 20, 80, 30 }, { 50, 50, 40 } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_schedule s;
        hg_workload w = load_of(HG_LOAD_RATE, 1, 0);
        hg_live_load load = { .workload = &w, .duration_s = rows[i].duration, .turns = 1, .ramp = { rows[i].from, rows[i].to }, .seed = 5 };
        double want = (rows[i].from + rows[i].to) / 2 * rows[i].duration, n = 0, early = 0;
        int64_t last_ns = 0;
        hg_schedule_open(&s, &arena, &load);
        while (hg_schedule_next_ns(&s) != HG_NEVER) {
            hg_due d = hg_schedule_take(&s);
            CHECK(d.due_ns >= last_ns && (double)d.due_ns <= rows[i].duration * 1e9);
            last_ns = d.due_ns;
            early += (double)d.due_ns < rows[i].duration * 1e9 / 2;
            n++;
        }
        double a = rows[i].from, half = (a + (rows[i].to - a) / 4) / ((rows[i].from + rows[i].to) / 2) / 2;
        CHECKF(fabs(n - want) < 4 * sqrt(want), "ramp %zu: %g arrivals, %g expected", i, n, want);
        CHECKF(fabs(early / n - half) < 0.04, "ramp %zu: %g in the first half, %g expected", i, early / n, half);
    }
}

static hg_live_record answer(int64_t intended_ms, int64_t sent_ms, int64_t first_ms, int chunks, int64_t gap_ms, int64_t tokens)
{
    hg_live_record r = { .intended_ns = intended_ms * 1000000, .sent_ns = sent_ms * 1000000, .first_ns = first_ms * 1000000,
                         .last_ns = (first_ms + (chunks - 1) * gap_ms) * 1000000, .isl = 100, .osl = (int32_t)tokens,
                         .prompt_tokens = 100, .output_tokens = tokens, .cached_tokens = -1, .chunks = (uint32_t)chunks, .reads = (uint32_t)chunks,
                         .status = 200 };
    r.end_ns = r.last_ns;
    r.gaps = HG_NEW(&arena, hg_gap, chunks);
    for (int i = 0; i + 1 < chunks; i++)
        r.gaps[i] = (hg_gap){ (float)gap_ms * 1e-3f, 0 };
    return r;
}

static void test_figures(void)
{
    hg_err err;
    hg_slo slo;
    hg_live_window all = { 0, 0 };
    hg_live_figures *f = HG_NEW(&arena, hg_live_figures, 1);
    hg_live_record records[4] = { answer(0, 100, 500, 11, 20, 11), answer(1000, 1000, 1300, 6, 100, 11), answer(2000, 2000, 2200, 1, 0, 1) };
    records[3] = (hg_live_record){ .intended_ns = 3000000000, .sent_ns = 3000000000, .end_ns = 3500000000, .first_ns = -1, .last_ns = -1,
                                   .output_tokens = -1, .prompt_tokens = -1, .cached_tokens = -1, .fault = HG_FAULT_STATUS, .status = 503,
                                   .retried = true, .osl = 5, .said = "HTTP 503" };
    hg_live_run run = { .records = records, .count = 4, .sending_s = 3, .duration_s = 4 };
    CHECK(hg_slo_parse("ttft:p50<1s,tpot:mean<60ms", "--slo", &slo, &err));
    hg_live_judge(arena, &run, &all, &slo, f);
    CHECK(f->sent == 4 && f->counted == 4 && f->complete == 3 && f->failed == 1 && f->retried == 1 && f->by_fault[HG_FAULT_STATUS] == 1);
    CHECK_NEAR(f->latency[HG_TTFT].mean, (0.5 + 0.3 + 0.2) / 3, 1e-9); /* from the intended time */
    CHECK_NEAR(f->ttft_from_send.mean, (0.4 + 0.3 + 0.2) / 3, 1e-9);
    CHECK_NEAR(f->lag.max, 0.1, 1e-9);
    CHECK_NEAR(f->latency[HG_TPOT].mean, (0.02 + 0.05) / 2, 1e-9); /* 0.5 s over ten tokens in five chunks; none of one token */
    CHECK(f->latency[HG_TPOT].n == 2);
    CHECK_NEAR(f->latency[HG_E2E].max, 0.8, 1e-9);
    CHECK_NEAR(f->icl.mean, (10 * 0.02 + 5 * 0.1) / 15, 1e-6);
    CHECK_NEAR(f->latency[HG_ITL].mean, (10 * 0.02 + 10 * 0.05) / 20, 1e-6); /* two tokens a chunk, as the usage tells */
    CHECK_NEAR(f->requests_per_s, 3.0 / 4, 1e-9);
    CHECK_NEAR(f->output_tokens_per_s, 23.0 / 4, 1e-6);
    CHECK_NEAR(f->total_tokens_per_s, 323.0 / 4, 1e-6);
    CHECK(f->good == 3 && !f->slo_kept); /* one of four failed: no mean is known */
    CHECK_NEAR(f->attained_frac, 0.75, 1e-9);
    CHECK(isinf(f->estimates[1]) && isfinite(f->estimates[0]));
    CHECK(hg_slo_parse("ttft:p50<1s", "--slo", &slo, &err));
    hg_live_judge(arena, &run, &all, &slo, f);
    CHECK(f->slo_kept);
    CHECK(hg_slo_parse("ttft:p90<1s", "--slo", &slo, &err));
    hg_live_judge(arena, &run, &all, &slo, f);
    CHECK(!f->slo_kept);
    /* Warm-up and cool-down: the second and third alone, and what came in [1, 2.5). */
    hg_live_window inner = { 0.5, 0.5 };
    hg_live_judge(arena, &run, &inner, &slo, f);
    CHECK(f->counted == 2 && f->complete == 2 && f->failed == 0 && f->slo_kept);
    CHECK_NEAR(f->window_s, 2, 1e-9);
    CHECK_NEAR(f->output_tokens_per_s, (11 + 11 * 0 + 1 + 11) / 2.0, 0.5); /* the first's last tokens fall in it too */
    CHECK(f->latency[HG_TTFT].n == 2);
    /* A usage with every chunk says which chunk brought how many. */
    records[1].gaps[0].tokens = 6;
    for (int i = 1; i < 5; i++)
        records[1].gaps[i].tokens = 1;
    run.records = &records[1];
    run.count = 1;
    hg_live_judge(arena, &run, &all, &slo, f);
    CHECK_NEAR(f->latency[HG_ITL].mean, (6 * (0.1 / 6) + 4 * 0.1) / 10, 1e-6);
    CHECK(f->latency[HG_ITL].n == 10);
}

static void test_knee(void)
{
    for (double knee = 0.01; knee < 2000; knee *= 7.3)
        for (double first = knee / 40; first < knee * 30; first *= 9) {
            hg_sweep s;
            double rate;
            hg_sweep_open(&s, first, 0.05, 40);
            while (hg_sweep_next(&s, &rate))
                hg_sweep_tell(&s, rate, rate <= knee);
            CHECKF(s.borne_per_s <= knee && s.borne_per_s >= knee / 1.05 && s.tried < 20, "knee %g from %g: %g in %d", knee, first,
                   s.borne_per_s, s.tried);
        }
    hg_sweep s;
    double rate;
    hg_sweep_open(&s, 1, 0.05, 12);
    while (hg_sweep_next(&s, &rate))
        hg_sweep_tell(&s, rate, false);
    CHECK(s.tried == 12 && s.borne_per_s == 0);
}

void test_live_parts(void)
{
    if (!hg_arena_open(&arena, (size_t)1 << 30))
        return;
    test_sse();
    test_http1();
    test_delta();
    test_url();
    test_prompt();
    test_body();
    test_schedule();
    test_ramp();
    test_figures();
    test_knee();
    hg_arena_close(&arena);
}

/* The engine of make engine, end to end: a tiny model, real kernels, counts that must be exact.  No clock:
 * what is waited for is an answer or the end of a process. */
#include "test.h"

#include "base/file.h"
#include "live/figures.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char config[] = "{\"architectures\":[\"LlamaForCausalLM\"],\"model_type\":\"llama\",\"hidden_size\":64,\"intermediate_size\":96,"
                             "\"num_attention_heads\":4,\"num_key_value_heads\":2,\"head_dim\":32,\"num_hidden_layers\":2,\"vocab_size\":512,"
                             "\"max_position_embeddings\":65536,\"rms_norm_eps\":1e-05}";

static const char *server_path(void)
{
    const char *told = getenv("HENG_ENGINE");
    return told ? told : "build/engine/server";
}

typedef struct engine {
    pid_t pid;
    int port;
} engine;

/* port 0: it did not start; it ended with its message by then. */
static engine start(const char *model, ...)
{
    const char *argv[24] = { server_path(), "--model", model, "--port", "0" };
    int n = 5, ends[2];
    char text[16] = "";
    engine e = { .pid = -1 };
    va_list args;
    va_start(args, model);
    while (n < 23 && (argv[n] = va_arg(args, const char *)))
        n++;
    va_end(args);
    argv[n] = NULL;
    if (pipe(ends) != 0)
        return e;
    fflush(stdout);
    e.pid = fork();
    if (e.pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        if (!freopen("/dev/null", "w", stderr))
            _exit(126);
        execv(argv[0], (char *const *)argv);
        _exit(127);
    }
    close(ends[1]);
    e.port = read(ends[0], text, sizeof text - 1) > 0 ? atoi(text) : 0;
    close(ends[0]);
    return e;
}

/* The exit code, after SIGTERM if it still runs; −1: it was killed by a signal. */
static int stop(const engine *e)
{
    int status = -1;
    if (e->pid <= 0)
        return -1;
    kill(e->pid, SIGTERM);
    waitpid(e->pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int dial(int port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct timeval patience = { .tv_sec = 120 };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Everything that comes until the server closes. */
static char *hear(hg_arena *arena, int fd)
{
    hg_buf b = { .arena = arena };
    char bytes[4096];
    ssize_t n;
    hg_buf_puts(&b, "");
    while (fd >= 0 && (n = read(fd, bytes, sizeof bytes)) > 0)
        hg_buf_add(&b, bytes, (size_t)n);
    close(fd);
    return b.s;
}

static char *say(hg_arena *arena, int port, const char *text)
{
    int fd = dial(port);
    if (fd >= 0 && write(fd, text, strlen(text)) < 0)
        CHECKF(false, "nothing could be sent");
    return hear(arena, fd);
}

static char *get(hg_arena *arena, int port, const char *path)
{
    return say(arena, port, hg_textf(arena, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path));
}

static char *posted(hg_arena *arena, const char *path, const char *body)
{
    return hg_textf(arena, "POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s", path, strlen(body), body);
}

static char *post(hg_arena *arena, int port, const char *path, const char *body)
{
    return say(arena, port, posted(arena, path, body));
}

static int occurrences(const char *in, const char *what)
{
    int n = 0;
    for (const char *at = in; (at = strstr(at, what)); at += strlen(what))
        n++;
    return n;
}

static long metric(hg_arena arena, int port, const char *name)
{
    const char *text = get(&arena, port, "/metrics"), *at = strstr(text, hg_textf(&arena, "\nengine_%s ", name));
    CHECKF(at, "no metric engine_%s in:\n%s", name, text);
    return at ? strtol(strchr(at, ' '), NULL, 10) : -1;
}

static void test_endpoints(hg_arena arena, int port)
{
    char *health = get(&arena, port, "/health"), *models = get(&arena, port, "/v1/models");
    CHECKF(strncmp(health, "HTTP/1.1 200 ", 13) == 0 && strstr(health, "\"ok\""), "%s", health);
    CHECKF(strstr(models, "\"id\":\"tiny.gguf\""), "%s", models);
    char *two = say(&arena, port, "GET /health HTTP/1.1\r\n\r\nGET /health HTTP/1.0\r\n\r\n");
    CHECKF(occurrences(two, "HTTP/1.1 200 ") == 2 && occurrences(two, "Connection: close") == 1, "kept alive: %s", two);
}

static void test_whole(hg_arena arena, int port)
{
    char *text = post(&arena, port, "/v1/completions", "{\"prompt\":\" one  two w300\\nfour \",\"max_tokens\":5}");
    CHECKF(strstr(text, "\"prompt_tokens\":4,\"completion_tokens\":5,\"total_tokens\":9"), "%s", text);
    CHECKF(occurrences(text, " w") == 5 && occurrences(text, "\"finish_reason\":\"length\"") == 1, "%s", text);
    char *ids = post(&arena, port, "/v1/completions", "{\"prompt\":[1,2,511],\"max_tokens\":1}");
    CHECKF(strstr(ids, "\"prompt_tokens\":3,\"completion_tokens\":1,"), "%s", ids);
    char *chat = post(&arena, port, "/v1/chat/completions",
                      "{\"messages\":[{\"role\":\"system\",\"content\":\"be\"},{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a b\"}]}],"
                      "\"max_completion_tokens\":2}");
    CHECKF(strstr(chat, "\"prompt_tokens\":6,\"completion_tokens\":2,") && strstr(chat, "\"role\":\"assistant\",\"content\":\" w"), "%s", chat);
}

static const char no_usage[] = "{\"prompt\":\"a b c\",\"max_tokens\":7,\"stream\":true}",
                  usage[] = "{\"prompt\":\"a b c\",\"max_tokens\":7,\"stream\":true,\"stream_options\":{\"include_usage\":true}}",
                  usage_each[] = "{\"prompt\":\"a b c\",\"max_tokens\":7,\"stream\":true,"
                                 "\"stream_options\":{\"include_usage\":true,\"continuous_usage_stats\":true}}";

/* Seven events with a token, one with the usage, the end's mark; the words are those of the whole answer. */
static void test_stream(hg_arena arena, int port)
{
    const struct {
        const char *body;
        int events, usages;
    } forms[] = { { no_usage, 8, 0 }, { usage, 9, 1 }, { usage_each, 9, 8 } };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char *text = post(&arena, port, "/v1/completions", forms[i].body);
        CHECKF(strstr(text, "text/event-stream") && strstr(text, "Transfer-Encoding: chunked"), "%s", text);
        CHECKF(occurrences(text, "data: ") == forms[i].events && occurrences(text, "\"text\":\" w") == 7, "%s", text);
        CHECKF(occurrences(text, "\"usage\"") == forms[i].usages && occurrences(text, "\"length\"") == 1, "%s", text);
        char *done = strstr(text, "data: [DONE]\n\n\r\n0\r\n\r\n"), *count = strstr(text, "\"completion_tokens\":7,\"total_tokens\":10");
        CHECKF(done && (!forms[i].usages || (count && count < done)), "%s", text);
    }
}

static const struct {
    const char *path, *body, *status, *says;
} refused[] = {
    { "/v1/completions", "", "400", "no JSON object" },
    { "/v1/completions", "[1]", "400", "no JSON object" },
    { "/v1/completions", "{\"prompt\":", "400", "no JSON object" },
    { "/v1/completions", "{\"max_tokens\":4}", "400", "prompt is missing" },
    { "/v1/completions", "{\"prompt\":\" \"}", "400", "the prompt is empty" },
    { "/v1/completions", "{\"prompt\":[1,512]}", "400", "prompt[1] is no token id" },
    { "/v1/completions", "{\"prompt\":[1,\"a\"]}", "400", "prompt[1] is no token id" },
    { "/v1/completions", "{\"prompt\":\"a\",\"max_tokens\":0}", "400", "max_tokens" },
    { "/v1/completions", "{\"prompt\":\"a\",\"max_tokens\":1.5}", "400", "max_tokens" },
    { "/v1/completions", "{\"prompt\":\"a\",\"max_tokens\":512}", "400", "pass the context of 512" },
    { "/v1/completions", "{\"prompt\":\"a\",\"stream\":1}", "400", "stream is no true or false" },
    { "/v1/completions", "{\"prompt\":\"a\",\"n\":2}", "400", "n is not supported" },
    { "/v1/completions", "{\"prompt\":\"a\",\"stop\":[\"x\"]}", "400", "stop is not supported" },
    { "/v1/chat/completions", "{\"prompt\":\"a\"}", "400", "messages is missing" },
    { "/v1/chat/completions", "{\"messages\":[{\"content\":\"a\"}]}", "400", "messages[0].role" },
    { "/v1/chat/completions", "{\"messages\":[{\"role\":\"user\"}]}", "400", "messages[0].content" },
    { "/v1/embeddings", "{}", "404", "no such path" },
    { "/health", "{}", "405", "another method" },
};

static const struct {
    const char *text, *status;
} no_http[] = {
    { "nonsense\r\n\r\n", "400" },
    { "GET /health HTTP/3.0\r\n\r\n", "505" },
    { "POST /v1/completions HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", "413" },
    { "POST /v1/completions HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "400" },
    { "POST /v1/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "501" },
};

static void test_refusals(hg_arena arena, int port)
{
    long before = metric(arena, port, "requests_total");
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        char *text = post(&arena, port, refused[i].path, refused[i].body);
        CHECKF(strncmp(text + 9, refused[i].status, 3) == 0 && strstr(text, refused[i].says), "%s %s: %s", refused[i].path, refused[i].body, text);
    }
    for (size_t i = 0; i < sizeof no_http / sizeof *no_http; i++) {
        char *text = say(&arena, port, no_http[i].text);
        CHECKF(strlen(text) > 12 && strncmp(text + 9, no_http[i].status, 3) == 0, "%s: %s", no_http[i].text, text);
    }
    CHECK(metric(arena, port, "requests_total") == before);
}

/* A prompt of 64 in pieces of 16 are four steps, the last of which gives the first token. */
static void test_budget(hg_arena arena, int port)
{
    hg_buf b = { .arena = &arena };
    hg_buf_puts(&b, "{\"max_tokens\":4,\"prompt\":[300");
    for (int i = 1; i < 64; i++)
        hg_buf_printf(&b, ",%d", 300 + i);
    hg_buf_puts(&b, "]}");
    long steps = metric(arena, port, "steps_total"), computed = metric(arena, port, "step_tokens_total");
    char *first = post(&arena, port, "/v1/completions", b.s);
    CHECKF(strstr(first, "\"cached_tokens\":0"), "%s", first);
    CHECK(metric(arena, port, "steps_total") - steps == 4 + 3);
    CHECK(metric(arena, port, "step_tokens_total") - computed == 64 + 3);
    char *second = post(&arena, port, "/v1/completions", b.s); /* all but the last token is there */
    CHECKF(strstr(second, "\"cached_tokens\":63"), "%s", second);
    CHECK(metric(arena, port, "steps_total") - steps == 7 + 4);
    CHECK(metric(arena, port, "step_tokens_total") - computed == 67 + 1 + 3);
}

enum { ASKED = 24, PROMPT = 20, ANSWER = 10 };

static hg_client *open_client(hg_arena *arena, int port)
{
    hg_url url;
    hg_err err;
    return hg_url_parse(arena, hg_textf(arena, "http://127.0.0.1:%d", port), "test", &url, &err) ? hg_client_open(arena, &url, NULL, false, &err) : NULL;
}

/* So many clients of heng bench's at once, on two slots: each answer is whole and counted. */
static void test_clients(hg_arena arena, int port, int clients, bool chat)
{
    hg_workload w;
    hg_live_run run;
    hg_live_watch nobody = { .ctx = NULL };
    long before = metric(arena, port, "answer_tokens_total");
    hg_workload_synthetic(&arena, PROMPT, ANSWER, 1, ASKED, 0, &w);
    w.load = HG_LOAD_CLOSED;
    w.concurrency = clients;
    hg_prompts p = { .chat = chat, .model = "tiny", .extra = "", .workload = &w, .tokens_per_word = 1, .groups = 1, .overhead_tokens = chat ? 2 : 0 };
    hg_live_load load = { .workload = &w, .requests = ASKED, .turns = 1 };
    hg_client *c = open_client(&arena, port);
    hg_live_run_load(&arena, c, chat ? "/v1/chat/completions" : "/v1/completions", &p, &load, 120, &nobody, &run);
    hg_client_close(c);
    CHECK(run.count == ASKED);
    for (size_t k = 0; k < run.count; k++) {
        const hg_live_record *r = &run.records[k];
        CHECKF(r->fault == HG_FAULT_NONE && r->chunks == ANSWER && r->output_tokens == ANSWER && r->prompt_tokens == PROMPT,
               "%d clients, request %zu: %s, %u chunks, %lld and %lld tokens", clients, k, hg_fault_words[r->fault], r->chunks,
               (long long)r->prompt_tokens, (long long)r->output_tokens);
    }
    CHECK(metric(arena, port, "answer_tokens_total") - before == ASKED * ANSWER);
    CHECK(metric(arena, port, "requests_running") == 0 && metric(arena, port, "requests_waiting") == 0);
}

/* A client that leaves ends its request; nobody else's. */
static void test_gone(hg_arena arena, const char *model)
{
    engine e = start(model, "--context", "65536", "--max-seqs", "1", NULL);
    const char *body = posted(&arena, "/v1/completions", "{\"prompt\":\"a\",\"max_tokens\":65000,\"stream\":true}");
    char some[64];
    int fd = dial(e.port);
    CHECK(e.port && fd >= 0 && write(fd, body, strlen(body)) == (ssize_t)strlen(body) && read(fd, some, sizeof some) > 0);
    close(fd);
    char *next = post(&arena, e.port, "/v1/completions", "{\"prompt\":\"b\",\"max_tokens\":2}");
    CHECKF(strstr(next, "\"completion_tokens\":2"), "%s", next);
    CHECK(metric(arena, e.port, "requests_cancelled_total") == 1 && metric(arena, e.port, "answer_tokens_total") < 65002);
    CHECK(stop(&e) == 0);
}

/* One pool of KV: requests wait for room and all end; what a prefix holds is shared between slots. */
static void test_pool(hg_arena arena, const char *model)
{
    engine e = start(model, "--context", "256", "--max-seqs", "4", "--kv-unified", "on", "--kv-tokens", "512", NULL);
    test_clients(arena, e.port, 8, false);
    CHECK(metric(arena, e.port, "kv_capacity_tokens") == 512 && metric(arena, e.port, "kv_used_tokens") <= 512);
    for (int i = 0; i < 4; i++)
        post(&arena, e.port, "/v1/completions", hg_textf(&arena, "{\"prompt\":\"%d b c d e f g h\",\"max_tokens\":240}", i));
    CHECK(metric(arena, e.port, "evictions_total") > 0 && metric(arena, e.port, "kv_used_tokens") <= 512);
    CHECK(stop(&e) == 0);
    e = start(model, "--context", "256", "--prefix-cache", "off", NULL);
    test_clients(arena, e.port, 2, true);
    CHECK(metric(arena, e.port, "kv_used_tokens") == 0 && metric(arena, e.port, "cached_tokens_total") == 0);
    CHECK(stop(&e) == 0);
}

/* Whatever the kernels are told, every request ends with its tokens. */
static void test_variants(hg_arena arena, const char *model)
{
    const char *with[][4] = { { "--flash-attention", "off" }, { "--flash-attention", "on", "--kv-type", "q8_0" }, { "--kv-type", "f32" },
                              { "--kv-type", "bf16", "--ubatch", "8" }, { "--threads", "2", "--threads-batch", "1" }, { "--max-seqs", "1", "--batch", "512" } };
    for (size_t i = 0; i < sizeof with / sizeof *with; i++) {
        engine e = start(model, "--context", "128", with[i][0], with[i][1], with[i][2], with[i][3], NULL);
        CHECKF(e.port > 0, "%s %s: it does not start", with[i][0], with[i][1]);
        if (e.port)
            test_clients(arena, e.port, 4, false);
        CHECK(stop(&e) == 0);
    }
}

static void test_knobs(const char *model)
{
    const char *bad[][2] = { { "--threads", "0" }, { "--kv-type", "f8" }, { "--max-seqs", "1000" }, { "--token-budget", "600" },
                             { "--ubatch", "1024" }, { "--kv-tokens", "9999" }, { "--speed", "2" }, { "--context", "70000" },
                             { "--flash-attention", NULL } };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        engine e = start(model, bad[i][0], bad[i][1], NULL);
        CHECKF(e.port == 0 && stop(&e) == 2, "%s %s is taken", bad[i][0], bad[i][1] ? bad[i][1] : "");
    }
    engine none = start("/nowhere/model.gguf", NULL);
    CHECK(none.port == 0 && stop(&none) == 2);
}

static void test_served(hg_arena arena, const char *model)
{
    engine e = start(model, "--context", "512", "--max-seqs", "2", "--token-budget", "16", NULL);
    CHECKF(e.port > 0, "the server does not start");
    if (e.port) {
        test_endpoints(arena, e.port);
        test_whole(arena, e.port);
        test_stream(arena, e.port);
        test_refusals(arena, e.port);
        test_budget(arena, e.port);
        test_clients(arena, e.port, 2, false);
        test_clients(arena, e.port, 6, true);
    }
    CHECKF(stop(&e) == 0, "SIGTERM is no clean end");
}

static bool write_model(hg_arena *arena, const char *folder, const char *model)
{
    hg_err err;
    const char *file = hg_textf(arena, "%s/config.json", folder);
    bool good = hg_file_write(file, config, sizeof config - 1, true, &err) &&
                system(hg_textf(arena, "'%s' --config '%s' -o '%s' >/dev/null", HG_GGUF, file, model)) == 0;
    unlink(file);
    return good;
}

void test_engine(void)
{
    hg_arena arena;
    char folder[] = "/tmp/heng-engine-XXXXXX";
    if (access(server_path(), X_OK) != 0) {
        test_skip("engine: build/engine/server is not built; 'make engine' does (HENG_ENGINE names another)");
        return;
    }
    if (!hg_arena_open(&arena, (size_t)4 << 30))
        return;
    const char *model = mkdtemp(folder) ? hg_textf(&arena, "%s/tiny.gguf", folder) : "";
    CHECKF(write_model(&arena, folder, model), "no model could be written to %s", folder);
    test_served(arena, model);
    test_gone(arena, model);
    test_pool(arena, model);
    test_variants(arena, model);
    test_knobs(model);
    unlink(model);
    rmdir(folder);
    hg_arena_close(&arena);
}

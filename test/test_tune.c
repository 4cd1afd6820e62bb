/* `heng tune` against the fake server: every bad case has its line and the other trials are unharmed. */
#include "test.h"
#include "tune_ask.h"

#include "base/file.h"
#include "base/json.h"
#include "heng.h"
#include "tune/process.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const json_t *trial_of(const json_t *root, const char *knob, const char *value)
{
    const json_t *t;
    size_t i;
    json_array_foreach(json_object_get(root, "trials"), i, t)
        if (strcmp(json_string_value(json_object_get(json_object_get(t, "settings"), knob)), value) == 0)
            return t;
    return NULL;
}

static const struct {
    const char *play, *outcome, *says;
} cases[] = {
    { "fine", "ok", NULL },
    { "garbage", "garbage", "is no JSON object" },
    { "html", "garbage", "not an event stream" },
    { "no-http", "garbage", "no HTTP/1.1" },
    { "empty", "garbage", "without a token" },
    { "half", "cut", "in the middle of an event" },
    { "cut", "cut", "closed the connection" },
    { "reset", "cut", "reset" },
    { "429", "refused", "HTTP 429: rate limit reached" },
    { "503", "refused", "HTTP 503" },
    { "in-stream", "refused", "out of KV blocks" },
    { "wrong-model", "wrong-model", "The model does not exist" },
    { "buffered", "buffered", "nginx wants proxy_buffering off" },
    { "dies", "died", "ended with exit code 0 in the middle of the load" },
    { "short", "short-answers", "answers hold 5.0 tokens of the 10.0" },
    { "split", "ok", NULL },
    { "no-usage", "ok", NULL },
    { "hang", "hung", "(timeout)" },
    { "stall", "hung", "(timeout)" },
};

/* One session over some of them.  --timeout and --wait are so long that a slow machine looks like none of the faults, or so
 * short that a fault which is silence is soon over, whatever else is slow. */
static void run_cases(hg_arena arena, const char *store, size_t from, size_t to, const char *timeout, const char *wait, int code)
{
    hg_buf knob = { .arena = &arena };
    hg_err err;
    hg_buf_puts(&knob, "play=");
    for (size_t i = from; i < to; i++)
        hg_buf_printf(&knob, "%s%s", i > from ? "," : "", cases[i].play);
    const char *words[] = { "--launch", tune_fake(&arena, "--itl 4 --play {play}"), "--knob", knob.s, "--isl", "20", "--osl", "10", "--concurrency", "2",
                            "--requests", "12", "--slo", "ttft:p90<60s", "--timeout", timeout, "--wait", wait, "--strategy", "grid", "--trials", "60",
                            "--repeats", "1", "--store", store, "--json", "", NULL };
    heard h = tune_ask(&arena, words);
    CHECKF(h.code == code, "exit code %d: %s", h.code, h.error.s);
    json_t *root = hg_json_parse(h.out.s, h.out.n, "tune", &err);
    for (size_t i = from; root && i < to; i++) {
        const json_t *t = trial_of(root, "play", cases[i].play);
        const char *outcome = json_string_value(json_object_get(t, "outcome")), *why = json_string_value(json_object_get(t, "why"));
        CHECKF(t && strcmp(outcome, cases[i].outcome) == 0, "%s: %s: %s", cases[i].play, outcome ? outcome : "no trial", why ? why : "");
        CHECKF(!cases[i].says == !why && (!why || strstr(why, cases[i].says)), "%s says '%s'", cases[i].play, why ? why : "");
        CHECKF(!why || strstr(h.notes.s, why), "%s is not noted", cases[i].play);
    }
    json_decref(root);
}

/* Each has its line, and those around it are measured. */
static void test_bad_cases(hg_arena arena, const char *folder)
{
    size_t n = sizeof cases / sizeof *cases;
    run_cases(arena, hg_textf(&arena, "%s/cases.db", folder), 0, n - 2, "120s", "120s", 0);
    run_cases(arena, hg_textf(&arena, "%s/silent.db", folder), n - 2, n, "0.3s", "120s", 3);
}

/* Servers that do not come up, each with what its log says. */
static void test_launches(hg_arena arena, const char *folder)
{
    static const struct {
        const char *more, *outcome, *says;
    } rows[] = {
        { "--exit 3", "died", "ended with exit code 3 before it was healthy and said nothing" },
        { "--say 'bad flag' --exit 1", "died", "said last: bad flag" },
        { "--say 'torch.OutOfMemoryError: tried to allocate' --exit 1", "out-of-memory", "OutOfMemoryError" },
        { "--play sick", "never-healthy", "not healthy after 0.3 s: /health" },
        { "--deaf", "never-healthy", "/health does not answer" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *words[] = { "--launch", tune_fake(&arena, hg_textf(&arena, "%s --ignored {n}", rows[i].more)), "--engine", "vllm", "--knob", "n=1..64", "--isl",
                                "20", "--osl", "10", "--concurrency", "2", "--requests", "4", "--wait", strcmp(rows[i].outcome, "never-healthy") == 0 ? "0.3s" : "120s", "--strategy", "grid", "--store",
                                hg_textf(&arena, "%s/launch%zu.db", folder, i), NULL };
        heard h = tune_ask(&arena, words);
        CHECKF(h.code == 1 && strstr(h.error.s, rows[i].outcome) && strstr(h.error.s, rows[i].says), "%s: %d: %s", rows[i].more, h.code, h.error.s);
        CHECKF(strstr(h.error.s, "the first 3 trials failed"), "%s: %s", rows[i].more, h.error.s);
    }
    const char *named[] = { "--launch", tune_fake(&arena, "--ignored {n}"), "--knob", "n=1..64", "--isl", "20", "--osl", "10", "--concurrency", "2", "--requests", "4",
                            "--wait", "120s", "--served-model", "other", "--store", hg_textf(&arena, "%s/named.db", folder), NULL };
    heard other = tune_ask(&arena, named);
    CHECKF(other.code == 1 && strstr(other.error.s, "wrong-model") && strstr(other.error.s, "'other' is not served; the server names fake-model"), "%s",
           other.error.s);
    const char *words[] = { "--launch", "/nowhere/server {port} {n}", "--knob", "n=1,2", "--isl", "20", "--osl", "10", "--concurrency", "2", "--store",
                            hg_textf(&arena, "%s/none.db", folder), NULL };
    heard h = tune_ask(&arena, words);
    CHECKF(h.code == 1 && strstr(h.error.s, "/nowhere/server cannot be started: No such file"), "%s", h.error.s);
}

static int taken_port(int *fd)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof at;
    *fd = socket(AF_INET, SOCK_STREAM, 0);
    return bind(*fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(*fd, 1) == 0 && getsockname(*fd, (struct sockaddr *)&at, &size) == 0
           ? ntohs(at.sin_port) : 0;
}

static void test_port(hg_arena arena, const char *folder)
{
    int fd, port = taken_port(&fd);
    const char *rest[] = { "--knob", "n=1,2", "--isl", "20", "--osl", "10", "--concurrency", "2", "--wait", "10s" };
    const char *words[TUNE_WORDS] = { "--launch", tune_fake(&arena, "--ignored {n}"), "--port", hg_textf(&arena, "%d", port), "--store",
                                 hg_textf(&arena, "%s/port.db", folder) };
    memcpy(words + 6, rest, sizeof rest);
    heard h = tune_ask(&arena, words);
    CHECKF(h.code == 1 && strstr(h.error.s, "is in use by another process"), "%d: %s", h.code, h.error.s);
    /* Taken between heng's look and the server's. */
    words[1] = hg_textf(&arena, "%s --life 60 --port %d --ignored {port}{n}", HG_FAKE_SERVER, port);
    words[3] = hg_textf(&arena, "%d", hg_port_any());
    words[5] = hg_textf(&arena, "%s/raced.db", folder);
    h = tune_ask(&arena, words);
    CHECKF(h.code == 1 && strstr(h.error.s, "was taken by another process before the server could") && strstr(h.error.s, "3 tries"), "%s", h.error.s);
    close(fd);
}

/* A knob that changes live: one launch for all its values, and a value that the server refuses is one failed trial. */
static void test_live_knob(hg_arena arena, const char *folder)
{
    hg_err err;
    const char *store = hg_textf(&arena, "%s/live.db", folder);
    const char *words[] = { "--launch", tune_fake(&arena, "--ignored {n}"), "--knob", "n=1,2", "--knob", "itl=0,1,2", "--knob", "play=fine,nonsense", "--live",
                            "itl=/knobs {\"itl\":{value}}", "--live", "play=/knobs {\"play\":\"{value}\"}", "--isl", "20", "--osl", "10",
                            "--concurrency", "2", "--requests", "4", "--strategy", "grid", "--trials", "60", "--repeats", "1", "--store", store, "--json", "",
                            NULL };
    heard h = tune_ask(&arena, words);
    json_t *root = hg_json_parse(h.out.s, h.out.n, "tune", &err);
    size_t i, refused = 0;
    const json_t *t;
    json_array_foreach(json_object_get(root, "trials"), i, t)
        refused += strcmp(json_string_value(json_object_get(t, "outcome")), "refused") == 0 &&
                   strstr(json_string_value(json_object_get(t, "why")), "play cannot be set to nonsense live: /knobs answers HTTP 400") != NULL;
    CHECKF(h.code == 0 && refused == 6 && i >= 13, "%d: %zu refused of %zu: %s", h.code, refused, i, h.error.s);
    json_decref(root);
}

/* A finished session asked again runs nothing, and remembers what was asked. */
static void test_resume(hg_arena arena, const char *folder)
{
    hg_err err;
    const char *store = hg_textf(&arena, "%s/resume.db", folder);
    const char *first[] = { "--engine", "engine", "--launch", tune_fake(&arena, "--ignored {n}"), "--knob", "n=1,2", "--isl", "20", "--osl", "10",
                            "--concurrency", "2", "--objective", "tokens-per-cpu-second", "--repeats", "1", "--store", store, "--json", "", NULL };
    const char *second[] = { "--resume", "", "--store", store, "--json", "", NULL };
    const char *other[] = { "--resume", "", "--store", store, "--osl", "11", NULL }, *plain[] = { "--store", store, NULL };
    heard a = tune_ask(&arena, first), b = tune_ask(&arena, second), c = tune_ask(&arena, other);
    json_t *one = hg_json_parse(a.out.s, a.out.n, "first", &err), *two = hg_json_parse(b.out.s, b.out.n, "second", &err);
    CHECKF(a.code == 0 && b.code == 0 && json_equal(one, two), "%d %d: %s%s\n%s\n%s", a.code, b.code, a.error.s, b.error.s, a.out.s, b.out.s);
    CHECKF(c.code == 2 && strstr(c.error.s, "--osl differs from the session's, which has 10"), "%s", c.error.s);
    memcpy(first + 18, plain + 2, sizeof *plain);
    heard d = tune_ask(&arena, first);
    const char *dry_words[] = { "--resume", "", "--dry-run", "", "--store", store, NULL };
    heard e = tune_ask(&arena, dry_words);
    CHECKF(e.code == 0 && strstr(e.out.s, "more trials of") && strstr(e.out.s, "as those finished took"), "%s%s", e.out.s, e.error.s);
    CHECKF(d.code == 2 && strstr(d.error.s, "holds a session; --resume goes on with it"), "%s", d.error.s);
    json_decref(one);
    json_decref(two);
}

/* A session's runs say what their servers were: calibrate takes them as they lie, and predicts by them.  --force clears those of
 * the session before, and nothing else. */
static void test_calibrate(hg_arena arena, const char *folder)
{
    hg_err err;
    size_t size;
    const char *store = hg_textf(&arena, "%s/fit.db", folder), *stale = hg_textf(&arena, "%s.d/99.json", store), *others = hg_textf(&arena, "%s.d/x.json", store);
    const char *words[] = { "--engine", "vllm", "--launch", tune_fake(&arena, "--itl 2 --ignored {max-num-seqs}"), "--model", "Qwen/Qwen3-8B", "--device",
                            "h200_sxm", "--served-model", "fake-model", "--knob", "max-num-seqs=32,64", "--isl", "200", "--osl", "20", "--concurrency", "2",
                            "--requests", "8", "--repeats", "1", "--strategy", "grid", "--wait", "60s", "--store", store, "--force", "", NULL };
    heard h = tune_ask(&arena, words);
    CHECKF(h.code == 0 && strstr(h.out.s, hg_textf(&arena, "heng calibrate serving %s.d/*.json -o own.json", store)), "%d: %s%s", h.code, h.error.s, h.out.s);
    CHECK(hg_file_write(stale, "{}", 2, true, &err) && hg_file_write(others, "{}", 2, true, &err));
    h = tune_ask(&arena, words);
    CHECK(h.code == 0 && !hg_is_file(stale) && hg_is_file(others));
    size_t trials = tune_rows(&arena, store, "SELECT id FROM trial WHERE outcome = 'ok'").count;
    const char *made = hg_textf(&arena, "%s/own.json", folder), *told = hg_textf(&arena, "%s/told.csv", folder);
    const char *line = hg_textf(&arena, "%s calibrate serving %s.d/[0-9]*.json -o %s >/dev/null 2>&1 && printf 'device,engine,model,isl,osl,concurrency,tp_size\\n"
                                "h200_sxm,vllm,Qwen/Qwen3-8B,200,20,2,1\\n' | %s predict serving --calibration %s >%s 2>/dev/null", tune_heng(), store, made,
                                tune_heng(), made, told);
    CHECKF(system(line) == 0, "%s", line);
    char *text = hg_file_read(&arena, made, 1 << 20, &size, &err);
    json_t *root = text ? hg_json_parse(text, size, made, &err) : NULL;
    const json_t *run;
    size_t i, of[2] = { 0, 0 };
    json_array_foreach(json_object_get(root, "runs"), i, run) {
        int64_t seqs = json_integer_value(json_object_get(json_object_get(run, "launch"), "max_num_seqs"));
        of[seqs == 64] += seqs == 32 || seqs == 64;
        CHECK_STR(json_string_value(json_object_get(run, "model")), "Qwen/Qwen3-8B");
        CHECK_STR(json_string_value(json_object_get(run, "device")), "h200_sxm");
    }
    CHECKF(trials >= 3 && i == trials && of[0] > 0 && of[1] > 0 && of[0] + of[1] == trials, "%zu runs of %zu trials: %zu and %zu", i, trials, of[0], of[1]);
    text = hg_file_read(&arena, told, 1 << 20, &size, &err);
    CHECKF(text && strstr(text, "measured"), "%s", text ? text : "");
    json_decref(root);
}

static const struct {
    const char *words[16], *says;
} refused[] = {
    { { "--knob", "a=1,2" }, "--engine is missing" },
    { { "--engine", "vllm", "--model", "m" }, "--knob is missing" },
    { { "--engine", "vllm", "--knob", "max-num-seqs=1,2", "--model", "m" }, "say --rate R, --concurrency C" },
    { { "--engine", "vllm", "--knob", "max-num-seqs=1,2", "--isl", "1", "--osl", "1", "--concurrency", "1" }, "--model is missing" },
    { { "--resume", "" }, "there is no tune.db" },
    { { "--engine", "engine", "--knob", "threads=1", "--isl", "1", "--osl", "1", "--concurrency", "1" }, "leaves one setting only" },
    { { "--engine", "engine", "--knob", "threads=1,2", "--isl", "1", "--osl", "1", "--concurrency", "1", "--objective", "goodput" }, "say with --slo" },
    { { "--engine", "engine", "--knob", "threads=1,2", "--isl", "1", "--osl", "1", "--concurrency", "1", "--trials", "4" }, "are 8; give more" },
    { { "--engine", "engine", "--knob", "threads=1,2", "--isl", "1", "--osl", "1", "--concurrency", "1", "--apply", "" }, "goes with --watch" },
    { { "--engine", "engine", "--knob", "threads=1,2", "--isl", "1", "--osl", "1", "--concurrency", "1", "--strategy", "x" }, "write model, bayes, random or grid" },
    { { "--engine", "engine", "--knob", "thread=1,2", "--isl", "1", "--osl", "1", "--concurrency", "1" }, "--knob 'thread' is no knob of" },
    { { "--engine", "vllm", "--model", "m", "--knob", "max-num-seq=1,2", "--isl", "1", "--osl", "1", "--concurrency", "1" }, "did you mean --max-num-seqs" },
    { { "--engine", "engine", "--knob", "threads=1,1.0", "--isl", "1", "--osl", "1", "--concurrency", "1" }, "as 1 and 1.0; write it once" },
    { { "--engine", "engine", "--knob", "threads=1,2", "--baseline", "threads=x", "--isl", "1", "--osl", "1", "--concurrency", "1", "--live", "t=/x {value}" },
      "--live 't' is no knob of --knob" },
};

static void test_refusals(hg_arena arena)
{
    const char *dry_words[] = { "--dry-run", "", "--engine", "vllm", "--knob", "max-num-seqs=1,2", "--model", "m", NULL };
    heard d = tune_ask(&arena, dry_words);
    CHECKF(d.code == 2 && d.notes.n == 0 && strstr(d.error.s, "say --rate R"), "%s%s", d.notes.s, d.error.s);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        heard h = tune_ask(&arena, refused[i].words);
        CHECKF(h.code == 2 && strstr(h.error.s, refused[i].says), "row %zu: %d: %s", i, h.code, h.error.s);
        CHECKF(h.notes.n == 0 && !strchr(h.error.s, '\n'), "row %zu: its error is not alone: %s", i, h.notes.s);
    }
    CHECK(!hg_is_file("tune.db"));
}

/* What it would do, take and cost; which knobs heng's model knows by the launch they make. */
static const struct {
    const char *words[32], *says, *notes; /* says: in the answer */
} dry[] = {
    { { "--engine", "engine", "--knob", "threads=1,2", "--isl", "64", "--osl", "24", "--concurrency", "8" }, "Time: not known before the first trial", "" },
    { { "--engine", "engine", "--knob", "threads=1,2", "--isl", "64", "--osl", "24", "--concurrency", "8", "--minutes", "30", "--price", "2/h" },
      "Time: at most about 30 min, as --minutes says.\nCost: 0 to 1 USD: 1 x device at 2 USD/h each.", "" },
    { { "--engine", "engine", "--knob", "threads=1,2", "--isl", "64", "--osl", "24", "--rate", "2", "--duration", "30s", "--trials", "10", "--wait", "60s" },
      "Time: 5 min to 15 min: 10 loads of 30 s (as asked), and launches of up to 60 s each.", "" },
    { { "--engine", "engine", "--knob", "threads=1,2", "--isl", "64", "--osl", "24", "--rate", "2", "--requests", "60", "--trials", "10", "--wait", "60s" },
      "10 loads of 30 s (as asked)", "" },
    { { "--engine", "vllm", "--model", "Qwen/Qwen3-32B", "--device", "h200_sxm", "--price", "3.6/h", "--knob", "tensor-parallel-size=1,2", "--knob",
        "max-num-seqs=64,1024", "--isl", "256", "--osl", "16", "--rate", "2", "--duration", "100s", "--wait", "100s", "--trials", "10" },
      "Cost: 1 to 4 USD: 1 to 2 x h200_sxm at 3.6 USD/h each.", "the prior over tensor-parallel-size, max-num-seqs: 4 settings simulated" },
    { { "--engine", "vllm", "--model", "Qwen/Qwen3-32B", "--device", "h200_sxm", "--isl", "256", "--osl", "16", "--concurrency", "4", "--knob",
        "gpu-memory-utilization=0.85,0.9 max-num-batched-tokens=2048,8192 enable-chunked-prefill=true,false enable-prefix-caching=true,false "
        "kv-cache-dtype=auto,fp8 async-scheduling=true,false" },
      "(by heng's model)", "the prior over gpu-memory-utilization, max-num-batched-tokens, enable-chunked-prefill, enable-prefix-caching, kv-cache-dtype: "
      "48 settings simulated; it knows nothing of async-scheduling" },
    { { "--engine", "sglang", "--model", "Qwen/Qwen3-32B", "--device", "h200_sxm", "--isl", "256", "--osl", "16", "--concurrency", "4", "--knob",
        "tp-size=1,2 mem-fraction-static=0.8,0.85 max-running-requests=16,64 chunked-prefill-size=-1,8192 disable-radix-cache=true,false "
        "kv-cache-dtype=auto,fp8_e4m3" },
      "(by heng's model)", "the prior over tp-size, mem-fraction-static, max-running-requests, chunked-prefill-size, disable-radix-cache, kv-cache-dtype: 64" },
    { { "--engine", "trtllm", "--model", "Qwen/Qwen3-32B", "--device", "h200_sxm", "--isl", "256", "--osl", "16", "--concurrency", "4", "--knob",
        "tp_size=1,2 free_gpu_memory_fraction=0.8,0.9 max_batch_size=16,64 max_num_tokens=2048,8192 enable_chunked_prefill=true,false kv_cache_dtype=auto,fp8" },
      "(by heng's model)", "the prior over tp_size, free_gpu_memory_fraction, max_batch_size, max_num_tokens, enable_chunked_prefill, kv_cache_dtype: 96" },
    { { "--engine", "vllm", "--model", "deepseek-ai/DeepSeek-V3", "--device", "h200_sxm", "--isl", "256", "--osl", "16", "--concurrency", "4", "--engine-args",
        "--tensor-parallel-size 8 --speculative-config.method mtp", "--knob", "speculative-config.num_speculative_tokens=1,2,3" },
      "--speculative-config.num_speculative_tokens 1", "the prior over speculative-config.num_speculative_tokens: 3 settings simulated" },
    { { "--engine", "vllm", "--launch", "docker run -p {port}:8000 vllm/vllm-openai --model x --max-num-seqs {s}", "--model", "Qwen/Qwen3-32B", "--device",
        "h200_sxm", "--isl", "256", "--osl", "16", "--concurrency", "4", "--knob", "s=1,64" }, "(by heng's model)", "the prior over s: 2 settings simulated" },
    { { "--engine", "engine", "--model", "engine/config.json", "--device", "epyc_9654", "--isl", "64", "--osl", "16", "--concurrency", "4", "--knob",
        "max-seqs=2,8 kv-type=f16,q8_0 token-budget=0,64 prefix-cache=on,off threads=1,2" },
      "build/engine/server --model build/engine/model.gguf --port", "the prior over max-seqs, kv-type, token-budget, prefix-cache: 16 settings simulated; it knows nothing of threads" },
    { { "--engine", "vllm", "--model", "Qwen/Qwen3-32B", "--device", "h200_sxm", "--isl", "256", "--osl", "16", "--concurrency", "2", "--requests", "4", "--knob",
        "max-num-seqs=1..128", "--knob", "max-num-batched-tokens=512..8192", "--knob", "gpu-memory-utilization=0.8,0.82,0.84,0.86,0.88,0.9,0.92,0.94" },
      "(by heng's model)", "256 settings simulated, 104 more by the effects of their values" },
};

static void test_dry(hg_arena arena)
{
    for (size_t i = 0; i < sizeof dry / sizeof *dry; i++) {
        hg_arena scratch = arena;
        const char *words[TUNE_WORDS] = { "--dry-run", "" };
        memcpy(words + 2, dry[i].words, sizeof dry[i].words);
        heard h = tune_ask(&scratch, words);
        CHECKF(h.code == 0 && strstr(h.out.s, dry[i].says), "row %zu: %d: %s%s", i, h.code, h.error.s, h.out.s);
        CHECKF(strstr(h.notes.s, dry[i].notes), "row %zu: %s", i, h.notes.s);
        words[0] = "--json";
        for (size_t n = 2; n < TUNE_WORDS - 2; n++)
            if (!words[n])
                words[n] = "--dry-run", words[n + 1] = "", n = TUNE_WORDS;
        h = tune_ask(&scratch, words);
        hg_err err;
        json_t *root = hg_json_parse(h.out.s, h.out.n, "dry", &err);
        const json_t *least = json_object_get(root, "time_least_s"), *most = json_object_get(root, "time_most_s");
        CHECKF(h.code == 0 && root && json_is_number(least) && (json_is_null(most) || json_number_value(most) >= json_number_value(least)), "row %zu: %s", i,
               h.out.s);
        json_decref(root);
    }
    CHECK(!hg_is_file("tune.db"));
}

void test_tune(void)
{
    hg_arena arena;
    char folder[] = "/tmp/heng-tune-XXXXXX", command[64];
    if (access(HG_FAKE_SERVER, X_OK) != 0 || access(tune_heng(), X_OK) != 0) {
        test_skip("tune: the fake server or heng is not built");
        return;
    }
    if (!hg_arena_open(&arena, (size_t)4 << 30) || !mkdtemp(folder))
        return;
    test_refusals(arena);
    test_dry(arena);
    test_bad_cases(arena, folder);
    test_launches(arena, folder);
    test_port(arena, folder);
    test_live_knob(arena, folder);
    test_resume(arena, folder);
    test_calibrate(arena, folder);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    CHECK(system(command) == 0);
    hg_arena_close(&arena);
}

/* The watch against a scripted server: drift, proposals, changes under guard and the way back. */
#include "test.h"

#include "base/text.h"
#include "tune/process.h"
#include "tune/watch.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a setting does to the server. */
typedef enum way { FINE, SLOW, HANGS, HIDES, NO_PAGE, NO_COUNTS, BEGINS_ANEW, FAR } way;

/* A scripted server: its page grows by the traffic told, its first tokens take as long as its setting makes them. */
typedef struct script {
    const hg_adapter *adapter;
    size_t look, looks;
    double rate, osl;          /* of each window of one second */
    size_t shift_at;           /* the look from which the rate is doubled */
    size_t again_at;           /* … and doubled once more; 0: never */
    double requests, tokens, fast, slow, far; /* totals; fast, slow: requests below and above 0.1 s; far: above a second */
    way is[4];                 /* by point */
    bool anew[4];              /* it has begun anew at this one already */
    size_t at, changes, refuses; /* refuses: changes that fail, after the first; SIZE_MAX: the first too, and the next */
    size_t renewals;
    bool histogram;
    hg_buf said;
} script;

static hg_look script_scrape(void *ctx, hg_scrape *out)
{
    script *s = ctx;
    way is = s->is[s->at];
    char text[600] = "a 1\n";
    if (s->look++ == s->looks)
        return HG_LOOK_STOPPED;
    if (is == NO_PAGE)
        return HG_LOOK_GONE;
    if (is == BEGINS_ANEW && !s->anew[s->at] && s->look > 12) {
        s->requests = s->tokens = s->fast = s->slow = s->far = 0;
        s->anew[s->at] = true;
    }
    double n = is == HANGS ? 0 : s->rate * (s->look > s->shift_at ? 2 : 1) * (s->again_at && s->look > s->again_at ? 2 : 1);
    s->requests += n;
    s->tokens += n * s->osl;
    *(is == SLOW ? &s->slow : is == FAR ? &s->far : &s->fast) += n;
    int size = 0;
    if (is != NO_COUNTS)
        size = snprintf(text, sizeof text, "vllm:request_success_total %g\nvllm:prompt_tokens_total %g\nvllm:generation_tokens_total %g\n", s->requests,
                        100 * s->requests, s->tokens);
    if (s->histogram && is != HIDES && is != NO_COUNTS)
        snprintf(text + size, sizeof text - (size_t)size, "vllm:time_to_first_token_seconds_bucket{le=\"0.1\"} %g\n"
                 "vllm:time_to_first_token_seconds_bucket{le=\"1\"} %g\nvllm:time_to_first_token_seconds_bucket{le=\"+Inf\"} %g\n", s->fast,
                 s->fast + s->slow, s->fast + s->slow + s->far);
    hg_scrape_read(s->adapter, text, out);
    return HG_LOOK_SEEN;
}

static double script_seconds(void *ctx)
{
    (void)ctx;
    return 1;
}

static size_t script_plan(void *ctx, const hg_traffic *traffic, size_t now)
{
    script *s = ctx;
    CHECK(traffic->of[HG_TRAFFIC_RATE] == 2 * s->rate || traffic->of[HG_TRAFFIC_RATE] == 4 * s->rate);
    return now + 1 < 4 ? now + 1 + s->changes / 2 : 4;
}

/* A change that fails leaves the server where nobody knows. */
static bool script_reach(void *ctx, size_t point)
{
    script *s = ctx;
    s->changes++;
    if (s->refuses && (s->changes > 1 || s->refuses == SIZE_MAX)) {
        s->refuses = s->refuses == SIZE_MAX ? 1 : s->refuses - 1;
        return false;
    }
    s->at = point;
    return true;
}

static void script_renewed(void *ctx)
{
    ((script *)ctx)->renewals++;
}

static void script_tell(void *ctx, const char *kind, const char *text)
{
    hg_buf_printf(&((script *)ctx)->said, "%s%s ", kind, strstr(text, "NOT be taken back") ? "-owed" : "");
}

static const char *script_name(void *ctx, size_t point)
{
    static const char *const names[] = { "a", "b", "c", "d" };
    (void)ctx;
    return names[point];
}

static const struct {
    bool apply, histogram;
    way is[4];
    size_t shift_at, again_at, refuses, looks; /* looks 0: 40 */
    const char *says;
    size_t ends_at;
} watch_rows[] = {
    { true, true, { 0 }, SIZE_MAX, 0, 0, 0, "", 0 },
    { false, true, { 0 }, 10, 0, 0, 0, "drift propose ", 0 },
    { true, true, { 0 }, 10, 0, 0, 0, "drift propose apply keep ", 1 },
    { true, true, { FINE, SLOW }, 10, 0, 0, 0, "drift propose apply rollback ", 0 },              /* b breaks what a kept: back to a */
    { true, true, { SLOW, SLOW, FINE }, 10, 0, 0, 0, "drift propose apply rollback propose apply keep ", 2 }, /* a had broken too: on to c */
    { true, false, { 0 }, 10, 0, 0, 0, "drift propose blind ", 0 },
    /* The change hides what it breaks: nothing ends any more; no histogram; no page; no counters; another process. */
    { true, true, { FINE, HANGS }, 10, 0, 0, 0, "drift propose apply rollback ", 0 },
    { true, true, { FINE, HIDES }, 10, 0, 0, 0, "drift propose apply blind rollback ", 0 },
    { true, true, { FINE, NO_PAGE }, 10, 0, 0, 0, "drift propose apply rollback ", 0 },
    { true, true, { FINE, NO_COUNTS }, 10, 0, 0, 0, "drift propose apply rollback ", 0 },
    { true, true, { FINE, BEGINS_ANEW }, 10, 0, 0, 0, "drift propose apply rollback ", 0 },
    { true, true, { FINE, SLOW }, 10, 0, 1, 0, "drift propose apply rollback-owed rollback ", 0 }, /* the way back fails once: it is tried again */
    { true, true, { FINE, NO_PAGE }, 10, 0, 99, 0, "drift propose apply rollback-owed ", 1 },      /* the server is no more */
    { true, true, { FINE }, 10, 0, SIZE_MAX, 0, "drift propose rollback-owed rollback ", 0 },      /* b cannot be reached, and a neither at first */
    { true, true, { FINE, FINE }, 10, 0, 0, 13, "drift propose apply rollback ", 0 },              /* stopped before it is proved */
    { true, true, { FINE, FINE, FINE }, 10, 14, 0, 0, "drift propose apply drift keep propose apply keep ", 2 }, /* drifts again under guard: planned for after it */
    { true, true, { NO_PAGE }, 10, 0, 0, 0, "", 0 },
    { true, true, { NO_COUNTS }, 10, 0, 0, 0, "blind ", 0 },
    { true, true, { BEGINS_ANEW }, SIZE_MAX, 0, 0, 0, "restart ", 0 },
    { true, true, { FINE, FAR }, 10, 0, 0, 0, "drift propose apply rollback ", 0 },
};

static void test_watch(hg_arena arena)
{
    hg_data data = { NULL };
    hg_adapter a;
    hg_err err;
    const char *note;
    hg_slo slo = { .limits = { { HG_TTFT, 0.9, 0.5 } }, .count = 1 };
    if (!hg_adapter_open(&arena, &data, "vllm", NULL, &a, &note, &err))
        return;
    for (size_t i = 0; i < sizeof watch_rows / sizeof *watch_rows; i++) {
        script s = { .adapter = &a, .looks = watch_rows[i].looks ? watch_rows[i].looks : 40, .rate = 50, .osl = 10, .shift_at = watch_rows[i].shift_at,
                     .again_at = watch_rows[i].again_at, .refuses = watch_rows[i].refuses, .histogram = watch_rows[i].histogram,
                     .said = { .arena = &arena } };
        hg_watch w = { .slo = &slo, .none = 4, .apply = watch_rows[i].apply, .stays = true, .ctx = &s, .scrape = script_scrape,
                       .seconds = script_seconds, .plan = script_plan, .reach = script_reach, .renewed = script_renewed, .tell = script_tell,
                       .name = script_name };
        memcpy(s.is, watch_rows[i].is, sizeof s.is);
        hg_arena of_loop;
        hg_buf_puts(&s.said, "");
        if (!hg_arena_open(&of_loop, (size_t)16 << 20))
            return;
        hg_watch_run(of_loop, &w);
        hg_arena_close(&of_loop);
        CHECKF(strcmp(s.said.s, watch_rows[i].says) == 0 && w.now == watch_rows[i].ends_at && s.at == w.now, "row %zu: %s at %zu, %zu", i, s.said.s, w.now,
               s.at);
        bool anew = watch_rows[i].is[0] == BEGINS_ANEW || watch_rows[i].is[1] == BEGINS_ANEW;
        CHECKF(w.stranded == (watch_rows[i].refuses == 99), "row %zu: stranded", i);
        CHECKF(s.renewals == anew, "row %zu: %zu renewals", i, s.renewals);
    }
}

/* A histogram that ends below the limit cannot say that the limit is kept, nor that it is broken. */
static void test_guard(hg_arena arena)
{
    hg_data data = { NULL };
    hg_adapter a;
    hg_err err;
    const char *note;
    hg_scrape none, page;
    hg_slo slo = { .limits = { { HG_TTFT, 0.9, 5 } }, .count = 1 };
    if (!hg_adapter_open(&arena, &data, "vllm", NULL, &a, &note, &err))
        return;
    hg_scrape_read(&a, "", &none);
    hg_scrape_read(&a, "vllm:time_to_first_token_seconds_bucket{le=\"1\"} 10\nvllm:time_to_first_token_seconds_bucket{le=\"+Inf\"} 20\n", &page);
    CHECK(hg_guard_of(&slo, &none, &page) == HG_GUARD_BLIND);
    slo.limits[0].limit_s = 0.9;
    CHECK(hg_guard_of(&slo, &none, &page) == HG_GUARD_BROKEN);
    slo.limits[0] = (hg_limit){ HG_TTFT, 0.4, 1.1 };
    CHECK(hg_guard_of(&slo, &none, &page) == HG_GUARD_KEPT);
    CHECK(hg_guard_of(&slo, &page, &page) == HG_GUARD_BLIND);
}

/* A drift is noticed in a few windows, noise of a tenth is not, and each figure is named. */
static void test_drift(void)
{
    const struct {
        hg_traffic_of of;
        double by;
        int within;            /* windows; 0: never */
    } rows[] = { { HG_TRAFFIC_RATE, 2, 1 },   { HG_TRAFFIC_RATE, 0.4, 1 },  { HG_TRAFFIC_ISL, 1.35, 4 }, { HG_TRAFFIC_OSL, 0.7, 3 },
                 { HG_TRAFFIC_RATE, 1.1, 0 }, { HG_TRAFFIC_HITS, 1.8, 1 }, { HG_TRAFFIC_HITS, 1.05, 0 } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_drift d = { .windows = 0 };
        hg_traffic w = { .seconds = 1, .requests = 50, .of = { 10, 500, 100, 0.5 } }, from, to;
        hg_traffic_of of = HG_TRAFFIC_FIGURES;
        int seen = 0;
        for (int k = 0; k < 6; k++)
            CHECK(!hg_drift_tell(&d, &w, &of, &from, &to));
        w.of[rows[i].of] *= rows[i].by;
        for (int k = 1; k <= 50 && !seen; k++)
            seen = hg_drift_tell(&d, &w, &of, &from, &to) ? k : 0;
        CHECKF((seen > 0) == (rows[i].within > 0) && seen <= rows[i].within && (!seen || of == rows[i].of), "row %zu: after %d by %d", i, seen, (int)of);
    }
}

/* ---- the verb, on a server of others and on one of its own ---- */

static const char *heng_path(void)
{
    const char *path = getenv("HENG");
    return path ? path : "build/heng";
}

static pid_t spawn(const char *const *argv)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
        _exit(126);
    execv(argv[0], (char *const *)argv);
    _exit(127);
}

static bool has_event(const char *store, const char *kind)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    bool found = sqlite3_open_v2(store, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK && sqlite3_busy_timeout(db, 5000) == SQLITE_OK &&
                 sqlite3_prepare_v2(db, "SELECT 1 FROM event WHERE kind = ?", -1, &st, NULL) == SQLITE_OK &&
                 sqlite3_bind_text(st, 1, kind, -1, SQLITE_STATIC) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW;
    sqlite3_finalize(st);
    sqlite3_close(db);
    return found;
}

/* Short answers, then long ones, and again, until the watch has seen it. */
static void send_until(hg_arena scratch, int port, const char *store, const char *kind)
{
    const char *url = hg_textf(&scratch, "http://127.0.0.1:%d", port);
    for (int i = 0; i < 60 && !has_event(store, kind); i++) {
        const char *argv[] = { heng_path(), "bench", "--url", url, "--isl", "20", "--osl", i % 2 ? "20" : "5", "--concurrency", "4", "--requests", "400",
                               "--duration", "2s", "--timeout", "1s", "--wait", "60s", NULL };
        waitpid(spawn(argv), NULL, 0);
    }
    CHECKF(has_event(store, kind), "no %s", kind);
}

/* The fake server's own word on how its knobs stand. */
static const char *knobs_of(hg_arena *arena, int port)
{
    static const char ask[] = "GET /knobs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    char *text = HG_NEW(arena, char, 4096);
    size_t n = 0;
    ssize_t got;
    if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0 && write(fd, ask, sizeof ask - 1) == sizeof ask - 1)
        while (n < 4095 && !strstr(text, "play=") && (got = read(fd, text + n, 4095 - n)) > 0)
            n += (size_t)got;
    close(fd);
    return text;
}

static const struct {
    const char *knob, *live, *was; /* the second value does harm; was: how the knobs stand before it */
    bool own;
} harms[] = {
    { "ttft=0,200", "ttft=/knobs {\"ttft\":{value}}", "ttft=0", false },          /* it breaks the promise */
    { "ttft=0,200", "ttft=/knobs {\"ttft\":{value}}", "ttft=0", true },
    { "play=fine,hang", "play=/knobs {\"play\":\"{value}\"}", "play=fine", false },     /* nothing ends any more */
    { "play=fine,blind", "play=/knobs {\"play\":\"{value}\"}", "play=fine", false },    /* its page does not show what is limited */
    { "play=fine,pageless", "play=/knobs {\"play\":\"{value}\"}", "play=fine", false }, /* its page is gone */
    { "play=fine,dies", "play=/knobs {\"play\":\"{value}\"}", "play=fine", true },      /* it ends, and is launched anew */
};

/* It proposes a setting that does harm, as nobody could know, applies it, sees it and takes it back. */
static void test_verb(hg_arena arena, const char *folder, size_t row)
{
    bool own = harms[row].own;
    const char *store = hg_textf(&arena, "%s/%zu.db", folder, row), *port = hg_textf(&arena, "%d", hg_port_any());
    const char *fake[] = { HG_FAKE_SERVER, "--life", "300", "--port", port, "--itl", "1", NULL };
    const char *launch = hg_textf(&arena, "%s --life 300 --itl 1 --port {port}", HG_FAKE_SERVER);
    const char *words[] = { heng_path(), "tune", "--watch", "--apply", "--engine", "vllm", own ? "--launch" : "--url",
                            own ? launch : hg_textf(&arena, "http://127.0.0.1:%s", port), "--knob", harms[row].knob, "--live", harms[row].live, "--slo",
                            "ttft:p90<100ms", "--every", "50ms", "--store", store, own ? "--port" : NULL, port, NULL };
    pid_t server = own ? 0 : spawn(fake);
    hg_arena scratch = arena;
    int status;
    while (server && hg_port_free(atoi(port)))
        usleep(1000);
    pid_t watch = spawn(words);
    send_until(scratch, atoi(port), store, "rollback");
    CHECK(has_event(store, "drift") && has_event(store, "propose") && has_event(store, "apply"));
    kill(watch, SIGINT);
    waitpid(watch, &status, 0);
    CHECKF(WIFEXITED(status) && WEXITSTATUS(status) == 0, "row %zu: the watch ended with %x", row, (unsigned)status);
    CHECK(hg_port_free(atoi(port)) == own); /* its own server is ended, the others' is not */
    if (server) {
        const char *knobs = knobs_of(&scratch, atoi(port));
        CHECKF(strstr(knobs, harms[row].was), "row %zu: %s", row, knobs);
        kill(server, SIGTERM);
        waitpid(server, NULL, 0);
    }
}

void test_tune_watch(void)
{
    hg_arena arena;
    char folder[] = "/tmp/heng-watch-XXXXXX", command[64];
    if (!hg_arena_open(&arena, (size_t)256 << 20))
        return;
    test_drift();
    test_watch(arena);
    test_guard(arena);
    if (access(HG_FAKE_SERVER, X_OK) == 0 && access(heng_path(), X_OK) == 0 && mkdtemp(folder)) {
        for (size_t i = 0; i < sizeof harms / sizeof *harms; i++)
            test_verb(arena, folder, i);
        snprintf(command, sizeof command, "rm -rf %s", folder);
        CHECK(system(command) == 0);
    } else {
        test_skip("tune_watch: the fake server or heng is not built");
    }
    hg_arena_close(&arena);
}

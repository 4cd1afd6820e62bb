/* kill -9 of the tuner and of the engine at random points, and disks that are full: nothing that was finished is lost.  Whenever
 * a kill falls, what is checked holds. */
#include "test.h"
#include "tune_ask.h"

#include "base/file.h"
#include "base/rng.h"
#include "tune/process.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KILLS = 20 };

static const char trials_sql[] = "SELECT id || '|' || point || '|' || role || '|' || outcome || '|' || finished_unix_s || '|' || "
                                 "ifnull(output_tokens_per_s, '-') FROM trial WHERE finished_unix_s IS NOT NULL AND outcome != 'lost' ORDER BY id";

/* The binary, quiet: what it says is in the file. */
static pid_t spawn(const char *const *argv, const char *said)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    if (!freopen("/dev/null", "w", stdout) || !freopen(said, "w", stderr))
        _exit(126);
    execv(tune_heng(), (char *const *)argv);
    _exit(127);
}

static const char *last_words(hg_arena *arena, const char *said)
{
    size_t size;
    hg_err none;
    const char *text = hg_file_read(arena, said, 1 << 20, &size, &none), *last = text ? strstr(text, "heng: error") : NULL;
    return last ? last : text && size > 300 ? text + size - 300 : text ? text : "";
}

/* The server that is killed, and its tuner: the fake one, or another whose {n} may be 1 to 40, with moments to kill at that fit
 * its trials (HENG_KILL_LAUNCH='build/engine/server --model M --port {port} --max-seqs {n}' HENG_KILL_MS=3000). */
static const char *mortal(hg_arena *arena)
{
    const char *launch = getenv("HENG_KILL_LAUNCH");
    return launch ? launch : tune_fake(arena, "--ignored {n}");
}

static int64_t most_us(int64_t usual)
{
    const char *ms = getenv("HENG_KILL_MS");
    return ms ? atoll(ms) * usual / 150 : usual;
}

static void fill(hg_arena *arena, const char **argv, const char *store, const char *knob, bool resume)
{
    const char *first[] = { "heng", "tune", "--launch", mortal(arena), "--knob", knob, "--isl", "20", "--osl", "10",
                            "--concurrency", "2", "--requests", "8", "--strategy", "random", "--seed", "5", "--trials", "64", "--repeats", "1",
                            "--wait", "60s", "--store", store, NULL };
    const char *second[] = { "heng", "tune", "--resume", "--store", store, "--trials", "64", "--repeats", "1", NULL };
    memcpy(argv, resume ? second : first, resume ? sizeof second : sizeof first);
}

static bool holds_all(const finished *before, const finished *after)
{
    for (size_t i = 0; i < before->count; i++)
        if (i >= after->count || strcmp(before->rows[i], after->rows[i]) != 0)
            return false;
    return true;
}

static void check_complete(hg_arena arena, const char *store)
{
    finished points = tune_rows(&arena, store, "SELECT count(*) || ' ' || count(DISTINCT point) FROM trial WHERE outcome = 'ok'");
    finished left = tune_rows(&arena, store, "SELECT pid || ' ' || start_ticks || ' ' || boot || ' ' || token FROM server");
    long long ok = 0, distinct = 0;
    CHECK(points.count == 1 && sscanf(points.rows[0], "%lld %lld", &ok, &distinct) == 2);
    /* 12 settings, each once, then a turn or the last baseline. */
    CHECKF(distinct == 12 && ok >= 13 && ok <= 14, "%lld trials of %lld settings", ok, distinct);
    for (size_t i = 0; i < left.count; i++) {
        hg_process_id id = { .pid = 0 };
        long long pid, ticks;
        CHECK(sscanf(left.rows[i], "%lld %lld %39s %32s", &pid, &ticks, id.boot, id.token) == 4);
        id.pid = pid;
        id.start_ticks = ticks;
        CHECKF(hg_process_sweep(&id) == 0, "a server of %s is left", store);
    }
}

static void test_kill_tuner(hg_arena arena, const char *folder)
{
    hg_rng dice = hg_rng_seed(1, 1);
    const char *argv[TUNE_WORDS], *store = NULL, *said = hg_textf(&arena, "%s/kill.txt", folder);
    bool resume = false;
    int kills = 0, sessions = 0;
    for (int run = 0; kills < KILLS && run < 10 * KILLS; run++) {
        hg_arena scratch = arena;
        if (!resume)
            store = hg_textf(&arena, "%s/kill%d.db", folder, sessions);
        scratch = arena;
        fill(&scratch, argv, store, "n=1,2,3,4,5,6,7,8,9,10,11,12", resume);
        pid_t pid = spawn(argv, said);
        usleep((useconds_t)hg_rng_between(&dice, 0, most_us(150000)));
        finished before = tune_rows(&scratch, store, trials_sql);
        int status;
        if (waitpid(pid, &status, WNOHANG) == pid) {
            CHECKF(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the tuner ended with %x: %s", (unsigned)status, last_words(&scratch, said));
            check_complete(scratch, store);
            sessions++;
            resume = false;
            continue;
        }
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        kills++;
        finished after = tune_rows(&scratch, store, trials_sql);
        CHECKF(holds_all(&before, &after), "kill %d: %zu were finished, %zu are there", kills, before.count, after.count);
        /* Killed before it wrote its question: it begins anew. */
        resume = tune_rows(&scratch, store, "SELECT key FROM question").count > 0;
    }
    CHECKF(kills == KILLS, "%d kills", kills);
    fill(&arena, argv, store, "n=1,2,3,4,5,6,7,8,9,10,11,12", resume);
    pid_t pid = spawn(argv, said);
    int status;
    waitpid(pid, &status, 0);
    CHECKF(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the last tuner ended with %x: %s", (unsigned)status, last_words(&arena, said));
    check_complete(arena, store);
}

/* The server of the trial, as soon as it is written down; false: the tuner has ended. */
static bool server_of(hg_arena scratch, const char *store, int trial, pid_t tuner, hg_process_id *out)
{
    const char *sql = hg_textf(&scratch, "SELECT pid || ' ' || start_ticks || ' ' || boot || ' ' || token FROM server WHERE id = %d", trial);
    for (;;) {
        hg_arena one = scratch;
        finished f = tune_rows(&one, store, sql);
        long long pid, ticks;
        *out = (hg_process_id){ .pid = 0 };
        if (f.count && sscanf(f.rows[0], "%lld %lld %39s %32s", &pid, &ticks, out->boot, out->token) == 4) {
            out->pid = pid;
            out->start_ticks = ticks;
            return true;
        }
        siginfo_t info = { .si_pid = 0 };
        waitid(P_PID, (id_t)tuner, &info, WEXITED | WNOHANG | WNOWAIT);
        if (info.si_pid == tuner)
            return false;
        usleep(500);
    }
}

static void test_kill_engine(hg_arena arena, const char *folder)
{
    hg_rng dice = hg_rng_seed(2, 1);
    const char *argv[TUNE_WORDS], *store = hg_textf(&arena, "%s/engine.db", folder), *said = hg_textf(&arena, "%s/engine.txt", folder);
    int kills = 0, status, hit[2 * KILLS + 2] = { 0 };
    hg_buf knob = { .arena = &arena };
    for (int i = 1; i <= 2 * KILLS; i++)
        hg_buf_printf(&knob, "%s%d", i > 1 ? "," : "n=", i);
    fill(&arena, argv, store, knob.s, false);
    pid_t tuner = spawn(argv, said);
    /* Every second trial's server from the second on, at a random moment of its life. */
    for (int trial = 2; trial <= 2 * KILLS; trial += 2) {
        hg_process_id server;
        bool lives = server_of(arena, store, trial, tuner, &server);
        usleep((useconds_t)hg_rng_between(&dice, 0, most_us(40000)));
        if (!lives)
            break;
        hg_process_sweep(&server); /* SIGKILL to it alone: a pid that was used anew is not it */
        hit[trial] = ++kills;
    }
    waitpid(tuner, &status, 0);
    CHECKF(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the tuner ended with %x after %d kills: %s", (unsigned)status, kills, last_words(&arena, said));
    CHECKF(kills == KILLS, "%d kills", kills);
    for (int trial = 1; trial <= 2 * KILLS; trial++) {
        hg_arena one = arena;
        finished f = tune_rows(&one, store, hg_textf(&one, "SELECT outcome || ': ' || ifnull(why, '') FROM trial WHERE id = %d", trial));
        bool ok = f.count && strncmp(f.rows[0], "ok", 2) == 0, died = f.count && strncmp(f.rows[0], "died", 4) == 0;
        CHECKF(f.count == 1 && (ok || (hit[trial] && died && strstr(f.rows[0], "killed by signal 9"))), "trial %d: %s", trial, f.count ? f.rows[0] : "none");
    }
}

/* A disk that is full, here a limit on files: a clear line, and what is there is kept. */
static void test_full_disk(hg_arena arena, const char *folder)
{
    const char *argv[TUNE_WORDS], *store = hg_textf(&arena, "%s/full.db", folder), *said = hg_textf(&arena, "%s/full.txt", folder);
    int status;
    size_t size;
    hg_err err;
    fill(&arena, argv, store, "n=1,2,3,4,5,6,7,8,9,10,11,12", false);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit little = { 48 << 10, 48 << 10 };
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &little);
        if (!freopen("/dev/null", "w", stdout) || !freopen(said, "w", stderr))
            _exit(126);
        execv(tune_heng(), (char *const *)argv);
        _exit(127);
    }
    waitpid(pid, &status, 0);
    char *text = hg_file_read(&arena, said, 1 << 20, &size, &err);
    CHECKF(WIFEXITED(status) && WEXITSTATUS(status) == 1 && text && strstr(text, "full.db cannot be written: a quota, a limit on file sizes"), "%x: %s",
           (unsigned)status, text ? text : "");
    finished before = tune_rows(&arena, store, trials_sql);
    fill(&arena, argv, store, "", true);
    waitpid(spawn(argv, "/dev/null"), &status, 0);
    finished after = tune_rows(&arena, store, trials_sql);
    CHECKF(WEXITSTATUS(status) == 0 && holds_all(&before, &after), "%zu, then %zu", before.count, after.count);
    check_complete(arena, store);
}

/* A disk that is truly full: one line and exit code 1; with room made, --resume ends what was begun, the finished trials as they
 * were. */
static void test_full_tmpfs(hg_arena arena, const char *folder)
{
    size_t size;
    hg_err err;
    if (system("unshare -rm true >/dev/null 2>&1") != 0) {
        test_skip("tune: no namespace for a small disk of one's own");
        return;
    }
    char *heng = realpath(tune_heng(), NULL), *fake = realpath(HG_FAKE_SERVER, NULL);
    const char *script = hg_textf(&arena, "mkdir -p %s/disk && cd %s && export HENG=%s && unshare -rm sh -c 'mount -t tmpfs -o size=160k none disk && "
                                  "{ $HENG tune --launch \"%s --life 60 --port {port} --ignored {n}\" --knob n=1..8 --isl 20 --osl 10 --concurrency 2 "
                                  "--requests 40 --store disk/x.db --repeats 1 --strategy grid --trials 7 --wait 60s >out1 2>said1; echo code $? >>said1; "
                                  "cp -r disk before; mount -o remount,size=16m disk; "
                                  "$HENG tune --resume --store disk/x.db >out2 2>said2; echo code $? >>said2; cp -r disk after; }' >/dev/null 2>&1",
                                  folder, folder, heng, fake);
    CHECK(system(script) == 0);
    free(heng);
    free(fake);
    char *first = hg_file_read(&arena, hg_textf(&arena, "%s/said1", folder), 1 << 20, &size, &err);
    char *second = hg_file_read(&arena, hg_textf(&arena, "%s/said2", folder), 1 << 20, &size, &err);
    CHECKF(first && strstr(first, "the disk is full") && strstr(first, "--resume") && strstr(first, "code 1"), "%s", first ? first : "nothing");
    CHECKF(second && strstr(second, "code 0"), "%s", second ? second : "nothing");
    finished before = tune_rows(&arena, hg_textf(&arena, "%s/before/x.db", folder), trials_sql);
    finished after = tune_rows(&arena, hg_textf(&arena, "%s/after/x.db", folder), trials_sql);
    CHECKF(after.count >= 5 && after.count > before.count && holds_all(&before, &after), "%zu, then %zu", before.count, after.count);
}

void test_tune_kill(void)
{
    hg_arena arena;
    char folder[] = "/tmp/heng-kill-XXXXXX", command[64];
    if (access(HG_FAKE_SERVER, X_OK) != 0 || access(tune_heng(), X_OK) != 0) {
        test_skip("tune_kill: the fake server or heng is not built");
        return;
    }
    if (!hg_arena_open(&arena, (size_t)4 << 30) || !mkdtemp(folder))
        return;
    test_kill_tuner(arena, folder);
    test_kill_engine(arena, folder);
    test_full_disk(arena, folder);
    test_full_tmpfs(arena, folder);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    CHECK(system(command) == 0);
    hg_arena_close(&arena);
}

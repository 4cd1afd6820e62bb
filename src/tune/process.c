#define _GNU_SOURCE
#include "tune/process.h"

#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { FIRST_PAUSE_NS = 1000000, LAST_PAUSE_NS = 50000000, STAT_FIELDS = 22 };

static void pause_ns(long ns)
{
    struct timespec t = { ns / 1000000000, ns % 1000000000 };
    nanosleep(&t, NULL);
}

static bool slurp(const char *path, char *out, size_t size, size_t *got)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = 0;
    *got = 0;
    while (fd >= 0 && *got + 1 < size && (n = read(fd, out + *got, size - 1 - *got)) > 0)
        *got += (size_t)n;
    if (fd >= 0)
        close(fd);
    out[*got] = 0;
    return fd >= 0 && n >= 0;
}

static void read_boot(char *out, size_t size)
{
    size_t n;
    slurp("/proc/sys/kernel/random/boot_id", out, size, &n);
    out[strcspn(out, "\n")] = 0;
}

/* Fields 6 and 22 of /proc/PID/stat; the name before them may hold spaces and brackets. */
static bool read_stat(int64_t pid, int64_t *session, int64_t *start_ticks, char *state)
{
    char path[64], text[1024], *p;
    size_t n;
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    if (!slurp(path, text, sizeof text, &n) || !(p = strrchr(text, ')')))
        return false;
    p++;
    for (int field = 3; field <= STAT_FIELDS; field++) {
        p += strspn(p, " ");
        if (field == 3)
            *state = *p;
        if (field == 6)
            *session = strtoll(p, NULL, 10);
        if (field == STAT_FIELDS)
            *start_ticks = strtoll(p, NULL, 10);
        p += strcspn(p, " ");
    }
    return true;
}

static bool carries(int64_t pid, const char *token)
{
    enum { LARGEST = 1 << 20 };
    char path[64], wanted[64];
    snprintf(path, sizeof path, "/proc/%lld/environ", (long long)pid);
    int length = snprintf(wanted, sizeof wanted, "HENG_TUNE=%s", token);
    char *text = malloc(LARGEST);
    size_t n = 0;
    bool found = text && *token && slurp(path, text, LARGEST, &n) && memmem(text, n, wanted, (size_t)length);
    free(text);
    return found;
}

static void make_token(char *out)
{
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        memset(bytes, 0, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

/* This environment with the token in it, made before the fork. */
static char **marked(const char *token)
{
    size_t n = 0, kept = 0;
    while (environ[n])
        n++;
    char **out = malloc((n + 2) * sizeof *out), *mark = malloc(64);
    if (!out || !mark)
        abort();
    snprintf(mark, 64, "HENG_TUNE=%s", token);
    for (size_t i = 0; i < n; i++)
        if (strncmp(environ[i], "HENG_TUNE=", 10) != 0)
            out[kept++] = environ[i];
    out[kept++] = mark;
    out[kept] = NULL;
    return out;
}

static void become(const char *const *argv, char **env, int log, int told, pid_t parent)
{
    sigset_t none;
    int error;
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(126);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, 0);
    dup2(log, 1);
    dup2(log, 2);
    /* Sockets and the store are not the server's: all is closed at its exec. */
    syscall(SYS_close_range, 3u, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */);
    execvpe(argv[0], (char *const *)argv, env);
    error = errno;
    if (write(told, &error, sizeof error) < 0)
        _exit(126);
    _exit(127);
}

bool hg_process_start(hg_process *p, const char *const *argv, const char *log, hg_err *err)
{
    int told[2], error = 0;
    char state;
    int64_t session;
    *p = (hg_process){ .log = log };
    int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0)
        return hg_fail(err, HG_WORLD, log, "cannot be written: %s", strerror(errno));
    if (pipe2(told, O_CLOEXEC) != 0) {
        close(fd);
        return hg_fail(err, HG_WORLD, argv[0], "cannot be started: %s", strerror(errno));
    }
    make_token(p->id.token);
    read_boot(p->id.boot, sizeof p->id.boot);
    char **env = marked(p->id.token);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become(argv, env, fd, told[1], parent);
    close(fd);
    close(told[1]);
    for (size_t i = 0; env[i]; i++)
        if (!env[i + 1])
            free(env[i]);
    free(env);
    if (pid < 0)
        error = errno;
    else if (read(told[0], &error, sizeof error) <= 0)
        error = 0;
    close(told[0]);
    if (error) {
        if (pid > 0)
            waitpid(pid, NULL, 0);
        return hg_fail(err, HG_WORLD, argv[0], "cannot be started: %s", strerror(error));
    }
    p->id.pid = pid;
    read_stat(pid, &session, &p->id.start_ticks, &state);
    return true;
}

bool hg_process_ended(hg_process *p)
{
    if (p->id.pid == 0 || p->ended)
        return true;
    p->ended = waitpid((pid_t)p->id.pid, &p->status, WNOHANG) == (pid_t)p->id.pid;
    return p->ended;
}

const char *hg_process_how(hg_arena *arena, const hg_process *p)
{
    if (WIFSIGNALED(p->status))
        return hg_textf(arena, "was killed by signal %d (%s)", WTERMSIG(p->status), strsignal(WTERMSIG(p->status)));
    return hg_textf(arena, "ended with exit code %d", WEXITSTATUS(p->status));
}

typedef struct sweep {
    const hg_process_id *id;
    bool leader_lives;          /* the very process, not its pid alone */
    int signal;
    size_t found;
} sweep;

/* Ours by the token; or, where a program has overwritten its environment with its title, by its session as long as the
 * session is surely that of our process. */
static bool is_ours(const sweep *s, int64_t pid, bool session_is_ours)
{
    int64_t session = 0, start = 0;
    char state = 0;
    if (pid <= 1 || pid == getpid() || !read_stat(pid, &session, &start, &state) || state == 'Z' || start < s->id->start_ticks)
        return false;
    return (session_is_ours && session == s->id->pid) || carries(pid, s->id->token);
}

static void visit(sweep *s, bool session_is_ours)
{
    hg_arena scratch;
    if (!hg_arena_open(&scratch, (size_t)64 << 20))
        return;
    size_t count;
    char **names = hg_folder_list(&scratch, "/proc", &count);
    s->found = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t pid = names[i][0] >= '1' && names[i][0] <= '9' ? strtoll(names[i], NULL, 10) : 0;
        if (pid && is_ours(s, pid, session_is_ours)) {
            s->found++;
            kill((pid_t)pid, s->signal);
        }
    }
    hg_arena_close(&scratch);
}

static bool leader_lives(const hg_process_id *id)
{
    int64_t session, start;
    char state;
    return read_stat(id->pid, &session, &start, &state) && start == id->start_ticks;
}

size_t hg_process_sweep(const hg_process_id *id)
{
    char boot[40];
    size_t all = 0;
    sweep s = { .id = id, .signal = SIGKILL };
    read_boot(boot, sizeof boot);
    if (id->pid <= 1 || strcmp(boot, id->boot) != 0)
        return 0;
    /* Until none is left: one that was just forking leaves a child. */
    do {
        visit(&s, leader_lives(id));
        all += s.found;
        if (s.found)
            pause_ns(FIRST_PAUSE_NS);
    } while (s.found);
    return all;
}

void hg_process_stop(hg_process *p, double grace_s)
{
    double waited_s = 0;
    if (p->id.pid == 0)
        return;
    /* The leader is not reaped yet, or was: its pid is only ours as a group while one of the group lives, so a group that is
     * signalled after the reaping is looked for by its token. */
    if (!hg_process_ended(p)) {
        kill(-(pid_t)p->id.pid, SIGTERM);
        for (long pause = FIRST_PAUSE_NS; !hg_process_ended(p) && waited_s < grace_s; pause = pause * 2 < LAST_PAUSE_NS ? pause * 2 : LAST_PAUSE_NS) {
            pause_ns(pause);
            waited_s += (double)pause * 1e-9;
        }
    }
    sweep s = { .id = &p->id, .signal = SIGKILL };
    if (!hg_process_ended(p)) {
        visit(&s, true);
        kill(-(pid_t)p->id.pid, SIGKILL);
        waitpid((pid_t)p->id.pid, &p->status, 0);
        p->ended = true;
    }
    hg_process_sweep(&p->id);
    p->id.pid = 0;
}

/* The command line: words in, answers out.  What a word means is the library's business. */
#include "heng.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile int stop;

static void on_interrupt(int sig)
{
    /* A second Ctrl-C ends the program as usual. */
    stop = 1;
    signal(sig, SIG_DFL);
}

static void clear_progress(void)
{
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}

static void out(void *ctx, const char *text, size_t size)
{
    int *lost = ctx; /* errno of the first write that failed, or -1 */
    clear_progress();
    errno = 0;
    if (fwrite(text, 1, size, stdout) != size && !*lost)
        *lost = errno ? errno : -1;
}

static void note(void *ctx, const char *line)
{
    (void)ctx;
    clear_progress();
    fprintf(stderr, "heng: %s\n", line);
}

static void progress(void *ctx, double done_frac, const char *what)
{
    (void)ctx;
    enum { WIDTH = 24 };
    int full = (int)(done_frac * WIDTH);
    fprintf(stderr, "\r\033[K[%.*s%*s] %3.0f%% %s", full, "########################", WIDTH - full, "",
            100 * done_frac, what);
    fflush(stderr);
}

static void fail(void *ctx, const char *where, const char *message)
{
    (void)ctx;
    clear_progress();
    fprintf(stderr, "heng: %s %s\n", where, message);
}

/* argv to words: --key value, --key=value, --flag, -o PATH, bare words; "--" ends the flags. */
static size_t read_words(int argc, char **argv, heng_word *words)
{
    size_t n = 0;
    int flags = 1;
    for (int i = 0; i < argc; i++) {
        char *arg = argv[i], *equals = strchr(arg, '=');
        if (flags && strcmp(arg, "--") == 0) {
            flags = 0;
            continue;
        }
        if (!flags || arg[0] != '-' || arg[1] == 0) {
            words[n++] = (heng_word){ NULL, arg, NULL };
            continue;
        }
        if (equals)
            *equals = 0;
        const char *value = equals ? equals + 1 : NULL;
        if (!value && !heng_word_is_flag(arg) && i + 1 < argc)
            value = argv[++i];
        words[n++] = (heng_word){ arg, value, arg };
    }
    return n;
}

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "help";
    if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0)
        verb = "help";
    if (strcmp(verb, "--version") == 0)
        verb = "version";
    heng_word *words = calloc((size_t)argc + 2, sizeof *words);
    if (!words)
        return 1;
    size_t count = 0;
    /* `heng plan --help` is `heng help plan`. */
    for (int i = 2; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            words[count++] = (heng_word){ NULL, verb, NULL };
            verb = "help";
            argc = 2;
        }
    if (argc > 2)
        count = read_words(argc - 2, argv + 2, words);
    signal(SIGINT, on_interrupt);
    signal(SIGPIPE, SIG_DFL);
    int lost = 0;
    heng_io io = { .ctx = &lost, .out = out, .note = note, .fail = fail, .stop = &stop,
                   .progress = isatty(STDERR_FILENO) ? progress : NULL };
    int code = heng_ask(verb, words, count, &io);
    errno = 0;
    if ((fflush(stdout) != 0 || ferror(stdout)) && !lost)
        lost = errno ? errno : -1;
    if (lost) {
        fprintf(stderr, "heng: stdout cannot be written%s%s\n", lost > 0 ? ": " : "", lost > 0 ? strerror(lost) : "");
        code = 1;
    }
    free(words);
    return code;
}

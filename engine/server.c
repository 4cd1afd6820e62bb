/* server --model FILE.gguf [OPTION VALUE ...]: llama.cpp's kernels behind a queue, on one thread.
 *
 * Listens on the loopback, prints its port once it answers, ends on SIGTERM or SIGINT.
 * Exit codes: 0 ended as asked, 1 the world failed, 2 wrong usage or no model. */
#include "answer.h"

#include "base/text.h"

#include <llama.h>

#include <signal.h>
#include <string.h>

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
    (void)signal;
    stopped = 1;
}

/* Signals come only while http_turn waits, so none is missed between a look and a wait. */
static void catch_signals(void)
{
    struct sigaction a = { .sa_handler = stop };
    sigset_t both;
    sigemptyset(&both);
    sigaddset(&both, SIGTERM);
    sigaddset(&both, SIGINT);
    sigprocmask(SIG_BLOCK, &both, NULL);
    sigaction(SIGTERM, &a, NULL);
    sigaction(SIGINT, &a, NULL);
}

static void log_errors(enum ggml_log_level level, const char *line, void *user)
{
    (void)user;
    if (level == GGML_LOG_LEVEL_ERROR)
        fputs(line, stderr);
}

static void serve(http_server *s, batch *b)
{
    printf("%d\n", s->port);
    fflush(stdout);
    while (!stopped) {
        http_turn(s, batch_is_idle(b) ? -1 : 0);
        batch_step(b);
    }
}

static bool run(const knobs *k, hg_err *err)
{
    http_server s = { .on_request = answer_request, .on_gone = answer_gone };
    batch *b = batch_open(k, answer_token, err);
    bool good = b && http_open(&s, k->port, err);
    if (good) {
        answer_with(b, k, hg_basename(k->model));
        serve(&s, b);
        http_close(&s);
    }
    if (b)
        batch_close(b);
    return good;
}

int main(int argc, char **argv)
{
    knobs k;
    hg_err err;
    if (!knobs_read(argc, argv, &k, &err)) {
        fprintf(stderr, "server: %s: %s\n", err.where, err.msg);
        return err.code;
    }
    if (k.help) {
        knobs_help(stdout);
        return HG_DONE;
    }
    catch_signals();
    llama_log_set(log_errors, NULL);
    ggml_backend_load_all_from_path(ENGINE_LIBRARIES);
    llama_backend_init();
    bool good = run(&k, &err);
    llama_backend_free();
    if (!good)
        fprintf(stderr, "server: %s: %s\n", err.where, err.msg);
    return good ? HG_DONE : (int)err.code;
}

/* One trial on the engine: start, load, counters, end. */
#include "tune.h"

#include "live/figures.h"
#include "spec/slo.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Eight clients over two prefixes, as two agents' system prompts would be; a trial of the best takes some 3 s. */
const tune_load tune_the_load = { .isl = 96, .osl = 12, .shared = 80, .groups = 2, .clients = 8, .requests = 16,
                                  .slo = "ttft:p90<2s,tpot:p90<120ms" };

static pid_t start(const char *engine, const tune_grid *g, const uint8_t *level, int *port)
{
    const char *argv[8 + 2 * TUNE_KNOBS_MOST] = { "server", "--port", "0", "--context", "256", "--model" };
    char program[4096], model[4096], text[16] = "";
    int n = 6, ends[2];
    snprintf(program, sizeof program, "%s/server", engine);
    snprintf(model, sizeof model, "%s/model.gguf", engine);
    argv[n++] = model;
    for (size_t k = 0; k < g->knobs; k++) {
        argv[n++] = g->knob[k].flag;
        argv[n++] = g->knob[k].value[level[k]];
    }
    *port = 0;
    if (pipe(ends) != 0)
        return -1;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        if (!freopen("/dev/null", "w", stderr))
            _exit(126);
        execv(program, (char *const *)argv);
        _exit(127);
    }
    close(ends[1]);
    *port = read(ends[0], text, sizeof text - 1) > 0 ? atoi(text) : 0;
    close(ends[0]);
    return child;
}

/* Its exit code, so that a missing program is told from a refused combination. */
static int stop(pid_t child)
{
    int status = 0;
    kill(child, SIGTERM);
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static double metric(const char *text, const char *name)
{
    for (const char *at = text; (at = strstr(at, name)); at++)
        if ((at == text || at[-1] == '\n') && at[strlen(name)] == ' ')
            return strtod(at + strlen(name), NULL);
    return 0;
}

static bool load_it(hg_arena *arena, int port, const tune_load *l, tune_trial *out, hg_err *err)
{
    hg_url url;
    hg_workload w;
    hg_slo slo;
    hg_live_run run;
    hg_live_window window = { 0, 0 };
    hg_live_watch watch = { 0 };
    hg_live_figures *f = HG_NEW(arena, hg_live_figures, 1);
    hg_workload_synthetic(arena, l->isl, l->osl, 1, (size_t)l->requests, 0, &w);
    w.load = HG_LOAD_CLOSED;
    w.concurrency = l->clients;
    hg_prompts prompts = { .model = "model.gguf", .extra = "", .workload = &w, .tokens_per_word = 1, .groups = l->groups,
                           .shared_tokens = l->shared, .ignore_eos = true };
    hg_live_load load = { .workload = &w, .requests = (size_t)l->requests, .turns = 1 };
    if (!hg_slo_parse(l->slo, "bench", &slo, err) ||
        !hg_url_parse(arena, hg_textf(arena, "http://127.0.0.1:%d", port), "bench", &url, err))
        return false;
    hg_client *c = hg_client_open(arena, &url, NULL, false, err);
    if (!c)
        return false;
    hg_live_run_load(arena, c, "/v1/completions", &prompts, &load, 120, &watch, &run);
    hg_live_judge(*arena, &run, &window, &slo, f);
    hg_live_reply m = hg_live_get(arena, c, "/metrics", 10, &watch);
    hg_client_close(c);
    *out = (tune_trial){ .started = true, .wall_s = run.duration_s, .complete = f->complete, .good_per_s = f->good_per_s,
                         .ttft_p50_s = f->latency[HG_TTFT].p50, .ttft_p90_s = f->latency[HG_TTFT].p90,
                         .tpot_p50_s = f->latency[HG_TPOT].p50, .tpot_p90_s = f->latency[HG_TPOT].p90 };
    if (m.text) {
        out->answer_tokens = metric(m.text, "engine_answer_tokens_total");
        out->cpu_s = metric(m.text, "process_cpu_seconds_total");
    }
    return true;
}

bool tune_try(hg_arena scratch, const char *engine, const tune_grid *g, const uint8_t *level, const tune_load *load, tune_trial *out,
              hg_err *err)
{
    int port;
    pid_t child = start(engine, g, level, &port);
    *out = (tune_trial){ 0 };
    if (child < 0)
        return hg_fail(err, HG_WORLD, engine, "no process could be started");
    bool good = !port || load_it(&scratch, port, load, out, err);
    int code = stop(child);
    if (code == 126 || code == 127)
        return hg_fail(err, HG_WORLD, engine, "has no server; 'make engine' builds it");
    return good;
}

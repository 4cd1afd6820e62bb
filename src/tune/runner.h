/* A trial on a real server: launched or changed live, waited for, measured by the live client, ended.  Whatever goes wrong is
 * the trial's outcome with one line that says it; only what would fail in every trial is an error. */
#ifndef HG_TUNE_RUNNER_H
#define HG_TUNE_RUNNER_H

#include "live/export.h"
#include "live/figures.h"
#include "tune/adapter.h"
#include "tune/process.h"
#include "tune/prometheus.h"
#include "tune/store.h"

enum { HG_WHY = 400 };

typedef struct hg_runner {
    /* The caller's. */
    hg_arena *arena;
    const hg_adapter *adapter;
    const hg_tune_knobs *knobs;
    const hg_tune_space *space;
    const char *path;          /* of the endpoint, "/v1/chat/completions" */
    const char *key;           /* NULL: none */
    const char *model;         /* as the server must name it; NULL: the first it names */
    hg_prompts prompts;
    hg_live_load load;
    hg_live_window window;
    hg_slo slo;
    hg_aim objective;
    double timeout_s, wait_s, grace_s;
    int port;                  /* 0: a free one each time */
    const hg_url *url;         /* a server of others, which is only asked and changed live; NULL: launched ones */
    const char *folder;        /* for N.log and N.json, made already */
    hg_store *store;
    void *ctx;
    /* What the run of a point says of its server, in the arena; NULL: nothing. */
    const hg_export_fact *(*facts)(void *ctx, hg_arena *arena, size_t point, size_t *count);
    bool (*stopped)(void *ctx);
    /* May allocate nothing in the arena, whose rest is a trial's scratch. */
    void (*progress)(void *ctx, double done_frac, const char *what);
    /* Its own. */
    hg_arena of_client;
    hg_process process;
    size_t running;            /* the point, while a process is up */
    bool mixed;                /* a change stopped half way, or the server began anew: each knob that changes live is set again */
    int at_port;
    char why[HG_WHY], log[512];
} hg_runner;

/* hg_session's `try`.  t->id, point and role are set; t->why and t->log live until the next call.  The server is left up
 * where the next point may be reached live. */
bool hg_runner_try(void *runner, double best, hg_trial *t, hg_err *err);
/* Ends the server, if one is up. */
bool hg_runner_end(hg_runner *r, hg_err *err);

/* Brings the server to a point: live where that goes, else started anew; false: *as and r->why say why not (err.code is
 * HG_DONE), or err is set. */
bool hg_runner_reach(hg_runner *r, hg_trial *t, hg_outcome *as, hg_err *err);
/* The same on a server of others, from a point that it is at. */
bool hg_runner_change(hg_runner *r, size_t from, size_t to, hg_outcome *as, hg_err *err);
/* The metrics page now; false: there is none. */
bool hg_runner_scrape(hg_runner *r, hg_scrape *out);

#endif

#include "api/tune.h"

#include "base/file.h"
#include "live/clock.h"

#include <math.h>
#include <string.h>
#include <time.h>

enum { MISSES = 3, TUNER_GIB = 1 }; /* MISSES: looks in a row that find no metrics: the server is gone */

static const double EVERY_S = 15, GRACE_S = 20, NAP_S = 0.05;

typedef struct watching {
    hg_ask *ask;
    hg_tune *tune;
    hg_tuner *tuner;           /* of the drift under way, where heng's model does not say */
    hg_arena tuners, tuner_from; /* its own, begun anew with each: a watch may see thousands of drifts */
    bool *broke;               /* [points]: broke the promise under this traffic, or could not be reached */
    double every_s, seconds;
    int64_t looked_ns;
    bool gone, ending;         /* ending: the user has stopped it, a last change back is still to be made */
} watching;

static bool stopped(void *ctx)
{
    const watching *w = ctx;
    return !w->ending && hg_stopped(w->ask);
}

static void progress(void *ctx, double done_frac, const char *what)
{
    hg_progress(((watching *)ctx)->ask, done_frac, what);
}

static void nap(watching *w)
{
    int64_t until_ns = hg_clock_ns() + llround(w->every_s * 1e9), now_ns;
    while (!stopped(w) && (now_ns = hg_clock_ns()) < until_ns) {
        double s = fmin(NAP_S, (double)(until_ns - now_ns) * 1e-9);
        nanosleep(&(struct timespec){ 0, (long)(s * 1e9) }, NULL);
    }
}

static hg_look scrape(void *ctx, hg_scrape *out)
{
    watching *w = ctx;
    for (int miss = 0; miss < MISSES; miss++) {
        nap(w);
        if (stopped(w)) {
            w->ending = true;
            w->gone = false;
            return HG_LOOK_STOPPED;
        }
        if (!hg_runner_scrape(&w->tune->runner, out))
            continue;
        int64_t now_ns = hg_clock_ns();
        w->seconds = (double)(now_ns - w->looked_ns) * 1e-9;
        w->looked_ns = now_ns;
        w->gone = false;
        return HG_LOOK_SEEN;
    }
    w->gone = true;
    return HG_LOOK_GONE;
}

static double seconds(void *ctx)
{
    return ((watching *)ctx)->seconds;
}

/* Without a server of our own only what changes live can be reached. */
static bool reachable(const watching *w, size_t from, size_t to)
{
    return !w->tune->runner.url || !hg_tune_needs_restart(&w->tune->knobs, &w->tune->space, from, to);
}

static bool may_try(const watching *w, size_t now, size_t point)
{
    return point != now && !w->broke[point] && (!w->ask->s.apply.v || reachable(w, now, point));
}

static size_t plan(void *ctx, const hg_traffic *traffic, size_t now)
{
    watching *w = ctx;
    hg_tune *t = w->tune;
    bool *may = HG_NEW(&w->tuners, bool, t->space.points);
    for (size_t i = 0; i < t->space.points; i++)
        may[i] = may_try(w, now, i);
    size_t best = hg_tune_prior_best(w->ask, t, traffic, now, may);
    if (best != t->space.points)
        return best;
    while ((best = hg_tuner_next(w->tuner)) != t->space.points && !may[best])
        hg_tuner_tell(w->tuner, best, HG_TRIED_CRASHED, 1);
    return best;
}

static void begin_tuner(watching *w)
{
    w->tuners = w->tuner_from;
    w->broke = HG_NEW(&w->tuners, bool, w->tune->space.points);
    w->tuner = hg_tuner_new(&w->tuners, &w->tune->space, HG_TUNE_BAYES, w->tune->seed);
}

/* Traffic of before says little of that after a drift: each begins with a strategy that has seen nothing.  A promise kept is
 * worth as much as another; what broke it is not allowed. */
static void learn(void *ctx, size_t point, hg_guard how)
{
    watching *w = ctx;
    w->broke[point] = how == HG_GUARD_BROKEN;
    hg_tuner_tell(w->tuner, point, how == HG_GUARD_BROKEN ? HG_TRIED_BROKE_SLO : HG_TRIED_OK, 1);
}

/* What was changed live is as it was launched again. */
static void renewed(void *ctx)
{
    ((watching *)ctx)->tune->runner.mixed = true;
}

static bool reach(void *ctx, size_t point)
{
    watching *w = ctx;
    hg_runner *r = &w->tune->runner;
    hg_trial t = { .point = point };
    hg_outcome as = HG_TRIAL_OK;
    hg_err err = { .code = HG_DONE };
    if (r->url && !reachable(w, r->running, point))
        snprintf(r->why, sizeof r->why, "it wants a restart, and the server is not heng's: launch it with %s", hg_tune_launch(w->ask->arena, w->tune, point));
    else if (r->url ? hg_runner_change(r, r->running, point, &as, &err) : hg_runner_reach(r, &t, &as, &err))
        return r->running = point, true;
    hg_note(w->ask, hg_textf(w->ask->arena, "%s: %s", hg_tune_point_text(w->ask->arena, &w->tune->knobs, &w->tune->space, point),
                             err.code != HG_DONE ? err.msg : r->why));
    return false;
}

static void tell(void *ctx, const char *kind, const char *text)
{
    watching *w = ctx;
    hg_err err;
    hg_note(w->ask, hg_textf(w->ask->arena, "%s: %s", kind, text));
    if (strcmp(kind, "drift") == 0)
        begin_tuner(w);
    if (!hg_store_event(w->tune->store, kind, text, &err))
        hg_note(w->ask, hg_textf(w->ask->arena, "%s %s", err.where, err.msg));
}

static const char *name(void *ctx, size_t point)
{
    watching *w = ctx;
    return hg_tune_point_text(w->ask->arena, &w->tune->knobs, &w->tune->space, point);
}

static bool open_server(hg_ask *a, hg_tune *t, watching *w)
{
    const hg_bench *b = &t->bench;
    hg_url *url = HG_NEW(a->arena, hg_url, 1);
    t->runner = (hg_runner){ .arena = a->arena, .adapter = &t->adapter, .knobs = &t->knobs, .space = &t->space, .key = b->key, .slo = b->slo,
                             .wait_s = b->wait_s,
                             .timeout_s = b->timeout_s, .grace_s = GRACE_S, .port = a->s.port.n ? (int)a->s.port.v[0] : 0, .folder = t->folder,
                             .store = t->store, .running = t->space.baseline, .ctx = w, .stopped = stopped, .progress = progress };
    if (a->s.url.s) {
        t->runner.url = url;
        return hg_url_parse(a->arena, a->s.url.s, a->s.url.where, url, &a->err);
    }
    if (!hg_folder_make(t->folder, &a->err))
        return false;
    if (!reach(w, t->space.baseline))
        return hg_fail(&a->err, HG_WORLD, "the baseline", "does not run: %s", t->runner.why);
    hg_note(a, hg_textf(a->arena, "launched at port %d: %s", t->runner.at_port, name(w, t->space.baseline)));
    return true;
}

static bool has_metrics(hg_ask *a, hg_tune *t)
{
    hg_scrape *now = HG_NEW(a->arena, hg_scrape, 1);
    if (!hg_runner_scrape(&t->runner, now))
        return hg_fail(&a->err, HG_WORLD, t->adapter.metrics ? t->adapter.metrics : "--engine", "does not answer with metrics; is the server up, and are "
                       "they switched on%s%s?", t->adapter.metrics_want ? ", with " : "", t->adapter.metrics_want ? t->adapter.metrics_want : "");
    if (isnan(now->value[HG_SERIES_requests]) && isnan(now->value[HG_SERIES_ttft]))
        return hg_fail(&a->err, HG_WORLD, t->adapter.metrics, "counts no requests by a name that %s is known to use; is --engine right?", t->adapter.title);
    return true;
}

static hg_code watch(hg_ask *a, hg_tune *t)
{
    bool fresh;
    watching w = { .ask = a, .tune = t, .every_s = a->s.every.given ? a->s.every.v : EVERY_S, .looked_ns = hg_clock_ns() };
    hg_watch ask = { .slo = &t->bench.slo, .now = t->space.baseline, .none = t->space.points, .apply = a->s.apply.v, .stays = a->s.url.s, .ctx = &w,
                     .scrape = scrape, .seconds = seconds, .plan = plan, .reach = reach, .renewed = renewed, .learn = learn, .tell = tell, .name = name };
    hg_arena of_loop = { 0 }; /* its own: what it calls allocates in the question's */
    if (!hg_arena_open(&of_loop, (size_t)64 << 20) || !hg_arena_open(&w.tuner_from, (size_t)TUNER_GIB << 30)) {
        hg_arena_close(&of_loop);
        return hg_fail(&a->err, HG_WORLD, "memory", "the system refuses address space; raise 'ulimit -v'"), HG_WORLD;
    }
    t->store = hg_store_open(a->arena, t->path, &fresh, &a->err);
    if (!t->store)
        return hg_arena_close(&of_loop), hg_arena_close(&w.tuner_from), a->err.code;
    begin_tuner(&w);
    if (hg_tune_end_left(a, t->store) && open_server(a, t, &w) && has_metrics(a, t)) {
        hg_note(a, hg_textf(a->arena, "watching %s every %g s, at %s; Ctrl-C ends it", a->s.url.s ? a->s.url.s : "it", w.every_s, name(&w, ask.now)));
        hg_watch_run(of_loop, &ask);
        if (ask.stranded && t->runner.url)
            hg_fail(&a->err, HG_WORLD, "the server", "may be left at %s, which was not seen to keep --slo and could not be taken back", name(&w, ask.now));
        else if (w.gone)
            hg_fail(&a->err, HG_WORLD, "the server", "is gone: its metrics did not answer %d times in a row", MISSES);
    }
    hg_err second;
    bool ended = hg_runner_end(&t->runner, a->err.code == HG_DONE ? &a->err : &second);
    hg_store_close(t->store);
    hg_arena_close(&of_loop);
    hg_arena_close(&w.tuner_from);
    return a->err.code != HG_DONE || !ended ? a->err.code : HG_DONE;
}

hg_code hg_tune_watch(hg_ask *a, hg_tune *t)
{
    return hg_tune_read_watch(a, t) ? watch(a, t) : a->err.code;
}

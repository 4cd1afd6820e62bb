#include "api/tune.h"

#include "api/question.h"
#include "base/num.h"

#include <stdlib.h>
#include <string.h>

enum { TRIALS = 20, REPEATS = 3, REQUESTS_EACH = 10, LEAST_REQUESTS = 20 };

static const double OPEN_S = 60;       /* of an open loop that says no end */
static const double WAIT_S = 600, TIMEOUT_S = 120;

static int64_t whole(const hg_ints_word *w, int64_t otherwise)
{
    return w->n ? w->v[0] : otherwise;
}

static bool choose(hg_ask *a, const hg_text_word *w, const char *const *names, int count, int standard, int *out)
{
    hg_buf list = { .arena = a->arena };
    *out = standard;
    for (int i = 0; w->s && i < count; i++) {
        if (strcmp(w->s, names[i]) == 0)
            return *out = i, true;
        hg_buf_printf(&list, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " or ", names[i]);
    }
    return !w->s || hg_fail(&a->err, HG_INPUT, w->where, "is '%.40s'; write %s", w->s, list.s);
}

static bool single_values(hg_ask *a)
{
    const hg_ints_word *lists[] = { &a->s.trials, &a->s.repeats, &a->s.port };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (lists[i]->n > 1 || lists[i]->any)
            return hg_fail(&a->err, HG_INPUT, lists[i]->where, "lists several values; 'heng tune' takes one");
    return true;
}

/* An engine that has a model file of its own is launched with that, where --model is none: a config.json or an id is what heng's
 * model is to know of it. */
static bool describes_only(hg_ask *a, const hg_tune *t)
{
    return a->s.model.s && t->adapter.model && !hg_ends(a->s.model.s, ".gguf");
}

static bool read_adapter(hg_ask *a, hg_tune *t)
{
    const hg_scenario *s = &a->s;
    const char *note;
    if (!s->engine.s && !s->launch.s && !s->url.s)
        return hg_fail(&a->err, HG_INPUT, "--engine", "is missing; say --engine vllm (or another of 'heng help tune'), or --launch 'CMD --port {port}'");
    if (s->engine.s && !hg_adapter_open(a->arena, &a->data, s->engine.s, s->engine_version.s, &t->adapter, &note, &a->err))
        return false;
    if (s->engine.s)
        hg_note(a, note);
    if (s->launch.s && !hg_adapter_command(a->arena, s->launch.s, s->launch.where, &t->adapter, &a->err))
        return false;
    if (!describes_only(a, t) && (s->model.s || s->url.s))
        t->adapter.model = s->model.s ? s->model.s : "MODEL"; /* a server that runs has its own */
    return !s->engine_args.s || hg_adapter_more(a->arena, s->engine_args.s, s->engine_args.where, &t->adapter, &a->err);
}

/* Whether "threads=1 max-seqs=8" gives the knob a value. */
static bool names(const char *baseline, const char *knob)
{
    size_t n = strlen(knob);
    for (const char *p = baseline + strspn(baseline, " \t\r\n"); *p; p += strcspn(p, " \t\r\n"), p += strspn(p, " \t\r\n")) {
        const char *word = p + strspn(p, "-");
        if (strncmp(word, knob, n) == 0 && word[n] == '=')
            return true;
    }
    return false;
}

/* The user's baseline, and the engine's own values of what it leaves open. */
static const char *baseline_text(hg_ask *a, const hg_tune *t, const hg_device *device)
{
    hg_buf b = { .arena = a->arena }, first = { .arena = a->arena };
    hg_buf_puts(&b, a->s.baseline.s ? a->s.baseline.s : "");
    for (size_t i = 0; i < t->knobs.count; i++) {
        const char *name = t->knobs.list[i].name, *own = hg_adapter_default(&t->adapter, name, device);
        bool said = a->s.baseline.s && names(a->s.baseline.s, name);
        if (own && !said)
            hg_buf_printf(&b, " %s=%s", name, own);
        else if (!said)
            hg_buf_printf(&first, "%s%s=%s", first.n ? " " : "", name, t->knobs.list[i].values[0]);
    }
    if (first.n)
        hg_note(a, hg_textf(a->arena, "the baseline has %s, the first value: heng does not know the server's own; --baseline says another%s", first.s,
                            t->adapter.has_table && !device ? ", --device helps it to know" : ""));
    return b.s;
}

static bool read_space(hg_ask *a, hg_tune *t)
{
    const hg_scenario *s = &a->s;
    size_t levels[HG_TUNE_KNOBS];
    hg_device *device = s->device.s ? HG_NEW(a->arena, hg_device, 1) : NULL;
    if (device && !hg_device_find(a->arena, &a->data, s->device.s, device, &a->err))
        return false;
    if (!hg_ask_price(a, device ? device : &(hg_device){ .name = "a device without --device" }, &t->price_usd_per_s))
        return false;
    if (!s->knob.s)
        return hg_fail(&a->err, HG_INPUT, "--knob", "is missing; say what may change, as in --knob max-num-seqs=32..256");
    return hg_tune_knobs_parse(a->arena, s->knob.s, s->knob.where, &t->knobs, &a->err) &&
           (!s->live.s || hg_tune_knobs_live(a->arena, &t->knobs, s->live.s, s->live.where, &a->err)) &&
           hg_adapter_takes(*a->arena, &t->adapter, &t->knobs, s->knob.where, &a->err) && /* before a note on the baseline of what is no knob */
           hg_tune_knobs_baseline(a->arena, &t->knobs, baseline_text(a, t, device), s->baseline.s ? s->baseline.where : "--baseline", levels, &a->err) &&
           hg_adapter_takes(*a->arena, &t->adapter, &t->knobs, s->baseline.s ? s->baseline.where : s->knob.where, &a->err) &&
           hg_tune_space_open(a->arena, &t->knobs, levels, s->knob.where, &t->space, &a->err);
}

/* The words of `heng bench`, with an end that fits a trial. */
static bool read_load(hg_ask *a, hg_tune *t)
{
    hg_scenario *s = &a->s;
    hg_text_word url = s->url, model = s->model;
    bool ends = s->requests.n || s->duration.given || s->workload.s || s->arrivals.s;
    if (!ends && s->concurrency.n)
        s->requests = (hg_ints_word){ .v = { hg_max_i64(LEAST_REQUESTS, REQUESTS_EACH * s->concurrency.v[0]) }, .n = 1, .where = "--requests" };
    else if (!ends && s->rate.given)
        s->duration = (hg_real_word){ OPEN_S, true, "--duration" };
    s->url = (hg_text_word){ "http://127.0.0.1", "--url" };
    s->model.s = NULL;
    bool ok = hg_bench_read(a, &t->bench);
    s->url = url;
    s->model = model;
    if (!ok)
        return false;
    if (t->bench.workload.load == HG_LOAD_REPLAY && !s->requests.n && !s->duration.given)
        hg_note(a, "each trial replays the whole trace; --requests N or --duration S make it shorter");
    t->bench.timeout_s = s->timeout.given ? s->timeout.v : TIMEOUT_S;
    t->bench.wait_s = s->wait.given ? s->wait.v : WAIT_S;
    return true;
}

static bool read_aim(hg_ask *a, hg_tune *t)
{
    int aim, strategy;
    if (!choose(a, &a->s.objective, hg_aim_words, HG_AIMS, t->bench.slo.count ? HG_MAX_GOODPUT : HG_MAX_THROUGHPUT, &aim) ||
        !choose(a, &a->s.strategy, hg_strategy_names, HG_STRATEGIES, HG_TUNE_MODEL, &strategy))
        return false;
    t->aim = (hg_aim)aim;
    t->strategy = (hg_strategy)strategy;
    if (t->aim == HG_MAX_GOODPUT && t->bench.slo.count == 0)
        return hg_fail(&a->err, HG_INPUT, a->s.objective.where, "counts good requests; say with --slo which are, as in 'ttft:p90<1s'");
    if (t->aim == HG_MAX_TOKENS_PER_CPU && (!t->adapter.series[HG_SERIES_cpu_s][0] || !t->adapter.series[HG_SERIES_answer_tokens][0]))
        return hg_fail(&a->err, HG_INPUT, a->s.objective.where, "wants processor seconds and answer tokens of the server's metrics, which %s does not have",
                       t->adapter.title);
    return true;
}

static bool read_budget(hg_ask *a, hg_tune *t)
{
    const hg_scenario *s = &a->s;
    t->repeats = (size_t)whole(&s->repeats, REPEATS);
    size_t least = hg_session_least(t->repeats), all = t->space.points + 2 * t->repeats;
    t->trials = (size_t)whole(&s->trials, s->minutes.given ? HG_TUNE_MANY : (int64_t)(all < TRIALS ? all : TRIALS));
    t->trials = s->trials.n ? t->trials : t->trials < least ? least : t->trials;
    t->seconds = s->minutes.given ? 60 * s->minutes.v : 0;
    if (t->trials < least)
        return hg_fail(&a->err, HG_INPUT, s->trials.where, "is %zu; baseline, one other setting and %zu turns of winner and baseline are %zu; give "
                       "more, or fewer --repeats", t->trials, t->repeats, least);
    if (t->space.points < 2)
        return hg_fail(&a->err, HG_INPUT, s->knob.where, "leaves one setting only; give a knob two values");
    return true;
}

bool hg_tune_read_watch(hg_ask *a, hg_tune *t)
{
    const hg_scenario *s = &a->s;
    static const char *const names[] = { "trials", "minutes", "repeats", "isl", "osl", "rate", "concurrency", "workload", "duration", "dry_run", "resume" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (hg_word_given(s, hg_word_find(names[i])))
            return hg_fail(&a->err, HG_INPUT, names[i], "does not go with --watch: the traffic is the server's own");
    if (!s->engine.s)
        return hg_fail(&a->err, HG_INPUT, "--engine", "is missing; --watch reads metrics by the engine's names for them");
    if (s->apply.v && !s->slo.s)
        return hg_fail(&a->err, HG_INPUT, s->apply.where, "wants --slo, which says when a change is taken back");
    if (s->slo.s && !hg_slo_parse(s->slo.s, s->slo.where, &t->bench.slo, &a->err))
        return false;
    t->path = s->store.s ? s->store.s : "tune.db";
    t->folder = hg_textf(a->arena, "%s.d", t->path);
    t->aim = t->bench.slo.count ? HG_MAX_GOODPUT : HG_MAX_THROUGHPUT;
    t->seed = (uint64_t)whole(&s->seed, 0);
    t->bench.wait_s = s->wait.given ? s->wait.v : WAIT_S;
    t->bench.timeout_s = s->timeout.given ? s->timeout.v : TIMEOUT_S;
    return single_values(a) && hg_bench_read_key(a, &t->bench) && read_adapter(a, t) && read_space(a, t);
}

bool hg_tune_read(hg_ask *a, hg_tune *t)
{
    const hg_scenario *s = &a->s;
    t->path = s->store.s ? s->store.s : "tune.db";
    t->folder = hg_textf(a->arena, "%s.d", t->path);
    t->seed = (uint64_t)whole(&s->seed, 0);
    if (s->apply.v && !s->watch.v)
        return hg_fail(&a->err, HG_INPUT, s->apply.where, "goes with --watch; a tuning launches its own servers and leaves none behind");
    if (s->every.given && !s->watch.v)
        return hg_fail(&a->err, HG_INPUT, s->every.where, "goes with --watch");
    if (s->url.s && !s->watch.v)
        return hg_fail(&a->err, HG_INPUT, s->url.where, "names a server that runs; a tuning launches its own: --engine or --launch");
    return single_values(a) && read_adapter(a, t) && read_space(a, t) && read_load(a, t) && read_aim(a, t) && read_budget(a, t);
}

/* ---- the question in the store ---- */

static bool is_among(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* How long and how patient, and what is made of the figures: kept, but a later run may say otherwise. */
static bool is_free(const char *name)
{
    static const char *const names[] = { "trials", "minutes", "repeats", "objective", "wait", "timeout", "port", "price" };
    return is_among(name, names, sizeof names / sizeof *names);
}

/* Words of one run, not of a session. */
static bool is_of_run(const char *name)
{
    static const char *const names[] = { "store", "resume", "dry_run", "watch", "apply", "every", "url", "output", "force", "quiet", "json", "threads",
                                         "scenario", "data" };
    return is_among(name, names, sizeof names / sizeof *names);
}

static const char *value_of(hg_arena *arena, const hg_scenario *s, const hg_word *w)
{
    const void *at = (const char *)s + w->offset;
    hg_buf b = { .arena = arena };
    const hg_ints_word *ints = at;
    switch (w->kind) {
    case HG_WORD_TEXT: return ((const hg_text_word *)at)->s;
    case HG_WORD_REAL: return hg_textf(arena, "%.17g", ((const hg_real_word *)at)->v);
    case HG_WORD_FLAG: return ((const hg_flag_word *)at)->v ? "true" : "false";
    default:
        if (ints->any)
            return "any";
        for (int i = 0; i < ints->n; i++)
            hg_buf_printf(&b, "%s%lld", i ? "," : "", (long long)ints->v[i]);
        return b.s;
    }
}

static bool is_kept(const hg_word *w)
{
    return w->kind != HG_WORD_SECTION && hg_word_serves(w, "tune") && !is_of_run(w->name);
}

bool hg_tune_keep(hg_ask *a, hg_tune *t)
{
    const char *(*rows)[2] = (const char *(*)[2])HG_NEW(a->arena, const char *, 2 * (size_t)hg_word_count + 4);
    size_t n = 0;
    rows[n][0] = "heng";
    rows[n++][1] = HENG_VERSION;
    for (int i = 0; i < hg_word_count; i++) {
        const hg_word *w = &hg_word_table[i];
        if (!is_kept(w) || !hg_word_given(&a->s, w))
            continue;
        rows[n][0] = hg_textf(a->arena, "word %s", w->name);
        rows[n++][1] = value_of(a->arena, &a->s, w);
    }
    return hg_store_ask(t->store, (const char *const (*)[2])rows, n, &a->err);
}

bool hg_tune_recall(hg_ask *a, hg_store *store)
{
    for (int i = 0; i < hg_word_count; i++) {
        const hg_word *w = &hg_word_table[i];
        if (!is_kept(w))
            continue;
        const char *stored = hg_store_asked(store, a->arena, hg_textf(a->arena, "word %s", w->name), &a->err);
        bool given = hg_word_given(&a->s, w);
        if (!stored && a->err.code != HG_DONE)
            return false;
        if (given && !is_free(w->name) && (!stored || strcmp(stored, value_of(a->arena, &a->s, w)) != 0))
            return hg_fail(&a->err, HG_INPUT, hg_textf(a->arena, "--%s", w->name), "differs from the session's, which %s%.100s; leave it out, or begin "
                           "another session with --store", stored ? "has " : "does not have it", stored ? stored : "");
        if (stored && !given && !hg_scenario_set(a->arena, &a->s, "tune", w->name, stored, hg_textf(a->arena, "--%s (stored)", w->name), &a->err))
            return false;
    }
    return true;
}

#include "api/tune_launch.h"

#include "base/file.h"
#include "base/units.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const double GRACE_S = 20;

typedef struct tuning {
    hg_ask *ask;
    hg_tune *tune;
    const char *under_way;
    double first;              /* the baseline's score, of the first trial; NAN before */
    bool told_time;
} tuning;

static bool stopped(void *ctx)
{
    return hg_stopped(((tuning *)ctx)->ask);
}

/* On the stack: a trial under way uses what follows in the arena as scratch. */
static void progress(void *ctx, double done_frac, const char *what)
{
    tuning *u = ctx;
    char text[400];
    (void)done_frac;
    snprintf(text, sizeof text, "%s: %s", u->under_way, what);
    hg_progress(u->ask, (double)u->tune->result.count / (double)u->tune->trials, text);
}

static void began(void *ctx, const hg_trial *trial, size_t done, size_t of)
{
    tuning *u = ctx;
    const hg_tune *t = u->tune;
    u->under_way = hg_textf(u->ask->arena, "trial %zu of %zu, %s", done + 1, of, hg_tune_point_text(u->ask->arena, &t->knobs, &t->space, trial->point));
    progress(u, 0, hg_role_words[trial->role]);
}

static void ended(void *ctx, const hg_trial *trial)
{
    tuning *u = ctx;
    hg_ask *a = u->ask;
    double score = hg_trial_score(trial, u->tune->aim);
    char took[32], all[32];
    const char *beside = "";
    if (isfinite(u->first) && isfinite(score) && hg_outcome_measured(trial->outcome) && trial->role != HG_ROLE_BASELINE)
        beside = hg_textf(a->arena, ", %+.1f %% on the baseline", 100 * (score / u->first - 1));
    hg_note(a, hg_textf(a->arena, "trial %" PRId64 " %s: %s%s", trial->id, hg_role_words[trial->role], hg_tune_trial_line(a->arena, u->tune, trial), beside));
    if (isnan(u->first) && trial->role == HG_ROLE_BASELINE)
        u->first = score;
    if (u->told_time || !hg_outcome_measured(trial->outcome))
        return;
    u->told_time = true;
    hg_note(a, hg_textf(a->arena, "that took %s; %zu trials alike are about %s", hg_format(took, sizeof took, trial->took_s, HG_SECONDS),
                        u->tune->trials, hg_format(all, sizeof all, trial->took_s * (double)u->tune->trials, HG_SECONDS)));
}

bool hg_tune_end_left(hg_ask *a, hg_store *store)
{
    hg_process_id *left;
    size_t n, ended_count = 0;
    if (!hg_store_servers_left(store, a->arena, &left, &n, &a->err))
        return false;
    for (size_t i = 0; i < n; i++) {
        ended_count += hg_process_sweep(&left[i]);
        if (!hg_store_server_ended(store, left[i].token, &a->err))
            return false;
    }
    if (ended_count)
        hg_note(a, hg_textf(a->arena, "ended %zu process%s that an earlier run of this session had left", ended_count, ended_count > 1 ? "es" : ""));
    return true;
}

/* "12.json", "12.log": of a session that is begun anew; nothing else in the folder is heng's. */
static bool is_of_trial(const char *name)
{
    size_t n = strspn(name, "0123456789");
    return n > 0 && (strcmp(name + n, ".json") == 0 || strcmp(name + n, ".log") == 0);
}

static void clear_folder(hg_ask *a, const char *folder)
{
    size_t n;
    char **names = hg_folder_list(a->arena, folder, &n);
    for (size_t i = 0; i < n; i++)
        if (is_of_trial(names[i]))
            remove(hg_textf(a->arena, "%s/%s", folder, names[i]));
}

static bool open_store(hg_ask *a, hg_tune *t)
{
    bool fresh;
    t->path = a->s.store.s ? a->s.store.s : "tune.db";
    if (a->s.resume.v && !hg_is_file(t->path))
        return hg_fail(&a->err, HG_INPUT, a->s.resume.where, "finds no session: there is no %s", t->path);
    t->store = hg_store_open(a->arena, t->path, &fresh, &a->err);
    if (!t->store)
        return false;
    if (fresh && a->s.resume.v)
        return hg_fail(&a->err, HG_INPUT, t->path, "holds no session to go on with; leave --resume out");
    if (!fresh && !a->s.resume.v && !a->s.force.v)
        return hg_fail(&a->err, HG_INPUT, t->path, "holds a session; --resume goes on with it, --store names another file, --force begins anew");
    if (!hg_tune_end_left(a, t->store) || (!fresh && !a->s.resume.v && !hg_store_clear(t->store, &a->err)))
        return false;
    if (!fresh && !a->s.resume.v)
        clear_folder(a, hg_textf(a->arena, "%s.d", t->path));
    return !a->s.resume.v || hg_tune_recall(a, t->store);
}

static const hg_export_fact *facts(void *ctx, hg_arena *arena, size_t point, size_t *count)
{
    tuning *u = ctx;
    return hg_tune_facts(arena, u->ask, u->tune, point, count);
}

static void open_runner(hg_ask *a, hg_tune *t, tuning *u)
{
    const hg_bench *b = &t->bench;
    t->runner = (hg_runner){ .arena = a->arena, .adapter = &t->adapter, .knobs = &t->knobs, .space = &t->space, .path = b->path, .key = b->key,
                             .model = a->s.served_model.s, .prompts = b->prompts, .load = b->load, .window = b->window, .slo = b->slo,
                             .objective = t->aim, .timeout_s = b->timeout_s, .wait_s = b->wait_s, .grace_s = GRACE_S,
                             .port = a->s.port.n ? (int)a->s.port.v[0] : 0, .folder = t->folder, .store = t->store, .ctx = u,
                             .facts = facts, .stopped = stopped, .progress = progress };
}

static bool try(void *ctx, double best, hg_trial *trial, hg_err *err)
{
    return hg_runner_try(&((tuning *)ctx)->tune->runner, best, trial, err);
}

static bool tune(hg_ask *a, hg_tune *t)
{
    tuning u = { .ask = a, .tune = t, .under_way = "", .first = NAN };
    hg_session s = { .knobs = &t->knobs, .space = &t->space, .strategy = t->strategy, .objective = t->aim, .seed = t->seed, .trials = t->trials,
                     .seconds = t->seconds, .repeats = t->repeats, .store = t->store, .ctx = &u, .try = try, .stopped = stopped, .began = began,
                     .ended = ended };
    hg_err second;
    open_runner(a, t, &u);
    bool ok = hg_session_run(a->arena, &s, &t->result, &a->err);
    return hg_runner_end(&t->runner, ok ? &a->err : &second) && ok;
}

/* An answer may be no: nothing was measured, nothing keeps the promise. */
static hg_code answer(hg_ask *a, const hg_tune *t)
{
    const hg_session_result *r = &t->result;
    const char *text = a->s.json.v || a->s.output.s ? hg_tune_json(a, t) : hg_tune_text(a, t);
    hg_code code = hg_answer(a, text, strlen(text));
    if (code != HG_DONE)
        return code;
    if (r->end == HG_SESSION_ALIKE) {
        const hg_trial *first = &r->trials[0];
        hg_fail(&a->err, HG_WORLD, hg_outcome_words[first->outcome], "the first %zu trials failed, none was measured; the first: %s%s%s", r->count,
                first->why ? first->why : hg_outcome_meanings[first->outcome], first->log ? "; its log is " : "", first->log ? first->log : "");
        return HG_WORLD;
    }
    return r->winner == t->space.points && r->end == HG_SESSION_DONE ? HG_NO : HG_DONE;
}

/* Before the first launch. */
static void say_cost(hg_ask *a, hg_tune *t)
{
    hg_tune_bill b;
    hg_tune_bill_of(a, t, &b);
    const char *money = hg_tune_money_text(a, t, &b);
    hg_note(a, hg_tune_cost(a->arena, t));
    hg_note(a, hg_textf(a->arena, "time: %s%s%s", hg_tune_time_text(a, t, &b), money ? "; cost: " : "", money ? money : ""));
}

/* What a session's finished trials took, for those to come. */
static bool take_done(hg_ask *a, hg_tune *t)
{
    hg_stored *all;
    size_t n, measured = 0;
    if (!hg_store_trials(t->store, a->arena, &all, &n, &a->err))
        return false;
    t->took_s = t->done = 0;
    for (size_t i = 0; i < n; i++) {
        const hg_trial *x = &all[i].trial;
        t->done += x->finished && x->outcome != HG_TRIAL_LOST && x->outcome != HG_TRIAL_STOPPED;
        if (x->finished && hg_outcome_measured(x->outcome) && isfinite(x->took_s))
            t->took_s += (x->took_s - t->took_s) / (double)++measured;
    }
    t->done = fmin(t->done, (double)t->trials);
    return true;
}

static hg_code dry_run(hg_ask *a, hg_tune *t)
{
    bool fresh;
    const char *path = a->s.store.s ? a->s.store.s : "tune.db";
    if (a->s.resume.v) {
        if (!hg_is_file(path))
            return hg_fail(&a->err, HG_INPUT, a->s.resume.where, "finds no session: there is no %s", path), HG_INPUT;
        t->store = hg_store_open(a->arena, path, &fresh, &a->err);
        if (!t->store || !hg_tune_recall(a, t->store))
            return a->err.code;
    }
    if (!hg_tune_read(a, t) || (t->store && !take_done(a, t)))
        return a->err.code;
    hg_tune_prior(a, t);
    const char *text = a->s.json.v || a->s.output.s ? hg_tune_dry_json(a, t) : hg_tune_dry_text(a, t);
    return hg_answer(a, text, strlen(text));
}

static hg_code run_with(hg_ask *a, hg_tune *t)
{
    if (!open_store(a, t) || !hg_tune_read(a, t))
        return a->err.code;
    if (!hg_folder_make(t->folder, &a->err) || (a->s.output.s && !hg_file_may_write(a->s.output.s, a->s.force.v, &a->err)))
        return a->err.code;
    if (a->s.port.n && !hg_port_free((int)a->s.port.v[0]))
        return hg_fail(&a->err, HG_WORLD, a->s.port.where, "%lld is in use by another process; end it, or leave --port out and free ones are taken",
                       (long long)a->s.port.v[0]), HG_WORLD;
    if (!hg_tune_keep(a, t) || !take_done(a, t))
        return a->err.code;
    hg_tune_prior(a, t);
    say_cost(a, t);
    return tune(a, t) ? answer(a, t) : a->err.code;
}

/* What cannot be is refused before a note is given or a file is made. */
static bool reads(hg_ask *a)
{
    hg_tune *first = HG_NEW(a->arena, hg_tune, 1);
    hg_scenario said = a->s;
    a->s.quiet.v = true;
    bool ok = hg_tune_read(a, first);
    a->s = said;
    return ok;
}

static hg_code run(hg_ask *a)
{
    hg_tune *t = HG_NEW(a->arena, hg_tune, 1);
    if (a->s.input_count)
        return hg_refuse(a, a->s.inputs[0], "is no word of 'heng tune'; knobs are given as --knob NAME=VALUES");
    if (a->s.watch.v)
        return hg_tune_watch(a, t);
    if (!a->s.resume.v && !reads(a))
        return a->err.code;
    if (a->s.dry_run.v) {
        hg_code code = dry_run(a, t);
        hg_store_close(t->store);
        return code;
    }
    hg_code code = run_with(a, t);
    hg_store_close(t->store);
    return code;
}

const hg_verb hg_verb_tune = {
    "tune", "heng tune --engine E|--launch 'CMD {port}' --knob NAME=VALUES --isl N --osl N --concurrency C|--rate R [--slo LIMITS] [--trials N]",
    "the best settings of a live engine, in few real trials", run
};

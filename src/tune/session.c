#include "tune/session.h"

#include "base/text.h"

#include <math.h>
#include <string.h>

enum { ALIKE = 3, WORLD_TRIES = 3 }; /* failed trials before any was measured; tries of one that fails for the world's sake */

typedef struct session {
    const hg_session *ask;
    hg_arena *arena;
    hg_tuner *tuner;
    hg_session_result *out;
    size_t explored, confirms, finals; /* finished; confirms of the winner, finals of the baseline beside them */
    size_t peeked;             /* what the strategy was asked already; points: nothing */
    double spent_s, best;
} session;

static bool counts(const hg_trial *t)
{
    hg_tried told;
    return t->finished && hg_outcome_told(t->outcome, &told);
}

/* What a finished trial means, whether it was just run or is read again. */
static void learn(session *s, const hg_trial *t)
{
    hg_session_result *out = s->out;
    hg_tried told;
    *HG_PUSH(s->arena, out->trials, out->count, out->capacity) = *t;
    s->spent_s += isfinite(t->took_s) ? t->took_s : 0;
    if (!hg_outcome_told(t->outcome, &told))
        return;
    double score = hg_trial_score(t, s->ask->objective);
    if (told == HG_TRIED_OK && isnan(score))
        told = HG_TRIED_CRASHED;
    hg_tuner_tell(s->tuner, t->point, told, isnan(score) ? 1 : score);
    if (t->outcome == HG_TRIAL_OK && !(score <= s->best))
        s->best = score;
    if (t->role == HG_ROLE_EXPLORE)
        s->explored++;
    else if (t->role == HG_ROLE_CONFIRM)
        s->confirms++;
    else if (s->confirms > s->finals)
        s->finals++;
}

/* Room for one more and for the turns after it. */
static bool has_room(const session *s)
{
    const hg_session *q = s->ask;
    double each = s->out->count ? s->spent_s / (double)s->out->count : 0;
    return s->out->count + 1 + 2 * q->repeats <= q->trials && (q->seconds <= 0 || s->spent_s + each * (double)(1 + 2 * q->repeats) <= q->seconds);
}

static void forget_turns(session *s)
{
    s->out->winner = s->ask->space->points;
    s->confirms = s->finals = 0;
}

/* A finished session that is given more trials explores on, and its turns are taken anew. */
static void go_on(session *s)
{
    const hg_session *q = s->ask;
    bool turned = s->out->winner == q->space->baseline || (s->confirms >= q->repeats && s->finals >= q->repeats);
    if (s->out->winner == q->space->points || !turned || !has_room(s))
        return;
    s->peeked = hg_tuner_next(s->tuner);
    if (s->peeked != q->space->points)
        forget_turns(s);
}

/* Replayed question by question: a strategy that draws lots draws the same again. */
static bool take_up(session *s, hg_err *err)
{
    hg_stored *all;
    size_t n;
    if (!hg_store_close_lost(s->ask->store, &s->out->lost, err) || !hg_store_trials(s->ask->store, s->arena, &all, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        hg_trial *t = &all[i].trial;
        t->point = hg_tune_point_of(*s->arena, s->ask->knobs, s->ask->space, all[i].point);
        if (t->point == s->ask->space->points)
            return hg_fail(err, HG_INPUT, "--resume", "the store holds a trial of %.100s, which is none of these knobs", all[i].point);
        if (!counts(t))
            continue;
        if (t->role == HG_ROLE_EXPLORE) {
            hg_tuner_next(s->tuner);
            forget_turns(s);
        }
        /* What was decided stays decided, though the trials after it may move the posterior. */
        if ((t->role == HG_ROLE_CONFIRM || (t->role == HG_ROLE_BASELINE && s->explored > 0)) && s->out->winner == s->ask->space->points)
            s->out->winner = t->point;
        learn(s, t);
    }
    go_on(s);
    return true;
}

/* One trial, tried again where the world and not the point was to blame. */
static bool run_one(session *s, size_t point, hg_trial_role role, hg_trial *t, hg_err *err)
{
    const hg_session *q = s->ask;
    for (int i = 0; i < WORLD_TRIES; i++) {
        *t = (hg_trial){ .point = point, .role = role };
        hg_trial_blank(t);
        if (!hg_store_begin(q->store, t, hg_tune_point_text(s->arena, q->knobs, q->space, point), err))
            return false;
        if (q->began)
            q->began(q->ctx, t, s->out->count, q->trials);
        if (!q->try(q->ctx, s->best, t, err))
            return false;
        t->why = t->why ? hg_strdup(s->arena, t->why) : NULL;
        t->log = t->log ? hg_strdup(s->arena, t->log) : NULL;
        if (!hg_store_finish(q->store, t, err))
            return false;
        if (q->ended)
            q->ended(q->ctx, t);
        if (counts(t)) {
            learn(s, t);
            return true;
        }
        if (t->outcome == HG_TRIAL_STOPPED)
            return true;
    }
    return hg_fail(err, HG_WORLD, hg_outcome_words[t->outcome], "%s; %d tries, the finished trials are kept, --resume goes on",
                   t->why ? t->why : hg_outcome_meanings[t->outcome], WORLD_TRIES);
}

static bool all_failed_alike(const session *s)
{
    for (size_t i = 0; i < s->out->count; i++)
        if (hg_outcome_measured(s->out->trials[i].outcome))
            return false;
    return s->out->count >= ALIKE;
}

/* The next trial; false: there is none. */
static bool next(session *s, size_t *point, hg_trial_role *role)
{
    const hg_session *q = s->ask;
    size_t none = q->space->points;
    *role = HG_ROLE_BASELINE;
    *point = q->space->baseline;
    if (s->out->count == 0)
        return true;
    if (s->confirms == 0 && s->finals == 0 && s->out->winner == none) {
        *role = HG_ROLE_EXPLORE;
        *point = s->peeked;
        s->peeked = none;
        if (*point != none || (has_room(s) && (*point = hg_tuner_next(s->tuner)) != none))
            return true;
        s->out->winner = hg_tuner_best(s->tuner);
    }
    if (s->out->winner == none)
        return false;
    bool is_baseline = s->out->winner == q->space->baseline, of_winner = !is_baseline && s->confirms <= s->finals;
    *role = of_winner ? HG_ROLE_CONFIRM : HG_ROLE_BASELINE;
    *point = s->out->winner;
    if (is_baseline) /* nothing to set beside it: once more at the end, for the drift */
        return s->out->trials[s->out->count - 1].role != HG_ROLE_BASELINE;
    *point = of_winner ? s->out->winner : q->space->baseline;
    return of_winner ? s->confirms < q->repeats : true;
}

/* The turns: the i-th of the winner beside the i-th of the baseline after it. */
static void compare(session *s)
{
    hg_session_result *out = s->out;
    const hg_trial *turn = NULL;
    double sums[2] = { 0, 0 }, ln = 0;
    size_t turns = 0;
    out->pairs = HG_NEW(s->arena, double, out->count + 1);
    for (size_t i = 0; i < out->count; i++) {
        const hg_trial *t = &out->trials[i];
        if (t->role == HG_ROLE_EXPLORE) { /* turns before it were those of an earlier end */
            out->pair_count = turns = 0;
            sums[0] = sums[1] = ln = 0;
        } else if (t->role == HG_ROLE_CONFIRM) {
            turn = t;
            turns++;
        } else if (turn && t->role == HG_ROLE_BASELINE) {
            double a = hg_trial_score(turn, s->ask->objective), b = hg_trial_score(t, s->ask->objective);
            if (turn->outcome == HG_TRIAL_OK && hg_outcome_measured(t->outcome) && a > 0 && b > 0) {
                out->pairs[out->pair_count++] = log(a / b);
                ln += log(a / b);
                sums[0] += a;
                sums[1] += b;
            }
            turn = NULL;
        }
    }
    double n = (double)out->pair_count;
    out->gain_frac = n > 0 ? expm1(ln / n) : NAN;
    out->winner_score = n > 0 ? sums[0] / n : NAN;
    out->baseline_score = n > 0 ? sums[1] / n : NAN;
    out->confirmed = out->pair_count == s->ask->repeats && turns == out->pair_count;
    for (size_t i = 0; i < out->pair_count; i++)
        out->confirmed &= out->pairs[i] > 0;
}

bool hg_session_run(hg_arena *arena, const hg_session *q, hg_session_result *out, hg_err *err)
{
    session s = { .ask = q, .arena = arena, .out = out, .best = NAN, .peeked = q->space->points, .tuner = hg_tuner_new(arena, q->space, q->strategy, q->seed) };
    *out = (hg_session_result){ .baseline = q->space->baseline, .winner = q->space->points };
    size_t point;
    hg_trial_role role;
    hg_trial t;
    if (!take_up(&s, err))
        return false;
    while (next(&s, &point, &role)) {
        if (all_failed_alike(&s) || (q->stopped && q->stopped(q->ctx))) {
            out->end = all_failed_alike(&s) ? HG_SESSION_ALIKE : HG_SESSION_STOPPED;
            break;
        }
        if (!run_one(&s, point, role, &t, err))
            return false;
        if (t.outcome == HG_TRIAL_STOPPED) {
            out->end = HG_SESSION_STOPPED;
            break;
        }
    }
    compare(&s);
    return true;
}

#include "api/tune_launch.h"

#include "base/units.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const char *seconds(hg_arena *arena, double s)
{
    char text[32];
    return isfinite(s) ? hg_strdup(arena, hg_format(text, sizeof text, s, HG_SECONDS)) : "-";
}

static const char *score_text(hg_arena *arena, const hg_tune *t, double score)
{
    return isfinite(score) ? hg_textf(arena, "%s %s", hg_figures(arena, score, 3), hg_aim_units[t->aim]) : "-";
}

const char *hg_tune_trial_line(hg_arena *arena, const hg_tune *t, const hg_trial *trial)
{
    const char *point = hg_tune_point_text(arena, &t->knobs, &t->space, trial->point);
    bool measured = hg_outcome_measured(trial->outcome);
    const char *what = measured ? score_text(arena, t, hg_trial_score(trial, t->aim)) : hg_outcome_words[trial->outcome];
    return hg_textf(arena, "%s: %s%s%s%s%s", point, what, measured && trial->outcome != HG_TRIAL_OK ? ", " : "",
                    measured && trial->outcome != HG_TRIAL_OK ? hg_outcome_words[trial->outcome] : "", trial->why ? ": " : "",
                    trial->why ? trial->why : "");
}

const char *hg_tune_launch(hg_arena *arena, const hg_tune *t, size_t point)
{
    enum { PORT = 8000 }; /* the user's to choose */
    return hg_adapter_text(arena, hg_adapter_argv(arena, &t->adapter, &t->knobs, &t->space, point, t->runner.port ? t->runner.port : PORT));
}

static const char *each_text(hg_arena *arena, const hg_tune *t)
{
    const hg_live_load *l = &t->bench.load;
    const char *load = hg_bench_load_text(arena, &t->bench);
    return l->requests ? hg_textf(arena, "%zu requests (%s)", l->requests, load) : hg_textf(arena, "%s of load (%s)", seconds(arena, l->duration_s), load);
}

static size_t live_knobs(const hg_tune *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->knobs.count; i++)
        n += t->knobs.list[i].live_path != NULL;
    return n;
}

const char *hg_tune_cost(hg_arena *arena, const hg_tune *t)
{
    const char *limit = t->seconds > 0 ? hg_textf(arena, " within about %g min,", t->seconds / 60) : "";
    const char *most = t->trials == HG_TUNE_MANY && t->seconds > 0 ? "as many trials as fit" : hg_textf(arena, "at most %zu trials", t->trials);
    return hg_textf(arena, "%s%s of %zu settings; each launches the server%s, sends two small requests and %s; the last %zu are turns of winner and "
                    "baseline", most, limit, t->space.points, live_knobs(t) ? " (or changes it live)" : "", each_text(arena, t), 2 * t->repeats);
}

static void knob_lines(hg_buf *b, const hg_tune *t)
{
    for (size_t i = 0; i < t->knobs.count; i++) {
        const hg_tune_knob *k = &t->knobs.list[i];
        hg_buf_printf(b, "  %-18s", k->name);
        for (size_t v = 0; v < k->count; v++)
            hg_buf_printf(b, " %s%s", k->values[v], v == t->space.at[t->space.baseline][i] ? "*" : "");
        hg_buf_printf(b, "%s\n", k->live_path ? hg_textf(b->arena, "   live, POST %s", k->live_path) : "   restart");
    }
}

const char *hg_tune_dry_text(hg_ask *a, const hg_tune *t)
{
    hg_buf b = { .arena = a->arena };
    hg_buf_printf(&b, "%s, to maximise %s%s%s\n\nKnobs (* the baseline):\n", t->adapter.title, hg_aim_units[t->aim], t->bench.slo.count ? " while " : "",
                  t->bench.slo.count ? hg_slo_text(a->arena, &t->bench.slo) : "");
    knob_lines(&b, t);
    hg_buf_printf(&b, "\nThe baseline would be launched so:\n  %s\n", hg_tune_launch(a->arena, t, t->space.baseline));
    hg_tune_bill bill;
    hg_tune_bill_of(a, t, &bill);
    const char *money = hg_tune_money_text(a, t, &bill);
    hg_buf_printf(&b, "\nTrials: %s.\nTime: %s.\n", hg_tune_cost(a->arena, t), hg_tune_time_text(a, t, &bill));
    if (money)
        hg_buf_printf(&b, "Cost: %s.\n", money);
    hg_buf_printf(&b, "Strategy: %s%s, seed %" PRIu64 ".  Trials would be kept in %s, logs and runs in %s.\n", hg_strategy_names[t->strategy],
                  t->space.prior ? ", with heng's model as the prior" : "", t->seed, t->path, t->folder);
    hg_buf_puts(&b, "\nNothing was launched.\n");
    return b.s;
}

static void trial_rows(hg_buf *b, hg_arena *arena, const hg_tune *t)
{
    size_t wide = strlen("settings");
    for (size_t i = 0; i < t->result.count; i++) {
        size_t n = strlen(hg_tune_point_text(arena, &t->knobs, &t->space, t->result.trials[i].point));
        wide = n > wide ? n : wide;
    }
    hg_buf_printf(b, "%5s  %-8s  %-*s  %*s  %9s  %9s  %s\n", "trial", "", (int)wide, "settings", (int)strlen(hg_aim_units[t->aim]), hg_aim_units[t->aim],
                  "TTFT p90", "TPOT p90", "outcome");
    for (size_t i = 0; i < t->result.count; i++) {
        const hg_trial *x = &t->result.trials[i];
        double score = hg_outcome_measured(x->outcome) ? hg_trial_score(x, t->aim) : NAN;
        hg_buf_printf(b, "%5" PRId64 "  %-8s  %-*s  %*s  %9s  %9s  %s%s%s\n", x->id, hg_role_words[x->role], (int)wide,
                      hg_tune_point_text(arena, &t->knobs, &t->space, x->point), (int)strlen(hg_aim_units[t->aim]),
                      isfinite(score) ? hg_figures(arena, score, 3) : "-", seconds(arena, x->ttft_p90_s), seconds(arena, x->tpot_p90_s),
                      hg_outcome_words[x->outcome], x->why ? ": " : "", x->why ? x->why : "");
    }
}

static void verdict(hg_buf *b, hg_arena *arena, const hg_tune *t)
{
    const hg_session_result *r = &t->result;
    const char *best = r->winner == t->space.points ? NULL : hg_tune_point_text(arena, &t->knobs, &t->space, r->winner);
    if (!best) {
        hg_buf_puts(b, "\nNo setting was good: none was measured that keeps what is asked.\n");
        return;
    }
    if (r->winner == r->baseline) {
        hg_buf_printf(b, "\nThe baseline is the best of what was tried: %s\n", best);
        return;
    }
    hg_buf_printf(b, "\nBest: %s\n", best);
    if (r->pair_count == 0) {
        hg_buf_puts(b, "It was not set beside the baseline again: not confirmed.\n");
        return;
    }
    double lo = INFINITY, hi = -INFINITY;
    for (size_t i = 0; i < r->pair_count; i++) {
        lo = fmin(lo, r->pairs[i]);
        hi = fmax(hi, r->pairs[i]);
    }
    hg_buf_printf(b, "%s against %s of the baseline in turns: %+.1f %% (turn by turn %+.1f %% to %+.1f %%)\n", score_text(arena, t, r->winner_score),
                  score_text(arena, t, r->baseline_score), 100 * r->gain_frac, 100 * expm1(lo), 100 * expm1(hi));
    hg_buf_puts(b, r->confirmed ? "Confirmed: better in every turn.\n" : "NOT confirmed: not better in every turn; what is measured may be noise, keep the baseline.\n");
}

/* Every run says what its server was, as far as that is known. */
static void calibrate_line(hg_buf *b, hg_ask *a, const hg_tune *t)
{
    const hg_session_result *r = &t->result;
    size_t runs = 0;
    for (size_t i = 0; i < r->count; i++)
        runs += hg_outcome_measured(r->trials[i].outcome);
    if (runs && (t->adapter.table.engine || t->adapter.modelled_as))
        hg_buf_printf(b, "\nThe runs, for heng's own predictions:\n  heng calibrate serving %s/*.json%s -o own.json\n", t->folder, hg_tune_facts_open(a));
}

const char *hg_tune_text(hg_ask *a, const hg_tune *t)
{
    const hg_session_result *r = &t->result;
    hg_buf b = { .arena = a->arena };
    double spent_s = 0;
    for (size_t i = 0; i < r->count; i++)
        spent_s += isfinite(r->trials[i].took_s) ? r->trials[i].took_s : 0;
    hg_buf_printf(&b, "%s: %zu trials in %s\n\n", t->adapter.title, r->count, seconds(a->arena, spent_s));
    trial_rows(&b, a->arena, t);
    if (r->end == HG_SESSION_ALIKE)
        return b.s;
    verdict(&b, a->arena, t);
    if (r->end == HG_SESSION_STOPPED)
        hg_buf_printf(&b, "Stopped before the end: 'heng tune --resume%s%s' goes on.\n", a->s.store.s ? " --store " : "", a->s.store.s ? a->s.store.s : "");
    size_t shown = r->winner != t->space.points && (r->confirmed || r->winner == r->baseline || r->pair_count == 0) ? r->winner : r->baseline;
    if (r->winner != t->space.points)
        hg_buf_printf(&b, "\nLaunch%s:\n  %s\n", shown == r->baseline && r->winner != r->baseline ? " (the baseline)" : "", hg_tune_launch(a->arena, t, shown));
    calibrate_line(&b, a, t);
    return b.s;
}

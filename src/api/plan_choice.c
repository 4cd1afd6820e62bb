#include "api/plan_choice.h"

#include "api/plan_day.h"
#include "api/plan_history.h"

#include "base/text.h"

#include <math.h>
#include <string.h>

enum { TOP_N = 5, WORDS_MOST = 16 };

/* "a,b" as words of their own; a path is one word. */
static size_t split(hg_ask *a, const hg_text_word *w, hg_text_word *out)
{
    size_t n = 0;
    out[n++] = *w;
    if (!w->s || strchr(w->s, '/'))
        return n;
    char *text = hg_strdup(a->arena, w->s);
    out[0].s = text;
    for (char *comma; n < WORDS_MOST && (comma = strchr(text, ',')); text = comma + 1) {
        *comma = 0;
        out[n++] = (hg_text_word){ comma + 1, w->where };
    }
    return n;
}

static bool whole_words(hg_ask *a, const hg_text_word *words, size_t n)
{
    for (size_t i = 0; n > 1 && i < n; i++) {
        if (!*words[i].s || strchr(words[i].s, ','))
            return hg_fail(&a->err, HG_INPUT, words[i].where, "is no list of 1 to %d names with commas between", WORDS_MOST);
        for (size_t k = 0; k < i; k++)
            if (strcmp(words[i].s, words[k].s) == 0)
                return hg_fail(&a->err, HG_INPUT, words[i].where, "names '%.40s' twice", words[i].s);
    }
    return true;
}

/* A name that nobody knows is a slip, not a choice that cannot be had. */
static bool all_known(hg_ask *a, const hg_text_word *devices, size_t n, const hg_text_word *engines, size_t m)
{
    hg_device *d = HG_NEW(a->arena, hg_device, 1);
    hg_engine *e = HG_NEW(a->arena, hg_engine, 1);
    for (size_t i = 0; i < n; i++)
        if (devices[i].s && !hg_device_find(a->arena, &a->data, devices[i].s, d, &a->err))
            return false;
    for (size_t i = 0; i < m; i++)
        if (engines[i].s && !hg_engine_find(a->arena, &a->data, engines[i].s, NULL, e, &a->err))
            return false;
    return true;
}

bool hg_choices_list(hg_ask *a, hg_choice **out, size_t *count)
{
    hg_text_word devices[WORDS_MOST], engines[WORDS_MOST];
    size_t n = split(a, &a->s.device, devices), m = split(a, &a->s.engine, engines);
    if (!whole_words(a, devices, n) || !whole_words(a, engines, m))
        return false;
    if (m > 1 && a->s.engine_version.s)
        return hg_fail(&a->err, HG_INPUT, a->s.engine_version.where, "is of one engine, and --engine names %zu; leave it out", m);
    if (n * m > 1 && !all_known(a, devices, n, engines, m))
        return false;
    *out = HG_NEW(a->arena, hg_choice, n * m);
    *count = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < m; k++)
            (*out)[(*count)++] = (hg_choice){ .device = devices[i], .engine = engines[k] };
    return true;
}

static int threads(const hg_ask *a)
{
    return a->s.threads.n ? (int)a->s.threads.v[0] : 0;
}

static bool ask(hg_ask *a, const hg_fixed_launch *fixed, const hg_scene_files *files, hg_choice *c)
{
    hg_problem *p = c->problem = HG_NEW(a->arena, hg_problem, 1);
    hg_plan *plan = &c->plan;
    a->s.device = c->device;
    a->s.engine = c->engine;
    if (files->count)
        hg_scene_words(a, &files->list[0]);
    if (!hg_ask_problem(a, HG_LENGTHS_NEEDED, p) || !hg_ask_fix_fraction(a, p, fixed) || !hg_ask_knobs(a, p, &plan->knobs) ||
        !hg_ask_k8s(a, &plan->k8s) || !hg_ask_rate_list(a, plan) || !hg_ask_priced(a, p) || !hg_plan_goal(a, p, &c->goal) ||
        !hg_plan_space(a, p, &c->space, &c->goal))
        return false;
    p->stop = a->io->stop;
    return hg_ask_confidence(a, p) && (files->count || hg_plan_recall(a, &c->goal, plan)) && hg_scenes_ask(a, files, p, &c->goal, &c->space, &c->scenes);
}

/* How many engines each of --rates needs. */
static bool take_rates(hg_ask *a, hg_choice *c)
{
    const int64_t *counts;
    size_t n = hg_plan_engine_counts(a->arena, &a->s, &counts);
    return hg_plan_rates(a, &c->goal, counts, n, a->s.total_gpus.n ? c->space.total_devices : 0, threads(a), &c->plan);
}

static bool look(hg_ask *a, const hg_fixed_launch *fixed, const hg_scene_files *files, hg_choice *c)
{
    size_t top_n = a->s.top_n.n ? (size_t)a->s.top_n.v[0] : TOP_N;
    if (!ask(a, fixed, files, c))
        return false;
    if (hg_scenes_take_bests(a, &c->scenes, &c->space, threads(a), &c->plan))
        hg_plan_search(a, &c->scenes, &c->space, top_n, threads(a), &c->plan);
    if (c->plan.found)
        c->goal = c->scenes.list[c->plan.top[0].scene].goal;
    return take_rates(a, c);
}

/* ---- which is best ---- */

static double usd_per_h(const hg_choice *c)
{
    return c->plan.top_count ? 3600 * c->problem->price_usd_per_s * (double)hg_point_devices(&c->plan.top[0]) : 0;
}

static bool ok(const hg_choice *c)
{
    return c->problem && c->err.code == HG_DONE;
}

static bool all_priced(const hg_choice *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (ok(&list[i]) && list[i].plan.found && !(list[i].problem->price_usd_per_s > 0))
            return false;
    return true;
}

/* Of the loads of --rates, or of a day, the GPU-hours (or USD) of them all; INFINITY: one of them cannot be served. */
static double spent_on_rates(const hg_choice *c, bool by_cost)
{
    const hg_plan *p = &c->plan;
    double sum = 0;
    for (size_t i = 0; i < p->rate_count; i++)
        if (!p->rates[i].kept)
            return INFINITY;
    if (p->day.count)
        sum = hg_day_sum_of(p).gpu_hours;
    for (size_t i = 0; i < p->rate_count && !p->day.count; i++)
        sum += (double)hg_rate_devices(p, &p->rates[i]);
    return sum * (by_cost ? 3600 * c->problem->price_usd_per_s : 1);
}

/* What higher is better of: the score; of --rates what serving them takes; under a load that devices decide what they cost,
 * where all have a price. */
static double worth(const hg_choice *c, bool by_cost)
{
    if (!c->plan.found)
        return 0;
    if (c->plan.rate_count)
        return 1 / spent_on_rates(c, by_cost);
    return by_cost && c->plan.fewest ? 1 / usd_per_h(c) : c->plan.top[0].score;
}

static bool decided_by_cost(const hg_choice *best, bool priced)
{
    return priced && (best->plan.fewest || best->plan.rate_count);
}

static hg_choice *best_of(hg_choice *list, size_t count, bool by_cost)
{
    hg_choice *best = NULL;
    for (size_t i = 0; i < count; i++) {
        hg_choice *c = &list[i];
        if (!ok(c))
            continue;
        bool nearer = best && !best->plan.found && !c->plan.found && c->plan.top_count && !best->plan.top_count;
        if (!best || worth(c, by_cost) > worth(best, by_cost) || nearer)
            best = c;
    }
    return best;
}

static const char *rates_text(hg_arena *arena, const hg_choice *c)
{
    double spent = spent_on_rates(c, false);
    const char *unit = c->plan.day.count ? "GPU-hours a day" : "GPUs over all loads";
    return isfinite(spent) ? hg_textf(arena, "%s %s", hg_figures(arena, spent, 3), unit) : "cannot serve all loads";
}

static void compare(hg_ask *a, const hg_choice *list, size_t count, hg_choice *best, bool by_cost)
{
    hg_plan *out = &best->plan;
    hg_choice_row *rows = HG_NEW(a->arena, hg_choice_row, count);
    out->choices = rows;
    out->choice_count = count;
    out->by_cost = by_cost;
    out->considered = out->infeasible = out->pruned = out->simulated = out->alike = 0;
    for (size_t i = 0; i < count; i++) {
        const hg_choice *c = &list[i];
        const hg_plan *p = &c->plan;
        rows[i] = (hg_choice_row){ .device = c->device.s, .engine = c->engine.s ? c->engine.s : "vllm", .found = p->found, .chosen = c == best };
        if (!ok(c)) {
            rows[i].reason = c->problem ? hg_textf(a->arena, "%s %s", c->err.where, c->err.msg) : "interrupted before it was looked at";
            continue;
        }
        out->considered += p->considered;
        out->infeasible += p->infeasible;
        out->pruned += p->pruned;
        out->simulated += p->simulated;
        out->alike += p->alike;
        if (p->top_count) {
            rows[i].best = &p->top[0];
            rows[i].usd_per_h = usd_per_h(c);
            rows[i].score_text = p->found && p->rate_count ? rates_text(a->arena, c) : p->found && !p->fewest ? hg_goal_text(a->arena, &c->goal, (double)hg_point_devices(&p->top[0]), &p->top[0].metrics) : NULL;
        }
    }
}

static bool says_load(const hg_scenario *s)
{
    return s->rate.given || s->concurrency.n || s->replay.v || s->arrivals.s;
}

/* What could not be searched is said where something could. */
static void say_failed(hg_ask *a, const hg_choice *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].err.code != HG_DONE)
            hg_note(a, hg_textf(a->arena, "%s with %s: %s %s", list[i].device.s ? list[i].device.s : "no device",
                                list[i].engine.s ? list[i].engine.s : "vllm", list[i].err.where, list[i].err.msg));
}

hg_choice *hg_choices_search(hg_ask *a, const hg_fixed_launch *fixed, const hg_scene_files *files, hg_choice *list, size_t count)
{
    if (count > 1 && files->count && !says_load(&files->list[0].words)) {
        hg_fail(&a->err, HG_INPUT, a->s.scenarios.where, "measures each device by its own best; ask for one device and engine, or give the files loads");
        return NULL;
    }
    for (size_t i = 0; i < count && (i == 0 || !hg_stopped(a)); i++) {
        a->err = (hg_err){ 0 };
        if (!look(a, fixed, files, &list[i]))
            list[i].err = a->err;
    }
    bool priced = count > 1 && all_priced(list, count);
    hg_choice *best = best_of(list, count, priced);
    if (!best) {
        a->err = list[0].err;
        return NULL;
    }
    say_failed(a, list, count);
    a->err = (hg_err){ 0 };
    a->s.device = best->device;
    a->s.engine = best->engine;
    if (files->count)
        hg_scene_words(a, &files->list[best->plan.found ? best->plan.top[0].scene : 0]);
    if (count > 1)
        compare(a, list, count, best, decided_by_cost(best, priced));
    return best;
}

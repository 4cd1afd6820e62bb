#include "api/plan_choice.h"

#include "api/plan_history.h"

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

bool hg_choices_list(hg_ask *a, hg_choice **out, size_t *count)
{
    hg_text_word devices[WORDS_MOST], engines[WORDS_MOST];
    size_t n = split(a, &a->s.device, devices), m = split(a, &a->s.engine, engines);
    if (!whole_words(a, devices, n) || !whole_words(a, engines, m))
        return false;
    if (m > 1 && a->s.engine_version.s)
        return hg_fail(&a->err, HG_INPUT, a->s.engine_version.where, "is of one engine, and --engine names %zu; leave it out", m);
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

static bool look(hg_ask *a, const hg_fixed_launch *fixed, const hg_scene_files *files, hg_choice *c)
{
    size_t top_n = a->s.top_n.n ? (size_t)a->s.top_n.v[0] : TOP_N;
    if (!ask(a, fixed, files, c))
        return false;
    if (hg_scenes_take_bests(a, &c->scenes, &c->space, threads(a), &c->plan))
        hg_plan_search(a, &c->scenes, &c->space, top_n, threads(a), &c->plan);
    if (c->plan.found)
        c->goal = c->scenes.list[c->plan.top[0].scene].goal;
    return true;
}

/* ---- which is best ---- */

static double usd_per_h(const hg_choice *c)
{
    return c->plan.top_count ? 3600 * c->problem->price_usd_per_s * (double)hg_point_devices(&c->plan.top[0]) : 0;
}

/* Under the user's own load, where all that keep the promise have a price. */
static bool costs_decide(const hg_choice *list, size_t count)
{
    bool loaded = false;
    for (size_t i = 0; i < count; i++)
        if (list[i].plan.found && !(list[i].problem->price_usd_per_s > 0))
            return false;
        else
            loaded |= list[i].plan.found && list[i].plan.load_given;
    return loaded && count > 1;
}

/* Under a given load a score is of GPUs: where they are of several kinds and all have a price, of what they cost. */
static double worth(const hg_choice *c, bool by_cost)
{
    if (!c->plan.found)
        return 0;
    return by_cost ? 1 / usd_per_h(c) : c->plan.top[0].score;
}

static hg_choice *best_of(hg_choice *list, size_t count, bool by_cost)
{
    hg_choice *best = NULL;
    for (size_t i = 0; i < count; i++) {
        hg_choice *c = &list[i];
        if (c->err.code != HG_DONE || !c->problem)
            continue;
        bool nearer = best && !best->plan.found && !c->plan.found && c->plan.top_count && !best->plan.top_count;
        if (!best || worth(c, by_cost) > worth(best, by_cost) || nearer)
            best = c;
    }
    return best;
}

static void compare(hg_ask *a, const hg_choice *list, size_t count, const hg_choice *best, bool by_cost)
{
    hg_plan *out = (hg_plan *)&best->plan;
    hg_choice_row *rows = HG_NEW(a->arena, hg_choice_row, count);
    out->choices = rows;
    out->choice_count = count;
    out->by_cost = by_cost;
    out->considered = out->infeasible = out->pruned = out->simulated = out->alike = 0;
    for (size_t i = 0; i < count; i++) {
        const hg_choice *c = &list[i];
        const hg_plan *p = &c->plan;
        rows[i] = (hg_choice_row){ .device = c->device.s, .engine = c->engine.s ? c->engine.s : "vllm", .found = p->found, .chosen = c == best };
        if (c->err.code != HG_DONE || !c->problem) {
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
            rows[i].score_text = p->found && !p->load_given ? hg_goal_text(a->arena, &c->goal, (double)hg_point_devices(&p->top[0]), &p->top[0].metrics) : NULL;
        }
    }
}

hg_choice *hg_choices_search(hg_ask *a, const hg_fixed_launch *fixed, const hg_scene_files *files, hg_choice *list, size_t count)
{
    for (size_t i = 0; i < count && (i == 0 || !hg_stopped(a)); i++)
        if (!look(a, fixed, files, &list[i])) {
            list[i].err = a->err;
            if (count > 1)
                hg_note(a, hg_textf(a->arena, "%s with %s: %s %s", list[i].device.s ? list[i].device.s : "no device",
                                    list[i].engine.s ? list[i].engine.s : "vllm", a->err.where, a->err.msg));
        }
    bool by_cost = costs_decide(list, count);
    hg_choice *best = best_of(list, count, by_cost);
    if (!best)
        return NULL;
    a->err = (hg_err){ 0 };
    a->s.device = best->device;
    a->s.engine = best->engine;
    if (files->count)
        hg_scene_words(a, &files->list[best->plan.found ? best->plan.top[0].scene : 0]);
    if (count > 1)
        compare(a, list, count, best, by_cost);
    return best;
}

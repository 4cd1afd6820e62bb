#include "api/fix_launch.h"
#include "api/plan_choice.h"
#include "api/plan_history.h"

#include <string.h>
#include <time.h>

static hg_code give(hg_ask *a, const hg_plan *plan)
{
    const char *word = a->s.model.s;
    if (a->s.output.s) {
        if (!hg_plan_write(a->arena, plan, word, a->s.output.s, a->s.force.v, &a->err))
            return a->err.code;
        hg_note(a, hg_textf(a->arena, "wrote %s (report.html opens in a browser)", a->s.output.s));
        a->s.output.s = NULL;
    }
    const char *text = a->s.json.v ? hg_plan_json(a->arena, plan, word) : hg_plan_text(a->arena, plan, word);
    hg_code code = hg_answer(a, text, strlen(text));
    return code != HG_DONE ? code : plan->found ? HG_DONE : HG_NO;
}

static double seconds_since(const struct timespec *start)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    return (double)(end.tv_sec - start->tv_sec) + 1e-9 * (double)(end.tv_nsec - start->tv_nsec);
}

static hg_code run(hg_ask *a)
{
    struct timespec start;
    hg_choice *list, *best;
    size_t count;
    hg_fixed_launch fixed;
    hg_scene_files files;
    hg_lang lang;
    clock_gettime(CLOCK_MONOTONIC, &start);
    if (!hg_ask_lang(a, &lang) || !hg_ask_no_inputs(a) || !hg_ask_fix_launch(a, &fixed) || !hg_scene_files_read(a, &files) ||
        !hg_choices_list(a, &list, &count) || !(best = hg_choices_search(a, &fixed, &files, list, count)))
        return a->err.code;
    hg_plan *plan = &best->plan;
    plan->lang = lang;
    plan->asked = &a->s;
    hg_plan_explain(a, &best->goal, &best->space, plan);
    plan->elapsed_s = seconds_since(&start);
    hg_err lost;
    bool kept = hg_plan_keep(a, &best->goal, plan, &lost);
    hg_code code = give(a, plan);
    if (kept || code == HG_WORLD || code == HG_INPUT)
        return code;
    a->err = lost; /* the answer is given all the same */
    return lost.code;
}

const hg_verb hg_verb_plan = {
    "plan", "heng plan --model M --device D --workload W --slo S [--total-gpus N] [-o DIR]",
    "which deployment? a recommendation with its reasons, alternatives, Pareto front, launch files", run
};

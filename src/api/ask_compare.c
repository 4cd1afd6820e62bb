#include "api/compare.h"

static bool all_deployments(hg_ask *a)
{
    for (size_t i = 0; i < a->s.input_count; i++)
        if (!hg_compared_is(a, a->s.inputs[i]))
            return false;
    return true;
}

static hg_code run(hg_ask *a)
{
    size_t n = a->s.input_count;
    if (n < 2)
        return hg_refuse(a, "compare", "takes two files or more: results of benchmarks, or what 'heng simulate --json' and 'heng plan --json' "
                         "wrote; or deployments: scenarios (.yaml) and plan.json of 'heng plan -o'");
    if (all_deployments(a))
        return hg_compare_deployments(a, a->s.inputs, n);
    if (a->s.lang.s)
        return hg_refuse(a, a->s.lang.where, "is for deployments (.yaml, plan.json); results of benchmarks are compared in figures");
    hg_results *sides = HG_NEW(a->arena, hg_results, n);
    for (size_t i = 0; i < n; i++)
        if (!hg_results_read(a->arena, a->s.inputs[i], &sides[i], &a->err))
            return a->err.code;
    return hg_compare_results(a, sides, n);
}

const hg_verb hg_verb_compare = {
    "compare", "heng compare A B [C …] [--json]", "how do these results differ, definitions made one, and is it more than noise? deployments: which word, and which part of a step, explains what", run
};

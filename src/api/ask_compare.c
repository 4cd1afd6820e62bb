#include "api/compare.h"

/* A YAML file that is no report of a benchmark is a scenario. */
static bool is_scenario(hg_ask *a, const char *path)
{
    hg_err none;
    hg_results report;
    hg_arena scratch = *a->arena;
    return (hg_ends(path, ".yaml") || hg_ends(path, ".yml")) && !hg_results_read(&scratch, path, &report, &none);
}

static hg_code run(hg_ask *a)
{
    size_t n = a->s.input_count;
    if (n < 2)
        return hg_refuse(a, "compare", "takes two files or more: results of benchmarks, or what 'heng simulate --json' and 'heng plan --json' "
                         "wrote; or two scenarios (.yaml)");
    if (n == 2 && is_scenario(a, a->s.inputs[0]) && is_scenario(a, a->s.inputs[1]))
        return hg_compare_deployments(a, a->s.inputs[0], a->s.inputs[1]);
    hg_results *sides = HG_NEW(a->arena, hg_results, n);
    for (size_t i = 0; i < n; i++)
        if (!hg_results_read(a->arena, a->s.inputs[i], &sides[i], &a->err))
            return a->err.code;
    return hg_compare_results(a, sides, n);
}

const hg_verb hg_verb_compare = {
    "compare", "heng compare A B [C …] [--json]", "how do these results differ, definitions made one, and is it more than noise? two scenarios: which word explains what", run
};

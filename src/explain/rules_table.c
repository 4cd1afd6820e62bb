/* Rules for any engine: settings against its knob table, and against those of the others. */
#include "explain/rules.h"

#include <string.h>

static const hg_setting *first_setting(const hg_lint *x)
{
    return x->launch->settings.count ? x->launch->settings.list : NULL;
}

static const hg_setting *next_setting(const hg_lint *x, const hg_setting *t)
{
    const hg_settings *s = &x->launch->settings;
    return t + 1 < s->list + s->count ? t + 1 : NULL;
}

#define EACH_SETTING(t) for (const hg_setting *t = first_setting(x); t; t = next_setting(x, t))

static void instead(hg_lint *x, const char *text)
{
    x->found[x->count - 1].instead = text;
}

/* ---- against the table ---- */

static const char *suggestion(hg_lint *x, const hg_setting *t)
{
    return hg_knob_suggest(*x->arena, x->launch->knobs, t->name, *t->name == '-');
}

/* ---- another engine's ---- */

/* Words that say one thing two ways, where an engine has only the other. */
static const char *const akin[][2] = {
    { "prefix_caching", "no_prefix_caching" },
    { "no_prefix_caching", "prefix_caching" },
    { "chunked_prefill", "max_num_batched_tokens" },
    { "dp_attention", "dp" },
};

/* What this engine has for another's knob; NULL: nothing that heng knows. */
static const hg_engine_knob *equivalent(const hg_engine_knobs *k, const hg_engine_knob *other)
{
    const hg_engine_knob *found = other->word ? hg_knob_of_word(k, other->word) : NULL;
    for (size_t i = 0; !found && other->word && i < sizeof akin / sizeof *akin; i++)
        if (strcmp(akin[i][0], other->word) == 0)
            found = hg_knob_of_word(k, akin[i][1]);
    return found;
}

/* The first other engine that has a setting of this name, best one with an equivalent here. */
static const hg_engine_knobs *whose(const hg_lint *x, const hg_setting *t,
                                    const hg_engine_knob **its)
{
    const hg_launch_text *l = x->launch;
    const hg_engine_knobs *found = NULL;
    for (size_t i = 0; !t->knob && i < l->other_count; i++) {
        const hg_engine_knobs *k = &l->others[i];
        const hg_engine_knob *knob =
            *t->name == '-' ? hg_knob_flagged(k, t->name) : hg_knob_keyed(k, t->name);
        if (!knob && hg_starts(t->name, "--no-"))
            knob = hg_knob_flagged(k, hg_textf(x->arena, "--%s", t->name + 5));
        if (!knob || (found && (equivalent(l->knobs, *its) || !equivalent(l->knobs, knob))))
            continue;
        found = k;
        *its = knob;
    }
    return found;
}

static bool is_foreign(const hg_lint *x, const hg_setting *t)
{
    const hg_engine_knob *its;
    return whose(x, t, &its) != NULL;
}

static const char *here_called(hg_lint *x, const hg_engine_knobs *k, const hg_engine_knob *its,
                               const hg_engine_knob *ours)
{
    bool other_way = its->word && ours->word && strstr(its->word, "prefix_caching") &&
                     strcmp(its->word, ours->word) != 0;
    bool fraction = its->word && strcmp(its->word, "gpu_memory_utilization") == 0 &&
                    k->fraction_of != x->launch->knobs->fraction_of;
    return hg_textf(x->arena, "%s%s", hg_knob_name(ours),
                    fraction    ? ", a fraction of something else: not the same number"
                    : other_way ? ", which says the opposite"
                                : "");
}

/* Without an equivalent the engine may have it yet: heng's tables are not whole. */
void hg_check_foreign_flag(hg_lint *x)
{
    EACH_SETTING(t)
    {
        const hg_engine_knob *its, *ours;
        const hg_engine_knobs *k = whose(x, t, &its);
        if (!k)
            continue;
        ours = equivalent(x->launch->knobs, its);
        hg_lint_find(x, t, "%.80s is of %s, and this starts %s", t->name, k->engine,
                     x->launch->knobs->engine);
        if (ours)
            instead(x, here_called(x, k, its, ours));
        else
            x->found[x->count - 1].level = HG_LINT_NOTE;
    }
}

void hg_check_unknown_flag(hg_lint *x)
{
    bool strict = x->launch->knobs->strict;
    EACH_SETTING(t)
    {
        if (t->knob || is_foreign(x, t) || suggestion(x, t))
            continue;
        hg_lint_find(x, t, "%.80s is not in heng's table of %s %s%s", t->name,
                     x->launch->knobs->engine, x->launch->knobs->version,
                     strict && t->file ? ", and the engine refuses a file with an unknown key"
                                       : "");
        if (strict && t->file)
            x->found[x->count - 1].level = HG_LINT_WARNING;
    }
}

void hg_check_misspelt_flag(hg_lint *x)
{
    EACH_SETTING(t)
    {
        const char *near = t->knob || is_foreign(x, t) ? NULL : suggestion(x, t);
        if (!near)
            continue;
        hg_lint_find(x, t, "%.80s is not known", t->name);
        instead(x, hg_textf(x->arena, "%s", near));
    }
}

void hg_check_gone_flag(hg_lint *x)
{
    EACH_SETTING(t)
    {
        if (!t->knob || hg_knob_state_of(x->launch->knobs, t->knob) != HG_KNOB_GONE)
            continue;
        hg_lint_find(x, t, "%.80s is gone since %s", t->name, t->knob->until);
        const char *dashes = *t->name == '-' ? "--" : "";
        if (t->knob->renamed_to)
            instead(x, hg_textf(x->arena, "%s%s", dashes, t->knob->renamed_to));
        else if (t->knob->note)
            instead(x, t->knob->note);
    }
}

/* Where the new name is of this version too. */
void hg_check_renamed_flag(hg_lint *x)
{
    const hg_engine_knobs *k = x->launch->knobs;
    EACH_SETTING(t)
    {
        const char *name = t->knob ? t->knob->renamed_to : NULL;
        const hg_engine_knob *now = name ? hg_knob_keyed(k, name) : NULL;
        if (!now || hg_knob_state_of(k, t->knob) != HG_KNOB_FITS ||
            hg_knob_state_of(k, now) != HG_KNOB_FITS)
            continue;
        hg_lint_find(x, t, "%.80s is an old name", t->name);
        instead(x, hg_knob_name(now));
    }
}

void hg_check_future_flag(hg_lint *x)
{
    EACH_SETTING(t)
    if (t->knob && hg_knob_state_of(x->launch->knobs, t->knob) == HG_KNOB_NOT_YET)
        hg_lint_find(x, t, "%.80s came with %s; this is %s", t->name, t->knob->since,
                     x->launch->knobs->version);
}

void hg_check_bad_value(hg_lint *x)
{
    EACH_SETTING(t)
    {
        char why[256];
        bool part =
            t->knob && t->knob->type == HG_KNOB_JSON && strchr(t->name, '.') && *t->name == '-';
        if (t->knob && !part && !hg_knob_takes(t->knob, t->value, why, sizeof why))
            hg_lint_find(x, t, "%.80s %s", t->name, why);
    }
}

static bool same_value(const hg_setting *a, const hg_setting *b)
{
    return !a->value || !b->value ? a->value == b->value : strcmp(a->value, b->value) == 0;
}

void hg_check_given_twice(hg_lint *x)
{
    EACH_SETTING(t)
    for (const hg_setting *u = x->launch->settings.list; u < t; u++)
        if (t->knob && t->knob == u->knob && (t->file != NULL) == (u->file != NULL) &&
            !same_value(t, u) && !strchr(t->name, '.'))
            hg_lint_find(x, t, "%.60s is %.60s, and was %.60s before", t->name,
                         t->value ? t->value : "on", u->value ? u->value : "on");
}

/* Names of the engines' and libraries' own; anyone may set others. */
static bool is_ours(const char *name)
{
    static const char *const prefixes[] = { "VLLM_",    "SGLANG_", "TRTLLM_",    "TLLM_",
                                            "HCCL_",    "ATB_",    "LLAMA_ARG_", "PYTORCH_",
                                            "NPU_",     "ASCEND_", "MINDIE_",    "MIES_",
                                            "CUDA_VIS", "HIP_VIS", "OMP_",       "TASK_" };
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (hg_starts(name, prefixes[i]))
            return true;
    return false;
}

void hg_check_misspelt_env(hg_lint *x)
{
    const hg_settings *s = &x->launch->settings;
    const hg_engine_knobs *k = x->launch->knobs;
    for (size_t i = 0; i < s->env_count; i++) {
        bool known = hg_knob_of_env(k, s->env[i][0]) != NULL;
        for (size_t n = 0; n < k->environment_count; n++)
            known |= strcmp(k->environment[n], s->env[i][0]) == 0;
        const char *near =
            known || !is_ours(s->env[i][0])
                ? NULL
                : hg_nearest_within(s->env[i][0], k->environment, k->environment_count, 2);
        if (!near)
            continue;
        hg_lint_find(x, NULL, "%.80s is no variable of %s", s->env[i][0], k->engine);
        instead(x, near);
    }
}

/* Every rule by its own example: the bad launch is found, the good one is not; and what a fix is
 * said to be worth is what the evaluation gives. */
#include "launched.h"
#include "test.h"

#include "explain/lint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const hg_data data = { NULL };

/* As ask_lint makes it, without the words. */
static bool lint_text(hg_arena *arena, const hg_lint_rule *r, const char *text, hg_lint *out)
{
    hg_launch_texts *texts = HG_NEW(arena, hg_launch_texts, 1);
    hg_engine *engine = HG_NEW(arena, hg_engine, 1);
    hg_model *model = HG_NEW(arena, hg_model, 1);
    hg_device *device = HG_NEW(arena, hg_device, 1);
    const char *note, *version = hg_starts(text, "# vllm ") ? "0.9" : NULL;
    hg_err err = { 0 };
    bool ok =
        hg_launch_read(arena, &data, "launch", text, strlen(text), NULL, version, texts, &err) &&
        texts->count == 1 &&
        hg_engine_find(arena, &data, texts->list[0].knobs->engine, NULL, engine, &err) &&
        (!*r->model || hg_model_find(arena, &data, r->model, model, &note, &err)) &&
        (!*r->device || hg_device_find(arena, &data, r->device, device, &err));
    CHECKF(ok, "%s: %s\n%s %s", r->id, text, err.where, err.msg);
    if (!ok)
        return false;
    *out = (hg_lint){ .arena = arena,
                      .launch = &texts->list[0],
                      .engine = engine,
                      .model = *r->model ? model : NULL,
                      .device = *r->device ? device : NULL,
                      .isl = r->isl,
                      .osl = r->osl,
                      .concurrency = r->concurrency };
    hg_launch_words(arena, out->launch, &out->said);
    const hg_engine_default *own = out->device ? hg_engine_default_for(engine, device)
                                               : &engine->defaults[engine->default_count - 1];
    out->d = (hg_deployment){ .tp = 1,
                              .pp = 1,
                              .dp = 1,
                              .ep = 1,
                              .replicas = 1,
                              .precision_is_checkpoints = true,
                              .kv_is_auto = true,
                              .max_num_seqs = own->max_num_seqs,
                              .max_num_batched_tokens = own->max_num_batched_tokens,
                              .max_model_len = out->model ? model->max_tokens : 0,
                              .block_tokens = engine->block_tokens,
                              .gpu_memory_utilization = engine->gpu_memory_utilization,
                              .chunked_prefill = engine->chunked_prefill };
    hg_said_apply(&out->said, &out->d);
    out->d_is_known = out->model && out->device;
    hg_lint_run(out);
    return true;
}

static const hg_finding *found_by(const hg_lint *x, const hg_lint_rule *r)
{
    for (size_t i = 0; i < x->count; i++)
        if (x->found[i].rule == r)
            return &x->found[i];
    return NULL;
}

static void both_ways(hg_arena arena)
{
    CHECK(hg_lint_rule_count >= 30);
    for (int i = 0; i < hg_lint_rule_count; i++) {
        const hg_lint_rule *r = &hg_lint_rules[i];
        hg_arena scratch = arena;
        hg_lint bad, good;
        if (!lint_text(&scratch, r, r->bad, &bad) || !lint_text(&scratch, r, r->good, &good))
            continue;
        const hg_finding *f = found_by(&bad, r), *none = found_by(&good, r);
        CHECKF(f && *f->message, "%s does not find its own example: %s", r->id, r->bad);
        CHECKF(!none, "%s finds '%s' in its good example: %s", r->id, none ? none->message : "",
               r->good);
        for (int lang = 0; lang < HG_LANGS; lang++)
            CHECKF(r->reason[lang] && *r->reason[lang] && r->fix[lang] && *r->fix[lang], "%s lacks a reason or a fix", r->id);
        CHECKF(strcmp(r->reason[HG_EN], r->reason[HG_ZH]) != 0, "%s has its reason in one language", r->id);
        CHECKF(strcmp(r->bad, r->good) != 0, "%s lacks two examples", r->id);
        for (int k = 0; k < i; k++)
            CHECKF(strcmp(hg_lint_rules[k].id, r->id) != 0, "%s stands there twice", r->id);
    }
}

/* A rule's good example is not only free of that rule's finding: nothing of the level of errors is
 * in it. */
static void good_is_good(hg_arena arena)
{
    for (int i = 0; i < hg_lint_rule_count; i++) {
        hg_arena scratch = arena;
        hg_lint x;
        if (!lint_text(&scratch, &hg_lint_rules[i], hg_lint_rules[i].good, &x))
            continue;
        for (size_t k = 0; k < x.count; k++)
            CHECKF(x.found[k].level < HG_LINT_ERROR, "%s's good example has %s: %s",
                   hg_lint_rules[i].id, x.found[k].rule->id, x.found[k].message);
    }
}

/* What heng writes itself has no error and no warning that the deployment did not ask for. */
static void emitted_is_clean(hg_arena arena)
{
    static const struct {
        const char *engine, *device;
    } rows[] = {
        { "vllm", "h200_sxm" },   { "vllm", "ascend_910b" },   { "sglang", "h200_sxm" },
        { "trtllm", "h200_sxm" }, { "mindie", "ascend_910b" }, { "llamacpp", "h200_sxm" }
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        launched l;
        hg_lint x;
        size_t n;
        hg_file files[HG_FILES];
        if (!launched_open(&arena, rows[i].engine, NULL, "Qwen/Qwen3-8B", rows[i].device, &l))
            return;
        bool by_file = l.emitter->config_needed;
        n = hg_emit_files(&arena, l.emitter, &l.launch, files);
        const char *text = by_file ? NULL : hg_emit_command(&arena, l.emitter, &l.launch, &n)[0];
        for (size_t k = 0; by_file && k < n; k++)
            text = strcmp(files[k].name, l.emitter->config_name) == 0 ? files[k].text : text;
        const hg_lint_rule as = { .id = rows[i].engine,
                                  .model = "Qwen/Qwen3-8B",
                                  .device = rows[i].device };
        if (!lint_text(&arena, &as, text, &x))
            continue;
        for (size_t k = 0; k < x.count; k++)
            CHECKF(x.found[k].level == HG_LINT_NOTE, "%s on %s: %s: %s", rows[i].engine,
                   rows[i].device, x.found[k].rule->id, x.found[k].message);
    }
}

/* The price is the two evaluations' ratio; a mend changes the deployment. */
static void prices(hg_arena arena)
{
    int mends = 0;
    for (int i = 0; i < hg_lint_rule_count; i++) {
        const hg_lint_rule *r = &hg_lint_rules[i];
        hg_arena scratch = arena;
        hg_lint x;
        if (!r->mend || !*r->model || !lint_text(&scratch, r, r->bad, &x))
            continue;
        hg_deployment broken = x.d, fixed = x.d;
        mends++;
        CHECKF(r->mend(&x, &broken, &fixed), "%s: no mend of its own example", r->id);
        CHECKF(memcmp(&broken, &fixed, sizeof broken) != 0, "%s: the mend changes nothing", r->id);
    }
    CHECK(mends >= 6);
}

static void eager_costs(hg_arena arena)
{
    hg_problem *p = HG_NEW(&arena, hg_problem, 1);
    const char *note;
    hg_err err = { 0 };
    int i = 0;
    while (strcmp(hg_lint_rules[i].id, "graphs_off") != 0)
        i++;
    hg_lint x;
    if (!lint_text(&arena, &hg_lint_rules[i], hg_lint_rules[i].bad, &x))
        return;
    bool ok = hg_model_find(&arena, &data, "Qwen/Qwen3-8B", &p->model, &note, &err) &&
              hg_engine_find(&arena, &data, "vllm", NULL, &p->engine, &err) &&
              hg_rates_open(&arena, &data, x.device, "vllm", NULL, &p->rates, &note, &err);
    CHECKF(ok, "%s %s", err.where, err.msg);
    hg_workload_synthetic(&arena, 500, 50, 1, 200, 0, &p->workload);
    x.d.max_model_len = 1024;
    hg_lint_price(&x, p, 16);
    const hg_finding *f = found_by(&x, &hg_lint_rules[i]);
    CHECKF(f && f->priced && f->gain_frac > 0.01, "graphs are worth %g", f ? f->gain_frac : NAN);
}

void test_lint(void)
{
    hg_arena arena;
    if (!hg_arena_open(&arena, 0)) {
        test_skip("no address space");
        return;
    }
    both_ways(arena);
    good_is_good(arena);
    emitted_is_clean(arena);
    prices(arena);
    eager_costs(arena);
    hg_arena_close(&arena);
}

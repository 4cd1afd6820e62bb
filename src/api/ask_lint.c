#include "api/fix_launch.h"
#include "api/lint_text.h"

#include "base/file.h"
#include "base/num.h"

#include <math.h>
#include <string.h>

/* Without said traffic fixes are weighed on a chat's lengths. */
enum { LAUNCH_MOST = 1 << 20, PRICED_ISL = 1000, PRICED_OSL = 200, PRICED_CLIENTS = 64 };

static const char *input_name(const hg_ask *a)
{
    return a->s.input_count && strcmp(a->s.inputs[0], "-") != 0 ? a->s.inputs[0] : "stdin";
}

static bool set(hg_ask *a, const char *word, const char *value, int line)
{
    return hg_ask_said(a, "simulate", input_name(a), word, value, line);
}

/* Everything that pricing needs: the model (named by the launch or by the user), the device (by the
 * user), and words that make a deployment of them.  False: the reason in *why, and rules that need
 * it are silent. */
static bool make_problem(hg_ask *a, hg_lint *x, hg_problem *p, const char **why)
{
    const hg_launch_text *t = x->launch;
    const char *model = a->s.model.s ? a->s.model.s : t->model;
    *why = !model || strchr(model, '$') ? "the launch names no model heng can look up; add --model"
           : !a->s.device.s             ? "no --device"
                                        : NULL;
    if (*why)
        return false;
    bool ok = set(a, "model", model, t->line) && set(a, "engine", t->knobs->engine, t->line);
    for (size_t i = 0; ok && i < x->said.count; i++)
        ok = set(a, x->said.list[i].word, x->said.list[i].value, x->said.list[i].line);
    ok = ok && (a->s.workload.s || (set(a, "isl", hg_textf(a->arena, "%d", PRICED_ISL), 0) &&
                                    set(a, "osl", hg_textf(a->arena, "%d", PRICED_OSL), 0)));
    hg_fixed_launch fixed = { .launch = t, .said = x->said };
    ok = ok && hg_ask_problem(a, HG_LOAD_FREE, p) && hg_ask_fix_fraction(a, p, &fixed) &&
         hg_ask_deployment(a, p, &x->d);
    if (!ok)
        *why = hg_textf(a->arena, "%s %s", a->err.where, a->err.msg);
    return ok;
}

/* Engines' own limits where there is no model: what rules compare with. */
static bool plain_defaults(hg_ask *a, hg_lint *x, hg_engine *engine, hg_device *device)
{
    if (!hg_engine_find(a->arena, &a->data, x->launch->knobs->engine, NULL, engine, &a->err))
        return false;
    x->engine = engine;
    if (a->s.device.s && !x->device) {
        if (!hg_device_find(a->arena, &a->data, a->s.device.s, device, &a->err))
            return false;
        x->device = device;
    }
    const hg_engine_default *own = x->device ? hg_engine_default_for(engine, x->device)
                                             : &engine->defaults[engine->default_count - 1];
    x->d = (hg_deployment){ .tp = 1,
                            .pp = 1,
                            .dp = 1,
                            .ep = 1,
                            .replicas = 1,
                            .precision_is_checkpoints = true,
                            .kv_is_auto = true,
                            .max_num_seqs = own->max_num_seqs,
                            .max_num_batched_tokens = own->max_num_batched_tokens,
                            .block_tokens = engine->block_tokens,
                            .gpu_memory_utilization = engine->gpu_memory_utilization,
                            .prefix_caching = engine->prefix_caching,
                            .chunked_prefill = engine->chunked_prefill };
    hg_said_apply(&x->said, &x->d);
    return true;
}

/* Fields of a deployment that no word of the command line has. */
static void take_wordless(hg_lint *x)
{
    x->d.graph_tokens = hg_said_int(&x->said, "graph_tokens", 0);
    x->d.prompt_graph_tokens = hg_said_int(&x->said, "prompt_graph_tokens", 0);
    x->d.recv_interval = hg_said_int(&x->said, "recv_interval", 0);
}

static bool lint_one(hg_ask *a, const hg_launch_text *t, hg_linted *out)
{
    hg_problem *p = HG_NEW(a->arena, hg_problem, 1);
    hg_engine *engine = HG_NEW(a->arena, hg_engine, 1);
    hg_device *device = HG_NEW(a->arena, hg_device, 1);
    hg_scenario before = a->s;
    hg_lint *x = &out->lint;
    *x = (hg_lint){ .arena = a->arena,
                    .launch = t,
                    .isl = a->s.isl.n ? a->s.isl.v[0] : 0,
                    .osl = a->s.osl.n ? a->s.osl.v[0] : 0,
                    .concurrency = a->s.concurrency.n ? a->s.concurrency.v[0] : 0 };
    hg_launch_words(a->arena, t, &x->said);
    x->d_is_known = make_problem(a, x, p, &out->unpriced);
    bool asked_wrongly = !x->d_is_known && a->s.device.s && strstr(out->unpriced, "--device ");
    if (asked_wrongly)
        return false;
    if (x->d_is_known) {
        x->model = &p->model;
        x->device = &p->rates.device;
        x->engine = &p->engine;
        take_wordless(x);
    } else if (!plain_defaults(a, x, engine, device)) {
        return false;
    }
    a->s = before;
    hg_lint_run(x);
    if (x->d_is_known && !p->engine.scheduler)
        out->unpriced = hg_textf(a->arena, "%s is not simulated", p->engine.title);
    else if (x->d_is_known)
        hg_lint_price(
            x, p,
            x->concurrency > 0
                ? x->concurrency
                : hg_max_i64(PRICED_CLIENTS, hg_min_i64(x->d.max_num_seqs * x->d.replicas, 512)));
    return true;
}

/* A router or a client of a launch: there is nothing to check, and nothing wrong with that. */
static hg_code answer_aside(hg_ask *a, hg_lang lang, const char *name, const char *aside)
{
    const char *line =
        hg_textf(a->arena, "%s: starts %s, no engine: nothing to check", name, aside);
    const char *answer = a->s.sarif.v  ? hg_lint_sarif(a->arena, lang, name, NULL, 0)
                         : a->s.json.v ? hg_lint_json(a->arena, lang, name, NULL, 0)
                                       : hg_textf(a->arena, "%s\n", line);
    if (a->s.sarif.v || a->s.json.v)
        hg_note(a, line);
    return hg_answer(a, answer, strlen(answer));
}

static hg_code run(hg_ask *a)
{
    const char *name = input_name(a);
    hg_launch_texts texts;
    size_t size;
    bool bad = false;
    hg_lang lang;
    if (!hg_ask_lang(a, &lang))
        return a->err.code;
    if (a->s.input_count > 1)
        return hg_refuse(a, a->s.inputs[1], "is a second file; lint one at a time");
    if (a->s.json.v && a->s.sarif.v)
        return hg_refuse(a, "--sarif", "and --json are two forms of one answer; keep one");
    hg_engine known;
    if (a->s.engine.s && !hg_engine_find(a->arena, &a->data, a->s.engine.s, NULL, &known, &a->err))
        return a->err.code;
    char *text = hg_file_read(a->arena, a->s.input_count ? a->s.inputs[0] : "-", LAUNCH_MOST, &size,
                              &a->err);
    if (!text)
        return a->err.code == HG_WORLD ? HG_WORLD : HG_INPUT;
    if (!hg_launch_read(a->arena, &a->data, name, text, size, a->s.engine.s, a->s.engine_version.s,
                        &texts, &a->err))
        return texts.aside ? answer_aside(a, lang, name, texts.aside) : HG_INPUT;
    hg_note(a, texts.note);
    hg_linted *list = HG_NEW(a->arena, hg_linted, texts.count);
    for (size_t i = 0; i < texts.count; i++) {
        if (!lint_one(a, &texts.list[i], &list[i]))
            return a->err.code;
        for (size_t k = 0; k < list[i].lint.count; k++)
            bad |= list[i].lint.found[k].level >= HG_LINT_WARNING;
    }
    const char *answer = a->s.sarif.v  ? hg_lint_sarif(a->arena, lang, name, list, texts.count)
                         : a->s.json.v ? hg_lint_json(a->arena, lang, name, list, texts.count)
                                       : hg_lint_text(a->arena, lang, name, list, texts.count);
    hg_code code = hg_answer(a, answer, strlen(answer));
    return code != HG_DONE ? code : bad ? HG_NO : HG_DONE;
}

const hg_verb hg_verb_lint = {
    "lint", "heng lint [FILE|-] [--device D] [--model M]",
    "what is wrong with a launch line, a script or an engine's config file?", run
};

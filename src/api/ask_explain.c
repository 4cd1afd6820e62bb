#include "api/explained.h"

#include "base/num.h"

#include <string.h>

static bool ask_lang(hg_ask *a, hg_lang *out)
{
    const hg_text_word *w = &a->s.lang;
    *out = HG_EN;
    for (int i = 0; i < HG_LANGS; i++)
        if (w->s && strcmp(w->s, hg_lang_names[i]) == 0)
            return *out = (hg_lang)i, true;
    return !w->s || hg_fail(&a->err, HG_INPUT, w->where, "is '%.20s'; write en or zh", w->s);
}

/* The account's run: the same, or its first requests where it is long. */
static void take_account(hg_arena *arena, const hg_problem *p, const hg_candidate *c, const hg_run *run,
                         hg_explained *x)
{
    size_t offered = x->metrics.sim.offered;
    hg_run noted = { .load = run->load, .rate_per_s = run->rate_per_s,
                     .requests = (size_t)hg_min_i64((int64_t)offered, HG_EXPLAIN_NOTED) };
    hg_evaluate_account(arena, p, c, &noted, &x->account);
    hg_explain_times(&x->account, &x->metrics, &x->times);
}

static void explain(hg_ask *a, const hg_problem *p, const hg_candidate *c, const hg_run *run, hg_explained *x)
{
    hg_run kept = *run;
    kept.keep_requests = p->slo.count > 0;
    *x = (hg_explained){ .problem = p, .candidate = c };
    hg_evaluate(a->arena, p, c, &kept, &x->metrics);
    if (x->metrics.sim.completed == 0)
        return;
    hg_progress(a, 0.2, "noting where the time goes");
    take_account(a->arena, p, c, run, x);
    double good = p->slo.count ? hg_good_tokens_frac(&x->metrics.sim, &p->slo) : 1;
    hg_explain_waterfall(&x->account, x->metrics.sim.output_tokens_per_s, good, &x->waterfall);
    hg_progress(a, 0.5, "asking what if");
    x->aim = hg_aim_of(p, &x->metrics);
    x->bought = HG_NEW(a->arena, hg_bought, hg_change_count);
    x->bought_count = hg_explain_changes(a->arena, p, &c->deployment, run, &x->metrics,
                                         a->s.threads.n ? (int)a->s.threads.v[0] : 0, x->bought);
}

static hg_code answer_no(hg_ask *a, const char *reason)
{
    hg_buf b = { .arena = a->arena };
    hg_json j = { .out = &b };
    hg_json_open(&j, '{');
    hg_json_key_bool(&j, "fits", false);
    hg_json_key_str(&j, "reason", reason);
    hg_json_close(&j, '}');
    const char *text = a->s.json.v ? hg_textf(a->arena, "%s\n", b.s) : hg_textf(a->arena, "%s\n", reason);
    hg_code code = hg_answer(a, text, strlen(text));
    return code == HG_DONE ? HG_NO : code;
}

static hg_code run(hg_ask *a)
{
    hg_problem *p = HG_NEW(a->arena, hg_problem, 1);
    hg_candidate *c = HG_NEW(a->arena, hg_candidate, 1);
    hg_explained *x = HG_NEW(a->arena, hg_explained, 1);
    hg_deployment d;
    hg_lang lang;
    hg_run how;
    if (!ask_lang(a, &lang) || !hg_ask_no_inputs(a) || !hg_ask_single(a) || !hg_ask_problem(a, HG_LOAD_NEEDED, p) ||
        !hg_ask_priced(a, p) || !hg_ask_deployment(a, p, &d) || !hg_ask_run(a, p, &how))
        return a->err.code;
    p->stop = a->io->stop;
    hg_candidate_make(p, &d, c);
    if (c->fit == HG_TOO_BIG)
        return answer_no(a, c->reason);
    if (c->fit != HG_FITS)
        return hg_refuse(a, c->fit == HG_ILLEGAL ? "deployment:" : "model:", "%s", c->reason);
    explain(a, p, c, &how, x);
    if (x->metrics.sim.completed == 0)
        return answer_no(a, hg_textf(a->arena, "every request is rejected: longer than max-model-len %lld or than the KV cache",
                                     (long long)d.max_model_len));
    const char *text = a->s.json.v ? hg_explained_json(a->arena, x, lang) : hg_explained_text(a->arena, x, lang);
    return hg_answer(a, text, strlen(text));
}

const hg_verb hg_verb_explain = {
    "explain", "heng explain --model M --device D --workload W --rate R|--concurrency C|--replay [--tp N …] [--lang zh]",
    "what holds this deployment back, and what would each change buy?", run
};

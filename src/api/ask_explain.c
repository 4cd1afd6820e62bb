#include "api/explained.h"

#include "base/num.h"

#include <string.h>

/* The account's run: the same, or its first requests where it is long. */
static void take_account(hg_arena *arena, const hg_problem *p, const hg_candidate *c, const hg_run *run,
                         const hg_metrics *m, hg_account *account, hg_times *times)
{
    hg_run noted = { .load = run->load, .rate_per_s = run->rate_per_s,
                     .requests = (size_t)hg_min_i64((int64_t)m->sim.offered, HG_EXPLAIN_NOTED) };
    hg_evaluate_account(arena, p, c, &noted, account);
    hg_explain_times(account, m, times);
}

/* Of two pools both. */
static void take_accounts(hg_arena *arena, const hg_problem *p, const hg_candidate *c, const hg_run *run, hg_explained *x)
{
    hg_run noted = { .load = run->load, .rate_per_s = run->rate_per_s,
                     .requests = (size_t)hg_min_i64((int64_t)x->metrics.sim.offered, HG_EXPLAIN_NOTED) };
    hg_evaluate_accounts(arena, p, c, &noted, &x->account, &x->prefill_account);
    hg_explain_times(&x->account, &x->metrics, &x->times);
    if (c->prefill)
        hg_explain_times(&x->prefill_account, &x->metrics, &x->prefill_times);
    x->prefill_times.queue_frac = 0; /* a request's wait is of both, and said once */
}

/* The deployment with the words of --why-not over the others. */
static bool ask_other(hg_ask *a, const hg_problem *p, hg_explained *x)
{
    const hg_text_word *w = &a->s.why_not;
    hg_ask other = *a;
    if (!w->s)
        return true;
    hg_candidate *c = HG_NEW(a->arena, hg_candidate, 1);
    if (!hg_scenario_words(a->arena, &other.s, a->verb, "The deployment", w->s, w->where, &a->err))
        return false;
    if (!hg_ask_single(&other) || !hg_ask_candidate(&other, p, c)) {
        a->err = other.err;
        return false;
    }
    x->other = c;
    x->why_not = w->s;
    return true;
}

static void set_beside(hg_ask *a, const hg_problem *p, const hg_run *run, hg_explained *x)
{
    if (!x->other || x->other->fit != HG_FITS)
        return;
    hg_evaluate(a->arena, p, x->other, run, &x->other_metrics);
    if (x->other_metrics.sim.completed == 0)
        return;
    take_account(a->arena, p, x->other, run, &x->other_metrics, &x->other_account, &x->other_times);
    hg_side before = { x->candidate, &x->metrics, &x->account, &x->times };
    hg_side after = { x->other, &x->other_metrics, &x->other_account, &x->other_times };
    x->differences = HG_NEW(a->arena, hg_difference, HG_DIFFERENCES);
    x->difference_count = hg_explain_differences(&before, &after, x->differences);
}

static void explain(hg_ask *a, const hg_problem *p, const hg_candidate *c, const hg_run *run, hg_explained *x)
{
    hg_run kept = *run;
    kept.keep_requests = p->slo.count > 0;
    x->problem = p;
    x->candidate = c;
    hg_evaluate(a->arena, p, c, &kept, &x->metrics);
    if (x->metrics.sim.completed == 0)
        return;
    hg_progress(a, 0.2, "noting where the time goes");
    take_accounts(a->arena, p, c, run, x);
    double good = p->slo.count ? hg_good_tokens_frac(&x->metrics.sim, &p->slo) : 1;
    hg_explain_waterfall(&x->account, x->metrics.sim.output_tokens_per_s, good, &x->waterfall);
    x->aim = hg_aim_of(p, &x->metrics);
    set_beside(a, p, run, x);
    hg_progress(a, 0.5, "asking what if");
    x->bought = HG_NEW(a->arena, hg_bought, hg_change_count);
    x->bought_count = hg_explain_changes(a->arena, p, c, run, &x->metrics,
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
    hg_lang lang;
    hg_run how;
    if (!hg_ask_lang(a, &lang) || !hg_ask_no_inputs(a) || !hg_ask_single(a) || !hg_ask_problem(a, HG_LOAD_NEEDED, p) ||
        !hg_ask_priced(a, p) || !hg_ask_candidate(a, p, c) || !hg_ask_run(a, p, &how) ||
        !ask_other(a, p, x))
        return a->err.code;
    p->stop = a->io->stop;
    if (c->fit == HG_TOO_BIG)
        return answer_no(a, c->reason);
    if (c->fit != HG_FITS)
        return hg_refuse(a, c->fit == HG_ILLEGAL ? "deployment:" : "model:", "%s", c->reason);
    explain(a, p, c, &how, x);
    hg_note_run(a, p, c, &x->metrics);
    if (x->metrics.sim.completed == 0)
        return answer_no(a, x->metrics.sim.rejected ? "every request is rejected"
                                                    : "no request was done before the queue was seen to grow without end; "
                                                      "leave out --steady to explain an overload");
    const char *text = a->s.json.v ? hg_explained_json(a->arena, x, lang) : hg_explained_text(a->arena, x, lang);
    return hg_answer(a, text, strlen(text));
}

const hg_verb hg_verb_explain = {
    "explain", "heng explain --model M --device D --workload W --rate R|--concurrency C|--replay [--tp N …|--prefill NxSHAPE --decode NxSHAPE] [--why-not 'tp=8'] [--lang zh]",
    "what holds this deployment back, and what would each change buy?", run
};

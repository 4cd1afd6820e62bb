#include "api/predict.h"

#include "api/loads_report.h"
#include "api/own.h"
#include "api/question.h"
#include "api/serving_page.h"
#include "api/serving_picks.h"
#include "base/file.h"

#include <math.h>

static bool write_page(hg_ask *a, const hg_serving_table *t, const hg_serving_figures *f, const char *by)
{
    size_t count, size;
    const hg_serving_error *e = hg_serving_errors(a, t, f, by, &count);
    const char *page = hg_serving_page(a->arena, t, f, by, e, count, &size);
    return hg_file_write(a->s.page_out.s, page, size, a->s.force.v, &a->err);
}

static void correct(hg_ask *a, const hg_own *own, const hg_own_question *asked, size_t n, hg_serving_figures *figures)
{
    static const double none[HG_MISS_FIGURES][2] = { { 1, 1 }, { 1, 1 } };
    for (size_t i = 0; i < n; i++) {
        if (!asked[i].server || !isfinite(figures[i].ttft_s))
            continue;
        hg_own_figures g = hg_own_correct(*a->arena, own, &asked[i], &figures[i], none);
        figures[i].ttft_s = g.of[HG_MISS_TTFT];
        figures[i].tpot_s = g.of[HG_MISS_TPOT];
    }
}

static bool is_measured(const hg_serving_table *t)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->samples[i].ttft_s > 0 || t->samples[i].tpot_s > 0 || t->samples[i].output_tokens_per_s > 0)
            return true;
    return false;
}

/* Words of picks where there are none, and what the planner's evaluation does not take. */
static bool words_agree(hg_ask *a)
{
    const hg_scenario *s = &a->s;
    if (s->picks_by_plan.v && (s->client.s || s->calibration.s))
        return hg_fail(&a->err, HG_INPUT, s->client.s ? s->client.where : s->calibration.where, "is not read by --picks-by-plan");
    if (s->confidence.given && !s->picks.v && !s->picks_by_plan.v)
        return hg_fail(&a->err, HG_INPUT, s->confidence.where, "says how sure a pick is to be; add --picks");
    return true;
}

hg_code hg_validate_serving(hg_ask *a)
{
    if (!words_agree(a))
        return a->err.code;
    if (a->s.leave_one_load_out.v && (a->s.picks.v || a->s.picks_by_plan.v))
        return hg_refuse(a, a->s.picks.v ? "--picks" : "--picks-by-plan", "is not read by --leave-one-load-out");
    if (a->s.leave_one_load_out.v && a->s.client.s)
        return hg_refuse(a, a->s.client.where, "is not read by --leave-one-load-out");
    if (a->s.leave_one_load_out.v)
        return hg_validate_loads(a);
    if (a->s.leave_out.s)
        return hg_validate_left_out(a);
    hg_serving_table t;
    hg_serving_shelf *shelf = hg_serving_shelf_open(a->arena, &a->data, &a->err);
    const hg_own *own;
    const hg_client *client;
    if (!shelf || !hg_ask_own(a, shelf, &own) || !hg_ask_client(a, &client) || !hg_serving_table_read(a->arena, shelf, a->s.inputs + 1, a->s.input_count - 1, &t, &a->err))
        return a->err.code;
    hg_own_question *asked = HG_NEW(a->arena, hg_own_question, t.count);
    if (!is_measured(&t))
        return hg_refuse(a, a->s.input_count > 1 ? a->s.inputs[1] : "stdin", "holds no ttft_ms and tpot_ms to compare with; "
                         "'heng predict serving' needs none");
    hg_note(a, "on runs that the shipped host terms were fitted on these errors are flattering; 'heng catalog serving' has those on configurations kept back");
    hg_serving_case *cases = HG_NEW(a->arena, hg_serving_case, t.count);
    const hg_overheads **overheads = HG_NEW(a->arena, const hg_overheads *, t.count);
    hg_serving_figures *figures = HG_NEW(a->arena, hg_serving_figures, t.count);
    for (size_t i = 0; i < t.count; i++) {
        if (own)
            asked[i] = hg_own_case(a->arena, own, shelf, &t.rows[i], &t.samples[i].of);
        cases[i] = t.samples[i].of;
        cases[i].whole = a->s.whole.v;
        cases[i].client = client;
        overheads[i] = &cases[i].problem->engine.overheads;
    }
    hg_serving_predict_all(cases, overheads, t.count, a->s.threads.n ? (int)a->s.threads.v[0] : 0, figures);
    hg_miss_spread *misses = HG_NEW(a->arena, hg_miss_spread, t.count);
    for (size_t i = 0; i < t.count; i++)
        misses[i] = hg_misses_within(overheads[i]->tpot_band);
    hg_own_note(a, own, asked, t.count);
    if (own)
        correct(a, own, asked, t.count, figures);
    hg_buf out = { .arena = a->arena };
    const char *by = a->s.by.s ? a->s.by.s : "engine,model";
    hg_serving_predicted predicted = { .figures = figures, .misses = misses };
    hg_serving_by_plan(a, cases, overheads, t.count, &predicted);
    if (!hg_serving_report_picks(a, &t, &predicted, by, &out) || !hg_serving_rows_out(a, &t, figures) ||
        (a->s.page_out.s && !write_page(a, &t, figures, by)))
        return a->err.code;
    return hg_answer(a, out.s, out.n);
}

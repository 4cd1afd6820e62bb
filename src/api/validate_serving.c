#include "api/predict.h"

#include "api/serving_page.h"
#include "base/file.h"

static bool write_page(hg_ask *a, const hg_serving_table *t, const hg_serving_figures *f, const char *by)
{
    size_t count, size;
    const hg_serving_error *e = hg_serving_errors(a, t, f, by, &count);
    const char *page = hg_serving_page(a->arena, t, f, by, e, count, &size);
    return hg_file_write(a->s.page_out.s, page, size, a->s.force.v, &a->err);
}

hg_code hg_validate_serving(hg_ask *a)
{
    hg_serving_table t;
    hg_serving_shelf *shelf = hg_serving_shelf_open(a->arena, &a->data, &a->err);
    if (!shelf || !hg_serving_table_read(a->arena, shelf, a->s.inputs + 1, a->s.input_count - 1, &t, &a->err))
        return a->err.code;
    hg_serving_case *cases = HG_NEW(a->arena, hg_serving_case, t.count);
    const hg_overheads **overheads = HG_NEW(a->arena, const hg_overheads *, t.count);
    hg_serving_figures *figures = HG_NEW(a->arena, hg_serving_figures, t.count);
    for (size_t i = 0; i < t.count; i++) {
        cases[i] = t.samples[i].of;
        cases[i].whole = a->s.whole.v;
        overheads[i] = &cases[i].problem->engine.overheads;
    }
    hg_serving_predict_all(cases, overheads, t.count, a->s.threads.n ? (int)a->s.threads.v[0] : 0, figures);
    hg_buf out = { .arena = a->arena };
    const char *by = a->s.by.s ? a->s.by.s : "engine,model";
    if (!hg_serving_report(a, &t, figures, by, &out) || !hg_serving_rows_out(a, &t, figures) ||
        (a->s.page_out.s && !write_page(a, &t, figures, by)))
        return a->err.code;
    return hg_answer(a, out.s, out.n);
}

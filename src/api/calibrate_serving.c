#include "api/calibrate.h"

#include "api/serving_report.h"
#include "base/file.h"
#include "base/text.h"

#include <string.h>

enum { FOLDS = 4 };

/* The day changes only with the figures. */
static const char *file_text(hg_ask *a, const char *path, const hg_serving_group *groups, size_t n, const char *errors)
{
    static const char mark[] = "\"fitted\":\"";
    const char *source = hg_basename(a->s.inputs[1]);
    const char *today = hg_serving_text(a->arena, groups, n, source, hg_today(a->arena), errors);
    size_t size;
    hg_err none;
    const char *old = hg_is_file(path) ? hg_file_read(a->arena, path, 64000000, &size, &none) : NULL;
    const char *day = old ? strstr(old, mark) : NULL;
    if (!day)
        return today;
    day = hg_strndup(a->arena, day + strlen(mark), strcspn(day + strlen(mark), "\""));
    const char *as_then = hg_serving_text(a->arena, groups, n, source, day, errors);
    return strcmp(as_then, old) == 0 ? as_then : today;
}

/* Terms fitted on a vendor's devices stand apart: they are of rates that no table gives. */
static const char *sheet_path(hg_ask *a, const hg_serving_table *t)
{
    const char *vendor = NULL;
    for (size_t i = 0; i < t->count && !vendor; i++)
        vendor = *t->samples[i].of.reason ? NULL : t->samples[i].of.problem->rates.device.vendor;
    return hg_textf(a->arena, "data/serving/overheads_%s.json", vendor ? vendor : "none");
}

hg_code hg_calibrate_host(hg_ask *a)
{
    hg_serving_table t;
    hg_serving_group *groups;
    int threads = a->s.threads.n ? (int)a->s.threads.v[0] : 0;
    hg_serving_shelf *shelf = hg_serving_shelf_open(a->arena, &a->data, &a->err);
    if (!shelf || !hg_serving_table_read(a->arena, shelf, a->s.inputs + 1, a->s.input_count - 1, &t, &a->err))
        return a->err.code;
    bool sheet = hg_serving_is_sheet(&t);
    int folds = a->s.folds.n ? (int)a->s.folds.v[0] : sheet ? (int)t.models : FOLDS;
    size_t n = hg_serving_fit(a->arena, t.samples, t.count, threads, sheet ? HG_FIT_SHEET : HG_FIT_VERSIONS, &groups);
    hg_serving_figures *figures = HG_NEW(a->arena, hg_serving_figures, t.count);
    if (folds > 1)
        hg_serving_kept_back(*a->arena, &t, folds, threads, groups, n, figures);
    else
        hg_serving_figures_by(*a->arena, &t, groups, n, threads, figures);
    hg_serving_bands(*a->arena, &t, figures, groups, n);
    hg_buf out = { .arena = a->arena };
    if (!hg_serving_report(a, &t, figures, a->s.by.s ? a->s.by.s : sheet ? "engine,trust" : "engine,model,device,precision", &out) ||
        !hg_serving_rows_out(a, &t, figures))
        return a->err.code;
    size_t errors_n;
    hg_serving_error *errors = hg_serving_errors(a, &t, figures, sheet ? "engine,trust" : "mode,engine,kind", &errors_n);
    const char *path = a->s.output.s ? a->s.output.s : sheet ? sheet_path(a, &t) : "data/serving/overheads.json";
    const char *text = file_text(a, path, groups, n, hg_serving_errors_json(a->arena, errors, errors_n));
    if (!hg_file_write(path, text, strlen(text), a->s.force.v, &a->err))
        return a->err.code;
    hg_note(a, hg_textf(a->arena, "wrote %s", path));
    if (a->io->out)
        a->io->out(a->io->ctx, out.s, out.n);
    return HG_DONE;
}

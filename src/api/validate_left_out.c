/* How well rows are predicted whose model, device, version or configuration a fit never saw: every one is left out in turn. */
#include "api/predict.h"

#include "api/serving_picks.h"

#include <string.h>

/* Checkpoints of one architecture and size are one model: DeepSeek's R1, V3 and V3.1. */
static bool same_model(const hg_model *a, const hg_model *b)
{
    return a->hidden_size == b->hidden_size && a->layer_count == b->layer_count && a->architecture && b->architecture &&
           strcmp(a->architecture, b->architecture) == 0;
}

static bool same(const char *column, const hg_serving_table *t, size_t a, size_t b)
{
    const hg_serving_row *x = &t->rows[a], *y = &t->rows[b];
    if (strcmp(column, "device") == 0)
        return strcmp(x->device, y->device) == 0;
    if (strcmp(column, "version") == 0)
        return strcmp(x->engine, y->engine) == 0 && strcmp(t->samples[a].version, t->samples[b].version) == 0;
    return strcmp(x->model, y->model) == 0 || same_model(&t->samples[a].of.problem->model, &t->samples[b].of.problem->model);
}

/* Numbers the rows by what is left out together; returns how many such there are. */
static int number_families(hg_arena *arena, const char *column, hg_serving_table *t)
{
    size_t *first = HG_NEW(arena, size_t, t->count);
    int n = 0;
    for (size_t i = 0; i < t->count; i++) {
        int f = 0;
        while (f < n && !same(column, t, first[f], i))
            f++;
        if (f == n)
            first[n++] = i;
        t->samples[i].family = (uint64_t)f;
    }
    return n;
}

/* There are hundreds of them: a fifth at a time. */
enum { FOLDS = 5 };

static int number_configurations(hg_arena scratch, hg_serving_table *t)
{
    int others = 0;
    for (size_t i = 0; i < t->count; i++) {
        t->samples[i].family = hg_serving_configuration(scratch, &t->rows[i], false);
        others += t->samples[i].family != t->samples[0].family;
    }
    return others ? FOLDS : 1;
}

static bool is_configuration(const char *column)
{
    return strcmp(column, "configuration") == 0;
}

static bool is_column(const char *word)
{
    return strcmp(word, "model") == 0 || strcmp(word, "device") == 0 || strcmp(word, "version") == 0 || is_configuration(word);
}

static hg_serving_predicted predict_left_out(hg_ask *a, const hg_serving_table *t, int folds, const hg_serving_group *groups, size_t n)
{
    const hg_overheads **each = HG_NEW(a->arena, const hg_overheads *, t->count);
    hg_serving_case *cases = HG_NEW(a->arena, hg_serving_case, t->count);
    hg_serving_figures *figures = HG_NEW(a->arena, hg_serving_figures, t->count);
    hg_miss_spread *misses = HG_NEW(a->arena, hg_miss_spread, t->count);
    for (size_t i = 0; i < t->count; i++)
        cases[i] = t->samples[i].of;
    hg_serving_terms_kept_back(a->arena, t, folds, groups, n, each);
    hg_serving_predict_all(cases, each, t->count, a->s.threads.n ? (int)a->s.threads.v[0] : 0, figures);
    hg_serving_misses_kept_back(*a->arena, t, folds, figures, groups, n, misses);
    hg_serving_predicted out = { .figures = figures, .misses = misses };
    hg_serving_by_plan(a, cases, each, t->count, &out);
    return out;
}

hg_code hg_validate_left_out(hg_ask *a)
{
    const char *column = a->s.leave_out.s;
    int threads = a->s.threads.n ? (int)a->s.threads.v[0] : 0;
    hg_serving_table t;
    hg_serving_group *groups;
    if (!is_column(column))
        return hg_refuse(a, a->s.leave_out.where, "is '%.40s'; write model, device, version or configuration", column);
    hg_serving_shelf *shelf = hg_serving_shelf_open(a->arena, &a->data, &a->err);
    if (!shelf || !hg_serving_table_read(a->arena, shelf, a->s.inputs + 1, a->s.input_count - 1, &t, &a->err))
        return a->err.code;
    int folds = is_configuration(column) ? number_configurations(*a->arena, &t) : number_families(a->arena, column, &t);
    if (folds < 2)
        return hg_refuse(a, "--leave-out", "finds one %s only; what is left out is to be predicted from others", column);
    hg_serving_fit_kind kind = hg_serving_is_sheet(&t) ? HG_FIT_SHEET : HG_FIT_VERSIONS;
    size_t n = hg_serving_fit(a->arena, t.samples, t.count, threads, kind, &groups);
    hg_serving_predicted predicted = predict_left_out(a, &t, folds, groups, n);
    hg_buf out = { .arena = a->arena };
    const char *by = a->s.by.s ? a->s.by.s : is_configuration(column) ? "engine,model" : column;
    if (!hg_serving_report_picks(a, &t, &predicted, by, &out) || !hg_serving_rows_out(a, &t, predicted.figures))
        return a->err.code;
    return hg_answer(a, out.s, out.n);
}

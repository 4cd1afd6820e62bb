#include "api/catalog.h"

#include "base/json.h"
#include "cost/transfer.h"

#include <math.h>
#include <string.h>

/* docs/operators.md: every operator with its formula, spans, surfaces and errors. */

static const char *const lanes[HG_LANES] = { "of all blocks", "of memory", "of the longest chain", "in sequence" };
static const char *const reaches[HG_REACHES] = { "table", "series", "kernel" };

static void write_columns(hg_buf *b, const hg_op *op)
{
    hg_buf_puts(b, "- Columns:");
    for (int i = 0; i < hg_op_dim_count(op); i++)
        hg_buf_printf(b, isnan(op->dims[i].absent) ? " `%s`" : " [`%s`]", op->dims[i].column);
    if (hg_op_label_count(op))
        hg_buf_puts(b, "; labels:");
    for (int i = 0; i < hg_op_label_count(op); i++)
        hg_buf_printf(b, " `%s`", op->labels[i]);
    hg_buf_puts(b, "\n");
}

static void write_spans(hg_buf *b, const hg_op *op)
{
    int of[HG_LANES] = { 0 };
    if (!op->spans) {
        hg_buf_puts(b, "- Spans: the roofline, once\n");
        return;
    }
    for (int i = 0; i < op->span_count; i++)
        of[op->lane[i]]++;
    hg_buf_printf(b, "- Spans: %d", op->span_count);
    for (int l = 0, n = 0; l < HG_LANES; l++)
        if (of[l])
            hg_buf_printf(b, "%s %d %s", n++ ? "," : ":", of[l], lanes[l]);
    hg_buf_puts(b, "\n");
}

/* An axis of kinds has a knot for each. */
static void write_terms(hg_buf *b, const hg_op *op)
{
    if (op->terms[0].axes)
        hg_buf_puts(b, "- Surface, with at most so many knots:");
    for (int i = 0; op->terms[i].axes; i++) {
        const hg_term_spec *t = &op->terms[i];
        hg_buf_puts(b, i ? ", " : " ");
        for (int a = 0; a < t->axes; a++)
            hg_buf_printf(b, t->knots[a] == HG_KINDS ? "%skinds" : "%s%d", a ? "×" : "", t->knots[a]);
        hg_buf_printf(b, " a %s", reaches[t->reach]);
    }
    if (op->terms[0].axes)
        hg_buf_puts(b, "\n");
}

typedef struct shelf {
    hg_calibration *c;
    size_t count, capacity;
} shelf;

static bool read_all(hg_ask *a, shelf *s)
{
    size_t devices, files, size;
    char **device = hg_data_list(&a->data, a->arena, "calibration", &devices);
    for (size_t i = 0; i < devices; i++) {
        const char *folder = hg_textf(a->arena, "calibration/%s", device[i]);
        char **file = hg_data_list(&a->data, a->arena, folder, &files);
        for (size_t k = 0; k < files; k++) {
            const char *path = hg_textf(a->arena, "%s/%s", folder, file[k]);
            const char *json = hg_data_text(&a->data, a->arena, path, &size, &a->err);
            hg_calibration *c = HG_PUSH(a->arena, s->c, s->count, s->capacity);
            if (!json || !hg_calibration_read(a->arena, path, json, size, c, &a->err))
                return false;
        }
    }
    return true;
}

static void write_surfaces(hg_buf *b, const shelf *s, const hg_op *op)
{
    int at = hg_op_index(op);
    bool any = false;
    for (size_t i = 0; i < s->count; i++) {
        const hg_surface *f = s->c[i].surfaces[at];
        if (!f)
            continue;
        if (!any)
            hg_buf_puts(b, "\n| surface | series | coefficients | rows | mean error | median |\n|---|---|---|---|---|---|\n");
        any = true;
        hg_buf_printf(b, "| %s, %s %s | %d | %d | %lld | %.1f %% | %.1f %% |\n", s->c[i].device, s->c[i].engine,
                      s->c[i].version, f->series_count, f->coefficient_count, (long long)f->rows,
                      100 * f->error_mean, 100 * f->error_median);
    }
    if (!any)
        hg_buf_puts(b, "\nNo table measures it: its time is the roofline as other operators typically reach it.\n");
}

static double percent(const json_t *o, const char *key)
{
    return 100 * json_number_value(json_object_get(o, key));
}

static void write_rungs(hg_buf *b, const json_t *errors, const char *op)
{
    const json_t *of = json_object_get(errors, op);
    bool any = false;
    for (int r = HG_RUNG_EXTRAPOLATED; r < HG_RUNGS; r++) {
        const json_t *o = json_object_get(of, hg_rung_names[r]);
        if (!o)
            continue;
        if (!any)
            hg_buf_puts(b, "\n| rung | tables | rows | mean error | median | 80 % | bias |\n|---|---|---|---|---|---|---|\n");
        any = true;
        hg_buf_printf(b, "| %s | %lld | %lld | %.1f %% | %.1f %% | %.1f %% | %+.1f %% |\n", hg_rung_names[r],
                      (long long)json_integer_value(json_object_get(o, "tables")),
                      (long long)json_integer_value(json_object_get(o, "n")), percent(o, "mean"),
                      percent(o, "median"), percent(o, "p80"), percent(o, "bias"));
    }
}

static void write_op(hg_buf *b, const hg_op *op, const shelf *s, const json_t *errors)
{
    hg_buf_printf(b, "\n## %s: %s\n\n", op->name, op->title);
    if (*op->formula)
        hg_buf_printf(b, "- Work: %s\n", op->formula);
    write_columns(b, op);
    write_spans(b, op);
    write_terms(b, op);
    write_surfaces(b, s, op);
    write_rungs(b, errors, op->name);
}

static const char head[] =
    "# Operators\n\n"
    "Written by `make readme` from `heng catalog operators`; edited by no one.\n\n"
    "An operator counts its work; its spans are the times a call may be made of, each taken a number of times that is "
    "fitted for every series; a surface over its features corrects their sum (how: [ARCHITECTURE.md](../ARCHITECTURE.md)). "
    "Columns in brackets may be absent. Errors are of predicted ÷ measured − 1. Those of surfaces are on families of shapes "
    "that the fit did not see; a surface's source is the table of its device, engine and version published by "
    "ai-dynamo/aiconfigurator (Apache-2.0).\n\n"
    "The second table of an operator is `heng validate transfer`: what the rungs of the ladder come to where they must "
    "answer because the table itself was left out. *extrapolated*: the two last doublings of the widest dimension, fitted without them. "
    "*labels*: the same table without the precision or kind. *version*, *engine*: others on the same device. *device*: "
    "another of its architecture. *class*: one of another architecture. *roofline*: no table at all, but launch and "
    "efficiencies typical of other architectures. The 80 % intervals of predictions that are not `fitted` come from these.\n";

hg_code hg_catalog_operators(hg_ask *a)
{
    shelf s = { 0 };
    size_t size;
    hg_buf b = { .arena = a->arena };
    if (a->s.json.v)
        return hg_refuse(a, "--json", "is not for operators; 'heng catalog ops --json' lists their columns, "
                                      "'heng validate transfer --json' their errors");
    if (!read_all(a, &s))
        return a->err.code;
    const char *text = hg_data_text(&a->data, a->arena, "transfer.json", &size, &a->err);
    json_t *root = text ? hg_json_parse(text, size, "transfer.json", &a->err) : NULL;
    if (!root)
        return a->err.code;
    hg_buf_puts(&b, head);
    for (int i = 0; i < hg_op_count; i++)
        write_op(&b, hg_ops[i], &s, json_object_get(root, "errors"));
    json_decref(root);
    return hg_answer(a, b.s, b.n);
}

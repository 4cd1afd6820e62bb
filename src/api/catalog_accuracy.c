#include "api/catalog.h"

#include "base/json.h"
#include "cost/calibration.h"

#include <math.h>
#include <string.h>

/* What the calibrations say of their own errors, each on shape families its fit did not see: a mean
 * over tables of each table's mean, as validation prints it. */
typedef struct tally {
    int tables;
    int64_t rows;
    double mean, median, worst;
    const char *worst_name;
} tally;

static void count(tally *t, const hg_surface *s, const char *where)
{
    t->tables++;
    t->rows += s->rows;
    t->mean += s->error_mean;
    t->median += s->error_median;
    if (s->error_mean > t->worst) {
        t->worst = s->error_mean;
        t->worst_name = where;
    }
}

static bool read_all(hg_ask *a, tally *by_op)
{
    size_t devices, files, size;
    char **device = hg_data_list(&a->data, a->arena, "calibration", &devices);
    for (size_t i = 0; i < devices; i++) {
        const char *folder = hg_textf(a->arena, "calibration/%s", device[i]);
        char **file = hg_data_list(&a->data, a->arena, folder, &files);
        for (size_t k = 0; k < files; k++) {
            hg_calibration c;
            const char *path = hg_textf(a->arena, "%s/%s", folder, file[k]);
            const char *json = hg_data_text(&a->data, a->arena, path, &size, &a->err);
            if (!json || !hg_calibration_read(a->arena, path, json, size, &c, &a->err))
                return false;
            for (int op = 0; op < hg_op_count; op++)
                if (c.surfaces[op])
                    count(&by_op[op], c.surfaces[op], hg_textf(a->arena, "%s %s-%s", c.device, c.engine, c.version));
        }
    }
    return true;
}

static void as_json(hg_buf *b, const tally *by_op)
{
    hg_json j = { .out = b };
    hg_json_open(&j, '[');
    for (int i = 0; i < hg_op_count; i++) {
        if (!by_op[i].tables)
            continue;
        hg_json_open(&j, '{');
        hg_json_key_str(&j, "op", hg_ops[i]->name);
        hg_json_key_int(&j, "tables", by_op[i].tables);
        hg_json_key_int(&j, "rows", by_op[i].rows);
        hg_json_key_num(&j, "mean", by_op[i].mean / by_op[i].tables);
        hg_json_key_num(&j, "median", by_op[i].median / by_op[i].tables);
        hg_json_key_num(&j, "worst", by_op[i].worst);
        hg_json_key_str(&j, "worst_table", by_op[i].worst_name);
        hg_json_close(&j, '}');
    }
    hg_json_close(&j, ']');
    hg_buf_puts(b, "\n");
}

static void as_text(hg_buf *b, const tally *by_op)
{
    hg_buf_puts(b, "| operator | tables | rows | mean error | median | worst table |\n|---|---|---|---|---|---|\n");
    for (int i = 0; i < hg_op_count; i++)
        if (by_op[i].tables)
            hg_buf_printf(b, "| %s | %d | %lld | %.1f %% | %.1f %% | %.1f %% (%s) |\n", hg_ops[i]->name, by_op[i].tables,
                          (long long)by_op[i].rows, 100 * by_op[i].mean / by_op[i].tables,
                          100 * by_op[i].median / by_op[i].tables, 100 * by_op[i].worst, by_op[i].worst_name);
}

hg_code hg_catalog_accuracy(hg_ask *a)
{
    tally by_op[HG_OPS_MAX] = { { 0 } };
    hg_buf b = { .arena = a->arena };
    if (!read_all(a, by_op))
        return a->err.code;
    (a->s.json.v ? as_json : as_text)(&b, by_op);
    return hg_answer(a, b.s, b.n);
}

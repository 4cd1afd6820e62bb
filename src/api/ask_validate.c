#include "api/predict.h"
#include "api/transfer.h"

#include "base/json.h"
#include "fit/surface_fit.h"
#include "fit/walk.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One measured table against the predictions. */
typedef struct verdict {
    const char *device, *engine, *version, *op;
    size_t rows, answered;
    hg_error_stats error;      /* of the shipped calibration on these rows */
    double kept_back;          /* mean error on families the fit did not see; NAN: not fitted */
} verdict;

static bool judge(hg_ask *a, hg_arena scratch, const hg_rates *rates, const char *path, verdict *v)
{
    hg_table t;
    const hg_op *op = hg_op_find(v->op);
    if (!hg_table_read(&scratch, op, path, &t, &a->err))
        return false;
    size_t step = 1, judged = 0;
    if (a->s.rows.n && t.count > (size_t)a->s.rows.v[0])
        step = (t.count + (size_t)a->s.rows.v[0] - 1) / (size_t)a->s.rows.v[0];
    double *errors = HG_NEW(&scratch, double, t.count);
    hg_rate *rate = HG_NEW(&scratch, hg_rate, t.series_count);
    for (int k = 0; k < t.series_count; k++)
        rate[k] = hg_rates_by_key(rates, op, t.keys[k], &t.labels[k]);
    v->kept_back = rate[0].surface && !rate[0].transferred ? rate[0].surface->error_mean : NAN;
    for (size_t i = 0; i < t.count; i += step) {
        double got = hg_rate_time(&rate[t.rows[i].series], &t.rows[i].shape).seconds;
        v->rows++;
        v->answered += isfinite(got);
        if (isfinite(got) && t.rows[i].seconds > op->zero_s)
            errors[judged++] = got / t.rows[i].seconds - 1;
    }
    v->error = hg_error_summary(scratch, errors, judged);
    return true;
}

typedef struct group_sum {
    const char *name;
    size_t tables, rows, answered;
    double mean, kept_back, worst;
    size_t known, judged;      /* tables with a kept-back error, with an error at all */
} group_sum;

static const char *group_name(const verdict *v, const char *by)
{
    return strcmp(by, "device") == 0 ? v->device : strcmp(by, "engine") == 0 ? v->engine : v->op;
}

/* Tables count alike, whatever their rows: the mean over tables of each table's mean error. */
static size_t sum_groups(const verdict *v, size_t n, const char *by, group_sum *out)
{
    size_t groups = 0;
    for (size_t i = 0; i < n; i++) {
        const char *name = group_name(&v[i], by);
        size_t g = 0;
        while (g < groups && strcmp(out[g].name, name) != 0)
            g++;
        if (g == groups)
            out[groups++] = (group_sum){ .name = name };
        out[g].tables++;
        out[g].rows += v[i].rows;
        out[g].answered += v[i].answered;
        if (isfinite(v[i].error.mean)) {
            out[g].mean += v[i].error.mean;
            out[g].worst = fmax(out[g].worst, v[i].error.mean);
            out[g].judged++;
        }
        if (!isnan(v[i].kept_back)) {
            out[g].kept_back += v[i].kept_back;
            out[g].known++;
        }
    }
    for (size_t g = 0; g < groups; g++) {
        out[g].mean = out[g].judged ? out[g].mean / (double)out[g].judged : NAN;
        out[g].worst = out[g].judged ? out[g].worst : NAN;
        out[g].kept_back = out[g].known ? out[g].kept_back / (double)out[g].known : NAN;
    }
    return groups;
}

static const char *percent(const hg_buf *b, double frac)
{
    return hg_percent(b->arena, frac, 2, false, "%");
}

static void write_tables(hg_buf *b, const verdict *v, size_t n)
{
    hg_buf_printf(b, "%-20s %-18s %-22s %8s %8s %8s %8s %8s %8s %9s\n", "device", "engine", "op", "rows",
                  "answered", "mean", "median", "p90", "bias", "kept back");
    for (size_t i = 0; i < n; i++)
        hg_buf_printf(b, "%-20s %-18s %-22s %8zu %8zu %8s %8s %8s %8s %9s\n", v[i].device,
                      hg_textf(b->arena, "%s-%s", v[i].engine, v[i].version), v[i].op, v[i].rows, v[i].answered, percent(b, v[i].error.mean),
                      percent(b, v[i].error.median), percent(b, v[i].error.p90), hg_percent(b->arena, v[i].error.bias, 2, true, "%"),
                      percent(b, v[i].kept_back));
}

static void write_groups(hg_buf *b, const group_sum *g, size_t n, const char *by)
{
    hg_buf_printf(b, "%-22s %7s %9s %9s %8s %10s %8s\n", by, "tables", "rows", "answered", "mean",
                  "kept back", "worst");
    for (size_t i = 0; i < n; i++)
        hg_buf_printf(b, "%-22s %7zu %9zu %9zu %8s %10s %8s\n", g[i].name, g[i].tables, g[i].rows, g[i].answered, percent(b, g[i].mean),
                      percent(b, g[i].kept_back), percent(b, g[i].worst));
}

static void write_json(hg_buf *b, const verdict *v, size_t n)
{
    hg_json j = { .out = b };
    hg_json_open(&j, '[');
    for (size_t i = 0; i < n; i++) {
        hg_json_open(&j, '{');
        hg_json_key_str(&j, "device", v[i].device);
        hg_json_key_str(&j, "engine", v[i].engine);
        hg_json_key_str(&j, "version", v[i].version);
        hg_json_key_str(&j, "op", v[i].op);
        hg_json_key_int(&j, "n", (int64_t)v[i].rows);
        hg_json_key_int(&j, "answered", (int64_t)v[i].answered);
        hg_json_key_num(&j, "mean", v[i].error.mean);
        hg_json_key_num(&j, "median", v[i].error.median);
        hg_json_key_num(&j, "p90", v[i].error.p90);
        hg_json_key_num(&j, "bias", v[i].error.bias);
        hg_json_key_num(&j, "kept_back_mean", v[i].kept_back);
        hg_json_close(&j, '}');
    }
    hg_json_close(&j, ']');
    hg_buf_puts(b, "\n");
}

static bool validate_group(hg_ask *a, const hg_table_group *g, verdict *out)
{
    hg_rates rates;
    hg_arena scratch = *a->arena;
    hg_device device;
    const char *note;
    if (!hg_device_find(&scratch, &a->data, g->device, &device, &a->err) ||
        !hg_rates_open(&scratch, &a->data, &device, g->engine, g->version, &rates, &note, &a->err) ||
        (a->s.calibration.s && !hg_rates_overlay(&scratch, &rates, a->s.calibration.s, &a->err)))
        return false;
    for (size_t i = 0; i < g->count; i++) {
        const char *file = a->s.op.s ? a->s.op.s : hg_basename(g->paths[i]);
        char name[64] = { 0 };
        strncpy(name, file, strcspn(file, ".") < 63 ? strcspn(file, ".") : 63);
        out[i] = (verdict){ .device = g->device, .engine = g->engine, .version = g->version, .op = hg_op_find(name)->name };
        if (!judge(a, scratch, &rates, g->paths[i], &out[i]))
            return false;
    }
    return true;
}

static hg_code validate_ops(hg_ask *a)
{
    hg_table_group *groups;
    size_t count, tables = 0, at = 0;
    const char *by = a->s.by.s ? a->s.by.s : "op";
    if (strcmp(by, "op") != 0 && strcmp(by, "device") != 0 && strcmp(by, "engine") != 0)
        return hg_refuse(a, a->s.by.where, "is '%.40s'; operators group by op, device or engine", by);
    if (!hg_walk_tables(a->arena, a->s.inputs + 1, a->s.input_count - 1, a->s.device.s, a->s.engine.s,
                        a->s.engine_version.s, a->s.op.s, &groups, &count, &a->err))
        return a->err.code;
    for (size_t i = 0; i < count; i++)
        tables += groups[i].count;
    verdict *v = HG_NEW(a->arena, verdict, tables);
    for (size_t i = 0; i < count && !hg_stopped(a); at += groups[i++].count) {
        hg_progress(a, (double)i / (double)count, groups[i].device);
        if (!validate_group(a, &groups[i], v + at))
            return a->err.code;
    }
    hg_buf b = { .arena = a->arena };
    if (a->s.json.v) {
        write_json(&b, v, at);
        return hg_answer(a, b.s, b.n);
    }
    write_tables(&b, v, at);
    group_sum *sums = HG_NEW(a->arena, group_sum, at);
    hg_buf_puts(&b, "\n");
    write_groups(&b, sums, sum_groups(v, at, by, sums), by);
    return hg_answer(a, b.s, b.n);
}

static hg_code run(hg_ask *a)
{
    if (a->s.input_count > 1 && strcmp(a->s.inputs[0], "serving") == 0)
        return hg_validate_serving(a);
    if (a->s.picks.v || a->s.picks_by_plan.v || a->s.confidence.given)
        return hg_refuse(a, a->s.picks.v ? "--picks" : a->s.picks_by_plan.v ? "--picks-by-plan" : a->s.confidence.where,
                         "is of serving runs; 'heng validate serving' takes it");
    if (a->s.client.s)
        return hg_refuse(a, a->s.client.where, "is of serving runs; 'heng validate serving' takes it");
    if (a->s.input_count && strcmp(a->s.inputs[0], "transfer") == 0)
        return hg_validate_transfer(a);
    if (a->s.input_count < 2 || strcmp(a->s.inputs[0], "ops") != 0)
        return hg_refuse(a, "validate", "takes 'ops' and tables, 'transfer' and tables, or 'serving' and runs; "
                         "as in 'heng validate ops DIR'");
    return validate_ops(a);
}

const hg_verb hg_verb_validate = {
    "validate", "heng validate ops DIR|FILE… [--by op|device|engine] [--rows N]; heng validate transfer [DIR|FILE…]; heng validate serving FILE… [--by COLUMNS]",
    "how wrong are the predictions, on these measurements?", run
};

#include "api/verb.h"

#include "api/calibrate.h"
#include "api/loads_report.h"
#include "api/transfer.h"
#include "base/file.h"
#include "base/json.h"
#include "fit/calibrate.h"
#include "fit/walk.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

const char *hg_today(hg_arena *arena)
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    time_t now = epoch ? (time_t)atoll(epoch) : time(NULL);
    struct tm day;
    char text[16];
    gmtime_r(&now, &day);
    strftime(text, sizeof text, "%Y-%m-%d", &day);
    return hg_strdup(arena, text);
}

static const char *source_of(hg_arena *arena, const hg_table_group *g)
{
    if (strcmp(g->engine, "probe") == 0)
        return hg_textf(arena, "heng calibrate probe on %s", g->device);
    /* The tables' own publisher, where the group is one of those; a user's tables name themselves. */
    bool published = strcmp(g->version, "user") != 0;
    return published ? hg_textf(arena, "measured tables of ai-dynamo/aiconfigurator (Apache-2.0), "
                                       "%s, %s %s", g->device, g->engine, g->version)
                     : "the user's measurements";
}

static hg_code write_group(hg_ask *a, const hg_table_group *g, const hg_fitted *tables, const char *root)
{
    const char *folder = hg_textf(a->arena, "%s/%s", root, g->device);
    const char *path = hg_textf(a->arena, "%s/%s-%s.json", folder, g->engine, g->version);
    size_t size;
    hg_err none;
    const char *existing =
        hg_is_file(path) ? hg_file_read(a->arena, path, 64000000, &size, &none) : NULL;
    const char *text = hg_calibration_text(a->arena, g->device, g->engine, g->version,
                                           source_of(a->arena, g), hg_today(a->arena), tables,
                                           g->count, existing, a->s.op.s != NULL);
    if (!hg_folder_make(folder, &a->err) ||
        !hg_file_write(path, text, strlen(text), a->s.force.v, &a->err))
        return a->err.code;
    hg_note(a, hg_textf(a->arena, "wrote %s", path));
    return HG_DONE;
}

static void report(hg_buf *out, const hg_table_group *g, const hg_fitted *t)
{
    if (t->ok)
        hg_buf_printf(out, "%-20s %-18s %-22s %8zu %6d   %6.2f%% %6.2f%% %6.2f%%\n", g->device,
                      hg_textf(out->arena, "%s-%s", g->engine, g->version), t->op, t->rows,
                      t->coefficients, 100 * t->error.mean, 100 * t->error.median, 100 * t->error.p90);
    else
        hg_buf_printf(out, "%-20s %s-%s: %s %s\n", g->device, g->engine, g->version, t->err.where,
                      t->err.msg);
}

static void report_json(hg_buf *out, const hg_table_group *g, const hg_fitted *t)
{
    hg_json j = { .out = out };
    hg_json_open(&j, '{');
    hg_json_key_str(&j, "device", g->device);
    hg_json_key_str(&j, "engine", g->engine);
    hg_json_key_str(&j, "version", g->version);
    hg_json_key_str(&j, "op", t->op);
    if (t->ok) {
        hg_json_key_int(&j, "rows", (int64_t)t->rows);
        hg_json_key_int(&j, "coefficients", t->coefficients);
        hg_json_key_num(&j, "mean", t->error.mean);
        hg_json_key_num(&j, "median", t->error.median);
        hg_json_key_num(&j, "p90", t->error.p90);
    } else {
        hg_json_key_str(&j, "error", hg_textf(out->arena, "%s %s", t->err.where, t->err.msg));
    }
    hg_json_close(&j, '}');
    hg_buf_puts(out, "\n");
}

static hg_code calibrate_group(hg_ask *a, const hg_table_group *g, const char *root, hg_buf *out)
{
    hg_device device;
    if (!hg_device_find(a->arena, &a->data, g->device, &device, &a->err))
        return a->err.code;
    hg_fitted *tables = HG_NEW(a->arena, hg_fitted, g->count);
    hg_fit_tables(a->arena, &device, g->paths, g->count, a->s.op.s, a->s.folds.n ? (int)a->s.folds.v[0] : HG_FOLDS,
                  a->s.threads.n ? (int)a->s.threads.v[0] : 0, tables);
    size_t good = 0;
    for (size_t i = 0; i < g->count; i++) {
        (a->s.json.v ? report_json : report)(out, g, &tables[i]);
        good += tables[i].ok;
    }
    if (good == 0) {
        a->err = tables[0].err;
        return HG_INPUT;
    }
    return write_group(a, g, tables, root);
}

hg_code hg_calibrate_ops(hg_ask *a, const char *const *inputs, size_t input_count, const char *device,
                         const char *root)
{
    hg_table_group *groups;
    size_t count;
    if (!hg_walk_tables(a->arena, inputs, input_count, device, a->s.engine.s, a->s.engine_version.s, a->s.op.s,
                        &groups, &count, &a->err))
        return a->err.code;
    hg_buf out = { .arena = a->arena };
    if (!a->s.json.v)
        hg_buf_printf(&out, "%-20s %-18s %-22s %8s %6s   %7s %7s %7s\n", "device", "engine", "op", "rows",
                      "coef", "mean", "median", "p90");
    for (size_t i = 0; i < count && !hg_stopped(a); i++) {
        hg_progress(a, (double)i / (double)count, groups[i].device);
        hg_code code = calibrate_group(a, &groups[i], root, &out);
        if (code != HG_DONE)
            return code;
    }
    if (a->io->out)
        a->io->out(a->io->ctx, out.s, out.n);
    return HG_DONE;
}

/* Words that say what a user's own runs were of say nothing of tables. */
static bool no_deployment(hg_ask *a)
{
    static const char *const words[] = { "model", "tp", "pp", "dp", "ep", "precision", "kv_dtype", "max_num_seqs", "max_num_batched_tokens",
                                         "gpu_memory_utilization", "isl", "osl", "length_range", "concurrency" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (hg_word_given(&a->s, hg_word_find(words[i])))
            return hg_fail(&a->err, HG_INPUT, hg_textf(a->arena, "--%s", words[i]), "says what runs of your own were of; only 'heng calibrate "
                           "serving' takes it");
    return true;
}

static hg_code run(hg_ask *a)
{
    const char *what = a->s.input_count ? a->s.inputs[0] : "";
    if (strcmp(what, "serving") != 0 && !no_deployment(a))
        return a->err.code;
    if (strcmp(what, "probe") == 0)
        return hg_calibrate_probe(a);
    if (strcmp(what, "transfer") == 0)
        return hg_calibrate_transfer(a);
    if (strcmp(what, "serving") == 0)
        return hg_calibrate_serving(a);
    if (a->s.input_count > 1 && strcmp(what, "host") == 0)
        return hg_calibrate_host(a);
    if (a->s.input_count > 1 && strcmp(what, "loads") == 0)
        return hg_calibrate_loads(a);
    if (a->s.input_count < 2 || strcmp(what, "ops") != 0)
        return hg_refuse(a, "calibrate", "takes 'ops' and tables, 'serving' and runs of your own, 'host' or 'loads' and published runs, "
                         "'transfer' or 'probe'; as in 'heng calibrate serving bench.json --device h100_sxm -o own.json'");
    return hg_calibrate_ops(a, a->s.inputs + 1, a->s.input_count - 1, a->s.device.s,
                            a->s.output.s ? a->s.output.s : "data/calibration");
}

const hg_verb hg_verb_calibrate = {
    "calibrate", "heng calibrate ops DIR|FILE… [-o data/calibration] [--force]; heng calibrate transfer [DIR|FILE…] [-o FILE]; "
    "heng calibrate serving FILE… [--model M --device D --engine E --tp N …] [-o own.json]; heng calibrate host FILE…; "
    "heng calibrate loads FILE…; heng calibrate probe [cpu|cuda] [-o probe]",
    "fit a device's operators, an engine's host costs or your own server from measurements, or measure this machine; errors on what was kept back", run
};

#include "api/calibrate.h"

#include "base/file.h"
#include "base/json.h"
#include "base/units.h"
#include "fit/surface_fit.h"
#include "probe/probe.h"

#include <stdlib.h>
#include <string.h>

/* Shown of each table, evenly spread from the shortest call to the longest. */
enum { SHOWN = 8 };
static const double BUDGET_S = 30;

static void progress(void *ctx, double done_frac, const char *what)
{
    hg_progress(ctx, done_frac, what);
}

static const hg_backend *backend_named(hg_ask *a, const char *word)
{
    hg_buf names = { .arena = a->arena };
    for (int i = 0; i < hg_backend_count; i++) {
        if (strcmp(hg_backends[i]->name, word) == 0)
            return hg_backends[i];
        hg_buf_printf(&names, "%s%s", i ? ", " : "", hg_backends[i]->name);
    }
    hg_refuse(a, "calibrate probe", "measures %s, not '%.40s'", names.s, word);
    return NULL;
}

/* The machine named; without a name the last of the list that answers, and why the later ones do
 * not. */
static bool measure(hg_ask *a, const hg_probe_wish *wish, hg_probe *out)
{
    const char *word = a->s.input_count > 1 ? a->s.inputs[1] : NULL;
    const hg_backend *named = word ? backend_named(a, word) : NULL;
    if (word)
        return named && hg_probe_run(a->arena, named, wish, out, &a->err);
    for (int i = hg_backend_count; i-- > 0;) {
        a->err = (hg_err){ 0 };
        if (hg_probe_run(a->arena, hg_backends[i], wish, out, &a->err))
            return true;
        hg_note(a, hg_textf(a->arena, "%s: %s %s", hg_backends[i]->name, a->err.where, a->err.msg));
    }
    return false;
}

/* A device of the catalogue keeps its data sheet's facts; another one's are written as measured. */
static bool settle_device(hg_ask *a, const hg_probe *p, const char *folder, hg_device *out)
{
    const char *word = a->s.device.s ? a->s.device.s : p->alias;
    hg_err unknown;
    if (hg_device_find(a->arena, &a->data, word, out, &unknown)) {
        hg_note(a, hg_textf(a->arena, "%s is %s of the catalogue: its facts stay", p->alias,
                            out->name));
        return true;
    }
    const char *name = hg_probe_name(a->arena, word);
    const char *path = hg_textf(a->arena, "%s/devices/%s.json", folder, name);
    const char *json = hg_probe_device_json(a->arena, p, name, hg_today(a->arena));
    if (!hg_folder_make(hg_textf(a->arena, "%s/devices", folder), &a->err) ||
        !hg_file_write(path, json, strlen(json), a->s.force.v, &a->err))
        return false;
    hg_note(a, hg_textf(a->arena, "wrote %s", path));
    return hg_device_read(a->arena, path, json, strlen(json), out, &a->err);
}

static bool write_tables(hg_ask *a, const hg_probe *p, const char *folder)
{
    if (!hg_folder_make(folder, &a->err))
        return false;
    for (int i = 0; i < hg_op_count; i++) {
        const char *csv = hg_probe_csv(a->arena, p, hg_ops[i]);
        const char *path = hg_textf(a->arena, "%s/%s.csv", folder, hg_ops[i]->name);
        if (!csv)
            continue;
        if (!hg_file_write(path, csv, strlen(csv), a->s.force.v, &a->err))
            return false;
        hg_note(a, hg_textf(a->arena, "wrote %s", path));
    }
    return true;
}

static void say_row(hg_buf *out, const hg_table *t, const hg_row *row, double error, bool json)
{
    double measured_ms = 1e3 * row->seconds, predicted_ms = measured_ms * (1 + error);
    hg_buf shape = { .arena = out->arena };
    hg_json j = { .out = out };
    for (int i = 0; i < hg_op_dim_count(t->op); i++)
        if (row->shape.d[i] != 0)
            hg_buf_printf(&shape, "%s%s=%.0f", shape.n ? " " : "", t->op->dims[i].column,
                          row->shape.d[i]);
    if (!json) {
        hg_buf_printf(out, "%-21s %-78s %10.4f %10.4f %+8.1f %%\n", t->op->name, shape.s,
                      measured_ms, predicted_ms, 100 * error);
        return;
    }
    hg_json_open(&j, '{');
    hg_json_key_str(&j, "op", t->op->name);
    hg_json_key_str(&j, "series", t->keys[row->series]);
    hg_json_key_str(&j, "shape", shape.s);
    hg_json_key_num(&j, "measured_ms", measured_ms);
    hg_json_key_num(&j, "predicted_ms", predicted_ms);
    hg_json_close(&j, '}');
    hg_buf_puts(out, "\n");
}

typedef struct ranked {
    double seconds;
    size_t row;
} ranked;

static int by_seconds(const void *x, const void *y)
{
    double a = ((const ranked *)x)->seconds, b = ((const ranked *)y)->seconds;
    return (a > b) - (a < b);
}

static void say_some(hg_arena *arena, hg_buf *out, const hg_table *t, const double *errors,
                     bool json)
{
    size_t n = 0;
    ranked *r = HG_NEW(arena, ranked, t->count);
    for (size_t i = 0; i < t->count; i++)
        if (errors[i] == errors[i])
            r[n++] = (ranked){ t->rows[i].seconds, i };
    qsort(r, n, sizeof *r, by_seconds);
    size_t shown = json || n < SHOWN ? n : SHOWN;
    for (size_t i = 0; i < shown; i++) {
        size_t at = shown > 1 ? i * (n - 1) / (shown - 1) : 0;
        say_row(out, t, &t->rows[r[at].row], errors[r[at].row], json);
    }
}

/* Each fifth of the shape families predicted by a fit to the others. */
static bool judge(hg_ask *a, const hg_device *d, const char *path, const hg_op *op, hg_buf *out)
{
    hg_table t;
    hg_surface s;
    hg_arena scratch;
    if (!hg_table_read(a->arena, op, path, &t, &a->err))
        return false;
    if (!hg_arena_open(&scratch, 0))
        return hg_fail(&a->err, HG_WORLD, "memory",
                       "the system refuses address space; raise 'ulimit -v'");
    double *errors = HG_NEW(a->arena, double, t.count);
    hg_surface_fit(a->arena, scratch, &t, d, -1, &s);
    hg_surface_validate(scratch, &t, d, HG_FOLDS, &s, errors);
    hg_arena_close(&scratch);
    say_some(a->arena, out, &t, errors, a->s.json.v);
    return true;
}

static bool judge_tables(hg_ask *a, const hg_probe *p, const hg_device *d, const char *folder)
{
    hg_buf out = { .arena = a->arena };
    if (!a->s.json.v)
        hg_buf_printf(&out, "shape families kept back from the fit\n%-21s %-78s %10s %10s %10s\n",
                      "op", "shape", "measured", "predicted", "error");
    for (int i = 0; i < hg_op_count; i++)
        if (hg_probe_csv(a->arena, p, hg_ops[i]) &&
            !judge(a, d, hg_textf(a->arena, "%s/%s.csv", folder, hg_ops[i]->name), hg_ops[i], &out))
            return false;
    if (!a->s.json.v)
        hg_buf_puts(&out, "(ms)\n\n");
    if (a->io->out)
        a->io->out(a->io->ctx, out.s, out.n);
    return true;
}

static void say_machine(hg_ask *a, const hg_probe *p)
{
    char bandwidth[32], bf16[32], fp32[32];
    for (int i = 0; p->notes[i]; i++)
        hg_note(a, p->notes[i]);
    hg_format(bandwidth, sizeof bandwidth, p->device.memory_bytes_per_s, HG_BYTES_PER_S);
    hg_format(bf16, sizeof bf16, p->device.tensor_flops_per_s[HG_BF16], HG_FLOPS_PER_S);
    hg_format(fp32, sizeof fp32, p->device.vector_flops_per_s, HG_FLOPS_PER_S);
    hg_note(
        a,
        hg_textf(
            a->arena,
            "%s: %s, bf16 %s, fp32 %s; %zu shapes in %.0f s, %zu too long or too large; clock: %s",
            p->device.title, bandwidth, bf16, fp32, p->count, p->seconds, p->left_out, p->clock));
    if (p->disturbed)
        hg_note(
            a,
            hg_textf(a->arena,
                     "%zu of %zu shapes were never timed quietly: other work ran on this machine; "
                     "measure again when it rests, or with fewer --threads",
                     p->disturbed, p->count));
}

static void say_how_to_ask(hg_ask *a, const hg_probe *p, const char *device, const char *folder)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->rows[i].call.op == &hg_op_gemm) {
            hg_note(
                a,
                hg_textf(a->arena,
                         "ask it: heng predict ops --device %s --engine probe --data %s --op gemm "
                         "gemm_dtype=%s m=64 n=4096 k=4096",
                         device, folder, p->rows[i].call.label[1]));
            return;
        }
}

static hg_code finish(hg_ask *a, const hg_probe *p, const char *folder)
{
    hg_device device;
    if (p->count == 0)
        return hg_refuse(a, "--budget", "was over before a call was timed; give more seconds");
    if (!settle_device(a, p, folder, &device))
        return a->err.code;
    const char *device_folder = hg_textf(a->arena, "%s/ops/%s", folder, device.name);
    const char *tables = hg_textf(a->arena, "%s/probe-%s", device_folder, heng_version());
    if (!write_tables(a, p, tables) || !judge_tables(a, p, &device, tables))
        return a->err.code;
    a->data.overlay = folder;
    hg_code code = hg_calibrate_ops(a, &device_folder, 1, device.name,
                                    hg_textf(a->arena, "%s/calibration", folder));
    if (code == HG_DONE)
        say_how_to_ask(a, p, device.name, folder);
    return code;
}

/* A file named is read before a minute goes by. */
static bool device_file_is_good(hg_ask *a)
{
    hg_device ignored;
    const char *word = a->s.device.s;
    bool file = word && (hg_is_file(word) || hg_ends(word, ".json"));
    return !file || hg_device_find(a->arena, &a->data, word, &ignored, &a->err);
}

hg_code hg_calibrate_probe(hg_ask *a)
{
    const char *folder = a->s.output.s ? a->s.output.s : "probe",
               *libraries = getenv("HENG_LIBRARIES");
    if (hg_is_folder(hg_textf(a->arena, "%s/ops", folder)) && !a->s.force.v)
        return hg_refuse(a, folder,
                         "holds a probe already; name another folder with -o, or --force");
    hg_probe_wish wish = {
        .budget_s = a->s.budget.given ? a->s.budget.v : BUDGET_S,
        .threads = a->s.threads.n ? (int)a->s.threads.v[0] : 0,
        .libraries = libraries && *libraries ? libraries : NULL,
        .stop = a->io->stop,
        .progress = progress,
        .ctx = a,
    };
    hg_probe p;
    if (!device_file_is_good(a) || !measure(a, &wish, &p))
        return a->err.code;
    say_machine(a, &p);
    return finish(a, &p, folder);
}

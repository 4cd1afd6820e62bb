#include "api/transfer.h"

#include "base/file.h"
#include "base/json.h"
#include "fit/transfer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Where the tables lie beside a checkout; not part of it. */
static const char TABLES[] = "../shared/data/ops";

/* Of each table: enough for a percentile to stand still, few enough that large tables do not speak for
 * all others. */
enum { ROWS = 1000 };

static bool read_account(hg_ask *a, hg_ladder_account *account)
{
    const char *const standard[] = { TABLES };
    bool named = a->s.input_count > 1;
    hg_table_group *groups;
    size_t count, rows = a->s.rows.n ? (size_t)a->s.rows.v[0] : ROWS;
    *account = (hg_ladder_account){ 0 };
    if (!hg_walk_tables(a->arena, named ? a->s.inputs + 1 : standard, named ? a->s.input_count - 1 : 1,
                        a->s.device.s, a->s.engine.s, a->s.engine_version.s, a->s.op.s, &groups, &count,
                        &a->err))
        return false;
    for (size_t i = 0; i < count && !hg_stopped(a); i++) {
        hg_progress(a, 0.9 * (double)i / (double)count, groups[i].device);
        if (!hg_hold_group(a->arena, &a->data, &groups[i], rows, account, &a->err))
            return false;
    }
    for (size_t i = 0; i < count && !hg_stopped(a); i++) {
        hg_progress(a, 0.9 + 0.1 * (double)i / (double)count, groups[i].device);
        if (!hg_hold_roofline(a->arena, &groups[i], rows, account, &a->err))
            return false;
    }
    return true;
}

/* NULL: any. */
typedef struct slice {
    hg_rung rung;
    const hg_op *op;
    const char *device, *engine;
} slice;

static bool in_slice(const hg_held *h, const void *ctx)
{
    const slice *s = ctx;
    return h->rung == s->rung && (!s->op || h->op == s->op) &&
           (!s->device || strcmp(h->group->device, s->device) == 0) &&
           (!s->engine || strcmp(h->group->engine, s->engine) == 0);
}

typedef struct printer {
    hg_ask *a;
    const hg_ladder_account *account;
    hg_buf *b;
    hg_json *j;                /* NULL: text */
} printer;

static void print_slice(const printer *p, const slice *s, const char *what, const char *by)
{
    hg_held_stats e = hg_held_summary(*p->a->arena, p->account, in_slice, s);
    if (e.n == 0)
        return;
    if (!p->j) {
        hg_buf_printf(p->b, "%-13s %-22s %7zu %8zu %7.1f%% %7.1f%% %7.1f%% %+7.1f%%\n", hg_rung_names[s->rung],
                      what, e.tables, e.n, 100 * e.mean, 100 * e.median, 100 * e.p80, 100 * e.bias);
        return;
    }
    hg_json_open(p->j, '{');
    hg_json_key_str(p->j, "rung", hg_rung_names[s->rung]);
    hg_json_key_str(p->j, by, what);
    hg_json_key_int(p->j, "tables", (int64_t)e.tables);
    hg_json_key_int(p->j, "n", (int64_t)e.n);
    hg_json_key_num(p->j, "mean", e.mean);
    hg_json_key_num(p->j, "median", e.median);
    hg_json_key_num(p->j, "p80", e.p80);
    hg_json_key_num(p->j, "bias", e.bias);
    hg_json_key_num(p->j, "half_80", e.half_80);
    hg_json_close(p->j, '}');
}

/* The distinct devices or engines of the account, in its order. */
static size_t names_of(const hg_ladder_account *account, bool devices, const char **out, size_t most)
{
    size_t n = 0;
    for (size_t i = 0; i < account->held_count && n < most; i++) {
        const hg_table_group *g = account->held[i].group;
        const char *name = devices ? g->device : g->engine;
        size_t k = 0;
        while (k < n && strcmp(out[k], name) != 0)
            k++;
        if (k == n)
            out[n++] = name;
    }
    return n;
}

enum { NAMES = 256 };

static void print_rung(const printer *p, hg_rung rung, const char *by)
{
    const char *names[NAMES];
    bool devices = strcmp(by, "device") == 0;
    if (strcmp(by, "op") == 0) {
        for (int i = 0; i < hg_op_count; i++)
            print_slice(p, &(slice){ .rung = rung, .op = hg_ops[i] }, hg_ops[i]->name, by);
        return;
    }
    size_t n = names_of(p->account, devices, names, NAMES);
    for (size_t i = 0; i < n; i++)
        print_slice(p, &(slice){ .rung = rung, .device = devices ? names[i] : NULL,
                                 .engine = devices ? NULL : names[i] }, names[i], by);
}

hg_code hg_validate_transfer(hg_ask *a)
{
    hg_ladder_account account;
    const char *by = a->s.by.s ? a->s.by.s : "op";
    if (strcmp(by, "op") != 0 && strcmp(by, "device") != 0 && strcmp(by, "engine") != 0)
        return hg_refuse(a, a->s.by.where, "is '%.40s'; rungs group by op, device or engine", by);
    if (!read_account(a, &account))
        return a->err.code;
    hg_buf b = { .arena = a->arena };
    hg_json j = { .out = &b };
    printer p = { a, &account, &b, a->s.json.v ? &j : NULL };
    if (p.j)
        hg_json_open(&j, '[');
    else
        hg_buf_printf(&b, "%-13s %-22s %7s %8s %8s %8s %8s %8s\n", "rung", by, "tables", "rows", "mean", "median",
                      "p80", "bias");
    for (int r = HG_RUNG_EXTRAPOLATED; r < HG_RUNGS; r++)
        print_rung(&p, (hg_rung)r, by);
    if (p.j) {
        hg_json_close(&j, ']');
        hg_buf_puts(&b, "\n");
    }
    return hg_answer(a, b.s, b.n);
}

static void write_rounded(hg_json *j, const char *key, double x)
{
    hg_json_key_num(j, key, round(x * 1e4) / 1e4);
}

static void write_errors(hg_ask *a, hg_json *j, const hg_ladder_account *account, const hg_op *op, const char *name)
{
    hg_buf_puts(j->out, "\n  ");
    hg_json_key(j, name);
    hg_json_open(j, '{');
    for (int r = HG_RUNG_EXTRAPOLATED; r < HG_RUNGS; r++) {
        hg_held_stats e = hg_held_summary(*a->arena, account, in_slice, &(slice){ .rung = (hg_rung)r, .op = op });
        if (e.n == 0)
            continue;
        hg_buf_puts(j->out, "\n    ");
        hg_json_key(j, hg_rung_names[r]);
        hg_json_open(j, '{');
        hg_json_key_int(j, "tables", (int64_t)e.tables);
        hg_json_key_int(j, "n", (int64_t)e.n);
        write_rounded(j, "mean", e.mean);
        write_rounded(j, "median", e.median);
        write_rounded(j, "p80", e.p80);
        write_rounded(j, "bias", e.bias);
        write_rounded(j, "half_80", e.half_80);
        hg_json_close(j, '}');
    }
    hg_json_close(j, '}');
}

static void write_typical(hg_json *j, const char *class, const hg_typical *t)
{
    static const char *const keys[HG_COMPONENTS] = { "tensor", "vector", "memory", "link" };
    hg_buf_puts(j->out, "\n    ");
    hg_json_key(j, class);
    hg_json_open(j, '{');
    hg_json_key_num(j, "launch_us", round(t->launch_s * 1e9) / 1e3);
    for (int c = 0; c < HG_COMPONENTS; c++)
        write_rounded(j, keys[c], t->efficiency[c]);
    hg_json_close(j, '}');
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The architectures, or the vendors, of an op's tables. */
static size_t classes_of(const hg_ladder_account *account, const hg_op *op, bool vendors, const char **out)
{
    size_t n = 0;
    for (size_t i = 0; i < account->reached_count && n < NAMES; i++) {
        const hg_reached *r = &account->reached[i];
        const char *name = vendors ? r->device.vendor : r->device.architecture;
        size_t k = 0;
        while (k < n && strcmp(out[k], name) != 0)
            k++;
        if (k == n && (!op || r->op == op))
            out[n++] = name;
    }
    qsort(out, n, sizeof *out, by_text);
    return n;
}

static void write_classes(hg_ask *a, hg_json *j, const hg_ladder_account *account, const hg_op *op, const char *name)
{
    const char *names[NAMES];
    hg_typical t;
    if (!hg_typical_median(*a->arena, account, op, NULL, NULL, NULL, &t))
        return;
    hg_buf_puts(j->out, "\n  ");
    hg_json_key(j, name);
    hg_json_open(j, '{');
    for (int vendors = 0; vendors < 2; vendors++) {
        size_t n = classes_of(account, op, vendors, names);
        hg_typical of;
        for (size_t i = 0; i < n; i++)
            if (hg_typical_median(*a->arena, account, op, vendors ? NULL : names[i], vendors ? names[i] : NULL, NULL, &of))
                write_typical(j, names[i], &of);
    }
    write_typical(j, "all", &t);
    hg_json_close(j, '}');
}

static const char how[] =
    "heng calibrate transfer: every measured table predicted as if it, its engine, its device or its architecture had "
    "not been measured; half_80 holds 80 % of the rows; typical: medians over tables of launch and of the part of each "
    "component's data-sheet rate that is reached where it binds";

static char *account_text(hg_ask *a, const hg_ladder_account *account)
{
    hg_buf b = { .arena = a->arena };
    hg_json j = { .out = &b };
    hg_json_open(&j, '{');
    hg_json_key_str(&j, "how", how);
    hg_json_key_str(&j, "source", "measured tables of ai-dynamo/aiconfigurator (Apache-2.0)");
    hg_buf_puts(&b, "\n");
    hg_json_key(&j, "errors");
    hg_json_open(&j, '{');
    for (int i = 0; i <= hg_op_count; i++)
        write_errors(a, &j, account, i < hg_op_count ? hg_ops[i] : NULL, i < hg_op_count ? hg_ops[i]->name : "all");
    hg_json_close(&j, '}');
    hg_json_key(&j, "typical");
    hg_json_open(&j, '{');
    for (int i = 0; i <= hg_op_count; i++)
        write_classes(a, &j, account, i < hg_op_count ? hg_ops[i] : NULL, i < hg_op_count ? hg_ops[i]->name : "all");
    hg_json_close(&j, '}');
    hg_json_close(&j, '}');
    hg_buf_puts(&b, "\n");
    return b.s;
}

hg_code hg_calibrate_transfer(hg_ask *a)
{
    hg_ladder_account account;
    const char *path = a->s.output.s ? a->s.output.s : "data/transfer.json";
    if (!read_account(a, &account))
        return a->err.code;
    const char *text = account_text(a, &account);
    if (!hg_file_write(path, text, strlen(text), a->s.force.v, &a->err))
        return a->err.code;
    hg_note(a, hg_textf(a->arena, "wrote %s", path));
    return HG_DONE;
}

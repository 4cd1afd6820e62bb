#include "api/catalog.h"

#include "base/file.h"
#include "base/json.h"
#include "base/units.h"
#include "cost/calibration.h"
#include "spec/engine.h"
#include "spec/workload.h"

#include <math.h>
#include <string.h>

/* A folder of the data without the ".json" of its names. */
static char **names_of(hg_ask *a, const char *folder, size_t *n)
{
    char **names = hg_data_list(&a->data, a->arena, folder, n);
    for (size_t i = 0; i < *n; i++)
        if (hg_ends(names[i], ".json"))
            names[i][strlen(names[i]) - 5] = 0;
    return names;
}

static const char *calibrations(hg_ask *a, const char *device)
{
    size_t n;
    char **names = names_of(a, hg_textf(a->arena, "calibration/%s", device), &n);
    hg_buf b = { .arena = a->arena };
    for (size_t i = 0; i < n; i++)
        hg_buf_printf(&b, "%s%s", i ? " " : "", names[i]);
    return n ? b.s : "";
}

static void device_line(hg_ask *a, hg_buf *b, hg_json *j, const hg_device *d)
{
    char memory[32], rate[32], flops[32];
    const char *known = calibrations(a, d->name);
    if (a->s.json.v) {
        hg_json_open(j, '{');
        hg_json_key_str(j, "name", d->name);
        hg_json_key_str(j, "title", d->title);
        hg_json_key_num(j, "memory_bytes", d->memory_bytes);
        hg_json_key_num(j, "memory_bytes_per_s", d->memory_bytes_per_s);
        hg_json_key_num(j, "bf16_flops_per_s", d->tensor_flops_per_s[HG_BF16]);
        hg_json_key_num(j, "power_w", d->power_w);
        hg_json_key_str(j, "calibrations", known);
        hg_json_close(j, '}');
        return;
    }
    hg_buf_printf(b, "%-22s %8s %10s %13s  %s\n", d->name, hg_format(memory, sizeof memory, d->memory_bytes, HG_BYTES),
                  hg_format(rate, sizeof rate, d->memory_bytes_per_s, HG_BYTES_PER_S),
                  hg_format(flops, sizeof flops, d->tensor_flops_per_s[HG_BF16], HG_FLOPS_PER_S),
                  *known ? known : "not measured: transferred or roofline");
}

hg_code hg_catalog_devices(hg_ask *a)
{
    size_t n;
    char **names = names_of(a, "devices", &n);
    hg_buf b = { .arena = a->arena };
    hg_json j = { .out = &b };
    if (a->s.json.v)
        hg_json_open(&j, '[');
    else
        hg_buf_printf(&b, "%-22s %8s %10s %13s  %s\n", "device", "memory", "bandwidth", "bf16 dense", "calibrated for");
    for (size_t i = 0; i < n; i++) {
        hg_device d;
        if (!hg_device_find(a->arena, &a->data, names[i], &d, &a->err))
            return a->err.code;
        device_line(a, &b, &j, &d);
    }
    if (a->s.json.v) {
        hg_json_close(&j, ']');
        hg_buf_puts(&b, "\n");
    }
    return hg_answer(a, b.s, b.n);
}

hg_code hg_catalog_engines(hg_ask *a)
{
    size_t n;
    char **names = names_of(a, "engines", &n);
    hg_buf b = { .arena = a->arena };
    hg_json j = { .out = &b };
    if (a->s.json.v)
        hg_json_open(&j, '[');
    for (size_t i = 0; i < n; i++) {
        hg_engine e;
        if (!hg_engine_find(a->arena, &a->data, names[i], NULL, &e, &a->err))
            return a->err.code;
        if (a->s.json.v)
            hg_json_str(&j, e.name);
        else
            hg_buf_printf(&b, "%s: %s, files for version %s, blocks of %lld tokens, memory fraction %.3g; host costs: %s\n",
                          e.name, e.title, e.version, (long long)e.block_tokens, e.gpu_memory_utilization,
                          e.overheads.fitted ? e.overheads.fitted : "not fitted");
    }
    if (a->s.json.v) {
        hg_json_close(&j, ']');
        hg_buf_puts(&b, "\n");
    }
    return hg_answer(a, b.s, b.n);
}

hg_code hg_catalog_presets(hg_ask *a)
{
    size_t n;
    const char **names = hg_workload_presets(a->arena, &a->data, &n, &a->err);
    if (!names)
        return a->err.code;
    hg_buf b = { .arena = a->arena };
    hg_json j = { .out = &b };
    if (a->s.json.v)
        hg_json_open(&j, '[');
    for (size_t i = 0; i < n; i++) {
        hg_workload w;
        if (!hg_workload_preset(a->arena, &a->data, names[i], 0, &w, &a->err))
            return a->err.code;
        hg_workload_stats s = hg_workload_describe(*a->arena, &w);
        if (a->s.json.v)
            hg_json_str(&j, names[i]);
        else
            hg_buf_printf(&b, "%-12s isl mean %6.0f p50 %6.0f p90 %6.0f   osl mean %6.0f p50 %6.0f p90 %6.0f\n", names[i],
                          s.isl.mean, s.isl.p50, s.isl.p90, s.osl.mean, s.osl.p50, s.osl.p90);
    }
    if (a->s.json.v) {
        hg_json_close(&j, ']');
        hg_buf_puts(&b, "\n");
    }
    return hg_answer(a, b.s, b.n);
}

static void lengths_json(hg_json *j, const char *key, const hg_length_stats *s)
{
    hg_json_key(j, key);
    hg_json_open(j, '{');
    hg_json_key_num(j, "mean", s->mean);
    hg_json_key_num(j, "p50", s->p50);
    hg_json_key_num(j, "p90", s->p90);
    hg_json_key_num(j, "p99", s->p99);
    hg_json_key_num(j, "max", s->max);
    hg_json_close(j, '}');
}

static void workload_json(hg_buf *b, const hg_workload_stats *s)
{
    hg_json j = { .out = b };
    hg_json_open(&j, '{');
    hg_json_key_int(&j, "requests", (int64_t)s->requests);
    hg_json_key_num(&j, "duration_s", s->duration_s);
    hg_json_key_num(&j, "rate_per_s", s->rate_per_s);
    hg_json_key_num(&j, "burstiness", s->burstiness);
    lengths_json(&j, "isl", &s->isl);
    lengths_json(&j, "osl", &s->osl);
    if (s->prefix_block_tokens) {
        hg_json_key(&j, "prefix");
        hg_json_open(&j, '{');
        hg_json_key_int(&j, "block_tokens", s->prefix_block_tokens);
        hg_json_key_num(&j, "infinite_hit_frac", s->infinite_hit_frac);
        hg_json_key(&j, "lru");
        hg_json_open(&j, '[');
        for (int i = 0; i < HG_LRU_SIZES; i++) {
            hg_json_open(&j, '{');
            hg_json_key_int(&j, "blocks", s->lru[i].blocks);
            hg_json_key_num(&j, "hit_frac", s->lru[i].hit_frac);
            hg_json_close(&j, '}');
        }
        hg_json_close(&j, ']');
        hg_json_close(&j, '}');
    }
    hg_json_close(&j, '}');
    hg_buf_puts(b, "\n");
}

static void workload_text(hg_buf *b, const hg_workload_stats *s)
{
    hg_buf_printf(b, "%zu requests", s->requests);
    if (!isnan(s->duration_s))
        hg_buf_printf(b, " over %.0f s: %.3g/s, burstiness %.2f (1 is Poisson)", s->duration_s, s->rate_per_s, s->burstiness);
    hg_buf_printf(b, "\n  isl mean %.0f, p50 %.0f, p90 %.0f, p99 %.0f, max %.0f\n", s->isl.mean, s->isl.p50, s->isl.p90,
                  s->isl.p99, s->isl.max);
    hg_buf_printf(b, "  osl mean %.0f, p50 %.0f, p90 %.0f, p99 %.0f, max %.0f\n", s->osl.mean, s->osl.p50, s->osl.p90,
                  s->osl.p99, s->osl.max);
    if (!s->prefix_block_tokens)
        return;
    hg_buf_printf(b, "  prefix blocks of %d tokens: %.1f%% hit an endless cache", s->prefix_block_tokens,
                  100 * s->infinite_hit_frac);
    for (int i = 0; i < HG_LRU_SIZES; i++)
        hg_buf_printf(b, ", %.1f%% one of %lld blocks", 100 * s->lru[i].hit_frac, (long long)s->lru[i].blocks);
    hg_buf_puts(b, "\n");
}

hg_code hg_catalog_workload(hg_ask *a)
{
    hg_workload w;
    const char *path = a->s.input_count > 1 ? a->s.inputs[1] : a->s.workload.s;
    bool file = strcmp(path, "-") == 0 || hg_is_file(path) || strchr(path, '/');
    if (!(file ? hg_workload_read(a->arena, path, 0, &w, &a->err)
               : hg_workload_preset(a->arena, &a->data, path, 0, &w, &a->err)))
        return a->err.code;
    if (w.skipped)
        hg_note(a, hg_textf(a->arena, "%zu rows without input or output left out", w.skipped));
    hg_workload_stats s = hg_workload_describe(*a->arena, &w);
    hg_buf b = { .arena = a->arena };
    (a->s.json.v ? workload_json : workload_text)(&b, &s);
    return hg_answer(a, b.s, b.n);
}

/* The columns its table and `predict ops` need, those that may be absent in brackets; then the labels. */
static void op_text(hg_buf *b, const hg_op *op)
{
    hg_buf_printf(b, "%-22s %s%s%s\n  columns", op->name, op->title, *op->formula ? ": " : "", op->formula);
    for (int i = 0; i < hg_op_dim_count(op); i++)
        hg_buf_printf(b, isnan(op->dims[i].absent) ? " %s" : " [%s]", op->dims[i].column);
    for (int i = 0; i < hg_op_label_count(op); i++)
        if (strcmp(op->labels[i], HG_PART) != 0)
            hg_buf_printf(b, "%s %s", i ? "" : "; labels", op->labels[i]);
    for (int r = 0; r < HG_RESULTS && op->results[r].part; r++)
        for (int k = 0; k < HG_RESULT_COLUMNS && op->results[r].columns[k]; k++)
            hg_buf_printf(b, "%s %s", r + k ? "" : "; times", op->results[r].columns[k]);
    hg_buf_puts(b, "\n");
}

static void op_json(hg_json *j, const hg_op *op)
{
    hg_json_open(j, '{');
    hg_json_key_str(j, "op", op->name);
    hg_json_key_str(j, "title", op->title);
    hg_json_key_str(j, "formula", op->formula);
    hg_json_key(j, "columns");
    hg_json_open(j, '[');
    for (int i = 0; i < hg_op_dim_count(op); i++)
        hg_json_str(j, op->dims[i].column);
    hg_json_close(j, ']');
    hg_json_key(j, "labels");
    hg_json_open(j, '[');
    for (int i = 0; i < hg_op_label_count(op); i++)
        if (strcmp(op->labels[i], HG_PART) != 0)
            hg_json_str(j, op->labels[i]);
    hg_json_close(j, ']');
    hg_json_close(j, '}');
}

hg_code hg_catalog_ops(hg_ask *a)
{
    hg_buf b = { .arena = a->arena };
    hg_json j = { .out = &b };
    if (a->s.json.v)
        hg_json_open(&j, '[');
    for (int i = 0; i < hg_op_count; i++) {
        if (a->s.json.v)
            op_json(&j, hg_ops[i]);
        else
            op_text(&b, hg_ops[i]);
    }
    if (a->s.json.v) {
        hg_json_close(&j, ']');
        hg_buf_puts(&b, "\n");
    }
    return hg_answer(a, b.s, b.n);
}

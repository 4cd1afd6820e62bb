#include "probe/probe.h"

#include "base/json.h"

#include <ctype.h>
#include <string.h>

/* Tables of collectives name the collective where others name the op. */
static bool has_own_name(const hg_op *op)
{
    return strcmp(op->labels[0], "op_name") == 0;
}

static void csv_header(hg_buf *out, const hg_op *op)
{
    hg_buf_puts(out, has_own_name(op) ? "" : "op_name,");
    for (int i = 0; i < hg_op_label_count(op); i++)
        hg_buf_printf(out, "%s%s", i ? "," : "", op->labels[i]);
    for (int i = 0; i < hg_op_dim_count(op); i++)
        hg_buf_printf(out, ",%s", op->dims[i].column);
    hg_buf_puts(out, ",latency_ms,samples,spread_frac\n");
}

static void csv_row(hg_buf *out, const hg_probe_row *row)
{
    const hg_op *op = row->call.op;
    if (!has_own_name(op))
        hg_buf_printf(out, "%s,", op->name);
    for (int i = 0; i < hg_op_label_count(op); i++)
        hg_buf_printf(out, "%s%s", i ? "," : "", row->call.label[i]);
    for (int i = 0; i < hg_op_dim_count(op); i++)
        hg_buf_printf(out, ",%.0f", row->call.shape.d[i]);
    hg_buf_printf(out, ",%.6g,%d,%.3f\n", 1e3 * row->seconds, row->samples, row->spread_frac);
}

char *hg_probe_csv(hg_arena *arena, const hg_probe *p, const hg_op *op)
{
    hg_buf out = { .arena = arena };
    for (size_t i = 0; i < p->count; i++) {
        if (p->rows[i].call.op != op)
            continue;
        if (out.n == 0)
            csv_header(&out, op);
        csv_row(&out, &p->rows[i]);
    }
    return out.s;
}

static void quantity(hg_json *j, const char *key, double value, double scale, const char *unit)
{
    if (value > 0)
        hg_json_key_str(j, key, hg_textf(j->out->arena, "%.6g %s", value / scale, unit));
}

static void memory(hg_json *j, const hg_device *d, const char *source)
{
    hg_json_key(j, "memory");
    hg_json_open(j, '{');
    quantity(j, "capacity", d->memory_bytes, 1 << 20, "MiB");
    quantity(j, "usable", d->usable_memory_bytes, 1 << 20, "MiB");
    quantity(j, "bandwidth", d->memory_bytes_per_s, 1e9, "GB/s");
    quantity(j, "l2", d->l2_bytes, 1 << 20, "MiB");
    hg_json_key_str(j, "source", source);
    hg_json_close(j, '}');
}

static void compute(hg_json *j, const hg_device *d, const char *source)
{
    hg_json_key(j, "compute");
    hg_json_open(j, '{');
    quantity(j, "bf16", d->tensor_flops_per_s[HG_BF16], 1e12, "TFLOP/s");
    quantity(j, "fp8", d->tensor_flops_per_s[HG_FP8], 1e12, "TFLOP/s");
    quantity(j, "fp32_matrix", d->tensor_flops_per_s[HG_FP32], 1e12, "TFLOP/s");
    quantity(j, "fp32_vector", d->vector_flops_per_s, 1e12, "TFLOP/s");
    hg_json_key_int(j, "units", d->units);
    quantity(j, "clock", d->clock_hz, 1e6, "MHz");
    hg_json_key_str(j, "source", source);
    hg_json_close(j, '}');
}

static void node(hg_json *j, const hg_device *d, const char *source)
{
    hg_json_key(j, "node");
    hg_json_open(j, '{');
    hg_json_key_int(j, "devices", d->node_devices);
    quantity(j, "bandwidth", d->node_bytes_per_s, 1e9, "GB/s");
    hg_json_key_str(j, "source", source);
    hg_json_close(j, '}');
}

char *hg_probe_device_json(hg_arena *arena, const hg_probe *p, const char *name, const char *date)
{
    hg_buf out = { .arena = arena };
    hg_json j = { .out = &out };
    const hg_device *d = &p->device;
    const char *source = hg_textf(arena, "heng calibrate probe, %s: %s", date, p->source);
    hg_json_open(&j, '{');
    hg_json_key_str(&j, "name", name);
    hg_json_key_str(&j, "title", d->title);
    hg_json_key_str(&j, "vendor", d->vendor);
    hg_json_key_str(&j, "architecture", d->architecture);
    memory(&j, d, source);
    compute(&j, d, source);
    if (d->node_devices > 1)
        node(&j, d, source);
    hg_json_close(&j, '}');
    hg_buf_puts(&out, "\n");
    return out.s;
}

char *hg_probe_name(hg_arena *arena, const char *title)
{
    char *name = hg_strdup(arena, title), *to = name;
    for (const char *at = title; *at; at++) {
        bool letter = isalnum((unsigned char)*at);
        if (letter)
            *to++ = (char)tolower((unsigned char)*at);
        else if (to > name && to[-1] != '_')
            *to++ = '_';
    }
    while (to > name && to[-1] == '_')
        to--;
    *to = 0;
    return *name ? name : hg_strdup(arena, "machine");
}

#include "api/compare.h"

#include "base/json.h"
#include "base/units.h"
#include "measure/differ.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

typedef struct pair {
    const hg_bench_result *a, *b;
    hg_differ d;
} pair;

static pair *pairs_of(hg_ask *a, const hg_results *sides, size_t n, size_t *count)
{
    pair *out = NULL;
    size_t capacity = 0;
    uint64_t seed = a->s.seed.n ? (uint64_t)a->s.seed.v[0] : 0;
    *count = 0;
    for (size_t i = 0; i < sides[0].count; i++)
        for (size_t s = 1; s < n; s++)
            for (size_t k = 0; k < sides[s].count; k++) {
                const hg_bench_result *x = &sides[0].all[i], *y = &sides[s].all[k];
                if ((sides[0].count > 1 || sides[s].count > 1) && !hg_same_load(x, y))
                    continue;
                pair *p = HG_PUSH(a->arena, out, *count, capacity);
                *p = (pair){ .a = x, .b = y };
                hg_differ_results(a->arena, x, y, seed, &p->d);
            }
    return out;
}

static const char *server_text(hg_arena *arena, const hg_bench_result *r)
{
    hg_buf b = { .arena = arena };
    hg_buf_printf(&b, "%s: %s", r->file, r->format);
    if (r->model)
        hg_buf_printf(&b, ", %s", r->model);
    if (r->device)
        hg_buf_printf(&b, " on %s", r->device);
    if (r->tp)
        hg_buf_printf(&b, ", tp %" PRId64, r->tp);
    if (r->concurrency)
        hg_buf_printf(&b, ", %" PRId64 " clients", r->concurrency);
    if (r->rate_per_s > 0)
        hg_buf_printf(&b, ", %.4g requests/s", r->rate_per_s);
    if (isfinite(r->isl) && isfinite(r->osl))
        hg_buf_printf(&b, ", %.0f in, %.0f out", r->isl, r->osl);
    if (isfinite(r->completed))
        hg_buf_printf(&b, ", %.0f requests", r->completed);
    return b.s;
}

static const char *value_text(hg_arena *arena, const hg_difference *d, double v)
{
    char text[32];
    return strcmp(d->unit, "s") == 0 ? hg_strdup(arena, hg_format(text, sizeof text, v, HG_SECONDS)) : hg_figures(arena, v, 4);
}

static bool beyond_noise(const hg_difference *d)
{
    return d->lo > 0 || d->hi < 0;
}

static const char *noise_text(hg_arena *arena, const hg_difference *d)
{
    if (isnan(d->lo))
        return "";
    return hg_textf(arena, "%+.1f … %+.1f %%%s", 100 * d->lo, 100 * d->hi, beyond_noise(d) ? "" : "  within noise");
}

static void write_pair(hg_buf *b, const pair *p)
{
    bool noise = false;
    hg_buf_printf(b, "A  %s\nB  %s\n", server_text(b->arena, p->a), server_text(b->arena, p->b));
    for (int i = 0; i < p->d.line_count; i++)
        hg_buf_printf(b, "   %s\n", p->d.lines[i]);
    hg_buf_printf(b, "\n%-28s %12s %12s %10s   %s\n", "", "A", "B", "B against A", "95 % by drawing requests again");
    for (int i = 0; i < p->d.count; i++) {
        const hg_difference *d = &p->d.all[i];
        noise |= isfinite(d->lo);
        hg_buf_printf(b, "%-20s %-7s %12s %12s %+9.1f %%   %s\n", d->figure, d->statistic, value_text(b->arena, d, d->a),
                      value_text(b->arena, d, d->b), 100 * d->change_frac, noise_text(b->arena, d));
    }
    if (!noise)
        hg_buf_puts(b, "How much of this is noise is not known: that takes each request of both (vLLM's --save-detailed, SGLang's --output-details, "
                       "aiperf's .jsonl).\n");
}

static void write_result(hg_json *j, const hg_bench_result *r)
{
    static const char *const names[HG_FIGURES] = { "ttft_s", "tpot_s", "itl_s", "e2e_s" };
    hg_json_open(j, '{');
    hg_json_key_str(j, "file", r->file);
    hg_json_key_int(j, "result", (int64_t)r->place);
    hg_json_key_str(j, "format", r->format);
    hg_json_key_str(j, "model", r->model);
    hg_json_key_str(j, "device", r->device);
    hg_json_key_str(j, "engine", r->engine);
    hg_json_key_str(j, "engine_version", r->version);
    hg_json_key_str(j, "precision", r->precision);
    hg_json_key_int(j, "concurrency", r->concurrency);
    hg_json_key_num(j, "rate", r->rate_per_s);
    hg_json_key_num(j, "isl", r->isl);
    hg_json_key_num(j, "osl", r->osl);
    hg_json_key_num(j, "completed", r->completed);
    hg_json_key_num(j, "failed", r->failed);
    hg_json_key_num(j, "requests_per_s", r->requests_per_s);
    hg_json_key_num(j, "output_tokens_per_s", r->output_tokens_per_s);
    hg_json_key_num(j, "total_tokens_per_s", r->total_tokens_per_s);
    for (int k = 0; k < HG_FIGURES; k++) {
        hg_json_key(j, names[k]);
        hg_json_open(j, '{');
        hg_json_key_num(j, "mean", r->of[k].mean);
        hg_json_key_num(j, "p50", r->of[k].median);
        hg_json_key_num(j, "p90", r->of[k].p90);
        hg_json_key_num(j, "p95", r->of[k].p95);
        hg_json_key_num(j, "p99", r->of[k].p99);
        hg_json_close(j, '}');
    }
    hg_json_close(j, '}');
}

static void write_difference(hg_json *j, const hg_difference *d)
{
    hg_json_open(j, '{');
    hg_json_key_str(j, "figure", d->figure);
    hg_json_key_str(j, "statistic", *d->statistic ? d->statistic : NULL);
    hg_json_key_num(j, "a", d->a);
    hg_json_key_num(j, "b", d->b);
    hg_json_key_num(j, "change_frac", d->change_frac);
    hg_json_key_num(j, "change_frac_lo", d->lo);
    hg_json_key_num(j, "change_frac_hi", d->hi);
    hg_json_key(j, "beyond_noise");
    if (isnan(d->lo))
        hg_json_raw(j, "null");
    else
        hg_json_bool(j, beyond_noise(d));
    hg_json_close(j, '}');
}

static void write_json(hg_buf *b, const pair *p, size_t n)
{
    hg_json j = { .out = b };
    hg_json_open(&j, '{');
    hg_json_key(&j, "comparisons");
    hg_json_open(&j, '[');
    for (size_t i = 0; i < n; i++) {
        hg_json_open(&j, '{');
        hg_json_key(&j, "a");
        write_result(&j, p[i].a);
        hg_json_key(&j, "b");
        write_result(&j, p[i].b);
        hg_json_key(&j, "differences");
        hg_json_open(&j, '[');
        for (int k = 0; k < p[i].d.count; k++)
            write_difference(&j, &p[i].d.all[k]);
        hg_json_close(&j, ']');
        hg_json_key(&j, "notes");
        hg_json_open(&j, '[');
        for (int k = 0; k < p[i].d.line_count; k++)
            hg_json_str(&j, p[i].d.lines[k]);
        hg_json_close(&j, ']');
        hg_json_close(&j, '}');
    }
    hg_json_close(&j, ']');
    hg_json_close(&j, '}');
    hg_buf_puts(b, "\n");
}

hg_code hg_compare_results(hg_ask *a, const hg_results *sides, size_t n)
{
    size_t count;
    hg_buf b = { .arena = a->arena };
    const pair *p = pairs_of(a, sides, n, &count);
    if (count == 0)
        return hg_refuse(a, a->s.inputs[0], "shares no load with the others: compare runs of as many clients, or at one rate, and of one length");
    if (a->s.json.v)
        write_json(&b, p, count);
    for (size_t i = 0; !a->s.json.v && i < count; i++) {
        if (i)
            hg_buf_puts(&b, "\n");
        write_pair(&b, &p[i]);
    }
    return hg_answer(a, b.s, b.n);
}

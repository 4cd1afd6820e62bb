#include "api/report.h"

#include "api/svg.h"
#include "base/num.h"

#include <math.h>

enum { LATENCIES = 7, FIRST_LATENCY = 3 /* its column */ };

/* The latency columns, in groups of one metric. */
static const struct {
    hg_metric metric;
    double percentile;
} latencies[LATENCIES] = {
    { HG_TTFT, 0.5 }, { HG_TTFT, 0.9 },  { HG_TTFT, 0.99 }, { HG_TPOT, 0.5 },
    { HG_TPOT, 0.9 }, { HG_TPOT, 0.99 }, { HG_E2E, 0.9 },
};

/* What a column, or the columns of one metric, hold: their figures share decimals and unit. */
typedef struct range {
    double least, most;
} range;

typedef struct top {
    const hg_report *r;
    range latency[HG_METRICS], rate, goodput, tokens;
} top;

static double latency(const hg_point *p, int column)
{
    const hg_summary *s = &p->metrics.sim.latency[latencies[column].metric];
    double percentile = latencies[column].percentile;
    return percentile < 0.6 ? s->p50 : percentile < 0.95 ? s->p90 : s->p99;
}

static double rate(const hg_point *p)
{
    return p->metrics.rate_per_s > 0 ? p->metrics.rate_per_s : p->metrics.sim.requests_per_s;
}

static void widen(range *x, double value)
{
    if (!(value > 0) || !isfinite(value))
        return;
    x->least = x->least > 0 ? fmin(x->least, value) : value;
    x->most = fmax(x->most, value);
}

static void take_ranges(top *t)
{
    for (size_t i = 0; i < t->r->p->top_count; i++) {
        const hg_point *p = &t->r->p->top[i];
        for (int k = 0; k < LATENCIES; k++)
            widen(&t->latency[latencies[k].metric], latency(p, k));
        widen(&t->rate, rate(p));
        widen(&t->goodput, p->metrics.goodput_per_device);
        widen(&t->tokens, p->metrics.tokens_per_s_per_device);
    }
}

/* Three digits of the largest, and at least two of the smallest. */
static int decimals(range x)
{
    if (!(x.most > 0))
        return 0;
    return (int)hg_clamp(fmax(2 - floor(log10(x.most)), 1 - floor(log10(x.least))), 0, 4);
}

/* Milliseconds when all of a metric lie below a second. */
static double scale_of(range x)
{
    return x.most < 1 ? 1e3 : 1;
}

static bool breaks(const hg_plan *p, int column, double value)
{
    for (int i = 0; i < p->problem->slo.count; i++) {
        const hg_limit *l = &p->problem->slo.limits[i];
        if (l->metric == latencies[column].metric &&
            l->percentile == latencies[column].percentile && value >= l->limit_s)
            return true;
    }
    return false;
}

static const char *figure(const top *t, double value, range x)
{
    return isfinite(value) ? hg_html_fixed(t->r->arena, value, decimals(x)) : "–";
}

static void number_cell(const top *t, double value, range x)
{
    hg_report_figure(t->r, value, figure(t, value, x));
}

static void latency_cell(const top *t, const hg_point *p, int column)
{
    hg_buf *b = t->r->b;
    range x = t->latency[latencies[column].metric];
    double value = latency(p, column), scale = scale_of(x);
    if (!isfinite(value)) {
        hg_report_figure(t->r, value, "–");
        return;
    }
    hg_html(b, "<td class=\"n lat%s\" data-v=\"%.9g\">%s",
            breaks(t->r->p, column, value) ? " bad" : "", value,
            figure(t, value * scale, (range){ x.least * scale, x.most * scale }));
    hg_svg_open(b, "mini", 3, NULL, NULL);
    hg_svg_bar(b, "value", 0, value / x.most, NULL);
    hg_svg_close(b);
    hg_buf_puts(b, "</td>");
}

static const char *unit_of(const top *t, hg_metric metric)
{
    return scale_of(t->latency[metric]) > 1 ? "ms" : "s";
}

/* data-c: the column that a heading sorts, for those of the second line stand under others. */
static void head(const top *t)
{
    hg_buf *b = t->r->b;
    hg_html(b, "<thead><tr><th scope=\"col\" rowspan=\"2\" data-c=\"0\">%s</th>"
               "<th scope=\"col\" rowspan=\"2\" class=\"n\" data-c=\"1\">%s</th>",
            hg_report_form(t->r, HG_TEXT_column_deployment), hg_report_form(t->r, HG_TEXT_plan_table_rate));
    hg_html(b, "<th scope=\"col\" rowspan=\"2\" class=\"n\" data-c=\"2\">");
    hg_buf_puts(b, hg_report_form(t->r, HG_TEXT_column_html_good));
    hg_buf_puts(b, "</th>");
    hg_html(b,
            "<th scope=\"colgroup\" colspan=\"3\" class=\"group\">TTFT, %s</th>"
            "<th scope=\"colgroup\" colspan=\"3\" class=\"group\">TPOT, %s</th>"
            "<th scope=\"colgroup\" class=\"group n\">E2E, %s</th>",
            unit_of(t, HG_TTFT), unit_of(t, HG_TPOT), unit_of(t, HG_E2E));
    hg_html(b,
            "<th scope=\"col\" rowspan=\"2\" class=\"n\" data-c=\"%d\">", FIRST_LATENCY + LATENCIES);
    hg_buf_puts(b, hg_report_form(t->r, HG_TEXT_column_html_tokens));
    hg_html(b, "</th><th scope=\"col\" rowspan=\"2\" class=\"n\" data-c=\"%d\">", FIRST_LATENCY + LATENCIES + 1);
    hg_buf_puts(b, hg_report_form(t->r, HG_TEXT_column_html_kv));
    hg_buf_puts(b, "</th></tr>\n<tr>");
    for (int k = 0; k < LATENCIES; k++)
        hg_html(b, "<th scope=\"col\" class=\"n low\" data-c=\"%d\">p%g</th>", FIRST_LATENCY + k,
                100 * latencies[k].percentile);
    hg_buf_puts(b, "</tr></thead>\n");
}

static void row(const top *t, size_t rank, const hg_point *p)
{
    hg_buf *b = t->r->b;
    hg_html(b, "<tr><th scope=\"row\" data-v=\"%zu\"><div class=\"ranked\">", rank);
    if (t->r->p->found)
        hg_html(b, "<span class=\"rank\">%zu</span>", rank);
    hg_buf_puts(b, "<div>");
    hg_report_deployment(t->r, &p->deployment, &p->prefill);
    hg_buf_puts(b, "</div></div></th>");
    number_cell(t, rate(p), t->rate);
    number_cell(t, p->metrics.goodput_per_device, t->goodput);
    for (int k = 0; k < LATENCIES; k++)
        latency_cell(t, p, k);
    number_cell(t, p->metrics.tokens_per_s_per_device, t->tokens);
    double kv = p->metrics.sim.kv_peak_frac;
    hg_report_figure(t->r, kv, hg_html_percent(t->r->arena, kv));
    hg_buf_puts(b, "</tr>\n");
}

void hg_report_top(const hg_report *r)
{
    top t = { .r = r };
    bool several = r->p->found && r->p->top_count > 1;
    if (r->p->top_count == 0)
        return;
    take_ranges(&t);
    hg_report_section(r, "top", hg_report_form(r, several ? HG_TEXT_top_several : r->p->found ? HG_TEXT_top_one : HG_TEXT_top_miss),
                      several ? hg_report_form(r, HG_TEXT_top_lead) : NULL);
    hg_buf_puts(r->b, "<div class=\"wide\"><table class=\"data sortable top\">\n");
    head(&t);
    hg_buf_puts(r->b, "<tbody>\n");
    for (size_t i = 0; i < r->p->top_count; i++)
        row(&t, i + 1, &r->p->top[i]);
    hg_report_table_end(r);
    hg_buf_puts(r->b, "</section>\n");
}

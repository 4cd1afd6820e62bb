/* A day of changing load: the GPUs that each hour needs, as steps, and the load beside them. */
#include "api/report.h"

#include "api/plan_day.h"
#include "api/svg.h"

#include <math.h>

enum { CHART_PX = 280, STEPS_Y = 4, HOURS = 24, STEP_HOURS = 4 };

typedef struct chart {
    const hg_report *r;
    hg_svg_scale x, gpus, rate;
} chart;

static double gpus_at(const hg_plan *p, size_t row)
{
    const hg_rate_row *need = hg_day_need(p, row);
    return need ? (double)hg_rate_devices(p, need) : 0;
}

static chart axes_of(const hg_report *r)
{
    const hg_plan *p = r->p;
    double gpus = 0, rate = 0;
    for (size_t i = 0; i < p->day.count; i++) {
        gpus = fmax(gpus, gpus_at(p, i));
        rate = fmax(rate, p->day.rows[i].rate_per_s);
    }
    return (chart){ r, { hg_report_form(r, HG_TEXT_day_axis), HOURS, STEP_HOURS, 0 }, hg_svg_scale_to("GPUs", gpus, STEPS_Y),
                    hg_svg_scale_to(hg_report_form(r, HG_TEXT_axis_rate), rate, STEPS_Y) };
}

/* The other scale stands on the right: its titles and figures only, the grid is the left one's. */
static void right_axis(const chart *c)
{
    for (int i = 0; i * c->rate.step < c->rate.most * (1 + 1e-9); i++)
        hg_html(c->r->b, "<text class=\"tr\" x=\"100%%\" dx=\"10\" y=\"%.2f%%\" dy=\"4\">%s</text>", 100 - 100 * i * c->rate.step / c->rate.most,
                hg_html_fixed(c->r->arena, i * c->rate.step, i ? c->rate.decimals : 0));
    hg_html(c->r->b, "<text class=\"nr\" x=\"100%%\" y=\"0\" dy=\"-16\">%s</text>\n", c->rate.title);
}

static double up(const chart *c, size_t row, bool gpus)
{
    const hg_plan *p = c->r->p;
    return gpus ? gpus_at(p, row) / c->gpus.most : p->day.rows[row].rate_per_s / c->rate.most;
}

/* From midnight to midnight: before the first row holds what the last one says. */
static void steps(const chart *c, const char *kind, bool gpus)
{
    const hg_day *day = &c->r->p->day;
    double from = 0, level = up(c, day->count - 1, gpus);
    for (size_t i = 0; i < day->count; i++) {
        double at = day->rows[i].time_s / HG_DAY_S, next = up(c, i, gpus);
        hg_svg_line(c->r->b, kind, from, level, at, level);
        hg_svg_line(c->r->b, kind, at, level, at, next);
        from = at;
        level = next;
    }
    hg_svg_line(c->r->b, kind, from, level, 1, level);
}

static void draw(const hg_report *r)
{
    chart c = axes_of(r);
    hg_buf_puts(r->b, "<figure class=\"plot\">\n<div class=\"frame both\">\n");
    hg_svg_open(r->b, "scatter", CHART_PX, hg_report_form(r, HG_TEXT_day_title), hg_day_sentence(r->arena, r->p));
    hg_svg_axes(r->b, &c.x, &c.gpus);
    right_axis(&c);
    steps(&c, "v-next", false);
    steps(&c, "v-best", true);
    hg_svg_close(r->b);
    hg_buf_puts(r->b, "</div>\n</figure>\n");
}

static void key(const hg_report *r, const char *kind, const char *text)
{
    hg_html(r->b, "<li><svg class=\"key\" width=\"26\" height=\"12\" aria-hidden=\"true\"><line class=\"%s\" x1=\"0\" x2=\"26\" y1=\"6\" y2=\"6\"/></svg>%s</li>\n",
            kind, text);
}

static void row(const hg_report *r, size_t i)
{
    const hg_plan *p = r->p;
    const hg_rate_row *need = hg_day_need(p, i);
    hg_html(r->b, "<tr><th scope=\"row\">%s</th>", hg_day_clock(r->arena, p->day.rows[i].time_s));
    hg_report_figure(r, p->day.rows[i].rate_per_s, hg_html_number(r->arena, p->day.rows[i].rate_per_s));
    if (need && !need->kept) {
        hg_html(r->b, "<td class=\"bad\" colspan=\"2\">%s</td></tr>\n", hg_report_form(r, HG_TEXT_plan_rates_none));
        return;
    }
    hg_report_figure(r, need ? (double)need->replicas : 0, hg_html_fixed(r->arena, need ? (double)need->replicas : 0, 0));
    hg_report_figure(r, gpus_at(p, i), hg_html_fixed(r->arena, gpus_at(p, i), 0));
    hg_buf_puts(r->b, "</tr>\n");
}

static void table(const hg_report *r)
{
    hg_html(r->b, "<details>\n<summary>%s</summary>\n<div class=\"wide\"><table class=\"data\">\n<thead><tr>", hg_report_form(r, HG_TEXT_day_table));
    hg_html(r->b, "<th scope=\"col\">%s</th><th scope=\"col\" class=\"n\">%s</th><th scope=\"col\" class=\"n\">%s</th><th scope=\"col\" class=\"n\">GPUs</th></tr></thead>\n<tbody>\n",
            hg_report_form(r, HG_TEXT_day_time), hg_report_form(r, HG_TEXT_axis_rate), hg_report_form(r, HG_TEXT_plan_rates_replicas));
    for (size_t i = 0; i < r->p->day.count; i++)
        row(r, i);
    hg_report_table_end(r);
    hg_buf_puts(r->b, "</details>\n");
}

void hg_report_day(const hg_report *r)
{
    if (!r->p->found || r->p->day.count == 0)
        return;
    hg_report_section(r, "day", hg_report_form(r, HG_TEXT_day_title), hg_day_sentence(r->arena, r->p));
    draw(r);
    hg_buf_puts(r->b, "<ul class=\"legend\">\n");
    key(r, "v-best", "GPUs");
    key(r, "v-next", hg_report_form(r, HG_TEXT_axis_rate));
    hg_buf_puts(r->b, "</ul>\n");
    table(r);
    hg_buf_puts(r->b, "</section>\n");
}

#include "api/report.h"

#include "api/svg.h"

#include <math.h>

enum { CHART_PX = 240, STEPS_X = 4, STEPS_Y = 4, STATISTICS = 3, CHARTS = 3 };

static const hg_metric charts[CHARTS] = { HG_TTFT, HG_TPOT, HG_E2E };
static const char *const names[HG_METRICS] = { "TTFT", "TPOT", "ITL", "E2E", "queue" };
static const char *const statistics[STATISTICS] = { "p50", "p90", "p99" };

typedef struct chart {
    const hg_report *r;
    hg_metric metric;
    bool per_device;           /* deployments of other sizes compare by the load of a GPU */
    hg_svg_scale x, y;
    double unit_s;             /* of the axis: 1, or a millisecond */
} chart;

static double statistic(const hg_summary *s, int k)
{
    return k == 0 ? s->p50 : k == 1 ? s->p90 : s->p99;
}

static int64_t devices_of(const hg_load_curve *v)
{
    return hg_deployment_devices(v->deployment) + (v->prefill ? hg_deployment_devices(v->prefill) : 0);
}

static double load_of(const chart *c, const hg_load_curve *v, int i)
{
    return v->points[i].load / (c->per_device ? (double)devices_of(v) : 1);
}

/* Above the limit and the plan's own point there is little to see but the wall. */
static double reach(const chart *c)
{
    const hg_slo *slo = &c->r->p->problem->slo;
    double most = 1.15 * c->r->p->top[0].metrics.sim.latency[c->metric].p99;
    for (int i = 0; i < slo->count; i++)
        if (slo->limits[i].metric == c->metric)
            most = fmax(most, 1.3 * slo->limits[i].limit_s);
    return isfinite(most) ? most : 0;
}

static hg_text axis_of(const chart *c)
{
    hg_load load = c->r->p->problem->workload.load;
    return load == HG_LOAD_CLOSED   ? HG_TEXT_axis_clients
           : load == HG_LOAD_REPLAY ? HG_TEXT_axis_speed
           : c->per_device          ? HG_TEXT_axis_rate_gpu
                                    : HG_TEXT_axis_rate;
}

static void take_axes(chart *c)
{
    const hg_plan_detail *d = c->r->p->detail;
    double x = 0, y = reach(c);
    for (int k = 0; k < d->curve_count; k++)
        x = fmax(x, load_of(c, &d->curves[k], d->curves[k].count - 1));
    c->unit_s = y < 1 ? 1e-3 : 1;
    c->x = hg_svg_scale_to(hg_report_form(c->r, axis_of(c)), x, STEPS_X);
    c->y = hg_svg_scale_to(hg_textf(c->r->arena, "%s, %s", names[c->metric], c->unit_s < 1 ? "ms" : "s"), y / c->unit_s, STEPS_Y);
}

/* Cut off at the chart's top, where it would leave it. */
static void segment(const chart *c, const char *kind, double x0, double y0, double x1, double y1)
{
    if (y0 >= 1 || !(isfinite(x0) && isfinite(y0) && isfinite(x1) && isfinite(y1)))
        return;
    if (y1 > 1) {
        x1 = x0 + (x1 - x0) * (1 - y0) / (y1 - y0);
        y1 = 1;
    }
    hg_svg_line(c->r->b, kind, x0, y0, x1, y1);
}

static double up(const chart *c, const hg_curve_point *at, int k)
{
    return at->settled ? statistic(&at->latency[c->metric], k) / c->unit_s / c->y.most : 1e3;
}

static void line(const chart *c, int which, int k)
{
    const hg_load_curve *v = &c->r->p->detail->curves[which];
    const char *kind = hg_textf(c->r->arena, "%s q%d", which ? "v-next" : "v-best", k);
    for (int i = 0; i + 1 < v->count && v->points[i].settled; i++)
        segment(c, kind, load_of(c, v, i) / c->x.most, up(c, &v->points[i], k), load_of(c, v, i + 1) / c->x.most,
                up(c, &v->points[i + 1], k));
}

static const char *point_text(const chart *c, const hg_load_curve *v, int i)
{
    const hg_curve_point *at = &v->points[i];
    const hg_summary *s = &at->latency[c->metric];
    hg_arena *arena = c->r->arena;
    const char *load = hg_textf(arena, "%s %s", hg_html_number(arena, load_of(c, v, i)), hg_report_form(c->r, axis_of(c)));
    return hg_say(arena, c->r->p->lang, HG_TEXT_curves_point, hg_pools_text(arena, v->deployment, v->prefill), load, hg_html_seconds(arena, s->p50),
                  hg_html_seconds(arena, s->p90), hg_html_seconds(arena, s->p99), hg_html_percent(arena, at->attained_frac));
}

static void markers(const chart *c, int which)
{
    const hg_load_curve *v = &c->r->p->detail->curves[which];
    for (int i = 0; i < v->count; i++)
        if (v->points[i].settled && up(c, &v->points[i], 1) <= 1)
            hg_svg_marker(c->r->b, which ? "v-other" : "v-chosen", which ? 2 : 0, load_of(c, v, i) / c->x.most, up(c, &v->points[i], 1),
                          point_text(c, v, i));
}

static void limits(const chart *c)
{
    const hg_slo *slo = &c->r->p->problem->slo;
    for (int i = 0; i < slo->count; i++) {
        const hg_limit *l = &slo->limits[i];
        double y = l->limit_s / c->unit_s / c->y.most;
        if (l->metric != c->metric)
            continue;
        hg_svg_line(c->r->b, "slo", 0, y, 1, y);
        hg_html(c->r->b, "<text class=\"slotext\" x=\"0\" dx=\"6\" y=\"%.2f%%\" dy=\"-5\">%s</text>\n", 100 - 100 * fmin(y, 1),
                hg_say(c->r->arena, c->r->p->lang, HG_TEXT_curves_limit, hg_report_limit_name(c->r, l), hg_html_given(c->r->arena, l->limit_s)));
    }
}

static void here(const chart *c)
{
    const hg_plan *p = c->r->p;
    double x = hg_curve_load(p->problem, p->top[0].metrics.rate_per_s) /
               (c->per_device ? (double)hg_point_devices(&p->top[0]) : 1) / c->x.most;
    hg_svg_line(c->r->b, "here", x, 0, x, 1);
}

static void draw(const hg_report *r, hg_metric metric, bool per_device)
{
    chart c = { .r = r, .metric = metric, .per_device = per_device };
    take_axes(&c);
    hg_buf_puts(r->b, "<figure class=\"plot\" data-tips>\n<div class=\"frame\">\n");
    hg_svg_open(r->b, "scatter", CHART_PX, hg_textf(r->arena, "%s: %s", names[metric], hg_report_form(r, HG_TEXT_curves_head)), NULL);
    hg_svg_axes(r->b, &c.x, &c.y);
    here(&c);
    limits(&c);
    for (int which = r->p->detail->curve_count - 1; which >= 0; which--)
        for (int k = 0; k < STATISTICS; k++)
            line(&c, which, k);
    for (int which = r->p->detail->curve_count - 1; which >= 0; which--)
        markers(&c, which);
    hg_svg_close(r->b);
    hg_buf_puts(r->b, "</div>\n<div class=\"tip\" role=\"status\" hidden></div>\n</figure>\n");
}

/* A sample of a line, as it is drawn. */
static void key(const hg_report *r, const char *kind, const char *text)
{
    hg_html(r->b, "<li><svg class=\"key\" width=\"26\" height=\"12\" aria-hidden=\"true\"><line class=\"%s\" x1=\"0\" x2=\"26\" y1=\"6\" y2=\"6\"/></svg>%s</li>\n",
            kind, text);
}

static void legend(const hg_report *r)
{
    const hg_plan_detail *d = r->p->detail;
    hg_buf_puts(r->b, "<ul class=\"legend\">\n");
    for (int which = 0; which < d->curve_count; which++)
        for (int k = 0; k < STATISTICS; k++)
            key(r, hg_textf(r->arena, "%s q%d", which ? "v-next" : "v-best", k),
                k ? statistics[k] : hg_textf(r->arena, "%s: p50", hg_pools_text(r->arena, d->curves[which].deployment, d->curves[which].prefill)));
    key(r, "here", hg_report_form(r, HG_TEXT_curves_here));
    if (r->p->problem->slo.count)
        key(r, "slo", "SLO");
    hg_buf_puts(r->b, "</ul>\n");
}

static void point_row(const hg_report *r, const hg_load_curve *v, const hg_curve_point *at)
{
    hg_html(r->b, "<tr><th scope=\"row\">%s</th>", hg_pools_text(r->arena, v->deployment, v->prefill));
    hg_report_figure(r, at->load, hg_html_number(r->arena, at->load));
    if (!at->settled) {
        hg_html(r->b, "<td class=\"bad\" colspan=\"7\">%s</td></tr>\n", hg_report_form(r, HG_TEXT_curves_grows));
        return;
    }
    for (int i = 0; i < CHARTS; i++)
        for (int k = i ? 1 : 0; k < STATISTICS; k++)
            hg_report_figure(r, statistic(&at->latency[charts[i]], k), hg_html_seconds(r->arena, statistic(&at->latency[charts[i]], k)));
    hg_report_figure(r, at->attained_frac, hg_html_percent(r->arena, at->attained_frac));
    hg_buf_puts(r->b, "</tr>\n");
}

static void table(const hg_report *r)
{
    const hg_plan_detail *d = r->p->detail;
    hg_html(r->b, "<details>\n<summary>%s</summary>\n<div class=\"wide\"><table class=\"data\">\n<thead><tr>", hg_report_form(r, HG_TEXT_curves_table));
    hg_html(r->b, "<th scope=\"col\">%s</th><th scope=\"col\" class=\"n\">%s</th>", hg_report_form(r, HG_TEXT_column_deployment),
            hg_report_form(r, HG_TEXT_column_load));
    for (int i = 0; i < CHARTS; i++)
        for (int k = i ? 1 : 0; k < STATISTICS; k++)
            hg_html(r->b, "<th scope=\"col\" class=\"n\">%s %s</th>", names[charts[i]], statistics[k]);
    hg_html(r->b, "<th scope=\"col\" class=\"n\">%s</th></tr></thead>\n<tbody>\n", hg_report_form(r, HG_TEXT_column_good));
    for (int which = 0; which < d->curve_count; which++)
        for (int i = 0; i < d->curves[which].count; i++)
            point_row(r, &d->curves[which], &d->curves[which].points[i]);
    hg_report_table_end(r);
    hg_buf_puts(r->b, "</details>\n");
}

void hg_report_curves(const hg_report *r)
{
    const hg_plan_detail *d = r->p->detail;
    if (!d || d->curve_count == 0)
        return;
    bool differ = false;
    for (int k = 1; k < d->curve_count; k++)
        differ |= devices_of(&d->curves[k]) != devices_of(&d->curves[0]);
    bool rates = r->p->problem->workload.load == HG_LOAD_NONE || r->p->problem->workload.load == HG_LOAD_RATE;
    hg_report_section(r, "curves", hg_report_form(r, HG_TEXT_curves_head),
                      hg_report_form(r, d->curve_count > 1 ? HG_TEXT_curves_lead : HG_TEXT_curves_lead_one));
    hg_buf_puts(r->b, "<div class=\"charts\">\n");
    for (int i = 0; i < CHARTS; i++)
        draw(r, charts[i], differ && rates);
    hg_buf_puts(r->b, "</div>\n");
    legend(r);
    table(r);
    hg_buf_puts(r->b, "</section>\n");
}

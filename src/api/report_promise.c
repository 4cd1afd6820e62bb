#include "api/report.h"

#include "api/svg.h"

#include <math.h>

static const struct {
    const char *name, *meaning;
} metrics[HG_METRICS] = {
    [HG_TTFT] = { "TTFT", "time to first token" },
    [HG_TPOT] = { "TPOT", "time per output token" },
    [HG_ITL] = { "ITL", "gap between tokens" },
    [HG_E2E] = { "E2E", "whole request" },
    [HG_QUEUE] = { "Queue", "wait before the first step" },
};

static const char *statistic(hg_arena *arena, const hg_limit *l)
{
    return l->percentile > 0 ? hg_textf(arena, "p%g", 100 * l->percentile) : "mean";
}

const char *hg_report_limit_name(hg_arena *arena, const hg_limit *l)
{
    return hg_textf(arena, "%s %s", metrics[l->metric].name, statistic(arena, l));
}

static double ratio_of(const hg_plan *p, int i)
{
    return p->top[0].metrics.sim.estimates[i].value_s / p->problem->slo.limits[i].limit_s;
}

int hg_report_worst_limit(const hg_plan *p, double *ratio)
{
    int worst = -1;
    *ratio = 0;
    for (int i = 0; i < p->problem->slo.count; i++) {
        double x = ratio_of(p, i);
        if (p->top[0].metrics.sim.estimates[i].kept || !(x >= 1) || x <= *ratio)
            continue;
        *ratio = x;
        worst = i;
    }
    return worst;
}

static const char *headroom(hg_arena *arena, double ratio, bool kept)
{
    if (!isfinite(ratio))
        return "not known";
    if (ratio > 2)
        return hg_textf(arena, "%s × the limit", hg_html_number(arena, ratio));
    return hg_textf(arena, "%.*f%% %s", fabs(1 - ratio) < 0.0995 ? 1 : 0, 100 * fabs(1 - ratio),
                    ratio >= 1 ? "over"
                    : kept     ? "below"
                               : "below, not sure");
}

static void limit_row(const hg_report *r, int i, double reach)
{
    const hg_limit *l = &r->p->problem->slo.limits[i];
    const hg_estimate *e = &r->p->top[0].metrics.sim.estimates[i];
    double ratio = ratio_of(r->p, i);
    hg_html(r->b,
            "<tr><th scope=\"row\"><b>%s</b> <span class=\"mute\">%s</span></th><td>%s</td><td "
            "class=\"n\"><b>%s</b>",
            metrics[l->metric].name, metrics[l->metric].meaning, statistic(r->arena, l),
            hg_html_seconds(r->arena, e->value_s));
    if (isfinite(e->half_width_s) && e->half_width_s > 0)
        hg_html(r->b, " <span class=\"mute\">± %s</span>",
                hg_html_seconds(r->arena, e->half_width_s));
    hg_html(r->b, "</td><td class=\"n\">&lt; %s</td><td class=\"barcell\"><div class=\"room\">",
            hg_html_given(r->arena, l->limit_s));
    hg_svg_open(r->b, "bar", 14, NULL, NULL);
    hg_svg_bar(r->b, "track", 0, 1 / reach, NULL);
    hg_svg_bar(r->b, "value", 0, fmin(ratio, 1) / reach, NULL);
    if (!e->kept && ratio > 1)
        hg_svg_bar(r->b, "over", 1 / reach, ratio / reach, NULL);
    hg_svg_rule(r->b, "limit", 1 / reach);
    hg_svg_close(r->b);
    hg_html(r->b, "<span class=\"n%s\">%s</span></div></td></tr>\n", e->kept ? "" : " bad",
            headroom(r->arena, ratio, e->kept));
}

void hg_report_promise(const hg_report *r)
{
    static const hg_column columns[] = {
        { "Metric", "" }, { "Statistic", "" },       { "Predicted", "n" },
        { "Limit", "n" }, { "Headroom", "barcell" }, { NULL },
    };
    double reach = 1.04; /* of the bars, in limits: a broken one shows how far, up to four times */
    const hg_slo *slo = &r->p->problem->slo;
    if (r->p->top_count == 0 || slo->count == 0)
        return;
    for (int i = 0; i < slo->count; i++)
        if (ratio_of(r->p, i) * 1.04 > reach)
            reach = fmin(ratio_of(r->p, i) * 1.04, 4);
    hg_report_section(
        r, "promise",
        r->p->found ? "The promise, and what is left of it" : "The promise, and what breaks it",
        "Predicted at the load above; the line is the limit. A request is good when it meets every "
        "limit. ± is the simulation's own 95% confidence interval, not the model's error.");
    if (r->p->top[0].metrics.sim.end == HG_END_SATURATED)
        hg_buf_puts(r->b, "<p class=\"notice\">The queue grows without end at this load: latencies "
                          "stand for the simulated stretch only and would go on rising.</p>\n");
    hg_report_table(r, "bars promise", columns);
    for (int i = 0; i < slo->count; i++)
        limit_row(r, i, reach);
    hg_report_table_end(r);
    hg_buf_puts(r->b, "</section>\n");
}

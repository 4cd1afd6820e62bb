#include "api/report.h"

#include "api/svg.h"

#include <math.h>

static const struct {
    const char *name;
    hg_text meaning;
} metrics[HG_METRICS] = {
    [HG_TTFT] = { "TTFT", HG_TEXT_metric_ttft },
    [HG_TPOT] = { "TPOT", HG_TEXT_metric_tpot },
    [HG_ITL] = { "ITL", HG_TEXT_metric_itl },
    [HG_E2E] = { "E2E", HG_TEXT_metric_e2e },
    [HG_QUEUE] = { "Queue", HG_TEXT_metric_queue },
};

static const char *statistic(const hg_report *r, const hg_limit *l)
{
    return l->percentile > 0 ? hg_textf(r->arena, "p%g", 100 * l->percentile) : hg_report_form(r, HG_TEXT_metric_mean);
}

const char *hg_report_limit_name(const hg_report *r, const hg_limit *l)
{
    return hg_textf(r->arena, "%s %s", metrics[l->metric].name, statistic(r, l));
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

static const char *headroom(const hg_report *r, double ratio, bool kept)
{
    if (!isfinite(ratio))
        return hg_report_form(r, HG_TEXT_room_unknown);
    if (ratio > 2)
        return hg_say(r->arena, r->p->lang, HG_TEXT_room_times, hg_html_number(r->arena, ratio));
    hg_text text = ratio >= 1 ? HG_TEXT_room_over : kept ? HG_TEXT_room_below : HG_TEXT_room_unsure;
    return hg_say(r->arena, r->p->lang, text,
                  hg_textf(r->arena, "%.*f%%", fabs(1 - ratio) < 0.0995 ? 1 : 0, 100 * fabs(1 - ratio)));
}

static void limit_row(const hg_report *r, int i, double reach)
{
    const hg_limit *l = &r->p->problem->slo.limits[i];
    const hg_estimate *e = &r->p->top[0].metrics.sim.estimates[i];
    double ratio = ratio_of(r->p, i);
    hg_html(r->b,
            "<tr><th scope=\"row\"><b>%s</b> <span class=\"mute\">%s</span></th><td>%s</td><td "
            "class=\"n\"><b>%s</b>",
            metrics[l->metric].name, hg_report_form(r, metrics[l->metric].meaning), statistic(r, l),
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
            headroom(r, ratio, e->kept));
}

void hg_report_promise(const hg_report *r)
{
    static const hg_column columns[] = {
        { HG_TEXT_column_metric, "" },    { HG_TEXT_column_statistic, "" },       { HG_TEXT_column_predicted, "n" },
        { HG_TEXT_column_limit, "n" },    { HG_TEXT_column_headroom, "barcell" }, { 0, NULL },
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
        hg_report_form(r, r->p->found ? HG_TEXT_promise_head : HG_TEXT_promise_broken_head), hg_report_form(r, HG_TEXT_promise_lead));
    if (r->p->top[0].metrics.sim.end == HG_END_SATURATED)
        hg_html(r->b, "<p class=\"notice\">%s</p>\n", hg_report_form(r, HG_TEXT_promise_saturated));
    hg_report_table(r, "bars promise", columns);
    for (int i = 0; i < slo->count; i++)
        limit_row(r, i, reach);
    hg_report_table_end(r);
    hg_buf_puts(r->b, "</section>\n");
}

#include "api/report.h"

#include "base/num.h"
#include "explain/explain.h"

#include <inttypes.h>
#include <math.h>

static double rate(const hg_point *p)
{
    return p->metrics.rate_per_s > 0 ? p->metrics.rate_per_s : p->metrics.sim.requests_per_s;
}

static void figure(const hg_report *r, double value, const char *unit)
{
    hg_report_figure(r, value, isfinite(value) ? hg_textf(r->arena, "%s%s", hg_figures(r->arena, value, 3), unit) : "–");
}

static void row(const hg_report *r, const hg_choice_row *c)
{
    hg_html(r->b, "<tr><th scope=\"row\">%s</th><td>%s</td><td>", c->device ? c->device : "–", c->engine);
    if (!c->best) {
        hg_html(r->b, "%s</td><td></td><td></td><td></td><td></td><td></td></tr>\n",
                c->reason ? c->reason : hg_report_form(r, HG_TEXT_plan_choice_nothing));
        return;
    }
    const hg_summary *of = c->best->metrics.sim.latency;
    hg_report_deployment(r, &c->best->deployment, &c->best->prefill);
    if (!c->found)
        hg_html(r->b, "<br>%s", hg_report_form(r, HG_TEXT_plan_broken));
    hg_buf_puts(r->b, "</td>");
    figure(r, (double)hg_point_devices(c->best), "");
    figure(r, rate(c->best), "");
    figure(r, of[HG_TTFT].p90, " s");
    figure(r, 1e3 * of[HG_TPOT].p90, " ms");
    figure(r, c->usd_per_h > 0 ? c->usd_per_h : NAN, "");
    hg_buf_puts(r->b, "</tr>\n");
}

hg_text hg_choices_heading(const hg_plan *p)
{
    return p->rate_count  ? HG_TEXT_plan_choices_rates
           : p->by_cost   ? HG_TEXT_plan_choices_cost
           : p->fewest    ? HG_TEXT_plan_choices_gpus
                          : HG_TEXT_plan_choices;
}

void hg_report_choices(const hg_report *r)
{
    static const hg_column columns[] = {
        { HG_TEXT_plan_choice_device, "" }, { HG_TEXT_plan_choice_engine, "" }, { HG_TEXT_column_deployment, "" },
        { HG_TEXT_plan_choice_gpus, "n" },  { HG_TEXT_plan_table_rate, "n" },   { HG_TEXT_plan_choice_ttft, "n" },
        { HG_TEXT_plan_choice_tpot, "n" },  { HG_TEXT_plan_rates_price, "n" },  { 0, NULL },
    };
    const hg_plan *p = r->p;
    if (!p->choice_count)
        return;
    hg_report_section(r, "choices", hg_report_form(r, HG_TEXT_plan_choices_head),
                      hg_report_form(r, hg_choices_heading(p)));
    hg_report_table(r, "choices", columns);
    for (size_t i = 0; i < p->choice_count; i++)
        row(r, &p->choices[i]);
    hg_report_table_end(r);
    hg_buf_puts(r->b, "</section>\n");
}

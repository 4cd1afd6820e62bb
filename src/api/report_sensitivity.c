#include "api/report.h"

#include "api/svg.h"

#include <math.h>

static double gain_of(const hg_varied *v)
{
    return v->known && !v->fixed_load && v->gain_frac > -1 ? v->gain_frac : 0;
}

/* Both bars from the same zero; where the answer is kept or broken there is none. */
static void row(const hg_report *r, const hg_sensitivity *s, double most)
{
    hg_html(r->b, "<tr><th scope=\"row\">%s</th>", hg_report_form(r, s->vary->text));
    hg_html(r->b, "<td class=\"n\">%s</td><td class=\"barcell\">", hg_varied_text(r->arena, r->p->lang, &s->at[0]));
    hg_svg_open(r->b, "bar", 18, NULL, NULL);
    for (int k = 0; k < 2; k++) {
        double end = 0.5 + 0.5 * gain_of(&s->at[k]) / most;
        hg_svg_bar(r->b, k ? "more" : "less", fmin(end, 0.5), fmax(end, 0.5), NULL);
    }
    hg_svg_rule(r->b, "zero", 0.5);
    hg_svg_close(r->b);
    hg_html(r->b, "</td><td class=\"n\">%s</td></tr>\n", hg_varied_text(r->arena, r->p->lang, &s->at[1]));
}

void hg_report_sensitivity(const hg_report *r)
{
    static const hg_column columns[] = {
        { HG_TEXT_column_fact, "" }, { HG_TEXT_vary_less, "n" }, { HG_TEXT_vary_bars, "barcell" }, { HG_TEXT_vary_more, "n" }, { 0, NULL },
    };
    const hg_plan_detail *d = r->p->detail;
    double most = 0.01;
    if (!d || d->sensitivity_count == 0)
        return;
    for (int i = 0; i < 2 * d->sensitivity_count; i++)
        most = fmax(most, fabs(gain_of(&d->sensitivity[i / 2].at[i % 2])));
    hg_report_section(r, "sensitivity", hg_report_form(r, HG_TEXT_vary_page_head), hg_report_form(r, HG_TEXT_vary_lead));
    hg_report_table(r, "bars varied", columns);
    for (int i = 0; i < d->sensitivity_count; i++)
        row(r, &d->sensitivity[i], most);
    hg_report_table_end(r);
    hg_buf_puts(r->b, "</section>\n");
}

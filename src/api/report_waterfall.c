#include "api/report.h"

#include "api/svg.h"

#include <math.h>

/* A step of the way: the bar hangs from where the one before it ended. */
static void step_row(const hg_report *r, const char *name, const char *kind, double from, double to, const char *text)
{
    double most = r->p->detail->waterfall.ideal;
    hg_html(r->b, "<tr><th scope=\"row\">%s</th><td class=\"barcell\"><div class=\"room\">", name);
    hg_svg_open(r->b, "bar", 16, NULL, NULL);
    hg_svg_bar(r->b, kind, fmin(from, to) / most, fmax(from, to) / most, NULL);
    hg_svg_close(r->b);
    hg_html(r->b, "<span class=\"n\">%s</span></div></td></tr>\n", text);
}

static const char *loss_text(hg_arena *arena, double loss, double ideal)
{
    return hg_textf(arena, "%s%s · %s", loss < 0 ? "+" : "−", hg_html_fixed(arena, fabs(loss), 0),
                    hg_html_percent(arena, fabs(loss) / ideal));
}

/* All losses that move the rate by a token a second; the others round to nothing, and the sum stays. */
static void losses(const hg_report *r)
{
    const hg_waterfall *w = &r->p->detail->waterfall;
    double left = w->ideal;
    for (int i = 0; i < HG_LOSSES; i++) {
        double next = left - w->loss[i];
        if (fabs(w->loss[i]) >= 0.5)
            step_row(r, hg_report_form(r, (hg_text)(HG_TEXT_loss_batch + i)), "drop", left, next,
                     loss_text(r->arena, w->loss[i], w->ideal));
        left = next;
    }
}

void hg_report_waterfall(const hg_report *r)
{
    static const hg_column columns[] = { { HG_TEXT_column_loss, "" }, { HG_TEXT_column_rate, "barcell" }, { 0, NULL } };
    if (!r->p->detail || !(r->p->detail->waterfall.ideal > 0))
        return;
    const hg_waterfall *w = &r->p->detail->waterfall;
    hg_text end = r->p->problem->slo.count ? HG_TEXT_fall_good : HG_TEXT_fall_delivered;
    hg_report_section(r, "waterfall", hg_report_form(r, HG_TEXT_fall_page_head), hg_report_form(r, HG_TEXT_fall_lead));
    hg_report_table(r, "bars fall", columns);
    step_row(r, hg_report_form(r, HG_TEXT_fall_ideal), "loss", 0, w->ideal, hg_html_fixed(r->arena, w->ideal, 0));
    losses(r);
    step_row(r, hg_report_form(r, end), "value", 0, w->delivered,
             hg_textf(r->arena, "%s · %s", hg_html_fixed(r->arena, w->delivered, 0), hg_html_percent(r->arena, w->delivered / w->ideal)));
    hg_report_table_end(r);
    hg_buf_puts(r->b, "</section>\n");
}

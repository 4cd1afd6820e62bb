#include "api/report.h"

#include "api/svg.h"

typedef struct part {
    const char *name, *kind;
    size_t count;
} part;

static void counts_bar(const hg_report *r)
{
    const hg_plan *p = r->p;
    size_t seen = p->infeasible + p->pruned + p->alike + p->simulated,
           all = p->considered > seen ? p->considered : seen;
    const part parts[] = {
        { hg_report_form(r, HG_TEXT_left_cannot), "c-no", p->infeasible },
        { hg_report_form(r, HG_TEXT_left_pruned), "c-pruned", p->pruned },
        { hg_report_form(r, HG_TEXT_left_alike), "c-pruned", p->alike },
        { hg_report_form(r, HG_TEXT_left_simulated), "c-yes", p->simulated },
        { hg_report_form(r, p->interrupted ? HG_TEXT_left_unreached : HG_TEXT_left_unneeded), "c-rest", all - seen },
    };
    double at = 0;
    if (all == 0)
        return;
    hg_buf_puts(r->b, "<figure>\n");
    hg_svg_open(r->b, "stack", 20, hg_report_form(r, HG_TEXT_left_considered), NULL);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        double share = (double)parts[i].count / (double)all;
        hg_svg_bar(r->b, parts[i].kind, at, at + share,
                   hg_textf(r->arena, "%s: %zu", parts[i].name, parts[i].count));
        at += share;
    }
    hg_svg_close(r->b);
    hg_buf_puts(r->b, "<ul class=\"legend\">\n");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i].count)
            hg_html(r->b, "<li><i class=\"sw %s\"></i><b>%s</b> %s</li>\n", parts[i].kind,
                    hg_html_fixed(r->arena, (double)parts[i].count, 0), parts[i].name);
    hg_buf_puts(r->b, "</ul>\n</figure>\n");
}

enum { REFUSALS_SHOWN = 8 };

static void refusal_rows(const hg_report *r, size_t from, size_t to)
{
    static const hg_column columns[] = {
        { HG_TEXT_column_example, "" },
        { HG_TEXT_column_alike, "n" },
        { HG_TEXT_column_why_not, "" },
        { 0, NULL },
    };
    hg_report_table(r, "data refusals", columns);
    for (size_t i = from; i < to; i++) {
        const hg_refusal *f = &r->p->refusals[i];
        hg_buf_puts(r->b, "<tr><th scope=\"row\">");
        hg_report_deployment(r, &f->deployment, NULL);
        hg_html(r->b, "</th><td class=\"n\">%zu</td><td>%s</td></tr>\n", f->count, f->reason);
    }
    hg_report_table_end(r);
}

void hg_report_left_out(const hg_report *r)
{
    if (r->p->considered == 0 && r->p->top_count)
        return;
    const hg_plan *p = r->p;
    size_t first = p->refusal_count < REFUSALS_SHOWN ? p->refusal_count : REFUSALS_SHOWN;
    hg_report_section(
        r, "left-out", hg_report_form(r, HG_TEXT_left_head),
        hg_say(r->arena, p->lang, HG_TEXT_left_lead, hg_html_fixed(r->arena, (double)p->considered, 0),
               hg_html_seconds(r->arena, p->elapsed_s), p->interrupted ? hg_report_form(r, HG_TEXT_left_interrupted) : ""));
    counts_bar(r);
    if (first)
        refusal_rows(r, 0, first);
    if (first < p->refusal_count) {
        hg_html(r->b, "<details>\n<summary>%s</summary>\n",
                hg_say(r->arena, r->p->lang, HG_TEXT_left_more, hg_textf(r->arena, "%zu", p->refusal_count - first)));
        refusal_rows(r, first, p->refusal_count);
        hg_buf_puts(r->b, "</details>\n");
    }
    hg_buf_puts(r->b, "</section>\n");
}

/* ---- where the predictions come from ---- */

static const struct {
    const char *origin;
    hg_text meaning;
} origins[] = {
    { "measured", HG_TEXT_origin_measured },       { "fitted", HG_TEXT_origin_fitted }, { "extrapolated", HG_TEXT_origin_extrapolated },
    { "transferred", HG_TEXT_origin_transferred }, { "roofline", HG_TEXT_origin_roofline },
};

void hg_report_origin(const hg_report *r)
{
    if (!r->p->origin)
        return;
    hg_report_section(r, "origin", hg_report_form(r, HG_TEXT_origin_head), hg_report_form(r, HG_TEXT_origin_lead));
    hg_buf_puts(r->b, "<dl class=\"origins\">\n");
    bool known = false;
    for (size_t i = 0; i < sizeof origins / sizeof *origins; i++) {
        bool this = hg_starts(r->p->origin, origins[i].origin);
        known |= this;
        hg_html(r->b, "<div%s><dt>%s</dt><dd>%s</dd></div>\n", this ? " class=this" : "",
                this ? r->p->origin : origins[i].origin, hg_report_form(r, origins[i].meaning));
    }
    if (!known)
        hg_html(r->b, "<div><dt>%s</dt><dd></dd></div>\n", r->p->origin);
    hg_buf_puts(r->b, "</dl>\n</section>\n");
}

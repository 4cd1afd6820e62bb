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
        { "cannot run", "c-no", p->infeasible },
        { "pruned: their bound lies below the best", "c-pruned", p->pruned },
        { "not simulated: they do as one that was", "c-pruned", p->alike },
        { "simulated", "c-yes", p->simulated },
        { p->interrupted ? "not reached" : "not needed", "c-rest", all - seen },
    };
    double at = 0;
    if (all == 0)
        return;
    hg_buf_puts(r->b, "<figure>\n");
    hg_svg_open(r->b, "stack", 20, "Deployments considered", NULL);
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
        { "Deployment, for example", "" },
        { "Alike", "n" },
        { "Why not", "" },
        { NULL },
    };
    hg_report_table(r, "data refusals", columns);
    for (size_t i = from; i < to; i++) {
        const hg_refusal *f = &r->p->refusals[i];
        hg_buf_puts(r->b, "<tr><th scope=\"row\">");
        hg_report_deployment(r, &f->deployment);
        hg_html(r->b, "</th><td class=\"n\">%zu</td><td>%s</td></tr>\n", f->count, f->reason);
    }
    hg_report_table_end(r);
}

void hg_report_left_out(const hg_report *r)
{
    const hg_plan *p = r->p;
    size_t first = p->refusal_count < REFUSALS_SHOWN ? p->refusal_count : REFUSALS_SHOWN;
    hg_report_section(
        r, "left-out", "What was left out",
        hg_textf(r->arena, "%s deployments were considered in %s%s.",
                 hg_html_fixed(r->arena, (double)p->considered, 0),
                 hg_html_seconds(r->arena, p->elapsed_s),
                 p->interrupted ? "; the search was interrupted before its end" : ""));
    counts_bar(r);
    if (first)
        refusal_rows(r, 0, first);
    if (first < p->refusal_count) {
        hg_html(r->b, "<details>\n<summary>%zu more reasons</summary>\n", p->refusal_count - first);
        refusal_rows(r, first, p->refusal_count);
        hg_buf_puts(r->b, "</details>\n");
    }
    hg_buf_puts(r->b, "</section>\n");
}

/* ---- where the predictions come from ---- */

static const struct {
    const char *origin, *meaning;
} origins[] = {
    { "measured", "your own numbers, laid over the shipped tables." },
    { "fitted",
      "every operator that matters lies within the measured tables of this device and engine." },
    { "extrapolated",
      "some operators run at sizes beyond those measured on this device: expect a wider error." },
    { "transferred", "some operators were measured only on another device or engine version and "
                     "scaled by the data sheets: good for choosing, check before promising." },
    { "roofline", "some operators were never measured anywhere near: their time is the data "
                  "sheet's bound divided by a typical efficiency. Take it as an order." },
};

void hg_report_origin(const hg_report *r)
{
    if (!r->p->origin)
        return;
    hg_report_section(r, "origin", "How far to trust it",
                      "The worst origin that carries at least 5% of the time.");
    hg_buf_puts(r->b, "<dl class=\"origins\">\n");
    bool known = false;
    for (size_t i = 0; i < sizeof origins / sizeof *origins; i++) {
        bool this = hg_starts(r->p->origin, origins[i].origin);
        known |= this;
        hg_html(r->b, "<div%s><dt>%s</dt><dd>%s</dd></div>\n", this ? " class=this" : "",
                this ? r->p->origin : origins[i].origin, origins[i].meaning);
    }
    if (!known)
        hg_html(r->b, "<div><dt>%s</dt><dd></dd></div>\n", r->p->origin);
    hg_buf_puts(r->b, "</dl>\n</section>\n");
}

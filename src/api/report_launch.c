#include "api/report.h"

#include <string.h>

enum { LINE_COLUMNS = 84 };

static const char *launch_lead(const hg_report *r, size_t commands)
{
    const char *files = r->p->found && r->files ? hg_report_form(r, HG_TEXT_launch_files) : "";
    return commands > 1 ? hg_say(r->arena, r->p->lang, HG_TEXT_launch_many, hg_textf(r->arena, "%zu", commands), files)
                        : hg_say(r->arena, r->p->lang, HG_TEXT_launch_one, files);
}

/* What stands on which node. */
static void places(const hg_report *r, const hg_emitter *e, const hg_launch *l)
{
    hg_buf_puts(r->b, "<ul>\n");
    for (const char *line = hg_launch_places(r->arena, r->p->lang, e, l); *line; line += strcspn(line, "\n"), line += *line == '\n')
        hg_html(r->b, "<li>%s</li>\n", hg_strndup(r->arena, line, strcspn(line, "\n")));
    hg_buf_puts(r->b, "</ul>\n");
}

void hg_report_launch(const hg_report *r)
{
    const hg_emitter *e = hg_emitter_find(r->p->problem->engine.name);
    if (r->p->top_count == 0)
        return;
    if (!e) {
        hg_report_section(r, "launch", hg_report_form(r, HG_TEXT_launch_head), hg_report_form(r, HG_TEXT_launch_unwritten));
        hg_buf_puts(r->b, "</section>\n");
        return;
    }
    hg_launch l = hg_plan_launch(r->arena, r->p, &r->p->top[0], r->model_word);
    size_t n;
    const char **lines = hg_emit_command(r->arena, e, &l, &n);
    hg_report_section(r, "launch", hg_report_form(r, r->p->found ? HG_TEXT_launch_head : HG_TEXT_launch_nearest_head),
                      l.prefill ? hg_launch_order(r->arena, r->p->lang, e, &l, r->p->found && r->files ? "1/" : "") : launch_lead(r, n));
    if (l.prefill)
        places(r, e, &l);
    hg_html(r->b, "<div class=\"copy\"><button type=\"button\" data-done=\"%s\" data-else=\"%s\" hidden>%s</button>",
            hg_report_form(r, HG_TEXT_page_copied), hg_report_form(r, HG_TEXT_page_select), hg_report_form(r, HG_TEXT_page_copy));
    hg_html(r->b, "<pre tabindex=\"0\" aria-label=\"%s\"><code>", hg_report_form(r, HG_TEXT_launch_command));
    hg_launch_step steps[HG_LAUNCH_STEPS];
    size_t kinds = l.prefill ? hg_launch_steps(r->arena, r->p->lang, e, &l, steps) : 0;
    for (size_t i = 0; i < kinds; i++)
        hg_html(r->b, "%s# %s\n%s", i ? "\n\n" : "", steps[i].says, hg_folded(r->arena, steps[i].command, LINE_COLUMNS));
    for (size_t i = 0; !l.prefill && i < n; i++)
        hg_html(r->b, "%s%s", i ? "\n\n" : "", hg_folded(r->arena, lines[i], LINE_COLUMNS));
    hg_buf_puts(r->b, "</code></pre></div>\n");
    if (l.wanted)
        hg_html(r->b, "<p>%s</p>\n", hg_say(r->arena, r->p->lang, HG_TEXT_plan_model, l.wanted, r->p->problem->engine.title));
    hg_buf_puts(r->b, "</section>\n");
}

void hg_report_reasons(const hg_report *r)
{
    if (r->p->reason_count == 0)
        return;
    hg_report_section(r, "why", hg_report_form(r, HG_TEXT_reasons_head), NULL);
    hg_buf_puts(r->b, "<dl class=\"reasons\">\n");
    for (size_t i = 0; i < r->p->reason_count; i++) {
        const char *text = r->p->reasons[i], *colon = strstr(text, ": ");
        if (colon)
            hg_html(r->b, "<div><dt><code>%s</code></dt><dd>%s</dd></div>\n",
                    hg_strndup(r->arena, text, (size_t)(colon - text)), colon + 2);
        else
            hg_html(r->b, "<div><dt></dt><dd>%s</dd></div>\n", text);
    }
    hg_buf_puts(r->b, "</dl>\n</section>\n");
}

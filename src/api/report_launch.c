#include "api/report.h"

#include <string.h>

enum { LINE_COLUMNS = 84 };

/* The command over several lines, broken only before a flag and never inside quotes, so that a
 * shell reads the same words. */
static const char *folded(hg_arena *arena, const char *command)
{
    hg_buf b = { .arena = arena };
    char quote = 0;
    size_t column = 0;
    hg_buf_add(&b, "", 0);
    for (const char *p = command; *p; p++) {
        if (*p == '\\' && quote != '\'' && p[1]) {
            hg_buf_add(&b, p++, 2);
            column += 2;
            continue;
        }
        if (quote ? *p == quote : *p == '\'' || *p == '"')
            quote = quote ? 0 : *p;
        size_t word = strcspn(p + 1, " ") + 1, value = p[word] ? strcspn(p + word + 1, " ") + 1 : 0;
        if (!quote && hg_starts(p, " --") && column + word + value > LINE_COLUMNS) {
            hg_buf_puts(&b, " \\\n   ");
            column = 3;
        }
        hg_buf_add(&b, p, 1);
        column++;
    }
    return b.s;
}

static const char *launch_lead(const hg_report *r, size_t commands)
{
    const char *files = r->p->found && r->files ? hg_report_form(r, HG_TEXT_launch_files) : "";
    return commands > 1 ? hg_say(r->arena, r->p->lang, HG_TEXT_launch_many, hg_textf(r->arena, "%zu", commands), files)
                        : hg_say(r->arena, r->p->lang, HG_TEXT_launch_one, files);
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
                      launch_lead(r, n));
    hg_html(r->b, "<div class=\"copy\"><button type=\"button\" data-done=\"%s\" data-else=\"%s\" hidden>%s</button>",
            hg_report_form(r, HG_TEXT_page_copied), hg_report_form(r, HG_TEXT_page_select), hg_report_form(r, HG_TEXT_page_copy));
    hg_html(r->b, "<pre tabindex=\"0\" aria-label=\"%s\"><code>", hg_report_form(r, HG_TEXT_launch_command));
    for (size_t i = 0; i < n; i++)
        hg_html(r->b, "%s%s", i ? "\n\n" : "", folded(r->arena, lines[i]));
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

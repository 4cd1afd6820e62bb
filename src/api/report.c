#include "api/report.h"

#include <math.h>
#include <string.h>

void hg_report_section(const hg_report *r, const char *id, const char *heading, const char *lead)
{
    hg_html(r->b, "<section id=\"%s\">\n<h2>%s</h2>\n", id, heading);
    if (lead)
        hg_html(r->b, "<p class=\"lead\">%s</p>\n", lead);
}

void hg_report_table(const hg_report *r, const char *kind, const hg_column *columns)
{
    hg_html(r->b, "<div class=\"wide\"><table class=\"%s\">\n<thead><tr>", kind);
    for (; columns->name; columns++)
        hg_html(r->b, "<th scope=\"col\" class=\"%s\">%s</th>", columns->kind, columns->name);
    hg_buf_puts(r->b, "</tr></thead>\n<tbody>\n");
}

void hg_report_table_end(const hg_report *r)
{
    hg_buf_puts(r->b, "</tbody></table></div>\n");
}

void hg_report_figure(const hg_report *r, double value, const char *text)
{
    if (isfinite(value)) /* the sign of NAN is not ours to print */
        hg_html(r->b, "<td class=\"n\" data-v=\"%.9g\">%s</td>", value, text);
    else
        hg_html(r->b, "<td class=\"n\" data-v=\"none\">%s</td>", text);
}

void hg_report_deployment(const hg_report *r, const hg_deployment *d)
{
    const char *text = hg_deployment_text(r->arena, d), *comma = strstr(text, ", ");
    size_t shape = comma ? (size_t)(comma - text) : strlen(text);
    hg_html(r->b, "<b>%s</b>", hg_strndup(r->arena, text, shape));
    if (comma)
        hg_html(r->b, "<br><span class=\"mute\">%s</span>", comma + 2);
}

static void style_and_script(hg_buf *b, const char *tag, const char *const *texts)
{
    hg_html(b, "<%s>\n", tag);
    for (; *texts; texts++)
        hg_buf_puts(b, *texts);
    hg_html(b, "</%s>\n", tag);
}

/* The policy forbids every request, so that a mistake here could not send anything anywhere. */
static void head(const hg_report *r)
{
    hg_buf_puts(r->b, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                      "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                      "<meta name=\"color-scheme\" content=\"light dark\">\n");
    hg_html(r->b, "<title>%s: deployment plan</title>\n", r->model_word);
    style_and_script(r->b, "style", hg_report_style);
    hg_buf_puts(r->b, "</head>\n<body>\n<main>\n");
}

static void foot(const hg_report *r)
{
    hg_buf_puts(r->b,
                "<footer><p>Everything here is predicted; nothing was measured on your hardware.");
    if (r->p->found)
        hg_buf_puts(r->b, " Start the server with <code>1/run.sh</code> and check it with "
                          "<code>1/bench.sh</code>.");
    hg_html(r->b,
            " Written by heng %s, seed %llu; the same question gives the same "
            "answer.</p></footer>\n</main>\n",
            HENG_VERSION, (unsigned long long)r->p->problem->seed);
    style_and_script(r->b, "script", hg_report_script);
    hg_buf_puts(r->b, "</body>\n</html>\n");
}

const char *hg_plan_report(hg_arena *arena, const hg_plan *p, const char *model_word)
{
    static void (*const sections[])(const hg_report *) = {
        hg_report_question, hg_report_answer, hg_report_promise,  hg_report_launch,
        hg_report_reasons,  hg_report_memory, hg_report_time,     hg_report_what_if,
        hg_report_front,    hg_report_top,    hg_report_left_out, hg_report_origin,
    };
    hg_buf b = { .arena = arena };
    hg_report r = { arena, &b, p, model_word };
    head(&r);
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        sections[i](&r);
    foot(&r);
    return b.s;
}

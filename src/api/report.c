#include "api/report.h"

#include <math.h>
#include <string.h>

const char *hg_report_form(const hg_report *r, hg_text text)
{
    return hg_text_form(r->p->lang, text);
}

void hg_report_section(const hg_report *r, const char *id, const char *heading, const char *lead)
{
    hg_html(r->b, "<section id=\"%s\">\n<h2>%s</h2>\n", id, heading);
    if (lead)
        hg_html(r->b, "<p class=\"lead\">%s</p>\n", lead);
}

void hg_report_table(const hg_report *r, const char *kind, const hg_column *columns)
{
    hg_html(r->b, "<div class=\"wide\"><table class=\"%s\">\n<thead><tr>", kind);
    for (; columns->kind; columns++)
        hg_html(r->b, "<th scope=\"col\" class=\"%s\">%s</th>", columns->kind, hg_report_form(r, columns->text));
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

static void one_deployment(const hg_report *r, const char *text)
{
    const char *comma = strstr(text, ", ");
    size_t shape = comma ? (size_t)(comma - text) : strlen(text);
    hg_html(r->b, "<b>%s</b>", hg_strndup(r->arena, text, shape));
    if (comma)
        hg_html(r->b, "<br><span class=\"mute\">%s</span>", comma + 2);
}

void hg_report_deployment(const hg_report *r, const hg_deployment *d, const hg_deployment *prefill)
{
    if (!prefill || !prefill->replicas) {
        one_deployment(r, hg_deployment_text(r->arena, d));
        return;
    }
    const hg_deployment *pools[] = { prefill, d };
    for (int i = 0; i < 2; i++) {
        const char *name = hg_pool_name(r->p->lang, i ? HG_POOL_DECODE : HG_POOL_PREFILL);
        hg_buf_puts(r->b, i ? "<br>" : "");
        one_deployment(r, hg_textf(r->arena, "%s %s", name, hg_deployment_text(r->arena, pools[i])));
    }
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
    hg_html(r->b, "<!doctype html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n", hg_report_form(r, HG_TEXT_page_lang));
    hg_buf_puts(r->b,
                      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                      "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                      "<meta name=\"color-scheme\" content=\"light dark\">\n");
    hg_html(r->b, "<title>%s</title>\n", hg_say(r->arena, r->p->lang, HG_TEXT_page_title, r->model_word));
    style_and_script(r->b, "style", hg_report_style);
    hg_buf_puts(r->b, "</head>\n<body>\n<main>\n");
}

static void foot(const hg_report *r)
{
    hg_html(r->b, "<footer><p>%s", hg_report_form(r, HG_TEXT_page_predicted));
    if (r->p->found && r->files)
        hg_buf_puts(r->b, hg_report_form(r, HG_TEXT_page_html_check));
    hg_html(r->b, "%s</p></footer>\n</main>\n",
            hg_say(r->arena, r->p->lang, HG_TEXT_page_written, HENG_VERSION,
                   hg_textf(r->arena, "%llu", (unsigned long long)r->p->problem->seed)));
    style_and_script(r->b, "script", hg_report_script);
    hg_buf_puts(r->b, "</body>\n</html>\n");
}

const char *hg_plan_report(hg_arena *arena, const hg_plan *p, const char *model_word)
{
    static void (*const sections[])(const hg_report *) = {
        hg_report_question, hg_report_answer,      hg_report_promise,     hg_report_launch, hg_report_reasons,
        hg_report_front,    hg_report_curves,      hg_report_memory,      hg_report_time,   hg_report_waterfall,
        hg_report_second,   hg_report_what_if,     hg_report_sensitivity, hg_report_day,    hg_report_top,
        hg_report_choices,  hg_report_left_out,    hg_report_origin,      hg_report_assumptions,
    };
    hg_buf b = { .arena = arena };
    hg_report r = { arena, &b, p, model_word, true };
    head(&r);
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        sections[i](&r);
    foot(&r);
    return b.s;
}

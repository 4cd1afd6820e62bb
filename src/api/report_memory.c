#include "api/report.h"

#include "api/svg.h"

#include <math.h>

typedef struct holding {
    const char *name, *kind;
    double bytes;
} holding;

/* A line of text that ends at a place of the bar. */
static void mark(const hg_report *r, double at, const char *what, double bytes)
{
    hg_svg_open(r->b, "labels", 18, NULL, NULL);
    hg_html(r->b, "<text class=\"end\" x=\"%.2f%%\" dx=\"-4\" y=\"13\">%s %s</text>", 100 * at,
            what, hg_html_gib(r->arena, bytes));
    hg_svg_rule(r->b, "limit", at);
    hg_svg_close(r->b);
}

static void memory_bar(const hg_report *r, const holding *h, int n, double most)
{
    const hg_memory *m = &r->p->memory;
    double at = 0;
    hg_svg_open(r->b, "stack", 34, hg_report_form(r, HG_TEXT_plan_ledger),
                hg_say(r->arena, r->p->lang, HG_TEXT_memory_of, hg_html_gib(r->arena, m->total_bytes),
                       hg_html_gib(r->arena, m->budget_bytes)));
    hg_svg_bar(r->b, "track", 0, m->total_bytes / most, NULL);
    for (int i = 0; i < n; i++) {
        hg_svg_bar(r->b, h[i].kind, at, at + h[i].bytes / most,
                   hg_textf(r->arena, "%s: %s", h[i].name, hg_html_gib(r->arena, h[i].bytes)));
        at += h[i].bytes / most;
    }
    hg_svg_rule(r->b, "limit", m->budget_bytes / most);
    hg_svg_rule(r->b, "limit", m->total_bytes / most);
    hg_svg_close(r->b);
}

static void memory_figure(const hg_report *r, const holding *h, int n, double most)
{
    const hg_memory *m = &r->p->memory;
    hg_buf_puts(r->b, "<figure class=\"ledger\">\n");
    mark(r, m->budget_bytes / most, hg_report_form(r, HG_TEXT_memory_may), m->budget_bytes);
    memory_bar(r, h, n, most);
    mark(r, m->total_bytes / most, hg_report_form(r, HG_TEXT_memory_has), m->total_bytes);
    hg_buf_puts(r->b, "<ul class=\"legend\">\n");
    for (int i = 0; i < n; i++)
        hg_html(r->b,
                "<li><i class=\"sw %s\"></i>%s <b>%s</b> <span class=\"mute\">%s</span></li>\n",
                h[i].kind, h[i].name, hg_html_gib(r->arena, h[i].bytes),
                hg_html_percent(r->arena, h[i].bytes / m->total_bytes));
    hg_buf_puts(r->b, "</ul>\n</figure>\n");
}

static const char *memory_lead(const hg_report *r)
{
    const hg_memory *m = &r->p->memory;
    if (m->kv_bytes < 0)
        return hg_say(r->arena, r->p->lang, HG_TEXT_memory_small, hg_html_gib(r->arena, -m->kv_bytes));
    double tokens = (double)m->kv_blocks * (double)r->p->top[0].deployment.block_tokens;
    /* Models without growing KV (linear layers only) have no such limit. */
    if (!(m->kv_bytes_per_token > 0))
        return hg_report_form(r, HG_TEXT_memory_one);
    return hg_say(r->arena, r->p->lang, HG_TEXT_memory_lead,
                    hg_html_number(r->arena, tokens),
                    hg_html_number(r->arena, (double)m->kv_blocks),
                    hg_html_number(r->arena, m->kv_bytes_per_token / 1024),
                    hg_html_percent(r->arena, r->p->top[0].metrics.sim.kv_peak_frac));
}

void hg_report_memory(const hg_report *r)
{
    const hg_memory *m = &r->p->memory;
    if (r->p->top_count == 0 || !(m->total_bytes > 0))
        return;
    const holding all[] = {
        { hg_report_form(r, HG_TEXT_memory_context), "m-context", m->context_bytes },
        { hg_report_form(r, HG_TEXT_memory_weights), "m-weights", m->weight_bytes },
        { hg_report_form(r, HG_TEXT_memory_activations), "m-activations", m->activation_bytes },
        { hg_report_form(r, HG_TEXT_memory_states), "m-states", m->state_bytes },
        { hg_report_form(r, HG_TEXT_memory_kv), "m-kv", m->kv_bytes },
    };
    holding some[sizeof all / sizeof *all];
    int n = 0;
    double sum = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].bytes > 0) {
            some[n++] = all[i];
            sum += all[i].bytes;
        }
    hg_report_section(r, "memory", hg_report_form(r, HG_TEXT_memory_head), memory_lead(r));
    memory_figure(r, some, n, fmax(sum, fmax(m->total_bytes, m->budget_bytes)));
    hg_buf_puts(r->b, "</section>\n");
}

#include "api/report.h"

#include "api/svg.h"

#include <inttypes.h>
#include <math.h>

enum { PLOT_PX = 380, STEPS = 6 };

/* The tensor-parallel widths that occur, each with a colour and a shape of its own. */
typedef struct widths {
    int64_t tp[HG_SHAPES];
    int count;
} widths;

typedef struct front {
    const hg_report *r;
    widths w;
    hg_svg_scale x, y;
} front;

static bool drawable(const hg_point *p)
{
    return isfinite(p->metrics.tokens_per_s_per_user) &&
           isfinite(p->metrics.tokens_per_s_per_device);
}

/* Widths beyond the last shape share it. */
static int width_of(const widths *w, int64_t tp)
{
    int i = 0;
    while (i < w->count - 1 && w->tp[i] < tp)
        i++;
    return i;
}

static void note_width(widths *w, int64_t tp)
{
    int at = 0;
    while (at < w->count && w->tp[at] < tp)
        at++;
    if ((at < w->count && w->tp[at] == tp) || w->count == HG_SHAPES)
        return;
    for (int i = w->count++; i > at; i--)
        w->tp[i] = w->tp[i - 1];
    w->tp[at] = tp;
}

static double across(const front *f, const hg_point *p)
{
    return p->metrics.tokens_per_s_per_user / f->x.most;
}

static double up(const front *f, const hg_point *p)
{
    return p->metrics.tokens_per_s_per_device / f->y.most;
}

static const char *point_text(const hg_report *r, const hg_point *p, const char *head)
{
    const hg_metrics *m = &p->metrics;
    int64_t devices = hg_point_devices(p);
    hg_buf b = { .arena = r->arena };
    hg_buf_puts(&b, hg_say(r->arena, r->p->lang, HG_TEXT_front_point, head, hg_point_text(r->arena, p),
                           hg_html_number(r->arena, m->tokens_per_s_per_user), hg_html_number(r->arena, m->tokens_per_s_per_device)));
    if (m->rate_per_s > 0)
        hg_buf_puts(&b, hg_say(r->arena, r->p->lang, devices > 1 ? HG_TEXT_front_point_rate : HG_TEXT_front_point_rate_one,
                               hg_html_number(r->arena, m->rate_per_s), hg_textf(r->arena, "%" PRId64, devices)));
    hg_buf_printf(&b, "\nTTFT p90 %s · TPOT p90 %s", hg_html_seconds(r->arena, m->sim.latency[HG_TTFT].p90),
                  hg_html_seconds(r->arena, m->sim.latency[HG_TPOT].p90));
    return b.s;
}

static void marker(const front *f, const hg_point *p, const char *kind, const char *head)
{
    hg_arena *arena = f->r->arena;
    int width = width_of(&f->w, p->deployment.tp);
    hg_svg_marker(f->r->b, hg_textf(arena, "%st%d", kind, width), width, across(f, p), up(f, p),
                  point_text(f->r, p, head));
}

static void points(const front *f)
{
    const hg_report *r = f->r;
    const hg_point *list = r->p->pareto, *before = NULL;
    for (size_t i = 0; i < r->p->pareto_count; i++) {
        if (!drawable(&list[i]))
            continue;
        if (before)
            hg_svg_line(r->b, "front", across(f, before), up(f, before), across(f, &list[i]),
                        up(f, &list[i]));
        before = &list[i];
    }
    for (size_t i = 0; i < r->p->pareto_count; i++)
        if (drawable(&list[i]))
            marker(f, &list[i], "", "");
}

/* The label leans to the side with room; the front falls to the right, so above it is free. */
static void chosen(const front *f)
{
    const hg_report *r = f->r;
    const hg_point *best = &r->p->top[0];
    if (r->p->top_count == 0 || !drawable(best))
        return;
    const char *name = hg_report_form(r, r->p->found ? HG_TEXT_front_recommended : HG_TEXT_front_nearest);
    double x = across(f, best), y = up(f, best);
    hg_html(
        r->b,
        "<svg class=\"chosen\" x=\"%.2f%%\" y=\"%.2f%%\" overflow=\"visible\"><circle r=\"11\"/>"
        "<text class=\"%s\" x=\"%d\" y=\"-12\">%s</text></svg>\n",
        fmin(100 * x, 100), fmax(0, 100 - 100 * y), x > 0.7 ? "end" : "start", x > 0.7 ? -8 : 8,
        name);
    marker(f, best, "best ", hg_report_form(r, r->p->found ? HG_TEXT_front_is_recommended : HG_TEXT_front_is_nearest));
}

static void legend(const front *f)
{
    hg_buf_puts(f->r->b, "<ul class=\"legend\">\n");
    for (int i = 0; i < f->w.count; i++) {
        hg_buf_puts(f->r->b, "<li>");
        hg_svg_key(f->r->b, hg_textf(f->r->arena, "t%d", i), i);
        hg_html(f->r->b, "tp %" PRId64 "</li>\n", f->w.tp[i]);
    }
    hg_buf_puts(f->r->b, "</ul>\n");
}

static void point_row(const hg_report *r, const hg_point *p)
{
    const hg_metrics *m = &p->metrics;
    double ttft = m->sim.latency[HG_TTFT].p90, tpot = m->sim.latency[HG_TPOT].p90;
    hg_html(r->b, "<tr><th scope=\"row\">%s</th>", hg_point_text(r->arena, p));
    hg_report_figure(r, m->tokens_per_s_per_user,
                     hg_html_number(r->arena, m->tokens_per_s_per_user));
    hg_report_figure(r, m->tokens_per_s_per_device,
                     hg_html_number(r->arena, m->tokens_per_s_per_device));
    hg_report_figure(r, m->rate_per_s,
                     m->rate_per_s > 0 ? hg_html_number(r->arena, m->rate_per_s) : "–");
    hg_report_figure(r, ttft, hg_html_seconds(r->arena, ttft));
    hg_report_figure(r, tpot, hg_html_seconds(r->arena, tpot));
    hg_buf_puts(r->b, "</tr>\n");
}

static void table(const hg_report *r)
{
    static const hg_column columns[] = {
        { HG_TEXT_column_deployment, "" }, { HG_TEXT_column_user, "n" },     { HG_TEXT_column_gpu, "n" },
        { HG_TEXT_column_requests, "n" },  { HG_TEXT_column_ttft_p90, "n low" }, { HG_TEXT_column_tpot_p90, "n low" },
        { 0, NULL },
    };
    hg_html(r->b, "<details>\n<summary>%s</summary>\n", hg_say(r->arena, r->p->lang, HG_TEXT_front_table, hg_textf(r->arena, "%zu", r->p->pareto_count)));
    hg_report_table(r, "data sortable", columns);
    for (size_t i = 0; i < r->p->pareto_count; i++)
        point_row(r, &r->p->pareto[i]);
    hg_report_table_end(r);
    hg_buf_puts(r->b, "</details>\n");
}

static void take_axes(front *f)
{
    const hg_plan *p = f->r->p;
    double x = 0, y = 0;
    for (size_t i = 0; i < p->pareto_count + (p->top_count > 0); i++) {
        const hg_point *at = i < p->pareto_count ? &p->pareto[i] : &p->top[0];
        if (!drawable(at))
            continue;
        note_width(&f->w, at->deployment.tp);
        x = fmax(x, at->metrics.tokens_per_s_per_user);
        y = fmax(y, at->metrics.tokens_per_s_per_device);
    }
    f->x = hg_svg_scale_to(hg_report_form(f->r, HG_TEXT_front_x), x, STEPS);
    f->y = hg_svg_scale_to(hg_report_form(f->r, HG_TEXT_front_y), 1.06 * y, STEPS); /* room for the label */
}

static void plot(const front *f)
{
    const hg_report *r = f->r;
    hg_buf_puts(r->b, "<figure class=\"plot\" data-tips>\n<div class=\"frame\">\n");
    hg_svg_open(r->b, "scatter", PLOT_PX, hg_report_form(r, HG_TEXT_front_title),
                hg_say(r->arena, r->p->lang, HG_TEXT_front_desc, hg_textf(r->arena, "%zu", r->p->pareto_count)));
    hg_svg_axes(r->b, &f->x, &f->y);
    points(f);
    chosen(f);
    hg_svg_close(r->b);
    hg_buf_puts(r->b, "</div>\n<div class=\"tip\" role=\"status\" hidden></div>\n");
    legend(f);
    hg_buf_puts(r->b, "</figure>\n");
}

static void drawn(front *f)
{
    take_axes(f);
    plot(f);
    table(f->r);
}

void hg_report_front(const hg_report *r)
{
    front f = { .r = r };
    if (r->p->top_count == 0)
        return;
    if (r->p->pareto_count == 0 && r->p->considered == 0)
        return;
    bool any = r->p->pareto_count > 0;
    hg_report_section(r, "front", hg_report_form(r, HG_TEXT_front_head),
                      hg_report_form(r, any ? HG_TEXT_front_lead : HG_TEXT_front_none));
    if (any)
        drawn(&f);
    hg_buf_puts(r->b, "</section>\n");
}

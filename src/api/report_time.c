#include "api/report.h"

#include "api/svg.h"

#include <math.h>
#include <string.h>

/* ---- where the time goes ---- */

enum { BOUNDS = 8, OTHER = BOUNDS - 1 };

static const struct {
    const char *bound, *kind; /* bound: as in hg_share */
    hg_text name, meaning;
} bounds[BOUNDS] = {
    { "HBM", "b-hbm", HG_TEXT_by_hbm, HG_TEXT_means_hbm },
    { "tensor core", "b-tensor", HG_TEXT_by_tensor, HG_TEXT_means_tensor },
    { "link", "b-link", HG_TEXT_by_link, HG_TEXT_means_link },
    { "vector", "b-vector", HG_TEXT_by_vector, HG_TEXT_means_vector },
    { "host", "b-host", HG_TEXT_by_host, HG_TEXT_means_host },
    { "waiting", "b-other", HG_TEXT_by_waiting, HG_TEXT_means_waiting },
    { "no requests", "b-idle", HG_TEXT_by_idle, HG_TEXT_means_idle },
    { "other", "b-other", HG_TEXT_part_small, HG_TEXT_means_other },
};

static const double SHOWN_FRAC = 0.0005, SMALL_FRAC = 0.005; /* shares below it are shown as one */

static int bound_of(const hg_share *s)
{
    for (int i = 0; i < OTHER; i++)
        if (s->bound && strcmp(s->bound, bounds[i].bound) == 0)
            return i;
    return OTHER;
}

static double part_of(const hg_share *s)
{
    return isfinite(s->share_frac) && s->share_frac > 0 ? s->share_frac : 0;
}

static const hg_times *times_of(const hg_plan_detail *d)
{
    return d->bound_times ? d->bound_times : &d->times;
}

/* Each second by what bound it; without the account, whole parts by what binds most of them. */
static void take_sums(const hg_report *r, double by[BOUNDS])
{
    static const int of[HG_BY] = { [HG_TENSOR] = 1, [HG_VECTOR] = 3, [HG_HBM] = 0, [HG_LINK] = 2, [HG_BY_HOST] = 4,
                                   [HG_BY_BUBBLE] = 5, [HG_BY_IDLE] = 6 };
    for (size_t i = 0; !r->p->detail && i < r->p->share_count; i++)
        by[bound_of(&r->p->shares[i])] += part_of(&r->p->shares[i]);
    for (int k = 0; r->p->detail && k < HG_BY; k++)
        by[of[k]] += times_of(r->p->detail)->share[k];
}

static void sum_bar(const hg_report *r)
{
    double by[BOUNDS] = { 0 }, at = 0;
    take_sums(r, by);
    hg_buf_puts(r->b, "<figure>\n");
    hg_svg_open(r->b, "stack", 34, hg_report_form(r, HG_TEXT_time_by), r->p->bottleneck);
    for (int k = 0; k < BOUNDS; at += by[k++])
        if (by[k] > 0)
            hg_svg_bar(
                r->b, bounds[k].kind, at, at + by[k],
                hg_textf(r->arena, "%s: %s", hg_report_form(r, bounds[k].name), hg_html_percent(r->arena, by[k])));
    hg_svg_close(r->b);
    hg_buf_puts(r->b, "<ul class=\"legend\">\n");
    for (int k = 0; k < BOUNDS; k++)
        if (by[k] >= SHOWN_FRAC)
            hg_html(r->b,
                    "<li><i class=\"sw %s\"></i>%s <b>%s</b> <span class=\"mute\">%s</span></li>\n",
                    bounds[k].kind, hg_report_form(r, bounds[k].name),
                    hg_html_percent(r->arena, by[k]), hg_report_form(r, bounds[k].meaning));
    hg_buf_puts(r->b, "</ul>\n</figure>\n");
}

static void share_row(const hg_report *r, const char *name, double share, int bound, double most)
{
    hg_html(r->b, "<tr><th scope=\"row\">%s</th><td class=\"barcell\"><div class=\"room\">", name);
    hg_svg_open(r->b, "bar", 14, NULL, NULL);
    hg_svg_bar(r->b, bounds[bound].kind, 0, share / most, NULL);
    hg_svg_close(r->b);
    hg_html(r->b, "<span class=\"n\">%s</span></div></td><td class=\"mute\">%s</td></tr>\n",
            hg_html_percent(r->arena, share), bound == OTHER ? "" : hg_report_form(r, bounds[bound].name));
}

/* What is no part of a step has a word of its own. */
static const char *name_of(const hg_report *r, const hg_share *s)
{
    return strcmp(s->name, "idle") == 0             ? hg_report_form(r, HG_TEXT_part_idle)
           : strcmp(s->name, "bubble") == 0         ? hg_report_form(r, HG_TEXT_part_bubble)
           : strcmp(s->name, "smaller parts") == 0  ? hg_report_form(r, HG_TEXT_part_small)
                                                    : hg_operator_name(r->p->lang, s->name);
}

static void share_rows(const hg_report *r)
{
    double most = 1e-9, rest = 0;
    for (size_t i = 0; i < r->p->share_count; i++)
        most = fmax(most, part_of(&r->p->shares[i]));
    for (size_t i = 0; i < r->p->share_count; i++) {
        const hg_share *s = &r->p->shares[i];
        if (part_of(s) >= SMALL_FRAC) {
            share_row(r, name_of(r, s), s->share_frac, bound_of(s), most);
            continue;
        }
        rest += part_of(s);
    }
    if (rest > 0)
        share_row(r, hg_report_form(r, HG_TEXT_part_small), rest,
                  OTHER, most);
}

void hg_report_time(const hg_report *r)
{
    static const hg_column columns[] = {
        { HG_TEXT_column_part, "" },
        { HG_TEXT_column_share, "barcell" },
        { HG_TEXT_column_bound, "" },
        { 0, NULL },
    };
    if (r->p->share_count == 0)
        return;
    hg_report_section(r, "time", hg_report_form(r, HG_TEXT_time_page_head), r->p->bottleneck);
    sum_bar(r);
    hg_report_table(r, "bars shares", columns);
    share_rows(r);
    hg_report_table_end(r);
    hg_buf_puts(r->b, "</section>\n");
}

/* ---- what would change it ---- */

static const char *gain_text(const hg_report *r, const hg_what_if *w)
{
    double gain = w->gain_frac;
    const char *metric = w->metric ? w->metric : "objective";
    if (!isfinite(gain))
        return "–";
    if (gain <= -0.9995)
        return hg_report_form(r, HG_TEXT_gain_breaks);
    if (gain == 0)
        return hg_report_form(r, HG_TEXT_plan_no_change);
    const char *text = hg_textf(r->arena, "%s%.1f%%", gain > 0 ? "+" : "−", 100 * fabs(gain));
    return strcmp(metric, "GPUs") == 0       ? hg_say(r->arena, r->p->lang, HG_TEXT_gain_load, text)
           : strcmp(metric, "mean E2E") == 0 ? hg_say(r->arena, r->p->lang, HG_TEXT_gain_faster, text)
                                             : text;
}

static void gain_row(const hg_report *r, const hg_what_if *w, double least, double most)
{
    double span = most - least, zero = -least / span, end = zero + w->gain_frac / span;
    hg_html(r->b, "<tr><th scope=\"row\">%s</th><td class=\"barcell\"><div class=\"room\">",
            w->change);
    hg_svg_open(r->b, "bar", 14, NULL, NULL);
    if (isfinite(end))
        hg_svg_bar(r->b, w->gain_frac < 0 ? "loss" : "gain", fmin(zero, end), fmax(zero, end),
                   NULL);
    hg_svg_rule(r->b, "zero", zero);
    hg_svg_close(r->b);
    hg_html(r->b, "<span class=\"n\">%s</span></div></td></tr>\n",
            gain_text(r, w));
}

void hg_report_what_if(const hg_report *r)
{
    static const hg_column columns[] = {
        { HG_TEXT_column_change, "" },
        { HG_TEXT_column_gain, "barcell" },
        { 0, NULL },
    };
    double least = 0, most = 0.01;
    if (r->p->what_if_count == 0)
        return;
    for (size_t i = 0; i < r->p->what_if_count; i++) {
        double gain = r->p->what_ifs[i].gain_frac;
        least = isfinite(gain) ? fmin(least, gain) : least;
        most = isfinite(gain) ? fmax(most, gain) : most;
    }
    hg_report_section(r, "what-if", hg_report_form(r, HG_TEXT_what_if_head),
                      hg_report_form(r, r->p->load_given ? HG_TEXT_what_if_lead_load : HG_TEXT_what_if_lead));
    hg_report_table(r, "bars gains", columns);
    for (size_t i = 0; i < r->p->what_if_count; i++)
        gain_row(r, &r->p->what_ifs[i], least, most);
    hg_report_table_end(r);
    hg_buf_puts(r->b, "</section>\n");
}

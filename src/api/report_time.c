#include "api/report.h"

#include "api/svg.h"

#include <math.h>
#include <string.h>

/* ---- where the time goes ---- */

enum { BOUNDS = 7, OTHER = BOUNDS - 1 };

static const struct {
    const char *bound, *kind, *meaning;
} bounds[BOUNDS] = {
    { "HBM", "b-hbm", "reading and writing memory" },
    { "tensor core", "b-tensor", "matrix arithmetic" },
    { "link", "b-link", "between devices" },
    { "vector", "b-vector", "other arithmetic" },
    { "host", "b-host", "scheduling and launches on the processor" },
    { "no requests", "b-idle", "nothing to do" },
    { "other", "b-other", "" },
};

static const double SMALL_FRAC = 0.005; /* shares below it are shown as one */

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

static void sum_bar(const hg_report *r)
{
    double by[BOUNDS] = { 0 }, at = 0;
    for (size_t i = 0; i < r->p->share_count; i++)
        by[bound_of(&r->p->shares[i])] += part_of(&r->p->shares[i]);
    hg_buf_puts(r->b, "<figure>\n");
    hg_svg_open(r->b, "stack", 34, "The engines' time by what binds it", r->p->bottleneck);
    for (int k = 0; k < BOUNDS; at += by[k++])
        if (by[k] > 0)
            hg_svg_bar(
                r->b, bounds[k].kind, at, at + by[k],
                hg_textf(r->arena, "%s: %s", bounds[k].bound, hg_html_percent(r->arena, by[k])));
    hg_svg_close(r->b);
    hg_buf_puts(r->b, "<ul class=\"legend\">\n");
    for (int k = 0; k < BOUNDS; k++)
        if (by[k] > 0)
            hg_html(r->b,
                    "<li><i class=\"sw %s\"></i>%s <b>%s</b> <span class=\"mute\">%s</span></li>\n",
                    bounds[k].kind, k == OTHER - 1 ? "idle" : bounds[k].bound,
                    hg_html_percent(r->arena, by[k]), bounds[k].meaning);
    hg_buf_puts(r->b, "</ul>\n</figure>\n");
}

static void share_row(const hg_report *r, const char *name, double share, int bound, double most)
{
    hg_html(r->b, "<tr><th scope=\"row\">%s</th><td class=\"barcell\"><div class=\"room\">", name);
    hg_svg_open(r->b, "bar", 14, NULL, NULL);
    hg_svg_bar(r->b, bounds[bound].kind, 0, share / most, NULL);
    hg_svg_close(r->b);
    hg_html(r->b, "<span class=\"n\">%s</span></div></td><td class=\"mute\">%s</td></tr>\n",
            hg_html_percent(r->arena, share), bound == OTHER ? "" : bounds[bound].bound);
}

static void share_rows(const hg_report *r)
{
    double most = 1e-9, rest = 0;
    size_t small = 0;
    for (size_t i = 0; i < r->p->share_count; i++)
        most = fmax(most, part_of(&r->p->shares[i]));
    for (size_t i = 0; i < r->p->share_count; i++) {
        const hg_share *s = &r->p->shares[i];
        if (part_of(s) >= SMALL_FRAC) {
            share_row(r, s->name, s->share_frac, bound_of(s), most);
            continue;
        }
        small += part_of(s) > 0;
        rest += part_of(s);
    }
    if (small)
        share_row(r, hg_textf(r->arena, "%zu smaller part%s", small, small > 1 ? "s" : ""), rest,
                  OTHER, most);
}

void hg_report_time(const hg_report *r)
{
    static const hg_column columns[] = {
        { "Part of a step", "" },
        { "Share of the engines' time", "barcell" },
        { "Bound by", "" },
        { NULL },
    };
    if (r->p->share_count == 0)
        return;
    hg_report_section(r, "time", "Where the time goes", r->p->bottleneck);
    sum_bar(r);
    hg_report_table(r, "bars shares", columns);
    share_rows(r);
    hg_report_table_end(r);
    hg_buf_puts(r->b, "</section>\n");
}

/* ---- what would change it ---- */

static const char *gain_text(hg_arena *arena, const hg_what_if *w)
{
    double gain = w->gain_frac;
    const char *metric = w->metric ? w->metric : "objective";
    if (!isfinite(gain))
        return "–";
    if (gain <= -0.9995)
        return "breaks the promise";
    if (gain == 0)
        return "no change";
    return hg_textf(arena, "%s%.1f%%%s",
                    gain >= 0.0005    ? "+"
                    : gain <= -0.0005 ? "−"
                                      : "",
                    100 * fabs(gain),
                    strcmp(metric, "GPUs") == 0       ? " load a GPU"
                    : strcmp(metric, "mean E2E") == 0 ? " faster answers"
                                                      : "");
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
            gain_text(r->arena, w));
}

void hg_report_what_if(const hg_report *r)
{
    static const hg_column columns[] = {
        { "Change", "" },
        { "Gain", "barcell" },
        { NULL },
    };
    double least = 0, most = 0.01;
    if (r->p->what_if_count == 0)
        return;
    for (size_t i = 0; i < r->p->what_if_count; i++) {
        double gain = r->p->what_ifs[i].gain_frac;
        least = isfinite(gain) ? fmin(least, gain) : least;
        most = isfinite(gain) ? fmax(most, gain) : most;
    }
    hg_report_section(r, "what-if", "What would change it",
                      r->p->load_given
                          ? "Each run again with the one change; the bar is the gain in load a GPU or, "
                            "with as many GPUs, in the speed of a mean answer. Under 2% is no change."
                          : "Each run again with the one change; the bar is the gain of the objective. "
                            "Under 2% is no change.");
    hg_report_table(r, "bars gains", columns);
    for (size_t i = 0; i < r->p->what_if_count; i++)
        gain_row(r, &r->p->what_ifs[i], least, most);
    hg_report_table_end(r);
    hg_buf_puts(r->b, "</section>\n");
}

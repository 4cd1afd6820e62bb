#include "api/svg.h"

#include "api/html.h"

#include <math.h>

/* Outlines around (0, 0), of about equal area. */
static const char *const shapes[HG_SHAPES] = {
    "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z",
    "M-4 -4h8v8h-8z",
    "M0 -5.6L5.6 0L0 5.6L-5.6 0z",
    "M0 -5.2L5.2 4.2H-5.2z",
    "M0 5.2L5.2 -4.2H-5.2z",
    "M-1.7 -5h3.4v3.3h3.3v3.4h-3.3v3.3h-3.4v-3.3h-3.3v-3.4h3.3z",
    "M-2.6 -4.6h5.2L5.2 0L2.6 4.6h-5.2L-5.2 0z",
};

static double percent(double frac)
{
    return frac > 0 ? fmin(100 * frac, 100) : 0; /* not a number: 0 */
}

hg_svg_scale hg_svg_scale_to(const char *title, double most, int steps)
{
    static const double nice[] = { 1, 2, 2.5, 5, 10 };
    if (!(most > 1e-9) || !isfinite(most))
        most = 1;
    double exponent = floor(log10(most / steps)), power = pow(10, exponent);
    int k = 0;
    while (k < 4 && nice[k] * power * steps < most * 0.85)
        k++;
    hg_svg_scale a = { .title = title, .step = nice[k] * power };
    a.most = ceil(most / a.step * (1 - 1e-12)) * a.step;
    a.decimals = (int)fmax(0, -floor(log10(a.step) + 1e-9)) + (k == 2 && exponent <= 0);
    return a;
}

void hg_svg_open(hg_buf *b, const char *kind, int height_px, const char *title, const char *desc)
{
    hg_html(b, "<svg class=\"%s\" width=\"100%%\" height=\"%d\" ", kind, height_px);
    if (!title) {
        hg_buf_puts(b, "aria-hidden=\"true\">");
        return;
    }
    hg_html(b, "role=\"img\"><title>%s</title>", title);
    if (desc)
        hg_html(b, "<desc>%s</desc>", desc);
}

void hg_svg_close(hg_buf *b)
{
    hg_buf_puts(b, "</svg>");
}

void hg_svg_bar(hg_buf *b, const char *kind, double from, double to, const char *title)
{
    double left = percent(from), right = percent(to);
    hg_html(b, "<rect class=\"%s\" x=\"%.2f%%\" width=\"%.2f%%\" height=\"100%%\"", kind, left,
            right > left ? right - left : 0);
    if (title)
        hg_html(b, "><title>%s</title></rect>", title);
    else
        hg_buf_puts(b, "/>");
}

void hg_svg_rule(hg_buf *b, const char *kind, double at)
{
    double x = percent(at);
    hg_html(b, "<line class=\"%s\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"0\" y2=\"100%%\"/>", kind, x,
            x);
}

void hg_svg_line(hg_buf *b, const char *kind, double x0, double y0, double x1, double y1)
{
    hg_html(b, "<line class=\"%s\" x1=\"%.2f%%\" y1=\"%.2f%%\" x2=\"%.2f%%\" y2=\"%.2f%%\"/>", kind,
            percent(x0), 100 - percent(y0), percent(x1), 100 - percent(y1));
}

static const char *tick(hg_arena *arena, const hg_svg_scale *a, int i)
{
    double v = i * a->step;
    return fabs(v) < 1e12 ? hg_html_fixed(arena, v, i ? a->decimals : 0)
                          : hg_textf(arena, "%.3g", v);
}

static int ticks(const hg_svg_scale *a)
{
    return (int)lround(a->most / a->step);
}

/* Labels lie outside the chart, in the margin its place leaves. */
void hg_svg_axes(hg_buf *b, const hg_svg_scale *x, const hg_svg_scale *y)
{
    for (int i = 0; i <= ticks(y); i++) {
        double at = i * y->step / y->most;
        hg_svg_line(b, i ? "grid" : "axis", 0, at, 1, at);
        hg_html(b, "<text class=\"ty\" x=\"0\" dx=\"-10\" y=\"%.2f%%\" dy=\"4\">%s</text>",
                100 - percent(at), tick(b->arena, y, i));
    }
    for (int i = 0; i <= ticks(x); i++) {
        double at = i * x->step / x->most;
        hg_svg_line(b, i ? "grid" : "axis", at, 0, at, 1);
        hg_html(b, "<text class=\"tx\" x=\"%.2f%%\" y=\"100%%\" dy=\"20\">%s</text>", percent(at),
                tick(b->arena, x, i));
    }
    hg_html(b, "<text class=\"nx\" x=\"100%%\" y=\"100%%\" dy=\"42\">%s</text>", x->title);
    hg_html(b, "<text class=\"ny\" x=\"0\" dx=\"-10\" y=\"0\" dy=\"-16\">%s</text>", y->title);
}

void hg_svg_marker(hg_buf *b, const char *kind, int shape, double x, double y, const char *title)
{
    hg_html(b, "<svg class=\"p %s\" x=\"%.2f%%\" y=\"%.2f%%\" overflow=\"visible\">", kind,
            percent(x), 100 - percent(y));
    if (title)
        hg_html(b, "<title>%s</title>", title);
    hg_html(b, "<path d=\"%s\"/></svg>\n", shapes[shape]);
}

void hg_svg_key(hg_buf *b, const char *kind, int shape)
{
    hg_html(b,
            "<svg class=\"key %s\" width=\"12\" height=\"12\" viewBox=\"-6 -6 12 12\" "
            "aria-hidden=\"true\">"
            "<path d=\"%s\"/></svg>",
            kind, shapes[shape]);
}

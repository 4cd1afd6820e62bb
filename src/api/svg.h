/* Charts in SVG without a viewBox: places across and down are fractions of the chart, written as
 * percentages, so that a chart takes the width of its page while its text keeps its size. */
#ifndef HG_API_SVG_H
#define HG_API_SVG_H

#include "base/text.h"

typedef struct hg_svg_scale { /* from 0 to most, a whole number of steps */
    const char *title;
    double most, step;
    int decimals; /* that its ticks need */
} hg_svg_scale;

/* An axis that holds `most` in about so many steps of 1, 2, 2.5 or 5 times a power of ten. */
hg_svg_scale hg_svg_scale_to(const char *title, double most, int steps);

/* title NULL: an ornament beside its own figures, hidden from screen readers. */
void hg_svg_open(hg_buf *b, const char *kind, int height_px, const char *title, const char *desc);
void hg_svg_close(hg_buf *b);

/* A bar between two places across; title NULL: none. */
void hg_svg_bar(hg_buf *b, const char *kind, double from, double to, const char *title);
/* An upright line over the whole height. */
void hg_svg_rule(hg_buf *b, const char *kind, double at);

/* In plots y counts upward. */
void hg_svg_axes(hg_buf *b, const hg_svg_scale *x, const hg_svg_scale *y);
void hg_svg_line(hg_buf *b, const char *kind, double x0, double y0, double x1, double y1);

enum { HG_SHAPES = 7 };
/* A point: shape in [0, HG_SHAPES) beside the colour, for those who see colours otherwise.  Its
 * kind also names the class "p". */
void hg_svg_marker(hg_buf *b, const char *kind, int shape, double x, double y, const char *title);
/* The shape alone, for legends. */
void hg_svg_key(hg_buf *b, const char *kind, int shape);

#endif

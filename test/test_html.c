#include "test.h"

#include "api/html.h"
#include "api/svg.h"

#include <math.h>
#include <string.h>

static void escapes(hg_arena arena)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "plain", "plain" },
        { "", "" },
        { "<b>&\"'", "&lt;b&gt;&amp;&quot;&#39;" },
        { "&amp;", "&amp;amp;" },
        { "衡 – é 😀", "衡 – é 😀" },
        { "a\tb\nc", "a\tb\nc" },
        { "a\x01\x7f", "a\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xe8\xa1", "\xef\xbf\xbd\xef\xbf\xbd" },                 /* cut short */
        { "\xc0\xbc", "\xef\xbf\xbd\xef\xbf\xbd" },                 /* overlong < */
        { "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* a surrogate */
        { "\xe2\x80\xae"
          "abc",
          "\xef\xbf\xbd"
          "abc" },                      /* right-to-left override */
        { "\xc2\x85", "\xef\xbf\xbd" }, /* a C1 control */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_buf b = { .arena = &arena };
        hg_html_text(&b, rows[i].text);
        CHECK_STR(b.s, rows[i].want);
    }
}

static void formats(hg_arena arena)
{
    hg_buf b = { .arena = &arena };
    const char *volatile none = NULL; /* volatile: or the compiler sees and warns */
    hg_html(&b, "<i a=\"%s\">%d %u %ld %lld %zu %.2f %g %%%s</i>", "\"<", -1, 2u, 3L, 4LL,
            (size_t)5, 1.256, 0.5, none);
    CHECK_STR(b.s, "<i a=\"&quot;&lt;\">-1 2 3 4 5 1.26 0.5 %–</i>");
}

static void numbers(hg_arena arena)
{
    static const struct {
        double value;
        const char *want;
    } rows[] = {
        { 0, "0" },          { 12.345, "12.3" },       { 0.8314, "0.831" }, { 99.96, "100" },
        { 1284.4, "1,284" }, { 1234567, "1,234,567" }, { -1284, "-1,284" }, { -999, "-999" },
        { 9.996, "10.0" },   { 0.0000123, "1.2e-05" }, { 1e300, "1e+300" }, { NAN, "–" },
        { INFINITY, "–" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        CHECK_STR(hg_html_number(&arena, rows[i].value), rows[i].want);
    CHECK_STR(hg_html_seconds(&arena, 0.0123), "12.3 ms");
    CHECK_STR(hg_html_seconds(&arena, 2.66e-4), "266 µs");
    CHECK_STR(hg_html_seconds(&arena, NAN), "–");
    CHECK_STR(hg_html_given(&arena, 0.04), "40 ms");
    CHECK_STR(hg_html_given(&arena, 1.5), "1.5 s");
    CHECK_STR(hg_html_percent(&arena, 0.0741), "7.4%");
    CHECK_STR(hg_html_percent(&arena, 0.934), "93%");
    CHECK_STR(hg_html_gib(&arena, 2048 * 0x1p30), "2,048.0 GiB");
}

/* An axis holds its data without wasting half of itself, in a readable number of round steps. */
static void axes(void)
{
    for (double most = 1.01e-6; most < 1e12; most *= 1.37) {
        hg_svg_scale a = hg_svg_scale_to("x", most, 6);
        double steps = a.most / a.step, lead = a.step / pow(10, floor(log10(a.step) + 1e-9));
        CHECKF(a.most >= most * (1 - 1e-9) && a.most - a.step < most, "%g: to %g by %g", most,
               a.most, a.step);
        CHECKF(steps > 2.5 && steps < 8.5, "%g: %g steps", most, steps);
        CHECKF(fabs(lead - 1) < 1e-6 || fabs(lead - 2) < 1e-6 || fabs(lead - 2.5) < 1e-6 ||
                   fabs(lead - 5) < 1e-6,
               "%g: a step of %g", most, a.step);
        /* Ticks are told apart: their decimals hold the step. */
        double shown = a.step * pow(10, a.decimals);
        CHECKF(fabs(shown - round(shown)) < 1e-6, "%g: %d decimals of %g", most, a.decimals,
               a.step);
    }
    static const double bad[] = { 0, -1, NAN, INFINITY, 1e-300 };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        hg_svg_scale a = hg_svg_scale_to("x", bad[i], 6);
        CHECK(a.most > 0 && isfinite(a.most) && a.step > 0 && a.most / a.step < 9);
    }
}

void test_html(void)
{
    hg_arena arena;
    CHECK(hg_arena_open(&arena, 0));
    escapes(arena);
    formats(arena);
    numbers(arena);
    axes();
    hg_arena_close(&arena);
}

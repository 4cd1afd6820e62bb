#include "api/html.h"

#include "base/units.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* ---- escaping ---- */

/* The code point at s and its length; length 1 with U+FFFD where the bytes are no UTF-8 (overlong
 * forms and surrogates among them). */
static uint32_t code_point(const unsigned char *s, int *length)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    int n = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
    uint32_t c = n == 1 ? s[0] : n ? s[0] & (0x7fu >> n) : 0xfffd;
    *length = 1;
    for (int i = 1; i < n; i++) {
        if (s[i] >> 6 != 2)
            return 0xfffd;
        c = c << 6 | (s[i] & 0x3f);
    }
    if (n == 0 || c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0xfffd;
    *length = n;
    return c;
}

/* Would be invisible, or make text read otherwise than it is. */
static bool deceives(uint32_t c)
{
    return (c < 0x20 && c != '\t' && c != '\n') || (c >= 0x7f && c < 0xa0) || c == 0x200e ||
           c == 0x200f || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
           c == 0xfffd;
}

static const char *entity(uint32_t c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void hg_html_text(hg_buf *b, const char *s)
{
    hg_buf_add(b, "", 0);
    for (int n; *s; s += n) {
        uint32_t c = code_point((const unsigned char *)s, &n);
        if (entity(c))
            hg_buf_puts(b, entity(c));
        else if (deceives(c))
            hg_buf_puts(b, "\xef\xbf\xbd");
        else
            hg_buf_add(b, s, (size_t)n);
    }
}

/* ---- markup with escaped arguments ---- */

enum { SPEC_MAX = 16 };

/* An integer of any width the formats below ask for. */
static void put_integer(hg_buf *b, const char *spec, size_t n, va_list *args)
{
    char text[64];
    bool wide = n > 2 && spec[n - 2] == 'l' && spec[n - 3] == 'l';
    if (spec[n - 2] == 'z')
        snprintf(text, sizeof text, spec, va_arg(*args, size_t));
    else if (wide)
        snprintf(text, sizeof text, spec, va_arg(*args, long long));
    else if (spec[n - 2] == 'l')
        snprintf(text, sizeof text, spec, va_arg(*args, long));
    else
        snprintf(text, sizeof text, spec, va_arg(*args, int));
    hg_buf_puts(b, text);
}

static void put_real(hg_buf *b, const char *spec, double value)
{
    char text[352]; /* the widest %f: 309 digits */
    snprintf(text, sizeof text, spec, value);
    hg_buf_puts(b, text);
}

static void put_argument(hg_buf *b, const char *spec, size_t n, va_list *args)
{
    switch (spec[n - 1]) {
    case '%':
        hg_buf_puts(b, "%");
        break;
    case 's': {
        const char *s = va_arg(*args, const char *);
        hg_html_text(b, s ? s : "–");
        break;
    }
    case 'd':
    case 'u':
        put_integer(b, spec, n, args);
        break;
    case 'f':
    case 'g':
        put_real(b, spec, va_arg(*args, double));
        break;
    default:
        assert(!"a conversion hg_html does not know");
    }
}

void hg_html(hg_buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    while (*fmt) {
        size_t plain = strcspn(fmt, "%");
        hg_buf_add(b, fmt, plain);
        fmt += plain;
        if (!*fmt)
            break;
        size_t n = 1 + strcspn(fmt + 1, "sdufg%") + 1;
        char spec[SPEC_MAX] = "";
        assert(n < sizeof spec);
        memcpy(spec, fmt, n);
        put_argument(b, spec, n, &args);
        fmt += n;
    }
    va_end(args);
}

void hg_html_say(hg_buf *b, hg_lang lang, hg_text text, ...)
{
    va_list args;
    va_start(args, text);
    const char *p = hg_text_form(lang, text);
    for (const char *at; (at = strstr(p, "%s")); p = at + 2) {
        hg_buf_add(b, p, (size_t)(at - p));
        hg_html_text(b, va_arg(args, const char *));
    }
    va_end(args);
    hg_buf_puts(b, p);
}

/* ---- figures ---- */

static const char *with_thousands(hg_arena *arena, const char *digits)
{
    hg_buf b = { .arena = arena };
    size_t sign = *digits == '-', whole = strcspn(digits, ".");
    for (size_t i = 0; digits[i]; i++) {
        if (i > sign && i < whole && (whole - i) % 3 == 0)
            hg_buf_puts(&b, ",");
        hg_buf_add(&b, digits + i, 1);
    }
    return b.s;
}

const char *hg_html_fixed(hg_arena *arena, double value, int decimals)
{
    return with_thousands(arena, hg_textf(arena, "%.*f", decimals, value));
}

const char *hg_html_number(hg_arena *arena, double value)
{
    double m = fabs(value);
    if (!isfinite(value))
        return "–";
    if (m >= 1e15)
        return hg_textf(arena, "%.3g", value);
    if (m > 0 && m < 0.000995)
        return hg_textf(arena, "%.2g", value);
    int decimals = m >= 99.95 || m == 0 ? 0 : m >= 9.995 ? 1 : m >= 0.9995 ? 2 : 3;
    return hg_html_fixed(arena, value, decimals);
}

const char *hg_html_seconds(hg_arena *arena, double s)
{
    char text[400];
    if (!isfinite(s))
        return "–";
    hg_format(text, sizeof text, s, HG_SECONDS);
    if (hg_ends(text, " us"))
        return hg_textf(arena, "%.*sµs", (int)strlen(text) - 2, text);
    return hg_strdup(arena, text);
}

const char *hg_html_given(hg_arena *arena, double s)
{
    return s < 1 ? hg_textf(arena, "%.6g ms", s * 1e3) : hg_textf(arena, "%.6g s", s);
}

const char *hg_html_percent(hg_arena *arena, double frac)
{
    double percent = 100 * frac;
    return isfinite(percent) ? hg_textf(arena, "%.*f%%", fabs(percent) < 9.95 ? 1 : 0, percent)
                             : "–";
}

const char *hg_html_gib(hg_arena *arena, double bytes)
{
    return isfinite(bytes) ? hg_textf(arena, "%s GiB", hg_html_fixed(arena, bytes / 0x1p30, 1))
                           : "–";
}

#include "base/text.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

char *hg_strndup(hg_arena *arena, const char *s, size_t n)
{
    char *copy = hg_alloc(arena, n + 1, 1);
    memcpy(copy, s, n);
    return copy;
}

char *hg_strdup(hg_arena *arena, const char *s)
{
    return hg_strndup(arena, s, strlen(s));
}

static char *vtextf(hg_arena *arena, const char *fmt, va_list args, size_t *length)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    *length = n < 0 ? 0 : (size_t)n;
    char *s = hg_alloc(arena, *length + 1, 1);
    vsnprintf(s, *length + 1, fmt, again);
    va_end(again);
    return s;
}

char *hg_textf(hg_arena *arena, const char *fmt, ...)
{
    size_t n;
    va_list args;
    va_start(args, fmt);
    char *s = vtextf(arena, fmt, args, &n);
    va_end(args);
    return s;
}

void hg_buf_add(hg_buf *b, const char *s, size_t n)
{
    while (b->n + n + 1 > b->capacity)
        b->s = hg_grow(b->arena, b->s, b->capacity, &b->capacity, 1);
    memcpy(b->s + b->n, s, n);
    b->n += n;
    b->s[b->n] = 0;
}

void hg_buf_puts(hg_buf *b, const char *s)
{
    hg_buf_add(b, s, strlen(s));
}

void hg_buf_printf(hg_buf *b, const char *fmt, ...)
{
    char small[512];
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(small, sizeof small, fmt, args);
    if (n >= 0 && (size_t)n < sizeof small) {
        hg_buf_add(b, small, (size_t)n);
    } else {
        size_t length;
        char *s = vtextf(b->arena, fmt, again, &length);
        hg_buf_add(b, s, length);
    }
    va_end(again);
    va_end(args);
}

char *hg_figures(hg_arena *arena, double value, int figures)
{
    bool whole = isfinite(value) && fabs(value) >= pow(10, figures - 1);
    return whole ? hg_textf(arena, "%.0f", value) : hg_textf(arena, "%.*g", figures, value);
}

char *hg_percent(hg_arena *arena, double frac, int decimals, bool sign, const char *unit)
{
    if (!isfinite(frac))
        return hg_strdup(arena, "-");
    return sign ? hg_textf(arena, "%+.*f%s", decimals, 100 * frac, unit) : hg_textf(arena, "%.*f%s", decimals, 100 * frac, unit);
}

/* The length of the UTF-8 character that begins here; 0: none does. */
static size_t utf8_length(const unsigned char *p)
{
    size_t n = *p < 0x80 ? 1 : *p >= 0xc2 && *p < 0xe0 ? 2 : *p >= 0xe0 && *p < 0xf0 ? 3 : *p >= 0xf0 && *p < 0xf5 ? 4 : 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (*p == 0xe0 && p[1] < 0xa0) || (*p == 0xf0 && p[1] < 0x90);
    bool beyond = (*p == 0xed && p[1] > 0x9f) || (*p == 0xf4 && p[1] > 0x8f);
    return overlong || beyond ? 0 : n;
}

void hg_text_clean(char *s)
{
    for (unsigned char *p = (unsigned char *)s; *p;) {
        size_t n = utf8_length(p);
        if (n == 0 || *p < ' ' || *p == 0x7f)
            *p = '?';
        p += n > 1 ? n : 1;
    }
}

bool hg_starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool hg_ends(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);
    return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

bool hg_same_nocase(const char *a, const char *b)
{
    for (; *a && *b; a++, b++)
        if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
            return false;
    return *a == *b;
}

enum { NEAREST_MAX = 64 };

/* Levenshtein distance of two names, each cut at NEAREST_MAX characters. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t n = strnlen(a, NEAREST_MAX), m = strnlen(b, NEAREST_MAX);
    size_t row[NEAREST_MAX + 1];
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t change = diagonal + (tolower((unsigned char)a[i - 1]) !=
                                        tolower((unsigned char)b[j - 1]));
            size_t step = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < step ? change : step;
        }
    }
    return row[m];
}

const char *hg_nearest_within(const char *s, const char *const *names, size_t count, size_t most)
{
    size_t best = SIZE_MAX;
    const char *name = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t d = edit_distance(s, names[i]);
        if (d < best) {
            best = d;
            name = names[i];
        }
    }
    return best <= most ? name : NULL;
}

const char *hg_nearest(const char *s, const char *const *names, size_t count)
{
    return hg_nearest_within(s, names, count, 1 + strnlen(s, NEAREST_MAX) / 3);
}

const char *hg_basename(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

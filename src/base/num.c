#include "base/num.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* strtol and strtod also take spaces, hexadecimal, "inf" and "nan": a digit must come first. */
static bool starts_like_a_number(const char *s)
{
    if (*s == '-' || *s == '+')
        s++;
    if (*s == '.')
        s++;
    return isdigit((unsigned char)*s) && !(s[0] == '0' && (s[1] == 'x' || s[1] == 'X'));
}

bool hg_parse_i64(const char *s, int64_t *out)
{
    if (!starts_like_a_number(s))
        return false;
    char *end;
    errno = 0;
    long long value = strtoll(s, &end, 10);
    if (errno || end == s || *end)
        return false;
    *out = value;
    return true;
}

bool hg_parse_f64(const char *s, double *out)
{
    if (!starts_like_a_number(s))
        return false;
    char *end;
    double value = strtod(s, &end);
    if (end == s || *end || !isfinite(value))
        return false;
    *out = value;
    return true;
}

#include "base/units.h"

#include "base/num.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct scale {
    const char *suffix;
    double factor;
    bool shown; /* used when formatting */
} scale;

static const scale bytes[] = { { "B", 1, true },          { "kB", 1e3, true },  { "MB", 1e6, true },
                               { "GB", 1e9, true },       { "TB", 1e12, true }, { "KiB", 0x1p10, false },
                               { "MiB", 0x1p20, false },  { "GiB", 0x1p30, false },
                               { "TiB", 0x1p40, false },  { 0 } };
static const scale bytes_per_s[] = { { "B/s", 1, true },      { "kB/s", 1e3, true },
                                     { "MB/s", 1e6, true },   { "GB/s", 1e9, true },
                                     { "TB/s", 1e12, true },  { "Gb/s", 0.125e9, false },
                                     { "GiB/s", 0x1p30, false }, { 0 } };
static const scale flops_per_s[] = { { "FLOP/s", 1, true },    { "GFLOP/s", 1e9, true },
                                     { "TFLOP/s", 1e12, true }, { "PFLOP/s", 1e15, true },
                                     { "GOP/s", 1e9, false },  { "TOP/s", 1e12, false },
                                     { "POP/s", 1e15, false }, { 0 } };
static const scale seconds[] = { { "ns", 1e-9, true }, { "us", 1e-6, true },   { "µs", 1e-6, false },
                                 { "ms", 1e-3, true }, { "s", 1, true },       { "min", 60, false },
                                 { "h", 3600, false }, { 0 } };
static const scale watts[] = { { "W", 1, true }, { "kW", 1e3, true }, { "MW", 1e6, true }, { 0 } };
static const scale usd_per_s[] = { { "USD/s", 1, false },         { "/s", 1, false },
                                   { "/h", 1.0 / 3600, true },    { "USD/h", 1.0 / 3600, false },
                                   { "$/h", 1.0 / 3600, false },  { 0 } };
static const scale hertz[] = { { "Hz", 1, true }, { "kHz", 1e3, true }, { "MHz", 1e6, true },
                               { "GHz", 1e9, true }, { 0 } };
static const scale per_s[] = { { "/s", 1, true }, { "/min", 1.0 / 60, false },
                               { "/h", 1.0 / 3600, false }, { 0 } };
static const scale frac[] = { { "", 1, false }, { "%", 0.01, true }, { 0 } };

static const struct {
    const scale *scales;
    const char *example;
} units[] = {
    [HG_NONE] = { NULL, "8" },
    [HG_BYTES] = { bytes, "80 GB" },
    [HG_BYTES_PER_S] = { bytes_per_s, "4.8 TB/s" },
    [HG_FLOPS_PER_S] = { flops_per_s, "989.5 TFLOP/s" },
    [HG_SECONDS] = { seconds, "40ms" },
    [HG_WATTS] = { watts, "700 W" },
    [HG_USD_PER_S] = { usd_per_s, "2.5/h" },
    [HG_HERTZ] = { hertz, "1.83 GHz" },
    [HG_PER_S] = { per_s, "12/s" },
    [HG_FRAC] = { frac, "0.9" },
};

/* The length of the leading number of s, exponents included ("1e3 B" but not the E of "1EB"). */
static size_t number_length(const char *s)
{
    size_t n = strspn(s, "+-.0123456789");
    if ((s[n] == 'e' || s[n] == 'E') &&
        (isdigit((unsigned char)s[n + 1]) || (strchr("+-", s[n + 1]) && isdigit((unsigned char)s[n + 2]))))
        n += 1 + strspn(s + n + 1, "+-0123456789");
    return n;
}

bool hg_parse_quantity(const char *s, hg_unit unit, double *out)
{
    char number[64];
    size_t n = number_length(s);
    if (n == 0 || n >= sizeof number)
        return false;
    memcpy(number, s, n);
    number[n] = 0;
    double value;
    if (!hg_parse_f64(number, &value))
        return false;
    s += n + strspn(s + n, " ");
    if (!*s) {
        *out = value;
        return true;
    }
    for (const scale *u = units[unit].scales; u && u->suffix; u++)
        if (strcmp(s, u->suffix) == 0) {
            *out = value * u->factor;
            return true;
        }
    return false;
}

const char *hg_unit_example(hg_unit unit)
{
    return units[unit].example;
}

static const scale *fitting_scale(const scale *scales, double value)
{
    const scale *best = NULL;
    for (const scale *u = scales; u && u->suffix; u++)
        if (u->shown && (!best || fabs(value) >= u->factor * 0.9995))
            best = u;
    return best;
}

const char *hg_format(char *out, size_t size, double value, hg_unit unit)
{
    const scale *u = fitting_scale(units[unit].scales, value);
    double scaled = u ? value / u->factor : value;
    double magnitude = fabs(scaled);
    int decimals = magnitude >= 99.95 || scaled == 0 ? 0 : magnitude >= 9.995 ? 1 : 2;
    const char *space = u && isalpha((unsigned char)u->suffix[0]) ? " " : "";
    snprintf(out, size, "%.*f%s%s", decimals, scaled, space, u ? u->suffix : "");
    return out;
}

#include "base/pack.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *hg_pack16(hg_arena *arena, const double *x, size_t n, double step)
{
    size_t bytes = 2 * n, groups = (bytes + 2) / 3;
    char *out = hg_alloc(arena, 4 * groups + 1, 1);
    uint8_t *raw = hg_alloc(arena, 3 * groups, 1);
    for (size_t i = 0; i < n; i++) {
        long q = lround(x[i] / step);
        assert(q >= -32768 && q <= 32767);
        uint16_t bits = (uint16_t)q;
        raw[2 * i] = (uint8_t)(bits & 255);
        raw[2 * i + 1] = (uint8_t)(bits >> 8);
    }
    for (size_t g = 0; g < groups; g++) {
        uint32_t v = (uint32_t)raw[3 * g] << 16 | (uint32_t)raw[3 * g + 1] << 8 | raw[3 * g + 2];
        for (int k = 0; k < 4; k++)
            out[4 * g + (size_t)k] = digits[v >> (18 - 6 * k) & 63];
    }
    for (size_t k = 0; k < 3 * groups - bytes; k++)
        out[4 * groups - 1 - k] = '=';
    return out;
}

static int digit_value(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
           : c == '='             ? 0
                                  : -1;
}

bool hg_unpack16(const char *text, float *x, size_t n, double step)
{
    size_t groups = (2 * n + 2) / 3;
    if (strlen(text) != 4 * groups)
        return false;
    uint8_t tail[2];
    size_t have = 0, at = 0;
    for (size_t g = 0; g < groups; g++) {
        int32_t v = 0;
        for (int k = 0; k < 4; k++) {
            int d = digit_value(text[4 * g + (size_t)k]);
            if (d < 0)
                return false;
            v = v << 6 | d;
        }
        for (int k = 0; k < 3 && at < n; k++) {
            tail[have++] = (uint8_t)(v >> (16 - 8 * k) & 255);
            if (have == 2) {
                x[at++] = (float)((int16_t)(tail[0] | tail[1] << 8) * step);
                have = 0;
            }
        }
    }
    return at == n;
}

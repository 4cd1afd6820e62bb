#include "fit/band.h"

#include <assert.h>
#include <math.h>

hg_band hg_band_new(hg_arena *arena, int n, int width)
{
    return (hg_band){ n, width, HG_NEW(arena, double, (long)n * (width + 1)) };
}

/* Four partial sums: a fixed order that a compiler may still run side by side. */
static double dot(const double *a, const double *b, int n)
{
    double s[4] = { 0 };
    int i = 0;
    for (; i + 4 <= n; i += 4)
        for (int k = 0; k < 4; k++)
            s[k] += a[i + k] * b[i + k];
    for (; i < n; i++)
        s[0] += a[i] * b[i];
    return (s[0] + s[1]) + (s[2] + s[3]);
}

static void factor(hg_band *m)
{
    int w = m->width;
    for (int i = 0; i < m->n; i++) {
        double *row = m->a + (long)i * (w + 1);
        int first = i > w ? i - w : 0;
        for (int j = first; j <= i; j++) {
            const double *other = m->a + (long)j * (w + 1);
            int from = first > j - w ? first : j - w;
            double v = row[j - i + w] - dot(row + from - i + w, other + from - j + w, j - from);
            assert(j < i || v > 0);
            row[j - i + w] = j < i ? v / other[w] : sqrt(v);
        }
    }
}

void hg_band_solve(hg_band *m, double *x)
{
    int w = m->width;
    factor(m);
    for (int i = 0; i < m->n; i++) {
        const double *row = m->a + (long)i * (w + 1);
        int first = i > w ? i - w : 0;
        x[i] = (x[i] - dot(row + first - i + w, x + first, i - first)) / row[w];
    }
    for (int i = m->n; i-- > 0;) {
        const double *row = m->a + (long)i * (w + 1);
        int first = i > w ? i - w : 0;
        x[i] /= row[w];
        for (int j = first; j < i; j++)
            x[j] -= row[j - i + w] * x[i];
    }
}

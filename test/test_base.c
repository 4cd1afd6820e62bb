#include "test.h"

#include "base/arena.h"
#include "base/num.h"
#include "base/pack.h"
#include "base/rng.h"
#include "base/stat.h"
#include "base/text.h"
#include "base/units.h"

#include <math.h>
#include <string.h>

static void numbers(void)
{
    static const struct {
        const char *text;
        bool ok;
        double want;
    } rows[] = {
        { "1", true, 1 },    { "-2.5", true, -2.5 }, { "1e3", true, 1000 }, { "", false, 0 },
        { " 1", false, 0 },  { "1 ", false, 0 },     { "nan", false, 0 },   { "inf", false, 0 },
        { "0x10", false, 0 }, { "1e999", false, 0 }, { "--1", false, 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double got = 0;
        bool ok = hg_parse_f64(rows[i].text, &got);
        CHECKF(ok == rows[i].ok && got == rows[i].want, "'%s' gave %d %g", rows[i].text, ok, got);
    }
}

static void quantities(void)
{
    static const struct {
        const char *text;
        hg_unit unit;
        bool ok;
        double want;
    } rows[] = {
        { "4.8 TB/s", HG_BYTES_PER_S, true, 4.8e12 }, { "80 GB", HG_BYTES, true, 80e9 },
        { "16GiB", HG_BYTES, true, 17179869184.0 },   { "40ms", HG_SECONDS, true, 0.04 },
        { "2.5/h", HG_USD_PER_S, true, 2.5 / 3600 },  { "90%", HG_FRAC, true, 0.9 },
        { "1e3 B", HG_BYTES, true, 1000 },            { "80 Gb", HG_BYTES, false, 0 },
        { "fast", HG_BYTES_PER_S, false, 0 },         { "400 Gb/s", HG_BYTES_PER_S, true, 50e9 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double got = 0;
        bool ok = hg_parse_quantity(rows[i].text, rows[i].unit, &got);
        CHECKF(ok == rows[i].ok && fabs(got - rows[i].want) <= 1e-12 * fabs(rows[i].want),
               "'%s' gave %d %g", rows[i].text, ok, got);
    }
    char text[32];
    CHECK_STR(hg_format(text, sizeof text, 0.0123, HG_SECONDS), "12.3 ms");
    CHECK_STR(hg_format(text, sizeof text, 4.8e12, HG_BYTES_PER_S), "4.80 TB/s");
    CHECK_STR(hg_format(text, sizeof text, 0.9, HG_FRAC), "90.0%");
}

static void nearest_name(void)
{
    static const char *const names[] = { "tensor_parallel", "max_num_seqs", "rate" };
    CHECK_STR(hg_nearest("max-num-seq", names, 3), "max_num_seqs");
    CHECK(hg_nearest("quux", names, 3) == NULL);
}

static void packed_numbers(hg_arena scratch)
{
    double x[5] = { 0, 1.2345, -3.25, 32.0, -32.0 };
    float y[5];
    for (size_t n = 0; n <= 5; n++) {
        CHECK(hg_unpack16(hg_pack16(&scratch, x, n, 0.001), y, n, 0.001));
        for (size_t i = 0; i < n; i++)
            CHECK(fabs(y[i] - x[i]) < 0.00051);
    }
    CHECK(!hg_unpack16("AAAA", y, 4, 1));
    CHECK(!hg_unpack16("A*==", y, 1, 1));
}

/* Means within four standard errors for a fixed seed. */
static void random_means(void)
{
    enum { N = 200000 };
    hg_rng r = hg_rng_seed(7, 1);
    double e = 0, g = 0, g2 = 0, small = 0;
    for (int i = 0; i < N; i++) {
        e += hg_rng_exponential(&r, 4);
        double x = hg_rng_gamma(&r, 2.5, 2);
        g += x;
        g2 += x * x;
        small += hg_rng_gamma(&r, 0.25, 4);
    }
    CHECK_NEAR(e / N, 0.25, 4 / sqrt(N));
    CHECK_NEAR(g / N, 5, 4 / sqrt(2.5 * N));
    CHECK_NEAR(g2 / N - g / N * (g / N), 10, 0.05);
    CHECK_NEAR(small / N, 1, 8 / sqrt(N));
}

static void percentiles(void)
{
    double x[] = { 1, 2, 3, 4 };
    CHECK(hg_percentile(x, 4, 0.5) == 2.5);
    CHECK(hg_percentile(x, 4, 1) == 4);
    CHECK(isnan(hg_percentile(x, 0, 0.5)));
    hg_rng r = hg_rng_seed(5, 0);
    for (size_t n = 1; n < 400; n += 7) {
        double stirred[400], sorted[400], p = hg_rng_unit(&r);
        for (size_t i = 0; i < n; i++)
            stirred[i] = sorted[i] = floor(50 * hg_rng_unit(&r));
        hg_sort(sorted, n);
        CHECK(hg_quantile(stirred, n, p) == hg_percentile(sorted, n, p));
    }
}

/* Every length, and orders that are bad for a quicksort. */
static void sorts(void)
{
    enum { N = 2000 };
    static double x[N], seen[N];
    hg_rng r = hg_rng_seed(1, 2);
    for (int kind = 0; kind < 6; kind++)
        for (size_t n = 0; n <= N; n = n < 60 ? n + 1 : n * 2) {
            double sum = 0, sorted_sum = 0;
            for (size_t i = 0; i < n; i++) {
                double k = (double)i;
                x[i] = kind == 0   ? hg_rng_unit(&r)
                       : kind == 1 ? k
                       : kind == 2 ? -k
                       : kind == 3 ? 7
                       : kind == 4 ? (double)hg_rng_between(&r, 0, 3)
                                   : (i < n / 2 ? k : (double)n - k);
                seen[i] = x[i];
                sum += x[i] * x[i];
            }
            hg_sort(x, n);
            bool ascending = true;
            for (size_t i = 0; i < n; i++) {
                ascending &= i == 0 || x[i - 1] <= x[i];
                sorted_sum += x[i] * x[i];
            }
            CHECKF(ascending && fabs(sum - sorted_sum) <= 1e-9 * sum, "kind %d, %zu numbers", kind, n);
            if (n == 1)
                CHECK(x[0] == seen[0]);
        }
}

/* What is echoed is one line of UTF-8, whatever came in. */
static void cleaned(void)
{
    static const char *const rows[][2] = {
        { "plain", "plain" },           { "tab\there\n", "tab?here?" }, { "\x1b[31m", "?[31m" },       { "caf\xc3\xa9", "caf\xc3\xa9" },
        { "\xe8\xa1\xa1", "\xe8\xa1\xa1" }, { "cut \xe8\xa1", "cut ??" },   { "\xc0\xaf", "??" },         { "\xed\xa0\x80", "???" },
        { "\xf0\x9f\x98\x80!", "\xf0\x9f\x98\x80!" }, { "\xff\xfe", "??" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[32];
        strcpy(text, rows[i][0]);
        hg_text_clean(text);
        CHECK_STR(text, rows[i][1]);
    }
}

void test_base(void)
{
    hg_arena arena;
    CHECK(hg_arena_open(&arena, 0));
    numbers();
    quantities();
    nearest_name();
    packed_numbers(arena);
    random_means();
    percentiles();
    sorts();
    cleaned();
    hg_arena_close(&arena);
}

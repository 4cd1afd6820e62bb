/* Results against each other: what is the same is within noise, what is not is found, definitions that differ are
 * said. */
#include "test.h"

#include "base/rng.h"
#include "base/text.h"
#include "measure/differ.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static hg_bench_result result(hg_arena *arena, size_t n, double ttft_s, uint64_t seed)
{
    hg_rng rng = hg_rng_seed(seed, 1);
    hg_bench_result r = { .format = "vllm bench serve", .file = "x", .place = 1, .model = "m", .concurrency = 8, .isl = 1000, .osl = 100,
                          .completed = (double)n, .failed = NAN, .requests_per_s = 2, .output_tokens_per_s = 200, .total_tokens_per_s = 2200 };
    r.requests = HG_NEW(arena, hg_bench_result_request, n);
    r.request_count = n;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double t = hg_rng_gamma(&rng, 4, ttft_s / 4);
        r.requests[i] = (hg_bench_result_request){ (double)i, 1000, 100, { t, 0.01, NAN, t + 0.99 } };
        sum += t;
    }
    for (int k = 0; k < HG_FIGURES; k++)
        r.of[k] = (hg_spread_s){ NAN, NAN, NAN, NAN, NAN };
    r.of[HG_OF_TTFT].mean = sum / (double)n;
    return r;
}

static const hg_difference *find(const hg_differ *d, const char *figure, const char *statistic)
{
    for (int i = 0; i < d->count; i++)
        if (strcmp(d->all[i].figure, figure) == 0 && strcmp(d->all[i].statistic, statistic) == 0)
            return &d->all[i];
    return NULL;
}

static bool has_line(const hg_differ *d, const char *part)
{
    for (int i = 0; i < d->line_count; i++)
        if (strstr(d->lines[i], part))
            return true;
    return false;
}

/* Of pairs of runs of one server few differ beyond noise (95 % intervals: some do); a tenth more is found. */
static void noise_is_told_from_change(hg_arena arena)
{
    int false_alarms = 0, found = 0;
    enum { PAIRS = 40 };
    for (uint64_t s = 0; s < PAIRS; s++) {
        hg_arena scratch = arena;
        hg_bench_result a = result(&scratch, 600, 0.1, 2 * s), b = result(&scratch, 600, 0.1, 2 * s + 1), c = result(&scratch, 600, 0.115, 2 * s + 1);
        hg_differ same, slower;
        hg_differ_results(&scratch, &a, &b, 0, &same);
        hg_differ_results(&scratch, &a, &c, 0, &slower);
        const hg_difference *x = find(&same, "TTFT", "mean"), *y = find(&slower, "TTFT", "mean");
        CHECK(x && y && x->lo <= x->change_frac && x->change_frac <= x->hi);
        false_alarms += x->lo > 0 || x->hi < 0;
        found += y->lo > 0;
    }
    CHECKF(false_alarms <= 8, "%d of %d same runs differ", false_alarms, PAIRS);
    CHECKF(found >= 36, "%d of %d slower runs found", found, PAIRS);
}

static void the_same_differs_in_nothing(hg_arena arena)
{
    hg_bench_result a = result(&arena, 100, 0.1, 1), few = result(&arena, 20, 0.1, 1);
    hg_differ d, again;
    hg_differ_results(&arena, &a, &a, 7, &d);
    hg_differ_results(&arena, &a, &a, 7, &again);
    CHECK(d.line_count == 0 && find(&d, "TTFT", "mean")->change_frac == 0);
    CHECK(find(&d, "TTFT", "mean")->lo == find(&again, "TTFT", "mean")->lo);
    few.of[HG_OF_TTFT].p99 = a.of[HG_OF_TTFT].p99 = 1;
    hg_differ_results(&arena, &few, &a, 7, &d);
    CHECK(isnan(find(&d, "TTFT", "p99")->lo) && isfinite(find(&d, "TTFT", "mean")->lo)); /* 20 requests know no p99 */
}

static void what_differs_is_said(hg_arena arena)
{
    hg_bench_result a = result(&arena, 10, 0.1, 1), b = a;
    b.tp = 4, a.tp = 2, b.concurrency = 16, b.isl = 1300, b.engine = "sglang", a.engine = "vllm";
    b.notes[b.note_count++] = "a definition of its own";
    hg_differ d;
    hg_differ_results(&arena, &a, &b, 0, &d);
    CHECK(has_line(&d, "tp: 2, and 4") && has_line(&d, "clients: 8, and 16") && has_line(&d, "prompt tokens: 1000, and 1300"));
    CHECK(has_line(&d, "engine: vllm, and sglang") && has_line(&d, "the second only: a definition"));
    CHECK(!hg_same_load(&a, &b) && hg_same_load(&a, &a));
    b = a, b.concurrency = 0, b.rate_per_s = 3;
    hg_differ_results(&arena, &a, &b, 0, &d);
    CHECK(has_line(&d, "open loop"));
    CHECK(find(&d, "TPOT", "mean") == NULL); /* neither says it */
}

void test_differ(void)
{
    hg_arena arena;
    CHECK(hg_arena_open(&arena, 0));
    noise_is_told_from_change(arena);
    the_same_differs_in_nothing(arena);
    what_differs_is_said(arena);
    hg_arena_close(&arena);
}

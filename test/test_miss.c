/* Misses of one server: what runs say of the loads between and around them, of other lengths, and of nothing else;
 * and that they help, on published servers. */
#include "test.h"

#include "base/file.h"
#include "base/stat.h"
#include "base/text.h"
#include "fit/own_runs.h"

#include <math.h>
#include <string.h>

static const char shared[] = "../shared/data/e2e/serving.csv";

static hg_miss_run run(double clients, double isl, double miss)
{
    return (hg_miss_run){ log(clients), log(isl), log(512), { miss, miss }, 0 };
}

static hg_miss_shift at(hg_arena arena, const hg_miss_priors *p, const hg_miss_run *runs, size_t n, double clients, double isl)
{
    hg_miss_run place = run(clients, isl, NAN);
    return hg_miss_at(arena, &p->of[HG_MISS_TPOT], HG_MISS_TPOT, runs, n, &place);
}

static void runs_are_followed(hg_arena arena, const hg_miss_priors *p)
{
    const hg_miss_run runs[] = { run(4, 1024, 0.2), run(64, 1024, 0.2), run(256, 1024, 0.4) };
    hg_miss_shift nothing = at(arena, p, runs, 0, 16, 1024);
    CHECK(nothing.log_factor == 0 && nothing.known_frac == 0);
    CHECK_NEAR(at(arena, p, runs, 3, 64, 1024).log_factor, 0.2, 0.1);
    CHECK_NEAR(at(arena, p, runs, 3, 256, 1024).log_factor, 0.4, 0.1);
    hg_miss_shift between = at(arena, p, runs, 3, 16, 1024), above = at(arena, p, runs, 3, 128, 1024);
    CHECKF(between.log_factor > 0.12 && between.log_factor < 0.25, "%g", between.log_factor);
    CHECKF(above.log_factor > 0.22 && above.log_factor < 0.4, "%g", above.log_factor);
}

/* Away from the runs the shipped prediction comes back, and what is left widens. */
static void far_runs_say_little(hg_arena arena, const hg_miss_priors *p)
{
    const hg_miss_run runs[] = { run(16, 1024, 0.3), run(32, 1024, 0.3) };
    double last = INFINITY, sd = 0, known = 1;
    for (double isl = 1024; isl < 2e7; isl *= 4) {
        hg_miss_shift s = at(arena, p, runs, 2, 16, isl);
        CHECKF(s.log_factor < last && s.log_factor >= 0 && s.sd >= sd && s.known_frac <= known, "isl %g: %g %g", isl, s.log_factor, s.sd);
        last = s.log_factor;
        sd = s.sd;
        known = s.known_frac;
    }
    CHECKF(last < 0.05 && known < 0.1, "%g %g", last, known);
}

static void more_runs_know_more(hg_arena arena, const hg_miss_priors *p)
{
    hg_miss_run runs[100];
    double sd = INFINITY;
    for (size_t n = 0; n < 100; n++) {
        runs[n] = run(pow(2, (double)(n % 10)), 512 + 97 * (double)(n / 10), 0.1);
        hg_miss_shift s = at(arena, p, runs, n, 24, 800);
        /* Beyond HG_MISS_RUNS the nearest are taken: no more is learnt, nor less. */
        CHECKF(s.sd <= sd + 1e-6, "%zu runs: %g after %g", n, s.sd, sd);
        sd = s.sd;
    }
}

static hg_serving_row row(int64_t clients, int64_t tp)
{
    return (hg_serving_row){ .id = "", .device = "h100_sxm", .engine = "vllm", .version = "", .model = "Qwen/Qwen3-8B", .precision = "",
                             .gemm_quant = "", .moe_quant = "", .mode = "agg", .isl = 1024, .osl = 128, .concurrency = clients,
                             .tp = tp, .pp = 1, .dp = 1, .ttft_s = 0.1, .tpot_s = 0.02 };
}

/* What is written is read back, and corrects its own server only. */
static void a_file_goes_round(hg_arena *arena, hg_serving_shelf *shelf, const hg_data *data)
{
    hg_launch_facts launch = { .max_num_batched_tokens = 4096, .requests_per_client = 5, .kv_given = true, .kv_dtype = HG_FP8 };
    hg_serving_row rows[] = { row(4, 1), row(64, 1) };
    rows[0].own = rows[1].own = &launch;
    hg_serving_table t;
    hg_err err;
    hg_own own;
    bool is_own;
    const bool all[HG_MISS_FIGURES] = { true, true };
    hg_serving_table_of(arena, shelf, rows, 2, &t);
    const char *path = "/tmp/heng-own-test.json", *text = hg_own_text(arena, &t, NULL, all, "here", "2026-01-01");
    CHECK(hg_file_write(path, text, strlen(text), true, &err) && hg_own_is(*arena, path, &is_own, &err) && is_own);
    CHECKF(hg_own_read(arena, shelf, data, path, 1, &own, &err), "%s %s", err.where, err.msg);
    CHECK(own.count == 1 && own.servers[0].count == 2 && own.servers[0].launch && own.servers[0].launch->max_num_batched_tokens == 4096);
    CHECK(own.servers[0].launch->kv_given && own.servers[0].launch->kv_dtype == HG_FP8);
    static const double none[HG_MISS_FIGURES][2] = { { 0.5, 2 }, { 0.5, 2 } };
    hg_serving_figures base = { .ttft_s = 0.05, .tpot_s = 0.005, .step_s = 0.005 };
    static const struct { int64_t clients, tp; bool of_it, measured; } asked[] = { { 4, 1, true, true }, { 16, 1, true, false }, { 4, 2, false, false } };
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        hg_serving_row q = row(asked[i].clients, asked[i].tp);
        hg_serving_case c;
        hg_own_question o = hg_own_case(arena, &own, shelf, &q, &c);
        CHECKF((o.server != NULL) == asked[i].of_it, "%zu", i);
        if (!o.server)
            continue;
        CHECKF(c.launch.max_num_batched_tokens == 4096 && c.launch.requests_per_client != 5, "%zu: launched as its server was", i);
        hg_own_figures f = hg_own_correct(*arena, &own, &o, &base, none);
        CHECKF(f.measured == asked[i].measured, "%zu", i);
        CHECKF(asked[i].measured ? f.of[HG_MISS_TPOT] == 0.02 : f.of[HG_MISS_TPOT] > 0.005, "%zu: %g", i, f.of[HG_MISS_TPOT]);
        CHECK(f.lo[HG_MISS_TPOT] < f.of[HG_MISS_TPOT] && f.of[HG_MISS_TPOT] < f.hi[HG_MISS_TPOT]);
    }
}

/* A figure that a file does not correct stays as shipped, band and all, but where it was measured. */
static void what_does_not_help_is_left(hg_arena *arena, hg_serving_shelf *shelf, const hg_data *data)
{
    static const bool corrects[][HG_MISS_FIGURES] = { { true, false }, { false, true }, { false, false } };
    static const double bands[HG_MISS_FIGURES][2] = { { 0.5, 2 }, { 0.5, 2 } };
    hg_serving_row rows[] = { row(4, 1), row(64, 1) };
    hg_serving_figures base = { .ttft_s = 0.05, .tpot_s = 0.005, .step_s = 0.005 };
    const double shipped[HG_MISS_FIGURES] = { base.ttft_s, base.tpot_s };
    hg_serving_table t;
    hg_serving_table_of(arena, shelf, rows, 2, &t);
    for (size_t i = 0; i < sizeof corrects / sizeof *corrects; i++)
        for (int64_t clients = 4; clients <= 16; clients += 12) {
            const char *path = "/tmp/heng-own-test.json", *text = hg_own_text(arena, &t, NULL, corrects[i], "here", "2026-01-01");
            hg_err err;
            hg_own own;
            hg_serving_case c;
            hg_serving_row q = row(clients, 1);
            CHECK(hg_file_write(path, text, strlen(text), true, &err) && hg_own_read(arena, shelf, data, path, 1, &own, &err));
            hg_own_question o = hg_own_case(arena, &own, shelf, &q, &c);
            hg_own_figures f = hg_own_correct(*arena, &own, &o, &base, bands);
            for (int k = 0; k < HG_MISS_FIGURES; k++) {
                bool moved = clients == 4 || corrects[i][k];
                CHECKF((f.of[k] != shipped[k]) == moved, "%zu, %s, %d clients: %g", i, hg_miss_names[k], (int)clients, f.of[k]);
                if (!moved) {
                    CHECK_NEAR(f.lo[k], 0.5 * shipped[k], 1e-12);
                    CHECK_NEAR(f.hi[k], 2 * shipped[k], 1e-12);
                }
            }
        }
}

static void bad_files_are_refused(hg_arena *arena, hg_serving_shelf *shelf, const hg_data *data)
{
    static const struct { const char *text, *says; } rows[] = {
        { "{\"runs\":[{\"model\":\"a\"}]}", "lacks model" },
        { "{\"runs\":3}", "holds no runs" },
        { "{\"runs\":", "not JSON" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *path = "/tmp/heng-own-test.json";
        hg_err err = { 0 };
        hg_own own;
        CHECK(hg_file_write(path, rows[i].text, strlen(rows[i].text), true, &err));
        CHECKF(!hg_own_read(arena, shelf, data, path, 1, &own, &err) && strstr(err.msg, rows[i].says), "%zu: %s", i, err.msg);
    }
}

/* A part of the published servers: their other loads correct one that is left out. */
static void left_out_loads_are_nearer(hg_arena *arena, hg_serving_shelf *shelf, const hg_miss_priors *p)
{
    hg_err err;
    size_t n, kept = 0, count;
    if (!hg_is_file(shared)) {
        test_skip("../shared/data/e2e is absent: left-out loads are not judged");
        return;
    }
    hg_serving_row *rows = hg_serving_file(arena, shared, &n, &err);
    for (size_t i = 0; i < n; i++)
        if (strcmp(rows[i].engine, "trtllm") == 0 && rows[i].concurrency <= 64 && rows[i].isl + rows[i].osl <= 4096)
            rows[kept++] = rows[i];
    hg_serving_table t;
    hg_serving_table_of(arena, shelf, rows, kept, &t);
    hg_serving_case *cases = HG_NEW(arena, hg_serving_case, kept);
    const hg_overheads **terms = HG_NEW(arena, const hg_overheads *, kept);
    hg_serving_figures *base = HG_NEW(arena, hg_serving_figures, kept);
    for (size_t i = 0; i < kept; i++) {
        cases[i] = t.samples[i].of;
        terms[i] = &cases[i].problem->engine.overheads;
    }
    hg_serving_predict_all(cases, terms, kept, 0, base);
    hg_miss_server *servers = hg_servers_of(arena, &t, base, &count);
    for (int f = 0; f < HG_MISS_FIGURES; f++) {
        double *before = HG_NEW(arena, double, kept), *after = HG_NEW(arena, double, kept);
        size_t m = 0;
        for (size_t s = 0; s < count; s++)
            for (size_t i = 0; i < servers[s].count; i++) {
                double miss = servers[s].runs[i].miss[f];
                double e = isfinite(miss) ? hg_miss_left_out(*arena, &p->of[f], (hg_miss_figure)f, &servers[s], i, HG_MISS_ALL, NULL) : NAN;
                if (isfinite(e)) {
                    before[m] = fabs(exp(-miss) - 1);
                    after[m++] = fabs(e);
                }
            }
        double was = hg_quantile(before, m, 0.5), is = hg_quantile(after, m, 0.5);
        CHECKF(m > 100 && is < 0.6 * was, "%s: median error %.3f, from %.3f, over %zu runs", hg_miss_names[f], is, was, m);
    }
}

void test_miss(void)
{
    hg_arena arena, kept;
    hg_data data = { 0 };
    hg_err err;
    hg_miss_priors priors;
    CHECK(hg_arena_open(&arena, 0) && hg_arena_open(&kept, 0));
    CHECK(hg_miss_priors_read(&arena, &data, &priors, &err));
    runs_are_followed(arena, &priors);
    far_runs_say_little(arena, &priors);
    more_runs_know_more(arena, &priors);
    hg_serving_shelf *shelf = hg_serving_shelf_open(&kept, &data, &err);
    CHECK(shelf);
    a_file_goes_round(&kept, shelf, &data);
    what_does_not_help_is_left(&kept, shelf, &data);
    bad_files_are_refused(&kept, shelf, &data);
    left_out_loads_are_nearer(&kept, shelf, &priors);
    hg_arena_close(&arena);
    hg_arena_close(&kept);
}

#include "test.h"

#include "base/rng.h"
#include "base/stat.h"
#include "spec/workload.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char traces[] = "../shared/data/traces";

static const char *written(hg_arena *arena, const char *text)
{
    char *path = HG_NEW(arena, char, 64);
    snprintf(path, 64, "/tmp/heng-test-workload-%ld", (long)getpid());
    FILE *f = fopen(path, "wb");
    fwrite(text, 1, strlen(text), f);
    fclose(f);
    return path;
}

/* Every format, and what becomes of it: the requests as "arrival isl osl hashes;" or the error. */
static void formats(hg_arena arena)
{
    static const struct {
        const char *text, *want; /* want: the requests, or after '!' a part of the error */
    } rows[] = {
        { "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 23:59:59.9799600,4808,10\n"
          "2023-11-17 00:00:00.0319600,3180,8\n", "0 4808 10 0;0.052 3180 8 0;" },
        { "TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10T00:00:00.009930+00:00,5,6\n"
          "2024-05-10T00:00:01.009930+00:00,7,8\n", "0 5 6 0;1 7 8 0;" },
        { "{\"timestamp\": 0, \"input_length\": 600, \"output_length\": 5, \"hash_ids\": [0, 1]}\n"
          "{\"timestamp\": 3000, \"input_length\": 1024, \"output_length\": 6, \"hash_ids\": [0, 2]}\n",
          "0 600 5 2;3 1024 6 2;/512" },
        { "{\"timestamp\":0.5,\"input_length\":20,\"output_length\":5,\"hash_ids\":[7,8]}\n"
          "{\"timestamp\":2,\"input_length\":48,\"output_length\":6,\"hash_ids\":[7,8,9]}\n",
          "0 20 5 2;1.5 48 6 3;/16" },
        { "{\"timestamp\":1,\"input_length\":20,\"output_length\":5,\"hash_ids\":[7,8]}\n"
          "{\"timestamp\":3,\"input_length\":48,\"output_length\":6,\"hash_ids\":[7,8,9]}\n",
          "0 20 5 2;2 48 6 3;/16" },
        { "{\"input_length\":20,\"output_length\":5}\n", "0 20 5 0;" },
        { "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
          "5,ChatGPT,472,18,490,Conversation log\n45,ChatGPT,1087,0,1087,Conversation log\n"
          "118.5,GPT-4,417,276,693,API log\n", "0 472 18 0;113.5 417 276 0;-1" },
        { "arrival_s,isl,osl,prefix_hashes\n0,1000,10,4 5\n2.5,600,20,4;6\n", "0 1000 10 2;2.5 600 20 2;/512" },
        { "arrival_s,isl,osl\r\n3,1,2\r\n1,3,4\r\n", "0 3 4 0;2 1 2 0;" },
        { "\xef\xbb\xbfisl,osl\n10,20\n\n30,40\n", "0 10 20 0;0 30 40 0;" },
        { "", "!is empty" },
        { "\n\n", "!is empty" },
        { "a,b\n1,2\n", "!write arrival_s,isl,osl" },
        { "[1,2]\n", "!one request a line" },
        { "isl,osl\n1,x\n", "!:2: osl|whole number" },
        { "isl,osl\n1,-2\n", "!:2: osl|must lie in" },
        { "isl,osl\n1,1e300\n", "!:2: osl" },
        { "isl,osl\n99999999999999999999,2\n", "!:2: isl" },
        { "isl,osl\n1\n", "!:2|1 fields where the header has 2" },
        { "isl,osl\n0,5\n3,0\n", "!no request" },
        { "arrival_s,isl,osl\nnan,1,2\n", "!:2: arrival_s" },
        { "arrival_s,isl,osl\n-1,1,2\n", "!:2: arrival_s" },
        { "arrival_s,isl,osl,prefix_hashes\n0,1,2,a b\n", "!:2: prefix_hashes|whole numbers" },
        { "TIMESTAMP,ContextTokens,GeneratedTokens\n16/11/2023,1,2\n", "!:2: TIMESTAMP" },
        { "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-13-16 23:59:59,1,2\n", "!:2: TIMESTAMP" },
        { "{\"timestamp\":0,\"input_length\":\"5\",\"output_length\":5}\n", "!:1: input_length" },
        { "{\"timestamp\":0,\"output_length\":5}\n", "!:1: input_length|missing" },
        { "{\"timestamp\":0,\"input_length\":5,\"output_length\":5}\n{\"timestamp\":0,\n", "!:2" },
        { "{\"timestamp\":0,\"input_length\":5,\"output_length\":5,\"hash_ids\":[1,\"x\"]}\n", "!:1: hash_ids" },
        { "{\"timestamp\":-4,\"input_length\":5,\"output_length\":5}\n", "!:1: timestamp" },
        { "{\"timestamp\":1e300,\"input_length\":5,\"output_length\":5}\n", "!:1: timestamp" },
        { "{\"timestamp\":0,\"input_length\":5,\"output_length\":5}\n[]\n", "!:2: row" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_arena scratch = arena;
        hg_workload w;
        hg_err err = { 0 };
        char got[400];
        size_t n = 0;
        bool ok = hg_workload_read(&scratch, written(&scratch, rows[i].text), 0, &w, &err);
        for (size_t k = 0; ok && k < w.count && n < sizeof got - 60; k++)
            n += (size_t)snprintf(got + n, sizeof got - n, "%.9g %d %d %u;", w.requests[k].arrival_s,
                                  w.requests[k].isl, w.requests[k].osl, w.requests[k].hash_count);
        if (ok && w.hash_block_tokens)
            n += (size_t)snprintf(got + n, sizeof got - n, "/%d", w.hash_block_tokens);
        if (ok && w.skipped)
            n += (size_t)snprintf(got + n, sizeof got - n, "-%zu", w.skipped);
        if (!ok)
            snprintf(got, sizeof got, "%.190s|%.200s", err.where, err.msg);
        if (rows[i].want[0] != '!') {
            CHECK_STR(got, rows[i].want);
            continue;
        }
        char want[80], *part = want, *bar;
        snprintf(want, sizeof want, "%s", rows[i].want + 1);
        CHECKF(!ok && err.code == HG_INPUT, "row %zu was read: %s", i, got);
        for (; part; part = bar ? bar + 1 : NULL) {
            if ((bar = strchr(part, '|')))
                *bar = 0;
            CHECKF(strstr(got, part) != NULL, "row %zu: '%s' lacks '%s'", i, got, part);
        }
    }
    remove(written(&arena, ""));
}

static void limits_rows(hg_arena arena)
{
    hg_workload w;
    hg_err err;
    CHECK(hg_workload_read(&arena, written(&arena, "isl,osl\n1,2\n3,4\n5,6\n"), 2, &w, &err));
    CHECK(w.count == 2 && w.requests[1].isl == 3);
    CHECK(!hg_workload_read(&arena, "/nonexistent/trace.csv", 0, &w, &err) && err.code == HG_INPUT);
}

static void near3(double got, double want, const char *what)
{
    CHECKF(fabs(got - want) < 5e-4, "%s: %.4f, want %.3f", what, got, want);
}

/* The published figures of the public traces (Mooncake FAST 2025 table 2; its hit fractions are
 * recomputed in ../shared/reference/papers.md D9 by other code). */
static void describes_traces(hg_arena arena)
{
    hg_workload w;
    hg_err err;
    char path[200];
    snprintf(path, sizeof path, "%s/mooncake-conversation.jsonl", traces);
    if (access(path, R_OK) != 0) {
        test_skip("no traces beside the checkout");
        return;
    }
    CHECK(hg_workload_read(&arena, path, 0, &w, &err));
    hg_workload_stats s = hg_workload_describe(arena, &w);
    CHECK(s.requests == 12031 && s.prefix_block_tokens == 512);
    CHECK(round(s.isl.mean) == 12035 && round(s.osl.mean) == 343);
    near3(s.infinite_hit_frac, 0.366, "infinite");
    near3(s.lru[0].hit_frac, 0.044, "1k");
    near3(s.lru[1].hit_frac, 0.211, "10k");
    near3(s.lru[2].hit_frac, 0.355, "50k");
    snprintf(path, sizeof path, "%s/azure-conv-2023.csv", traces);
    CHECK(hg_workload_read(&arena, path, 0, &w, &err));
    s = hg_workload_describe(arena, &w);
    CHECK(s.requests == 19366 && s.isl.p50 == 1020 && s.osl.p50 == 129 && s.isl.max == 14050);
    CHECK_NEAR(s.duration_s, 3501.721937, 1e-12); /* 18:15:46.6805900 to 19:14:08.4025270 */
}

/* Estimated burstiness of gamma gaps is their shape. */
static void measures_burstiness(hg_arena arena)
{
    enum { N = 40000 };
    static const double shapes[] = { 0.25, 1, 4 };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        hg_arena scratch = arena;
        hg_rng r = hg_rng_seed(3, i);
        hg_workload w = { .requests = HG_NEW(&scratch, hg_request, N), .count = N, .timed = true };
        for (size_t k = 0; k < N; k++)
            w.requests[k] = (hg_request){ .isl = 1, .osl = 1,
                .arrival_s = k ? w.requests[k - 1].arrival_s + hg_rng_gamma(&r, shapes[i], 1) : 0 };
        hg_workload_stats s = hg_workload_describe(scratch, &w);
        CHECK_NEAR(s.burstiness, shapes[i], 0.06);
        CHECK_NEAR(s.rate_per_s, 1 / shapes[i], 0.05);
    }
}

static void presets(hg_arena arena)
{
    static const struct {
        const char *name;
        double isl_p50, osl_p50, isl_p90; /* of the sources; 0: not stated */
    } rows[] = {
        { "chat", 1020, 129, 2734.5 }, { "code", 1469, 13, 5187.6 },
        { "summarise", 7059, 208, 12985 }, { "rag", 4096, 512, 4096 }, { "agent", 0, 0, 0 },
        { "reasoning", 921, 7373, 0 }, { "batch", 0, 0, 0 },
    };
    hg_data data = { 0 };
    hg_err err = { 0 };
    size_t count;
    const char **names = hg_workload_presets(&arena, &data, &count, &err);
    CHECK(names && count == sizeof rows / sizeof *rows);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_workload w, again;
        CHECKF(hg_workload_preset(&arena, &data, rows[i].name, 1, &w, &err), "%s", err.msg);
        hg_workload_preset(&arena, &data, rows[i].name, 1, &again, &err);
        CHECK(memcmp(w.requests, again.requests, w.count * sizeof *w.requests) == 0);
        hg_workload_stats s = hg_workload_describe(arena, &w);
        if (rows[i].isl_p50 > 0) {
            CHECK_NEAR(s.isl.p50, rows[i].isl_p50, 0.05);
            CHECK_NEAR(s.osl.p50, rows[i].osl_p50, 0.08);
        }
        if (rows[i].isl_p90 > 0)
            CHECK_NEAR(s.isl.p90, rows[i].isl_p90, 0.05);
        if (strcmp(rows[i].name, "agent") == 0)
            CHECK_NEAR(s.osl.mean, 182, 0.02);
    }
    hg_workload w;
    CHECK(!hg_workload_preset(&arena, &data, "chatt", 1, &w, &err));
    CHECKF(strstr(err.msg, "did you mean chat?") != NULL, "%s", err.msg);
}

static void synthetic(hg_arena arena)
{
    hg_workload w;
    hg_workload_synthetic(&arena, 1000, 10, 0.8, 5000, 1, &w);
    hg_workload_stats s = hg_workload_describe(arena, &w);
    CHECK(s.isl.max == 1000 && s.osl.max == 10 && w.count == 5000);
    CHECK_NEAR(s.isl.mean, 900, 0.005);
    CHECK_NEAR(s.osl.mean, 9, 0.01);
    hg_workload_synthetic(&arena, 7, 1, 1, 3, 1, &w);
    CHECK(w.requests[2].isl == 7 && w.requests[2].osl == 1);
}

void test_workload(void)
{
    hg_arena arena;
    CHECK(hg_arena_open(&arena, 0));
    formats(arena);
    limits_rows(arena);
    describes_traces(arena);
    measures_burstiness(arena);
    presets(arena);
    synthetic(arena);
    hg_arena_close(&arena);
}

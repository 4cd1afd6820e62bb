#include "test.h"

#include "spec/slo.h"

#include <string.h>

static void reads(hg_arena arena)
{
    static const struct {
        const char *text, *canonical; /* NULL: an error */
    } rows[] = {
        { "ttft:p90<1s,tpot:p95<40ms,e2e:p99<30s", "ttft:p90<1s,tpot:p95<40ms,e2e:p99<30s" },
        { "ttft<1s", "ttft:p99<1s" },
        { "ttft:500 tpot:50 e2el:8000", "ttft:p99<500ms,tpot:p99<50ms,e2e:p99<8s" },
        { "itl:mean<25ms; queue:p99.9<=2s", "itl:mean<25ms,queue:p99.9<2s" },
        { "TTFT:median<0.2s", "ttft:p50<200ms" },
        { "mlperf:llama2-70b-interactive", "ttft:p99<450ms,tpot:p99<40ms" },
        { "ttft:p50<1s,ttft:p99<2s", "ttft:p50<1s,ttft:p99<2s" },
        { "", NULL }, { " , ", NULL }, { "ttft", NULL }, { "ttft:", NULL }, { "ttft<", NULL },
        { "ttft<1", NULL }, { "ttft:p100<1s", NULL }, { "ttft:p0<1s", NULL }, { "ttft:q90<1s", NULL },
        { "tftt<1s", NULL }, { "ttft<-1s", NULL }, { "ttft:-5", NULL }, { "ttft<nan", NULL },
        { "ttft<1s,ttft:p99<2s", NULL }, { "mlperf:gpt5", NULL }, { "mlperf:llama2-70b,ttft<1s", NULL },
        { "ttft:p90<1e999s", NULL }, { "<1s", NULL }, { ":<", NULL },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hg_slo slo;
        hg_err err = { 0 };
        bool ok = hg_slo_parse(rows[i].text, "--slo", &slo, &err);
        CHECKF(ok == (rows[i].canonical != NULL), "'%s' gave %d", rows[i].text, ok);
        if (ok && rows[i].canonical)
            CHECK_STR(hg_slo_text(&arena, &slo), rows[i].canonical);
        if (!ok)
            CHECK(err.code == HG_INPUT && strcmp(err.where, "--slo") == 0 && err.msg[0]);
    }
}

static void suggests(void)
{
    hg_slo slo;
    hg_err err = { 0 };
    CHECK(!hg_slo_parse("tftt<1s", "--slo", &slo, &err));
    CHECKF(strstr(err.msg, "did you mean 'ttft'") != NULL, "%s", err.msg);
    CHECK(!hg_slo_parse("mlperf:llama3.1-8", "--slo", &slo, &err));
    CHECKF(strstr(err.msg, "mlperf:llama3.1-8b") != NULL, "%s", err.msg);
}

void test_slo(void)
{
    hg_arena arena;
    CHECK(hg_arena_open(&arena, 0));
    reads(arena);
    suggests();
    hg_arena_close(&arena);
}

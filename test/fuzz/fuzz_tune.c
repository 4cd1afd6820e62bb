/* Text a tuner takes: knobs, a command to launch, a metrics page.  Any bytes give a result or one line of error. */
#include "tune/adapter.h"
#include "tune/prometheus.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_err(const hg_err *err)
{
    assert(err->code == HG_INPUT && err->msg[0] && !strchr(err->msg, '\n'));
}

static void fuzz_knobs(hg_arena scratch, const char *text)
{
    hg_tune_knobs k;
    hg_tune_space s;
    hg_err err;
    size_t levels[HG_TUNE_KNOBS];
    if (!hg_tune_knobs_parse(&scratch, text, "--knob", &k, &err)) {
        check_err(&err);
        return;
    }
    for (size_t i = 0; i < k.count; i++)
        for (size_t v = 1; v < k.list[i].count; v++)
            assert(strcmp(k.list[i].values[v], k.list[i].values[v - 1]) != 0);
    if (!hg_tune_knobs_live(&scratch, &k, text, "--live", &err))
        check_err(&err);
    if (!hg_tune_knobs_baseline(&scratch, &k, "", "--baseline", levels, &err) || !hg_tune_space_open(&scratch, &k, levels, "--knob", &s, &err)) {
        check_err(&err);
        return;
    }
    hg_tune_point_text(&scratch, &k, &s, s.points - 1);
}

static void fuzz_command(hg_arena scratch, const char *text)
{
    hg_adapter a = { .model = "m" };
    hg_tune_knobs k;
    hg_tune_space s;
    hg_err err;
    size_t levels[HG_TUNE_KNOBS] = { 0 };
    if (!hg_tune_knobs_parse(&scratch, "n=1,2", "--knob", &k, &err) || !hg_tune_space_open(&scratch, &k, levels, "--knob", &s, &err))
        abort();
    if (!hg_adapter_command(&scratch, text, "--launch", &a, &err) || !hg_adapter_takes(scratch, &a, &k, "--knob", &err)) {
        check_err(&err);
        return;
    }
    hg_adapter_text(&scratch, hg_adapter_argv(&scratch, &a, &k, &s, 1, 8000));
}

static void fuzz_page(hg_arena scratch, const char *text)
{
    hg_data data = { NULL };
    hg_adapter a;
    hg_err err;
    const char *note;
    hg_scrape *one = HG_NEW(&scratch, hg_scrape, 1), *none = HG_NEW(&scratch, hg_scrape, 1);
    if (!hg_adapter_open(&scratch, &data, "vllm", NULL, &a, &note, &err))
        abort();
    hg_scrape_read(&a, "", none);
    hg_scrape_read(&a, text, one);
    for (int i = 0; i < HG_SERIES; i++) {
        for (size_t b = 1; b < one->buckets[i].count; b++)
            assert(one->buckets[i].le[b - 1] < one->buckets[i].le[b]);
        hg_scrape_quantile(none, one, (hg_scraped)i, 0.9);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static hg_arena arena;
    if (!arena.base && !hg_arena_open(&arena, (size_t)1 << 30))
        abort();
    hg_arena scratch = arena;
    if (size == 0)
        return 0;
    char *text = HG_NEW(&scratch, char, size);
    memcpy(text, bytes + 1, size - 1);
    (bytes[0] % 3 == 0 ? fuzz_knobs : bytes[0] % 3 == 1 ? fuzz_command : fuzz_page)(scratch, text);
    return 0;
}

#include "test.h"

#include "base/rng.h"
#include "cost/rates.h"
#include "spec/model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Laws that hold for every operator on every calibrated device: they run over the lists, so that a new
 * entry is tested before its author has written a test. */

enum { TRIES = 60 };

static hg_shape stirred(const hg_op *op, const hg_series *r, hg_rng *rng)
{
    hg_shape s = op->example;
    s.dtype = r->labels.dtype;
    s.kv_dtype = r->labels.kv_dtype;
    s.kind = r->labels.kind;
    for (int i = 0; op->dims[i].column; i++)
        if (!op->dims[i].family && s.d[i] > 0)
            s.d[i] = fmax(op->dims[i].least, floor(s.d[i] * exp2(6 * hg_rng_unit(rng) - 3)));
    return s;
}

static void check_series(const hg_rates *rates, const hg_surface *s, int series, const char *name, hg_rng *rng)
{
    hg_device faster = rates->device;
    faster.memory_bytes_per_s *= 1.5;
    for (int k = 0; k < TRIES; k++) {
        hg_shape shape = stirred(s->op, &s->series[series], rng);
        hg_call slow = hg_surface_time(s, series, &shape, &rates->device);
        hg_call fast = hg_surface_time(s, series, &shape, &faster);
        CHECKF(slow.seconds >= slow.roof.warm_seconds && isfinite(slow.seconds), "%s %s: %g s above the roof %g s", name,
               s->series[series].key, slow.seconds, slow.roof.warm_seconds);
        CHECKF(fast.seconds <= slow.seconds * 1.0001, "%s %s: faster memory is slower, %g s over %g s", name,
               s->series[series].key, fast.seconds, slow.seconds);
    }
}

static void laws_of_operators(hg_arena *arena)
{
    hg_data data = { 0 };
    hg_err err;
    size_t devices;
    char **names = hg_data_list(&data, arena, "calibration", &devices);
    hg_rng rng = hg_rng_seed(11, 0);
    CHECK(devices > 0);
    for (size_t i = 0; i < devices; i++) {
        hg_arena scratch = *arena;
        hg_device device;
        hg_rates *rates = HG_NEW(&scratch, hg_rates, 1);
        const char *note;
        bool ok = hg_device_find(&scratch, &data, names[i], &device, &err) &&
                  hg_rates_open(&scratch, &data, &device, "vllm", NULL, rates, &note, &err);
        CHECKF(ok, "%s: %s %s", names[i], err.where, err.msg);
        for (int r = 0; ok && r < rates->own; r++)
            for (int op = 0; op < hg_op_count; op++)
                for (int k = 0; rates->rung[r].surfaces[op] && k < rates->rung[r].surfaces[op]->series_count; k++)
                    check_series(rates, rates->rung[r].surfaces[op], k, names[i], &rng);
    }
}

/* An engine's newest table comes first, whatever other versions measured beside it: every engine with matrix
 * products on this device is asked for them. */
static void newest_tables_first(hg_arena scratch)
{
    static const char *const engines[] = { "vllm", "sglang", "trtllm" };
    hg_data data = { 0 };
    hg_err err;
    hg_device device;
    const char *note;
    hg_rates *rates = HG_NEW(&scratch, hg_rates, 1);
    CHECK(hg_device_find(&scratch, &data, "h200_sxm", &device, &err));
    for (size_t e = 0; e < sizeof engines / sizeof *engines; e++) {
        CHECK(hg_rates_open(&scratch, &data, &device, engines[e], NULL, rates, &note, &err));
        for (size_t k = 0; k < sizeof engines / sizeof *engines; k++) {
            const hg_calibration *first = NULL;
            for (int i = rates->count; i-- > 0;)
                if (strcmp(rates->rung[i].engine, engines[k]) == 0)
                    first = &rates->rung[i];
            CHECKF(first && first->surfaces[hg_op_index(&hg_op_gemm)], "%s under %s: %s", engines[k], engines[e],
                   first ? first->version : "none");
        }
    }
}

static void damaged_calibrations(hg_arena scratch)
{
    static const char *const texts[] = {
        "", "{}", "[]", "{\"device\":1}",
        "{\"device\":\"d\",\"engine\":\"e\",\"version\":\"1\",\"fitted\":\"x\",\"ops\":{\"gemm\":{}}}",
        "{\"device\":\"d\",\"engine\":\"e\",\"version\":\"1\",\"fitted\":\"x\",\"ops\":{\"gemm\":{\"series\":[]}}}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        hg_calibration c;
        hg_err err = { 0 };
        bool ok = hg_calibration_read(&scratch, "c.json", texts[i], strlen(texts[i]), &c, &err);
        CHECKF(!ok && err.code == HG_INPUT && err.msg[0], "'%s' was taken", texts[i]);
    }
}

void test_cost(void)
{
    hg_arena arena;
    CHECK(hg_arena_open(&arena, 0));
    laws_of_operators(&arena);
    newest_tables_first(arena);
    damaged_calibrations(arena);
    hg_arena_close(&arena);
}

#include "measure/results_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* InferenceX (InferenceMAX before): aggregated results, one object or a list; seconds, and nominal lengths,
 * of which its clients draw 0.8 to 1. */

static const double LENGTH_RANGE = 0.8;

static bool is(const hg_result_source *s)
{
    const json_t *d = s->doc_count ? s->docs[0] : NULL;
    return json_object_get(d, "hw") && json_object_get(d, "conc") &&
           (json_object_get(d, "mean_ttft") || json_object_get(d, "median_ttft"));
}

static double stat(const json_t *d, const char *name, const char *figure)
{
    char key[64];
    snprintf(key, sizeof key, "%s_%s", name, figure);
    return hg_result_field(d, key);
}

static hg_spread_s spread(const json_t *d, const char *figure)
{
    return (hg_spread_s){ stat(d, "mean", figure), stat(d, "median", figure), stat(d, "p90", figure), stat(d, "p95", figure),
                          stat(d, "p99", figure) };
}

/* With attention DP the tp ranks each hold a copy: they are dp ranks of one engine. */
static void read_pool(const json_t *d, const char *side, hg_bench_result_pool *out)
{
    char key[64];
#define OF(name) (snprintf(key, sizeof key, "%s_" name, side), hg_result_whole(d, key))
    *out = (hg_bench_result_pool){ .workers = OF("num_workers"), .tp = OF("tp"), .ep = OF("ep"), .dp = 1 };
#undef OF
    snprintf(key, sizeof key, "%s_dp_attention", side);
    if (json_is_true(json_object_get(d, key))) {
        out->dp = out->tp;
        out->tp = 1;
    }
}

/* "b200-nvs" is a B200 of the cluster nvs. */
static const char *device_of(hg_arena *arena, const char *hw)
{
    return hw ? hg_strndup(arena, hw, strcspn(hw, "-_ ")) : NULL;
}

static void read_server(hg_arena *arena, const json_t *d, hg_bench_result *r)
{
    r->device = device_of(arena, json_string_value(json_object_get(d, "hw")));
    r->version = hg_result_image_version(arena, json_string_value(json_object_get(d, "image")));
    hg_result_facts(arena, d, r);
    r->disaggregated = json_is_true(json_object_get(d, "disagg"));
    if (json_is_true(json_object_get(d, "dp_attention")) && r->dp == 0) {
        r->dp = r->tp;
        r->tp = 1;
    }
    const char *spec = json_string_value(json_object_get(d, "spec_decoding"));
    if (spec && *spec && strcmp(spec, "none") != 0)
        hg_result_note(r, "with speculative decoding; how many tokens a step made is not said");
    if (r->disaggregated) {
        read_pool(d, "prefill", &r->prefill);
        read_pool(d, "decode", &r->decode);
        r->gpus = hg_result_whole(d, "num_prefill_gpu") + hg_result_whole(d, "num_decode_gpu");
    } else {
        r->gpus = (r->tp ? r->tp : 1) * (r->pp ? r->pp : 1) * (r->dp ? r->dp : 1);
    }
}

static bool read(hg_result_source *s, const json_t *d, hg_err *err)
{
    static const char *const names[HG_FIGURES] = { "ttft", "tpot", "itl", "e2el" };
    hg_bench_result *r = hg_result_add(s);
    for (int k = 0; k < HG_FIGURES; k++)
        r->of[k] = spread(d, names[k]);
    r->concurrency = hg_result_whole(d, "conc");
    r->isl = hg_result_field(d, "isl");
    r->osl = hg_result_field(d, "osl");
    r->length_range = LENGTH_RANGE;
    read_server(s->arena, d, r);
    r->output_tokens_per_s = hg_result_field(d, "output_tput_per_gpu") * (double)r->gpus;
    r->total_tokens_per_s = hg_result_field(d, "tput_per_gpu") * (double)r->gpus;
    r->requests_per_s = NAN;
    return hg_result_finish(s, r, err);
}

const hg_result_format hg_result_format_inferencex = { "inferencex", "InferenceX", is, read, NULL };

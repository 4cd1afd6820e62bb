#include "measure/results_parts.h"

#include "base/num.h"
#include "base/stat.h"
#include "base/units.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const hg_figure_names[HG_FIGURES] = { "TTFT", "TPOT", "ITL", "E2E" };

/* Beyond these no clock or counter of a benchmark goes; Python's Infinity arrives as 1e308. */
static const double NUMBER_MOST = 1e15;
static const int64_t WHOLE_MOST = 1000000000;

hg_bench_result *hg_result_add(hg_result_source *s)
{
    static const hg_spread_s silent = { NAN, NAN, NAN, NAN, NAN };
    hg_bench_result *r = HG_PUSH(s->arena, s->results, s->count, s->capacity);
    *r = (hg_bench_result){ .format = s->format, .file = s->name, .place = s->count,
                      .isl = NAN, .osl = NAN, .length_range = NAN, .duration_s = NAN, .completed = NAN, .failed = NAN,
                      .requests_per_s = NAN, .output_tokens_per_s = NAN, .total_tokens_per_s = NAN, .in_flight = NAN };
    for (int k = 0; k < HG_FIGURES; k++)
        r->of[k] = silent;
    return r;
}

void hg_result_note(hg_bench_result *r, const char *note)
{
    if (r->note_count < HG_RESULT_NOTES)
        r->notes[r->note_count++] = note;
}

bool hg_result_refuse(const hg_result_source *s, size_t place, hg_err *err, const char *what)
{
    char where[192];
    snprintf(where, sizeof where, "%.150s: result %zu", s->name, place);
    return hg_fail(err, HG_INPUT, where, "%s", what);
}

double hg_result_number(const json_t *v)
{
    double x = json_is_number(v) ? json_number_value(v) : NAN;
    if (json_is_string(v)) {
        char *end;
        x = strtod(json_string_value(v), &end);
        x = end == json_string_value(v) ? NAN : x;
    }
    return fabs(x) <= NUMBER_MOST ? x : NAN;
}

double hg_result_field(const json_t *object, const char *key)
{
    return hg_result_number(json_object_get(object, key));
}

int64_t hg_result_whole(const json_t *object, const char *key)
{
    double x = hg_result_field(object, key);
    return x >= 0 && x <= (double)WHOLE_MOST ? (int64_t)x : 0;
}

const char *hg_result_text(hg_arena *arena, const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    return s && *s ? hg_strdup(arena, s) : NULL;
}

static double ms(const json_t *object, const char *stat, const char *figure)
{
    char key[64];
    snprintf(key, sizeof key, "%s_%s_ms", stat, figure);
    return hg_result_field(object, key) * 1e-3;
}

hg_spread_s hg_result_spread_ms(const json_t *object, const char *figure)
{
    double median = ms(object, "median", figure);
    return (hg_spread_s){ ms(object, "mean", figure), isnan(median) ? ms(object, "p50", figure) : median, ms(object, "p90", figure),
                          ms(object, "p95", figure), ms(object, "p99", figure) };
}

double hg_result_sum(const json_t *list)
{
    double s = 0;
    for (size_t i = 0; i < json_array_size(list); i++)
        s += hg_result_number(json_array_get(list, i));
    return s;
}

double hg_result_seconds(const char *text, double otherwise_s)
{
    double x;
    char *end;
    if (hg_parse_quantity(text, HG_SECONDS, &x)) {
        strtod(text, &end);
        return fabs(x) <= NUMBER_MOST ? *end ? x : x * otherwise_s : NAN;
    }
    return NAN;
}

const char *hg_result_engine(const char *word)
{
    static const char *const engines[][2] = { { "sglang", "sglang" }, { "trt", "trtllm" }, { "tensorrt", "trtllm" },
                                              { "mindie", "mindie" }, { "llamacpp", "llamacpp" },
                                              { "llama.cpp", "llamacpp" }, { "vllm", "vllm" } };
    for (size_t i = 0; word && i < sizeof engines / sizeof *engines; i++)
        if (strstr(word, engines[i][0]))
            return engines[i][1];
    return NULL;
}

const char *hg_result_image_version(hg_arena *arena, const char *image)
{
    const char *tag = image ? strrchr(image, ':') : NULL;
    if (!tag)
        return NULL;
    tag += tag[1] == 'v' ? 2 : 1;
    return *tag >= '0' && *tag <= '9' ? hg_strndup(arena, tag, strcspn(tag, "-")) : NULL;
}

/* Names that tools and their users give to the same fact. */
static const struct {
    const char *key;
    size_t offset;
    bool whole;
} facts[] = {
#define WHOLE(key, member) { key, offsetof(hg_bench_result, member), true }
#define TEXT(key, member) { key, offsetof(hg_bench_result, member), false }
    TEXT("model", model), TEXT("model_id", model), TEXT("model_path", model),
    TEXT("device", device), TEXT("hw", device), TEXT("hardware", device),
    TEXT("engine", engine), TEXT("framework", engine),
    TEXT("engine_version", version), TEXT("version", version),
    TEXT("precision", precision),
    WHOLE("tp", tp), WHOLE("tp_size", tp), WHOLE("tensor_parallel_size", tp),
    WHOLE("pp", pp), WHOLE("pp_size", pp), WHOLE("pipeline_parallel_size", pp),
    WHOLE("dp", dp), WHOLE("dp_size", dp), WHOLE("data_parallel_size", dp),
    WHOLE("ep", ep), WHOLE("ep_size", ep), WHOLE("expert_parallel_size", ep),
    WHOLE("max_num_seqs", max_num_seqs), WHOLE("max_num_batched_tokens", max_num_batched_tokens), TEXT("kv_dtype", kv_dtype),
#undef WHOLE
#undef TEXT
};

void hg_result_facts(hg_arena *arena, const json_t *object, hg_bench_result *r)
{
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        void *at = (char *)r + facts[i].offset;
        if (facts[i].whole && *(int64_t *)at == 0)
            *(int64_t *)at = hg_result_whole(object, facts[i].key);
        else if (!facts[i].whole && !*(const char **)at)
            *(const char **)at = hg_result_text(arena, object, facts[i].key);
    }
    double fraction = hg_result_field(object, "gpu_memory_utilization");
    if (r->gpu_memory_utilization == 0 && fraction > 0)
        r->gpu_memory_utilization = fraction;
    if (r->engine && hg_result_engine(r->engine))
        r->engine = hg_result_engine(r->engine);
}

static hg_spread_s spread_of(hg_arena scratch, const hg_bench_result *r, hg_figure k)
{
    double *x = HG_NEW(&scratch, double, r->request_count);
    size_t n = 0;
    for (size_t i = 0; i < r->request_count; i++)
        if (isfinite(r->requests[i].of[k]))
            x[n++] = r->requests[i].of[k];
    hg_sort(x, n);
    return (hg_spread_s){ hg_mean(x, n), hg_percentile(x, n, 0.5), hg_percentile(x, n, 0.9), hg_percentile(x, n, 0.95),
                          hg_percentile(x, n, 0.99) };
}

static double or(double said, double otherwise)
{
    return isnan(said) ? otherwise : said;
}

/* Uniform in [range·n, n], as far as outputs show; few requests show nothing. */
static double range_of(const hg_bench_result *r)
{
    enum { TELLING = 20 };
    int64_t least = INT64_MAX, most = 0;
    for (size_t i = 0; i < r->request_count; i++) {
        least = hg_min_i64(least, r->requests[i].osl);
        most = hg_max_i64(most, r->requests[i].osl);
    }
    return r->request_count >= TELLING ? (double)least / (double)most : NAN;
}

static void from_requests(hg_arena scratch, hg_bench_result *r)
{
    double isl = 0, osl = 0, n = (double)r->request_count, first = INFINITY, last = -INFINITY;
    for (size_t i = 0; i < r->request_count; i++) {
        const hg_bench_result_request *q = &r->requests[i];
        isl += (double)q->isl;
        osl += (double)q->osl;
        first = fmin(first, or(q->start_s, INFINITY));
        last = fmax(last, or(q->start_s + q->of[HG_OF_E2E], -INFINITY));
    }
    r->length_range = or(r->length_range, range_of(r));
    r->completed = or(r->completed, n);
    r->isl = or(r->isl, isl / n);
    r->osl = or(r->osl, osl / n);
    r->duration_s = or(r->duration_s, last > first ? last - first : NAN);
    for (int k = 0; k < HG_FIGURES; k++) {
        hg_spread_s s = spread_of(scratch, r, (hg_figure)k);
        if (k == HG_OF_ITL) /* a request tells its mean only: percentiles are of all gaps */
            s.median = s.p90 = s.p95 = s.p99 = NAN;
        r->of[k] = (hg_spread_s){ or(r->of[k].mean, s.mean), or(r->of[k].median, s.median), or(r->of[k].p90, s.p90),
                                  or(r->of[k].p95, s.p95), or(r->of[k].p99, s.p99) };
    }
}

/* Sums over means are means only where all outputs are as long: said. */
static void from_means(hg_bench_result *r)
{
    double ttft = r->of[HG_OF_TTFT].mean, e2e = r->of[HG_OF_E2E].mean;
    if (isnan(r->of[HG_OF_TPOT].mean) && r->osl > 1 && e2e > ttft) {
        r->of[HG_OF_TPOT].mean = (e2e - ttft) / (r->osl - 1);
        hg_result_note(r, "TPOT is (mean E2E - mean TTFT) / (mean output - 1): the file has no TPOT without the first token");
    }
    r->requests_per_s = or(r->requests_per_s, r->completed / r->duration_s);
    r->output_tokens_per_s = or(r->output_tokens_per_s, r->requests_per_s * r->osl);
    r->total_tokens_per_s = or(r->total_tokens_per_s, r->requests_per_s * (r->isl + r->osl));
    r->in_flight = or(r->in_flight, r->requests_per_s * r->of[HG_OF_E2E].mean);
}

/* A chunk of several tokens: by speculation or by a stream interval. */
static const double CHUNKED = 1.3;

static bool at_no_time(const hg_spread_s *s)
{
    return s->mean <= 0 || s->median <= 0;
}

/* The first figure that no clock gives; NULL: none.  What is not a number counts as not said. */
static const char *negative(hg_arena *arena, const hg_bench_result *r)
{
    for (int k = 0; k < HG_FIGURES; k++) {
        const hg_spread_s *f = &r->of[k];
        const double all[] = { f->mean, f->median, f->p90, f->p95, f->p99 };
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            if (all[i] < 0)
                return hg_textf(arena, "has a negative %s of %.4g s; correct or leave it out", hg_figure_names[k], all[i]);
        for (size_t i = 0; i < r->request_count; i++)
            if (r->requests[i].of[k] < 0)
                return hg_textf(arena, "request %zu has a negative %s of %.4g s; correct or leave it out", i + 1,
                                hg_figure_names[k], r->requests[i].of[k]);
    }
    return NULL;
}

bool hg_result_finish(hg_result_source *s, hg_bench_result *r, hg_err *err)
{
    if (r->request_count)
        from_requests(*s->arena, r);
    from_means(r);
    r->concurrency = r->concurrency > WHOLE_MOST ? 0 : r->concurrency;
    const char *wrong = negative(s->arena, r);
    if (wrong)
        return hg_result_refuse(s, r->place, err, wrong);
    if (at_no_time(&r->of[HG_OF_TTFT]))
        return hg_result_refuse(s, r->place, err, "has a TTFT of 0: the client did not see the first token (known of long "
                                "prompts through disaggregated servers); measure again");
    if (isnan(r->of[HG_OF_TTFT].mean) && isnan(r->of[HG_OF_TTFT].median) && isnan(r->of[HG_OF_E2E].mean) &&
        isnan(r->of[HG_OF_TPOT].mean) && isnan(r->of[HG_OF_TPOT].median) && isnan(r->output_tokens_per_s))
        return hg_result_refuse(s, r->place, err, "holds no figure: neither TTFT, TPOT, E2E nor a throughput");
    if (r->completed == 0)
        return hg_result_refuse(s, r->place, err, "completed no request; nothing can be learnt from it");
    if (r->of[HG_OF_ITL].mean > CHUNKED * r->of[HG_OF_TPOT].mean)
        hg_result_note(r, "ITL is of chunks that hold several tokens (speculation, or a stream interval): compare TPOT");
    return true;
}

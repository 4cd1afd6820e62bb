#include "measure/result_row.h"

#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const double MOST = 1e9;

static bool refuse(const hg_bench_result *r, hg_err *err, const char *what)
{
    char where[192];
    snprintf(where, sizeof where, "%.150s: result %zu", r->file, r->place);
    return hg_fail(err, HG_INPUT, where, "%s", what);
}

static const char *word_or(const char *word, const char *said)
{
    return word ? word : said ? said : "";
}

/* Ranks are ranks, whoever says them: the file and the words must not differ. */
static bool ranks(const hg_bench_result *r, const char *name, int64_t word, int64_t said, int64_t *out, hg_err *err)
{
    char what[96];
    snprintf(what, sizeof what, "says %s %" PRId64 ", and --%s says %" PRId64 "; leave the word out", name, said, name, word);
    *out = word ? word : said ? said : 1;
    return !word || !said || word == said || refuse(r, err, what);
}

static int64_t length_of(int64_t word, double mean, double range)
{
    /* Nominal lengths are drawn from down: their mean lies below them. */
    double nominal = isnan(range) || !(range > 0) || range > 1 ? mean : mean * 2 / (1 + range);
    return word ? word : nominal >= 0.5 && nominal < MOST ? (int64_t)(nominal + 0.5) : 0;
}

static double mean_or_median(const hg_spread_s *s)
{
    return isnan(s->mean) ? s->median : s->mean;
}

static bool is_nominal(const hg_bench_result *r)
{
    return strcmp(r->format, "InferenceX") == 0;
}

/* A closed loop's clients; an open loop's mean of requests in flight, whose TTFT had no first wave and is left out. */
static bool take_load(const hg_bench_result *r, const hg_result_words *w, hg_serving_row *out, const char **note, hg_err *err)
{
    bool open = !w->concurrency && r->rate_per_s > 0;
    double flight = r->in_flight;
    out->concurrency = w->concurrency ? w->concurrency : r->concurrency;
    if (open && flight > 0 && flight < MOST) {
        out->concurrency = (int64_t)fmax(1, flight + 0.5);
        out->ttft_s = NAN;
        *note = "an open loop: taken as a closed one of as many clients as requests were in flight, its TTFT left out";
    }
    return out->concurrency > 0 || refuse(r, err, "does not say its load; add --concurrency N");
}

/* Expert ranks in the sheet's terms: ep of all ranks hold whole experts, the rest are cut. */
static void take_experts(const hg_bench_result *r, const hg_result_words *w, hg_serving_row *out)
{
    int64_t ep = w->ep ? w->ep : r->ep, all = out->tp * out->dp;
    out->moe_ep = ep > 1 ? ep : 0;
    out->moe_tp = ep > 1 && all % ep == 0 ? all / ep : 0;
}

static hg_serving_pool pool_of(const hg_bench_result_pool *p)
{
    hg_serving_pool out = { .workers = p->workers, .tp = p->tp ? p->tp : 1, .pp = 1, .dp = p->dp ? p->dp : 1 };
    if (p->ep > 1)
        out.moe_ep = p->ep, out.moe_tp = out.tp * out.dp % p->ep == 0 ? out.tp * out.dp / p->ep : 1;
    return out;
}

static const hg_launch_facts *launch_of(hg_arena *arena, const hg_bench_result *r, const hg_result_words *w, int64_t clients)
{
    hg_launch_facts *l = HG_NEW(arena, hg_launch_facts, 1);
    *l = w->launch;
    if (!(l->length_range > 0) && r->length_range > 0 && r->length_range <= 1)
        l->length_range = r->length_range;
    l->max_num_seqs = l->max_num_seqs ? l->max_num_seqs : r->max_num_seqs;
    l->max_num_batched_tokens = l->max_num_batched_tokens ? l->max_num_batched_tokens : r->max_num_batched_tokens;
    if (!(l->gpu_memory_utilization > 0) && r->gpu_memory_utilization > 0 && r->gpu_memory_utilization <= 1)
        l->gpu_memory_utilization = r->gpu_memory_utilization;
    if (!l->kv_given && r->kv_dtype && strcmp(r->kv_dtype, "auto") != 0)
        l->kv_given = hg_dtype_parse(r->kv_dtype, &l->kv_dtype);
    double each = r->completed / (double)clients;
    l->requests_per_client = each >= 1 ? (int64_t)fmin(each + 0.5, 100) : each > 0 ? 1 : 0;
    if (r->accepted_tokens > 1) {
        l->accepted_tokens = r->accepted_tokens;
        l->draft_tokens = ceil(r->accepted_tokens);
    }
    return l;
}

bool hg_result_row(hg_arena *arena, const hg_bench_result *r, const hg_result_words *w, hg_serving_row *out, const char **note,
                   hg_err *err)
{
    double range = w->launch.length_range > 0 ? w->launch.length_range : is_nominal(r) ? NAN : r->length_range;
    *note = NULL;
    *out = (hg_serving_row){ .id = r->label ? r->label : "", .model = word_or(w->model, r->model), .device = word_or(w->device, r->device),
                             .engine = word_or(w->engine, r->engine ? r->engine : "vllm"), .version = word_or(w->version, r->version),
                             .era = word_or(w->version, r->version),
                             .precision = word_or(w->precision, r->precision), .gemm_quant = "", .moe_quant = "",
                             .mode = r->disaggregated ? "disagg" : "agg", .disaggregated = r->disaggregated, .dp_given = true,
                             .published = true,
                             .isl = length_of(w->isl, r->isl, range), .osl = length_of(w->osl, r->osl, range),
                             .ttft_s = mean_or_median(&r->of[HG_OF_TTFT]), .tpot_s = mean_or_median(&r->of[HG_OF_TPOT]) };
    if (!*out->model)
        return refuse(r, err, "does not name its model; add --model ID");
    if (!*out->device)
        return refuse(r, err, "does not name its device; add --device NAME, as in --device h100_sxm");
    if (out->isl < 1 || out->osl < 1)
        return refuse(r, err, "does not say its lengths; add --isl N --osl N");
    if (isnan(out->ttft_s) && isnan(out->tpot_s))
        return refuse(r, err, "says neither TTFT nor TPOT; nothing can be fitted to it");
    if (!ranks(r, "tp", w->tp, r->tp, &out->tp, err) || !ranks(r, "pp", w->pp, r->pp, &out->pp, err) ||
        !ranks(r, "dp", w->dp, r->dp, &out->dp, err) || !take_load(r, w, out, note, err))
        return false;
    take_experts(r, w, out);
    out->prefill = pool_of(&r->prefill);
    out->decode = pool_of(&r->decode);
    out->own = launch_of(arena, r, w, out->concurrency);
    return true;
}

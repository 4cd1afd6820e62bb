#include "api/question.h"

#include "api/speculation.h"

#include "base/file.h"
#include "base/num.h"
#include "base/units.h"
#include "spec/pool_shape.h"
#include "fit/own_runs.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SYNTHETIC_REQUESTS = 1000, LEN_STEP = 256 };

/* Room above the longest request: chat templates and tools add tokens the trace does not show. */
static const double LEN_MARGIN = 1.1;

bool hg_ask_rates(hg_ask *a, hg_rates *out)
{
    const char *note;
    hg_device device;
    if (!a->s.device.s)
        return hg_fail(&a->err, HG_INPUT, "--device", "is missing; 'heng catalog devices' lists names");
    if (!hg_device_find(a->arena, &a->data, a->s.device.s, &device, &a->err) ||
        !hg_rates_open(a->arena, &a->data, &device, a->s.engine.s ? a->s.engine.s : "vllm",
                       a->s.engine_version.s, out, &note, &a->err))
        return false;
    hg_note(a, note);
    bool own = false;
    if (!a->s.calibration.s)
        return true;
    if (!hg_own_is(*a->arena, a->s.calibration.s, &own, &a->err))
        return false;
    if (!own)
        return hg_rates_overlay(a->arena, out, a->s.calibration.s, &a->err);
    return strcmp(a->verb, "predict") != 0 ||
           hg_fail(&a->err, HG_INPUT, a->s.calibration.where, "holds runs of a server, which say nothing of single operators; "
                   "'heng predict serving' takes it");
}

/* Runs of the user's own server say what its host costs in every step. */
static bool ask_own_terms(hg_ask *a, hg_problem *p)
{
    const char *path = a->s.calibration.s;
    bool own = false;
    hg_err none;
    if (!path || !hg_own_is(*a->arena, path, &own, &none) || !own)
        return true;
    bool found = hg_own_overheads(a->arena, path, p, &p->engine.overheads);
    hg_note(a, found ? hg_textf(a->arena, "host terms from the runs in %s", path)
                     : hg_textf(a->arena, "%s holds no host terms for this model, device and engine: as shipped", path));
    return true;
}

/* Without them a step is its kernels alone, and answers come out faster than any server's. */
static void note_unfitted(hg_ask *a, const hg_problem *p)
{
    if (!p->engine.overheads.fitted)
        hg_note(a, hg_textf(a->arena, "%s on %s devices: its host's times are not calibrated, steps are priced without them; "
                            "runs of your own server give them ('heng calibrate serving', then --calibration)",
                            p->engine.title, p->rates.device.vendor));
}

/* `heng simulate --tp 1,2` names no one deployment. */
bool hg_ask_single(hg_ask *a)
{
    const hg_ints_word *lists[] = { &a->s.tp, &a->s.pp, &a->s.dp, &a->s.ep, &a->s.replicas, &a->s.max_num_seqs,
                                    &a->s.max_num_batched_tokens, &a->s.max_model_len,
                                    &a->s.num_speculative_tokens };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (lists[i]->n > 1 || lists[i]->any)
            return hg_fail(&a->err, HG_INPUT, lists[i]->where, "lists several values; 'heng %s' takes one, "
                           "'heng plan' searches", a->verb);
    return hg_ask_no_inputs(a);
}

bool hg_ask_no_inputs(hg_ask *a)
{
    return a->s.input_count == 0 ||
           hg_fail(&a->err, HG_INPUT, a->s.inputs[0], "is a bare word; 'heng %s' takes none (flags begin with --)",
                   a->verb);
}

static int64_t one(const hg_ints_word *w, int64_t otherwise)
{
    return w->n ? w->v[0] : otherwise;
}

static bool ask_model(hg_ask *a, hg_model *out)
{
    const char *note = NULL;
    if (!a->s.model.s)
        return hg_fail(&a->err, HG_INPUT, "--model",
                       "is missing; name a config.json, its folder, or an id of 'heng catalog models'");
    if (!hg_model_find(a->arena, &a->data, a->s.model.s, out, &note, &a->err))
        return false;
    hg_note(a, note);
    return true;
}

static bool ask_lengths(hg_ask *a, hg_need_load need, hg_workload *out)
{
    const hg_scenario *s = &a->s;
    const char *trace = s->arrivals.s ? s->arrivals.s : s->workload.s;
    size_t limit = (size_t)one(&s->requests, 0);
    uint64_t seed = (uint64_t)one(&s->seed, 0);
    if (s->length_range.given && (trace || !s->isl.n))
        return hg_fail(&a->err, HG_INPUT, s->length_range.where, "spreads --isl and --osl; %s",
                       trace ? "a workload has lengths of its own" : "give those too");
    if (trace && (s->isl.n || s->osl.n))
        return hg_fail(&a->err, HG_INPUT, "--isl", "and a workload both give lengths; name one of them");
    if (s->arrivals.s && strcmp(trace, "-") != 0 && !hg_is_file(trace))
        return hg_fail(&a->err, HG_INPUT, s->arrivals.where, "'%.150s' is no file; give a trace with arrival times", trace);
    if (trace && (hg_is_file(trace) || strcmp(trace, "-") == 0))
        return hg_workload_read(a->arena, trace, limit, out, &a->err);
    if (trace) {
        if (!hg_workload_preset(a->arena, &a->data, trace, seed, out, &a->err))
            return false;
        out->count = limit && limit < out->count ? limit : out->count;
        return true;
    }
    if (need == HG_LOAD_FREE && !s->isl.n && !s->osl.n) {
        *out = (hg_workload){ .name = "no workload" };
        return true;
    }
    if (!s->isl.n || !s->osl.n)
        return hg_fail(&a->err, HG_INPUT, s->isl.n ? "--osl" : "--workload",
                       "is missing; give --workload FILE|PRESET, or --isl and --osl");
    hg_workload_synthetic(a->arena, (int32_t)s->isl.v[0], (int32_t)s->osl.v[0],
                          s->length_range.given ? s->length_range.v : 1,
                          limit ? limit : SYNTHETIC_REQUESTS, seed, out);
    return true;
}

static bool ask_load(hg_ask *a, hg_need_load need, hg_workload *w)
{
    const hg_scenario *s = &a->s;
    bool replay = s->replay.v || s->arrivals.s;
    int given = s->rate.given + replay + (s->concurrency.n > 0);
    if (s->speedup.given && !replay)
        return hg_fail(&a->err, HG_INPUT, s->speedup.where, "changes a replay only; say --replay, or another --rate");
    if (s->burstiness.given && (replay || s->concurrency.n))
        return hg_fail(&a->err, HG_INPUT, s->burstiness.where, "shapes the gaps of drawn arrivals only; say --rate, not %s",
                       replay ? "--replay" : "--concurrency");
    if (given > 1)
        return hg_fail(&a->err, HG_INPUT, "--rate", "--replay and --concurrency exclude one another; keep one");
    if (given == 0 && need == HG_LOAD_NEEDED)
        return hg_fail(&a->err, HG_INPUT, "--rate", "is missing; say --rate R, --concurrency C or --replay");
    w->rate_per_s = s->rate.v;
    w->burstiness = s->burstiness.given ? s->burstiness.v : 1;
    w->speedup = s->speedup.given ? s->speedup.v : 1;
    w->concurrency = one(&s->concurrency, 0);
    w->load = s->rate.given ? HG_LOAD_RATE : replay ? HG_LOAD_REPLAY : given ? HG_LOAD_CLOSED : HG_LOAD_NONE;
    if (replay && !w->timed)
        return hg_fail(&a->err, HG_INPUT, "--replay", "needs arrival times; '%s' has none", w->name);
    return true;
}

bool hg_ask_workload(hg_ask *a, hg_need_load need, hg_workload *out)
{
    return ask_lengths(a, need, out) && ask_load(a, need, out);
}

/* 'h200_sxm=2.5/h,b200_sxm=4/h', or one price for all: '2.5/h'. */
bool hg_ask_price(hg_ask *a, const hg_device *d, double *out)
{
    *out = d->price_usd_per_s;
    if (!a->s.price.s)
        return true;
    char *list = hg_strdup(a->arena, a->s.price.s);
    bool found = false;
    for (char *item = list; item;) {
        char *comma = strchr(item, ','), *equals = strchr(item, '=');
        if (comma)
            *comma = 0;
        double price;
        if (equals)
            *equals = 0;
        const char *value = equals ? equals + 1 : item;
        bool bare = *value && isdigit((unsigned char)value[strlen(value) - 1]);
        if (bare || !hg_parse_quantity(value, HG_USD_PER_S, &price) || price < 0)
            return hg_fail(&a->err, HG_INPUT, a->s.price.where, "is '%.60s'; write it like 'h200_sxm=2.5/h'",
                           a->s.price.s);
        if (!equals || strcmp(item, d->name) == 0) {
            *out = price;
            found = true;
        }
        item = comma ? comma + 1 : NULL;
    }
    return found || hg_fail(&a->err, HG_INPUT, a->s.price.where, "'%.60s' says nothing of %s; write '%s=2.5/h'", a->s.price.s,
                            d->name, d->name);
}

/* A request that no deployment can take: the model has no positions for it. */
static bool ask_fitting(hg_ask *a, const hg_problem *p)
{
    const hg_workload *w = &p->workload;
    int64_t least = INT64_MAX;
    size_t longer = 0;
    for (size_t i = 0; i < w->count; i++) {
        int64_t length = (int64_t)w->requests[i].isl + w->requests[i].osl;
        least = hg_min_i64(least, length);
        longer += length > p->model.max_tokens;
    }
    if (longer && longer == w->count)
        return hg_fail(&a->err, HG_INPUT, a->s.isl.n ? a->s.isl.where : "--workload",
                       "makes requests of %" PRId64 " tokens with their output, which exceeds the %" PRId64
                       " that %s takes", least, p->model.max_tokens, p->model.name);
    if (longer && strcmp(a->verb, "plan") == 0)
        hg_note(a, hg_textf(a->arena, "%zu of %zu requests exceed the %" PRId64 " tokens that %s takes; they are rejected", longer,
                            w->count, p->model.max_tokens, p->model.name));
    return true;
}

bool hg_ask_priced(hg_ask *a, const hg_problem *p)
{
    hg_deployment one = { .tp = 1, .pp = 1, .dp = 1, .ep = 1, .replicas = 1, .precision_is_checkpoints = true,
                          .kv_is_auto = true, .kv_dtype = p->model.precision.kv, .max_num_seqs = 1,
                          .max_num_batched_tokens = 2048, .max_model_len = 2048, .block_tokens = p->engine.block_tokens };
    hg_arena scratch = *a->arena;
    hg_step *step = HG_NEW(&scratch, hg_step, 1);
    return hg_step_prepare(&p->model, &one, &p->engine, &p->rates, step, &a->err);
}

static bool ask_simulated(hg_ask *a, const hg_engine *e)
{
    return e->scheduler || hg_fail(&a->err, HG_INPUT, "--engine", "'%s' has no scheduler in the simulator: 'heng emit' and "
                                   "'heng lint' know its files; plan and simulate with vllm, sglang, trtllm or mindie", e->name);
}

bool hg_ask_client(hg_ask *a, const hg_client **out)
{
    const hg_text_word *w = &a->s.client;
    *out = w->s ? hg_client_find(w->s) : NULL;
    if (*out)
        hg_note(a, hg_textf(a->arena, "figures as this client gives them: %s", (*out)->says));
    if (*out || !w->s)
        return true;
    const char *near = hg_nearest(w->s, hg_client_words, hg_client_count);
    return hg_fail(&a->err, HG_INPUT, w->where, "is '%.40s'%s%s%s; one of heng, vllm, sglang, inferencex, aiperf, guidellm, llmperf",
                   w->s, near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

bool hg_ask_problem(hg_ask *a, hg_need_load need, hg_problem *out)
{
    *out = (hg_problem){ .seed = (uint64_t)one(&a->s.seed, 0) };
    const char *engine = a->s.engine.s ? a->s.engine.s : "vllm";
    bool found = ask_model(a, &out->model) && hg_engine_find(a->arena, &a->data, engine, a->s.engine_version.s, &out->engine,
                                                         &a->err) &&
           (need == HG_LOAD_FREE || ask_simulated(a, &out->engine)) && hg_ask_rates(a, &out->rates) &&
           hg_engine_settle(a->arena, &a->data, &out->rates.device, a->s.engine_version.s, &out->engine, &a->err) && ask_own_terms(a, out);
    if (found && need != HG_LOAD_FREE)
        note_unfitted(a, out);
    return found && hg_ask_workload(a, need, &out->workload) && ask_fitting(a, out) && hg_ask_client(a, &out->client) &&
           (!a->s.slo.s || hg_slo_parse(a->s.slo.s, a->s.slo.where, &out->slo, &a->err)) &&
           hg_ask_price(a, &out->rates.device, &out->price_usd_per_s);
}

int64_t hg_fitting_model_len(const hg_problem *p)
{
    if (p->workload.count == 0)
        return p->model.max_tokens;
    int64_t longest = 1;
    for (size_t i = 0; i < p->workload.count; i++)
        longest = hg_max_i64(longest, (int64_t)p->workload.requests[i].isl + p->workload.requests[i].osl);
    int64_t with_margin = hg_ceil_div((int64_t)(LEN_MARGIN * (double)longest), LEN_STEP) * LEN_STEP;
    return hg_min_i64(with_margin, p->model.max_tokens);
}

bool hg_ask_dtype(const hg_text_word *w, const char *otherwise, hg_dtype *out, bool *is_default, hg_err *err)
{
    *is_default = !w->s || strcmp(w->s, otherwise) == 0;
    if (*is_default || hg_dtype_parse(w->s, out))
        return true;
    const char *names[HG_DTYPES];
    for (int i = 0; i < HG_DTYPES; i++)
        names[i] = hg_dtype_table[i].name;
    const char *near = hg_nearest(w->s, names, HG_DTYPES);
    return hg_fail(err, HG_INPUT, w->where, "is '%.40s', no precision heng knows%s%s%s", w->s,
                   near ? "; did you mean " : "; such as fp8", near ? near : "", near ? "?" : "");
}

/* "fp8" of a checkpoint that is fp8 by blocks is that checkpoint, not a second quantisation. */
bool hg_ask_precision(hg_ask *a, const hg_model *m, hg_dtype *out, bool *is_checkpoints)
{
    if (!hg_ask_dtype(&a->s.precision, "auto", out, is_checkpoints, &a->err))
        return false;
    if (!*is_checkpoints && *out != HG_BF16)
        for (int i = 0; i < 2; i++) {
            hg_dtype own = i ? m->precision.experts : m->precision.mlp;
            *is_checkpoints |= hg_dtype_table[own].math == hg_dtype_table[*out].math &&
                               hg_dtype_table[own].weight_bytes <= hg_dtype_table[*out].weight_bytes * 1.01;
        }
    return true;
}

bool hg_ask_deployment(hg_ask *a, const hg_problem *p, hg_deployment *out)
{
    const hg_scenario *s = &a->s;
    const hg_engine_default *limits = hg_engine_default_for(&p->engine, &p->rates.device);
    *out = (hg_deployment){
        .tp = one(&s->tp, 1), .pp = one(&s->pp, 1), .dp = one(&s->dp, 1), .ep = one(&s->ep, 1),
        .replicas = one(&s->replicas, 1),
        .max_num_batched_tokens = one(&s->max_num_batched_tokens, limits->max_num_batched_tokens),
        .max_model_len = one(&s->max_model_len, hg_fitting_model_len(p)),
        .gpu_memory_utilization = s->gpu_memory_utilization.given ? s->gpu_memory_utilization.v
                                                                  : p->engine.gpu_memory_utilization,
        .block_tokens = one(&s->block_size, p->engine.block_tokens),
        .prefix_caching = s->enable_prefix_caching.given ? s->enable_prefix_caching.v : p->engine.prefix_caching,
        .chunked_prefill = s->enable_chunked_prefill.given ? s->enable_chunked_prefill.v : p->engine.chunked_prefill,
        .kv_dtype = p->model.precision.kv,
    };
    /* Engines that take prompts whole make room for the longest themselves. */
    if (!out->chunked_prefill && p->engine.whole_requests && !s->max_num_batched_tokens.n)
        out->max_num_batched_tokens = hg_max_i64(out->max_num_batched_tokens, out->max_model_len);
    out->max_num_seqs = one(&s->max_num_seqs, hg_min_i64(limits->max_num_seqs, out->max_num_batched_tokens));
    if (!hg_ask_precision(a, &p->model, &out->precision, &out->precision_is_checkpoints))
        return false;
    return hg_ask_dtype(&s->kv_dtype, "auto", &out->kv_dtype, &out->kv_is_auto, &a->err) &&
           hg_ask_speculation(a, p, out);
}

/* A pool's own limits go before those that are said for both. */
static void take_own_limits(const hg_pool_shape *shape, hg_scenario *s)
{
    if (shape->tokens)
        s->max_num_batched_tokens = (hg_ints_word){ { shape->tokens }, 1, false, NULL };
    if (shape->seqs)
        s->max_num_seqs = (hg_ints_word){ { shape->seqs }, 1, false, NULL };
    if (shape->chunked_said)
        s->enable_chunked_prefill = (hg_flag_word){ shape->chunked, true, NULL };
}

static bool ask_side(hg_ask *a, const hg_problem *p, const hg_text_word *word, hg_candidate *out)
{
    hg_pool_shape shape;
    hg_deployment d;
    if (!hg_pool_shape_parse(word->s, word->where, &shape, &a->err))
        return false;
    hg_scenario of_both = a->s;
    take_own_limits(&shape, &a->s);
    bool ok = hg_ask_deployment(a, p, &d);
    a->s = of_both;
    if (!ok)
        return false;
    d.replicas = shape.engines;
    d.tp = shape.tp;
    d.pp = shape.pp;
    d.dp = shape.dp;
    d.ep = shape.ep;
    hg_candidate_make(p, &d, out);
    return true;
}

bool hg_ask_candidate(hg_ask *a, const hg_problem *p, hg_candidate *out)
{
    const hg_scenario *s = &a->s;
    hg_deployment d;
    if (!s->prefill.s && !s->decode.s) {
        if (!hg_ask_deployment(a, p, &d))
            return false;
        hg_candidate_make(p, &d, out);
        return true;
    }
    if (!s->prefill.s || !s->decode.s)
        return hg_fail(&a->err, HG_INPUT, s->prefill.s ? "--decode" : "--prefill",
                       "is missing; name both pools, or neither for engines that do both");
    if (s->tp.n || s->pp.n || s->dp.n || s->ep.n || s->replicas.n)
        return hg_fail(&a->err, HG_INPUT, s->prefill.where, "and --decode give the shapes; leave out --tp, --pp, --dp, --ep and "
                       "--replicas");
    hg_candidate *prefill = HG_NEW(a->arena, hg_candidate, 1);
    if (!ask_side(a, p, &s->prefill, prefill) || !ask_side(a, p, &s->decode, out))
        return false;
    if (out->fit == HG_FITS && prefill->fit != HG_FITS) {
        out->fit = prefill->fit;
        snprintf(out->reason, sizeof out->reason, "the prefill pool: %.230s", prefill->reason);
    }
    out->prefill = prefill;
    return true;
}

bool hg_ask_run(hg_ask *a, const hg_problem *p, hg_run *out)
{
    bool steady = a->s.steady.v;
    if (steady && p->workload.load != HG_LOAD_RATE)
        return hg_fail(&a->err, HG_INPUT, a->s.steady.where, "needs --rate: other loads have an end, and are run to it");
    *out = (hg_run){ .load = p->workload.load, .rate_per_s = p->workload.rate_per_s, .steady = steady, .precise = steady };
    return true;
}

static void note_queue(hg_ask *a, double rate_per_s, const hg_sim_result *r)
{
    char first[32], last[32];
    hg_note(a, hg_textf(a->arena, "the queue grows through the run: %s requests/s arrive, %s are served; the last quarter of them waits %s for a first "
                        "step, the first quarter %s.  More --requests, or --steady, say what lasts",
                        hg_figures(a->arena, rate_per_s, 3), hg_figures(a->arena, r->requests_per_s, 3),
                        hg_format(last, sizeof last, r->queue_last_s, HG_SECONDS), hg_format(first, sizeof first, r->queue_first_s, HG_SECONDS)));
}

void hg_note_run(hg_ask *a, const hg_problem *p, const hg_candidate *c, const hg_metrics *m)
{
    const hg_workload *w = &p->workload;
    const hg_sim_result *r = &m->sim;
    if (r->rejected)
        hg_note(a, hg_textf(a->arena, "%zu of %zu requests rejected: longer than max-model-len %" PRId64
                            ", than the KV cache of %" PRId64 " tokens%s", r->rejected, r->rejected + r->completed,
                            c->deployment.max_model_len, c->memory.kv_blocks * c->deployment.block_tokens,
                            c->deployment.chunked_prefill ? "" : ", or than a step may hold without chunked prefill"));
    if (r->end == HG_END_SATURATED)
        hg_note(a, hg_textf(a->arena, "overloaded: the queue of %s requests/s grows without end; the run was stopped "
                            "before it settled, and its rates are of the time until then",
                            hg_figures(a->arena, w->rate_per_s, 3)));
    else if (hg_metrics_overloaded(p, m))
        hg_note(a, hg_textf(a->arena, "overloaded: %s requests/s arrive, %s are served; latencies grow with the "
                            "length of the run", hg_figures(a->arena, w->rate_per_s, 3),
                            hg_figures(a->arena, r->requests_per_s, 3)));
    else if (hg_metrics_queue_grows(p, m))
        note_queue(a, w->rate_per_s, r);
}

bool hg_ask_lang(hg_ask *a, hg_lang *out)
{
    const hg_text_word *w = &a->s.lang;
    *out = HG_EN;
    for (int i = 0; i < HG_LANGS; i++)
        if (w->s && strcmp(w->s, hg_lang_names[i]) == 0)
            return *out = (hg_lang)i, true;
    return !w->s || hg_fail(&a->err, HG_INPUT, w->where, "is '%.20s'; write en or zh", w->s);
}

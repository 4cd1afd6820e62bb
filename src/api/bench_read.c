#include "api/bench.h"

#include "api/question.h"
#include "base/file.h"
#include "base/units.h"

#include <stdlib.h>
#include <string.h>

static const double TIMEOUT_S = 300;
static const double SWEEP_STAGE_S = 30;
static const double SWEEP_WARMUP_FRAC = 0.2;

static double real(const hg_real_word *w, double otherwise)
{
    return w->given ? w->v : otherwise;
}

static int64_t whole(const hg_ints_word *w, int64_t otherwise)
{
    return w->n ? w->v[0] : otherwise;
}

/* The place of a word among a few. */
static bool choose(hg_ask *a, const hg_text_word *w, const char *const *names, int count, int *out)
{
    *out = 0;
    for (int i = 0; w->s && i < count; i++)
        if (strcmp(w->s, names[i]) == 0)
            return *out = i, true;
    hg_buf list = { .arena = a->arena };
    for (int i = 0; i < count; i++)
        hg_buf_printf(&list, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " or ", names[i]);
    return !w->s || hg_fail(&a->err, HG_INPUT, w->where, "is '%.40s'; write %s", w->s, list.s);
}

static bool single_values(hg_ask *a)
{
    const hg_scenario *s = &a->s;
    const hg_ints_word *lists[] = { &s->isl, &s->osl, &s->requests, &s->concurrency, &s->seed, &s->turns, &s->shared_prefix,
                                    &s->prefix_groups };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (lists[i]->n > 1 || lists[i]->any)
            return hg_fail(&a->err, HG_INPUT, lists[i]->where, "lists several values; 'heng %s' takes one", a->verb);
    return true;
}

/* Where the URL names an endpoint itself, that is it; else the usual place below it. */
static bool read_url(hg_ask *a, hg_bench *b)
{
    static const char *const names[] = { "chat", "completions" };
    int kind;
    if (!a->s.url.s)
        return hg_fail(&a->err, HG_INPUT, "--url", "is missing; name the server, as in http://127.0.0.1:8000");
    if (!hg_url_parse(a->arena, a->s.url.s, a->s.url.where, &b->url, &a->err) ||
        !choose(a, &a->s.endpoint, names, 2, &kind))
        return false;
    b->prompts.chat = kind == 0;
    const char *base = b->url.base;
    if (hg_ends(base, "/completions")) {
        b->prompts.chat = hg_ends(base, "/chat/completions");
        if (a->s.endpoint.s && b->prompts.chat != (kind == 0))
            return hg_fail(&a->err, HG_INPUT, a->s.endpoint.where, "is '%s', but the URL ends in %s", names[kind], base);
        b->path = base;
        b->url.base = hg_strndup(a->arena, base, strlen(base) - strlen(b->prompts.chat ? "/chat/completions" : "/completions"));
        return true;
    }
    if (!hg_ends(base, "/v1"))
        b->url.base = hg_textf(a->arena, "%s/v1", base);
    b->path = hg_textf(a->arena, "%s%s", b->url.base, b->prompts.chat ? "/chat/completions" : "/completions");
    return true;
}

/* Fields the program sets itself would stand twice. */
static bool read_body(hg_ask *a, hg_bench *b)
{
    static const char *const ours[] = { "model", "messages", "prompt", "max_tokens", "stream", "stream_options" };
    b->prompts.extra = "";
    if (!a->s.body.s)
        return true;
    json_t *more = hg_json_parse(a->s.body.s, strlen(a->s.body.s), a->s.body.where, &a->err);
    if (!more)
        return false;
    bool ok = json_is_object(more) || hg_fail(&a->err, HG_INPUT, a->s.body.where, "is no object; write '{\"temperature\":0}'");
    for (size_t i = 0; ok && i < sizeof ours / sizeof *ours; i++)
        if (json_object_get(more, ours[i]))
            ok = hg_fail(&a->err, HG_INPUT, a->s.body.where, "sets '%s', which heng %s sets itself", ours[i], a->verb);
    if (ok && b->prompts.ignore_eos && json_object_get(more, "ignore_eos"))
        b->prompts.ignore_eos = false; /* theirs holds */
    char *text = ok && json_object_size(more) ? json_dumps(more, JSON_COMPACT) : NULL;
    if (text)
        b->prompts.extra = hg_textf(a->arena, ",%.*s", (int)strlen(text) - 2, text + 1);
    free(text);
    json_decref(more);
    return ok;
}

bool hg_bench_read_key(hg_ask *a, hg_bench *b)
{
    b->key_name = a->s.api_key_env.s ? a->s.api_key_env.s : "OPENAI_API_KEY";
    const char *key = getenv(b->key_name);
    if (!key || !*key)
        return !a->s.api_key_env.s ||
               hg_fail(&a->err, HG_INPUT, a->s.api_key_env.where, "names '%.60s', which is not set", b->key_name);
    if (strlen(key) > 900)
        return hg_fail(&a->err, HG_INPUT, b->key_name, "holds more than 900 characters; that is no API key");
    for (const char *p = key; *p; p++)
        if (*p <= ' ' || *p > '~')
            return hg_fail(&a->err, HG_INPUT, b->key_name, "holds a character that cannot be sent; is there a line's end in it?");
    b->key = hg_strdup(a->arena, key);
    return true;
}

static bool read_prompts(hg_ask *a, hg_bench *b)
{
    static const char *const kinds[] = { "words", "tokens" }, *const usages[] = { "final", "each", "none" };
    const hg_scenario *s = &a->s;
    int kind, usage;
    if (!choose(a, &s->prompts, kinds, 2, &kind) || !choose(a, &s->usage, usages, 3, &usage))
        return false;
    b->prompts.kind = (hg_prompt_kind)kind;
    b->prompts.usage = (hg_usage_kind)usage;
    b->prompts.model = s->model.s;
    b->prompts.ignore_eos = !s->ignore_eos.given || s->ignore_eos.v;
    b->prompts.seed = (uint64_t)whole(&s->seed, 0);
    b->prompts.shared_tokens = whole(&s->shared_prefix, 0);
    b->prompts.groups = whole(&s->prefix_groups, 1);
    b->prompts.tokens_per_word = 1;
    if (b->prompts.chat && kind == HG_PROMPT_TOKENS)
        return hg_fail(&a->err, HG_INPUT, s->prompts.where, "takes token ids, which /chat/completions does not; add --endpoint completions");
    if (s->prefix_groups.n && !s->shared_prefix.n)
        return hg_fail(&a->err, HG_INPUT, s->prefix_groups.where, "divides --shared-prefix; give that too");
    return true;
}

/* "1..50" */
static bool read_ramp(hg_ask *a, hg_ramp *out)
{
    const hg_text_word *w = &a->s.ramp;
    *out = (hg_ramp){ 0, 0 };
    if (!w->s)
        return true;
    const char *dots = strstr(w->s, "..");
    char from[40];
    bool ok = dots && dots - w->s < (ptrdiff_t)sizeof from;
    if (ok) {
        memcpy(from, w->s, (size_t)(dots - w->s));
        from[dots - w->s] = 0;
        ok = hg_parse_quantity(from, HG_PER_S, &out->from_per_s) && hg_parse_quantity(dots + 2, HG_PER_S, &out->to_per_s) &&
             out->from_per_s >= 0 && out->to_per_s >= 0 && out->from_per_s + out->to_per_s > 0 && out->from_per_s <= 1e9 &&
             out->to_per_s <= 1e9;
    }
    if (!ok)
        return hg_fail(&a->err, HG_INPUT, w->where, "is '%.40s'; write two rates, as in 1..50", w->s);
    return a->s.duration.given || hg_fail(&a->err, HG_INPUT, w->where, "needs --duration: the rate goes from one to the other over it");
}

/* --ramp and --sweep are loads of their own. */
static bool read_load(hg_ask *a, hg_bench *b)
{
    const hg_scenario *s = &a->s;
    bool own = s->ramp.s || s->sweep.v;
    const char *name = s->ramp.s ? "--ramp" : "--sweep";
    if (s->ramp.s && s->sweep.v)
        return hg_fail(&a->err, HG_INPUT, "--ramp", "and --sweep are two loads; keep one");
    if (own && (s->rate.given || s->concurrency.n || s->replay.v || s->arrivals.s))
        return hg_fail(&a->err, HG_INPUT, name, "is a load of its own; leave out --rate, --concurrency and --replay");
    if (s->sweep.v && s->requests.n)
        return hg_fail(&a->err, HG_INPUT, s->requests.where, "does not go with --sweep, which holds each rate for --duration");
    if (!own && !s->rate.given && !s->concurrency.n && !s->replay.v && !s->arrivals.s)
        return hg_fail(&a->err, HG_INPUT, "--rate", "is missing; say --rate R, --concurrency C, --replay, --ramp A..B or --sweep");
    if (!read_ramp(a, &b->load.ramp) || !hg_ask_workload(a, own ? HG_LENGTHS_NEEDED : HG_LOAD_NEEDED, &b->workload))
        return false;
    if (own) {
        b->workload.load = HG_LOAD_RATE;
        b->workload.rate_per_s = 1;
    }
    b->sweep = s->sweep.v;
    b->load.workload = b->prompts.workload = &b->workload;
    b->load.seed = b->prompts.seed;
    b->load.turns = whole(&s->turns, 1);
    b->load.think_s = real(&s->think, 0);
    b->load.duration_s = real(&s->duration, b->sweep ? SWEEP_STAGE_S : 0);
    bool ends_by_time = b->load.duration_s > 0 && !s->requests.n && b->workload.load != HG_LOAD_REPLAY;
    b->load.requests = ends_by_time ? 0 : b->workload.count;
    if (b->load.turns > 1 && b->workload.load == HG_LOAD_REPLAY)
        return hg_fail(&a->err, HG_INPUT, s->turns.where, "makes conversations, whose later turns wait for answers; a replay does not");
    if (b->load.turns > 1 && b->prompts.kind == HG_PROMPT_TOKENS)
        return hg_fail(&a->err, HG_INPUT, s->turns.where, "repeats the answers' text, which token ids cannot; say --prompts words");
    if (s->think.given && b->workload.load != HG_LOAD_CLOSED && b->load.turns == 1)
        return hg_fail(&a->err, HG_INPUT, s->think.where, "pauses between turns or in a closed loop; say --turns or --concurrency");
    b->window = (hg_live_window){ real(&s->warmup, b->sweep ? SWEEP_WARMUP_FRAC * b->load.duration_s : 0), real(&s->cooldown, 0) };
    if (b->load.duration_s > 0 && b->window.warmup_s + b->window.cooldown_s >= b->load.duration_s)
        return hg_fail(&a->err, HG_INPUT, "--warmup", "and --cooldown leave nothing of the %g s of --duration", b->load.duration_s);
    return true;
}

static bool read_slo(hg_ask *a, hg_bench *b)
{
    if (!a->s.slo.s)
        return true;
    if (!hg_slo_parse(a->s.slo.s, a->s.slo.where, &b->slo, &a->err))
        return false;
    for (int i = 0; i < b->slo.count; i++)
        if (b->slo.limits[i].metric == HG_QUEUE)
            return hg_fail(&a->err, HG_INPUT, a->s.slo.where, "limits the queueing time, which a client cannot see; limit ttft");
    return true;
}

/* A run may take hours: what cannot be written in the end is refused before it. */
static bool check_outputs(hg_ask *a)
{
    const hg_text_word *outputs[] = { &a->s.output, &a->s.requests_out, &a->s.vllm_out, &a->s.report_out, &a->s.workload_out };
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++)
        if (outputs[i]->s && !hg_file_may_write(outputs[i]->s, a->s.force.v, &a->err))
            return false;
    return true;
}

bool hg_bench_read(hg_ask *a, hg_bench *b)
{
    *b = (hg_bench){ .timeout_s = real(&a->s.timeout, TIMEOUT_S), .wait_s = real(&a->s.wait, 0) };
    return hg_ask_no_inputs(a) && single_values(a) && read_url(a, b) && read_prompts(a, b) && read_body(a, b) && hg_bench_read_key(a, b) &&
           read_load(a, b) && read_slo(a, b) && check_outputs(a);
}

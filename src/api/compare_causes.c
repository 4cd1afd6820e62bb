#include "api/compare.h"
#include "api/compared.h"

#include "api/explained.h"

#include "base/file.h"
#include "base/units.h"

#include <math.h>
#include <string.h>

/* ---- a file as the words of a deployment ---- */

static bool is_yaml(const char *path)
{
    return hg_ends(path, ".yaml") || hg_ends(path, ".yml");
}

/* The plan's words, or NULL; the caller owns root. */
static const json_t *words_of(hg_arena *arena, const char *path, json_t **root)
{
    enum { PLAN_MOST = 1 << 28 };
    hg_err none;
    size_t size;
    char *text = hg_file_read(arena, path, PLAN_MOST, &size, &none);
    *root = text ? json_loadb(text, size, 0, NULL) : NULL;
    const json_t *words = json_object_get(json_object_get(*root, "scenario"), "words");
    return json_object_get(words, "model") && json_object_get(json_object_get(*root, "recommended"), "deployment") ? words : NULL;
}

bool hg_compared_is(hg_ask *a, const char *path)
{
    hg_arena scratch = *a->arena;
    hg_err none;
    hg_results report;
    json_t *root;
    if (is_yaml(path))
        return !hg_results_read(&scratch, path, &report, &none);
    bool is = hg_ends(path, ".json") && words_of(&scratch, path, &root) != NULL;
    if (hg_ends(path, ".json"))
        json_decref(root);
    return is;
}

static bool set(hg_ask *a, const char *path, hg_scenario *s, const char *word, const char *value)
{
    return hg_scenario_set(a->arena, s, "simulate", word, value, hg_textf(a->arena, "%s: %s", path, word), &a->err);
}

/* What the plan decided; the rest of its words stand as they were asked. */
static const char *const decided[] = { "prefill", "decode", "tp", "pp", "dp", "ep", "replicas", "max_num_seqs", "max_num_batched_tokens",
                                       "max_model_len", "precision", "kv_dtype" };
enum { DECIDED = sizeof decided / sizeof *decided, OF_BOTH = 9 /* from max_model_len on */ };

static bool is_decided(const char *word)
{
    for (size_t i = 0; i < DECIDED; i++)
        if (strcmp(word, decided[i]) == 0)
            return true;
    return false;
}

/* Of the KV cache's type only what was asked for: by itself it stays the checkpoint's. */
static bool take_decided(hg_ask *a, const char *path, const char *const *names, size_t count, const json_t *d, bool kv, hg_scenario *s)
{
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        const json_t *v = json_object_get(d, names[i]);
        const char *text = json_is_integer(v) ? hg_textf(a->arena, "%lld", (long long)json_integer_value(v)) : json_string_value(v);
        if (text && strcmp(text, "checkpoint") != 0 && (kv || strcmp(names[i], "kv_dtype") != 0))
            ok = set(a, path, s, names[i], hg_strdup(a->arena, text));
    }
    return ok;
}

static long long count_of(const json_t *d, const char *key)
{
    return (long long)json_integer_value(json_object_get(d, key));
}

static bool take_pool(hg_ask *a, const char *path, const char *name, const json_t *d, hg_scenario *s)
{
    return set(a, path, s, name,
               hg_textf(a->arena, "%lldxtp%lldpp%llddp%lldep%lld:tokens=%lld:seqs=%lld:chunked=%s", count_of(d, "replicas"), count_of(d, "tp"),
                        count_of(d, "pp"), count_of(d, "dp"), count_of(d, "ep"), count_of(d, "max_num_batched_tokens"),
                        count_of(d, "max_num_seqs"), json_is_true(json_object_get(d, "enable_chunked_prefill")) ? "yes" : "no"));
}

/* Shapes and limits are each pool's, the rest is of both. */
static bool take_pools(hg_ask *a, const char *path, const json_t *d, bool kv, hg_scenario *s)
{
    const json_t *decode = json_object_get(d, "decode");
    return take_pool(a, path, "prefill", json_object_get(d, "prefill"), s) && take_pool(a, path, "decode", decode, s) &&
           take_decided(a, path, decided + OF_BOTH, DECIDED - OF_BOTH, decode, kv, s);
}

/* A load that the plan found is run as it was judged. */
static bool take_rate(hg_ask *a, const char *path, const json_t *best, hg_scenario *s)
{
    double rate = json_number_value(json_object_get(json_object_get(best, "metrics"), "rate_per_s"));
    bool given = s->rate.given || s->concurrency.n || s->replay.given || s->arrivals.s;
    return given || !(rate > 0) || (set(a, path, s, "rate", hg_textf(a->arena, "%.17g", rate)) && set(a, path, s, "steady", NULL));
}

static bool read_plan(hg_ask *a, const char *path, hg_scenario *s)
{
    json_t *root;
    const json_t *words = words_of(a->arena, path, &root), *best = json_object_get(root, "recommended");
    const char *key;
    json_t *value;
    bool ok = true;
    json_object_foreach((json_t *)(uintptr_t)words, key, value) {
        if (ok && !is_decided(key) && json_is_string(value))
            ok = set(a, path, s, hg_strdup(a->arena, key), hg_strdup(a->arena, json_string_value(value)));
    }
    const json_t *deployment = json_object_get(best, "deployment");
    bool pools = json_object_get(deployment, "decode") != NULL, kv = json_object_get(words, "kv_dtype") != NULL;
    ok = ok && (pools ? take_pools(a, path, deployment, kv, s) : take_decided(a, path, decided, DECIDED, deployment, kv, s)) &&
         take_rate(a, path, best, s);
    json_decref(root);
    return ok;
}

/* ---- simulated ---- */

bool hg_compare_run(hg_ask *a, hg_problem *p, hg_candidate *c, hg_metrics *m)
{
    hg_run how;
    if (!hg_ask_single(a) || !hg_ask_problem(a, HG_LOAD_NEEDED, p) || !hg_ask_candidate(a, p, c) || !hg_ask_run(a, p, &how) ||
        !hg_ask_confidence(a, p))
        return false;
    if (c->fit != HG_FITS)
        return hg_fail(&a->err, HG_INPUT, "deployment", "%s", c->reason);
    hg_evaluate(a->arena, p, c, &how, m);
    return m->sim.completed > 0 || hg_fail(&a->err, HG_INPUT, "deployment", "completes no request of this traffic");
}

bool hg_compared_open(hg_ask *a, const char *path, hg_compared *out)
{
    hg_problem *p = HG_NEW(a->arena, hg_problem, 1);
    hg_candidate *c = HG_NEW(a->arena, hg_candidate, 1);
    *out = (hg_compared){ .name = path, .candidate = c };
    bool read = is_yaml(path) ? hg_scenario_read(a->arena, &out->words, "simulate", path, &a->err) : read_plan(a, path, &out->words);
    if (!read)
        return false;
    hg_ask sub = *a;
    sub.verb = "simulate";
    sub.s = out->words;
    sub.s.quiet.v = true;
    if (!hg_compare_run(&sub, p, c, &out->metrics))
        return hg_fail(&a->err, HG_INPUT, path, "cannot be simulated: %.100s %.300s", sub.err.where, sub.err.msg);
    hg_run noted = { .load = p->workload.load, .rate_per_s = p->workload.rate_per_s,
                     .requests = out->metrics.sim.offered < HG_EXPLAIN_NOTED ? out->metrics.sim.offered : HG_EXPLAIN_NOTED };
    hg_evaluate_account(a->arena, p, c, &noted, &out->account);
    return true;
}

/* ---- why ---- */

enum { CAUSES_SHOWN = 5 };
static const double LEAST_CAUSE = 0.01; /* of the first's token; smaller ones are the rest */

static int causes_of(hg_arena *arena, const hg_compared *first, const hg_compared *other, hg_difference **out)
{
    hg_side sides[2] = { { .account = &first->account }, { .account = &other->account } };
    *out = HG_NEW(arena, hg_difference, HG_DIFFERENCES);
    return hg_explain_token_differences(&sides[0], &sides[1], *out);
}

static const char *moved_text(hg_arena *arena, double s)
{
    char text[32];
    return hg_textf(arena, "%s%s", s < 0 ? "-" : "+", hg_format(text, sizeof text, fabs(s), HG_SECONDS));
}

static const char *seconds(hg_arena *arena, double s)
{
    char text[32];
    return isfinite(s) ? hg_strdup(arena, hg_format(text, sizeof text, s, HG_SECONDS)) : "-";
}

static void token_text(hg_buf *b, const hg_compared *first, const hg_compared *other, hg_lang lang)
{
    hg_difference *d;
    int n = causes_of(b->arena, first, other, &d);
    double before_s = first->account.metrics.sim.latency[HG_ITL].mean, after_s = other->account.metrics.sim.latency[HG_ITL].mean;
    double left_s = after_s - before_s, ratio = after_s / before_s - 1;
    if (!isfinite(ratio) || n == 0)
        return;
    hg_buf_puts(b, hg_say(b->arena, lang, fabs(ratio) < LEAST_CAUSE ? HG_TEXT_compare_alike : ratio > 0 ? HG_TEXT_compare_slower : HG_TEXT_compare_faster,
                          other->name, hg_textf(b->arena, "%.0f%%", 100 * fabs(ratio)), first->name, seconds(b->arena, before_s),
                          seconds(b->arena, after_s)));
    for (int i = 0; i < n && i < CAUSES_SHOWN; i++) {
        double moved_s = d[i].after_s - d[i].before_s;
        if (fabs(moved_s) < LEAST_CAUSE * before_s)
            break;
        left_s -= moved_s;
        hg_buf_printf(b, "%s %s%s", hg_operator_name(lang, d[i].name), moved_text(b->arena, moved_s), hg_text_form(lang, HG_TEXT_list_comma));
    }
    hg_buf_printf(b, "%s\n", hg_say(b->arena, lang, HG_TEXT_compare_rest, moved_text(b->arena, left_s)));
}

static void first_token_text(hg_buf *b, const hg_compared *first, const hg_compared *other, hg_lang lang)
{
    const hg_summary *x = first->metrics.sim.latency, *y = other->metrics.sim.latency;
    double moved_s = y[HG_TTFT].mean - x[HG_TTFT].mean, waits_s = y[HG_QUEUE].mean - x[HG_QUEUE].mean;
    if (isfinite(moved_s) && isfinite(waits_s))
        hg_buf_printf(b, "%s\n", hg_say(b->arena, lang, HG_TEXT_compare_first, seconds(b->arena, x[HG_TTFT].mean),
                                        seconds(b->arena, y[HG_TTFT].mean), moved_text(b->arena, waits_s), moved_text(b->arena, moved_s - waits_s)));
}

void hg_causes_text(hg_buf *b, const hg_compared *first, const hg_compared *other, hg_lang lang)
{
    hg_buf_printf(b, "\nA  %s: %s\nB  %s: %s\n", first->name, hg_candidate_text(b->arena, first->candidate), other->name,
                  hg_candidate_text(b->arena, other->candidate));
    token_text(b, first, other, lang);
    first_token_text(b, first, other, lang);
}

void hg_json_causes(hg_json *j, const hg_compared *first, const hg_compared *other)
{
    hg_difference *d;
    int n = causes_of(j->out->arena, first, other, &d);
    hg_json_key(j, "causes");
    hg_json_open(j, '{');
    hg_json_key_num(j, "token_before_s", first->account.metrics.sim.latency[HG_ITL].mean);
    hg_json_key_num(j, "token_after_s", other->account.metrics.sim.latency[HG_ITL].mean);
    hg_json_key(j, "parts");
    hg_json_open(j, '[');
    for (int i = 0; i < n; i++) {
        hg_json_open(j, '{');
        hg_json_key_str(j, "name", d[i].name);
        hg_json_key_num(j, "before_s", d[i].before_s);
        hg_json_key_num(j, "after_s", d[i].after_s);
        hg_json_close(j, '}');
    }
    hg_json_close(j, ']');
    hg_json_close(j, '}');
}

#include "test.h"

#include "base/json.h"
#include "base/units.h"
#include "base/data.h"
#include "explain/explain.h"
#include "heng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Laws of explanations: shares are whole, losses sum, and every promised gain is what 'heng simulate' finds when
 * asked with the change made. */

enum { WORDS = 24, TEXT = 1 << 20 };

typedef struct asked {
    heng_word words[WORDS];
    size_t count;
    char text[TEXT];
    size_t size;
} asked;

static void take(void *ctx, const char *text, size_t size)
{
    asked *q = ctx;
    if (q->size + size < TEXT) {
        memcpy(q->text + q->size, text, size);
        q->size += size;
    }
}

static void set(asked *q, const char *key, const char *value)
{
    size_t i = 0;
    while (i < q->count && strcmp(q->words[i].key, key) != 0)
        i++;
    q->words[i] = (heng_word){ key, value, NULL };
    q->count = i == q->count ? i + 1 : q->count;
}

/* The answer as JSON; the caller owns it. */
static json_t *answer(const asked *question, const char *verb)
{
    static asked q;
    q = *question;
    q.size = 0;
    set(&q, "json", NULL);
    heng_io io = { .ctx = &q, .out = take };
    int code = heng_ask(verb, q.words, q.count, &io);
    CHECKF(code == 0, "%s: code %d", verb, code);
    json_t *root = json_loadb(q.text, q.size, 0, NULL);
    CHECK(root != NULL);
    return root;
}

static double number(const json_t *at, const char *a, const char *b)
{
    at = json_object_get(at, a);
    return json_number_value(b ? json_object_get(at, b) : at);
}

typedef struct row {
    const char *name, *model, *device, *tp, *pp, *seqs, *isl, *osl, *rate, *clients, *slo;
    bool trace;                /* in place of isl, osl and a load; see write_trace */
} row;

static char trace[64];

static const row rows[] = {
    { "open loop", "Qwen/Qwen3-8B", "h100_sxm", "1", "1", "64", "800", "100", "8", NULL, NULL },
    { "closed loop", "Qwen/Qwen3-8B", "h100_sxm", "2", "1", "16", "800", "100", NULL, "32", NULL },
    { "broken promise", "Qwen/Qwen3-8B", "h100_sxm", "1", "1", "64", "800", "100", "22", NULL, "e2e:p90<1500ms" },
    { "pipeline", "Qwen/Qwen3-8B", "h100_sxm", "1", "2", "32", "800", "100", NULL, "32", NULL },
    { "experts", "openai/gpt-oss-20b", "h100_sxm", "2", "1", "64", "800", "100", "4", NULL, "ttft:p90<1s" },
    { "shared prefixes", "Qwen/Qwen3-8B", "h100_sxm", "1", "1", "64", NULL, NULL, NULL, NULL, NULL, true },
};

/* Requests that share the first half of their prompts, five to a prefix. */
static void write_trace(void)
{
    snprintf(trace, sizeof trace, "/tmp/heng-explain-%ld.csv", (long)getpid());
    FILE *f = fopen(trace, "w");
    CHECK(f != NULL);
    if (!f)
        return;
    fprintf(f, "arrival_s,isl,osl,prefix_hashes\n");
    for (int i = 0; i < 100; i++)
        fprintf(f, "%.2f,2048,60,%d %d\n", 0.15 * i, 1 + i % 20, 1000 + i);
    fclose(f);
}

static void ask_row(asked *q, const row *r)
{
    q->count = 0;
    set(q, "model", r->model);
    set(q, "device", r->device);
    set(q, "tp", r->tp);
    set(q, "pp", r->pp);
    set(q, "max-num-seqs", r->seqs);
    if (r->trace) {
        set(q, "arrivals", trace);
        return;
    }
    set(q, "isl", r->isl);
    set(q, "osl", r->osl);
    set(q, "requests", "150");
    if (r->rate)
        set(q, "rate", r->rate);
    if (r->clients)
        set(q, "concurrency", r->clients);
    if (r->slo)
        set(q, "slo", r->slo);
}

/* ---- a device with a fact changed, or a host that takes no time, as a folder over the catalogue ---- */

static void scale(json_t *group, const char *key, hg_unit unit, const char *form, double by)
{
    double v = 0;
    char text[64];
    const char *said = json_string_value(json_object_get(group, key));
    CHECKF(said && hg_parse_quantity(said, unit, &v), "h100_sxm.json: %s", key);
    snprintf(text, sizeof text, form, v * by);
    json_object_set_new(group, key, json_string(text));
}

/* False: the change is none of a device. */
static bool change_device(json_t *device, const char *change)
{
    json_t *memory = json_object_get(device, "memory"), *compute = json_object_get(device, "compute");
    if (strcmp(change, "50% more memory bandwidth") == 0) {
        scale(memory, "bandwidth", HG_BYTES_PER_S, "%.0f B/s", 1.5);
    } else if (strcmp(change, "50% more memory") == 0) {
        scale(memory, "capacity", HG_BYTES, "%.0f B", 1.5);
        scale(memory, "usable", HG_BYTES, "%.0f B", 1.5);
    } else if (strcmp(change, "50% more tensor FLOP/s") == 0) {
        scale(compute, "bf16", HG_FLOPS_PER_S, "%.0f FLOP/s", 1.5);
        scale(compute, "fp8", HG_FLOPS_PER_S, "%.0f FLOP/s", 1.5);
    } else if (strcmp(change, "a link twice as fast") == 0) {
        scale(json_object_get(device, "node"), "bandwidth", HG_BYTES_PER_S, "%.0f B/s", 2);
        scale(json_object_get(device, "network"), "bandwidth", HG_BYTES_PER_S, "%.0f B/s", 2);
    } else {
        return false;
    }
    return true;
}

/* The host's terms but for its kernels' ratios. */
static bool drop_host(json_t *root, const char *change)
{
    size_t i;
    json_t *entry;
    if (strcmp(change, "no host overhead") != 0)
        return false;
    json_array_foreach(json_object_get(root, "overheads"), i, entry)
        for (int t = 0; t < HG_OVERHEAD_TERMS; t++)
            if (!hg_overhead_terms[t].ratio)
                json_object_del(entry, hg_overhead_terms[t].name);
    return true;
}

/* The folder with one file of the catalogue changed; false: the change is none of that file. */
static bool write_file(hg_arena *arena, const char *folder, const char *file, const char *change,
                       bool (*make)(json_t *root, const char *change))
{
    hg_data data = { 0 };
    hg_err err;
    char path[256];
    size_t size;
    const char *text = hg_data_text(&data, arena, file, &size, &err);
    json_t *root = text ? hg_json_parse(text, size, file, &err) : NULL;
    CHECKF(root != NULL, "%s", file);
    snprintf(path, sizeof path, "%s/%s", folder, file);
    unlink(path);
    bool ok = root && make(root, change) && json_dump_file(root, path, 0) == 0;
    json_decref(root);
    return ok;
}

static bool write_overlay(hg_arena *arena, const char *folder, const char *change)
{
    bool device = write_file(arena, folder, "devices/h100_sxm.json", change, change_device);
    return write_file(arena, folder, "serving/overheads.json", change, drop_host) || device;
}

/* ---- the law ---- */

/* "--max-num-seqs 32 (changes outputs)" as words of a question; false: it is no flag. */
static bool set_change(asked *q, const char *change, char *key, size_t size, char *value, size_t value_size)
{
    if (strcmp(change, "fp8 weights (changes outputs)") == 0)
        change = "--precision fp8";
    if (strncmp(change, "--", 2) != 0)
        return false;
    size_t n = strcspn(change, " ");
    snprintf(key, size, "%.*s", (int)n - 2, change + 2);
    const char *rest = change + n + strspn(change + n, " ");
    snprintf(value, value_size, "%.*s", (int)strcspn(rest, " "), rest);
    set(q, key, *value ? value : NULL);
    return true;
}

static double figure(const json_t *metrics, const char *metric)
{
    if (strcmp(metric, "good requests/s") == 0)
        return number(metrics, "goodput", "requests_per_s");
    if (strcmp(metric, "output tokens/s") == 0)
        return number(metrics, "throughput", "output_tokens_per_s");
    return number(metrics, "e2e_s", "mean");
}

static void gain_kept(hg_arena *arena, const row *r, const char *folder, const json_t *base, const json_t *promise)
{
    static asked q;
    char key[64], value[64];
    const char *change = json_string_value(json_object_get(promise, "change"));
    const char *metric = json_string_value(json_object_get(promise, "metric"));
    ask_row(&q, r);
    if (!set_change(&q, change, key, sizeof key, value, sizeof value)) {
        CHECKF(write_overlay(arena, folder, change), "%s: no test makes this change", change);
        set(&q, "data", folder);
    }
    json_t *again = answer(&q, "simulate");
    double before = figure(base, metric), after = figure(again, metric);
    double gain = strcmp(metric, "mean E2E") == 0 ? before / after - 1 : after / before - 1;
    CHECKF(fabs(gain - number(promise, "gain_frac", NULL)) <= 1e-6, "%s, %s: promised %+.6f%%, found %+.6f%%", r->name,
           change, 100 * number(promise, "gain_frac", NULL), 100 * gain);
    CHECK_NEAR(number(promise, "after", NULL), after, 1e-8);
    CHECK_NEAR(number(promise, "before", NULL), before, 1e-8);
    CHECK(number(promise, "gpus", NULL) == number(json_object_get(again, "deployment"), "gpus", NULL));
    json_decref(again);
}

/* What would not run is refused by simulate too. */
static void refused(const row *r, const json_t *change)
{
    static asked q;
    char key[64], value[64];
    ask_row(&q, r);
    const char *text = json_string_value(json_object_get(change, "change"));
    if (!set_change(&q, text, key, sizeof key, value, sizeof value))
        return;
    heng_io io = { .ctx = &q, .out = take };
    q.size = 0;
    int code = heng_ask("simulate", q.words, q.count, &io);
    CHECKF(code == 2 || code == 3, "%s, %s: code %d", r->name, text, code);
}

static void gains_are_kept(hg_arena *arena, const row *r, const char *folder, const json_t *explained, const json_t *base)
{
    const json_t *list = json_object_get(explained, "what_if");
    double last = INFINITY;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *promise = json_array_get(list, i);
        gain_kept(arena, r, folder, base, promise);
        CHECK(number(promise, "gain_frac", NULL) <= last);
        last = number(promise, "gain_frac", NULL);
    }
    CHECKF(json_array_size(list) >= 8, "%s: %zu changes", r->name, json_array_size(list));
    const json_t *cannot = json_object_get(explained, "infeasible");
    for (size_t i = 0; i < json_array_size(cannot); i++)
        refused(r, json_array_get(cannot, i));
}

static double sum_of(const json_t *object)
{
    const char *key;
    json_t *v;
    double sum = 0;
    json_object_foreach((json_t *)(uintptr_t)object, key, v) {
        CHECKF(json_number_value(v) >= 0, "%s is below 0", key);
        sum += json_number_value(v);
    }
    return sum;
}

static void shares_are_whole(const json_t *explained)
{
    const json_t *phases = json_object_get(explained, "phases"), *list = json_object_get(explained, "operators");
    double busy = 0, by_phase = 0, all = number(explained, "components", "idle") + number(explained, "components", "bubble");
    CHECK_NEAR(sum_of(json_object_get(explained, "components")), 1, 1e-7);
    static const char *const names[] = { "prefill", "decode" };
    for (int i = 0; i < 2; i++) {
        const json_t *phase = json_object_get(phases, names[i]);
        by_phase += number(phase, "share_frac", NULL);
        CHECK_NEAR(sum_of(json_object_get(phase, "components")), 1, 1e-7);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *op = json_array_get(list, i);
        busy += number(op, "share_frac", NULL);
        CHECK_NEAR(number(op, "prefill_frac", NULL) + number(op, "decode_frac", NULL), number(op, "share_frac", NULL), 1e-6);
    }
    CHECK_NEAR(busy + all, 1, 1e-7);
    CHECK_NEAR(by_phase + all, 1, 1e-7);
}

static void losses_sum(const row *r, const json_t *explained, const json_t *base)
{
    const json_t *w = json_object_get(explained, "waterfall"), *list = json_object_get(w, "losses");
    double left = number(w, "ideal_tokens_per_s", NULL), ideal = left;
    for (size_t i = 0; i < json_array_size(list); i++) {
        double loss = number(json_array_get(list, i), "tokens_per_s", NULL);
        CHECKF(loss >= -1e-9 * ideal, "%s: loss %zu is %g", r->name, i, loss);
        left -= loss;
    }
    double delivered = number(w, "delivered_tokens_per_s", NULL), served = number(base, "throughput", "output_tokens_per_s");
    /* Nine digits are written of each, the largest is the ideal. */
    CHECKF(fabs(left - delivered) <= 2e-8 * ideal, "%s: losses leave %.9g of %.9g, not %.9g", r->name, left, ideal, delivered);
    /* Requests of one length: the tokens of good ones are as many as the requests. */
    CHECK_NEAR(delivered, served * (r->slo ? number(base, "goodput", "attained_frac") : 1), 1e-7);
    CHECKF(ideal > served, "%s: the ideal %g is no more than %g", r->name, ideal, served);
}

/* The trace shares prefixes, so doing without is tried. */
static bool tries(const json_t *explained, const char *change)
{
    const json_t *list = json_object_get(explained, "what_if");
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_string_value(json_object_get(json_array_get(list, i), "change")), change) == 0)
            return true;
    return false;
}

static void laws(hg_arena *arena)
{
    static asked q;
    char folder[] = "/tmp/heng-explain-XXXXXX", devices[64], serving[64];
    CHECK(mkdtemp(folder) != NULL);
    snprintf(devices, sizeof devices, "%s/devices", folder);
    snprintf(serving, sizeof serving, "%s/serving", folder);
    CHECK(mkdir(devices, 0700) == 0 && mkdir(serving, 0700) == 0);
    write_trace();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ask_row(&q, &rows[i]);
        json_t *explained = answer(&q, "explain"), *base = answer(&q, "simulate");
        CHECK(tries(explained, "--no-enable-prefix-caching") == rows[i].trace);
        shares_are_whole(explained);
        losses_sum(&rows[i], explained, base);
        gains_are_kept(arena, &rows[i], folder, explained, base);
        json_decref(explained);
        json_decref(base);
    }
    write_overlay(arena, folder, "nothing");
    unlink(trace);
    CHECK(rmdir(devices) == 0 && rmdir(serving) == 0 && rmdir(folder) == 0);
}

/* The other deployment's figures are those of its own simulation, and the parts of both are all of their time. */
static void why_not(const row *r, const char *words, const char *key, const char *value)
{
    static asked q;
    ask_row(&q, r);
    json_t *base = answer(&q, "simulate");
    set(&q, "why-not", words);
    json_t *explained = answer(&q, "explain");
    ask_row(&q, r);
    set(&q, key, value);
    json_t *again = answer(&q, "simulate");
    const json_t *other = json_object_get(explained, "why_not"), *list = json_object_get(other, "differences");
    const json_t *metrics = json_object_get(other, "metrics");
    static const char *const same[] = { "ttft_s", "tpot_s", "e2e_s", "queue_s" };
    for (int i = 0; i < 4; i++)
        CHECK_NEAR(number(metrics, same[i], "mean"), number(again, same[i], "mean"), 1e-8);
    double before = 0, after = 0, last = INFINITY;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *d = json_array_get(list, i);
        double x = number(d, "before_gpu_s", NULL), y = number(d, "after_gpu_s", NULL);
        before += x;
        after += y;
        CHECK(fabs(y - x) <= last * (1 + 1e-6));
        last = fabs(y - x);
    }
    CHECK_NEAR(before, 1 / number(base, "throughput", "output_tokens_per_s_per_gpu"), 1e-6);
    CHECK_NEAR(after, 1 / number(again, "throughput", "output_tokens_per_s_per_gpu"), 1e-6);
    json_decref(base);
    json_decref(explained);
    json_decref(again);
}

static void why_not_illegal(void)
{
    static asked q;
    ask_row(&q, &rows[0]);
    set(&q, "why-not", "tp=3");
    json_t *explained = answer(&q, "explain");
    const json_t *other = json_object_get(explained, "why_not");
    CHECK(strstr(json_string_value(json_object_get(other, "reason")), "tp 3 does not divide"));
    CHECK(json_array_size(json_object_get(other, "differences")) == 0 && !json_object_get(other, "metrics"));
    json_decref(explained);
}

/* A plan's waterfall is explain's: from the ideal by its losses to what is delivered. */
static void plan_falls(void)
{
    static asked q;
    q.count = 0;
    set(&q, "model", "Qwen/Qwen3-8B");
    set(&q, "device", "h100_sxm");
    set(&q, "total-gpus", "1");
    set(&q, "max-num-seqs", "64");
    set(&q, "max-num-batched-tokens", "4096");
    set(&q, "isl", "500");
    set(&q, "osl", "50");
    set(&q, "requests", "200");
    set(&q, "slo", "tpot:p90<30ms");
    json_t *root = answer(&q, "plan"), *best = json_object_get(root, "recommended"), *fall = json_object_get(best, "waterfall");
    json_t *losses = json_object_get(fall, "losses"), *curves = json_object_get(best, "curves");
    double left = number(fall, "ideal_tokens_per_s", NULL);
    for (size_t i = 0; i < json_array_size(losses); i++)
        left -= number(json_array_get(losses, i), "tokens_per_s", NULL);
    CHECK(left > 0 && fabs(left / number(fall, "delivered_tokens_per_s", NULL) - 1) < 1e-8); /* nine figures each */
    CHECK(json_array_size(json_object_get(best, "sensitivity")) >= 5 && json_array_size(curves) >= 1);
    /* The curve's point at the plan's own load keeps the promise as the plan does. */
    json_t *points = json_object_get(json_array_get(curves, 0), "points");
    CHECK(json_array_size(points) == 9 && json_is_true(json_object_get(json_array_get(points, 0), "settled")));
    CHECK(number(json_array_get(points, 0), "tpot_s", "p90") < number(json_array_get(points, 6), "tpot_s", "p90"));
    json_decref(root);
}

/* Of two accounts the parts of a token add up to both mean gaps between tokens. */
static void tokens_differ(void)
{
    static hg_account a, b;
    hg_difference d[HG_DIFFERENCES];
    a = (hg_account){ .parts = { { .name = "gemm", .token_s = 6 }, { .name = "host", .token_s = 2 } }, .count = 2, .decoded = 2 };
    b = (hg_account){ .parts = { { .name = "gemm", .token_s = 4 }, { .name = "all-reduce", .token_s = 4 } }, .count = 2, .decoded = 4 };
    a.metrics.sim.latency[HG_ITL].mean = 5;
    b.metrics.sim.latency[HG_ITL].mean = 2.5;
    hg_side x = { .account = &a }, y = { .account = &b };
    int n = hg_explain_token_differences(&x, &y, d);
    double before = 0, after = 0;
    for (int i = 0; i < n; i++) {
        before += d[i].before_s;
        after += d[i].after_s;
    }
    CHECK(n == 4 && fabs(before - 5) < 1e-12 && fabs(after - 2.5) < 1e-12);
    CHECK_STR(d[0].name, "gemm");
    CHECK(d[0].before_s == 3 && d[0].after_s == 1);
}

/* ---- the parts alone ---- */

/* Ten seconds: 1 ideal, 1 for small batches, 2 for slow kernels, 1 of links, 1 of launches, 1 of the host, 1 in
 * bubbles, 2 idle; 50 tokens a second delivered, half of them in time. */
static void waterfall_by_hand(void)
{
    static const double wants[HG_LOSSES] = { 250, 125, 25, 100.0 / 6, 500.0 / 6 - 500.0 / 7, 500.0 / 7 - 62.5, 12.5, 25 };
    hg_account a = { .count = 4, .busy_s = 7, .bubble_s = 1, .idle_s = 2 };
    a.parts[0] = (hg_part){ .name = "gemm", .seconds = 4, .roof_s = 2, .ideal_s = 1 };
    a.parts[1] = (hg_part){ .name = "all-reduce", .seconds = 1, .moves = true };
    a.parts[2] = (hg_part){ .name = "launch", .seconds = 1, .host = true, .launch = true };
    a.parts[3] = (hg_part){ .name = "host", .seconds = 1, .host = true };
    hg_waterfall w;
    hg_explain_waterfall(&a, 50, 0.5, &w);
    CHECK_NEAR(w.ideal, 500, 1e-12);
    CHECK_NEAR(w.delivered, 25, 1e-12);
    for (int i = 0; i < HG_LOSSES; i++)
        CHECKF(fabs(w.loss[i] - wants[i]) < 1e-9, "loss %d is %.12g, want %.12g", i, w.loss[i], wants[i]);
}

static int fills(const char *form)
{
    int n = 0;
    for (const char *p = form; (p = strstr(p, "%s")); p += 2)
        n++;
    return n;
}

static void both_languages(hg_arena *arena)
{
    for (int i = 0; i < HG_TEXTS; i++) {
        const char *en = hg_text_form(HG_EN, (hg_text)i), *zh = hg_text_form(HG_ZH, (hg_text)i);
        CHECKF(*en && *zh && fills(en) == fills(zh), "'%s' and '%s'", en, zh);
    }
    CHECK_STR(hg_say(arena, HG_EN, HG_TEXT_queue, "3%"), "A request waits 3% of its time for its first step.");
    CHECK_STR(hg_say(arena, HG_ZH, HG_TEXT_queue, "3%"), "请求有 3% 的时间在排队等第一步。");
}

static bool opens(hg_arena *arena, const hg_data *data, const char *model, const char *device, const char *engine, hg_problem *p)
{
    hg_err err;
    const char *note;
    hg_device d;
    return hg_model_find(arena, data, model, &p->model, &note, &err) && hg_engine_find(arena, data, engine, NULL, &p->engine, &err) &&
           hg_device_find(arena, data, device, &d, &err) && hg_engine_settle(arena, data, &d, NULL, &p->engine, &err) &&
           hg_rates_open(arena, data, &d, engine, NULL, &p->rates, &note, &err);
}

/* Every part of every catalogued model's step has a Chinese name, whatever the engine and the shape. */
static void operators_have_names(hg_arena arena)
{
    static const struct {
        const char *device, *engine;
        hg_deployment d;
    } shapes[] = {
        { "h200_sxm", "vllm", { .tp = 8, .pp = 2, .dp = 1, .ep = 1, .draft_tokens = 1, .accepted_tokens = 0.7 } },
        { "gb200", "trtllm", { .tp = 1, .pp = 1, .dp = 8, .ep = 8 } },
        { "ascend_910b", "mindie", { .tp = 2, .pp = 1, .dp = 4, .ep = 8 } },
    };
    hg_data data = { 0 };
    size_t count, items = 0, models = 0;
    char **names = hg_data_list(&data, &arena, "models", &count);
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++)
        for (size_t i = 0; i < count; i++) {
            hg_arena scratch = arena;
            hg_problem *p = HG_NEW(&scratch, hg_problem, 1);
            hg_step *step = HG_NEW(&scratch, hg_step, 1);
            hg_deployment d = shapes[k].d;
            hg_err err;
            char *id = hg_strdup(&scratch, names[i]), *slash = strstr(id, "--");
            id[strlen(id) - strlen(".json")] = 0;
            CHECK(slash != NULL);
            *slash = '/';
            memmove(slash + 1, slash + 2, strlen(slash + 2) + 1);
            if (!opens(&scratch, &data, id, shapes[k].device, shapes[k].engine, p))
                continue;
            d.replicas = 1;
            d.precision_is_checkpoints = d.kv_is_auto = true;
            d.kv_dtype = p->model.precision.kv;
            d.max_num_seqs = 64;
            d.max_num_batched_tokens = d.max_model_len = 2048;
            d.block_tokens = 16;
            d.draft_tokens = p->model.mtp_layers ? d.draft_tokens : 0;
            if (!hg_step_prepare(&p->model, &d, &p->engine, &p->rates, step, &err))
                continue;
            models++;
            items += (size_t)step->count;
            for (int j = 0; j < step->count; j++) {
                const char *name = step->items[j].name;
                CHECKF(strcmp(hg_operator_name(HG_ZH, name), name) != 0, "%s has no name in Chinese", name);
                CHECK_STR(hg_operator_name(HG_EN, name), name);
            }
        }
    CHECKF(models > count && items > 10 * models, "%zu models, %zu parts", models, items);
}

static void aims(void)
{
    hg_metrics slow = { .sim = { .good_per_s = 2, .output_tokens_per_s = 100 } }, fast = slow;
    slow.sim.latency[HG_E2E].mean = 3;
    fast.sim.latency[HG_E2E].mean = 2;
    fast.sim.good_per_s = 3;
    CHECK_NEAR(hg_aim_gain(HG_AIM_GOOD, &slow, &fast), 0.5, 1e-12);
    CHECK_NEAR(hg_aim_gain(HG_AIM_E2E, &slow, &fast), 0.5, 1e-12);
    CHECK(hg_aim_gain(HG_AIM_TOKENS, &slow, &fast) == 0);
}

void test_explain(void)
{
    hg_arena arena;
    if (!hg_arena_open(&arena, 0))
        return;
    waterfall_by_hand();
    both_languages(&arena);
    operators_have_names(arena);
    aims();
    laws(&arena);
    why_not(&rows[0], "tp=4", "tp", "4");
    why_not(&rows[1], "max-num-seqs=8", "max-num-seqs", "8");
    why_not(&rows[3], "--pp=1", "pp", "1");
    why_not_illegal();
    hg_arena_close(&arena);
    plan_falls();
    tokens_differ();
}

#include "test.h"

#include "html_check.h"

#include "api/plan_detail.h"

#include <math.h>
#include <string.h>

/* ---- a plan made up ---- */

enum { TOP = 5, FRONT = 30, REQUESTS = 4, REFUSALS = 12 };

typedef struct made {
    hg_problem q;
    hg_plan p;
    hg_request requests[REQUESTS];
    hg_point top[TOP], front[FRONT];
    hg_refusal refusals[REFUSALS];
} made;

static hg_summary spread(double p50)
{
    return (hg_summary){ p50 * 1.1, p50, p50 * 1.5, p50 * 1.7, p50 * 2 };
}

static hg_point point(int64_t tp, double load)
{
    hg_point a = { .deployment = { .tp = tp,
                                   .pp = 1,
                                   .dp = 1,
                                   .ep = 1,
                                   .replicas = 8 / tp,
                                   .precision_is_checkpoints = true,
                                   .kv_is_auto = true,
                                   .max_num_seqs = 256,
                                   .max_num_batched_tokens = 8192,
                                   .max_model_len = 9216,
                                   .gpu_memory_utilization = 0.9,
                                   .block_tokens = 16 } };
    hg_metrics *m = &a.metrics;
    double tpot = 0.01 + 0.03 * load;
    m->rate_per_s = 10 * load;
    m->goodput_per_device = 1.2 * load;
    m->tokens_per_s_per_user = 1 / tpot;
    m->tokens_per_s_per_device = 1500 * load;
    m->sim.latency[HG_TTFT] = spread(0.2 + 0.3 * load);
    m->sim.latency[HG_TPOT] = spread(tpot);
    m->sim.latency[HG_E2E] = spread(200 * tpot);
    m->sim.kv_peak_frac = 0.7;
    m->sim.estimates[0] = (hg_estimate){ 0.75, 0.01, true };
    m->sim.estimates[1] = (hg_estimate){ 0.03, NAN, true };
    return a;
}

static void make(hg_arena *arena, made *m)
{
    static const hg_share shares[] = { { "gate-up projection", 0.5, "HBM" },
                                       { "all-reduce", 0.2, "link" },
                                       { "sampling", 0.001, "vector" },
                                       { "idle", 0.299, "no requests" } };
    memset(m, 0, sizeof *m);
    hg_problem *q = &m->q;
    q->model = (hg_model){ .name = "m", .parameters = 70e9 };
    q->engine = (hg_engine){ .name = "vllm", .title = "vLLM", .version = "0.24.0" };
    q->rates.device = (hg_device){ .name = "h200_sxm", .title = "NVIDIA H200 SXM", .vendor = "nvidia" };
    for (int i = 0; i < REQUESTS; i++)
        m->requests[i] = (hg_request){ .isl = 1000, .osl = 200 };
    q->workload = (hg_workload){ .name = "chat", .requests = m->requests, .count = REQUESTS };
    q->slo = (hg_slo){ { { HG_TTFT, 0.9, 1 }, { HG_TPOT, 0.9, 0.04 } }, 2 };
    hg_plan *p = &m->p;
    static const hg_data data = { NULL };
    const char *note;
    hg_err err;
    hg_engine_knobs *knobs = HG_NEW(arena, hg_engine_knobs, 1);
    CHECK(hg_knobs_open(arena, &data, "vllm", NULL, knobs, &note, &err));
    *p = (hg_plan){ .problem = q, .knobs = knobs,
                    .objective = "goodput-per-gpu",
                    .found = true,
                    .top = m->top,
                    .top_count = TOP,
                    .pareto = m->front,
                    .pareto_count = FRONT,
                    .refusals = m->refusals,
                    .refusal_count = REFUSALS,
                    .considered = 1288,
                    .infeasible = 1000,
                    .pruned = 200,
                    .simulated = 88,
                    .origin = "extrapolated",
                    .bottleneck = "HBM binds.",
                    .bottleneck_name = "HBM",
                    .elapsed_s = 1.5 };
    for (int i = 0; i < TOP; i++)
        m->top[i] = point(i < 4 ? 1 << i : 8, 0.9 - 0.1 * i);
    for (int i = 0; i < FRONT; i++)
        m->front[i] = point(1 << (i / 8), 1 - 0.03 * i);
    for (int i = 0; i < REFUSALS; i++)
        m->refusals[i] = (hg_refusal){ point(8, 1).deployment, "short by 6.1 GiB", 3 };
    p->reasons[p->reason_count++] = "--max-num-seqs 256: 133 sequences run in a step";
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
        p->shares[p->share_count++] = shares[i];
    p->what_ifs[p->what_if_count++] = (hg_what_if){ .change = "more memory", .gain_frac = 0.25 };
    p->what_ifs[p->what_if_count++] = (hg_what_if){ .change = "fewer tokens", .gain_frac = -1 };
    p->memory = (hg_memory){ .total_bytes = 140 * 0x1p30,
                             .budget_bytes = 126 * 0x1p30,
                             .weight_bytes = 33 * 0x1p30,
                             .activation_bytes = 2 * 0x1p30,
                             .context_bytes = 1 * 0x1p30,
                             .kv_bytes = 90 * 0x1p30,
                             .kv_bytes_per_token = 81920,
                             .kv_blocks = 73728,
                             .fits = true };
}

static size_t count(const char *text, const char *part)
{
    size_t n = 0;
    for (; (text = strstr(text, part)); text += strlen(part))
        n++;
    return n;
}

static bool has(const char *html, const char *part)
{
    return strstr(html, part) != NULL;
}

/* The text of the first element that starts with `from`, entities undone. */
static char *text_of(hg_arena *arena, const char *html, const char *from, const char *to)
{
    static const char *const pairs[][2] = {
        { "&lt;", "<" }, { "&gt;", ">" }, { "&quot;", "\"" }, { "&#39;", "'" }, { "&amp;", "&" }
    };
    const char *start = strstr(html, from);
    CHECKF(start != NULL, "no %s", from);
    if (!start)
        return "";
    start += strlen(from);
    const char *end = strstr(start, to);
    hg_buf b = { .arena = arena };
    while (start < end) {
        size_t k = 0;
        while (k < 5 && !hg_starts(start, pairs[k][0]))
            k++;
        hg_buf_add(&b, k < 5 ? pairs[k][1] : start, 1);
        start += k < 5 ? strlen(pairs[k][0]) : 1;
    }
    return b.s ? b.s : "";
}

/* ---- the tests ---- */

static void whole(hg_arena arena, made *m)
{
    static const char *const parts[] = {
        "NVIDIA H200 SXM",
        "vLLM",
        "0.24.0",
        "TTFT p90 &lt; 1 s, TPOT p90 &lt; 40 ms",
        "chat",
        "<strong>9.00&nbsp;requests/s</strong>",
        "1.08 good requests/s per GPU",
        "25% below",
        "id=\"promise\"",
        "id=\"launch\"",
        "id=\"why\"",
        "id=\"memory\"",
        "id=\"time\"",
        "id=\"what-if\"",
        "id=\"front\"",
        "id=\"top\"",
        "id=\"left-out\"",
        "id=\"origin\"",
        "<code>--max-num-seqs 256</code>",
        "33.0 GiB",
        "126.0 GiB",
        "140.0 GiB",
        "1,179,648 tokens",
        "HBM binds.",
        "smaller parts",
        "+25.0%",
        "breaks the promise",
        "recommended",
        "short by 6.1 GiB",
        "4 more reasons",
        "1,288 deployments",
        "<dt>extrapolated</dt>",
        "prefers-color-scheme:dark",
        "@media print",
    };
    make(&arena, m);
    const char *html = hg_plan_report(&arena, &m->p, "org/model");
    html_counts c = html_check(html);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        CHECKF(has(html, parts[i]), "'%s' is missing", parts[i]);
    CHECK(c.markers == FRONT + 1);
    /* Heads: promise, shares, what-if, front, two lines of top, refusals twice. */
    CHECK(c.rows == 8 + 2 + 4 + 2 + FRONT + TOP + REFUSALS);
    CHECK(count(html, "<section") == count(html, "</section>") && count(html, "<section") == 11);
}

static void offline(hg_arena arena, made *m)
{
    static const char *const never[] = { "http:",   "https:",    "url(",    "@import",
                                         "<link",   "<img",      "<iframe", "fetch(",
                                         "XMLHttp", "innerHTML", "eval(" };
    make(&arena, m);
    const char *html = hg_plan_report(&arena, &m->p, "org/model");
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        CHECKF(!has(html, never[i]), "'%s' is in the page", never[i]);
    CHECK(has(html, "default-src 'none'"));
}

static void hostile(hg_arena arena, made *m)
{
    static const char *const words[] = {
        "</title><script>alert(1)</script>",
        "\"><svg onload=alert(1)>",
        "' onclick='x",
        "it's <b>&amp; --port 1 --host 0.0.0.0</b>",
        "\xff\xfe\x01 --x",
        "很长的名字/模型",
        "\xe2\x80\xae/lanretxe//:s",
        "",
        "%s%n%d",
        "a\nb",
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *w = words[i];
        make(&arena, m);
        m->q.workload.name = m->q.rates.version = m->p.bottleneck = w;
        m->q.rates.device.title = m->q.engine.title = m->p.objective = m->p.origin = w;
        m->p.reasons[0] = m->refusals[0].reason = m->p.what_ifs[0].change = m->p.shares[0].name = w;
        m->p.shares[0].bound = w;
        const char *html = hg_plan_report(&arena, &m->p, w);
        html_check(html);
        CHECK(count(html, "<script") == 1 && count(html, "</title>") == count(html, "<title>"));
        CHECK(!has(html, "\xe2\x80\xae") && !has(html, "\xff") && !has(html, "\x01"));
    }
}

/* Numbers that are none, and counts at their ends. */
static void odd(hg_arena arena, made *m)
{
    make(&arena, m);
    m->front[3].metrics.tokens_per_s_per_user = NAN;
    m->front[4].metrics.tokens_per_s_per_device = INFINITY;
    m->top[1].metrics.sim.latency[HG_TTFT] = (hg_summary){ NAN, NAN, NAN, NAN, NAN };
    m->top[0].metrics.sim.estimates[0] = (hg_estimate){ NAN, NAN, false };
    m->top[0].metrics.sim.estimates[1] = (hg_estimate){ 50, NAN, false };
    m->p.what_ifs[0].gain_frac = NAN;
    m->p.shares[1].share_frac = NAN;
    m->p.memory.kv_bytes = -9 * 0x1p30;
    m->p.memory.weight_bytes = 1e15;
    m->p.elapsed_s = NAN;
    m->p.considered = 0;
    html_counts c = html_check(hg_plan_report(&arena, &m->p, "m"));
    CHECK(c.markers == FRONT + 1 - 2);
    const char *html = hg_plan_report(&arena, &m->p, "m");
    CHECK(has(html, "too small by 9.0 GiB"));
    CHECK(!has(html, ">nan") && !has(html, "nan%") && !has(html, ">inf") && !has(html, "-nan"));

    make(&arena, m);
    m->p = (hg_plan){ .problem = &m->q };
    CHECK(has(hg_plan_report(&arena, &m->p, "m"), "No deployment can run."));
    html_check(hg_plan_report(&arena, &m->p, "m"));
}

#define LONG "very long and --with --words --that --look --like --flags --again --and --again --on"

/* The box holds the emitter's command: folded only where a shell folds it back. */
static void launches(hg_arena arena, made *m)
{
    static const char *const words[] = { "org/model", "it's <b>&amp; --port 1 --host 0.0.0.0</b>",
                                         "a \"b --c\" \\ --d", "--help", LONG };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        make(&arena, m);
        hg_launch l = hg_plan_launch(&arena, &m->p, &m->p.top[0], words[i]);
        size_t n;
        const char **lines = hg_emit_command(&arena, hg_emitter_find("vllm"), &l, &n);
        const char *html = hg_plan_report(&arena, &m->p, words[i]);
        char *box = text_of(&arena, html, "\"Launch command\"><code>", "</code>"), *fold;
        CHECK(has(box, " \\\n    --") && has(box, hg_shell_word(&arena, words[i])));
        while ((fold = strstr(box, " \\\n   ")))
            memmove(fold, fold + 6, strlen(fold + 6) + 1);
        CHECK_STR(box, lines[0]);
    }
    make(&arena, m);
    m->q.engine.name = "nobody's";
    CHECK(has(hg_plan_report(&arena, &m->p, "m"), "not written yet"));
}

static void says_no(hg_arena arena, made *m)
{
    make(&arena, m);
    m->p.found = false;
    m->p.top_count = 1;
    m->p.pareto_count = 0;
    m->top[0].metrics.sim.estimates[0] = (hg_estimate){ 1.34, 0.01, false };
    const char *html = hg_plan_report(&arena, &m->p, "org/model");
    html_check(html);
    CHECK(has(html, "No deployment keeps the promise."));
    CHECK(has(html, "misses TTFT p90 at 9.00 requests/s: 1.34 s where less than 1 s was promised"));
    CHECK(has(html, "34% over") && has(html, "class=\"over\"") && has(html, "no front to draw"));
    CHECK(!has(html, "<strong>Run") && !has(html, "1/run.sh"));

    m->top[0].metrics.sim.estimates[0].kept = true;
    m->top[0].metrics.sim.rejected = 3;
    CHECK(has(hg_plan_report(&arena, &m->p, "m"), "rejects 3 of"));

    make(&arena, m);
    m->p.found = false;
    m->p.top_count = m->p.pareto_count = 0;
    m->p.simulated = m->p.pruned = 0;
    html = hg_plan_report(&arena, &m->p, "org/model");
    html_check(html);
    CHECK(has(html, "No deployment can run.") && has(html, "short by 6.1 GiB"));
}

static void interrupted(hg_arena arena, made *m)
{
    make(&arena, m);
    m->p.interrupted = true;
    m->p.simulated = 8;
    const char *html = hg_plan_report(&arena, &m->p, "m");
    html_check(html);
    CHECK(has(html, "Interrupted.") && has(html, "<b>80</b> not reached"));
    m->p.top_count = 0;
    m->p.found = false;
    CHECK(has(hg_plan_report(&arena, &m->p, "m"), "Nothing is known yet."));
}

/* ---- what is looked into ---- */

enum { STEPS = 3000 };

static void look_into(hg_arena *arena, made *m, hg_plan_detail *d)
{
    static hg_step_record steps[STEPS];
    memset(d, 0, sizeof *d);
    d->account.parts[0] = (hg_part){ .name = "gate-up projection", .seconds = 5, .lo_s = 4, .hi_s = 7, .roof_s = 3, .ideal_s = 2,
                                     .bound_s = { [HG_HBM] = 5 }, .origin_text = "fitted" };
    d->account.parts[1] = (hg_part){ .name = "host: <step>", .seconds = 1, .lo_s = 1, .hi_s = 1, .host = true };
    d->account.count = 2;
    d->account.busy_s = 6;
    d->account.idle_s = 4;
    hg_explain_times(&d->account, &m->top[0].metrics, &d->times);
    hg_explain_waterfall(&d->account, 1000, 0.9, &d->waterfall);
    for (int i = 0; i < 3; i++)
        d->sensitivity[d->sensitivity_count++] = (hg_sensitivity){ &hg_varies[i], { { .known = true, .gain_frac = -0.1 }, { .known = true } } };
    d->sensitivity[2].at[1] = (hg_varied){ .known = true, .fixed_load = true, .attained_frac = 0.5 };
    for (int k = 0; k < HG_CURVES; k++) {
        hg_load_curve *v = &d->curves[d->curve_count++];
        *v = (hg_load_curve){ .deployment = &m->top[k].deployment, .count = HG_CURVE_POINTS };
        for (int i = 0; i < HG_CURVE_POINTS; i++) {
            v->points[i] = (hg_curve_point){ .load = 9 * hg_curve_parts[i], .settled = i < HG_CURVE_POINTS - 1 };
            memcpy(v->points[i].latency, point(1, hg_curve_parts[i]).metrics.sim.latency, sizeof v->points[i].latency);
        }
    }
    for (int i = 0; i < STEPS; i++)
        steps[i] = (hg_step_record){ 2000000000 + i * (int64_t)1000000 / 3, 300000, i % 40 ? 64 : 500, i / 2 % 30 ? 64 : 0, i % 2 };
    d->second = (hg_second){ .from_s = 2, .length_s = 1, .engines = 2, .engines_shown = 2, .steps = steps, .count = STEPS,
                             .most_tokens = 500, .most_waiting = 3 };
    d->second.waiting[0][7] = 3;
    (void)arena;
    m->p.detail = d;
}

static void detailed(hg_arena arena, made *m)
{
    static const char *const ids[] = { "curves", "waterfall", "second", "sensitivity", "assumptions" };
    hg_plan_detail *d = HG_NEW(&arena, hg_plan_detail, 1);
    make(&arena, m);
    look_into(&arena, m, d);
    for (int lang = 0; lang < HG_LANGS; lang++) {
        m->p.lang = (hg_lang)lang;
        const char *html = hg_plan_report(&arena, &m->p, "org/model");
        html_counts c = html_check(html);
        for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
            CHECKF(has(html, hg_textf(&arena, "id=\"%s\"", ids[i])), "no section %s", ids[i]);
        /* The front's points, and of each curve's points those that settled, in three charts. */
        CHECK(c.markers > FRONT + 1 && c.markers <= FRONT + 1 + 3 * HG_CURVES * (HG_CURVE_POINTS - 1));
        /* Neighbours are joined where there are more steps than can be seen. */
        CHECK(count(html, "class=\"s-decode\"") + count(html, "class=\"s-mixed\"") + count(html, "class=\"s-prefill\"") < STEPS / 2);
        CHECK(has(html, "host: &lt;step&gt;") && !has(html, "host: <step>"));
        CHECK(has(html, hg_text_form((hg_lang)lang, HG_TEXT_vary_page_head)));
        CHECK(has(html, hg_textf(&arena, "<html lang=\"%s\">", lang ? "zh-CN" : "en")));
    }
    /* No sentence is left in the other language. */
    const char *zh = hg_plan_report(&arena, &m->p, "org/model");
    CHECK(!has(zh, "Where the") && !has(zh, "deployments") && !has(zh, "requests/s<") && has(zh, "没有变化"));
}

static void repeats(hg_arena arena, made *m)
{
    hg_arena other;
    CHECK(hg_arena_open(&other, 0));
    make(&arena, m);
    CHECK_STR(hg_plan_report(&arena, &m->p, "m"), hg_plan_report(&other, &m->p, "m"));
    hg_arena_close(&other);
}

/* 5 requests a second need one replica of a GPU, 50 need three, and from 20 to 22 h nothing comes. */
static void day(hg_arena arena, made *m)
{
    static hg_day_row rows[] = { { 6 * 3600, 5 }, { 9 * 3600, 50 }, { 20 * 3600, 0 }, { 22 * 3600, 5 } };
    static const size_t places[] = { 0, 1, SIZE_MAX, 0 };
    hg_rate_row rates[] = { { .rate_per_s = 5, .kept = true, .replicas = 1 }, { .rate_per_s = 50, .kept = true, .replicas = 3 } };
    make(&arena, m);
    m->q.price_usd_per_s = 2.0 / 3600;
    m->p.rates = rates;
    m->p.rate_count = 2;
    m->p.day = (hg_day){ rows, 4 };
    m->p.day_rates = places;
    const char *html = hg_plan_report(&arena, &m->p, "m");
    html_check(html);
    CHECK(has(html, "<section id=\"day\">") && has(html, "takes 44 GPU-hours; sized for its peak 72 (3 GPUs): 39% saved, 88.00 USD against 144.00."));
    /* Of each of the two lines a level and a rise for every row, and the level to midnight; a key each in the legend. */
    CHECK(count(text_of(&arena, html, "id=\"day\"", "</section>"), "class=\"v-best\"") == 2 * 4 + 1 + 1);
    CHECK(count(text_of(&arena, html, "id=\"day\"", "</section>"), "class=\"v-next\"") == 2 * 4 + 1 + 1);
    CHECK(has(html, "<th scope=\"row\">20:00</th>"));
    m->p.lang = HG_ZH;
    html = hg_plan_report(&arena, &m->p, "m");
    html_check(html);
    CHECK(has(html, "一天内的 GPU 数量") && has(html, "节省 39%，即 88.00 美元"));
    m->p.lang = HG_EN;
    rates[1].kept = false;
    html = hg_plan_report(&arena, &m->p, "m");
    html_check(html);
    CHECK(has(html, "1 of 4 rows need more") && has(html, "no number of replicas"));
}

void test_report(void)
{
    hg_arena arena;
    CHECK(hg_arena_open(&arena, 0));
    made *m = HG_NEW(&arena, made, 1);
    whole(arena, m);
    offline(arena, m);
    hostile(arena, m);
    odd(arena, m);
    launches(arena, m);
    says_no(arena, m);
    interrupted(arena, m);
    day(arena, m);
    detailed(arena, m);
    repeats(arena, m);
    hg_arena_close(&arena);
}

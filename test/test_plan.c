#include "test.h"

#include "base/rng.h"
#include "eval/bound.h"
#include "eval/scene.h"
#include "heng.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Laws of plans: what one question's answer says, another question must confirm. */

enum { WORDS = 24, TEXT = 1 << 20, SEEDS = 3 };

typedef struct asked {
    heng_word words[WORDS];
    size_t count;
    char text[TEXT];
    size_t size;
} asked;

static void add(asked *q, const char *key, const char *value)
{
    q->words[q->count++] = (heng_word){ key, value, NULL };
}

static void take(void *ctx, const char *text, size_t size)
{
    asked *q = ctx;
    if (q->size + size < TEXT) {
        memcpy(q->text + q->size, text, size);
        q->size += size;
    }
}

/* The answer as JSON; the caller owns it. */
static json_t *answer(asked *q, const char *verb)
{
    heng_io io = { .ctx = q, .out = take };
    add(q, "json", NULL);
    q->size = 0;
    int code = heng_ask(verb, q->words, q->count, &io);
    CHECKF(code == 0, "%s: code %d", verb, code);
    json_t *root = json_loadb(q->text, q->size, 0, NULL);
    CHECK(root != NULL);
    return root;
}

typedef struct row {
    const char *gpus, *isl, *osl, *slo, *seqs, *tokens, *rate;
} row;

static const row rows[] = {
    { "1", "500", "100", "tpot:p90<15ms", "64", "2048", NULL },
    { "4", "500", "100", "ttft:p90<500ms,tpot:p90<12ms", "16", "2048", "20" },
};

static void ask_row(asked *q, const row *r, const char *seqs, const char *tokens)
{
    q->count = 0;
    add(q, "model", "Qwen/Qwen3-8B");
    add(q, "device", "h100_sxm");
    add(q, "isl", r->isl);
    add(q, "osl", r->osl);
    add(q, "slo", r->slo);
    add(q, "tp", "1");
    add(q, "pp", "1");
    add(q, "max-num-seqs", seqs);
    add(q, "max-num-batched-tokens", tokens);
    if (r->gpus)
        add(q, "total-gpus", r->gpus);
    if (r->rate)
        add(q, "rate", r->rate);
}

static double number(const json_t *root, const char *a, const char *b, const char *c)
{
    const json_t *at = json_object_get(root, a);
    at = b ? json_object_get(at, b) : at;
    return json_number_value(c ? json_object_get(at, c) : at);
}

/* What the plan is judged by, larger being better: as a what-if of this metric counts it. */
static double worth(const json_t *root, const char *metric)
{
    const json_t *best = json_object_get(root, "recommended");
    if (strcmp(metric, "GPUs") == 0)
        return 1 / number(best, "deployment", "replicas", NULL);
    if (strcmp(metric, "mean E2E") == 0)
        return 1 / number(best, "metrics", "e2e_s", "mean");
    return number(best, "score", NULL, NULL);
}

/* A promised gain is what the plan with that value pinned gains, to a rate's 2 %. */
static void promise_kept(asked *q, const row *r, const json_t *plan, const json_t *promise)
{
    const char *change = json_string_value(json_object_get(promise, "change"));
    const char *metric = json_string_value(json_object_get(promise, "metric"));
    const char *seqs = strstr(change, "--max-num-seqs "), *tokens = strstr(change, "--max-num-batched-tokens ");
    double gain = json_number_value(json_object_get(promise, "gain_frac"));
    if ((!seqs && !tokens) || gain <= -1)
        return;
    ask_row(q, r, seqs ? strchr(seqs, ' ') + 1 : r->seqs, tokens ? strchr(tokens, ' ') + 1 : r->tokens);
    json_t *again = answer(q, "plan");
    double seen = worth(again, metric) / worth(plan, metric) - 1;
    CHECKF(fabs(seen - gain) <= 0.021 * (1 + fabs(gain)), "%s: promised %+.1f%%, found %+.1f%%", change,
           100 * gain, 100 * seen);
    json_decref(again);
}

static void what_ifs(asked *q)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ask_row(q, &rows[i], rows[i].seqs, rows[i].tokens);
        json_t *plan = answer(q, "plan");
        const json_t *list = json_object_get(json_object_get(json_object_get(plan, "recommended"), "bottleneck"), "what_if");
        CHECKF(json_array_size(list) > 0, "row %zu has no what-ifs", i);
        for (size_t k = 0; k < json_array_size(list); k++)
            promise_kept(q, &rows[i], plan, json_array_get(list, k));
        json_decref(plan);
    }
}

/* simulate --steady at the plan's rate gives the plan's figures. */
static void steady_is_plans(asked *q)
{
    static const char *const same[] = { "ttft_s", "tpot_s", "e2e_s" };
    char rate[32];
    ask_row(q, &rows[0], rows[0].seqs, rows[0].tokens);
    json_t *plan = answer(q, "plan");
    const json_t *best = json_object_get(plan, "recommended"), *metrics = json_object_get(best, "metrics");
    snprintf(rate, sizeof rate, "%.9g", number(metrics, "rate_per_s", NULL, NULL));
    row one = rows[0];
    one.gpus = NULL;
    one.rate = rate;
    ask_row(q, &one, one.seqs, one.tokens);
    add(q, "steady", NULL);
    json_t *run = answer(q, "simulate");
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        CHECK_NEAR(number(run, same[i], "p90", NULL), number(metrics, same[i], "p90", NULL), 1e-3);
    CHECK_NEAR(number(run, "goodput", "requests_per_s", NULL), number(metrics, "goodput", "requests_per_s", NULL), 1e-3);
    CHECK_NEAR(number(best, "score", NULL, NULL), number(metrics, "goodput", "requests_per_s", NULL), 1e-6);
    json_decref(run);
    json_decref(plan);
}

/* Other seeds' rates lie in the interval said, as far as they know themselves. */
static void interval_holds(asked *q)
{
    static const char *const seeds[SEEDS] = { "0", "1", "3" };
    double lo[SEEDS], hi[SEEDS];
    for (int i = 0; i < SEEDS; i++) {
        ask_row(q, &rows[0], rows[0].seqs, rows[0].tokens);
        add(q, "seed", seeds[i]);
        json_t *plan = answer(q, "plan");
        const json_t *best = json_object_get(plan, "recommended"), *interval = json_object_get(best, "rate_interval");
        lo[i] = json_number_value(json_array_get(interval, 0));
        hi[i] = json_number_value(json_array_get(interval, 1));
        json_decref(plan);
    }
    for (int i = 0; i < SEEDS; i++)
        for (int k = 0; k < SEEDS; k++)
            CHECKF(lo[i] <= hi[k], "seed %d says at least %g, seed %d at most %g", i, lo[i], k, hi[k]);
}

/* Fleets larger than sixteen engines are found; one engine fewer than the fewest does not do. */
static void large_fleet(asked *q)
{
    static const row r = { "200", "1000", "50", "ttft:p90<1s", "256", "2048", "1200" };
    ask_row(q, &r, r.seqs, r.tokens);
    add(q, "mode", "aggregated");
    json_t *plan = answer(q, "plan");
    double n = number(json_object_get(plan, "recommended"), "deployment", "replicas", NULL);
    CHECKF(n > 16 && n < 200, "%g engines", n);
    json_decref(plan);
    char fewer[32];
    snprintf(fewer, sizeof fewer, "%.0f", n - 1);
    ask_row(q, &r, r.seqs, r.tokens);
    add(q, "mode", "aggregated");
    add(q, "replicas", fewer);
    add(q, "json", NULL);
    heng_io io = { .ctx = q, .out = take };
    CHECKF(heng_ask("plan", q->words, q->count, &io) == 3, "%s engines do as well as %g", fewer, n);
}

static bool make_problem(hg_arena *arena, const char *model, const char *device, hg_problem *p)
{
    hg_data data = { 0 };
    hg_err err;
    const char *note;
    hg_device d;
    return hg_model_find(arena, &data, model, &p->model, &note, &err) &&
           hg_device_find(arena, &data, device, &d, &err) && hg_engine_find(arena, &data, "vllm", NULL, &p->engine, &err) &&
           hg_rates_open(arena, &data, &d, "vllm", NULL, &p->rates, &note, &err);
}

/* No overloaded engine serves more than the bound says that any could. */
static void bound_holds(void)
{
    static const char *const models[] = { "Qwen/Qwen3-8B", "openai/gpt-oss-20b" };
    static const char *const devices[] = { "h100_sxm", "b200_sxm", "a100_sxm", "l40s" };
    static const int32_t lengths[][2] = { { 100, 50 }, { 4000, 20 }, { 200, 400 }, { 12000, 100 } };
    static const int64_t limits[][2] = { { 16, 512 }, { 256, 8192 } };
    hg_arena arena;
    CHECK(hg_arena_open(&arena, 0));
    for (size_t i = 0; i < 2 * 4 * 4 * 2; i++) {
        hg_arena scratch = arena;
        hg_problem *p = HG_NEW(&scratch, hg_problem, 1);
        hg_candidate *c = HG_NEW(&scratch, hg_candidate, 1);
        const int32_t *length = lengths[i / 2 % 4];
        const int64_t *limit = limits[i % 2];
        CHECK(make_problem(&scratch, models[i / 32], devices[i / 8 % 4], p));
        hg_workload_synthetic(&scratch, length[0], length[1], 1, 100, 0, &p->workload);
        p->workload.concurrency = 2 * limit[0];
        hg_deployment one = { .tp = 1, .pp = 1, .dp = 1, .ep = 1, .replicas = 1, .precision_is_checkpoints = true,
                              .kv_is_auto = true, .max_num_seqs = limit[0], .max_num_batched_tokens = limit[1],
                              .max_model_len = 16384, .gpu_memory_utilization = 0.9, .block_tokens = 16,
                              .chunked_prefill = true };
        hg_candidate_make(p, &one, c);
        CHECKF(c->fit == HG_FITS, "%s %s: %s", models[i / 32], devices[i / 8 % 4], c->reason);
        hg_run run = { .load = HG_LOAD_CLOSED, .requests = (size_t)(6 * limit[0]) };
        hg_metrics m;
        hg_evaluate(&scratch, p, c, &run, &m);
        hg_demand demand = hg_demand_of(scratch, &p->workload, &p->slo);
        double bound = hg_bound_rate(scratch, p, &demand, c);
        CHECKF(m.sim.requests_per_s <= bound, "%s %s isl %d osl %d: serves %g of %g", models[i / 32], devices[i / 8 % 4],
               length[0], length[1], m.sim.requests_per_s, bound);
    }
    hg_arena_close(&arena);
}

/* What the oracle remembers is what the step costs, to 0.5 % (bends of the surfaces lie between what it keeps). */
static void oracle_remembers(void)
{
    static const char *const devices[] = { "h100_sxm", "b200_sxm", "a100_sxm" };
    hg_arena arena;
    CHECK(hg_arena_open(&arena, 0));
    for (int i = 0; i < 3; i++) {
        hg_problem *p = HG_NEW(&arena, hg_problem, 1);
        hg_candidate *c = HG_NEW(&arena, hg_candidate, 1);
        CHECK(make_problem(&arena, "openai/gpt-oss-120b", devices[i], p));
        hg_deployment one = { .tp = 2, .pp = 1, .dp = 1, .ep = 1, .replicas = 1, .precision_is_checkpoints = true,
                              .kv_is_auto = true, .max_num_seqs = 256, .max_num_batched_tokens = 8192,
                              .max_model_len = 8192, .gpu_memory_utilization = 0.9, .block_tokens = 16 };
        hg_candidate_make(p, &one, c);
        CHECKF(c->fit == HG_FITS, "%s", c->reason);
        hg_step_oracle o = hg_step_oracle_new(&arena, &c->step, &one, NULL);
        hg_rng r = hg_rng_seed(7, 0);
        for (int k = 0; k < 2000; k++) {
            hg_batch b = { .decodes = 1 + (int32_t)(hg_rng_unit(&r) * 255) };
            b.decode_context = (int64_t)(b.decodes * (1 + 8000 * hg_rng_unit(&r)));
            hg_step_batch sums = hg_step_batch_of(&b);
            double got = hg_step_oracle_seconds(&o, &b), want = hg_step_seconds(&c->step, &sums);
            CHECKF(fabs(got - want) <= 0.005 * want, "%s: %d decodes, context %lld: %g s, not %g", devices[i], b.decodes,
                   (long long)b.decode_context, got, want);
        }
    }
    hg_arena_close(&arena);
}

/* A floor on the whole never drops what would pass it: what a scene must score is at most what it does. */
static void scenes_join(void)
{
    hg_rng r = hg_rng_seed(5, 0);
    for (int round = 0; round < 2000; round++) {
        hg_scene list[3];
        double score[3], most[3];
        hg_scenes s = { list, 3, round % 2 == 0 };
        for (int i = 0; i < 3; i++) {
            list[i] = (hg_scene){ .best = 1 + 9 * hg_rng_unit(&r), .weight = (i + 1) / 6.0 };
            score[i] = list[i].best * hg_rng_unit(&r);
            most[i] = score[i] * (1 + hg_rng_unit(&r));
        }
        size_t least;
        double all = hg_scenes_join(&s, score, &least), floor = all * 0.999;
        for (size_t i = 0; i < 3; i++) {
            CHECK(score[least] / list[least].best <= score[i] / list[i].best);
            CHECKF(hg_scenes_floor(&s, i, score, most, floor) <= score[i], "round %d, scene %zu", round, i);
        }
        if (s.worst)
            CHECK_NEAR(all, score[least] / list[least].best, 1e-12);
        else
            CHECK_NEAR(all, score[0] / list[0].best / 6 + score[1] / list[1].best / 3 + score[2] / list[2].best / 2, 1e-12);
        score[1] = 0;
        CHECK(hg_scenes_join(&s, score, NULL) == 0);
    }
}

void test_plan(void)
{
    scenes_join();
    oracle_remembers();
    bound_holds();
    asked *q = malloc(sizeof *q);
    if (!q)
        return;
    what_ifs(q);
    steady_is_plans(q);
    interval_holds(q);
    large_fleet(q);
    free(q);
}

/* A plan's answer is the best of all there is: on spaces small enough to look at everything, what it recommends scores as
 * high as the best that looking finds, whole engines and pairs of pools. */
#include "test.h"

#include "base/rng.h"
#include "eval/bound.h"
#include "eval/goal.h"
#include "heng.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GPUS = 4, SPACES = 6, TEXT = 1 << 20, LEVELS = 2 };

/* Scores are taken at rates that are searched to 2 %; good requests near the edge move as much again. */
static const double PRECISION = 0.05;

typedef struct space {
    char isl[16], osl[16], slo[64], seqs[32], tokens[32];
    int64_t seq[LEVELS], token[LEVELS];
} space;

static char text[TEXT];
static size_t size;

static void take(void *ctx, const char *part, size_t n)
{
    (void)ctx;
    if (size + n < TEXT) {
        memcpy(text + size, part, n);
        size += n;
    }
}

static space draw(hg_rng *r)
{
    static const int64_t seqs[] = { 8, 32, 128, 256 }, tokens[] = { 512, 2048, 4096, 8192 };
    space s;
    int i = (int)(hg_rng_unit(r) * 3), k = (int)(hg_rng_unit(r) * 3);
    memcpy(s.seq, &seqs[i], sizeof s.seq);
    memcpy(s.token, &tokens[k], sizeof s.token);
    snprintf(s.isl, sizeof s.isl, "%d", 200 + (int)(hg_rng_unit(r) * 3000));
    snprintf(s.osl, sizeof s.osl, "%d", 20 + (int)(hg_rng_unit(r) * 150));
    snprintf(s.slo, sizeof s.slo, "ttft:p90<%dms,tpot:p90<%dms", 300 + (int)(hg_rng_unit(r) * 1000), 8 + (int)(hg_rng_unit(r) * 20));
    snprintf(s.seqs, sizeof s.seqs, "%d,%d", (int)s.seq[0], (int)s.seq[1]);
    snprintf(s.tokens, sizeof s.tokens, "%d,%d", (int)s.token[0], (int)s.token[1]);
    return s;
}

static json_t *planned(const space *s, const char *threads, const char *rate)
{
    heng_word words[] = { { "model", "Qwen/Qwen3-8B", NULL }, { "device", "h100_sxm", NULL }, { "total-gpus", "4", NULL },
                          { "mode", "any", NULL },            { "isl", s->isl, NULL },        { "osl", s->osl, NULL },
                          { "slo", s->slo, NULL },            { "max-num-seqs", s->seqs, NULL },
                          { "max-num-batched-tokens", s->tokens, NULL },                      { "tp", "1,2", NULL },
                          { "pp", "1", NULL },                { "max-model-len", "4096", NULL },
                          { "gpu-memory-utilization", "0.9", NULL },                          { "json", NULL, NULL }, { "threads", threads, NULL },
                          { "rate", rate, NULL } };
    heng_io io = { .out = take };
    size = 0;
    if (rate)
        words[3] = (heng_word){ "mode", "aggregated", NULL };
    int code = heng_ask("plan", words, sizeof words / sizeof *words - (rate ? 0 : 1), &io);
    CHECKF(code == 0 || code == 3, "code %d", code);
    return json_loadb(text, size, 0, NULL);
}

static bool problem(hg_arena *arena, const space *s, hg_problem *p)
{
    hg_data data = { 0 };
    hg_err err;
    const char *note;
    hg_device d;
    hg_workload_synthetic(arena, atoi(s->isl), atoi(s->osl), 1, 100, 0, &p->workload);
    return hg_model_find(arena, &data, "Qwen/Qwen3-8B", &p->model, &note, &err) && hg_device_find(arena, &data, "h100_sxm", &d, &err) &&
           hg_engine_find(arena, &data, "vllm", NULL, &p->engine, &err) && hg_slo_parse(s->slo, "slo", &p->slo, &err) &&
           hg_rates_open(arena, &data, &d, "vllm", NULL, &p->rates, &note, &err);
}

static void ready(hg_arena *arena, const hg_problem *p, int64_t tp, int64_t replicas, int64_t seqs, int64_t tokens, hg_candidate *out)
{
    hg_deployment d = { .tp = tp, .pp = 1, .dp = 1, .ep = 1, .replicas = replicas, .precision_is_checkpoints = true, .kv_is_auto = true,
                        .max_num_seqs = seqs, .max_num_batched_tokens = tokens, .max_model_len = 4096,
                        .gpu_memory_utilization = 0.9, .block_tokens = p->engine.block_tokens,
                        .prefix_caching = p->engine.prefix_caching, .chunked_prefill = true };
    hg_candidate_make(p, &d, out);
    CHECKF(out->fit == HG_FITS, "%s", out->reason);
    out->memo = hg_step_memo_new(arena, tokens, seqs);
}

static double score(hg_arena scratch, const hg_problem *p, hg_candidate *c)
{
    hg_goal g = { .problem = p };
    hg_metrics m;
    return hg_goal_score(&g, &scratch, c, 0, 1000, &m, NULL, NULL);
}

static int64_t number(const json_t *deployment, const char *pool, const char *key)
{
    const json_t *of = pool ? json_object_get(deployment, pool) : deployment;
    return json_integer_value(json_object_get(of, key));
}

static bool is(const json_t *d, const char *pool, const hg_deployment *x)
{
    return number(d, pool, "tp") == x->tp && number(d, pool, "replicas") == x->replicas &&
           number(d, pool, "max_num_seqs") == x->max_num_seqs && number(d, pool, "max_num_batched_tokens") == x->max_num_batched_tokens;
}

/* Times of the clock, which no two runs share. */
static void forget_clock(json_t *j)
{
    const char *key;
    json_t *value;
    size_t i;
    json_object_del(j, "elapsed_s");
    json_object_del(j, "simulated_in_s");
    json_object_foreach(j, key, value) forget_clock(value);
    json_array_foreach(j, i, value) forget_clock(value);
}

/* The question's words are in the answer, and among them the threads. */
static void same_on_threads(const space *s, const json_t *plan)
{
    json_t *one = json_deep_copy(plan), *more = planned(s, "3", NULL);
    json_object_del(one, "scenario");
    json_object_del(more, "scenario");
    forget_clock(one);
    forget_clock(more);
    CHECKF(json_equal(one, more), "isl %s osl %s %s: one thread and three plan differently", s->isl, s->osl, s->slo);
    json_decref(one);
    json_decref(more);
}

typedef struct found {
    double best, recommended;  /* scores; 0: not met */
} found;

static void look(hg_arena arena, const hg_problem *p, hg_candidate *c, const json_t *d, found *f)
{
    double s = score(arena, p, c);
    bool chosen = c->prefill ? is(d, "decode", &c->deployment) && is(d, "prefill", &c->prefill->deployment)
                             : !json_object_get(d, "decode") && is(d, NULL, &c->deployment);
    f->best = fmax(f->best, s);
    f->recommended = chosen ? s : f->recommended;
}

static void look_at_whole(hg_arena arena, const hg_problem *p, const space *s, const json_t *d, found *f)
{
    for (int64_t tp = 1; tp <= 2; tp++)
        for (int i = 0; i < LEVELS; i++)
            for (int k = 0; k < LEVELS; k++) {
                hg_arena scratch = arena;
                hg_candidate *c = HG_NEW(&scratch, hg_candidate, 1);
                ready(&scratch, p, tp, GPUS / tp, s->seq[i], s->token[k], c);
                look(scratch, p, c, d, f);
            }
}

/* As the manual says of a plan's pools: prefill ones differ in their token budget, decode ones in their sequences. */
static void look_at_pools(hg_arena arena, const hg_problem *p, const space *s, const json_t *d, found *f)
{
    for (int64_t x = 1; x <= 2; x++)
        for (int64_t y = 1; y <= 2; y++)
            for (int i = 0; i < LEVELS; i++)
                for (int k = 0; k < LEVELS; k++)
                    for (int64_t n = 1; n * x + y <= GPUS; n++) {
                        hg_arena scratch = arena;
                        hg_candidate *c = HG_NEW(&scratch, hg_candidate, 2);
                        ready(&scratch, p, x, n, s->seq[0], s->token[k], &c[1]);
                        ready(&scratch, p, y, (GPUS - n * x) / y, s->seq[i], s->token[0], &c[0]);
                        c[0].prefill = &c[1];
                        look(scratch, p, &c[0], d, f);
                    }
}

/* ---- under a load of the user's own: the fewest devices ---- */

static bool keeps(hg_arena scratch, const hg_problem *p, const hg_candidate *c, double rate)
{
    hg_run run = { .load = HG_LOAD_RATE, .rate_per_s = rate, .steady = true, .precise = true };
    hg_metrics m;
    hg_evaluate(&scratch, p, c, &run, &m);
    return m.sim.slo_kept;
}

static int64_t fewest(hg_arena arena, const hg_problem *p, const space *s, double rate)
{
    for (int64_t devices = 1; devices <= GPUS; devices++)
        for (int64_t tp = 1; tp <= 2; tp++)
            for (int i = 0; i < LEVELS * LEVELS && devices % tp == 0; i++) {
                hg_arena scratch = arena;
                hg_candidate *c = HG_NEW(&scratch, hg_candidate, 1);
                ready(&scratch, p, tp, devices / tp, s->seq[i / LEVELS], s->token[i % LEVELS], c);
                if (keeps(scratch, p, c, rate))
                    return devices;
            }
    return 0;
}

/* Loads from a part of what one engine takes to more than all do. */
static void fewest_under_load(hg_arena arena, hg_rng *r)
{
    int kept = 0;
    for (int i = 0; i < SPACES; i++) {
        hg_arena scratch = arena;
        space s = draw(r);
        hg_problem *p = HG_NEW(&scratch, hg_problem, 1);
        char rate[32];
        snprintf(rate, sizeof rate, "%.3g", 4 + 40 * hg_rng_unit(r));
        CHECK(problem(&scratch, &s, p));
        json_t *plan = planned(&s, "2", rate);
        int64_t least = fewest(scratch, p, &s, atof(rate)), planned_on = number(json_object_get(json_object_get(plan, "recommended"), "deployment"), NULL, "gpus");
        CHECKF(planned_on == least, "isl %s osl %s %s at %s req/s: planned on %d devices, the fewest are %d", s.isl, s.osl, s.slo, rate, (int)planned_on, (int)least);
        kept += least > 0;
        json_decref(plan);
    }
    CHECKF(kept > SPACES / 2, "only %d loads can be served", kept);
}

/* Of many engines too no count between those that were tried is left out. */
static void fewest_of_many(hg_arena arena)
{
    static const int64_t counts[] = { 1, 2, 4, 8, 16, 32 };
    space s = { .isl = "1000", .osl = "20", .slo = "ttft:p90<5s" };
    hg_problem *p = HG_NEW(&arena, hg_problem, 1);
    hg_candidate *c = HG_NEW(&arena, hg_candidate, 1);
    CHECK(problem(&arena, &s, p));
    ready(&arena, p, 1, 1, 256, 8192, c);
    hg_demand demand = hg_demand_of(arena, &p->workload, &p->slo);
    double each = hg_bound_rate(arena, p, &demand, c);
    p->workload.load = HG_LOAD_RATE;
    for (int engines = 17; engines < 30; engines += 4) {
        p->workload.rate_per_s = round((engines - 0.5) * each);
        hg_goal g = { .problem = p, .objectives = { .count = 1, .in_turn = true }, .replicas = counts, .replica_count = 6, .fill = true, .total_devices = 40 };
        hg_metrics m, near;
        hg_arena scratch = arena;
        CHECK(hg_goal_score(&g, &scratch, c, 0, each, &m, NULL, NULL) > 0);
        hg_candidate less = *c;
        less.deployment.replicas = m.replicas - 1;
        hg_evaluate(&scratch, p, &less, &(hg_run){ .load = HG_LOAD_RATE, .rate_per_s = p->workload.rate_per_s, .steady = true }, &near);
        CHECKF(m.replicas >= engines && !near.sim.slo_kept, "%g req/s: %d engines, and one less keeps it too", p->workload.rate_per_s, (int)m.replicas);
        double floor = hg_goal_score(&g, &scratch, c, 0, each, &m, NULL, NULL) * 0.999;
        CHECK(hg_goal_score(&g, &scratch, c, floor, each, &near, NULL, NULL) > floor && near.replicas == m.replicas);
    }
}

void test_optimum(void)
{
    hg_arena arena;
    hg_rng r = hg_rng_seed(11, 0);
    int kept = 0;
    CHECK(hg_arena_open(&arena, 0));
    for (int i = 0; i < SPACES; i++) {
        hg_arena scratch = arena;
        space s = draw(&r);
        hg_problem *p = HG_NEW(&scratch, hg_problem, 1);
        json_t *plan = planned(&s, "1", NULL);
        const json_t *d = json_object_get(json_object_get(plan, "recommended"), "deployment");
        found f = { 0, 0 };
        CHECK(problem(&scratch, &s, p));
        look_at_whole(scratch, p, &s, d, &f);
        look_at_pools(scratch, p, &s, d, &f);
        char *chosen = json_dumps(d, JSON_COMPACT);
        CHECKF(f.best == 0 ? !d || json_is_null(d) : f.recommended >= (1 - PRECISION) * f.best,
               "isl %s osl %s %s, %s seqs, %s tokens: %s scores %g, the best %g", s.isl, s.osl, s.slo, s.seqs, s.tokens,
               chosen ? chosen : "nothing", f.recommended, f.best);
        free(chosen);
        same_on_threads(&s, plan);
        kept += f.best > 0;
        json_decref(plan);
    }
    CHECKF(kept > SPACES / 2, "only %d spaces hold a promise that can be kept", kept);
    fewest_under_load(arena, &r);
    fewest_of_many(arena);
    hg_arena_close(&arena);
}
